//! One process: a keeper, its inputs, and the effects that they allow.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{invariants::Violation, knowledge::Knowledge, ownership::APEX, repairs::Repairs, watch::Watch};
use zonekeeper_core::{
    dns::{Name, RecordSet, Zone, ZoneId},
    keeper::{
        Apply, ApplyId, Config, Effect, FailureClass, Gate, Input, Keeper, ObjectState, Page, Publication,
        Rate, Read, ReadId, Time,
    },
    lease::Lease,
    plan::{Change, Unit},
    source::ObjectRef,
};

/// Maximum age of a read (§2).
const FRESH: Duration = Duration::from_secs(10);
/// Maximum of ticks in a second. A keeper with more ticks is in a busy loop.
const MAX_TICKS: usize = 40;

/// Changes of the account that are reserved for others (§5).
const RESERVED_CHANGES: u32 = 50;

/// The phases in which a process can end.
pub const PHASES: &[&str] = &[
    "before it has seen everything",
    "idle",
    "with a batch on its way",
    "before it knows the result of a batch",
];

/// A process, with its own clock from its start. All times here are times of the world.
#[derive(Debug)]
pub struct Process {
    pub number: u32,
    pub born: Time,
    pub keeper: Keeper,
    /// The actual end of its leadership.
    pub led_until: Time,
    /// Its knowledge of the Lease.
    pub lease: Lease,
    /// The last wall clock input, with its time.
    wall: (i64, Time),
    /// The queued publication, and whether one is on its way.
    pub unpublished: Option<Box<Publication>>,
    pub is_publishing: bool,
    /// The memory that is not yet written into the Lease for the next leader.
    pub memory: Option<String>,
    /// The end of a freeze, and the end of a disconnection from the API server.
    pub frozen_until: Time,
    pub cut_off_until: Time,
    pub watch: Watch,
    pub knowledge: Knowledge,
    pub repairs: Repairs,
    /// The last states of objects that it has reported in its term.
    pub states: BTreeMap<ObjectRef, ObjectState>,
    reads: BTreeMap<ReadId, PageRequest>,
    shown: Vec<PageContent>,
    /// The starts and times of answered reads of names. Later pages can continue them.
    answered: BTreeMap<ReadId, (Name, Time)>,
    /// The time at which our own change of a name was known to be accepted. An earlier read does not count after it.
    written: BTreeMap<Name, Time>,
    /// The start of the current listing, and its newest page.
    listing: Option<(Time, ReadId)>,
    /// The start of the newest complete listing.
    listed: Time,
    applying: Option<Applying>,
    /// The names of an unanswered batch, with its time.
    unanswered: Option<(BTreeSet<Name>, Time)>,
    last_read: Option<ReadId>,
    last_apply: Option<ApplyId>,
    changes: Option<Allowance>,
    requests: Option<Allowance>,
    ticks: VecDeque<Time>,
}

/// A requested page.
#[derive(Debug)]
struct PageRequest {
    /// The start of the page's read, and the time of the first request of this read.
    names: Option<(Name, Time)>,
    /// The first name of the page.
    begin: Option<Name>,
}

/// The content of a page: the sets of a range of names.
#[derive(Debug)]
struct PageContent {
    start: Name,
    /// The first name after the range. None at the end of the zone.
    end: Option<Name>,
    /// The names on the page. It covers them in any position.
    present: BTreeSet<Name>,
    sent: Time,
}

/// Our share of the account's rate. A cost over the capacity takes the whole bucket and is paid later.
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

/// The basis of a batch. Its request carries it, because the process can end before the request arrives.
#[derive(Debug, Clone)]
pub struct Basis {
    pub number: u32,
    pub born: Time,
    /// The time of the last read of each name.
    pub fresh: BTreeMap<Name, Time>,
    /// The start of the newest complete listing.
    pub listed: Time,
    /// The end of the leadership, as the process knows it.
    pub led_until: Time,
    /// The times at which the batch was made and sent.
    pub made: Time,
    pub sent: Time,
    /// Its process's knowledge of objects.
    pub knowledge: Knowledge,
    /// The wall clock of its process.
    pub unix: i64,
    /// Whether it arrives after its process stopped waiting for the answer.
    pub is_late: bool,
    /// Whether it arrives after its process ended or stopped waiting for the answer.
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
            knowledge: Knowledge::new(born),
            repairs: Repairs::default(),
            states: BTreeMap::new(),
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

    /// Converts a time of the world to the process's clock.
    pub fn local(&self, time: Time) -> Time {
        if time == Time::NEVER { time } else { Time::ZERO + (time - self.born) }
    }

    /// Converts a time of the process's clock to the world.
    pub fn global(&self, time: Time) -> Time {
        time + self.born.since_start()
    }

    /// The wall clock that the process assumes.
    pub fn unix(&self, now: Time) -> i64 {
        let (unix, at) = self.wall;
        unix + i64::try_from((now - at).as_secs()).unwrap()
    }

    /// The next wake-up.
    pub fn wake_at(&self) -> Option<Time> {
        self.keeper.wake_at().map(|time| self.global(time).max(self.frozen_until))
    }

    /// Whether it knows the result of all its requests.
    pub fn is_answered(&self) -> bool {
        self.applying.is_none() && self.unanswered.is_none()
    }

    /// The current phase, one of [`PHASES`].
    pub fn phase(&self, now: Time) -> &'static str {
        if self.applying.is_some() {
            "with a batch on its way"
        } else if self.unanswered.is_some() {
            "before it knows the result of a batch"
        } else if self.keeper.is_ready(self.local(now)) {
            "idle"
        } else {
            "before it has seen everything"
        }
    }

    /// Passes an input to the keeper.
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

    /// Checks whether an effect is allowed.
    pub fn check(&mut self, effect: &Effect, now: Time) -> Result<(), Violation> {
        match effect {
            Effect::Read(read) => self.check_read(read, now),
            Effect::Apply(apply) => self.check_apply(apply, now),
            Effect::AskPropagation(_) | Effect::Count => self.charge_request(now),
            Effect::Report(_) | Effect::Remember(_) | Effect::Publish(_) => Ok(()),
        }
    }

    /// Records an input that decides which effects are allowed.
    pub fn note(&mut self, input: &Input, now: Time) -> Result<(), Violation> {
        let touched = self.knowledge.note(input, now);
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
                Some(PageRequest { names: Some((start, sent)), begin }) => {
                    self.answered.insert(*id, (start.clone(), sent));
                    let shown = PageContent::new(start, begin, page, sent);
                    self.unanswered = self.unanswered.take().filter(|(names, since)| {
                        sent < *since || !names.iter().any(|name| shown.covers(name))
                    });
                    self.shown.retain(|shown| now - shown.sent < FRESH * 2);
                    self.shown.push(shown);
                }
                Some(PageRequest { names: None, .. }) if page.next.is_none() => {
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
                    // An unanswered request stays charged.
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
        // A listing begins at the zone's first set or continues at a set. A read of a name begins at the name, and can
        // continue as well.
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
        self.reads.insert(read.id, PageRequest { names, begin });
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
            return Err(Violation::new("an unanswered batch is read before the next one is sent", detail));
        }
        let names = apply.batch.changes().map(|change| change.after().name().clone()).collect();
        if let Some(other) = self.applying.replace(Applying { id: apply.id, cost, names }) {
            return Err(Violation::new(
                "one change in flight",
                format!("{:?} while {:?}", apply.id, other.id),
            ));
        }
        let mut gates = self.keeper.closed_gates(self.local(now));
        // If every change is rejected, the probe is one unit.
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
            if self.knowledge.paused_until(unit.object()).is_some_and(|until| until > self.unix(now)) {
                let detail = format!("{} of {}", unit.key().host, unit.object());
                return Err(Violation::new("a paused object's records do not change", detail));
            }
        }
        for unit in apply.batch.units().iter().filter(|unit| relies_on_the_zone(unit)) {
            let stale =
                unit.reads().iter().find(|name| self.fresh(name).is_none_or(|sent| not_after > sent + FRESH));
            if let Some(name) = stale {
                let detail = format!("{name}, not after {not_after:?}");
                return Err(Violation::new("a batch relies on reads less than 10 s old", detail));
            }
        }
        if self.changes.as_mut().is_some_and(|ours| !ours.take(cost, now)) {
            let detail = format!("{cost} at once");
            return Err(Violation::new("changes within our share of the account's rate", detail));
        }
        self.charge_request(now)
    }

    /// The time of the last read of a name. A read before our own accepted change does not count.
    fn fresh(&self, name: &Name) -> Option<Time> {
        let written = self.written.get(name).copied().unwrap_or_default();
        let telling = self.shown.iter().filter(|shown| shown.covers(name));
        telling.map(|shown| shown.sent).filter(|sent| *sent >= written).max()
    }

    /// The basis of a batch.
    pub fn basis(&self, apply: &Apply, now: Time) -> Basis {
        let reads = apply.batch.units().iter().flat_map(Unit::reads);
        let names = reads.chain(apply.batch.changes().map(|change| change.after().name()));
        Basis {
            number: self.number,
            born: self.born,
            fresh: names.filter_map(|name| Some((name.clone(), self.fresh(name)?))).collect(),
            listed: self.listed,
            led_until: self.led_until,
            made: now,
            sent: now,
            knowledge: self.knowledge.clone(),
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

impl PageContent {
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
        // The first name of a page has no sets if it is not on the page.
        present.extend(begin.filter(|begin| next != Some(begin)));
        Self { start, end, present, sent }
    }

    fn covers(&self, name: &Name) -> bool {
        // The position of a name with an escape is not certain.
        let is_in_range = !name.has_escapes()
            && !self.start.has_escapes()
            && *name >= self.start
            && self.end.as_ref().is_none_or(|end| name < end);
        is_in_range || self.present.contains(name)
    }
}

/// Whether a unit relies on existing sets. The service itself guards only against existing sets in place of new ones.
///
/// A unit relies on existing sets in three cases: it replaces a set, it creates a record with an existing ownership
/// record, or it creates an ownership record for an existing record.
pub fn relies_on_the_zone(unit: &Unit) -> bool {
    let created = unit.changes().iter().filter(|change| change.is_create());
    let (records, txts): (Vec<&Change>, Vec<&Change>) = created.partition(|change| change.is_of_record());
    records.len() + txts.len() < unit.changes().len() || records.len() != txts.len()
}
