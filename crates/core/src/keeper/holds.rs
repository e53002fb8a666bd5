//! Units that are planned and not sent, each for a stated reason.

use std::collections::{BTreeMap, BTreeSet};

use super::{Effect, Keeper, Report, Time, breaker::State, plans, quarantine::Permit};
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
}

impl Holds {
    /// Something that may hold or release these hostnames' units has happened.
    pub fn touch(&mut self, hosts: impl IntoIterator<Item = Name>) {
        self.touched.extend(hosts);
    }
}

impl Keeper {
    /// Why a planned unit is not sent, if it is held back.
    pub(super) fn held(&self, unit: &Unit) -> Option<Reason> {
        self.quarantine.reason(unit)
    }

    /// Whether and how a unit may be sent now.
    pub(super) fn permit(&self, unit: &Unit, now: Time) -> Permit {
        match (self.refusals.state(now), self.quarantine.permit(unit, now)) {
            (State::Open(until), Permit::NotBefore(later)) => Permit::NotBefore(until.max(later)),
            (State::Open(until), _) => Permit::NotBefore(until),
            (_, permit) => permit,
        }
    }

    /// A held unit as its object sees it.
    pub(super) fn as_blocked(&self, unit: &Unit) -> Option<Blocked> {
        let reason = self.held(unit)?;
        let (host, object) = (unit.key().host.to_string(), unit.object().clone());
        Some(Blocked { host, object, reason, remedy: Vec::new() })
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
        self.release_holds(out);
        for host in std::mem::take(&mut self.holds.touched) {
            let held = self.held_at(&host);
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
