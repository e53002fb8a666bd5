//! Approvals: in the mode `approve`, only units that a person has approved are written.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use crate::{
    keeper::{
        publication::{Approval, Publication},
        time::Time,
    },
    plan::{PlanDigest, Unit, UnitDigest},
};

/// The most units that a publication lists with their state.
const MOST_LISTED: usize = 1_000;
/// The most approved units that a publication names beside the list.
///
/// Etcd limits an object to 1.5 MiB, 1,572,864 bytes. A named unit takes 65 bytes, 64 hex digits and a space: 16,000
/// of them take 1,040,000. A listed unit takes at most 96 bytes: 1,000 of them take 96,000. The rest, over 400,000
/// bytes, is room for the other fields of the object.
const MOST_NAMED: usize = 16_000;
const _: () = assert!(MOST_NAMED * 65 + MOST_LISTED * 96 + 400_000 < 1_572_864);
/// How often the publication may change.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// The same for a publication that is too large to list units.
const PUBLISH_MANY_EVERY: Duration = Duration::from_secs(10);
/// The number of published plans that can still be approved. Objects change while a person reads a plan.
const KEPT: usize = 16;

/// The approvals that this process knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Approvals {
    /// Published plans, the newest last.
    plans: VecDeque<(PlanDigest, BTreeSet<UnitDigest>)>,
    /// The planned units that are approved.
    released: BTreeSet<UnitDigest>,
    used: Option<Approval>,
    unused: Option<Approval>,
    /// A new approval that was not compared with a plan yet.
    given: Option<Approval>,
    /// The publication of the leader before, until there is a plan to compare it with.
    before: Option<Box<Publication>>,
    /// Whether the publication of the leader before is known.
    is_known: bool,
    published: Option<Publication>,
    /// Whether somebody has overwritten the publication.
    is_overwritten: bool,
    /// When the publication must be compared with the plan.
    due: Option<Time>,
}

// === impl Approvals ===

impl Approvals {
    /// Begins a term of leadership. Only published plans of earlier terms stay known: other leaders may have used
    /// approvals meanwhile.
    pub fn begin(&mut self) {
        let plans = std::mem::take(&mut self.plans);
        *self = Self { plans, ..Self::default() };
    }

    /// Takes a person's approval. The same approval is given again and again.
    pub fn give(&mut self, approval: Approval, now: Time) {
        if self.is_new(approval) {
            self.given = Some(approval);
            self.due = Some(now);
        }
    }

    /// Takes the publication that was found: of the leader before, or of this process once it has published.
    pub fn recall(&mut self, found: Option<Box<Publication>>, now: Time) {
        if self.published.is_none() {
            self.before = found;
            self.is_known = true;
            self.due = Some(now);
        } else {
            self.is_overwritten = self.published.as_ref() != found.as_deref();
            self.compare_soon(now);
        }
    }

    /// Notes that the publication may be outdated.
    pub fn compare_soon(&mut self, now: Time) {
        self.due.get_or_insert(now);
    }

    /// When the publication must be compared with the plan.
    pub fn due(&self) -> Option<Time> {
        self.due
    }

    /// Whether the publication of the leader before is known.
    pub fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether a unit is approved.
    pub fn allows(&self, unit: &Unit) -> bool {
        self.released.contains(&unit.digest())
    }

    /// Whether all given approvals were compared with the plan, and the result is published.
    pub fn is_settled(&self) -> bool {
        self.published.is_some() && self.given.is_none()
    }

    /// Whether no planned unit is approved.
    pub fn is_empty(&self) -> bool {
        self.released.is_empty()
    }

    /// The last used approval, if it still releases units.
    pub fn used(&self) -> Option<Approval> {
        self.used.filter(|_| !self.is_empty())
    }

    /// Notes that a unit was written or is no longer planned. The same unit then needs another approval.
    pub fn forget(&mut self, unit: &Unit) {
        if !self.released.is_empty() {
            self.released.remove(&unit.digest());
        }
    }

    /// Whether an approval was neither used nor found unusable.
    fn is_new(&self, approval: Approval) -> bool {
        ![self.used, self.unused].contains(&Some(approval))
    }

    /// Whether there is an approval to compare with the plan.
    pub fn has_news(&self) -> bool {
        self.before.is_some() || self.given.is_some()
    }

    /// Compares the given approval with the plan. Returns whether it was used.
    pub fn use_given(&mut self, planned: &PlannedUnits, unix: i64) -> bool {
        if let Some(before) = self.before.take() {
            self.remember(before.digest, before.units.iter().map(|(unit, _)| *unit).collect());
            let approved = before.units.iter().filter(|(_, is_approved)| *is_approved).map(|(unit, _)| *unit);
            // Units that were written meanwhile are no longer planned.
            let approved = approved.chain(before.rest.iter().copied());
            self.released = approved.filter(|unit| planned.all.contains(unit)).collect();
            (self.used, self.unused) = (before.used, before.unused);
        }
        self.expire(unix);
        let Some(given) = self.given.take().filter(|given| self.is_new(*given)) else { return false };
        let published =
            self.plans.iter().rev().find(|(digest, units)| *digest == given.digest && !units.is_empty());
        let current = (planned.digest() == given.digest).then_some(&planned.open);
        let units = published.map(|(_, units)| units).or(current);
        let units = units.map(|units| units & &planned.all).unwrap_or_default();
        // The later approval counts, whichever arrives first. A time in the future shows a wrong clock and no order.
        let is_later = self.used.is_none_or(|used| given.at >= used.at || used.at > unix);
        let is_used = is_later && given.ends() > unix && !units.is_empty();
        if is_used {
            self.released = units;
            (self.used, self.unused) = (Some(given), None);
        } else {
            self.unused = Some(given);
        }
        is_used
    }

    /// Revokes the released units of an approval that is no longer valid. Returns whether there were any.
    pub fn expire(&mut self, unix: i64) -> bool {
        let is_over = self.used.is_none_or(|used| used.ends() <= unix) && !self.released.is_empty();
        if is_over {
            self.released.clear();
        }
        is_over
    }

    /// The publication of a plan, if another one is published.
    pub fn publication(&mut self, planned: PlannedUnits) -> Option<Publication> {
        let digest = planned.digest();
        let PlannedUnits { all, open, creates, replaces } = planned;
        let is_released = |unit: &UnitDigest| self.released.contains(unit);
        let units: Vec<_> = if open.len() <= MOST_LISTED {
            open.iter().map(|unit| (*unit, is_released(unit))).collect()
        } else {
            Vec::new()
        };
        let is_unlisted = |unit: &&UnitDigest| units.is_empty() || !open.contains(*unit);
        let rest = all.intersection(&self.released).filter(is_unlisted).copied().take(MOST_NAMED).collect();
        let (used, unused) = (self.used, self.unused);
        let publication = Publication { digest, creates, replaces, units, rest, used, unused };
        if self.plans.back().is_none_or(|(digest, _)| *digest != publication.digest) {
            self.remember(publication.digest, open);
        }
        let is_overwritten = std::mem::take(&mut self.is_overwritten);
        if self.published.as_ref() == Some(&publication) && !is_overwritten {
            return None;
        }
        self.published = Some(publication.clone());
        Some(publication)
    }

    /// Compares the publication with the plan: returns the new one, if they differ. Changes of the next second or more
    /// are then published together.
    pub fn publish(&mut self, planned: PlannedUnits, now: Time) -> Option<Publication> {
        let is_listed = planned.open.len() <= MOST_LISTED;
        self.due = None;
        let publication = self.publication(planned)?;
        self.due = Some(now + if is_listed { PUBLISH_EVERY } else { PUBLISH_MANY_EVERY });
        Some(publication)
    }

    /// The last publication before the process ends: it says which approvals were used.
    pub fn last_publication(&mut self, planned: PlannedUnits) -> Option<Publication> {
        self.published.is_some().then(|| self.publication(planned)).flatten()
    }

    /// Remembers a published plan, so that it can be approved later.
    fn remember(&mut self, digest: PlanDigest, units: BTreeSet<UnitDigest>) {
        self.plans.push_back((digest, units));
        if self.plans.len() > KEPT {
            self.plans.pop_front();
        }
    }
}

/// The planned units in short.
#[derive(Debug, Default)]
pub(super) struct PlannedUnits {
    /// All units, including held units.
    all: BTreeSet<UnitDigest>,
    /// The units that the keeper does not hold. A rejected unit is not held: it is still to be written.
    open: BTreeSet<UnitDigest>,
    /// The number of record sets that these create and replace, TXTs included.
    creates: usize,
    replaces: usize,
}

// === impl PlannedUnits ===

impl PlannedUnits {
    pub fn of<'u>(units: impl Iterator<Item = &'u Unit>, is_held: impl Fn(&Unit) -> bool) -> Self {
        let mut planned = Self::default();
        for unit in units {
            let digest = unit.digest();
            planned.all.insert(digest);
            if !is_held(unit) {
                planned.open.insert(digest);
                let creates = unit.changes().iter().filter(|change| change.is_create()).count();
                planned.creates += creates;
                planned.replaces += unit.changes().len() - creates;
            }
        }
        planned
    }

    /// The digest of the published plan.
    fn digest(&self) -> PlanDigest {
        PlanDigest::of(self.open.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A publication of one unit, another one for each number.
    fn publication(number: u64) -> Publication {
        let unit: UnitDigest = format!("{number:064x}").parse().unwrap();
        Publication {
            digest: PlanDigest::of([unit]),
            creates: 1,
            replaces: 0,
            units: vec![(unit, false)],
            rest: Vec::new(),
            used: None,
            unused: None,
        }
    }

    #[test]
    fn published_plans_do_not_grow_with_terms_and_the_newest_can_be_approved() {
        let mut approvals = Approvals::default();
        let mut planned = PlannedUnits::default();
        for number in 0..100 {
            let found = publication(number);
            planned.all.extend(found.units.iter().map(|(unit, _)| *unit));
            approvals.begin();
            approvals.recall(Some(Box::new(found)), Time::ZERO);
            approvals.use_given(&planned, 0);
            assert!(approvals.plans.len() <= KEPT, "{} plans in term {number}", approvals.plans.len());
        }
        approvals.give(Approval { digest: publication(99).digest, at: 0 }, Time::ZERO);
        assert!(approvals.use_given(&planned, 0));
        // A plan of long ago is forgotten.
        approvals.give(Approval { digest: publication(3).digest, at: 1 }, Time::ZERO);
        assert!(!approvals.use_given(&planned, 1));
    }

    #[test]
    fn a_publication_names_as_many_approved_units_as_an_object_can_hold() {
        let digest = |number: usize| -> UnitDigest { format!("{number:064x}").parse().unwrap() };
        let units: BTreeSet<UnitDigest> = (0..=MOST_NAMED).map(digest).collect();
        let mut approvals = Approvals { released: units.clone(), ..Approvals::default() };
        let planned = PlannedUnits { all: units.clone(), open: units, ..PlannedUnits::default() };
        let publication = approvals.publication(planned).unwrap();
        assert_eq!((publication.units.len(), publication.rest.len()), (0, MOST_NAMED));
    }
}
