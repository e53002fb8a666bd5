//! Kubernetes: the only place that talks to an API server.

mod brake;
mod client;
mod events;
mod lease;
mod seen;
mod watch;
mod zone_plan;

pub use brake::{BRAKE_RELEASED, NotReleased, release_brake};
pub use client::{LONGEST_SILENCE, Unreachable, connect};
pub use events::{Events, Queue};
pub use lease::{Candidate, Memory, News, NotLed, lease_memory, lease_namespace};
pub use watch::{Refused, watch};
pub use zone_plan::{NotApproved, ZonePlan, ZonePlans};
