//! The limits of the brake.

/// The limits from which the brake holds: that of the moves, and that of the share or of the number of hostnames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrakeLimits {
    /// The number of different moves.
    pub moves: usize,
    /// The share of our hostnames that are moved, in percent. At 100 the brake never holds.
    pub percent: usize,
    /// The number of our hostnames that are moved.
    pub hosts: usize,
}

// === impl BrakeLimits ===

impl Default for BrakeLimits {
    fn default() -> Self {
        Self { moves: 10, percent: 50, hosts: 200 }
    }
}
