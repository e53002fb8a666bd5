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
        let (known, at) = self.known.unwrap_or_default();
        let later = u64::try_from(unix.saturating_sub(known)).unwrap_or_default();
        (at + Duration::from_secs(later)).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_reached_at_the_same_time_whenever_it_is_asked_for() {
        let at = |ms| Time::ZERO + Duration::from_millis(ms);
        let mut wall = WallClock::default();
        wall.set(1_000, at(500));
        for now in [500, 1_010, 1_499] {
            assert_eq!(wall.time(1_002, at(now)), at(2_500));
        }
        assert_eq!([at(2_499), at(2_500)].map(|time| wall.unix(time)), [1_001, 1_002]);
        assert_eq!(wall.time(1_002, at(9_000)), at(9_000));
    }
}
