//! The selection of the next batch. Rejected units never delay other units.

use std::time::Duration;

use smallvec::SmallVec;

use super::fresh_reads::names_to_read;
use crate::{
    keeper::{
        jitter,
        model::Model,
        pacer::Pacer,
        permits::{Permit, Permits, State},
        planner::Planner,
        time::Time,
        urgency::Urgency,
    },
    plan::{Change, Unit, UnitDigest, Weight},
    source::ClaimKey,
};

/// How long a backlog waits for the tokens of a full batch.
const BACKLOG_WAIT: Duration = Duration::from_secs(5);

/// The units from which a batch is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Units that were never rejected.
    New,
    /// The same units in the same order, if all of them may be sent before marked hostnames are planned again.
    Ahead,
    /// The next part of a rejected batch.
    Part,
    /// A unit that was rejected alone, after its wait.
    Rejected,
    /// A unit that was planned when Route 53 seemed to reject everything.
    Suspect,
}

/// Units that travel together: one, or several that are bound to each other.
type Group<'k> = SmallVec<[&'k Unit; 1]>;

/// The units of a lane that may be sent now.
#[derive(Default)]
struct Candidates<'k> {
    /// The units in order. The number is the cost in changes of the group and all groups before it.
    groups: Vec<(Group<'k>, u32)>,
    /// Their weight in a request.
    weight: Weight,
    /// Whether there are more urgent units than one request can hold.
    is_more: bool,
    /// Whether the first unit is of the backlog.
    is_backlog: bool,
    /// When a unit that must wait may be sent.
    later: Option<Time>,
}

/// The result of a selection from one lane.
enum Selection {
    /// These units, in this order.
    Take(Lane, Vec<(ClaimKey, UnitDigest)>),
    /// No units before this time, because of missing tokens.
    Wait(Time),
    /// The lane has no units before this time, or at all.
    Nothing(Option<Time>),
}

/// The selected units, and their lane.
pub(super) type Selected = (Lane, Vec<(ClaimKey, UnitDigest)>);

/// Selects the units of the next batch.
pub(super) struct Selector<'k> {
    pub model: &'k Model,
    pub planner: &'k Planner,
    pub pacer: &'k Pacer,
    pub permits: &'k mut Permits,
    pub backlog_since: &'k mut Option<Time>,
    /// The seed and the number of the selection.
    pub jitter: (u64, u64),
    pub now: Time,
}

// === impl Candidates ===

impl<'k> Candidates<'k> {
    /// Takes a unit that must wait.
    fn wait(&mut self, until: Time) {
        self.later = Some(self.later.map_or(until, |later| later.min(until)));
    }

    /// Takes a group, if the request can hold it too. The first group is always taken.
    fn push(&mut self, group: Group<'k>) -> bool {
        let mut weight = self.weight;
        weight += Weight::sum(group.iter().flat_map(|unit| unit.changes()));
        let is_taken = self.groups.is_empty() || weight.fits_a_batch();
        if is_taken {
            self.weight = weight;
            self.groups.push((group, weight.changes));
        }
        is_taken
    }

    /// Whether a unit is taken with one that it is bound to.
    fn has(&self, unit: &Unit) -> bool {
        unit.is_bound()
            && self.groups.iter().flat_map(|(group, _)| group).any(|other| other.is_bound_to(unit))
    }
}

// === impl Selector ===

impl<'k> Selector<'k> {
    /// The next units, or when to look again.
    ///
    /// Parts of a rejected batch take turns with other units. A unit that was rejected alone is sent if nothing else
    /// waits and there are many tokens for requests.
    ///
    /// `is_ahead`: before marked hostnames are planned again. Nothing is sent ahead while a rejection is being looked into.
    pub fn select(&mut self, is_ahead: bool) -> (Option<Selected>, Option<Time>) {
        let lanes: &[Lane] = match self.permits.changes(self.now) {
            State::Closed if is_ahead && self.permits.quarantine.part().is_none() => &[Lane::Ahead],
            _ if is_ahead => &[],
            State::Closed if self.permits.quarantine.is_parts_turn() => {
                &[Lane::Part, Lane::New, Lane::Rejected]
            }
            State::Closed => &[Lane::New, Lane::Part, Lane::Rejected],
            State::Open { .. } => &[Lane::New],
            State::Due | State::Probing => &[Lane::New, Lane::Suspect, Lane::Rejected],
        };
        let (mut later, mut is_waiting) = (None::<Time>, false);
        let mut note = |time: Time| later = Some(later.map_or(time, |later| later.min(time)));
        for lane in lanes {
            if *lane == Lane::Rejected && is_waiting {
                break;
            }
            match self.select_from(*lane) {
                Selection::Take(lane, units) => {
                    *self.backlog_since = None;
                    return (Some((lane, units)), None);
                }
                Selection::Wait(time) => {
                    is_waiting = true;
                    note(time);
                }
                Selection::Nothing(time) => time.into_iter().for_each(&mut note),
            }
        }
        (None, later)
    }

    /// The next units of a lane, in order of urgency. They fit one request, and there are tokens for them and their
    /// reads.
    fn select_from(&mut self, lane: Lane) -> Selection {
        let now = self.now;
        while lane == Lane::Part
            && self.permits.quarantine.part().is_some()
            && self.candidates(lane).groups.is_empty()
        {
            // None of its units is to be sent any more.
            self.permits.quarantine.part_taken();
        }
        let Candidates { groups, is_more, is_backlog, later, .. } = self.candidates(lane);
        if groups.is_empty() {
            return Selection::Nothing(later);
        }
        let (model, permits) = (self.model, &*self.permits);
        let requests = |groups: &[(Group<'_>, u32)]| {
            let units = groups.iter().flat_map(|(group, _)| group);
            let names = units.flat_map(|unit| names_to_read(unit, model, permits, now));
            let names = model.snapshot.without_reads_under_way(names, now);
            u32::try_from(model.snapshot.in_pages(names).len()).unwrap_or(u32::MAX).saturating_add(1)
        };
        let mut pacer = self.pacer.clone();
        let taken = |count: usize| {
            let units = groups.iter().take(count).flat_map(|(group, _)| group);
            Selection::Take(lane, units.map(|unit| (unit.key().clone(), unit.digest())).collect())
        };
        let cost = |count: usize| {
            let groups = groups.get(..count).unwrap_or_default();
            (requests(groups), groups.last().map_or(0, |(_, changes)| *changes))
        };
        match lane {
            Lane::Rejected if !pacer.has_plenty(now) => return Selection::Wait(pacer.when_plenty()),
            // A part is sent whole. To divide it again would lose what its rejection showed.
            Lane::Part => {
                let (requests, changes) = cost(groups.len());
                let enough = pacer.when_after(now, requests, changes);
                return if enough <= now { taken(groups.len()) } else { Selection::Wait(enough) };
            }
            Lane::New | Lane::Ahead | Lane::Rejected | Lane::Suspect => {}
        }
        let mut affordable = groups.partition_point(|(_, changes)| pacer.has(now, 1, *changes));
        // More units never need fewer reads.
        if !pacer.has(now, requests(groups.get(..affordable).unwrap_or_default()), 0) {
            let (mut least, mut most) = (0, affordable);
            while least + 1 < most {
                let middle = usize::midpoint(least, most);
                let is_affordable = pacer.has(now, requests(groups.get(..middle).unwrap_or_default()), 0);
                *(if is_affordable { &mut least } else { &mut most }) = middle;
            }
            affordable = least;
        }
        if affordable == 0 {
            let (requests, changes) = cost(1);
            let enough = pacer.when_after(now, requests, changes);
            if enough > now {
                if is_backlog || is_more {
                    self.backlog_since.get_or_insert(now);
                }
                return Selection::Wait(enough);
            }
            affordable = 1;
        }
        // More urgent units than a request can hold wait like a backlog.
        let is_patient = is_backlog || is_more;
        if affordable == groups.len() || !is_patient {
            return taken(affordable);
        }
        let (requests, changes) = cost(groups.len());
        let (enough, choice) = (pacer.when(requests, changes), taken(affordable));
        // A bucket never holds more than its capacity, so a full bucket is enough.
        let wait = enough.min(*self.backlog_since.get_or_insert(now) + BACKLOG_WAIT);
        if wait <= now { choice } else { Selection::Wait(wait) }
    }

    /// The units of a lane that may be sent now, in order of urgency, as many as fit one request.
    fn candidates(&self, lane: Lane) -> Candidates<'k> {
        match lane {
            Lane::Part => return self.part(),
            Lane::Suspect => return self.suspect(),
            Lane::New | Lane::Ahead | Lane::Rejected => {}
        }
        let rules = self.permits.rules(self.model, self.planner, self.now);
        let planner = self.planner;
        let apart = self.permits.quarantine.in_parts();
        let is_alone = lane == Lane::Rejected || self.permits.changes(self.now) != State::Closed;
        let mut found = Candidates::default();
        let is_new = |unit: &Unit| !apart.contains(unit.key()) && !self.permits.quarantine.is_suspect(unit);
        // The last batch can have changed the records that a replacement depends on. A creation is safe, because Route 53 refuses
        // it if the record set exists.
        let may_go_ahead = |unit: &Unit| {
            unit.changes().iter().all(Change::is_create)
                && names_to_read(unit, self.model, self.permits, self.now).is_empty()
        };
        for (urgency, unit) in planner.units() {
            if lane == Lane::Ahead && !planner.is_planned(&unit.key().host) {
                continue;
            }
            let is_of_lane = match (lane, rules.permit(unit)) {
                (_, Permit::NotBefore(until)) => {
                    found.wait(until);
                    false
                }
                (Lane::Rejected, permit) => permit == Permit::Alone,
                (_, permit) => {
                    permit == Permit::WithOthers && is_new(unit) && planner.bound_to(unit).all(is_new)
                }
            };
            if !is_of_lane || found.has(unit) {
                continue;
            }
            // Creations must not overtake a unit that goes before them.
            if lane == Lane::Ahead && !(may_go_ahead(unit) && planner.bound_to(unit).all(may_go_ahead)) {
                return Candidates::default();
            }
            // After a unit of the backlog, all units are of the backlog.
            found.is_backlog |= found.groups.is_empty() && urgency == Urgency::Backlog;
            if !found.push(self.group(unit)) {
                found.is_more = urgency != Urgency::Backlog;
                break;
            }
            if is_alone {
                break;
            }
        }
        found
    }

    /// The units of the next part of a rejected batch that may be sent now.
    fn part(&self) -> Candidates<'k> {
        let rules = self.permits.rules(self.model, self.planner, self.now);
        let mut found = Candidates::default();
        for key in self.permits.quarantine.part().into_iter().flatten() {
            let Some(unit) = self.planner.unit_of(key) else { continue };
            match rules.permit(unit) {
                Permit::NotBefore(until) => found.wait(until),
                Permit::WithOthers | Permit::Alone if found.has(unit) => {}
                // A unit that has grown too large since is sent with new units.
                Permit::WithOthers | Permit::Alone => {
                    found.push(self.group(unit));
                }
            }
        }
        found
    }

    /// A unit, and the units that are bound to it.
    fn group(&self, unit: &'k Unit) -> Group<'k> {
        [unit].into_iter().chain(self.planner.bound_to(unit)).collect()
    }

    /// One of the units that were planned when Route 53 seemed to reject everything, and that were not tried
    /// themselves. Namespaces without a rejected unit go first, so that one namespace cannot keep the gate closed for the others.
    /// A random unit is probably not a neighbour of the units that were tried.
    fn suspect(&self) -> Candidates<'k> {
        let rules = self.permits.rules(self.model, self.planner, self.now);
        let planner = self.planner;
        let is_untried = |unit: &&Unit| {
            self.permits.quarantine.is_suspect(unit) && rules.permit(unit) == Permit::WithOthers
        };
        let all = || planner.units().map(|(_, unit)| unit).filter(is_untried);
        let has_elsewhere = all().any(|unit| self.permits.quarantine.is_elsewhere(unit));
        let untried = || all().filter(|unit| !has_elsewhere || self.permits.quarantine.is_elsewhere(unit));
        let at = jitter::place(untried().count(), self.jitter.0, self.jitter.1);
        let mut found = Candidates::default();
        if let Some(unit) = untried().nth(at) {
            found.push(self.group(unit));
        }
        found
    }
}
