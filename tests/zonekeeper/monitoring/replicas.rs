//! Two replicas of zonekeeper on virtual time, each with its own keeper and metrics, and a cluster that never rests.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use k8s_openapi::api::networking::v1::Ingress;
use serde_json::{Value, json};
use zonekeeper::{
    config::Config,
    driver::{Listener, Status},
    route53,
    telemetry::{Metrics, Operation, Reporter, ZoneInfo},
};
use zonekeeper_core::{
    dns::ZoneId,
    keeper::{Effect, Failure, Input, Keeper, Mode, Time},
    source::{Object, Publish, Resource, Rules, Scope},
};

use super::{
    recording::{Recording, STEP},
    service::{APEX, Service, empty},
};

/// How often a pod is scraped, in seconds. The pods take turns.
const EVERY: u64 = 30;
/// The pods whose metrics are scraped.
pub const PODS: [&str; 2] = ["zonekeeper-a", "zonekeeper-b"];

/// Two replicas, their zone, and the objects of their cluster.
pub struct Replicas {
    pub service: Service,
    pub recording: Recording,
    running: Vec<Replica>,
    objects: BTreeMap<String, Object>,
    now: Time,
    /// The number of rounds so far. In a round, each pod is scraped.
    rounds: u64,
    scrapes: usize,
    is_quiet: bool,
    mode: Mode,
    leader: Option<&'static str>,
}

struct Replica {
    pod: &'static str,
    /// When it started.
    started: Time,
    keeper: Keeper,
    metrics: Metrics,
    reporter: Reporter,
    /// The answers that Route 53 will give, by time.
    answers: VecDeque<Answer>,
}

struct Answer {
    at: Time,
    sent: Time,
    operation: Operation,
    input: Input,
}

// === impl Replicas ===

impl Replicas {
    /// Starts both, with 40 hostnames. The first one leads.
    pub fn start() -> Self {
        Self::start_in(Mode::Apply)
    }

    pub fn start_in(mode: Mode) -> Self {
        let mut replicas = Self {
            service: Service::new(),
            recording: Recording::default(),
            running: Vec::new(),
            objects: BTreeMap::new(),
            now: Time::ZERO,
            rounds: 0,
            scrapes: 0,
            is_quiet: false,
            mode,
            leader: None,
        };
        for number in 0..40 {
            replicas.set(&format!("web-{number}"), &format!("192.0.2.{number}"), &json!({}));
        }
        for pod in PODS {
            replicas.add(pod, true);
        }
        replicas.lead(&PODS[..1]);
        replicas
    }

    /// Starts a pod. It sees all objects, or waits for their list.
    pub fn add(&mut self, pod: &'static str, lists: bool) {
        let zone = ZoneId::new("Z0123456789EXAMPLE").unwrap();
        let mut config = Config::new(zone, "prod".parse().unwrap());
        config.scopes = vec![scope()];
        let metrics = Metrics::new(route53::codes());
        metrics.set_zone_quota(10_000);
        metrics.set_zone(ZoneInfo {
            zone_id: config.zone.to_string(),
            zone_name: APEX.to_owned(),
            owner: config.settings.owner.to_string(),
            mode: self.mode.label(),
        });
        let keeper = Keeper::new(config.keeper(self.mode, 1), empty());
        let reporter = Reporter::new(metrics.clone());
        self.running.push(Replica {
            pod,
            started: self.now,
            keeper,
            metrics,
            reporter,
            answers: VecDeque::new(),
        });
        if lists {
            let seen: Vec<Input> = self.objects.values().map(resource).collect();
            let list = [Input::Listing(scope())].into_iter().chain(seen).chain([Input::Listed(scope())]);
            for input in list {
                self.tell(pod, input);
            }
        }
    }

    /// Lets the other pod take over, and starts a new pod that stands by.
    pub fn take_over(&mut self) {
        let leader = self.leader.unwrap();
        let next = PODS.into_iter().find(|pod| *pod != leader).unwrap();
        self.lead(&[next]);
        self.end(leader);
        self.run(1);
        self.add(leader, true);
    }

    /// Restarts the process of a pod. It leads again, if it led.
    pub fn restart(&mut self, pod: &'static str) {
        self.end(pod);
        self.add(pod, true);
        if self.leader == Some(pod) {
            self.lead(&[pod]);
        }
    }

    /// Ends a pod.
    pub fn end(&mut self, pod: &str) {
        self.running.retain(|replica| replica.pod != pod);
    }

    /// Lets these pods lead, and no others.
    pub fn lead(&mut self, pods: &[&'static str]) {
        self.leader = pods.first().copied();
        for pod in PODS {
            let until = if pods.contains(&pod) { Time::NEVER } else { Time::ZERO };
            self.tell(pod, Input::Leadership { until });
        }
    }

    /// Sends an input to all pods.
    pub fn tell_all(&mut self, input: &Input) {
        for pod in PODS {
            self.tell(pod, input.clone());
        }
    }

    /// Stops the churn.
    pub fn rest(&mut self) {
        self.is_quiet = true;
    }

    pub fn set_zone_quota(&self, record_sets: u32) {
        for replica in &self.running {
            replica.metrics.set_zone_quota(record_sets);
        }
    }

    /// Creates or changes an Ingress of the namespace `shop` that asks for `NAME.example.com`.
    pub fn set(&mut self, name: &str, address: &str, annotations: &Value) {
        self.set_in("shop", name, address, annotations);
    }

    /// The same in another namespace. Each object has a name of its own.
    pub fn set_in(&mut self, namespace: &str, name: &str, address: &str, annotations: &Value) {
        let object = ingress(namespace, name, address, annotations);
        self.tell_all(&resource(&object));
        self.objects.insert(name.to_owned(), object);
    }

    /// Runs for so many minutes, with churn, and scrapes both pods.
    pub fn run(&mut self, minutes: u64) {
        for _ in 0..minutes * 60 / EVERY {
            self.run_until(self.at(1));
            if !self.is_quiet {
                self.churn();
            }
            self.run_until(self.at(STEP));
            self.scrape_next();
            self.rounds += 1;
            self.run_until(self.at(0));
            self.scrape_next();
        }
    }

    /// Scrapes the pod whose turn it is.
    fn scrape_next(&mut self) {
        let pod = PODS[self.scrapes % PODS.len()];
        let replica = self.running.iter().find(|replica| replica.pod == pod);
        let answer = replica.map(|replica| replica.scrape(self.now));
        self.recording.scrape(pod, answer.as_deref());
        self.recording.step();
        self.scrapes += 1;
    }

    /// The time some seconds after the round began.
    fn at(&self, seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(self.rounds * EVERY + seconds)
    }

    fn run_until(&mut self, end: Time) {
        loop {
            let next = self.running.iter().filter_map(Replica::due).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            for at in 0..self.running.len() {
                if self.running[at].due().is_some_and(|due| due <= self.now) {
                    let input = self.running[at].take(self.now);
                    self.running[at].handle(input, &mut self.service, self.now);
                }
            }
        }
        self.now = end;
    }

    fn tell(&mut self, pod: &str, input: Input) {
        if let Some(replica) = self.running.iter_mut().find(|replica| replica.pod == pod) {
            replica.handle(input, &mut self.service, self.now);
        }
    }

    /// Moves one of eight hostnames, and creates one in every tenth round.
    fn churn(&mut self) {
        let round = self.rounds;
        // There are two addresses, so that few moves are distinct.
        let address = format!("198.51.100.{}", 1 + (round / 8) % 2);
        self.set(&format!("web-{}", round % 8), &address, &json!({}));
        if round.is_multiple_of(10) {
            self.set(&format!("new-{round}"), "192.0.2.99", &json!({}));
        }
    }
}

// === impl Replica ===

impl Replica {
    /// When it has something to do.
    fn due(&self) -> Option<Time> {
        self.answers.iter().map(|answer| answer.at).chain(self.keeper.wake_at()).min()
    }

    /// The next input: an answer, or that time has passed.
    fn take(&mut self, now: Time) -> Input {
        let Some(at) = self.answers.iter().position(|answer| answer.at <= now) else { return Input::Tick };
        let Answer { at, sent, operation, input } = self.answers.remove(at).unwrap();
        self.metrics.requested(operation, failure(&input), at - sent);
        input
    }

    fn handle(&mut self, input: Input, service: &mut Service, now: Time) {
        for effect in self.keeper.handle(input, now) {
            if let Effect::Report(report) = &effect {
                self.reporter.hear(report);
            } else if let Some((input, operation, after)) = service.answer(&effect) {
                self.answers.push_back(Answer { at: now + after, sent: now, operation, input });
            }
        }
    }

    fn scrape(&self, now: Time) -> String {
        let text = self.metrics.render(&Status::of(&self.keeper, now, unix(now))).unwrap();
        // The metrics of the process are those of the test.
        let is_start = |line: &&str| line.starts_with("process_start_time_seconds ");
        let start = text.lines().find(is_start).unwrap();
        text.replace(start, &format!("process_start_time_seconds {}", unix(self.started)))
    }
}

fn failure(input: &Input) -> Option<&Failure> {
    match input {
        Input::Page { answer: Err(failure), .. }
        | Input::Applied { answer: Err(failure), .. }
        | Input::Propagation { answer: Err(failure), .. }
        | Input::Counted(Err(failure)) => Some(failure),
        _ => None,
    }
}

/// The time of day. A time of zero would be none.
fn unix(time: Time) -> f64 {
    time.since_start().as_secs_f64() + 1.0
}

fn scope() -> Scope {
    Scope { resource: Resource::INGRESS, namespace: None }
}

fn resource(object: &Object) -> Input {
    let rules = Rules { publish: Publish::All, ..Rules::default() };
    Input::Resource { resource: object.resource_ref().unwrap(), reduced: object.reduce(&rules) }
}

fn ingress(namespace: &str, name: &str, address: &str, annotations: &Value) -> Object {
    let ingress: Ingress = serde_json::from_value(json!({
        "metadata": {
            "namespace": namespace, "name": name, "uid": format!("uid-{name}"), "annotations": annotations,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"rules": [{"host": format!("{name}.{APEX}")}]},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
    }))
    .unwrap();
    Object::Ingress(Box::new(ingress))
}
