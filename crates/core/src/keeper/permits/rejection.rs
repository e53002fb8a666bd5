//! The messages with which Route 53 rejects a batch.
//!
//! The messages are written for people. The keeper uses them to find the rejected units and to explain the rejection.
//! They never decide whether a unit may be sent.
//!
//! Three kinds of messages say which units are meant:
//!
//! - by the name of a record set: `… [name='www.example.com.', type='A'] but it already exists`, `RRSet with DNS name …`;
//! - by the position of a change in the request: `… at 'changeBatch.changes.3.member…' failed to satisfy constraint`;
//! - by its content: `Tried to create an alias that targets lb.example.com., …`, `… encountered with '192.0.2.256'`.

use crate::{
    dns::{Data, Name},
    keeper::contract::{Failure, FailureClass},
    plan::{Change, Naming, Reason, Unit},
};

/// Before the position of a change, counted from 1 (Smithy, constraint violations). No name that an object asks for has an
/// apostrophe, and set identifiers and values are left out of the message before it is searched. So nobody can write this into
/// the message for another hostname.
const POSITION: &str = " at 'changeBatch.changes.";
/// Before the target of an alias that Route 53 does not know.
const TARGET: &str = "an alias that targets ";
/// Before a set identifier.
const SET_ID: [&str; 3] = ["SetIdentifier ", "SetIdentifier=", "set-identifier='"];

/// The units of a batch that a message means.
#[derive(Debug)]
pub(super) struct Meant<'b> {
    pub units: Vec<&'b Unit>,
    /// Whether the message means the units themselves, and not only what is in them. A target that Route 53 does not know
    /// can be a load balancer that it knows a minute later.
    pub themselves: bool,
}

/// In the message for a change that a full zone has no room for (the limit's name in `GetHostedZoneLimit`).
const FULL: &str = "MAX_RRSETS_BY_ZONE";
/// In the message for every change while accelerated recovery of the zone is switched on or off. This ends by itself.
const SWITCHING: &str = "disabled for mutation";
/// In the message for a change of a protected record set. Only these words are certain: the API model calls the
/// feature a protection of record sets.
const PROTECTED: &str = "is protected";

impl Failure {
    /// Classifies a request that Route 53 understood and rejected. The code is nearly always the same, so the message
    /// decides.
    pub fn refused(code: &str, message: &str) -> Self {
        let class = match message {
            full if full.contains(FULL) => FailureClass::ZoneFull,
            switching if switching.contains(SWITCHING) => FailureClass::Busy,
            _ => FailureClass::Refused,
        };
        Self { class, code: code.to_owned(), message: message.to_owned() }
    }
}

/// The reason for which a rejected unit is blocked.
pub(super) fn reason(unit: &Unit, class: FailureClass, message: &str) -> Reason {
    let message = message.to_owned();
    match class {
        FailureClass::Denied => Reason::DeniedByIam { message, is_underscored: is_underscored(unit) },
        FailureClass::ZoneFull => Reason::ZoneFull { message },
        _ if message.contains(PROTECTED) => Reason::Protected { message },
        _ => Reason::RejectedByRoute53 { message },
    }
}

/// Whether a record set of the unit has a label that begins with `_`, other than the first one of a fallback name. The IAM
/// policy of `zonekeeper iam-policy` denies such names.
fn is_underscored(unit: &Unit) -> bool {
    unit.changes().iter().map(|change| change.after().name()).any(|name| {
        let allowed = Naming::is_fallback(name).then(|| name.parent()).flatten();
        allowed.as_ref().unwrap_or(name).is_underscored()
    })
}

/// The sentences of a message about `unit` and no other unit, or about its content. The unit's owners may not be allowed to
/// see other units.
///
/// Route 53 joins sentences with commas, and sentences contain commas. Each sentence begins with a capital letter.
pub(super) fn about(unit: &Unit, others: &[&Unit], message: &str) -> String {
    let mut sentences = vec![String::new()];
    for piece in message.trim_matches(['[', ']']).split_inclusive(", ") {
        match sentences.last_mut() {
            Some(sentence) if !piece.starts_with(|c: char| c.is_uppercase()) => sentence.push_str(piece),
            _ => sentences.push(piece.to_owned()),
        }
    }
    let is_its_own = |text: &&str| {
        let has_content = has_content(unit, text);
        // Nearly all sentences end here, and a message can have hundreds.
        if !has_content && !is_named(unit, text) {
            return false;
        }
        let text = without_content(others.iter().copied().chain([unit]), text);
        (has_content || is_named(unit, &text)) && !others.iter().any(|other| is_named(other, &text))
    };
    let own: Vec<&str> =
        sentences.iter().map(|text| text.trim_end_matches(", ")).filter(is_its_own).collect();
    if own.is_empty() {
        "the message is about several hostnames; the next try is for this one alone".to_owned()
    } else {
        own.join(", ")
    }
}

/// The units of a batch that a message means: those that it names, or else those with the content that it speaks of.
pub(super) fn meant<'b>(units: &'b [Unit], message: &str) -> Meant<'b> {
    let without_content = without_content(units.iter(), message);
    let named: Vec<&Unit> = units.iter().filter(|unit| is_named(unit, &without_content)).collect();
    if !named.is_empty() {
        return Meant { units: named, themselves: true };
    }
    let (positions, mut first) = (positions(&without_content), 1);
    let has_one = |unit: &&Unit| {
        let own = first..first + unit.changes().len();
        first = own.end;
        positions.iter().any(|position| own.contains(position))
    };
    let counted: Vec<&Unit> = units.iter().filter(has_one).collect();
    if !counted.is_empty() {
        return Meant { units: counted, themselves: true };
    }
    Meant { units: units.iter().filter(|unit| has_content(unit, message)).collect(), themselves: false }
}

/// A message without the texts that objects choose freely: set identifiers, and quoted values. They can look like the hostname of
/// somebody else.
fn without_content<'u>(units: impl Iterator<Item = &'u Unit>, message: &str) -> String {
    let mut text = message.to_owned();
    for set in units.flat_map(Unit::changes).map(Change::after) {
        if let Some(id) = &set.key.set_id {
            for before in SET_ID {
                text = text.replace(&format!("{before}{}", id.as_str()), before);
            }
        }
        if let Data::Values { values, .. } = &set.data {
            // `name='…'` is no value.
            text = values.iter().fold(text, |text, value| text.replace(&format!(" '{value}'"), " ''"));
        }
    }
    text
}

/// Whether a message names one of the unit's record sets, as Route 53 or as people write names.
fn is_named(unit: &Unit, message: &str) -> bool {
    unit.changes().iter().any(|change| names(message, change.after().name()))
}

/// The positions of changes that a message speaks of.
fn positions(message: &str) -> Vec<usize> {
    let after = message.match_indices(POSITION).filter_map(|(at, _)| message.get(at + POSITION.len()..));
    let digits = after.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
    digits.filter_map(|digits| digits.parse().ok()).collect()
}

/// Whether a message quotes a value of the unit, or the target of one of its aliases.
fn has_content(unit: &Unit, message: &str) -> bool {
    let targets = message.match_indices(TARGET).filter_map(|(at, _)| message.get(at + TARGET.len()..));
    let targets: Vec<Name> =
        targets.filter_map(|rest| Name::from_route53(rest.split(", ").next()?).ok()).collect();
    let quoted: Vec<&str> = message.split('\'').skip(1).step_by(2).collect();
    unit.changes().iter().map(Change::after).any(|set| match &set.data {
        Data::Alias(alias) => targets.contains(&alias.target),
        Data::Values { values, .. } => values.iter().any(|value| quoted.contains(&&**value)),
        Data::TrafficPolicy(_) => false,
    })
}

fn names(message: &str, name: &Name) -> bool {
    let listed = name.to_route53();
    let listed = listed.trim_end_matches('.');
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '\\');
    [listed, name.as_str()].iter().any(|text| {
        message.match_indices(text).any(|(at, _)| {
            let before = message.get(..at).and_then(|rest| rest.chars().next_back());
            let mut after = message.get(at + text.len()..).unwrap_or_default().chars();
            let next = match after.next() {
                Some('.') => after.next(),
                other => other,
            };
            // "… in zone example.com." names the zone, and "… an alias that targets www.example.com." a target.
            let is_other = ["zone ", TARGET]
                .iter()
                .any(|word| message.get(..at).is_some_and(|rest| rest.ends_with(word)));
            !is_other
                // The name of an object in a quoted ownership record can look like a hostname.
                && !before.is_some_and(|c| is_part(c) || matches!(c, '.' | '*' | '/'))
                && !next.is_some_and(is_part)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_only_whole_names() {
        let message = "[Tried to create resource record set [name='www.example.com.', type='A'] but it already \
                       exists, RRSet with DNS name \\052.b.example.com. is not permitted in zone d.com., x.c.com, \
                       resource=ingress/shop/e.com, Tried to create an alias that targets f.com., type A in zone Z1]";
        for (name, expected) in [
            ("www.example.com", true),
            ("example.com", false),
            ("ww.example.com", false),
            ("*.b.example.com", true),
            ("b.example.com", false),
            ("x.c.com", true),
            ("x.c.co", false),
            ("c.com", false),
            ("d.com", false),
            ("e.com", false),
            ("f.com", false),
        ] {
            assert_eq!(names(message, &Name::from_hostname(name).unwrap()), expected, "{name}");
        }
    }
}
