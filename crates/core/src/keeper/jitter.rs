//! Jitter without randomness: equal arguments give equal results, so a run can be repeated.

/// A number from 0 to 1, 1 excluded (`SplitMix64`, Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a float")]
pub(super) fn fraction(seed: u64, attempt: u64) -> f64 {
    let mut x = seed.wrapping_add(attempt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// An index below `count`, or 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "it is not negative, and below a count that a float can hold"
)]
pub(super) fn place(count: usize, seed: u64, attempt: u64) -> usize {
    (fraction(seed, attempt) * count as f64) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_equals_the_published_generator() {
        // The first numbers for the seed 0: e220a8397b1dcdaf, 6e789e6aa1b965f4, 06c45d188009454f.
        let expected = [0.883_310_808_213_642_6_f64, 0.431_527_997_048_509_97, 0.026_433_771_592_597_743];
        let ours = [1, 2, 3].map(|attempt| fraction(0, attempt));
        assert_eq!(ours.map(f64::to_bits), expected.map(f64::to_bits));
        assert_eq!(fraction(0x9e37_79b9_7f4a_7c15, 1).to_bits(), expected[1].to_bits());
    }

    #[test]
    fn every_index_occurs() {
        let places: BTreeSet<usize> = (0..100).map(|attempt| place(10, 1, attempt)).collect();
        assert_eq!(places, (0..10).collect());
        assert_eq!(place(0, 1, 1), 0);
    }
}
