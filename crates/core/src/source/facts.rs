//! The few fields of an object that we use.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::ObjectId;
use crate::{
    dns::{BadName, MAX_SET_VALUES, Name, Ttl},
    shown::shown,
};

/// Most bad hostnames of an object that are kept.
const MAX_BAD_HOSTS: usize = 21;

/// What is kept of an object. An event that leaves the facts equal wakes nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Whose facts these are.
    pub object: ObjectId,
    /// The object's uid, for the audit line.
    pub uid: Arc<str>,
    /// When the object was created, in seconds since 1970: the older claim wins a new name.
    pub created: i64,
    /// The hostnames it asks for.
    pub hosts: BTreeSet<Name>,
    /// Hostnames that it names and does not ask for, because it is not selected. It has no other facts then.
    pub passed_over: BTreeSet<Name>,
    /// Hostnames it asks for that are none: the first of them.
    pub bad_hosts: Vec<BadHost>,
    /// How many more of them there are.
    pub more_bad_hosts: usize,
    /// Where the hostnames shall lead.
    pub targets: Targets,
    /// The TTL it asks for.
    pub ttl: Option<Ttl>,
    /// Whether every host name target shall become an alias (`alias: "true"`).
    pub alias: bool,
    /// What it says about `EvaluateTargetHealth`.
    pub evaluate_target_health: Option<bool>,
    /// Whether what is at its hostnames without an owner becomes ours, if it is as the object wants it.
    pub adopt: bool,
    /// The object of the same namespace or another that it hands its hostnames over to.
    pub hand_over_to: Option<ObjectId>,
    /// Until when its records are left as they are.
    pub paused: Option<Pause>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// A time until which an object's records are left as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// In seconds since 1970.
    pub until: i64,
    /// As it is written.
    pub text: String,
}

/// A hostname that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadHost {
    /// As it was written, cut to a readable length.
    pub text: String,
    /// What is wrong with it.
    pub why: BadName,
}

/// Where a hostname shall lead: addresses and names of load balancers. Of each no more than one record set can hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// IPv4 addresses.
    pub v4: BTreeSet<Ipv4Addr>,
    /// IPv6 addresses.
    pub v6: BTreeSet<Ipv6Addr>,
    /// Host names.
    pub hosts: BTreeSet<Name>,
    /// Whether there are more.
    pub has_more: bool,
}

/// Something wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which field, as a person would look for it: `annotation external-dns.kubernetes.io/ttl`.
    pub field: String,
    /// What is wrong and what is expected.
    pub text: String,
    /// Whether the object's hostnames are blocked by it; otherwise it is a warning.
    pub blocks: bool,
}

// === impl Facts ===

impl Facts {
    /// Facts that say nothing yet but who and since when.
    pub(super) fn new(object: ObjectId, meta: &ObjectMeta) -> Self {
        Self {
            object,
            uid: meta.uid.as_deref().unwrap_or_default().into(),
            created: meta.creation_timestamp.as_ref().map_or(i64::MAX, |time| time.0.as_second()),
            hosts: BTreeSet::new(),
            passed_over: BTreeSet::new(),
            bad_hosts: Vec::new(),
            more_bad_hosts: 0,
            targets: Targets::default(),
            ttl: None,
            alias: false,
            evaluate_target_health: None,
            adopt: false,
            hand_over_to: None,
            paused: None,
            problems: Vec::new(),
        }
    }

    /// The facts of an object that is not selected: which hostnames it names.
    pub(super) fn not_selected(self) -> Self {
        Self {
            passed_over: self.hosts,
            hosts: BTreeSet::new(),
            bad_hosts: Vec::new(),
            problems: Vec::new(),
            ..self
        }
    }

    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.hosts.is_empty()
            && self.passed_over.is_empty()
            && self.bad_hosts.is_empty()
            && self.problems.is_empty()
    }

    /// The first problem that blocks the object's hostnames.
    pub fn blocking_problem(&self) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.blocks)
    }

    /// Adds a hostname that a person wrote; empty texts are passed over.
    pub(super) fn add_host(&mut self, text: &str) {
        match Name::from_hostname(text) {
            Ok(name) => drop(self.hosts.insert(name)),
            Err(BadName::Empty) => {}
            Err(why) => {
                let bad = BadHost { text: shown(text), why };
                if self.bad_hosts.contains(&bad) {
                    return;
                }
                if self.bad_hosts.len() < MAX_BAD_HOSTS {
                    self.bad_hosts.push(bad);
                } else {
                    self.more_bad_hosts += 1;
                }
            }
        }
    }

    /// Adds one entry of `status.loadBalancer.ingress`: its address and its host name, whichever it has.
    pub(super) fn add_status(&mut self, ip: Option<&str>, hostname: Option<&str>) {
        for text in [ip, hostname].into_iter().flatten().filter(|text| !text.is_empty()) {
            self.add_target("status.loadBalancer.ingress", text);
        }
    }

    /// Adds a target, an address or a host name, found in `field`.
    pub(super) fn add_target(&mut self, field: &str, text: &str) {
        if let Err(why) = self.targets.add(text) {
            // The first says that the field must be corrected.
            if !self.problems.iter().any(|known| known.blocks && known.field == field) {
                let text = format!("`{}` is neither an IP address nor a host name: {why}", shown(text));
                self.problems.push(Problem { field: field.to_owned(), text, blocks: true });
            }
        }
    }
}

// === impl Targets ===

impl Targets {
    /// Whether there is nothing to lead to.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty() && self.hosts.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len() + self.hosts.len()
    }

    /// The addresses among them.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.v4.iter().copied().map(IpAddr::V4);
        v4.chain(self.v6.iter().copied().map(IpAddr::V6))
    }

    /// Whether an address is among them.
    pub fn have(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(&address),
            IpAddr::V6(address) => self.v6.contains(&address),
        }
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let text = text.trim();
        self.has_more |= !match text.parse() {
            Ok(IpAddr::V4(ip)) => keep(&mut self.v4, ip),
            Ok(IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
                // Nobody on the internet can reach such an address, and nobody writes it on purpose.
                Some(v4) => return Err(format!("it is an IPv4 address in IPv6 form, write {v4}")),
                None => keep(&mut self.v6, ip),
            },
            Err(_) => {
                let name = Name::from_hostname(text).map_err(|why| why.to_string())?;
                // No top-level domain is numeric (RFC 3696, 2): this was meant as an address.
                let last = name.labels().next_back().unwrap_or_default();
                if last.bytes().all(|b| b.is_ascii_digit()) {
                    return Err("an address has no leading zeros and four parts from 0 to 255".to_owned());
                }
                if name.labels().any(|label| label == "*") {
                    return Err("a wildcard is not a target".to_owned());
                }
                keep(&mut self.hosts, name)
            }
        };
        Ok(())
    }
}

/// Adds a target where there is room for it. Whether there is.
fn keep<T: Ord>(targets: &mut BTreeSet<T>, target: T) -> bool {
    let fits = targets.len() < MAX_SET_VALUES || targets.contains(&target);
    if fits {
        targets.insert(target);
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_address_or_a_host_name() {
        let mut targets = Targets::default();
        for text in ["192.0.2.1", "2001:db8::1", "LB.Example.NET.", " 192.0.2.2 "] {
            assert_eq!(targets.add(text), Ok(()), "{text}");
        }
        assert_eq!((targets.v4.len(), targets.v6.len(), targets.hosts.len()), (2, 1, 1));
        for text in ["10.09.15.25", "256.1.1.1", "1.2.3", "::ffff:192.0.2.1", "", " ", "a b", "*.example.com"]
        {
            assert!(targets.add(text).is_err(), "{text}");
        }
    }
}
