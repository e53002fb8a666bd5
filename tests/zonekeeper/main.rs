//! Tests of the zonekeeper process, between the emulated Route 53 and a real kube-apiserver.
//!
//! Every test has its own zone and namespace. The tests share one control plane. A test that stops the
//! control plane starts its own. zonekeeper runs as its service account, with the RBAC of `manifests/`. A
//! test does not sleep to wait for zonekeeper. It waits for a log line, for the end of the process, or for a
//! condition that it polls.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise, and its helper functions are not marked as tests"
)]

mod adoption;
mod answers;
mod apply;
mod approvals;
mod argocd;
mod audit;
mod book;
mod botocore;
mod brake;
mod chart;
mod codebuild;
mod command_line;
mod component;
mod conflicts;
mod control_plane;
mod credentials;
mod deadline;
mod deployment;
mod disasters;
mod disruptions;
mod dns_endpoints;
mod documents;
mod events;
mod externaldns;
mod folder;
mod headings;
mod http;
mod iam_policy;
mod image;
mod issuer;
mod kills;
mod layers;
mod leadership;
mod linked_zone;
mod log_fields;
mod log_lines;
mod manifests;
mod metrics;
mod migration;
mod monitoring;
mod moto;
mod namespace;
mod orphans;
mod outages;
mod pages;
mod plans;
mod private_zone;
mod probes;
mod process;
mod publishing;
mod races;
mod reader;
mod refusals;
mod relay;
mod release;
mod route53;
mod sandbox;
mod scale;
mod scratch;
mod script;
mod selection;
mod server;
mod services;
mod set_identifiers;
mod start;
mod stop;
mod tenants;
mod terraform;
mod tls;
mod unreadable;
mod verify_aws;
mod zone;
