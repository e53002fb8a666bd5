//! Since when the unit of each key waits to be written.

use std::collections::BTreeMap;

use crate::{
    dns::Name,
    keeper::{
        time::Time,
        wait::{Cause, Wait},
    },
    plan::Unit,
    source::{ClaimKey, entries_at},
};

/// Since when the planned unit of each key waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Waits {
    by_key: BTreeMap<ClaimKey, Waiting>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    cause: Cause,
    since: Time,
}

// === impl Waits ===

impl Waits {
    /// Takes the new units of a hostname in place of the old ones. They were planned because of a change or a start at a time.
    ///
    /// A unit that still waits keeps its time. Only a change begins a new wait for a unit that waits since the start.
    pub fn replanned(&mut self, host: &Name, old: &[Unit], new: &[Unit], cause: Cause, since: Time) {
        let known = entries_at(&self.by_key, host).map(|(key, _)| key);
        let gone = known.filter(|key| !new.iter().any(|unit| unit.key() == *key));
        for key in gone.cloned().collect::<Vec<_>>() {
            self.by_key.remove(&key);
        }
        for unit in new {
            let planned = Waiting { cause, since };
            let waiting = self.by_key.entry(unit.key().clone()).or_insert(planned);
            let is_same = |old: &Unit| old.key() == unit.key() && old.digest() == unit.digest();
            if waiting.cause == Cause::Start && cause == Cause::Change && !old.iter().any(is_same) {
                *waiting = planned;
            }
        }
    }

    /// How long a key has waited, if it waits. The time before `not_before` does not count.
    pub fn of(&self, key: &ClaimKey, not_before: Time, now: Time) -> Option<Wait> {
        let Waiting { cause, since } = *self.by_key.get(key)?;
        Some(Wait { cause, time: now - since.max(not_before) })
    }

    /// Notes that a key waits since a time and no longer.
    pub fn restart(&mut self, key: &ClaimKey, since: Time) {
        if let Some(waiting) = self.by_key.get_mut(key) {
            waiting.since = since;
        }
    }
}
