//! What follows for each hostname, kept up to date where something has changed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Leftover, Report};
use crate::{
    dns::Name,
    plan::{Blocked, Fallbacks, HostPlan, InSync, Plan, Stale, Unit, UnitDigest, View},
    source::ClaimKey,
};

/// Why a hostname is planned again; the more urgent one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// An object or the zone has changed.
    Change,
    /// The process has started.
    Start,
}

/// The order in which units are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// The zone answers something else than it should.
    Wrong,
    /// The zone does not answer yet, and was asked to just now.
    Changed,
    /// The zone does not answer yet, since before this process started.
    Backlog,
}

/// The plans of all hostnames, and which of them may no longer hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Plans {
    dirty: BTreeMap<Name, Cause>,
    /// Hostnames for which there is something to say.
    told: BTreeMap<Name, HostPlan>,
    /// Hostnames with units to be written, in the order in which that happens.
    queue: BTreeSet<(Urgency, Name)>,
    /// Of the hostnames that were planned.
    fallbacks: Fallbacks,
}

// === impl Plans ===

impl Plans {
    /// Marks every hostname whose decision may change with the sets or the claims at `name`.
    pub fn mark_affected(&mut self, view: &View<'_>, name: &Name, cause: Cause) {
        for host in view.affected(name, &self.fallbacks) {
            if view.exists(&host) || self.told.contains_key(&host) {
                self.mark(host, cause);
            }
        }
    }

    /// Marks a hostname whose decision may have changed.
    pub fn mark(&mut self, host: Name, cause: Cause) {
        let known = self.dirty.entry(host).or_insert(cause);
        *known = cause.min(*known);
    }

    /// The hostnames that are marked.
    pub fn marked(&self) -> impl Iterator<Item = &Name> {
        self.dirty.keys()
    }

    /// Plans what is marked again, and returns these hostnames, with what of them is right, and the units that are not
    /// planned any more. What has become of blocked units is reported, and, where plans are shown, what is planned newly.
    pub fn settle(
        &mut self,
        view: &View<'_>,
        is_shown: bool,
        reports: &mut Vec<Report>,
    ) -> (Vec<(Name, Vec<InSync>)>, Vec<Unit>) {
        let (mut settled, mut gone) = (Vec::with_capacity(self.dirty.len()), Vec::new());
        for (host, cause) in std::mem::take(&mut self.dirty) {
            self.fallbacks.note(&view.settings.naming, view.zone.apex(), &host, view.exists(&host));
            let new = view.host(&host);
            let old = self.told.remove(&host).unwrap_or_default();
            report(&old.blocked, &new.blocked, reports);
            report_leftovers(&old.leftovers, &new.leftovers, reports);
            if is_shown {
                let planned = new.units.iter().filter(|unit| !old.units.contains(unit));
                reports.extend(planned.map(|unit| Report::Planned(Box::new(unit.clone()))));
            }
            let backlog = self.queue.remove(&(Urgency::Backlog, host.clone()));
            self.queue.remove(&(Urgency::Changed, host.clone()));
            self.queue.remove(&(Urgency::Wrong, host.clone()));
            if !new.units.is_empty() {
                let urgency = if new.units.iter().any(Unit::replaces) {
                    Urgency::Wrong
                } else if cause == Cause::Start || (backlog && new.units == old.units) {
                    Urgency::Backlog
                } else {
                    Urgency::Changed
                };
                self.queue.insert((urgency, host.clone()));
            }
            gone.extend(old.units.into_iter().filter(|unit| !new.units.contains(unit)));
            settled.push((host.clone(), new.in_sync.clone()));
            if !new.says_nothing() {
                self.told.insert(host, new);
            }
        }
        (settled, gone)
    }

    /// Units to be written, the most urgent first, within that in the zone's order.
    pub fn units(&self) -> impl Iterator<Item = (Urgency, &Unit)> {
        self.queue
            .iter()
            .flat_map(|(urgency, host)| self.units_of(host).iter().map(move |unit| (*urgency, unit)))
    }

    /// The units of one hostname.
    pub fn units_of(&self, host: &Name) -> &[Unit] {
        self.told.get(host).map(|plan| plan.units.as_slice()).unwrap_or_default()
    }

    /// The unit of a key, if it would still write just that.
    pub fn unit(&self, key: &ClaimKey, digest: UnitDigest) -> Option<&Unit> {
        self.units_of(&key.host).iter().find(|unit| unit.key() == key && unit.digest() == digest)
    }

    /// The whole plan, as it stands.
    pub fn plan(&self, view: &View<'_>) -> Plan {
        let mut plan = Plan::assemble(view, self.told.values().cloned());
        let unsynced: BTreeSet<&Name> =
            self.told.iter().filter(|(_, p)| p.in_sync.is_empty()).map(|(h, _)| h).collect();
        let synced = view.claims.hosts_within(view.zone.apex()).filter(|host| !unsynced.contains(host));
        plan.in_sync = synced.count();
        plan
    }

    /// The hostnames that something in the zone blocks.
    pub fn blocked_by_zone(&self) -> impl Iterator<Item = &Name> {
        let is_blocked = |plan: &HostPlan| plan.blocked.iter().any(|blocked| blocked.reason.is_of_zone());
        self.told.iter().filter(move |(_, plan)| is_blocked(plan)).map(|(host, _)| host)
    }

    /// What is known of every hostname for which there is something to say.
    pub fn hosts(&self) -> impl Iterator<Item = &HostPlan> {
        self.told.values()
    }
}

/// What has become of blocked units.
pub(super) fn report(old: &[Blocked], new: &[Blocked], reports: &mut Vec<Report>) {
    for blocked in new.iter().filter(|blocked| !old.contains(blocked)) {
        reports.push(Report::Blocked(Box::new(blocked.clone())));
    }
    let is_gone =
        |was: &&Blocked| !new.iter().any(|now| (&now.host, &now.object) == (&was.host, &was.object));
    for blocked in old.iter().filter(is_gone) {
        reports.push(Report::Unblocked { host: blocked.host.clone(), object: blocked.object.clone() });
    }
}

/// What has become of sets that are left over.
fn report_leftovers(old: &[Stale], new: &[Stale], reports: &mut Vec<Report>) {
    let of = |stale: &[Stale]| -> Vec<Leftover> {
        let leftover =
            |stale: &Stale| Some(Leftover { object: stale.beside.clone()?, set: stale.set.clone() });
        stale.iter().filter_map(leftover).collect()
    };
    let (old, new) = (of(old), of(new));
    let is_same =
        |one: &Leftover, other: &Leftover| (&one.object, &one.set.key) == (&other.object, &other.set.key);
    for leftover in old.iter().filter(|was| !new.iter().any(|now| is_same(was, now))) {
        reports.push(Report::NotLeftOver(Box::new(leftover.clone())));
    }
    for leftover in new.iter().filter(|now| !old.contains(now)) {
        reports.push(Report::LeftOver(Box::new(leftover.clone())));
    }
}
