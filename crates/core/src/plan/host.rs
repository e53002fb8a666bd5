//! The plan for one hostname. This file orders the steps; the other files of the module hold the rules.

use std::collections::BTreeSet;

use super::{
    Blocked, Change, HandChange, MAX_BATCH_CHARACTERS, MAX_BATCH_VALUES, Note, Noted, Reason, Role, Stale,
    Unit, View, Weight, WishDigest,
    decision::{Decision, Existing, decide},
    desired::Desired,
    holder::Followed,
    ownership::{Owner, Ownership},
    reason::Limit,
    remedy,
};
use crate::{
    dns::{Name, RecordSet, RecordType},
    source::{Claim, ClaimKey},
};

/// The plan for one hostname.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPlan {
    /// The units to write.
    pub units: Vec<Unit>,
    /// The blocked claims, each with its reason.
    pub blocked: Vec<Blocked>,
    /// The claims whose records are right but not ours.
    pub noted: Vec<Noted>,
    /// Owned sets that no object wants, if the hostname is claimed.
    pub leftovers: Vec<Stale>,
    /// Owned sets, if no object claims the hostname.
    pub orphans: Vec<Stale>,
    /// Keys whose records are right and ours.
    pub in_sync: Vec<InSync>,
}

/// A key whose records are right and ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InSync {
    /// The key.
    pub key: ClaimKey,
    /// The wish of its object.
    pub wish: WishDigest,
}

/// The plan for one key.
enum KeyPlan {
    InSync,
    Noted(Note, Vec<HandChange>),
    Write(Unit),
    Blocked(Reason, Vec<HandChange>),
}

/// The unit of a key, or the state of its records if there is nothing to write.
pub(super) enum Written {
    Unit(Unit),
    Noted(Note),
    InSync,
}

/// A wanted record set, and its state in the zone.
struct Position<'a, 'w> {
    wanted: &'w RecordSet,
    existing: Existing<'a>,
    ownership: Ownership<'a>,
}

// === impl HostPlan ===

impl HostPlan {
    /// Whether nothing is to be written or reported: every claim of the hostname, if there is one, is in sync.
    pub fn says_nothing(&self) -> bool {
        self.units.is_empty()
            && self.blocked.is_empty()
            && self.noted.is_empty()
            && self.leftovers.is_empty()
            && self.orphans.is_empty()
    }
}

// === impl View ===

impl<'a> View<'a> {
    /// Plans one hostname. For a hostname that no object claims, it finds the orphans.
    pub fn host(&self, host: &Name) -> HostPlan {
        let mut plan = HostPlan::default();
        // A TXT at the name that stands for `*` can be the wildcard's, so the owner of that name is not known.
        if !self.claims.has_host(host) && !self.settings.naming.is_wildcard_replacement(host) {
            plan.orphans = self.stale_sets(host).collect();
        }
        for key in self.claims.keys_at(host) {
            self.key(key, &mut plan);
        }
        plan.leftovers.extend(self.unclaimed_set_ids(host));
        if let Some(order) = &self.settings.adoption.order {
            plan.units.retain(|unit| order.releases(unit));
        }
        plan
    }

    fn key(&self, key: &ClaimKey, plan: &mut HostPlan) {
        let named = self.named_holder(key);
        let Some(Followed { holder, must_wait }) =
            self.choose(key, named.as_ref(), &self.history.holder(key))
        else {
            return;
        };
        let wish = match self.barred(&key.host) {
            Some(reason) => Err(reason),
            None => self.wanted(holder),
        };
        let key_plan = match &wish {
            Ok(desired) => self.plan_wish(holder, desired, plan),
            Err(reason) => KeyPlan::Blocked(reason.clone(), Vec::new()),
        };
        // Records that are already right wait for no grace period.
        let key_plan = match (key_plan, named) {
            (KeyPlan::Write(_), Some(holder)) if must_wait && self.claims.may_claim_unseen(&holder) => {
                KeyPlan::Blocked(Reason::KindUnreadable { holder }, Vec::new())
            }
            (KeyPlan::Write(_), Some(holder)) if must_wait => {
                KeyPlan::Blocked(Reason::Vacant { holder }, Vec::new())
            }
            (key_plan, _) => key_plan,
        };
        self.other_claimants(holder, &wish, &key_plan, plan);
        match key_plan {
            KeyPlan::InSync => {
                let wish = wish.as_ref().map(WishDigest::of).ok();
                plan.in_sync.extend(wish.map(|wish| InSync { key: key.clone(), wish }));
            }
            KeyPlan::Noted(note, remedy) => plan.noted.push(noted(holder, &note, remedy)),
            KeyPlan::Write(unit) => plan.units.push(unit),
            KeyPlan::Blocked(reason, remedy) => plan.blocked.push(blocked(holder, &reason, remedy)),
        }
    }

    /// Plans the claims of all claimants except the holder.
    fn other_claimants(
        &self,
        holder: &Claim,
        wish: &Result<Desired, Reason>,
        key_plan: &KeyPlan,
        plan: &mut HostPlan,
    ) {
        let claimants = self.claims.claimants(&holder.endpoint.key).iter();
        for other in claimants.filter(|other| other.object() != holder.object()) {
            let reason = match (self.wish(other), wish, key_plan) {
                // A claimant that asks for the same records gets the same result as the holder.
                (Ok(own), Ok(held), _) if held.fulfils(&own) => {
                    match key_plan {
                        KeyPlan::Blocked(reason, remedy) => {
                            plan.blocked.push(blocked(other, reason, remedy.clone()));
                        }
                        KeyPlan::Noted(note, remedy) => plan.noted.push(noted(other, note, remedy.clone())),
                        KeyPlan::InSync | KeyPlan::Write(_) => {}
                    }
                    continue;
                }
                (Ok(own), _, KeyPlan::Blocked(reason @ Reason::MergeUndecided { .. }, _))
                    if own.asks_for_addresses() =>
                {
                    reason.clone()
                }
                (_, Err(reason @ (Reason::ReservedName(_) | Reason::BelowZoneCut { .. })), _) => {
                    reason.clone()
                }
                (Ok(_), _, _) => Reason::ClaimedBy { holder: holder.object().clone() },
                (Err(reason), _, _) => reason,
            };
            plan.blocked.push(blocked(other, &reason, Vec::new()));
        }
    }

    /// The record sets of managed types that a claimant asks for.
    pub(super) fn wish(&self, claim: &Claim) -> Result<Desired, Reason> {
        let keeps_cname = self.keeps_cname(claim);
        Desired::new(claim, self.zone, self.settings, keeps_cname)?.narrowed(&self.settings.managed_types)
    }

    /// Whether the zone holds a CNAME at the key that is ours, or becomes ours.
    fn keeps_cname(&self, claim: &Claim) -> bool {
        let (key, rtype) = (&claim.endpoint.key, RecordType::Cname);
        let Some(found) = self.zone.get(&key.host, &rtype, key.set_id.as_ref()) else { return false };
        if !self.settings.managed_types.contains(&rtype) {
            return false;
        }
        let owner = self.look_up(&key.host, &rtype, key).owner;
        let as_cname = || Desired::new(claim, self.zone, self.settings, true);
        let is_right =
            || as_cname().is_ok_and(|wish| wish.sets.iter().any(|set| is_right(found, set, &wish)));
        owner == Owner::Us || self.adopts(&key.host, &claim.facts, &owner, Some(found), is_right())
    }

    fn plan_wish(&self, holder: &Claim, desired: &Desired, plan: &mut HostPlan) -> KeyPlan {
        // Rivals come first: a name that is kept for another hostname's ownership record is no conflict that a person
        // could resolve by a deletion of that record.
        let written = match self.rival(holder, desired) {
            Some(reason) => Err(reason),
            None => self.without_rivals(holder, desired),
        };
        let written = match written {
            Ok(written) => written,
            Err(reason) => {
                let remedy = remedy::of(self, holder, desired, &reason);
                return KeyPlan::Blocked(reason, remedy);
            }
        };
        match written {
            Written::Noted(note) => KeyPlan::Noted(note, remedy::state_ownership(self, holder, desired)),
            Written::InSync => {
                plan.leftovers.extend(self.leftovers(holder, desired));
                KeyPlan::InSync
            }
            Written::Unit(unit) => {
                plan.leftovers.extend(self.leftovers(holder, desired));
                KeyPlan::Write(unit)
            }
        }
    }

    /// The owned sets of a key that none of its claimants asks for. None if one of the claimants cannot be understood.
    fn leftovers(&self, holder: &Claim, desired: &Desired) -> Vec<Stale> {
        let key = &holder.endpoint.key;
        let Some(asked_for) = self.asked_for(key) else { return Vec::new() };
        let is_wanted = |rtype: &RecordType| desired.has(rtype) || asked_for.contains(rtype);
        let stale = self.stale_sets(&key.host);
        let stale = stale.filter(|it| it.set.key.set_id == key.set_id && !is_wanted(it.set.rtype()));
        stale.map(|stale| Stale { beside: Some(holder.object().clone()), ..stale }).collect()
    }

    /// The owned sets under unclaimed set identifiers of a claimed hostname. They get traffic too.
    fn unclaimed_set_ids(&self, host: &Name) -> Vec<Stale> {
        let keys = || self.claims.keys_at(host);
        let is_claimed = |set: &RecordSet| keys().any(|key| key.set_id == set.key.set_id);
        // Nearly every hostname has no such set.
        if self.zone.at(host).iter().all(|set| !set.rtype().is_address() || is_claimed(set)) {
            return Vec::new();
        }
        // A claim that cannot be understood can ask for any of them.
        if !keys().all(|key| self.asked_for(key).is_some()) {
            return Vec::new();
        }
        let beside = keys().find_map(|key| {
            let holder = self.holder(key, self.named_holder(key).as_ref(), &self.history.holder(key))?;
            Some(holder.object().clone())
        });
        let stale = self.stale_sets(host).filter(|stale| !is_claimed(&stale.set));
        let stale = stale.map(|stale| Stale { beside: beside.clone(), ..stale });
        stale.filter(|stale| stale.beside.is_some()).collect()
    }

    /// The types that the claimants of a key ask for, managed or not. `None` if one of the claimants cannot be understood.
    fn asked_for(&self, key: &ClaimKey) -> Option<BTreeSet<RecordType>> {
        let mut types = BTreeSet::new();
        for claim in self.claims.claimants(key) {
            let desired = Desired::new(claim, self.zone, self.settings, false).ok()?;
            types.extend(desired.sets.into_iter().map(|set| set.key.rtype));
        }
        Some(types)
    }

    /// Plans `desired` without regard to rivals.
    pub(super) fn without_rivals(&self, holder: &Claim, desired: &Desired) -> Result<Written, Reason> {
        let key = &holder.endpoint.key;
        let positions = self.positions(key, desired);
        let was_ours = self.history.was_right(key);
        let is_free = |it: &Position<'_, '_>| !matches!(it.existing, Existing::InTheWay(_));
        if positions.iter().all(is_free)
            && let Some(adoption) = self.adoption(holder, desired)?
        {
            return Ok(Written::Unit(adoption));
        }
        let (mut changes, mut reads, mut note) = (Vec::new(), Vec::new(), None);
        for Position { wanted, existing, ownership } in positions {
            let change = match decide(&existing, &ownership.owner, was_ours) {
                Decision::Blocked(reason) => return Err(reason),
                Decision::Noted(found) => {
                    note = note.or(Some(found));
                    continue;
                }
                Decision::InSync => {
                    if !self.is_kept(desired) && self.has_followed(holder, &ownership) {
                        changes.extend(self.txt_change(holder, wanted, &ownership)?);
                        reads.extend(ownership.reads);
                    }
                    continue;
                }
                Decision::Replace(found) => {
                    if self.is_undecided(holder, desired, found) {
                        return Err(Reason::MergeUndecided { found: found.to_string() });
                    }
                    Change::Replace { role: Role::Record, before: found.clone(), after: wanted.clone() }
                }
                Decision::Create => Change::Create { role: Role::Record, set: wanted.clone() },
            };
            changes.push(change);
            changes.extend(self.txt_change(holder, wanted, &ownership)?);
            reads.extend(ownership.reads);
        }
        // If one record is right and another is missing, the hostname is not right as a whole. So this comes before a note.
        let creates = changes.iter().any(|change| change.is_create() && change.is_of_record());
        if creates && let Some(reason) = self.foreign_neighbour(key) {
            return Err(reason);
        }
        if changes.is_empty() {
            return Ok(note.map_or(Written::InSync, Written::Noted));
        }
        too_big(&changes)?;
        Ok(Written::Unit(Unit::publish(holder, changes, reads, WishDigest::of(desired))))
    }

    /// The wanted sets of a key, each with its state in the zone.
    fn positions<'w>(&self, key: &ClaimKey, desired: &'w Desired) -> Vec<Position<'a, 'w>> {
        // A conflict at the place of an ownership record comes first, because it blocks the unit as well.
        let places = desired.sets.iter().map(|set| self.place(&key.host, set.rtype()));
        let mut taken = places.filter_map(|at| self.in_place_of_txt(&at));
        let in_the_way = self.in_the_way(key, desired).map(|reason| taken.next().unwrap_or(reason));
        let position = |wanted: &'w RecordSet| {
            let mut ownership = self.look_up(&key.host, wanted.rtype(), key);
            if ownership.owner != Owner::Us
                && let Some(reason) = self.in_place_of_txt(&ownership.place.name)
            {
                ownership.owner = Owner::PlaceTaken(reason);
            }
            let existing = match (&in_the_way, self.zone.get(&key.host, wanted.rtype(), key.set_id.as_ref()))
            {
                (Some(reason), _) => Existing::InTheWay(reason.clone()),
                (None, None) => Existing::Nothing,
                (None, Some(found)) if is_right(found, wanted, desired) => Existing::Right,
                (None, Some(found)) => Existing::Different(found),
            };
            Position { wanted, existing, ownership }
        };
        desired.sets.iter().map(position).collect()
    }
}

fn blocked(claim: &Claim, reason: &Reason, remedy: Vec<HandChange>) -> Blocked {
    let (host, object) = (claim.endpoint.key.to_string(), claim.object().clone());
    Blocked { host, object, reason: reason.clone(), remedy }
}

fn noted(claim: &Claim, note: &Note, remedy: Vec<HandChange>) -> Noted {
    let (host, object) = (claim.endpoint.key.to_string(), claim.object().clone());
    Noted { host, object, note: note.clone(), remedy }
}

/// Whether a set is as wanted. A TTL that no object asks for is not compared.
pub(super) fn is_right(found: &RecordSet, wanted: &RecordSet, desired: &Desired) -> bool {
    found.answers_like(wanted) && (!desired.ttl_is_asked_for || found.ttl() == wanted.ttl())
}

pub(super) fn too_big(changes: &[Change]) -> Result<(), Reason> {
    let weight = Weight::sum(changes);
    if weight.values > MAX_BATCH_VALUES {
        return Err(Reason::TooBig(Limit::BatchValues(weight.values)));
    }
    if weight.characters > MAX_BATCH_CHARACTERS {
        return Err(Reason::TooBig(Limit::BatchCharacters(weight.characters)));
    }
    Ok(())
}
