//! Drift: correct records of ours that somebody else has changed. They are repaired, but not forever.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    dns::Name,
    keeper::time::Time,
    plan::Unit,
    source::{ClaimKey, Facts, entries_at},
};

/// The number of changes by somebody else within [`DAY`] that makes a record contested.
const TIMES: usize = 3;
/// How long a change by somebody else counts.
const DAY: Duration = Duration::from_hours(24);
/// How long a contested record is left alone.
const TRUCE: Duration = Duration::from_hours(6);

/// The changes by others, for all keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Drift {
    keys: BTreeMap<ClaimKey, Changes>,
}

/// The changes by others to the records of one key.
#[derive(Debug, Clone, Default)]
struct Changes {
    times: Vec<Time>,
    /// Whether the last change is not repaired yet.
    is_open: bool,
    /// The end of the truce, which also ends when the object changes.
    truce: Option<(Time, Arc<Facts>)>,
}

// === impl Drift ===

impl Drift {
    /// Notes that a repair is planned for an object with these facts.
    pub fn add(&mut self, unit: &Unit, facts: &Arc<Facts>, now: Time) {
        let changes = self.keys.entry(unit.key().clone()).or_default();
        if changes.is_open {
            return;
        }
        changes.is_open = true;
        changes.times.retain(|time| now - *time < DAY);
        changes.times.push(now);
        if changes.times.len() >= TIMES {
            changes.times.clear();
            changes.truce = Some((now + TRUCE, Arc::clone(facts)));
        }
    }

    /// Notes that the records of a key are correct again.
    pub fn repaired(&mut self, key: &ClaimKey) {
        if let Some(changes) = self.keys.get_mut(key) {
            changes.is_open = false;
        }
    }

    /// Notes that no object claims a key any more.
    pub fn forget(&mut self, key: &ClaimKey) {
        self.keys.remove(key);
    }

    /// The keys of a hostname with changes by others.
    pub fn keys_at<'d>(&'d self, host: &'d Name) -> impl Iterator<Item = &'d ClaimKey> {
        entries_at(&self.keys, host).map(|(key, _)| key)
    }

    /// The end of the time for which a unit is contested, if it is.
    pub fn contested_until(&self, unit: &Unit, facts: &Arc<Facts>, now: Time) -> Option<Time> {
        let (until, then) = self.keys.get(unit.key())?.truce.as_ref()?;
        (*until > now && Arc::ptr_eq(facts, then)).then_some(*until)
    }

    /// Forgets all changes by others.
    pub fn clear(&mut self) {
        self.keys.clear();
    }
}
