//! The time of day, for times that people write: pauses, releases and approvals.

use std::time::Duration;

use super::time::Time;

/// Converts between the time of day and the process' own clock.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WallClock {
    known: Option<(i64, Time)>,
}

// === impl WallClock ===

impl WallClock {
    /// Sets the current time of day, in seconds since 1970.
    pub fn set(&mut self, unix: i64, now: Time) {
        self.known = Some((unix, now));
    }

    /// The time of day at a time, in seconds since 1970. Without a known time of day, the process started in 1970.
    pub fn unix(&self, time: Time) -> i64 {
        let (unix, at) = self.known.unwrap_or_default();
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        unix.saturating_add(seconds(time - at)).saturating_sub(seconds(at - time))
    }

    /// When a time of day, in seconds since 1970, is reached: not before `now`.
    pub fn time(&self, unix: i64, now: Time) -> Time {
        now + Duration::from_secs(u64::try_from(unix.saturating_sub(self.unix(now))).unwrap_or_default())
    }
}
