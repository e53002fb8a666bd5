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
    /// Adds a unit, or units that are bound to each other, if they fit. Otherwise it returns them.
    pub fn push(&mut self, units: Vec<Unit>) -> Result<(), Vec<Unit>> {
        let mut weight = self.weight;
        weight += Weight::sum(units.iter().flat_map(Unit::changes));
        if !weight.fits_a_batch() {
            return Err(units);
        }
        self.weight = weight;
        self.units.extend(units);
        Ok(())
    }

    /// Packs units in their order. Each batch is as full as that order allows.
    ///
    /// Each unit fits into a batch, with the units that it is bound to, because plans block larger ones
    /// (`Reason::TooBig`).
    pub fn pack(units: &[Unit]) -> Vec<Self> {
        let mut batches: Vec<Self> = Vec::new();
        for group in groups(units) {
            let rest = match batches.last_mut() {
                Some(batch) => batch.push(group.to_vec()),
                None => Err(group.to_vec()),
            };
            if let Err(units) = rest {
                let weight = Weight::sum(units.iter().flat_map(Unit::changes));
                batches.push(Self { units, weight });
            }
        }
        batches
    }

    /// The units, those that are bound to each other together.
    pub fn groups(&self) -> impl Iterator<Item = &[Unit]> {
        groups(&self.units)
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

/// Units in their order, those that are bound to each other together. Units of one hostname are neighbours.
fn groups(units: &[Unit]) -> impl Iterator<Item = &[Unit]> {
    units.chunk_by(Unit::is_bound_to)
}
