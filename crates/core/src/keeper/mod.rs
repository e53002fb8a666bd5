//! The loop, without I/O: facts, pages and answers go in, effects come out.
//!
//! [`Keeper::handle`] takes what has happened and the time at which it did; it returns what is to be done.
//! [`Keeper::wake_at`] says when it wants to be called even if nothing happens. It reads no clock and draws no
//! random numbers, so the same inputs give the same effects, and a simulator can replay a year in a second.
//!
//! The keeper only routes between small state machines: which objects have been listed (`lists`), what follows for each
//! hostname (`plans`) and when that is planned again (`replan`), when a change is acted on (`wakeup`), the zone as last
//! seen (`snapshot`), when it is listed again (`resync`), which names are read again (`rereads`), what the account
//! allows (`pacer`), whether it answers at all (`breaker`), what Route 53 has refused (`quarantine`, by what it said:
//! `refusal`), what is planned and held back (`holds`), who has a hostname and for how long (`tenure`), what somebody
//! else has changed (`drift`), too many moves at once (`brake`), what a person has approved (`approvals`), what is sent
//! next (`lanes`), the batch under way (`write`), accepted changes on their way to the name servers (`propagation`) and
//! what has been blocked for long (`warnings`). What is read of the zone is in `read`, what keeps anything from being
//! written in `gate`, what others may ask in `standing`, what looks like chance in `jitter`.

mod approvals;
mod brake;
mod breaker;
mod contract;
mod drift;
mod gate;
mod holds;
mod jitter;
mod lanes;
mod lists;
mod pacer;
mod plans;
mod propagation;
mod quarantine;
mod read;
mod refusal;
mod replan;
mod rereads;
mod resync;
mod snapshot;
mod standing;
mod tenure;
mod time;
mod wakeup;
mod wall;
mod warnings;
mod write;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

pub use approvals::{Approval, Publication};
pub use brake::BrakeLimits;
pub use contract::{
    Apply, ApplyId, ChangeId, Cursor, Effect, Failure, FailureClass, Input, Leftover, Page, Read, ReadId,
    Report, Scope, Warning,
};
pub use gate::Gate;
pub use pacer::{Quota, Rate};
pub use standing::Progress;
pub use time::Time;

use crate::{
    dns::Zone,
    plan::{Past, Settings, View},
    source::{Claims, ObjectId},
};
use approvals::Approvals;
use brake::Brake;
use breaker::Breaker;
use drift::Drift;
use holds::Holds;
use lists::Lists;
use pacer::Pacer;
use plans::{Cause, Plans};
use propagation::Propagation;
use quarantine::Quarantine;
use rereads::Rereads;
use resync::Resync;
use snapshot::Snapshot;
use tenure::Tenures;
use wakeup::Wakeup;
use wall::Wall;
use warnings::Warnings;
use write::Cycle;

/// After a failure of the service: the shortest wait before the next try.
const RETRY_SHORTEST: Duration = Duration::from_secs(1);
/// After a failure of the service: by how much a wait can be longer than the shortest.
const RETRY_SPREAD: Duration = Duration::from_secs(2);

/// What the keeper is told once.
#[derive(Debug, Clone)]
pub struct Config {
    /// How claims become record sets.
    pub settings: Settings,
    /// What is listed before anything is decided.
    pub scopes: Vec<Scope>,
    /// Whether it may write at all.
    pub mode: Mode,
    /// What the account allows.
    pub quota: Quota,
    /// How often the whole zone is listed.
    pub resync: Duration,
    /// How long a hostname is kept for an object that is gone, against objects of other namespaces.
    pub vacancy: Duration,
    /// From when on replacements are held.
    pub brake: BrakeLimits,
    /// Keeps several processes from retrying in step.
    pub seed: u64,
}

/// Whether plans are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Plans are carried out.
    Apply,
    /// What of plans a person has approved is carried out.
    Approve,
    /// Plans are shown.
    DryRun,
}

/// The state of the loop.
#[derive(Debug)]
pub struct Keeper {
    config: Config,
    claims: Claims,
    lists: Lists,
    snapshot: Snapshot,
    plans: Plans,
    wakeup: Wakeup,
    pacer: Pacer,
    quarantine: Quarantine,
    resync: Resync,
    propagation: Propagation,
    /// Open while nothing of this account's is accepted.
    breaker: Breaker,
    /// Open while no change is accepted.
    refusals: Breaker,
    holds: Holds,
    /// What decisions rest on besides the objects and the zone.
    past: Past,
    tenures: Tenures,
    drift: Drift,
    brake: Brake,
    is_braked: bool,
    approvals: Approvals,
    wall: Wall,
    cycle: Cycle,
    /// Since when a backlog waits for the tokens of a full batch.
    backlog_since: Option<Time>,
    rereads: Rereads,
    /// Reads that go on with names on a further page, and wait for a request.
    further: VecDeque<Read>,
    warnings: Warnings,
    leader_until: Time,
    /// When something was last handled.
    now: Time,
    /// Whether every object and the zone have been seen once, so that plans mean something.
    opened: bool,
    last_id: u64,
    retries: u64,
    /// The earliest time at which something waits to be done.
    later: Option<Time>,
    /// Whether anything has happened since that may let something be sent.
    is_stirred: bool,
    /// When something may be sent that could not be when that was last looked at.
    write_at: Option<Time>,
}

// === impl Keeper ===

impl Keeper {
    /// A keeper of `zone`, which is empty until it has been listed.
    pub fn new(config: Config, zone: Zone) -> Self {
        Self {
            claims: Claims::new(zone.apex().clone()),
            lists: Lists::new(config.scopes.iter().cloned()),
            snapshot: Snapshot::new(zone),
            plans: Plans::default(),
            wakeup: Wakeup::default(),
            pacer: Pacer::new(config.quota),
            quarantine: Quarantine::default(),
            resync: Resync::new(config.resync, config.quota.requests),
            propagation: Propagation::default(),
            breaker: Breaker::default(),
            refusals: Breaker::default(),
            holds: Holds::default(),
            past: Past::default(),
            tenures: Tenures::new(config.vacancy),
            drift: Drift::default(),
            brake: Brake::new(config.brake),
            is_braked: false,
            approvals: Approvals::default(),
            wall: Wall::default(),
            cycle: Cycle::default(),
            backlog_since: None,
            rereads: Rereads::default(),
            further: VecDeque::new(),
            warnings: Warnings::default(),
            leader_until: Time::ZERO,
            now: Time::ZERO,
            opened: false,
            last_id: 0,
            retries: 0,
            later: None,
            is_stirred: true,
            write_at: None,
            config,
        }
    }

    /// Takes what has happened; returns what is to be done, in order.
    ///
    /// Every [`Effect`] but a report must be answered with its [`Input`], once.
    pub fn handle(&mut self, input: Input, now: Time) -> Vec<Effect> {
        let mut out = Vec::new();
        self.now = now;
        // Objects matter when they are planned: a storm of their changes costs no look at everything that waits.
        self.is_stirred |= match &input {
            Input::Facts { .. } | Input::Unreadable { .. } | Input::Tick => false,
            Input::Leadership { .. } => self.leader_until <= now,
            _ => true,
        };
        match input {
            Input::Facts { object, facts } => {
                self.lists.see(&object);
                self.facts(&object, facts.map(|facts| *facts), now, &mut out);
            }
            Input::Unreadable { object } => {
                self.lists.see(&object);
                // What is known of it stays; what is not may be anything.
                if self.claims.facts_of(&object).is_none() && self.past.set_hidden(&object, true) {
                    self.mark_all(now);
                }
            }
            Input::Listing(scope) => {
                let is_within =
                    |id: &&ObjectId| scope.namespace.as_deref().is_none_or(|within| id.namespace() == within);
                let hidden = self.past.hidden().filter(|id| id.kind() == scope.kind).filter(is_within);
                let known = self.claims.objects(scope.kind, scope.namespace.as_deref());
                self.lists.begin(&scope, known.chain(hidden));
            }
            Input::Listed(scope) => {
                for object in self.lists.end(&scope) {
                    self.facts(&object, None, now, &mut out);
                }
                self.readable(&scope, true, now);
            }
            Input::Denied(scope) => {
                if self.lists.unreadable(&scope) {
                    self.readable(&scope, false, now);
                }
            }
            Input::Wall { unix } => self.wall.set(unix, now),
            Input::Recall { memory } => {
                let wall = self.wall;
                self.brake.recall(&memory, |unix| wall.time(unix, now), now);
                // What this process has done and that does not tell yet.
                self.remember(Some(&memory), &mut out);
            }
            Input::Release { until } => {
                let until = self.wall.time(until, now);
                self.brake.release(until);
                // One that has ended is found as well.
                if until > now {
                    self.make_peace(&mut out);
                }
            }
            Input::Approve(approval) => self.approvals.give(approval, now),
            Input::Published(found) => self.approvals.recall(found, now),
            Input::Page { id, answer: Ok(page) } => self.page(id, page, now, &mut out),
            Input::Page { id, answer: Err(failure) } => self.page_failed(id, failure, now, &mut out),
            Input::Applied { id, answer } => self.applied(id, answer, now, &mut out),
            Input::Propagation { change, answer } => self.propagated(change, answer, now, &mut out),
            Input::Counted(answer) => self.counted(answer, now, &mut out),
            Input::Leadership { until } => {
                let before = std::mem::replace(&mut self.leader_until, until);
                if before == Time::ZERO && until > Time::ZERO {
                    self.approvals.begin();
                }
            }
            Input::Tick => {}
        }
        self.advance(now, &mut out);
        self.warn(now, &mut out);
        out
    }

    fn view(&self) -> View<'_> {
        View {
            zone: self.snapshot.zone(),
            claims: &self.claims,
            settings: &self.config.settings,
            past: &self.past,
        }
    }

    fn propagated(
        &mut self,
        change: ChangeId,
        answer: Result<bool, Failure>,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        let answer = answer.map_err(|failure| {
            let class = failure.class;
            // It is a question of interest only: whoever may not ask it may do everything else perhaps.
            if class == FailureClass::Throttled {
                self.pacer.throttled(now);
            }
            out.push(Effect::Report(Report::Failed { what: "ask for a change", failure }));
            class
        });
        if self.propagation.answer(&change, answer, now) {
            out.push(Effect::Report(Report::InSync(change)));
        }
    }

    /// Draws the consequences of a failure for the pace; returns when to try again.
    fn failed(&mut self, what: &'static str, failure: Failure, now: Time, out: &mut Vec<Effect>) -> Time {
        match failure.class {
            _ if self.breaker.is_probing() => self.breaker.open(now),
            FailureClass::Throttled => self.pacer.throttled(now),
            FailureClass::Account => self.breaker.open(now),
            FailureClass::Busy
            | FailureClass::NotExecuted
            | FailureClass::Unknown
            | FailureClass::Refused
            | FailureClass::Denied
            | FailureClass::ZoneFull
            | FailureClass::Withheld => {}
        }
        out.push(Effect::Report(Report::Failed { what, failure }));
        now + self.retry_wait()
    }

    /// How long to wait after a failure of the service: between one second and three, never longer.
    fn retry_wait(&mut self) -> Duration {
        self.retries += 1;
        RETRY_SHORTEST + RETRY_SPREAD.mul_f64(jitter::fraction(self.config.seed, self.retries))
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Notes that something waits for a time.
    fn at_latest(&mut self, time: Time) {
        self.later = Some(self.later.map_or(time, |later| later.min(time)));
    }

    /// Notes that something may be sent at a time.
    fn write_at_latest(&mut self, time: Time) {
        self.write_at = Some(self.write_at.map_or(time, |at| at.min(time)));
    }

    /// Does everything that is due.
    fn advance(&mut self, now: Time, out: &mut Vec<Effect>) {
        self.later = None;
        self.open(now);
        while let Some(host) = self.tenures.take(now) {
            self.plans.mark(host, Cause::Change);
            self.wakeup.at_once(now);
        }
        if self.opened && self.wakeup.take(now) {
            self.settle(now, out);
        }
        self.review_holds(now, out);
        self.publish(now, out);
        if let Some(due) = self.tenures.due() {
            self.at_latest(due);
        }
        if let Some(due) = self.wakeup.due().filter(|_| self.opened) {
            self.at_latest(due);
        }
        match self.breaker.state(now) {
            breaker::State::Closed => {
                self.read_zone(now, out);
                if self.is_stirred || self.write_at.is_some_and(|at| at <= now) {
                    self.is_stirred = false;
                    self.write_at = None;
                    self.write(now, out);
                }
                if let Some(at) = self.write_at {
                    self.at_latest(at);
                }
                self.follow(now, out);
            }
            breaker::State::Open { until, .. } => self.at_latest(until),
            breaker::State::Due if self.pacer.requests(now) == 0 => self.at_latest(self.pacer.when(1, 0)),
            breaker::State::Due => {
                self.breaker.probe();
                let apex = self.snapshot.zone().apex().clone();
                self.read_names(BTreeSet::from([apex]), now, out);
            }
            breaker::State::Probing => {}
        }
        self.later = self.later.map(|later| later.max(now + Duration::from_millis(1)));
    }

    /// Says what has lasted, after everything that was said of it now.
    fn warn(&mut self, now: Time, out: &mut Vec<Effect>) {
        for effect in &*out {
            if let Effect::Report(report) = effect {
                self.warnings.hear(report, now);
            }
        }
        while let Some(warning) = self.warnings.take(now) {
            if let Some(facts) = self.claims.facts_of(warning.object()) {
                out.push(Effect::Report(Report::Lasting { warning, uid: facts.uid.clone() }));
            }
        }
        if let Some(due) = self.warnings.due() {
            self.at_latest(due);
        }
    }

    /// Asks what has become of accepted changes.
    fn follow(&mut self, now: Time, out: &mut Vec<Effect>) {
        if let Some(due) = self.propagation.due() {
            let due = due.max(self.pacer.when(1, 0));
            if due > now {
                self.at_latest(due);
            } else if let Some(change) = self.propagation.ask(now) {
                self.pacer.spend(now, 1, 0);
                out.push(Effect::AskPropagation(change));
            }
        }
    }
}
