//! Who approves plans and releases the brake, and the clock on the wall.

use std::time::Duration;

use zonekeeper_core::keeper::{Approval, Input, Mode, Publication};

use super::{
    invariants::Violation,
    process::Process,
    world::{Event, World},
};

/// The time of day when a run begins, in seconds since 1970.
const BEGIN: i64 = 1_800_000_000;

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
        self.tell(to, Input::Published(self.shelf.published.clone()))?;
        match self.shelf.approval {
            Some(approval) => self.tell(to, Input::Approve(approval)),
            None => Ok(()),
        }
    }

    /// The clock goes on; now and then somebody sets it.
    pub fn tell_the_time(&mut self) -> Result<(), Violation> {
        if self.storm && self.random.percent(20) {
            self.statistics.count("fault", "the clock is set");
            self.ledger.window.is_clock_set = true;
            self.shelf.off = *self.random.pick(&[0, 60, -60, 7_200, -7_200]);
        }
        let wait = self.random.millis(20_000, 60_000);
        self.schedule(wait, Event::Clock);
        let all: Vec<u32> = self.processes.iter().map(|process| process.number).collect();
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
