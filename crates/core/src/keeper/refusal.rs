//! What Route 53 says when it refuses a batch, and of whom.
//!
//! Its messages are for people. What is read from them decides whom a refusal concerns and how it is shown, never
//! whether something may be sent.

use super::{Failure, FailureClass};
use crate::{
    dns::Name,
    plan::{Reason, Unit},
};

/// In the refusal of a change that a full zone has no room for (the limit's name in `GetHostedZoneLimit`).
const FULL: &str = "MAX_RRSETS_BY_ZONE";
/// In the refusal of every change while accelerated recovery of the zone is being switched: that passes.
const SWITCHING: &str = "disabled for mutation";
/// In the refusal of a change of a protected record set. Of its words only this much is certain: the API has protections
/// of record sets, and calls them so.
const PROTECTED: &str = "is protected";

impl Failure {
    /// A request that was understood and refused. What follows from it is decided by the message where the code, the
    /// same for nearly everything, does not tell.
    pub fn refused(code: &str, message: &str) -> Self {
        let class = match message {
            full if full.contains(FULL) => FailureClass::ZoneFull,
            switching if switching.contains(SWITCHING) => FailureClass::Busy,
            _ => FailureClass::Refused,
        };
        Self { class, code: code.to_owned(), message: message.to_owned() }
    }
}

/// The reason that follows for a unit from a refusal, by its class and by what was said of the unit.
pub(super) fn reason(class: FailureClass, message: &str) -> Reason {
    let message = message.to_owned();
    match class {
        FailureClass::Denied => Reason::DeniedByIam { message },
        FailureClass::ZoneFull => Reason::ZoneFull { message },
        _ if message.contains(PROTECTED) => Reason::Protected { message },
        _ => Reason::RejectedByRoute53 { message },
    }
}

/// What a message says of `unit` and of no other: it is shown to people who may know nothing of the others.
///
/// Route 53 joins what it has to say with commas, which its sentences hold too; each sentence begins with a capital.
pub(super) fn concerning(unit: &Unit, others: &[&Unit], message: &str) -> String {
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

/// Whether a message names one of the unit's record sets, in the spelling of Route 53 or of people.
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
            // "… in zone example.com." says where, not what.
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
    fn a_message_names_whole_names_only() {
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
