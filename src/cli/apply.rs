//! `zonekeeper apply`: writes what a plan shows, once.

use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;
use zonekeeper_core::{
    keeper::Mode,
    plan::{PlanDigest, Unit, UnitDigest},
};

use super::{
    confirm::{Answer, confirm},
    progress::Progress,
    session::Session,
};
use crate::{
    config::{ClusterFlags, Flags, LeaseFlags},
    driver::{Outcome, Until},
};

/// Write what a plan shows, once, and wait until all name servers have it
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Apply {
    /// Write this plan without a question, and only if it is still the plan: the digest that `zonekeeper plan` shows.
    #[arg(long, env = "ZONEKEEPER_DIGEST", value_name = "DIGEST", help_heading = "Plan")]
    digest: Option<PlanDigest>,

    /// Write without a question what would be shown.
    #[arg(short, long, env = "ZONEKEEPER_YES", help_heading = "Plan")]
    yes: bool,

    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(flatten)]
    lease: LeaseFlags,
}

const EXAMPLES: &str = "Examples:
  See the plan, and be asked:
    zonekeeper apply --zone-id Z0123456789ABC --owner-id prod-eu

  Write in a pipeline what was reviewed before:
    zonekeeper apply --digest 0123456789abcdef0123456789abcdef --zone-id Z0123456789ABC --owner-id prod-eu

Exactly the plan is written that was shown, or that has the digest. Where objects or the zone have changed since,
nothing is: look at the new plan. While a zonekeeper in the cluster writes to the zone, this command does not.

Give the same flags here as to `zonekeeper run`.";

// === impl Apply ===

impl Apply {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let shown = self.session(Until::Done).await?.recalling(self.lease.clone()).plan().await?;
        anyhow::ensure!(shown.is_done, "stopped before the plan was complete");
        print!("{}", shown.plan);
        let digest = shown.plan.digest();
        if let Some(wanted) = self.digest.filter(|wanted| *wanted != digest) {
            anyhow::bail!(
                "the plan with the digest {wanted} is out of date, and nothing was written\n\
                 this is the plan now: if it is what you want, give its digest, {digest}"
            );
        }
        let units: BTreeSet<UnitDigest> = shown.plan.units.iter().map(Unit::digest).collect();
        if units.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        if self.digest.is_none() && !self.yes && confirm("write this?")? == Answer::No {
            return Ok(ExitCode::SUCCESS);
        }
        let session = self.session(Until::InSync).await?.showing(Progress::of(&shown.plan));
        let session = session.approved(digest);
        let Outcome { plan, is_done, refused, .. } = session.apply(Mode::Approve, self.lease.clone()).await?;
        anyhow::ensure!(is_done, "stopped before everything was written and on all name servers");
        anyhow::ensure!(refused == 0, "Route 53 has refused {refused}; see the log");
        let left = plan.units.iter().filter(|unit| units.contains(&unit.digest())).count();
        anyhow::ensure!(
            left == 0,
            "objects or the zone have changed since the plan was shown: {left} of {} were not written\n\
             look at the plan again: `zonekeeper plan`",
            units.len()
        );
        println!("written: all name servers answer with it");
        Ok(ExitCode::SUCCESS)
    }

    async fn session(&self, until: Until) -> anyhow::Result<Session> {
        Session::open(self.flags.clone(), self.cluster.clone(), until, None).await
    }
}
