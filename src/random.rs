//! Random numbers that differ between processes. The process id does not: it is 1 in every container.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A random number. The standard library seeds its hashers with the randomness of the system.
pub fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}
