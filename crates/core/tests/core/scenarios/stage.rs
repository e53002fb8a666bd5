//! The stage of a scenario: a keeper, a zone, and a clock that moves on demand.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use zonekeeper_core::{
    dns::{Name, Zone, ZoneId},
    keeper::{
        Apply, BrakeLimits, ChangeId, Config, Effect, Failure, FailureClass, Input, Keeper, Leftover, Mode,
        Publication, Quota, Read, Readiness, Report, Time, Warning,
    },
    plan::{Change, Naming},
    source::{Object, Publish, Resource, Rules, Scope},
};
use zonekeeper_emulator::zone::{Change as ServiceChange, HostedZone, RecordSet};

use crate::{
    simulation::translation::{
        change_to_service, failure, page_from_service, refusal_from_service, start_to_service,
        zone_from_service,
    },
    world::{APEX, ingress, meta, settings},
};

pub const WEB_1: &str = "web-1.eu-west-1.elb.amazonaws.com";
pub const WEB_2: &str = "web-2.eu-west-1.elb.amazonaws.com";

/// The fate of one request.
#[derive(Debug, Clone)]
pub enum Fate {
    /// The service carries out the request.
    Works,
    /// The service does not carry out the request, which fails.
    Fails(Failure),
    /// The service carries out the request, and its answer is lost.
    AnswerLost,
}

/// The state of a scenario. The zone answers requests at once, by its own rules.
pub struct Stage {
    pub keeper: Keeper,
    pub zone: HostedZone,
    pub now: Time,
    config: Config,
    /// The fates of the next batches, and of the next other requests.
    batches: VecDeque<Fate>,
    questions: VecDeque<Fate>,
    /// The listed names at which the zone rejects every batch, with the message.
    refused: BTreeMap<String, &'static str>,
    /// The listed names at which IAM denies every change.
    denied: BTreeSet<String>,
    /// The last publication.
    pub published: Option<Publication>,
    /// The last memory.
    pub memory: Option<String>,
    /// The number of propagated changes.
    pub everywhere: usize,
    /// The waits of the accepted units: cause and milliseconds.
    pub waits: Vec<(&'static str, u128)>,
    /// The inputs at the next start.
    before: Vec<Input>,
    waiting: VecDeque<Effect>,
    log: Vec<(Time, String)>,
}

// === impl Fate ===

impl Fate {
    pub fn fails(class: FailureClass, message: &str) -> Self {
        Self::Fails(failure(class, &format!("{class:?}"), message))
    }
}

// === impl Stage ===

impl Stage {
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    /// A stage with changed settings.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            settings: settings(Naming::default()),
            scopes: vec![scope()],
            mode: Mode::Apply,
            quota: Quota::default(),
            resync: Duration::from_mins(30),
            vacancy: Duration::from_mins(10),
            brake: BrakeLimits::default(),
            seed: 1,
        };
        change(&mut config);
        Self {
            keeper: keeper(&config),
            zone: HostedZone::new("Z0123456789EXAMPLE", APEX).unwrap(),
            now: Time::ZERO,
            config,
            batches: VecDeque::new(),
            questions: VecDeque::new(),
            refused: BTreeMap::new(),
            denied: BTreeSet::new(),
            published: None,
            memory: None,
            everywhere: 0,
            waits: Vec::new(),
            before: Vec::new(),
            waiting: VecDeque::new(),
            log: Vec::new(),
        }
    }

    /// Starts the process as leader, with these objects as the whole cluster, and lists the zone.
    pub fn start(&mut self, objects: &[Object]) {
        self.keeper_begins_anew();
        self.relist(objects);
        self.run(10);
    }

    /// Starts the process as leader, without any list.
    pub fn keeper_begins_anew(&mut self) {
        self.keeper = keeper(&self.config);
        self.now = Time::ZERO;
        self.log.clear();
        // A new leader reads the publication.
        let is_read = |input: &Input| matches!(input, Input::Published(_) | Input::Approve(_));
        let (read, before): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.before).into_iter().partition(is_read);
        let leads = Input::Leadership { until: Time::NEVER };
        for input in before.into_iter().chain([leads]).chain(read) {
            self.tell(input);
        }
    }

    /// Adds an input at the next start.
    pub fn before_start(&mut self, input: Input) {
        self.before.push(input);
    }

    /// Lists all objects again.
    pub fn relist(&mut self, objects: &[Object]) {
        self.tell(Input::Listing(scope()));
        for object in objects {
            self.see(object);
        }
        self.tell(Input::Listed(scope()));
    }

    /// Passes the facts of an object to the keeper.
    pub fn see(&mut self, object: &Object) {
        let rules = Rules { publish: Publish::All, adopt_by_annotation: true, ..Rules::default() };
        let (resource, reduced) = (object.resource_ref().unwrap(), object.reduce(&rules));
        self.tell(Input::Resource { resource, reduced });
    }

    pub fn tell(&mut self, input: Input) {
        let effects = self.keeper.handle(input, self.now);
        self.waiting.extend(effects);
        while let Some(effect) = self.waiting.pop_front() {
            if let Some(input) = self.carry_out(effect) {
                let effects = self.keeper.handle(input, self.now);
                self.waiting.extend(effects);
            }
        }
    }

    /// Runs for a time in milliseconds.
    pub fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(wake) = self.keeper.wake_at().filter(|wake| *wake <= end) {
            self.now = self.now.max(wake);
            self.tell(Input::Tick);
        }
        self.now = end;
    }

    /// Sets the fates of the next batches. The service carries out later batches.
    pub fn batches_meet(&mut self, fates: impl IntoIterator<Item = Fate>) {
        self.batches.extend(fates);
    }

    /// Sets the fates of the next requests that are not batches.
    pub fn questions_meet(&mut self, fates: impl IntoIterator<Item = Fate>) {
        self.questions.extend(fates);
    }

    /// Clears the fates of all requests.
    pub fn requests_work_again(&mut self) {
        self.batches.clear();
        self.questions.clear();
    }

    /// Rejects every batch that changes a name, with this message. `{position}` in it stands for that of the change. `None`
    /// ends it.
    pub fn refuse(&mut self, name: &str, message: Option<&'static str>) {
        let listed = format!("{name}.");
        match message {
            Some(message) => drop(self.refused.insert(listed, message)),
            None => drop(self.refused.remove(&listed)),
        }
    }

    /// Denies every change of a name.
    pub fn deny(&mut self, name: &str) {
        self.denied.insert(format!("{name}."));
    }

    /// Allows changes of a name again.
    pub fn allow(&mut self, name: &str) {
        self.denied.remove(&format!("{name}."));
    }

    /// Creates a set as another writer.
    pub fn somebody_creates(&mut self, set: RecordSet) {
        self.zone.change(&[ServiceChange::create(set)]).unwrap();
    }

    /// Deletes a set as another writer.
    pub fn somebody_deletes(&mut self, name: &str, rtype: &str) {
        let set = self.zone.get(name, rtype, None).unwrap().clone();
        self.zone.change(&[ServiceChange::delete(set)]).unwrap();
    }

    /// The actions since the last call, line by line.
    pub fn done(&mut self) -> Vec<String> {
        self.done_at().into_iter().map(|(_, line)| line).collect()
    }

    /// The actions since the last call, with their times in milliseconds.
    pub fn done_at(&mut self) -> Vec<(u64, String)> {
        self.log.drain(..).map(|(at, line)| (at.micros() / 1_000, line)).collect()
    }

    /// The lines of the zone at or below a name.
    pub fn at(&self, name: &str) -> Vec<String> {
        let zone = zone_from_service(&self.zone);
        let sets = zone.sets().filter(|set| set.name().as_str().ends_with(name));
        sets.map(ToString::to_string).collect()
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        if let Some(line) = line(&effect) {
            self.log.push((self.now, line));
        }
        Some(match effect {
            Effect::Report(report) => {
                self.everywhere += usize::from(matches!(report, Report::InSync { .. }));
                if let Report::Accepted { waits, .. } = &report {
                    self.waits.extend(waits.iter().map(|wait| (wait.cause.label(), wait.time.as_millis())));
                }
                return None;
            }
            Effect::Remember(memory) => {
                self.memory = Some(memory);
                return None;
            }
            Effect::Publish(publication) => {
                self.published = Some(*publication);
                return None;
            }
            Effect::Apply(apply) => {
                let fate = self.batches.pop_front();
                Input::Applied { id: apply.id, answer: answer(fate, || self.apply(&apply)) }
            }
            Effect::Read(read) => {
                let fate = self.questions.pop_front();
                let page = || {
                    let start = read.start.as_ref().map(start_to_service);
                    Ok(page_from_service(&self.zone.list(start.as_ref(), read.max_items.into())))
                };
                Input::Page { id: read.id, answer: answer(fate, page) }
            }
            Effect::Count => {
                let fate = self.questions.pop_front();
                Input::Counted(answer(fate, || Ok(self.zone.len() as u64)))
            }
            Effect::AskPropagation(change) => {
                let fate = self.questions.pop_front();
                Input::Propagation { change, answer: answer(fate, || Ok(true)) }
            }
        })
    }

    fn apply(&mut self, apply: &Apply) -> Result<ChangeId, Failure> {
        let batch: Vec<ServiceChange> = apply.batch.changes().map(change_to_service).collect();
        if batch.iter().any(|change| self.denied.contains(&change.set.name)) {
            let message = "User is not authorized to perform this operation";
            return Err(failure(FailureClass::Denied, "AccessDenied", message));
        }
        let refused =
            (1..).zip(&batch).find_map(|(at, change)| Some((at, self.refused.get(&change.set.name)?)));
        if let Some((at, message)) = refused {
            let message = message.replace("{position}", &format!("{at}"));
            return Err(failure(FailureClass::Refused, "InvalidChangeBatch", &message));
        }
        self.zone.change(&batch).map_err(|refusal| refusal_from_service(&refusal))?;
        Ok(ChangeId(format!("C{}", apply.id.0).into()))
    }
}

fn answer<T>(fate: Option<Fate>, carry_out: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    match fate {
        None | Some(Fate::Works) => carry_out(),
        Some(Fate::Fails(failure)) => Err(failure),
        Some(Fate::AnswerLost) => {
            carry_out().unwrap_or_else(|failure| panic!("the request should be carried out: {failure}"));
            Err(failure(FailureClass::Unknown, "Timeout", "no answer"))
        }
    }
}

/// The lines of requests and reports.
fn line(effect: &Effect) -> Option<String> {
    let counted = |apply: &Apply| {
        let (creates, replaces): (Vec<&Change>, Vec<&Change>) =
            apply.batch.changes().partition(|change| change.is_create());
        format!(
            "apply {} units: {} create, {} replace",
            apply.batch.units().len(),
            creates.len(),
            replaces.len()
        )
    };
    Some(match effect {
        Effect::Read(Read { start: None, .. }) => "list".to_owned(),
        Effect::Read(Read { start: Some(start), .. }) => match start.rtype {
            None => format!("read {}", start.name),
            Some(_) => "list on".to_owned(),
        },
        Effect::Apply(apply) => counted(apply),
        Effect::Count => "count".to_owned(),
        Effect::Remember(memory) => format!("remember {} moves", memory.lines().count()),
        Effect::Publish(publication) => {
            let (units, approved) =
                (&publication.units, publication.units.iter().filter(|(_, it)| *it).count());
            format!("publish {} units, {approved} approved", units.len())
        }
        Effect::Report(Report::Blocked(blocked)) => {
            format!("blocked {}: {}", blocked.subject, blocked.reason.label())
        }
        Effect::Report(Report::Noted(noted)) => format!("noted {}: {}", noted.key, noted.note.label()),
        Effect::Report(Report::NoLongerNoted { key, .. }) => format!("no longer noted {key}"),
        Effect::Report(Report::LeftOver(leftover)) => format!("left over {}", place(leftover)),
        Effect::Report(Report::NotLeftOver(leftover)) => format!("no longer left over {}", place(leftover)),
        Effect::Report(Report::Ignored(ignored)) => format!("ignored {}", ignored.field),
        Effect::Report(Report::NoLongerIgnored(ignored)) => format!("no longer ignored {}", ignored.field),
        Effect::Report(Report::Lasting { warning, others, uid }) => {
            let object = warning.object();
            assert_eq!(**uid, *format!("uid of {}/{}", object.namespace(), object.name()));
            let line = match warning {
                Warning::Blocked(blocked) => {
                    format!("still blocked {}: {}", blocked.subject, blocked.reason.label())
                }
                Warning::Noted(noted) => format!("still noted {}: {}", noted.key, noted.note.label()),
                Warning::LeftOver(leftover) => format!("still left over {}", place(leftover)),
                Warning::Ignored(ignored) => format!("still ignored {}: {}", ignored.field, ignored.text),
            };
            if *others > 0 { format!("{line}, and {others} others") } else { line }
        }
        Effect::Report(Report::ObjectState(state)) => {
            assert_eq!(*state.uid, *format!("uid of {}/{}", state.object.namespace(), state.object.name()));
            let count =
                |others: usize| if others > 0 { format!(" and {others} others") } else { String::new() };
            let readiness = match &state.readiness {
                Readiness::Ready { keys, noted: None } => format!("ready, {keys} keys"),
                Readiness::Ready { keys, noted: Some(noted) } => {
                    format!("ready, {keys} keys, noted {}", noted.note.label())
                }
                Readiness::Blocked { first, others } => {
                    format!("blocked {}: {}{}", first.subject, first.reason.label(), count(*others))
                }
                Readiness::Waiting { first, others, needs_approval } => {
                    let approval = if *needs_approval { ", not approved" } else { "" };
                    format!("waiting {first}{}{approval}", count(*others))
                }
            };
            format!("state of {} {}: {readiness}", state.object, state.generation)
        }
        Effect::Report(Report::Planned(unit)) => format!("planned {}", unit.key().host),
        Effect::Report(Report::Unblocked { subject, .. }) => format!("unblocked {subject}"),
        Effect::Report(Report::Accepted { change: None, .. }) => "found accepted".to_owned(),
        Effect::AskPropagation(_) | Effect::Report(_) => return None,
    })
}

fn place(leftover: &Leftover) -> String {
    format!("{} {}", leftover.set.name(), leftover.set.rtype())
}

fn keeper(config: &Config) -> Keeper {
    let zone = Zone::new(ZoneId::new("Z0123456789EXAMPLE").unwrap(), Name::from_route53(APEX).unwrap());
    Keeper::new(config.clone(), zone)
}

/// The input that an object is gone.
pub fn gone(object: &Object) -> Input {
    Input::Resource { resource: object.resource_ref().unwrap(), reduced: None }
}

/// The scope of all Ingresses.
pub fn scope() -> Scope {
    Scope { resource: Resource::INGRESS, namespace: None }
}

/// An Ingress that asks for `NAME.example.com`, with a load balancer.
pub fn web(name: &str, balancer: &str) -> Object {
    web_at(name, &format!("{name}.{APEX}"), balancer)
}

/// An Ingress of a namespace that asks for the hostname of its name.
pub fn in_namespace(namespace: &str, name: &str) -> Object {
    let target = (None, Some(WEB_1.to_owned()));
    ingress(meta(namespace, name, 0, BTreeMap::new()), &[&format!("{name}.{APEX}")], &[target])
}

/// An Ingress that asks for another hostname.
pub fn web_at(name: &str, host: &str, balancer: &str) -> Object {
    ingress(meta("shop", name, 0, BTreeMap::new()), &[host], &[(None, Some(balancer.to_owned()))])
}

/// An Ingress that asks for `www.example.com` under its name as the set identifier, with a weight.
pub fn weighted(set_id: &str, weight: u8, balancer: &str) -> Object {
    let annotations = [("set-identifier", set_id.to_owned()), ("aws-weight", weight.to_string())];
    let metadata = meta("shop", set_id, 0, annotations.into());
    ingress(metadata, &["www.example.com"], &[(None, Some(balancer.to_owned()))])
}

/// Ingresses `w0`, `w1` and so on.
pub fn webs(count: usize) -> Vec<Object> {
    (0..count).map(|n| web(&format!("w{n}"), WEB_1)).collect()
}
