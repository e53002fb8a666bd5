//! Which units are sent next: what was refused before keeps nothing else.

use std::time::Duration;

use super::{Keeper, Time, breaker, jitter, plans::Urgency, quarantine::Permit};
use crate::{
    plan::{Unit, UnitDigest, Weight},
    source::ClaimKey,
};

/// How long the backlog waits for the tokens of a full batch.
const BACKLOG_WAIT: Duration = Duration::from_secs(5);

/// Which units a batch is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Those that were never refused.
    New,
    /// The next part of a refused batch.
    Part,
    /// One that was refused alone, and whose wait is over.
    Refused,
    /// One of those that were planned when everything seemed to be refused.
    Suspect,
}

/// What may be sent now.
#[derive(Default)]
struct Candidates<'k> {
    /// The units in order, and what each and those before it count towards the account's changes.
    units: Vec<(&'k Unit, u32)>,
    /// What they take of a request.
    weight: Weight,
    /// Whether there are more urgent ones than one request can hold.
    is_more: bool,
    /// Whether they have waited since before this process started.
    is_backlog: bool,
    /// When a unit that must wait may be sent.
    later: Option<Time>,
}

/// What was chosen for the next batch.
enum Choice {
    /// These units, in this order.
    Take(Lane, Vec<(ClaimKey, UnitDigest)>),
    /// Nothing before this time.
    Wait(Time),
    /// Nothing of this lane, before this time or at all.
    Nothing(Option<Time>),
}

/// What is sent next, and of which lane.
pub(super) type Taken = (Lane, Vec<(ClaimKey, UnitDigest)>);

impl<'k> Candidates<'k> {
    /// One that must wait.
    fn wait(&mut self, until: Time) {
        self.later = Some(self.later.map_or(until, |later| later.min(until)));
    }

    /// Takes one more, unless one request cannot hold it too; the first is taken in any case.
    fn push(&mut self, unit: &'k Unit) -> bool {
        let mut weight = self.weight;
        weight += Weight::of_unit(unit);
        let is_taken = self.units.is_empty() || weight.fits_a_batch();
        if is_taken {
            self.weight = weight;
            self.units.push((unit, weight.changes));
        }
        is_taken
    }
}

impl Keeper {
    /// The next units, or when to look again. What was refused costs the others nothing: parts of a refused batch take
    /// turns with them, and what was refused alone goes when nothing else waits and requests are plenty.
    pub(super) fn choose(&mut self, now: Time, state: breaker::State) -> (Option<Taken>, Option<Time>) {
        let lanes: &[Lane] = match state {
            breaker::State::Closed if self.quarantine.is_parts_turn() => {
                &[Lane::Part, Lane::New, Lane::Refused]
            }
            breaker::State::Closed => &[Lane::New, Lane::Part, Lane::Refused],
            breaker::State::Open { .. } => &[Lane::New],
            breaker::State::Due | breaker::State::Probing => &[Lane::New, Lane::Suspect, Lane::Refused],
        };
        let (mut later, mut is_waiting) = (None::<Time>, false);
        let mut note = |time: Time| later = Some(later.map_or(time, |later| later.min(time)));
        for lane in lanes {
            if *lane == Lane::Refused && is_waiting {
                break;
            }
            match self.choose_of(*lane, now) {
                Choice::Take(lane, units) => {
                    self.backlog_since = None;
                    return (Some((lane, units)), None);
                }
                Choice::Wait(time) => {
                    is_waiting = true;
                    note(time);
                }
                Choice::Nothing(time) => time.into_iter().for_each(&mut note),
            }
        }
        (None, later)
    }

    /// The next units of a lane: in order of urgency, as many as fit one request and as the tokens at hand can pay for, the
    /// reads that they need included.
    fn choose_of(&mut self, lane: Lane, now: Time) -> Choice {
        while lane == Lane::Part
            && self.quarantine.part().is_some()
            && self.candidates(lane, now).units.is_empty()
        {
            // Nothing of it is to be sent any more.
            self.quarantine.part_taken();
        }
        let Candidates { units, is_more, is_backlog, later, .. } = self.candidates(lane, now);
        if units.is_empty() {
            return Choice::Nothing(later);
        }
        let requests = |units: &[(&Unit, u32)]| {
            let names = units.iter().flat_map(|(unit, _)| self.reads_for(unit, now)).collect();
            u32::try_from(self.snapshot.in_pages(names).len()).unwrap_or(u32::MAX).saturating_add(1)
        };
        let mut pacer = self.pacer.clone();
        let taken = |count: usize| {
            let units = units.iter().take(count);
            Choice::Take(lane, units.map(|(unit, _)| (unit.key().clone(), unit.digest())).collect())
        };
        let cost = |count: usize| {
            let units = units.get(..count).unwrap_or_default();
            (requests(units), units.last().map_or(0, |(_, changes)| *changes))
        };
        match lane {
            Lane::Refused if !pacer.has_plenty(now) => return Choice::Wait(pacer.when_plenty()),
            // A part is what it is: to divide it again is to lose what is known of it.
            Lane::Part => {
                let (requests, changes) = cost(units.len());
                let enough = pacer.when_after(now, requests, changes);
                return if enough <= now { taken(units.len()) } else { Choice::Wait(enough) };
            }
            Lane::New | Lane::Refused | Lane::Suspect => {}
        }
        let mut affordable = units.partition_point(|(_, changes)| pacer.has(now, 1, *changes));
        // What a prefix of them needs to be read grows with its length.
        if !pacer.has(now, requests(units.get(..affordable).unwrap_or_default()), 0) {
            let (mut least, mut most) = (0, affordable);
            while least + 1 < most {
                let middle = usize::midpoint(least, most);
                let is_affordable = pacer.has(now, requests(units.get(..middle).unwrap_or_default()), 0);
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
                return Choice::Wait(enough);
            }
            affordable = 1;
        }
        // What waits for a full batch anyway is a backlog, whatever it is that waits.
        let is_patient = is_backlog || is_more;
        if affordable == units.len() || !is_patient {
            return taken(affordable);
        }
        let (requests, changes) = cost(units.len());
        let (enough, choice) = (pacer.when(requests, changes), taken(affordable));
        // What no bucket can hold will never be at hand: a full bucket is all that there is to wait for.
        let wait = enough.min(*self.backlog_since.get_or_insert(now) + BACKLOG_WAIT);
        if wait <= now { choice } else { Choice::Wait(wait) }
    }

    /// What may be sent now of a lane, as much as fits one request, in order of urgency.
    fn candidates(&self, lane: Lane, now: Time) -> Candidates<'_> {
        match lane {
            Lane::Part => return self.part(now),
            Lane::Suspect => return self.suspect(now),
            Lane::New | Lane::Refused => {}
        }
        let apart = self.quarantine.in_parts();
        let is_alone = lane == Lane::Refused || self.refusals.is_open();
        let mut found = Candidates::default();
        for (urgency, unit) in self.plans.units() {
            let is_of_lane = match (lane, self.permit(unit, now)) {
                (_, Permit::NotBefore(until)) => {
                    found.wait(until);
                    false
                }
                (Lane::Refused, permit) => permit == Permit::Alone,
                (_, permit) => {
                    permit == Permit::WithOthers
                        && !apart.contains(unit.key())
                        && !self.quarantine.is_suspect(unit)
                }
            };
            if !is_of_lane {
                continue;
            }
            // The rest is no more urgent than the first.
            found.is_backlog |= found.units.is_empty() && urgency == Urgency::Backlog;
            if !found.push(unit) {
                found.is_more = urgency != Urgency::Backlog;
                break;
            }
            if is_alone {
                break;
            }
        }
        found
    }

    /// What is still to be sent of the next part of a refused batch.
    fn part(&self, now: Time) -> Candidates<'_> {
        let mut found = Candidates::default();
        for key in self.quarantine.part().into_iter().flatten() {
            let units = self.plans.units_of(&key.host);
            let Some(unit) = units.iter().find(|unit| unit.key() == key) else { continue };
            match self.permit(unit, now) {
                Permit::NotBefore(until) => found.wait(until),
                // What has grown since goes with what is new.
                Permit::WithOthers | Permit::Alone => {
                    found.push(unit);
                }
            }
        }
        found
    }

    /// Any of what was planned when everything seemed to be refused, and was not tried itself: far from what was.
    fn suspect(&self, now: Time) -> Candidates<'_> {
        let is_untried =
            |unit: &&Unit| self.quarantine.is_suspect(unit) && self.permit(unit, now) == Permit::WithOthers;
        let untried = || self.plans.units().map(|(_, unit)| unit).filter(is_untried);
        let at = jitter::place(untried().count(), self.config.seed, self.last_id);
        let units = untried().nth(at).map(|unit| (unit, Weight::of_unit(unit).changes));
        Candidates { units: units.into_iter().collect(), ..Candidates::default() }
    }
}
