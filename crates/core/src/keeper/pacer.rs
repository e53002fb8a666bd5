//! The budget of requests and changes, lent to the reader and the writer.

use std::time::Duration;

use super::{bucket::Bucket, jitter, time::Time};

/// The account's rate limits, and our share of them.
///
/// Route 53 has two token buckets per account, requests and changes, and either can reject a request
/// (developer guide, "API request throttling").
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quota {
    /// Requests: refill per second and burst; `None` switches the bucket off.
    pub requests: Option<Rate>,
    /// Changes, CREATE 1 and UPSERT 2: refill per second and burst; `None` switches the bucket off.
    pub changes: Option<Rate>,
    /// Our share of the refill, from [`Quota::SMALLEST_SHARE`] to 1.
    pub share: f64,
}

/// The tokens that are left of our share.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Budget {
    /// Requests; `None` if the bucket is switched off.
    pub requests: Option<Tokens>,
    /// Changes; `None` if the bucket is switched off.
    pub changes: Option<Tokens>,
    /// The part of our refill that is used, from 0 to 1. A throttle halves it, and it recovers.
    pub rate: f64,
}

/// The tokens of one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// The tokens that can be spent now.
    pub left: u32,
    /// The most tokens that there can be.
    pub capacity: u32,
}

/// The size of a token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Tokens gained per second.
    pub refill: u32,
    /// The most tokens that it holds.
    pub burst: u32,
}

/// Requests that are reserved for the account's other users.
const RESERVED_REQUESTS: u32 = 5;
/// Changes that are reserved for the account's other users.
const RESERVED_CHANGES: u32 = 50;
/// The share of the refill that remains after throttles, in percent.
const SLOWEST_PERCENT: u64 = 5;
/// Throttles within this time count as one.
const ONE_THROTTLE: Duration = Duration::from_secs(1);
/// How fast the refill recovers from a throttle: one percent of the full rate per second.
const RECOVERY: Duration = Duration::from_secs(1);

/// After a failure of the service: the shortest wait before the next try.
const RETRY_SHORTEST: Duration = Duration::from_secs(1);
/// After a failure of the service: the most that a wait can be longer.
const RETRY_SPREAD: Duration = Duration::from_secs(2);

/// The tokens that remain, and the waits after failures.
#[derive(Debug, Clone)]
pub(super) struct Pacer {
    requests: Option<Bucket>,
    changes: Option<Bucket>,
    /// The part of the refill that is used, in percent. A throttle halves it; it recovers slowly.
    percent: u64,
    /// When [`Pacer::percent`] was last updated.
    recovered: Time,
    /// When the last throttle was. Throttles within [`ONE_THROTTLE`] of it are the same one.
    last_throttle: Option<Time>,
    /// Whether the tokens are no longer a guess. At the start, the process before may have spent them.
    is_known: bool,
    /// The number of failures so far, for jitter.
    failures: u64,
    seed: u64,
}

// === impl Quota ===

impl Quota {
    /// The smallest usable share of the account's refill.
    pub const SMALLEST_SHARE: f64 = 0.01;
}

impl Default for Quota {
    /// AWS' default account quotas since 2026-07-30, with nearly all of the refill as our share.
    fn default() -> Self {
        Self {
            requests: Some(Rate { refill: 10, burst: 50 }),
            changes: Some(Rate { refill: 100, burst: 1_500 }),
            share: 0.97,
        }
    }
}

// === impl Pacer ===

impl Pacer {
    pub fn new(quota: Quota, seed: u64) -> Self {
        let bucket = |rate: Option<Rate>, reserved| {
            rate.map(|rate| {
                let refill = f64::from(rate.refill.max(1)) * quota.share.clamp(Quota::SMALLEST_SHARE, 1.0);
                Bucket::full(refill, rate.burst.saturating_sub(reserved).max(1))
            })
        };
        Self {
            requests: bucket(quota.requests, RESERVED_REQUESTS),
            changes: bucket(quota.changes, RESERVED_CHANGES),
            percent: 100,
            recovered: Time::ZERO,
            last_throttle: None,
            is_known: false,
            failures: 0,
            seed,
        }
    }

    /// The tokens that are left.
    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    pub fn budget(&self, now: Time) -> Budget {
        let mut then = self.clone();
        then.advance(now);
        let tokens = |bucket: Option<Bucket>| {
            bucket.map(|bucket| Tokens { left: bucket.tokens(), capacity: bucket.capacity() })
        };
        let rate = then.percent as f64 / 100.0;
        Budget { requests: tokens(then.requests), changes: tokens(then.changes), rate }
    }

    /// When to try again after a failure of the service: in one to three seconds.
    pub fn retry_at(&mut self, now: Time) -> Time {
        self.failures += 1;
        now + RETRY_SHORTEST + RETRY_SPREAD.mul_f64(jitter::fraction(self.seed, self.failures))
    }

    /// The number of requests that can be sent now.
    pub fn requests(&mut self, now: Time) -> u32 {
        self.advance(now);
        self.requests.as_ref().map_or(u32::MAX, Bucket::tokens)
    }

    /// Whether there are enough tokens.
    pub fn has(&mut self, now: Time, requests: u32, changes: u32) -> bool {
        self.advance(now);
        let has = |bucket: &Option<Bucket>, tokens| bucket.as_ref().is_none_or(|bucket| bucket.has(tokens));
        has(&self.requests, requests) && has(&self.changes, changes)
    }

    /// When an indivisible request can be sent, now at the earliest: there are enough tokens, or a bucket that cannot
    /// hold so many is full.
    pub fn when_after(&mut self, now: Time, requests: u32, changes: u32) -> Time {
        self.advance(now);
        self.when(requests, changes).max(now)
    }

    /// Whether there are enough tokens for a request that can wait: half a bucket remains for urgent requests.
    pub fn has_plenty(&mut self, now: Time) -> bool {
        self.advance(now);
        self.requests.as_ref().is_none_or(Bucket::has_plenty)
    }

    /// When [`Pacer::has_plenty`] becomes true.
    pub fn when_plenty(&self) -> Time {
        self.requests.as_ref().map_or(Time::ZERO, |bucket| bucket.when_plenty(self.percent))
    }

    /// Pays for requests and changes that are being sent.
    pub fn spend(&mut self, now: Time, requests: u32, changes: u32) {
        self.advance(now);
        for (bucket, tokens) in [(&mut self.requests, requests), (&mut self.changes, changes)] {
            if let Some(bucket) = bucket {
                bucket.spend(tokens);
            }
        }
    }

    /// Returns the tokens of changes that Route 53 did not execute.
    pub fn refund(&mut self, changes: u32) {
        if let Some(bucket) = &mut self.changes {
            bucket.refund(changes);
        }
    }

    /// When there will be enough tokens. A bucket that cannot hold so many must be full.
    pub fn when(&self, requests: u32, changes: u32) -> Time {
        let wait = |bucket: &Option<Bucket>, tokens| {
            bucket.as_ref().map_or(Time::ZERO, |bucket| bucket.when(tokens, self.percent))
        };
        wait(&self.requests, requests).max(wait(&self.changes, changes))
    }

    /// Notes that Route 53 answered "Rate exceeded": there were fewer tokens than counted. Several requests at once
    /// can fail for the same reason. Before the bucket of requests was surely full, the reason is the use before the start.
    pub fn throttled(&mut self, now: Time) {
        self.advance(now);
        let was_known = std::mem::replace(&mut self.is_known, true);
        if self.last_throttle.is_none_or(|last| now - last >= ONE_THROTTLE) {
            self.last_throttle = Some(now);
            // The first throttle corrects the guess. It does not say that somebody else uses the account now.
            if was_known {
                self.percent = (self.percent / 2).max(SLOWEST_PERCENT);
                self.recovered = now;
            }
        }
        for bucket in [&mut self.requests, &mut self.changes].into_iter().flatten() {
            bucket.empty();
        }
    }

    fn advance(&mut self, now: Time) {
        for bucket in [&mut self.requests, &mut self.changes].into_iter().flatten() {
            bucket.advance(now, self.percent);
        }
        self.is_known |= self.requests.as_ref().is_none_or(|bucket| bucket.is_surely_full(now));
        let steps = (now - self.recovered).as_micros() / RECOVERY.as_micros();
        if let Ok(steps @ 1..) = u64::try_from(steps) {
            self.percent = (self.percent + steps).min(100);
            self.recovered = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    /// The changes that can be sent now.
    fn changes(pacer: &mut Pacer, now: Time) -> u32 {
        (0..=1_450).rev().find(|changes| pacer.when_after(now, 0, *changes) <= now).unwrap()
    }

    #[test]
    fn the_reserve_is_never_drawn_and_the_share_refills() {
        let mut pacer = Pacer::new(Quota::default(), 1);
        assert_eq!((pacer.requests(at(0)), changes(&mut pacer, at(0))), (45, 1_450));
        pacer.spend(at(0), 45, 1_450);
        assert_eq!((pacer.requests(at(0)), changes(&mut pacer, at(0))), (0, 0));
        assert_eq!((pacer.requests(at(1_000)), changes(&mut pacer, at(1_000))), (9, 97));
        assert_eq!((pacer.requests(at(3_600_000)), changes(&mut pacer, at(3_600_000))), (45, 1_450));
    }

    #[test]
    fn the_budget_is_what_is_left_now() {
        let mut pacer = Pacer::new(Quota { changes: None, ..Quota::default() }, 1);
        pacer.spend(at(0), 45, 7);
        let left = |left| Some(Tokens { left, capacity: 45 });
        assert_eq!(pacer.budget(at(0)), Budget { requests: left(0), changes: None, rate: 1.0 });
        assert_eq!(pacer.budget(at(1_000)).requests, left(9));
        pacer.is_known = true;
        pacer.throttled(at(1_000));
        assert_eq!(pacer.budget(at(1_000)), Budget { requests: left(0), changes: None, rate: 0.5 });
    }

    #[test]
    fn a_refund_returns_the_tokens_and_never_more_than_the_capacity() {
        let mut pacer = Pacer::new(Quota::default(), 1);
        pacer.spend(at(0), 1, 100);
        pacer.refund(60);
        assert_eq!(changes(&mut pacer, at(0)), 1_410);
        pacer.refund(60);
        assert_eq!(changes(&mut pacer, at(0)), 1_450);
    }

    #[test]
    fn it_knows_when_there_will_be_enough_tokens() {
        let mut pacer = Pacer::new(Quota::default(), 1);
        pacer.spend(at(0), 1, 1_450);
        let when = pacer.when(1, 97);
        assert_eq!(changes(&mut pacer, when), 97);
        assert!(when >= at(1_000) && when <= at(1_001), "{when:?}");
    }

    #[test]
    fn a_request_over_the_capacity_is_sent_when_the_bucket_is_full() {
        let mut pacer =
            Pacer::new(Quota { changes: Some(Rate { refill: 1, burst: 60 }), ..Quota::default() }, 1);
        assert!(pacer.when_after(at(0), 1, 1_000) == at(0));
        pacer.spend(at(0), 1, 1_000);
        assert!(pacer.when_after(at(0), 1, 1_000) > at(0));
        let when = pacer.when(1, 1_000);
        assert!(pacer.when_after(when, 1, 1_000) == when);
    }

    #[test]
    fn a_request_over_the_level_is_paid_for_later() {
        let requests = Some(Rate { refill: 1, burst: 10 });
        let mut pacer = Pacer::new(Quota { requests, share: 1.0, ..Quota::default() }, 1);
        assert!(pacer.when_after(at(0), 8, 0) == at(0));
        pacer.spend(at(0), 8, 0);
        assert_eq!(pacer.when(1, 0), at(4_000));
        assert_eq!([3_999, 4_000].map(|ms| pacer.requests(at(ms))), [0, 1]);
    }

    #[test]
    fn the_first_throttle_after_a_start_corrects_the_tokens_and_not_the_rate() {
        let mut pacer = Pacer::new(Quota::default(), 1);
        pacer.spend(at(0), 10, 0);
        pacer.throttled(at(10));
        assert_eq!((pacer.requests(at(10)), pacer.percent), (0, 100));
        assert_eq!(pacer.requests(at(1_110)), 10);
        pacer.throttled(at(1_110));
        assert_eq!(pacer.percent, 50);
        // Five seconds fill a bucket that was empty at the start, if nothing is spent.
        let mut pacer = Pacer::new(Quota::default(), 1);
        pacer.spend(at(2_000), 20, 0);
        pacer.throttled(at(5_000));
        assert_eq!(pacer.percent, 100);
        let mut pacer = Pacer::new(Quota::default(), 1);
        pacer.advance(at(5_000));
        pacer.throttled(at(5_000));
        assert_eq!(pacer.percent, 50);
    }

    /// A pacer that knows its tokens.
    fn known() -> Pacer {
        Pacer { is_known: true, ..Pacer::new(Quota::default(), 1) }
    }

    #[test]
    fn a_throttle_halves_and_recovers_slowly() {
        let mut pacer = known();
        pacer.throttled(at(0));
        assert_eq!(changes(&mut pacer, at(0)), 0);
        let soon = changes(&mut pacer, at(999));
        assert!((45..=49).contains(&soon), "{soon}");
        pacer.advance(at(60_000));
        assert_eq!(pacer.percent, 100);
    }

    #[test]
    fn it_recovers_by_a_percent_each_second_however_often_it_is_asked() {
        let mut pacer = known();
        pacer.throttled(at(0));
        for ms in (0..=10_000).step_by(100) {
            pacer.advance(at(ms));
        }
        assert_eq!(pacer.percent, 60);
    }

    #[test]
    fn throttles_of_requests_that_were_sent_at_once_are_one() {
        let mut pacer = known();
        for ms in [0, 5, 990] {
            pacer.throttled(at(ms));
        }
        assert_eq!(pacer.percent, 50);
        pacer.throttled(at(1_000));
        assert_eq!(pacer.percent, 25);
    }

    #[test]
    fn plenty_is_half_of_the_capacity() {
        let mut pacer = Pacer::new(Quota { share: 1.0, ..Quota::default() }, 1);
        pacer.spend(at(0), 22, 0);
        assert!(pacer.has_plenty(at(0)));
        pacer.spend(at(0), 1, 0);
        assert!(!pacer.has_plenty(at(0)));
        assert_eq!(pacer.when_plenty(), at(50));
        assert!(pacer.has_plenty(at(50)));
    }

    #[test]
    fn an_unlimited_bucket_is_never_empty() {
        let mut pacer = Pacer::new(Quota { requests: None, changes: None, share: 1.0 }, 1);
        pacer.spend(at(0), 1_000_000, 1_000_000);
        pacer.throttled(at(0));
        assert!(pacer.when_after(at(0), u32::MAX, u32::MAX) == at(0));
        assert_eq!(pacer.when(1_000, 1_000), Time::ZERO);
    }
}
