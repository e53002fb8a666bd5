//! Batches: units packed into requests that Route 53 accepts.

use super::{Change, Unit, Weight};

/// Units of one request. Route 53 accepts or rejects it as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    units: Vec<Unit>,
    weight: Weight,
}

// === impl Batch ===

impl Batch {
    /// Adds a unit if it fits, otherwise returns it.
    pub fn push(&mut self, unit: Unit) -> Result<(), Box<Unit>> {
        let mut weight = self.weight;
        weight += Weight::sum(unit.changes());
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
                let weight = Weight::sum(unit.changes());
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
