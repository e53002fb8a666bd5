//! The state of the work, for commands, metrics and readiness.

use std::time::Duration;

use super::{Budget, Gate, Keeper, LastRequests, Time};
use crate::{
    dns::Zone,
    plan::{Blocked, History, HostPlan, Plan, Unit, of_object},
    source::Claims,
};

/// Whether there is something left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// There is something to do, now or later.
    Working,
    /// Everything that can be written is written.
    Done {
        /// The number of rejected units. They are sent again later.
        refused: usize,
    },
}

/// How many claimed keys of the zone are in each state. Each key is in one state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyStates {
    /// The records are right and ours.
    pub in_sync: usize,
    /// The records are right and not ours.
    pub noted: usize,
    /// The records are to be written.
    pub pending: usize,
    /// The records are to be written, and a person has not approved it.
    pub unapproved: usize,
    /// The records are not written, for a reason. A text that is not a hostname counts too.
    pub blocked: usize,
    /// The longest time for which a pending key has waited.
    pub longest_wait: Duration,
}

// === impl Keeper ===

impl Keeper {
    /// Whether the plan can be relied on: all objects and the zone were seen, the zone not too long ago.
    pub fn is_ready(&self, now: Time) -> bool {
        self.planner.is_started() && self.not_ready(now).is_empty()
    }

    /// The closed gates because of which this process is not ready. A process that stands by is ready.
    pub fn not_ready(&self, now: Time) -> Vec<Gate> {
        self.permits.rules(&self.model, &self.planner, now).not_ready()
    }

    /// The conditions that prevent all writes now.
    pub fn closed_gates(&self, now: Time) -> Vec<Gate> {
        self.permits.rules(&self.model, &self.planner, now).closed_gates()
    }

    /// The budget that is left.
    pub fn budget(&self, now: Time) -> Budget {
        self.pacer.budget(now)
    }

    /// The number of record sets of the zone that are ours, without ownership records. It takes as long as a plan.
    pub fn owned_sets(&self) -> usize {
        self.model.view().owned_sets_of_zone()
    }

    /// The number of keys in the zone that objects ask for.
    pub fn claimed_keys(&self) -> usize {
        let view = self.model.view();
        view.claims.keys_within(view.zone.apex()).count()
    }

    /// The plans of all hostnames that have something to report.
    pub fn hosts(&self) -> impl Iterator<Item = &HostPlan> {
        self.planner.hosts().map(|(_, plan)| plan)
    }

    /// Texts in the place of hostnames that are not hostnames. They are in no hostname's plan.
    pub fn bad_hosts(&self) -> impl Iterator<Item = Blocked> {
        self.model.claims().facts().flat_map(|facts| of_object(facts))
    }

    /// Earlier observations that plans depend on.
    pub fn history(&self) -> &History {
        &self.model.history
    }

    /// Planned units that are held or rejected, as their objects see them.
    pub fn held_back(&self) -> impl Iterator<Item = &Blocked> {
        self.reports.held()
    }

    /// The zone as last seen.
    pub fn zone(&self) -> &Zone {
        self.model.zone()
    }

    /// All claims.
    pub fn claims(&self) -> &Claims {
        self.model.claims()
    }

    /// The number of accepted changes that some name servers may not have yet.
    pub fn underway(&self) -> usize {
        self.reports.changes_underway()
    }

    /// Whether there is something left to do.
    pub fn completion(&self, now: Time) -> Completion {
        let is_idle = self.planner.is_started()
            && self.writer.is_idle()
            && !self.planner.is_waiting()
            && !self.reader.is_awaited();
        if is_idle && self.permits.rules(&self.model, &self.planner, now).is_done() {
            let units = self.planner.units().map(|(_, unit)| unit);
            Completion::Done { refused: units.filter(|unit| self.permits.quarantine.concerns(unit)).count() }
        } else {
            Completion::Working
        }
    }

    /// How many claimed keys are in each state. It takes as long as a walk over all claims.
    pub fn key_states(&self, now: Time) -> KeyStates {
        let (view, rules) = (self.model.view(), self.permits.rules(&self.model, &self.planner, now));
        let mut states = KeyStates {
            in_sync: view.claims.keys_within(view.zone.apex()).count(),
            blocked: view.claims.facts().flat_map(|facts| of_object(facts)).count(),
            ..KeyStates::default()
        };
        for (host, plan) in self.planner.hosts() {
            let all = view.claims.keys_at(host).count();
            states.in_sync = states.in_sync.saturating_sub(all - all.min(plan.in_sync.len()));
            let is_written = |key| plan.units.iter().any(|unit| unit.key() == key);
            let noted = plan.findings().noted.iter().filter(|noted| !is_written(&noted.key)).count();
            states.noted += noted;
            states.blocked += all.saturating_sub(plan.in_sync.len() + noted + plan.units.len());
            for unit in &plan.units {
                if self.reports.hold_of(unit).is_some() {
                    states.blocked += 1;
                } else if rules.needs_approval(unit) {
                    states.unapproved += 1;
                } else {
                    states.pending += 1;
                    let wait = self.wait_of(unit, now).map_or(Duration::ZERO, |wait| wait.time);
                    states.longest_wait = states.longest_wait.max(wait);
                }
            }
        }
        states
    }

    /// The times of requests.
    pub fn last_requests(&self) -> LastRequests {
        LastRequests {
            listing_begun: self.reader.listing_begun(),
            listed: self.model.snapshot.listed_at(),
            ..self.writer.last_requests()
        }
    }

    /// The whole plan. Units that are held or rejected are shown as blocked.
    pub fn plan(&self) -> Plan {
        let mut plan = self.planner.plan(&self.model.view());
        let hold = |unit: &Unit| self.reports.hold_of(unit).cloned();
        plan.blocked.extend(plan.units.iter().filter_map(hold));
        plan.units.retain(|unit| self.reports.hold_of(unit).is_none());
        plan
    }
}
