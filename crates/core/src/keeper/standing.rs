//! How things stand, for whoever asks.

use super::{Keeper, Mode, quarantine::Permit, time::Time};
use crate::{
    dns::Zone,
    plan::{Blocked, HostPlan, Past, Plan, of_bad_hosts},
    source::Claims,
};

/// How far the work has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There is something to do, now or later.
    Working,
    /// Everything that can be written is written.
    Done {
        /// How many units Route 53 refused; they are tried again later.
        refused: usize,
    },
}

impl Keeper {
    /// When the keeper wants [`Input::Tick`](super::Input::Tick), if nothing happens before.
    pub fn wake_at(&self) -> Option<Time> {
        self.later
    }

    /// Whether every object and the zone have been seen, so that [`Keeper::plan`] means something.
    pub fn is_ready(&self) -> bool {
        self.opened
    }

    /// How far the work has come.
    pub fn progress(&self, now: Time) -> Progress {
        let waits = |unit| matches!(self.permit(unit, now), Permit::NotBefore(_));
        let refused = self.plans.units().filter(|(_, unit)| self.quarantine.concerns(unit)).count();
        let idle =
            self.opened && self.cycle.is_idle() && self.wakeup.due().is_none() && !self.rereads.is_awaited();
        let written = match self.config.mode {
            Mode::Apply => self.plans.units().all(|(_, unit)| waits(unit)),
            // What is not approved is not waited for.
            Mode::Approve => {
                let mut approved = self.plans.units().filter(|(_, unit)| self.approvals.allows(unit));
                self.approvals.is_settled() && approved.all(|(_, unit)| waits(unit))
            }
            Mode::DryRun => true,
        };
        if idle && written { Progress::Done { refused } } else { Progress::Working }
    }

    /// The whole plan as it stands. Units that are held back are shown as blocked.
    pub fn plan(&self) -> Plan {
        let mut plan = self.plans.plan(&self.view());
        plan.blocked.extend(plan.units.iter().filter_map(|unit| self.as_blocked(unit)));
        plan.units.retain(|unit| self.held(unit).is_none());
        plan
    }

    /// What is known of every hostname for which there is something to say.
    pub fn hosts(&self) -> impl Iterator<Item = &HostPlan> {
        self.plans.hosts()
    }

    /// What objects ask for that is no hostname: it is in no hostname's plan.
    pub fn bad_hosts(&self) -> impl Iterator<Item = Blocked> {
        self.claims.facts().flat_map(|facts| of_bad_hosts(facts))
    }

    /// What its decisions rest on besides the objects and the zone.
    pub fn past(&self) -> &Past {
        &self.past
    }

    /// Planned units that are held back, as their objects see them.
    pub fn held_back(&self) -> impl Iterator<Item = &Blocked> {
        self.holds.shown()
    }

    /// The zone as last seen.
    pub fn zone(&self) -> &Zone {
        self.snapshot.zone()
    }

    /// Who asks for what.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// How many accepted changes are on their way to the name servers.
    pub fn underway(&self) -> usize {
        self.propagation.len()
    }
}
