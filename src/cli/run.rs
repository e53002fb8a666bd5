//! `zonekeeper run`: keeps the zone up to date.

use std::process::ExitCode;

use clap::Args;
use zonekeeper_core::keeper::Mode;

use super::{output::say, probe_server::Probes, session::Session};
use crate::{
    config::{ClusterFlags, Flags, LeaseFlags, RunFlags, RunMode},
    driver::Until,
};

/// Keep the zone up to date until stopped
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub(super) flags: Flags,
    #[command(flatten)]
    pub(super) cluster: ClusterFlags,
    #[command(flatten)]
    pub(super) lease: LeaseFlags,
    #[command(flatten)]
    running: RunFlags,
}

// === impl Run ===

impl Run {
    /// Whether it writes no records.
    pub(super) fn is_dry(&self) -> bool {
        self.running.dry_run || self.running.mode == RunMode::DryRun
    }

    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let is_dry = self.is_dry();
        let RunFlags { metrics_address, zone_quota, once, mode, dry_run: _ } = self.running;
        let until = if once { Until::Done } else { Until::Stopped };
        let mode = match mode {
            _ if is_dry => Mode::DryRun,
            RunMode::Approve => Mode::Approve,
            RunMode::DryRun => Mode::DryRun,
            RunMode::Apply => Mode::Apply,
        };
        let probes = Probes { address: metrics_address, mode, zone_quota };
        let session = Session::open(self.flags, self.cluster, until, Some(probes)).await?;
        let outcome = match mode {
            Mode::DryRun => {
                let (zone, heading) = session.open_zone("dry-run").await?;
                // With --once, the plan is printed.
                if once {
                    say!("{heading}");
                }
                session.plan_as_leader(zone, self.lease).await?
            }
            Mode::Approve | Mode::Apply => session.apply(mode, self.lease).await?,
        };
        anyhow::ensure!(outcome.is_done || !once, "stopped before everything was done");
        if once && is_dry {
            say!("{}", outcome.plan);
        }
        Ok(if outcome.refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
