//! `zonekeeper apply`: writes a plan once.

use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;
use zonekeeper_core::{
    keeper::Mode,
    plan::{PlanDigest, Unit, UnitDigest},
};

use super::{
    confirm::{Answer, confirm},
    output::{say, sayln},
    progress_bar::ProgressBar,
    session::Session,
};
use crate::{
    cluster::Cluster,
    config::{ClusterFlags, Flags, LeaseFlags},
    driver::{Outcome, Until},
};

/// Write a plan once, and wait until all name servers have it
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Apply {
    /// Digest of the plan to write, as `zonekeeper plan` shows it. The plan is written without a question, and only if it is
    /// still the current plan.
    #[arg(long, env = "ZONEKEEPER_DIGEST", value_name = "DIGEST", help_heading = "Plan")]
    digest: Option<PlanDigest>,

    /// Write the plan without a question.
    #[arg(short, long, env = "ZONEKEEPER_YES", help_heading = "Plan")]
    yes: bool,

    #[command(flatten)]
    pub(super) flags: Flags,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(flatten)]
    lease: LeaseFlags,
}

const EXAMPLES: &str = "Examples:
  See the plan, and decide:
    zonekeeper apply --zone-id Z0123456789ABC --owner-id prod-eu

  Write a reviewed plan in a pipeline:
    zonekeeper apply --digest 0123456789abcdef0123456789abcdef --zone-id Z0123456789ABC --owner-id prod-eu

The command writes exactly the plan that it has shown, or the plan with the digest. If objects or the zone have changed
since, it writes nothing, and you need to look at the new plan. It also writes nothing while a zonekeeper in the cluster
writes to the zone.

Give the same flags here as to `zonekeeper run`.";

// === impl Apply ===

impl Apply {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let session = self.session(Until::Done).await?;
        let (zone, heading) = session.open_zone("apply").await?;
        say!("{heading}");
        let shown = session.plan_as_leader(zone, self.lease.clone()).await?;
        anyhow::ensure!(shown.is_done, "stopped before the plan was complete");
        say!("{}", shown.plan);
        let digest = shown.plan.digest();
        if let Some(wanted) = self.digest.filter(|wanted| *wanted != digest) {
            anyhow::bail!(
                "the plan {wanted} is out of date, and nothing was written: objects or the zone have changed\n\
                 the plan above is current; to write it, give its digest: --digest {digest}"
            );
        }
        let units: BTreeSet<UnitDigest> = shown.plan.units.iter().map(Unit::digest).collect();
        if units.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        if self.digest.is_none() && !self.yes && confirm("write this plan?")? == Answer::No {
            return Ok(ExitCode::SUCCESS);
        }
        let session = self.session(Until::InSync).await?.showing(ProgressBar::of(&shown.plan));
        let session = session.approved(digest);
        let Outcome { plan, is_done, refused, .. } = session.apply(Mode::Approve, self.lease.clone()).await?;
        anyhow::ensure!(is_done, "stopped before everything was written and on all name servers");
        anyhow::ensure!(refused == 0, "Route 53 has rejected {refused} units; the log says why");
        let left = plan.units.iter().filter(|unit| units.contains(&unit.digest())).count();
        anyhow::ensure!(
            left == 0,
            "objects or the zone have changed since the plan was shown: {left} of {} units were not written\n\
             look at the new plan: `zonekeeper plan`",
            units.len()
        );
        sayln!("written: all name servers have the new records");
        Ok(ExitCode::SUCCESS)
    }

    async fn session(&self, until: Until) -> anyhow::Result<Session<Cluster>> {
        Session::open(self.flags.clone(), self.cluster.clone(), until, None).await
    }
}
