//! The index: the one place where resources are joined.
//!
//! A resource goes in, and the objects whose facts changed come out. An object that needs no other resource passes
//! through, and nothing of it is kept. A part of a join is kept as the few fields that are used. While the facts of an
//! object are computed, the index notes what they look up, so that only those objects are computed again later.

use std::{
    any::Any,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use super::{Facts, ObjectRef, Resource};

/// A reference to a resource that is watched.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceRef {
    resource: Resource,
    place: Arc<(String, String)>,
}

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
/// use zonekeeper_core::source::{Index, Part, Reduced, Related, Resource, ResourceRef};
///
/// #[derive(Debug)]
/// struct Backend {
///     address: &'static str,
/// }
///
/// impl Part for Backend {}
///
/// const BACKEND: Resource = Resource::namespaced("Backend", "backend", &[]);
/// let mut index = Index::default();
/// let web = ResourceRef::new(BACKEND, "shop", "web");
/// let changed = index.set(&web, Some(Reduced::Part(Arc::new(Backend { address: "192.0.2.1" }))));
/// assert!(changed.is_empty(), "no object looks it up");
/// ```
pub trait Part: Any + fmt::Debug + Send + Sync {
    /// The facts of this object; none if it is not an object, or asks for nothing.
    fn facts(&self, related: &Related<'_>) -> Option<Facts> {
        let _ = related;
        None
    }

    /// The groups in which objects find this resource, as `shop/web` for the endpoints of that Service.
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

/// A look-up: what the facts of an object depend on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum LookUp {
    One(ResourceRef),
    Group(Resource, String),
}

/// All parts of joins, and which objects depend on which.
#[derive(Debug, Default)]
pub struct Index {
    parts: BTreeMap<ResourceRef, Entry>,
    groups: BTreeMap<(Resource, String), BTreeSet<ResourceRef>>,
    /// The objects whose facts depend on a look-up.
    users: BTreeMap<LookUp, BTreeSet<ResourceRef>>,
}

#[derive(Debug)]
struct Entry {
    part: Arc<dyn Part>,
    /// What the facts of this object depend on.
    used: BTreeSet<LookUp>,
}

// === impl ResourceRef ===

impl ResourceRef {
    /// Refers to a resource; `namespace` is empty for a cluster-scoped one.
    pub fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        Self { resource, place: Arc::new((namespace.to_owned(), name.to_owned())) }
    }

    /// The sort of resource.
    pub fn resource(&self) -> Resource {
        self.resource
    }

    /// The namespace; empty for a cluster-scoped resource.
    pub fn namespace(&self) -> &str {
        &self.place.0
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.place.1
    }

    /// The object that the resource is, if it can ask for hostnames itself.
    pub fn object(&self) -> Option<ObjectRef> {
        Some(ObjectRef::new(self.resource.kind()?, self.namespace(), self.name()))
    }
}

/// `Ingress/shop/web`, or `Node/worker-1`.
impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace() {
            "" => write!(f, "{}/{}", self.resource, self.name()),
            namespace => write!(f, "{}/{namespace}/{}", self.resource, self.name()),
        }
    }
}

impl fmt::Debug for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl Related ===

impl Related<'_> {
    /// One resource.
    pub fn get<P: Part>(&self, resource: &ResourceRef) -> Option<&P> {
        self.used.borrow_mut().insert(LookUp::One(resource.clone()));
        self.index.part(resource)
    }

    /// The resources of a group, by name.
    pub fn group<P: Part>(&self, resource: Resource, group: &str) -> impl Iterator<Item = &P> {
        let key = (resource, group.to_owned());
        let members = self.index.groups.get(&key).into_iter().flatten();
        self.used.borrow_mut().insert(LookUp::Group(key.0, key.1));
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
    ) -> Vec<(ObjectRef, Option<Facts>)> {
        let mut changed = BTreeSet::from([LookUp::One(resource.clone())]);
        if let Some(old) = self.parts.remove(resource) {
            self.forget_use(resource, &old.used);
            for key in group_keys(resource, &*old.part) {
                if let Some(members) = self.groups.get_mut(&key) {
                    members.remove(resource);
                    if members.is_empty() {
                        self.groups.remove(&key);
                    }
                }
                changed.insert(LookUp::Group(key.0, key.1));
            }
        }
        let mut found = Vec::new();
        match reduced {
            Some(Reduced::Facts(facts)) => {
                found.extend(resource.object().map(|object| (object, Some(*facts))));
            }
            None => found.extend(resource.object().map(|object| (object, None))),
            Some(Reduced::Part(part)) => {
                for key in group_keys(resource, &*part) {
                    self.groups.entry(key.clone()).or_default().insert(resource.clone());
                    changed.insert(LookUp::Group(key.0, key.1));
                }
                self.parts.insert(resource.clone(), Entry { part, used: BTreeSet::new() });
                found.extend(self.join(resource));
            }
        }
        let users = changed.iter().filter_map(|look_up| self.users.get(look_up));
        let users: BTreeSet<ResourceRef> =
            users.flatten().filter(|user| *user != resource).cloned().collect();
        found.extend(users.iter().filter_map(|user| self.join(user)));
        found
    }

    /// The parts of a sort of resource.
    pub fn parts_of(&self, resource: Resource) -> impl Iterator<Item = &ResourceRef> {
        self.parts.keys().filter(move |part| part.resource == resource)
    }

    /// Computes the facts of an object, and notes what they depend on.
    fn join(&mut self, resource: &ResourceRef) -> Option<(ObjectRef, Option<Facts>)> {
        let object = resource.object()?;
        let part = Arc::clone(&self.parts.get(resource)?.part);
        let related = Related { index: self, used: RefCell::default() };
        let facts = part.facts(&related);
        let used = related.used.into_inner();
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

fn group_keys(resource: &ResourceRef, part: &dyn Part) -> impl Iterator<Item = (Resource, String)> {
    let resource = resource.resource;
    part.groups().into_iter().map(move |group| (resource, group))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;
    use crate::source::Problem;

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
            let nodes = related.group::<Node>(NODE, self.zone);
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
        let mut set = |resource: &ResourceRef, now: Option<Reduced>| found(index.set(resource, now));
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
        let mut index = Index::default();
        index.set(&node("n"), Some(part(Node("a-1"))));
        index.set(&backend("one"), Some(part(Backend("192.0.2.1"))));
        index.set(&route("web"), Some(part(Route { backend: "one", zone: "a" })));
        for resource in [route("web"), backend("one"), node("n")] {
            index.set(&resource, None);
        }
        let web = ResourceRef::new(Resource::INGRESS, "shop", "web");
        let facts = Facts::new(web.object().unwrap(), &ObjectMeta::default());
        let changed = index.set(&web, Some(Reduced::Facts(Box::new(facts))));
        assert_eq!(found(changed), ["Ingress/shop/web: "]);
        assert!(index.parts.is_empty() && index.groups.is_empty() && index.users.is_empty(), "{index:?}");
    }
}
