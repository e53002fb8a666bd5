//! New names that hide a wildcard.

use std::{collections::BTreeMap, fmt};

use super::{Change, Unit};
use crate::dns::{Name, Zone};

/// Names for which a wildcard of the zone stops to answer when a unit is written.
///
/// A wildcard answers only for names that do not exist (RFC 4592, 2.2). A name exists for all types if it, or a name
/// below it, has a record. So `a.b.example.com` makes `b.example.com` exist, and an ownership record makes its own name
/// exist. A shadow blocks nothing. No digest covers it, because it follows from the unit and the zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// The wildcard, as `*.example.com`.
    pub wildcard: Name,
    /// The new names, in the zone's order. The wildcard does not answer below them either.
    pub names: Vec<Name>,
}

// === impl Shadow ===

impl Shadow {
    /// The shadows that a unit causes, one per wildcard.
    pub(super) fn of(zone: &Zone, unit: &Unit) -> Vec<Self> {
        let mut taken: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
        for change in unit.changes() {
            let Change::Create { set, .. } = change else { continue };
            let mut begins = Vec::new();
            let mut at = Some(set.name().clone());
            while let Some(name) = at.take_if(|name| !zone.exists(name) && name.is_within(zone.apex())) {
                at = name.parent();
                begins.push(name);
            }
            // The closest encloser: the nearest existing name above.
            let wildcard = at.and_then(|encloser| encloser.child("*"));
            if let Some(wildcard) = wildcard.filter(|wildcard| !zone.at(wildcard).is_empty()) {
                taken.entry(wildcard).or_default().extend(begins);
            }
        }
        let shadow = |(wildcard, mut names): (Name, Vec<Name>)| {
            names.sort();
            names.dedup();
            // Nobody asks for the name of the wildcard's own ownership record.
            names.retain(|name| name.is_wildcard() || !name.as_str().contains('*'));
            (!names.is_empty()).then_some(Self { wildcard, names })
        };
        taken.into_iter().filter_map(shadow).collect()
    }
}

/// `shadows *.example.com, which will no longer answer for www.example.com and the names below`
impl fmt::Display for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names.iter().map(Name::as_str).collect();
        write!(
            f,
            "shadows {}, which will no longer answer for {} and the names below",
            self.wildcard,
            names.join(", ")
        )
    }
}
