//! Adoption: existing records become ours, without a change of their values.
//!
//! A unit of an adoption holds ownership records only. Changes of the records themselves follow in another unit, under
//! all rules for owned records. The adoption shows those changes in advance.

use std::{collections::BTreeSet, fmt, str::FromStr};

use arcstr::ArcStr;

use super::{OwnerId, Unit, UnitDigest, View, ownership::Owner};
use crate::{
    dns::{Name, RecordSet},
    source::Facts,
};

/// The records that may become ours in addition to those that objects adopt.
///
/// With `--adopt-by-annotation`, an object adopts with the annotation `zonekeeper.dev/adopt`. It can adopt only records without
/// an owner that are already as wanted.
#[derive(Debug, Clone, Default)]
pub struct Adoption {
    /// The owners whose sets are taken over at every claimed hostname, for a migration.
    pub from: BTreeSet<OwnerId>,
    /// The order of an operator. While there is one, nothing else is written or adopted.
    pub order: Option<AdoptionOrder>,
}

/// The order of an operator to adopt records of claimed hostnames (`zonekeeper adopt`).
#[derive(Debug, Clone)]
pub struct AdoptionOrder {
    /// The hostnames.
    pub hosts: Hosts,
    /// The owner of the sets. `None` stands for sets without an owner.
    pub from: Option<OwnerId>,
    /// The units that the operator has confirmed. `None` stands for all.
    pub seen: Option<BTreeSet<UnitDigest>>,
}

/// A selection of hostnames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// All hostnames.
    All,
    /// One hostname.
    One(Name),
    /// The hostnames that match a pattern.
    Matching(HostPattern),
}

/// A pattern of hostnames. `*` matches any characters, dots included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern(ArcStr);

/// A pattern that no hostname could match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a pattern of hostnames, as in '*.shop.example.com' or 'www-*.example.com'")]
pub struct BadHostPattern;

// === impl AdoptionOrder ===

impl AdoptionOrder {
    /// Whether a unit may be written under this order.
    pub(super) fn releases(&self, unit: &Unit) -> bool {
        unit.is_adoption() && self.seen.as_ref().is_none_or(|seen| seen.contains(&unit.digest()))
    }
}

// === impl Hosts ===

impl Hosts {
    /// Whether the selection contains a hostname.
    pub fn contain(&self, host: &Name) -> bool {
        match self {
            Self::All => true,
            Self::One(name) => name == host,
            Self::Matching(pattern) => pattern.matches(host),
        }
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("any hostname"),
            Self::One(name) => write!(f, "{name}"),
            Self::Matching(pattern) => write!(f, "{}", pattern.0),
        }
    }
}

// === impl HostPattern ===

impl HostPattern {
    /// Whether the whole hostname matches.
    pub fn matches(&self, host: &Name) -> bool {
        let mut rest = host.as_str();
        let mut parts = self.0.split('*');
        let Some(stripped) = parts.next().and_then(|first| rest.strip_prefix(first)) else { return false };
        rest = stripped;
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            let Some((_, after)) = rest.split_once(part) else { return false };
            rest = after;
        }
        rest.ends_with(last)
    }
}

impl FromStr for HostPattern {
    type Err = BadHostPattern;

    fn from_str(text: &str) -> Result<Self, BadHostPattern> {
        let text = text.trim().trim_end_matches('.').to_ascii_lowercase();
        let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'*');
        if text.is_empty() || !text.bytes().all(valid) { Err(BadHostPattern) } else { Ok(Self(text.into())) }
    }
}

// === impl View ===

impl View<'_> {
    /// Whether the set `found` becomes ours.
    pub(super) fn adopts(
        &self,
        host: &Name,
        facts: &Facts,
        owner: &Owner,
        found: Option<&RecordSet>,
        is_right: bool,
    ) -> bool {
        match (owner, &self.settings.adoption.order) {
            (Owner::Us | Owner::Unreadable(_) | Owner::PlaceTaken(_), _) => false,
            (Owner::Nobody, None) => found.is_some() && is_right && facts.controls.adopt,
            (Owner::Nobody, Some(order)) => {
                found.is_some() && order.from.is_none() && order.hosts.contain(host)
            }
            (Owner::Other(owner), _) => self.takes_over(host, owner),
        }
    }

    /// Whether the sets of another owner at a hostname become ours.
    pub(super) fn takes_over(&self, host: &Name, owner: &str) -> bool {
        let adoption = &self.settings.adoption;
        let is_it = |from: &OwnerId| from.as_str() == owner;
        match &adoption.order {
            None => adoption.from.iter().any(is_it),
            Some(order) => order.from.as_ref().is_some_and(is_it) && order.hosts.contain(host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_hostnames() {
        for (pattern, host, expected) in [
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "*.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "www.example.com.evil.org", false),
            ("www.example.com", "www.example.com", true),
            ("www.example.com", "xwww.example.com", false),
            ("WWW-*.Example.com.", "www-1.example.com", true),
            ("*", "example.com", true),
            ("*a*b*", "xaxbx.com", true),
            ("*a*b*", "xbxa.com", false),
            ("ab*ab", "ab", false),
        ] {
            let pattern: HostPattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches(&Name::from_hostname(host).unwrap()), expected, "{pattern:?} {host}");
        }
        for text in ["", " ", "a b", "ü*", "a/b"] {
            assert_eq!(text.parse::<HostPattern>(), Err(BadHostPattern), "{text}");
        }
    }
}
