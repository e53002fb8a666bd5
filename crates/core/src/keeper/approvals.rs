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
    /// The approved ones still to come that are not among these: they are too many, or held back. Some of them may have
    /// been written since.
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
    /// What may be written: nothing that is not planned.
    released: BTreeSet<UnitDigest>,
    used: Option<Approval>,
    unused: Option<Approval>,
    /// An approval that has not been looked at yet.
    given: Option<Approval>,
    /// What the process before has published, until there is a plan to compare it with.
    before: Option<Box<Publication>>,
    /// Whether it is known what that was.
    is_known: bool,
    published: Option<Publication>,
    /// Whether something else stands there by now.
    is_overwritten: bool,
    /// When to look whether there is something to publish.
    due: Option<Time>,
}

// === impl Approvals ===

impl Approvals {
    /// This process leads from now on. What another has released, used and published meanwhile it has to be told.
    pub fn begin(&mut self) {
        let shown = std::mem::take(&mut self.shown);
        *self = Self { shown, ..Self::default() };
    }

    /// A person has approved a plan; the same is said again and again.
    pub fn give(&mut self, approval: Approval, now: Time) {
        if self.is_new(approval) {
            self.given = Some(approval);
            self.due = Some(now);
        }
    }

    /// This is published: by the process before, or by this one once it has said something itself.
    pub fn recall(&mut self, found: Option<Box<Publication>>, now: Time) {
        if self.published.is_none() {
            self.before = found;
            self.is_known = true;
            self.due = Some(now);
        } else {
            self.is_overwritten = self.published.as_ref() != found.as_deref();
            self.look(now);
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

    /// A unit was written, or is not planned any more: whoever wants the same again has to ask again.
    pub fn forget(&mut self, unit: &Unit) {
        if !self.released.is_empty() {
            self.released.remove(&unit.digest());
        }
    }

    /// Whether nothing has become of an approval yet.
    fn is_new(&self, approval: Approval) -> bool {
        ![self.used, self.unused].contains(&Some(approval))
    }

    /// Uses what was given, now that there is a plan. Whether there was something to use.
    fn settle(&mut self, planned: &Planned, unix: i64) -> bool {
        if let Some(before) = self.before.take() {
            let listed = before.units.iter().map(|(unit, _)| *unit).collect();
            self.shown.push_front((before.digest, listed));
            let approved = before.units.iter().filter(|(_, is_approved)| *is_approved).map(|(unit, _)| *unit);
            // What was sent meanwhile is not planned any more.
            let approved = approved.chain(before.rest.iter().copied());
            self.released = approved.filter(|unit| planned.all.contains(unit)).collect();
            (self.used, self.unused) = (before.used, before.unused);
        }
        self.expire(unix);
        let Some(given) = self.given.take().filter(|given| self.is_new(*given)) else { return false };
        let of_shown =
            self.shown.iter().rev().find(|(digest, units)| *digest == given.digest && !units.is_empty());
        let current = (planned.digest() == given.digest).then_some(&planned.open);
        let units = of_shown.map(|(_, units)| units).or(current);
        let units = units.map(|units| units & &planned.all).unwrap_or_default();
        // Of two approvals the later one counts, whichever is seen last. One of a time to come tells of a clock, not of an
        // order.
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

    /// Nothing is released any longer than its approval lasts. Whether that is over.
    fn expire(&mut self, unix: i64) -> bool {
        let is_over = self.used.is_none_or(|used| used.ends() <= unix) && !self.released.is_empty();
        if is_over {
            self.released.clear();
        }
        is_over
    }

    /// What is to be published, if that is not what is.
    fn publication(&mut self, planned: Planned) -> Option<Publication> {
        let digest = planned.digest();
        let Planned { all, open, creates, replaces } = planned;
        let is_released = |unit: &UnitDigest| self.released.contains(unit);
        let units: Vec<_> = if open.len() <= MOST_LISTED {
            open.iter().map(|unit| (*unit, is_released(unit))).collect()
        } else {
            Vec::new()
        };
        let is_unlisted = |unit: &&UnitDigest| units.is_empty() || !open.contains(*unit);
        let rest: Vec<_> = all.intersection(&self.released).filter(is_unlisted).copied().collect();
        let rest = if rest.len() > MOST_NAMED { Vec::new() } else { rest };
        let (used, unused) = (self.used, self.unused);
        let publication = Publication { digest, creates, replaces, units, rest, used, unused };
        if self.shown.back().is_none_or(|(digest, _)| *digest != publication.digest) {
            self.shown.push_back((publication.digest, open));
            if self.shown.len() > KEPT {
                self.shown.pop_front();
            }
        }
        let is_overwritten = std::mem::take(&mut self.is_overwritten);
        if self.published.as_ref() == Some(&publication) && !is_overwritten {
            return None;
        }
        self.published = Some(publication.clone());
        Some(publication)
    }
}

// === impl Approval ===

impl Approval {
    /// When it ends, in seconds since 1970: by the clock on the wall, which somebody may set.
    fn ends(&self) -> i64 {
        self.at.saturating_add(LASTS)
    }
}

/// The units that are planned.
#[derive(Debug, Default)]
struct Planned {
    /// All of them, those included that something of ours holds back.
    all: BTreeSet<UnitDigest>,
    /// Those that are not held back. What Route 53 has refused is still to be written.
    open: BTreeSet<UnitDigest>,
    /// How many sets these would create and replace, TXTs included.
    creates: usize,
    replaces: usize,
}

impl Planned {
    /// The digest of the plan that is shown.
    fn digest(&self) -> PlanDigest {
        PlanDigest::of(self.open.iter().copied())
    }
}

impl Keeper {
    /// Uses what was approved, and says what can be.
    pub(super) fn publish(&mut self, now: Time, out: &mut Vec<Effect>) {
        if !self.publishes() || self.leader_until <= now {
            return;
        }
        let unix = self.wall.unix(now);
        if self.approvals.expire(unix) {
            self.approvals.look(now);
        }
        if let Some(used) = self.approvals.used.filter(|_| !self.approvals.is_empty()) {
            self.at_latest(self.wall.time(used.ends(), now));
        }
        match self.approvals.due {
            Some(due) if due <= now => {}
            Some(due) => return self.at_latest(due),
            None => return,
        }
        self.is_stirred = true;
        let mut planned = self.planned();
        if self.approvals.settle(&planned, unix) {
            self.make_peace(out);
            planned = self.planned();
        }
        let is_listed = planned.open.len() <= MOST_LISTED;
        self.approvals.due = None;
        if let Some(publication) = self.approvals.publication(planned) {
            out.push(Effect::Publish(Box::new(publication)));
            // What changes meanwhile is published together.
            let again = now + if is_listed { PUBLISH_EVERY } else { PUBLISH_MANY_EVERY };
            self.approvals.due = Some(again);
            self.at_latest(again);
        }
    }

    /// What is still to be done when the process ends in good order: to say what has been used, at whatever pace.
    pub fn farewell(&mut self) -> Vec<Effect> {
        if !self.publishes() || self.approvals.published.is_none() {
            return Vec::new();
        }
        let planned = self.planned();
        self.approvals.publication(planned).map(|last| Effect::Publish(Box::new(last))).into_iter().collect()
    }

    /// Whether there is something to be published, and it is known what was before.
    fn publishes(&self) -> bool {
        self.config.mode == Mode::Approve && self.opened && self.approvals.is_known
    }

    fn planned(&self) -> Planned {
        let mut planned = Planned::default();
        for (_, unit) in self.plans.units() {
            let digest = unit.digest();
            planned.all.insert(digest);
            if self.withheld(unit).is_none() {
                planned.open.insert(digest);
                let creates =
                    unit.changes().iter().filter(|change| matches!(change, Change::Create(_))).count();
                planned.creates += creates;
                planned.replaces += unit.changes().len() - creates;
            }
        }
        planned
    }
}
