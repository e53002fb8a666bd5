//! The translation between the types of the core and of the emulator, as in the real client.

use std::sync::Arc;

use zonekeeper_core::{
    dns::{
        Alias, Data, Name, Policy, RecordSet, RecordType, Routing, Rule, SetId, SetKey, Ttl, Zone, ZoneId,
    },
    keeper::{Cursor, Failure, FailureClass, Page},
    plan::Change,
};
use zonekeeper_emulator::zone as service;

pub fn set_to_service(set: &RecordSet) -> service::RecordSet {
    let weight = match &set.routing {
        Routing::Simple => None,
        Routing::Policy(policy) => match (&policy.rule, &policy.health_check) {
            (Some(Rule::Weight(weight)), None) => Some(*weight),
            _ => panic!("no run has this policy: {set}"),
        },
    };
    let mut to = service::RecordSet {
        name: set.name().to_route53(),
        rtype: set.rtype().as_str().to_owned(),
        set_identifier: set.key.set_id.as_ref().map(|id| id.as_str().to_owned()),
        weight,
        ..service::RecordSet::default()
    };
    match &set.data {
        Data::Values { ttl, values } => {
            to.ttl = Some(i64::from(ttl.seconds()));
            to.values = values.iter().map(ToString::to_string).collect();
        }
        Data::Alias(alias) => {
            to.alias_target = Some(service::AliasTarget {
                hosted_zone_id: alias.zone.as_str().to_owned(),
                dns_name: alias.target.to_route53(),
                evaluate_target_health: alias.evaluate_target_health,
            });
        }
        Data::TrafficPolicy(id) => to.traffic_policy_instance_id = Some(id.to_string()),
    }
    to
}

pub fn set_from_service(set: &service::RecordSet) -> RecordSet {
    let routing = match set.weight {
        None => Routing::Simple,
        Some(weight) => {
            Routing::Policy(Arc::new(Policy { rule: Some(Rule::Weight(weight)), health_check: None }))
        }
    };
    let data = if let Some(id) = &set.traffic_policy_instance_id {
        Data::TrafficPolicy(id.as_str().into())
    } else if let Some(target) = &set.alias_target {
        Data::Alias(Alias {
            zone: ZoneId::new(&target.hosted_zone_id).unwrap(),
            target: Name::from_route53(&target.dns_name).unwrap(),
            evaluate_target_health: target.evaluate_target_health,
        })
    } else {
        Data::Values {
            ttl: Ttl::from_seconds(set.ttl.unwrap_or_default().unsigned_abs()),
            values: set.values.iter().map(|value| value.as_str().into()).collect(),
        }
    };
    let key = SetKey {
        name: Name::from_route53(&set.name).unwrap(),
        rtype: RecordType::new(&set.rtype),
        set_id: set.set_identifier.as_deref().map(SetId::new),
    };
    RecordSet { key, routing, data }
}

pub fn change_to_service(change: &Change) -> service::Change {
    match change {
        Change::Create { set, .. } => service::Change::create(set_to_service(set)),
        Change::Replace { after, .. } => service::Change::upsert(set_to_service(after)),
    }
}

pub fn start_to_service(cursor: &Cursor) -> service::Start {
    let rtype = cursor.rtype.as_ref().map(RecordType::as_str);
    let set_id = cursor.set_id.as_ref().map(SetId::as_str);
    service::Start::new(&cursor.name.to_route53(), rtype, set_id).unwrap()
}

pub fn page_from_service(page: &service::Page) -> Page {
    let next = page.next.as_ref().map(|next| Cursor {
        name: Name::from_route53(next.name()).unwrap(),
        rtype: next.rtype().map(RecordType::new),
        set_id: next.identifier().map(SetId::new),
    });
    Page { sets: page.sets.iter().map(set_from_service).collect(), next }
}

/// The zone as a value of the core.
pub fn zone_from_service(zone: &service::HostedZone) -> Zone {
    let apex = Name::from_route53(zone.name()).unwrap();
    let mut copy = Zone::new(ZoneId::new(zone.id()).unwrap(), apex).private(zone.is_private());
    for set in zone.iter() {
        copy.put(set_from_service(set));
    }
    copy
}

pub fn refusal_from_service(refusal: &service::Refusal) -> Failure {
    Failure::refused(refusal.code(), &refusal.message())
}

pub fn failure(class: FailureClass, code: &str, message: &str) -> Failure {
    Failure { class, code: code.to_owned(), message: message.to_owned() }
}
