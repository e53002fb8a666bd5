//! The loop, without I/O: facts, pages and answers go in, effects come out.
//!
//! [`Keeper::handle`] takes an input and its time, and returns effects. [`Keeper::wake_at`] is when the keeper wants
//! to be called again without an input. The keeper reads no clock and draws no random numbers: equal inputs give
//! equal effects, and a simulator can run a year in a second.
//!
//! # Parts
//!
//! Each part owns its state. A part may use the parts above it in this list, and none below.
//!
//! | part | subject |
//! |---|---|
//! | `Model` | the inputs of plans: settings, claims, lists, the snapshot of the zone, the history |
//! | `Planner` | plans, the time to plan again, grace periods of holders, drift |
//! | `Permits` | the permission to send a unit: gates, breakers, rejections, the brake, approvals |
//! | `ZoneReader` | reads of the zone: listings, counts, single names |
//! | `Writer` | the batch under way: selection, sending, the answer |
//! | `Reports` | reports that depend on time: held units, warnings, propagation |
//!
//! `Pacer` is the budget of requests and changes, lent to the parts that send requests. `Turn` is the context of one
//! call: its time, its effects, and the changes that parts report. Parts do not call each other because of a change.
//! `Keeper::react` is the only place that passes changes on.

mod blocked_reports;
mod brake_limits;
mod bucket;
mod config;
mod contract;
mod jitter;
mod last_requests;
mod model;
mod object_state;
mod pacer;
mod permits;
mod planner;
mod publication;
mod reader;
mod reports;
mod status;
mod time;
mod turn;
mod urgency;
mod wait;
mod wall_clock;
mod writer;

use std::{collections::BTreeSet, time::Duration};

pub use brake_limits::BrakeLimits;
pub use config::{Config, Mode};
pub use contract::{
    Apply, ApplyId, ChangeId, Cursor, Effect, Failure, FailureClass, IgnoredField, Input, Leftover, Page,
    Read, ReadId, Report, Telling, Warning,
};
pub use last_requests::LastRequests;
pub use object_state::{ObjectState, Readiness};
pub use pacer::{Budget, Quota, Rate, Tokens};
pub use permits::{Gate, LONGEST_RELEASE};
pub use publication::{Approval, Publication};
pub use status::{Completion, KeyStates};
pub use time::Time;
pub use urgency::Urgency;
pub use wait::{Cause, Wait};

use crate::{
    dns::{Name, Zone},
    plan::{Batch, Unit},
};
use model::Model;
use pacer::Pacer;
use permits::{Permits, State};
use planner::Planner;
use reader::ZoneReader;
use reports::Reports;
use turn::{Changed, Turn};
use writer::Writer;

/// The shortest time until the next wake-up. It prevents a busy loop.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);

/// The state of the loop.
#[derive(Debug)]
pub struct Keeper {
    model: Model,
    planner: Planner,
    permits: Permits,
    reader: ZoneReader,
    writer: Writer,
    pacer: Pacer,
    reports: Reports,
    /// Hostnames whose holds must still be reviewed, because the last call sent a batch first.
    unreviewed_holds: BTreeSet<Name>,
    wake_at: Option<Time>,
}

// === impl Keeper ===

impl Keeper {
    /// A keeper of `zone`, which must be empty: the keeper lists it.
    pub fn new(config: Config, zone: Zone) -> Self {
        let Config { settings, scopes, mode, quota, resync, vacancy, brake, seed } = config;
        Self {
            model: Model::new(settings, scopes, resync, zone),
            planner: Planner::new(vacancy),
            permits: Permits::new(mode, brake),
            reader: ZoneReader::new(resync, quota.requests),
            writer: Writer::new(seed),
            pacer: Pacer::new(quota, seed),
            reports: Reports::default(),
            unreviewed_holds: BTreeSet::new(),
            wake_at: None,
        }
    }

    /// Takes an input; returns effects in order: first all requests, which take their time, then all reports.
    ///
    /// Every [`Effect`] but [`Effect::Publish`], [`Effect::Remember`] and [`Effect::Report`] must be answered with its
    /// [`Input`], once.
    pub fn handle(&mut self, input: Input, now: Time) -> Vec<Effect> {
        let mut turn = Turn::new(now);
        turn.holds_changed(std::mem::take(&mut self.unreviewed_holds));
        self.take(input, &mut turn);
        self.react(&mut turn);
        self.advance(&mut turn);
        self.report_object_states(&mut turn);
        self.reports.warn(self.model.claims(), self.permits.leads(now), &mut turn);
        self.wake_at = self.due(now).map(|due| due.max(now + SHORTEST_SLEEP));
        turn.into_effects()
    }

    /// Passes an input to the part that owns its subject.
    fn take(&mut self, input: Input, turn: &mut Turn) {
        let now = turn.now;
        // Facts matter when they are planned, and a renewal of leadership in time changes nothing. Every other input
        // may allow a unit to be sent.
        let is_quiet = matches!(
            input,
            Input::Resource { .. } | Input::Undecodable { .. } | Input::Tick | Input::Leadership { .. }
        );
        if !is_quiet {
            turn.may_send();
        }
        match input {
            Input::Resource { resource, reduced } => self.model.set_resource(&resource, reduced, turn),
            Input::Undecodable { resource } => self.model.set_undecodable(&resource, turn),
            Input::Listing(scope) => self.model.begin_list(&scope),
            Input::Listed(scope) => self.model.end_list(&scope, turn),
            Input::Denied(scope) => self.model.deny_list(&scope, turn),
            Input::Wall { unix } => self.permits.set_wall_clock(unix, now),
            Input::Recall { memory } => self.permits.recall_moves(&memory, turn),
            Input::Release { until, unix } => self.permits.release_brake(until, unix, turn),
            Input::Approve(approval) => self.permits.approve(approval, now),
            Input::Published(found) => self.permits.recall_publication(found, now),
            Input::Leadership { until } => {
                if self.permits.set_leadership(until, turn) {
                    self.begin_term(turn);
                }
            }
            Input::Page { id, answer: Ok(page) } => {
                self.permits.request_succeeded();
                self.reader.page(id, page, &mut self.model, &mut self.pacer, turn);
            }
            Input::Page { id, answer: Err(failure) } => {
                let retry_at = self.request_failed("list record sets", failure, turn);
                self.reader.page_failed(id, retry_at, &mut self.model, turn);
            }
            Input::Counted(Ok(count)) => self.reader.counted(count, &mut self.model, turn),
            Input::Counted(Err(failure)) => {
                self.request_failed("count record sets", failure, turn);
            }
            Input::Applied { id, answer } => self.writer.answered(id, answer, &mut self.pacer, turn),
            Input::Propagation { change, answer } => self.propagation(change, answer, turn),
            Input::Tick => {}
        }
    }

    /// Begins to lead. The leader before may have written what this process would write now, so that is read first.
    fn begin_term(&mut self, turn: &mut Turn) {
        let now = turn.now;
        self.model.snapshot.begin_term(now);
        let reads = self.planner.units().flat_map(|(_, unit)| unit.reads());
        let names: Vec<Name> = reads.cloned().collect();
        self.model.snapshot.doubt(&names, now);
        // Somebody may have removed a record that blocked a hostname.
        self.reader.begin_term(now);
        self.reports.begin_term(now);
        self.writer.begin_term(turn);
    }

    /// Passes the reported changes on to the parts that must know them.
    fn react(&mut self, turn: &mut Turn) {
        while let Some(changed) = turn.next_change() {
            match changed {
                Changed::Claims { hosts, has_new } => {
                    let is_first = !self.planner.is_waiting();
                    self.planner.claims_changed(&self.model.view(), &hosts, has_new, turn.now);
                    if is_first {
                        let (model, planner, permits) = (&mut self.model, &self.planner, &self.permits);
                        let names = self.writer.early_names(&hosts, model, planner, permits, turn.now);
                        self.reader.read_early(names, model, &mut self.pacer, turn);
                    }
                }
                Changed::Zone { names, cuts } => {
                    self.planner.zone_changed(&self.model.view(), &names, &cuts, turn.now);
                }
                Changed::Readability => self.planner.everything_changed(&self.model.view(), turn.now),
                Changed::ZoneSize(sets) => self.permits.quarantine.zone_has(sets, turn.now),
                Changed::NamesRead(names) => self.writer.names_read(&names, self.model.zone(), turn),
                Changed::NamesFailed { names, retry_at } => {
                    self.reader.names_failed(&names, retry_at, |name| self.writer.awaits(name));
                    self.writer.names_failed(&names, retry_at, turn);
                }
                Changed::ReadsNeeded(names) => {
                    self.reader.read_names(names, &mut self.model, &mut self.pacer, turn);
                }
                Changed::RereadsNeeded { names, not_before } => {
                    self.reader.add(names);
                    if let Some(not_before) = not_before {
                        self.reader.wait(not_before);
                    }
                }
                Changed::BatchRead => {
                    self.replan(turn);
                    let (permits, pacer) = (&mut self.permits, &mut self.pacer);
                    self.writer.send(&self.model, &self.planner, permits, pacer, turn);
                }
                Changed::BatchAccepted { batch, change, written_by } => {
                    let names = written_by.map(|by| self.model.snapshot.patch(&batch, by));
                    let waits = self.end_waits(&batch, turn.now);
                    self.permits.batch_accepted(&batch, &self.planner, turn);
                    self.reader.batch_accepted(&batch, turn.now);
                    if let Some(change) = &change {
                        self.reports.change_accepted(change.clone(), turn.now);
                    }
                    let digest = writer::digest(&batch);
                    turn.report(Report::Accepted { batch, digest, change, waits });
                    let names = names.unwrap_or_default();
                    self.planner.zone_changed(&self.model.view(), &names, &[], turn.now);
                }
                Changed::BatchRejected { batch, failure } => {
                    let (model, planner) = (&mut self.model, &self.planner);
                    let units = self.permits.batch_rejected(&batch, &failure, model, planner, turn);
                    // A denial says nothing about the zone.
                    if failure.class != FailureClass::Denied {
                        self.reader.units_rejected(&units, model, turn.now);
                    }
                    self.report_holds(turn);
                }
                Changed::BatchFailed(class) => self.permits.batch_failed(class, turn.now),
                Changed::Approved(keys) => {
                    for key in keys {
                        self.planner.restart_wait(&key, turn.now);
                    }
                }
                Changed::PlanReviewed => {
                    self.planner.clear_contests();
                    turn.holds_changed(self.reports.held_hosts());
                    self.report_holds(turn);
                }
            }
        }
        if turn.take_may_send() {
            self.writer.wake();
        }
    }

    /// Lets every part do what is due, in one order.
    fn advance(&mut self, turn: &mut Turn) {
        let now = turn.now;
        self.planner.start(&self.model, now);
        self.planner.end_grace_periods(&self.model.view(), now);
        if self.send_ahead(turn) {
            // All else is due in the next call.
            self.unreviewed_holds = turn.take_holds();
            return;
        }
        if self.planner.take_due(now) {
            self.replan(turn);
        }
        self.review_holds(turn);
        if self.permits.prepare_publication(&self.planner, now) {
            self.permits.use_approval(&self.model, &self.planner, turn);
            self.react(turn);
            self.permits.publish(&self.model, &self.planner, turn);
        }
        self.react(turn);
        match self.permits.requests(now) {
            State::Closed => {
                let leads = self.permits.leads(now);
                self.reader.advance(&mut self.model, &self.planner, leads, &mut self.pacer, turn);
                self.writer.advance(&self.model, &self.planner, &mut self.permits, &self.pacer, turn);
                self.react(turn);
                self.reports.ask_propagation(&mut self.pacer, turn);
            }
            State::Due if self.pacer.requests(now) > 0 => {
                self.permits.probe_account();
                self.reader.probe(&mut self.model, &mut self.pacer, turn);
            }
            State::Due | State::Open { .. } | State::Probing => {}
        }
    }

    /// Sends a batch before hostnames are planned again, if a plan is due and the next units are those of other hostnames.
    /// The keeper plans while it waits for the answer. Returns whether a batch was sent.
    ///
    /// In the mode `approve`, the plan and the approval are compared first.
    fn send_ahead(&mut self, turn: &mut Turn) -> bool {
        if !self.planner.is_due(turn.now)
            || self.permits.requests(turn.now) != State::Closed
            || self.permits.mode() != Mode::Apply
        {
            return false;
        }
        let (permits, pacer) = (&mut self.permits, &mut self.pacer);
        self.writer.send_ahead(&self.model, &self.planner, permits, pacer, turn)
    }

    /// When the first part has something to do.
    fn due(&self, now: Time) -> Option<Time> {
        let leads = self.permits.leads(now);
        let parts = [self.planner.due(), self.permits.due(&self.planner, now), self.reports.due(leads)];
        let requests = match self.permits.requests(now) {
            State::Closed => [
                self.reader.due(&self.model, &self.planner, leads, &self.pacer, now),
                self.writer.due(),
                self.reports.propagation_due(&self.pacer),
            ],
            State::Open { until, .. } => [Some(until), None, None],
            State::Due => [Some(self.pacer.when(1, 0)), None, None],
            State::Probing => [None, None, None],
        };
        parts.into_iter().chain(requests).flatten().min()
    }

    /// Plans the marked hostnames again, and reports the differences.
    fn replan(&mut self, turn: &mut Turn) {
        let is_dry_run = self.permits.mode() == Mode::DryRun;
        let planned = self.planner.replan(&mut self.model, is_dry_run, turn.now);
        if !planned.hosts.is_empty() {
            turn.may_send();
        }
        self.permits.replanned(&planned, &self.planner, turn.now);
        self.reports.planned(&planned.hosts, self.model.claims());
        turn.holds_changed(planned.hosts);
        // A hostname that is held no longer may be blocked now. The newer report must be the last one.
        self.report_released(turn);
        for report in planned.reports {
            turn.report(report);
        }
        self.review_holds(turn);
    }

    /// Reports holds that begin or end because of time or the brake, and holds that changed in this turn.
    fn review_holds(&mut self, turn: &mut Turn) {
        self.permits.review_brake(&self.planner, turn);
        self.reports.end_holds(turn);
        self.report_holds(turn);
    }

    fn report_released(&mut self, turn: &mut Turn) {
        let hosts = turn.take_holds();
        let rules = self.permits.rules(&self.model, &self.planner, turn.now);
        for released in self.reports.report_released(&hosts, &rules, &self.planner, turn) {
            self.planner.restart_wait(&released, turn.now);
        }
        turn.holds_changed(hosts);
    }

    fn report_holds(&mut self, turn: &mut Turn) {
        self.report_released(turn);
        let hosts = turn.take_holds();
        if hosts.is_empty() {
            return;
        }
        self.permits.holds_changed(turn.now);
        let rules = self.permits.rules(&self.model, &self.planner, turn.now);
        self.reports.report_held(hosts, &rules, &self.planner, turn);
    }

    /// How long a planned unit has waited, if it waits. The pause of a rollout does not count, of this unit or of one that is
    /// bound to it.
    fn wait_of(&self, unit: &Unit, now: Time) -> Option<Wait> {
        let paused = self.planner.bound_to(unit).map(|other| self.permits.paused_until(other));
        let not_before = paused.fold(self.permits.paused_until(unit), Time::max);
        self.planner.wait_of(unit.key(), not_before, now)
    }

    /// Takes how long the units of an accepted batch have waited. A unit of the same key that is still to be written waits
    /// since now, because it was changed while the batch was under way. A unit that was held until now was rejected before:
    /// it waited since the batch was sent.
    fn end_waits(&mut self, batch: &Batch, now: Time) -> Vec<Wait> {
        let sent = self.writer.last_requests().change_sent.unwrap_or(now);
        let mut waits = Vec::new();
        for unit in batch.units() {
            if self.reports.hold_of(unit).is_some() {
                self.planner.restart_wait(unit.key(), sent);
            }
            waits.extend(self.wait_of(unit, now));
            self.planner.restart_wait(unit.key(), now);
        }
        waits
    }

    /// Reports the changed states of objects, if this process may write and the plans are current.
    fn report_object_states(&mut self, turn: &mut Turn) {
        let may_write = self.permits.leads(turn.now) && self.permits.mode() != Mode::DryRun;
        let rules = self.permits.rules(&self.model, &self.planner, turn.now);
        self.reports.object_states_changed(self.model.claims(), may_write, turn);
        if may_write && self.planner.is_current() {
            self.reports.report_object_states(self.model.view(), &self.planner, &rules, turn);
        }
    }

    /// Notes that a request other than a change failed. Returns when to try again.
    fn request_failed(&mut self, what: &'static str, failure: Failure, turn: &mut Turn) -> Time {
        if self.permits.request_failed(failure.class, turn.now) {
            self.pacer.throttled(turn.now);
        }
        turn.report(Report::Failed { what, failure });
        self.pacer.retry_at(turn.now)
    }

    fn propagation(&mut self, change: ChangeId, answer: Result<bool, Failure>, turn: &mut Turn) {
        let answer = answer.map_err(|failure| {
            let class = failure.class;
            // A role without the permission to ask may still have all other permissions.
            if class == FailureClass::Throttled {
                self.pacer.throttled(turn.now);
            }
            turn.report(Report::Failed { what: "ask for a change", failure });
            class
        });
        self.reports.propagation(change, answer, turn);
    }

    /// The last effects before the process ends in good order: the publication says which approvals were used.
    pub fn final_effects(&mut self, now: Time) -> Vec<Effect> {
        let last = self.permits.last_publication(&self.model, &self.planner, now);
        last.map(|last| Effect::Publish(Box::new(last))).into_iter().collect()
    }

    /// When the keeper wants [`Input::Tick`], if there is no other input before.
    pub fn wake_at(&self) -> Option<Time> {
        self.wake_at
    }
}
