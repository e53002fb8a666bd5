//! When the whole zone is listed again.

use std::time::Duration;

use super::Time;

/// How often the zone's record sets are counted.
const COUNT_EVERY: Duration = Duration::from_mins(1);
/// How long after one of our own writes, or after a surprising count, a count is trusted.
const SETTLED: Duration = Duration::from_secs(10);
/// Record sets on a page of a listing.
const PAGE: usize = 300;

/// When to list and when to count.
#[derive(Debug, Clone)]
pub(super) struct Resync {
    period: Duration,
    next: Time,
    /// When the next page of the listing under way may be asked for.
    page: Time,
    /// How far apart the pages are.
    spacing: Duration,
    count: Time,
    /// A count that differed, and was to be confirmed.
    doubt: Option<u64>,
    last_write: Option<Time>,
}

// === impl Resync ===

impl Resync {
    pub fn new(period: Duration) -> Self {
        Self {
            period,
            next: Time::ZERO,
            page: Time::ZERO,
            spacing: Duration::ZERO,
            count: Time::ZERO + COUNT_EVERY,
            doubt: None,
            last_write: None,
        }
    }

    /// How often the zone is listed.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// When the next listing is due.
    pub fn due(&self) -> Time {
        self.next
    }

    /// A listing begins. Its pages are spread over the period, unless something hangs on it.
    pub fn begin(&mut self, now: Time, sets: usize, is_urgent: bool) {
        let pages = u32::try_from(sets / PAGE + 1).unwrap_or(u32::MAX);
        self.spacing = if is_urgent { Duration::ZERO } else { self.period / (pages + 1) };
        self.page = now;
        self.next = now + self.period;
    }

    /// When the next page may be asked for.
    pub fn page_due(&self) -> Time {
        self.page
    }

    /// A page has been asked for.
    pub fn page_sent(&mut self, now: Time) {
        self.page = now + self.spacing;
    }

    /// A page failed: the listing begins anew at `again`.
    pub fn failed(&mut self, again: Time) {
        self.next = again;
    }

    /// A batch was accepted.
    pub fn wrote(&mut self, now: Time) {
        self.last_write = Some(now);
    }

    /// When the next count is due.
    pub fn count_due(&self) -> Time {
        self.count
    }

    /// A count has been asked for.
    pub fn count_sent(&mut self, now: Time) {
        self.count = now + COUNT_EVERY;
    }

    /// Takes a count; `known` is how many record sets we know of. Whether the zone must be listed at once.
    pub fn counted(&mut self, now: Time, count: u64, known: usize) -> bool {
        let differs = count != known as u64;
        if !differs || self.last_write.is_some_and(|last| now - last < SETTLED) {
            self.doubt = None;
            return false;
        }
        if self.doubt.take().is_some() {
            self.next = now;
            return true;
        }
        self.doubt = Some(count);
        self.count = now + SETTLED;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_count_that_differs_twice_lists_the_zone() {
        let mut resync = Resync::new(Duration::from_mins(30));
        resync.begin(at(0), 3, true);
        assert!(!resync.counted(at(60), 3, 3));
        assert!(!resync.counted(at(120), 4, 3));
        assert_eq!(resync.count_due(), at(130));
        assert!(resync.counted(at(130), 4, 3));
        assert_eq!(resync.due(), at(130));
    }

    #[test]
    fn a_count_soon_after_our_own_write_says_nothing() {
        let mut resync = Resync::new(Duration::from_mins(30));
        resync.wrote(at(115));
        assert!(!resync.counted(at(120), 4, 3));
        assert!(!resync.counted(at(130), 4, 3));
        assert!(resync.counted(at(140), 4, 3));
    }

    #[test]
    fn the_pages_of_a_resync_are_spread_over_the_period() {
        let mut resync = Resync::new(Duration::from_mins(30));
        resync.begin(at(0), 900, false);
        resync.page_sent(at(0));
        assert_eq!(resync.page_due(), at(360));
    }
}
