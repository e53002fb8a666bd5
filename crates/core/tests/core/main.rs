//! Tests of the core's public interface: situations as text, properties of generated worlds, scenarios, a simulation.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise, and what it is built of is not marked as a test"
)]

mod bad_input;
mod cases;
mod difference;
mod documents;
mod model;
mod properties;
mod record_text;
mod scenarios;
mod service_set;
mod simulation;
mod situation;
mod templates;
mod world;
