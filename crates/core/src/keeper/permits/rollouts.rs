//! Rollouts: objects whose records follow pods and nodes, and change again and again while these change.
//!
//! Such an object is written at once if it was quiet. After that, newer changes wait for each other, so that a rollout costs few
//! requests, however many pods it has. Changes that were planned at the time of a write belong to it, and do not wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    keeper::time::Time,
    plan::{Unit, UnitDigest},
    source::ObjectRef,
};

/// The pause after the first write. It doubles with every write that comes soon after the pause.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause. ExternalDNS writes at most once in its `--interval`, which is a minute.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The objects that were written a short time ago.
#[derive(Debug, Clone, Default)]
pub(super) struct Rollouts {
    objects: BTreeMap<ObjectRef, Rollout>,
}

#[derive(Debug, Clone)]
struct Rollout {
    /// When the pause before the last write ended.
    resumed: Time,
    written: Time,
    pause: Duration,
    /// The units that were planned when the write began, and are not written yet.
    rest: BTreeSet<UnitDigest>,
}

// === impl Rollouts ===

impl Rollouts {
    /// Notes that a unit was written. `waiting` are all units that are planned.
    pub fn written<'u>(&mut self, unit: &Unit, waiting: impl Iterator<Item = &'u Unit>, now: Time) {
        self.objects.retain(|_, rollout| rollout.is_going_on(now));
        let object = unit.object();
        let (pause, resumed) = match self.objects.get_mut(object) {
            Some(rollout) => {
                if rollout.rest.remove(&unit.digest()) || rollout.written == now {
                    rollout.written = now;
                    return;
                }
                (rollout.pause.saturating_mul(2).min(LONGEST_PAUSE), rollout.written + rollout.pause)
            }
            None => (FIRST_PAUSE, Time::ZERO),
        };
        let rest = waiting.filter(|other| other.object() == object && other.is_of_rollout());
        let rollout = Rollout { resumed, written: now, pause, rest: rest.map(Unit::digest).collect() };
        self.objects.insert(object.clone(), rollout);
    }

    /// Until when a unit waits, if it does.
    pub fn pause(&self, unit: &Unit, now: Time) -> Option<Time> {
        self.end_of_pause(unit).filter(|until| *until > now)
    }

    /// When the last pause of a unit ends or has ended, if it had one.
    pub fn end_of_pause(&self, unit: &Unit) -> Option<Time> {
        let rollout = self.objects.get(unit.object()).filter(|_| unit.is_of_rollout())?;
        let is_paused = !rollout.rest.contains(&unit.digest());
        Some(if is_paused { rollout.written + rollout.pause } else { rollout.resumed })
    }
}

// === impl Rollout ===

impl Rollout {
    /// Whether a write now continues the rollout.
    fn is_going_on(&self, now: Time) -> bool {
        self.written + self.pause.saturating_mul(2) > now
    }
}
