//! Measures the growth of time and memory with the number of hostnames, for the core without network and disk.
//!
//! Run it with `make bench`, or with `cargo bench -p zonekeeper-core --bench plan -- 1000 50000` for other sizes.
//! Each size has its own process, so that its memory is separate. The memory includes the emulated zone. Every
//! hostname is an Ingress with a load balancer, which needs four record sets. Two rows show other shapes: 500
//! hostnames per Ingress, and 100 set identifiers per hostname, each of another Ingress.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a measurement stops at the first surprise, and is no interface"
)]

use std::{
    collections::VecDeque,
    env, fs,
    hint::black_box,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use k8s_openapi::api::networking::v1::Ingress;
use zonekeeper_core::{
    dns::{Name, Policy, RecordSet, Routing, Rule, SetId, Zone, ZoneId},
    keeper::{
        BrakeLimits, ChangeId, Completion, Config, Cursor, Effect, Input, Keeper, Mode, Page, Quota, Read,
        Time,
    },
    plan::{History, Plan, Settings, View},
    source::{ClaimKey, Claims, Endpoint, Object, Publish, Resource, Rules, Scope},
};

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
/// The argument of a process that measures one size and prints only figures.
const ALONE: &str = "PLAN_BENCH_ALONE";
/// Number of repetitions of short measurements. The result is the median.
const TIMES: usize = 5;
/// Maximum of record sets on a page of Route 53.
const PAGE: usize = 300;

/// The measurements, with their units.
const COLUMNS: [(&str, Unit); 9] = [
    ("claims", Unit::Millis),
    ("plan, empty zone", Unit::Millis),
    ("plan, in sync", Unit::Millis),
    ("plan, 500 per object", Unit::Millis),
    ("plan, 100 per hostname", Unit::Millis),
    ("keeper, from empty", Unit::Millis),
    ("keeper, from in sync", Unit::Millis),
    ("keeper, one change", Unit::Micros),
    ("peak memory", Unit::Megabytes),
];

#[derive(Clone, Copy)]
enum Unit {
    Millis,
    Micros,
    Megabytes,
}

fn main() {
    let sizes: Vec<usize> = env::args().filter_map(|argument| argument.parse().ok()).collect();
    if let (Some(_), [size]) = (env::var_os(ALONE), sizes.as_slice()) {
        return println!("{}", measure(*size).map(|figure| figure.to_string()).join(" "));
    }
    let sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes };
    let figures: Vec<Vec<f64>> = sizes.iter().map(|size| measure_alone(*size)).collect();
    print!("{:<24}", "hostnames");
    for (column, size) in sizes.iter().enumerate() {
        print!("{size:>14}{}", if column == 0 { "" } else { "  growth" });
    }
    println!();
    for (row, (title, unit)) in COLUMNS.iter().enumerate() {
        print!("{title:<24}");
        let mut before = None;
        for of_size in &figures {
            let figure = of_size.get(row).copied().unwrap_or(f64::NAN);
            print!("{:>14}", unit.show(figure));
            if let Some(before) = before.replace(figure) {
                print!("{:>7.1}x", figure / before);
            }
        }
        println!();
    }
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Self::Millis => format!("{:.1} ms", figure * 1e3),
            Self::Micros => format!("{:.0} us", figure * 1e6),
            Self::Megabytes => format!("{:.1} MB", figure / 1e6),
        }
    }
}

fn measure_alone(size: usize) -> Vec<f64> {
    let mut command = Command::new(env::current_exe().unwrap());
    let output = command.arg(size.to_string()).env(ALONE, "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().map(|figure| figure.parse().unwrap()).collect()
}

/// The figures of one size, in seconds and bytes.
fn measure(size: usize) -> [f64; 9] {
    let settings = settings();
    let empty = Zone::new(ZoneId::new("Z0123456789").unwrap(), Name::from_hostname("example.com").unwrap());

    // The keeper comes first, so that the peak of memory is that of the keeper.
    let mut world = World::new(empty.clone(), &settings);
    let from_empty = world.start(size);
    assert_eq!(world.zone.len(), size * 4);
    let changes: Vec<f64> = (0..TIMES).map(|time| world.change(size / 2, &format!("web{time}"))).collect();
    let memory = peak_memory();
    world.change(size / 2, "web");
    let full = world.zone;
    drop(world.keeper);
    let mut world = World::new(full.clone(), &settings);
    let from_in_sync = world.start(size);
    assert_eq!(world.batches, 0);
    drop(world);

    let objects: Vec<Object> = (0..size).map(|number| ingress(number, "web")).collect();
    let (claims_in, one_each) = median(|| claims(&empty, &objects));
    let plan_of = |claims: &Claims, zone: &Zone| {
        median(|| Plan::new(&View::new(zone, claims, &settings, &History::default())))
    };
    let (empty_in, plan) = plan_of(&one_each, &empty);
    assert_eq!(plan.units.len(), size);
    let (in_sync_in, plan) = plan_of(&one_each, &full);
    assert_eq!((plan.units.len(), plan.in_sync), (0, size));
    let hosts: Vec<String> = (0..size).map(host).collect();
    let objects: Vec<Object> = hosts
        .chunks(500)
        .enumerate()
        .map(|(number, hosts)| object(number, number % 97, hosts, "web"))
        .collect();
    let (per_object_in, plan) = plan_of(&claims(&empty, &objects), &empty);
    assert_eq!(plan.units.len(), size);
    let (per_host_in, plan) = plan_of(&weighted_claims(&empty, size), &empty);
    assert_eq!(plan.units.len(), size);
    [
        claims_in,
        empty_in,
        in_sync_in,
        per_object_in,
        per_host_in,
        from_empty,
        from_in_sync,
        middle(changes),
        memory,
    ]
}

/// A keeper and a zone that answers at once, with virtual time.
struct World {
    keeper: Keeper,
    zone: Zone,
    now: Time,
    /// The time that the keeper used.
    spent: Duration,
    batches: u64,
}

impl World {
    fn new(zone: Zone, settings: &Settings) -> Self {
        let config = Config {
            settings: settings.clone(),
            scopes: vec![scope()],
            mode: Mode::Apply,
            quota: Quota { requests: None, changes: None, ..Quota::default() },
            resync: Duration::from_mins(30),
            vacancy: Duration::from_mins(10),
            brake: BrakeLimits::default(),
            seed: 1,
        };
        let keeper = Keeper::new(config, Zone::new(zone.id().clone(), zone.apex().clone()));
        Self { keeper, zone, now: Time::ZERO, spent: Duration::ZERO, batches: 0 }
    }

    /// Runs from the first object to a complete zone.
    fn start(&mut self, size: usize) -> f64 {
        self.tell(Input::Leadership { until: Time::NEVER });
        self.tell(Input::Listing(scope()));
        for number in 0..size {
            self.tell(facts(&ingress(number, "web")));
        }
        self.tell(Input::Listed(scope()));
        self.settle()
    }

    /// Runs from a changed load balancer to the accepted batch.
    fn change(&mut self, number: usize, balancer: &str) -> f64 {
        let batches = self.batches;
        self.spent = Duration::ZERO;
        self.tell(facts(&ingress(number, balancer)));
        let spent = self.settle();
        assert_eq!(self.batches, batches + 1);
        spent
    }

    fn settle(&mut self) -> f64 {
        while self.keeper.completion(self.now) == Completion::Working {
            self.now = self.keeper.wake_at().unwrap().max(self.now);
            self.tell(Input::Tick);
        }
        self.spent.as_secs_f64()
    }

    fn tell(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let begin = Instant::now();
            let effects = self.keeper.handle(input, self.now);
            self.spent += begin.elapsed();
            inputs.extend(effects.into_iter().filter_map(|effect| self.answer(effect)));
        }
    }

    fn answer(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Read(read) => Some(Input::Page { id: read.id, answer: Ok(self.page(&read)) }),
            Effect::Apply(apply) => {
                self.batches += 1;
                for change in apply.batch.changes() {
                    self.zone.put(change.after().clone());
                }
                Some(Input::Applied { id: apply.id, answer: Ok(ChangeId(self.batches.to_string().into())) })
            }
            Effect::AskPropagation(change) => Some(Input::Propagation { change, answer: Ok(true) }),
            Effect::Count => Some(Input::Counted(Ok(u64::try_from(self.zone.len()).unwrap()))),
            Effect::Report(_) | Effect::Remember(_) | Effect::Publish(_) => None,
        }
    }

    fn page(&self, read: &Read) -> Page {
        let most = PAGE.min(usize::from(read.max_items));
        let from = read.start.as_ref().map_or(self.zone.apex(), |cursor| &cursor.name);
        let skip = |set: &&RecordSet| {
            let Some(Cursor { name, rtype: Some(rtype), .. }) = &read.start else { return false };
            set.name() == name && set.rtype() < rtype
        };
        let mut sets = self.zone.names_from(from).flat_map(|(_, sets)| sets).skip_while(skip);
        let page = sets.by_ref().take(most).cloned().collect();
        let next = sets.next().map(|set| Cursor {
            name: set.name().clone(),
            rtype: Some(set.rtype().clone()),
            set_id: None,
        });
        Page { sets: page, next }
    }
}

fn settings() -> Settings {
    Settings::new("bench".parse().unwrap())
}

fn scope() -> Scope {
    Scope { resource: Resource::INGRESS, namespace: None }
}

fn host(number: usize) -> String {
    format!("web-{number}.team-{}.example.com", number % 97)
}

/// An Ingress with one hostname.
fn ingress(number: usize, balancer: &str) -> Object {
    object(number, number % 97, &[host(number)], balancer)
}

fn object(number: usize, team: usize, hosts: &[String], balancer: &str) -> Object {
    let rules: Vec<_> = hosts.iter().map(|host| serde_json::json!({ "host": host })).collect();
    let object: Ingress = serde_json::from_value(serde_json::json!({
        "metadata": {"namespace": format!("team-{team}"), "name": format!("web-{number}"), "uid": number.to_string()},
        "spec": {"rules": rules},
        "status": {"loadBalancer": {"ingress": [
            {"hostname": format!("{balancer}-{number}.eu-west-1.elb.amazonaws.com")}
        ]}},
    }))
    .unwrap();
    Object::Ingress(Box::new(object))
}

fn facts(object: &Object) -> Input {
    Input::Resource {
        resource: object.resource_ref().unwrap(),
        reduced: object.reduce(&Rules { publish: Publish::All, ..Rules::default() }),
    }
}

fn claims(zone: &Zone, objects: &[Object]) -> Claims {
    let mut claims = Claims::new(zone.apex().clone());
    for object in objects {
        claims.set(&object.id().unwrap(), object.facts(&Rules { publish: Publish::All, ..Rules::default() }));
    }
    claims
}

/// Claims on `size` keys: each hostname has 100 set identifiers, of 100 objects of one namespace.
fn weighted_claims(zone: &Zone, size: usize) -> Claims {
    let mut claims = Claims::new(zone.apex().clone());
    for number in 0..size {
        let host_number = number / 100;
        let object = object(number, host_number % 97, &[host(host_number)], "web");
        let mut facts = object.facts(&Rules { publish: Publish::All, ..Rules::default() }).unwrap();
        let policy = Policy { rule: Some(Rule::Weight(1)), health_check: None };
        let routing = Routing::Policy(Arc::new(policy));
        for endpoint in &mut facts.endpoints {
            let key = ClaimKey { set_id: Some(SetId::new(&number.to_string())), ..endpoint.key.clone() };
            *endpoint = Arc::new(Endpoint { key, routing: routing.clone(), ..Endpoint::clone(endpoint) });
        }
        claims.set(&object.id().unwrap(), Some(facts));
    }
    claims
}

/// The median of several runs in seconds, and the result of the last run.
fn median<T>(mut run: impl FnMut() -> T) -> (f64, T) {
    let mut timed = || {
        let begin = Instant::now();
        let result = black_box(run());
        (begin.elapsed().as_secs_f64(), result)
    };
    let mut seconds: Vec<f64> = (1..TIMES).map(|_| timed().0).collect();
    let (last, result) = timed();
    seconds.push(last);
    (middle(seconds), result)
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The peak of memory of this process, in bytes (`proc(5)`, `VmHWM`). None if the system does not report it.
fn peak_memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes * 1024.0)
}
