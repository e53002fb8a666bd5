//! Short names for what a plan would write, so that a person can approve exactly that.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};

/// What one unit would write: its actions, what was there before, what comes after, for which object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitDigest([u8; 8]);

/// What a whole plan would write. Equal digests mean the same units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanDigest([u8; 16]);

/// A text that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 32 hexadecimal digits, that of a unit 16, as a plan shows them")]
pub struct BadDigest;

// === impl UnitDigest ===

impl UnitDigest {
    /// The digest of a unit's canonical lines.
    pub(super) fn of(lines: &[String]) -> Self {
        let mut hash = Sha256::new();
        for line in lines {
            hash.update(line.as_bytes());
            hash.update(b"\n");
        }
        Self(first(&hash.finalize()))
    }
}

// === impl PlanDigest ===

impl PlanDigest {
    /// The digest of so many units, in any order.
    pub fn of(units: impl IntoIterator<Item = UnitDigest>) -> Self {
        let mut units: Vec<UnitDigest> = units.into_iter().collect();
        units.sort_unstable();
        let mut hash = Sha256::new();
        for unit in units {
            hash.update(unit.0);
        }
        Self(first(&hash.finalize()))
    }
}

/// The first bytes of a hash, which has more than are asked for.
fn first<const N: usize>(hash: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(hash) {
        *to = *from;
    }
    out
}

/// SHA-256 of a text in lower-case hex, cut to so many digits.
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

hex_text!(UnitDigest, 8);
hex_text!(PlanDigest, 16);
