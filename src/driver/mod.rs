//! The driver: carries out the effects that the keeper decides on.
//!
//! The driver owns the keeper and the clock. An [`Input`] reaches it over one channel, or as the answer to an effect. It
//! decides nothing itself. It declares what it needs from outside as traits, which the edges implement.

mod clock;
mod edges;
mod handle;
mod status;

use std::{
    panic::resume_unwind,
    time::{Duration, Instant},
};

use clock::since_1970;
use futures::future::BoxFuture;
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
    time::{MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use zonekeeper_core::{
    keeper::{Completion, Effect, Input, Keeper, Publication, Time},
    plan::Plan,
};

pub use self::{
    clock::{Clock, unix_now},
    edges::{Listener, Objects, ReadOnly, ReadWrite, ReadZone, WriteZone, ZoneAccess},
    handle::Handle,
    status::{Status, Times},
};

/// How long a stopping driver waits for the answer to the change in flight. A stop may take 5 seconds in all.
const DRAIN: Duration = Duration::from_millis(4_500);
/// How often the keeper is given the wall time, which an administrator may set at any time.
const WALL_EVERY: Duration = Duration::from_mins(1);
/// How often the status is published at most, so that nobody who asks for it takes the driver's time.
const STATUS_EVERY: Duration = Duration::from_millis(250);
/// The pause after a status, as a multiple of the time that it took: the work for it grows with the number of hostnames.
const STATUS_PAUSE: u32 = 50;
/// The longest such pause. Readiness and metrics are no older.
const STATUS_AT_LATEST: Duration = Duration::from_secs(2);
/// How many groups of inputs may wait for the driver. A group can be a page of objects.
const INPUTS: usize = 16;

/// When a driver ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// When it is stopped.
    Stopped,
    /// When everything that can be written is written, or, in a dry run, planned.
    Done,
    /// When, in addition, all name servers have the changes.
    InSync,
}

/// The result of a driver that has ended.
#[derive(Debug)]
pub struct Outcome {
    /// The last plan.
    pub plan: Plan,
    /// The number of keys in the zone that objects ask for.
    pub claimed_keys: usize,
    /// The number of record sets that are ours, without ownership records.
    pub owned_sets: usize,
    /// Whether everything that could be written was written.
    pub is_done: bool,
    /// How many units Route 53 rejected.
    pub refused: usize,
    /// How many changes were sent and not answered.
    pub unanswered: usize,
}

/// Carries out the effects of one keeper.
pub struct Driver<A, L> {
    /// Boxed, because the future of every task that awaits the driver would otherwise contain it.
    keeper: Box<Keeper>,
    access: A,
    listener: L,
    clock: Clock,
    inputs: mpsc::Receiver<Vec<Input>>,
    /// Tasks, so that requests go on while the driver plans and writes log lines.
    underway: JoinSet<Input>,
    changes_underway: usize,
    memory: watch::Sender<Option<String>>,
    published: watch::Sender<Option<Publication>>,
    status: watch::Sender<Status>,
    /// Whether the status may have changed since it was published.
    has_news: bool,
}

// === impl Until ===

impl Until {
    /// Whether a driver ends by itself.
    pub fn ends(self) -> bool {
        self != Self::Stopped
    }

    /// Whether a driver with nothing left to write ends while `underway` changes have not reached all name servers.
    fn is_reached(self, underway: usize) -> bool {
        match self {
            Self::Stopped => false,
            Self::Done => true,
            Self::InSync => underway == 0,
        }
    }
}

// === impl Driver ===

impl<A: ZoneAccess, L: Listener> Driver<A, L> {
    /// Creates a driver for `keeper`, and a handle to it.
    pub fn new(keeper: Keeper, access: A, listener: L, clock: Clock) -> (Self, Handle) {
        let (sender, inputs) = mpsc::channel(INPUTS);
        let (memory, last_memory) = watch::channel(None);
        let (published, last_published) = watch::channel(None);
        let (status, last_status) = watch::channel(status_of(&keeper, clock));
        let driver = Self {
            keeper: Box::new(keeper),
            access,
            listener,
            clock,
            inputs,
            underway: JoinSet::new(),
            changes_underway: 0,
            memory,
            published,
            status,
            has_news: false,
        };
        let handle =
            Handle { inputs: sender, memory: last_memory, published: last_published, status: last_status };
        (driver, handle)
    }

    /// Runs until it is stopped or done. A stop waits for the answer to the change in flight.
    pub async fn run(mut self, stop: CancellationToken, until: Until) -> Outcome {
        let outcome = self.work(stop, until).await;
        for effect in self.keeper.final_effects(self.clock.now()) {
            self.perform(effect);
        }
        outcome
    }

    async fn work(&mut self, stop: CancellationToken, until: Until) -> Outcome {
        let (mut wall, mut status) = (interval(WALL_EVERY), interval(STATUS_EVERY));
        status.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.handle(Input::Wall { unix: unix_now() });
        loop {
            if until.is_reached(self.keeper.underway())
                && let Completion::Done { refused } = self.keeper.completion(self.clock.now())
            {
                return self.outcome(true, refused);
            }
            let wake = self.keeper.wake_at().unwrap_or(Time::NEVER);
            tokio::select! {
                () = stop.cancelled() => break,
                Some(inputs) = self.inputs.recv() => inputs.into_iter().for_each(|input| self.handle(input)),
                Some(answer) = self.underway.join_next() => self.answered(answer),
                _ = wall.tick() => self.handle(Input::Wall { unix: unix_now() }),
                _ = status.tick(), if self.has_news => {
                    let begun = Instant::now();
                    self.publish_status();
                    status.reset_after((begun.elapsed() * STATUS_PAUSE).clamp(STATUS_EVERY, STATUS_AT_LATEST));
                }
                () = sleep_until(self.clock.instant(wake)), if wake != Time::NEVER => self.handle(Input::Tick),
            }
        }
        self.drain().await;
        self.outcome(false, 0)
    }

    fn outcome(&self, is_done: bool, refused: usize) -> Outcome {
        Outcome {
            plan: self.keeper.plan(),
            claimed_keys: self.keeper.claimed_keys(),
            owned_sets: self.keeper.owned_sets(),
            is_done,
            refused,
            unanswered: self.changes_underway,
        }
    }

    fn publish_status(&mut self) {
        self.has_news = false;
        self.status.send_replace(status_of(&self.keeper, self.clock));
    }

    fn handle(&mut self, input: Input) {
        self.has_news = true;
        if matches!(input, Input::Applied { .. }) {
            self.changes_underway = self.changes_underway.saturating_sub(1);
        }
        for effect in self.keeper.handle(input, self.clock.now()) {
            self.perform(effect);
        }
    }

    fn answered(&mut self, answer: Result<Input, JoinError>) {
        match answer.map_err(JoinError::try_into_panic) {
            Ok(input) => self.handle(input),
            // The keeper would wait for the answer for ever.
            Err(Ok(panic)) => resume_unwind(panic),
            // The process ends.
            Err(Err(_)) => {}
        }
    }

    fn perform(&mut self, effect: Effect) {
        let access = self.access.clone();
        let work: BoxFuture<'static, Input> = match effect {
            Effect::Report(report) => return self.listener.hear(&report),
            Effect::Remember(memory) => {
                self.memory.send_replace(Some(memory));
                return;
            }
            Effect::Publish(publication) => {
                self.published.send_replace(Some(*publication));
                return;
            }
            Effect::Read(read) => {
                Box::pin(async move { Input::Page { id: read.id, answer: access.zone().list(&read).await } })
            }
            Effect::Apply(apply) => {
                self.changes_underway += 1;
                Box::pin(async move { Input::Applied { id: apply.id, answer: access.apply(&apply).await } })
            }
            Effect::AskPropagation(change) => Box::pin(async move {
                let answer = access.zone().is_in_sync(&change).await;
                Input::Propagation { change, answer }
            }),
            Effect::Count => Box::pin(async move { Input::Counted(access.zone().count().await) }),
        };
        self.underway.spawn(work);
    }

    /// Waits for the answer to the change in flight, so that its audit line is written. Starts nothing new.
    async fn drain(&mut self) {
        self.handle(Input::Leadership { until: Time::ZERO });
        self.publish_status();
        let answers = async {
            while self.changes_underway > 0 {
                // New inputs are left to the next process.
                let Some(answer) = self.underway.join_next().await else { break };
                self.answered(answer);
            }
        };
        // After that, the change is left to the next process, which reads before it writes.
        drop(timeout(DRAIN, answers).await);
    }
}

/// The status now.
fn status_of(keeper: &Keeper, clock: Clock) -> Status {
    Status::of(keeper, clock.now(), since_1970().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use zonekeeper_core::{
        dns::{Name, Zone, ZoneId},
        keeper::{BrakeLimits, ChangeId, Config, Failure, Mode, Page, Quota, Read},
        plan::Settings,
    };

    use super::*;
    use crate::telemetry::Reporter;

    /// A client with a defect.
    #[derive(Clone)]
    struct Defective;

    impl ReadZone for Defective {
        async fn list(&self, _: &Read) -> Result<Page, Failure> {
            panic!("a defect")
        }

        async fn count(&self) -> Result<u64, Failure> {
            panic!("a defect")
        }

        async fn is_in_sync(&self, _: &ChangeId) -> Result<bool, Failure> {
            panic!("a defect")
        }
    }

    /// Otherwise the keeper would wait for the answer, and the process would look healthy.
    #[tokio::test]
    async fn the_panic_of_a_request_ends_the_driver() {
        let config = Config {
            settings: Settings::new("tests".parse().unwrap()),
            scopes: Vec::new(),
            mode: Mode::DryRun,
            quota: Quota::default(),
            resync: Duration::from_mins(30),
            vacancy: Duration::from_mins(10),
            brake: BrakeLimits::default(),
            seed: 1,
        };
        let zone = Zone::new(ZoneId::new("Z1").unwrap(), Name::from_hostname("example.com").unwrap());
        let (driver, _handle) =
            Driver::new(Keeper::new(config, zone), ReadOnly(Defective), None::<Reporter>, Clock::start());
        let ended = tokio::spawn(driver.run(CancellationToken::new(), Until::Stopped)).await;
        assert!(ended.unwrap_err().is_panic());
    }
}
