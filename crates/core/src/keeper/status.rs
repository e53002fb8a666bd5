//! The state of the work, for commands, metrics and readiness.

use super::{
    model::Model, permits::Permits, planner::Planner, reader::ZoneReader, reports::Reports, time::Time,
    writer::Writer,
};
use crate::plan::{Plan, Unit};

/// Whether there is something left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// There is something to do, now or later.
    Working,
    /// Everything that can be written is written.
    Done {
        /// The number of rejected units. They are sent again later.
        refused: usize,
    },
}

/// All parts of a keeper, to look at.
pub(super) struct Status<'k> {
    pub model: &'k Model,
    pub planner: &'k Planner,
    pub permits: &'k Permits,
    pub reader: &'k ZoneReader,
    pub writer: &'k Writer,
    pub reports: &'k Reports,
}

// === impl Status ===

impl Status<'_> {
    /// Whether there is something left to do.
    pub fn completion(&self, now: Time) -> Completion {
        let is_idle = self.planner.is_started()
            && self.writer.is_idle()
            && !self.planner.is_waiting()
            && !self.reader.is_awaited();
        if is_idle && self.permits.rules(self.model, self.planner, now).is_done() {
            let units = self.planner.units().map(|(_, unit)| unit);
            Completion::Done { refused: units.filter(|unit| self.permits.quarantine.concerns(unit)).count() }
        } else {
            Completion::Working
        }
    }

    /// The whole plan. Units that are held or rejected are shown as blocked.
    pub fn plan(&self) -> Plan {
        let mut plan = self.planner.plan(&self.model.view());
        let hold = |unit: &Unit| self.reports.hold_of(unit).cloned();
        plan.blocked.extend(plan.units.iter().filter_map(hold));
        plan.units.retain(|unit| self.reports.hold_of(unit).is_none());
        plan
    }
}
