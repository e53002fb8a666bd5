//! Route 53: the only place that names the AWS SDK.
//!
//! Three walls stand between a plan and the service:
//!
//! 1. The types. A [`Change`](zonekeeper_core::plan::Change) cannot express a deletion, and [`Reader`] has no method that
//!    writes.
//! 2. The guard. It checks every request as a value, and again as HTTP before it is sent. It lets changes through only
//!    while this process leads.
//! 3. The IAM policy of the role, which `policy` computes.
//!
//! One call is one HTTP request. The SDK's own retries are off, because the keeper counts tokens and must know which
//! requests were sent.

mod access;
mod answer;
mod client;
mod credentials;
mod endpoint;
mod failure;
mod guard;
mod policy;
mod record;

pub use access::Via;
pub use client::{OpenError, Reader, Writer, ZoneFacts};
pub use credentials::CredentialSource;
pub use failure::{KnownCode, SERVICE_CODES, TRANSPORT_CODES, codes};
pub use policy::{Partition, Policy};
