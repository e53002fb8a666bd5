//! One run: virtual time, and one queue that orders everything that happens.

use std::{collections::BTreeMap, time::Duration};

use zonekeeper_core::{
    dns::Name,
    keeper::{Apply, Effect, FailureClass, Input, Report, Time},
    plan::Unit,
};

use zonekeeper_emulator::zone::HostedZone;

use super::{
    cluster::Cluster,
    foreigner::{self, Deed},
    invariants::{Ledger, Violation},
    labels,
    network::{Arrival, Request, TIMEOUT},
    person::Shelf,
    process::Process,
    random::Random,
    saboteur::Saboteur,
    service::Service,
    shape::Shape,
    statistics::Statistics,
    trace,
    watch::{Ticket, Watch},
};

/// How long a lease is granted, and how often it is renewed.
const LEASE: Duration = Duration::from_secs(6);
const RENEWAL: Duration = Duration::from_secs(2);

/// Everything that exists in a run.
#[derive(Debug)]
pub struct World {
    pub seed: u64,
    pub now: Time,
    pub random: Random,
    pub shape: Shape,
    pub process: Process,
    pub cluster: Cluster,
    pub service: Service,
    pub statistics: Statistics,
    pub storm: bool,
    pub saboteur: Option<Saboteur>,
    pub ledger: Ledger,
    pub shelf: Shelf,
    /// The zone of a while ago, where a saboteur answers with it.
    pub cache: Option<HostedZone>,
    queue: BTreeMap<(Time, u64), Event>,
    scheduled: u64,
    watch: Watch,
    trace: Option<Vec<String>>,
}

/// Something that is going to happen.
#[derive(Debug)]
pub enum Event {
    Edit,
    Somebody,
    SomebodyAt(String),
    Weather,
    Calm,
    Kill,
    Clock,
    Person,
    Cut(usize),
    Relist { process: u32, stream: usize },
    Watch { process: u32, ticket: Ticket, input: Input },
    Lead { process: u32 },
    Arrive(Box<Arrival>),
    Answer { process: u32, input: Input },
}

impl World {
    pub fn new(seed: u64, saboteur: Option<Saboteur>, is_traced: bool) -> Self {
        let mut random = Random::new(seed);
        let shape = Shape::random(&mut random);
        let mut service = Service::new(&shape);
        for _ in 0..random.below(14) {
            foreigner::act(&mut service.zone, shape.naming, &mut random);
        }
        let mut cluster = Cluster::default();
        for _ in 0..random.below(10) {
            cluster.edit(&mut random);
        }
        let mut world = Self {
            seed,
            now: Time::ZERO,
            process: Process::new(0, Time::ZERO, shape.config(seed), shape.is_private),
            watch: Watch::new(&shape.scopes),
            ledger: Ledger::new(shape.naming, shape.resync),
            cluster,
            service,
            statistics: Statistics::default(),
            storm: true,
            saboteur,
            queue: BTreeMap::new(),
            scheduled: 0,
            cache: None,
            shelf: Shelf::default(),
            trace: is_traced.then(Vec::new),
            random,
            shape,
        };
        world.begin_process(Duration::ZERO);
        world.begin_person();
        for (event, latest) in
            [(Event::Edit, world.shape.calm), (Event::Somebody, world.shape.peace), (Event::Weather, 3_000)]
        {
            let wait = world.random.millis(0, latest);
            world.schedule(wait, event);
        }
        if world.shape.kills {
            for _ in 0..=world.random.below(2) {
                let wait = world.random.millis(0, u64::try_from(world.shape.storm.as_millis()).unwrap());
                world.schedule(wait, Event::Kill);
            }
        }
        world.schedule(world.shape.storm, Event::Calm);
        world
    }

    pub fn trace(self) -> Vec<String> {
        self.trace.unwrap_or_default()
    }

    /// Does everything that happens until a time.
    pub fn run_until(&mut self, end: Time) -> Result<(), Violation> {
        loop {
            let wake = self.process.wake_at().unwrap_or(Time::NEVER);
            let next = self.queue.first_key_value().map_or(Time::NEVER, |((at, _), _)| *at);
            if wake.min(next) > end {
                self.now = end;
                return Ok(());
            }
            self.statistics.steps += 1;
            if wake < next {
                self.now = wake;
                self.tell(Input::Tick)?;
            } else if let Some(((at, _), event)) = self.queue.pop_first() {
                self.now = at;
                self.happen(event)?;
            }
        }
    }

    /// The process ends, and another begins; what is on its way to the service may still arrive.
    pub fn restart(&mut self) {
        let (number, led) = (self.process.number + 1, self.process.led_until);
        self.note(|| format!("process {number} begins"));
        let config = self.shape.config(self.seed.wrapping_add(u64::from(number)));
        self.process = Process::new(number, self.now, config, self.shape.is_private);
        self.watch = Watch::new(&self.shape.scopes);
        // Nobody else gets the lease before it has ended, and no request outlives its time-out.
        let lease = if led == Time::NEVER { TIMEOUT } else { (led - self.now).max(TIMEOUT) };
        self.begin_process(lease);
    }

    fn begin_process(&mut self, lease: Duration) {
        let process = self.process.number;
        self.schedule(Duration::ZERO, Event::Answer { process, input: Input::Tick });
        for stream in 0..self.watch.len() {
            let wait = self.random.millis(0, 2_000);
            self.schedule(wait, Event::Relist { process, stream });
        }
        let wait = lease + self.random.millis(1, 3_000);
        self.schedule(wait, Event::Lead { process });
    }

    /// Something is going to happen.
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

    /// Tells the process something and carries out what it wants.
    pub fn tell(&mut self, input: Input) -> Result<(), Violation> {
        self.statistics.count("input", labels::input(&input));
        if let Some((what, class)) = labels::failed(&input) {
            self.statistics.count(what, class);
        }
        self.note(|| format!("  -> {}", trace::input(&input)));
        self.process.note(&input, self.now)?;
        let accepted = match &input {
            Input::Applied { answer: Ok(change), .. } => Some(change.clone()),
            _ => None,
        };
        let mut reported = None;
        let input = match self.saboteur {
            Some(saboteur) => saboteur.input(input),
            None => input,
        };
        for effect in self.process.handle(input, self.now)? {
            self.note(|| format!("  <- {}", trace::effect(&effect)));
            self.statistics.count("effect", labels::effect(&effect));
            self.process.check(&effect, self.now)?;
            match effect {
                Effect::Read(read) => self.send(Request::Read(read)),
                Effect::Apply(apply) => {
                    let rest = self.process.rest(&apply, self.now);
                    self.ledger.issued(apply.digest, rest.clone());
                    self.aim(&apply);
                    self.send(Request::Apply(apply, rest));
                }
                Effect::AskPropagation(change) => self.send(Request::Ask(change)),
                Effect::Count => self.send(Request::Count),
                Effect::Report(Report::Accepted { batch, digest, change }) => {
                    self.ledger.reported(self.process.number, &batch, digest, change.is_none())?;
                    reported = change.or(reported);
                }
                Effect::Report(Report::Blocked(blocked)) => {
                    self.statistics.count("reason", labels::reason(&blocked.reason));
                }
                Effect::Remember(memory) => self.shelf.memory = Some(memory),
                Effect::Publish(publication) => {
                    self.shelf.all.push((*publication).clone());
                    self.shelf.published = Some(publication);
                }
                Effect::Report(_) => {}
            }
        }
        if accepted == reported {
            return Ok(());
        }
        Err(Violation::new(
            "what is accepted is reported, once",
            format!("{accepted:?}, reported {reported:?}"),
        ))
    }

    /// Somebody else happens to change a name of the batch that is being sent.
    fn aim(&mut self, apply: &Apply) {
        if self.storm && self.random.percent(12) {
            let names: Vec<&Name> = apply.batch.units().iter().flat_map(Unit::reads).collect();
            let name = self.random.pick(&names).to_route53();
            self.schedule(Duration::from_micros(500), Event::SomebodyAt(name));
        }
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Edit => self.edit(),
            Event::Somebody => {
                if self.storm {
                    let deed = foreigner::act(&mut self.service.zone, self.shape.naming, &mut self.random);
                    self.somebody_did(deed);
                    let wait = self.random.millis(10, self.shape.peace);
                    self.schedule(wait, Event::Somebody);
                }
            }
            Event::SomebodyAt(name) => {
                let deed = foreigner::act_at(&mut self.service.zone, &name, &mut self.random);
                self.somebody_did(deed);
            }
            Event::Weather => self.weather(),
            Event::Calm => self.calm(),
            Event::Kill => {
                self.statistics.count("kill", self.process.phase());
                self.restart();
            }
            Event::Clock => return self.tell_the_time(),
            Event::Person => return self.person(),
            Event::Cut(stream) => self.cut(stream),
            Event::Relist { process, stream } if process == self.process.number && self.is_denied() => {
                self.statistics.count("fault", "a kind is denied");
                let wait = self.random.millis(1_000, 60_000);
                self.schedule(wait, Event::Relist { process, stream });
                return self.tell(Input::Denied(self.shape.scopes[stream].clone()));
            }
            Event::Relist { process, stream } if process == self.process.number => {
                for (ticket, at, input) in self.watch.list(stream, &self.cluster, self.now, &mut self.random)
                {
                    self.schedule(at - self.now, Event::Watch { process, ticket, input });
                }
                if self.storm && self.random.percent(10) {
                    let wait = self.random.millis(0, 300);
                    self.schedule(wait, Event::Cut(stream));
                }
            }
            Event::Watch { process, ticket, input } => {
                let is_lost = self.saboteur == Some(Saboteur::LosesEvents) && self.random.percent(30);
                if process == self.process.number && self.watch.arrives(ticket) && !is_lost {
                    return self.tell(input);
                }
            }
            Event::Lead { process } if process == self.process.number => return self.lead(),
            Event::Arrive(arrival) => return self.arrive(*arrival),
            Event::Answer { process, input } if process == self.process.number => return self.tell(input),
            Event::Relist { .. } | Event::Lead { .. } | Event::Answer { .. } => {}
        }
        Ok(())
    }

    /// Whether a kind's objects may not be listed just now.
    fn is_denied(&mut self) -> bool {
        self.storm && self.random.percent(10)
    }

    fn edit(&mut self) {
        if !self.storm {
            return;
        }
        let (object, what) = self.cluster.edit(&mut self.random);
        self.note(|| format!("{object}: {what}"));
        self.statistics.count("edit", what);
        for gate in self.process.keeper.closed_gates(self.process.local(self.now)) {
            self.statistics.count("gate closed", labels::gate(&gate));
        }
        if let Some((_, ticket, at)) = self.watch.event(&object, self.now, &mut self.random) {
            let facts = self.cluster.facts(&object).map(Box::new);
            let process = self.process.number;
            self.schedule(
                at - self.now,
                Event::Watch { process, ticket, input: Input::Facts { object, facts } },
            );
        }
        if self.random.percent(3) {
            let stream = self.random.below(self.watch.len());
            self.cut(stream);
        }
        let wait = if self.random.percent(25) {
            self.random.millis(0, 40)
        } else {
            self.random.millis(10, self.shape.calm)
        };
        self.schedule(wait, Event::Edit);
    }

    fn cut(&mut self, stream: usize) {
        self.note(|| format!("stream {stream} breaks"));
        self.statistics.count("fault", "410 Gone");
        self.watch.cut(stream);
        let wait = self.random.millis(10, 5_000);
        self.schedule(wait, Event::Relist { process: self.process.number, stream });
    }

    fn somebody_did(&mut self, deed: Option<Deed>) {
        let Some(deed) = deed else { return };
        self.note(|| format!("somebody {} {:?}", deed.what, deed.names));
        self.statistics.count("somebody", deed.what);
        self.ledger.somebody_changed(&deed.names, &self.service.zone, self.now);
    }

    /// What the service does to requests for a while.
    fn weather(&mut self) {
        if !self.storm {
            return;
        }
        if self.shape.faults {
            self.service.faulty = *self.random.pick(&[0, 0, 5, 30, 70]);
            self.service.slow = *self.random.pick(&[50, 200, 4_000]);
            self.service.denied = None;
            if self.random.percent(8) {
                let class = *self.random.pick(&[FailureClass::Denied, FailureClass::Account]);
                self.service.denied = Some(class);
                let what = if class == FailureClass::Account { "no credentials" } else { "no permissions" };
                self.statistics.count("fault", what);
            }
        }
        if self.random.percent(15) {
            let sets: Vec<String> = self
                .cluster
                .objects()
                .filter_map(|object| self.cluster.facts(object))
                .flat_map(|facts| facts.hosts)
                .map(|host| host.to_route53())
                .collect();
            if !sets.is_empty() {
                let is_named = self.random.percent(50);
                self.statistics
                    .count("fault", if is_named { "refused by name" } else { "refused without a name" });
                self.service.refused.insert(self.random.pick(&sets).clone(), is_named);
            }
        } else if self.random.percent(30) {
            self.service.refused.pop_first();
        }
        self.bad_service();
        self.note_weather();
        self.cache = (self.saboteur == Some(Saboteur::ReadsFromCache)).then(|| self.service.zone.clone());
        let wait = self.random.millis(1_000, 40_000);
        self.schedule(wait, Event::Weather);
    }

    /// The zone protects a record, is full, or is being switched.
    fn bad_service(&mut self) {
        let zone = &mut self.service.zone;
        zone.disabled_for_mutation = self.shape.faults && self.random.percent(3);
        zone.record_limit = if self.shape.faults && self.random.percent(6) { zone.len() + 3 } else { 10_000 };
        let (is_switching, is_full) = (zone.disabled_for_mutation, zone.record_limit < 10_000);
        for what in [is_switching.then_some("switching"), is_full.then_some("full")].into_iter().flatten() {
            self.statistics.count("fault", what);
        }
        if self.shape.faults && self.random.percent(6) {
            let name = foreigner::host(&mut self.random);
            self.statistics.count("fault", "protected");
            self.service.zone.protect(&name, "A", "ask the platform team").unwrap();
            self.service.protected.push(name);
        }
    }

    fn note_weather(&mut self) {
        let Service { faulty, slow, denied, refused, .. } = &self.service;
        let line =
            format!("weather: {faulty}% faults, up to {slow} ms, denied {denied:?}, refused {refused:?}");
        self.note(|| line);
    }

    /// Edits, other writers and faults end; only names that are refused may stay so.
    fn calm(&mut self) {
        self.storm = false;
        // Whatever was paused is no longer.
        self.shelf.off = 7_200;
        self.cache = None;
        self.service.faulty = 0;
        self.service.slow = 100;
        self.service.denied = None;
        self.service.zone.disabled_for_mutation = false;
        self.service.zone.record_limit = 10_000;
        for name in std::mem::take(&mut self.service.protected) {
            self.service.zone.unprotect(&name, "A");
        }
        if self.random.percent(50) {
            self.service.refused.clear();
        }
        self.note_weather();
    }

    fn lead(&mut self) -> Result<(), Violation> {
        let process = self.process.number;
        let until = if self.shape.is_led { self.now + LEASE } else { Time::NEVER };
        if self.shape.is_led {
            let lapses = self.storm && self.random.percent(3);
            let wait = if lapses { self.random.millis(5_000, 40_000) } else { RENEWAL };
            if lapses {
                self.statistics.count("fault", "leadership lapses");
            }
            self.schedule(wait, Event::Lead { process });
        }
        if self.process.led_until == Time::ZERO {
            self.hand_down()?;
        }
        self.process.led_until = until;
        let told = if self.saboteur == Some(Saboteur::ForgetsLeadership) { Time::NEVER } else { until };
        self.tell(Input::Leadership { until: self.process.local(told) })
    }
}
