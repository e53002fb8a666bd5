//! The states of objects whose kind has a status.

use zonekeeper_core::{
    dns::Name,
    keeper::{Mode, ObjectState, Readiness},
    plan::{Blocked, Plan, Subject},
    source::{Endpoint, Facts, ObjectRef},
};

use super::{convergence::HELD, invariants::Violation, labels, ownership::APEX, world::World};

/// The invariant of settled runs.
const INVARIANT: &str = "the state of an object says what a new plan says";

/// What a plan says about one key of an object.
enum Outcome<'p> {
    Right,
    Noted,
    Blocked(&'p Blocked),
    /// A type of the endpoint is not managed.
    LeftOut,
    Waiting,
}

impl World {
    /// Takes a reported state. Only a leader that writes reports the state of an object, as it knows the object.
    pub fn take_state(&mut self, number: u32, state: ObjectState) -> Result<(), Violation> {
        self.statistics.count("state", labels::readiness(&state.readiness));
        let at = self.position(number).unwrap();
        let process = &mut self.processes[at];
        let known = process.knowledge.facts(&state.object);
        let is_of_known =
            known.is_some_and(|facts| facts.uid == state.uid && facts.generation == Some(state.generation));
        let may_report = process.led_until > self.now && self.shape.mode != Mode::DryRun;
        if is_of_known && may_report {
            process.states.insert(state.object.clone(), state);
            return Ok(());
        }
        let detail = format!("{state:?} of {known:?}, leads until {:?}", process.led_until);
        Err(Violation::new("the leader reports the states of known objects", detail))
    }

    /// Checks the last state of every object against a new plan.
    pub fn check_states(&self, fresh: &Plan) -> Result<(), Violation> {
        let Some(leader) = self.leader().filter(|_| self.shape.mode != Mode::DryRun) else { return Ok(()) };
        let kept = leader.keeper.plan();
        let held: Vec<&Blocked> =
            kept.blocked.iter().filter(|blocked| HELD.contains(&blocked.reason.label())).collect();
        for object in self.cluster.objects() {
            let Some(facts) = self.cluster.facts(object) else { continue };
            let Some(generation) = facts.generation else { continue };
            let last = leader.states.get(object);
            let is_current = |state: &&ObjectState| state.uid == facts.uid && state.generation == generation;
            let said = last.filter(is_current).map(|state| said(&state.readiness));
            let expected = self.expected(&facts, fresh, &held);
            if said != expected {
                let detail = format!("{object}, generation {generation}: {expected:?}, not {last:?}");
                return Err(Violation::new(INVARIANT, detail));
            }
        }
        Ok(())
    }

    /// What the state of an object should say. None if the object wants nothing in this zone.
    fn expected(&self, facts: &Facts, fresh: &Plan, held: &[&Blocked]) -> Option<String> {
        let of_object = |blocked: &&Blocked| {
            blocked.object == facts.object && matches!(blocked.subject, Subject::Hostnames(_))
        };
        let mut blocked: Vec<String> = fresh.blocked.iter().filter(of_object).map(said_of).collect();
        let (mut keys, mut is_noted, mut waiting) = (0, false, Vec::new());
        let apex = Name::from_route53(APEX).unwrap();
        let is_here = |host: &Name| host.is_within(&apex);
        for endpoint in facts.endpoints.iter().filter(|endpoint| is_here(&endpoint.key.host)) {
            keys += 1;
            match self.outcome(&facts.object, endpoint, fresh, held) {
                Outcome::Right => {}
                Outcome::Noted => is_noted = true,
                Outcome::Blocked(found) => blocked.push(said_of(found)),
                Outcome::LeftOut => blocked.push(format!("{}: UnmanagedType", endpoint.key)),
                Outcome::Waiting => waiting.push(endpoint.key.to_string()),
            }
        }
        if keys == 0 && (blocked.is_empty() || !facts.endpoints.is_empty()) {
            return None;
        }
        Some(match (blocked.first(), waiting.first()) {
            (Some(first), _) => format!("blocked {first} and {}", blocked.len() - 1),
            (None, Some(first)) => format!("waiting {first} and {}", waiting.len() - 1),
            (None, None) => format!("ready {keys}, noted {is_noted}"),
        })
    }

    fn outcome<'p>(
        &self,
        object: &ObjectRef,
        endpoint: &Endpoint,
        fresh: &'p Plan,
        held: &[&'p Blocked],
    ) -> Outcome<'p> {
        let subject = Subject::Key(endpoint.key.clone());
        let mut blocked = fresh.blocked.iter();
        if let Some(found) = blocked.find(|it| it.object == *object && it.subject == subject) {
            return Outcome::Blocked(found);
        }
        // Objects that ask for the same records share a unit.
        if fresh.units.iter().any(|unit| *unit.key() == endpoint.key) {
            let mut held = held.iter().filter(|it| it.subject == subject);
            return held.next().map_or(Outcome::Waiting, |held| Outcome::Blocked(held));
        }
        if !self.shape.manages(endpoint, &self.service.zone) {
            return Outcome::LeftOut;
        }
        let is_noted = fresh.noted.iter().any(|it| it.object == *object && it.key == endpoint.key);
        if is_noted { Outcome::Noted } else { Outcome::Right }
    }
}

/// What a reported state says, in the form of the expected one.
fn said(readiness: &Readiness) -> String {
    match readiness {
        Readiness::Ready { keys, noted } => format!("ready {keys}, noted {}", noted.is_some()),
        Readiness::Blocked { first, others } => format!("blocked {} and {others}", said_of(first)),
        Readiness::Waiting { first, others, .. } => format!("waiting {first} and {others}"),
    }
}

fn said_of(blocked: &Blocked) -> String {
    format!("{}: {}", blocked.subject, blocked.reason.label())
}
