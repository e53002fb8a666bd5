//! `zonekeeper plan`: shows the plan.

use std::{fmt, net::IpAddr, process::ExitCode};

use clap::Args;
use serde::Serialize;
use zonekeeper_core::{
    dns::{Data, Name, RecordSet, Routing},
    plan::{Change, HandChange, Plan, Shadow, Stale},
    source::{ClaimKey, ObjectRef},
};

use super::{
    heading::Heading,
    output::{Format, say, sayln},
    session::Session,
};
use crate::{
    change_batch::ChangeBatch,
    config::{ClusterFlags, Flags, LeaseFlags},
    driver::Until,
};

/// Show the plan: units to write, blocked units with reasons, leftovers and orphans
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    pub(super) flags: Flags,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(flatten)]
    lease: LeaseFlags,

    /// Format of the plan.
    #[arg(short, long, env = "ZONEKEEPER_OUTPUT", value_enum, default_value_t = Format::Text, value_name = "FORMAT", help_heading = "Plan")]
    output: Format,

    /// Exit with code 2 if the plan contains changes, as Terraform does.
    #[arg(long, env = "ZONEKEEPER_DETAILED_EXITCODE", help_heading = "Plan")]
    detailed_exitcode: bool,
}

// === impl Show ===

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let (heading, plan) = plan(self.flags, self.cluster, self.lease, self.output).await?;
        match self.output {
            Format::Text => say!("{plan}"),
            Format::Json => sayln!("{}", serde_json::to_string_pretty(&PlanJson::new(&heading, &plan))?),
        }
        let changes = !plan.units.is_empty();
        Ok(if self.detailed_exitcode && changes { ExitCode::from(2) } else { ExitCode::SUCCESS })
    }
}

/// Shows the heading, and plans.
pub(super) async fn plan(
    flags: Flags,
    cluster: ClusterFlags,
    lease: LeaseFlags,
    output: Format,
) -> anyhow::Result<(Heading, Plan)> {
    let session = Session::open(flags, cluster, Until::Done, None).await?;
    let (zone, heading) = session.open_zone("dry-run").await?;
    output.introduce(&heading)?;
    let outcome = session.plan_as_leader(zone, lease).await?;
    anyhow::ensure!(outcome.is_done, "stopped before the plan was complete");
    Ok((heading, outcome.plan))
}

/// A plan as JSON. Fields may be added. Renaming or removing one needs a new major version.
#[derive(Debug, Serialize)]
pub(super) struct PlanJson<'p> {
    heading: &'p Heading,
    digest: String,
    creates: usize,
    replaces: usize,
    deletes: usize,
    in_sync: usize,
    private_zone: bool,
    units: Vec<UnitJson>,
    blocked: Vec<BlockedJson<'p>>,
    noted: Vec<NotedJson<'p>>,
    leftovers: Vec<StaleJson>,
    orphans: Vec<StaleJson>,
    outside: Vec<HostJson>,
    /// Hostnames of the zone that only objects have that are not published.
    not_published: Vec<HostJson>,
    warnings: Vec<WarningJson>,
}

#[derive(Debug, Serialize)]
struct UnitJson {
    hostname: String,
    /// None under simple routing.
    set_identifier: Option<String>,
    object: String,
    digest: String,
    /// Whether the unit only adopts existing records, without changing them.
    adopts: bool,
    changes: Vec<ChangeJson>,
    /// The changes that another unit makes to the records after the adoption.
    then: Vec<ChangeJson>,
    /// The set identifiers of the hostname whose units travel in the same request.
    in_one_request_with: Vec<String>,
    shadows: Vec<ShadowJson>,
    /// The private addresses that the unit writes into a public zone.
    private_addresses: Vec<IpAddr>,
}

/// A wildcard that will no longer answer for these names and the names below them.
#[derive(Debug, Serialize)]
struct ShadowJson {
    wildcard: String,
    names: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ChangeJson {
    action: &'static str,
    name: String,
    r#type: String,
    /// None under simple routing.
    set_identifier: Option<String>,
    /// The routing policy after the change; none under simple routing.
    routing: Option<String>,
    before: Option<DataJson>,
    after: DataJson,
    reason: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum DataJson {
    Values { ttl: u32, values: Vec<String> },
    Alias { hosted_zone_id: String, dns_name: String, evaluate_target_health: bool },
    TrafficPolicyInstance(String),
}

#[derive(Debug, Serialize)]
struct BlockedJson<'p> {
    /// Several hostnames if the object has too many.
    hostname: String,
    /// None under simple routing.
    set_identifier: Option<String>,
    object: String,
    reason: &'static str,
    message: String,
    fix: &'static str,
    /// The fix as a change batch for `aws route53 change-resource-record-sets`, if there is one.
    change_batch: Option<ChangeBatch<'p>>,
}

/// A hostname whose records are right and not ours.
#[derive(Debug, Serialize)]
struct NotedJson<'p> {
    hostname: String,
    /// None under simple routing.
    set_identifier: Option<String>,
    object: String,
    note: &'static str,
    message: String,
    fix: &'static str,
    /// For `aws route53 change-resource-record-sets`, where there is one.
    change_batch: Option<ChangeBatch<'p>>,
}

#[derive(Debug, Serialize)]
pub(super) struct StaleJson {
    name: String,
    r#type: String,
    /// None under simple routing.
    set_identifier: Option<String>,
    /// None under simple routing.
    routing: Option<String>,
    data: DataJson,
    was_for: Option<String>,
    /// An object that names the hostname, although the flags leave it out.
    named_by: Option<String>,
    /// Whether the domain filter leaves out the hostname.
    is_filtered: bool,
    /// A record of the zone that leads to the hostname, as `www.example.com CNAME`.
    target_of: Option<String>,
    /// The object that wants other record sets at the same hostname.
    beside: Option<String>,
}

#[derive(Debug, Serialize)]
struct HostJson {
    hostname: String,
    object: String,
}

#[derive(Debug, Serialize)]
struct WarningJson {
    object: String,
    message: String,
}

// === impl PlanJson ===

impl<'p> PlanJson<'p> {
    pub(super) fn new(heading: &'p Heading, plan: &'p Plan) -> Self {
        let (creates, replaces) = plan.count();
        let units = plan.units.iter().map(|unit| UnitJson {
            hostname: unit.key().host.to_string(),
            set_identifier: of_key(unit.key()),
            object: unit.object().to_string(),
            digest: unit.digest().to_string(),
            adopts: unit.is_adoption(),
            changes: unit.changes().iter().map(ChangeJson::new).collect(),
            then: unit.then().iter().map(ChangeJson::new).collect(),
            in_one_request_with: unit.bound_to().filter_map(of_key).collect(),
            shadows: plan.shadows.get(unit.key()).into_iter().flatten().map(ShadowJson::new).collect(),
            private_addresses: plan.private_addresses(unit).collect(),
        });
        let blocked = plan.blocked.iter().map(|blocked| BlockedJson {
            hostname: blocked.subject.hostname().to_owned(),
            set_identifier: blocked.subject.key().and_then(of_key),
            object: blocked.object.to_string(),
            reason: blocked.reason.label(),
            message: blocked.reason.to_string(),
            fix: blocked.reason.fix(),
            change_batch: change_batch(blocked.reason.label(), &blocked.subject, &blocked.remedy),
        });
        let noted = plan.noted.iter().map(|noted| NotedJson {
            hostname: noted.key.host.to_string(),
            set_identifier: of_key(&noted.key),
            object: noted.object.to_string(),
            note: noted.note.label(),
            message: noted.note.to_string(),
            fix: noted.note.fix(),
            change_batch: change_batch(noted.note.label(), &noted.key, &noted.remedy),
        });
        let warnings = plan.warnings.iter().flat_map(|(object, messages)| {
            messages
                .iter()
                .map(|message| WarningJson { object: object.to_string(), message: message.clone() })
        });
        let hosts = |hosts: &[(Name, ObjectRef)]| -> Vec<HostJson> {
            let json = |(host, object): &(Name, ObjectRef)| HostJson {
                hostname: host.to_string(),
                object: object.to_string(),
            };
            hosts.iter().map(json).collect()
        };
        Self {
            heading,
            digest: plan.digest().to_string(),
            creates,
            replaces,
            deletes: 0,
            in_sync: plan.in_sync,
            private_zone: plan.is_private,
            units: units.collect(),
            blocked: blocked.collect(),
            noted: noted.collect(),
            leftovers: plan.leftovers.iter().map(StaleJson::new).collect(),
            orphans: plan.orphans.iter().map(StaleJson::new).collect(),
            outside: hosts(&plan.outside),
            not_published: hosts(&plan.not_published),
            warnings: warnings.collect(),
        }
    }
}

impl ChangeJson {
    fn new(change: &Change) -> Self {
        Self {
            action: if change.before().is_some() { "replace" } else { "create" },
            name: change.after().name().to_string(),
            r#type: change.after().rtype().to_string(),
            set_identifier: set_identifier(change.after()),
            routing: routing(change.after()),
            before: change.before().map(|set| DataJson::new(&set.data)),
            after: DataJson::new(&change.after().data),
            reason: change.why(),
        }
    }
}

impl DataJson {
    fn new(data: &Data) -> Self {
        match data {
            Data::Values { ttl, values } => {
                Self::Values { ttl: ttl.seconds(), values: values.iter().map(ToString::to_string).collect() }
            }
            Data::Alias(alias) => Self::Alias {
                hosted_zone_id: alias.zone.to_string(),
                dns_name: alias.target.to_string(),
                evaluate_target_health: alias.evaluate_target_health,
            },
            Data::TrafficPolicy(id) => Self::TrafficPolicyInstance(id.to_string()),
        }
    }
}

impl ShadowJson {
    fn new(shadow: &Shadow) -> Self {
        Self {
            wildcard: shadow.wildcard.to_string(),
            names: shadow.names.iter().map(ToString::to_string).collect(),
        }
    }
}

impl StaleJson {
    pub(super) fn new(stale: &Stale) -> Self {
        Self {
            name: stale.set.name().to_string(),
            r#type: stale.set.rtype().to_string(),
            set_identifier: set_identifier(&stale.set),
            routing: routing(&stale.set),
            data: DataJson::new(&stale.set.data),
            was_for: stale.was_for.as_ref().map(ToString::to_string),
            named_by: stale.named_by.as_ref().map(ToString::to_string),
            is_filtered: stale.is_filtered,
            target_of: stale.target_of.as_ref().map(|from| format!("{} {}", from.name, from.rtype)),
            beside: stale.beside.as_ref().map(ToString::to_string),
        }
    }
}

/// The change batch that resolves a conflict, if there is one.
fn change_batch<'p>(
    label: &str,
    subject: &dyn fmt::Display,
    remedy: &'p [HandChange],
) -> Option<ChangeBatch<'p>> {
    (!remedy.is_empty()).then(|| ChangeBatch::new(&format!("zonekeeper: {label} {subject}"), remedy))
}

fn of_key(key: &ClaimKey) -> Option<String> {
    key.set_id.as_ref().map(|id| id.as_str().to_owned())
}

fn set_identifier(set: &RecordSet) -> Option<String> {
    set.key.set_id.as_ref().map(|id| id.as_str().to_owned())
}

fn routing(set: &RecordSet) -> Option<String> {
    match &set.routing {
        Routing::Simple => None,
        Routing::Policy(policy) => Some(policy.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use zonekeeper_core::{
        dns::{SetId, ZoneId},
        plan::{Blocked, Note, Noted, Reason, Subject},
        source::Kind,
    };

    use super::*;

    #[test]
    fn a_set_identifier_is_a_field_of_its_own() {
        let host = Name::from_hostname("www.example.com").unwrap();
        let key = ClaimKey { host, set_id: Some(SetId::new("blue")) };
        let object = ObjectRef::new(Kind::Ingress, "shop", "web");
        let blocked = |subject| Blocked {
            subject,
            object: object.clone(),
            reason: Reason::NoTarget,
            remedy: Vec::new(),
        };
        let invalid = Subject::Hostnames("not a hostname".to_owned());
        let noted =
            Noted { key: key.clone(), object: object.clone(), note: Note::Unmanaged, remedy: Vec::new() };
        let plan = Plan {
            blocked: vec![blocked(Subject::Key(key)), blocked(invalid)],
            noted: vec![noted],
            ..Plan::default()
        };
        let (zone, owner) = (ZoneId::new("Z1").unwrap(), "me".parse().unwrap());
        let heading = Heading::new(&"nowhere", &zone, &owner, "dry-run");
        let json = serde_json::to_value(PlanJson::new(&heading, &plan)).unwrap();
        let named = |list: &str, at: usize| {
            (json[list][at]["hostname"].clone(), json[list][at]["set_identifier"].clone())
        };
        let weighted = ("www.example.com".into(), "blue".into());
        assert_eq!(named("blocked", 0), weighted);
        assert_eq!(named("blocked", 1), ("not a hostname".into(), serde_json::Value::Null));
        assert_eq!(named("noted", 0), weighted);
    }
}
