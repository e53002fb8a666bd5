//! The loop, scene by scene: what the keeper does, in which order, on virtual time.

mod adoption;
mod failures;
mod stage;
mod starts;
mod warnings;
mod writes;
