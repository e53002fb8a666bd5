//! The core from outside: situations written down as text, and properties over generated worlds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise, and what it is built of is not marked as a test"
)]

mod bad_input;
mod cases;
mod documents;
mod model;
mod properties;
mod scenarios;
mod simulation;
mod situation;
mod world;
