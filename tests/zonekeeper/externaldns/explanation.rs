//! Explains differences between ExternalDNS and zonekeeper by rules. Each rule has the id of its row in
//! `docs/reference/externaldns.md`.

use std::collections::BTreeSet;

use serde_json::Value;
use zonekeeper_core::dns::{RecordSet, RecordType};

use super::{
    emulated_zone::APEX,
    host::{Host, documents, entries, hosts, is_cname_with_dot, is_ownership, leads_to_name, records},
    keeper::Kept,
    situation::Situation,
};

type Rule = (&'static str, fn(&Host<'_>) -> bool);

/// The rules for a hostname at which the zones differ.
const RULES: [Rule; 61] = [
    ("other-provider-annotation", |host| {
        host.has_object_with("cloudflare-") && (host.has_same_answers() || host.is_refused())
    }),
    ("apex-without-owner", |host| host.name == APEX && host.has_only_own_names()),
    ("long-label-without-owner", |host| host.name != APEX && host.has_only_own_names()),
    ("ownership-record-of-others", |host| host.is_blocked("OwnedBy") && records(&host.before).is_empty()),
    ("half-unit", |host| {
        ["OwnedBy", "Unowned"].iter().any(|label| host.is_blocked(label))
            && !records(&host.before).is_empty()
            && host.is_kept()
    }),
    ("set-identifier-of-others", |host| host.is_blocked("ClaimedBy") && host.lacks_set_identifier()),
    ("underscored-name", |host| host.is_blocked("SpeaksForOthers")),
    ("merged-objects", |host| host.is_contested() && host.has_more_targets()),
    ("endpoint-controller", |host| {
        host.is_annotated("controller", "other") && host.has_kind("DNSEndpoint") && host.is_kept()
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
    ("unknown-load-balancer", |host| {
        let is_cname = |set: &RecordSet| *set.rtype() == RecordType::Cname;
        let names_zone = host.has_object_with(".elb.") && host.has_object_with("hosted-zone");
        host.is_blocked("UnknownLoadBalancerZone")
            || (names_zone && host.has_alias() && host.theirs.iter().any(is_cname))
    }),
    ("several-load-balancers", |host| host.is_blocked("ManyCnameTargets")),
    ("delegated-name", |host| host.is_blocked("BelowZoneCut")),
    ("unreadable-ownership", |host| host.is_blocked("OwnershipUnreadable")),
    ("ttl-limit", |host| host.has_warning("is more than --max-ttl") && host.has_only_other_ttls()),
    ("routing-policy-changed", |host| host.is_blocked("RoutingConflict") && host.is_kept()),
    ("mixed-policies", |host| {
        let is_blocked =
            ["RoutingConflict", "TypeConflict", "ApexNeedsAlias"].iter().any(|label| host.is_blocked(label));
        let is_of_claims = || host.reasons.iter().any(|(_, text)| text.contains("another claim on"));
        is_blocked && (host.is_refused() || is_of_claims())
    }),
    ("wildcard-cname", |host| host.is_blocked("CoversOthers")),
    ("unreadable-choice", |host| {
        host.has_bad_field(&["alias`", "/alias:", "evaluate-target-health", "/access:", "/endpoints-type:"])
    }),
    ("unusable-target", |host| host.has_bad_field(&["/target:", "targets:", "status"])),
    ("unknown-hostname-source", |host| {
        let is_of_template = || host.has_flag("--fqdn-template") && host.is_kept();
        host.has_bad_field(&["ingress-hostname-source"])
            || (host.has_unknown_hostname_source() && is_of_template())
    }),
    ("unusable-routing", |host| host.has_bad_field(&["/aws-", "set-identifier"])),
    ("address-and-host-name", |host| {
        host.has_warning("IP addresses win over host names")
            && !host.new_records().any(leads_to_name)
            && host.theirs.iter().any(leads_to_name)
    }),
    ("alias-without-type", |host| host.has_alias_within_zone() && host.is_missing()),
    ("more-alias-services", |host| {
        host.is_annotated("alias", "true") && host.has_alias() && host.is_missing()
    }),
    ("alias-to-address", |host| {
        let is_address = |set: &RecordSet| set.rtype().is_address() && !set.is_alias();
        host.is_annotated("alias", "true")
            && (host.is_missing() || (host.is_spelled_in_upper_case() && host.has_deletion()))
            && host.new_records().any(is_address)
    }),
    ("cloudfront-health", |host| host.has_object_with("cloudfront.net") && host.is_missing()),
    ("long-resource", |host| host.has_long_object() && host.is_missing()),
    ("unicode-hostname", |host| host.name.contains("xn--") && host.is_missing()),
    ("routing-spelling", |host| {
        host.has_routing_in_lower_case() && (host.has_same_answers() || host.is_refused())
    }),
    ("forgotten-alias-zone", |host| host.had_alias_of_unknown_zone()),
    ("upper-case-zone", |host| {
        host.has_object_with("EXAMPLE.com")
            && (host.is_missing() || (host.is_spelled_in_upper_case() && host.has_deletion()))
    }),
    ("weighted-ttl", |host| host.has_shared_ttl() && host.is_refused()),
    ("forced-type", |host| {
        let is_common = |set: &RecordSet| set.rtype().is_address() || *set.rtype() == RecordType::Cname;
        host.has_flag("--force-default-targets")
            && host.asks_for_other_type()
            && (!host.new_records().any(is_common) || host.is_refused())
    }),
    ("pod-below-wildcard", |host| host.name.contains(".*.") && host.is_kept()),
    ("spelled-twice", |host| host.has_address_twice() || (host.is_spelled_twice() && host.is_refused())),
    ("kept-cname", |host| {
        let is_cname = |set: &RecordSet| *set.rtype() == RecordType::Cname;
        host.is_refused() && host.before.iter().any(is_cname) && host.new_records().all(is_cname)
    }),
    ("older-ownership-names", |host| host.has_only_older_names()),
    ("migration-rewrites", |host| host.has_flag("--migrate-from") && host.has_only_other_ttls()),
    ("rewrites-forever", |host| {
        host.situation.restless && make_restless(&host.objects) && host.has_only_other_ttls()
    }),
    ("stale-resource", |host| host.has_stale_resource()),
    ("merged-by-chance", |host| host.objects.len() > 1 && host.has_other_object_only()),
    ("ownership-spelling", |host| {
        let is_ours = |set: &RecordSet| is_ownership(set) && host.ours.iter().any(|ours| ours.key == set.key);
        host.is_spelled_in_upper_case() && host.is_refused() && host.before.iter().any(is_ours)
    }),
    ("ownership-place", |host| {
        let gives_way = host.is_kept() && host.is_blocked("TypeConflict") && host.has_place_of_other();
        host.situation.fails && (gives_way || (host.is_missing() && host.lacks_place()))
    }),
    ("older-prefix", |host| {
        host.has_object_with("external-dns.alpha.kubernetes.io/")
            && (host.is_missing() || host.has_only_other_ttls())
    }),
    ("template-failure", |host| host.has_flag("--fqdn-template") && host.is_refused()),
    ("target-template", |host| host.has_flag("--fqdn-target-template") && host.is_kept()),
    ("other-types-beside", |host| host.is_missing() && host.is_beside_other_type()),
    ("filtered-host-names", |host| {
        host.has_flag("--target-net-filter")
            && host.has_host_name()
            && (host.is_missing() || !host.theirs.iter().any(leads_to_name))
    }),
    ("domain-filter-of-zones", |host| {
        let leaves_out = |arg: &String| {
            arg.starts_with("--regex-domain")
                || arg.strip_prefix("--domain-filter=").is_some_and(|domain| domain != APEX)
        };
        host.situation.args.iter().any(leaves_out) && host.is_missing()
    }),
    ("annotation-filter-not", |host| host.has_flag("--annotation-filter") && host.is_refused()),
    ("annotation-filter-of-endpoints", |host| {
        host.has_flag("--annotation-filter") && host.has_kind("DNSEndpoint") && host.is_missing()
    }),
    ("deletion", |host| host.has_flag("--policy=sync") && host.has_deletion()),
    // All rules above have another reason than the choice of the object.
    ("other-object", |host| host.is_contested() && host.follows_other_object()),
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
        let is_restless = make_restless(&documents(situation)) || has_older_ownership_of_apex(situation);
        is_restless.then_some("rewrites-forever")
    }
}

/// Whether the ownership record of the apex has an older name. ExternalDNS wants to add one with a newer name, and never can.
fn has_older_ownership_of_apex(situation: &Situation) -> bool {
    let is_it =
        |line: &str| line.starts_with(&format!("{APEX} TXT \"heritage=")) && line.contains("/owner=me,");
    situation.zone.lines().any(is_it)
}

/// Whether one of these objects makes ExternalDNS write in every run.
fn make_restless(objects: &[Value]) -> bool {
    let texts = objects.iter().map(Value::to_string);
    let is_restless = |text: String| RESTLESS.iter().any(|key| text.contains(key));
    texts.into_iter().any(is_restless) || objects.iter().flat_map(entries).any(is_cname_with_dot)
}
