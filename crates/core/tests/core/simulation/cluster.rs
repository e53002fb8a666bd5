//! The objects of a cluster, as in the API server.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use serde_json::{Value, json};
use zonekeeper_core::source::{
    EndpointRules, Facts, Kind, Object, ObjectRef, Publish, Reduced, Resource, ResourceRef, Rules,
};

use super::{
    join::{BACKEND, Backend, ROUTE, Route, joined},
    random::Random,
};

/// A first label of 62 bytes. With a type before it, it has more than 63.
pub const LONG: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example.com";

/// The hostnames of objects. Many of them are the names of another hostname's ownership record.
pub const HOSTS: [&str; 20] = [
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

const V4: [&str; 4] = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
const V6: [&str; 2] = ["2001:db8::1", "2001:db8::2"];
const NAMES: [&str; 9] = [
    "web-1.eu-west-1.elb.amazonaws.com",
    "web-2.eu-west-1.elb.amazonaws.com",
    "web-1.eu-west-1.elb.amazonaws.com",
    "web-2.eu-west-1.elb.amazonaws.com",
    "net-1.elb.eu-west-1.amazonaws.com",
    "d111.cloudfront.net",
    "web-1.xx-new-1.elb.amazonaws.com",
    "lb.example.org",
    "lb2.example.org",
];
const SET_IDS: [&str; 2] = ["blue", "green"];
/// The annotations of routing policies. Most are of one policy, because policies exclude each other.
const POLICIES: [(&str, &str); 10] = [
    ("aws-weight", "0"),
    ("aws-weight", "10"),
    ("aws-weight", "20"),
    ("aws-weight", "20"),
    ("aws-failover", "PRIMARY"),
    ("aws-failover", "SECONDARY"),
    ("aws-region", "eu-west-1"),
    ("aws-geolocation-country-code", "*"),
    ("aws-geoproximity-coordinates", "49.22,-74.01"),
    ("aws-multi-value-answer", "true"),
];
const TTLS: [Option<&str>; 8] =
    [None, None, None, Some("60"), Some("1m30s"), Some("300"), Some("0"), Some("soon")];

/// Texts of the annotation `alias`, seldom set. One of them blocks its object.
const ALIASES: [Option<&str>; 40] = {
    let mut texts = [None; 40];
    (texts[0], texts[1]) = (Some("true"), Some("maybe"));
    texts
};

/// The ends of pauses, in the first minutes of a run (see `person.rs`).
const PAUSES: [&str; 3] = ["2027-01-15T08:01:00Z", "2027-01-15T08:03:20Z", "2027-01-15T08:12:00Z"];

/// The content of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub hosts: Vec<String>,
    /// The addresses and host names of the status.
    pub targets: Vec<String>,
    pub ttl: Option<&'static str>,
    /// The text of the annotation.
    pub alias: Option<&'static str>,
    pub adopt: bool,
    pub paused: Option<&'static str>,
    pub hand_over_to: Option<ObjectRef>,
    /// The set identifier of its endpoints, and the annotation of their policy.
    pub routing: Option<(&'static str, (&'static str, &'static str))>,
    /// Whether an annotation asks for a routing policy without a set identifier.
    pub has_bad_policy: bool,
    /// The creation, in seconds after the first object.
    pub created: u64,
    pub uid: u64,
}

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

// === impl Wish ===

impl Wish {
    pub fn new(hosts: &[&str], targets: &[&str]) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            hosts: texts(hosts),
            targets: texts(targets),
            ttl: None,
            alias: None,
            adopt: false,
            paused: None,
            hand_over_to: None,
            routing: None,
            has_bad_policy: false,
            created: 0,
            uid: 0,
        }
    }

    fn random(random: &mut Random, created: u64) -> Self {
        let hosts: Vec<&str> = (0..=random.below(3)).map(|_| *random.pick(&HOSTS)).collect();
        let mut wish = Self::new(&hosts, &[]);
        wish.created = created;
        wish.uid = created;
        wish.ttl = *random.pick(&TTLS);
        wish.alias = *random.pick(&ALIASES);
        wish.adopt = random.percent(10);
        wish.has_bad_policy = random.percent(2);
        if random.percent(12) {
            wish.routing = Some((random.pick::<&str>(&SET_IDS), *random.pick(&POLICIES)));
        }
        wish.aim(random);
        wish
    }

    /// Changes the targets.
    fn aim(&mut self, random: &mut Random) {
        let some = |random: &mut Random, from: &[&str]| {
            (0..=random.below(2)).map(|_| (*random.pick(from)).to_owned()).collect::<Vec<_>>()
        };
        self.targets = match random.below(40) {
            0..8 => some(random, &V4),
            8..12 => some(random, &V6),
            12..16 => [some(random, &V4), some(random, &V6)].concat(),
            16..33 => vec![(*random.pick(&NAMES)).to_owned()],
            33..35 => vec![NAMES[0].to_owned(), NAMES[7].to_owned()],
            35 => vec![V4[0].to_owned(), NAMES[7].to_owned()],
            // One special address blocks all targets of the object.
            37 if random.percent(30) => vec![V4[0].to_owned(), "127.0.0.1".to_owned()],
            36 if random.percent(10) => (0..401).map(|n| format!("10.0.{}.{}", n / 256, n % 256)).collect(),
            _ => Vec::new(),
        };
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
        Some(Facts { object: object.clone(), ..read(object, wish).facts(&self.rules)? })
    }

    /// Somebody edits an object or a backend.
    pub fn edit(&mut self, random: &mut Random) -> Edit {
        let kind =
            random.pick(&[Kind::Ingress, Kind::Ingress, Kind::Service, Kind::from_label("route")]).clone();
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
        let (kind, object) = (object.kind().clone(), object.clone());
        let other = ObjectRef::new(
            kind,
            random.pick::<&str>(&["shop", "blog"]),
            random.pick::<&str>(&["web", "api"]),
        );
        let created = self.created;
        let Some(wish) = self.objects.get_mut(&object) else {
            self.put(object, Wish::random(random, created));
            return "create";
        };
        match random.below(13) {
            12 => {
                if let Some((_, policy)) = &mut wish.routing {
                    *policy = *random.pick(&POLICIES);
                }
                "change policy"
            }
            10 => {
                let is_paused = wish.paused.is_some() || random.percent(50);
                wish.paused = (!is_paused).then(|| *random.pick(&PAUSES));
                "pause"
            }
            11 => {
                wish.hand_over_to = if wish.hand_over_to.is_none() { Some(other) } else { None };
                "hand over"
            }
            0..4 => {
                wish.aim(random);
                "change targets"
            }
            4 => {
                wish.targets.clear();
                "lose targets"
            }
            5 => {
                wish.ttl = *random.pick(&TTLS);
                "change ttl"
            }
            6 => {
                wish.hosts = Wish::random(random, created).hosts;
                "change hosts"
            }
            7 => {
                *wish = Wish { created, uid: created, ..wish.clone() };
                "re-create"
            }
            8 => "touch",
            _ => {
                self.remove(&object);
                "delete"
            }
        }
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

fn read(object: &ObjectRef, wish: &Wish) -> Object {
    let mut annotations = serde_json::Map::new();
    let mut annotate = |key: &str, value: &str| {
        annotations.insert(format!("external-dns.alpha.kubernetes.io/{key}"), Value::from(value));
    };
    if let Some(ttl) = wish.ttl {
        annotate("ttl", ttl);
    }
    if let Some(alias) = wish.alias {
        annotate("alias", alias);
    }
    if *object.kind() != Kind::Ingress {
        annotate("hostname", &wish.hosts.join(","));
    }
    if wish.has_bad_policy {
        annotate("aws-region", "eu-west-1");
    }
    if let Some((set_id, (policy, value))) = wish.routing {
        annotate("set-identifier", set_id);
        annotate(policy, value);
    }
    if wish.adopt {
        annotations.insert("zonekeeper.dev/adopt".to_owned(), Value::from("true"));
    }
    if let Some(until) = wish.paused {
        annotations.insert("zonekeeper.dev/paused-until".to_owned(), Value::from(until));
    }
    // The annotation names kinds that the core reads itself.
    if let Some(to) = wish.hand_over_to.as_ref().filter(|to| !matches!(to.kind(), Kind::Other(_))) {
        annotations.insert("zonekeeper.dev/hand-over-to".to_owned(), Value::from(to.to_string()));
    }
    let created = format!(
        "2026-01-01T{:02}:{:02}:{:02}Z",
        wish.created / 3_600,
        wish.created / 60 % 60,
        wish.created % 60
    );
    let metadata = json!({
        "namespace": object.namespace(),
        "name": object.name(),
        "uid": wish.uid.to_string(),
        "creationTimestamp": created,
        "annotations": annotations,
    });
    let field = |target: &String| if target.parse::<IpAddr>().is_ok() { "ip" } else { "hostname" };
    let entries: Vec<Value> = wish.targets.iter().map(|target| json!({ field(target): target })).collect();
    let status = json!({ "loadBalancer": { "ingress": entries } });
    match object.kind() {
        Kind::Ingress => {
            let rules: Vec<Value> = wish.hosts.iter().map(|host| json!({ "host": host })).collect();
            let text = json!({ "metadata": metadata, "spec": { "rules": rules }, "status": status });
            Object::Ingress(Box::new(serde_json::from_value(text).unwrap()))
        }
        Kind::DnsEndpoint => {
            let text = json!({ "metadata": metadata, "spec": { "endpoints": entries_of(wish) } });
            Object::DnsEndpoint(Box::new(serde_json::from_value(text).unwrap()))
        }
        Kind::Service | Kind::Other(_) => {
            let text = json!({ "metadata": metadata, "spec": { "type": "LoadBalancer" }, "status": status });
            Object::Service(Box::new(serde_json::from_value(text).unwrap()))
        }
    }
}

/// The entries of a `DNSEndpoint`: an address record for each sort of target at each hostname.
fn entries_of(wish: &Wish) -> Vec<Value> {
    let rtype = |target: &str| match target.parse() {
        Ok(IpAddr::V4(_)) => "A",
        Ok(IpAddr::V6(_)) => "AAAA",
        Err(_) => "CNAME",
    };
    let mut entries = Vec::new();
    for host in &wish.hosts {
        for target in &wish.targets {
            entries.push(json!({ "dnsName": host, "recordType": rtype(target), "targets": [target] }));
        }
    }
    entries
}
