//! Kubernetes: the only place that talks to an API server.

mod client;
mod watch;

pub use client::{Unreachable, connect};
pub use watch::{Refused, watch};
