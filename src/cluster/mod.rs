//! Kubernetes: the only place that talks to an API server.

mod client;
mod events;
mod lease;
mod watch;

pub use client::{Unreachable, connect};
pub use events::{Events, Queue};
pub use lease::{Candidate, Memory, News, NotLed, lease_namespace};
pub use watch::{Refused, watch};
