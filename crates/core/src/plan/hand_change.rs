//! Changes for people.

use crate::dns::RecordSet;

/// One change of a change batch for a person. Unlike [`Change`](super::Change), it can delete. No code sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandChange {
    /// Delete exactly this set.
    Delete(RecordSet),
    /// Create this set.
    Create(RecordSet),
}

// === impl HandChange ===

impl HandChange {
    /// The deleted or created set.
    pub fn set(&self) -> &RecordSet {
        match self {
            Self::Delete(set) | Self::Create(set) => set,
        }
    }
}
