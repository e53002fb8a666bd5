//! The decision for one hostname.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Blocked, Change, Heritage, Past, Reason, Settings, Tenure, Unit, Weight, Wish,
    desired::Desired,
    holder::{self, Choice},
    ownership::{Fallbacks, Ownership, Standing},
    reason::{Limit, Reserved},
    remedy::{self, HandChange},
};
use crate::{
    dns::{Data, Name, RecordSet, RecordType, Routing, Ttl, Zone},
    plan::{MAX_BATCH_CHARACTERS, MAX_BATCH_VALUES},
    source::{ClaimKey, Claims, Facts, ObjectId},
};

/// The types that a hostname can lead somewhere with, in the order in which ownership is asked for the holder.
const ADDRESS_TYPES: [RecordType; 3] = [RecordType::A, RecordType::Aaaa, RecordType::Cname];

/// Everything that a decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The zone as last seen.
    pub zone: &'a Zone,
    /// Who asks for what.
    pub claims: &'a Claims,
    /// How claims become record sets.
    pub settings: &'a Settings,
    /// What came before.
    pub past: &'a Past,
}

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

/// An owned record set that nothing asks for. It is reported, never deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// The set.
    pub set: RecordSet,
    /// The TXTs that say that it is ours: the one that decides, and any older one that would without it.
    pub txts: Vec<RecordSet>,
    /// The object that its ownership text names: `ingress/shop/web`.
    pub resource: Option<String>,
    /// An object that names the hostname and is not selected, so that it asks for nothing; known in a whole plan.
    pub named_by: Option<ObjectId>,
    /// The object beside whose record sets it is; none where nothing is asked for at its hostname.
    pub beside: Option<ObjectId>,
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

impl<'a> View<'a> {
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

    /// The hostnames whose decision may change when the sets or the claims at `name` change.
    pub fn affected(&self, name: &Name, fallbacks: &Fallbacks) -> BTreeSet<Name> {
        let naming = &self.settings.naming;
        let apex = self.zone.apex();
        // Those whose ownership is read there.
        let mut hosts = naming.hosts_at(apex, name);
        hosts.extend(naming.untyped_hosts_at(apex, name));
        hosts.extend(fallbacks.host_at(name).cloned());
        hosts.extend(
            name.with_first_label("*").filter(|host| naming.replacement(host).as_ref() == Some(name)),
        );
        hosts.push(name.clone());
        // And those that may need one name with them: see `rival`.
        let rivals = hosts.iter().flat_map(|host| {
            let claimants_of_its_txts = naming.places(apex, host);
            claimants_of_its_txts.chain(naming.hosts_at(apex, host)).chain(fallbacks.host_at(host).cloned())
        });
        let rivals: Vec<Name> = rivals.collect();
        hosts.into_iter().chain(rivals).collect()
    }

    /// The claimed hostnames that a delegation at `cut` takes out of the zone, or whose TXTs.
    pub fn affected_by_cut(&self, cut: &'a Name) -> impl Iterator<Item = &'a Name> {
        let is_anywhere = self.settings.naming.spans_labels();
        self.claims.hosts_within(if is_anywhere { self.zone.apex() } else { cut })
    }

    /// The names that a decision for a hostname rests on, as records of any type go.
    pub fn names_of(&self, host: &Name) -> impl Iterator<Item = Name> {
        let naming = &self.settings.naming;
        naming.places(self.zone.apex(), host).chain(naming.replacement(host)).chain([host.clone()])
    }

    /// Whether there is anything to decide for a hostname.
    pub fn exists(&self, host: &Name) -> bool {
        self.claims.has_host(host) || !self.zone.at(host).is_empty()
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

    /// Why nothing may be written at a hostname, whoever asks.
    fn barred(&self, host: &Name) -> Option<Reason> {
        if host.labels().any(|label| label.starts_with('_')) {
            return Some(Reason::ReservedName(Reserved::Underscore));
        }
        if self.settings.naming.is_wildcard_replacement(host) {
            return Some(Reason::ReservedName(Reserved::WildcardReplacement));
        }
        if let Some(other) = self.settings.naming.shared_with(self.zone, host) {
            return Some(Reason::ReservedName(Reserved::SharedWith(other)));
        }
        self.zone.cut_above(host).map(|cut| Reason::BelowZoneCut { cut })
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

    /// What is at the name of an ownership TXT and excludes it.
    pub(super) fn in_place_of_txt(&self, at: &Name) -> Option<Reason> {
        let there = self.zone.at(at).iter();
        let mut there = there.filter(|set| matches!(set.rtype(), RecordType::Cname | RecordType::Txt));
        if there.clone().any(is_managed) {
            return Some(Reason::TrafficPolicy);
        }
        let found = RecordType::Cname;
        let is_needed = self.claims.has_host(at);
        there.any(|set| *set.rtype() == found).then(|| Reason::TypeConflict {
            at: at.clone(),
            found,
            is_needed,
        })
    }

    /// What is at the hostname and excludes what is wanted there.
    fn in_the_way(&self, key: &ClaimKey, desired: &Desired) -> Option<Reason> {
        let host = &key.host;
        let there = self.zone.at(host);
        let wants_cname = desired.has(&RecordType::Cname);
        if there.iter().any(|set| is_managed(set) && (wants_cname || set.rtype().is_address())) {
            return Some(Reason::TrafficPolicy);
        }
        let excludes = |set: &&RecordSet| wants_cname != (*set.rtype() == RecordType::Cname);
        let found =
            there.iter().find(|set| excludes(set) && (wants_cname || *set.rtype() == RecordType::Cname));
        if let Some(found) = found {
            let mut others = self.settings.naming.hosts_at(self.zone.apex(), host).into_iter();
            let is_needed = wants_cname && others.any(|other| self.is_owned_at(&other, host));
            let (at, found) = (host.clone(), found.rtype().clone());
            return Some(Reason::TypeConflict { at, found, is_needed });
        }
        let other_routing = there
            .iter()
            .filter(|set| desired.has(set.rtype()))
            .any(|set| set.key.set_id != key.set_id || set.routing != Routing::Simple);
        other_routing.then(|| Reason::RoutingConflict { at: host.clone() })
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

    /// A record that is not ours at the hostname: what is created beside it would share its traffic.
    fn foreign_neighbour(&self, key: &ClaimKey) -> Option<Reason> {
        let neighbours = self.zone.at(&key.host).iter();
        let mut neighbours =
            neighbours.filter(|set| set.rtype().is_address() && set.key.set_id == key.set_id);
        neighbours.find_map(|set| {
            let ownership = self.look_up(&key.host, set.rtype(), key);
            let reason = match ownership.standing {
                Standing::Us => return None,
                Standing::Nobody => Reason::Unowned { found: set.to_string() },
                Standing::Other(owner) => Reason::OwnedBy { owner, in_sync: false },
                Standing::Unreadable(at) => Reason::OwnershipUnreadable { at },
            };
            Some(self.in_place_of_txt(&ownership.place.name).unwrap_or(reason))
        })
    }

    /// Whether the TXT of a record that is in the zone at `host` belongs at `name`.
    fn is_owned_at(&self, host: &Name, name: &Name) -> bool {
        let addresses = self.zone.at(host).iter().filter(|set| set.rtype().is_address());
        let mut types = addresses.map(RecordSet::rtype);
        types.any(|rtype| self.settings.naming.place(self.zone.apex(), host, rtype).name == *name)
    }

    /// The claimant that a key follows, with whom the ownership TXTs name and what is to be considered of it.
    pub(crate) fn holder(
        &self,
        key: &ClaimKey,
        named: Option<&str>,
        tenure: &Tenure,
    ) -> Option<&'a Arc<Facts>> {
        self.choose(key, named, tenure).map(|choice| choice.holder)
    }

    fn choose(&self, key: &ClaimKey, named: Option<&str>, tenure: &Tenure) -> Option<Choice<'a>> {
        let claimants = self.claims.claimants(key);
        let is_hidden = named.is_some_and(|named| self.past.is_hidden(named));
        holder::choose(claimants, named, tenure, is_hidden, |facts| match self.wish(key, facts) {
            Ok(_) => holder::Standing::Whole,
            Err(Reason::NoTarget) => holder::Standing::Waiting,
            Err(_) => holder::Standing::Impossible,
        })
    }

    /// The object that the ownership TXTs name for a key, as `ingress/shop/web`: ours, else those of an owner whose sets
    /// become ours, as far as that object is here. The TXT of a record counts before one without.
    pub fn named_holder(&self, key: &ClaimKey) -> Option<String> {
        let is_there = |rtype: &RecordType| self.zone.get(&key.host, rtype, key.set_id.as_ref()).is_some();
        let mut types = ADDRESS_TYPES;
        types.sort_by_key(|rtype| !is_there(rtype));
        let there = types.iter().filter(|rtype| is_there(rtype)).count();
        let said = types.map(|rtype| self.look_up(&key.host, &rtype, key));
        let ours = |of: usize| said.iter().take(of).filter(|said| said.standing == Standing::Us);
        let becomes_ours = |said: &&Ownership<'_>| match &said.standing {
            Standing::Other(owner) => self.takes_over(&key.host, owner),
            Standing::Us | Standing::Nobody | Standing::Unreadable(_) => false,
        };
        let named = |said: &Ownership<'_>| said.resource.clone();
        let first = ours(said.len()).find_map(named);
        // Who has gone while we looked on has his time, whoever else is named.
        let Tenure { seen, is_over, .. } = self.past.tenure(key);
        if seen.is_some() && seen.as_deref() == first.as_deref() && !is_over {
            return first;
        }
        let claims = |named: &String| self.may_claim(key, named);
        // A text without its record says little of who has what is there.
        let of_records = ours(there).filter_map(named).find(claims);
        let of_others = || said.iter().filter(becomes_ours).filter_map(named).find(claims);
        of_records.or(first).or_else(of_others)
    }

    /// Whether the text of a record names the one whom we have seen have the hostname, and another one has followed.
    fn has_followed(&self, key: &ClaimKey, holder: &Facts, ownership: &Ownership<'_>) -> bool {
        let seen = self.past.tenure(key).seen.filter(|seen| **seen != *holder.object.resource_label());
        seen.is_some() && seen.as_deref() == ownership.resource.as_deref()
    }

    /// Whether an object, as `ingress/shop/web`, asks for a key, or may do so unseen.
    fn may_claim(&self, key: &ClaimKey, named: &str) -> bool {
        let mut claimants = self.claims.claimants(key).iter();
        claimants.any(|facts| facts.object.resource_label() == named) || self.past.is_hidden(named)
    }

    fn has_owned_set(&self, host: &Name) -> bool {
        self.owned_sets(host).next().is_some()
    }

    /// Those of our sets at a hostname whose objects have been seen if they are there.
    fn stale_sets(&self, host: &Name) -> impl Iterator<Item = Stale> {
        let is_hidden = |stale: &Stale| stale.resource.as_deref().is_some_and(|it| self.past.is_hidden(it));
        self.owned_sets(host).filter(move |stale| !is_hidden(stale))
    }

    fn owned_sets(&self, host: &Name) -> impl Iterator<Item = Stale> {
        // What a traffic policy manages is not ours, whatever a TXT says.
        let sets = self.zone.at(host).iter().filter(|set| set.rtype().is_address() && !is_managed(set));
        sets.filter_map(|set| {
            let set_id = set.key.set_id.as_ref();
            let settings = self.settings;
            let found = settings.naming.look_up(self.zone, &settings.owner, set.name(), set.rtype(), set_id);
            let stale = || {
                let older = settings.naming.older(self.zone, set.name(), set.rtype(), set_id);
                let ours = older
                    .filter_map(|(_, said)| said)
                    .filter(|(_, said)| said.owner == settings.owner.as_str());
                let txts = found.txt.into_iter().chain(ours.map(|(txt, _)| txt)).cloned().collect();
                let (set, resource) = (set.clone(), found.resource.clone());
                Stale { set, txts, resource, named_by: None, beside: None }
            };
            (found.standing == Standing::Us).then(stale)
        })
    }

    pub(super) fn look_up(&self, host: &Name, rtype: &RecordType, key: &ClaimKey) -> Ownership<'a> {
        self.settings.naming.look_up(self.zone, &self.settings.owner, host, rtype, key.set_id.as_ref())
    }
}

/// Whether a traffic policy manages a set: Route 53 refuses every change to it.
pub(super) fn is_managed(set: &RecordSet) -> bool {
    matches!(set.data, Data::TrafficPolicy(_))
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
