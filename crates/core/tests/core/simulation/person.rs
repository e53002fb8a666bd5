//! Who approves plans and releases the brake, and the clock on the wall.

use std::time::Duration;

use zonekeeper_core::keeper::{Approval, Input, Mode, Publication, Time};

use super::{
    invariants::Violation,
    process::Process,
    saboteur::Saboteur,
    world::{Event, World},
};

/// The time of day when a run begins, in seconds since 1970.
const BEGIN: i64 = 1_800_000_000;

/// How long a process waits before it publishes again.
const RETRY: Duration = Duration::from_secs(2);

/// What a person does.
pub const DEEDS: &[&str] =
    &["approves", "approves what is gone", "approves twice", "releases the brake", "looks"];

/// What outlives a process: the annotations of its lease, the status and the spec of its plan.
#[derive(Debug, Default)]
pub struct Shelf {
    pub memory: Option<String>,
    pub published: Option<Box<Publication>>,
    /// Everything that was published.
    pub all: Vec<Publication>,
    pub approval: Option<Approval>,
    /// By how much the clock on the wall is off, in seconds.
    pub off: i64,
}

impl World {
    /// The time of day.
    pub fn unix(&self) -> i64 {
        BEGIN + i64::try_from(self.now.since_start().as_secs()).unwrap() + self.shelf.off
    }

    /// Who is about to lead is told what the one before has moved.
    pub fn hand_down(&mut self, to: u32) -> Result<(), Violation> {
        let forgets = |process: &Process| process.memory.is_some() || !process.is_answered();
        if self.ledger.window.is_clock_set || self.processes.iter().any(forgets) {
            self.ledger.window.forget();
        }
        self.tell(to, Input::Wall { unix: self.unix() })?;
        match self.shelf.memory.clone() {
            Some(memory) => self.tell(to, Input::Recall { memory }),
            None => Ok(()),
        }
    }

    /// Who leads now reads what is published, and what a person has approved.
    pub fn read_plan(&mut self, to: u32) -> Result<(), Violation> {
        if self.position(to).is_none() {
            return Ok(());
        }
        self.ledger.approvals.recalled();
        if self.saboteur == Some(Saboteur::ForgetsWhatIsUsed) {
            let is_before = |published: &&Publication| {
                let approval = self.shelf.approval;
                approval.is_some_and(|approval| approval.digest == published.digest)
                    && published.used != approval
            };
            let before = self.shelf.all.iter().rev().find(is_before).cloned();
            self.shelf.published = before.map(Box::new).or(self.shelf.published.take());
        }
        self.tell_the_shelf(to)
    }

    /// A process sees what is published and what is approved.
    pub fn tell_the_shelf(&mut self, to: u32) -> Result<(), Violation> {
        self.tell(to, Input::Published(self.shelf.published.clone()))?;
        match self.shelf.approval {
            Some(approval) => self.tell(to, Input::Approve(approval)),
            None => Ok(()),
        }
    }

    /// A process wants something to be published, in place of what it wanted to be before.
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
        // Who does not lead any more publishes nothing.
        let leads = process.led_until > self.now;
        let Some(publication) = process.unpublished.clone().filter(|_| leads) else {
            process.is_publishing = false;
            return;
        };
        let longest = if self.storm { *self.random.pick(&[20, 20, 300, 5_000]) } else { 20 };
        let wait = self.random.millis(1, longest);
        self.schedule(wait, Event::Publish { process: number, publication });
    }

    /// What a process publishes reaches the API server, which keeps it or not.
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
        self.shelf.all.push((*publication).clone());
        self.shelf.published = Some(publication);
        self.shelf_changed();
        Ok(())
    }

    /// A process learns what became of what it published; there may be more.
    pub fn is_published(&mut self, process: u32) {
        if let Some(at) = self.position(process) {
            self.send_publication(at);
        }
    }

    /// Every process sees a change of what is published or approved.
    fn shelf_changed(&mut self) {
        let all: Vec<(u32, Time)> =
            self.processes.iter().map(|process| (process.number, process.cut_off_until)).collect();
        for (process, reachable) in all {
            let wait = self.random.millis(1, if self.storm { 300 } else { 20 });
            self.schedule((reachable.max(self.now) - self.now) + wait, Event::Shelf { process });
        }
    }

    /// The clock goes on; now and then somebody sets it.
    pub fn tell_the_time(&mut self) -> Result<(), Violation> {
        if self.storm && self.random.percent(20) {
            self.statistics.count("fault", "the clock is set");
            self.ledger.window.is_clock_set = true;
            self.shelf.off = *self.random.pick(&[0, 60, -60, 7_200, -7_200, 8 * 24 * 3_600]);
        }
        let wait = self.random.millis(20_000, 60_000);
        self.schedule(wait, Event::Clock);
        let runs = |process: &&Process| process.frozen_until <= self.now;
        let all: Vec<u32> = self.processes.iter().filter(runs).map(|process| process.number).collect();
        all.into_iter().try_for_each(|process| self.tell(process, Input::Wall { unix: self.unix() }))
    }

    /// A person looks at what is published, and perhaps approves it. After the storm every plan is approved.
    pub fn person(&mut self) -> Result<(), Violation> {
        let longest = if self.storm { 40_000 } else { 10_000 };
        let wait = self.random.millis(500, longest);
        self.schedule(wait, Event::Person);
        // Who leads looks at what a person says.
        let Some(leader) = self.leader().map(|leader| leader.number) else { return Ok(()) };
        if !self.storm || self.random.percent(15) {
            self.statistics.count("person", "releases the brake");
            let until = self.unix() + i64::from(*self.random.pick(&[30_u8, 200]));
            let seconds = u64::try_from(until - self.unix()).unwrap_or_default();
            self.ledger.window.release(self.now + Duration::from_secs(seconds));
            self.tell(leader, Input::Release { until })?;
        }
        let Some(published) = self.shelf.published.as_ref().filter(|_| self.shape.mode == Mode::Approve)
        else {
            return Ok(());
        };
        let choice = if self.storm { self.random.below(4) } else { 3 };
        let (what, digest, at) = match (choice, self.shelf.approval) {
            (0, _) => ("looks", None, 0),
            (1, Some(given)) => ("approves twice", Some(given.digest), given.at),
            (2, _) => ("approves what is gone", Some(self.random.pick(&self.shelf.all).digest), self.unix()),
            // It is later than the last one, whatever the clock shows.
            (_, given) => {
                let at = given.map_or(0, |given| given.at + 1).max(self.unix());
                ("approves", Some(published.digest), at)
            }
        };
        self.statistics.count("person", what);
        let Some(digest) = digest else { return Ok(()) };
        let approval = Approval { digest, at };
        self.shelf.approval = Some(approval);
        self.ledger.approvals.given(approval);
        self.note(|| format!("a person {what} {digest}"));
        self.tell(leader, Input::Approve(approval))
    }

    /// When these begin.
    pub fn begin_person(&mut self) {
        self.schedule(Duration::from_millis(1), Event::Clock);
        let wait = self.random.millis(0, 20_000);
        self.schedule(wait, Event::Person);
    }
}
