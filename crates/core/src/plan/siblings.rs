//! Siblings: the record sets of one name and type under a routing policy. Route 53 binds them to each other.
//!
//! - Weighted sets have one TTL.
//! - Two sets cannot have the same latency region, failover role, location or address block.
//!
//! A unit that would break a rule is blocked. Units that keep a rule only together travel in one batch.

use std::collections::BTreeSet;

use super::{
    Blocked, Change, HostPlan, Limit, Reason, Subject, Unit, View, desired::Desired, ownership::Owner,
};
use crate::{
    dns::{Name, RecordSet, RecordType, Rule, Ttl},
    sanitize::quoted,
    source::{Claim, ClaimKey},
};

/// A set of a name and type after all units, and the unit that writes it, if one does.
#[derive(Clone, Copy)]
struct Sibling<'a> {
    set: &'a RecordSet,
    unit: Option<usize>,
}

/// A broken rule: the unit that must not be written, and the set because of which it must not.
struct Conflict {
    unit: usize,
    reason: Reason,
}

impl View<'_> {
    /// The wish of a claim, with the TTL of its siblings if it is weighted and states none.
    pub(super) fn with_shared_ttl(&self, claim: &Claim, mut desired: Desired) -> Desired {
        if !is_weighted(claim.endpoint.routing.rule()) {
            return desired;
        }
        for set in &mut desired.sets {
            if set.ttl().is_some()
                && !desired.stated_ttls.contains(set.rtype())
                && let Some((ttl, is_asked_for)) = self.shared_ttl(&claim.endpoint.key.host, set.rtype())
            {
                set.set_ttl(ttl);
                if is_asked_for {
                    desired.stated_ttls.insert(set.rtype().clone());
                }
            }
        }
        desired
    }

    /// The TTL of the weighted sets of a name and type, and whether an object asks for it.
    ///
    /// A set that stays as it is decides. Otherwise the objects do, if all that state a TTL state the same one.
    fn shared_ttl(&self, host: &Name, rtype: &RecordType) -> Option<(Ttl, bool)> {
        let keys = || self.claims.keys_at(host);
        let is_movable = |set: &RecordSet| {
            let mut keys = keys().filter(|key| key.set_id == set.key.set_id);
            keys.next().is_some_and(|key| self.look_up(host, rtype, key).owner == Owner::Us)
        };
        let there = || {
            let there = self.zone.at(host).iter().filter(|set| set.rtype() == rtype);
            there.filter(|set| is_weighted(set.routing.rule()) && set.ttl().is_some())
        };
        if let Some(fixed) = there().find(|set| !is_movable(set)) {
            return fixed.ttl().map(|ttl| (ttl, false));
        }
        let claims = keys().filter_map(|key| self.claims.claimants(key).first());
        let stated = claims.filter(|claim| is_weighted(claim.endpoint.routing.rule()));
        let ttl_of = |claim: &Claim| claim.endpoint.ttl_of(rtype);
        let mut stated: Vec<&Claim> = stated.filter(|claim| ttl_of(claim).is_some()).collect();
        stated.sort_by(|one, other| {
            if one.is_older_than(other) { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater }
        });
        let ttls: BTreeSet<Ttl> = stated.iter().filter_map(|claim| ttl_of(claim)).collect();
        match (ttls.len(), there().next().and_then(RecordSet::ttl)) {
            (1, _) | (_, None) => stated.first().and_then(|claim| ttl_of(claim)).map(|ttl| (ttl, true)),
            (_, Some(ttl)) => Some((ttl, false)),
        }
    }

    /// The rule that wanted sets would break beside the sets of the zone with other set identifiers.
    pub(super) fn broken_beside(&self, desired: &Desired) -> Option<Reason> {
        desired.sets.iter().filter(|set| set.routing.rule().is_some()).find_map(|set| {
            let there = self.zone.at(set.name()).iter();
            let mut others = there.filter(|other| other.rtype() == set.rtype() && other.key != set.key);
            others.find_map(|other| broken_rule(set, other, other))
        })
    }

    /// Blocks the units of a hostname that break a rule, and binds those that keep it only together.
    pub(super) fn bind_siblings(&self, plan: &mut HostPlan) {
        let has_rule = |unit: &Unit| unit.changes().iter().any(|it| it.after().routing.rule().is_some());
        // Nearly every hostname has simple routing.
        if !plan.units.iter().any(has_rule) {
            return;
        }
        while let Some(Conflict { unit, reason }) = self.conflict(&plan.units) {
            block(plan, unit, &reason);
        }
        for group in self.groups(&plan.units) {
            let changes: Vec<_> =
                group.iter().filter_map(|at| plan.units.get(*at)).flat_map(Unit::changes).cloned().collect();
            if let Err(limit) = Limit::check(&changes) {
                for at in group.iter().rev() {
                    block(plan, *at, &Reason::TooBig(limit));
                }
                // The places of the other units have changed.
                return self.bind_siblings(plan);
            }
            let keys: BTreeSet<ClaimKey> =
                group.iter().filter_map(|at| plan.units.get(*at)).map(|unit| unit.key().clone()).collect();
            for at in group {
                if let Some(unit) = plan.units.get_mut(at) {
                    unit.travel_with(keys.clone());
                }
            }
        }
        // Units that are bound to each other become neighbours.
        let mut apart = std::mem::take(&mut plan.units);
        while !apart.is_empty() {
            let first = apart.remove(0);
            let (bound, others) = apart.into_iter().partition(|unit| first.is_bound_to(unit));
            apart = others;
            plan.units.push(first);
            plan.units.extend::<Vec<Unit>>(bound);
        }
    }

    /// The first broken rule.
    fn conflict(&self, units: &[Unit]) -> Option<Conflict> {
        written_places(units).into_iter().find_map(|(name, rtype)| {
            let siblings = self.siblings(units, name, rtype);
            let pairs = siblings
                .iter()
                .enumerate()
                .flat_map(|(at, one)| siblings.iter().skip(at + 1).map(move |other| (one, other)));
            pairs.into_iter().find_map(|(one, other)| {
                let (unit, because) = match (one.unit, other.unit) {
                    (None, None) => return None,
                    (Some(unit), None) => (unit, other.set),
                    (None, Some(unit)) => (unit, one.set),
                    (Some(first), Some(second)) if self.is_older(units, second, first) => (first, other.set),
                    (Some(_), Some(second)) => (second, one.set),
                };
                let reason = broken_rule(one.set, other.set, because)?;
                Some(Conflict { unit, reason })
            })
        })
    }

    /// The sets of a name and type after all units, as far as they have a rule.
    fn siblings<'a>(&'a self, units: &'a [Unit], name: &Name, rtype: &RecordType) -> Vec<Sibling<'a>> {
        let is_here = |set: &&RecordSet| set.name() == name && set.rtype() == rtype;
        let written: Vec<Sibling<'a>> = units
            .iter()
            .enumerate()
            .flat_map(|(at, unit)| unit.changes().iter().map(move |change| (at, change.after())))
            .filter(|(_, set)| is_here(set))
            .map(|(at, set)| Sibling { set, unit: Some(at) })
            .collect();
        let is_written = |set: &RecordSet| written.iter().any(|it| it.set.key == set.key);
        let kept = self.zone.at(name).iter().filter(|set| is_here(set) && !is_written(set));
        let kept: Vec<Sibling<'a>> = kept.map(|set| Sibling { set, unit: None }).collect();
        kept.into_iter().chain(written).filter(|it| it.set.routing.rule().is_some()).collect()
    }

    /// The units that must travel together: one would break a rule as long as the other is not written.
    fn groups(&self, units: &[Unit]) -> Vec<BTreeSet<usize>> {
        let mut groups: Vec<BTreeSet<usize>> = Vec::new();
        for (name, rtype) in written_places(units) {
            let siblings = self.siblings(units, name, rtype);
            for Sibling { set, unit } in &siblings {
                let Some(at) = *unit else { continue };
                let before = |other: &&Sibling<'_>| {
                    let before = self.zone.get(name, rtype, other.set.key.set_id.as_ref());
                    other.set.key != set.key && before.is_some_and(|it| broken_rule(set, it, it).is_some())
                };
                for other in siblings.iter().filter(before).filter_map(|other| other.unit) {
                    let (joined, apart): (Vec<_>, Vec<_>) =
                        groups.into_iter().partition(|group| group.contains(&at) || group.contains(&other));
                    groups = apart;
                    groups.push(joined.into_iter().flatten().chain([at, other]).collect());
                }
            }
        }
        groups
    }

    /// Whether the claim of one unit is older than that of another one.
    fn is_older(&self, units: &[Unit], one: usize, other: usize) -> bool {
        let claim = |at: usize| {
            let unit = units.get(at)?;
            self.claims.claimants(unit.key()).iter().find(|claim| claim.object() == unit.object())
        };
        matches!((claim(one), claim(other)), (Some(one), Some(other)) if one.is_older_than(other))
    }
}

/// The names and types of the sets that units write.
fn written_places(units: &[Unit]) -> BTreeSet<(&Name, &RecordType)> {
    let written = units.iter().flat_map(Unit::changes).map(Change::after);
    written.map(|set| (set.name(), set.rtype())).collect()
}

/// The rule of Route 53 that two sets of one name and type break, told with the set that is not at fault.
fn broken_rule(one: &RecordSet, other: &RecordSet, because: &RecordSet) -> Option<Reason> {
    let set_id = because.key.set_id.as_ref().map(|id| quoted(id.as_str())).unwrap_or_default();
    let rule = one.routing.rule()?;
    if let (true, Some(ttl)) = (is_weighted(Some(rule)), because.ttl()) {
        let differs = matches!((one.ttl(), other.ttl()), (Some(one), Some(other)) if one != other);
        let both = is_weighted(other.routing.rule());
        return (both && differs).then_some(Reason::WeightedTtl { ttl, set_id });
    }
    let is_taken = rule.is_unique() && other.routing.rule() == Some(rule);
    is_taken.then(|| Reason::RoutingTaken { rule: rule.to_string(), set_id })
}

fn is_weighted(rule: Option<&Rule>) -> bool {
    matches!(rule, Some(Rule::Weight(_)))
}

/// Blocks a unit.
fn block(plan: &mut HostPlan, at: usize, reason: &Reason) {
    let unit = plan.units.remove(at);
    let (subject, object) = (Subject::Key(unit.key().clone()), unit.object().clone());
    plan.blocked.push(Blocked { subject, object, reason: reason.clone(), remedy: Vec::new() });
}
