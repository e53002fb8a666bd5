//! Reports that depend on time: held units, warnings, and the propagation of accepted changes.

mod holds;
mod object_states;
mod propagation;
mod warnings;

use std::collections::BTreeSet;

use holds::Holds;
use object_states::{ObjectStates, Sight};
use propagation::Propagation;
use warnings::Warnings;

use super::{
    contract::{ChangeId, Effect, FailureClass, Report},
    pacer::Pacer,
    permits::Rules,
    planner::Planner,
    time::Time,
    turn::Turn,
};
use crate::{
    dns::Name,
    plan::{Blocked, Subject, Unit, View},
    source::{ClaimKey, Claims},
};

/// The last reports, and the reports that are due at some time.
#[derive(Debug, Default)]
pub(super) struct Reports {
    holds: Holds,
    warnings: Warnings,
    object_states: ObjectStates,
    propagation: Propagation,
}

// === impl Reports ===

impl Reports {
    /// The units that were last reported as held or rejected, as their objects see them.
    pub fn held(&self) -> impl Iterator<Item = &Blocked> {
        self.holds.reported()
    }

    /// The report that a unit is held or rejected, if that was reported last.
    pub fn hold_of(&self, unit: &Unit) -> Option<&Blocked> {
        self.holds.of(unit.key())
    }

    /// The hostnames with units that were last reported as held or rejected.
    pub fn held_hosts(&self) -> BTreeSet<Name> {
        self.holds.hosts()
    }

    /// Ends the holds that are over, and reports their hostnames to the turn.
    pub fn end_holds(&mut self, turn: &mut Turn) {
        while let Some(host) = self.holds.take_due(turn.now) {
            turn.holds_changed(BTreeSet::from([host]));
            turn.may_send();
        }
    }

    /// Reports units of these hostnames that are no longer held. Returns their keys.
    pub fn report_released(
        &mut self,
        hosts: &BTreeSet<Name>,
        rules: &Rules<'_>,
        planner: &Planner,
        turn: &mut Turn,
    ) -> Vec<ClaimKey> {
        let mut released = Vec::new();
        for host in hosts {
            for (key, report) in self.holds.release(host, rules, planner) {
                turn.report(report);
                released.push(key);
            }
        }
        released
    }

    /// Reports units of these hostnames that are newly held, or for another reason.
    pub fn report_held(
        &mut self,
        hosts: BTreeSet<Name>,
        rules: &Rules<'_>,
        planner: &Planner,
        turn: &mut Turn,
    ) {
        for host in hosts {
            for report in self.holds.update(&host, rules, planner) {
                turn.report(report);
            }
        }
    }

    /// Takes an accepted change, whose propagation is then followed.
    pub fn change_accepted(&mut self, change: ChangeId, now: Time) {
        self.propagation.accepted(change, now);
    }

    /// Takes the answer to a question about a change.
    pub fn propagation(&mut self, change: ChangeId, answer: Result<bool, FailureClass>, turn: &mut Turn) {
        if let Some(after) = self.propagation.answer(&change, answer, turn.now) {
            turn.report(Report::InSync { change, after });
        }
    }

    /// The number of accepted changes that some name servers may not have yet.
    pub fn changes_underway(&self) -> usize {
        self.propagation.len()
    }

    /// Asks about an accepted change, if a question is due and there is a token for the request.
    pub fn ask_propagation(&mut self, pacer: &mut Pacer, turn: &mut Turn) {
        if self.propagation_due(pacer).is_some_and(|due| due <= turn.now)
            && let Some(change) = self.propagation.ask(turn.now)
        {
            pacer.spend(turn.now, 1, 0);
            turn.effect(Effect::AskPropagation(change));
        }
    }

    /// When a question about a change is due.
    pub fn propagation_due(&self, pacer: &Pacer) -> Option<Time> {
        self.propagation.due().map(|due| due.max(pacer.when(1, 0)))
    }

    /// Notes that this process begins to lead.
    pub fn begin_term(&mut self, now: Time) {
        self.warnings.begin_term(now);
        self.object_states.begin_term();
    }

    /// Notes that hostnames were planned again.
    pub fn planned(&mut self, hosts: &BTreeSet<Name>, claims: &Claims) {
        self.object_states.planned(hosts, claims);
    }

    /// Notes the objects that have changed in this call, and those about which it reports. A process that may not write
    /// forgets them.
    pub fn object_states_changed(&mut self, claims: &Claims, may_write: bool, turn: &mut Turn) {
        if !may_write {
            turn.take_objects();
            return self.object_states.clear();
        }
        for object in turn.take_objects() {
            self.object_states.object_changed(&object, claims);
        }
        for effect in turn.effects() {
            let (subject, object) = match effect {
                Effect::Report(Report::Blocked(blocked)) => (&blocked.subject, &blocked.object),
                Effect::Report(Report::Unblocked { subject, object }) => (subject, object),
                _ => continue,
            };
            self.object_states.object_changed(object, claims);
            // Objects that ask for the same records share the unit of their holder, and its holds.
            if let Subject::Key(key) = subject {
                self.object_states.key_changed(key, claims);
            }
        }
    }

    /// Reports the states of objects that have changed. The plans must be current.
    pub fn report_object_states(
        &mut self,
        view: View<'_>,
        planner: &Planner,
        rules: &Rules<'_>,
        turn: &mut Turn,
    ) {
        let sight = Sight { view, planner, holds: &self.holds, rules };
        self.object_states.report(&sight, turn);
    }

    /// Reports conditions that have lasted, after all other reports of the call. Only the leader tells them, so that a
    /// process that takes over tells what still lasts.
    pub fn warn(&mut self, claims: &Claims, leads: bool, turn: &mut Turn) {
        for effect in turn.effects() {
            if let Effect::Report(report) = effect {
                self.warnings.take_report(report, turn.now);
            }
        }
        while leads && let Some((warning, others)) = self.warnings.take_due(turn.now) {
            if let Some(facts) = claims.facts_of(warning.object()) {
                turn.report(Report::Lasting { warning, others, uid: facts.uid.clone() });
            }
        }
    }

    /// When a hold ends or a warning is due. `leads`: whether warnings may be told.
    pub fn due(&self, leads: bool) -> Option<Time> {
        let warnings = self.warnings.due().filter(|_| leads);
        self.holds.due().into_iter().chain(warnings).min()
    }
}
