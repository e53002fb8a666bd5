//! Siblings: the record sets of one name and type under a routing policy. Route 53 binds them to each other.
//!
//! - Weighted sets have one TTL.
//! - Two sets cannot have the same latency region, failover role, location or address block.
//!
//! A unit that would break a rule is blocked. Units that keep a rule only together travel in one batch.
//!
//! # Source
//! Developer guide, "Values that are common for weighted records" and "Quotas"; `docs/reference/assumptions.md`, A8 and A40.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Blocked, Change, HandChange, HostPlan, Limit, MAX_SET_IDS, Reason, Subject, Unit, View, desired::Desired,
    ownership::Owner,
};
use crate::{
    dns::{Name, RecordSet, RecordType, Rule, Ttl},
    sanitize::quoted,
    source::{Claim, ClaimKey, Rank},
};

/// A record set as it will be after the plan, and the unit that writes it, if one does.
#[derive(Clone, Copy)]
struct Sibling<'a> {
    set: &'a RecordSet,
    unit: Option<usize>,
}

/// The keys of a hostname.
pub(super) struct Keys<'a> {
    /// The keys that are planned: at most [`MAX_SET_IDS`].
    pub planned: Vec<&'a ClaimKey>,
    /// The keys above this limit.
    pub above_limit: Vec<&'a ClaimKey>,
}

impl View<'_> {
    /// The keys of a hostname. Keys with record sets in the zone come first, then those of the namespaces that have such
    /// records, then those with older claims.
    pub(super) fn keys<'a>(&'a self, host: &'a Name) -> Keys<'a> {
        let mut planned: Vec<&ClaimKey> = self.claims.keys_at(host).collect();
        if planned.len() <= MAX_SET_IDS {
            return Keys { planned, above_limit: Vec::new() };
        }
        let there: BTreeSet<_> = self.zone.at(host).iter().map(|set| set.key.set_id.as_ref()).collect();
        let holders = self.holders_of_records(host);
        planned.sort_by_cached_key(|key| {
            let oldest = self.claims.claimants(key).first();
            let is_stranger = oldest.is_none_or(|claim| !claim.object().is_beside_one_of(&holders));
            (!there.contains(&key.set_id.as_ref()), is_stranger, oldest.map(Claim::rank))
        });
        let mut above_limit = planned.split_off(MAX_SET_IDS);
        planned.sort();
        above_limit.sort();
        Keys { planned, above_limit }
    }

    /// The wish of a claim, with the TTL of its siblings if it is weighted and states none.
    pub(super) fn with_shared_ttl(&self, claim: &Claim, mut desired: Desired) -> Desired {
        if !is_weighted(claim.endpoint.routing.rule()) {
            return desired;
        }
        for set in &mut desired.sets {
            if set.ttl().is_some()
                && !desired.stated_ttls.contains(set.rtype())
                && let Some((ttl, is_asked_for)) = self.shared_ttl(claim, set.rtype())
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
    /// A set that stays as it is decides. Otherwise the objects do, if all that state a TTL state the same one. A set without
    /// siblings shares nothing.
    fn shared_ttl(&self, claim: &Claim, rtype: &RecordType) -> Option<(Ttl, bool)> {
        let key = &claim.endpoint.key;
        let host = &key.host;
        let is_sibling = |set: &RecordSet| set.rtype() == rtype && set.key.set_id != key.set_id;
        // Nobody moves the TTL of another namespace, nor does an object that cannot be published.
        let counts = |other: &&Claim| {
            let is_published = other.facts.blocking_problem().is_none() && other.endpoint.problem.is_none();
            is_published && other.object().namespace() == claim.object().namespace()
        };
        let mut others = self.claims.keys_at(host).filter(|other| *other != key);
        let has_claim = |key: &ClaimKey| self.claims.claimants(key).first().is_some_and(|it| counts(&it));
        if !others.any(has_claim) && !self.zone.at(host).iter().any(is_sibling) {
            return None;
        }
        let is_movable = |set: &RecordSet| {
            let key = ClaimKey { host: host.clone(), set_id: set.key.set_id.clone() };
            let is_claimed = self.claims.claimants(&key).first().is_some_and(|claim| counts(&claim));
            is_claimed && self.look_up(host, rtype, &key).owner == Owner::Us
        };
        let there = || {
            let there = self.zone.at(host).iter().filter(|set| set.rtype() == rtype);
            there.filter(|set| is_weighted(set.routing.rule()) && set.ttl().is_some())
        };
        if let Some(fixed) = there().find(|set| !is_movable(set)) {
            return fixed.ttl().map(|ttl| (ttl, false));
        }
        let claims = self.claims.keys_at(host).filter_map(|key| self.claims.claimants(key).first());
        let weighted = claims.filter(counts).filter(|claim| is_weighted(claim.endpoint.routing.rule()));
        let stated = weighted.filter_map(|claim| claim.endpoint.ttl_of(rtype).map(|ttl| (claim, ttl)));
        let stated: Vec<(&Claim, Ttl)> = stated.collect();
        let oldest = stated
            .iter()
            .copied()
            .reduce(|oldest, other| if other.0.is_older_than(oldest.0) { other } else { oldest });
        let all_agree = oldest.is_some_and(|(_, ttl)| stated.iter().all(|(_, other)| *other == ttl));
        match there().next().and_then(RecordSet::ttl) {
            Some(ttl) if !all_agree => Some((ttl, false)),
            _ => oldest.map(|(_, ttl)| (ttl, true)),
        }
    }

    /// The rule that wanted sets, or those that a batch by hand creates, would break beside the sets of the zone with other
    /// set identifiers.
    pub(super) fn broken_beside(&self, desired: &Desired, batch: &[HandChange]) -> Option<Reason> {
        let (deleted, created): (Vec<_>, Vec<_>) =
            batch.iter().partition(|change| matches!(change, HandChange::Delete(_)));
        let is_deleted = |other: &RecordSet| deleted.iter().any(|change| change.set().key == other.key);
        let wanted = desired.sets.iter().chain(created.into_iter().map(HandChange::set));
        wanted.filter(|set| set.routing.rule().is_some()).find_map(|set| {
            let there = self.zone.at(set.name()).iter().filter(|other| !is_deleted(other));
            let mut others = there.filter(|other| other.rtype() == set.rtype() && other.key != set.key);
            others.find_map(|other| broken_rule(set, other))
        })
    }

    /// Blocks the units of a hostname that break a rule, and binds those that keep it only together.
    pub(super) fn bind_siblings(&self, plan: &mut HostPlan) {
        let has_rule = |unit: &Unit| unit.changes().iter().any(|it| it.after().routing.rule().is_some());
        // Nearly every hostname has simple routing.
        if !plan.units.iter().any(has_rule) {
            return;
        }
        loop {
            let conflicts = self.conflicts(&plan.units);
            if conflicts.is_empty() {
                break;
            }
            self.block(plan, &conflicts);
        }
        let groups = self.groups(&plan.units);
        for group in &groups {
            let units = group.iter().filter_map(|at| plan.units.get(*at));
            let changes: Vec<_> = units.flat_map(Unit::changes).cloned().collect();
            if let Err(limit) = Limit::check(&changes) {
                let too_big = group.iter().map(|at| (*at, Reason::TooBig(limit))).collect();
                self.block(plan, &too_big);
                // The other units must be checked beside the sets that stay.
                return self.bind_siblings(plan);
            }
        }
        for group in groups {
            let units = group.iter().filter_map(|at| plan.units.get(*at));
            let keys: Arc<BTreeSet<ClaimKey>> = Arc::new(units.map(|unit| unit.key().clone()).collect());
            for at in group {
                if let Some(unit) = plan.units.get_mut(at) {
                    unit.travel_with(Arc::clone(&keys));
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

    /// Units that would break a rule. Each reason names a set that stays in the zone, or that an older claim asks for.
    ///
    /// The sets of blocked units stay as they are, and can break a rule with another unit. So the caller asks again.
    fn conflicts(&self, units: &[Unit]) -> BTreeMap<usize, Reason> {
        let places = written_places(units);
        let siblings: Vec<Vec<Sibling<'_>>> =
            places.into_iter().map(|(name, rtype)| self.siblings(units, name, rtype)).collect();
        // A set that stays decides first: nothing that another unit does can change it.
        let mut found = BTreeMap::new();
        for siblings in &siblings {
            let kept = || siblings.iter().filter(|it| it.unit.is_none());
            for written in siblings {
                let Some(unit) = written.unit else { continue };
                if let Some(reason) = kept().find_map(|kept| broken_rule(written.set, kept.set)) {
                    found.entry(unit).or_insert(reason);
                }
            }
        }
        if !found.is_empty() {
            return found;
        }
        // The oldest claim decides. One place comes after the other, because a blocked unit writes at no place.
        let of_place = |siblings: &Vec<Sibling<'_>>| {
            let mut written: Vec<_> =
                siblings.iter().filter_map(|it| it.unit.map(|unit| (unit, it.set))).collect();
            written.sort_by_cached_key(|(unit, _)| units.get(*unit).and_then(|unit| self.rank_of(unit)));
            let mut going_on: Vec<&RecordSet> = Vec::new();
            let mut found = BTreeMap::new();
            for (unit, set) in written {
                match going_on.iter().find_map(|older| broken_rule(set, older)) {
                    Some(reason) => drop(found.insert(unit, reason)),
                    None => going_on.push(set),
                }
            }
            found
        };
        siblings.iter().map(of_place).find(|found| !found.is_empty()).unwrap_or_default()
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
        let keys: BTreeSet<_> = written.iter().map(|it| &it.set.key).collect();
        let kept = self.zone.at(name).iter().filter(|set| is_here(set) && !keys.contains(&set.key));
        let kept: Vec<Sibling<'a>> = kept.map(|set| Sibling { set, unit: None }).collect();
        kept.into_iter().chain(written).filter(|it| it.set.routing.rule().is_some()).collect()
    }

    /// The units that must travel together: one would break a rule as long as the other is not written.
    fn groups(&self, units: &[Unit]) -> Vec<BTreeSet<usize>> {
        let mut groups: Vec<BTreeSet<usize>> = Vec::new();
        for (name, rtype) in written_places(units) {
            let siblings = self.siblings(units, name, rtype);
            let before: Vec<(usize, &RecordSet)> = siblings
                .iter()
                .filter_map(|it| {
                    let before = self.zone.get(name, rtype, it.set.key.set_id.as_ref())?;
                    Some((it.unit?, before))
                })
                .collect();
            for Sibling { set, unit } in &siblings {
                let Some(at) = *unit else { continue };
                let others = before.iter().filter(|(_, before)| before.key != set.key && breaks(set, before));
                let mut bound: BTreeSet<usize> = others.map(|(other, _)| *other).collect();
                if bound.is_empty() {
                    continue;
                }
                bound.insert(at);
                groups.retain(|group| {
                    let is_apart = group.is_disjoint(&bound);
                    if !is_apart {
                        bound.extend(group);
                    }
                    is_apart
                });
                groups.push(bound);
            }
        }
        groups
    }

    /// The age of the claim that a unit follows.
    pub(super) fn rank_of(&self, unit: &Unit) -> Option<(Rank<'_>, &ClaimKey)> {
        let claim = self.claims.claimants(unit.key()).iter().find(|claim| claim.object() == unit.object())?;
        Some((claim.rank(), &claim.endpoint.key))
    }

    /// Blocks units. Objects that ask for the same records as a blocked unit are blocked as well.
    pub(super) fn block(&self, plan: &mut HostPlan, reasons: &BTreeMap<usize, Reason>) {
        let units = std::mem::take(&mut plan.units);
        for (at, unit) in units.into_iter().enumerate() {
            let Some(reason) = reasons.get(&at) else {
                plan.units.push(unit);
                continue;
            };
            let subject = Subject::Key(unit.key().clone());
            for claim in self.claims.claimants(unit.key()) {
                let is_told = |it: &Blocked| it.subject == subject && it.object == *claim.object();
                if !plan.findings().blocked.iter().any(is_told) {
                    let (subject, object) = (subject.clone(), claim.object().clone());
                    plan.findings_mut().blocked.push(Blocked {
                        subject,
                        object,
                        reason: reason.clone(),
                        remedy: Vec::new(),
                    });
                }
            }
        }
    }
}

/// The names and types of the sets that units write.
fn written_places(units: &[Unit]) -> BTreeSet<(&Name, &RecordType)> {
    let written = units.iter().flat_map(Unit::changes).map(Change::after);
    written.map(|set| (set.name(), set.rtype())).collect()
}

/// Why a set cannot be beside another one of its name and type. The reason names `other`, which stays.
fn broken_rule(set: &RecordSet, other: &RecordSet) -> Option<Reason> {
    if !breaks(set, other) {
        return None;
    }
    let set_id = other.key.set_id.as_ref().map(|id| quoted(id.as_str())).unwrap_or_default();
    let rule = set.routing.rule()?;
    Some(match other.ttl() {
        Some(ttl) if is_weighted(Some(rule)) => Reason::WeightedTtl { ttl, set_id },
        _ => Reason::RoutingTaken { rule: rule.to_string(), set_id },
    })
}

/// Whether Route 53 does not accept two sets of one name and type beside each other.
fn breaks(one: &RecordSet, other: &RecordSet) -> bool {
    let (Some(rule), Some(others)) = (one.routing.rule(), other.routing.rule()) else { return false };
    let ttls_differ = || matches!((one.ttl(), other.ttl()), (Some(one), Some(other)) if one != other);
    (is_weighted(Some(rule)) && is_weighted(Some(others)) && ttls_differ())
        || (rule.is_unique() && rule == others)
}

fn is_weighted(rule: Option<&Rule>) -> bool {
    matches!(rule, Some(Rule::Weight(_)))
}
