//! What is planned again, because of what: objects, the zone, time, and what the last plan has shown.

use super::{
    Effect, Keeper, Mode, Scope, Time, drift,
    plans::{self, Cause},
};
use crate::{
    dns::Name,
    plan::{InSync, Unit, View, of_bad_hosts},
    source::{ClaimKey, Facts, ObjectId},
};

impl Keeper {
    /// An object is there, has changed or has gone.
    pub(super) fn facts(
        &mut self,
        object: &ObjectId,
        facts: Option<Facts>,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let is_new = facts.iter().flat_map(|facts| &facts.hosts).any(|host| !self.claims.has_host(host));
        // What is no hostname belongs to no hostname's plan.
        let bad_hosts = |facts: Option<&Facts>| facts.map(|facts| of_bad_hosts(facts).collect::<Vec<_>>());
        let old = bad_hosts(self.claims.facts_of(object).map(AsRef::as_ref)).unwrap_or_default();
        let new = bad_hosts(facts.as_ref()).unwrap_or_default();
        let mut reports = Vec::new();
        plans::report(&old, &new, &mut reports);
        out.extend(reports.into_iter().map(Effect::Report));
        if self.past.set_hidden(object, false) {
            self.mark_all(now);
        }
        let touched = self.claims.set(object, facts);
        if touched.is_empty() || !self.opened {
            return;
        }
        self.mark(&touched, Cause::Change);
        self.wakeup.change(now, is_new);
    }

    /// Marks every hostname whose decision rests on one of `names`.
    pub(super) fn mark<'n>(&mut self, names: impl IntoIterator<Item = &'n Name>, cause: Cause) {
        let view = View {
            zone: self.snapshot.zone(),
            claims: &self.claims,
            settings: &self.config.settings,
            past: &self.past,
        };
        for name in names {
            self.plans.mark_affected(&view, name, cause);
        }
    }

    /// The sets at these names are not what they were; at some of them a delegation has come or gone.
    pub(super) fn zone_changed(&mut self, changed: &[Name], cuts: &[Name], now: Time) {
        if !self.opened || changed.is_empty() {
            return;
        }
        self.mark(changed, Cause::Change);
        for cut in cuts {
            let below: Vec<Name> = self.view().affected_by_cut(cut).cloned().collect();
            for host in below {
                self.plans.mark(host, Cause::Change);
            }
        }
        self.wakeup.at_once(now);
    }

    /// The first plan: everything that is claimed, and everything that is in the zone.
    pub(super) fn open(&mut self, now: Time) {
        if self.opened || self.snapshot.listed_at().is_none() || self.lists.missing().next().is_some() {
            return;
        }
        self.opened = true;
        let zone = self.snapshot.zone();
        for host in self.claims.hosts_within(zone.apex()) {
            self.plans.mark(host.clone(), Cause::Start);
        }
        for (name, _) in zone.names_from(zone.apex()) {
            self.plans.mark(name.clone(), Cause::Start);
        }
        self.wakeup.at_once(now);
    }

    /// Plans what is marked.
    pub(super) fn settle(&mut self, now: Time, out: &mut Vec<Effect>) {
        self.observe(now);
        let view = View {
            zone: self.snapshot.zone(),
            claims: &self.claims,
            settings: &self.config.settings,
            past: &self.past,
        };
        let mut reports = Vec::new();
        let (settled, gone) = self.plans.settle(&view, self.config.mode == Mode::DryRun, &mut reports);
        self.is_stirred |= !settled.is_empty();
        let plans = &self.plans;
        self.quarantine.forget(|key, digest| plans.unit(key, digest).is_some());
        for (host, right) in settled {
            self.look_back(&host, right, now);
            self.holds.touch([host]);
        }
        // One that reads other names and writes the same is the same.
        for unit in gone.iter().filter(|unit| self.plans.unit(unit.key(), unit.digest()).is_none()) {
            self.approvals.forget(unit);
        }
        self.approvals.look(now);
        self.release_holds(out);
        out.extend(reports.into_iter().map(Effect::Report));
        self.review_holds(now, out);
    }

    /// Looks at who has the hostnames that are about to be planned.
    fn observe(&mut self, now: Time) {
        let keys: Vec<ClaimKey> = self.plans.marked().cloned().map(ClaimKey::simple).collect();
        for key in keys {
            let view = View {
                zone: self.snapshot.zone(),
                claims: &self.claims,
                settings: &self.config.settings,
                past: &self.past,
            };
            let tenure = self.tenures.observe(&view, &key, now);
            if self.past.set_tenure(&key, tenure) {
                // Those that may need one name with it rest on who has it.
                self.mark([&key.host], Cause::Change);
            }
        }
    }

    /// Remembers what of a hostname's plan later ones rest on.
    fn look_back(&mut self, host: &Name, right: Vec<InSync>, now: Time) {
        let key = ClaimKey::simple(host.clone());
        let unit = self.plans.units_of(host).iter().find(|unit| *unit.key() == key);
        let is_repair = unit.is_some_and(|unit| drift::is_repair(&self.past, unit));
        if let Some(unit) = unit.filter(|_| is_repair)
            && let Some(facts) = self.claims.facts_of(unit.object())
        {
            self.drift.changed(unit, facts, now);
        }
        let moves = unit.filter(|_| !is_repair).and_then(Unit::moves);
        self.brake.pending(&key, moves, self.past.was_right(&key));
        if unit.is_some_and(Unit::changes_records) && !is_repair {
            self.past.wish_changed(&key);
        }
        if !self.claims.has_host(host) {
            self.past.forget_right(&key);
            self.drift.forget(&key);
        }
        for InSync { key, wish } in right {
            self.drift.right(&key);
            self.past.see_right(key, wish);
        }
    }

    /// A scope's objects cannot be listed, or can be again: every name that one of them may have is concerned.
    pub(super) fn readable(&mut self, scope: &Scope, is_readable: bool, now: Time) {
        if self.past.set_readable(scope.kind, scope.namespace.as_deref(), is_readable) {
            self.mark_all(now);
        }
    }

    /// Everything is planned again.
    pub(super) fn mark_all(&mut self, now: Time) {
        if self.opened {
            let hosts: Vec<Name> = self.claims.hosts_within(self.snapshot.zone().apex()).cloned().collect();
            let names = self.snapshot.zone().names_from(self.snapshot.zone().apex()).map(|(name, _)| name);
            let hosts: Vec<Name> = hosts.into_iter().chain(names.cloned()).collect();
            for host in hosts {
                self.plans.mark(host, Cause::Change);
            }
            self.wakeup.at_once(now);
        }
    }
}
