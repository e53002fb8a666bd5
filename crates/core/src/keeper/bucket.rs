//! A token bucket, which refills with time.

use std::time::Duration;

use super::time::Time;

/// Millionths of a token: a bucket that refills by r tokens a second gains r of them each microsecond.
const MICRO: i64 = 1_000_000;

/// A token bucket.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    /// Tokens per second, in millionths of a token per microsecond.
    refill: f64,
    capacity: i64,
    /// Below zero after a request that cost more than the bucket can hold. Later requests wait until it is paid for.
    level: i64,
    at: Time,
    /// The tokens spent since the start.
    spent: i64,
}

// === impl Bucket ===

impl Bucket {
    /// A full bucket, with its refill in tokens per second.
    pub fn full(refill: f64, capacity: u32) -> Self {
        let capacity = i64::from(capacity) * MICRO;
        Self { refill, capacity, level: capacity, at: Time::ZERO, spent: 0 }
    }

    /// Takes tokens, more than there are if need be.
    pub fn spend(&mut self, tokens: u32) {
        self.level -= i64::from(tokens) * MICRO;
        self.spent = self.spent.saturating_add(i64::from(tokens) * MICRO);
    }

    /// Returns tokens that were not used.
    pub fn refund(&mut self, tokens: u32) {
        self.level = (self.level + i64::from(tokens) * MICRO).min(self.capacity);
    }

    /// Drops all tokens.
    pub fn empty(&mut self) {
        self.level = self.level.min(0);
    }

    fn wanted(&self, tokens: u32) -> i64 {
        (i64::from(tokens) * MICRO).min(self.capacity)
    }

    /// Whether half of its capacity is there.
    pub fn has_plenty(&self) -> bool {
        self.level >= self.capacity / 2
    }

    /// When half of its capacity is there.
    pub fn when_plenty(&self, percent: u64) -> Time {
        self.reaches(self.capacity / 2, percent)
    }

    /// Whether there are enough tokens.
    pub fn has(&self, tokens: u32) -> bool {
        self.level >= i64::from(tokens) * MICRO
    }

    /// The most tokens that it holds.
    pub fn capacity(&self) -> u32 {
        u32::try_from(self.capacity / MICRO).unwrap_or(u32::MAX)
    }

    /// The tokens that can be spent now.
    pub fn tokens(&self) -> u32 {
        u32::try_from(self.level.max(0) / MICRO).unwrap_or(u32::MAX)
    }

    /// Gains the tokens of the time since the last call, at a part of the refill.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a float over i64::MAX becomes i64::MAX"
    )]
    pub fn advance(&mut self, now: Time, percent: u64) {
        let gained = (now - self.at).as_micros() as f64 * self.refill * percent as f64 / 100.0;
        self.level = self.level.saturating_add(gained as i64).min(self.capacity);
        self.at = self.at.max(now);
    }

    /// Whether it is full, however many tokens it had at the start.
    #[expect(clippy::cast_precision_loss, reason = "both are far below 2^53")]
    pub fn is_surely_full(&self, now: Time) -> bool {
        let gained = (now - Time::ZERO).as_micros() as f64 * self.refill;
        self.level >= self.capacity && gained >= self.capacity.saturating_add(self.spent) as f64
    }

    /// When there are enough tokens. A bucket that cannot hold so many must be full.
    pub fn when(&self, tokens: u32, percent: u64) -> Time {
        self.reaches(self.wanted(tokens), percent)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a wait is positive, and far below 2^53 microseconds"
    )]
    fn reaches(&self, level: i64, percent: u64) -> Time {
        let missing = (level - self.level).max(0);
        let micros = (missing as f64 / (self.refill * percent as f64 / 100.0)).ceil();
        self.at + Duration::from_micros(micros as u64)
    }
}
