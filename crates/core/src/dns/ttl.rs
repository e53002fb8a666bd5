//! Times to live.

use std::{fmt, str::FromStr};

/// The units of durations, in nanoseconds (`time.ParseDuration`, Go).
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A time to live in seconds, 0 to 2,147,483,647 (RFC 2181, 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ttl(u32);

/// A text that is not a time to live.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected seconds from 1 to 2147483647, or a duration such as `1m30s`")]
pub struct BadTtl;

// === impl Ttl ===

impl Ttl {
    /// The largest TTL (RFC 2181, 8; `TTL`, Route 53 API reference).
    pub const MAX_SECONDS: u32 = 2_147_483_647;

    /// The default TTL, as in ExternalDNS.
    pub const DEFAULT: Self = Self(300);
    /// Seven days, the cap that RFC 8767 (section 4) recommends to resolvers.
    pub const A_WEEK: Self = Self(7 * 24 * 3_600);

    /// A TTL in seconds, at most [`Ttl::MAX_SECONDS`].
    pub fn from_seconds(seconds: u64) -> Self {
        Self(u32::try_from(seconds).unwrap_or(Self::MAX_SECONDS).min(Self::MAX_SECONDS))
    }

    /// The seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

/// Seconds (`60`) or a duration in the form of Go (`1m30s`, `1.5h`), as in ExternalDNS; at least one second. A fraction of
/// a second is dropped.
impl FromStr for Ttl {
    type Err = BadTtl;

    fn from_str(text: &str) -> Result<Self, BadTtl> {
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        let is_number = !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit());
        let seconds = if is_number { unsigned.parse::<u128>().ok() } else { duration_seconds(unsigned) };
        match seconds.and_then(|seconds| u32::try_from(seconds).ok()) {
            Some(seconds @ 1..=Self::MAX_SECONDS) => Ok(Self(seconds)),
            _ => Err(BadTtl),
        }
    }
}

/// Reads a duration: decimal numbers, each with a unit.
fn duration_seconds(mut text: &str) -> Option<u128> {
    let mut nanoseconds = 0_u128;
    while !text.is_empty() {
        let (whole, rest) = digits(text);
        let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(end);
        let (_, mut scale) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole = if whole.is_empty() { 0 } else { whole.parse::<u128>().ok()? };
        nanoseconds = nanoseconds.checked_add(whole.checked_mul(scale)?)?;
        for digit in fraction.bytes() {
            scale /= 10;
            nanoseconds = nanoseconds.checked_add(scale * u128::from(digit - b'0'))?;
        }
        text = rest;
    }
    Some(nanoseconds / 1_000_000_000)
}

/// Splits after the leading digits.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_is_seconds_or_a_duration() {
        for (text, expected) in [
            ("60", Ok(Ttl(60))),
            ("+60", Ok(Ttl(60))),
            ("007", Ok(Ttl(7))),
            ("60s", Ok(Ttl(60))),
            ("1m", Ok(Ttl(60))),
            ("1m30s", Ok(Ttl(90))),
            ("1h1m1s", Ok(Ttl(3661))),
            ("30s1m", Ok(Ttl(90))),
            ("1m1m", Ok(Ttl(120))),
            ("1.5h", Ok(Ttl(5400))),
            (".5m", Ok(Ttl(30))),
            ("1.m", Ok(Ttl(60))),
            ("1500ms", Ok(Ttl(1))),
            ("5000000us", Ok(Ttl(5))),
            ("5000000\u{b5}s", Ok(Ttl(5))),
            ("999999999ns1ns", Ok(Ttl(1))),
            ("0.99999999999999999999s", Err(BadTtl)),
            ("999ms", Err(BadTtl)),
            ("2147483647", Ok(Ttl(2_147_483_647))),
            ("2147483648", Err(BadTtl)),
            ("99999999999999999999999", Err(BadTtl)),
            ("99999999999999999h", Err(BadTtl)),
            ("0", Err(BadTtl)),
            ("0s", Err(BadTtl)),
            ("-1", Err(BadTtl)),
            ("", Err(BadTtl)),
            ("s", Err(BadTtl)),
            (" 60 ", Err(BadTtl)),
            ("+", Err(BadTtl)),
            ("1m 30s", Err(BadTtl)),
            ("1d", Err(BadTtl)),
            (".s", Err(BadTtl)),
            ("1.5.5s", Err(BadTtl)),
            ("1\u{e9}s", Err(BadTtl)),
            ("6o", Err(BadTtl)),
            ("1.5", Err(BadTtl)),
        ] {
            assert_eq!(text.parse::<Ttl>(), expected, "{text:?}");
        }
    }
}
