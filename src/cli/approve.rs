//! `zonekeeper approve`: approves a plan, or releases the brake.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use zonekeeper_core::{dns::ZoneId, keeper::LONGEST_RELEASE, plan::PlanDigest};

use super::{
    heading::Heading,
    output::{say, sayln},
    session::connect,
};
use crate::{
    cluster::ZonePlans,
    config::{ClusterFlags, OwnerFlags, ZoneFlags},
};

/// Approve a plan that waits for approval
#[derive(Debug, Args)]
pub struct Approve {
    /// Digest of the plan, as the `ZonePlan` and `zonekeeper plan` show it.
    #[arg(value_name = "DIGEST", required_unless_present = "brake")]
    digest: Option<PlanDigest>,

    /// Release the brake for this time, 24 hours at most: all held replacements are written.
    #[arg(long, env = "ZONEKEEPER_BRAKE", value_name = "DURATION", help_heading = "Safety")]
    brake: Option<SignedDuration>,

    #[command(flatten)]
    zone: ZoneFlags,
    #[command(flatten)]
    owner: OwnerFlags,
    #[command(flatten)]
    cluster: ClusterFlags,
}

// === impl Approve ===

impl Approve {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let zone: ZoneId = self.zone.try_into()?;
        let owner = self.owner.try_into()?;
        if let Some(brake) = self.brake {
            let is_allowed = brake.unsigned_abs() <= LONGEST_RELEASE && !brake.is_negative();
            anyhow::ensure!(is_allowed, "--brake {brake:#}: a release lasts at most 24 hours");
        }
        let cluster = connect(&self.cluster).await?;
        say!("{}", Heading::new(&cluster, &zone, &owner, "approve"));
        let plans = ZonePlans::new(&cluster, zone, owner);
        if let Some(brake) = self.brake {
            let until = Timestamp::now().checked_add(brake).context("--brake: the end is out of range")?;
            plans.release_brake(until).await?;
            sayln!("the brake is released until {until:.0}");
        }
        let Some(digest) = self.digest else { return Ok(ExitCode::SUCCESS) };
        let status = plans.approve(digest).await?;
        if status.digest == digest.to_string() {
            sayln!("approved: {} to create, {} to replace, 0 to delete", status.creates, status.replaces);
        } else {
            sayln!(
                "approved, but the plan has changed since, and its digest is now {}\n\
                 units of the approved plan that are unchanged are written; new and changed units wait for an approval",
                status.digest
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
