//! The time of day, which decides what people have written times for and nothing else.

use std::time::Duration;

use super::Time;

/// The time of day at some point of the process's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wall {
    known: Option<(i64, Time)>,
}

impl Wall {
    /// It is so many seconds since 1970.
    pub fn set(&mut self, unix: i64, now: Time) {
        self.known = Some((unix, now));
    }

    /// The time of day at a time, in seconds since 1970; 1970 where nobody has told.
    pub fn unix(&self, time: Time) -> i64 {
        let (unix, at) = self.known.unwrap_or_default();
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        unix.saturating_add(seconds(time - at)).saturating_sub(seconds(at - time))
    }

    /// When it will be so many seconds since 1970: not before `now`.
    pub fn time(&self, unix: i64, now: Time) -> Time {
        now + Duration::from_secs(u64::try_from(unix.saturating_sub(self.unix(now))).unwrap_or_default())
    }
}
