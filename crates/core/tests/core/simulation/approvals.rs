//! The check of approvals: a process writes only approved units, and each of them only once.

use std::collections::{BTreeMap, BTreeSet};

use zonekeeper_core::{
    keeper::{Approval, Mode, Publication},
    plan::{Batch, PlanDigest, Unit, UnitDigest},
};

use super::invariants::Violation;

/// Lifetime of an approval, in seconds (§7).
const LASTS: i64 = 7 * 24 * 3_600;

/// All approvals and their use.
#[derive(Debug, Clone)]
pub struct Approvals {
    mode: Mode,
    /// The units of all published plans.
    shown: BTreeMap<PlanDigest, BTreeSet<UnitDigest>>,
    given: Vec<Approval>,
    used: Vec<Use>,
}

/// An accepted unit. It uses the approval that ends first among those that cover it.
#[derive(Debug, Clone)]
struct Use {
    approval: Approval,
    unit: UnitDigest,
    process: u32,
    /// Whether the process knows that it was accepted.
    is_known: bool,
    /// Whether the next leader can find this out.
    is_kept: bool,
}

// === impl Approvals ===

impl Approvals {
    pub fn new(mode: Mode) -> Self {
        Self { mode, shown: BTreeMap::new(), given: Vec::new(), used: Vec::new() }
    }

    /// Notes that a plan is published.
    pub fn shown(&mut self, published: &Publication) -> Result<(), Violation> {
        let units: BTreeSet<UnitDigest> = published.units.iter().map(|(unit, _)| *unit).collect();
        if PlanDigest::of(units.iter().copied()) != published.digest {
            return Err(Violation::new(
                "a published digest covers exactly the published units",
                published.digest.to_string(),
            ));
        }
        self.shown.insert(published.digest, units);
        let is_to_come = |unit: UnitDigest| published.units.contains(&(unit, true));
        for used in &mut self.used {
            let is_said = published.used == Some(used.approval) && !is_to_come(used.unit);
            used.is_kept |= used.is_known && is_said && !published.rest.contains(&used.unit);
        }
        Ok(())
    }

    /// Notes that a person approves a plan. The same approval can be repeated.
    pub fn given(&mut self, approval: Approval) {
        if !self.given.contains(&approval) {
            self.given.push(approval);
        }
    }

    /// Checks a batch before it is sent. `unix` is the wall clock of the process.
    pub fn check(&self, batch: &Batch, unix: i64) -> Result<(), Violation> {
        match self.mode {
            Mode::Apply => Ok(()),
            Mode::DryRun => {
                Err(Violation::new("a dry run writes nothing", format!("{} units", batch.units().len())))
            }
            Mode::Approve => batch.units().iter().try_for_each(|unit| self.check_unit(unit.digest(), unix)),
        }
    }

    fn check_unit(&self, digest: UnitDigest, unix: i64) -> Result<(), Violation> {
        let detail = format!("{digest} at {unix}, of {:?}", self.given);
        let covering: Vec<&Approval> = self.covering(digest).collect();
        if covering.is_empty() {
            return Err(Violation::new("only approved units are written", detail));
        }
        let lasting: Vec<&&Approval> =
            covering.iter().filter(|approval| approval.at + LASTS > unix).collect();
        if lasting.is_empty() {
            return Err(Violation::new("an approval lasts for seven days", detail));
        }
        if lasting.iter().all(|approval| self.is_used(approval, digest)) {
            return Err(Violation::new("an approval is used once", detail));
        }
        Ok(())
    }

    /// The approvals of plans with a unit.
    fn covering(&self, unit: UnitDigest) -> impl Iterator<Item = &Approval> {
        let covers = move |approval: &&Approval| {
            self.shown.get(&approval.digest).is_some_and(|units| units.contains(&unit))
        };
        self.given.iter().filter(covers)
    }

    fn is_used(&self, approval: &Approval, unit: UnitDigest) -> bool {
        self.used.iter().any(|used| used.approval == *approval && used.unit == unit)
    }

    /// Notes that a batch was accepted. `unix` is the wall clock of its process.
    pub fn accepted(&mut self, process: u32, batch: &Batch, unix: i64) {
        for unit in batch.units().iter().map(Unit::digest) {
            let unused = self.covering(unit).filter(|approval| !self.is_used(approval, unit));
            let first =
                unused.filter(|approval| approval.at + LASTS > unix).min_by_key(|approval| approval.at);
            if let Some(approval) = first.copied() {
                self.used.push(Use { approval, unit, process, is_known: false, is_kept: false });
            }
        }
    }

    /// Notes that a process knows that a batch was accepted.
    pub fn reported(&mut self, process: u32, batch: &Batch) {
        let units: BTreeSet<UnitDigest> = batch.units().iter().map(Unit::digest).collect();
        let of_batch =
            self.used.iter_mut().filter(|used| used.process == process && units.contains(&used.unit));
        of_batch.for_each(|used| used.is_known = true);
    }

    /// Notes that a new leader knows only the published use of approvals, and continues with the other units.
    pub fn recalled(&mut self) {
        self.used.retain(|used| used.is_kept);
    }

    /// Notes that a process waits for no answer. An accepted unit that others have changed can be sent again, because
    /// the process cannot find out that it was accepted.
    pub fn concluded(&mut self, process: u32) {
        self.used.retain(|used| used.process != process || used.is_known);
    }
}
