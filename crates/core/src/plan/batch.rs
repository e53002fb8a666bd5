//! Batches: units packed into requests that Route 53 accepts.

use std::ops::AddAssign;

use super::{Change, Unit};
use crate::dns::RecordSet;

/// "A request cannot contain more than 1,000 `ResourceRecord` elements. When the value of the `Action` element is
/// `UPSERT`, each `ResourceRecord` element is counted twice." An alias counts as one element (developer guide,
/// "Quotas", maximums on API requests).
pub const MAX_BATCH_VALUES: usize = 1_000;

/// "The sum of the number of characters (including spaces) in all `Value` elements in a request cannot exceed
/// 32,000 characters. When the value of the `Action` element is `UPSERT`, each character is counted twice."
/// An alias has no `Value` element (developer guide, "Quotas").
pub const MAX_BATCH_CHARACTERS: usize = 32_000;

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

/// Units of one request. Route 53 accepts or rejects it as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    units: Vec<Unit>,
    weight: Weight,
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

    /// Counts all changes of a unit.
    pub fn of_unit(unit: &Unit) -> Self {
        Self::sum(unit.changes())
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

// === impl Batch ===

impl Batch {
    /// Adds a unit if it fits, otherwise returns it.
    pub fn push(&mut self, unit: Unit) -> Result<(), Box<Unit>> {
        let mut weight = self.weight;
        weight += Weight::of_unit(&unit);
        if !weight.fits_a_batch() {
            return Err(Box::new(unit));
        }
        self.weight = weight;
        self.units.push(unit);
        Ok(())
    }

    /// Packs units in their order. Each batch is as full as that order allows.
    ///
    /// Each unit fits into a batch, because plans block larger units (`Reason::TooBig`).
    pub fn pack(units: impl IntoIterator<Item = Unit>) -> Vec<Self> {
        let mut batches: Vec<Self> = Vec::new();
        for unit in units {
            let rest = match batches.last_mut() {
                Some(batch) => batch.push(unit),
                None => Err(Box::new(unit)),
            };
            if let Err(unit) = rest {
                let weight = Weight::of_unit(&unit);
                batches.push(Self { units: vec![*unit], weight });
            }
        }
        batches
    }

    /// The units.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// The changes of all units.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.units.iter().flat_map(Unit::changes)
    }

    /// The weight.
    pub fn weight(&self) -> Weight {
        self.weight
    }

    /// Whether it has no units.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }
}
