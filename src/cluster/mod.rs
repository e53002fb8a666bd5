//! Kubernetes: the only place that talks to an API server.

mod client;
mod events;
mod seen;
mod watch;

pub use client::{LONGEST_SILENCE, Unreachable, connect};
pub use events::{Events, Queue};
pub use watch::{Refused, watch};
