//! The keeper's time.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

/// A point in time on the process's own monotonic clock, in microseconds since it started.
///
/// This crate reads no clock. The driver passes the time, so that a test can choose it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

// === impl Time ===

impl Time {
    /// When the process started.
    pub const ZERO: Self = Self(0);
    /// Later than every event.
    pub const NEVER: Self = Self(u64::MAX);

    /// The time at this distance from the start.
    pub fn after_start(elapsed: Duration) -> Self {
        Self(micros(elapsed))
    }

    /// The distance from the start.
    pub fn since_start(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// The microseconds since the start.
    pub fn micros(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

/// How long `self` is after `earlier`; zero if `self` is earlier.
impl Sub for Time {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.since_start())
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
