//! Joins with resources of the tests.

use super::*;
use crate::source::Problem;

const ROUTE: Resource = Resource::namespaced("Route", "route").of_objects();
const BACKEND: Resource = Resource::namespaced("Backend", "backend");
const NODE: Resource = Resource::cluster_scoped("Node", "node");

/// An object that says what it finds.
#[derive(Debug, PartialEq)]
struct Route {
    backend: &'static str,
    zone: &'static str,
}

#[derive(Debug, PartialEq)]
struct Backend(&'static str);

#[derive(Debug, PartialEq)]
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
    let mut set = |resource: &ResourceRef, now: Option<Reduced>| found(index.set(resource, now, &visibility));
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
#[derive(Debug, PartialEq)]
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

/// A route that leads to the pods of a selector.
#[derive(Debug, PartialEq)]
struct Selecting(Selector);

impl Part for Selecting {
    fn facts(&self, related: &Related<'_>) -> Option<Facts> {
        let mut facts = Facts::new(route("web").object()?, &ObjectMeta::default());
        let pods = related.selected::<Pod>(POD, "shop", &self.0);
        facts.problems = pods.map(|pod| Problem::warning("pod", pod.0)).collect();
        Some(facts)
    }
}

#[derive(Debug, PartialEq)]
struct Pod(&'static str, Labels);

impl Part for Pod {
    fn labels(&self) -> Option<&Labels> {
        Some(&self.1)
    }
}

const POD: Resource = Resource::namespaced("Pod", "pod");

#[test]
fn an_object_follows_the_resources_that_it_selects() {
    let pairs = |pair: (&str, &str)| BTreeMap::from([(pair.0.to_owned(), pair.1.to_owned())]);
    let pod = |address, app| Some(part(Pod(address, Labels::new(Some(&pairs(("app", app)))))));
    let at = |namespace, name| ResourceRef::new(POD, namespace, name);
    let (mut index, mut visibility) = (Index::default(), Visibility::default());
    let web = part(Selecting(Selector::new(Some(&pairs(("app", "web"))))));
    index.set(&at("shop", "one"), pod("192.0.2.1", "web"), &visibility);
    index.set(&at("blog", "one"), pod("192.0.2.9", "web"), &visibility);
    let mut set = |resource: &ResourceRef, now: Option<Reduced>| found(index.set(resource, now, &visibility));
    assert_eq!(set(&route("web"), Some(web.clone())), ["route/shop/web: 192.0.2.1"]);
    // A pod comes, stays as it is, changes its label, comes back, and goes.
    let (two, none) = (at("shop", "two"), [""; 0]);
    assert_eq!(set(&two, pod("192.0.2.2", "web")), ["route/shop/web: 192.0.2.1 192.0.2.2"]);
    assert_eq!(set(&two, pod("192.0.2.2", "web")), none);
    assert_eq!(set(&two, pod("192.0.2.2", "db")), ["route/shop/web: 192.0.2.1"]);
    assert_eq!(set(&two, pod("192.0.2.3", "db")), none);
    assert_eq!(set(&two, pod("192.0.2.3", "web")), ["route/shop/web: 192.0.2.1 192.0.2.3"]);
    assert_eq!(set(&two, None), ["route/shop/web: 192.0.2.1"]);
    // Pods that it does not select.
    assert_eq!(set(&at("shop", "db"), pod("192.0.2.4", "db")), none);
    assert_eq!(set(&at("blog", "two"), pod("192.0.2.5", "web")), none);
    // A pod of its namespace that cannot be decoded may be one of them.
    for (unreadable, is_blocked) in [(at("shop", "three"), true), (at("blog", "three"), false)] {
        visibility.set_undecodable(&unreadable, true);
        let changed = index.resource_visibility_changed(&unreadable, &visibility);
        let field = changed.iter().find_map(|(_, facts)| facts.as_ref()?.unreadable_dependency());
        assert_eq!(field, is_blocked.then_some("Pod objects in namespace shop"));
        visibility.set_undecodable(&unreadable, false);
        index.resource_visibility_changed(&unreadable, &visibility);
    }
    index.set(&route("web"), None, &visibility);
    assert!(index.users.is_empty(), "{index:?}");
}
