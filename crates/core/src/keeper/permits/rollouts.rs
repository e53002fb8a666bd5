//! Rollouts: objects whose records follow pods and nodes, and change again and again while these change.
//!
//! Such an object is written at once if it was quiet. After that, its changes wait for each other, so that a rollout costs few
//! requests, however many pods it has.

use std::{collections::BTreeMap, time::Duration};

use crate::{keeper::time::Time, source::ObjectRef};

/// The pause after the first write. It doubles with every write that comes soon after the pause.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause. ExternalDNS writes at most once in its `--interval`, which is a minute.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The objects that were written a short time ago.
#[derive(Debug, Clone, Default)]
pub(super) struct Rollouts {
    objects: BTreeMap<ObjectRef, Rollout>,
}

#[derive(Debug, Clone, Copy)]
struct Rollout {
    written: Time,
    pause: Duration,
}

// === impl Rollouts ===

impl Rollouts {
    /// Notes that records of an object were replaced.
    pub fn written(&mut self, object: &ObjectRef, now: Time) {
        self.objects.retain(|_, rollout| rollout.is_going_on(now));
        let pause = match self.objects.get(object) {
            // The other units of the same write.
            Some(rollout) if rollout.written == now => rollout.pause,
            Some(rollout) => rollout.pause.saturating_mul(2).min(LONGEST_PAUSE),
            None => FIRST_PAUSE,
        };
        self.objects.insert(object.clone(), Rollout { written: now, pause });
    }

    /// Until when further replacements of an object's records wait.
    pub fn pause(&self, object: &ObjectRef, now: Time) -> Option<Time> {
        let rollout = self.objects.get(object)?;
        Some(rollout.written + rollout.pause).filter(|until| *until > now)
    }
}

// === impl Rollout ===

impl Rollout {
    /// Whether a write now continues the rollout.
    fn is_going_on(self, now: Time) -> bool {
        self.written + self.pause.saturating_mul(2) > now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollout_of_ten_minutes_has_few_writes() {
        let (object, mut rollouts) = (ObjectRef::from_resource_label("service/shop/db"), Rollouts::default());
        let (mut now, mut writes) = (Time::ZERO, Vec::new());
        while now < Time::ZERO + Duration::from_mins(10) {
            if rollouts.pause(&object, now).is_none() {
                rollouts.written(&object, now);
                writes.push((now - Time::ZERO).as_secs());
            }
            now = now + Duration::from_secs(1);
        }
        assert_eq!(writes[..7], [0, 5, 15, 35, 75, 135, 195]);
        assert_eq!(writes.len(), 13);
    }

    #[test]
    fn a_quiet_object_is_written_at_once_and_forgotten() {
        let (object, mut rollouts) = (ObjectRef::from_resource_label("service/shop/db"), Rollouts::default());
        rollouts.written(&object, Time::ZERO);
        let later = Time::ZERO + Duration::from_secs(10);
        assert_eq!(rollouts.pause(&object, later), None);
        rollouts.written(&object, later);
        assert_eq!(rollouts.pause(&object, later), Some(later + FIRST_PAUSE));
        rollouts.written(&ObjectRef::from_resource_label("service/shop/other"), later + LONGEST_PAUSE);
        assert_eq!(rollouts.objects.len(), 1);
    }
}
