//! The objects of a cluster, as in the API server.

use std::{collections::BTreeMap, sync::Arc};

use zonekeeper_core::source::{
    EndpointRules, Facts, Kind, ObjectRef, Publish, Reduced, Resource, ResourceRef, Rules,
};

use super::{
    join::{BACKEND, Backend, ROUTE, Route, joined},
    random::Random,
    wish::{Wish, read},
};

/// A first label of 62 bytes. With a type before it, it has more than 63.
pub const LONG: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example.com";

/// The hostnames of objects. Many of them are the names of another hostname's ownership record.
pub const HOSTS: [&str; 21] = [
    "bank.example.com",
    "bank.example.com",
    "a-bank.example.com",
    "aaaa-bank.example.com",
    "cname-bank.example.com",
    "www.example.com",
    "www.example.com",
    "0.example.com",
    "shop.example.com",
    "*.example.com",
    "*.shop.example.com",
    "any.example.com",
    "example.com",
    LONG,
    "app.team.example.com",
    "weighted.example.com",
    "_service.example.com",
    "elsewhere.example.net",
    "two..dots.example.com",
    "txt-bank.example.com",
    "_acme-challenge.shop.example.com",
];

/// The edits of an object.
pub const EDITS: &[&str] = &[
    "create",
    "change targets",
    "lose targets",
    "change ttl",
    "change hosts",
    "change policy",
    "re-create",
    "touch",
    "pause",
    "hand over",
    "delete",
    "create a backend",
    "change a backend",
    "delete a backend",
];

/// All objects.
#[derive(Debug, Clone)]
pub struct Cluster {
    objects: BTreeMap<ObjectRef, Wish>,
    /// The targets of each backend of a route.
    backends: BTreeMap<ResourceRef, Vec<String>>,
    rules: Rules,
    created: u64,
}

/// An edit of the cluster.
pub struct Edit {
    /// The edited resource.
    pub resource: ResourceRef,
    /// The objects whose facts it may change.
    pub objects: Vec<ObjectRef>,
    pub what: &'static str,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            backends: BTreeMap::new(),
            rules: Rules { publish: Publish::All, adopt_by_annotation: true, ..Rules::default() },
            created: 0,
        }
    }
}

// === impl Cluster ===

impl Cluster {
    /// Inserts or replaces an object.
    pub fn put(&mut self, object: ObjectRef, wish: Wish) {
        self.objects.insert(object, wish);
    }

    pub fn remove(&mut self, object: &ObjectRef) {
        self.objects.remove(object);
    }

    pub fn objects(&self) -> impl Iterator<Item = &ObjectRef> {
        self.objects.keys()
    }

    /// All resources.
    pub fn resources(&self) -> impl Iterator<Item = ResourceRef> {
        self.objects.keys().map(resource_ref).chain(self.backends.keys().cloned())
    }

    /// The resource as the core gets it.
    pub fn reduced(&self, resource: &ResourceRef) -> Option<Reduced> {
        if let Some(targets) = self.backends.get(resource) {
            return Some(Reduced::Part(Arc::new(Backend { targets: targets.clone() })));
        }
        let object = resource.object()?;
        let facts = self.own_facts(&object)?;
        Some(if resource.resource() == ROUTE {
            Reduced::Part(Arc::new(Route { facts, backend: backend_of(&object) }))
        } else {
            Reduced::Facts(Box::new(facts))
        })
    }

    /// The facts of an object, joined without the core's index.
    pub fn facts(&self, object: &ObjectRef) -> Option<Facts> {
        let facts = self.own_facts(object)?;
        let targets = || self.backends.get(&backend_of(object)).cloned();
        let facts = match resource_ref(object).resource() {
            ROUTE => joined(&facts, targets().map(|targets| Backend { targets }).as_ref()),
            _ => facts,
        };
        Some(EndpointRules::default().apply(facts))
    }

    fn own_facts(&self, object: &ObjectRef) -> Option<Facts> {
        let wish = self.objects.get(object)?;
        let mut facts = read(object, wish).facts(&self.rules)?;
        facts.object = object.clone();
        Some(facts)
    }

    /// Somebody edits an object or a backend.
    pub fn edit(&mut self, random: &mut Random) -> Edit {
        let kinds = [
            Kind::Ingress,
            Kind::Ingress,
            Kind::Service,
            Kind::from_label("route"),
            Kind::DnsEndpoint,
            Kind::DnsEndpoint,
        ];
        let kind = random.pick(&kinds).clone();
        let namespace = *random.pick(&["shop", "blog"]);
        let object = ObjectRef::new(kind, namespace, random.pick::<&str>(&["web", "api"]));
        let resource = resource_ref(&object);
        if resource.resource() == ROUTE && random.percent(50) {
            let (resource, what) = self.edit_backend(&backend_of(&object), random);
            return Edit { resource, objects: vec![object], what };
        }
        let what = self.edit_object(&object, random);
        Edit { resource, objects: vec![object], what }
    }

    fn edit_backend(&mut self, backend: &ResourceRef, random: &mut Random) -> (ResourceRef, &'static str) {
        let what = match self.backends.contains_key(backend) {
            true if random.percent(25) => {
                self.backends.remove(backend);
                "delete a backend"
            }
            is_there => {
                let mut wish = Wish::new(&[], &[]);
                wish.aim(random);
                self.backends.insert(backend.clone(), wish.targets);
                if is_there { "change a backend" } else { "create a backend" }
            }
        };
        (backend.clone(), what)
    }

    fn edit_object(&mut self, object: &ObjectRef, random: &mut Random) -> &'static str {
        self.created += 1;
        let created = self.created;
        let other = ObjectRef::new(
            object.kind().clone(),
            random.pick::<&str>(&["shop", "blog"]),
            random.pick::<&str>(&["web", "api"]),
        );
        let Some(wish) = self.objects.get_mut(object) else {
            self.put(object.clone(), Wish::random(object.kind(), random, created));
            return "create";
        };
        wish.edit(other, random, created).unwrap_or_else(|| {
            self.remove(object);
            "delete"
        })
    }
}

/// The object as a resource.
fn resource_ref(object: &ObjectRef) -> ResourceRef {
    let resource = match object.kind() {
        Kind::Ingress => Resource::INGRESS,
        Kind::Service => Resource::SERVICE,
        Kind::DnsEndpoint => Resource::DNS_ENDPOINT,
        Kind::Other(_) => ROUTE,
    };
    ResourceRef::new(resource, object.namespace(), object.name())
}

/// The backend of a route, which has its name.
fn backend_of(route: &ObjectRef) -> ResourceRef {
    ResourceRef::new(BACKEND, route.namespace(), route.name())
}
