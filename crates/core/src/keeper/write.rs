//! The batch under way: what is taken, read afresh, sent, and what its answer means.
//!
//! There is one at a time: Route 53 refuses a second change of a zone while it processes the first
//! (`PriorRequestNotComplete`, `ChangeResourceRecordSets`).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    Apply, ApplyId, ChangeId, Effect, Failure, FailureClass, Keeper, Report, Time,
    plans::Urgency,
    quarantine::{Permit, Quarantine},
    snapshot::{FRESH, Snapshot},
};
use crate::{
    dns::{Name, RecordSet, RecordType, Zone},
    plan::{Batch, Change, PlanDigest, Unit, UnitDigest, Weight},
    source::ClaimKey,
};

/// How long a change may take: after that, its answer is as good as lost.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(8);
/// How long the backlog waits for the tokens of a full batch.
const BACKLOG_WAIT: Duration = Duration::from_secs(5);

/// Where the batch under way is.
#[derive(Debug, Clone)]
pub(super) enum Cycle {
    /// There is none.
    Idle {
        /// When the next may be taken.
        not_before: Time,
        /// Since when a backlog waits for tokens.
        backlog: Option<Time>,
    },
    /// The names that it rests on are read.
    Reading {
        /// What was taken, as it was planned.
        units: Vec<(ClaimKey, UnitDigest)>,
        /// The names whose answers have not come.
        missing: BTreeSet<Name>,
    },
    /// It has been sent.
    Sent { id: ApplyId, batch: Arc<Batch> },
    /// Its answer was lost: what was read of it since tells whether it was accepted.
    Asking {
        batch: Arc<Batch>,
        /// When the answer was lost.
        since: Time,
        /// The names that have not been read since.
        missing: BTreeSet<Name>,
        /// Whether all its names are read, because those of one unit did not tell.
        is_all: bool,
    },
}

/// What was chosen for the next batch.
enum Choice {
    /// These units, in this order.
    Take(Vec<(ClaimKey, UnitDigest)>),
    /// Nothing before this time; nothing at all where it is `None`.
    Wait(Option<Time>),
    /// Nothing of the part of a refused batch that was to be sent: go on with the next.
    NextPart,
}

/// What its names say about a batch whose answer was lost.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Accepted,
    NotAccepted,
    Unclear,
}

impl Default for Cycle {
    fn default() -> Self {
        Self::idle(Time::ZERO)
    }
}

impl Cycle {
    fn idle(not_before: Time) -> Self {
        Self::Idle { not_before, backlog: None }
    }

    /// Whether there is no batch under way.
    pub fn is_idle(&self) -> bool {
        matches!(self, Self::Idle { .. })
    }
}

impl Keeper {
    /// Goes on with the batch under way, or takes the next one.
    pub(super) fn write(&mut self, now: Time, out: &mut Vec<Effect>) {
        match &self.cycle {
            Cycle::Idle { not_before, .. } if *not_before > now => {
                let not_before = *not_before;
                self.at_latest(not_before);
            }
            Cycle::Idle { .. } if !self.closed_gates(now).is_empty() => {}
            Cycle::Idle { .. } => loop {
                match self.choose(now) {
                    Choice::Take(units) => {
                        self.quarantine.part_taken();
                        self.take(units, now, out);
                    }
                    Choice::Wait(Some(time)) => self.at_latest(time),
                    Choice::Wait(None) => {}
                    Choice::NextPart => {
                        self.quarantine.part_taken();
                        continue;
                    }
                }
                break;
            },
            Cycle::Reading { .. } | Cycle::Sent { .. } | Cycle::Asking { .. } => {}
        }
    }

    /// The next units: in order of urgency, as many as fit one request and as the tokens at hand can pay for.
    fn choose(&mut self, now: Time) -> Choice {
        let Self { plans, pacer, quarantine, snapshot, .. } = self;
        let part = quarantine.part();
        let mut full = Weight::default();
        let mut reads = BTreeSet::new();
        let mut affordable = Vec::new();
        let mut is_backlog = false;
        let mut need = (0, 0);
        let mut later: Option<Time> = None;
        let in_part = |unit: &Unit| part.is_none_or(|part| part.contains(unit.key()));
        for (urgency, unit) in plans.units().filter(|(_, unit)| in_part(unit)) {
            let is_first = full == Weight::default();
            let alone = match quarantine.permit(unit, now) {
                Permit::WithOthers => false,
                Permit::Alone if is_first => true,
                Permit::Alone => continue,
                Permit::NotBefore(until) => {
                    later = Some(later.map_or(until, |later| later.min(until)));
                    continue;
                }
            };
            // The rest is no more urgent than the first.
            is_backlog |= is_first && urgency == Urgency::Backlog;
            let mut weight = full;
            weight += Weight::of_unit(unit);
            if !is_first && !weight.fits_a_batch() {
                break;
            }
            full = weight;
            reads.extend(reads_for(unit, quarantine, snapshot, now));
            let requests = u32::try_from(reads.len()).unwrap_or(u32::MAX).saturating_add(1);
            let is_affordable = if is_first {
                pacer.can_afford(now, requests, full.changes)
            } else {
                pacer.has(now, requests, full.changes)
            };
            if is_affordable && need == (0, 0) {
                affordable.push((unit.key().clone(), unit.digest()));
            } else if need == (0, 0) || !affordable.is_empty() {
                need = (requests, full.changes);
            }
            if alone {
                break;
            }
        }
        if full == Weight::default() {
            return if part.is_some() { Choice::NextPart } else { Choice::Wait(later) };
        }
        if need == (0, 0) || (!is_backlog && !affordable.is_empty()) {
            return Choice::Take(affordable);
        }
        let enough = pacer.when(need.0, need.1);
        let Cycle::Idle { backlog, .. } = &mut self.cycle else { return Choice::Wait(None) };
        let since = if is_backlog { *backlog.get_or_insert(now) } else { now };
        if affordable.is_empty() {
            return Choice::Wait(Some(enough));
        }
        let deadline = since + BACKLOG_WAIT;
        // What no bucket can hold will never be at hand: a full bucket is all that there is to wait for.
        let wait = deadline.min(enough);
        if wait <= now { Choice::Take(affordable) } else { Choice::Wait(Some(wait)) }
    }

    fn take(&mut self, units: Vec<(ClaimKey, UnitDigest)>, now: Time, out: &mut Vec<Effect>) {
        let taken = units.iter().filter_map(|(key, digest)| self.plans.unit(key, *digest));
        let missing: BTreeSet<Name> =
            taken.flat_map(|unit| reads_for(unit, &self.quarantine, &self.snapshot, now)).collect();
        for name in &missing {
            self.read_name(name, now, out);
        }
        let is_read = missing.is_empty();
        self.cycle = Cycle::Reading { units, missing };
        if is_read {
            self.send(now, out);
        }
    }

    /// A name has been read, as it was when that was requested: the batch under way may have waited for it.
    pub(super) fn read_for_cycle(&mut self, name: &Name, requested: Time, now: Time, out: &mut Vec<Effect>) {
        match &mut self.cycle {
            Cycle::Reading { missing, .. } => {
                missing.remove(name);
                if missing.is_empty() {
                    self.send(now, out);
                }
            }
            Cycle::Asking { batch, since, missing, is_all } if requested >= *since => {
                missing.remove(name);
                if missing.is_empty() {
                    let (batch, since, is_all) = (Arc::clone(batch), *since, *is_all);
                    self.judge(batch, since, is_all, now, out);
                }
            }
            Cycle::Idle { .. } | Cycle::Sent { .. } | Cycle::Asking { .. } => {}
        }
    }

    /// Reads the names of one unit or of all, to tell whether a batch was accepted.
    fn ask(&mut self, batch: Arc<Batch>, is_all: bool, now: Time) {
        let units = if is_all { batch.units() } else { witness(&batch) };
        let names = units.iter().flat_map(Unit::changes).map(|change| change.after().name().clone());
        let missing: BTreeSet<Name> = names.collect();
        self.rereads.add(missing.iter().cloned());
        self.cycle = Cycle::Asking { batch, since: now, missing, is_all };
    }

    /// What tells whether a batch was accepted has been read, all of it since its answer was lost.
    fn judge(&mut self, batch: Arc<Batch>, since: Time, is_all: bool, now: Time, out: &mut Vec<Effect>) {
        let units = if is_all { batch.units() } else { witness(&batch) };
        match verdict(units, self.snapshot.zone()) {
            Verdict::Accepted => {
                // What others have made of it since has been read.
                let changed = if is_all { Vec::new() } else { self.snapshot.patch(&batch, since) };
                self.accept(&batch, None, &changed, now, out);
            }
            Verdict::Unclear if !is_all => self.ask(batch, true, now),
            Verdict::Unclear | Verdict::NotAccepted => self.cycle = Cycle::idle(now),
        }
    }

    /// A read of a name has failed.
    pub(super) fn read_failed_for_cycle(&mut self, name: Name, again: Time) {
        match &self.cycle {
            Cycle::Reading { missing, .. } if missing.contains(&name) => self.cycle = Cycle::idle(again),
            _ => {
                self.rereads.add([name]);
                self.rereads.wait(again);
            }
        }
    }

    /// Sends what is still planned of what was taken, if the right to send it still holds.
    fn send(&mut self, now: Time, out: &mut Vec<Effect>) {
        let Cycle::Reading { units, .. } = std::mem::take(&mut self.cycle) else { return };
        self.settle(out);
        if !self.closed_gates(now).is_empty() {
            return;
        }
        let mut batch = Batch::default();
        let mut not_after = (now + CHANGE_TIMEOUT).min(self.leader_until);
        for (key, digest) in units {
            let Some(unit) = self.plans.unit(&key, digest) else { continue };
            if !reads_for(unit, &self.quarantine, &self.snapshot, now).is_empty() {
                continue;
            }
            if unit.needs_fresh_reads() {
                let since = unit.reads().iter().filter_map(|name| self.snapshot.fresh_since(name)).min();
                not_after = since.map_or(not_after, |since| not_after.min(since + FRESH));
            }
            if batch.push(unit.clone()).is_err() {
                break;
            }
        }
        if batch.is_empty() {
            self.at_latest(now);
            return;
        }
        let batch = Arc::new(batch);
        let id = ApplyId(self.next_id());
        let digest = digest(&batch);
        self.pacer.spend(now, 1, batch.weight().changes);
        self.cycle = Cycle::Sent { id, batch: Arc::clone(&batch) };
        out.push(Effect::Apply(Apply { id, batch, digest, not_after }));
    }

    /// Takes the answer to a batch.
    pub(super) fn applied(
        &mut self,
        id: ApplyId,
        answer: Result<ChangeId, Failure>,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let batch = match &self.cycle {
            Cycle::Sent { id: sent, batch } if *sent == id => Arc::clone(batch),
            _ => return,
        };
        let failure = match answer {
            Ok(change) => {
                let changed = self.snapshot.patch(&batch, now);
                return self.accept(&batch, Some(change), &changed, now, out);
            }
            Err(failure) => failure,
        };
        let units = batch.units().len();
        out.push(Effect::Report(Report::Refused { units, failure: failure.clone() }));
        let again = now + self.retry_wait();
        let changes = batch.weight().changes;
        self.cycle = match failure.class {
            FailureClass::Unknown => {
                self.rereads.wait(again);
                return self.ask(batch, false, now);
            }
            FailureClass::Refused => {
                self.pacer.refund(changes);
                self.take_apart(&batch, &failure, now, out);
                Cycle::idle(now)
            }
            FailureClass::Throttled => {
                self.pacer.throttled(now);
                Cycle::idle(again)
            }
            FailureClass::Account => {
                self.pacer.refund(changes);
                self.breaker.open(now);
                Cycle::idle(again)
            }
            FailureClass::Busy | FailureClass::NotExecuted | FailureClass::Withheld => {
                self.pacer.refund(changes);
                Cycle::idle(again)
            }
        };
    }

    /// A batch was accepted; `changed` are the names that the snapshot has only now taken over from it.
    fn accept(
        &mut self,
        batch: &Arc<Batch>,
        change: Option<ChangeId>,
        changed: &[Name],
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        self.breaker.close();
        let accepted = self.quarantine.forget(|key, _| batch.units().iter().all(|unit| unit.key() != key));
        out.extend(accepted);
        self.resync.wrote(now);
        if let Some(change) = &change {
            self.propagation.accepted(change.clone(), now);
        }
        let report = Report::Accepted { batch: Arc::clone(batch), digest: digest(batch), change };
        out.push(Effect::Report(report));
        self.cycle = Cycle::idle(now);
        self.zone_changed(changed, &[], now);
    }

    /// Route 53 has refused a batch as it is: find out which units, and look at their names again.
    fn take_apart(&mut self, batch: &Batch, failure: &Failure, now: Time, out: &mut Vec<Effect>) {
        let refused = self.quarantine.refused(batch, &failure.message, now);
        for unit in refused {
            self.snapshot.doubt(unit.reads(), now);
            self.rereads.add(unit.reads().iter().cloned());
            out.extend(self.refused(unit).map(|blocked| Effect::Report(Report::Blocked(Box::new(blocked)))));
        }
    }
}

/// The names that must be read before a unit may be sent: all that it rests on if it needs that or was refused
/// before, else only those that are known not to be as they seem.
fn reads_for(unit: &Unit, quarantine: &Quarantine, snapshot: &Snapshot, now: Time) -> Vec<Name> {
    let needs = unit.needs_fresh_reads() || quarantine.message(unit).is_some();
    let must_be_read = |name: &&Name| !snapshot.is_fresh(name, now) && (needs || snapshot.is_doubted(name));
    unit.reads().iter().filter(must_be_read).cloned().collect()
}

fn digest(batch: &Batch) -> PlanDigest {
    PlanDigest::of(batch.units().iter().map(Unit::digest))
}

/// The unit that tells best whether a batch was accepted. The ownership text is written by nobody else, unless
/// another process has our owner id; then the record beside it tells.
fn witness(batch: &Batch) -> &[Unit] {
    let has_txt =
        |unit: &Unit| unit.changes().iter().any(|change| *change.after().rtype() == RecordType::Txt);
    let at = batch.units().iter().position(has_txt).unwrap_or_default();
    batch.units().get(at..=at).unwrap_or_default()
}

/// What the zone says about a batch, by some of its units or all. A batch is atomic: one unit that is there whole
/// tells of all.
fn verdict(units: &[Unit], zone: &Zone) -> Verdict {
    let there = |set: &RecordSet| zone.get(set.name(), set.rtype(), set.key.set_id.as_ref());
    let holds = |set: &RecordSet| there(set) == Some(set);
    let is_before = |change: &Change| change.before().map_or_else(|| there(change.after()).is_none(), holds);
    if units.iter().any(|unit| unit.changes().iter().all(|change| holds(change.after()))) {
        Verdict::Accepted
    } else if units.iter().flat_map(Unit::changes).all(is_before) {
        Verdict::NotAccepted
    } else {
        Verdict::Unclear
    }
}
