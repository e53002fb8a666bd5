//! The index: the one place where resources are joined.
//!
//! A resource goes in, and the objects whose facts changed come out. An object that needs no other resource passes
//! through, and nothing of it is kept. A part of a join is kept as the few fields that are used. While the facts of an
//! object are computed, the index notes what they look up, so that only those objects are computed again later.
//!
//! If an object looks up a resource that cannot be read, its hostnames are blocked: its targets could be wrong or
//! incomplete.

use std::{
    any::Any,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{
    Facts, ObjectRef, Problem, Resource, ResourceRef, Scope, Visibility,
    look_up::{Group, LookUp},
};

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
/// #[derive(Debug)]
/// struct Backend {
///     address: &'static str,
/// }
///
/// impl Part for Backend {}
///
/// const BACKEND: Resource = Resource::namespaced("Backend", "backend", &[]);
/// let (mut index, visibility) = (Index::default(), Visibility::default());
/// let web = ResourceRef::new(BACKEND, "shop", "web");
/// let backend = Reduced::Part(Arc::new(Backend { address: "192.0.2.1" }));
/// let changed = index.set(&web, Some(backend), &visibility);
/// assert!(changed.is_empty(), "no object looks it up");
/// ```
pub trait Part: Any + fmt::Debug + Send + Sync {
    /// The facts of this object; none if it is not an object, or asks for nothing.
    fn facts(&self, related: &Related<'_>) -> Option<Facts> {
        let _ = related;
        None
    }

    /// The groups of its namespace in which objects find this resource, as `web` for the endpoints of that Service.
    fn groups(&self) -> Vec<String> {
        Vec::new()
    }
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
}

// === impl Index ===

impl Index {
    /// Takes a resource, or `None` if it is gone. Returns the objects whose facts may have changed, with their facts.
    pub fn set(
        &mut self,
        resource: &ResourceRef,
        reduced: Option<Reduced>,
        visibility: &Visibility,
    ) -> Vec<(ObjectRef, Option<Facts>)> {
        let mut changed = BTreeSet::from([LookUp::One(resource.clone())]);
        if let Some(old) = self.parts.remove(resource) {
            self.forget_use(resource, &old.used);
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
                found.extend(resource.object().map(|object| (object, Some(*facts))));
            }
            None => found.extend(resource.object().map(|object| (object, None))),
            Some(Reduced::Part(part)) => {
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
        // Groups are ordered by sort and namespace, after all single resources.
        let first = LookUp::Group(Group::beside(resource, String::new()));
        let groups = self.users.range(first..).take_while(|(look_up, _)| is_beside(look_up));
        let one = self.users.get(&LookUp::One(resource.clone())).into_iter();
        let users = one.chain(groups.map(|(_, users)| users)).flatten().cloned().collect();
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
        let problems: Vec<Problem> = used.iter().filter_map(|look_up| look_up.problem(visibility)).collect();
        if !problems.is_empty() {
            // An object that seems to ask for nothing may ask for any hostname.
            let facts = facts.get_or_insert_with(|| Facts::new(object.clone(), &ObjectMeta::default()));
            facts.problems.extend(problems);
        }
        for look_up in &used {
            self.users.entry(look_up.clone()).or_default().insert(resource.clone());
        }
        if let Some(entry) = self.parts.get_mut(resource) {
            let before = std::mem::replace(&mut entry.used, used.clone());
            self.forget_use(resource, &(&before - &used));
        }
        Some((object, facts))
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
}

/// The groups that a resource belongs to.
fn groups_of(resource: &ResourceRef, part: &dyn Part) -> impl Iterator<Item = Group> {
    part.groups().into_iter().map(|name| Group::beside(resource, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: Resource = Resource::namespaced("Route", "route", &["route"]);
    const BACKEND: Resource = Resource::namespaced("Backend", "backend", &["route"]);
    const NODE: Resource = Resource::cluster_scoped("Node", "node", &["route"]);

    /// An object that says what it finds.
    #[derive(Debug)]
    struct Route {
        backend: &'static str,
        zone: &'static str,
    }

    #[derive(Debug)]
    struct Backend(&'static str);

    #[derive(Debug)]
    struct Node(&'static str);

    impl Part for Route {
        fn facts(&self, related: &Related<'_>) -> Option<Facts> {
            let mut facts = Facts::new(route("web").object()?, &ObjectMeta::default());
            let backend = related.get::<Backend>(&backend(self.backend));
            let backend = backend.map(|backend| Problem::warning("backend", backend.0));
            let nodes = related.group::<Node>(NODE, "", self.zone);
            let nodes = nodes.map(|node| Problem::warning("node", node.0));
            facts.problems = backend.into_iter().chain(nodes).collect();
            Some(facts)
        }
    }

    impl Part for Backend {}

    impl Part for Node {
        fn groups(&self) -> Vec<String> {
            vec![self.0.split('-').next().unwrap_or_default().to_owned()]
        }
    }

    fn route(name: &str) -> ResourceRef {
        ResourceRef::new(ROUTE, "shop", name)
    }

    fn backend(name: &str) -> ResourceRef {
        ResourceRef::new(BACKEND, "shop", name)
    }

    fn node(name: &str) -> ResourceRef {
        ResourceRef::new(NODE, "", name)
    }

    fn scope(resource: Resource, namespace: Option<&str>) -> Scope {
        Scope { resource, namespace: namespace.map(str::to_owned) }
    }

    fn part(part: impl Part) -> Reduced {
        Reduced::Part(Arc::new(part))
    }

    /// What each changed object has found.
    fn found(changed: Vec<(ObjectRef, Option<Facts>)>) -> Vec<String> {
        let texts = |facts: Facts| facts.problems.into_iter().map(|it| it.text).collect::<Vec<_>>().join(" ");
        let line = |(object, facts): (ObjectRef, Option<Facts>)| match facts.map(texts) {
            Some(texts) => format!("{object}: {texts}"),
            None => format!("{object} is gone"),
        };
        changed.into_iter().map(line).collect()
    }

    #[test]
    fn an_object_follows_the_resources_that_it_looks_up() {
        let mut index = Index::default();
        let visibility = Visibility::default();
        let mut set =
            |resource: &ResourceRef, now: Option<Reduced>| found(index.set(resource, now, &visibility));
        assert_eq!(set(&backend("one"), Some(part(Backend("192.0.2.1")))), [""; 0]);
        let web = || Some(part(Route { backend: "one", zone: "a" }));
        assert_eq!(set(&route("web"), web()), ["route/shop/web: 192.0.2.1"]);
        assert_eq!(set(&backend("one"), Some(part(Backend("192.0.2.2")))), ["route/shop/web: 192.0.2.2"]);
        assert_eq!(set(&backend("two"), Some(part(Backend("192.0.2.3")))), [""; 0]);
        // A member of a group comes, changes its group, comes back, and goes.
        assert_eq!(set(&node("n"), Some(part(Node("a-1")))), ["route/shop/web: 192.0.2.2 a-1"]);
        assert_eq!(set(&node("n"), Some(part(Node("b-1")))), ["route/shop/web: 192.0.2.2"]);
        assert_eq!(set(&node("n"), Some(part(Node("a-2")))), ["route/shop/web: 192.0.2.2 a-2"]);
        assert_eq!(set(&node("n"), None), ["route/shop/web: 192.0.2.2"]);
        // The object looks up another one.
        let web = Some(part(Route { backend: "two", zone: "b" }));
        assert_eq!(set(&route("web"), web), ["route/shop/web: 192.0.2.3"]);
        assert_eq!(set(&backend("one"), None), [""; 0]);
        assert_eq!(set(&node("n"), Some(part(Node("a-1")))), [""; 0]);
        assert_eq!(set(&backend("two"), None), ["route/shop/web: "]);
        assert_eq!(set(&route("web"), None), ["route/shop/web is gone"]);
        assert_eq!(set(&backend("two"), Some(part(Backend("192.0.2.3")))), [""; 0]);
    }

    #[test]
    fn nothing_is_kept_of_what_is_gone_or_needs_no_join() {
        let (mut index, visibility) = (Index::default(), Visibility::default());
        let mut set = |resource: &ResourceRef, now: Option<Reduced>| index.set(resource, now, &visibility);
        set(&node("n"), Some(part(Node("a-1"))));
        set(&backend("one"), Some(part(Backend("192.0.2.1"))));
        set(&route("web"), Some(part(Route { backend: "one", zone: "a" })));
        for resource in [route("web"), backend("one"), node("n")] {
            set(&resource, None);
        }
        let web = ResourceRef::new(Resource::INGRESS, "shop", "web");
        let facts = Facts::new(web.object().unwrap(), &ObjectMeta::default());
        let changed = set(&web, Some(Reduced::Facts(Box::new(facts))));
        assert_eq!(found(changed), ["Ingress/shop/web: "]);
        assert!(index.parts.is_empty() && index.groups.is_empty() && index.users.is_empty(), "{index:?}");
    }

    #[test]
    fn an_object_is_blocked_while_something_that_it_looks_up_cannot_be_read() {
        let (mut index, mut visibility) = (Index::default(), Visibility::default());
        index.set(&backend("one"), Some(part(Backend("192.0.2.1"))), &visibility);
        index.set(&node("n"), Some(part(Node("a-1"))), &visibility);
        index.set(&route("web"), Some(part(Route { backend: "one", zone: "a" })), &visibility);
        let blocked_by = |changed: Vec<(ObjectRef, Option<Facts>)>| {
            let facts = changed.into_iter().filter_map(|(_, facts)| facts);
            facts.filter_map(|facts| facts.unreadable_dependency().map(str::to_owned)).collect::<Vec<_>>()
        };
        let none = [""; 0];
        for (resource, field) in [(backend("one"), "Backend/shop/one"), (node("m"), "Node objects of a")] {
            let sort = resource.resource();
            visibility.set_undecodable(&resource, true);
            assert_eq!(blocked_by(index.resource_visibility_changed(&resource, &visibility)), [field]);
            visibility.set_undecodable(&resource, false);
            assert_eq!(blocked_by(index.resource_visibility_changed(&resource, &visibility)), none);
            let all = scope(sort, None);
            visibility.set_readable(&all, false);
            assert_eq!(blocked_by(index.visibility_changed(&all, &visibility)), [field]);
            visibility.set_readable(&all, true);
            assert_eq!(blocked_by(index.visibility_changed(&all, &visibility)), none);
        }
        // Resources that it does not look up.
        visibility.set_undecodable(&backend("two"), true);
        assert!(index.resource_visibility_changed(&backend("two"), &visibility).is_empty());
        let (blog, shop) = (scope(BACKEND, Some("blog")), scope(BACKEND, Some("shop")));
        visibility.set_readable(&blog, false);
        assert!(index.visibility_changed(&blog, &visibility).is_empty());
        assert_eq!(blocked_by(index.visibility_changed(&shop, &visibility)), none);
    }

    /// A route that has the hostnames of its gateway: it asks for nothing without it.
    #[derive(Debug)]
    struct Guest;

    impl Part for Guest {
        fn facts(&self, related: &Related<'_>) -> Option<Facts> {
            related.get::<Backend>(&backend("one"))?;
            Some(Facts::new(route("guest").object()?, &ObjectMeta::default()))
        }
    }

    #[test]
    fn an_object_that_seems_to_ask_for_nothing_stays_while_its_look_up_cannot_be_read() {
        let (mut index, mut visibility) = (Index::default(), Visibility::default());
        assert_eq!(
            found(index.set(&route("guest"), Some(part(Guest)), &visibility)),
            ["route/shop/guest is gone"]
        );
        visibility.set_undecodable(&backend("one"), true);
        let changed = index.resource_visibility_changed(&backend("one"), &visibility);
        let facts = changed.into_iter().find_map(|(_, facts)| facts).unwrap();
        assert_eq!(facts.unreadable_dependency(), Some("Backend/shop/one"));
    }
}
