//! Generated worlds: objects over a few hostnames, and a zone with random records of any writer.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        core::v1::{LoadBalancerIngress, LoadBalancerStatus, Service, ServiceSpec, ServiceStatus},
        networking::v1::{
            Ingress, IngressLoadBalancerIngress, IngressLoadBalancerStatus, IngressRule, IngressSpec,
            IngressStatus,
        },
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
    jiff::Timestamp,
};
use proptest::{collection::vec, option, prelude::*};
use zonekeeper_core::{
    dns::{Name, RecordSet, Zone},
    plan::{Adoption, Batch, ManagedTypes, Naming, Settings, Unit},
    source::{ADOPT, Object},
};

use crate::{
    model::{Affixes, Step, apply},
    record_text::record_set,
    situation::{Situation, empty_zone},
};

pub const APEX: &str = "example.com";
/// The number of hostnames of a world.
const HOSTS: usize = 15;
const ALB: &str = "eu-west-1.elb.amazonaws.com";

/// Prefix, suffix and wildcard replacement. The plain naming is the most frequent.
const AFFIXES: [(&str, &str, Option<&str>); 8] = [
    ("", "", None),
    ("", "", None),
    ("", "", None),
    ("own-", "", None),
    ("own.", "", None),
    ("%{record_type}-own.", "", None),
    ("", "-own", None),
    ("", "", Some("any")),
];

/// The managed types. All types together are the most frequent.
const MANAGED_TYPES: [&[&str]; 9] = {
    const ALL: &[&str] = &["A", "AAAA", "CNAME"];
    [ALL, ALL, ALL, ALL, ALL, ALL, &["A"], &["A", "AAAA"], &["CNAME"]]
};

/// The parts of a world. It is small, so that a failure is readable.
#[derive(Debug, Clone)]
pub struct World {
    affixes: usize,
    managed_types: usize,
    /// The objects of the first applied plan.
    before: Vec<Wish>,
    /// The later writes of others.
    written: Vec<Written>,
    /// The first objects that still exist, with their annotations.
    kept: Vec<Option<Note>>,
    /// Whether the keeper adopts the sets of the owner `other`.
    takes_over: bool,
    /// Whether somebody else has fulfilled the current wishes: the owner `other`, or nobody.
    inherited: Option<Heir>,
    /// The new and changed objects.
    wishes: Vec<Wish>,
}

type Note = Option<(&'static str, &'static str)>;

/// The wish of an object. Wishes with the same number belong to the same object.
#[derive(Debug, Clone)]
struct Wish {
    number: usize,
    age: i64,
    hosts: Vec<usize>,
    leads: Leads,
    routing: Option<Routed>,
    note: Note,
}

/// A set identifier, a routing policy, and perhaps a TTL.
#[derive(Debug, Clone)]
struct Routed {
    set_id: &'static str,
    policy: (&'static str, &'static str),
    ttl: Option<&'static str>,
}

#[derive(Debug, Clone)]
enum Leads {
    Nowhere,
    V4(u8),
    V6(u8),
    Both(u8),
    Balancer(u8),
    UnknownBalancer,
    Host(u8),
    TwoHosts,
    AddressAndHost(u8),
    /// An alias to another hostname of the zone.
    Neighbour(usize),
}

/// Sets at a hostname, with the TXTs beside them.
#[derive(Debug, Clone)]
struct Written {
    host: usize,
    record: Option<&'static str>,
    value: u8,
    says: Option<(Place, &'static str)>,
}

#[derive(Debug, Clone, Copy)]
enum Heir {
    Other,
    Nobody,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Typed,
    TypedCname,
    Untyped,
}

/// The annotations of routing policies. Most are of one policy, because policies exclude each other.
const POLICIES: [(&str, &str); 10] = [
    ("aws-weight", "0"),
    ("aws-weight", "1"),
    ("aws-weight", "10"),
    ("aws-weight", "20"),
    ("aws-failover", "PRIMARY"),
    ("aws-failover", "SECONDARY"),
    ("aws-region", "eu-west-1"),
    ("aws-region", "us-east-1"),
    ("aws-multi-value-answer", "true"),
    ("aws-geolocation-country-code", "DE"),
];

const RECORDS: [&str; 15] = [
    "A 192.0.2.# ttl=300",
    "A 192.0.2.# ttl=60",
    "AAAA 2001:db8::# ttl=300",
    "A alias lb-#.eu-west-1.elb.amazonaws.com (Z32O12XQLNTSW2) health=true",
    "AAAA alias lb-#.eu-west-1.elb.amazonaws.com (Z32O12XQLNTSW2) health=true",
    "CNAME lb-#.example.net ttl=300",
    "CNAME lb-#.eu-west-1.elb.amazonaws.com ttl=300",
    "MX 10 mail.example.net ttl=300",
    "NS ns-#.example.net ttl=300",
    "A set=blue weight=# 192.0.2.# ttl=300",
    "A set=green weight=# 192.0.2.# ttl=60",
    "A set=blue failover=PRIMARY 192.0.2.# ttl=300",
    "A set=green region=eu-west-1 192.0.2.# ttl=300",
    "A traffic policy instance #",
    "TXT \"v=spf#\" ttl=300",
];

const SAYINGS: [&str; 8] = [
    "\"heritage=external-dns,external-dns/owner=me\"",
    "\"heritage=external-dns,external-dns/owner=me,external-dns/resource=ingress/shop/n0\"",
    "\"heritage=external-dns,external-dns/owner=me,external-dns/resource=service/bank/n1\"",
    "\"heritage=external-dns,external-dns/owner=me,external-dns/resource=ingress/shop/n2\"",
    "\"heritage=external-dns,external-dns/owner=other,external-dns/resource=ingress/shop/n0\"",
    "\"heritage=external-dns,external-dns/owner=me\" \"heritage=external-dns,external-dns/owner=me,x\"",
    "\"encrypted\"",
    "\"heritage=somebody,external-dns/owner=me\"",
];

const NOTES: [(&str, &str); 13] = [
    (ADOPT, "true"),
    (ADOPT, "true"),
    (ADOPT, "true"),
    ("ttl", "60"),
    ("ttl", "60"),
    ("ttl", "soon"),
    ("alias", "true"),
    ("alias", "maybe"),
    ("target", "127.0.0.1"),
    ("aws-evaluate-target-health", "false"),
    ("hostname", "*.example.com,www.example.com,"),
    ("target", "192.0.2.1"),
    ("target", "lb-1.example.net, "),
];

/// Any world.
pub fn world() -> impl Strategy<Value = World> {
    let kept = vec(option::of(note()), 0..4);
    let settings = (0..AFFIXES.len(), 0..MANAGED_TYPES.len(), prop::bool::weighted(0.3), inherited());
    (settings, vec(wish(), 0..4), vec(written(), 0..8), kept, vec(wish(), 0..6)).prop_map(
        |((affixes, managed_types, takes_over, inherited), before, written, kept, wishes)| World {
            affixes,
            managed_types,
            before,
            written,
            kept,
            takes_over,
            inherited,
            wishes,
        },
    )
}

fn inherited() -> impl Strategy<Value = Option<Heir>> {
    option::weighted(0.25, prop_oneof![Just(Heir::Other), Just(Heir::Nobody)])
}

fn wish() -> impl Strategy<Value = Wish> {
    let leads = prop_oneof![
        1 => Just(Leads::Nowhere),
        5 => (0_u8..3).prop_map(Leads::V4),
        1 => (0_u8..3).prop_map(Leads::V6),
        3 => (0_u8..3).prop_map(Leads::Both),
        4 => (0_u8..3).prop_map(Leads::Balancer),
        1 => Just(Leads::UnknownBalancer),
        4 => (0_u8..3).prop_map(Leads::Host),
        1 => Just(Leads::TwoHosts),
        1 => (0_u8..3).prop_map(Leads::AddressAndHost),
        1 => (0..HOSTS).prop_map(Leads::Neighbour),
    ];
    (0_usize..6, 0_i64..3, vec(0..HOSTS, 1..4), leads, option::weighted(0.3, routed()), note()).prop_map(
        |(number, age, hosts, leads, routing, note)| Wish { number, age, hosts, leads, routing, note },
    )
}

fn routed() -> impl Strategy<Value = Routed> {
    let set_id = prop::sample::select(&["blue", "green", "red"][..]);
    let policy = prop::sample::select(&POLICIES[..]);
    let ttl = option::weighted(0.4, prop::sample::select(&["60", "300"][..]));
    (set_id, policy, ttl).prop_map(|(set_id, policy, ttl)| Routed { set_id, policy, ttl })
}

fn note() -> impl Strategy<Value = Note> {
    option::weighted(0.3, prop::sample::select(&NOTES[..]))
}

fn written() -> impl Strategy<Value = Written> {
    let place = prop_oneof![4 => Just(Place::Typed), 1 => Just(Place::TypedCname), 2 => Just(Place::Untyped)];
    let says = option::weighted(0.7, (place, prop::sample::select(&SAYINGS[..])));
    (0..HOSTS, option::weighted(0.8, prop::sample::select(&RECORDS[..])), 0_u8..3, says)
        .prop_map(|(host, record, value, says)| Written { host, record, value, says })
}

impl World {
    /// The current objects, and the zone after all writes.
    pub fn situation(&self) -> Situation {
        let (prefix, suffix, wildcard) = AFFIXES[self.affixes];
        let affixes = Affixes {
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
            wildcard: wildcard.map(str::to_owned),
        };
        let hosts = hosts(&affixes);
        let settings = Settings {
            managed_types: ManagedTypes::new(MANAGED_TYPES[self.managed_types].iter().copied()).unwrap(),
            adoption: Adoption {
                from: self.takes_over.then(|| "other".parse().unwrap()).into_iter().collect(),
                order: None,
            },
            ..settings(Naming::new(prefix, suffix, wildcard).unwrap())
        };
        let mut situation = Situation::new(settings, objects(&self.before, &hosts), empty_zone(APEX));
        situation.affixes = affixes;
        for batch in Batch::pack(&situation.plan().units) {
            situation.zone = apply(&situation.zone, batch.changes()).unwrap();
        }
        if let Some(heir) = self.inherited {
            let theirs = Situation {
                settings: Settings { owner: "other".parse().unwrap(), ..situation.settings.clone() },
                objects: objects(&self.wishes, &hosts),
                ..situation.clone()
            };
            let units = theirs.plan().units;
            let changes = units.iter().flat_map(Unit::changes).filter(|change| match heir {
                Heir::Other => true,
                Heir::Nobody => change.after().rtype().is_address(),
            });
            situation.zone = apply(&situation.zone, changes).unwrap();
        }
        for written in &self.written {
            for set in written.sets(&hosts, &situation.affixes) {
                write(&mut situation.zone, &set);
            }
        }
        let kept = self.before.iter().zip(&self.kept);
        let kept = kept.filter_map(|(wish, note)| note.map(|note| Wish { note, ..wish.clone() }));
        let wishes: Vec<Wish> = kept.chain(self.wishes.iter().cloned()).collect();
        situation.objects = objects(&wishes, &hosts);
        situation
    }
}

/// The settings of a test with this naming.
pub fn settings(naming: Naming) -> Settings {
    Settings { naming, ..Settings::new("me".parse().unwrap()) }
}

/// Hostnames with likely collisions of every kind.
fn hosts(affixes: &Affixes) -> Vec<String> {
    let bank = Name::from_hostname("bank.example.com").unwrap();
    let mut hosts: Vec<String> =
        ["A", "CNAME", ""].iter().map(|rtype| affixes.txt_name(&bank, rtype)).collect();
    let others =
        ["", "www.", "bank.", "any.", "*.", "*.bank.", "team.", "a.team.", "_dmarc.", "a-www.", "evil"];
    hosts.extend(others.iter().map(|label| format!("{label}{APEX}")));
    hosts.push(format!("{}.{APEX}", "x".repeat(60)));
    hosts
}

/// Writes or replaces a set, if Route 53 allows it.
fn write(zone: &mut Zone, set: &RecordSet) {
    let mut next = zone.clone();
    next.remove(&set.key);
    if let Ok(next) = apply(&next, [Step::Create(set)]) {
        *zone = next;
    }
}

impl Written {
    fn sets(&self, hosts: &[String], affixes: &Affixes) -> Vec<RecordSet> {
        let host = &hosts[self.host];
        if !host.ends_with(&format!(".{APEX}")) && host != APEX {
            return Vec::new();
        }
        let record = self.record.unwrap_or("A 192.0.2.# ttl=300").replace('#', &self.value.to_string());
        let txt = self.says.and_then(|(place, text)| {
            let is_routed = record.contains(" set=");
            let rtype = match place {
                // Legacy names are older than set identifiers.
                Place::Untyped if is_routed => record.split(' ').next()?,
                Place::Typed => record.split(' ').next()?,
                Place::TypedCname => "CNAME",
                Place::Untyped => "",
            };
            let at = affixes.txt_name(&Name::from_route53(host).ok()?, rtype);
            let words: Vec<&str> = record.split(' ').skip(1).take_while(|word| word.contains('=')).collect();
            let text = [words.as_slice(), &[text]].concat().join(" ");
            at.ends_with(&format!(".{APEX}")).then(|| format!("{at} TXT {text} ttl=300"))
        });
        let record = self.record.map(|_| format!("{host} {record}"));
        // There is no traffic policy at the apex, and no record with a label that is too long.
        [record, txt].into_iter().flatten().filter_map(|line| record_set(&line).ok()).collect()
    }
}

fn objects(wishes: &[Wish], hosts: &[String]) -> Vec<Object> {
    let by_number: BTreeMap<usize, &Wish> = wishes.iter().map(|wish| (wish.number, wish)).collect();
    by_number.values().map(|wish| wish.object(hosts)).collect()
}

impl Wish {
    fn object(&self, all: &[String]) -> Object {
        let hosts: Vec<&str> = self.hosts.iter().map(|&host| all[host].as_str()).collect();
        let mut notes: BTreeMap<&str, String> =
            self.note.into_iter().map(|(k, v)| (k, v.to_owned())).collect();
        if let Some(Routed { set_id, policy: (key, value), ttl }) = self.routing {
            let ttl = ttl.map(|ttl| ("ttl", ttl));
            let annotations = [("set-identifier", set_id), (key, value)].into_iter().chain(ttl);
            notes.extend(annotations.map(|(key, value)| (key, value.to_owned())));
        }
        if let Leads::Neighbour(_) = self.leads {
            notes.insert("alias", "true".to_owned());
        }
        let namespace = if self.number.is_multiple_of(2) { "shop" } else { "bank" };
        let is_ingress = self.number != 1;
        if !is_ingress {
            notes.insert("hostname", hosts.join(","));
        }
        let metadata = meta(namespace, &format!("n{}", self.number), self.age, notes);
        let targets = self.leads.targets(all);
        if is_ingress { ingress(metadata, &hosts, &targets) } else { service(metadata, &targets) }
    }
}

impl Leads {
    /// The addresses and the host names.
    fn targets(&self, hosts: &[String]) -> Vec<(Option<String>, Option<String>)> {
        let v4 = |n: &u8| (Some(format!("192.0.2.{n}")), None);
        let v6 = |n: &u8| (Some(format!("2001:db8::{n}")), None);
        let host = |name: String| (None, Some(name));
        match self {
            Self::Nowhere => Vec::new(),
            Self::V4(n) => vec![v4(n)],
            Self::V6(n) => vec![v6(n)],
            Self::Both(n) => vec![v4(n), v6(n)],
            Self::Balancer(n) => vec![host(format!("lb-{n}.{ALB}"))],
            Self::UnknownBalancer => vec![host("lb.xx-new-1.elb.amazonaws.com".to_owned())],
            Self::Host(n) => vec![host(format!("lb-{n}.example.net"))],
            Self::TwoHosts => vec![host("lb-1.example.net".to_owned()), host("lb-2.example.net".to_owned())],
            Self::AddressAndHost(n) => vec![v4(n), host(format!("lb-{n}.example.net"))],
            Self::Neighbour(n) => vec![host(hosts[*n].clone())],
        }
    }
}

/// Metadata with annotations of the newer prefix.
pub fn meta(namespace: &str, name: &str, age: i64, notes: BTreeMap<&str, String>) -> ObjectMeta {
    let annotations = notes.into_iter().map(|(key, value)| match key {
        key if key.contains('/') => (key.to_owned(), value),
        _ => (format!("external-dns.kubernetes.io/{key}"), value),
    });
    ObjectMeta {
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        uid: Some(format!("uid of {namespace}/{name}")),
        creation_timestamp: Some(Time(Timestamp::from_second(age).unwrap())),
        annotations: Some(annotations.collect()),
        ..ObjectMeta::default()
    }
}

/// An Ingress with a rule for each host.
pub fn ingress(metadata: ObjectMeta, hosts: &[&str], targets: &[(Option<String>, Option<String>)]) -> Object {
    let rules =
        hosts.iter().map(|host| IngressRule { host: Some((*host).to_owned()), ..IngressRule::default() });
    let entries = targets.iter().cloned().map(|(ip, hostname)| IngressLoadBalancerIngress {
        ip,
        hostname,
        ..IngressLoadBalancerIngress::default()
    });
    Object::Ingress(Box::new(Ingress {
        metadata,
        spec: Some(IngressSpec { rules: Some(rules.collect()), ..IngressSpec::default() }),
        status: Some(IngressStatus {
            load_balancer: Some(IngressLoadBalancerStatus { ingress: Some(entries.collect()) }),
        }),
    }))
}

/// A Service of type `LoadBalancer`, with hostnames in its annotations.
pub fn service(metadata: ObjectMeta, targets: &[(Option<String>, Option<String>)]) -> Object {
    let entries = targets.iter().cloned().map(|(ip, hostname)| LoadBalancerIngress {
        ip,
        hostname,
        ..LoadBalancerIngress::default()
    });
    Object::Service(Box::new(Service {
        metadata,
        spec: Some(ServiceSpec { type_: Some("LoadBalancer".to_owned()), ..ServiceSpec::default() }),
        status: Some(ServiceStatus {
            load_balancer: Some(LoadBalancerStatus { ingress: Some(entries.collect()) }),
            ..ServiceStatus::default()
        }),
    }))
}
