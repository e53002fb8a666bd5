//! Route 53: the only place that names the AWS SDK.
//!
//! Three walls stand between a plan and the service. The first is a type: [`Change`](zonekeeper_core::plan::Change)
//! cannot express a deletion, and [`Reader`] has no method that writes. The second is `guard`: every request is
//! checked as a value and again as HTTP before it leaves, and a change leaves only while this process leads. The third is
//! the IAM policy of the role, which `policy` computes.
//!
//! One call is one HTTP request: the SDK's own retries are off, because the keeper counts tokens and must know
//! what was sent.

mod answer;
mod client;
mod credentials;
mod failure;
mod guard;
mod policy;
mod record;

pub use client::{Open, Reader, Via, Writer, ZoneFacts};
pub use credentials::Origin;
pub use failure::{ANSWERS, Known, ON_THE_WAY};
pub use policy::{Partition, Policy};
