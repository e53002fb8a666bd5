//! Record sets between the types of the core and of the emulator, as in the real client.

use std::sync::Arc;

use arcstr::ArcStr;
use zonekeeper_core::{
    dns::{
        Alias, Data, Name, Policy, RecordSet, RecordType, Routing, Rule, SetId, SetKey, Ttl, Zone, ZoneId,
    },
    plan::Change,
};
use zonekeeper_emulator::zone::{self as service, AliasTarget};

pub fn set_to_service(set: &RecordSet) -> service::RecordSet {
    let mut to = service::RecordSet {
        name: set.name().to_route53(),
        rtype: set.rtype().as_str().to_owned(),
        set_identifier: set.key.set_id.as_ref().map(|id| id.as_str().to_owned()),
        ..service::RecordSet::default()
    };
    if let Routing::Policy(policy) = &set.routing {
        to.health_check_id = policy.health_check.as_deref().map(str::to_owned);
        if let Some(rule) = &policy.rule {
            rule_to_service(rule, &mut to);
        }
    }
    match &set.data {
        Data::Values { ttl, values } => {
            to.ttl = Some(i64::from(ttl.seconds()));
            to.values = values.iter().map(ToString::to_string).collect();
        }
        Data::Alias(alias) => {
            to.alias_target = Some(AliasTarget {
                hosted_zone_id: alias.zone.as_str().to_owned(),
                dns_name: alias.target.to_route53(),
                evaluate_target_health: alias.evaluate_target_health,
            });
        }
        Data::TrafficPolicy(id) => to.traffic_policy_instance_id = Some(id.to_string()),
    }
    to
}

fn rule_to_service(rule: &Rule, to: &mut service::RecordSet) {
    let kept = |text: &Option<ArcStr>| text.as_deref().map(str::to_owned);
    match rule {
        Rule::Weight(weight) => to.weight = Some(*weight),
        Rule::Region(region) => to.region = Some(region.to_string()),
        Rule::Failover(which) => to.failover = Some(which.to_string()),
        Rule::MultiValue(on) => to.multi_value_answer = Some(*on),
        Rule::Geolocation { continent, country, subdivision } => {
            to.geo_location = Some(service::GeoLocation {
                continent_code: kept(continent),
                country_code: kept(country),
                subdivision_code: kept(subdivision),
            });
        }
        Rule::GeoProximity { region, local_zone_group, coordinates, bias } => {
            to.geo_proximity_location = Some(service::GeoProximityLocation {
                aws_region: kept(region),
                local_zone_group: kept(local_zone_group),
                coordinates: coordinates.as_ref().map(|(latitude, longitude)| service::Coordinates {
                    latitude: latitude.to_string(),
                    longitude: longitude.to_string(),
                }),
                bias: bias.map(i64::from),
            });
        }
        Rule::Cidr { collection, location } => {
            to.cidr_routing_config = Some(service::CidrRoutingConfig {
                collection_id: collection.to_string(),
                location_name: location.to_string(),
            });
        }
    }
}

pub fn set_from_service(set: &service::RecordSet) -> RecordSet {
    let health_check = set.health_check_id.as_deref().map(Into::into);
    let routing = match rule_from_service(set) {
        None if health_check.is_none() => Routing::Simple,
        rule => Routing::Policy(Arc::new(Policy { rule, health_check })),
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

fn rule_from_service(set: &service::RecordSet) -> Option<Rule> {
    let kept = |text: &Option<String>| text.as_deref().map(ArcStr::from);
    if let Some(weight) = set.weight {
        return Some(Rule::Weight(weight));
    }
    if let Some(region) = kept(&set.region) {
        return Some(Rule::Region(region));
    }
    if let Some(which) = kept(&set.failover) {
        return Some(Rule::Failover(which));
    }
    if let Some(on) = set.multi_value_answer {
        return Some(Rule::MultiValue(on));
    }
    if let Some(place) = &set.geo_location {
        return Some(Rule::Geolocation {
            continent: kept(&place.continent_code),
            country: kept(&place.country_code),
            subdivision: kept(&place.subdivision_code),
        });
    }
    if let Some(place) = &set.geo_proximity_location {
        let coordinates =
            place.coordinates.as_ref().map(|at| (at.latitude.as_str().into(), at.longitude.as_str().into()));
        return Some(Rule::GeoProximity {
            region: kept(&place.aws_region),
            local_zone_group: kept(&place.local_zone_group),
            coordinates,
            bias: place.bias.and_then(|bias| bias.try_into().ok()),
        });
    }
    set.cidr_routing_config.as_ref().map(|cidr| Rule::Cidr {
        collection: cidr.collection_id.as_str().into(),
        location: cidr.location_name.as_str().into(),
    })
}

pub fn change_to_service(change: &Change) -> service::Change {
    match change {
        Change::Create { set, .. } => service::Change::create(set_to_service(set)),
        Change::Replace { after, .. } => service::Change::upsert(set_to_service(after)),
    }
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
