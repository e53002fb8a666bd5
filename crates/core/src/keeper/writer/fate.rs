//! The fate of a batch without an answer, judged by later reads.

use crate::{
    dns::{RecordSet, Zone},
    plan::{Batch, Change, Role, Unit},
};

/// Whether Route 53 accepted a batch whose answer was lost.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BatchFate {
    Accepted,
    NotAccepted,
    Unclear,
}

impl BatchFate {
    /// Judges by some units of a batch. A batch is atomic: one unit that is completely in the zone proves all of them.
    pub fn of(units: &[Unit], zone: &Zone) -> Self {
        let there = |set: &RecordSet| zone.get(set.name(), set.rtype(), set.key.set_id.as_ref());
        let holds = |set: &RecordSet| there(set) == Some(set);
        let is_before =
            |change: &Change| change.before().map_or_else(|| there(change.after()).is_none(), holds);
        if units.iter().any(|unit| unit.changes().iter().all(|change| holds(change.after()))) {
            Self::Accepted
        } else if units.iter().flat_map(Unit::changes).all(is_before) {
            Self::NotAccepted
        } else {
            Self::Unclear
        }
    }
}

/// The unit that best shows whether a batch was accepted. Nobody else writes its ownership record, unless another
/// process has our owner id. Then the record set beside it decides.
pub(super) fn best_evidence(batch: &Batch) -> &[Unit] {
    let has_txt = |unit: &Unit| unit.changes().iter().any(|change| change.role() == Role::Ownership);
    let at = batch.units().iter().position(has_txt).unwrap_or_default();
    batch.units().get(at..=at).unwrap_or_default()
}
