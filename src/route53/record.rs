//! Translates record sets between the SDK's types and ours.

use std::sync::Arc;

use arcstr::ArcStr;
use aws_sdk_route53::{
    error::BuildError,
    types::{
        AliasTarget, Change as SdkChange, ChangeAction, ChangeBatch, CidrRoutingConfig, Coordinates,
        GeoLocation, GeoProximityLocation, ResourceRecord, ResourceRecordSet, RrType,
        builders::ResourceRecordSetBuilder,
    },
};
use zonekeeper_core::{
    dns::{
        Alias, BadName, Data, Name, Policy, RecordSet, RecordType, Routing, Rule, SetId, SetKey, Ttl, ZoneId,
    },
    plan::{Batch, Change, PlanDigest},
};

/// A record set in a listing that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the record set `{name}`: {why}")]
pub struct UnreadableSet {
    name: String,
    why: BadName,
}

/// Translates a listed record set.
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

/// Reads the routing policy and the health check of a record set.
fn routing(set: &ResourceRecordSet) -> Routing {
    let kept = |text: Option<&str>| text.map(ArcStr::from);
    let weight = || set.weight().map(Rule::Weight);
    let region = || set.region().map(|region| Rule::Region(region.as_str().into()));
    let failover = || set.failover().map(|role| Rule::Failover(role.as_str().into()));
    let multi_value = || set.multi_value_answer().map(Rule::MultiValue);
    let geolocation = || {
        set.geo_location().map(|place| Rule::Geolocation {
            continent: kept(place.continent_code()),
            country: kept(place.country_code()),
            subdivision: kept(place.subdivision_code()),
        })
    };
    let geo_proximity = || {
        set.geo_proximity_location().map(|place| Rule::GeoProximity {
            region: kept(place.aws_region()),
            local_zone_group: kept(place.local_zone_group()),
            coordinates: place.coordinates().map(|at| (at.latitude().into(), at.longitude().into())),
            bias: place.bias(),
        })
    };
    let cidr = || {
        set.cidr_routing_config().map(|cidr| Rule::Cidr {
            collection: cidr.collection_id().into(),
            location: cidr.location_name().into(),
        })
    };
    let rule = weight()
        .or_else(region)
        .or_else(failover)
        .or_else(multi_value)
        .or_else(geolocation)
        .or_else(geo_proximity)
        .or_else(cidr);
    let health_check = kept(set.health_check_id());
    if rule.is_none() && health_check.is_none() {
        Routing::Simple
    } else {
        Routing::Policy(Arc::new(Policy { rule, health_check }))
    }
}

/// Translates a batch. There are two actions, because [`Change`] has two variants.
pub fn to_sdk(batch: &Batch, digest: PlanDigest) -> Result<ChangeBatch, BuildError> {
    let mut request = ChangeBatch::builder().comment(format!("zonekeeper {digest}"));
    for change in batch.changes() {
        let (action, set) = match change {
            Change::Create { set, .. } => (ChangeAction::Create, set),
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
    if let Routing::Policy(policy) = &set.routing {
        out = out.set_health_check_id(policy.health_check.as_deref().map(str::to_owned));
        if let Some(rule) = &policy.rule {
            out = rule_to_sdk(out, rule)?;
        }
    }
    match &set.data {
        Data::Values { ttl, values } => {
            out = out.ttl(i64::from(ttl.seconds()));
            for value in values {
                let value: &ArcStr = value;
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
        // No plan contains one. Route 53 would reject the record set, because it has no data.
        Data::TrafficPolicy(_) => {}
    }
    out.build()
}

fn rule_to_sdk(set: ResourceRecordSetBuilder, rule: &Rule) -> Result<ResourceRecordSetBuilder, BuildError> {
    let kept = |text: &Option<ArcStr>| text.as_deref().map(str::to_owned);
    Ok(match rule {
        Rule::Weight(weight) => set.weight(*weight),
        Rule::Region(region) => set.region((&**region).into()),
        Rule::Failover(position) => set.failover((&**position).into()),
        Rule::MultiValue(is_on) => set.multi_value_answer(*is_on),
        Rule::Geolocation { continent, country, subdivision } => set.geo_location(
            GeoLocation::builder()
                .set_continent_code(kept(continent))
                .set_country_code(kept(country))
                .set_subdivision_code(kept(subdivision))
                .build(),
        ),
        Rule::GeoProximity { region, local_zone_group, coordinates, bias } => {
            let coordinates = coordinates.as_ref().map(|(latitude, longitude)| {
                Coordinates::builder().latitude(&**latitude).longitude(&**longitude).build()
            });
            set.geo_proximity_location(
                GeoProximityLocation::builder()
                    .set_aws_region(kept(region))
                    .set_local_zone_group(kept(local_zone_group))
                    .set_coordinates(coordinates.transpose()?)
                    .set_bias(*bias)
                    .build(),
            )
        }
        Rule::Cidr { collection, location } => set.cidr_routing_config(
            CidrRoutingConfig::builder().collection_id(&**collection).location_name(&**location).build()?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use zonekeeper_core::dns::Values;

    use super::*;

    /// Everything about routing that a set can have travels to a request and back.
    #[test]
    fn routing_and_health_check_travel_both_ways() {
        let rules = [
            Rule::Weight(0),
            Rule::Weight(255),
            Rule::Region("eu-west-1".into()),
            Rule::Failover("SECONDARY".into()),
            Rule::MultiValue(true),
            Rule::Geolocation { continent: Some("EU".into()), country: None, subdivision: None },
            Rule::Geolocation { continent: None, country: Some("US".into()), subdivision: Some("CA".into()) },
            Rule::GeoProximity {
                region: None,
                local_zone_group: None,
                coordinates: Some(("49.22".into(), "-74.01".into())),
                bias: Some(-7),
            },
            Rule::GeoProximity {
                region: Some("us-east-1".into()),
                local_zone_group: None,
                coordinates: None,
                bias: None,
            },
            Rule::Cidr { collection: "c1".into(), location: "*".into() },
        ];
        for rule in rules {
            for health_check in [None, Some("abcdef11-2222-3333-4444-555555fedcba".into())] {
                let set = RecordSet {
                    key: SetKey {
                        name: Name::from_hostname("www.example.com").unwrap(),
                        rtype: RecordType::A,
                        set_id: Some(SetId::new("blue")),
                    },
                    routing: Routing::Policy(Arc::new(Policy { rule: Some(rule.clone()), health_check })),
                    data: Data::Values { ttl: Ttl::DEFAULT, values: Values::from_iter(["192.0.2.1".into()]) },
                };
                assert_eq!(from_sdk(&set_to_sdk(&set).unwrap()).unwrap(), set, "{set}");
            }
        }
    }

    /// Every source file of the program, without its tests.
    fn sources(folder: &Path) -> Vec<(String, String)> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let of = |path: std::path::PathBuf| {
            if path.is_dir() {
                return sources(&path);
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            vec![(path.display().to_string(), code)]
        };
        entries.flat_map(of).collect()
    }

    /// The first wall: the SDK can express a deletion, and our code never does.
    #[test]
    fn no_action_is_made_but_create_and_upsert() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let all = [sources(&root.join("src")), sources(&root.join("crates/core/src"))].concat();
        assert!(all.len() > 80, "{}", all.len());
        let mut made: Vec<String> = Vec::new();
        for (path, code) in &all {
            let is_guard = path.ends_with("src/route53/guard.rs");
            let uses = code.match_indices("ChangeAction::").map(|(at, word)| &code[at + word.len()..]);
            let named = uses.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric()).collect::<String>());
            made.extend(named.filter(|_| !is_guard));
            assert!(is_guard || !code.contains("change_action"), "{path}");
            let has_raw = code.contains("<Action>") || code.contains("change_resource_record_sets");
            assert!(!has_raw || is_guard || path.ends_with("src/route53/client.rs"), "{path}");
        }
        assert_eq!(made, ["Create", "Upsert"]);
    }
}
