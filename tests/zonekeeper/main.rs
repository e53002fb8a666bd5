//! The program as a process, between the emulated Route 53 and a real kube-apiserver.
//!
//! Every test has a zone, a namespace and an owner of its own; the control plane is shared, except by tests that
//! stop it. zonekeeper runs as its service account, under the RBAC of `manifests/`. Nothing sleeps to wait: a test
//! awaits a line of the log, the end of the process, or a condition that it looks at again and again.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, and what it is built of is not marked as a test"
)]

mod adoption;
mod answers;
mod apply;
mod approvals;
mod audit;
mod botocore;
mod brake;
mod command_line;
mod conflicts;
mod control_plane;
mod credentials;
mod deadline;
mod deployment;
mod disruptions;
mod documents;
mod events;
mod folder;
mod http;
mod iam_policy;
mod image;
mod issuer;
mod kills;
mod layers;
mod leadership;
mod linked_zone;
mod manifests;
mod moto;
mod namespace;
mod orphans;
mod outages;
mod plans;
mod private_zone;
mod probes;
mod process;
mod publishing;
mod races;
mod readme;
mod refusals;
mod relay;
mod route53;
mod sandbox;
mod scale;
mod scratch;
mod script;
mod server;
mod set_identifiers;
mod start;
mod stop;
mod terraform;
mod tls;
mod unreadable;
mod verify_aws;
mod zone;
