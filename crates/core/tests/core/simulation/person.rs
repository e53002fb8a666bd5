//! The person who approves plans and releases the brake, the stored state of the cluster, and the wall clock.

use std::time::Duration;

use zonekeeper_core::keeper::{Approval, Input, Mode, Publication, Time};

use super::{
    invariants::Violation,
    process::Process,
    saboteur::Saboteur,
    world::{Event, World},
};

/// The start of a run, in seconds since 1970.
const BEGIN: i64 = 1_800_000_000;

/// Wait of a process before it publishes again.
const RETRY: Duration = Duration::from_secs(2);

/// The labels of a person's actions.
pub const ACTIONS: &[&str] =
    &["approves", "approves an outdated plan", "approves twice", "releases the brake", "looks"];

/// The state that survives a process: the annotations of the Lease, and the status and spec of the `ZonePlan`.
#[derive(Debug, Default)]
pub struct StoredState {
    pub memory: Option<String>,
    pub published: Option<Box<Publication>>,
    /// All published plans.
    pub all: Vec<Publication>,
    pub approval: Option<Approval>,
    /// The error of the wall clock, in seconds.
    pub off: i64,
}

impl World {
    /// The wall clock.
    pub fn unix(&self) -> i64 {
        BEGIN + i64::try_from(self.now.since_start().as_secs()).unwrap() + self.stored.off
    }

    /// Tells the next leader the moves of the previous one.
    pub fn hand_down(&mut self, to: u32) -> Result<(), Violation> {
        let forgets = |process: &Process| process.memory.is_some() || !process.is_answered();
        if self.ledger.window.is_clock_set || self.processes.iter().any(forgets) {
            self.ledger.window.forget();
        }
        self.tell(to, Input::Wall { unix: self.unix() })?;
        match self.stored.memory.clone() {
            Some(memory) => self.tell(to, Input::Recall { memory }),
            None => Ok(()),
        }
    }

    /// The new leader reads the published plan and the approval.
    pub fn read_plan(&mut self, to: u32) -> Result<(), Violation> {
        if self.position(to).is_none() {
            return Ok(());
        }
        self.ledger.approvals.recalled();
        if self.saboteur == Some(Saboteur::ForgetsWhatIsUsed) {
            let is_before = |published: &&Publication| {
                let approval = self.stored.approval;
                approval.is_some_and(|approval| approval.digest == published.digest)
                    && published.used != approval
            };
            let before = self.stored.all.iter().rev().find(is_before).cloned();
            self.stored.published = before.map(Box::new).or(self.stored.published.take());
        }
        self.send_stored_state(to)
    }

    /// Tells a process the published plan and the approval.
    pub fn send_stored_state(&mut self, to: u32) -> Result<(), Violation> {
        self.tell(to, Input::Published(self.stored.published.clone()))?;
        match self.stored.approval {
            Some(approval) => self.tell(to, Input::Approve(approval)),
            None => Ok(()),
        }
    }

    /// Queues a publication. It replaces the queued one.
    pub fn publish(&mut self, process: u32, publication: Box<Publication>) {
        let at = self.position(process).unwrap();
        let process = &mut self.processes[at];
        process.unpublished = Some(publication);
        if !std::mem::replace(&mut process.is_publishing, true) {
            self.send_publication(at);
        }
    }

    fn send_publication(&mut self, at: usize) {
        let process = &mut self.processes[at];
        let number = process.number;
        // A former leader publishes nothing.
        let leads = process.led_until > self.now;
        let Some(publication) = process.unpublished.clone().filter(|_| leads) else {
            process.is_publishing = false;
            return;
        };
        let longest = if self.storm { *self.random.pick(&[20, 20, 300, 5_000]) } else { 20 };
        let wait = self.random.millis(1, longest);
        self.schedule(wait, Event::Publish { process: number, publication });
    }

    /// A publication reaches the API server, which stores it or not.
    pub fn keep(&mut self, process: u32, publication: Box<Publication>) -> Result<(), Violation> {
        let now = self.now;
        let sender = self.process(process);
        let is_cut_off = sender.is_some_and(|sender| sender.cut_off_until > now);
        let is_lost = match sender {
            Some(_) => is_cut_off || (self.storm && self.random.percent(15)),
            None => self.random.percent(50),
        };
        if is_lost {
            self.statistics.count("fault", "a publication is lost");
            self.schedule(RETRY, Event::Published { process });
            return Ok(());
        }
        if let Some(at) = self.position(process) {
            self.processes[at].unpublished.take_if(|newest| *newest == publication);
        }
        self.schedule(Duration::from_millis(1), Event::Published { process });
        self.ledger.approvals.shown(&publication)?;
        self.stored.all.push((*publication).clone());
        self.stored.published = Some(publication);
        self.stored_state_changed();
        Ok(())
    }

    /// A process gets the answer to its publication, and sends the next one.
    pub fn is_published(&mut self, process: u32) {
        if let Some(at) = self.position(process) {
            self.send_publication(at);
        }
    }

    /// Tells every process a change of the stored state.
    fn stored_state_changed(&mut self) {
        let all: Vec<(u32, Time)> =
            self.processes.iter().map(|process| (process.number, process.cut_off_until)).collect();
        for (process, reachable) in all {
            let wait = self.random.millis(1, if self.storm { 300 } else { 20 });
            self.schedule((reachable.max(self.now) - self.now) + wait, Event::StoredState { process });
        }
    }

    /// Tells every process the wall clock. Sometimes somebody sets it.
    pub fn tell_the_time(&mut self) -> Result<(), Violation> {
        if self.storm && self.random.percent(20) {
            self.statistics.count("fault", "the clock is set");
            self.ledger.window.is_clock_set = true;
            self.stored.off = *self.random.pick(&[0, 60, -60, 7_200, -7_200, 8 * 24 * 3_600]);
        }
        let wait = self.random.millis(20_000, 60_000);
        self.schedule(wait, Event::Clock);
        let runs = |process: &&Process| process.frozen_until <= self.now;
        let all: Vec<u32> = self.processes.iter().filter(runs).map(|process| process.number).collect();
        all.into_iter().try_for_each(|process| self.tell(process, Input::Wall { unix: self.unix() }))
    }

    /// A person reads the published plan, and may approve it. After the disturbances, they approve every plan.
    pub fn person(&mut self) -> Result<(), Violation> {
        let longest = if self.storm { 40_000 } else { 10_000 };
        let wait = self.random.millis(500, longest);
        self.schedule(wait, Event::Person);
        // Only a leader reads approvals.
        let Some(leader) = self.leader().map(|leader| leader.number) else { return Ok(()) };
        if !self.storm || self.random.percent(15) {
            self.statistics.count("person", "releases the brake");
            let until = self.unix() + i64::from(*self.random.pick(&[30_u8, 200]));
            let seconds = u64::try_from(until - self.unix()).unwrap_or_default();
            self.ledger.window.release(self.now + Duration::from_secs(seconds));
            let unix = self.unix();
            self.tell(leader, Input::Release { until, unix })?;
        }
        let Some(published) = self.stored.published.as_ref().filter(|_| self.shape.mode == Mode::Approve)
        else {
            return Ok(());
        };
        let choice = if self.storm { self.random.below(4) } else { 3 };
        let (what, digest, at) = match (choice, self.stored.approval) {
            (0, _) => ("looks", None, 0),
            (1, Some(given)) => ("approves twice", Some(given.digest), given.at),
            (2, _) => {
                ("approves an outdated plan", Some(self.random.pick(&self.stored.all).digest), self.unix())
            }
            // The approval is later than the last one, even if the clock was set back.
            (_, given) => {
                let at = given.map_or(0, |given| given.at + 1).max(self.unix());
                ("approves", Some(published.digest), at)
            }
        };
        self.statistics.count("person", what);
        let Some(digest) = digest else { return Ok(()) };
        let approval = Approval { digest, at };
        self.stored.approval = Some(approval);
        self.ledger.approvals.given(approval);
        self.note(|| format!("a person {what} {digest}"));
        self.tell(leader, Input::Approve(approval))
    }

    /// Schedules the first actions of the person.
    pub fn begin_person(&mut self) {
        self.schedule(Duration::from_millis(1), Event::Clock);
        let wait = self.random.millis(0, 20_000);
        self.schedule(wait, Event::Person);
    }
}
