//! The state of an object whose kind has a status.

use arcstr::ArcStr;

use crate::{
    plan::{Blocked, Noted},
    source::{ClaimKey, ObjectRef},
};

/// The state of the records that an object wants in this zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectState {
    /// The object.
    pub object: ObjectRef,
    /// The object's uid.
    pub uid: ArcStr,
    /// The generation of the spec that the state describes.
    pub generation: i64,
    /// Whether the records are as wanted.
    pub readiness: Readiness,
}

/// Whether the records of an object are as wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// All of them are.
    Ready {
        /// The number of keys.
        keys: usize,
        /// The first records that are right but not ours, so that zonekeeper does not keep them up to date.
        noted: Option<Box<Noted>>,
    },
    /// Some of them cannot be written.
    Blocked {
        /// The first of them, as the object sees it.
        first: Box<Blocked>,
        /// How many others there are.
        others: usize,
    },
    /// Some of them are still to be written, and none is blocked.
    Waiting {
        /// The first of them.
        first: ClaimKey,
        /// How many others there are.
        others: usize,
        /// Whether a person must approve the plan first.
        needs_approval: bool,
    },
}

// === impl Readiness ===

impl Readiness {
    /// Its name, for logs and tests.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Ready { .. } => "Ready",
            Self::Blocked { .. } => "Blocked",
            Self::Waiting { .. } => "Waiting",
        }
    }
}
