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
/// The number of published plans that can still be approved at least. Objects change while a person reads a plan.
const KEPT: usize = 16;
/// More plans are kept while they have no more units than this together: some 3 MiB. With 20 open units, and a change every second,
/// that is half an hour.
const KEPT_UNITS: usize = 50_000;
/// The size of a plan without units, in units.
const PLAN: usize = 8;

/// The approvals that this process knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Approvals {
    /// Published plans, the newest last.
    plans: VecDeque<(PlanDigest, BTreeSet<UnitDigest>)>,
    /// The planned units that are approved.
    released: BTreeSet<UnitDigest>,
    used: Option<Approval>,
    /// When that was used, in seconds since 1970.
    used_at: i64,
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

    /// The planned units that are approved.
    pub fn released(&self) -> &BTreeSet<UnitDigest> {
        &self.released
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

    /// When the last used approval ends, in seconds since 1970, if it still releases units.
    pub fn release_ends(&self) -> Option<i64> {
        self.ends().filter(|_| !self.is_empty())
    }

    fn ends(&self) -> Option<i64> {
        self.used.map(|used| used.ends(self.used_at))
    }

    /// Whether a found publication can be what a leader has written: its digest is that of its units, and its approval is the
    /// person's. Nobody can approve with the status alone.
    fn can_be_trusted(&self, found: &Publication) -> bool {
        let units = || found.units.iter().map(|(unit, _)| *unit);
        let is_whole = found.units.is_empty() || PlanDigest::of(units()) == found.digest;
        let is_approved = |approval: &Approval| self.given == Some(*approval);
        let releases = !found.rest.is_empty() || found.units.iter().any(|(_, is_approved)| *is_approved);
        is_whole && (!releases || found.used.iter().chain(&found.unused).any(is_approved))
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
        if let Some(before) = self.before.take().filter(|before| self.can_be_trusted(before)) {
            self.remember(before.digest, before.units.iter().map(|(unit, _)| *unit).collect());
            let approved = before.units.iter().filter(|(_, is_approved)| *is_approved).map(|(unit, _)| *unit);
            // Units that were written meanwhile are no longer planned.
            let approved = approved.chain(before.rest.iter().copied());
            self.released = approved.filter(|unit| planned.all.contains(unit)).collect();
            (self.used, self.unused) = (before.used, before.unused);
            // An approval from the future is used now, or was used at a time that is known.
            self.used_at = before.used_at.unwrap_or(unix).min(unix);
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
        let is_used = is_later && given.ends(unix) > unix && !units.is_empty();
        if is_used {
            self.released = units;
            (self.used, self.unused, self.used_at) = (Some(given), None, unix);
        } else {
            self.unused = Some(given);
        }
        is_used
    }

    /// Revokes the released units of an approval that is no longer valid. Returns whether there were any.
    pub fn expire(&mut self, unix: i64) -> bool {
        let is_over = self.ends().is_none_or(|end| end <= unix) && !self.released.is_empty();
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
        let used_at = used.map(|_| self.used_at);
        let publication = Publication { digest, creates, replaces, units, rest, used, used_at, unused };
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
        let mut kept: usize = self.plans.iter().map(|(_, units)| PLAN + units.len()).sum();
        while self.plans.len() > KEPT && kept > KEPT_UNITS {
            kept -= self.plans.pop_front().map_or(0, |(_, units)| PLAN + units.len());
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
            used_at: None,
            unused: None,
        }
    }

    #[test]
    fn published_plans_do_not_grow_with_terms_and_the_newest_can_be_approved() {
        let mut approvals = Approvals::default();
        let mut planned = PlannedUnits::default();
        for number in 0..6_000 {
            let found = publication(number);
            planned.all.extend(found.units.iter().map(|(unit, _)| *unit));
            approvals.begin();
            approvals.recall(Some(Box::new(found)), Time::ZERO);
            approvals.use_given(&planned, 0);
            let kept = approvals.plans.len() * (PLAN + 1);
            assert!(kept <= KEPT_UNITS, "{kept} units in term {number}");
        }
        approvals.give(Approval { digest: publication(5_999).digest, at: 0 }, Time::ZERO);
        assert!(approvals.use_given(&planned, 0));
        // A plan of long ago is forgotten.
        approvals.give(Approval { digest: publication(3).digest, at: 1 }, Time::ZERO);
        assert!(!approvals.use_given(&planned, 1));
    }

    #[test]
    fn a_status_approves_nothing_that_no_person_has_approved() {
        let (planned, approval) = (|| publication(7), Approval { digest: publication(7).digest, at: 100 });
        let all =
            || PlannedUnits { all: units(&planned()), open: units(&planned()), ..PlannedUnits::default() };
        let released = |found: Publication, given: Option<Approval>| {
            let mut approvals = Approvals::default();
            if let Some(given) = given {
                approvals.give(given, Time::ZERO);
            }
            approvals.recall(Some(Box::new(found)), Time::ZERO);
            approvals.use_given(&all(), 200);
            !approvals.is_empty()
        };
        let found = |used: Option<Approval>| {
            let mut found = planned();
            (found.units[0].1, found.used, found.used_at) = (true, used, Some(150));
            found
        };
        assert!(released(found(Some(approval)), Some(approval)), "it is what a leader writes");
        assert!(!released(found(None), None));
        assert!(!released(found(Some(approval)), None), "the spec has no approval");
        let other = Approval { digest: publication(8).digest, at: 100 };
        assert!(!released(found(Some(approval)), Some(other)));
        // A list that is not that of its digest cannot be approved with this digest.
        let foreign = Publication { digest: publication(8).digest, ..planned() };
        assert!(!released(foreign, Some(other)));
    }

    fn units(publication: &Publication) -> BTreeSet<UnitDigest> {
        publication.units.iter().map(|(unit, _)| *unit).collect()
    }

    #[test]
    fn an_approval_from_the_future_counts_as_given_when_it_is_used() {
        let week = 7 * 24 * 3_600;
        let planned = || PlannedUnits {
            all: units(&publication(7)),
            open: units(&publication(7)),
            ..PlannedUnits::default()
        };
        let given = Approval { digest: publication(7).digest, at: i64::MAX };
        let mut approvals = Approvals::default();
        approvals.give(given, Time::ZERO);
        assert!(approvals.use_given(&planned(), 1_000));
        assert_eq!(approvals.release_ends(), Some(1_000 + week));
        // The next leader knows when it was used.
        let found = approvals.publication(planned()).unwrap();
        let mut next = Approvals::default();
        next.give(given, Time::ZERO);
        next.recall(Some(Box::new(found)), Time::ZERO);
        next.use_given(&planned(), 5_000);
        assert_eq!(next.release_ends(), Some(1_000 + week));
        assert!(!next.expire(999 + week) && next.expire(1_000 + week));
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
