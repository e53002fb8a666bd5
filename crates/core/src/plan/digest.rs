//! Digests of plans and units, with which a person approves exactly the shown changes.
//!
//! A digest covers values, never the text that a plan shows. Each value is hashed in one explicit form: a tag for each
//! choice, and its length before each text. So two different values never give the same bytes, and a better wording does
//! not change a digest. Tenants choose hostnames and targets, so a digest must resist a forger: SHA-256 is not cut where
//! digests are compared.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};

/// The digest of one unit: its actions, the values before and after, and its object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitDigest([u8; 32]);

/// The digest of a whole plan: equal digests mean the same units.
///
/// A person copies it by hand, so it has 128 bits. To find two plans with one digest takes 2^64 tries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanDigest([u8; 16]);

/// A move of a hostname from one target to another.
///
/// A load balancer in place of another one is one move, however many hostnames lead to it. Moves are compared across
/// processes, and tenants choose the targets, so a move is a hash of 128 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move([u8; 16]);

/// A text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a plan's digest has 32 hexadecimal digits, and a unit's digest has 64")]
pub struct BadDigest;

/// A hash of values in their explicit form.
pub(super) struct Encoder(Sha256);

// === impl Encoder ===

impl Encoder {
    /// Begins a hash. `domain` names the sort of value and the version of its form, as `zonekeeper unit v1`.
    pub fn new(domain: &str) -> Self {
        let mut encoder = Self(Sha256::new());
        encoder.text(domain);
        encoder
    }

    /// Adds the choice among the variants of a value.
    pub fn tag(&mut self, tag: u8) {
        self.0.update([tag]);
    }

    /// Adds a number.
    pub fn number(&mut self, number: u64) {
        self.0.update(number.to_be_bytes());
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    /// Adds a text that can be absent.
    pub fn optional(&mut self, text: Option<&str>) {
        self.tag(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    /// Adds values in their order.
    pub fn list<T>(&mut self, values: &[T], mut add: impl FnMut(&mut Self, &T)) {
        self.number(values.len() as u64);
        for value in values {
            add(self, value);
        }
    }

    /// The first bytes of the hash, 32 at most.
    pub fn finish<const N: usize>(self) -> [u8; N] {
        let mut out = [0; N];
        for (to, from) in out.iter_mut().zip(self.0.finalize()) {
            *to = from;
        }
        out
    }
}

// === impl UnitDigest ===

impl UnitDigest {
    /// The digest of an encoded unit.
    pub(super) fn new(encoder: Encoder) -> Self {
        Self(encoder.finish())
    }

    /// The first 128 bits, as a plan shows them.
    pub fn short(&self) -> String {
        self.to_string().chars().take(32).collect()
    }
}

// === impl Move ===

impl Move {
    /// The move of an encoded list of places.
    pub(super) fn new(encoder: Encoder) -> Self {
        Self(encoder.finish())
    }
}

// === impl PlanDigest ===

impl PlanDigest {
    /// The digest of a plan with these units, in any order.
    pub fn of(units: impl IntoIterator<Item = UnitDigest>) -> Self {
        let mut units: Vec<UnitDigest> = units.into_iter().collect();
        units.sort_unstable();
        let mut encoder = Encoder::new("zonekeeper plan v1");
        encoder.number(units.len() as u64);
        for UnitDigest(unit) in units {
            encoder.0.update(unit);
        }
        Self(encoder.finish())
    }
}

/// SHA-256 of a text in lower-case hex, cut to a number of digits.
pub(super) fn hex(text: &str, digits: usize) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hash = Sha256::digest(text.as_bytes());
    let halves = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.take(digits).filter_map(|half| DIGITS.get(usize::from(half)).copied().map(char::from)).collect()
}

macro_rules! hex_text {
    ($type:ty, $bytes:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $type {
            type Err = BadDigest;

            fn from_str(text: &str) -> Result<Self, BadDigest> {
                let mut digest = Self([0; $bytes]);
                if text.len() != 2 * $bytes || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(BadDigest);
                }
                for (byte, digits) in digest.0.iter_mut().zip(text.as_bytes().chunks(2)) {
                    let digits = std::str::from_utf8(digits).map_err(|_| BadDigest)?;
                    *byte = u8::from_str_radix(digits, 16).map_err(|_| BadDigest)?;
                }
                Ok(digest)
            }
        }
    };
}

hex_text!(UnitDigest, 32);
hex_text!(PlanDigest, 16);
hex_text!(Move, 16);
