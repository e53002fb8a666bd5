//! A hostname of a situation, with everything that is known about it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use zonekeeper_core::{
    dns::{Data, Name, RecordSet, RecordType, Rule},
    source::ObjectRef,
};

use super::{
    emulated_zone::{APEX, canonical},
    keeper::Kept,
    record_text::record_set,
    situation::Situation,
};

/// The types in the names of ownership records.
const TYPES: [&str; 9] = ["a", "aaaa", "cname", "txt", "mx", "srv", "caa", "ns", "naptr"];

/// One hostname with everything that is known about it.
pub struct Host<'s> {
    pub name: String,
    pub situation: &'s Situation,
    /// The record sets before, after ExternalDNS and after zonekeeper, with their ownership records.
    pub before: Vec<RecordSet>,
    pub theirs: Vec<RecordSet>,
    pub ours: Vec<RecordSet>,
    /// The labels and texts of the reasons for which zonekeeper blocks it.
    pub reasons: Vec<(&'static str, String)>,
    /// The warnings of zonekeeper about its objects.
    pub warnings: Vec<String>,
    /// Its objects.
    pub objects: Vec<Value>,
}

// === impl Host ===

impl Host<'_> {
    /// Whether zonekeeper blocks the hostname for this reason, and so writes nothing. Another object, or another set
    /// identifier, can still have its record.
    pub fn is_blocked(&self, label: &str) -> bool {
        let has_another_writer = self.objects.len() > 1 || self.has_set_identifier();
        (self.is_kept() || has_another_writer) && self.reasons.iter().any(|(found, _)| *found == label)
    }

    /// Whether zonekeeper blocks the hostname because of one of these fields.
    pub fn has_bad_field(&self, fields: &[&str]) -> bool {
        let is_it = |text: &str| fields.iter().any(|field| text.contains(field));
        ["InvalidField", "InvalidRouting"].iter().any(|label| {
            self.is_blocked(label) && self.reasons.iter().any(|(found, text)| found == label && is_it(text))
        })
    }

    /// Whether an ownership record of another hostname excludes a CNAME of this one, or the reverse.
    pub fn has_place_of_other(&self) -> bool {
        let of_other = |text: &str| {
            let Some((_, place)) = text.split_once(" record at ") else { return false };
            let place = place.split(' ').next().unwrap_or_default();
            text.contains(&format!("TXT record at {} ", self.name))
                || belongs(self.situation, place, &self.name, &TYPES)
        };
        self.reasons.iter().any(|(label, text)| *label == "TypeConflict" && of_other(text))
    }

    /// Whether ExternalDNS has an ownership record at this name, or a CNAME at the name of one of our ownership records.
    pub fn lacks_place(&self) -> bool {
        let after = self.situation.after.as_deref().unwrap_or_default();
        let is_at =
            |line: &str, name: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '));
        let mut places = self.ours.iter().filter(|set| is_ownership(set)).map(|set| set.name().to_string());
        let has_other = |name: &str| after.lines().any(|line| is_at(line, name) && line.contains(" CNAME "));
        let is_of_itself = |set: &RecordSet| is_ownership(set) && set.name().as_str() == self.name;
        let has_ownership = |line: &str| is_at(line, &self.name) && line.contains("heritage=external-dns");
        (after.lines().any(has_ownership) && !self.theirs.iter().any(is_of_itself))
            || places.any(|place| has_other(&place))
    }

    /// Whether zonekeeper warns of something with this text.
    pub fn has_warning(&self, text: &str) -> bool {
        self.warnings.iter().any(|warning| warning.contains(text))
    }

    pub fn has_flag(&self, flag: &str) -> bool {
        self.situation.args.iter().any(|arg| arg.starts_with(flag))
    }

    pub fn has_object_with(&self, text: &str) -> bool {
        self.objects.iter().any(|object| object.to_string().contains(text))
    }

    pub fn has_kind(&self, kind: &str) -> bool {
        self.objects.iter().any(|object| object["kind"] == kind)
    }

    /// Whether an entry of a `DNSEndpoint` has labels.
    pub fn has_entry_labels(&self) -> bool {
        self.objects.iter().flat_map(entries).any(|entry| entry.get("labels").is_some())
    }

    /// Whether an object has an annotation with this value.
    pub fn is_annotated(&self, key: &str, value: &str) -> bool {
        self.annotations(key).any(|annotation| annotation == value)
    }

    /// The values of an annotation in all objects.
    fn annotations<'h>(&'h self, key: &str) -> impl Iterator<Item = &'h str> + use<'h> {
        let pointer = format!("/metadata/annotations/external-dns.kubernetes.io~1{key}");
        self.objects.iter().filter_map(move |object| object.pointer(&pointer)?.as_str())
    }

    /// Whether an object names a source of hostnames that ExternalDNS does not know.
    pub fn has_unknown_hostname_source(&self) -> bool {
        let is_known = |source: &str| {
            ["annotation-only", "defined-hosts-only"].contains(&source.to_lowercase().as_str())
        };
        self.annotations("ingress-hostname-source").any(|source| !is_known(source))
    }

    /// Whether zonekeeper's records lead to a host name.
    pub fn has_host_name(&self) -> bool {
        self.ours.iter().any(leads_to_name)
    }

    /// Whether zonekeeper has written nothing.
    pub fn is_kept(&self) -> bool {
        self.ours == self.before
    }

    /// Whether ExternalDNS reports an error, and has not written what zonekeeper has.
    pub fn is_refused(&self) -> bool {
        self.situation.fails && self.is_missing()
    }

    /// Whether ExternalDNS has not written what zonekeeper has.
    pub fn is_missing(&self) -> bool {
        self.theirs == self.before && self.ours != self.before
    }

    fn has_set_identifier(&self) -> bool {
        self.ours.iter().any(|set| set.key.set_id.is_some())
    }

    /// Whether ExternalDNS has a set identifier that zonekeeper has not.
    pub fn lacks_set_identifier(&self) -> bool {
        let set_ids = |sets: &[RecordSet]| -> BTreeSet<_> {
            sets.iter().filter_map(|set| set.key.set_id.clone()).collect()
        };
        !set_ids(&self.theirs).is_subset(&set_ids(&self.ours))
    }

    /// Whether zonekeeper blocks an object because another one has the hostname.
    pub fn is_contested(&self) -> bool {
        self.is_blocked("ClaimedBy") || self.is_blocked("MergeUndecided")
    }

    /// Whether ExternalDNS has all targets that zonekeeper has, and more of them.
    pub fn has_more_targets(&self) -> bool {
        let (theirs, ours) = (targets(&self.theirs), targets(&self.ours));
        !ours.is_empty() && theirs.len() > ours.len() && theirs.is_superset(&ours)
    }

    /// Whether ExternalDNS follows another object than zonekeeper: their ownership records name different objects, and the
    /// objects have different targets or TTLs.
    pub fn follows_other_object(&self) -> bool {
        let objects = |sets: &[RecordSet]| -> BTreeSet<String> {
            let values = sets.iter().filter(|set| is_ownership(set)).flat_map(RecordSet::values);
            values.filter_map(|value| Some(value.split_once("/resource=")?.1.to_owned())).collect()
        };
        let [theirs, ours] = [objects(&self.theirs), objects(&self.ours)];
        !theirs.is_empty() && theirs != ours && records(&self.theirs) != records(&self.ours)
    }

    /// Whether both have records of the same types with the same values, under any routing policy and options.
    pub fn has_same_answers(&self) -> bool {
        let answers = |sets: &[RecordSet]| -> BTreeSet<String> {
            let of = |set: &RecordSet| format!("{} {:?} {}", set.rtype(), set.values(), set.is_alias());
            records(sets).iter().map(of).collect()
        };
        answers(&self.theirs) == answers(&self.ours)
    }

    /// Whether only zonekeeper has written a record set of this type.
    pub fn writes_alone(&self, rtype: &RecordType) -> bool {
        self.is_missing() && self.new_records().any(|set| set.rtype() == rtype)
    }

    /// The record sets that zonekeeper has written.
    pub fn new_records(&self) -> impl Iterator<Item = &RecordSet> {
        self.ours.iter().filter(|set| !is_ownership(set) && !self.before.contains(set))
    }

    /// Whether zonekeeper has written a record set beside one of a managed type that shares no traffic with it.
    pub fn is_beside_other_type(&self) -> bool {
        let is_managed = |rtype: &RecordType| {
            rtype.is_address() || self.has_flag(&format!("--managed-record-types={rtype}"))
        };
        // The texts of zones leave out the NS records of the apex.
        (self.name == APEX && is_managed(&RecordType::Ns))
            || records(&self.before).iter().filter(|set| is_managed(set.rtype())).any(|set| {
                self.new_records().any(|new| !(set.rtype().is_address() && new.rtype().is_address()))
            })
    }

    /// Whether ExternalDNS has deleted a record set that zonekeeper has kept.
    pub fn has_deletion(&self) -> bool {
        let has = |sets: &[RecordSet], set: &RecordSet| sets.iter().any(|other| other.key == set.key);
        self.before.iter().all(|set| has(&self.ours, set))
            && !self.before.iter().all(|set| has(&self.theirs, set))
    }

    /// Whether an object has so long a name that it does not fit into an ownership record.
    pub fn has_long_object(&self) -> bool {
        let length =
            |object: &Value, field| object.pointer(field).and_then(Value::as_str).map_or(0, str::len);
        self.objects
            .iter()
            .any(|object| length(object, "/metadata/namespace") + length(object, "/metadata/name") > 150)
    }

    /// Whether an object asks for a record that is neither an address nor a CNAME.
    pub fn asks_for_other_type(&self) -> bool {
        let is_other =
            |entry: &Value| !matches!(entry["recordType"].as_str(), Some("A" | "AAAA" | "CNAME") | None);
        self.objects.iter().flat_map(entries).any(is_other)
            || (self.name.starts_with('_') && self.has_object_with("NodePort"))
    }

    /// Whether an object has this hostname in two spellings.
    pub fn is_spelled_twice(&self) -> bool {
        let is_it = |name: &&str| name.trim().eq_ignore_ascii_case(&self.name);
        self.annotations("hostname").any(|names| names.split(',').filter(is_it).count() > 1)
    }

    /// Whether an object has this hostname with upper case letters.
    pub fn is_spelled_in_upper_case(&self) -> bool {
        let is_it = |name: &str| name.trim() != self.name && name.trim().eq_ignore_ascii_case(&self.name);
        self.annotations("hostname").any(|names| names.split(',').any(is_it))
    }

    /// Whether ExternalDNS has written an address twice into one record set.
    pub fn has_address_twice(&self) -> bool {
        let has_twice = |set: &RecordSet| {
            let values: BTreeSet<_> = set.values().iter().collect();
            set.rtype().is_address() && values.len() < set.values().len()
        };
        self.theirs.iter().any(has_twice)
    }

    pub fn has_alias(&self) -> bool {
        self.ours.iter().any(RecordSet::is_alias)
    }

    /// Whether an alias of zonekeeper leads to a name of the zone.
    pub fn has_alias_within_zone(&self) -> bool {
        let is_within = |target: &Name| target.as_str().ends_with(APEX);
        self.ours.iter().any(|set| matches!(&set.data, Data::Alias(alias) if is_within(&alias.target)))
    }

    /// Whether zonekeeper gives the weighted record sets of one type a common TTL for which an object does not ask.
    pub fn has_shared_ttl(&self) -> bool {
        let is_weighted = |set: &&RecordSet| matches!(set.routing.rule(), Some(Rule::Weight(_)));
        let mut ttls: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for set in records(&self.ours).iter().filter(is_weighted) {
            ttls.entry(set.rtype().to_string()).or_default().extend(set.ttl().map(|ttl| ttl.to_string()));
        }
        let is_asked = |ttl: &str| {
            let asked = |object: &Value| {
                let pointer = "/metadata/annotations/external-dns.kubernetes.io~1ttl";
                object.pointer(pointer).and_then(Value::as_str).unwrap_or("300") == ttl
            };
            self.objects.iter().all(asked)
        };
        ttls.values().any(|ttls| match &ttls[..] {
            [first, rest @ ..] => !rest.is_empty() && rest.iter().all(|ttl| ttl == first) && !is_asked(first),
            [] => false,
        })
    }

    /// Whether a failover role or a country is in lower case.
    pub fn has_routing_in_lower_case(&self) -> bool {
        ["aws-failover", "aws-geolocation-country-code"]
            .iter()
            .any(|key| self.annotations(key).any(|value| value.bytes().any(|byte| byte.is_ascii_lowercase())))
    }

    /// Whether zonekeeper has replaced an alias to a hosted zone that ExternalDNS does not find for its target.
    pub fn had_alias_of_unknown_zone(&self) -> bool {
        self.is_missing()
            && self
                .before
                .iter()
                .any(|set| matches!(&set.data, Data::Alias(alias) if alias.zone.as_str() == "Z0MOON"))
    }

    /// Whether the zones differ only in ownership records with names of zonekeeper's own.
    pub fn has_only_own_names(&self) -> bool {
        let others: Vec<RecordSet> =
            self.ours.iter().filter(|set| !set.name().as_str().starts_with("_zk-")).cloned().collect();
        others == self.theirs
    }

    /// Whether ExternalDNS has rewritten a right record, and perhaps its TTL, to add an ownership record beside an older
    /// one.
    pub fn has_only_older_names(&self) -> bool {
        let records = records(&self.before);
        !records.is_empty()
            && self.before.iter().any(is_ownership)
            && self.has_only_other_ttls()
            && self.theirs.len() > self.ours.len()
    }

    /// Whether the records of both give the same answers, with any TTL.
    pub fn has_only_other_ttls(&self) -> bool {
        let [theirs, ours] = [records(&self.theirs), records(&self.ours)];
        theirs.len() == ours.len()
            && theirs.iter().zip(&ours).all(|(one, other)| one.key == other.key && one.answers_like(other))
    }

    /// Whether both have the same records, and their ownership records name different objects.
    pub fn has_other_object_only(&self) -> bool {
        let keys = |sets: &[RecordSet]| -> Vec<_> { sets.iter().map(|set| set.key.clone()).collect() };
        keys(&self.theirs) == keys(&self.ours) && records(&self.theirs) == records(&self.ours)
    }

    /// Whether our ownership record was there before the record, and ExternalDNS has left the name of another object in it.
    pub fn has_stale_resource(&self) -> bool {
        let ownership = |sets: &[RecordSet]| -> Vec<RecordSet> {
            sets.iter().filter(|set| is_ownership(set)).cloned().collect()
        };
        records(&self.theirs) == records(&self.ours)
            && ownership(&self.before).iter().any(|set| self.theirs.contains(set) && !self.ours.contains(set))
    }
}

/// All hostnames of the zones and the plan.
pub fn hosts<'s>(situation: &'s Situation, after: &str, kept: &Kept) -> impl Iterator<Item = Host<'s>> {
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
            let is_its = |object: &&Value| names_host(object, &name);
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
                warnings: warnings(kept, &objects),
                objects,
                name,
            }
        })
        .collect();
    hosts.into_iter()
}

/// Whether a text of an object has this hostname, not only as the end of another name.
fn names_host(object: &Value, host: &str) -> bool {
    let text = object.to_string().to_lowercase();
    let is_of_name = |before: char| before.is_ascii_alphanumeric() || "-._*".contains(before);
    text.match_indices(host).any(|(at, _)| text.get(..at).is_some_and(|before| !before.ends_with(is_of_name)))
}

/// The warnings of zonekeeper about these objects.
fn warnings(kept: &Kept, objects: &[Value]) -> Vec<String> {
    let field =
        |object: &Value, field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let is_it = |object: &ObjectRef, value: &Value| {
        value["kind"] == object.kind().as_str()
            && [field(value, "namespace"), field(value, "name")] == [object.namespace(), object.name()]
    };
    let of_objects =
        kept.plan.warnings.iter().filter(|(object, _)| objects.iter().any(|value| is_it(object, value)));
    of_objects.flat_map(|(_, warnings)| warnings).cloned().collect()
}

/// The objects of a situation.
pub fn documents(situation: &Situation) -> Vec<Value> {
    let texts = situation.objects.split("---\n").filter(|text| !text.trim().is_empty());
    texts.map(|text| serde_saphyr::from_str(text).unwrap_or_else(|why| panic!("{why}:\n{text}"))).collect()
}

/// The entries of a `DNSEndpoint`.
pub fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/spec/endpoints").and_then(Value::as_array).into_iter().flatten()
}

/// Whether an entry of a `DNSEndpoint` is a CNAME with a dot at the end of its target.
pub fn is_cname_with_dot(entry: &Value) -> bool {
    let target = entry.pointer("/targets/0").and_then(Value::as_str).unwrap_or_default();
    entry["recordType"] == "CNAME" && target.ends_with('.')
}

/// The hostname of a blocked claim.
fn name_of(subject: &impl ToString) -> String {
    subject.to_string().split(' ').next().unwrap_or_default().to_owned()
}

fn sets(zone: &str) -> Vec<RecordSet> {
    canonical(zone)
        .lines()
        .map(|line| record_set(line).unwrap_or_else(|why| panic!("{why}: {line}")))
        .collect()
}

/// The targets of record sets, with their types.
fn targets(sets: &[RecordSet]) -> BTreeSet<(String, String)> {
    let of = |set: &RecordSet| {
        let values = set.values().iter().map(ToString::to_string);
        let alias = set.is_alias().then(|| format!("{:?}", set.data));
        values.chain(alias).map(|target| (set.rtype().to_string(), target)).collect::<Vec<_>>()
    };
    records(sets).iter().flat_map(of).collect()
}

/// The record sets without ownership records.
pub fn records(sets: &[RecordSet]) -> Vec<RecordSet> {
    sets.iter().filter(|set| !is_ownership(set)).cloned().collect()
}

/// Whether a record set leads to a host name.
pub fn leads_to_name(set: &RecordSet) -> bool {
    set.is_alias() || *set.rtype() == RecordType::Cname
}

pub fn is_ownership(set: &RecordSet) -> bool {
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
                let beside = |types: &[&str]| {
                    let is_beside = |name: &&String| belongs(situation, &at, name, types);
                    names.iter().filter(is_beside).max_by_key(|name| name.len()).cloned()
                };
                // A name with a type can also be the older name, without a type, of another hostname.
                beside(&TYPES).or_else(|| beside(&[""])).unwrap_or(at)
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

/// Whether the ownership record at a name belongs to a hostname, with one of these types in its name.
fn belongs(situation: &Situation, at: &str, host: &str, types: &[&str]) -> bool {
    let value = |flag| situation.args.iter().find_map(|arg| arg.strip_prefix(flag)).unwrap_or_default();
    let [prefix, suffix] = ["--txt-prefix=", "--txt-suffix="].map(|flag| value(flag).to_lowercase());
    let (first, rest) = host.split_once('.').unwrap_or((host, ""));
    let first = match value("--txt-wildcard-replacement=") {
        replacement if first == "*" && !replacement.is_empty() => replacement,
        _ => first,
    };
    types.iter().any(|rtype| {
        let has_type = format!("{prefix}{suffix}").contains("%{record_type}");
        let first = if has_type || rtype.is_empty() { first.to_owned() } else { format!("{rtype}-{first}") };
        let [prefix, suffix] = [&prefix, &suffix].map(|affix| affix.replace("%{record_type}", rtype));
        at == format!("{prefix}{first}{suffix}.{rest}")
    })
}
