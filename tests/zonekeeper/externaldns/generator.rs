//! Random situations. Each follows from its seed.

use std::collections::BTreeSet;

use super::{emulated_zone::APEX, objects::Objects, random::Random, records, situation::Situation};

/// Arguments of ExternalDNS that a situation can have.
const ARGUMENTS: [&[&str]; 30] = [
    &["--ingress-class=nginx"],
    &["--namespace=shop"],
    &["--annotation-filter=team=shop"],
    &["--label-filter=tier in (front,back)"],
    &["--ignore-ingress-tls-spec"],
    &["--ignore-ingress-rules-spec"],
    &["--fqdn-template={{.Name}}.example.com"],
    &["--fqdn-template={{.Name}}.{{.Namespace}}.example.com", "--combine-fqdn-annotation"],
    &["--publish-internal-services"],
    &["--service-type-filter=LoadBalancer", "--service-type-filter=ClusterIP"],
    &["--always-publish-not-ready-addresses"],
    &["--publish-host-ip"],
    &["--expose-internal-ipv6"],
    &["--no-exclude-unschedulable"],
    &["--default-targets=198.51.100.9", "--force-default-targets"],
    &["--target-net-filter=192.0.2.0/24"],
    &["--exclude-target-net=192.0.2.2/32"],
    &["--min-ttl=2m"],
    &["--prefer-alias"],
    &["--aws-prefer-cname"],
    &["--no-aws-evaluate-target-health"],
    &["--managed-record-types=A", "--managed-record-types=CNAME"],
    &[
        "--managed-record-types=A",
        "--managed-record-types=AAAA",
        "--managed-record-types=CNAME",
        "--managed-record-types=TXT",
        "--managed-record-types=MX",
        "--managed-record-types=SRV",
        "--managed-record-types=CAA",
    ],
    &["--exclude-record-types=AAAA"],
    &["--domain-filter=example.com", "--exclude-domains=dev.example.com"],
    &["--regex-domain-filter=^(www|api)"],
    &["--txt-prefix=edns-"],
    &["--txt-suffix=-txt"],
    &["--txt-wildcard-replacement=any"],
    &["--migrate-from-txt-owner=old"],
];

/// The owners of record sets in a zone, with their likelihood in percent.
const OWNERS: [(&str, u32); 5] = [("me", 50), ("", 20), ("other", 15), ("old", 10), ("default", 5)];

/// One hostname that an object asks for.
#[derive(Debug, Clone)]
pub struct Wish {
    pub host: String,
    /// The type and content of its records, such as `A 192.0.2.1`.
    pub records: Vec<(String, String)>,
    /// The set identifier and the policy, as in the text of a record set.
    pub routing: String,
    /// The object, as in ownership records.
    pub resource: String,
}

/// A random situation, and the features that occur in it.
#[derive(Debug)]
pub struct Generated {
    pub situation: Situation,
    pub features: BTreeSet<String>,
}

// === impl Generated ===

impl Generated {
    /// The situation with this number under a seed.
    pub fn new(seed: u64, number: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let mut features = BTreeSet::new();
        let mut args = Vec::new();
        if random.percent(45) {
            let group = *random.pick(&ARGUMENTS);
            features.extend(group.iter().map(|arg| format!("flag {}", arg.split('=').next().unwrap_or(arg))));
            args.extend(group.iter().map(|&arg| arg.to_owned()));
        }
        let objects = Objects::new(&mut random, &mut features);
        if features.contains("kind DNSEndpoint") {
            args.extend(["--source=ingress", "--source=service", "--source=crd"].map(str::to_owned));
        }
        let zone = zone(&mut random, &objects.wishes, &mut features);
        let situation = Situation {
            name: format!("random-{seed}-{number}"),
            about: format!("Number {number} of the seed {seed}."),
            args,
            objects: objects.text(),
            zone,
            ..Situation::default()
        };
        Self { situation, features }
    }
}

/// Record sets at wanted hostnames, and at one that nobody wants.
fn zone(random: &mut Random, wishes: &[Wish], features: &mut BTreeSet<String>) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut taken = BTreeSet::new();
    let nobodys = Wish {
        host: format!("old.{APEX}"),
        records: vec![("A".to_owned(), "192.0.2.9".to_owned())],
        routing: String::new(),
        resource: "ingress/shop/gone".to_owned(),
    };
    for wish in wishes.iter().chain([&nobodys]) {
        let is_in_zone = wish.host == APEX || wish.host.ends_with(&format!(".{APEX}"));
        if !is_in_zone || !random.percent(55) || !taken.insert(wish.host.to_lowercase()) {
            continue;
        }
        let mut found = existing(random, wish, features);
        // Route 53 must accept the zone.
        found.splice(0..0, lines.iter().cloned());
        if super::emulated_zone::emulated_zone(&found.join("\n")).is_ok() {
            lines = found;
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The record sets of one hostname with their ownership records.
fn existing(random: &mut Random, wish: &Wish, features: &mut BTreeSet<String>) -> Vec<String> {
    let host = wish.host.to_lowercase();
    let mut contents = match random.below(10) {
        0..=4 => wish.records.clone(),
        5..=7 => records::other_target(random, &wish.records),
        _ => records::other_type(random),
    };
    if random.percent(10) {
        contents.truncate(1);
    }
    let owner = owner(random);
    let resource = match random.below(10) {
        0..=6 => format!(",external-dns/resource={}", wish.resource),
        7..=8 => ",external-dns/resource=ingress/shop/gone".to_owned(),
        _ => String::new(),
    };
    let routing =
        if wish.routing.is_empty() || random.percent(85) { &*wish.routing } else { "set=blue weight=7 " };
    let name = random.below(12);
    let mut lines = Vec::new();
    for (rtype, content) in contents {
        let ttl = *random.pick(&["300", "300", "300", "60"]);
        let end = if content.starts_with("alias ") { String::new() } else { format!(" ttl={ttl}") };
        lines.push(format!("{host} {rtype} {routing}{content}{end}"));
        if owner.is_empty() {
            continue;
        }
        let lower = rtype.to_lowercase();
        let at = match (name, content.starts_with("alias "), &*rtype) {
            (0, _, "A" | "AAAA") => host.clone(),
            (1, true, "A") => format!("cname-{host}"),
            _ => format!("{lower}-{host}"),
        };
        features.insert(match (at == host, at.starts_with("cname-") && rtype == "A") {
            (true, _) => "zone legacy untyped".to_owned(),
            (_, true) => "zone legacy alias".to_owned(),
            _ => format!("zone owner {owner}"),
        });
        let heritage = format!("\"heritage=external-dns,external-dns/owner={owner}{resource}\" ttl=300");
        let line = format!("{at} TXT {routing}{heritage}");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if owner.is_empty() {
        features.insert("zone unowned".to_owned());
    }
    if random.percent(6) {
        lines.retain(|line| line.contains(" TXT "));
        features.insert("zone ownership record alone".to_owned());
    }
    lines
}

fn owner(random: &mut Random) -> &'static str {
    let mut at = random.below(100);
    for (owner, percent) in OWNERS {
        let percent = percent as usize;
        if at < percent {
            return owner;
        }
        at -= percent;
    }
    "me"
}
