//! Record sets. Route 53 stores, lists and changes a zone record set by record set.

use std::fmt;

use arcstr::ArcStr;
use smallvec::SmallVec;

use super::{Name, Routing, Ttl};

/// Maximum of values in one record set (developer guide, "Quotas").
pub const MAX_SET_VALUES: usize = 400;

/// The id of a hosted zone, as `Z0123456789ABCDEFGHIJ`, without `/hostedzone/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneId(ArcStr);

/// The type of a record set. The order is alphabetical, as in Route 53.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RecordType {
    /// IPv4 addresses, or an alias.
    A,
    /// IPv6 addresses, or an alias.
    Aaaa,
    /// Another name. It excludes every other type at its name.
    Cname,
    /// Text. Ownership records have this type.
    Txt,
    /// Mail servers.
    Mx,
    /// The host and port of a service.
    Srv,
    /// The certificate authorities that may issue certificates.
    Caa,
    /// A delegation. It is never written.
    Ns,
    /// Any other type, in upper case. It is never written.
    Other(ArcStr),
}

/// A set identifier. It distinguishes the sets of one name and type under a routing policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(ArcStr);

/// The key of a record set within its zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetKey {
    /// The name.
    pub name: Name,
    /// The type.
    pub rtype: RecordType,
    /// The set identifier. None under simple routing.
    pub set_id: Option<SetId>,
}

/// One record set of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSet {
    /// The key.
    pub key: SetKey,
    /// The routing between the sets of its name and type.
    pub routing: Routing,
    /// The content.
    pub data: Data,
}

/// The values of a record set. Most sets have one or two, which then need no memory of their own.
pub type Values = SmallVec<[ArcStr; 2]>;

/// The content of a record set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// Values of its own.
    Values {
        /// The time for which resolvers may cache the values.
        ttl: Ttl,
        /// The values, in Route 53's order and spelling.
        values: Values,
    },
    /// The records of an AWS resource or of another name in the zone. An alias has no TTL of its own.
    Alias(Alias),
    /// The content of a traffic policy instance. Route 53 rejects every change to it.
    TrafficPolicy(ArcStr),
}

/// The target of an alias record set (`AliasTarget`, Route 53 API reference).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The hosted zone of the target. For load balancers, it is a zone of AWS.
    pub zone: ZoneId,
    /// The target's name.
    pub target: Name,
    /// Whether Route 53 answers with the alias only while the target is healthy.
    pub evaluate_target_health: bool,
}

// === impl ZoneId ===

impl ZoneId {
    /// Reads an id with or without the prefix `/hostedzone/`. An id has 1 to 32 letters and digits (`ResourceId`, Route 53
    /// API reference).
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let id = text.strip_prefix("/hostedzone/").unwrap_or(text);
        let valid = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        valid.then(|| Self(id.into()))
    }

    /// The id without the prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ZoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl RecordType ===

impl RecordType {
    /// Reads a type, in upper or lower case.
    pub fn new(text: &str) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "A" => Self::A,
            "AAAA" => Self::Aaaa,
            "CNAME" => Self::Cname,
            "TXT" => Self::Txt,
            "MX" => Self::Mx,
            "SRV" => Self::Srv,
            "CAA" => Self::Caa,
            "NS" => Self::Ns,
            other => Self::Other(other.into()),
        }
    }

    /// The text in upper case.
    pub fn as_str(&self) -> &str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Txt => "TXT",
            Self::Mx => "MX",
            Self::Srv => "SRV",
            Self::Caa => "CAA",
            Self::Ns => "NS",
            Self::Other(text) => text,
        }
    }

    /// The types of records that objects can ask for.
    pub const WRITABLE: [Self; 7] =
        [Self::A, Self::Aaaa, Self::Caa, Self::Cname, Self::Mx, Self::Srv, Self::Txt];

    /// Whether records of this type lead clients to an address: A, AAAA or CNAME.
    pub fn is_address(&self) -> bool {
        matches!(self, Self::A | Self::Aaaa | Self::Cname)
    }
}

impl Ord for RecordType {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for RecordType {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

// === impl SetId ===

impl SetId {
    /// A set identifier in the form of Route 53.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// === impl RecordSet ===

impl RecordSet {
    /// A set with simple routing.
    pub fn simple(name: Name, rtype: RecordType, data: Data) -> Self {
        Self { key: SetKey { name, rtype, set_id: None }, routing: Routing::Simple, data }
    }

    /// The name.
    pub fn name(&self) -> &Name {
        &self.key.name
    }

    /// The type.
    pub fn rtype(&self) -> &RecordType {
        &self.key.rtype
    }

    /// Whether it is an alias.
    pub fn is_alias(&self) -> bool {
        matches!(self.data, Data::Alias(_))
    }

    /// Whether a traffic policy manages the set. Route 53 rejects every change to it.
    pub fn is_of_traffic_policy(&self) -> bool {
        matches!(self.data, Data::TrafficPolicy(_))
    }

    /// The values. An alias has none.
    pub fn values(&self) -> &[ArcStr] {
        match &self.data {
            Data::Values { values, .. } => values,
            Data::Alias(_) | Data::TrafficPolicy(_) => &[],
        }
    }

    pub(crate) fn values_mut(&mut self) -> &mut [ArcStr] {
        match &mut self.data {
            Data::Values { values, .. } => values,
            Data::Alias(_) | Data::TrafficPolicy(_) => &mut [],
        }
    }

    /// Whether both sets give the same answers. Spelling and order of the values, and the TTL, do not matter.
    pub fn answers_like(&self, other: &Self) -> bool {
        if self.rtype() != other.rtype() || !self.routing.is_same(&other.routing) {
            return false;
        }
        match (&self.data, &other.data) {
            (Data::Values { values: a, .. }, Data::Values { values: b, .. }) => {
                let canonical = |values: &[ArcStr]| {
                    let mut values: Vec<_> = values.iter().map(|v| self.rtype().canonical(v)).collect();
                    values.sort();
                    values
                };
                canonical(a) == canonical(b)
            }
            (a, b) => a == b,
        }
    }

    /// Whether Route 53 allows both sets in one zone.
    ///
    /// A CNAME excludes other types at its name. Sets of one name and type share a routing policy (`ResourceRecordSet`,
    /// Route 53 API reference), and with simple routing there is only one.
    pub fn can_be_beside(&self, other: &Self) -> bool {
        if self.name() != other.name() {
            return true;
        }
        if self.rtype() != other.rtype() {
            return ![self, other].iter().any(|set| *set.rtype() == RecordType::Cname);
        }
        self.key.set_id.is_some() == other.key.set_id.is_some()
            && self.routing.is_of_same_policy(&other.routing)
    }

    /// Changes the TTL of the values. An alias has none.
    pub fn set_ttl(&mut self, to: Ttl) {
        if let Data::Values { ttl, .. } = &mut self.data {
            *ttl = to;
        }
    }

    /// The TTL of the values. An alias has none.
    pub fn ttl(&self) -> Option<Ttl> {
        match self.data {
            Data::Values { ttl, .. } => Some(ttl),
            Data::Alias(_) | Data::TrafficPolicy(_) => None,
        }
    }
}

/// The content in one line: `192.0.2.1 192.0.2.2 ttl=300` or `alias lb.example.com (Z32O…) health=true`.
impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values { ttl, values } => write!(f, "{} ttl={ttl}", values.join(" ")),
            Self::Alias(Alias { zone, target, evaluate_target_health }) => {
                write!(f, "alias {target} ({zone}) health={evaluate_target_health}")
            }
            Self::TrafficPolicy(id) => write!(f, "traffic policy instance {id}"),
        }
    }
}

/// The set in one line: name, type, set identifier, routing if it is not simple, and content.
impl fmt::Display for RecordSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key.name, self.key.rtype)?;
        if let Some(SetId(id)) = &self.key.set_id {
            write!(f, " set={id}")?;
        }
        if let Routing::Policy(policy) = &self.routing {
            write!(f, " {policy}")?;
        }
        write!(f, " {}", self.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zone can have a hundred thousand.
    #[test]
    fn record_sets_are_small() {
        assert_eq!((size_of::<Name>(), size_of::<Values>()), (8, 24));
        assert_eq!(size_of::<RecordSet>(), 72);
    }

    #[test]
    fn a_zone_id_loses_its_prefix() {
        assert_eq!(ZoneId::new("/hostedzone/Z1").unwrap().as_str(), "Z1");
        assert_eq!(ZoneId::new(" Z1 ").unwrap().as_str(), "Z1");
        assert_eq!(ZoneId::new(""), None);
        assert_eq!(ZoneId::new("example.com"), None);
        assert_eq!(ZoneId::new(&"Z".repeat(33)), None);
    }

    #[test]
    fn values_are_compared_by_meaning() {
        let set = |rtype: RecordType, values: &[&str]| {
            let values = values.iter().map(|&v| v.into()).collect();
            let data = Data::Values { ttl: Ttl::DEFAULT, values };
            RecordSet::simple(Name::from_hostname("a.example.com").unwrap(), rtype, data)
        };
        let same =
            |rtype: RecordType, a: &[&str], b: &[&str]| set(rtype.clone(), a).answers_like(&set(rtype, b));
        assert!(same(RecordType::A, &["192.0.2.1", "192.0.2.2"], &["192.0.2.2", "192.0.2.1"]));
        assert!(same(RecordType::Aaaa, &["2001:DB8:0::1"], &["2001:db8::1"]));
        assert!(same(RecordType::Cname, &["LB.example.net."], &["lb.example.net"]));
        assert!(!same(RecordType::A, &["192.0.2.1"], &["192.0.2.1", "192.0.2.2"]));
        assert!(!same(RecordType::Txt, &["\"A\""], &["\"a\""]));
    }
}
