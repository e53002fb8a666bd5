//! The batch under way: its selection, its fresh reads, its sending, and its answer.
//!
//! There is one batch at a time. While Route 53 processes a change of a zone, it rejects a second one
//! (`PriorRequestNotComplete`, `ChangeResourceRecordSets`).

mod fate;
mod fresh_reads;
mod selection;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use fate::{BatchFate, best_evidence};
use fresh_reads::{early_names, names_to_read};
use selection::{Lane, Selected, Selector};

use super::{
    contract::{Apply, ApplyId, ChangeId, Effect, Failure, FailureClass, Report},
    last_requests::LastRequests,
    model::{FRESH, Model},
    pacer::Pacer,
    permits::{Permit, Permits, State},
    planner::Planner,
    time::Time,
    turn::{Changed, Turn},
};
use crate::{
    dns::{Name, Zone},
    plan::{Batch, PlanDigest, Unit, UnitDigest},
    source::ClaimKey,
};

/// How long a change may take. After that, its answer counts as lost.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(8);

/// Sends one batch after the other.
#[derive(Debug)]
pub(super) struct Writer {
    cycle: Cycle,
    /// Since when a backlog waits for the tokens of a full batch.
    backlog_since: Option<Time>,
    /// Whether a unit may be sent that could not be sent at the last look.
    is_woken: bool,
    /// When a unit may be sent that could not be sent at the last look.
    due: Option<Time>,
    last_id: u64,
    last_requests: LastRequests,
    /// The number of selected batches, for jitter.
    selections: u64,
    seed: u64,
}

/// The state of the batch under way.
#[derive(Debug, Clone)]
enum Cycle {
    /// There is none.
    Idle {
        /// When the next one may be selected.
        not_before: Time,
    },
    /// The names that it rests on are read.
    Reading {
        /// The selected units, as they were planned.
        units: Vec<(ClaimKey, UnitDigest)>,
        /// The names without an answer.
        missing: BTreeSet<Name>,
        /// If some names could not be read: when to try again.
        retry_at: Option<Time>,
    },
    /// It is sent, and there is no answer.
    Sent { id: ApplyId, batch: Arc<Batch> },
    /// Its answer is lost. Reads since then show whether it was accepted.
    Unanswered {
        batch: Arc<Batch>,
        /// When the answer was lost.
        since: Time,
        /// The names that were not read since.
        missing: BTreeSet<Name>,
        /// Whether all its names are read, because those of one unit left it unclear.
        is_all: bool,
    },
}

// === impl Cycle ===

impl Cycle {
    fn idle(not_before: Time) -> Self {
        Self::Idle { not_before }
    }
}

// === impl Writer ===

impl Writer {
    pub fn new(seed: u64) -> Self {
        Self {
            cycle: Cycle::idle(Time::ZERO),
            backlog_since: None,
            is_woken: true,
            due: None,
            last_id: 0,
            last_requests: LastRequests::default(),
            selections: 0,
            seed,
        }
    }

    /// The names that a batch with these hostnames will need, if one may begin now. When the wait for other changes ends, the
    /// answer is there or under way.
    pub fn early_names(
        &self,
        hosts: &BTreeSet<Name>,
        model: &Model,
        planner: &Planner,
        permits: &Permits,
        now: Time,
    ) -> BTreeSet<Name> {
        let may_begin = self.may_begin(model, planner, permits, now);
        if !may_begin || !planner.is_started() || permits.requests(now) != State::Closed {
            return BTreeSet::new();
        }
        early_names(hosts, model, permits, &permits.rules(model, planner, now), now)
    }

    /// Whether there is no batch under way.
    pub fn is_idle(&self) -> bool {
        matches!(self.cycle, Cycle::Idle { .. })
    }

    /// The times of the last change requests.
    pub fn last_requests(&self) -> LastRequests {
        self.last_requests
    }

    /// Notes that a unit may be sent now that could not be sent at the last look.
    pub fn wake(&mut self) {
        self.is_woken = true;
    }

    /// When a unit may be sent, if nothing changes before.
    pub fn due(&self) -> Option<Time> {
        self.due
    }

    /// Selects the next batch, if one may be sent.
    pub fn advance(
        &mut self,
        model: &Model,
        planner: &Planner,
        permits: &mut Permits,
        pacer: &Pacer,
        turn: &mut Turn,
    ) {
        if !self.is_woken && self.due.is_none_or(|due| due > turn.now) {
            return;
        }
        (self.is_woken, self.due) = (false, None);
        let Cycle::Idle { not_before } = self.cycle else { return };
        if not_before > turn.now {
            self.wait_until(not_before);
            return;
        }
        if !self.may_begin(model, planner, permits, turn.now) {
            return;
        }
        let (selected, later) = self.selector(model, planner, pacer, permits, turn.now).select(false);
        if let Some(selected) = selected {
            if self.begin(selected, model, planner, permits, turn) {
                turn.changed(Changed::BatchRead);
            }
        } else if let Some(later) = later {
            self.wait_until(later);
        }
    }

    /// Selects units whose plans are current, although those of other hostnames are not, and sends them. Returns whether
    /// a batch was sent.
    pub fn send_ahead(
        &mut self,
        model: &Model,
        planner: &Planner,
        permits: &mut Permits,
        pacer: &mut Pacer,
        turn: &mut Turn,
    ) -> bool {
        if !self.is_woken || !self.may_begin(model, planner, permits, turn.now) {
            return false;
        }
        let (selected, _) = self.selector(model, planner, pacer, permits, turn.now).select(true);
        // Nothing has to be read for them.
        let is_begun = selected.is_some_and(|it| self.begin(it, model, planner, permits, turn));
        if is_begun {
            self.send(model, planner, permits, pacer, turn);
        }
        is_begun
    }

    /// Whether a batch may begin: there is none, and at least one unit may be sent as a probe.
    fn may_begin(&self, model: &Model, planner: &Planner, permits: &Permits, now: Time) -> bool {
        matches!(self.cycle, Cycle::Idle { not_before } if not_before <= now)
            && permits.rules(model, planner, now).may_send()
    }

    fn selector<'k>(
        &'k mut self,
        model: &'k Model,
        planner: &'k Planner,
        pacer: &'k Pacer,
        permits: &'k mut Permits,
        now: Time,
    ) -> Selector<'k> {
        let (backlog_since, jitter) = (&mut self.backlog_since, (self.seed, self.selections));
        Selector { model, planner, pacer, permits, backlog_since, jitter, now }
    }

    /// Begins a batch with the reads that it needs. Returns whether it needs none.
    fn begin(
        &mut self,
        (lane, units): Selected,
        model: &Model,
        planner: &Planner,
        permits: &mut Permits,
        turn: &mut Turn,
    ) -> bool {
        self.selections += 1;
        if lane == Lane::Part {
            permits.quarantine.part_taken();
        } else {
            permits.quarantine.others_taken();
        }
        let still_planned = units.iter().filter_map(|(key, digest)| planner.unit(key, *digest));
        let names = still_planned.flat_map(|unit| names_to_read(unit, model, permits, turn.now));
        let missing: BTreeSet<Name> = names.collect();
        let unread = model.snapshot.without_reads_under_way(missing.iter().cloned(), turn.now);
        if !unread.is_empty() {
            turn.changed(Changed::ReadsNeeded(unread));
        }
        let is_read = missing.is_empty();
        self.cycle = Cycle::Reading { units, missing, retry_at: None };
        is_read
    }

    /// Notes that this process begins to lead. Reads from before say nothing about names that are doubted since, so the fate
    /// of a batch without an answer needs new ones.
    pub fn begin_term(&mut self, turn: &mut Turn) {
        if let Cycle::Unanswered { batch, is_all, .. } = &self.cycle {
            let (batch, is_all) = (Arc::clone(batch), *is_all);
            self.find_fate(batch, is_all, None, turn);
        }
    }

    /// Whether the batch under way waits for the read of a name before it is sent.
    pub fn awaits(&self, name: &Name) -> bool {
        matches!(&self.cycle, Cycle::Reading { missing, .. } if missing.contains(name))
    }

    /// Notes that names were read, each with the time of the request.
    pub fn names_read(&mut self, names: &[(Name, Time)], zone: &Zone, turn: &mut Turn) {
        match &mut self.cycle {
            Cycle::Reading { missing, .. } => {
                missing.retain(|name| names.iter().all(|(read, _)| read != name));
                if missing.is_empty() {
                    turn.changed(Changed::BatchRead);
                }
            }
            Cycle::Unanswered { batch, since, missing, is_all } => {
                missing.retain(|name| !names.iter().any(|(read, at)| read == name && at >= since));
                if missing.is_empty() {
                    let (batch, since, is_all) = (Arc::clone(batch), *since, *is_all);
                    self.judge(batch, since, is_all, zone, turn);
                }
            }
            Cycle::Idle { .. } | Cycle::Sent { .. } => {}
        }
    }

    /// Notes that names could not be read. The units that rest on them wait, and the others are sent.
    pub fn names_failed(&mut self, names: &[Name], retry_at: Time, turn: &mut Turn) {
        if let Cycle::Reading { missing, retry_at: retry, .. } = &mut self.cycle
            && names.iter().any(|name| missing.contains(name))
        {
            missing.retain(|name| !names.contains(name));
            *retry = Some(retry_at);
            if missing.is_empty() {
                turn.changed(Changed::BatchRead);
            }
        }
    }

    /// Sends the selected units that are still planned. The plans of their hostnames must be current, and rest on the reads.
    pub fn send(
        &mut self,
        model: &Model,
        planner: &Planner,
        permits: &mut Permits,
        pacer: &mut Pacer,
        turn: &mut Turn,
    ) {
        let now = turn.now;
        let Cycle::Reading { units, retry_at, .. } =
            std::mem::replace(&mut self.cycle, Cycle::idle(Time::ZERO))
        else {
            return;
        };
        let rules = permits.rules(model, planner, now);
        if !rules.may_send() {
            return;
        }
        let mut batch = Batch::default();
        let mut not_after = (now + CHANGE_TIMEOUT).min(permits.leader_until());
        let is_ready = |unit: &Unit| {
            !matches!(rules.permit(unit), Permit::NotBefore(_))
                && names_to_read(unit, model, permits, now).is_empty()
        };
        let is_selected = |unit: &Unit| units.contains(&(unit.key().clone(), unit.digest()));
        for (key, digest) in &units {
            let Some(unit) = planner.unit(key, *digest) else { continue };
            let is_there = batch.units().iter().any(|other| unit.is_bound() && other.is_bound_to(unit));
            if is_there
                || !is_ready(unit)
                || !planner.bound_to(unit).all(|it| is_selected(it) && is_ready(it))
            {
                continue;
            }
            let group: Vec<&Unit> = [unit].into_iter().chain(planner.bound_to(unit)).collect();
            let names = group.iter().filter(|unit| unit.needs_fresh_reads()).flat_map(|unit| unit.reads());
            let since = names.filter_map(|name| model.snapshot.fresh_since(name)).min();
            let limit = since.map_or(not_after, |since| not_after.min(since + FRESH));
            if batch.push(group.into_iter().cloned().collect()).is_err() {
                break;
            }
            not_after = limit;
        }
        if batch.is_empty() {
            let not_before = retry_at.unwrap_or(now);
            self.cycle = Cycle::idle(not_before);
            self.wait_until(not_before);
            return;
        }
        let batch = Arc::new(batch);
        self.last_id += 1;
        let id = ApplyId(self.last_id);
        permits.batch_sent();
        pacer.spend(now, 1, batch.weight().changes);
        self.last_requests.change_sent = Some(now);
        self.cycle = Cycle::Sent { id, batch: Arc::clone(&batch) };
        let digest = digest(&batch);
        turn.effect(Effect::Apply(Apply { id, batch, digest, not_after }));
    }

    /// Takes the answer to a batch.
    pub fn answered(
        &mut self,
        id: ApplyId,
        answer: Result<ChangeId, Failure>,
        pacer: &mut Pacer,
        turn: &mut Turn,
    ) {
        let now = turn.now;
        let batch = match &self.cycle {
            Cycle::Sent { id: sent, batch } if *sent == id => Arc::clone(batch),
            _ => return,
        };
        let failure = match answer {
            Ok(change) => {
                self.cycle = Cycle::idle(now);
                self.last_requests.change_accepted = Some(now);
                let (change, written_by) = (Some(change), Some(now));
                turn.changed(Changed::BatchAccepted { batch, change, written_by });
                return;
            }
            Err(failure) => failure,
        };
        turn.report(Report::Refused { units: batch.units().len(), failure: failure.clone() });
        let retry_at = pacer.retry_at(now);
        match failure.class {
            // A batch that Route 53 may have executed stays paid for.
            FailureClass::Unknown => {}
            FailureClass::Throttled => pacer.throttled(now),
            _ => pacer.refund(batch.weight().changes),
        }
        if failure.class.is_refusal() {
            self.cycle = Cycle::idle(now);
            turn.changed(Changed::BatchRejected { batch, failure });
            return;
        }
        turn.changed(Changed::BatchFailed(failure.class));
        if failure.class == FailureClass::Unknown {
            self.find_fate(batch, false, Some(retry_at), turn);
        } else {
            self.cycle = Cycle::idle(retry_at);
        }
    }

    /// Reads the names of one unit or of all, to find out whether a batch was accepted.
    fn find_fate(&mut self, batch: Arc<Batch>, is_all: bool, not_before: Option<Time>, turn: &mut Turn) {
        let units = if is_all { batch.units() } else { best_evidence(&batch) };
        let names = units.iter().flat_map(Unit::changes).map(|change| change.after().name().clone());
        let missing: BTreeSet<Name> = names.collect();
        turn.changed(Changed::RereadsNeeded { names: missing.clone(), not_before });
        self.cycle = Cycle::Unanswered { batch, since: turn.now, missing, is_all };
    }

    /// Judges whether a batch was accepted, by names that were read since its answer was lost.
    fn judge(&mut self, batch: Arc<Batch>, since: Time, is_all: bool, zone: &Zone, turn: &mut Turn) {
        let units = if is_all { batch.units() } else { best_evidence(&batch) };
        match BatchFate::of(units, zone) {
            BatchFate::Accepted => {
                self.cycle = Cycle::idle(turn.now);
                self.last_requests.change_accepted = Some(since);
                // If all names were read, the snapshot shows the batch, and later changes by others.
                let written_by = (!is_all).then_some(since);
                turn.changed(Changed::BatchAccepted { batch, change: None, written_by });
            }
            BatchFate::Unclear if !is_all => self.find_fate(batch, true, None, turn),
            BatchFate::Unclear | BatchFate::NotAccepted => self.cycle = Cycle::idle(turn.now),
        }
    }

    fn wait_until(&mut self, time: Time) {
        self.due = Some(self.due.map_or(time, |due| due.min(time)));
    }
}

/// The digest of a batch, for the request and the audit line.
pub(super) fn digest(batch: &Batch) -> PlanDigest {
    PlanDigest::of(batch.units().iter().map(Unit::digest))
}
