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
    dns::{Name, RecordSet, RecordType},
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
    /// Its answer was lost: one name of it is read to tell whether it was accepted.
    Asking {
        batch: Arc<Batch>,
        /// The name.
        witness: Name,
        /// When it may be read (again); `None` while it is being read.
        ask: Option<Time>,
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

/// What a read says about a batch whose answer was lost.
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
            Cycle::Asking { ask: Some(ask), witness, .. } => {
                let (ask, witness) = ((*ask).max(self.pacer.when(1, 0)), witness.clone());
                if ask > now {
                    self.at_latest(ask);
                } else {
                    if let Cycle::Asking { ask, .. } = &mut self.cycle {
                        *ask = None;
                    }
                    self.read_name(&witness, now, out);
                }
            }
            Cycle::Reading { .. } | Cycle::Sent { .. } | Cycle::Asking { ask: None, .. } => {}
        }
    }

    /// The next units: in order of urgency, as many as fit one request and as the tokens at hand can pay for.
    fn choose(&mut self, now: Time) -> Choice {
        let Self { plans, pacer, quarantine, snapshot, .. } = self;
        let part = quarantine.part();
        let mut full = Weight::default();
        let mut reads = BTreeSet::new();
        let mut affordable = Vec::new();
        let mut only_backlog = true;
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
            let mut weight = full;
            weight += Weight::of_unit(unit);
            if !is_first && !weight.fits_a_batch() {
                break;
            }
            full = weight;
            reads.extend(reads_for(unit, quarantine, snapshot, now));
            let requests = u32::try_from(reads.len()).unwrap_or(u32::MAX).saturating_add(1);
            let is_affordable = pacer.can_afford(now, requests, full.changes);
            if is_affordable && need == (0, 0) {
                only_backlog &= urgency == Urgency::Backlog;
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
        if need == (0, 0) || (!only_backlog && !affordable.is_empty()) {
            return Choice::Take(affordable);
        }
        let enough = pacer.when(need.0, need.1);
        if affordable.is_empty() {
            return Choice::Wait(Some(enough));
        }
        let Cycle::Idle { backlog, .. } = &mut self.cycle else { return Choice::Wait(None) };
        let deadline = *backlog.get_or_insert(now) + BACKLOG_WAIT;
        if deadline <= now { Choice::Take(affordable) } else { Choice::Wait(Some(deadline.min(enough))) }
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

    /// A name has been read: the batch under way may have waited for it.
    pub(super) fn read_for_cycle(&mut self, name: &Name, now: Time, out: &mut Vec<Effect>) {
        match &mut self.cycle {
            Cycle::Reading { missing, .. } => {
                missing.remove(name);
                if missing.is_empty() {
                    self.send(now, out);
                }
            }
            Cycle::Asking { batch, witness, ask: None } if witness == name => {
                let batch = Arc::clone(batch);
                match verdict(&batch, self.snapshot.zone().at(name), name) {
                    Verdict::Accepted => self.accept(&batch, None, now, out),
                    Verdict::NotAccepted => self.cycle = Cycle::idle(now),
                    Verdict::Unclear => {
                        self.reread.extend(batch.changes().map(|change| change.after().name().clone()));
                        self.cycle = Cycle::idle(now);
                    }
                }
            }
            Cycle::Idle { .. } | Cycle::Sent { .. } | Cycle::Asking { .. } => {}
        }
    }

    /// A read of a name has failed.
    pub(super) fn read_failed_for_cycle(&mut self, name: Name, again: Time) {
        match &mut self.cycle {
            Cycle::Reading { missing, .. } if missing.contains(&name) => self.cycle = Cycle::idle(again),
            Cycle::Asking { witness, ask, .. } if *witness == name => *ask = Some(again),
            _ => drop(self.reread.insert(name)),
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
            if unit.replaces() {
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
            Ok(change) => return self.accept(&batch, Some(change), now, out),
            Err(failure) => failure,
        };
        let units = batch.units().len();
        out.push(Effect::Report(Report::Refused { units, failure: failure.clone() }));
        let again = now + self.retry_wait();
        let changes = batch.weight().changes;
        self.cycle = match failure.class {
            FailureClass::Unknown => match witness(&batch) {
                Some(witness) => Cycle::Asking { witness, batch, ask: Some(again) },
                None => Cycle::idle(again),
            },
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

    fn accept(&mut self, batch: &Arc<Batch>, change: Option<ChangeId>, now: Time, out: &mut Vec<Effect>) {
        self.breaker.close();
        let changed = self.snapshot.patch(batch, now);
        let accepted = self.quarantine.forget(|key, _| batch.units().iter().all(|unit| unit.key() != key));
        out.extend(accepted);
        self.resync.wrote(now);
        if let Some(change) = &change {
            self.propagation.accepted(change.clone(), now);
        }
        let report = Report::Accepted { batch: Arc::clone(batch), digest: digest(batch), change };
        out.push(Effect::Report(report));
        self.cycle = Cycle::idle(now);
        self.zone_changed(&changed, &[], now);
    }

    /// Route 53 has refused a batch as it is: find out which units, and look at their names again.
    fn take_apart(&mut self, batch: &Batch, failure: &Failure, now: Time, out: &mut Vec<Effect>) {
        let refused = self.quarantine.refused(batch, &failure.message, now);
        for unit in refused {
            self.reread.extend(unit.reads().iter().cloned());
            out.extend(self.refused(unit).map(|blocked| Effect::Report(Report::Blocked(Box::new(blocked)))));
        }
    }
}

/// The names that must be read before a unit may be sent: all that it rests on if it replaces something, or if it
/// was refused before.
fn reads_for(unit: &Unit, quarantine: &Quarantine, snapshot: &Snapshot, now: Time) -> Vec<Name> {
    let needs = unit.replaces() || quarantine.message(unit).is_some();
    unit.reads().iter().filter(|name| needs && !snapshot.is_fresh(name, now)).cloned().collect()
}

fn digest(batch: &Batch) -> PlanDigest {
    PlanDigest::of(batch.units().iter().map(Unit::digest))
}

/// The name that tells best whether a batch was accepted: nobody else writes our ownership text.
fn witness(batch: &Batch) -> Option<Name> {
    let is_txt = |change: &&Change| *change.after().rtype() == RecordType::Txt;
    let change = batch.changes().find(is_txt).or_else(|| batch.changes().next());
    change.map(|change| change.after().name().clone())
}

/// What the sets of one name say about a batch that changes it. A batch is atomic.
fn verdict(batch: &Batch, sets: &[RecordSet], name: &Name) -> Verdict {
    let of_name = || batch.changes().filter(|change| change.after().name() == name);
    let holds = |set: &RecordSet| sets.iter().any(|found| found.key == set.key && found == set);
    let absent = |set: &RecordSet| !sets.iter().any(|found| found.key == set.key);
    if of_name().all(|change| holds(change.after())) {
        Verdict::Accepted
    } else if of_name().all(|change| change.before().map_or_else(|| absent(change.after()), holds)) {
        Verdict::NotAccepted
    } else {
        Verdict::Unclear
    }
}
