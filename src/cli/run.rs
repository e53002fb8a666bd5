//! `zonekeeper run`: keeps the zone up to date.

use std::process::ExitCode;

use clap::Args;

use super::session::Session;
use crate::{
    config::{ClusterFlags, Flags, LeaseFlags, RunFlags},
    driver::Until,
};

/// Keep the zone up to date until stopped
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(flatten)]
    lease: LeaseFlags,
    #[command(flatten)]
    running: RunFlags,
}

// === impl Run ===

impl Run {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let RunFlags { metrics_address, once, dry_run } = self.running;
        let until = if once { Until::Done } else { Until::Stopped };
        let session = Session::open(self.flags, self.cluster, until, Some(metrics_address)).await?;
        let outcome = if dry_run { session.plan().await? } else { session.apply(self.lease).await? };
        anyhow::ensure!(outcome.is_done || !once, "stopped before everything was done");
        if once && dry_run {
            print!("{}", outcome.plan);
        }
        Ok(if outcome.refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
