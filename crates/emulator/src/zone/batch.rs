//! The rules for a change batch that do not depend on the zone.
//!
//! Source: the API model of `ChangeResourceRecordSets` (`ResourceRecordSet`, `ChangeBatch`) and "Quotas" in the
//! Route 53 Developer Guide.

use super::{
    name,
    record_set::{Change, RecordSet},
    refusal::Refusal,
    value,
};

/// Maximum of `ResourceRecord` elements in a batch. An alias counts as one, and an UPSERT twice.
pub const MAX_RECORDS: usize = 1_000;
/// Maximum of characters in all `Value` elements of a batch. An alias has none, and an UPSERT counts twice.
pub const MAX_CHARACTERS: usize = 32_000;
/// Maximum of values in one record set.
pub const MAX_VALUES: usize = 400;
/// Maximum length of a value, in characters.
pub const MAX_VALUE: usize = 4_000;
/// Maximum length of a batch's comment, in characters.
pub const MAX_COMMENT: usize = 256;
/// Maximum length of a set identifier, in characters.
pub const MAX_SET_IDENTIFIER: usize = 128;
/// Maximum length of a name on the wire, in characters. It allows for escapes.
pub const MAX_DNS_NAME: usize = 1_024;
/// Largest TTL, in seconds.
pub const MAX_TTL: i64 = 2_147_483_647;

/// All record types (`RRType` of the API model).
pub const TYPES: [&str; 17] = [
    "SOA", "A", "TXT", "NS", "CNAME", "MX", "NAPTR", "PTR", "SRV", "SPF", "AAAA", "CAA", "DS", "TLSA",
    "SSHFP", "SVCB", "HTTPS",
];

/// Checks the comment of a batch. [`HostedZone::change`](super::HostedZone::change) does not get it.
///
/// # Errors
/// `InvalidInput` if it has more than [`MAX_COMMENT`] characters.
pub fn check_comment(comment: &str) -> Result<(), Refusal> {
    let mut violated = Constraints::default();
    violated.length("changeBatch.comment", comment, 0, MAX_COMMENT);
    violated.refuse()
}

/// Checks that a request has the shape of the API, with `InvalidInput` as the error.
pub(super) fn check_shape(batch: &[Change]) -> Result<(), Refusal> {
    let mut violated = Constraints::default();
    if batch.is_empty() {
        violated.add("changeBatch.changes", "[]", "Member must have length greater than or equal to 1");
    }
    for (index, change) in batch.iter().enumerate() {
        violated.record_set(&change.set, &|| {
            format!("changeBatch.changes.{}.member.resourceRecordSet", index + 1)
        });
    }
    violated.refuse()?;
    let wrong: Vec<_> = batch.iter().filter_map(wrong_combination).collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Refusal::InvalidInput(format!("Invalid request: {}", wrong.join(", "))))
    }
}

/// Checks the limits of a request.
pub(super) fn limits(batch: &[Change]) -> Vec<String> {
    let (mut records, mut characters) = (0, 0);
    for Change { action, set } in batch {
        records += action.cost() * set.values.len().max(1);
        characters += action.cost() * set.values.iter().map(|value| value.chars().count()).sum::<usize>();
    }
    let mut messages = Vec::new();
    if records > MAX_RECORDS {
        messages.push(format!("Number of records limit of {MAX_RECORDS} exceeded."));
    }
    if characters > MAX_CHARACTERS {
        messages.push(format!("RDATA character limit of {MAX_CHARACTERS} exceeded."));
    }
    messages
}

/// Checks the values of one set.
pub(super) fn check_values(set: &RecordSet, messages: &mut Vec<String>) {
    let most = if matches!(set.rtype.as_str(), "CNAME" | "SOA") { 1 } else { MAX_VALUES };
    if set.values.len() > most {
        messages.push(format!("Cannot have more than {most} records in a RRSet."));
    }
    let mut seen = std::collections::BTreeSet::new();
    for value in &set.values {
        if let Err(problem) = value::check(&set.rtype, value) {
            messages.push(format!("Invalid Resource Record: {problem}"));
        }
        if !seen.insert(value) {
            messages.push(format!("Duplicate Resource Record: '{value}'"));
        }
    }
}

/// The set with its names in the form of listings.
pub(super) fn with_listed_names(mut set: RecordSet) -> Result<RecordSet, name::Problem> {
    set.name = name::listed(&set.name)?;
    if let Some(target) = &mut set.alias_target {
        target.dns_name = name::listed(&target.dns_name)?;
    }
    // `false` means no policy, so only `true` is stored.
    set.multi_value_answer = set.multi_value_answer.filter(|on| *on);
    Ok(set)
}

fn wrong_combination(change: &Change) -> Option<String> {
    let Change { action, set } = change;
    let here = || {
        let identifier = set.set_identifier.as_deref().unwrap_or("null");
        let (action, name, rtype) = (action.as_str(), &set.name, &set.rtype);
        format!("in Change with [Action={action}, Name={name}, Type={rtype}, SetIdentifier={identifier}]")
    };
    let plain = usize::from(set.ttl.is_some() && !set.values.is_empty());
    let part = usize::from(set.ttl.is_some() || !set.values.is_empty());
    let alias = usize::from(set.alias_target.is_some());
    let policy_instance = usize::from(set.traffic_policy_instance_id.is_some());
    let data = "[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]";
    if alias + policy_instance + part > 1 {
        return Some(format!("Expected exactly one of {data}, but found more than one {}", here()));
    }
    if alias + policy_instance + plain == 0 {
        return Some(format!("Expected exactly one of {data}, but found none {}", here()));
    }
    let policies = "[Weight, Region, Failover, GeoLocation, or MultiValueAnswer]";
    match (set.set_identifier.is_some(), set.policies().count()) {
        (false, 0) | (true, 1) => None,
        (false, 1) => Some(format!("Missing field 'SetIdentifier' {}", here())),
        (true, 0) => Some(format!("Expected exactly one of {policies}, but found none {}", here())),
        (_, _) => Some(format!("Expected exactly one of {policies}, but found more than one {}", here())),
    }
}

/// The violated constraints of the API model, collected into one message.
#[derive(Default)]
struct Constraints(Vec<String>);

// === impl Constraints ===

impl Constraints {
    fn add(&mut self, path: &str, value: &str, constraint: &str) {
        self.0.push(format!("Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"));
    }

    fn length(&mut self, path: &str, value: &str, least: usize, most: usize) {
        // A text has at least as many bytes as characters, so only long texts need a count.
        if value.len() > most && value.chars().count() > most {
            self.add(path, value, &format!("Member must have length less than or equal to {most}"));
        } else if value.len() < least {
            self.add(path, value, &format!("Member must have length greater than or equal to {least}"));
        }
    }

    fn range(&mut self, path: &str, value: i64, least: i64, most: i64) {
        if value > most {
            self.add(
                path,
                &value.to_string(),
                &format!("Member must have value less than or equal to {most}"),
            );
        } else if value < least {
            self.add(
                path,
                &value.to_string(),
                &format!("Member must have value greater than or equal to {least}"),
            );
        }
    }

    fn member(&mut self, path: &str, value: &str, set: &[&str]) {
        if !set.contains(&value) {
            self.add(path, value, &format!("Member must satisfy enum value set: [{}]", set.join(", ")));
        }
    }

    fn record_set(&mut self, set: &RecordSet, at: &dyn Fn() -> String) {
        // This code formats paths only for errors, because errors are rare.
        let mut found = Self::default();
        found.length("name", &set.name, 0, MAX_DNS_NAME);
        found.member("type", &set.rtype, &TYPES);
        if let Some(identifier) = &set.set_identifier {
            found.length("setIdentifier", identifier, 1, MAX_SET_IDENTIFIER);
        }
        if let Some(weight) = set.weight {
            found.range("weight", weight, 0, 255);
        }
        if let Some(failover) = &set.failover {
            found.member("failover", failover, &["PRIMARY", "SECONDARY"]);
        }
        if let Some(bias) = set.geo_proximity_location.as_ref().and_then(|place| place.bias) {
            found.range("geoProximityLocation.bias", bias, -99, 99);
        }
        if let Some(ttl) = set.ttl {
            found.range("tTL", ttl, 0, MAX_TTL);
        }
        for (index, value) in set.values.iter().enumerate() {
            if value.len() > MAX_VALUE {
                found.length(&format!("resourceRecords.{}.member.value", index + 1), value, 0, MAX_VALUE);
            }
        }
        if let Some(target) = &set.alias_target {
            found.length("aliasTarget.hostedZoneId", &target.hosted_zone_id, 0, 32);
            found.length("aliasTarget.dNSName", &target.dns_name, 0, MAX_DNS_NAME);
        }
        self.0.extend(
            found.0.into_iter().map(|message| message.replacen("' at '", &format!("' at '{}.", at()), 1)),
        );
    }

    fn refuse(self) -> Result<(), Refusal> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(Refusal::InvalidInput(format!("1 validation error detected: {}", self.0.join("; ")))),
            n => Err(Refusal::InvalidInput(format!("{n} validation errors detected: {}", self.0.join("; ")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::{
        Action,
        tests::{a, alias_to, of_type, refuses, zone},
    };

    #[test]
    fn the_shape_of_a_change_is_checked_first() {
        let place = "in Change with [Action=CREATE, Name=a.c.test, Type=A, SetIdentifier=null]";
        let data = "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]";
        let policies = "Expected exactly one of [Weight, Region, Failover, GeoLocation, or MultiValueAnswer]";
        let with_id = place.replace("null", "one");
        let set = a("a.c.test");
        let alias = RecordSet::alias("a.c.test", "A", alias_to("Z1", "x.test"));
        let weighted = set.clone().weighted("one", 1);
        let table = [
            (RecordSet { ttl: None, ..set.clone() }, format!("{data}, but found none {place}")),
            (RecordSet { values: vec![], ..set.clone() }, format!("{data}, but found none {place}")),
            (
                RecordSet { ttl: Some(60), ..alias.clone() },
                format!("{data}, but found more than one {place}"),
            ),
            (
                RecordSet { values: set.values.clone(), ..alias },
                format!("{data}, but found more than one {place}"),
            ),
            (RecordSet { weight: Some(1), ..set.clone() }, format!("Missing field 'SetIdentifier' {place}")),
            (
                RecordSet { set_identifier: Some("one".into()), ..set },
                format!("{policies}, but found none {with_id}"),
            ),
            (
                RecordSet { region: Some("eu-west-1".into()), ..weighted },
                format!("{policies}, but found more than one {with_id}"),
            ),
        ];
        for (set, expected) in table {
            let refused = zone().change(&[Change::create(set)]);
            assert_eq!(refused, Err(Refusal::InvalidInput(format!("Invalid request: {expected}"))));
        }
    }

    #[test]
    fn the_constraints_of_the_api_model() {
        let at = "at 'changeBatch.changes.1.member.resourceRecordSet.";
        let must = "failed to satisfy constraint: Member must have";
        let (long_id, long_value, long_name) = ("i".repeat(129), "v".repeat(4_001), "n".repeat(1_025));
        let set = a("a.c.test");
        let table = [
            (
                set.clone().weighted("", 1),
                format!("Value '' {at}setIdentifier' {must} length greater than or equal to 1"),
            ),
            (
                set.clone().weighted(&long_id, 1),
                format!("Value '{long_id}' {at}setIdentifier' {must} length less than or equal to 128"),
            ),
            (
                set.clone().weighted("i", 256),
                format!("Value '256' {at}weight' {must} value less than or equal to 255"),
            ),
            (
                set.clone().weighted("i", -1),
                format!("Value '-1' {at}weight' {must} value greater than or equal to 0"),
            ),
            (
                RecordSet { ttl: Some(2_147_483_648), ..set.clone() },
                format!("Value '2147483648' {at}tTL' {must} value less than or equal to 2147483647"),
            ),
            (
                RecordSet { ttl: Some(-1), ..set.clone() },
                format!("Value '-1' {at}tTL' {must} value greater than or equal to 0"),
            ),
            (
                of_type("a.c.test", "TXT", &long_value),
                format!(
                    "Value '{long_value}' {at}resourceRecords.1.member.value' {must} length less than or equal to 4000"
                ),
            ),
            (
                a(&long_name),
                format!("Value '{long_name}' {at}name' {must} length less than or equal to 1024"),
            ),
            (
                RecordSet { rtype: "a".into(), ..set.clone() },
                format!(
                    "Value 'a' {at}type' failed to satisfy constraint: Member must satisfy enum value set: [SOA, A, TXT, \
                     NS, CNAME, MX, NAPTR, PTR, SRV, SPF, AAAA, CAA, DS, TLSA, SSHFP, SVCB, HTTPS]"
                ),
            ),
        ];
        for (set, expected) in table {
            let refused = zone().change(&[Change::create(set)]);
            assert_eq!(
                refused,
                Err(Refusal::InvalidInput(format!("1 validation error detected: {expected}")))
            );
        }
        let both = RecordSet { ttl: Some(-1), ..set.clone() }.weighted("i", 256);
        let refused = zone().change(&[Change::create(set), Change::create(both)]).unwrap_err();
        assert!(refused.message().starts_with(
            "2 validation errors detected: Value '256' at 'changeBatch.changes.2.member.resourceRecordSet.weight'"
        ));
        assert_eq!(
            zone().change(&[]).unwrap_err().message(),
            "1 validation error detected: Value '[]' at 'changeBatch.changes' failed to satisfy constraint: Member must \
             have length greater than or equal to 1"
        );
        assert_eq!(check_comment(&"ä".repeat(256)), Ok(()));
        assert_eq!(
            check_comment(&"c".repeat(257)).unwrap_err().message(),
            format!(
                "1 validation error detected: Value '{}' at 'changeBatch.comment' failed to satisfy constraint: Member \
                 must have length less than or equal to 256",
                "c".repeat(257)
            )
        );
    }

    #[test]
    fn limits_of_a_request() {
        let number = "Number of records limit of 1000 exceeded.";
        let characters = "RDATA character limit of 32000 exceeded.";
        let sets = |n: usize, action| (0..n).map(move |i| Change { action, set: a(&format!("n{i}.c.test")) });
        let aliases = |n: usize| {
            (0..n).map(|i| {
                Change::create(RecordSet::alias(format!("n{i}.c.test"), "A", alias_to("Z1", "x.test")))
            })
        };
        zone().change(&sets(1_000, Action::Create).collect::<Vec<_>>()).unwrap();
        refuses(&mut zone(), &sets(1_001, Action::Create).collect::<Vec<_>>(), &[number]);
        zone().change(&sets(500, Action::Upsert).collect::<Vec<_>>()).unwrap();
        refuses(&mut zone(), &sets(501, Action::Upsert).collect::<Vec<_>>(), &[number]);
        zone().change(&aliases(1_000).collect::<Vec<_>>()).unwrap();
        refuses(&mut zone(), &aliases(1_001).collect::<Vec<_>>(), &[number]);

        // 16 values of 2,000 characters, with quotes and spaces, are exactly the limit.
        let value = |last: &str| format!("\"{}\" \"{}\" {}", "x".repeat(250), "y".repeat(250), last);
        let text = |n: usize, action| {
            let value = [value(&format!("\"{}\"", "z".repeat(200))); 1].concat();
            let missing = 2_000 - value.chars().count() % 2_000;
            let padded = format!("{value}{}", " ".repeat(missing));
            (0..n).map(move |i| Change { action, set: of_type(&format!("n{i}.c.test"), "TXT", &padded) })
        };
        zone().change(&text(16, Action::Create).collect::<Vec<_>>()).unwrap();
        refuses(&mut zone(), &text(17, Action::Create).collect::<Vec<_>>(), &[characters]);
        zone().change(&text(8, Action::Upsert).collect::<Vec<_>>()).unwrap();
        refuses(&mut zone(), &text(9, Action::Upsert).collect::<Vec<_>>(), &[characters]);

        let values = |n: u32| {
            RecordSet::simple(
                "a.c.test",
                "A",
                60,
                (0..n).map(|i| std::net::Ipv4Addr::from_bits(i).to_string()),
            )
        };
        zone().change(&[Change::create(values(400))]).unwrap();
        refuses(
            &mut zone(),
            &[Change::create(values(401))],
            &["Cannot have more than 400 records in a RRSet."],
        );
        refuses(
            &mut zone(),
            &[Change::create(RecordSet::simple(
                "a.c.test",
                "A",
                60,
                ["192.0.2.1", "192.0.2.2", "192.0.2.1"],
            ))],
            &["Duplicate Resource Record: '192.0.2.1'"],
        );
    }
}
