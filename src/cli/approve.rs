//! `zonekeeper approve`: releases what waits for a person.

use std::process::ExitCode;

use clap::Args;
use zonekeeper_core::{dns::ZoneId, plan::PlanDigest};

use crate::{
    cluster::{self, LONGEST_SILENCE, ZonePlans},
    config::{ClusterFlags, OwnerFlags, ZoneFlags},
};

/// Approve a plan that zonekeeper shows and waits with
#[derive(Debug, Args)]
pub struct Approve {
    /// Digest of the plan, as its `ZonePlan` and `zonekeeper plan` show it.
    #[arg(value_name = "DIGEST")]
    digest: PlanDigest,

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
        let client = cluster::connect(self.cluster.kubeconfig.as_deref(), LONGEST_SILENCE).await?;
        let plans = ZonePlans::new(client, zone, owner);
        let status = plans.approve(self.digest).await?;
        if status.digest == self.digest.to_string() {
            println!("approved: {} to create, {} to replace, 0 to delete", status.creates, status.replaces);
        } else {
            println!(
                "approved, but the plan is another one by now ({}): of the approved one, what is still planned is written, \
                 and the rest waits",
                status.digest
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
