//! The clocks of the process.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use zonekeeper_core::keeper::Time;

/// The monotonic clock of the process: the only source of [`Time`].
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

// === impl Clock ===

impl Clock {
    /// Starts a clock; its [`Time::ZERO`] is now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Reads the clock.
    pub fn now(&self) -> Time {
        Time::after_start(self.0.elapsed())
    }

    /// Converts a time of this clock for the runtime's timers. A time that the platform cannot express is a year away.
    pub(super) fn instant(&self, time: Time) -> Instant {
        self.0.checked_add(time.since_start()).unwrap_or_else(|| self.0 + Duration::from_hours(24 * 365))
    }
}

/// Reads the wall clock, in seconds since 1970.
pub fn unix_now() -> i64 {
    i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX)
}

/// Reads the wall clock: the time since 1970.
pub(super) fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
