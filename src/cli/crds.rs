//! `zonekeeper crds`: the definitions of its own kinds.

use std::process::ExitCode;

use clap::Args;

use crate::cluster::ZonePlans;

/// Print the definitions of zonekeeper's own kinds, for `kubectl apply -f -`
#[derive(Debug, Args)]
pub struct Crds {}

// === impl Crds ===

impl Crds {
    #[expect(clippy::unused_self, reason = "all commands are run alike")]
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        print!("{}", serde_saphyr::to_string(&ZonePlans::definition())?);
        Ok(ExitCode::SUCCESS)
    }
}
