//! `zonekeeper crds`: prints the definitions of the custom resources.

use std::process::ExitCode;

use clap::Args;

use super::output::say;
use crate::cluster::ZonePlans;

/// Print the definitions of the custom resources of zonekeeper, for `kubectl apply -f -`
#[derive(Debug, Args)]
pub struct Crds {}

// === impl Crds ===

impl Crds {
    #[expect(clippy::unused_self, reason = "all commands have the same method")]
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        say!("{}", serde_saphyr::to_string(&ZonePlans::definition())?);
        Ok(ExitCode::SUCCESS)
    }
}
