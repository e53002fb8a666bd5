//! The plan of each hostname, updated where something changed.

use std::collections::BTreeMap;

use super::{queue::Queue, waits::Waits};
use crate::{
    dns::Name,
    keeper::{
        blocked_reports,
        contract::{Leftover, Report},
        time::Time,
        urgency::Urgency,
        wait::Cause,
    },
    plan::{Findings, HostPlan, InSync, Noted, Plan, Stale, TxtIndex, Unit, UnitDigest, View},
    source::ClaimKey,
};

/// The mark of a hostname that must be planned again.
#[derive(Debug, Clone, Copy)]
struct Mark {
    cause: Cause,
    /// The time of the first change since the last plan.
    since: Time,
}

/// The plans of all hostnames, and which hostnames must be planned again.
#[derive(Debug, Clone, Default)]
pub(super) struct Plans {
    marked: BTreeMap<Name, Mark>,
    /// Whether every hostname that was known at some time since the last plan is marked.
    are_all_marked: bool,
    /// The plans of hostnames that have something to report. Boxed, because a tree has room for more entries than it holds.
    by_host: BTreeMap<Name, Box<HostPlan>>,
    /// Hostnames with units to be written.
    queue: Queue,
    /// Since when each unit waits.
    pub(super) waits: Waits,
    /// Of the hostnames that were planned.
    txts: TxtIndex,
}

/// The hostnames that were planned again.
#[derive(Debug, Default)]
pub(in crate::keeper) struct Replanned {
    /// Each hostname with its keys in sync.
    pub hosts: Vec<(Name, Vec<InSync>)>,
    /// The units that are no longer planned.
    pub gone: Vec<Unit>,
    pub reports: Vec<Report>,
}

// === impl Plans ===

impl Plans {
    /// Marks every hostname whose plan may depend on the record sets or the claims at these names.
    pub fn mark_affected<'n>(
        &mut self,
        view: &View<'_>,
        names: impl IntoIterator<Item = &'n Name>,
        now: Time,
    ) {
        for host in view.affected(names, &self.txts) {
            if view.is_host(&host) || self.by_host.contains_key(&host) {
                self.mark(host, Cause::Change, now);
            }
        }
    }

    /// Marks a hostname whose plan may have changed.
    pub fn mark(&mut self, host: Name, cause: Cause, now: Time) {
        let known = self.marked.entry(host).or_insert(Mark { cause, since: now });
        known.cause = cause.min(known.cause);
    }

    /// Marks every hostname whose plan can say something, or has said something.
    pub fn mark_all(&mut self, view: &View<'_>, cause: Cause, now: Time) {
        let said: Vec<Name> = self.by_host.keys().cloned().collect();
        for host in view.hosts().cloned().chain(said) {
            self.mark(host, cause, now);
        }
        self.are_all_marked = true;
    }

    /// Whether no more hostnames can become marked, except those whose claims or records change.
    pub fn are_all_marked(&self) -> bool {
        self.are_all_marked
    }

    /// Whether a hostname must be planned again.
    pub fn has_marks(&self) -> bool {
        !self.marked.is_empty()
    }

    /// Whether one hostname must be planned again.
    pub fn is_marked(&self, host: &Name) -> bool {
        self.marked.contains_key(host)
    }

    /// The marked hostnames.
    pub fn marked(&self) -> Vec<Name> {
        self.marked.keys().cloned().collect()
    }

    /// Plans the marked hostnames again. `is_dry_run`: new units are reported.
    pub fn replan(&mut self, view: &View<'_>, is_dry_run: bool) -> Replanned {
        let mut replanned =
            Replanned { hosts: Vec::with_capacity(self.marked.len()), ..Replanned::default() };
        let reports = &mut replanned.reports;
        self.are_all_marked = false;
        for (host, Mark { cause, since }) in std::mem::take(&mut self.marked) {
            self.txts.note(view.settings, view.zone.apex(), &host, view.is_host(&host));
            let mut new = view.host(&host);
            let old = self.by_host.remove(&host).map(|plan| *plan).unwrap_or_default();
            compare_findings(old.findings(), new.findings(), reports);
            if is_dry_run {
                let planned = new.units.iter().filter(|unit| !old.units.contains(unit));
                reports.extend(planned.map(|unit| Report::Planned(Box::new(unit.clone()))));
            }
            let was_backlog = self.queue.urgency(&host) == Some(Urgency::Backlog);
            if let Some(unit) = new.units.first() {
                let urgency = if new.units.iter().any(Unit::replaces) {
                    Urgency::Wrong
                } else if cause == Cause::Start || (was_backlog && new.units == old.units) {
                    Urgency::Backlog
                } else {
                    Urgency::Changed
                };
                self.queue.put(&host, urgency, unit.object().namespace());
            } else {
                self.queue.remove(&host);
            }
            self.waits.replanned(&host, &old.units, &new.units, cause, since);
            replanned.gone.extend(old.units.into_iter().filter(|unit| !new.units.contains(unit)));
            replanned.hosts.push((host.clone(), new.in_sync.clone()));
            if !new.says_nothing() {
                // A start can have a hundred thousand of them.
                new.shrink();
                self.by_host.insert(host, Box::new(new));
            }
        }
        replanned
    }

    /// Units to be written, the most urgent first, and fair between namespaces.
    pub fn units(&self) -> impl Iterator<Item = (Urgency, &Unit)> {
        let hosts = self.queue.hosts();
        hosts.flat_map(|(urgency, host)| self.units_of(host).iter().map(move |unit| (urgency, unit)))
    }

    /// The plan of a hostname, if it has something to report.
    pub fn plan_of(&self, host: &Name) -> Option<&HostPlan> {
        self.by_host.get(host).map(AsRef::as_ref)
    }

    /// The units of one hostname.
    pub fn units_of(&self, host: &Name) -> &[Unit] {
        self.plan_of(host).map(|plan| plan.units.as_slice()).unwrap_or_default()
    }

    /// The unit of a key, if it still writes exactly this.
    pub fn unit(&self, key: &ClaimKey, digest: UnitDigest) -> Option<&Unit> {
        self.units_of(&key.host).iter().find(|unit| unit.key() == key && unit.digest() == digest)
    }

    /// The whole plan.
    pub fn plan(&self, view: &View<'_>) -> Plan {
        let mut plan = Plan::assemble(view, self.by_host.values().map(|plan| HostPlan::clone(plan)));
        // All keys of a hostname with nothing to report are in sync.
        let others = view.claims.hosts_within(view.zone.apex());
        let others = others.filter(|host| !self.by_host.contains_key(host));
        plan.in_sync += others.map(|host| view.claims.keys_at(host).count()).sum::<usize>();
        plan
    }

    /// The hostnames that the content of the zone blocks, or for which it gives a note.
    pub fn blocked_by_zone(&self) -> impl Iterator<Item = &Name> {
        let is_blocked = |plan: &HostPlan| {
            let Findings { noted, blocked, .. } = plan.findings();
            !noted.is_empty() || blocked.iter().any(|blocked| blocked.reason.is_of_zone())
        };
        self.by_host.iter().filter(move |(_, plan)| is_blocked(plan)).map(|(host, _)| host)
    }

    /// The plans of the hostnames that have something to report.
    pub fn hosts(&self) -> impl Iterator<Item = (&Name, &HostPlan)> {
        self.by_host.iter().map(|(host, plan)| (host, plan.as_ref()))
    }
}

/// Reports findings that appeared or disappeared.
fn compare_findings(old: &Findings, new: &Findings, reports: &mut Vec<Report>) {
    reports.extend(blocked_reports::compare(&old.blocked, &new.blocked));
    compare_notes(&old.noted, &new.noted, reports);
    compare_leftovers(&old.leftovers, &new.leftovers, reports);
}

/// Reports notes that appeared or disappeared.
fn compare_notes(old: &[Noted], new: &[Noted], reports: &mut Vec<Report>) {
    for noted in new.iter().filter(|noted| !old.contains(noted)) {
        reports.push(Report::Noted(Box::new(noted.clone())));
    }
    let is_gone = |was: &&Noted| !new.iter().any(|now| (&now.key, &now.object) == (&was.key, &was.object));
    for noted in old.iter().filter(is_gone) {
        reports.push(Report::NoLongerNoted { key: noted.key.clone(), object: noted.object.clone() });
    }
}

/// Reports leftovers that appeared or disappeared.
fn compare_leftovers(old: &[Stale], new: &[Stale], reports: &mut Vec<Report>) {
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
