//! The loop, scene by scene: what the keeper does, in which order, on virtual time.

mod adoption;
mod approvals;
mod brake;
mod drift;
mod failures;
mod holders;
mod merges;
mod nonsense;
mod refusals;
mod stage;
mod starts;
mod warnings;
mod writes;
