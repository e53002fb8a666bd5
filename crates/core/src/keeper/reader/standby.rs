//! The reads of a process that stands by: it reads the names of its own pending units, because the leader is writing them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    dns::Name,
    plan::{Unit, UnitDigest},
    source::ClaimKey,
};

/// The pending units of a process that stands by, as of the last round.
#[derive(Debug, Clone, Default)]
pub(super) struct Standby {
    pending: BTreeMap<ClaimKey, Pending>,
}

#[derive(Debug, Clone)]
struct Pending {
    unit: UnitDigest,
    /// The names that show whether the leader has written it, until they are read.
    unread: BTreeSet<Name>,
}

// === impl Standby ===

impl Standby {
    /// The names to read in this round: those of units that were pending in the round before and were not read. The leader has
    /// had a whole round to write them.
    pub fn names<'u>(&mut self, units: impl Iterator<Item = &'u Unit>) -> BTreeSet<Name> {
        let mut names = BTreeSet::new();
        let mut pending = BTreeMap::new();
        for unit in units {
            let known = self.pending.remove(unit.key()).filter(|known| known.unit == unit.digest());
            if let Some(known) = &known {
                names.extend(known.unread.iter().cloned());
            }
            let fresh = || Pending { unit: unit.digest(), unread: unit.reads().iter().cloned().collect() };
            pending.insert(unit.key().clone(), known.unwrap_or_else(fresh));
        }
        self.pending = pending;
        names
    }

    /// Notes which of the names are read.
    pub fn read(&mut self, names: &BTreeSet<Name>) {
        for pending in self.pending.values_mut() {
            pending.unread.retain(|name| !names.contains(name));
        }
    }
}
