//! Notes: right records that zonekeeper does not keep up to date.

use std::fmt;

use super::HandChange;
use crate::source::{ClaimKey, ObjectRef};

/// A claim whose records are right but not ours. A note is not a failure: nothing has to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The key.
    pub key: ClaimKey,
    /// The object of the claim.
    pub object: ObjectRef,
    /// The note.
    pub note: Note,
    /// The change batch with which a person could make the records ours. zonekeeper does not run it.
    pub remedy: Vec<HandChange>,
}

/// Why a right record is not kept up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The record has no owner.
    Unmanaged,
    /// The record was ours, and its ownership record is gone.
    OwnershipLost,
    /// The record belongs to another owner.
    OwnedBy {
        /// The other owner.
        owner: String,
    },
}

// === impl Note ===

impl Note {
    /// The labels of all notes.
    pub const LABELS: [&str; 3] = ["Unmanaged", "OwnershipLost", "OwnedBy"];

    /// The note's name in Events, logs, metrics and documents.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unmanaged => "Unmanaged",
            Self::OwnershipLost => "OwnershipLost",
            Self::OwnedBy { .. } => "OwnedBy",
        }
    }

    /// The meaning of the note, for any record.
    pub fn meaning(&self) -> &'static str {
        match self {
            Self::Unmanaged => {
                "The record is right, but it has no ownership record. zonekeeper does not change it when the target changes."
            }
            Self::OwnershipLost => {
                "Somebody removed the ownership record of a record that was ours, perhaps on purpose. zonekeeper does not write \
                 it again, and does not change the record when the target changes. Only a process that has seen the \
                 ownership record knows this. For any other process, as `zonekeeper plan`, the record is `Unmanaged`."
            }
            Self::OwnedBy { .. } => {
                "The record is right, and its ownership record names another owner: another cluster, or ExternalDNS with \
                 another owner id. That owner keeps it up to date."
            }
        }
    }

    /// The fix, if zonekeeper should manage the record.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Unmanaged => {
                "to manage the record with zonekeeper, run `zonekeeper adopt NAME` or the change batch shown; or, if zonekeeper \
                 runs with --adopt-by-annotation, set the annotation zonekeeper.dev/adopt: \"true\""
            }
            Self::OwnershipLost => "to manage the record with zonekeeper again, run the change batch shown",
            Self::OwnedBy { .. } => {
                "nothing to do; to manage the record in this cluster, run `zonekeeper adopt NAME --from-owner ID`; \
                 --adopt-from-owner ID adopts all records of that owner"
            }
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmanaged => {
                write!(f, "the record is right, but has no owner: zonekeeper does not keep it up to date")
            }
            Self::OwnershipLost => {
                write!(
                    f,
                    "the record is right, but its ownership record is gone: zonekeeper does not keep it up to date"
                )
            }
            Self::OwnedBy { owner } => {
                write!(f, "the record is right, and the owner `{owner}` keeps it up to date")
            }
        }
    }
}
