//! Record sets between the SDK's types and ours.

use std::sync::Arc;

use aws_sdk_route53::{
    error::BuildError,
    types::{
        AliasTarget, Change as SdkChange, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet,
        RrType,
    },
};
use zonekeeper_core::{
    dns::{Alias, BadName, Data, Name, RecordSet, RecordType, Routing, SetId, SetKey, Ttl, ZoneId},
    plan::{Batch, Change, PlanDigest},
};

/// A listed set that cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the record set `{name}`: {why}")]
pub struct UnreadableSet {
    name: String,
    why: BadName,
}

/// What Route 53 lists, as we keep it.
pub fn from_sdk(set: &ResourceRecordSet) -> Result<RecordSet, UnreadableSet> {
    let unreadable = |text: &str| {
        let name = text.to_owned();
        move |why| UnreadableSet { name, why }
    };
    let name = Name::from_route53(set.name()).map_err(unreadable(set.name()))?;
    let data = if let Some(id) = set.traffic_policy_instance_id() {
        Data::TrafficPolicy(id.into())
    } else if let Some(alias) = set.alias_target() {
        let target = alias.dns_name();
        Data::Alias(Alias {
            zone: ZoneId::new(alias.hosted_zone_id())
                .ok_or_else(|| unreadable(set.name())(BadName::Empty))?,
            target: Name::from_route53(target).map_err(unreadable(target))?,
            evaluate_target_health: alias.evaluate_target_health(),
        })
    } else {
        let ttl = Ttl::from_seconds(set.ttl().and_then(|ttl| u64::try_from(ttl).ok()).unwrap_or_default());
        Data::Values {
            ttl,
            values: set.resource_records().iter().map(|record| record.value().into()).collect(),
        }
    };
    Ok(RecordSet {
        key: SetKey {
            name,
            rtype: RecordType::new(set.r#type().as_str()),
            set_id: set.set_identifier().map(SetId::new),
        },
        routing: routing(set),
        data,
    })
}

/// Everything that makes a set more than a simple one, in one text, so that nothing of it can be lost unseen.
fn routing(set: &ResourceRecordSet) -> Routing {
    let parts: Vec<String> = [
        set.weight().map(|weight| format!("weight={weight}")),
        set.region().map(|region| format!("region={}", region.as_str())),
        set.failover().map(|role| format!("failover={}", role.as_str())),
        set.multi_value_answer().map(|on| format!("multivalue={on}")),
        set.geo_location().map(|place| {
            let codes = [place.continent_code(), place.country_code(), place.subdivision_code()];
            format!("geolocation={}", codes.map(Option::unwrap_or_default).join("/"))
        }),
        set.geo_proximity_location().map(|place| format!("geoproximity={place:?}")),
        set.cidr_routing_config()
            .map(|cidr| format!("cidr={}/{}", cidr.collection_id(), cidr.location_name())),
        set.health_check_id().map(|id| format!("health-check={id}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { Routing::Simple } else { Routing::Policy(parts.join(" ").into()) }
}

/// A batch as a request holds it. There are two actions, because [`Change`] has two variants.
pub fn to_sdk(batch: &Batch, digest: PlanDigest) -> Result<ChangeBatch, BuildError> {
    let mut request = ChangeBatch::builder().comment(format!("zonekeeper {digest}"));
    for change in batch.changes() {
        let (action, set) = match change {
            Change::Create(set) => (ChangeAction::Create, set),
            Change::Replace { after, .. } => (ChangeAction::Upsert, after),
        };
        request = request
            .changes(SdkChange::builder().action(action).resource_record_set(set_to_sdk(set)?).build()?);
    }
    request.build()
}

fn set_to_sdk(set: &RecordSet) -> Result<ResourceRecordSet, BuildError> {
    let mut out = ResourceRecordSet::builder()
        .name(set.name().to_route53())
        .r#type(RrType::from(set.rtype().as_str()))
        .set_set_identifier(set.key.set_id.as_ref().map(|id| id.as_str().to_owned()));
    match &set.data {
        Data::Values { ttl, values } => {
            out = out.ttl(i64::from(ttl.seconds()));
            for value in values {
                let value: &Arc<str> = value;
                out = out.resource_records(ResourceRecord::builder().value(&**value).build()?);
            }
        }
        Data::Alias(Alias { zone, target, evaluate_target_health }) => {
            let alias = AliasTarget::builder()
                .hosted_zone_id(zone.as_str())
                .dns_name(target.to_route53())
                .evaluate_target_health(*evaluate_target_health);
            out = out.alias_target(alias.build()?);
        }
        // Planned by nobody; Route 53 would refuse a set without data.
        Data::TrafficPolicy(_) => {}
    }
    out.build()
}
