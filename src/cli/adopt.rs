//! `zonekeeper adopt`: makes ours what is there, by its ownership TXT alone.

use std::{collections::BTreeSet, process::ExitCode};

use clap::{ArgGroup, Args};
use zonekeeper_core::{
    dns::Name,
    keeper::Mode,
    plan::{AdoptionOrder, Hosts, OwnerId, Plan, Unit, UnitDigest},
};

use super::{
    confirm::{Answer, confirm},
    session::Session,
};
use crate::{
    config::{BadFlag, ClusterFlags, Config, Flags, LeaseFlags, other_owner},
    driver::{Outcome, Until},
};

/// Make this cluster the owner of records that are there
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[command(group(ArgGroup::new("which").required(true).args(["name", "pattern", "all"])))]
pub struct Adopt {
    /// Hostname whose records are adopted.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Pattern of hostnames whose records are adopted; `*` stands for any characters, dots included.
    #[arg(long = "match", env = "ZONEKEEPER_MATCH", value_name = "PATTERN", help_heading = "Adoption")]
    pattern: Option<String>,

    /// Adopt the records of every hostname that an object asks for.
    #[arg(long, env = "ZONEKEEPER_ALL", help_heading = "Adoption")]
    all: bool,

    /// Adopt the records of this other owner, instead of those without an owner. It must not write any more.
    #[arg(long, env = "ZONEKEEPER_FROM_OWNER", value_name = "ID", help_heading = "Adoption")]
    from_owner: Option<String>,

    /// Adopt without a question what would be shown.
    #[arg(short, long, env = "ZONEKEEPER_YES", help_heading = "Adoption")]
    yes: bool,

    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(flatten)]
    lease: LeaseFlags,
}

const EXAMPLES: &str = "Examples:
  See what would be adopted, and be asked:
    zonekeeper adopt www.example.com --zone-id Z0123456789ABC --owner-id prod-eu

  Take over from a cluster that is gone:
    zonekeeper adopt --all --from-owner old-eu --zone-id Z0123456789ABC --owner-id prod-eu

Only ownership TXTs are written, and only for hostnames that an object asks for. What is shown after `then` is what a
running zonekeeper will change of the adopted records. A TXT that cannot be read keeps its record from being adopted.

Give the same flags here as to `zonekeeper run`.";

// === impl Adopt ===

impl Adopt {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = Config::try_from(self.flags.clone())?;
        let order = self.order(&config.settings.owner)?;
        let preview = self.session(order.clone()).await?.plan().await?;
        anyhow::ensure!(preview.is_done, "stopped before everything was seen");
        show(&preview.plan, &order.hosts);
        let seen: BTreeSet<UnitDigest> = preview.plan.units.iter().map(Unit::digest).collect();
        if seen.is_empty() {
            anyhow::ensure!(self.name.is_none(), "nothing of {} is adopted", order.hosts);
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes && confirm(&format!("write the TXTs of {}?", seen.len()))? == Answer::No {
            return Ok(ExitCode::SUCCESS);
        }
        let session = self.session(AdoptionOrder { seen: Some(seen.clone()), ..order }).await?;
        let Outcome { plan, is_done, refused, .. } = session.apply(Mode::Apply, self.lease.clone()).await?;
        // What has changed since it was shown is not adopted, and neither is what Route 53 refused.
        anyhow::ensure!(is_done, "stopped before everything was adopted");
        anyhow::ensure!(refused == 0 && plan.units.is_empty(), "Route 53 has refused {refused}; see the log");
        println!("adopted what was shown and was still so; `zonekeeper plan` shows what follows");
        Ok(ExitCode::SUCCESS)
    }

    /// A session that adopts, and writes nothing else.
    async fn session(&self, order: AdoptionOrder) -> anyhow::Result<Session> {
        let session = Session::open(self.flags.clone(), self.cluster.clone(), Until::Done, None).await?;
        Ok(session.ordered(order))
    }

    fn order(&self, own: &OwnerId) -> Result<AdoptionOrder, BadFlag> {
        let hosts = match (&self.name, &self.pattern) {
            (Some(name), _) => {
                Hosts::One(Name::from_hostname(name).map_err(|why| BadFlag::Hostname(name.clone(), why))?)
            }
            (None, Some(pattern)) => {
                Hosts::Matching(pattern.parse().map_err(|why| BadFlag::Match(pattern.clone(), why))?)
            }
            (None, None) => Hosts::All,
        };
        let from = self.from_owner.as_ref().map(|id| other_owner("from-owner", id, own)).transpose()?;
        Ok(AdoptionOrder { hosts, from, seen: None })
    }
}

/// What would be adopted, and why the rest of it is not.
fn show(plan: &Plan, hosts: &Hosts) {
    for unit in &plan.units {
        print!("{unit}");
    }
    let is_meant = |host: &str| Name::from_hostname(host).is_ok_and(|host| hosts.contain(&host));
    let blocked: Vec<_> = plan.blocked.iter().filter(|blocked| is_meant(&blocked.host)).collect();
    for blocked in &blocked {
        println!(
            "not adopted: {} for {}: {}: {}",
            blocked.host,
            blocked.object,
            blocked.reason.label(),
            blocked.reason
        );
    }
    if plan.units.is_empty() && blocked.is_empty() {
        println!("nothing to adopt: no object asks for {hosts}, or what is there is this owner's already");
    }
    println!("{} to adopt", plan.units.len());
}
