//! Notes: records that are right, and that zonekeeper does not keep up to date.

use std::fmt;

use super::HandChange;
use crate::source::ObjectRef;

/// A key whose records are right but not ours, as the object sees it. A note is not a failure: nothing has to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The hostname, with the set identifier if there is one.
    pub host: String,
    /// The object that asks for it.
    pub object: ObjectRef,
    /// The note.
    pub note: Note,
    /// The change batch with which a person could make the records ours. zonekeeper does not run it.
    pub remedy: Vec<HandChange>,
}

/// Why a right record is not kept up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It has no owner.
    Unmanaged,
    /// It has no owner any more, and was ours before.
    OwnershipLost,
    /// Another owner has it.
    OwnedBy {
        /// That owner.
        owner: String,
    },
}

// === impl Note ===

impl Note {
    /// The note's name in Events, logs, metrics and documents.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unmanaged => "Unmanaged",
            Self::OwnershipLost => "OwnershipLost",
            Self::OwnedBy { .. } => "OwnedBy",
        }
    }

    /// The meaning of the note, whatever the record.
    pub fn meaning(&self) -> &'static str {
        match self {
            Self::Unmanaged => {
                "The record is right, but it has no ownership record. zonekeeper does not change it when the target changes."
            }
            Self::OwnershipLost => {
                "Somebody has removed the ownership record of a record that was ours. It may have been on purpose, so zonekeeper \
                 does not write it again, and does not change the record when the target changes."
            }
            Self::OwnedBy { .. } => {
                "The record is right, and its ownership record names another owner: another cluster, or ExternalDNS under \
                 another id. That owner keeps it up to date."
            }
        }
    }

    /// The fix, if zonekeeper is to keep the record up to date.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Unmanaged => {
                "if zonekeeper shall keep it up to date, set the annotation zonekeeper.dev/adopt: \"true\", or adopt it with \
                 `zonekeeper adopt NAME` or the change batch shown"
            }
            Self::OwnershipLost => {
                "if zonekeeper shall keep it up to date, state ownership again with the change batch shown"
            }
            Self::OwnedBy { .. } => {
                "nothing to do, unless this cluster shall manage it: then adopt it with `zonekeeper adopt NAME --from-owner \
                 ID`, or with --adopt-from-owner ID for all of that owner's"
            }
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmanaged => write!(f, "the record is right, but has no owner: it is not kept up to date"),
            Self::OwnershipLost => {
                write!(f, "the record is right, but its ownership record is gone: it is not kept up to date")
            }
            Self::OwnedBy { owner } => {
                write!(f, "the record is right, and the owner `{owner}` keeps it up to date")
            }
        }
    }
}
