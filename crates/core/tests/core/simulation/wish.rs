//! The content of objects.

use std::net::IpAddr;

use serde_json::{Map, Value, json};
use zonekeeper_core::source::{Kind, Object, ObjectRef};

use super::{cluster::HOSTS, endpoint::Entry, random::Random};

pub const V4: [&str; 4] = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
pub const V6: [&str; 2] = ["2001:db8::1", "2001:db8::2"];
pub const NAMES: [&str; 9] = [
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
/// Targets of aliases in the zone itself. Nobody asks for the last one.
pub const NEIGHBOURS: [&str; 6] = [
    "bank.example.com",
    "www.example.com",
    "0.example.com",
    "shop.example.com",
    "weighted.example.com",
    "nobody.example.com",
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
    /// The entries of a `DNSEndpoint`, in place of hostnames and targets.
    pub entries: Vec<Entry>,
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
    /// The version of the spec.
    pub generation: u64,
}

// === impl Wish ===

impl Wish {
    pub fn new(hosts: &[&str], targets: &[&str]) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            hosts: texts(hosts),
            targets: texts(targets),
            entries: Vec::new(),
            ttl: None,
            alias: None,
            adopt: false,
            paused: None,
            hand_over_to: None,
            routing: None,
            has_bad_policy: false,
            created: 0,
            uid: 0,
            generation: 1,
        }
    }

    /// The wish of a new object.
    pub fn random(kind: &Kind, random: &mut Random, created: u64) -> Self {
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
        if *kind == Kind::DnsEndpoint {
            wish.entries = Entry::random(random);
        } else {
            wish.aim(random);
        }
        wish
    }

    /// Edits an existing object. Returns the label of the edit, or `None` if the object is deleted. `other` is an object that
    /// can get its hostnames.
    pub fn edit(&mut self, other: ObjectRef, random: &mut Random, created: u64) -> Option<&'static str> {
        let what = match random.below(13) {
            12 => {
                if let Some((_, policy)) = &mut self.routing {
                    *policy = *random.pick(&POLICIES);
                }
                "change policy"
            }
            10 => {
                let is_paused = self.paused.is_some() || random.percent(50);
                self.paused = (!is_paused).then(|| *random.pick(&PAUSES));
                return Some("pause");
            }
            11 => {
                self.hand_over_to = if self.hand_over_to.is_none() { Some(other) } else { None };
                return Some("hand over");
            }
            0..4 => {
                self.aim(random);
                "change targets"
            }
            4 => {
                self.targets.clear();
                self.some_entry(random).into_iter().for_each(Entry::lose_targets);
                "lose targets"
            }
            5 => {
                self.ttl = *random.pick(&TTLS);
                if let Some(entry) = self.some_entry(random) {
                    entry.set_ttl(random);
                }
                "change ttl"
            }
            6 => {
                let Self { hosts, entries, .. } = Self::random(other.kind(), random, created);
                (self.hosts, self.entries) = (hosts, entries);
                "change hosts"
            }
            7 => {
                *self = Self { created, uid: created, generation: 0, ..self.clone() };
                "re-create"
            }
            8 => return Some("touch"),
            _ => return None,
        };
        self.generation += 1;
        Some(what)
    }

    fn some_entry(&mut self, random: &mut Random) -> Option<&mut Entry> {
        let at = random.below(self.entries.len());
        self.entries.get_mut(at)
    }

    /// Changes the targets: all those of the status, or those of one entry.
    pub fn aim(&mut self, random: &mut Random) {
        if let Some(entry) = self.some_entry(random) {
            return entry.aim(random);
        }
        if random.percent(6) {
            self.targets = vec![(*random.pick(&NEIGHBOURS)).to_owned()];
            self.alias = Some("true");
            return;
        }
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

/// The object with a wish.
pub fn read(object: &ObjectRef, wish: &Wish) -> Object {
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
        "generation": wish.generation,
        "creationTimestamp": created,
        "annotations": annotations_of(object, wish),
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
            let entries: Vec<Value> = wish.entries.iter().map(|entry| entry.stated(wish)).collect();
            let text = json!({ "metadata": metadata, "spec": { "endpoints": entries } });
            Object::DnsEndpoint(Box::new(serde_json::from_value(text).unwrap()))
        }
        Kind::Service | Kind::Other(_) => {
            let text = json!({ "metadata": metadata, "spec": { "type": "LoadBalancer" }, "status": status });
            Object::Service(Box::new(serde_json::from_value(text).unwrap()))
        }
    }
}

fn annotations_of(object: &ObjectRef, wish: &Wish) -> Map<String, Value> {
    let mut annotations = Map::new();
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
    // The entries of a `DNSEndpoint` say the rest.
    if *object.kind() == Kind::DnsEndpoint {
        return annotations;
    }
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
    annotations
}
