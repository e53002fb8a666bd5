//! zonekeeper: a DNS controller for Kubernetes that keeps one Route 53 zone and never deletes.
//!
//! The decisions are in [`zonekeeper_core`], whose first page is the architecture. This crate is the edges:
//!
//! - [`config`]: what was typed, and what it means
//! - [`telemetry`]: logs and metrics
//! - [`driver`]: carries out what the core decides; declares what it needs of the edges as traits
//! - [`leadership`]: until when this process may write
//! - [`route53`]: the only place that names the AWS SDK
//! - [`cluster`]: the only place that talks to Kubernetes
//! - [`folder`]: a folder of manifests in place of a cluster
//! - [`serve`]: `/livez`, `/readyz`, `/metrics`
//! - [`cli`]: one file per command
//! - [`change_batch`]: changes for people to send
//! - [`causes`]: errors as people read them
//!
//! Edges do not name each other: the commands put them together.

pub mod causes;
pub mod change_batch;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod driver;
pub mod folder;
pub mod leadership;
pub mod route53;
pub mod serve;
pub mod telemetry;
