//! When changed claims are planned: soon, but not once for each of many changes.

use std::time::Duration;

use crate::keeper::time::Time;

/// The wait after a quiet time, and for new hostnames. The changes of one `kubectl apply` arrive within it.
const SOON: Duration = Duration::from_millis(50);
/// How long a quiet time lasts at least.
const QUIET: Duration = Duration::from_secs(1);
/// The pause that ends the wait while changes keep coming.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest wait of the oldest change while changes keep coming.
const LONGEST: Duration = Duration::from_secs(1);

/// When the next planning is due.
///
/// Unlike a debounce, it cannot starve: planning is due [`LONGEST`] after the oldest unhandled change.
#[derive(Debug, Clone, Default)]
pub(super) struct Wakeup {
    last_change: Option<Time>,
    waiting: Option<Waiting>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    oldest: Time,
    due: Time,
    /// Whether later changes can delay it.
    movable: bool,
}

// === impl Wakeup ===

impl Wakeup {
    /// Notes a change of claims. `is_new`: it claims a hostname that was not claimed before.
    pub fn change(&mut self, now: Time, is_new: bool) {
        let quiet = self.last_change.is_none_or(|last| now - last >= QUIET);
        self.last_change = Some(now);
        let soon = Waiting { oldest: now, due: now + SOON, movable: false };
        self.waiting = Some(match self.waiting {
            None if quiet || is_new => soon,
            None => Waiting { oldest: now, due: now + PAUSE, movable: true },
            Some(waiting) if is_new => Waiting { due: waiting.due.min(soon.due), movable: false, ..waiting },
            Some(waiting) if waiting.movable => {
                Waiting { due: (now + PAUSE).min(waiting.oldest + LONGEST), ..waiting }
            }
            Some(waiting) => waiting,
        });
    }

    /// Makes planning due at once.
    pub fn at_once(&mut self, now: Time) {
        let oldest = self.waiting.map_or(now, |waiting| waiting.oldest);
        self.waiting = Some(Waiting { oldest, due: now, movable: false });
    }

    /// When planning is due, if anything waits.
    pub fn due(&self) -> Option<Time> {
        self.waiting.map(|waiting| waiting.due)
    }

    /// Whether planning is due. If so, nothing waits any more.
    pub fn take(&mut self, now: Time) -> bool {
        let due = self.waiting.is_some_and(|waiting| waiting.due <= now);
        if due {
            self.waiting = None;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    /// The times of planning in milliseconds, for changes `(at, is_new)`.
    fn planned_at(changes: &[(u64, bool)]) -> Vec<u64> {
        let (mut wakeup, mut planned, mut next) = (Wakeup::default(), Vec::new(), changes.iter().peekable());
        for ms in 0..10_000 {
            while let Some((_, is_new)) = next.next_if(|(when, _)| *when == ms) {
                wakeup.change(at(ms), *is_new);
            }
            if wakeup.take(at(ms)) {
                planned.push(ms);
            }
        }
        planned
    }

    #[test]
    fn a_change_after_a_quiet_second_waits_50_ms_with_any_later_changes() {
        assert_eq!(planned_at(&[(100, false)]), [150]);
        assert_eq!(planned_at(&[(100, false), (140, false)]), [150]);
        assert_eq!(planned_at(&[(100, false), (1_200, false)]), [150, 1_250]);
    }

    #[test]
    fn a_change_among_others_waits_for_a_pause_of_200_ms() {
        assert_eq!(planned_at(&[(100, false), (200, false)]), [150, 400]);
        assert_eq!(planned_at(&[(100, false), (200, false), (300, false)]), [150, 500]);
    }

    #[test]
    fn the_oldest_change_never_waits_longer_than_a_second() {
        let steady: Vec<(u64, bool)> = (0..40).map(|n| (n * 100, false)).collect();
        assert_eq!(planned_at(&steady)[..4], [50, 1_100, 2_200, 3_300]);
    }

    #[test]
    fn a_new_name_never_waits_longer_than_50_ms() {
        assert_eq!(planned_at(&[(100, false), (200, false), (300, true)]), [150, 350]);
        assert_eq!(planned_at(&[(100, false), (200, true), (240, false)]), [150, 250]);
        assert_eq!(planned_at(&[(100, false), (200, false), (300, true), (340, false)]), [150, 350]);
    }
}
