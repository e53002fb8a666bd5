//! Rejected units: they never delay other units.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{
    permit::Permit,
    rejection::{Meant, about, meant, reason},
};
use crate::{
    keeper::{
        contract::{Failure, FailureClass},
        time::Time,
    },
    plan::{Batch, Change, Reason, Unit, UnitDigest},
    source::{ClaimKey, ObjectRef},
};

/// The first wait of a rejected unit. It doubles with every further rejection, unless the message means the unit itself.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// The number of units rejected in a row from which Route 53 seems to reject everything. Each must be another unit, sent alone,
/// and not named in the message. The units must belong to at least two namespaces, because one namespace can ask for any number
/// of units that Route 53 rejects. A denial by IAM is mostly about the caller, so one namespace is then enough while no other
/// namespace has an untried unit. The number doubles with every accepted batch while units are rejected, up to
/// [`SURELY_EVERYTHING`].
const EVERYTHING: usize = 3;
/// The number that is enough, however many batches were accepted before, and even for units of one namespace.
const SURELY_EVERYTHING: usize = 48;

/// Rejected units, and the parts of rejected batches in which they are searched.
///
/// A rejection counts for a key *and* digest. When the object or the zone changes, the unit has another digest and is
/// sent at once.
#[derive(Debug, Clone)]
pub(in crate::keeper) struct Quarantine {
    rejected: BTreeMap<ClaimKey, Rejection>,
    /// Parts of rejected batches, each to be sent as a batch.
    parts: VecDeque<BTreeSet<ClaimKey>>,
    /// Whether the next part goes before units that were never rejected. They take turns.
    is_parts_turn: bool,
    /// Units rejected alone and unnamed for the first time, since the last accepted batch or named unit.
    in_a_row: BTreeMap<ClaimKey, ObjectRef>,
    /// How many units in a row mean that Route 53 rejects everything.
    everything: usize,
    /// The units that were planned when Route 53 seemed to reject everything.
    suspects: BTreeMap<ClaimKey, UnitDigest>,
    /// Set while the zone is full.
    full: Option<Full>,
}

#[derive(Debug, Clone)]
struct Rejection {
    digest: UnitDigest,
    times: u32,
    until: Time,
    class: FailureClass,
    message: String,
}

/// A zone without room for another record set.
#[derive(Debug, Clone)]
struct Full {
    times: u32,
    /// When the next creation is tried.
    until: Time,
    /// The number of known record sets then.
    sets: usize,
    message: String,
}

/// The consequence of a rejection.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::keeper) enum RejectionOutcome<'b> {
    /// These units were rejected; the others go on.
    Units(Vec<&'b Unit>),
    /// Some units of the batch were rejected; its parts are sent next.
    Parts,
    /// The zone has no room for new record sets.
    NoRoom,
    /// This unit was rejected like the units before: Route 53 seems to reject everything.
    Everything(&'b Unit),
}

impl Default for Quarantine {
    fn default() -> Self {
        Self {
            rejected: BTreeMap::new(),
            parts: VecDeque::new(),
            is_parts_turn: false,
            in_a_row: BTreeMap::new(),
            everything: EVERYTHING,
            suspects: BTreeMap::new(),
            full: None,
        }
    }
}

// === impl Quarantine ===

impl Quarantine {
    /// Whether and how `unit` may be sent, judging by rejections.
    pub fn permit(&self, unit: &Unit, now: Time) -> Permit {
        let full = self.full.as_ref().filter(|_| creates(unit)).map(|full| full.until);
        let Some(until) = self.rejection(unit).map(|rejection| rejection.until).max(full) else {
            return Permit::WithOthers;
        };
        if until <= now { Permit::Alone } else { Permit::NotBefore(until) }
    }

    /// The part of a rejected batch that is sent next.
    pub fn part(&self) -> Option<&BTreeSet<ClaimKey>> {
        self.parts.front()
    }

    /// The keys in all parts of rejected batches.
    pub fn in_parts(&self) -> BTreeSet<&ClaimKey> {
        self.parts.iter().flatten().collect()
    }

    /// Whether the next part goes before units that were never rejected.
    pub fn is_parts_turn(&self) -> bool {
        self.is_parts_turn
    }

    /// Notes that the next part is under way, or that none of its units can be sent.
    pub fn part_taken(&mut self) {
        self.parts.pop_front();
        self.is_parts_turn = false;
    }

    /// Notes that other units than a part are under way.
    pub fn others_taken(&mut self) {
        self.is_parts_turn = true;
    }

    /// Notes the planned units when Route 53 seems to reject everything.
    pub fn suspect<'u>(&mut self, units: impl Iterator<Item = &'u Unit>) {
        self.suspects = units.map(|unit| (unit.key().clone(), unit.digest())).collect();
    }

    /// Whether a unit was planned when Route 53 seemed to reject everything. Newer units were not tried.
    pub fn is_suspect(&self, unit: &Unit) -> bool {
        self.suspects.get(unit.key()) == Some(&unit.digest())
    }

    /// Whether none of the units rejected in a row is of the unit's namespace.
    pub fn is_elsewhere(&self, unit: &Unit) -> bool {
        !self.in_a_row.values().any(|object| object.is_beside(unit.object()))
    }

    /// Why a unit is not written, if it was rejected.
    pub fn reason(&self, unit: &Unit) -> Option<Reason> {
        let full = self.full.as_ref().filter(|_| creates(unit));
        let own = self.rejection(unit).map(|rejection| reason(unit, rejection.class, &rejection.message));
        own.or_else(|| full.map(|full| reason(unit, FailureClass::ZoneFull, &full.message)))
    }

    /// Whether a unit was rejected with its current content.
    pub fn has(&self, unit: &Unit) -> bool {
        self.rejection(unit).is_some()
    }

    /// Whether a rejection prevents a unit, its own or that of a full zone.
    pub fn concerns(&self, unit: &Unit) -> bool {
        self.has(unit) || (self.full.is_some() && creates(unit))
    }

    fn rejection(&self, unit: &Unit) -> Option<&Rejection> {
        self.rejected.get(unit.key()).filter(|rejection| rejection.digest == unit.digest())
    }

    /// Notes that a batch was rejected. Finds the units that the message names, or else splits the batch into halves.
    /// `planned` are all planned units, and `sets` is the number of known record sets.
    pub fn rejected<'b, 'u>(
        &mut self,
        batch: &'b Batch,
        failure: &Failure,
        planned: impl Iterator<Item = &'u Unit>,
        sets: usize,
        now: Time,
    ) -> RejectionOutcome<'b> {
        let units = batch.units();
        if failure.class == FailureClass::ZoneFull && units.iter().any(creates) {
            self.suspects.clear();
            self.no_room(&failure.message, sets, now);
            return RejectionOutcome::NoRoom;
        }
        let message = &failure.message;
        let Meant { units: named, themselves } = meant(units, message);
        if !named.is_empty() {
            self.in_a_row.clear();
            self.suspects.clear();
            for unit in &named {
                let others = units.iter().filter(|other| other.key() != unit.key());
                let message = match units {
                    [_] => message.clone(),
                    _ => about(unit, &others.collect::<Vec<_>>(), message),
                };
                self.reject(unit, failure.class, &message, themselves, now);
            }
            let others = keys(units.iter().filter(|unit| !named.contains(unit)));
            if !others.is_empty() {
                self.parts.push_front(others);
            }
            return RejectionOutcome::Units(named);
        }
        let groups: Vec<&[Unit]> = batch.groups().collect();
        if let [[alone, bound @ ..]] = groups.as_slice() {
            // A unit that was rejected before says nothing about other units.
            if !self.has(alone) {
                self.in_a_row.insert(alone.key().clone(), alone.object().clone());
            }
            for unit in units {
                self.reject(unit, failure.class, message, false, now);
            }
            if self.seems_everything(failure.class, planned) || !self.suspects.is_empty() {
                self.parts.clear();
                return RejectionOutcome::Everything(alone);
            }
            return RejectionOutcome::Units([alone].into_iter().chain(bound).collect());
        }
        // One half is split at once, down to a single unit. The other half waits for its turn after the larger parts.
        // So acceptable units wait little, and the first rejected units that are found lie far apart.
        let (left, right) = groups.split_at(groups.len() / 2);
        let [left, right] = [left, right].map(|half| keys(half.iter().copied().flatten()));
        let at = self.parts.iter().position(|part| part.len() < right.len());
        self.parts.insert(at.unwrap_or(self.parts.len()), right);
        self.parts.push_front(left);
        RejectionOutcome::Parts
    }

    /// Whether the units rejected in a row show that Route 53 rejects everything.
    fn seems_everything<'u>(&self, class: FailureClass, mut planned: impl Iterator<Item = &'u Unit>) -> bool {
        let count = self.in_a_row.len();
        if count < self.everything || count >= SURELY_EVERYTHING {
            return count >= SURELY_EVERYTHING;
        }
        let mut objects = self.in_a_row.values();
        let are_of_one = objects.next().is_none_or(|first| objects.all(|object| object.is_beside(first)));
        let is_untried_elsewhere = |unit: &Unit| self.is_elsewhere(unit) && !self.has(unit);
        !are_of_one || (class == FailureClass::Denied && !planned.any(is_untried_elsewhere))
    }

    /// Makes units that create record sets wait. Then one of them is tried.
    fn no_room(&mut self, message: &str, sets: usize, now: Time) {
        let times = self.full.as_ref().map_or(0, |full| full.times) + 1;
        self.full = Some(Full { times, until: now + wait(times), sets, message: message.to_owned() });
    }

    /// Notes the number of record sets in the zone. With fewer than when it was full, there is room.
    pub fn zone_has(&mut self, sets: usize, now: Time) {
        if let Some(full) = self.full.as_mut().filter(|full| sets < full.sets) {
            full.until = full.until.min(now);
        }
    }

    fn reject(&mut self, unit: &Unit, class: FailureClass, message: &str, is_itself: bool, now: Time) {
        let times = self.rejection(unit).map_or(0, |rejection| rejection.times) + 1;
        // The second time, it was alone in its request. Then a change of the zone or of the object helps, which gives it
        // another digest. A person ends a protection without that.
        let is_protected = matches!(reason(unit, class, message), Reason::Protected { .. });
        let wait = if is_itself && times > 1 && !is_protected { LONGEST_WAIT } else { wait(times) };
        let message = message.to_owned();
        let rejection = Rejection { digest: unit.digest(), times, until: now + wait, class, message };
        self.rejected.insert(unit.key().clone(), rejection);
    }

    /// Notes that a batch was accepted. Returns whether this shows that a full zone has room again.
    pub fn accepted(&mut self, batch: &Batch) -> bool {
        self.in_a_row.clear();
        self.suspects.clear();
        for unit in batch.units() {
            self.rejected.remove(unit.key());
        }
        let is_any_rejected = !self.rejected.is_empty() || !self.parts.is_empty();
        self.everything =
            if is_any_rejected { (self.everything * 2).min(SURELY_EVERYTHING) } else { EVERYTHING };
        self.full.take_if(|_| batch.units().iter().any(creates)).is_some()
    }

    /// Forgets rejected units that are no longer planned with the same content.
    pub fn forget(&mut self, mut is_planned: impl FnMut(&ClaimKey, UnitDigest) -> bool) {
        self.rejected.retain(|key, rejection| is_planned(key, rejection.digest));
    }
}

fn keys<'u>(units: impl IntoIterator<Item = &'u Unit>) -> BTreeSet<ClaimKey> {
    units.into_iter().map(|unit| unit.key().clone()).collect()
}

fn creates(unit: &Unit) -> bool {
    unit.changes().iter().any(Change::is_create)
}

/// The wait after a number of rejections.
fn wait(times: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << times.saturating_sub(1).min(20)).min(LONGEST_WAIT)
}
