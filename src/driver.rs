//! Carries out what the keeper decides: the only place where its effects meet the outside.
//!
//! The driver owns the keeper and its clock. Everything that happens reaches it as an
//! [`Input`] over one channel or as the answer to an effect; it adds nothing of
//! its own. What it needs of the outside it declares here as traits, and the edges implement them.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, interval, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use zonekeeper_core::{
    keeper::{
        Apply, ChangeId, Completion, Effect, Failure, FailureClass, Gate, Input, Keeper, Page, Publication,
        Read, Report, Time,
    },
    plan::Plan,
};

/// How long a stop waits for the answer to a change under way: within the 5 seconds that a stop may take.
const DRAIN: Duration = Duration::from_millis(4_500);
/// How often the core is told the time of day, which somebody may set.
const WALL_EVERY: Duration = Duration::from_mins(1);
/// How many inputs may wait.
const INPUTS: usize = 1_024;

/// Reads one hosted zone. Each call is one request.
pub trait ReadZone: Clone + Send + Sync + 'static {
    /// Lists one page of record sets.
    fn list(&self, read: &Read) -> impl Future<Output = Result<Page, Failure>> + Send;
    /// Counts the zone's record sets.
    fn count(&self) -> impl Future<Output = Result<u64, Failure>> + Send;
    /// Whether all name servers have a change.
    fn is_in_sync(&self, change: &ChangeId) -> impl Future<Output = Result<bool, Failure>> + Send;
}

/// Writes one hosted zone. Each call is one request.
pub trait WriteZone: ReadZone {
    /// Sends a batch, unless its time is over.
    fn apply(&self, apply: &Apply) -> impl Future<Output = Result<ChangeId, Failure>> + Send;
}

/// Hears what has become of things: logs, metrics, Events.
pub trait Listener: Send + 'static {
    /// Takes one report.
    fn hear(&mut self, report: &Report);
}

impl<A: Listener, B: Listener> Listener for (A, B) {
    fn hear(&mut self, report: &Report) {
        self.0.hear(report);
        self.1.hear(report);
    }
}

impl<L: Listener> Listener for Option<L> {
    fn hear(&mut self, report: &Report) {
        if let Some(listener) = self {
            listener.hear(report);
        }
    }
}

/// The two ends that a driver can have: one that writes, and one that cannot.
pub trait Ends: Clone + Send + Sync + 'static {
    /// What it reads.
    type Zone: ReadZone;
    /// The zone to read.
    fn zone(&self) -> &Self::Zone;
    /// Sends a batch, if this end can.
    fn apply(&self, apply: &Apply) -> impl Future<Output = Result<ChangeId, Failure>> + Send;
}

/// The end of a dry run: it holds a zone that need not have a method to write.
#[derive(Debug, Clone)]
pub struct ReadOnly<R>(pub R);

/// The end that writes.
#[derive(Debug, Clone)]
pub struct ReadWrite<W>(pub W);

/// The process's monotonic clock: the only source of [`Time`].
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

/// When a driver is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// When it is stopped.
    Stopped,
    /// When everything that can be written is written, or, in a dry run, planned.
    Done,
    /// When, besides, all name servers have what was written.
    InSync,
}

/// How a driver ended.
#[derive(Debug)]
pub struct Outcome {
    /// The plan as it stood.
    pub plan: Plan,
    /// Whether everything that could be written was written.
    pub is_done: bool,
    /// How many units Route 53 refused.
    pub refused: usize,
    /// How many changes were sent whose answers have not come.
    pub unanswered: usize,
}

/// How things stand, for readiness and metrics.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Whether every object and the zone have been seen once.
    pub is_ready: bool,
    /// Whether this process is the one that writes.
    pub is_leader: bool,
    /// The gates that keep anything from being written.
    pub closed_gates: Vec<Gate>,
    /// How many objects ask for hostnames.
    pub objects: usize,
    /// How many record sets the zone holds.
    pub record_sets: usize,
    /// How many units are to be written.
    pub units: usize,
    /// How many units are blocked, by the label of their reason.
    pub blocked: std::collections::BTreeMap<&'static str, usize>,
    /// How many keys have records that are right and not ours, by the label of their note.
    pub noted: std::collections::BTreeMap<&'static str, usize>,
    /// How many owned sets nothing asks for, beside wanted sets.
    pub leftovers: usize,
    /// How many owned sets are of hostnames that nothing asks for.
    pub orphans: usize,
    /// How many accepted changes are on their way to the name servers.
    pub underway: usize,
}

/// A way to talk to a running driver.
#[derive(Debug, Clone)]
pub struct Handle {
    inputs: mpsc::Sender<Message>,
    memory: watch::Receiver<Option<String>>,
    published: watch::Receiver<Option<Publication>>,
}

#[derive(Debug)]
enum Message {
    Input(Box<Input>),
    Status(oneshot::Sender<Status>),
    Plan(oneshot::Sender<Plan>),
}

/// Carries out one keeper's effects.
pub struct Driver<E, L> {
    /// Apart: whatever waits for the driver would have to be as large.
    keeper: Box<Keeper>,
    ends: E,
    listener: L,
    clock: Clock,
    messages: mpsc::Receiver<Message>,
    underway: FuturesUnordered<BoxFuture<'static, Input>>,
    changes_underway: usize,
    memory: watch::Sender<Option<String>>,
    published: watch::Sender<Option<Publication>>,
}

// === impl Clock ===

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// What time it is.
    pub fn now(&self) -> Time {
        Time::after_start(self.0.elapsed())
    }

    fn instant(&self, time: Time) -> Instant {
        self.0.checked_add(time.since_start()).unwrap_or_else(|| self.0 + Duration::from_hours(24 * 365))
    }
}

// === impl Ends ===

impl<R: ReadZone> Ends for ReadOnly<R> {
    type Zone = R;

    fn zone(&self) -> &R {
        &self.0
    }

    async fn apply(&self, _apply: &Apply) -> Result<ChangeId, Failure> {
        let (code, message) = ("ReadOnly".to_owned(), "a dry run does not write".to_owned());
        Err(Failure { class: FailureClass::Withheld, code, message })
    }
}

impl<W: WriteZone> Ends for ReadWrite<W> {
    type Zone = W;

    fn zone(&self) -> &W {
        &self.0
    }

    async fn apply(&self, apply: &Apply) -> Result<ChangeId, Failure> {
        self.0.apply(apply).await
    }
}

// === impl Handle ===

impl Handle {
    /// Says what has happened; whether anybody still listens.
    pub async fn send(&self, input: Input) -> bool {
        self.inputs.send(Message::Input(Box::new(input))).await.is_ok()
    }

    /// What the process that leads next has to be told, each time that the core says it. It ends with the driver.
    pub fn memory(&self) -> watch::Receiver<Option<String>> {
        self.memory.clone()
    }

    /// What can be approved, each time that the core says it. It ends with the driver.
    pub fn published(&self) -> watch::Receiver<Option<Publication>> {
        self.published.clone()
    }

    /// How things stand; `None` once the driver has ended.
    pub async fn status(&self) -> Option<Status> {
        let (answer, status) = oneshot::channel();
        self.inputs.send(Message::Status(answer)).await.ok()?;
        status.await.ok()
    }

    /// The plan as it stands; `None` once the driver has ended.
    pub async fn plan(&self) -> Option<Plan> {
        let (answer, plan) = oneshot::channel();
        self.inputs.send(Message::Plan(answer)).await.ok()?;
        plan.await.ok()
    }
}

// === impl Until ===

impl Until {
    /// Whether a driver ends by itself.
    pub fn ends(self) -> bool {
        self != Self::Stopped
    }

    /// Whether a driver ends when everything is written, and so many changes are on their way to the name servers.
    fn is_reached(self, underway: usize) -> bool {
        match self {
            Self::Stopped => false,
            Self::Done => true,
            Self::InSync => underway == 0,
        }
    }
}

// === impl Driver ===

impl<E: Ends, L: Listener> Driver<E, L> {
    /// A driver of `keeper`, and the way to talk to it.
    pub fn new(keeper: Keeper, ends: E, listener: L, clock: Clock) -> (Self, Handle) {
        let (inputs, messages) = mpsc::channel(INPUTS);
        let ((memory, remembered), (published, shown)) = (watch::channel(None), watch::channel(None));
        let driver = Self {
            keeper: Box::new(keeper),
            ends,
            listener,
            clock,
            messages,
            underway: FuturesUnordered::new(),
            changes_underway: 0,
            memory,
            published,
        };
        (driver, Handle { inputs, memory: remembered, published: shown })
    }

    /// Runs until it is stopped or done. A stop waits for the answer to a change under way.
    pub async fn run(mut self, stop: CancellationToken, until: Until) -> Outcome {
        let outcome = self.work(stop, until).await;
        for effect in self.keeper.final_effects(self.clock.now()) {
            self.perform(effect);
        }
        outcome
    }

    async fn work(&mut self, stop: CancellationToken, until: Until) -> Outcome {
        let mut wall = interval(WALL_EVERY);
        self.handle(Input::Wall { unix: unix_now() });
        loop {
            if until.is_reached(self.keeper.underway())
                && let Completion::Done { refused } = self.keeper.completion(self.clock.now())
            {
                return Outcome {
                    plan: self.keeper.plan(),
                    is_done: true,
                    refused,
                    unanswered: self.changes_underway,
                };
            }
            let wake = self.keeper.wake_at().unwrap_or(Time::NEVER);
            tokio::select! {
                () = stop.cancelled() => break,
                Some(message) = self.messages.recv() => self.take(message),
                Some(input) = self.underway.next() => self.handle(input),
                _ = wall.tick() => self.handle(Input::Wall { unix: unix_now() }),
                () = sleep_until(self.clock.instant(wake)), if wake != Time::NEVER => self.handle(Input::Tick),
            }
        }
        self.drain().await;
        let unanswered = self.changes_underway;
        Outcome { plan: self.keeper.plan(), is_done: false, refused: 0, unanswered }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Input(input) => self.handle(*input),
            question => self.answer(question),
        }
    }

    fn answer(&self, message: Message) {
        match message {
            Message::Input(_) => {}
            // Whoever asked may have gone.
            Message::Status(answer) => drop(answer.send(self.status())),
            Message::Plan(answer) => drop(answer.send(self.keeper.plan())),
        }
    }

    fn handle(&mut self, input: Input) {
        if matches!(input, Input::Applied { .. }) {
            self.changes_underway = self.changes_underway.saturating_sub(1);
        }
        for effect in self.keeper.handle(input, self.clock.now()) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        let ends = self.ends.clone();
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
                Box::pin(async move { Input::Page { id: read.id, answer: ends.zone().list(&read).await } })
            }
            Effect::Apply(apply) => {
                self.changes_underway += 1;
                Box::pin(async move { Input::Applied { id: apply.id, answer: ends.apply(&apply).await } })
            }
            Effect::AskPropagation(change) => Box::pin(async move {
                let answer = ends.zone().is_in_sync(&change).await;
                Input::Propagation { change, answer }
            }),
            Effect::Count => Box::pin(async move { Input::Counted(ends.zone().count().await) }),
        };
        self.underway.push(work);
    }

    /// Gives a change under way the time to be answered, so that its audit line is written; begins nothing new.
    async fn drain(&mut self) {
        self.handle(Input::Leadership { until: Time::ZERO });
        let answers = async {
            while self.changes_underway > 0 {
                tokio::select! {
                    Some(input) = self.underway.next() => self.handle(input),
                    // What has happened is for the next process; who asks how things stand is answered.
                    Some(message) = self.messages.recv() => self.answer(message),
                    else => break,
                }
            }
        };
        // A change that is not answered by then is found by the next process, which reads before it writes.
        drop(timeout(DRAIN, answers).await);
    }

    fn status(&self) -> Status {
        let closed_gates = self.keeper.closed_gates(self.clock.now());
        let mut status = Status {
            is_ready: self.keeper.is_ready(),
            // A dry run competes with nobody.
            is_leader: !closed_gates.iter().any(|gate| matches!(gate, Gate::Leadership | Gate::DryRun)),
            closed_gates,
            objects: self.keeper.claims().facts().count(),
            record_sets: self.keeper.zone().len(),
            underway: self.keeper.underway(),
            ..Status::default()
        };
        for host in self.keeper.hosts() {
            status.units += host.units.len();
            status.leftovers += host.leftovers.len();
            status.orphans += host.orphans.len();
            for noted in &host.noted {
                *status.noted.entry(noted.note.label()).or_default() += 1;
            }
            for blocked in &host.blocked {
                *status.blocked.entry(blocked.reason.label()).or_default() += 1;
            }
        }
        for bad in self.keeper.bad_hosts() {
            *status.blocked.entry(bad.reason.label()).or_default() += 1;
        }
        for held in self.keeper.held_back() {
            status.units = status.units.saturating_sub(1);
            *status.blocked.entry(held.reason.label()).or_default() += 1;
        }
        status
    }
}

/// The time of day, in seconds since 1970.
pub fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
