//! Kubernetes: the only place that talks to an API server.

mod client;
mod dns_endpoint;
mod event_queue;
mod events;
mod lease;
mod lenient_object;
mod object_reader;
mod short_text;
mod watch;
mod zone_plan;

pub use client::{Cluster, ConnectError, LONGEST_SILENCE};
pub use dns_endpoint::{DnsEndpointStatuses, DnsEndpoints};
pub use events::{EventQueue, Events};
pub use lease::{Candidate, LeaseError, LeaseMemory, LeaseUpdate, lease_memory, lease_namespace};
pub use watch::WatchError;
pub use zone_plan::{ApproveError, ReleaseError, ZonePlan, ZonePlans};
