//! Reports about the states of objects whose kinds have a status.
//!
//! The state of an object follows from the plans of its hostnames. It is looked at again when one of them has changed, and
//! reported if it differs from the last report.

use std::collections::{BTreeMap, BTreeSet};

use super::holds::Holds;
use crate::{
    dns::Name,
    keeper::{
        contract::Report,
        object_state::{ObjectState, Readiness},
        permits::Rules,
        planner::Planner,
        turn::Turn,
    },
    plan::{Blocked, HostPlan, Noted, Reason, Subject, View, of_object},
    source::{ClaimKey, Claims, Endpoint, Facts, ObjectRef},
};

/// The last reports, and the objects whose state may differ from them.
#[derive(Debug, Default)]
pub(super) struct ObjectStates {
    reported: BTreeMap<ObjectRef, ObjectState>,
    changed: BTreeSet<ObjectRef>,
    /// Whether the state of every object may differ.
    are_all_changed: bool,
}

/// The inputs of a state.
pub(super) struct Sight<'s> {
    pub view: View<'s>,
    pub planner: &'s Planner,
    pub holds: &'s Holds,
    pub rules: &'s Rules<'s>,
}

/// The state of the records of one key.
enum Outcome {
    Right,
    Noted(Noted),
    Blocked(Blocked),
    Waiting { needs_approval: bool },
}

// === impl ObjectStates ===

impl ObjectStates {
    /// Notes that this process begins to lead. Nobody knows which states the leader before has reported.
    pub fn begin_term(&mut self) {
        self.reported.clear();
        self.are_all_changed = true;
    }

    /// Notes that this process does not lead: the leader reports.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Notes that the facts of an object, or the reports about it, have changed.
    pub fn object_changed(&mut self, object: &ObjectRef, claims: &Claims) {
        if self.reported.contains_key(object)
            || claims.facts_of(object).is_some_and(|facts| has_status(facts))
        {
            self.changed.insert(object.clone());
        }
    }

    /// Notes that hostnames were planned again.
    pub fn planned(&mut self, hosts: &BTreeSet<Name>, claims: &Claims) {
        for key in hosts.iter().flat_map(|host| claims.keys_at(host)) {
            self.key_changed(key, claims);
        }
    }

    /// Notes that the plan for a key, or a hold of its unit, has changed.
    pub fn key_changed(&mut self, key: &ClaimKey, claims: &Claims) {
        let with_status = claims.claimants(key).iter().filter(|claim| has_status(&claim.facts));
        self.changed.extend(with_status.map(|claim| claim.object().clone()));
    }

    /// Reports the states that have changed. The plans must be current.
    pub fn report(&mut self, sight: &Sight<'_>, turn: &mut Turn) {
        let claims = sight.view.claims;
        if std::mem::take(&mut self.are_all_changed) {
            let with_status = claims.facts().filter(|facts| has_status(facts));
            self.changed.extend(with_status.map(|facts| facts.object.clone()));
        }
        for object in std::mem::take(&mut self.changed) {
            let state = claims.facts_of(&object).and_then(|facts| sight.state(facts));
            if state.as_ref() == self.reported.get(&object) {
                continue;
            }
            match state {
                Some(state) => {
                    turn.report(Report::ObjectState(Box::new(state.clone())));
                    self.reported.insert(object, state);
                }
                None => drop(self.reported.remove(&object)),
            }
        }
    }
}

fn has_status(facts: &Facts) -> bool {
    facts.generation.is_some()
}

// === impl Sight ===

impl Sight<'_> {
    /// The state of an object; `None` if its kind has no status, or if it wants no record in this zone.
    fn state(&self, facts: &Facts) -> Option<ObjectState> {
        let generation = facts.generation?;
        let apex = self.view.zone.apex();
        let mut blocked: Vec<Blocked> = of_object(facts).collect();
        let (mut keys, mut noted, mut waiting) = (0, None, Vec::new());
        for endpoint in facts.endpoints.iter().filter(|endpoint| endpoint.key.host.is_within(apex)) {
            keys += 1;
            match self.outcome(facts, endpoint) {
                Outcome::Right => {}
                Outcome::Noted(found) => noted = noted.or(Some(Box::new(found))),
                Outcome::Blocked(found) => blocked.push(found),
                Outcome::Waiting { needs_approval } => waiting.push((&endpoint.key, needs_approval)),
            }
        }
        // Another zonekeeper keeps the zone of its hostnames.
        if keys == 0 && (blocked.is_empty() || !facts.endpoints.is_empty()) {
            return None;
        }
        let (others_blocked, others_waiting) =
            (blocked.len().saturating_sub(1), waiting.len().saturating_sub(1));
        let readiness = match (blocked.into_iter().next(), waiting.first()) {
            (Some(first), _) => Readiness::Blocked { first: Box::new(first), others: others_blocked },
            (None, Some((first, needs_approval))) => Readiness::Waiting {
                first: (*first).clone(),
                others: others_waiting,
                needs_approval: *needs_approval,
            },
            (None, None) => Readiness::Ready { keys, noted },
        };
        Some(ObjectState { object: facts.object.clone(), uid: facts.uid.clone(), generation, readiness })
    }

    fn outcome(&self, facts: &Facts, endpoint: &Endpoint) -> Outcome {
        let (object, key) = (&facts.object, &endpoint.key);
        let subject = Subject::Key(key.clone());
        let blocked = |reason| {
            let (subject, object) = (subject.clone(), object.clone());
            Outcome::Blocked(Blocked { subject, object, reason, remedy: Vec::new() })
        };
        let findings = self.planner.plan_of(&key.host).map(HostPlan::findings);
        let found = findings.and_then(|findings| {
            findings.blocked.iter().find(|it| it.object == *object && it.subject == subject)
        });
        if let Some(found) = found {
            return blocked(found.reason.clone());
        }
        if let Some(unit) = self.planner.unit_of(key) {
            return match self.holds.of(key) {
                Some(hold) => blocked(hold.reason.clone()),
                None => Outcome::Waiting { needs_approval: self.rules.needs_approval(unit) },
            };
        }
        if let Some(types) = self.view.left_out(object, key) {
            return blocked(Reason::UnmanagedType { types });
        }
        let noted = findings.and_then(|it| it.noted.iter().find(|it| it.object == *object && it.key == *key));
        noted.map_or(Outcome::Right, |noted| Outcome::Noted(noted.clone()))
    }
}
