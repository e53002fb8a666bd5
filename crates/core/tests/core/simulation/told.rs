//! What a process has been told of objects, and since when: what it does with their hostnames follows from that.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    iter,
    sync::Arc,
    time::Duration,
};

use zonekeeper_core::{
    dns::Name,
    keeper::{Input, Scope, Time},
    source::{ClaimKey, Facts, ObjectRef, Part, Reduced, ResourceRef},
};

use super::join::{Backend, Route, joined};

/// How long a holder without a target keeps a hostname from others of its namespace (§3).
const PATIENCE: Duration = Duration::from_mins(1);
/// What lasts no longer may not have been looked at.
const BLINK: Duration = Duration::from_secs(2);

/// What one process knows of the cluster.
#[derive(Debug, Clone)]
pub struct Told {
    born: Time,
    objects: BTreeMap<ObjectRef, Facts>,
    parts: BTreeMap<ResourceRef, Arc<dyn Part>>,
    /// What has not been seen yet of a scope that is being listed.
    unseen: BTreeMap<Scope, BTreeSet<ResourceRef>>,
    /// Since when an object does not ask for a hostname that it has asked for: since the start, before that.
    gone: BTreeMap<(ObjectRef, ClaimKey), Spell>,
    /// Since when it asks for it without a target.
    waiting: BTreeMap<(ObjectRef, ClaimKey), Spell>,
}

/// A time in which something was so, to its end if it has come.
#[derive(Debug, Clone, Copy)]
struct Spell {
    begin: Time,
    end: Option<Time>,
}

// === impl Spell ===

impl Spell {
    fn go_on<K: Ord>(all: &mut BTreeMap<K, Self>, key: K, is: bool, now: Time) {
        match all.get_mut(&key) {
            Some(spell) if is => match spell.end.take() {
                Some(end) if now - end > BLINK => spell.begin = now,
                _ => {}
            },
            Some(spell) => drop(spell.end.get_or_insert(now)),
            None if is => drop(all.insert(key, Self { begin: now, end: None })),
            None => {}
        }
    }

    /// Since when it is so.
    fn since(spell: Option<&Self>) -> Option<Time> {
        spell.filter(|spell| spell.end.is_none()).map(|spell| spell.begin)
    }
}

// === impl Told ===

impl Told {
    pub fn new(born: Time) -> Self {
        Self {
            born,
            objects: BTreeMap::new(),
            parts: BTreeMap::new(),
            unseen: BTreeMap::new(),
            gone: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// Takes what the process is told. Returns the hostnames that may be another matter now.
    pub fn note(&mut self, input: &Input, now: Time) -> BTreeSet<Name> {
        match input {
            Input::Resource { resource, reduced } => {
                self.see(resource);
                self.set_resource(resource, reduced.as_ref(), now)
            }
            Input::Undecodable { resource } => {
                self.see(resource);
                BTreeSet::new()
            }
            Input::Listing(scope) => {
                let objects = self.objects.keys().filter_map(|object| scope.resource_ref(object));
                let parts = self.parts.keys().filter(|part| scope.covers(part)).cloned();
                let known = objects.chain(parts).collect();
                self.unseen.insert(scope.clone(), known);
                BTreeSet::new()
            }
            Input::Listed(scope) => {
                let gone = self.unseen.remove(scope).unwrap_or_default();
                gone.iter().flat_map(|resource| self.set_resource(resource, None, now)).collect()
            }
            _ => BTreeSet::new(),
        }
    }

    fn see(&mut self, resource: &ResourceRef) {
        for unseen in self.unseen.values_mut() {
            unseen.remove(resource);
        }
    }

    /// Takes a resource, and joins routes with their backends.
    fn set_resource(
        &mut self,
        resource: &ResourceRef,
        reduced: Option<&Reduced>,
        now: Time,
    ) -> BTreeSet<Name> {
        match reduced {
            Some(Reduced::Facts(facts)) => return self.set(&facts.object, Some(facts), now),
            Some(Reduced::Part(part)) => drop(self.parts.insert(resource.clone(), Arc::clone(part))),
            None => drop(self.parts.remove(resource)),
        }
        let part = |at: &ResourceRef| -> Option<&dyn Any> { Some(&**self.parts.get(at)?) };
        let route = |at: &ResourceRef| part(at)?.downcast_ref::<Route>();
        let changed = |at: &ResourceRef| {
            let backend = route(at).map(|route| &route.backend);
            at == resource || backend == Some(resource)
        };
        let routes: Vec<(ObjectRef, Option<Facts>)> = self
            .parts
            .keys()
            .chain([resource])
            .filter(|at| changed(at))
            .filter_map(|at| {
                let facts = route(at).map(|route| {
                    let backend = part(&route.backend).and_then(|part| part.downcast_ref::<Backend>());
                    joined(&route.facts, backend)
                });
                Some((at.object()?, facts))
            })
            .collect();
        routes.iter().flat_map(|(object, facts)| self.set(object, facts.as_ref(), now)).collect()
    }

    fn set(&mut self, object: &ObjectRef, facts: Option<&Facts>, now: Time) -> BTreeSet<Name> {
        let before = match facts {
            Some(facts) => self.objects.insert(object.clone(), facts.clone()),
            None => self.objects.remove(object),
        };
        if before.as_ref() == facts {
            return BTreeSet::new();
        }
        let endpoints = before.iter().chain(facts).flat_map(|facts| &facts.endpoints);
        let keys: BTreeSet<ClaimKey> = endpoints.map(|endpoint| endpoint.key.clone()).collect();
        for claimed in &keys {
            let asks = facts.and_then(|facts| facts.endpoint(claimed));
            let key = (object.clone(), claimed.clone());
            // Before it asked for the first time it did not.
            self.gone.entry(key.clone()).or_insert(Spell { begin: self.born, end: None });
            Spell::go_on(&mut self.gone, key.clone(), asks.is_none(), now);
            Spell::go_on(&mut self.waiting, key, asks.is_some_and(|asks| asks.content.is_empty()), now);
        }
        keys.into_iter().map(|key| key.host).collect()
    }

    /// Until when an object's records are left as they are, in seconds since 1970.
    pub fn paused_until(&self, object: &ObjectRef) -> Option<i64> {
        Some(self.objects.get(object)?.controls.paused.as_ref()?.until)
    }

    /// Which invariant keeps a hostname that one object has from being given to another.
    pub fn keeps(
        &self,
        claimed: &ClaimKey,
        holder: &ObjectRef,
        heir: &ObjectRef,
        vacancy: Duration,
        now: Time,
    ) -> Option<&'static str> {
        let is_kin = holder.namespace() == heir.namespace();
        let key = (holder.clone(), claimed.clone());
        let next = |from: &Facts| from.controls.hand_over_to.clone();
        let hands_over = |from: &Facts| {
            let handed = iter::successors(next(from), |to| self.objects.get(to).and_then(next));
            handed.take(self.objects.len()).any(|to| to == *heir)
        };
        let Some(facts) = self.objects.get(holder).filter(|facts| facts.endpoint(claimed).is_some()) else {
            let gone = Spell::since(self.gone.get(&key)).unwrap_or(self.born);
            // One of its namespace has it at once, and may hand it over.
            let is_of_kin = |facts: &&Facts| {
                facts.object.namespace() == holder.namespace() && facts.endpoint(claimed).is_some()
            };
            let is_free = is_kin || self.objects.values().filter(is_of_kin).any(hands_over);
            return (!is_free && now < gone + vacancy).then_some("a hostname is kept for who has gone");
        };
        if hands_over(facts) {
            return None;
        }
        let waiting = Spell::since(self.waiting.get(&key)).filter(|_| is_kin);
        let yields = waiting.is_some_and(|since| now >= since + PATIENCE);
        (!yields).then_some("a hostname stays with the object that has it")
    }
}
