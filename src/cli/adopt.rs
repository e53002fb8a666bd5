//! `zonekeeper adopt`: takes over existing records, by writing only their ownership TXT records.

use std::{collections::BTreeSet, io, process::ExitCode};

use clap::{ArgGroup, Args};
use zonekeeper_core::{
    dns::Name,
    keeper::Mode,
    plan::{AdoptionOrder, Blocked, Hosts, Noted, OwnerId, Plan, Unit, UnitDigest},
    source::ClaimKey,
};

use super::{
    confirm::{Answer, confirm},
    output::{say, sayln},
    session::Session,
};
use crate::{
    cluster::Cluster,
    config::{BadFlag, ClusterFlags, Config, Flags, LeaseFlags, other_owner},
    driver::{Outcome, Until},
};

/// Make this cluster the owner of existing records
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
#[command(group(ArgGroup::new("which").required(true).args(["name", "pattern", "all"])))]
pub struct Adopt {
    /// Hostname whose records to adopt.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Pattern of the hostnames whose records to adopt. `*` matches any characters, dots included.
    #[arg(long = "match", env = "ZONEKEEPER_MATCH", value_name = "PATTERN", help_heading = "Adoption")]
    pattern: Option<String>,

    /// Adopt the records of every hostname that an object asks for.
    #[arg(long, env = "ZONEKEEPER_ALL", help_heading = "Adoption")]
    all: bool,

    /// Adopt the records of this other owner, instead of records without an owner. The other owner must not write any more.
    #[arg(long, env = "ZONEKEEPER_FROM_OWNER", value_name = "ID", help_heading = "Adoption")]
    from_owner: Option<String>,

    /// Adopt without a question.
    #[arg(short, long, env = "ZONEKEEPER_YES", help_heading = "Adoption")]
    yes: bool,

    #[command(flatten)]
    pub(super) flags: Flags,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(flatten)]
    lease: LeaseFlags,
}

const EXAMPLES: &str = "Examples:
  See which records would be adopted, and decide:
    zonekeeper adopt www.example.com --zone-id Z0123456789ABC --owner-id prod-eu

  Take over the records of a cluster that is gone:
    zonekeeper adopt --all --from-owner old-eu --zone-id Z0123456789ABC --owner-id prod-eu

The command writes only ownership TXT records, and only for hostnames that an object asks for. The changes after `then`
are those that the controller makes to the adopted records later. A record with an unreadable ownership TXT is not
adopted.

While a controller holds the Lease, the command writes nothing. Stop the controller first, and start it again afterwards.

Give the same flags here as to `zonekeeper run`.";

// === impl Adopt ===

impl Adopt {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = Config::try_from(self.flags.clone())?;
        let order = self.order(&config.settings.owner)?;
        let session = self.session(order.clone()).await?;
        let (zone, heading) = session.open_zone("adopt").await?;
        say!("{heading}");
        let preview = session.plan(zone).await?;
        anyhow::ensure!(preview.is_done, "stopped before the list was complete");
        show(&preview.plan, &order.hosts)?;
        let shown: BTreeSet<UnitDigest> = preview.plan.units.iter().map(Unit::digest).collect();
        if shown.is_empty() {
            anyhow::ensure!(
                self.name.is_none(),
                "no record of {} is adopted; the reason is above",
                order.hosts
            );
            return Ok(ExitCode::SUCCESS);
        }
        if !self.yes
            && confirm(&format!("write the ownership TXT records of {} units?", shown.len()))? == Answer::No
        {
            return Ok(ExitCode::SUCCESS);
        }
        let session = self.session(AdoptionOrder { seen: Some(shown), ..order }).await?;
        let Outcome { plan, is_done, refused, .. } = session.apply(Mode::Apply, self.lease.clone()).await?;
        // A unit that has changed since it was shown is not adopted.
        anyhow::ensure!(is_done, "stopped before everything was adopted");
        anyhow::ensure!(
            refused == 0 && plan.units.is_empty(),
            "Route 53 has rejected {refused} units; the log says why"
        );
        sayln!(
            "adopted: all units above, except those that have changed since; `zonekeeper plan` shows the next changes"
        );
        Ok(ExitCode::SUCCESS)
    }

    /// Opens a session that adopts, and writes nothing else.
    async fn session(&self, order: AdoptionOrder) -> anyhow::Result<Session<Cluster>> {
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

/// Prints the units to adopt, and the reasons why other records of these hostnames are not adopted.
fn show(plan: &Plan, hosts: &Hosts) -> io::Result<()> {
    for unit in &plan.units {
        say!("{unit}");
    }
    let is_selected = |key: &ClaimKey| hosts.contain(&key.host);
    // A hostname above the limit of its object has no claim.
    let is_named = |text: &str| Name::from_hostname(text).is_ok_and(|host| hosts.contain(&host));
    let blocked = plan.blocked.iter().filter(|blocked| is_named(blocked.subject.hostname()));
    let blocked = blocked.map(|blocked| {
        let Blocked { subject, object, reason, .. } = blocked;
        format!("{subject} for {object}: {}: {reason}", reason.label())
    });
    // A record that is right and has another owner.
    let noted = plan.noted.iter().filter(|noted| is_selected(&noted.key)).map(|noted| {
        let Noted { key, object, note, .. } = noted;
        format!("{key} for {object}: {}: {note}", note.label())
    });
    let not_adopted: Vec<String> = blocked.chain(noted).collect();
    for why in &not_adopted {
        sayln!("not adopted: {why}");
    }
    if plan.units.is_empty() && not_adopted.is_empty() {
        sayln!("nothing to adopt: no object asks for {hosts}, or the records belong to this owner already");
    }
    sayln!("{} to adopt", plan.units.len());
    Ok(())
}
