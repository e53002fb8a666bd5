//! The knowledge of a process about objects. It decides which object may get a hostname.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    iter,
    sync::Arc,
    time::Duration,
};

use zonekeeper_core::{
    dns::Name,
    keeper::{Input, Time},
    source::{ClaimKey, Facts, ObjectRef, Part, Reduced, ResourceRef, Scope},
};

use super::join::{Backend, Route, joined};

/// The time after which a holder without a target yields to others of its namespace (§3).
const YIELDS_AFTER: Duration = Duration::from_mins(1);
/// A state that is this short can remain unnoticed.
const UNNOTICED: Duration = Duration::from_secs(2);

/// The knowledge of one process about the cluster.
#[derive(Debug, Clone)]
pub struct Knowledge {
    born: Time,
    objects: BTreeMap<ObjectRef, Facts>,
    parts: BTreeMap<ResourceRef, Arc<dyn Part>>,
    /// The parts that cannot be decoded, and have no known version.
    undecodable: BTreeSet<ResourceRef>,
    /// The resources that a listing under way has not shown yet, by scope.
    unseen: BTreeMap<Scope, BTreeSet<ResourceRef>>,
    /// The periods in which an object does not claim a hostname. The first one begins with the process.
    gone: BTreeMap<(ObjectRef, ClaimKey), Period>,
    /// The periods in which an object claims a hostname without a target.
    waiting: BTreeMap<(ObjectRef, ClaimKey), Period>,
}

/// A period of a state, with its end if it is over.
#[derive(Debug, Clone, Copy)]
struct Period {
    begin: Time,
    end: Option<Time>,
}

// === impl Period ===

impl Period {
    fn go_on<K: Ord>(all: &mut BTreeMap<K, Self>, key: K, is: bool, now: Time) {
        match all.get_mut(&key) {
            Some(period) if is => match period.end.take() {
                Some(end) if now - end > UNNOTICED => period.begin = now,
                _ => {}
            },
            Some(period) => drop(period.end.get_or_insert(now)),
            None if is => drop(all.insert(key, Self { begin: now, end: None })),
            None => {}
        }
    }

    /// The start of a period that is not over.
    fn since(period: Option<&Self>) -> Option<Time> {
        period.filter(|period| period.end.is_none()).map(|period| period.begin)
    }
}

// === impl Knowledge ===

impl Knowledge {
    pub fn new(born: Time) -> Self {
        Self {
            born,
            objects: BTreeMap::new(),
            parts: BTreeMap::new(),
            undecodable: BTreeSet::new(),
            unseen: BTreeMap::new(),
            gone: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// Notes an input. Returns the hostnames whose claims changed.
    pub fn note(&mut self, input: &Input, now: Time) -> BTreeSet<Name> {
        match input {
            Input::Resource { resource, reduced } => {
                self.see(resource);
                self.set_resource(resource, reduced.as_ref(), now)
            }
            Input::Undecodable { resource } => {
                self.see(resource);
                let is_object = |object: ObjectRef| self.objects.contains_key(&object);
                if self.parts.contains_key(resource) || resource.object().is_some_and(is_object) {
                    return BTreeSet::new();
                }
                self.undecodable.insert(resource.clone());
                self.join(resource, now)
            }
            Input::Listing(scope) => {
                let objects = self.objects.keys().filter_map(|object| scope.resource_ref(object));
                let parts = self.parts.keys().filter(|part| scope.covers(part)).cloned();
                let undecodable = self.undecodable.iter().filter(|part| scope.covers(part)).cloned();
                let known = objects.chain(parts).chain(undecodable).collect();
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
        self.undecodable.remove(resource);
        match reduced {
            Some(Reduced::Facts(facts)) => return self.set(&facts.object, Some(facts), true, now),
            Some(Reduced::Part(part)) => drop(self.parts.insert(resource.clone(), Arc::clone(part))),
            None => drop(self.parts.remove(resource)),
        }
        self.join(resource, now)
    }

    /// Joins the routes that depend on a resource again.
    fn join(&mut self, resource: &ResourceRef, now: Time) -> BTreeSet<Name> {
        let part = |at: &ResourceRef| -> Option<&dyn Any> { Some(&**self.parts.get(at)?) };
        let route = |at: &ResourceRef| part(at)?.downcast_ref::<Route>();
        let changed = |at: &ResourceRef| {
            let backend = route(at).map(|route| &route.backend);
            at == resource || backend == Some(resource)
        };
        let routes: Vec<(ObjectRef, Option<Facts>, bool)> = self
            .parts
            .keys()
            .chain([resource])
            .filter(|at| changed(at))
            .filter_map(|at| {
                let facts = route(at).map(|route| {
                    let backend = part(&route.backend).and_then(|part| part.downcast_ref::<Backend>());
                    joined(&route.facts, backend)
                });
                let is_readable = route(at).is_none_or(|route| !self.undecodable.contains(&route.backend));
                Some((at.object()?, facts, is_readable))
            })
            .collect();
        let set = |(object, facts, is_readable): &(ObjectRef, Option<Facts>, bool)| {
            self.set(object, facts.as_ref(), *is_readable, now)
        };
        routes.iter().flat_map(set).collect()
    }

    /// Takes the facts of an object. If they are not readable, the object may have a target.
    fn set(
        &mut self,
        object: &ObjectRef,
        facts: Option<&Facts>,
        is_readable: bool,
        now: Time,
    ) -> BTreeSet<Name> {
        let before = match facts {
            Some(facts) => self.objects.insert(object.clone(), facts.clone()),
            None => self.objects.remove(object),
        };
        let endpoints = before.iter().chain(facts).flat_map(|facts| &facts.endpoints);
        let keys: BTreeSet<ClaimKey> = endpoints.map(|endpoint| endpoint.key.clone()).collect();
        for claimed in &keys {
            let asks = facts.and_then(|facts| facts.endpoint(claimed));
            let key = (object.clone(), claimed.clone());
            // Before its first claim, the object did not claim the hostname.
            self.gone.entry(key.clone()).or_insert(Period { begin: self.born, end: None });
            Period::go_on(&mut self.gone, key.clone(), asks.is_none(), now);
            let has_no_target = is_readable && asks.is_some_and(|asks| asks.content.is_empty());
            Period::go_on(&mut self.waiting, key, has_no_target, now);
        }
        if before.as_ref() == facts {
            return BTreeSet::new();
        }
        keys.into_iter().map(|key| key.host).collect()
    }

    /// The facts of an object, without the rules for endpoints.
    pub fn facts(&self, object: &ObjectRef) -> Option<&Facts> {
        self.objects.get(object)
    }

    /// The end of an object's pause, in seconds since 1970.
    pub fn paused_until(&self, object: &ObjectRef) -> Option<i64> {
        Some(self.objects.get(object)?.controls.paused.as_ref()?.until)
    }

    /// The invariant that another object violates if it gets the hostname of a holder.
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
            let gone = Period::since(self.gone.get(&key)).unwrap_or(self.born);
            // Another claimant of the holder's namespace can get the hostname at once, and then hand it over.
            let is_of_kin = |facts: &&Facts| {
                facts.object.namespace() == holder.namespace() && facts.endpoint(claimed).is_some()
            };
            let is_free = is_kin || self.objects.values().filter(is_of_kin).any(hands_over);
            return (!is_free && now < gone + vacancy)
                .then_some("a vacant hostname is kept for its former holder");
        };
        if hands_over(facts) {
            return None;
        }
        let waiting = Period::since(self.waiting.get(&key)).filter(|_| is_kin);
        let yields = waiting.is_some_and(|since| now >= since + YIELDS_AFTER);
        (!yields).then_some("a hostname stays with its holder")
    }
}
