//! Limits of record sets, requests and objects.

use std::{fmt, ops::AddAssign};

use super::Change;
use crate::{
    dns::{MAX_SET_VALUES, RecordSet},
    source::{MAX_OBJECT_HOSTS, MAX_OBJECT_VALUES},
};

/// "A request cannot contain more than 1,000 `ResourceRecord` elements. When the value of the `Action` element is
/// `UPSERT`, each `ResourceRecord` element is counted twice." An alias counts as one element (developer guide,
/// "Quotas", maximums on API requests).
pub const MAX_BATCH_VALUES: usize = 1_000;

/// "The sum of the number of characters (including spaces) in all `Value` elements in a request cannot exceed
/// 32,000 characters. When the value of the `Action` element is `UPSERT`, each character is counted twice."
/// An alias has no `Value` element (developer guide, "Quotas").
pub const MAX_BATCH_CHARACTERS: usize = 32_000;

/// Maximum of set identifiers of one hostname. Route 53 allows 100 record sets with the same name and type, 30 for
/// geoproximity (developer guide, "Quotas").
pub const MAX_SET_IDS: usize = 100;

/// How much a change, a unit or a batch counts towards the limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// Towards [`MAX_BATCH_VALUES`].
    pub values: usize,
    /// Towards [`MAX_BATCH_CHARACTERS`].
    pub characters: usize,
    /// Towards the account's change throughput: CREATE 1, UPSERT 2.
    pub changes: u32,
}

/// An exceeded limit, with the actual number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Values in one record set.
    SetValues,
    /// Values at all hostnames of one object.
    ObjectValues(usize),
    /// Hostnames of one object.
    ObjectHosts(usize),
    /// Set identifiers of one hostname.
    SetIds(usize),
    /// Values in one request.
    BatchValues(usize),
    /// Characters in one request.
    BatchCharacters(usize),
}

// === impl Weight ===

impl Weight {
    /// Counts one change.
    pub fn of(change: &Change) -> Self {
        let (times, changes) = match change {
            Change::Create { .. } => (1, 1),
            Change::Replace { .. } => (2, 2),
        };
        let Self { values, characters, .. } = Self::of_set(change.after());
        Self { values: values * times, characters: characters * times, changes }
    }

    /// Counts a created or deleted set.
    pub(super) fn of_set(set: &RecordSet) -> Self {
        let values = set.values();
        Self {
            values: values.len().max(1),
            characters: values.iter().map(|value| value.chars().count()).sum(),
            changes: 1,
        }
    }

    /// Counts several changes.
    pub fn sum<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let mut weight = Self::default();
        for change in changes {
            weight += Self::of(change);
        }
        weight
    }

    /// Whether one request may hold it.
    pub fn fits_a_batch(self) -> bool {
        self.values <= MAX_BATCH_VALUES && self.characters <= MAX_BATCH_CHARACTERS
    }
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        self.values += other.values;
        self.characters += other.characters;
        self.changes += other.changes;
    }
}

// === impl Limit ===

impl Limit {
    /// Checks whether one request can hold all changes of a unit.
    pub(super) fn check(changes: &[Change]) -> Result<(), Self> {
        let weight = Weight::sum(changes);
        if weight.values > MAX_BATCH_VALUES {
            return Err(Self::BatchValues(weight.values));
        }
        if weight.characters > MAX_BATCH_CHARACTERS {
            return Err(Self::BatchCharacters(weight.characters));
        }
        Ok(())
    }

    /// How a person can stay within the limit.
    pub(super) fn fix(self) -> &'static str {
        match self {
            Self::ObjectValues(_) | Self::ObjectHosts(_) => "spread the hostnames over several objects",
            Self::SetIds(_) => "remove set identifiers of the hostname, or choose another hostname",
            Self::SetValues | Self::BatchValues(_) | Self::BatchCharacters(_) => {
                "spread the targets over several hostnames"
            }
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetValues => {
                write!(
                    f,
                    "the record set would have more than {MAX_SET_VALUES} values, which Route 53 does not allow"
                )
            }
            Self::ObjectValues(have) => write!(
                f,
                "the object has {have} values at all its hostnames together, and {MAX_OBJECT_VALUES} are allowed"
            ),
            Self::ObjectHosts(have) => {
                write!(f, "the object has {have} hostnames, and {MAX_OBJECT_HOSTS} are allowed")
            }
            Self::SetIds(have) => {
                write!(f, "the hostname has {have} set identifiers, and Route 53 allows {MAX_SET_IDS}")
            }
            Self::BatchValues(have) => {
                write!(f, "the unit has {have} values, and {MAX_BATCH_VALUES} are allowed in one request")
            }
            Self::BatchCharacters(have) => {
                write!(
                    f,
                    "the unit has {have} characters, and {MAX_BATCH_CHARACTERS} are allowed in one request"
                )
            }
        }
    }
}
