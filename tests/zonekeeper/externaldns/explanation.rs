//! Explains differences between ExternalDNS and zonekeeper by rules. Each rule has the id of its row in
//! `docs/externaldns.md`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use zonekeeper_core::dns::{Data, Name, RecordSet, RecordType};

use super::{
    emulated_zone::{APEX, canonical},
    keeper::Kept,
    record_text::record_set,
    situation::Situation,
};

/// One hostname with everything that is known about it.
struct Host<'s> {
    name: String,
    situation: &'s Situation,
    /// The record sets before, after ExternalDNS and after zonekeeper, with their ownership records.
    before: Vec<RecordSet>,
    theirs: Vec<RecordSet>,
    ours: Vec<RecordSet>,
    /// The labels and texts of the reasons for which zonekeeper blocks it.
    reasons: Vec<(&'static str, String)>,
    /// The warnings of zonekeeper about its objects.
    warnings: String,
    /// Its objects.
    objects: Vec<Value>,
}

type Rule = (&'static str, fn(&Host<'_>) -> bool);

/// The rules for a hostname at which the zones differ.
const RULES: [Rule; 53] = [
    ("other-provider-annotation", |host| {
        host.has_object_with("cloudflare-")
            && (host.has_same_answers() || (host.situation.fails && host.is_missing()))
    }),
    ("apex-without-owner", |host| host.name == APEX && host.has_only_own_names()),
    ("long-label-without-owner", |host| host.name != APEX && host.has_only_own_names()),
    ("ownership-record-of-others", |host| host.is_blocked("OwnedBy") && records(&host.before).is_empty()),
    ("half-unit", |host| {
        ["OwnedBy", "Unowned"].iter().any(|label| host.is_blocked(label))
            && !records(&host.before).is_empty()
            && host.ours == host.before
    }),
    ("set-identifier-of-others", |host| host.is_blocked("ClaimedBy") && host.lacks_set_identifier()),
    ("underscored-name", |host| host.is_blocked("SpeaksForOthers")),
    ("merged-objects", |host| host.is_blocked("ClaimedBy") || host.is_blocked("MergeUndecided")),
    ("endpoint-controller", |host| {
        host.is_annotated("controller", "other") && host.has_kind("DNSEndpoint") && host.ours == host.before
    }),
    ("endpoint-other-types", |host| host.has_bad_field(&["recordType: zonekeeper never writes"])),
    ("endpoint-ownership", |host| host.has_bad_field(&["a TXT with `heritage=`"])),
    ("endpoint-labels", |host| host.has_entry_labels() && records(&host.theirs) == records(&host.ours)),
    ("endpoint-srv", |host| host.writes_alone(&RecordType::Srv)),
    ("endpoint-text", |host| host.situation.fails && host.writes_alone(&RecordType::Txt)),
    ("special-address", |host| host.is_blocked("SpecialAddress")),
    ("reserved-label", |host| {
        host.is_blocked("ReservedName") && host.name.split('.').any(|label| label.starts_with('_'))
    }),
    ("wildcard-replacement-taken", |host| host.is_blocked("ReservedName") && host.has_flag("--txt-wildcard")),
    ("unknown-load-balancer", |host| host.is_blocked("UnknownLoadBalancerZone")),
    ("several-load-balancers", |host| host.is_blocked("ManyCnameTargets")),
    ("delegated-name", |host| host.is_blocked("BelowZoneCut")),
    ("unreadable-ownership", |host| host.is_blocked("OwnershipUnreadable")),
    ("ttl-limit", |host| host.warnings.contains("is more than --max-ttl")),
    ("routing-policy-changed", |host| host.is_blocked("RoutingConflict") && host.ours == host.before),
    ("mixed-policies", |host| {
        let is_blocked = host.is_blocked("RoutingConflict") || host.is_blocked("TypeConflict");
        let is_of_claims = || host.reasons.iter().any(|(_, text)| text.contains("another claim on"));
        is_blocked && (host.is_missing() || is_of_claims())
    }),
    ("wildcard-cname", |host| host.is_blocked("CoversOthers")),
    ("unreadable-choice", |host| {
        host.has_bad_field(&["alias`", "/alias:", "evaluate-target-health", "/access:", "/endpoints-type:"])
    }),
    ("unusable-target", |host| host.has_bad_field(&["/target:", "targets:", "status"])),
    ("unknown-hostname-source", |host| host.has_bad_field(&["ingress-hostname-source"])),
    ("unusable-routing", |host| host.has_bad_field(&["/aws-", "set-identifier"])),
    ("address-and-host-name", |host| host.warnings.contains("IP addresses win over host names")),
    ("alias-without-type", |host| host.has_alias_within_zone() && host.is_missing()),
    ("more-alias-services", |host| {
        host.is_annotated("alias", "true") && host.has_alias() && host.is_missing()
    }),
    ("alias-to-address", |host| {
        let is_address = |set: &RecordSet| set.rtype().is_address() && !set.is_alias();
        host.is_annotated("alias", "true") && host.is_missing() && host.new_records().any(is_address)
    }),
    ("cloudfront-health", |host| host.has_object_with("cloudfront.net") && host.is_missing()),
    ("long-resource", |host| host.has_long_object() && host.is_missing()),
    ("unicode-hostname", |host| host.name.contains("xn--") && host.is_missing()),
    ("routing-spelling", |host| host.has_routing_in_lower_case()),
    ("forgotten-alias-zone", |host| host.had_alias_of_unknown_zone()),
    ("upper-case-zone", |host| host.has_object_with("EXAMPLE.com") && host.is_missing()),
    ("weighted-ttl", |host| host.has_shared_ttl() && host.is_missing()),
    ("older-ownership-names", |host| host.has_only_older_names()),
    ("migration-rewrites", |host| host.has_flag("--migrate-from") && host.has_only_other_ttls()),
    ("rewrites-forever", |host| {
        host.situation.restless && make_restless(&host.objects) && host.has_only_other_ttls()
    }),
    ("stale-resource", |host| host.has_stale_resource()),
    ("older-prefix", |host| {
        host.has_object_with("external-dns.alpha.kubernetes.io/")
            && (host.is_missing() || host.has_only_other_ttls())
    }),
    ("template-failure", |host| {
        host.has_flag("--fqdn-template") && host.situation.fails && host.is_missing()
    }),
    ("target-template", |host| host.has_flag("--fqdn-target-template") && host.ours == host.before),
    ("other-types-beside", |host| host.is_missing() && host.is_beside_other_type()),
    ("filtered-host-names", |host| {
        host.has_flag("--target-net-filter") && host.has_host_name() && host.theirs.len() < host.ours.len()
    }),
    ("domain-filter-of-zones", |host| {
        (host.has_flag("--domain-filter") || host.has_flag("--regex-domain")) && host.is_missing()
    }),
    ("annotation-filter-not", |host| {
        host.has_flag("--annotation-filter") && host.situation.fails && host.is_missing()
    }),
    ("annotation-filter-of-endpoints", |host| {
        host.has_flag("--annotation-filter") && host.has_flag("--source=crd") && host.is_missing()
    }),
    ("deletion", |host| host.has_flag("--policy=sync") && host.has_deletion()),
];

/// The annotations and properties that make ExternalDNS write in every run.
const RESTLESS: [&str; 8] = [
    "aws-target-hosted-zone",
    "aws-hosted-zone-id",
    "aws-multi-value-answer",
    "aws-something",
    "record-type",
    "aws-weight",
    "aws-geolocation",
    "aws-geoproximity",
];

/// The ids of the rows that explain all differences; none if both zones are equal and ExternalDNS is at rest.
///
/// # Errors
/// The hostnames that no rule explains.
pub fn explain(situation: &Situation, kept: &Kept) -> Result<BTreeSet<&'static str>, String> {
    let after = situation.after.as_deref().unwrap_or_default();
    let mut ids = BTreeSet::new();
    let mut unexplained = Vec::new();
    for host in hosts(situation, after, kept).filter(|host| host.theirs != host.ours) {
        // The first rule is the most specific one.
        match RULES.iter().find(|(_, holds)| holds(&host)) {
            Some((id, _)) => drop(ids.insert(*id)),
            None => unexplained.push(host.name),
        }
    }
    if situation.restless && ids.is_empty() {
        match restless(situation) {
            Some(id) => drop(ids.insert(id)),
            None => unexplained.push("restless".to_owned()),
        }
    }
    if unexplained.is_empty() { Ok(ids) } else { Err(unexplained.join(", ")) }
}

/// The row that explains why ExternalDNS does not come to rest.
fn restless(situation: &Situation) -> Option<&'static str> {
    if situation.args.iter().any(|arg| arg.starts_with("--migrate-from-txt-owner")) {
        Some("migration-rewrites")
    } else if situation.objects.contains("cloudflare-") {
        Some("other-provider-annotation")
    } else {
        make_restless(&documents(situation)).then_some("rewrites-forever")
    }
}

/// Whether one of these objects makes ExternalDNS write in every run.
fn make_restless(objects: &[Value]) -> bool {
    let texts = objects.iter().map(Value::to_string);
    let is_restless = |text: String| RESTLESS.iter().any(|key| text.contains(key));
    texts.into_iter().any(is_restless) || objects.iter().flat_map(entries).any(is_cname_with_dot)
}

// === impl Host ===

impl Host<'_> {
    fn is_blocked(&self, label: &str) -> bool {
        self.reasons.iter().any(|(found, _)| *found == label)
    }

    /// Whether zonekeeper blocks the hostname because of one of these fields.
    fn has_bad_field(&self, fields: &[&str]) -> bool {
        let is_it = |text: &str| fields.iter().any(|field| text.contains(field));
        self.reasons
            .iter()
            .any(|(label, text)| matches!(*label, "InvalidField" | "InvalidRouting") && is_it(text))
    }

    fn has_flag(&self, flag: &str) -> bool {
        self.situation.args.iter().any(|arg| arg.starts_with(flag))
    }

    fn has_object_with(&self, text: &str) -> bool {
        self.objects.iter().any(|object| object.to_string().contains(text))
    }

    fn has_kind(&self, kind: &str) -> bool {
        self.objects.iter().any(|object| object["kind"] == kind)
    }

    /// Whether an entry of a `DNSEndpoint` has labels.
    fn has_entry_labels(&self) -> bool {
        self.objects.iter().flat_map(entries).any(|entry| entry.get("labels").is_some())
    }

    fn is_annotated(&self, key: &str, value: &str) -> bool {
        self.annotation(key) == Some(value)
    }

    /// The annotation of the first object that has it.
    fn annotation(&self, key: &str) -> Option<&str> {
        let pointer = format!("/metadata/annotations/external-dns.kubernetes.io~1{key}");
        self.objects.iter().find_map(|object| object.pointer(&pointer)?.as_str())
    }

    /// Whether zonekeeper's records lead to a host name.
    fn has_host_name(&self) -> bool {
        self.ours.iter().any(|set| set.is_alias() || *set.rtype() == RecordType::Cname)
    }

    /// Whether ExternalDNS has not written what zonekeeper has.
    fn is_missing(&self) -> bool {
        self.theirs == self.before && self.ours != self.before
    }

    /// Whether ExternalDNS has a set identifier that zonekeeper has not.
    fn lacks_set_identifier(&self) -> bool {
        let set_ids = |sets: &[RecordSet]| -> BTreeSet<_> {
            sets.iter().filter_map(|set| set.key.set_id.clone()).collect()
        };
        !set_ids(&self.theirs).is_subset(&set_ids(&self.ours))
    }

    /// Whether both have records of the same types with the same values, under any routing policy and options.
    fn has_same_answers(&self) -> bool {
        let answers = |sets: &[RecordSet]| -> BTreeSet<String> {
            let of = |set: &RecordSet| format!("{} {:?} {}", set.rtype(), set.values(), set.is_alias());
            records(sets).iter().map(of).collect()
        };
        answers(&self.theirs) == answers(&self.ours)
    }

    /// Whether only zonekeeper has written a record set of this type.
    fn writes_alone(&self, rtype: &RecordType) -> bool {
        self.is_missing() && self.new_records().any(|set| set.rtype() == rtype)
    }

    /// The record sets that zonekeeper has written.
    fn new_records(&self) -> impl Iterator<Item = &RecordSet> {
        self.ours.iter().filter(|set| !is_ownership(set) && !self.before.contains(set))
    }

    /// Whether zonekeeper has written a record set beside one of a managed type that shares no traffic with it.
    fn is_beside_other_type(&self) -> bool {
        let is_managed = |rtype: &RecordType| {
            rtype.is_address() || self.has_flag(&format!("--managed-record-types={rtype}"))
        };
        // The texts of zones leave out the NS records of the apex.
        (self.name == APEX && is_managed(&RecordType::Ns))
            || records(&self.before).iter().filter(|set| is_managed(set.rtype())).any(|set| {
                self.new_records().any(|new| !(set.rtype().is_address() && new.rtype().is_address()))
            })
    }

    /// Whether ExternalDNS has deleted a record set.
    fn has_deletion(&self) -> bool {
        self.before.iter().any(|set| !self.theirs.iter().any(|other| other.key == set.key))
    }

    /// Whether an object has so long a name that it does not fit into an ownership record.
    fn has_long_object(&self) -> bool {
        let length =
            |object: &Value, field| object.pointer(field).and_then(Value::as_str).map_or(0, str::len);
        self.objects
            .iter()
            .any(|object| length(object, "/metadata/namespace") + length(object, "/metadata/name") > 150)
    }

    fn has_alias(&self) -> bool {
        self.ours.iter().any(RecordSet::is_alias)
    }

    /// Whether an alias of zonekeeper leads to a name of the zone.
    fn has_alias_within_zone(&self) -> bool {
        let is_within = |target: &Name| target.as_str().ends_with(APEX);
        self.ours.iter().any(|set| matches!(&set.data, Data::Alias(alias) if is_within(&alias.target)))
    }

    /// Whether zonekeeper gives two objects with different TTLs a common one.
    fn has_shared_ttl(&self) -> bool {
        self.objects.len() > 1 && self.ours.iter().any(|set| set.key.set_id.is_some())
    }

    /// Whether a failover role or a country is in lower case.
    fn has_routing_in_lower_case(&self) -> bool {
        ["aws-failover", "aws-geolocation-country-code"].iter().any(|key| {
            let value = self.annotation(key);
            value.is_some_and(|value| value.bytes().any(|byte| byte.is_ascii_lowercase()))
        })
    }

    /// Whether an alias led to a hosted zone that ExternalDNS does not find for its target.
    fn had_alias_of_unknown_zone(&self) -> bool {
        self.theirs == self.before
            && self
                .before
                .iter()
                .any(|set| matches!(&set.data, Data::Alias(alias) if alias.zone.as_str() == "Z0MOON"))
    }

    /// Whether the zones differ only in ownership records with names of zonekeeper's own.
    fn has_only_own_names(&self) -> bool {
        let others: Vec<RecordSet> =
            self.ours.iter().filter(|set| !set.name().as_str().starts_with("_zk-")).cloned().collect();
        others == self.theirs
    }

    /// Whether ExternalDNS has rewritten a right record, and perhaps its TTL, to add an ownership record beside an older
    /// one.
    fn has_only_older_names(&self) -> bool {
        let records = records(&self.before);
        !records.is_empty()
            && self.before.iter().any(is_ownership)
            && self.has_only_other_ttls()
            && self.theirs.len() > self.ours.len()
    }

    /// Whether the records of both give the same answers, with any TTL.
    fn has_only_other_ttls(&self) -> bool {
        let [theirs, ours] = [records(&self.theirs), records(&self.ours)];
        theirs.len() == ours.len()
            && theirs.iter().zip(&ours).all(|(one, other)| one.key == other.key && one.answers_like(other))
    }

    /// Whether our ownership record was there before the record, and ExternalDNS has left the name of another object in it.
    fn has_stale_resource(&self) -> bool {
        let ownership = |sets: &[RecordSet]| -> Vec<RecordSet> {
            sets.iter().filter(|set| is_ownership(set)).cloned().collect()
        };
        records(&self.theirs) == records(&self.ours)
            && ownership(&self.before).iter().any(|set| self.theirs.contains(set) && !self.ours.contains(set))
    }
}

/// All hostnames of the zones and the plan.
fn hosts<'s>(situation: &'s Situation, after: &str, kept: &Kept) -> impl Iterator<Item = Host<'s>> {
    let zones = [situation.zone.as_str(), after, kept.zone.as_str()].map(sets);
    let mut names: BTreeSet<String> =
        kept.plan.blocked.iter().map(|blocked| name_of(&blocked.subject)).collect();
    names.extend(zones.iter().flatten().filter(|set| !is_ownership(set)).map(|set| set.name().to_string()));
    let [before, theirs, ours] = zones.map(|sets| by_host(situation, sets, &names));
    names.extend([&before, &theirs, &ours].into_iter().flat_map(BTreeMap::keys).cloned());
    let documents = documents(situation);
    let hosts: Vec<Host<'s>> = names
        .into_iter()
        .map(|name| {
            let of = |sets: &BTreeMap<String, Vec<RecordSet>>| sets.get(&name).cloned().unwrap_or_default();
            let blocked = kept.plan.blocked.iter().filter(|blocked| name_of(&blocked.subject) == name);
            let is_its = |object: &&Value| object.to_string().to_lowercase().contains(&name);
            let mut objects: Vec<Value> = documents.iter().filter(is_its).cloned().collect();
            if objects.is_empty() {
                objects.clone_from(&documents);
            }
            Host {
                situation,
                before: of(&before),
                theirs: of(&theirs),
                ours: of(&ours),
                reasons: blocked
                    .map(|blocked| (blocked.reason.label(), blocked.reason.to_string()))
                    .collect(),
                warnings: kept.plan.to_string(),
                objects,
                name,
            }
        })
        .collect();
    hosts.into_iter()
}

/// The objects of a situation.
fn documents(situation: &Situation) -> Vec<Value> {
    let texts = situation.objects.split("---\n");
    texts.filter_map(|text| serde_saphyr::from_str(text).ok()).collect()
}

/// The entries of a `DNSEndpoint`.
fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/spec/endpoints").and_then(Value::as_array).into_iter().flatten()
}

/// Whether an entry of a `DNSEndpoint` is a CNAME with a dot at the end of its target.
fn is_cname_with_dot(entry: &Value) -> bool {
    let target = entry.pointer("/targets/0").and_then(Value::as_str).unwrap_or_default();
    entry["recordType"] == "CNAME" && target.ends_with('.')
}

/// The hostname of a blocked claim.
fn name_of(subject: &impl ToString) -> String {
    subject.to_string().split(' ').next().unwrap_or_default().to_owned()
}

fn sets(zone: &str) -> Vec<RecordSet> {
    canonical(zone).lines().filter_map(|line| record_set(line).ok()).collect()
}

/// The record sets without ownership records.
fn records(sets: &[RecordSet]) -> Vec<RecordSet> {
    sets.iter().filter(|set| !is_ownership(set)).cloned().collect()
}

fn is_ownership(set: &RecordSet) -> bool {
    *set.rtype() == RecordType::Txt
        && set.values().iter().any(|value| value.contains("heritage=external-dns"))
}

/// Record sets by hostname, each with its ownership record.
fn by_host(
    situation: &Situation,
    sets: Vec<RecordSet>,
    names: &BTreeSet<String>,
) -> BTreeMap<String, Vec<RecordSet>> {
    let mut found: BTreeMap<String, Vec<RecordSet>> = BTreeMap::new();
    for set in sets {
        let at = set.name().to_string();
        let stated = set.values().iter().find_map(|value| {
            let (_, name) = value.split_once("zonekeeper/name=")?;
            Some(name.trim_end_matches('"').to_owned())
        });
        let host = match stated {
            Some(name) => name,
            None if is_ownership(&set) => {
                let is_beside = |name: &&String| belongs(situation, &at, name);
                names.iter().filter(is_beside).max_by_key(|name| name.len()).cloned().unwrap_or(at)
            }
            None => at,
        };
        found.entry(host).or_default().push(set);
    }
    for sets in found.values_mut() {
        sets.sort_by(|one, other| one.key.cmp(&other.key));
    }
    found
}

/// Whether the ownership record at a name belongs to a hostname, with the type in its name or without.
fn belongs(situation: &Situation, at: &str, host: &str) -> bool {
    let value = |flag| situation.args.iter().find_map(|arg| arg.strip_prefix(flag)).unwrap_or_default();
    let [prefix, suffix] = ["--txt-prefix=", "--txt-suffix="].map(|flag| value(flag).to_lowercase());
    let (first, rest) = host.split_once('.').unwrap_or((host, ""));
    let first = match value("--txt-wildcard-replacement=") {
        replacement if first == "*" && !replacement.is_empty() => replacement,
        _ => first,
    };
    ["", "a", "aaaa", "cname", "txt", "mx", "srv", "caa", "ns", "naptr"].iter().any(|rtype| {
        let has_type = format!("{prefix}{suffix}").contains("%{record_type}");
        let first = if has_type || rtype.is_empty() { first.to_owned() } else { format!("{rtype}-{first}") };
        let [prefix, suffix] = [&prefix, &suffix].map(|affix| affix.replace("%{record_type}", rtype));
        at == format!("{prefix}{first}{suffix}.{rest}")
    })
}
