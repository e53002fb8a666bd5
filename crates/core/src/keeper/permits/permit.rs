//! The answers to the question whether a unit may be sent.

use crate::{keeper::time::Time, plan::Reason};

/// Whether and how a unit may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::keeper) enum Permit {
    /// Together with others.
    WithOthers,
    /// In a batch of its own, because it was rejected before.
    Alone,
    /// Not before this time.
    NotBefore(Time),
}

// === impl Permit ===

impl Permit {
    /// The permit of two units that must be sent together.
    pub fn both(self, other: Self) -> Self {
        match (self, other) {
            (Self::NotBefore(one), Self::NotBefore(other)) => Self::NotBefore(one.max(other)),
            (Self::NotBefore(until), _) | (_, Self::NotBefore(until)) => Self::NotBefore(until),
            (Self::Alone, _) | (_, Self::Alone) => Self::Alone,
            (Self::WithOthers, Self::WithOthers) => Self::WithOthers,
        }
    }
}

/// Why the keeper holds a planned unit back, and until when.
#[derive(Debug)]
pub(in crate::keeper) struct Hold {
    pub reason: Reason,
    pub until: Time,
}
