//! Scenarios of the loop, on virtual time.

mod adoption;
mod approvals;
mod brake;
mod drift;
mod failures;
mod holders;
mod idle;
mod joins;
mod merges;
mod nonsense;
mod object_states;
mod refusals;
mod rollouts;
mod routing;
mod stage;
mod starts;
mod waits;
mod warnings;
mod writes;
