//! Whether a unit may be sent: gates, leadership, breakers, rejections, the brake and approvals.

mod approvals;
mod brake;
mod breaker;
mod gate;
mod permit;
mod quarantine;
mod rejection;
mod rollouts;
mod rules;
mod stored_moves;

use std::{collections::BTreeSet, time::Duration};

use approvals::{Approvals, PlannedUnits};
use brake::Brake;
use breaker::Breaker;
pub(super) use breaker::State;
pub use gate::Gate;
pub(super) use permit::Permit;
use quarantine::{Quarantine, RejectionOutcome};
use rollouts::Rollouts;
pub(super) use rules::Rules;

use super::{
    brake_limits::BrakeLimits,
    config::Mode,
    contract::{Effect, Failure, FailureClass},
    model::Model,
    planner::{Planned, Planner},
    publication::{Approval, Publication},
    time::Time,
    turn::{Changed, Turn},
    wall_clock::WallClock,
};
use crate::{
    dns::Name,
    plan::{Batch, Unit},
};

/// The longest release of the brake. A forgotten release would switch the brake off.
pub const LONGEST_RELEASE: Duration = Duration::from_hours(24);

/// Everything that can prevent a unit from being sent.
#[derive(Debug)]
pub(super) struct Permits {
    mode: Mode,
    wall: WallClock,
    leader_until: Time,
    /// Open while Route 53 accepts no request of this account.
    account: Breaker,
    /// Open while Route 53 accepts no change.
    changes: Breaker,
    /// The rejected units.
    pub quarantine: Quarantine,
    brake: Brake,
    rollouts: Rollouts,
    approvals: Approvals,
}

// === impl Permits ===

impl Permits {
    pub fn new(mode: Mode, brake: BrakeLimits) -> Self {
        Self {
            mode,
            wall: WallClock::default(),
            leader_until: Time::ZERO,
            account: Breaker::default(),
            changes: Breaker::default(),
            quarantine: Quarantine::default(),
            brake: Brake::new(brake),
            rollouts: Rollouts::default(),
            approvals: Approvals::default(),
        }
    }

    /// The rules for sending, with the current model and plans.
    pub fn rules<'a>(&'a self, model: &'a Model, planner: &'a Planner, now: Time) -> Rules<'a> {
        Rules { permits: self, model, planner, now }
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    pub fn leader_until(&self) -> Time {
        self.leader_until
    }

    /// Whether this process leads.
    pub fn leads(&self, now: Time) -> bool {
        self.leader_until > now
    }

    /// Which requests of any kind may be sent.
    pub fn requests(&self, now: Time) -> State {
        self.account.state(now)
    }

    /// Which changes may be sent.
    pub fn changes(&self, now: Time) -> State {
        self.changes.state(now)
    }

    // --- inputs ---

    pub fn set_wall_clock(&mut self, unix: i64, now: Time) {
        self.wall.set(unix, now);
    }

    /// Notes until when this process leads. Returns whether a term begins.
    pub fn set_leadership(&mut self, until: Time, turn: &mut Turn) -> bool {
        let led = self.leads(turn.now);
        // A renewal in time changes nothing.
        if !led {
            turn.may_send();
        }
        let before = std::mem::replace(&mut self.leader_until, until);
        if before == Time::ZERO && until > Time::ZERO {
            self.approvals.begin();
        }
        !led && self.leads(turn.now)
    }

    /// Takes the moves that the leader before has stored.
    pub fn recall_moves(&mut self, memory: &str, turn: &mut Turn) {
        let (wall, now) = (self.wall, turn.now);
        self.brake.recall(memory, |unix| wall.time(unix, now), now);
        // The moves of this process may be missing in the text.
        let complete = self.stored_moves();
        if complete != memory {
            turn.effect(Effect::Remember(complete));
        }
    }

    /// Notes that a person has released the brake until a time of day. `unix` is the time of day now.
    pub fn release_brake(&mut self, until: i64, unix: i64, turn: &mut Turn) {
        let left = u64::try_from(until.saturating_sub(unix)).unwrap_or_default();
        let until = turn.now + Duration::from_secs(left).min(LONGEST_RELEASE);
        // The same release is found again and again.
        if self.brake.release(until) && until > turn.now {
            turn.changed(Changed::PlanReviewed);
        }
    }

    pub fn approve(&mut self, approval: Approval, now: Time) {
        self.approvals.give(approval, now);
    }

    pub fn recall_publication(&mut self, found: Option<Box<Publication>>, now: Time) {
        self.approvals.recall(found, now);
    }

    // --- answers of Route 53 ---

    /// Notes that a page was read.
    pub fn request_succeeded(&mut self) {
        self.account.close();
    }

    /// Notes that a request failed. Returns whether the failure says something about the rate of requests.
    pub fn request_failed(&mut self, class: FailureClass, now: Time) -> bool {
        if self.account.is_probing() || class == FailureClass::Account {
            self.account.open(now);
            return false;
        }
        class == FailureClass::Throttled
    }

    /// Notes that a read is sent as the probe of a broken account.
    pub fn probe_account(&mut self) {
        self.account.probe();
    }

    /// Notes that a batch is sent. While changes are rejected, it is the probe.
    pub fn batch_sent(&mut self) {
        self.changes.probe();
    }

    /// Notes that a batch was accepted.
    pub fn batch_accepted(&mut self, batch: &Batch, planner: &Planner, turn: &mut Turn) {
        self.account.close();
        self.changes.close();
        if self.quarantine.accepted(batch) {
            turn.holds_changed(hosts_with_units(planner));
        }
        let mut has_moved = false;
        for unit in batch.units() {
            // The move counts, even if the object has changed since.
            if !unit.is_repair()
                && let Some(to) = unit.moves()
            {
                has_moved = true;
                self.brake.moved(unit.key(), to, unit.object().namespace(), turn.now);
            }
            if unit.is_of_rollout() {
                let waiting = planner.units().map(|(_, unit)| unit);
                self.rollouts.written(unit, waiting, turn.now);
            }
            self.approvals.forget(unit);
        }
        if has_moved {
            turn.effect(Effect::Remember(self.stored_moves()));
        }
        turn.holds_changed(batch.units().iter().map(|unit| unit.key().host.clone()).collect());
    }

    /// When the last pause of a rollout that a unit belongs to ends or has ended.
    pub fn paused_until(&self, unit: &Unit) -> Time {
        self.rollouts.end_of_pause(unit).unwrap_or(Time::ZERO)
    }

    /// Notes that a batch was rejected. Returns the units that were rejected for themselves.
    pub fn batch_rejected<'b>(
        &mut self,
        batch: &'b Batch,
        failure: &Failure,
        model: &Model,
        planner: &Planner,
        turn: &mut Turn,
    ) -> Vec<&'b Unit> {
        let (wanted, sets) = (|| planner.units().map(|(_, unit)| unit), model.zone().len());
        let units = match self.quarantine.rejected(batch, failure, wanted(), sets, turn.now) {
            RejectionOutcome::Everything(unit) => {
                self.changes.open(turn.now);
                self.quarantine.suspect(wanted());
                vec![unit]
            }
            RejectionOutcome::Units(units) => {
                self.changes.close();
                units
            }
            RejectionOutcome::Parts => Vec::new(),
            RejectionOutcome::NoRoom => {
                self.changes.close();
                turn.holds_changed(hosts_with_units(planner));
                Vec::new()
            }
        };
        turn.holds_changed(units.iter().map(|unit| unit.key().host.clone()).collect());
        units
    }

    /// Notes that a batch failed for a reason that says nothing about its content.
    pub fn batch_failed(&mut self, class: FailureClass, now: Time) {
        self.changes.probe_again();
        if class == FailureClass::Account {
            self.account.open(now);
        }
    }

    // --- plans ---

    /// Notes that hostnames were planned again.
    pub fn replanned(&mut self, outcome: &Planned, planner: &Planner, now: Time) {
        self.quarantine.forget(|key, digest| planner.unit(key, digest).is_some());
        for host in &outcome.hosts {
            self.brake.retain(host, |key| outcome.moves.iter().any(|pending| pending.key == *key));
        }
        for pending in &outcome.moves {
            self.brake.add(pending);
        }
        if outcome.ours_changed {
            self.brake.hosts_changed();
        }
        for unit in &outcome.dropped {
            self.approvals.forget(unit);
        }
        self.approvals.compare_soon(now);
    }

    /// Notes that held units changed, which a publication shows.
    pub fn holds_changed(&mut self, now: Time) {
        self.approvals.compare_soon(now);
    }

    /// Reports it if the brake begins or ends to hold.
    pub fn review_brake(&mut self, planner: &Planner, turn: &mut Turn) {
        if self.brake.review(planner.hosts_once_correct(), turn.now) {
            turn.may_send();
            turn.holds_changed(self.brake.hosts().cloned().collect());
        }
    }

    // --- publications ---

    /// Revokes an expired approval. Returns whether the publication must be compared with the plan.
    pub fn prepare_publication(&mut self, planner: &Planner, now: Time) -> bool {
        if !self.publishes(planner) || !self.leads(now) {
            return false;
        }
        if self.approvals.expire(self.wall.unix(now)) {
            self.approvals.compare_soon(now);
        }
        self.approvals.due().is_some_and(|due| due <= now)
    }

    /// Compares a given approval with the plan.
    pub fn use_approval(&mut self, model: &Model, planner: &Planner, turn: &mut Turn) {
        if self.approvals.has_news() {
            let units = self.planned_units(model, planner, turn.now);
            let before = self.approvals.released().clone();
            let is_used = self.approvals.use_given(&units, self.wall.unix(turn.now));
            let is_new = |unit: &&Unit| self.approvals.allows(unit) && !before.contains(&unit.digest());
            let approved = planner.units().map(|(_, unit)| unit).filter(is_new);
            turn.changed(Changed::Approved(approved.map(|unit| unit.key().clone()).collect()));
            if is_used {
                turn.changed(Changed::PlanReviewed);
            }
        }
        turn.may_send();
    }

    /// Publishes the plan, if another one is published.
    pub fn publish(&mut self, model: &Model, planner: &Planner, turn: &mut Turn) {
        let units = self.planned_units(model, planner, turn.now);
        if let Some(publication) = self.approvals.publish(units, turn.now) {
            turn.effect(Effect::Publish(Box::new(publication)));
        }
    }

    /// The last publication before the process ends in good order.
    pub fn last_publication(&mut self, model: &Model, planner: &Planner, now: Time) -> Option<Publication> {
        if !self.publishes(planner) {
            return None;
        }
        let units = self.planned_units(model, planner, now);
        self.approvals.last_publication(units)
    }

    /// When the brake may cease to hold, an approval ends, or a publication is due.
    pub fn due(&self, planner: &Planner, now: Time) -> Option<Time> {
        let brake = self.brake.due(now).into_iter();
        let approvals = if self.publishes(planner) && self.leads(now) {
            let ends = self.approvals.release_ends().map(|end| self.wall.time(end, now));
            // A publication that became due in this call waits for the next one, as the batch does that made it due.
            [ends, self.approvals.due().filter(|due| *due > now)]
        } else {
            [None, None]
        };
        brake.chain(approvals.into_iter().flatten()).min()
    }

    /// Whether plans are published, and the publication of the leader before is known.
    fn publishes(&self, planner: &Planner) -> bool {
        self.mode == Mode::Approve && planner.is_started() && self.approvals.is_known()
    }

    fn planned_units(&self, model: &Model, planner: &Planner, now: Time) -> PlannedUnits {
        let rules = self.rules(model, planner, now);
        PlannedUnits::of(planner.units().map(|(_, unit)| unit), |unit| rules.hold(unit).is_some())
    }

    fn stored_moves(&self) -> String {
        self.brake.memory(|time| self.wall.unix(time))
    }
}

fn hosts_with_units(planner: &Planner) -> BTreeSet<Name> {
    planner.units().map(|(_, unit)| unit.key().host.clone()).collect()
}
