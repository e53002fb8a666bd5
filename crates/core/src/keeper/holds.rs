//! Units that are planned and not sent, each for a stated reason.

use std::collections::{BTreeMap, BTreeSet};

use super::{Effect, Keeper, Mode, Report, Time, breaker::State, plans, quarantine::Permit};
use crate::{
    dns::Name,
    plan::{Blocked, Reason, Unit},
};

/// What was last said of units that are held back, by hostname.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds {
    shown: BTreeMap<Name, Vec<Blocked>>,
    /// Hostnames for which that may have changed.
    touched: BTreeSet<Name>,
    /// When something ends that holds a hostname's units.
    ends: BTreeMap<Name, Time>,
    due: BTreeSet<(Time, Name)>,
}

impl Holds {
    /// Something that may hold or release these hostnames' units has happened.
    pub fn touch(&mut self, hosts: impl IntoIterator<Item = Name>) {
        self.touched.extend(hosts);
    }

    /// Something that may release whatever is held back has happened.
    fn touch_shown(&mut self) {
        self.touched.extend(self.shown.keys().cloned());
    }

    /// What is held back.
    pub fn shown(&self) -> impl Iterator<Item = &Blocked> {
        self.shown.values().flatten()
    }

    /// A hostname's units are held until this time, or until nobody knows when.
    fn end_at(&mut self, host: &Name, end: Option<Time>) {
        let old = match end {
            Some(end) => {
                self.due.insert((end, host.clone()));
                self.ends.insert(host.clone(), end).filter(|old| *old != end)
            }
            None => self.ends.remove(host),
        };
        if let Some(old) = old {
            self.due.remove(&(old, host.clone()));
        }
    }
}

/// Why a planned unit is not sent, and until when.
pub(super) struct Held {
    pub reason: Reason,
    pub until: Time,
}

impl Keeper {
    /// Why a unit is not sent, if something of ours holds it back.
    pub(super) fn withheld(&self, unit: &Unit) -> Option<Held> {
        let now = self.now;
        let facts = self.claims.facts_of(unit.object());
        let pause = facts.and_then(|facts| facts.paused.as_ref());
        if let Some(pause) = pause.filter(|pause| pause.until > self.wall.unix(now)) {
            let reason = Reason::Paused { until: pause.text.clone() };
            return Some(Held { reason, until: self.wall.time(pause.until, now) });
        }
        if let Some(until) = facts.and_then(|facts| self.drift.contested(unit, facts, now)) {
            return Some(Held { reason: Reason::Contested, until });
        }
        let is_braked = self.is_braked && self.brake.concerns(unit);
        is_braked.then_some(Held { reason: Reason::Braked, until: Time::NEVER })
    }

    /// Why a planned unit is not sent, if it is held back.
    pub(super) fn held(&self, unit: &Unit) -> Option<Reason> {
        self.withheld(unit).map(|held| held.reason).or_else(|| self.quarantine.reason(unit))
    }

    /// Whether and how a unit may be sent now.
    pub(super) fn permit(&self, unit: &Unit, now: Time) -> Permit {
        if let Some(held) = self.withheld(unit) {
            return Permit::NotBefore(held.until);
        }
        if self.config.mode == Mode::Approve && !self.approvals.allows(unit) {
            return Permit::NotBefore(Time::NEVER);
        }
        let is_suspect = self.quarantine.is_suspect(unit);
        let open = match self.refusals.state(now) {
            State::Open { until, .. } if is_suspect => Some(until),
            State::Open { at_least_until, .. } => Some(at_least_until),
            State::Closed | State::Due | State::Probing => None,
        };
        match (open.filter(|until| *until > now), self.quarantine.permit(unit, now)) {
            (Some(until), Permit::NotBefore(later)) => Permit::NotBefore(until.max(later)),
            (Some(until), _) => Permit::NotBefore(until),
            (None, permit) => permit,
        }
    }

    /// A held unit as its object sees it.
    pub(super) fn as_blocked(&self, unit: &Unit) -> Option<Blocked> {
        let reason = self.held(unit)?;
        let (host, object) = (unit.key().host.to_string(), unit.object().clone());
        Some(Blocked { host, object, reason, remedy: Vec::new() })
    }

    /// Sees what time has released, or the brake holds or releases.
    pub(super) fn review_holds(&mut self, now: Time, out: &mut Vec<Effect>) {
        let is_braked = self.brake.holds(self.past.right(), now);
        if is_braked != self.is_braked {
            self.is_braked = is_braked;
            self.is_stirred = true;
            self.holds.touch(self.brake.hosts().cloned());
        }
        while let Some((_, host)) = self.holds.due.first().filter(|(end, _)| *end <= now).cloned() {
            self.holds.end_at(&host, None);
            self.holds.touch([host]);
            self.is_stirred = true;
        }
        self.show_holds(out);
        let brake = self.brake.due(now).filter(|_| self.is_braked);
        for due in self.holds.due.first().map(|(end, _)| *end).into_iter().chain(brake) {
            self.at_latest(due);
        }
    }

    /// Leaves to the process that leads next what was moved, unless it is `known`.
    pub(super) fn remember(&self, known: Option<&str>, out: &mut Vec<Effect>) {
        let memory = self.brake.memory(|time| self.wall.unix(time));
        if known != Some(memory.as_str()) {
            out.push(Effect::Remember(memory));
        }
    }

    /// A person has looked at what is planned: nothing is contested any more.
    pub(super) fn make_peace(&mut self, out: &mut Vec<Effect>) {
        self.drift.make_peace();
        self.holds.touch_shown();
        self.show_holds(out);
    }

    /// Says what is no longer held back. What it became is said after it.
    pub(super) fn release_holds(&mut self, out: &mut Vec<Effect>) {
        for host in self.holds.touched.clone() {
            let held = self.held_at(&host);
            let Some(shown) = self.holds.shown.get_mut(&host) else { continue };
            let is_gone = |was: &mut Blocked| !held.iter().any(|now| now.object == was.object);
            for gone in shown.extract_if(.., is_gone) {
                let Blocked { host, object, .. } = gone;
                out.push(Effect::Report(Report::Unblocked { host, object }));
            }
            if shown.is_empty() {
                self.holds.shown.remove(&host);
            }
        }
    }

    /// Says what is held back newly, or for another reason.
    pub(super) fn show_holds(&mut self, out: &mut Vec<Effect>) {
        if !self.holds.touched.is_empty() {
            self.approvals.look(self.now);
        }
        self.release_holds(out);
        for host in std::mem::take(&mut self.holds.touched) {
            let held = self.held_at(&host);
            let ends = self.plans.units_of(&host).iter().filter_map(|unit| self.withheld(unit));
            let end = ends.map(|held| held.until).filter(|end| *end != Time::NEVER).min();
            self.holds.end_at(&host, end);
            let shown = self.holds.shown.remove(&host).unwrap_or_default();
            let mut reports = Vec::new();
            plans::report(&shown, &held, &mut reports);
            out.extend(reports.into_iter().map(Effect::Report));
            if !held.is_empty() {
                self.holds.shown.insert(host, held);
            }
        }
    }

    fn held_at(&self, host: &Name) -> Vec<Blocked> {
        self.plans.units_of(host).iter().filter_map(|unit| self.as_blocked(unit)).collect()
    }
}
