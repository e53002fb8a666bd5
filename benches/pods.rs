//! Measures the cost of pods for the core: time for each event, and memory for each pod.
//!
//! Run it with `make bench`, or with `cargo bench -p zonekeeper-core --bench pods`. A namespace has 10,000 pods. A headless
//! Service has 500 of them, each with a hostname, in five endpoint slices. A Service of type `NodePort` with the policy
//! Local selects the same 500. The zone is empty, and nothing is written: the time includes the joins and the plans.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a measurement stops at the first surprise, and is no interface"
)]

use std::{collections::BTreeSet, fs, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zonekeeper_core::{
    dns::{Name, Zone, ZoneId},
    keeper::{BrakeLimits, Config, Effect, Input, Keeper, Mode, Page, Quota, Time},
    plan::Settings,
    source::{Object, Received, Resource, Rules, Scope, ServiceRules, ServiceType},
};

const PODS: usize = 10_000;
/// The pods of the Services.
const SERVING: usize = 500;
/// Most endpoints in a slice, as the controller of Kubernetes creates them.
const SLICE: usize = 100;
const NODES: usize = 200;
/// The events of a round. There is an even number, so that the next round begins with a change as well.
const EVENTS: usize = 100;
/// The time that the rounds of a measurement take at least, in seconds. The system counts in milliseconds.
const ENOUGH: f64 = 0.5;

fn main() {
    let empty = memory();
    let mut cluster = Cluster::new();
    cluster.list(Resource::POD, (0..PODS).map(|number| pod(number, true, "")));
    let of_pods = memory() - empty;
    println!("{:<64}{:>9.1} MB", format!("memory of {PODS} pods"), of_pods / 1e6);
    cluster.list(Resource::NODE, (0..NODES).map(node));
    cluster.list(Resource::ENDPOINT_SLICE, (0..SERVING / SLICE).map(|number| slice(number, 0)));
    cluster.list(Resource::SERVICE, [headless(), node_port()]);
    cluster.settle();
    let all = memory() - empty;
    println!("{:<64}{:>9.1} MB", "memory with both Services, their plans and 200 nodes", all / 1e6);

    cluster.measure("a pod whose event changes no field in use", |time| pod(7, true, &format!("{time}")));
    cluster.measure("a pod that no Service looks up gets ready or not", |time| {
        pod(SERVING + 7, time % 2 == 0, "")
    });
    cluster.measure("a pod of both Services gets ready or not", |time| pod(7, time % 2 == 0, ""));
    cluster.measure("an endpoint of a slice gets another address", |time| slice(0, time + 1));
    cluster.measure("a node is drained or not", |time| drained(7, time % 2 == 0));
}

struct Cluster {
    keeper: Keeper,
    now: Time,
}

impl Cluster {
    fn new() -> Self {
        let config = Config {
            settings: Settings::new("bench".parse().unwrap()),
            scopes: [Resource::SERVICE, Resource::ENDPOINT_SLICE, Resource::POD, Resource::NODE]
                .map(|resource| Scope { resource, namespace: None })
                .to_vec(),
            mode: Mode::DryRun,
            quota: Quota::default(),
            resync: Duration::from_mins(30),
            vacancy: Duration::from_mins(10),
            brake: BrakeLimits::default(),
            seed: 1,
        };
        let zone = Zone::new(ZoneId::new("Z1").unwrap(), Name::from_hostname("example.com").unwrap());
        Self { keeper: Keeper::new(config, zone), now: Time::ZERO }
    }

    fn list(&mut self, resource: Resource, all: impl IntoIterator<Item = Received>) {
        let scope = Scope { resource, namespace: None };
        self.tell(Input::Listing(scope.clone()));
        for received in all {
            self.tell(seen(&received));
        }
        self.tell(Input::Listed(scope));
    }

    /// Handles an input. The zone is empty.
    fn tell(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for effect in self.keeper.handle(input, self.now) {
                match effect {
                    Effect::Read(read) => {
                        let page = Page { sets: Vec::new(), next: None };
                        inputs.push(Input::Page { id: read.id, answer: Ok(page) });
                    }
                    Effect::Count => inputs.push(Input::Counted(Ok(2))),
                    _ => {}
                }
            }
        }
    }

    /// Runs for a second, so that everything that changed is planned.
    fn settle(&mut self) {
        let end = self.now + Duration::from_secs(1);
        while let Some(wake) = self.keeper.wake_at().filter(|wake| *wake <= end) {
            self.now = self.now.max(wake);
            self.tell(Input::Tick);
        }
        self.now = end;
    }

    /// Prints the time of the processor for an event, until its plans are made: the mean of many events.
    fn measure(&mut self, what: &str, event: impl Fn(usize) -> Received) {
        let (mut events, mut spent) = (0_u32, 0.0);
        while spent < ENOUGH {
            let inputs: Vec<Input> = (0..EVENTS).map(|time| seen(&event(time))).collect();
            let begin = processor_time();
            for input in inputs {
                self.tell(input);
                self.settle();
                events += 1;
            }
            spent += processor_time() - begin;
        }
        println!("{what:<64}{:>9.1} us", spent * 1e6 / f64::from(events));
    }
}

fn seen(received: &Received) -> Input {
    let types = BTreeSet::from(ServiceType::ALL);
    let rules = Rules { services: ServiceRules { types, ..ServiceRules::default() }, ..Rules::default() };
    Input::Resource { resource: received.resource_ref().unwrap(), reduced: received.reduce(&rules) }
}

fn read<K: DeserializeOwned>(text: Value) -> K {
    serde_json::from_value(text).unwrap()
}

fn service(name: &str, spec: &Value) -> Received {
    let annotations = json!({"external-dns.kubernetes.io/hostname": format!("{name}.example.com")});
    let metadata = json!({"name": name, "namespace": "shop", "annotations": annotations});
    Object::Service(Box::new(read(json!({"metadata": metadata, "spec": spec})))).into()
}

fn headless() -> Received {
    service("web", &json!({"clusterIP": "None", "selector": {"app.kubernetes.io/name": "web"}}))
}

fn node_port() -> Received {
    let selector = json!({"app.kubernetes.io/name": "web"});
    service("nodes", &json!({"type": "NodePort", "externalTrafficPolicy": "Local", "selector": selector}))
}

/// A pod with the labels that a Helm chart and the controllers of Kubernetes give it.
fn pod(number: usize, is_ready: bool, message: &str) -> Received {
    let app = if number < SERVING { "web".to_owned() } else { format!("app-{}", number % 97) };
    let name = format!("{app}-{number}");
    let labels = json!({
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/instance": format!("{app}-production"),
        "app.kubernetes.io/version": "1.2.3",
        "app.kubernetes.io/managed-by": "Helm",
        "helm.sh/chart": format!("{app}-4.5.6"),
        "controller-revision-hash": format!("{app}-5d8f7c9b6d"),
        "statefulset.kubernetes.io/pod-name": name,
    });
    let conditions = json!([{"type": "Ready", "status": if is_ready { "True" } else { "False" }}]);
    Received::Pod(Box::new(read(json!({
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"hostname": name, "nodeName": node_name(number), "containers": []},
        "status": {"phase": "Running", "hostIP": "10.9.0.1", "conditions": conditions, "message": message},
    }))))
}

/// A slice whose first endpoint has an address of its own in each version.
fn slice(number: usize, version: usize) -> Received {
    let endpoint = |at: usize| {
        let pod = number * SLICE + at;
        let version = if at == 0 { version } else { 0 };
        json!({
            "addresses": [format!("10.{version}.{}.{}", pod / 250, pod % 250 + 1)],
            "targetRef": {"kind": "Pod", "name": format!("web-{pod}")},
        })
    };
    let endpoints: Vec<Value> = (0..SLICE).map(endpoint).collect();
    let labels = json!({"kubernetes.io/service-name": "web"});
    let metadata = json!({"name": format!("web-{number}"), "namespace": "shop", "labels": labels});
    Received::EndpointSlice(Box::new(read(json!({
        "metadata": metadata, "addressType": "IPv4", "endpoints": endpoints,
    }))))
}

fn node_name(number: usize) -> String {
    format!("ip-10-0-{}-1.eu-west-1.compute.internal", number % NODES)
}

fn node(number: usize) -> Received {
    drained(number, false)
}

fn drained(number: usize, is_drained: bool) -> Received {
    Received::Node(Box::new(read(json!({
        "metadata": {"name": node_name(number)},
        "spec": {"unschedulable": is_drained},
        "status": {"addresses": [{"type": "ExternalIP", "address": format!("203.0.{}.1", number % 250)}]},
    }))))
}

/// The time of the processor that this thread has used, in seconds (`/proc/pid/schedstat`, in nanoseconds).
fn processor_time() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// The memory of this process now, in bytes (`proc(5)`, `VmRSS`). None if the system does not report it.
fn memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes * 1024.0)
}
