//! When the whole zone is listed again.

use std::time::Duration;

use crate::keeper::{pacer::Rate, time::Time};

/// How often the zone's record sets are counted.
const COUNT_EVERY: Duration = Duration::from_mins(1);
/// How long after a write of ours, or after an unexpected count, the keeper trusts a count.
const SETTLED: Duration = Duration::from_secs(10);
/// The part of the period over which the pages of a listing are spread. The rest is for failures, so that a listing
/// ends before the next one begins.
const SPREAD_PERCENT: u32 = 75;

/// The part of the account's requests that urgent listings may take.
const OUT_OF_TURN: f64 = 0.05;

/// The schedule of listings and counts.
#[derive(Debug, Clone)]
pub(super) struct Resync {
    period: Duration,
    next: Time,
    /// When the newest listing began.
    begun: Option<Time>,
    /// The time over which it is spread; zero if it is urgent.
    spread: Duration,
    /// The number of record sets that it will probably show.
    expected: usize,
    /// After a failed page: the earliest time of the next request.
    not_before: Time,
    /// The cost of a page of an urgent listing, as a time. Urgent listings have a bucket of their own. It holds one
    /// listing, and refills with a part of the account's requests.
    page_costs: Duration,
    /// When this bucket is full again.
    full: Time,
    count: Time,
    /// A count that differs from the snapshot and must be confirmed.
    doubt: Option<u64>,
    last_write: Option<Time>,
}

// === impl Resync ===

impl Resync {
    pub fn new(period: Duration, requests: Option<Rate>) -> Self {
        let per_second = requests.map(|rate| f64::from(rate.refill.max(1)) * OUT_OF_TURN);
        Self {
            period,
            next: Time::ZERO,
            begun: None,
            spread: Duration::ZERO,
            expected: 0,
            not_before: Time::ZERO,
            page_costs: per_second.map_or(Duration::ZERO, |pages| Duration::from_secs(1).div_f64(pages)),
            full: Time::ZERO,
            count: Time::ZERO + COUNT_EVERY,
            doubt: None,
            last_write: None,
        }
    }

    /// When the next listing is due.
    pub fn due(&self) -> Time {
        self.next
    }

    /// When the newest listing began.
    pub fn begun(&self) -> Option<Time> {
        self.begun
    }

    /// Begins a listing of about `sets` record sets. It is spread over the period, unless it is urgent.
    pub fn begin(&mut self, now: Time, sets: usize, is_urgent: bool) {
        self.spread = if is_urgent { Duration::ZERO } else { self.period / 100 * SPREAD_PERCENT };
        self.begun = Some(now);
        self.expected = sets;
        self.next = now + self.period;
    }

    /// Whether the listing under way is not spread.
    pub fn is_urgent(&self) -> bool {
        self.spread == Duration::ZERO
    }

    /// When the next page may be requested, after `listed` record sets. The service chooses the size of pages, so the
    /// schedule follows record sets.
    pub fn page_due(&self, listed: usize) -> Time {
        let parts = |sets: usize| u32::try_from(sets).unwrap_or(u32::MAX);
        let expected = parts(self.expected.max(1));
        let elapsed = self.spread / expected * parts(listed).min(expected);
        self.not_before.max(self.begun.unwrap_or(Time::ZERO) + elapsed)
    }

    /// Notes that a page was requested.
    pub fn page_sent(&mut self, now: Time) {
        if self.is_urgent() {
            self.full = self.full.max(now) + self.page_costs;
        }
    }

    /// Notes that a page failed, and may be requested again at `again`.
    pub fn failed(&mut self, again: Time) {
        self.not_before = again;
    }

    /// Notes that a batch was accepted.
    pub fn wrote(&mut self, now: Time) {
        self.last_write = Some(now);
    }

    /// When the next count is due.
    pub fn count_due(&self) -> Time {
        self.count
    }

    /// Notes that a count was requested.
    pub fn count_sent(&mut self, now: Time) {
        self.count = now + COUNT_EVERY;
    }

    /// Takes a count. `known` is the number of record sets in the snapshot. Returns whether the zone must be listed
    /// at once.
    pub fn counted(&mut self, now: Time, count: u64, known: usize) -> bool {
        let differs = count != known as u64;
        if !differs || self.last_write.is_some_and(|last| now - last < SETTLED) {
            self.doubt = None;
            return false;
        }
        if self.doubt.is_some() && self.full <= now {
            self.doubt = None;
            return true;
        }
        self.doubt = Some(count);
        self.count = self.full.max(now + SETTLED);
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
        let mut resync = Resync::new(Duration::from_mins(30), None);
        resync.begin(at(0), 3, true);
        assert!(!resync.counted(at(60), 3, 3));
        assert!(!resync.counted(at(120), 4, 3));
        assert_eq!(resync.count_due(), at(130));
        assert!(resync.counted(at(130), 4, 3));
    }

    #[test]
    fn a_count_that_never_agrees_lists_the_zone_no_faster_than_its_bucket_fills() {
        let requests = Some(Rate { refill: 10, burst: 50 });
        let mut resync = Resync::new(Duration::from_mins(30), requests);
        resync.begin(at(0), 12_000, true);
        (0..40).for_each(|_| resync.page_sent(at(0)));
        // 40 pages at half a page per second.
        assert!(!resync.counted(at(60), 4, 3));
        assert_eq!(resync.count_due(), at(80));
        assert!(!resync.counted(at(70), 4, 3));
        assert!(resync.counted(at(80), 4, 3));
    }

    #[test]
    fn a_count_soon_after_our_own_write_says_nothing() {
        let mut resync = Resync::new(Duration::from_mins(30), None);
        resync.wrote(at(115));
        assert!(!resync.counted(at(120), 4, 3));
        assert!(!resync.counted(at(130), 4, 3));
        assert!(resync.counted(at(140), 4, 3));
    }

    #[test]
    fn a_resync_is_spread_over_the_period_however_much_is_on_a_page() {
        let mut resync = Resync::new(Duration::from_mins(30), None);
        resync.begin(at(100), 900, false);
        let due = |listed| (resync.page_due(listed) - at(100)).as_secs();
        assert_eq!([0, 2, 300, 600, 900, 2_000].map(due), [0, 3, 450, 900, 1_350, 1_350]);
        resync.begin(at(100), 900, true);
        assert_eq!(resync.page_due(600), at(100));
    }

    #[test]
    fn a_failed_page_waits_even_in_an_urgent_listing() {
        let mut resync = Resync::new(Duration::from_mins(30), None);
        resync.begin(at(100), 900, true);
        resync.failed(at(103));
        assert_eq!(resync.page_due(300), at(103));
    }
}
