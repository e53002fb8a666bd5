//! What a person has approved, where nothing is written without that.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use super::{Effect, Keeper, Mode, Time};
use crate::plan::{Change, PlanDigest, Unit, UnitDigest};

/// How long an approval lasts, in seconds: 7 days.
const LASTS: i64 = 7 * 24 * 3_600;
/// Most units that are listed one by one.
const MOST_LISTED: usize = 1_000;
/// Most units that are named at all: the object that they are kept in may have 1.5 MiB (etcd), and a unit takes 17 bytes.
const MOST_NAMED: usize = 40_000;
/// How often what is published may change.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// The same where units are not listed: it is much to write.
const PUBLISH_MANY_EVERY: Duration = Duration::from_secs(10);
/// How many published plans can still be approved: a person takes a while, and objects change meanwhile.
const KEPT: usize = 16;

/// A person's approval of a plan. The pair makes it one: the same digest at another time is another approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval {
    /// Of the plan.
    pub digest: PlanDigest,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// What can be approved, and what has become of the last approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The digest of the plan.
    pub digest: PlanDigest,
    /// How many sets it would create, TXTs included.
    pub creates: usize,
    /// How many sets it would replace, TXTs included.
    pub replaces: usize,
    /// Its units, and whether each is approved; none where there are too many to be listed.
    pub units: Vec<(UnitDigest, bool)>,
    /// Where they are too many: the approved ones still to come. Some of them may have been written since.
    pub rest: Vec<UnitDigest>,
    /// The last approval that was used.
    pub used: Option<Approval>,
    /// An approval that nothing could be released for: the plan is another one by now, or it came too late.
    pub unused: Option<Approval>,
}

/// The approvals of this process, and those that it has found.
#[derive(Debug, Clone, Default)]
pub(super) struct Approvals {
    /// Plans that were published, the newest last.
    shown: VecDeque<(PlanDigest, BTreeSet<UnitDigest>)>,
    released: BTreeSet<UnitDigest>,
    /// When what was released is so no longer.
    ends: Option<Time>,
    used: Option<Approval>,
    unused: Option<Approval>,
    /// An approval that has not been looked at yet.
    given: Option<Approval>,
    /// What the process before has published, until there is a plan to compare it with.
    before: Option<Box<Publication>>,
    /// Whether it is known what that was.
    is_known: bool,
    published: Option<Publication>,
    /// When to look whether there is something to publish.
    due: Option<Time>,
}

// === impl Approvals ===

impl Approvals {
    /// A person has approved a plan.
    pub fn give(&mut self, approval: Approval, now: Time) {
        self.given = Some(approval);
        self.due = Some(now);
    }

    /// The process before has published this. What comes once we have published ourselves is our own.
    pub fn recall(&mut self, before: Option<Box<Publication>>, leads: bool, now: Time) {
        if !leads || self.published.is_none() {
            self.before = before;
            self.published = None;
            self.is_known = true;
            self.due = Some(now);
        }
    }

    /// Something has changed that may have to be published.
    pub fn look(&mut self, now: Time) {
        self.due.get_or_insert(now);
    }

    /// Whether a unit may be written.
    pub fn allows(&self, unit: &Unit) -> bool {
        self.released.contains(&unit.digest())
    }

    /// Whether everything that a person has approved has been looked at.
    pub fn is_settled(&self) -> bool {
        self.published.is_some() && self.given.is_none()
    }

    /// Whether anything may be.
    pub fn is_empty(&self) -> bool {
        self.released.is_empty()
    }

    /// A unit was written: whoever wants the same again has to ask again.
    pub fn accepted(&mut self, unit: &Unit) {
        self.released.remove(&unit.digest());
    }

    /// Uses what was given, now that there is a plan of these units.
    fn settle(&mut self, planned: &BTreeSet<UnitDigest>, now: Time, unix: i64) {
        if let Some(before) = self.before.take() {
            let listed = before.units.iter().map(|(unit, _)| *unit).collect();
            self.shown.push_front((before.digest, listed));
            let approved = before.units.iter().filter(|(_, is_approved)| *is_approved).map(|(unit, _)| *unit);
            // What was sent meanwhile is not planned any more.
            let approved = approved.chain(before.rest.iter().copied());
            self.released = approved.filter(|unit| planned.contains(unit)).collect();
            self.used = before.used;
            self.ends = before.used.map(|used| ends(used, now, unix));
        }
        if self.ends.is_some_and(|end| end <= now) {
            self.released.clear();
        }
        let Some(given) = self.given.take().filter(|given| Some(*given) != self.used) else { return };
        let current = PlanDigest::of(planned.iter().copied());
        let of_shown =
            self.shown.iter().rev().find(|(digest, units)| *digest == given.digest && !units.is_empty());
        let units = of_shown.map(|(_, units)| units).or((current == given.digest).then_some(planned));
        let end = ends(given, now, unix);
        match units.filter(|_| end > now) {
            Some(units) => {
                self.released.clone_from(units);
                (self.used, self.unused, self.ends) = (Some(given), None, Some(end));
            }
            None => self.unused = Some(given),
        }
    }
}

fn ends(approval: Approval, now: Time, unix: i64) -> Time {
    let left = approval.at.saturating_add(LASTS).saturating_sub(unix);
    now + Duration::from_secs(u64::try_from(left).unwrap_or_default())
}

impl Keeper {
    /// Uses what was approved, and says what can be.
    pub(super) fn publish(&mut self, now: Time, out: &mut Vec<Effect>) {
        let is_ours = self.opened && self.leader_until > now && self.approvals.is_known;
        if self.config.mode != Mode::Approve || !is_ours {
            return;
        }
        if let Some(end) = self.approvals.ends.filter(|end| *end > now) {
            self.at_latest(end);
        } else if self.approvals.ends.take().is_some() {
            self.approvals.released.clear();
            self.approvals.look(now);
        }
        match self.approvals.due {
            Some(due) if due <= now => {}
            Some(due) => return self.at_latest(due),
            None => return,
        }
        self.is_stirred = true;
        // What Route 53 has refused is still to be written.
        let units: Vec<&Unit> =
            self.plans.units().map(|(_, unit)| unit).filter(|unit| self.withheld(unit).is_none()).collect();
        let planned: BTreeSet<UnitDigest> = units.iter().map(|unit| unit.digest()).collect();
        let (creates, replaces): (Vec<_>, Vec<_>) = units
            .iter()
            .flat_map(|unit| unit.changes())
            .partition(|change| matches!(change, Change::Create(_)));
        let (creates, replaces) = (creates.len(), replaces.len());
        let unix = self.wall.unix(now);
        self.approvals.settle(&planned, now, unix);
        let approvals = &mut self.approvals;
        let is_listed = planned.len() <= MOST_LISTED;
        let to_come: BTreeSet<UnitDigest> = planned.intersection(&approvals.released).copied().collect();
        let publication = Publication {
            digest: PlanDigest::of(planned.iter().copied()),
            creates,
            replaces,
            units: if is_listed {
                planned.iter().map(|unit| (*unit, to_come.contains(unit))).collect()
            } else {
                Vec::new()
            },
            rest: if is_listed || to_come.len() > MOST_NAMED {
                Vec::new()
            } else {
                to_come.into_iter().collect()
            },
            used: approvals.used,
            unused: approvals.unused,
        };
        if approvals.shown.back().is_none_or(|(digest, _)| *digest != publication.digest) {
            approvals.shown.push_back((publication.digest, planned));
            if approvals.shown.len() > KEPT {
                approvals.shown.pop_front();
            }
        }
        approvals.due = None;
        if approvals.published.as_ref() != Some(&publication) {
            approvals.published = Some(publication.clone());
            out.push(Effect::Publish(Box::new(publication)));
            // What changes meanwhile is published together.
            let again = now + if is_listed { PUBLISH_EVERY } else { PUBLISH_MANY_EVERY };
            approvals.due = Some(again);
            self.at_latest(again);
        }
    }
}
