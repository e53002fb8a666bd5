//! Changes of the zone, each with its role.

use std::fmt;

use super::Heritage;
use crate::dns::RecordSet;

/// One change of the zone. There is no third variant: nothing in this program can express a deletion.
///
/// ```
/// # use zonekeeper_core::{dns::RecordSet, plan::Change};
/// fn action(change: Change) -> (&'static str, RecordSet) {
///     match change {
///         Change::Create { set, .. } => ("CREATE", set),
///         Change::Replace { after, .. } => ("UPSERT", after),
///     }
/// }
/// ```
///
/// ```compile_fail
/// # use zonekeeper_core::{dns::RecordSet, plan::{Change, Role}};
/// fn delete(set: RecordSet) -> Change {
///     Change::Delete { role: Role::Record, set }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sent as CREATE. Route 53 refuses it if the set exists.
    Create {
        /// The role of the set.
        role: Role,
        /// The new set.
        set: RecordSet,
    },
    /// Sent as UPSERT, only if a fresh read shows that the set is ours and unchanged.
    Replace {
        /// The role of the set.
        role: Role,
        /// The set in the zone. It is boxed, so that the most frequent change, a creation, is small.
        before: Box<RecordSet>,
        /// The wanted set, with the same name, type and set identifier.
        after: RecordSet,
    },
}

/// The role of a record set. It never follows from the type: a TXT can be a record that an object asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A record set that an object asks for.
    Record,
    /// The ownership record beside one.
    Ownership,
}

// === impl Change ===

impl Change {
    /// The role of the set.
    pub fn role(&self) -> Role {
        match self {
            Self::Create { role, .. } | Self::Replace { role, .. } => *role,
        }
    }

    /// Whether it changes a record set that an object asks for.
    pub fn is_of_record(&self) -> bool {
        self.role() == Role::Record
    }

    /// Whether it creates the set.
    pub fn is_create(&self) -> bool {
        matches!(self, Self::Create { .. })
    }

    /// The set after the change.
    pub fn after(&self) -> &RecordSet {
        match self {
            Self::Create { set, .. } | Self::Replace { after: set, .. } => set,
        }
    }

    pub(super) fn after_mut(&mut self) -> &mut RecordSet {
        match self {
            Self::Create { set, .. } | Self::Replace { after: set, .. } => set,
        }
    }

    /// The set before the change; none before a creation.
    pub fn before(&self) -> Option<&RecordSet> {
        match self {
            Self::Create { .. } => None,
            Self::Replace { before, .. } => Some(before),
        }
    }

    /// Why the zone needs the change.
    pub fn why(&self) -> &'static str {
        match (self, self.role()) {
            (Self::Create { .. }, Role::Record) => "not in the zone",
            (Self::Create { .. }, Role::Ownership) => "states ownership",
            (Self::Replace { before, after, .. }, Role::Ownership) => {
                let said = |set| Heritage::of(set);
                match (said(before), said(after)) {
                    (Some(before), Some(after)) if before.owner != after.owner => "takes ownership over",
                    (Some(before), Some(after)) if before == after => "the object asks for another routing",
                    _ => "names the object that holds the hostname",
                }
            }
            (Self::Replace { before, after, .. }, Role::Record) if before.routing != after.routing => {
                "the object asks for another routing"
            }
            (Self::Replace { before, after, .. }, Role::Record) if before.answers_like(after) => {
                "the object asks for another TTL"
            }
            (Self::Replace { .. }, Role::Record) => "the object asks for another target",
        }
    }
}

/// `create NAME TYPE DATA`, or `replace NAME TYPE BEFORE -> AFTER`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { set, .. } => write!(f, "create {set}"),
            Self::Replace { before, after, .. } if before.routing == after.routing => {
                write!(f, "replace {before} -> {}", after.data)
            }
            Self::Replace { before, after, .. } => {
                write!(f, "replace {before} -> {} {}", after.routing, after.data)
            }
        }
    }
}
