//! One run, with virtual time and one queue of events.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use zonekeeper_core::{
    dns::Name,
    keeper::{Apply, ChangeId, Effect, Input, Publication, Report, Time},
    plan::Unit,
};

use zonekeeper_emulator::zone::{HostedZone, RecordSet};

use super::{
    cluster::{Cluster, Edit},
    foreigner::{self, Action},
    invariants::{Ledger, Violation},
    labels,
    leadership::{Call, LeaseObject},
    network::{Arrival, Request, TIMEOUT},
    person::StoredState,
    process::Process,
    random::Random,
    rival::Rival,
    saboteur::Saboteur,
    service::Service,
    shape::Shape,
    statistics::Statistics,
    trace,
    watch::Ticket,
};

/// The state of a run.
#[derive(Debug)]
pub struct World {
    pub seed: u64,
    pub now: Time,
    pub random: Random,
    pub shape: Shape,
    /// The running and frozen processes.
    pub processes: Vec<Process>,
    pub lease: LeaseObject,
    pub cluster: Cluster,
    pub service: Service,
    pub statistics: Statistics,
    pub storm: bool,
    pub saboteur: Option<Saboteur>,
    pub ledger: Ledger,
    pub stored: StoredState,
    rival: Rival,
    /// The hostnames of the last rejected batch.
    pub last_refused: BTreeSet<Name>,
    /// An earlier zone, if a saboteur answers with it.
    pub cache: Option<HostedZone>,
    queue: BTreeMap<(Time, u64), Event>,
    scheduled: u64,
    /// The number of started processes.
    born: u32,
    /// The process that ends during its next effects.
    doomed: Option<u32>,
    /// The change requests on their way: the process, and the time at which its client stops waiting.
    pub in_flight: Vec<(u32, Time)>,
    trace: Option<Vec<String>>,
}

/// A future event.
#[derive(Debug)]
pub enum Event {
    Edit,
    Somebody,
    SomebodyAt(String),
    Undo(Vec<(RecordSet, Option<RecordSet>)>),
    Weather,
    Calm,
    Kill,
    Freeze,
    RivalLooks,
    RivalActs,
    Clock,
    Person,
    Cut { process: u32, stream: usize },
    Relist { process: u32, stream: usize },
    Watch { process: u32, ticket: Ticket, input: Input },
    Lead { process: u32 },
    Lease { process: u32, call: Call },
    Publish { process: u32, publication: Box<Publication> },
    Published { process: u32 },
    StoredState { process: u32 },
    Arrive(Box<Arrival>),
    Answer { process: u32, input: Input },
}

// === impl Event ===

impl Event {
    /// The process of the event. A frozen process handles no events.
    fn process(&self) -> Option<u32> {
        match self {
            Self::Relist { process, .. }
            | Self::Watch { process, .. }
            | Self::Lead { process }
            | Self::Lease { process, call: Call::Look | Call::Seen(_) | Call::Written { .. } }
            | Self::Published { process }
            | Self::StoredState { process }
            | Self::Answer { process, .. } => Some(*process),
            _ => None,
        }
    }
}

// === impl World ===

impl World {
    pub fn new(seed: u64, saboteur: Option<Saboteur>, is_traced: bool) -> Self {
        let mut random = Random::new(seed);
        let shape = Shape::random(&mut random);
        let mut service = Service::new(&shape);
        let mut cluster = Cluster::default();
        let mut ledger = Ledger::new(&shape);
        for _ in 0..random.below(14) {
            if let Some(action) = foreigner::act(&mut service.zone, shape.naming, &mut random) {
                ledger.somebody_changed(&action.names, &service.zone, Time::ZERO);
            }
        }
        for _ in 0..random.below(10) {
            for object in cluster.edit(&mut random).objects {
                ledger.claim_ages.changed(&object, cluster.facts(&object).as_ref(), Time::ZERO);
            }
        }
        let mut world = Self {
            seed,
            now: Time::ZERO,
            processes: Vec::new(),
            lease: LeaseObject::default(),
            ledger,
            cluster,
            service,
            statistics: Statistics::default(),
            storm: true,
            saboteur,
            queue: BTreeMap::new(),
            scheduled: 0,
            born: 0,
            doomed: None,
            in_flight: Vec::new(),
            cache: None,
            stored: StoredState::default(),
            rival: Rival::default(),
            last_refused: BTreeSet::new(),
            trace: is_traced.then(Vec::new),
            random,
            shape,
        };
        for _ in 0..world.shape.replicas.max(1) {
            world.begin();
        }
        world.begin_person();
        if world.shape.has_rival {
            world.schedule(Duration::ZERO, Event::RivalLooks);
        }
        for (event, latest) in
            [(Event::Edit, world.shape.calm), (Event::Somebody, world.shape.peace), (Event::Weather, 3_000)]
        {
            let wait = world.random.millis(0, latest);
            world.schedule(wait, event);
        }
        let storm = u64::try_from(world.shape.storm.as_millis()).unwrap();
        let kills = if world.shape.kills { 1 + world.random.below(3) } else { 0 };
        let freezes = if world.shape.kills { world.random.below(3) } else { 0 };
        for _ in 0..kills {
            let wait = world.random.millis(0, storm);
            world.schedule(wait, Event::Kill);
        }
        for _ in 0..freezes {
            let wait = world.random.millis(0, storm);
            world.schedule(wait, Event::Freeze);
        }
        world.schedule(world.shape.storm, Event::Calm);
        world
    }

    pub fn trace(self) -> Vec<String> {
        self.trace.unwrap_or_default()
    }

    /// The process with a number, if it still runs.
    pub fn process(&self, number: u32) -> Option<&Process> {
        self.processes.iter().find(|process| process.number == number)
    }

    /// The index of a process.
    pub fn position(&self, number: u32) -> Option<usize> {
        self.processes.iter().position(|process| process.number == number)
    }

    /// The leader.
    pub fn leader(&self) -> Option<&Process> {
        self.processes.iter().find(|process| process.led_until > self.now)
    }

    /// Handles all events until a time.
    pub fn run_until(&mut self, end: Time) -> Result<(), Violation> {
        loop {
            let wakes =
                self.processes.iter().filter_map(|process| Some((process.wake_at()?, process.number)));
            let (wake, process) = wakes.min().unwrap_or((Time::NEVER, 0));
            let next = self.queue.first_key_value().map_or(Time::NEVER, |((at, _), _)| *at);
            if wake.min(next) > end {
                self.now = end;
                return Ok(());
            }
            self.statistics.steps += 1;
            if wake < next {
                self.now = wake;
                self.tell(process, Input::Tick)?;
            } else if let Some(((at, _), event)) = self.queue.pop_first() {
                self.now = at;
                self.happen(event)?;
            }
        }
    }

    /// Replaces a process with a new one. Requests on their way to the service can still arrive.
    pub fn restart(&mut self, process: u32) {
        if self.process(process).is_some_and(|process| process.memory.is_some() || !process.is_answered()) {
            self.ledger.window.forget();
        }
        self.note(|| format!("process {process} ends"));
        // The old process does not send its waiting requests.
        let latest = self.now + TIMEOUT;
        self.in_flight.retain(|(other, deadline)| *other != process || *deadline <= latest);
        self.processes.retain(|other| other.number != process);
        self.begin();
    }

    fn begin(&mut self) {
        let process = self.born;
        self.born += 1;
        self.note(|| format!("process {process} begins"));
        let mut config = self.shape.config(self.seed.wrapping_add(u64::from(process)));
        if self.saboteur == Some(Saboteur::ForgetsVacancy) {
            config.vacancy = Duration::ZERO;
        }
        self.processes.push(Process::new(process, self.now, config, self.shape.is_private));
        self.schedule(Duration::ZERO, Event::Answer { process, input: Input::Tick });
        for stream in 0..self.shape.scopes.len() {
            let wait = self.random.millis(0, 2_000);
            self.schedule(wait, Event::Relist { process, stream });
        }
        self.stand(process, process == 0);
    }

    /// Schedules an event.
    pub fn schedule(&mut self, wait: Duration, event: Event) {
        self.scheduled += 1;
        self.queue.insert((self.now + wait, self.scheduled), event);
    }

    /// Adds a line to the trace, if there is one.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>12.6} {}", self.now.since_start().as_secs_f64(), line()));
        }
    }

    /// Passes an input to a process, and carries out its effects.
    pub fn tell(&mut self, number: u32, input: Input) -> Result<(), Violation> {
        let Some(at) = self.position(number) else { return Ok(()) };
        self.statistics.count("input", labels::input(&input));
        if let Some((what, class)) = labels::failed(&input) {
            self.statistics.count(what, class);
        }
        self.note(|| format!("  -> {number}: {}", trace::input(&input)));
        self.processes[at].note(&input, self.now)?;
        let accepted = match &input {
            Input::Applied { answer: Ok(change), .. } => Some(change.clone()),
            _ => None,
        };
        if matches!(input, Input::Applied { .. }) {
            self.in_flight.retain(|(process, _)| *process != number);
        }
        let input = match (self.saboteur, input) {
            (Some(Saboteur::TakesDeniedForEmpty), Input::Denied(scope)) => {
                self.tell(number, Input::Listing(scope.clone()))?;
                Input::Listed(scope)
            }
            (Some(saboteur), input) => saboteur.input(input, &self.stored.all),
            (None, input) => input,
        };
        // The input of a saboteur may have ended the process.
        let Some(at) = self.position(number) else { return Ok(()) };
        let effects = self.processes[at].handle(input, self.now)?;
        if self.doomed == Some(number) && !effects.is_empty() {
            self.doomed = None;
            self.statistics.count("kill", "between two effects");
            let survives = self.random.below(effects.len());
            self.carry_out(number, effects.into_iter().take(survives))?;
            // The lost effects can include its memory.
            self.ledger.window.forget();
            self.restart(number);
            return Ok(());
        }
        let reported = self.carry_out(number, effects.into_iter())?;
        if accepted == reported {
            return Ok(());
        }
        Err(Violation::new(
            "an accepted batch is reported once",
            format!("{accepted:?}, reported {reported:?}"),
        ))
    }

    /// Carries out the effects of one call. Returns the change that the process reports as accepted.
    ///
    /// The keeper puts requests first, so that they are sent first. The ledger takes the reports first, because they
    /// are about the batch before.
    fn carry_out(
        &mut self,
        number: u32,
        effects: impl Iterator<Item = Effect>,
    ) -> Result<Option<ChangeId>, Violation> {
        let at = self.position(number).unwrap();
        let mut reported = None;
        let is_report = |effect: &Effect| matches!(effect, Effect::Report(_));
        let (reports, requests): (Vec<_>, Vec<_>) = effects.partition(is_report);
        for effect in reports.into_iter().chain(requests) {
            self.note(|| format!("  <- {number}: {}", trace::effect(&effect)));
            self.statistics.count("effect", labels::effect(&effect));
            self.processes[at].check(&effect, self.now)?;
            match effect {
                Effect::Read(read) => self.send(number, Request::Read(read)),
                Effect::Apply(apply) => {
                    self.check_others(number)?;
                    self.ledger.approvals.concluded(number);
                    let basis = self.processes[at].basis(&apply, self.now);
                    self.ledger.approvals.check(&apply.batch, basis.unix)?;
                    self.ledger.issued(apply.digest, basis.clone());
                    self.aim(&apply);
                    self.send(number, Request::Apply(apply, Box::new(basis)));
                }
                Effect::AskPropagation(change) => self.send(number, Request::Ask(change)),
                Effect::Count => self.send(number, Request::Count),
                Effect::Report(Report::Accepted { batch, digest, change, .. }) => {
                    let is_sure = self.ledger.reported(number, &batch, digest, change.is_none())?;
                    if change.is_some() && is_sure {
                        let repairs = &mut self.processes[at].repairs;
                        batch.units().iter().try_for_each(|unit| repairs.accepted(unit, self.now))?;
                    }
                    reported = change.or(reported);
                }
                Effect::Report(Report::Blocked(blocked)) => {
                    self.statistics.count("reason", labels::reason(&blocked.reason));
                }
                Effect::Report(Report::Noted(noted)) => {
                    self.statistics.count("note", labels::note(&noted.note));
                }
                Effect::Report(Report::ObjectState(state)) => self.take_state(number, *state)?,
                Effect::Remember(memory) => {
                    self.ledger.window.is_clock_set = false;
                    let is_led = self.shape.replicas > 0;
                    let place = if is_led { &mut self.processes[at].memory } else { &mut self.stored.memory };
                    *place = Some(memory);
                }
                Effect::Publish(publication) => self.publish(number, publication),
                Effect::Report(_) => {}
            }
        }
        Ok(reported)
    }

    /// Checks that no other process waits for an answer to a change.
    fn check_others(&mut self, number: u32) -> Result<(), Violation> {
        let now = self.now;
        self.in_flight.retain(|(_, deadline)| *deadline > now);
        match self.in_flight.iter().find(|(process, _)| *process != number) {
            Some((other, deadline)) => {
                let detail = format!("{number}, while {other} waits for an answer until {deadline:?}");
                Err(Violation::new("one process writes at a time", detail))
            }
            None => Ok(()),
        }
    }

    /// Makes a foreign change of a name in a batch that is being sent.
    fn aim(&mut self, apply: &Apply) {
        if self.storm && self.random.percent(12) {
            let names: Vec<&Name> = apply.batch.units().iter().flat_map(Unit::reads).collect();
            let name = self.random.pick(&names).to_route53();
            self.schedule(Duration::from_micros(500), Event::SomebodyAt(name));
        }
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        if let Some(number) = event.process() {
            let Some(process) = self.process(number) else { return Ok(()) };
            if process.frozen_until > self.now {
                let thaw = process.frozen_until - self.now;
                self.schedule(thaw, event);
                return Ok(());
            }
        }
        match event {
            Event::Edit => self.edit(),
            Event::Somebody => {
                if self.storm {
                    let action = foreigner::act(&mut self.service.zone, self.shape.naming, &mut self.random);
                    self.foreign_action(action);
                    let wait = self.random.millis(10, self.shape.peace);
                    self.schedule(wait, Event::Somebody);
                }
            }
            Event::SomebodyAt(name) => {
                let action = foreigner::act_at(&mut self.service.zone, &name, &mut self.random);
                self.foreign_action(action);
            }
            Event::Undo(before) => {
                if self.storm {
                    let action = foreigner::undo(&mut self.service.zone, &before);
                    self.foreign_action(action);
                }
            }
            Event::Weather => self.weather(),
            Event::Calm => self.calm(),
            Event::Kill => self.kill(),
            Event::Freeze => self.freeze(),
            Event::RivalLooks if self.storm => {
                self.rival.look(&self.service.zone, &mut self.random);
                let wait = self.random.millis(100, 5_000);
                self.schedule(wait, Event::RivalActs);
            }
            Event::RivalActs if self.storm => {
                for action in self.rival.act(&mut self.service.zone, self.shape.naming) {
                    self.foreign_action(Some(action));
                }
                let wait = self.random.millis(1_000, 30_000);
                self.schedule(wait, Event::RivalLooks);
            }
            Event::RivalLooks | Event::RivalActs => {}
            Event::Clock => return self.tell_the_time(),
            Event::Person => return self.person(),
            Event::Cut { process, stream } => self.cut(process, stream),
            Event::Relist { process, stream } if self.is_denied() => {
                self.statistics.count("fault", "a kind is denied");
                let wait = self.random.millis(1_000, 60_000);
                self.schedule(wait, Event::Relist { process, stream });
                return self.tell(process, Input::Denied(self.shape.scopes[stream].clone()));
            }
            Event::Relist { process, stream } => {
                let at = self.position(process).unwrap();
                let watch = &mut self.processes[at].watch;
                for (ticket, at, input) in
                    watch.list(stream, &self.cluster, self.storm, self.now, &mut self.random)
                {
                    self.schedule(at - self.now, Event::Watch { process, ticket, input });
                }
                if self.storm && self.random.percent(10) {
                    let wait = self.random.millis(0, 300);
                    self.schedule(wait, Event::Cut { process, stream });
                }
            }
            Event::Watch { process, ticket, input } => {
                let is_lost = self.saboteur == Some(Saboteur::LosesEvents) && self.random.percent(30);
                let arrives = self.process(process).is_some_and(|process| process.watch.arrives(ticket));
                if arrives && !is_lost {
                    return self.tell(process, input);
                }
            }
            Event::Lead { process } => return self.lead(process),
            Event::Lease { process, call } => return self.lease(process, call),
            Event::Publish { process, publication } => return self.keep(process, publication),
            Event::Published { process } => self.is_published(process),
            Event::StoredState { process } => return self.send_stored_state(process),
            Event::Arrive(arrival) => return self.arrive(*arrival),
            Event::Answer { process, input } => return self.tell(process, input),
        }
        Ok(())
    }

    /// Ends a process: at once, during its next effects, or normally.
    fn kill(&mut self) {
        let all: Vec<u32> = self.processes.iter().map(|process| process.number).collect();
        let number = *self.random.pick(&all);
        let phase = self.process(number).unwrap().phase(self.now);
        match self.random.below(6) {
            0 | 1 => self.doomed = Some(number),
            2 => {
                self.statistics.count("kill", "in good order");
                self.release_lease(number);
                self.restart(number);
            }
            _ => {
                self.statistics.count("kill", phase);
                self.restart(number);
            }
        }
    }

    /// Freezes a process for a while, or disconnects it from the API server.
    fn freeze(&mut self) {
        let until = self.now + self.random.millis(2_000, 40_000);
        let at = self.random.below(self.processes.len());
        let is_frozen = self.random.percent(50);
        self.statistics
            .count("fault", if is_frozen { "a process is frozen" } else { "a process is cut off" });
        let process = &mut self.processes[at];
        let which = if is_frozen { &mut process.frozen_until } else { &mut process.cut_off_until };
        // The waiting events keep their order.
        if *which > self.now {
            return;
        }
        *which = until;
        let number = process.number;
        self.note(|| {
            format!("process {number} is {} until {until:?}", if is_frozen { "frozen" } else { "cut off" })
        });
    }

    /// Whether the API server denies the list of a kind.
    fn is_denied(&mut self) -> bool {
        self.storm && self.random.percent(10)
    }

    fn edit(&mut self) {
        if !self.storm {
            return;
        }
        let Edit { resource, objects, what } = self.cluster.edit(&mut self.random);
        for object in objects {
            self.ledger.claim_ages.changed(&object, self.cluster.facts(&object).as_ref(), self.now);
        }
        self.note(|| format!("{resource}: {what}"));
        self.statistics.count("edit", what);
        let mut arrivals = Vec::new();
        for process in &mut self.processes {
            for gate in process.keeper.closed_gates(process.local(self.now)) {
                self.statistics.count("gate closed", labels::gate(&gate));
            }
            if let Some((_, ticket, at)) = process.watch.event(&resource, self.now, &mut self.random) {
                let reduced = self.cluster.reduced(&resource);
                let input = Input::Resource { resource: resource.clone(), reduced };
                arrivals.push((at, Event::Watch { process: process.number, ticket, input }));
            }
        }
        for (at, event) in arrivals {
            self.schedule(at - self.now, event);
        }
        if self.random.percent(3) {
            let stream = self.random.below(self.shape.scopes.len());
            let at = self.random.below(self.processes.len());
            let process = self.processes[at].number;
            self.cut(process, stream);
        }
        let wait = if self.random.percent(25) {
            self.random.millis(0, 40)
        } else {
            self.random.millis(10, self.shape.calm)
        };
        self.schedule(wait, Event::Edit);
    }

    fn cut(&mut self, process: u32, stream: usize) {
        let Some(at) = self.position(process) else { return };
        self.note(|| format!("stream {stream} of {process} breaks"));
        self.statistics.count("fault", "410 Gone");
        self.processes[at].watch.cut(stream);
        let wait = self.random.millis(10, 5_000);
        self.schedule(wait, Event::Relist { process, stream });
    }

    fn foreign_action(&mut self, action: Option<Action>) {
        let Some(action) = action else { return };
        self.note(|| format!("somebody {} {:?}", action.label, action.names));
        self.statistics.count("somebody", action.label);
        self.ledger.somebody_changed(&action.names, &self.service.zone, self.now);
    }
}
