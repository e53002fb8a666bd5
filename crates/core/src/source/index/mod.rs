//! The index: the one place where resources are joined.
//!
//! A resource goes in, and the objects whose facts changed come out. An object that needs no other resource passes
//! through, and nothing of it is kept. A part of a join is kept as the few fields that are used. While the facts of an
//! object are computed, the index notes what they look up, so that only those objects are computed again later.
//!
//! If an object looks up a resource that cannot be read, its hostnames are blocked: its targets could be wrong or
//! incomplete.

#[cfg(test)]
mod tests;

use std::{
    any::Any,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{
    EndpointRules, Facts, Labels, ObjectRef, Resource, ResourceRef, Scope, Selector, Visibility,
    look_up::{Group, LookUp, Selection},
};
use crate::dns::Name;

/// A resource, reduced to the fields that are used.
#[derive(Debug, Clone)]
pub enum Reduced {
    /// The facts of an object that needs no other resource.
    Facts(Box<Facts>),
    /// A part of a join.
    Part(Arc<dyn Part>),
}

/// A part of a join: an object that looks up other resources, or a resource that objects look up.
///
/// ```
/// use std::sync::Arc;
/// use zonekeeper_core::source::{Index, Part, Reduced, Related, Resource, ResourceRef, Visibility};
///
/// #[derive(Debug, PartialEq)]
/// struct Backend {
///     address: &'static str,
/// }
///
/// impl Part for Backend {}
///
/// const BACKEND: Resource = Resource::namespaced("Backend", "backend");
/// let (mut index, visibility) = (Index::default(), Visibility::default());
/// let web = ResourceRef::new(BACKEND, "shop", "web");
/// let backend = Reduced::Part(Arc::new(Backend { address: "192.0.2.1" }));
/// let changed = index.set(&web, Some(backend), &visibility);
/// assert!(changed.is_empty(), "no object looks it up");
/// ```
pub trait Part: Any + Equal + fmt::Debug + Send + Sync {
    /// The facts of this object; none if it is not an object, or asks for nothing.
    fn facts(&self, related: &Related<'_>) -> Option<Facts> {
        let _ = related;
        None
    }

    /// The groups of its namespace in which objects find this resource, as `web` for the endpoints of that Service.
    fn groups(&self) -> Vec<String> {
        Vec::new()
    }

    /// The labels by which objects select this resource; none if no object selects it.
    fn labels(&self) -> Option<&Labels> {
        None
    }

    /// The host names whose addresses this object looks up.
    fn host_names(&self) -> Vec<Name> {
        Vec::new()
    }
}

/// Compares a part with one of any type. Each part that implements [`PartialEq`] has it.
pub trait Equal {
    /// Whether both are the same.
    fn equals(&self, other: &dyn Any) -> bool;
}

/// The resources that an object can look up. Each look-up is noted.
#[derive(Debug)]
pub struct Related<'i> {
    index: &'i Index,
    used: RefCell<BTreeSet<LookUp>>,
}

/// All parts of joins, and which objects depend on which.
#[derive(Debug, Default)]
pub struct Index {
    rules: EndpointRules,
    parts: BTreeMap<ResourceRef, Entry>,
    groups: BTreeMap<Group, BTreeSet<ResourceRef>>,
    /// The objects whose facts depend on a look-up.
    users: BTreeMap<LookUp, BTreeSet<ResourceRef>>,
}

#[derive(Debug)]
struct Entry {
    part: Arc<dyn Part>,
    /// What the facts of this object depend on.
    used: BTreeSet<LookUp>,
}

// === impl Reduced ===

impl Reduced {
    /// A part of a join.
    pub fn part(part: impl Part) -> Self {
        Self::Part(Arc::new(part))
    }

    /// The host names whose addresses the object looks up.
    pub fn host_names(&self) -> Vec<Name> {
        match self {
            Self::Facts(_) => Vec::new(),
            Self::Part(part) => part.host_names(),
        }
    }

    /// The facts of an object as if there were no other resource.
    pub(super) fn alone(self) -> Option<Facts> {
        match self {
            Self::Facts(facts) => Some(*facts),
            Self::Part(part) => part.facts(&Related { index: &Index::default(), used: RefCell::default() }),
        }
    }
}

// === impl Equal ===

impl<P: PartialEq + 'static> Equal for P {
    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref() == Some(self)
    }
}

// === impl Related ===

impl Related<'_> {
    /// One resource.
    pub fn get<P: Part>(&self, resource: &ResourceRef) -> Option<&P> {
        self.used.borrow_mut().insert(LookUp::One(resource.clone()));
        self.index.part(resource)
    }

    /// The resources of a group, by name; `namespace` is empty for a cluster-scoped resource.
    pub fn group<P: Part>(
        &self,
        resource: Resource,
        namespace: &str,
        name: &str,
    ) -> impl Iterator<Item = &P> {
        let group = Group { resource, namespace: namespace.to_owned(), name: name.to_owned() };
        let members = self.index.groups.get(&group).into_iter().flatten();
        self.used.borrow_mut().insert(LookUp::Group(group));
        members.filter_map(|member| self.index.part(member))
    }

    /// The resources of a namespace that a selector selects, by name.
    pub fn selected<P: Part>(
        &self,
        resource: Resource,
        namespace: &str,
        selector: &Selector,
    ) -> impl Iterator<Item = &P> {
        let (namespace, selector) = (namespace.to_owned(), selector.clone());
        let selection = Selection { resource, namespace, selector };
        self.used.borrow_mut().insert(LookUp::Selected(selection.clone()));
        self.index.selected(selection)
    }
}

// === impl Index ===

impl Index {
    /// An index without resources. It applies these rules to the facts of each object.
    pub fn new(rules: EndpointRules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Takes a resource, or `None` if it is gone. Returns the objects whose facts may have changed, with their facts.
    ///
    /// Most events of pods and nodes change nothing that is used. They cost one comparison.
    pub fn set(
        &mut self,
        resource: &ResourceRef,
        reduced: Option<Reduced>,
        visibility: &Visibility,
    ) -> Vec<(ObjectRef, Option<Facts>)> {
        if let (Some(Reduced::Part(new)), Some(old)) = (&reduced, self.parts.get(resource)) {
            let new: &dyn Any = &**new;
            if old.part.equals(new) {
                return Vec::new();
            }
        }
        let mut changed = BTreeSet::from([LookUp::One(resource.clone())]);
        if let Some(old) = self.parts.remove(resource) {
            self.forget_use(resource, &old.used);
            changed.extend(self.selections_of(resource, &*old.part));
            for key in groups_of(resource, &*old.part) {
                if let Some(members) = self.groups.get_mut(&key) {
                    members.remove(resource);
                    if members.is_empty() {
                        self.groups.remove(&key);
                    }
                }
                changed.insert(LookUp::Group(key));
            }
        }
        let mut found = Vec::new();
        match reduced {
            Some(Reduced::Facts(facts)) => {
                let facts = self.rules.apply(*facts);
                found.extend(resource.object().map(|object| (object, Some(facts))));
            }
            None => found.extend(resource.object().map(|object| (object, None))),
            Some(Reduced::Part(part)) => {
                changed.extend(self.selections_of(resource, &*part));
                for key in groups_of(resource, &*part) {
                    self.groups.entry(key.clone()).or_default().insert(resource.clone());
                    changed.insert(LookUp::Group(key));
                }
                self.parts.insert(resource.clone(), Entry { part, used: BTreeSet::new() });
                found.extend(self.join(resource, visibility));
            }
        }
        let users = changed.iter().filter_map(|look_up| self.users.get(look_up));
        let users = users.flatten().filter(|user| *user != resource).cloned().collect();
        found.extend(self.join_all(&users, visibility));
        found
    }

    /// Joins again after a change of `visibility` for one resource. Returns the objects that look it up, with their facts.
    pub fn resource_visibility_changed(
        &mut self,
        resource: &ResourceRef,
        visibility: &Visibility,
    ) -> Vec<(ObjectRef, Option<Facts>)> {
        let is_beside = |look_up: &LookUp| {
            (look_up.resource(), look_up.namespace()) == (resource.resource(), resource.namespace())
        };
        // Groups are ordered by sort and namespace, after all single resources, and so are selections after all groups.
        let from = |first: LookUp| self.users.range(first..).take_while(|(look_up, _)| is_beside(look_up));
        let groups = from(LookUp::Group(Group::beside(resource, String::new())));
        let selections = from(LookUp::Selected(Selection::beside(resource)));
        let one = self.users.get(&LookUp::One(resource.clone())).into_iter();
        let several = groups.chain(selections).map(|(_, users)| users);
        let users = one.chain(several).flatten().cloned().collect();
        self.join_all(&users, visibility)
    }

    /// The same for all resources of a scope.
    pub fn visibility_changed(
        &mut self,
        scope: &Scope,
        visibility: &Visibility,
    ) -> Vec<(ObjectRef, Option<Facts>)> {
        let is_affected = |look_up: &LookUp| scope.has(look_up.resource(), look_up.namespace());
        let users = self.users.iter().filter(|(look_up, _)| is_affected(look_up));
        let users = users.flat_map(|(_, users)| users).cloned().collect();
        self.join_all(&users, visibility)
    }

    /// Whether the index has a resource as a part of a join.
    pub fn has(&self, part: &ResourceRef) -> bool {
        self.parts.contains_key(part)
    }

    /// The parts of a sort of resource.
    pub fn parts_of(&self, resource: Resource) -> impl Iterator<Item = &ResourceRef> {
        self.parts.keys().filter(move |part| part.resource() == resource)
    }

    fn join_all(
        &mut self,
        objects: &BTreeSet<ResourceRef>,
        visibility: &Visibility,
    ) -> Vec<(ObjectRef, Option<Facts>)> {
        objects.iter().filter_map(|object| self.join(object, visibility)).collect()
    }

    /// Computes the facts of an object, and notes what they depend on.
    fn join(
        &mut self,
        resource: &ResourceRef,
        visibility: &Visibility,
    ) -> Option<(ObjectRef, Option<Facts>)> {
        let object = resource.object()?;
        let part = Arc::clone(&self.parts.get(resource)?.part);
        let related = Related { index: self, used: RefCell::default() };
        let mut facts = part.facts(&related);
        let used = related.used.into_inner();
        // One of them is enough to block the object, and it can look up hundreds of pods.
        if let Some(problem) = used.iter().find_map(|look_up| look_up.problem(visibility)) {
            // An object that seems to ask for nothing may ask for any hostname.
            let facts = facts.get_or_insert_with(|| Facts::new(object.clone(), &ObjectMeta::default()));
            facts.problems.push(problem);
        }
        if let Some(facts) = &mut facts {
            facts.is_joined = !used.is_empty();
        }
        // Nearly always it depends on the same resources as before.
        if let Some(entry) = self.parts.get_mut(resource)
            && entry.used != used
        {
            let new = &used - &entry.used;
            let gone = &std::mem::replace(&mut entry.used, used) - &entry.used;
            for look_up in new {
                self.users.entry(look_up).or_default().insert(resource.clone());
            }
            self.forget_use(resource, &gone);
        }
        Some((object, facts.map(|facts| self.rules.apply(facts))))
    }

    fn forget_use(&mut self, user: &ResourceRef, look_ups: &BTreeSet<LookUp>) {
        for look_up in look_ups {
            if let Some(users) = self.users.get_mut(look_up) {
                users.remove(user);
                if users.is_empty() {
                    self.users.remove(look_up);
                }
            }
        }
    }

    fn part<P: Part>(&self, resource: &ResourceRef) -> Option<&P> {
        let part: &dyn Any = &*self.parts.get(resource)?.part;
        part.downcast_ref()
    }

    fn selected<P: Part>(&self, selection: Selection) -> impl Iterator<Item = &P> {
        let from = ResourceRef::new(selection.resource, &selection.namespace, "");
        // The first text after the namespace, in order.
        let to = ResourceRef::new(selection.resource, &format!("{}\0", selection.namespace), "");
        let parts = self.parts.range(from..to).map(|(_, entry)| &*entry.part);
        parts.filter(move |part| selection.has(*part)).filter_map(|part| {
            let part: &dyn Any = part;
            part.downcast_ref()
        })
    }

    /// The selections in use that select a resource.
    fn selections_of(&self, resource: &ResourceRef, part: &dyn Part) -> Vec<LookUp> {
        if part.labels().is_none() {
            return Vec::new();
        }
        let from = LookUp::Selected(Selection::beside(resource));
        let is_beside = |selection: &Selection| {
            (selection.resource, &*selection.namespace) == (resource.resource(), resource.namespace())
        };
        let in_use = self.users.range(from..).map(|(look_up, _)| look_up);
        let beside =
            in_use.take_while(|it| matches!(it, LookUp::Selected(selection) if is_beside(selection)));
        let selects = |it: &&LookUp| matches!(it, LookUp::Selected(selection) if selection.has(part));
        beside.filter(selects).cloned().collect()
    }
}

/// The groups that a resource belongs to.
fn groups_of(resource: &ResourceRef, part: &dyn Part) -> impl Iterator<Item = Group> {
    part.groups().into_iter().map(|name| Group::beside(resource, name))
}
