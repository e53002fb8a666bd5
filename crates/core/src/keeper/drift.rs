//! Records that we have seen right and that somebody else has changed: they are repaired, but not for ever.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::Time;
use crate::{
    plan::{Past, Unit},
    source::{ClaimKey, Facts},
};

/// So often within [`DAY`] a record may be changed by somebody else; from then on it is contested.
const TIMES: usize = 3;
/// How long a change by somebody else counts.
const DAY: Duration = Duration::from_hours(24);
/// How long a contested record is left alone.
const TRUCE: Duration = Duration::from_hours(6);
/// After a repair: when to look whether it has lasted.
pub(super) const LOOK_AGAIN: [Duration; 3] =
    [Duration::from_mins(1), Duration::from_mins(5), Duration::from_mins(15)];

/// The keys whose records somebody else has changed.
#[derive(Debug, Clone, Default)]
pub(super) struct Drift {
    keys: BTreeMap<ClaimKey, Changed>,
}

#[derive(Debug, Clone, Default)]
struct Changed {
    /// When.
    times: Vec<Time>,
    /// Whether the last one has not been repaired.
    is_open: bool,
    /// Until when it is left alone, while its object is as it was then.
    truce: Option<(Time, Arc<Facts>)>,
}

/// Whether a unit restores what we have seen right, with the wish unchanged since.
pub(super) fn is_repair(past: &Past, unit: &Unit) -> bool {
    unit.changes_records() && past.seen_right(unit.key()) == Some(unit.wish())
}

// === impl Drift ===

impl Drift {
    /// A unit is planned that restores what was right for an object as it is.
    pub fn changed(&mut self, unit: &Unit, facts: &Arc<Facts>, now: Time) {
        let changed = self.keys.entry(unit.key().clone()).or_default();
        if changed.is_open {
            return;
        }
        changed.is_open = true;
        changed.times.retain(|time| now - *time < DAY);
        changed.times.push(now);
        if changed.times.len() >= TIMES {
            changed.times.clear();
            changed.truce = Some((now + TRUCE, Arc::clone(facts)));
        }
    }

    /// The records of a key are right.
    pub fn right(&mut self, key: &ClaimKey) {
        if let Some(changed) = self.keys.get_mut(key) {
            changed.is_open = false;
        }
    }

    /// Nobody asks for a key any more.
    pub fn forget(&mut self, key: &ClaimKey) {
        self.keys.remove(key);
    }

    /// Until when a unit is not sent, because somebody else keeps changing the same records.
    pub fn contested(&self, unit: &Unit, facts: &Arc<Facts>, now: Time) -> Option<Time> {
        let (until, then) = self.keys.get(unit.key())?.truce.as_ref()?;
        (*until > now && Arc::ptr_eq(facts, then)).then_some(*until)
    }

    /// A person has approved what is planned: nothing is left alone.
    pub fn make_peace(&mut self) {
        self.keys.clear();
    }
}
