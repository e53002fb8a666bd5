//! What to do with units that Route 53 has refused, so that they cost the others nothing.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{Effect, Report, Time};
use crate::{
    dns::Name,
    plan::{Batch, Unit, UnitDigest},
    source::{ClaimKey, ObjectId},
};

/// The first wait of a unit that was refused alone; it doubles with every further refusal.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// Refused units, and batches that were taken apart to find them.
///
/// A unit is known by its key *and* digest: as soon as its object or its part of the zone changes, it is another
/// unit, and is tried at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Quarantine {
    refused: BTreeMap<ClaimKey, Refusal>,
    /// Parts of refused batches, each to be sent on its own.
    parts: VecDeque<BTreeSet<ClaimKey>>,
}

#[derive(Debug, Clone)]
struct Refusal {
    digest: UnitDigest,
    object: ObjectId,
    times: u32,
    until: Time,
    message: String,
}

/// Whether and how a unit may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    /// With others.
    WithOthers,
    /// It was refused before: on its own.
    Alone,
    /// Not before this time.
    NotBefore(Time),
}

// === impl Quarantine ===

impl Quarantine {
    /// Whether and how `unit` may be sent now.
    pub fn permit(&self, unit: &Unit, now: Time) -> Permit {
        match self.refused.get(unit.key()).filter(|refusal| refusal.digest == unit.digest()) {
            None => Permit::WithOthers,
            Some(refusal) if refusal.until <= now => Permit::Alone,
            Some(refusal) => Permit::NotBefore(refusal.until),
        }
    }

    /// The part of a refused batch that is to be sent next, if one is.
    pub fn part(&self) -> Option<&BTreeSet<ClaimKey>> {
        self.parts.front()
    }

    /// The part that was to be sent next is under way, or nothing of it can be sent.
    pub fn part_taken(&mut self) {
        self.parts.pop_front();
    }

    /// What Route 53 has said of a unit, if it was refused as it is now.
    pub fn message(&self, unit: &Unit) -> Option<&str> {
        let refusal = self.refused.get(unit.key()).filter(|refusal| refusal.digest == unit.digest())?;
        Some(&refusal.message)
    }

    /// Takes a refused batch apart: the units that the message names, or else its halves. Returns the units that
    /// were refused for themselves.
    pub fn refused<'b>(&mut self, batch: &'b Batch, message: &str, now: Time) -> Vec<&'b Unit> {
        let units = batch.units();
        let (named, others): (Vec<&Unit>, Vec<&Unit>) =
            units.iter().partition(|unit| is_named(unit, message));
        if let [alone] = units {
            self.refuse(alone, message, now);
            return vec![alone];
        }
        let keys = |units: &[&Unit]| units.iter().map(|unit| unit.key().clone()).collect::<BTreeSet<_>>();
        if named.is_empty() {
            let (left, right) = others.split_at(others.len() / 2);
            self.parts.push_front(keys(right));
            self.parts.push_front(keys(left));
            return Vec::new();
        }
        for unit in &named {
            let strangers = units.iter().filter(|other| other.key() != unit.key());
            let message = concerning(unit, &strangers.collect::<Vec<_>>(), message);
            self.refuse(unit, &message, now);
        }
        if !others.is_empty() {
            self.parts.push_front(keys(&others));
        }
        named
    }

    fn refuse(&mut self, unit: &Unit, message: &str, now: Time) {
        let before = self.refused.get(unit.key()).filter(|refusal| refusal.digest == unit.digest());
        let times = before.map_or(0, |refusal| refusal.times) + 1;
        let wait = FIRST_WAIT.saturating_mul(1 << (times - 1).min(20)).min(LONGEST_WAIT);
        let refusal = Refusal {
            digest: unit.digest(),
            object: unit.object().clone(),
            times,
            until: now + wait,
            message: message.to_owned(),
        };
        self.refused.insert(unit.key().clone(), refusal);
    }

    /// Forgets units that are no longer planned as they were refused; says so of each.
    pub fn forget(&mut self, mut is_planned: impl FnMut(&ClaimKey, UnitDigest) -> bool) -> Vec<Effect> {
        let gone = self.refused.extract_if(.., |key, refusal| !is_planned(key, refusal.digest));
        gone.map(|(key, refusal)| {
            Effect::Report(Report::Unblocked { host: key.host.to_string(), object: refusal.object })
        })
        .collect()
    }
}

/// What a message says of `unit` and of no other: it is shown to people who may know nothing of the others.
///
/// Route 53 joins what it has to say with commas, which its sentences hold too; each sentence begins with a capital.
fn concerning(unit: &Unit, others: &[&Unit], message: &str) -> String {
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
fn is_named(unit: &Unit, message: &str) -> bool {
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
            !before.is_some_and(|c| is_part(c) || c == '.' || c == '*') && !next.is_some_and(is_part)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_whole_names_only() {
        let message = "[Tried to create resource record set [name='www.example.com.', type='A'] but it already \
                       exists, RRSet with DNS name \\052.b.example.com. is not permitted, x.c.com]";
        for (name, expected) in [
            ("www.example.com", true),
            ("example.com", false),
            ("ww.example.com", false),
            ("*.b.example.com", true),
            ("b.example.com", false),
            ("x.c.com", true),
            ("c.com", false),
        ] {
            assert_eq!(names(message, &Name::from_hostname(name).unwrap()), expected, "{name}");
        }
    }
}
