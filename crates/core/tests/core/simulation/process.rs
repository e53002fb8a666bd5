//! One process: a keeper, what it has been told, and what it may therefore do.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{invariants::Violation, ownership::APEX, repairs::Repairs, told::Told, watch::Watch};
use zonekeeper_core::{
    dns::{Name, RecordSet, RecordType, Zone, ZoneId},
    keeper::{
        Apply, ApplyId, Config, Effect, FailureClass, Gate, Input, Keeper, Page, Publication, Rate, Read,
        ReadId, Time,
    },
    lease::Lease,
    plan::{Change, Unit},
};

/// How long a read may be relied on (§2).
const FRESH: Duration = Duration::from_secs(10);
/// Most ticks in a second: a keeper that asks for more is busy waiting.
const MAX_TICKS: usize = 40;

/// What of the account's changes is left to others (§5).
const RESERVED_CHANGES: u32 = 50;

/// In the middle of what a process can end.
pub const PHASES: &[&str] = &[
    "before it has seen everything",
    "idle",
    "with a batch on its way",
    "before it knows what became of a batch",
];

/// A process, on a clock that starts with it. All times here are the world's.
#[derive(Debug)]
pub struct Process {
    pub number: u32,
    pub born: Time,
    pub keeper: Keeper,
    /// Until when it leads, in truth.
    pub led_until: Time,
    /// What it knows of the lease.
    pub lease: Lease,
    /// The time of day as it was told, and when.
    wall: (i64, Time),
    /// What is to be published, and whether that is on its way.
    pub unpublished: Option<Box<Publication>>,
    pub is_publishing: bool,
    /// What it has not yet written into the lease for the next leader.
    pub memory: Option<String>,
    /// Until when it does not run at all, and until when it does not reach the API server.
    pub frozen_until: Time,
    pub cut_off_until: Time,
    pub watch: Watch,
    pub told: Told,
    pub repairs: Repairs,
    reads: BTreeMap<ReadId, Asked>,
    shown: Vec<Shown>,
    /// Where reads of names began that have been answered, and when: others may go on with them.
    answered: BTreeMap<ReadId, (Name, Time)>,
    /// When our own change of a name was known to be accepted: a read that was sent before says nothing new.
    written: BTreeMap<Name, Time>,
    /// When the listing under way began, and its newest page.
    listing: Option<(Time, ReadId)>,
    /// When the newest complete listing began.
    listed: Time,
    applying: Option<Applying>,
    /// The names of a batch that was not answered, and since when.
    unanswered: Option<(BTreeSet<Name>, Time)>,
    last_read: Option<ReadId>,
    last_apply: Option<ApplyId>,
    changes: Option<Allowance>,
    requests: Option<Allowance>,
    ticks: VecDeque<Time>,
}

/// A page that was asked for.
#[derive(Debug)]
struct Asked {
    /// Where the names begin that it is part of a read of, and when the first page of them was asked for.
    names: Option<(Name, Time)>,
    /// The name that it begins in.
    begin: Option<Name>,
}

/// What a page has shown: the sets of names of a range, or that there are none.
#[derive(Debug)]
struct Shown {
    start: Name,
    /// The first name that it does not tell of; none at the end of the zone.
    end: Option<Name>,
    /// The names on it: it tells of them wherever they stand in the order.
    present: BTreeSet<Name>,
    sent: Time,
}

/// What of the account's rate is ours. What is more than it can ever hold takes all of it, and is paid for afterwards.
#[derive(Debug)]
struct Allowance {
    refill: f64,
    capacity: f64,
    level: f64,
    at: Time,
}

/// A batch on its way.
#[derive(Debug, Clone)]
struct Applying {
    id: ApplyId,
    cost: u32,
    names: BTreeSet<Name>,
}

/// What a batch rests on: taken along by its request, because a process can end before that arrives.
#[derive(Debug, Clone)]
pub struct Rest {
    pub number: u32,
    pub born: Time,
    /// When the last read of each name was sent.
    pub fresh: BTreeMap<Name, Time>,
    /// When the newest complete listing began.
    pub listed: Time,
    /// Until when the process leads, as it knows.
    pub led_until: Time,
    /// When the batch was made, and when it was sent.
    pub made: Time,
    pub sent: Time,
    /// What its process knew of objects.
    pub told: Told,
    /// What time of day its process took it to be.
    pub unix: i64,
    /// Whether it arrives when its process does not wait for its answer any more.
    pub is_late: bool,
    /// Whether it arrives when its process has ended or does not wait for its answer any more.
    pub is_abandoned: bool,
}

impl Process {
    pub fn new(number: u32, born: Time, config: Config, is_private: bool) -> Self {
        let watch = Watch::new(&config.scopes);
        let ours =
            |rate: Option<Rate>, reserve| rate.map(|rate| Allowance::new(rate, reserve, config.quota.share));
        let changes = ours(config.quota.changes, RESERVED_CHANGES);
        let requests = ours(config.quota.requests, 0);
        let zone = Zone::new(ZoneId::new("Z0123456789EXAMPLE").unwrap(), Name::from_route53(APEX).unwrap())
            .private(is_private);
        Self {
            number,
            born,
            keeper: Keeper::new(config, zone),
            led_until: Time::ZERO,
            lease: Lease::new(number.to_string()),
            wall: (0, Time::ZERO),
            unpublished: None,
            is_publishing: false,
            memory: None,
            frozen_until: Time::ZERO,
            cut_off_until: Time::ZERO,
            watch,
            told: Told::new(born),
            repairs: Repairs::default(),
            reads: BTreeMap::new(),
            shown: Vec::new(),
            answered: BTreeMap::new(),
            written: BTreeMap::new(),
            listing: None,
            listed: Time::ZERO,
            applying: None,
            unanswered: None,
            last_read: None,
            last_apply: None,
            changes,
            requests,
            ticks: VecDeque::new(),
        }
    }

    /// A time of the world on the process's clock.
    pub fn local(&self, time: Time) -> Time {
        if time == Time::NEVER { time } else { Time::ZERO + (time - self.born) }
    }

    /// A time on the process's clock in the world.
    pub fn global(&self, time: Time) -> Time {
        time + self.born.since_start()
    }

    /// What time of day it takes it to be.
    pub fn unix(&self, now: Time) -> i64 {
        let (unix, at) = self.wall;
        unix + i64::try_from((now - at).as_secs()).unwrap()
    }

    /// When it has something to do of its own accord.
    pub fn wake_at(&self) -> Option<Time> {
        self.keeper.wake_at().map(|time| self.global(time).max(self.frozen_until))
    }

    /// Whether it knows what became of everything that it has sent.
    pub fn is_answered(&self) -> bool {
        self.applying.is_none() && self.unanswered.is_none()
    }

    /// What it is in the middle of: one of [`PHASES`].
    pub fn phase(&self) -> &'static str {
        if self.applying.is_some() {
            "with a batch on its way"
        } else if self.unanswered.is_some() {
            "before it knows what became of a batch"
        } else if self.keeper.is_ready() {
            "idle"
        } else {
            "before it has seen everything"
        }
    }

    /// Tells the keeper.
    pub fn handle(&mut self, input: Input, now: Time) -> Result<Vec<Effect>, Violation> {
        let effects = self.keeper.handle(input, self.local(now));
        if self.keeper.wake_at().is_some_and(|wake| wake <= self.local(now)) {
            return Err(Violation::new(
                "no busy loop",
                "the keeper wants to be called again at the same time",
            ));
        }
        Ok(effects)
    }

    /// Checks whether the keeper may do what it wants to do.
    pub fn check(&mut self, effect: &Effect, now: Time) -> Result<(), Violation> {
        match effect {
            Effect::Read(read) => self.check_read(read, now),
            Effect::Apply(apply) => self.check_apply(apply, now),
            Effect::AskPropagation(_) | Effect::Count => self.charge_request(now),
            Effect::Report(_) | Effect::Remember(_) | Effect::Publish(_) => Ok(()),
        }
    }

    /// Remembers what it is going to be told, as far as that decides what it may do.
    pub fn note(&mut self, input: &Input, now: Time) -> Result<(), Violation> {
        let touched = self.told.note(input, now);
        self.repairs.note(input, &touched);
        match input {
            Input::Wall { unix } => self.wall = (*unix, now),
            Input::Tick => {
                self.ticks.push_back(now);
                while self.ticks.front().is_some_and(|tick| now - *tick > Duration::from_secs(1)) {
                    self.ticks.pop_front();
                }
                if self.ticks.len() > MAX_TICKS {
                    return Err(Violation::new(
                        "no busy loop",
                        format!("{} ticks in a second", self.ticks.len()),
                    ));
                }
            }
            Input::Page { id, answer: Ok(page) } => match self.reads.remove(id) {
                Some(Asked { names: Some((start, sent)), begin }) => {
                    self.answered.insert(*id, (start.clone(), sent));
                    let shown = Shown::new(start, begin, page, sent);
                    self.unanswered = self.unanswered.take().filter(|(names, since)| {
                        sent < *since || !names.iter().any(|name| shown.tells_of(name))
                    });
                    self.shown.retain(|shown| now - shown.sent < FRESH * 2);
                    self.shown.push(shown);
                }
                Some(Asked { names: None, .. }) if page.next.is_none() => {
                    let complete = self.listing.take_if(|(_, page)| page == id);
                    self.listed = complete.map_or(self.listed, |(began, _)| began);
                }
                _ => {}
            },
            Input::Applied { id, answer } => {
                let Some(applying) = self.applying.take().filter(|applying| applying.id == *id) else {
                    return Err(Violation::new("one answer for one effect", format!("{id:?}")));
                };
                match answer.as_ref().map_err(|failure| failure.class) {
                    Ok(_) => self.written.extend(applying.names.into_iter().map(|name| (name, now))),
                    // What was not answered stays counted.
                    Err(FailureClass::Unknown) => self.unanswered = Some((applying.names, now)),
                    Err(_) => {
                        if let Some(changes) = &mut self.changes {
                            changes.give_back(applying.cost);
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn check_read(&mut self, read: &Read, now: Time) -> Result<(), Violation> {
        let is_new =
            read.continues.is_some() || self.last_read.replace(read.id).is_none_or(|last| last < read.id);
        if !is_new {
            return Err(Violation::new(
                "one answer for one effect",
                format!("{:?} was used before", read.id),
            ));
        }
        // A listing begins at the zone's first set or goes on at a set; a read of a name begins at the name, and may
        // go on as well.
        let first = read.start.as_ref().filter(|start| start.rtype.is_none()).map(|start| start.name.clone());
        let before = read.continues.and_then(|before| self.answered.remove(&before));
        let names = before.or(first.map(|first| (first, now)));
        let begin = read.start.as_ref().map(|start| start.name.clone());
        if read.start.is_none() {
            self.listing = Some((now, read.id));
        } else if names.is_none()
            && let Some((_, page)) = &mut self.listing
        {
            *page = read.id;
        }
        self.reads.insert(read.id, Asked { names, begin });
        self.charge_request(now)
    }

    fn charge_request(&mut self, now: Time) -> Result<(), Violation> {
        if self.requests.as_mut().is_none_or(|ours| ours.take(1, now)) {
            Ok(())
        } else {
            Err(Violation::new("requests within our share of the account's rate", "a request too many"))
        }
    }

    fn check_apply(&mut self, apply: &Apply, now: Time) -> Result<(), Violation> {
        let cost = apply.batch.weight().changes;
        if self.last_apply.replace(apply.id).is_some_and(|last| last >= apply.id) {
            return Err(Violation::new(
                "one answer for one effect",
                format!("{:?} was used before", apply.id),
            ));
        }
        if let Some((names, since)) = &self.unanswered {
            let detail = format!("{:?}, not answered at {since:?}: {names:?}", apply.id);
            return Err(Violation::new("what was not answered is read before anything is sent", detail));
        }
        let names = apply.batch.changes().map(|change| change.after().name().clone()).collect();
        if let Some(other) = self.applying.replace(Applying { id: apply.id, cost, names }) {
            return Err(Violation::new(
                "one change in flight",
                format!("{:?} while {:?}", apply.id, other.id),
            ));
        }
        let mut gates = self.keeper.closed_gates(self.local(now));
        // Where every change is refused, one unit is the probe.
        gates.retain(|gate| *gate != Gate::Changes || apply.batch.units().len() > 1);
        if !gates.is_empty() {
            return Err(Violation::new("nothing is sent while a gate is closed", format!("{gates:?}")));
        }
        let not_after = self.global(apply.not_after);
        if self.led_until <= now || not_after > self.led_until {
            return Err(Violation::new("only a leader writes", format!("until {:?}", self.led_until)));
        }
        if not_after <= now {
            return Err(Violation::new(
                "a batch can still be sent when it is made",
                format!("{not_after:?}"),
            ));
        }
        for unit in apply.batch.units() {
            if self.told.paused_until(unit.object()).is_some_and(|until| until > self.unix(now)) {
                let detail = format!("{} of {}", unit.key().host, unit.object());
                return Err(Violation::new("what is paused is left as it is", detail));
            }
        }
        for unit in apply.batch.units().iter().filter(|unit| rests_on_the_zone(unit)) {
            let stale =
                unit.reads().iter().find(|name| self.fresh(name).is_none_or(|sent| not_after > sent + FRESH));
            if let Some(name) = stale {
                let detail = format!("{name}, not after {not_after:?}");
                return Err(Violation::new("what a batch rests on was read less than 10 s ago", detail));
            }
        }
        if self.changes.as_mut().is_some_and(|ours| !ours.take(cost, now)) {
            let detail = format!("{cost} at once");
            return Err(Violation::new("changes within our share of the account's rate", detail));
        }
        self.charge_request(now)
    }

    /// When the last read of a name was sent. One that was sent before our own change was accepted says nothing new.
    fn fresh(&self, name: &Name) -> Option<Time> {
        let written = self.written.get(name).copied().unwrap_or_default();
        let telling = self.shown.iter().filter(|shown| shown.tells_of(name));
        telling.map(|shown| shown.sent).filter(|sent| *sent >= written).max()
    }

    /// What a batch rests on.
    pub fn rest(&self, apply: &Apply, now: Time) -> Rest {
        let reads = apply.batch.units().iter().flat_map(Unit::reads);
        let names = reads.chain(apply.batch.changes().map(|change| change.after().name()));
        Rest {
            number: self.number,
            born: self.born,
            fresh: names.filter_map(|name| Some((name.clone(), self.fresh(name)?))).collect(),
            listed: self.listed,
            led_until: self.led_until,
            made: now,
            sent: now,
            told: self.told.clone(),
            unix: self.unix(now),
            is_late: false,
            is_abandoned: false,
        }
    }
}

impl Allowance {
    fn new(rate: Rate, reserve: u32, share: f64) -> Self {
        let capacity = f64::from(rate.burst.saturating_sub(reserve).max(1));
        Self { refill: f64::from(rate.refill) * share, capacity, level: capacity, at: Time::ZERO }
    }

    fn take(&mut self, cost: u32, now: Time) -> bool {
        let gained = (now - self.at).as_secs_f64() * self.refill;
        self.level = (self.level + gained).min(self.capacity);
        self.at = now;
        let is_there = self.level + 0.001 >= f64::from(cost).min(self.capacity);
        self.level -= f64::from(cost);
        is_there
    }

    fn give_back(&mut self, cost: u32) {
        self.level = (self.level + f64::from(cost)).min(self.capacity);
    }
}

impl Shown {
    fn new(start: Name, begin: Option<Name>, page: &Page, sent: Time) -> Self {
        let next = page.next.as_ref().map(|next| &next.name);
        let names = page.sets.iter().map(RecordSet::name).filter(|name| Some(*name) != next);
        let mut present: BTreeSet<Name> = names.cloned().collect();
        let end = match next {
            Some(next) if next.has_escapes() => {
                Some(present.iter().rfind(|name| !name.has_escapes()).unwrap_or(&start).clone())
            }
            next => next.cloned(),
        };
        // What a page begins in is not there if it is not on it.
        present.extend(begin.filter(|begin| next != Some(begin)));
        Self { start, end, present, sent }
    }

    fn tells_of(&self, name: &Name) -> bool {
        // Where a name with an escape stands in the order is not certain.
        let is_in_range = !name.has_escapes()
            && !self.start.has_escapes()
            && *name >= self.start
            && self.end.as_ref().is_none_or(|end| name < end);
        is_in_range || self.present.contains(name)
    }
}

/// Whether a unit relies on more than that nothing is in its place, which the service itself makes sure of: it
/// replaces something, or writes a record whose ownership TXT is there already, or the TXT of a record that is.
pub fn rests_on_the_zone(unit: &Unit) -> bool {
    let created: Vec<&RecordType> = unit
        .changes()
        .iter()
        .filter_map(|change| match change {
            Change::Create { set, .. } => Some(set.rtype()),
            Change::Replace { .. } => None,
        })
        .collect();
    let txts = created.iter().filter(|rtype| ***rtype == RecordType::Txt).count();
    created.len() < unit.changes().len() || created.len() - txts != txts
}
