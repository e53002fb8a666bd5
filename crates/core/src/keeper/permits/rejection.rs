//! The messages with which Route 53 rejects a batch.
//!
//! The messages are written for people. The keeper uses them to find the rejected units and to explain the rejection.
//! They never decide whether a unit may be sent.

use crate::{
    dns::Name,
    keeper::contract::{Failure, FailureClass},
    plan::{Reason, Unit},
};

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
pub(super) fn reason(class: FailureClass, message: &str) -> Reason {
    let message = message.to_owned();
    match class {
        FailureClass::Denied => Reason::DeniedByIam { message },
        FailureClass::ZoneFull => Reason::ZoneFull { message },
        _ if message.contains(PROTECTED) => Reason::Protected { message },
        _ => Reason::RejectedByRoute53 { message },
    }
}

/// The sentences of a message about `unit` and no other unit. The unit's owners may not be allowed to see other units.
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
    let is_its_own = |text: &&str| is_named(unit, text) && !others.iter().any(|other| is_named(other, text));
    let own: Vec<&str> =
        sentences.iter().map(|text| text.trim_end_matches(", ")).filter(is_its_own).collect();
    if own.is_empty() { "it objects to several hostnames at once".to_owned() } else { own.join(", ") }
}

/// Whether a message names one of the unit's record sets, as Route 53 or as people write names.
pub(super) fn is_named(unit: &Unit, message: &str) -> bool {
    unit.changes().iter().any(|change| names(message, change.after().name()))
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
            // "… in zone example.com." names the zone, not the record set.
            let is_zone = message.get(..at).is_some_and(|rest| rest.ends_with("zone "));
            !is_zone
                && !before.is_some_and(|c| is_part(c) || c == '.' || c == '*')
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
                       exists, RRSet with DNS name \\052.b.example.com. is not permitted in zone d.com., x.c.com]";
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
        ] {
            assert_eq!(names(message, &Name::from_hostname(name).unwrap()), expected, "{name}");
        }
    }
}
