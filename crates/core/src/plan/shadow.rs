//! What a new name takes away from a wildcard.

use std::{collections::BTreeMap, fmt};

use super::{Change, Unit};
use crate::dns::{Name, Zone};

/// Names that a wildcard of the zone answers for now, and will not once a unit is written.
///
/// A wildcard answers only for what does not exist (RFC 4592, 2.2), and a name exists for all types as soon as anything
/// is at it or below it: `a.b.example.com` makes `b.example.com` exist, and an ownership TXT at `a-www.example.com` that
/// name. It blocks nothing and is in no digest: it follows from what is written, and from what else is in the zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// The wildcard, as `*.example.com`.
    pub wildcard: Name,
    /// The names that begin to exist, in the zone's order. Of what is below them the same is true.
    pub names: Vec<Name>,
}

// === impl Shadow ===

impl Shadow {
    /// What the names that a unit creates take away, wildcard by wildcard.
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
            // The name below which all that begins: the closest encloser.
            let wildcard = at.and_then(|encloser| encloser.child("*"));
            if let Some(wildcard) = wildcard.filter(|wildcard| !zone.at(wildcard).is_empty()) {
                taken.entry(wildcard).or_default().extend(begins);
            }
        }
        let shadow = |(wildcard, mut names): (Name, Vec<Name>)| {
            names.sort();
            names.dedup();
            // What the wildcard's own TXT takes away, nobody asks for.
            names.retain(|name| name.is_wildcard() || !name.as_str().contains('*'));
            (!names.is_empty()).then_some(Self { wildcard, names })
        };
        taken.into_iter().filter_map(shadow).collect()
    }
}

/// `shadows *.example.com, which will no longer answer for www.example.com, nor below`
impl fmt::Display for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names.iter().map(Name::as_str).collect();
        write!(
            f,
            "shadows {}, which will no longer answer for {}, nor below",
            self.wildcard,
            names.join(", ")
        )
    }
}
