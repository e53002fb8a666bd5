//! Which types of records are written.

use std::collections::BTreeSet;

use crate::dns::RecordType;

/// The types of records that are written: at least one of A, AAAA and CNAME. The ownership TXTs beside them are
/// written whatever is chosen here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedTypes(BTreeSet<RecordType>);

/// A choice of types that cannot be made. What can be named is A, AAAA and CNAME.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadManagedType {
    /// Nothing was named.
    #[error("name at least one of A, AAAA and CNAME")]
    Nothing,
    /// TXT, which is not a matter of choice.
    #[error("the TXTs that state ownership are always written, and no others ever; name A, AAAA or CNAME")]
    Ownership,
    /// What makes the zone a zone.
    #[error("NS and SOA make the zone what it is and are never written; name A, AAAA or CNAME")]
    Delegation,
    /// A type that no object can ask for.
    #[error("no object can ask for records of this type; name A, AAAA or CNAME")]
    NotAskedFor,
}

// === impl ManagedTypes ===

impl ManagedTypes {
    /// Chooses the types with these names, in any case.
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

/// All that objects can ask for.
impl Default for ManagedTypes {
    fn default() -> Self {
        Self(BTreeSet::from([RecordType::A, RecordType::Aaaa, RecordType::Cname]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_chosen_is_what_objects_ask_for() {
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
