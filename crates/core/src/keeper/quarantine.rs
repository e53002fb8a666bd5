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
/// be refused as well, it seems. It doubles whenever something is accepted while others are refused, up to
/// [`SURELY_EVERYTHING`].
const EVERYTHING: usize = 3;
/// So many are enough, whatever was accepted before.
const SURELY_EVERYTHING: usize = 48;

/// Refused units, and batches that were taken apart to find them.
///
/// A unit is known by its key *and* digest: as soon as its object or its part of the zone changes, it is another
/// unit, and is tried at once.
#[derive(Debug, Clone)]
pub(super) struct Quarantine {
    refused: BTreeMap<ClaimKey, Refusal>,
    /// Parts of refused batches, each to be sent on its own.
    parts: VecDeque<BTreeSet<ClaimKey>>,
    /// Whether the next part goes before what was never refused: they take turns.
    is_parts_turn: bool,
    /// Units refused alone, for the first time, since something was last accepted or refused with a word about it.
    in_a_row: BTreeSet<ClaimKey>,
    /// How many of them are everything.
    everything: usize,
    /// What was planned when everything seemed to be refused.
    suspects: BTreeMap<ClaimKey, UnitDigest>,
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

/// What follows from a refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ruling<'b> {
    /// These units were refused for themselves; the others go on.
    Units(Vec<&'b Unit>),
    /// Some of its units may have been; its parts are tried.
    Parts,
    /// There is no room for what any unit creates.
    NoRoom,
    /// This unit was, like the last few: nothing would be accepted.
    Everything(&'b Unit),
}

impl Default for Quarantine {
    fn default() -> Self {
        Self {
            refused: BTreeMap::new(),
            parts: VecDeque::new(),
            is_parts_turn: false,
            in_a_row: BTreeSet::new(),
            everything: EVERYTHING,
            suspects: BTreeMap::new(),
            full: None,
        }
    }
}

// === impl Quarantine ===

impl Quarantine {
    /// Whether and how `unit` may be sent now.
    pub fn permit(&self, unit: &Unit, now: Time) -> Permit {
        let full = self.full.as_ref().filter(|_| creates(unit)).map(|full| full.until);
        let Some(until) = self.refusal(unit).map(|refusal| refusal.until).max(full) else {
            return Permit::WithOthers;
        };
        if until <= now { Permit::Alone } else { Permit::NotBefore(until) }
    }

    /// The part of a refused batch that is to be sent next, if one is.
    pub fn part(&self) -> Option<&BTreeSet<ClaimKey>> {
        self.parts.front()
    }

    /// What was in a refused batch and has not been sent since.
    pub fn in_parts(&self) -> BTreeSet<&ClaimKey> {
        self.parts.iter().flatten().collect()
    }

    /// Whether the next part goes before what was never refused.
    pub fn is_parts_turn(&self) -> bool {
        self.is_parts_turn
    }

    /// The part that was to be sent next is under way, or nothing of it can be sent.
    pub fn part_taken(&mut self) {
        self.parts.pop_front();
        self.is_parts_turn = false;
    }

    /// Something else than a part is under way.
    pub fn others_taken(&mut self) {
        self.is_parts_turn = true;
    }

    /// Everything seems to be refused, and this is what is planned.
    pub fn suspect<'u>(&mut self, units: impl Iterator<Item = &'u Unit>) {
        self.suspects = units.map(|unit| (unit.key().clone(), unit.digest())).collect();
    }

    /// Whether a unit was planned just so when everything seemed to be refused. What is new since then has not been
    /// tried.
    pub fn is_suspect(&self, unit: &Unit) -> bool {
        self.suspects.get(unit.key()) == Some(&unit.digest())
    }

    /// Why a unit is not written, if it was refused as it is now.
    pub fn reason(&self, unit: &Unit) -> Option<Reason> {
        let full = self.full.as_ref().filter(|_| creates(unit));
        let refused = self.refusal(unit).map(|refusal| reason(refusal.class, &refusal.message));
        refused.or_else(|| full.map(|full| reason(FailureClass::ZoneFull, &full.message)))
    }

    /// Whether a unit was refused as it is now.
    pub fn has(&self, unit: &Unit) -> bool {
        self.refusal(unit).is_some()
    }

    /// Whether a unit cannot be written for now, as far as Route 53 has said.
    pub fn concerns(&self, unit: &Unit) -> bool {
        self.has(unit) || (self.full.is_some() && creates(unit))
    }

    fn refusal(&self, unit: &Unit) -> Option<&Refusal> {
        self.refused.get(unit.key()).filter(|refusal| refusal.digest == unit.digest())
    }

    /// Takes a refused batch apart: the units that the message names, or else its halves. `sets` is how many record
    /// sets the zone has, as far as we know.
    pub fn refused<'b>(&mut self, batch: &'b Batch, failure: &Failure, sets: usize, now: Time) -> Ruling<'b> {
        let units = batch.units();
        if failure.class == FailureClass::ZoneFull && units.iter().any(creates) {
            self.suspects.clear();
            self.no_room(&failure.message, sets, now);
            return Ruling::NoRoom;
        }
        let message = &failure.message;
        let (named, others): (Vec<&Unit>, Vec<&Unit>) =
            units.iter().partition(|unit| is_named(unit, message));
        if !named.is_empty() {
            self.in_a_row.clear();
            self.suspects.clear();
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
            // What was refused before says nothing of what was not.
            if !self.has(alone) {
                self.in_a_row.insert(alone.key().clone());
            }
            self.refuse(alone, failure.class, message, now);
            if self.in_a_row.len() >= self.everything || !self.suspects.is_empty() {
                self.parts.clear();
                return Ruling::Everything(alone);
            }
            return Ruling::Units(vec![alone]);
        }
        // One half at once down to a single unit, the other when the larger parts have had their turn: so the good are
        // not kept by bad neighbours, and the first that are found refused lie far apart.
        let (left, right) = others.split_at(others.len() / 2);
        let at = self.parts.iter().position(|part| part.len() < right.len());
        self.parts.insert(at.unwrap_or(self.parts.len()), keys(right));
        self.parts.push_front(keys(left));
        Ruling::Parts
    }

    /// The zone has no room: whatever creates something waits, and then one unit tries. What creates nothing goes on.
    fn no_room(&mut self, message: &str, sets: usize, now: Time) {
        let times = self.full.as_ref().map_or(0, |full| full.times) + 1;
        self.full = Some(Full { times, until: now + wait(times), sets, message: message.to_owned() });
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

    /// A batch was accepted. Whether that has shown that the zone has room again.
    pub fn accepted(&mut self, batch: &Batch) -> bool {
        self.in_a_row.clear();
        self.suspects.clear();
        for unit in batch.units() {
            self.refused.remove(unit.key());
        }
        let is_anything_refused = !self.refused.is_empty() || !self.parts.is_empty();
        self.everything =
            if is_anything_refused { (self.everything * 2).min(SURELY_EVERYTHING) } else { EVERYTHING };
        self.full.take_if(|_| batch.units().iter().any(creates)).is_some()
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
