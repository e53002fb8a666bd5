//! Plans of all hostnames: the time to plan again, and the consequences of a new plan.

mod drift;
mod holders;
mod plans;
mod queue;
mod waits;
mod wakeup;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use arcstr::ArcStr;
use drift::Drift;
use holders::Holders;
use plans::Plans;
pub(super) use plans::Replanned;
use wakeup::Wakeup;

use super::{
    contract::Report,
    model::Model,
    time::Time,
    urgency::Urgency,
    wait::{Cause, Wait},
};
use crate::{
    dns::Name,
    plan::{HostPlan, InSync, Move, Plan, Unit, UnitDigest, View},
    source::{ClaimKey, Facts, union},
};

/// The plans of all hostnames, and the rules for planning them again.
#[derive(Debug)]
pub(super) struct Planner {
    /// Whether all objects and the zone were seen once, so that plans mean something.
    is_started: bool,
    plans: Plans,
    holders: Holders,
    drift: Drift,
    wakeup: Wakeup,
    /// For each namespace, the number of hostnames whose records were correct and ours at some time.
    hosts_once_correct: BTreeMap<ArcStr, usize>,
}

/// The outcome of planning some hostnames again.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub hosts: BTreeSet<Name>,
    /// The moves that wait to be written at these hostnames.
    pub moves: Vec<PlannedMove>,
    /// Units that are no longer planned, not even with other reads.
    pub dropped: Vec<Unit>,
    /// Reports about blocked units, leftovers, and in a dry run about new units.
    pub reports: Vec<Report>,
    /// Whether the number of correct hostnames of a namespace has changed.
    pub ours_changed: bool,
}

/// How often the holder of a key is observed at one time, at most. There are three types of ownership records.
const MOST_OBSERVATIONS: usize = 4;

/// A planned unit that moves its hostname to other targets.
#[derive(Debug)]
pub(super) struct PlannedMove {
    pub key: ClaimKey,
    pub to: Move,
    /// The namespace of the object that asks for it.
    pub namespace: ArcStr,
    /// Whether the hostname's records were correct and ours at some time.
    pub was_correct: bool,
}

// === impl Planner ===

impl Planner {
    pub fn new(vacancy: Duration) -> Self {
        Self {
            is_started: false,
            plans: Plans::default(),
            holders: Holders::new(vacancy),
            drift: Drift::default(),
            wakeup: Wakeup::default(),
            hosts_once_correct: BTreeMap::new(),
        }
    }

    pub fn is_started(&self) -> bool {
        self.is_started
    }

    /// The number of hostnames of each namespace whose records were right and ours at some time.
    pub fn hosts_once_correct(&self) -> &BTreeMap<ArcStr, usize> {
        &self.hosts_once_correct
    }

    /// Starts as soon as all objects and the zone are listed: plans every hostname.
    pub fn start(&mut self, model: &Model, now: Time) {
        if !self.is_started && model.is_complete() {
            self.is_started = true;
            self.mark_all(&model.view(), Cause::Start, now);
        }
    }

    /// Notes that the claims at some hostnames changed.
    pub fn claims_changed(&mut self, view: &View<'_>, hosts: &BTreeSet<Name>, has_new: bool, now: Time) {
        if self.is_started {
            self.plans.mark_affected(view, hosts, now);
            self.wakeup.change(now, has_new);
        }
    }

    /// Notes that the record sets at some names changed, and that delegations appeared or disappeared at `cuts`.
    pub fn zone_changed(&mut self, view: &View<'_>, names: &[Name], cuts: &[Name], now: Time) {
        if !self.is_started || names.is_empty() {
            return;
        }
        self.plans.mark_affected(view, names, now);
        for cut in cuts {
            for host in view.affected_by_cut(cut) {
                self.plans.mark(host.clone(), Cause::Change, now);
            }
        }
        self.wakeup.at_once(now);
    }

    /// Notes that any plan may have changed.
    pub fn everything_changed(&mut self, view: &View<'_>, now: Time) {
        if self.is_started {
            self.mark_all(view, Cause::Change, now);
        }
    }

    /// Marks hostnames for which a grace period has ended, and those that depend on their holders.
    pub fn end_grace_periods(&mut self, view: &View<'_>, now: Time) {
        let ended: Vec<Name> = std::iter::from_fn(|| self.holders.take_due(now)).collect();
        if ended.is_empty() {
            return;
        }
        self.plans.mark_affected(view, &ended, now);
        for host in ended {
            self.plans.mark(host, Cause::Change, now);
        }
        self.wakeup.at_once(now);
    }

    /// Whether marked hostnames must be planned now.
    pub fn is_due(&self, now: Time) -> bool {
        self.is_started && self.wakeup.due().is_some_and(|due| due <= now)
    }

    /// The same as [`Planner::is_due`]. Planning is then no longer due.
    pub fn take_due(&mut self, now: Time) -> bool {
        self.is_started && self.wakeup.take(now)
    }

    /// Whether the plan of a hostname follows from the objects and the zone as they are known now.
    pub fn is_planned(&self, host: &Name) -> bool {
        !self.plans.is_marked(host)
    }

    /// Whether every plan follows from the objects and the zone as they are known now.
    pub fn is_current(&self) -> bool {
        self.is_started && !self.plans.has_marks()
    }

    /// Whether planning is due at some time.
    pub fn is_waiting(&self) -> bool {
        self.wakeup.due().is_some()
    }

    /// When the planner has something to do.
    pub fn due(&self) -> Option<Time> {
        self.holders.due().into_iter().chain(self.wakeup.due().filter(|_| self.is_started)).min()
    }

    /// Plans the marked hostnames again.
    pub fn replan(&mut self, model: &mut Model, is_dry_run: bool, now: Time) -> Planned {
        self.observe_holders(model, now);
        let Replanned { hosts: replanned, gone, reports } = self.plans.replan(&model.view(), is_dry_run);
        let mut planned = Planned { reports, ..Planned::default() };
        for (host, in_sync) in replanned {
            self.note_plan(model, &host, in_sync, now, &mut planned);
            planned.hosts.insert(host);
        }
        // A unit that writes the same after other reads is the same unit.
        let is_dropped = |unit: &Unit| self.plans.unit(unit.key(), unit.digest()).is_none();
        planned.dropped = gone.into_iter().filter(is_dropped).collect();
        planned
    }

    /// Units to be written, the most urgent first, and fair between namespaces.
    pub fn units(&self) -> impl Iterator<Item = (Urgency, &Unit)> {
        self.plans.units()
    }

    /// How long the planned unit of a key has waited, if there is one. The time before `not_before` does not count.
    pub fn wait_of(&self, key: &ClaimKey, not_before: Time, now: Time) -> Option<Wait> {
        self.plans.waits.of(key, not_before, now)
    }

    /// Notes that the planned unit of a key waits since a time and no longer.
    pub fn restart_wait(&mut self, key: &ClaimKey, since: Time) {
        self.plans.waits.restart(key, since);
    }

    /// The plan of a hostname, if it has something to report.
    pub fn plan_of(&self, host: &Name) -> Option<&HostPlan> {
        self.plans.plan_of(host)
    }

    /// The units of one hostname.
    pub fn units_of(&self, host: &Name) -> &[Unit] {
        self.plans.units_of(host)
    }

    /// The other units that are bound to a unit.
    pub fn bound_to<'p>(&'p self, unit: &'p Unit) -> impl Iterator<Item = &'p Unit> {
        let of_host = if unit.is_bound() { self.units_of(&unit.key().host) } else { &[] };
        of_host.iter().filter(|other| other.key() != unit.key() && unit.is_bound_to(other))
    }

    /// The planned unit of a key.
    pub fn unit_of(&self, key: &ClaimKey) -> Option<&Unit> {
        self.units_of(&key.host).iter().find(|unit| unit.key() == key)
    }

    /// The planned unit of a key, if it still writes exactly this.
    pub fn unit(&self, key: &ClaimKey, digest: UnitDigest) -> Option<&Unit> {
        self.plans.unit(key, digest)
    }

    /// The plans of the hostnames that have something to report.
    pub fn hosts(&self) -> impl Iterator<Item = (&Name, &HostPlan)> {
        self.plans.hosts()
    }

    /// The hostnames that the content of the zone blocks.
    pub fn blocked_by_zone(&self) -> impl Iterator<Item = &Name> {
        self.plans.blocked_by_zone()
    }

    /// The whole plan.
    pub fn plan(&self, view: &View<'_>) -> Plan {
        self.plans.plan(view)
    }

    /// The end of the time for which a unit is contested, if it is.
    pub fn contested_until(&self, unit: &Unit, facts: &Arc<Facts>, now: Time) -> Option<Time> {
        self.drift.contested_until(unit, facts, now)
    }

    /// Notes that a person has reviewed the plan: nothing is contested any more.
    pub fn clear_contests(&mut self) {
        self.drift.clear();
    }

    fn mark_all(&mut self, view: &View<'_>, cause: Cause, now: Time) {
        self.plans.mark_all(view, cause, now);
        self.wakeup.at_once(now);
    }

    /// Observes the holders of all keys at the marked hostnames.
    fn observe_holders(&mut self, model: &mut Model, now: Time) {
        let mut changed = BTreeSet::new();
        for host in self.plans.marked() {
            for key in self.holders.keys_at(&model.view(), &host) {
                // The end of one grace period can make another object the named one, which has a grace period of its own. So
                // the holder is observed again until nothing changes.
                for _ in 0..MOST_OBSERVATIONS {
                    let history = self.holders.observe(&model.view(), &key, now);
                    if !model.history.set_holder(&key, history) {
                        break;
                    }
                    changed.insert(host.clone());
                }
            }
        }
        // Hostnames that compete for one name depend on their holders.
        if !self.plans.are_all_marked() {
            self.plans.mark_affected(&model.view(), &changed, now);
        }
    }

    /// Notes the consequences of a hostname's new plan: drift, moves, and the history.
    fn note_plan(
        &mut self,
        model: &mut Model,
        host: &Name,
        in_sync: Vec<InSync>,
        now: Time,
        planned: &mut Planned,
    ) {
        let correct = union(model.history.right_at(host));
        let was_correct = !correct.is_empty();
        let namespace_of =
            |model: &Model| model.history.last_right_holder(host).map(|holder| holder.namespace().into());
        let before: Option<ArcStr> = namespace_of(model);
        let claimed = model.claims().keys_at(host);
        for key in union(claimed.chain(&correct).chain(self.drift.keys_at(host))) {
            let unit = self.plans.units_of(host).iter().find(|unit| *unit.key() == key);
            let is_repair = unit.is_some_and(Unit::is_repair);
            if let Some(unit) = unit.filter(|_| is_repair)
                && let Some(facts) = model.claims().facts_of(unit.object())
            {
                self.drift.add(unit, facts, now);
            }
            if let Some(unit) = unit.filter(|_| !is_repair)
                && let Some(to) = unit.moves()
            {
                let namespace = unit.object().namespace().into();
                planned.moves.push(PlannedMove { key: key.clone(), to, namespace, was_correct });
            }
            if unit.is_some_and(Unit::changes_records) && !is_repair {
                model.history.wish_changed(&key);
            }
            // A record can be repaired beside another one of the key that is right and not ours.
            let is_noted = |plan: &HostPlan| plan.findings().noted.iter().any(|noted| noted.key == key);
            if self.plans.plan_of(host).is_some_and(is_noted) {
                self.drift.repaired(&key);
            }
            if model.claims().claimants(&key).is_empty() {
                model.history.forget_right(&key);
                self.drift.forget(&key);
            }
        }
        for in_sync in in_sync {
            self.drift.repaired(&in_sync.key);
            model.history.set_right(in_sync);
        }
        let after: Option<ArcStr> = namespace_of(model);
        if before != after {
            planned.ours_changed = true;
            if let Some(namespace) = after {
                *self.hosts_once_correct.entry(namespace).or_default() += 1;
            }
            if let Some(namespace) = before
                && let Some(hosts) = self.hosts_once_correct.get_mut(&namespace)
            {
                *hosts -= 1;
                if *hosts == 0 {
                    self.hosts_once_correct.remove(&namespace);
                }
            }
        }
    }
}
