//! What to do with units that Route 53 has refused, so that they cost the others nothing.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{
    Failure, FailureClass, Time,
    refusal::{concerning, is_named, reason},
};
use crate::{
    plan::{Batch, Change, Reason, Unit, UnitDigest},
    source::ClaimKey,
};

/// The first wait of a unit that was refused alone; it doubles with every further refusal.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// So many different units refused one after the other, each alone, without a word about any of them: the next would
/// be refused as well.
const EVERYTHING: usize = 3;

/// Refused units, and batches that were taken apart to find them.
///
/// A unit is known by its key *and* digest: as soon as its object or its part of the zone changes, it is another
/// unit, and is tried at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Quarantine {
    refused: BTreeMap<ClaimKey, Refusal>,
    /// Parts of refused batches, each to be sent on its own.
    parts: VecDeque<BTreeSet<ClaimKey>>,
    /// Units refused alone since something was last accepted or refused with a word about it.
    in_a_row: BTreeSet<ClaimKey>,
    /// Since the zone was found full.
    full: Option<Full>,
}

#[derive(Debug, Clone)]
struct Refusal {
    digest: UnitDigest,
    times: u32,
    until: Time,
    class: FailureClass,
    message: String,
}

/// A zone without room for another set.
#[derive(Debug, Clone)]
struct Full {
    times: u32,
    /// When the next creation is tried.
    until: Time,
    /// How many sets we knew of.
    sets: usize,
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

/// What follows from a refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ruling<'b> {
    /// These units were refused for themselves; the others go on.
    Units(Vec<&'b Unit>),
    /// Some of its units may have been; its parts are tried.
    Parts,
    /// This unit was, like the last few: nothing would be accepted.
    Everything(&'b Unit),
}

// === impl Quarantine ===

impl Quarantine {
    /// Whether and how `unit` may be sent now.
    pub fn permit(&self, unit: &Unit, now: Time) -> Permit {
        let Some(refusal) = self.refusal(unit) else { return Permit::WithOthers };
        let until = match &self.full {
            Some(full) if refusal.class == FailureClass::ZoneFull => full.until,
            _ => refusal.until,
        };
        if until <= now { Permit::Alone } else { Permit::NotBefore(until) }
    }

    /// The part of a refused batch that is to be sent next, if one is.
    pub fn part(&self) -> Option<&BTreeSet<ClaimKey>> {
        self.parts.front()
    }

    /// The part that was to be sent next is under way, or nothing of it can be sent.
    pub fn part_taken(&mut self) {
        self.parts.pop_front();
    }

    /// Why a unit is not written, if it was refused as it is now.
    pub fn reason(&self, unit: &Unit) -> Option<Reason> {
        self.refusal(unit).map(|refusal| reason(refusal.class, &refusal.message))
    }

    /// Whether a unit was refused as it is now.
    pub fn has(&self, unit: &Unit) -> bool {
        self.refusal(unit).is_some()
    }

    fn refusal(&self, unit: &Unit) -> Option<&Refusal> {
        self.refused.get(unit.key()).filter(|refusal| refusal.digest == unit.digest())
    }

    /// Takes a refused batch apart: the units that the message names, or else its halves. `sets` is how many record
    /// sets the zone has, as far as we know.
    pub fn refused<'b>(&mut self, batch: &'b Batch, failure: &Failure, sets: usize, now: Time) -> Ruling<'b> {
        let units = batch.units();
        if failure.class == FailureClass::ZoneFull && units.iter().any(creates) {
            return Ruling::Units(self.no_room(units, &failure.message, sets, now));
        }
        let message = &failure.message;
        let (named, others): (Vec<&Unit>, Vec<&Unit>) =
            units.iter().partition(|unit| is_named(unit, message));
        if !named.is_empty() {
            self.in_a_row.clear();
            for unit in &named {
                let strangers = units.iter().filter(|other| other.key() != unit.key());
                let message = match units {
                    [_] => message.clone(),
                    _ => concerning(unit, &strangers.collect::<Vec<_>>(), message),
                };
                self.refuse(unit, failure.class, &message, now);
            }
            if !others.is_empty() {
                self.parts.push_front(keys(&others));
            }
            return Ruling::Units(named);
        }
        if let [alone] = units {
            self.refuse(alone, failure.class, message, now);
            self.in_a_row.insert(alone.key().clone());
            if self.in_a_row.len() >= EVERYTHING {
                self.parts.clear();
                return Ruling::Everything(alone);
            }
            return Ruling::Units(vec![alone]);
        }
        let (left, right) = others.split_at(others.len() / 2);
        self.parts.push_front(keys(right));
        self.parts.push_front(keys(left));
        Ruling::Parts
    }

    /// The zone has no room for what these units create: they wait together, and one of them tries.
    fn no_room<'b>(&mut self, units: &'b [Unit], message: &str, sets: usize, now: Time) -> Vec<&'b Unit> {
        let times = match &self.full {
            Some(full) if full.until > now => full.times,
            Some(full) => full.times + 1,
            None => 1,
        };
        self.full = Some(Full { times, until: now + wait(times), sets });
        let (creating, others): (Vec<&Unit>, Vec<&Unit>) = units.iter().partition(|unit| creates(unit));
        for unit in &creating {
            self.refuse(unit, FailureClass::ZoneFull, message, now);
        }
        if !others.is_empty() {
            self.parts.push_front(keys(&others));
        }
        creating
    }

    /// The zone has so many record sets. Where it had more when it was full, there is room.
    pub fn zone_has(&mut self, sets: usize, now: Time) {
        if let Some(full) = self.full.as_mut().filter(|full| sets < full.sets) {
            full.until = full.until.min(now);
        }
    }

    fn refuse(&mut self, unit: &Unit, class: FailureClass, message: &str, now: Time) {
        let times = self.refusal(unit).map_or(0, |refusal| refusal.times) + 1;
        let message = message.to_owned();
        let refusal = Refusal { digest: unit.digest(), times, until: now + wait(times), class, message };
        self.refused.insert(unit.key().clone(), refusal);
    }

    /// A batch was accepted.
    pub fn accepted(&mut self, batch: &Batch) {
        self.in_a_row.clear();
        for unit in batch.units() {
            self.refused.remove(unit.key());
        }
        if self.full.is_some() && batch.units().iter().any(creates) {
            self.full = None;
            self.refused.retain(|_, refusal| refusal.class != FailureClass::ZoneFull);
        }
    }

    /// Forgets units that are no longer planned as they were refused.
    pub fn forget(&mut self, mut is_planned: impl FnMut(&ClaimKey, UnitDigest) -> bool) {
        self.refused.retain(|key, refusal| is_planned(key, refusal.digest));
    }
}

fn keys(units: &[&Unit]) -> BTreeSet<ClaimKey> {
    units.iter().map(|unit| unit.key().clone()).collect()
}

fn creates(unit: &Unit) -> bool {
    unit.changes().iter().any(|change| matches!(change, Change::Create(_)))
}

/// How long to wait after so many refusals.
fn wait(times: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << times.saturating_sub(1).min(20)).min(LONGEST_WAIT)
}
