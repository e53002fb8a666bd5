//! zonekeeper: a DNS controller for Kubernetes that keeps one Route 53 zone and never deletes a record.
//!
//! The decisions are made in [`zonekeeper_core`]; its first page describes the architecture. This crate connects them to
//! the outside:
//!
//! - [`config`]: the flags, and the configuration that follows from them
//! - [`driver`]: carries out the core's effects; declares the traits that the edges implement
//! - [`leadership`]: until when this process may write
//! - [`change_batch`]: change batches for people to send
//! - [`error_chain`]: error chains as text
//! - [`random`]: random numbers
//! - [`shell`]: words of a POSIX shell
//! - [`cli`]: one file per command; it connects the edges
//!
//! The edges do not import each other, and a test enforces it:
//!
//! - [`route53`]: the only place that names the AWS SDK
//! - [`cluster`]: the only place that talks to Kubernetes
//! - [`externaldns`]: the command line of `ExternalDNS`, translated into flags
//! - [`folder`]: a folder of manifests in place of a cluster
//! - [`resolver`]: the addresses of host names
//! - [`serve`]: `/livez`, `/readyz`, `/metrics`
//! - [`telemetry`]: logs and metrics

pub mod change_batch;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod driver;
pub mod error_chain;
pub mod externaldns;
pub mod folder;
pub mod leadership;
pub mod random;
pub mod resolver;
pub mod route53;
pub mod serve;
pub mod shell;
pub mod telemetry;
