//! The rules between the record sets of one zone, checked on the zone after the batch.
//!
//! Source: "Choosing a routing policy" and "Supported DNS record types" in the Route 53 Developer Guide, the API
//! reference of `ResourceRecordSet`, and error texts in public reports.

use super::{
    HostedZone, Key, alias,
    record_set::{Policy, RecordSet},
};

/// Maximum of sets of one name and type with a routing policy. Geoproximity allows 30 ("Quotas").
const MAX_ROUTED_SETS: usize = 100;
const MAX_GEOPROXIMITY_SETS: usize = 30;

/// The errors of `set`, after its insertion into the zone under `key`.
pub(super) fn check(zone: &HostedZone, key: &Key, set: &RecordSet, messages: &mut Vec<String>) {
    let RecordSet { name, rtype, .. } = set;
    let apex = *name == zone.name;
    if rtype == "CNAME" && apex {
        messages.push(format!(
            "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {name}"
        ));
    }
    // An NS set cannot have a wildcard name (API reference of `ResourceRecordSet`).
    if rtype == "NS" && name.starts_with(r"\052.") {
        messages
            .push(format!("RRSet of type NS with DNS name {name} is not permitted in zone {}", zone.name));
    }
    if rtype == "SOA" && (!apex || set.set_identifier.is_some()) {
        messages.push(SOA_RULE.to_owned());
    }
    let mut of_other_type = zone.sets_of(key.name.clone()).filter(|other| other.rtype != *rtype);
    if rtype == "CNAME" {
        if !apex && of_other_type.next().is_some() {
            messages.push(format!(
                "RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with \
                 the same DNS name in zone {}",
                zone.name
            ));
        }
    } else if of_other_type.any(|other| other.rtype == "CNAME") {
        messages.push(format!(
            "RRSet of type {rtype} with DNS name {name} is not permitted because a conflicting RRSet of type CNAME \
             with the same DNS name already exists in zone {}",
            zone.name
        ));
    }
    check_routing(zone, key, set, messages);
    if let Some(target) = &set.alias_target {
        alias::check(zone, set, target, messages);
    }
}

pub(super) const SOA_RULE: &str = "A HostedZone must contain exactly one SOA record.";
pub(super) const NS_RULE: &str = "A HostedZone must contain at least one NS record for the zone itself.";

fn check_routing(zone: &HostedZone, key: &Key, set: &RecordSet, messages: &mut Vec<String>) {
    let RecordSet { name, rtype, .. } = set;
    let others = || {
        zone.sets_of(key.name.clone())
            .filter(|other| other.rtype == *rtype && other.set_identifier != set.set_identifier)
    };
    let Some((identifier, policy)) = set.set_identifier.as_ref().zip(set.policy()) else {
        if others().next().is_some() {
            messages.push(format!(
                "RRSet with DNS name {name}, type {rtype} cannot be created as other RRSets exist with the same name \
                 and type."
            ));
        }
        return;
    };
    let this = format!("RRSet with DNS name {name}, type {rtype}, SetIdentifier {identifier}");
    // The messages of some policies contain their value.
    let place = match policy {
        Policy::Latency => format!(", and Region Name={}", set.region.as_deref().unwrap_or_default()),
        Policy::Failover => format!(", and Failover={}", set.failover.as_deref().unwrap_or_default()),
        Policy::Geolocation => format!(", and routing to [{}]", geolocation(set)),
        _ => String::new(),
    };
    if others().any(|other| other.policy() != Some(policy)) {
        messages.push(match policy {
            Policy::Weighted => {
                format!("{this} cannot be created as a non-weighted set exists with the same name and type.")
            }
            Policy::MultiValue => format!(
                "{this} cannot be created because a non multivalue answer rrset exists with the same name and type."
            ),
            _ => format!(
                "{this}{place} cannot be created because a non-{} RRSet with the same name and type already exists.",
                word(policy)
            ),
        });
        return;
    }
    if policy == Policy::Weighted
        && others().any(|other| other.ttl.is_some() && set.ttl.is_some() && other.ttl != set.ttl)
    {
        messages.push(format!("{this} cannot be created as weighted sets must contain the same TTL."));
    }
    let taken = match policy {
        Policy::Latency => others().any(|other| other.region == set.region).then_some("region"),
        Policy::Failover => others().any(|other| other.failover == set.failover).then_some("failover"),
        Policy::Geolocation => {
            others().any(|other| other.geo_location == set.geo_location).then_some("location")
        }
        Policy::Cidr => {
            others().any(|other| other.cidr_routing_config == set.cidr_routing_config).then_some("location")
        }
        Policy::Weighted | Policy::MultiValue | Policy::Geoproximity => None,
    };
    if let Some(what) = taken {
        messages.push(format!(
            "{this}{place} cannot be created because a {} RRSet with the same name, type and {what} already exists.",
            word(policy)
        ));
    }
    let most = if policy == Policy::Geoproximity { MAX_GEOPROXIMITY_SETS } else { MAX_ROUTED_SETS };
    if others().count() >= most {
        messages.push(format!(
            "Exceeded limit on number of {} RRSets for {name}, type {rtype} in this zone.",
            word(policy)
        ));
    }
}

fn word(policy: Policy) -> &'static str {
    match policy {
        Policy::Weighted => "weighted",
        Policy::Latency => "latency",
        Policy::Failover => "failover",
        Policy::Geolocation => "GEO",
        Policy::MultiValue => "multivalue answer",
        Policy::Geoproximity => "geoproximity",
        Policy::Cidr => "CIDR",
    }
}

fn geolocation(set: &RecordSet) -> String {
    let Some(place) = &set.geo_location else { return String::new() };
    [
        ("continent", &place.continent_code),
        ("country", &place.country_code),
        ("subdivision", &place.subdivision_code),
    ]
    .into_iter()
    .filter_map(|(what, code)| code.as_ref().map(|code| format!("{what} = {code}")))
    .collect::<Vec<_>>()
    .join(", ")
}

#[cfg(test)]
mod tests {
    use crate::zone::{
        Change, CidrRoutingConfig, GeoLocation, GeoProximityLocation, HostedZone, RecordSet,
        tests::{a, of_type, refuses, zone},
    };

    #[test]
    fn a_cname_stands_alone() {
        let mut zone = zone();
        let cname = |name| of_type(name, "CNAME", "t.test");
        zone.change(&[Change::create(cname("cn.c.test")), Change::create(a("a.c.test"))]).unwrap();
        refuses(
            &mut zone,
            &[Change::create(cname("a.c.test"))],
            &[
                "RRSet of type CNAME with DNS name a.c.test. is not permitted as it conflicts with other records with the \
               same DNS name in zone c.test.",
            ],
        );
        for (rtype, value) in [("A", "192.0.2.1"), ("TXT", "\"x\""), ("AAAA", "::1")] {
            refuses(
                &mut zone,
                &[Change::upsert(of_type("cn.c.test", rtype, value))],
                &[&format!(
                    "RRSet of type {rtype} with DNS name cn.c.test. is not permitted because a conflicting RRSet of type \
                     CNAME with the same DNS name already exists in zone c.test."
                )],
            );
        }
        refuses(
            &mut zone,
            &[Change::create(cname("c.test"))],
            &["RRSet of type CNAME with DNS name c.test. is not permitted at apex in zone c.test."],
        );
        refuses(
            &mut zone,
            &[Change::create(RecordSet::simple("m.c.test", "CNAME", 300, ["a.test", "b.test"]))],
            &["Cannot have more than 1 records in a RRSet."],
        );
        // One batch can replace it.
        zone.change(&[Change::delete(cname("cn.c.test")), Change::create(a("cn.c.test"))]).unwrap();
    }

    #[test]
    fn routing_policies_do_not_mix() {
        let base = |zone: &mut HostedZone| {
            zone.change(&[
                Change::create(a("simple.c.test")),
                Change::create(a("weighted.c.test").weighted("one", 1)),
                Change::create(RecordSet {
                    set_identifier: Some("one".into()),
                    region: Some("eu-west-1".into()),
                    ..a("latency.c.test")
                }),
            ])
        };
        let mut zone = zone();
        base(&mut zone).unwrap();
        let with = |name: &str, id: &str, change: fn(&mut RecordSet)| {
            let mut set = RecordSet { set_identifier: Some(id.into()), ..a(name) };
            change(&mut set);
            set
        };
        let table = [
            (
                with("simple.c.test", "b", |set| set.weight = Some(1)),
                "RRSet with DNS name simple.c.test., type A, SetIdentifier b cannot be created as a non-weighted set exists \
                 with the same name and type.",
            ),
            (
                a("weighted.c.test"),
                "RRSet with DNS name weighted.c.test., type A cannot be created as other RRSets exist with the same name \
                 and type.",
            ),
            (
                with("weighted.c.test", "b", |set| set.region = Some("eu-west-1".into())),
                "RRSet with DNS name weighted.c.test., type A, SetIdentifier b, and Region Name=eu-west-1 cannot be created \
                 because a non-latency RRSet with the same name and type already exists.",
            ),
            (
                with("latency.c.test", "b", |set| set.region = Some("eu-west-1".into())),
                "RRSet with DNS name latency.c.test., type A, SetIdentifier b, and Region Name=eu-west-1 cannot be created \
                 because a latency RRSet with the same name, type and region already exists.",
            ),
            (
                with("simple.c.test", "b", |set| set.multi_value_answer = Some(true)),
                "RRSet with DNS name simple.c.test., type A, SetIdentifier b cannot be created because a non multivalue \
                 answer rrset exists with the same name and type.",
            ),
            (
                with("weighted.c.test", "b", |set| set.failover = Some("PRIMARY".into())),
                "RRSet with DNS name weighted.c.test., type A, SetIdentifier b, and Failover=PRIMARY cannot be created \
                 because a non-failover RRSet with the same name and type already exists.",
            ),
            (
                with("weighted.c.test", "b", |set| {
                    set.geo_location =
                        Some(GeoLocation { continent_code: Some("EU".into()), ..GeoLocation::default() });
                }),
                "RRSet with DNS name weighted.c.test., type A, SetIdentifier b, and routing to [continent = EU] cannot be \
                 created because a non-GEO RRSet with the same name and type already exists.",
            ),
            (
                with("weighted.c.test", "b", |set| (set.weight, set.ttl) = (Some(1), Some(60))),
                "RRSet with DNS name weighted.c.test., type A, SetIdentifier b cannot be created as weighted sets must \
                 contain the same TTL.",
            ),
        ];
        for (set, expected) in table {
            refuses(&mut zone, &[Change::upsert(set)], &[expected]);
        }
        // Sets of another type do not conflict.
        zone.change(&[Change::create(of_type("weighted.c.test", "TXT", "\"x\""))]).unwrap();
    }

    #[test]
    fn a_common_ttl_changes_in_one_batch() {
        let mut zone = zone();
        let set = |id: &str, ttl| RecordSet { ttl: Some(ttl), ..a("w.c.test") }.weighted(id, 1);
        zone.change(&[Change::create(set("one", 60)), Change::create(set("two", 60))]).unwrap();
        zone.change(&[Change::upsert(set("one", 120)), Change::upsert(set("two", 120))]).unwrap();
        refuses(
            &mut zone,
            &[Change::upsert(set("one", 60))],
            &[
                "RRSet with DNS name w.c.test., type A, SetIdentifier one cannot be created as weighted sets must contain the \
               same TTL.",
            ],
        );
    }

    #[test]
    fn a_policy_has_at_most_a_hundred_sets() {
        let mut zone = zone();
        let sets: Vec<_> =
            (0..100).map(|n| Change::create(a("w.c.test").weighted(n.to_string(), 1))).collect();
        zone.change(&sets).unwrap();
        refuses(
            &mut zone,
            &[Change::create(a("w.c.test").weighted("more", 1))],
            &["Exceeded limit on number of weighted RRSets for w.c.test., type A in this zone."],
        );
    }

    #[test]
    fn apex_ns_and_soa_stay() {
        let mut zone = zone();
        let ns = zone.get("c.test", "NS", None).unwrap().clone();
        let soa = zone.get("c.test", "SOA", None).unwrap().clone();
        refuses(
            &mut zone,
            &[Change::delete(ns.clone()), Change::delete(soa.clone())],
            &[
                "A HostedZone must contain at least one NS record for the zone itself.",
                "A HostedZone must contain exactly one SOA record.",
            ],
        );
        refuses(
            &mut zone,
            &[Change::create(RecordSet { name: "sub.c.test".into(), ..soa })],
            &["A HostedZone must contain exactly one SOA record."],
        );
        zone.change(&[Change::upsert(RecordSet { ttl: Some(60), ..ns })]).unwrap();
        let cut = of_type("sub.c.test", "NS", "ns.other.test");
        zone.change(&[Change::create(cut.clone())]).unwrap();
        zone.change(&[Change::delete(cut)]).unwrap();
        refuses(
            &mut zone,
            &[Change::create(of_type("*.c.test", "NS", "ns.other.test"))],
            &[r"RRSet of type NS with DNS name \052.c.test. is not permitted in zone c.test."],
        );
    }

    #[test]
    fn places_of_a_policy_are_taken_once() {
        let start = "RRSet with DNS name p.c.test., type A, SetIdentifier two";
        let end = "RRSet with the same name, type and";
        let place = GeoLocation { country_code: Some("DE".into()), ..GeoLocation::default() };
        let location = CidrRoutingConfig { collection_id: "c".into(), location_name: "*".into() };
        for (set, expected) in [
            (
                RecordSet { failover: Some("PRIMARY".into()), ..a("p.c.test") },
                format!(
                    "{start}, and Failover=PRIMARY cannot be created because a failover {end} failover already exists."
                ),
            ),
            (
                RecordSet { geo_location: Some(place), ..a("p.c.test") },
                format!(
                    "{start}, and routing to [country = DE] cannot be created because a GEO {end} location already exists."
                ),
            ),
            (
                RecordSet { cidr_routing_config: Some(location), ..a("p.c.test") },
                format!("{start} cannot be created because a CIDR {end} location already exists."),
            ),
        ] {
            let mut zone = zone();
            let with = |id: &str| RecordSet { set_identifier: Some(id.into()), ..set.clone() };
            zone.change(&[Change::create(with("one"))]).unwrap();
            refuses(&mut zone, &[Change::create(with("two"))], &[&expected]);
        }
    }

    #[test]
    fn geoproximity_has_at_most_thirty_sets() {
        let mut zone = zone();
        let set = |n: usize| {
            let place =
                GeoProximityLocation { aws_region: Some(format!("r{n}")), ..GeoProximityLocation::default() };
            let set = RecordSet { geo_proximity_location: Some(place), ..a("p.c.test") };
            Change::create(RecordSet { set_identifier: Some(n.to_string()), ..set })
        };
        zone.change(&(0..30).map(set).collect::<Vec<_>>()).unwrap();
        let expected = "Exceeded limit on number of geoproximity RRSets for p.c.test., type A in this zone.";
        refuses(&mut zone, &[set(30)], &[expected]);
    }
}
