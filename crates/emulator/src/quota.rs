//! The two token buckets of an account: requests and changes. The caller supplies the time.
//!
//! Source: "Throttling" of API requests in the Route 53 Developer Guide: 50 requests at once and 10 per second,
//! 1,500 changes at once and 100 per second. A CREATE or DELETE is one change, and an UPSERT is two. The service also
//! has a bucket per operation, of the same size as the bucket of requests. This module has none.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A bucket that starts full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Rate", into = "Rate")]
pub struct Bucket {
    rate: Rate,
    /// The content in millionths of a token. With time in microseconds, the refill then has no remainder.
    level: u64,
    at: Duration,
}

/// Size and refill of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Tokens in a full bucket.
    pub capacity: u32,
    /// Tokens per second.
    pub refill: u32,
}

/// The quota of an account. A bucket that is `None` has no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Requests of any kind.
    pub requests: Option<Bucket>,
    /// Changes to record sets.
    pub changes: Option<Bucket>,
}

/// HTTP 400, code `Throttling`, message `Rate exceeded`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Rate exceeded")]
pub struct Throttled;

const MILLION: u64 = 1_000_000;

// === impl Bucket ===

impl Bucket {
    /// A full bucket.
    pub fn new(rate: Rate) -> Self {
        Self { rate, level: u64::from(rate.capacity) * MILLION, at: Duration::ZERO }
    }

    /// The available tokens, rounded down.
    pub fn level(&mut self, now: Duration) -> u64 {
        self.refill(now);
        self.level / MILLION
    }

    /// Takes all of the tokens, or none.
    ///
    /// # Errors
    /// [`Throttled`] if there are fewer than `tokens`.
    pub fn take(&mut self, tokens: u64, now: Duration) -> Result<(), Throttled> {
        self.refill(now);
        self.level =
            tokens.checked_mul(MILLION).and_then(|cost| self.level.checked_sub(cost)).ok_or(Throttled)?;
        Ok(())
    }

    /// Returns tokens.
    pub fn give_back(&mut self, tokens: u64) {
        let full = u64::from(self.rate.capacity) * MILLION;
        self.level = self.level.saturating_add(tokens.saturating_mul(MILLION)).min(full);
    }

    fn refill(&mut self, now: Duration) {
        let elapsed = u64::try_from(now.saturating_sub(self.at).as_micros()).unwrap_or(u64::MAX);
        let full = u64::from(self.rate.capacity) * MILLION;
        self.level = self.level.saturating_add(elapsed.saturating_mul(u64::from(self.rate.refill))).min(full);
        self.at = self.at.max(now);
    }
}

impl From<Rate> for Bucket {
    fn from(rate: Rate) -> Self {
        Self::new(rate)
    }
}

impl From<Bucket> for Rate {
    fn from(bucket: Bucket) -> Self {
        bucket.rate
    }
}

// === impl Quota ===

impl Quota {
    /// The documented limits of an account.
    pub fn account() -> Self {
        Self {
            requests: Some(Bucket::new(Rate { capacity: 50, refill: 10 })),
            changes: Some(Bucket::new(Rate { capacity: 1_500, refill: 100 })),
        }
    }

    /// No limits.
    pub fn unlimited() -> Self {
        Self::default()
    }

    /// Charges one request.
    ///
    /// # Errors
    /// [`Throttled`] if the bucket is empty. The bucket then keeps its tokens.
    pub fn request(&mut self, now: Duration) -> Result<(), Throttled> {
        self.requests.as_mut().map_or(Ok(()), |bucket| bucket.take(1, now))
    }

    /// Charges changes: 1 for each CREATE and DELETE, 2 for each UPSERT.
    ///
    /// # Errors
    /// [`Throttled`] if the bucket holds fewer tokens. The bucket then keeps its tokens.
    pub fn changes(&mut self, cost: u64, now: Duration) -> Result<(), Throttled> {
        self.changes.as_mut().map_or(Ok(()), |bucket| bucket.take(cost, now))
    }

    /// Returns the tokens of a rejected batch.
    pub fn give_back_changes(&mut self, cost: u64) {
        if let Some(bucket) = &mut self.changes {
            bucket.give_back(cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_bucket_refills_steadily_and_never_overflows() {
        let mut bucket = Bucket::new(Rate { capacity: 50, refill: 10 });
        for _ in 0..50 {
            assert_eq!(bucket.take(1, at(0)), Ok(()));
        }
        assert_eq!(bucket.take(1, at(99)), Err(Throttled));
        assert_eq!(bucket.take(1, at(100)), Ok(()));
        assert_eq!(bucket.take(1, at(100)), Err(Throttled));
        assert_eq!(bucket.level(at(1_150)), 10);
        assert_eq!(bucket.level(at(1_000_000)), 50);
        // The same time twice adds tokens once.
        assert_eq!(bucket.take(50, at(1_000_000)), Ok(()));
        assert_eq!((bucket.level(at(5)), bucket.level(at(1_000_000))), (0, 0));
        assert_eq!(bucket.take(u64::MAX, Duration::MAX), Err(Throttled));
    }

    #[test]
    fn an_account_has_the_documented_limits() {
        let mut quota = Quota::account();
        assert_eq!((0..60).filter(|_| quota.request(at(0)).is_ok()).count(), 50);
        assert_eq!(quota.changes(1_000, at(0)), Ok(()));
        assert_eq!(quota.changes(501, at(0)), Err(Throttled));
        assert_eq!(quota.changes(500, at(0)), Ok(()));
        assert_eq!(quota.changes(1, at(9)), Err(Throttled));
        assert_eq!(quota.changes(1, at(10)), Ok(()));
        quota.give_back_changes(7);
        assert_eq!(quota.changes.as_mut().unwrap().level(at(10)), 7);
        assert_eq!(Throttled.to_string(), "Rate exceeded");
    }

    #[test]
    fn without_buckets_nothing_runs_out() {
        let mut quota = Quota::unlimited();
        assert_eq!((quota.request(at(0)), quota.changes(u64::MAX, at(0))), (Ok(()), Ok(())));
    }

    #[test]
    fn json_names_the_rates() {
        let quota: Quota =
            serde_json::from_str(r#"{"requests":{"capacity":5,"refill":1},"changes":null}"#).unwrap();
        assert_eq!(
            quota,
            Quota { requests: Some(Bucket::new(Rate { capacity: 5, refill: 1 })), changes: None }
        );
    }
}
