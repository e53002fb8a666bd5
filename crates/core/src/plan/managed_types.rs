//! The managed types: the types of records that are written.

use std::collections::BTreeSet;

use crate::dns::RecordType;

/// The types of records that objects can ask for and that are written. At least one.
///
/// Ownership records are always written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedTypes(BTreeSet<RecordType>);

/// A type that is never written, or no type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadManagedType {
    /// No type.
    #[error("name at least one of A, AAAA, CAA, CNAME, MX, SRV and TXT")]
    Nothing,
    /// NS or SOA.
    #[error("zonekeeper never writes NS and SOA records; name A, AAAA, CAA, CNAME, MX, SRV or TXT")]
    Delegation,
    /// A type that no object can ask for.
    #[error("objects cannot ask for records of this type; name A, AAAA, CAA, CNAME, MX, SRV or TXT")]
    NotAskedFor,
    /// An excluded type that does not exist.
    #[error("there is no such type; name A, AAAA, CAA, CNAME, MX, SRV or TXT")]
    Unknown,
    /// All types are excluded.
    #[error("no type is left; leave at least one of A, AAAA, CAA, CNAME, MX, SRV and TXT")]
    NothingLeft,
}

/// Types that `ExternalDNS` knows, beside those of [`RecordType`].
const NEVER_ASKED_FOR: [&str; 4] = ["DNAME", "NAPTR", "PTR", "SOA"];

// === impl ManagedTypes ===

impl ManagedTypes {
    /// Reads the names of types, in upper or lower case.
    pub fn new<'t>(names: impl IntoIterator<Item = &'t str>) -> Result<Self, BadManagedType> {
        let chosen = names.into_iter().map(|name| match RecordType::new(name.trim()) {
            rtype if RecordType::WRITABLE.contains(&rtype) => Ok(rtype),
            RecordType::Ns => Err(BadManagedType::Delegation),
            RecordType::Other(text) if &*text == "SOA" => Err(BadManagedType::Delegation),
            RecordType::Other(text) if text.is_empty() => Err(BadManagedType::Nothing),
            _ => Err(BadManagedType::NotAskedFor),
        });
        let chosen: BTreeSet<RecordType> = chosen.collect::<Result<_, _>>()?;
        if chosen.is_empty() { Err(BadManagedType::Nothing) } else { Ok(Self(chosen)) }
    }

    /// These types without some others. A type that is never written can be excluded too.
    pub fn without<'t>(self, names: impl IntoIterator<Item = &'t str>) -> Result<Self, BadManagedType> {
        let excluded = names.into_iter().map(|name| match RecordType::new(name.trim()) {
            RecordType::Other(text) if !NEVER_ASKED_FOR.contains(&&*text) => Err(BadManagedType::Unknown),
            rtype => Ok(rtype),
        });
        let excluded: BTreeSet<RecordType> = excluded.collect::<Result<_, _>>()?;
        let left: BTreeSet<RecordType> = self.0.difference(&excluded).cloned().collect();
        if left.is_empty() { Err(BadManagedType::NothingLeft) } else { Ok(Self(left)) }
    }

    /// Whether records of this type are written.
    pub fn contains(&self, rtype: &RecordType) -> bool {
        self.0.contains(rtype)
    }

    /// The chosen types, and the types of addresses. Records of these types are looked at, even if they are not written.
    pub fn with_addresses(&self) -> impl Iterator<Item = &RecordType> {
        const ADDRESSES: [RecordType; 3] = [RecordType::A, RecordType::Aaaa, RecordType::Cname];
        ADDRESSES.iter().chain(self.0.iter().filter(|rtype| !rtype.is_address()))
    }

    /// The chosen types, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &RecordType> {
        self.0.iter()
    }
}

/// The types of addresses, as in ExternalDNS.
impl Default for ManagedTypes {
    fn default() -> Self {
        Self(BTreeSet::from([RecordType::A, RecordType::Aaaa, RecordType::Cname]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_types_that_objects_ask_for_are_allowed() {
        assert_eq!(ManagedTypes::new(["cname", " A", "AAAA", "A"]), Ok(ManagedTypes::default()));
        let chosen = ManagedTypes::new(["a"]).unwrap();
        assert!(chosen.contains(&RecordType::A) && !chosen.contains(&RecordType::Aaaa));
        assert!(chosen.iter().eq([&RecordType::A]));
        let all = ManagedTypes::new(["A", "AAAA", "caa", "CNAME", "MX", "SRV", "TXT"]).unwrap();
        assert!(all.iter().eq(&RecordType::WRITABLE));
        for (names, why) in [
            ([].as_slice(), BadManagedType::Nothing),
            (&[""], BadManagedType::Nothing),
            (&["NS"], BadManagedType::Delegation),
            (&["SOA"], BadManagedType::Delegation),
            (&["PTR"], BadManagedType::NotAskedFor),
            (&["A,AAAA"], BadManagedType::NotAskedFor),
        ] {
            assert_eq!(ManagedTypes::new(names.iter().copied()), Err(why.clone()), "{names:?}");
            assert!(why.to_string().contains("CNAME"), "{why}");
        }
    }

    #[test]
    fn excluded_types_are_not_managed() {
        let without = |names: &[&str]| ManagedTypes::default().without(names.iter().copied());
        assert_eq!(without(&["aaaa", " CNAME"]), ManagedTypes::new(["A"]));
        assert_eq!(without(&[]), Ok(ManagedTypes::default()));
        assert_eq!(without(&["NS", "PTR", "soa", "TXT"]), Ok(ManagedTypes::default()));
        assert_eq!(without(&["AAA"]), Err(BadManagedType::Unknown));
        assert_eq!(without(&["A", "AAAA", "CNAME"]), Err(BadManagedType::NothingLeft));
    }
}
