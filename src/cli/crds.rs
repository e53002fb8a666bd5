//! `zonekeeper crds`: prints the definitions of the custom resources.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::output::say;
use crate::cluster::{DnsEndpoints, ZonePlans};

/// Print the definition of a custom resource, for `kubectl apply -f -`
#[derive(Debug, Args)]
pub struct Crds {
    /// Custom resource to define. A cluster with ExternalDNS may have `dnsendpoints` already.
    #[arg(value_enum, default_value_t = Kind::Zoneplans, value_name = "KIND")]
    kind: Kind,
}

/// A custom resource.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// `ZonePlan` (zonekeeper.dev), for approvals and the brake
    Zoneplans,
    /// `DNSEndpoint` (externaldns.k8s.io), for `--source crd`
    Dnsendpoints,
}

// === impl Crds ===

impl Crds {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let definition = match self.kind {
            Kind::Zoneplans => serde_saphyr::to_string(&ZonePlans::definition())?,
            Kind::Dnsendpoints => serde_saphyr::to_string(&DnsEndpoints::definition())?,
        };
        say!("{definition}");
        Ok(ExitCode::SUCCESS)
    }
}
