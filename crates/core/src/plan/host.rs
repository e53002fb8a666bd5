//! The decision for one hostname.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Blocked, Change, Heritage, MAX_BATCH_CHARACTERS, MAX_BATCH_VALUES, Reason, Stale, Unit, View, Weight,
    Wish,
    desired::Desired,
    holder::Choice,
    ownership::{Ownership, Standing},
    reason::{Limit, Reserved},
    remedy::{self, HandChange},
};
use crate::{
    dns::{Data, Name, RecordSet, RecordType, Ttl},
    source::{ClaimKey, Facts},
};

/// What follows for one hostname.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPlan {
    /// What is to be written.
    pub units: Vec<Unit>,
    /// What is not written, with the reason, for each object that is concerned.
    pub blocked: Vec<Blocked>,
    /// Owned sets that nothing asks for, beside wanted ones.
    pub leftovers: Vec<Stale>,
    /// Owned sets where no object asks for the hostname any more.
    pub orphans: Vec<Stale>,
    /// Keys whose records are as they shall be.
    pub in_sync: Vec<InSync>,
}

/// A key whose records are as they shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InSync {
    /// Which key.
    pub key: ClaimKey,
    /// What is asked for.
    pub wish: Wish,
}

/// What was decided for a key.
enum Verdict {
    InSync,
    Write(Unit),
    Blocked(Reason, Vec<HandChange>),
}

// === impl HostPlan ===

impl HostPlan {
    /// Whether nothing is to be written or told: every claim of the hostname, if there is one, is in sync.
    pub fn says_nothing(&self) -> bool {
        self.units.is_empty()
            && self.blocked.is_empty()
            && self.leftovers.is_empty()
            && self.orphans.is_empty()
    }
}

// === impl View ===

impl View<'_> {
    /// Decides for one hostname; for a name that nobody claims, whether it is an orphan.
    pub fn host(&self, host: &Name) -> HostPlan {
        let mut plan = HostPlan::default();
        // The TXT of a name that stands for `*` may be the wildcard's: whose the name is cannot be known.
        if !self.claims.has_host(host) && !self.settings.naming.is_wildcard_replacement(host) {
            plan.orphans = self.stale_sets(host).collect();
        }
        for key in self.claims.keys_at(host) {
            self.key(key, &mut plan);
        }
        if let Some(order) = &self.settings.adoption.order {
            plan.units.retain(|unit| order.releases(unit));
        }
        plan
    }

    fn key(&self, key: &ClaimKey, plan: &mut HostPlan) {
        let claimants = self.claims.claimants(key);
        let named = self.named_holder(key);
        let Some(Choice { holder, must_wait }) = self.choose(key, named.as_deref(), &self.past.tenure(key))
        else {
            return;
        };
        let wish = match self.barred(&key.host) {
            Some(reason) => Err(reason),
            None => self.wanted(key, holder),
        };
        let verdict = match &wish {
            Ok(desired) => self.decide(key, holder, desired, plan),
            Err(reason) => Verdict::Blocked(reason.clone(), Vec::new()),
        };
        // What is right already waits for nobody.
        let verdict = match (verdict, named) {
            (Verdict::Write(_), Some(holder)) if must_wait && self.past.is_hidden(&holder) => {
                Verdict::Blocked(Reason::KindUnreadable { holder }, Vec::new())
            }
            (Verdict::Write(_), Some(holder)) if must_wait => {
                Verdict::Blocked(Reason::Vacant { holder }, Vec::new())
            }
            (verdict, _) => verdict,
        };
        let block = |facts: &Facts, reason: &Reason, remedy: &[HandChange]| Blocked {
            host: key.host.to_string(),
            object: facts.object.clone(),
            reason: reason.clone(),
            remedy: remedy.to_vec(),
        };
        for other in claimants.iter().filter(|other| other.object != holder.object) {
            match (self.wish(key, other), &wish, &verdict) {
                // Who asks for the same shares the holder's fate.
                (Ok(own), Ok(held), Verdict::Blocked(reason, remedy)) if held.fulfils(&own) => {
                    plan.blocked.push(block(other, reason, remedy));
                }
                (Ok(own), Ok(held), _) if held.fulfils(&own) => {}
                (Ok(own), _, Verdict::Blocked(reason @ Reason::MergeUndecided { .. }, _))
                    if own.asks_for_addresses() =>
                {
                    plan.blocked.push(block(other, reason, &[]));
                }
                (_, Err(reason @ (Reason::ReservedName(_) | Reason::BelowZoneCut { .. })), _) => {
                    plan.blocked.push(block(other, reason, &[]));
                }
                (Ok(_), _, _) => {
                    let reason = Reason::ClaimedBy { holder: holder.object.clone() };
                    plan.blocked.push(block(other, &reason, &[]));
                }
                (Err(reason), _, _) => plan.blocked.push(block(other, &reason, &[])),
            }
        }
        match verdict {
            Verdict::InSync => {
                let wish = wish.as_ref().map(Wish::of).ok();
                plan.in_sync.extend(wish.map(|wish| InSync { key: key.clone(), wish }));
            }
            Verdict::Write(unit) => plan.units.push(unit),
            Verdict::Blocked(reason, remedy) => plan.blocked.push(block(holder, &reason, &remedy)),
        }
    }

    /// What one claimant asks for, as far as it may be written.
    pub(super) fn wish(&self, key: &ClaimKey, facts: &Facts) -> Result<Desired, Reason> {
        let desired = Desired::new(&key.host, self.zone, facts, self.settings)?;
        self.lasting_cname(key, facts, &desired).unwrap_or(desired).narrowed(&self.settings.managed_types)
    }

    /// A CNAME of ours that leads where an alias would lead stays a CNAME, where CNAMEs are written at all.
    fn lasting_cname(&self, key: &ClaimKey, facts: &Facts, desired: &Desired) -> Option<Desired> {
        let target = desired.alias_target()?;
        if !self.settings.managed_types.contains(&RecordType::Cname) {
            return None;
        }
        let as_cname = desired.as_cname(&key.host, target, facts, self.settings);
        let stays = as_cname.sets.iter().any(|wanted| {
            let found = self.zone.get(&key.host, &RecordType::Cname, key.set_id.as_ref());
            found.filter(|found| found.answers_like(wanted)).is_some_and(|found| {
                let standing = self.look_up(&key.host, &RecordType::Cname, key).standing;
                let is_right = is_right(found, wanted, &as_cname);
                standing == Standing::Us || self.adopts(&key.host, facts, &standing, Some(found), is_right)
            })
        });
        stays.then_some(as_cname)
    }

    fn decide(&self, key: &ClaimKey, holder: &Arc<Facts>, desired: &Desired, plan: &mut HostPlan) -> Verdict {
        match self.unit(key, holder, desired) {
            Ok(unit) => {
                if let Some(asked_for) = self.asked_for(key) {
                    let is_wanted = |rtype: &RecordType| desired.has(rtype) || asked_for.contains(rtype);
                    let stale = self.stale_sets(&key.host).filter(|stale| !is_wanted(stale.set.rtype()));
                    let beside = Some(&holder.object);
                    plan.leftovers.extend(stale.map(|stale| Stale { beside: beside.cloned(), ..stale }));
                }
                unit.map_or(Verdict::InSync, Verdict::Write)
            }
            Err(reason) => {
                let remedy = remedy::of(self, key, holder, desired, &reason);
                Verdict::Blocked(reason, remedy)
            }
        }
    }

    /// The types that the claimants of a key ask for, whichever may be written and whoever holds it; `None` where that
    /// cannot be known of one of them.
    fn asked_for(&self, key: &ClaimKey) -> Option<BTreeSet<RecordType>> {
        let mut types = BTreeSet::new();
        for facts in self.claims.claimants(key) {
            let desired = Desired::new(&key.host, self.zone, facts, self.settings).ok()?;
            types.extend(desired.sets.into_iter().map(|set| set.key.rtype));
        }
        Some(types)
    }

    /// What must change for `desired`, all or nothing.
    fn unit(&self, key: &ClaimKey, holder: &Arc<Facts>, desired: &Desired) -> Result<Option<Unit>, Reason> {
        // First the rivals: a name that is kept for the TXT of another record is no conflict to be resolved by
        // deleting that TXT.
        self.rival(key, holder, desired).map_or_else(|| self.without_rivals(key, holder, desired), Err)
    }

    /// The same, if no other hostname needed one of its names.
    fn without_rivals(
        &self,
        key: &ClaimKey,
        holder: &Arc<Facts>,
        desired: &Desired,
    ) -> Result<Option<Unit>, Reason> {
        if let Some(reason) = self.in_the_way(key, desired) {
            // Nor could the TXTs of what is wanted be written where something is in their place.
            let (naming, apex) = (&self.settings.naming, self.zone.apex());
            let mut places = desired.sets.iter().map(|set| naming.place(apex, &key.host, set.rtype()).name);
            return Err(places.find_map(|at| self.in_place_of_txt(&at)).unwrap_or(reason));
        }
        if let Some(adoption) = self.adoption(key, holder, desired)? {
            return Ok(Some(adoption));
        }
        let mut changes = Vec::new();
        let mut reads = Vec::new();
        let mut shown = None;
        for wanted in &desired.sets {
            let ownership = self.look_up(&key.host, wanted.rtype(), key);
            let found = self.zone.get(&key.host, wanted.rtype(), key.set_id.as_ref());
            if ownership.standing != Standing::Us
                && let Some(reason) = self.in_place_of_txt(&ownership.place.name)
            {
                return Err(reason);
            }
            let change = match (found, &ownership.standing) {
                (_, Standing::Unreadable(at)) => return Err(Reason::OwnershipUnreadable { at: at.clone() }),
                (None, Standing::Nobody | Standing::Us) => Change::Create(wanted.clone()),
                (None, Standing::Other(owner)) => {
                    return Err(Reason::OwnedBy { owner: owner.clone(), in_sync: false });
                }
                (Some(found), standing) => match (is_right(found, wanted, desired), standing) {
                    (true, Standing::Us) => {
                        if !self.is_kept(desired) && self.has_followed(key, holder, &ownership) {
                            changes.extend(self.txt_change(key, holder, wanted, &ownership)?);
                            reads.extend(ownership.reads);
                        }
                        continue;
                    }
                    (true, Standing::Other(owner)) => {
                        shown = shown.or(Some(Reason::OwnedBy { owner: owner.clone(), in_sync: true }));
                        continue;
                    }
                    (true, _) => {
                        let was_ours = self.past.was_right(key);
                        let reason = if was_ours { Reason::OwnershipLost } else { Reason::Unmanaged };
                        shown = shown.or(Some(reason));
                        continue;
                    }
                    (false, Standing::Us) if self.is_undecided(key, holder, desired, found) => {
                        return Err(Reason::MergeUndecided { found: found.to_string() });
                    }
                    (false, Standing::Us) => Change::Replace { before: found.clone(), after: wanted.clone() },
                    (false, Standing::Other(owner)) => {
                        return Err(Reason::OwnedBy { owner: owner.clone(), in_sync: false });
                    }
                    (false, _) => return Err(Reason::Unowned { found: found.to_string() }),
                },
            };
            changes.push(change);
            changes.extend(self.txt_change(key, holder, wanted, &ownership)?);
            reads.extend(ownership.reads);
        }
        let creates = changes.iter().any(|c| matches!(c, Change::Create(set) if set.rtype().is_address()));
        // Before what is right already: beside a missing record it is not the whole answer.
        if creates && let Some(reason) = self.foreign_neighbour(key) {
            return Err(reason);
        }
        if changes.is_empty() {
            return shown.map_or(Ok(None), Err);
        }
        too_big(&changes)?;
        reads.sort();
        reads.dedup();
        let (object, uid) = (holder.object.clone(), Arc::clone(&holder.uid));
        Ok(Some(Unit::new(key.clone(), object, uid, changes, reads, Wish::of(desired))))
    }

    /// Two keys that need one name, the one as a CNAME, the other for its ownership TXT: the one that has owned
    /// sets in the zone goes on, else the older claim. One that is not written anyway keeps a name from nobody.
    fn rival(&self, key: &ClaimKey, holder: &Facts, desired: &Desired) -> Option<Reason> {
        let (naming, apex) = (&self.settings.naming, self.zone.apex());
        let host = &key.host;
        let claimed = |name: &Name| {
            let key = ClaimKey::simple(name.clone());
            let holder = self.holder(&key, self.named_holder(&key).as_deref(), &self.past.tenure(&key))?;
            let wish = self.wanted(&key, holder).ok().filter(|_| self.barred(name).is_none())?;
            self.without_rivals(&key, holder, &wish).ok()?;
            Some((Arc::clone(holder), wish))
        };
        let older = |other: &Facts| (holder.created, &holder.object) < (other.created, &other.object);
        let needs = |desired: &Desired, of: &Name, at: &Name| {
            desired.sets.iter().any(|set| naming.place(apex, of, set.rtype()).name == *at)
        };
        if desired.has(&RecordType::Cname) && !self.has_owned_set(host) {
            for other in naming.hosts_at(apex, host) {
                let in_zone = self.is_owned_at(&other, host);
                let claim = claimed(&other).filter(|(_, wish)| needs(wish, &other, host));
                let is_known = self.has_owned_set(&other);
                if in_zone && !(claim.is_some() && is_known) {
                    return Some(Reason::ReservedName(Reserved::OwnershipOf(other)));
                }
                if claim.is_some_and(|(theirs, _)| is_known || !older(&theirs)) {
                    let (at, found) = (host.clone(), RecordType::Txt);
                    return Some(Reason::TypeConflict { at, found, is_needed: true });
                }
            }
        }
        let places = desired.sets.iter().map(|set| naming.place(apex, host, set.rtype()).name);
        for at in places.filter(|at| at != host && !self.has_owned_set(host)) {
            let claim = claimed(&at).filter(|(_, wish)| wish.has(&RecordType::Cname));
            if claim.is_some_and(|(theirs, _)| !older(&theirs)) {
                return Some(Reason::TypeConflict { at, found: RecordType::Cname, is_needed: true });
            }
        }
        None
    }

    /// The TXT that a written set needs: created, rewritten where it names another object, or right already.
    pub(super) fn txt_change(
        &self,
        key: &ClaimKey,
        holder: &Facts,
        wanted: &RecordSet,
        ownership: &Ownership<'_>,
    ) -> Result<Option<Change>, Reason> {
        let at = &ownership.place.name;
        if let Some(cut) = self.zone.cut_above(at) {
            return Err(Reason::BelowZoneCut { cut });
        }
        if let Some(reason) = self.in_place_of_txt(at) {
            return Err(reason);
        }
        let after = self.txt(key, holder, wanted, ownership);
        match ownership.txt {
            Some(found) if found.routing != after.routing => Err(Reason::RoutingConflict { at: at.clone() }),
            Some(found) if found.answers_like(&after) => Ok(None),
            Some(found) => Ok(Some(Change::Replace { before: found.clone(), after })),
            None if self.zone.at(at).iter().any(|set| *set.rtype() == RecordType::Txt) => {
                Err(Reason::RoutingConflict { at: at.clone() })
            }
            None => Ok(Some(Change::Create(after))),
        }
    }

    /// The ownership TXT of a set: the same set identifier and routing, and a TTL of 300 as in ExternalDNS.
    pub(super) fn txt(
        &self,
        key: &ClaimKey,
        holder: &Facts,
        wanted: &RecordSet,
        ownership: &Ownership<'_>,
    ) -> RecordSet {
        let stated = ownership.place.states_name.then_some(&key.host);
        let text = Heritage::text(&self.settings.owner, &holder.object, stated);
        let data = Data::Values { ttl: Ttl::DEFAULT, values: vec![text.to_value()] };
        let mut set = RecordSet::simple(ownership.place.name.clone(), RecordType::Txt, data);
        set.key.set_id.clone_from(&wanted.key.set_id);
        set.routing = wanted.routing.clone();
        set
    }
}

/// Whether a set is as it shall be. A TTL that nobody asks for is not looked at.
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
