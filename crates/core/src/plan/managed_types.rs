//! The managed types: the types of records that are written.

use std::collections::BTreeSet;

use crate::dns::RecordType;

/// The types of records that are written: at least one of A, AAAA and CNAME.
///
/// Ownership records are always written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedTypes(BTreeSet<RecordType>);

/// A type other than A, AAAA and CNAME, or no type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadManagedType {
    /// No type.
    #[error("name at least one of A, AAAA and CNAME")]
    Nothing,
    /// TXT. Ownership records are not optional.
    #[error(
        "zonekeeper always writes the TXTs of ownership records, and no other TXTs; name A, AAAA or CNAME"
    )]
    Ownership,
    /// NS or SOA.
    #[error("zonekeeper never writes NS and SOA records; name A, AAAA or CNAME")]
    Delegation,
    /// A type that no object can ask for.
    #[error("objects cannot ask for records of this type; name A, AAAA or CNAME")]
    NotAskedFor,
}

// === impl ManagedTypes ===

impl ManagedTypes {
    /// Reads the names of types, in upper or lower case.
    pub fn new<'t>(names: impl IntoIterator<Item = &'t str>) -> Result<Self, BadManagedType> {
        let chosen = names.into_iter().map(|name| match RecordType::new(name.trim()) {
            rtype if rtype.is_address() => Ok(rtype),
            RecordType::Txt => Err(BadManagedType::Ownership),
            RecordType::Ns => Err(BadManagedType::Delegation),
            RecordType::Other(text) if &*text == "SOA" => Err(BadManagedType::Delegation),
            RecordType::Other(text) if text.is_empty() => Err(BadManagedType::Nothing),
            _ => Err(BadManagedType::NotAskedFor),
        });
        let chosen: BTreeSet<RecordType> = chosen.collect::<Result<_, _>>()?;
        if chosen.is_empty() { Err(BadManagedType::Nothing) } else { Ok(Self(chosen)) }
    }

    /// Whether records of this type are written.
    pub fn contains(&self, rtype: &RecordType) -> bool {
        self.0.contains(rtype)
    }

    /// The chosen types, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &RecordType> {
        self.0.iter()
    }
}

/// All types that objects can ask for.
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
        for (names, why) in [
            ([].as_slice(), BadManagedType::Nothing),
            (&[""], BadManagedType::Nothing),
            (&["A", "txt"], BadManagedType::Ownership),
            (&["NS"], BadManagedType::Delegation),
            (&["SOA"], BadManagedType::Delegation),
            (&["MX"], BadManagedType::NotAskedFor),
            (&["A,AAAA"], BadManagedType::NotAskedFor),
        ] {
            assert_eq!(ManagedTypes::new(names.iter().copied()), Err(why.clone()), "{names:?}");
            assert!(why.to_string().contains("CNAME"), "{why}");
        }
    }
}
