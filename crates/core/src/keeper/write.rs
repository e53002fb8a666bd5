//! The batch under way: what is taken, read afresh, sent, and what its answer means.
//!
//! There is one at a time: Route 53 refuses a second change of a zone while it processes the first
//! (`PriorRequestNotComplete`, `ChangeResourceRecordSets`).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    Apply, ApplyId, ChangeId, Effect, Failure, FailureClass, Keeper, Report, Time, drift,
    lanes::Lane,
    quarantine::{Permit, Ruling},
    snapshot::FRESH,
};
use crate::{
    dns::{Name, RecordSet, RecordType, Zone},
    plan::{Batch, Change, PlanDigest, Unit, UnitDigest},
    source::ClaimKey,
};

/// How long a change may take: after that, its answer is as good as lost.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(8);

/// Where the batch under way is.
#[derive(Debug, Clone)]
pub(super) enum Cycle {
    /// There is none.
    Idle {
        /// When the next may be taken.
        not_before: Time,
    },
    /// The names that it rests on are read.
    Reading {
        /// What was taken, as it was planned.
        units: Vec<(ClaimKey, UnitDigest)>,
        /// The names whose answers have not come.
        missing: BTreeSet<Name>,
        /// Where some could not be read: when to try that again.
        again: Option<Time>,
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
        Self::Idle { not_before }
    }

    /// Whether there is no batch under way.
    pub fn is_idle(&self) -> bool {
        matches!(self, Self::Idle { .. })
    }
}

impl Keeper {
    /// Goes on with the batch under way, or takes the next one.
    pub(super) fn write(&mut self, now: Time, out: &mut Vec<Effect>) {
        match (&self.cycle, self.refusals.state(now)) {
            (Cycle::Idle { not_before }, _) if *not_before > now => {
                let not_before = *not_before;
                self.write_at_latest(not_before);
            }
            (Cycle::Idle { .. }, _) if !self.may_write(now) => {}
            (Cycle::Idle { .. }, state) => {
                let (taken, wait) = self.choose(now, state);
                if let Some((lane, units)) = taken {
                    if lane == Lane::Part {
                        self.quarantine.part_taken();
                    } else {
                        self.quarantine.others_taken();
                    }
                    self.take(units, now, out);
                } else if let Some(wait) = wait {
                    self.write_at_latest(wait);
                }
            }
            (Cycle::Reading { .. } | Cycle::Sent { .. } | Cycle::Asking { .. }, _) => {}
        }
    }

    fn take(&mut self, units: Vec<(ClaimKey, UnitDigest)>, now: Time, out: &mut Vec<Effect>) {
        let taken = units.iter().filter_map(|(key, digest)| self.plans.unit(key, *digest));
        let missing: BTreeSet<Name> = taken.flat_map(|unit| self.reads_for(unit, now)).collect();
        self.read_names(missing.clone(), now, out);
        let is_read = missing.is_empty();
        self.cycle = Cycle::Reading { units, missing, again: None };
        if is_read {
            self.send(now, out);
        }
    }

    /// Names have been read, each as it was when that was requested: the batch under way may have waited for them.
    pub(super) fn read_for_cycle(&mut self, names: &[(Name, Time)], now: Time, out: &mut Vec<Effect>) {
        match &mut self.cycle {
            Cycle::Reading { missing, .. } => {
                missing.retain(|name| names.iter().all(|(read, _)| read != name));
                if missing.is_empty() {
                    self.send(now, out);
                }
            }
            Cycle::Asking { batch, since, missing, is_all } => {
                missing.retain(|name| !names.iter().any(|(read, at)| read == name && at >= since));
                if missing.is_empty() {
                    let (batch, since, is_all) = (Arc::clone(batch), *since, *is_all);
                    self.judge(batch, since, is_all, now, out);
                }
            }
            Cycle::Idle { .. } | Cycle::Sent { .. } => {}
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

    /// A read of names has failed: the units that rest on them wait, the others go on.
    pub(super) fn read_failed_for_cycle(
        &mut self,
        names: Vec<Name>,
        again_at: Time,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        match &mut self.cycle {
            Cycle::Reading { missing, again, .. } if names.iter().any(|name| missing.contains(name)) => {
                missing.retain(|name| !names.contains(name));
                *again = Some(again_at);
                if missing.is_empty() {
                    self.send(now, out);
                }
            }
            _ => {
                self.rereads.add(names);
                self.rereads.wait(again_at);
            }
        }
    }

    /// Sends what is still planned of what was taken, if the right to send it still holds.
    fn send(&mut self, now: Time, out: &mut Vec<Effect>) {
        let Cycle::Reading { units, again, .. } = std::mem::take(&mut self.cycle) else { return };
        self.settle(now, out);
        if !self.may_write(now) {
            return;
        }
        let mut batch = Batch::default();
        let mut not_after = (now + CHANGE_TIMEOUT).min(self.leader_until);
        for (key, digest) in units {
            let Some(unit) = self.plans.unit(&key, digest) else { continue };
            let may_not = matches!(self.permit(unit, now), Permit::NotBefore(_));
            if may_not || !self.reads_for(unit, now).is_empty() {
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
            self.cycle = Cycle::idle(again.unwrap_or(now));
            self.write_at_latest(again.unwrap_or(now));
            return;
        }
        let batch = Arc::new(batch);
        let id = ApplyId(self.next_id());
        self.refusals.probe();
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
        if failure.class.is_refusal() {
            self.pacer.refund(changes);
            self.take_apart(&batch, &failure, now, out);
            self.cycle = Cycle::idle(now);
            return;
        }
        self.refusals.probe_again();
        self.cycle = match failure.class {
            FailureClass::Unknown => {
                self.rereads.wait(again);
                return self.ask(batch, false, now);
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
            _ => {
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
        self.refusals.close();
        if self.quarantine.accepted(batch) {
            self.touch_all();
        }
        self.learn(batch, now, out);
        self.holds.touch(batch.units().iter().map(|unit| unit.key().host.clone()));
        self.resync.wrote(now);
        if let Some(change) = &change {
            self.propagation.accepted(change.clone(), now);
        }
        let report = Report::Accepted { batch: Arc::clone(batch), digest: digest(batch), change };
        out.push(Effect::Report(report));
        self.cycle = Cycle::idle(now);
        self.zone_changed(changed, &[], now);
    }

    /// What an accepted batch means for what comes later.
    fn learn(&mut self, batch: &Batch, now: Time, out: &mut Vec<Effect>) {
        let mut has_moved = false;
        for unit in batch.units() {
            if drift::is_repair(&self.past, unit) {
                for wait in drift::LOOK_AGAIN {
                    self.rereads.add_at(unit.reads().iter().cloned(), now + wait);
                }
            } else if let Some(to) = unit.moves() {
                // Whatever its object wants by now.
                has_moved = true;
                self.brake.moved(&unit.key().host, to, now);
            }
            self.approvals.forget(unit);
        }
        if has_moved {
            self.remember(None, out);
        }
    }

    /// Route 53 has refused a batch as it is: find out which units, and look at their names again.
    fn take_apart(&mut self, batch: &Batch, failure: &Failure, now: Time, out: &mut Vec<Effect>) {
        let sets = self.snapshot.zone().len();
        let units = match self.quarantine.refused(batch, failure, sets, now) {
            Ruling::Everything(unit) => {
                self.refusals.open(now);
                self.quarantine.suspect(self.plans.units().map(|(_, unit)| unit));
                vec![unit]
            }
            Ruling::Units(units) => {
                self.refusals.close();
                units
            }
            Ruling::Parts => Vec::new(),
            Ruling::NoRoom => {
                self.refusals.close();
                self.touch_all();
                Vec::new()
            }
        };
        for unit in units {
            // A denial says nothing about the zone.
            if failure.class != FailureClass::Denied {
                self.snapshot.doubt(unit.reads(), now);
                self.rereads.add(unit.reads().iter().cloned());
            }
            self.holds.touch([unit.key().host.clone()]);
        }
        self.show_holds(out);
    }

    /// Whatever is planned may be held back or released.
    fn touch_all(&mut self) {
        let hosts: Vec<Name> = self.plans.units().map(|(_, unit)| unit.key().host.clone()).collect();
        self.holds.touch(hosts);
    }

    /// The names that must be read before a unit may be sent: all that it rests on if it needs that or was refused
    /// before, else only those that are known not to be as they seem.
    pub(super) fn reads_for(&self, unit: &Unit, now: Time) -> Vec<Name> {
        let needs = unit.needs_fresh_reads() || self.quarantine.has(unit);
        let snapshot = &self.snapshot;
        let must_be_read =
            |name: &&Name| !snapshot.is_fresh(name, now) && (needs || snapshot.is_doubted(name));
        unit.reads().iter().filter(must_be_read).cloned().collect()
    }
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
