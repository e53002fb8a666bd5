//! The order of texts that begin alike.

use std::cmp::Ordering;

/// Compares two texts, as `Ord` does. It is faster if they begin alike, because musl compares byte by byte.
pub fn compare(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let words = one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0);
    let alike = words.take_while(|(one, other)| one == other).count() * 8;
    one.get(alike..).cmp(&other.get(alike..))
}
