//! The rules: what may be sent at one time, and why something may not.

use super::{
    Permits,
    breaker::State,
    gate::Gate,
    permit::{Hold, Permit},
};
use crate::{
    keeper::{config::Mode, model::Model, planner::Planner, time::Time},
    plan::{Reason, Unit},
};

/// The answer to every question about sending, at one time.
#[derive(Debug)]
pub(in crate::keeper) struct Rules<'a> {
    pub(super) permits: &'a Permits,
    pub(super) model: &'a Model,
    pub(super) planner: &'a Planner,
    pub(super) now: Time,
}

// === impl Rules ===

impl Rules<'_> {
    /// Whether and how a unit may be sent. Units that are bound to each other wait for each other.
    pub fn permit(&self, unit: &Unit) -> Permit {
        let bound = self.planner.bound_to(unit).map(|other| self.own_permit(other));
        bound.fold(self.own_permit(unit), Permit::both)
    }

    /// Whether and how a unit may be sent, if it is bound to no other.
    fn own_permit(&self, unit: &Unit) -> Permit {
        if let Some(hold) = self.hold(unit) {
            return Permit::NotBefore(hold.until);
        }
        if let Some(until) = self.permits.rollouts.pause(unit, self.now) {
            return Permit::NotBefore(until);
        }
        if self.is_unapproved(unit) {
            return Permit::NotBefore(Time::NEVER);
        }
        let is_suspect = self.permits.quarantine.is_suspect(unit);
        let open = match self.permits.changes.state(self.now) {
            State::Open { until, .. } if is_suspect => Some(until),
            State::Open { at_least_until, .. } => Some(at_least_until),
            State::Closed | State::Due | State::Probing => None,
        };
        match (open.filter(|until| *until > self.now), self.permits.quarantine.permit(unit, self.now)) {
            (Some(until), Permit::NotBefore(later)) => Permit::NotBefore(until.max(later)),
            (Some(until), _) => Permit::NotBefore(until),
            (None, permit) => permit,
        }
    }

    /// Whether a person must approve a unit, or one that is bound to it, before it may be sent.
    pub fn needs_approval(&self, unit: &Unit) -> bool {
        self.is_unapproved(unit) || self.planner.bound_to(unit).any(|other| self.is_unapproved(other))
    }

    fn is_unapproved(&self, unit: &Unit) -> bool {
        self.permits.mode == Mode::Approve && !self.permits.approvals.allows(unit)
    }

    /// Why the keeper holds a unit: its object is paused, it is contested, or the brake holds it.
    pub fn hold(&self, unit: &Unit) -> Option<Hold> {
        let facts = self.model.claims().facts_of(unit.object());
        let pause = facts.and_then(|facts| facts.controls.paused.as_ref());
        if let Some(pause) = pause.filter(|pause| pause.until > self.permits.wall.unix(self.now)) {
            let reason = Reason::Paused { until: pause.text.clone() };
            return Some(Hold { reason, until: self.permits.wall.time(pause.until, self.now) });
        }
        if let Some(until) = facts.and_then(|facts| self.planner.contested_until(unit, facts, self.now)) {
            return Some(Hold { reason: Reason::Contested, until });
        }
        let braked = self.permits.brake.holds(unit, self.now);
        braked.map(|reason| Hold { reason, until: Time::NEVER })
    }

    /// Why a planned unit is not sent: it, or a unit that is bound to it, is held or was rejected.
    pub fn blocked(&self, unit: &Unit) -> Option<Reason> {
        let reason = |unit: &Unit| {
            self.hold(unit).map(|hold| hold.reason).or_else(|| self.permits.quarantine.reason(unit))
        };
        reason(unit).or_else(|| self.planner.bound_to(unit).find_map(reason))
    }

    /// The conditions that prevent all writes.
    pub fn closed_gates(&self) -> Vec<Gate> {
        let mut gates: Vec<Gate> = self.model.missing_lists().cloned().map(Gate::Objects).collect();
        if self.model.snapshot.listed_at().is_none() {
            gates.push(Gate::Zone);
        } else if self.model.is_listing_too_old(self.now) {
            gates.push(Gate::StaleZone);
        }
        let permits = self.permits;
        let conditions = [
            (!permits.leads(self.now), Gate::Leadership),
            (permits.mode == Mode::DryRun, Gate::DryRun),
            (permits.mode == Mode::Approve && permits.approvals.is_empty(), Gate::Approval),
            (permits.account.is_open(), Gate::Account),
            (permits.changes.is_open(), Gate::Changes),
        ];
        gates.extend(conditions.into_iter().filter(|(is_closed, _)| *is_closed).map(|(_, gate)| gate));
        gates
    }

    /// The closed gates because of which the process is not ready: those of the lists that it waits for, and that of a
    /// listing of the zone that is too old. While Route 53 refuses the account, no listing succeeds. So the listing is too old
    /// after two resync periods. A process that stands by is ready.
    pub fn not_ready(&self) -> Vec<Gate> {
        let gates = self.closed_gates();
        let is_of_lists = |gate: &Gate| matches!(gate, Gate::Objects(_) | Gate::Zone | Gate::StaleZone);
        if !gates.iter().any(is_of_lists) {
            return Vec::new();
        }
        // A refused account is the cause, so it is named too.
        gates.into_iter().filter(|gate| is_of_lists(gate) || *gate == Gate::Account).collect()
    }

    /// Whether a batch may be sent: at least one unit as a probe.
    pub fn may_send(&self) -> bool {
        self.closed_gates().iter().all(|gate| *gate == Gate::Changes)
    }

    /// Whether nothing is left to write now: the other units wait for a time or a person.
    pub fn is_done(&self) -> bool {
        let waits = |unit: &Unit| matches!(self.permit(unit), Permit::NotBefore(_));
        let mut units = self.planner.units().map(|(_, unit)| unit);
        let approvals = &self.permits.approvals;
        match self.permits.mode {
            Mode::Apply => units.all(waits),
            // Units without an approval do not count.
            Mode::Approve => approvals.is_settled() && units.filter(|unit| approvals.allows(unit)).all(waits),
            Mode::DryRun => true,
        }
    }
}
