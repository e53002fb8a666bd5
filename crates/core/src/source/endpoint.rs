//! Endpoints: what an object wants at one hostname.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use super::Problem;
use crate::{
    dns::{MAX_SET_VALUES, Name, RecordType, Routing, SetId, Ttl, Values, ZoneId},
    sanitize::{listed, quoted},
};

/// The key of a claim: a hostname, and one of its set identifiers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimKey {
    /// The hostname.
    pub host: Name,
    /// The set identifier; none under simple routing.
    pub set_id: Option<SetId>,
}

/// One wanted (hostname, set identifier), with everything that is wanted there.
///
/// Each endpoint stands for itself. Two endpoints of one object can have different targets, TTLs and routing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The hostname and the set identifier.
    pub key: ClaimKey,
    /// The routing policy and the health check. A policy comes with a set identifier, and a health check can come without.
    pub routing: Routing,
    /// Where the hostname leads.
    pub content: Content,
    /// The TTL that the object asks for in A and CNAME records; none if it leaves the choice to us.
    pub ttl: Option<Ttl>,
    /// The same for AAAA records. Most objects state one TTL for both.
    pub aaaa_ttl: Option<Ttl>,
    /// How host names of AWS services become aliases.
    pub alias: AliasOptions,
    /// The problem that blocks this endpoint alone, if there is one.
    pub problem: Option<Arc<Problem>>,
}

/// The content of the record sets of a hostname.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// Addresses and host names. Which types of records follow depends on the targets.
    pub targets: Arc<Targets>,
    /// Record sets of stated types, one for each type, ordered by type. They are none of the types that follow from the
    /// targets.
    pub records: Arc<[Record]>,
}

/// The values of one record set that an object states itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The type.
    pub rtype: RecordType,
    /// The TTL that the object asks for; none if it leaves the choice to us.
    pub ttl: Option<Ttl>,
    /// The values, as Route 53 writes them.
    pub values: Values,
}

/// How the host name of an AWS service becomes an alias.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AliasOptions {
    /// Whether it becomes an alias, and of which types.
    pub choice: AliasChoice,
    /// The object's choice of `EvaluateTargetHealth`; none if it leaves the choice to us.
    pub evaluate_target_health: Option<bool>,
    /// The hosted zone of the target, if the object states it.
    pub zone: Option<ZoneId>,
}

/// Which records lead to a host name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AliasChoice {
    /// Aliases of both types for services that always get them, otherwise a CNAME.
    #[default]
    Usual,
    /// Aliases of both types for every service (`true`).
    Always,
    /// An alias of type A only.
    OnlyA,
    /// An alias of type AAAA only.
    OnlyAaaa,
    /// A CNAME (`false`). The apex gets aliases nevertheless, because it cannot be a CNAME.
    Never,
}

/// A text that is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadTarget(String);

/// IP addresses and host names. Of each sort there are at most as many as one record set can hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    /// IPv4 addresses.
    pub v4: BTreeSet<Ipv4Addr>,
    /// IPv6 addresses.
    pub v6: BTreeSet<Ipv6Addr>,
    /// Host names.
    pub hosts: BTreeSet<Name>,
    /// Whether there are more than one record set can hold.
    pub has_more: bool,
}

// === impl ClaimKey ===

/// `www.example.com`, or `www.example.com set=blue`.
impl fmt::Display for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.set_id {
            Some(set_id) => write!(f, "{} set={}", self.host, set_id.as_str()),
            None => self.host.fmt(f),
        }
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// The TTL that the object asks for in the record set of a type; none if it leaves the choice to us.
    pub fn ttl_of(&self, rtype: &RecordType) -> Option<Ttl> {
        match rtype {
            RecordType::A | RecordType::Cname => self.ttl,
            RecordType::Aaaa => self.aaaa_ttl,
            _ => self.content.records.iter().find(|record| record.rtype == *rtype)?.ttl,
        }
    }

    /// The TTLs of its address records.
    pub fn address_ttls(&self) -> [Option<Ttl>; 2] {
        [self.ttl, self.aaaa_ttl]
    }
}

// === impl Content ===

impl Content {
    /// Addresses and host names.
    pub fn of_targets(targets: Arc<Targets>) -> Self {
        Self { targets, ..Self::default() }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.targets.len() + self.records.iter().map(|record| record.values.len()).sum::<usize>()
    }

    /// Whether there is nothing to lead to.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

// === impl AliasChoice ===

impl AliasChoice {
    /// Whether the object asks for an alias.
    pub fn asks(self) -> bool {
        matches!(self, Self::Always | Self::OnlyA | Self::OnlyAaaa)
    }

    /// The types of the aliases.
    pub fn types(self) -> &'static [RecordType] {
        match self {
            Self::Usual | Self::Always | Self::Never => &[RecordType::A, RecordType::Aaaa],
            Self::OnlyA => &[RecordType::A],
            Self::OnlyAaaa => &[RecordType::Aaaa],
        }
    }
}

// === impl Targets ===

impl Targets {
    /// Reads IP addresses and host names, each with its field. An empty text is no target.
    pub(super) fn read_all<'t>(
        all: impl IntoIterator<Item = (&'t str, &'t str)>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut targets = Self::default();
        for (field, text) in all.into_iter().filter(|(_, text)| !text.is_empty()) {
            targets.read(field, text, problems);
        }
        targets
    }

    /// Adds a target found in `field`: an IP address or a host name.
    fn read(&mut self, field: &str, text: &str, problems: &mut Vec<Problem>) {
        if let Err(why) = self.add(text) {
            // One problem per field is enough to say that it must be corrected.
            if !problems.iter().any(|known| known.severity.blocks() && known.field == field) {
                let text = format!("`{}` is neither an IP address nor a host name: {why}", quoted(text));
                problems.push(Problem::blocking(field, text));
            }
        }
    }

    /// Warns if there are host names that have no effect beside IP addresses.
    pub(super) fn warn_of_both_sorts(&self, field: &str, problems: &mut Vec<Problem>) {
        if self.addresses().next().is_some() && !self.hosts.is_empty() {
            let text = format!("IP addresses win over host names; ignored: {}", listed(self.hosts.iter()));
            let problem = Problem::warning(field, text);
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }

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

    /// Adds an address.
    pub(crate) fn add_address(&mut self, address: IpAddr) {
        self.has_more |= !match address {
            IpAddr::V4(address) => keep(&mut self.v4, address),
            IpAddr::V6(address) => keep(&mut self.v6, address),
        };
    }

    /// Adds all targets of another list.
    pub(super) fn add_all(&mut self, other: &Self) {
        other.addresses().for_each(|address| self.add_address(address));
        for host in &other.hosts {
            self.has_more |= !keep(&mut self.hosts, host.clone());
        }
        self.has_more |= other.has_more;
    }

    /// Adds the target that a text names.
    pub fn add(&mut self, text: &str) -> Result<(), BadTarget> {
        let text = text.trim();
        match text.parse() {
            Ok(IpAddr::V6(ip)) if let Some(v4) = ip.to_ipv4_mapped() => {
                // No host on the internet can reach such an address, and nobody writes it on purpose.
                return Err(BadTarget(format!("it is an IPv4 address in IPv6 form, write {v4}")));
            }
            Ok(address) => self.add_address(address),
            Err(_) => {
                let name = Name::from_hostname(text).map_err(|why| BadTarget(why.to_string()))?;
                // No top-level domain is numeric (RFC 3696, 2), so the text is a misspelled address.
                let last = name.labels().next_back().unwrap_or_default();
                if last.bytes().all(|b| b.is_ascii_digit()) {
                    let why = "an address has no leading zeros and four parts from 0 to 255";
                    return Err(BadTarget(why.to_owned()));
                }
                if name.labels().any(|label| label == "*") {
                    return Err(BadTarget("a wildcard is not a target".to_owned()));
                }
                self.has_more |= !keep(&mut self.hosts, name);
            }
        }
        Ok(())
    }
}

/// Adds a target if one record set has room for it, and returns whether it has.
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
