//! The entries of a `DNSEndpoint`: records of every type that can be written, and some that cannot.

use serde_json::{Value, json};

use super::{
    cluster::HOSTS,
    random::Random,
    wish::{NAMES, NEIGHBOURS, V4, V6, Wish},
};

/// The types of entries. NS is never written.
const TYPES: [&str; 32] = {
    let mut types = ["TXT"; 32];
    let others = [
        "A", "A", "A", "A", "A", "AAAA", "AAAA", "AAAA", "CNAME", "CNAME", "CNAME", "CNAME", "MX", "MX",
        "MX", "MX", "SRV", "SRV", "SRV", "SRV", "CAA", "CAA", "CAA", "CAA", "NS",
    ];
    let mut at = 0;
    while at < others.len() {
        types[at] = others[at];
        at += 1;
    }
    types
};

const TEXTS: [&str; 5] =
    ["v=spf1 -all", "v=spf1 include:example.net -all", "\"two\" \"strings\"", "hello", "say \"hello\""];
const EXCHANGES: [&str; 3] = ["10 mx1.example.net", "20 mx2.example.net.", "0 ."];
const SERVERS: [&str; 3] =
    ["0 50 8080 web-1.example.net", "0 50 8080 web-2.example.net", "10 0 443 web-1.example.net."];
const AUTHORITIES: [&str; 3] =
    ["0 issue \"ca.example.net\"", "0 issuewild \";\"", "128 iodef \"mailto:ca@example.net\""];

/// Targets that no record of the type can have, by type.
const MISTAKES: [(&str, &str); 7] = [
    ("A", "127.0.0.1"),
    ("AAAA", "192.0.2.1"),
    ("CNAME", "192.0.2.1"),
    ("TXT", "heritage=external-dns,external-dns/owner=us"),
    ("MX", "mx1.example.net"),
    ("SRV", "50 8080 web-1.example.net"),
    ("CAA", "0 issue ca.example.net"),
];

/// TTLs in seconds. Two of them count as none.
const TTLS: [Option<i64>; 8] = [None, None, None, Some(60), Some(90), Some(300), Some(0), Some(-5)];

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub host: &'static str,
    rtype: &'static str,
    targets: Vec<&'static str>,
    ttl: Option<i64>,
    /// Whether its target is a name of the zone, to which an alias leads.
    is_of_neighbour: bool,
}

// === impl Entry ===

impl Entry {
    /// The entries of an object. Some of them have the hostname of the entry before.
    pub fn random(random: &mut Random) -> Vec<Self> {
        let mut entries: Vec<Self> = Vec::new();
        for _ in 0..=random.below(4) {
            let before = entries.last().filter(|_| random.percent(30));
            let host = before.map_or_else(|| *random.pick(&HOSTS), |before| before.host);
            let mut entry = Self {
                host,
                rtype: random.pick::<&str>(&TYPES),
                targets: Vec::new(),
                ttl: None,
                is_of_neighbour: false,
            };
            entry.aim(random);
            entry.set_ttl(random);
            entries.push(entry);
        }
        entries
    }

    /// Changes the targets.
    pub fn aim(&mut self, random: &mut Random) {
        self.is_of_neighbour = self.rtype == "CNAME" && random.percent(15);
        if self.is_of_neighbour {
            self.targets = vec![*random.pick(&NEIGHBOURS)];
            return;
        }
        let from: &[&'static str] = match self.rtype {
            "A" => &V4,
            "AAAA" => &V6,
            "CNAME" => &NAMES,
            "TXT" => &TEXTS,
            "MX" => &EXCHANGES,
            "SRV" => &SERVERS,
            "CAA" => &AUTHORITIES,
            _ => &["ns1.example.net"],
        };
        let is_long = random.percent(if self.rtype == "CNAME" { 5 } else { 40 });
        self.targets = (0..=usize::from(is_long)).map(|_| *random.pick(from)).collect();
        if random.percent(3) {
            self.targets.extend(MISTAKES.iter().find(|(rtype, _)| *rtype == self.rtype).map(|(_, bad)| bad));
        }
    }

    /// Removes the targets. Only an address record can be without.
    pub fn lose_targets(&mut self) {
        self.targets.clear();
    }

    pub fn set_ttl(&mut self, random: &mut Random) {
        self.ttl = *random.pick(&TTLS);
    }

    /// The entry as an object states it, with the routing and the alias of all entries.
    pub fn stated(&self, wish: &Wish) -> Value {
        let mut entry = json!({ "dnsName": self.host, "recordType": self.rtype, "targets": self.targets });
        let mut properties: Vec<Value> = Vec::new();
        let mut add = |annotation: &str, value: &str| {
            properties.push(json!({ "name": annotation.replacen("aws-", "aws/", 1), "value": value }));
        };
        let alias = if self.is_of_neighbour { Some("true") } else { wish.alias };
        if let Some(alias) = alias.filter(|_| self.rtype == "CNAME") {
            add("alias", alias);
        }
        if wish.has_bad_policy {
            add("aws-region", "eu-west-1");
        }
        if let Some((set_id, (policy, value))) = wish.routing {
            entry["setIdentifier"] = set_id.into();
            add(policy, value);
        }
        entry["providerSpecific"] = properties.into();
        if let Some(ttl) = self.ttl {
            entry["recordTTL"] = ttl.into();
        }
        entry
    }
}
