//! Measures zonekeeper, and ExternalDNS under the same conditions in the same run, with a real control plane and an
//! emulated Route 53.
//!
//! Run it with `make bench`. `EXTERNAL_DNS=path` names a binary of ExternalDNS to measure beside zonekeeper. `cargo bench -p
//! zonekeeper --bench comparison -- 1000` measures one number of hostnames. docs/explain/performance.md explains the
//! table.
//!
//! Every hostname is an Ingress with a load balancer, with the annotations and managed fields of a real one. It needs four
//! record sets. Route 53 has no quota here, and answers at once or after [`DISTANCE`].
#![allow(
    dead_code,
    reason = "the modules are those of the process tests, and a measurement needs less of them"
)]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a measurement stops at the first surprise, and so do the modules that it shares"
)]

include!("shared/modules.rs");

use std::{
    env, fmt,
    path::PathBuf,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use k8s_openapi::api::networking::v1::Ingress;
use serde_json::json;
use tokio::time::{interval, sleep};
use zonekeeper_emulator::faults::Effect;

use self::{
    control_plane::ControlPlane,
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::{CommandLine, Process},
    zone::{CHANGE, LIST, NAME, Zone},
};

/// Default numbers of hostnames.
const HOSTNAMES: [usize; 3] = [100, 1_000, 10_000];
/// Number of measured single changes.
const CHANGES: usize = 5;
/// Time between two polls. It is the error of each measured time.
const LOOK: Duration = Duration::from_millis(1);
/// Observed latency of one request to Route 53 from an AWS region. AWS does not guarantee it.
const DISTANCE: Duration = Duration::from_millis(100);
/// How long an idle process is watched.
const IDLE: Duration = Duration::from_mins(1);
/// The longest time that a measurement may take.
const LIMIT: Duration = Duration::from_mins(10);
/// How many objects are created at the same time.
const AT_ONCE: usize = 16;

/// The measurements, with their units.
const ROWS: [(&str, &str); 6] = [
    ("all records of an empty zone", "s"),
    ("one change", "ms"),
    ("one change, Route 53 100 ms away", "ms"),
    ("requests in an idle minute", ""),
    ("processor in an idle minute", "ms"),
    ("peak memory", "MiB"),
];

/// A program to measure.
enum Program {
    Zonekeeper,
    /// The binary, and more arguments.
    ExternalDns(PathBuf, &'static [&'static str]),
}

#[tokio::main]
async fn main() {
    let chosen = env::args().find_map(|argument| argument.parse().ok());
    let mut programs = vec![Program::Zonekeeper];
    if let Some(path) = env::var_os("EXTERNAL_DNS") {
        programs.push(Program::ExternalDns(path.clone().into(), &[]));
        programs.push(Program::ExternalDns(path.into(), &["--events"]));
    } else {
        eprintln!("ExternalDNS is not measured: EXTERNAL_DNS=path names its binary");
    }
    for hostnames in chosen.map_or(HOSTNAMES.to_vec(), |chosen| vec![chosen]) {
        let shop = Namespace::new(&format!("comparison-{hostnames}")).await;
        stream::iter(0..hostnames)
            .for_each_concurrent(AT_ONCE, async |number| create(&shop, number).await)
            .await;
        let mut columns = Vec::new();
        for program in &programs {
            columns.push(measure(program, &shop, hostnames).await);
            eprintln!("{hostnames} hostnames: {program} is measured");
        }
        print(hostnames, &programs, &columns);
    }
}

/// Prints a table in Markdown. Each figure of another program has the ratio to the figure of zonekeeper.
fn print(hostnames: usize, programs: &[Program], columns: &[[f64; 6]]) {
    let titles: Vec<String> = programs.iter().map(Program::to_string).collect();
    println!("| {hostnames} hostnames | {} |\n|---|{}", titles.join(" | "), "---|".repeat(programs.len()));
    for (row, (title, unit)) in ROWS.iter().enumerate() {
        let own = columns[0][row];
        let cell = |(at, figures): (usize, &[f64; 6])| {
            let figure = format!("{:.*} {unit}", usize::from(figures[row] < 100.0), figures[row]);
            let ratio = (at > 0 && own > 0.0).then(|| format!(" (×{:.1})", figures[row] / own));
            format!("{}{}", figure.trim_end(), ratio.unwrap_or_default())
        };
        let cells: Vec<String> = columns.iter().enumerate().map(cell).collect();
        println!("| {title} | {} |", cells.join(" | "));
    }
    println!();
}

/// Creates an Ingress as a controller of load balancers leaves it.
async fn create(shop: &Namespace, number: usize) {
    let (name, host) = (name(number), hostname(number));
    let backend = json!({"service": {"name": &name, "port": {"number": 80}}});
    let rule =
        json!({"host": &host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}});
    let annotations = json!({
        "alb.ingress.kubernetes.io/certificate-arn": "arn:aws:acm:eu-west-1:123456789012:certificate/0123456789abcdef",
        "alb.ingress.kubernetes.io/healthcheck-path": "/healthz",
        "alb.ingress.kubernetes.io/listen-ports": "[{\"HTTP\": 80}, {\"HTTPS\": 443}]",
        "alb.ingress.kubernetes.io/scheme": "internet-facing",
        "alb.ingress.kubernetes.io/target-type": "ip",
        "kubectl.kubernetes.io/last-applied-configuration": json!({"spec": {"rules": [&rule]}}).to_string(),
    });
    let labels =
        json!({"app.kubernetes.io/name": &name, "app.kubernetes.io/managed-by": "Helm", "team": "shop"});
    shop.create::<Ingress>(json!({
        "metadata": {"name": &name, "labels": labels, "annotations": annotations},
        "spec": {"ingressClassName": "alb", "rules": [rule], "tls": [{"hosts": [&host]}]},
    }))
    .await;
    shop.set_address::<Ingress>(&name, json!({"hostname": BALANCER})).await;
}

/// The figures of one program, in the order and units of [`ROWS`].
async fn measure(program: &Program, shop: &Namespace, hostnames: usize) -> [f64; 6] {
    let zone = Zone::empty().await;
    // AWS raises the quota of a zone on request.
    zone.alter(|zone| zone.record_limit = usize::MAX);
    let before = size(&zone);
    let begin = Instant::now();
    let running = program.command(&zone, shop).await.start();
    until("all records are there", || size(&zone) - before == hostnames * 4).await;
    let all = begin.elapsed().as_secs_f64();
    // The objects are measured as they settle: the first loop of ExternalDNS ends later.
    sleep(Duration::from_secs(2)).await;
    let near = changes(shop, &zone, hostnames).await;
    let (asked, used) = (zone.journal().requests.len(), processor(&running));
    sleep(IDLE).await;
    let idle = float(zone.journal().requests.len() - asked);
    let processor = processor(&running) - used;
    for operation in ["GetHostedZone", "ListHostedZones", LIST, CHANGE] {
        zone.disturb(operation, Effect::latency(DISTANCE), u32::MAX);
    }
    let far = changes(shop, &zone, hostnames).await;
    let memory = peak_memory(&running);
    // No other process needs the Lease of zonekeeper.
    drop(running.kill().await);
    [all, near, far, idle, processor, memory]
}

/// The median time of single changes, in milliseconds: from the change of an object until Route 53 has accepted the records.
async fn changes(shop: &Namespace, zone: &Zone, hostnames: usize) -> f64 {
    let mut times = Vec::new();
    for round in 0..CHANGES {
        let number = round * hostnames / CHANGES;
        let old = zone.alias(&hostname(number), "A").unwrap();
        let new = if old.contains("0123456789") { OTHER_BALANCER } else { BALANCER };
        let begin = Instant::now();
        shop.set_address::<Ingress>(&name(number), json!({"hostname": new})).await;
        until("the change is accepted", || zone.alias(&hostname(number), "AAAA").unwrap().contains(new))
            .await;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
        // The changes do not come at the same time of an interval.
        sleep(Duration::from_millis(1_300)).await;
    }
    times.sort_by(f64::total_cmp);
    times[CHANGES / 2]
}

async fn until(what: &str, is_reached: impl Fn() -> bool) {
    let begin = Instant::now();
    let mut look = interval(LOOK);
    while !is_reached() {
        assert!(begin.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        look.tick().await;
    }
}

/// The number of record sets, with NS and SOA.
fn size(zone: &Zone) -> usize {
    let mut size = 0;
    zone.alter(|zone| size = zone.len());
    size
}

fn float(number: impl TryInto<u32>) -> f64 {
    number.try_into().unwrap_or_else(|_| panic!("the number is too large")).into()
}

fn entry(running: &Process) -> procfs::process::Process {
    procfs::process::Process::new(running.id().try_into().unwrap()).unwrap()
}

/// The peak of resident memory, in MiB (`proc(5)`, `VmHWM`).
fn peak_memory(running: &Process) -> f64 {
    float(entry(running).status().unwrap().vmhwm.unwrap()) / 1024.0
}

/// The time of a processor that a process has used, in milliseconds.
fn processor(running: &Process) -> f64 {
    let stat = entry(running).stat().unwrap();
    float((stat.utime + stat.stime) * 1_000 / procfs::ticks_per_second())
}

fn name(number: usize) -> String {
    format!("web-{number}")
}

fn hostname(number: usize) -> String {
    format!("web-{number}.{NAME}")
}

// === impl Program ===

impl Program {
    async fn command(&self, zone: &Zone, shop: &Namespace) -> CommandLine {
        match self {
            Self::Zonekeeper => {
                let unlimited = ["run", "--account-requests", "unlimited", "--account-changes", "unlimited"];
                CommandLine::of(zone, shop, &unlimited).await
            }
            Self::ExternalDns(path, more) => {
                let plane = ControlPlane::shared().await;
                let kubeconfig = plane.administrator().display().to_string();
                CommandLine::of_program(path)
                    .route53(&zone.url())
                    .keys("AKIAEXTERNALDNS")
                    .args(&[
                        "--provider=aws",
                        "--registry=txt",
                        "--txt-owner-id=tests",
                        "--policy=upsert-only",
                    ])
                    // Its defaults wait a second between two batches, and limit the requests to the API server.
                    .args(&["--source=ingress", "--aws-batch-change-interval=0s", "--kube-api-qps=100"])
                    .args(&["--domain-filter", NAME, "--namespace", shop.name(), "--kubeconfig", &kubeconfig])
                    .args(&["--metrics-address=127.0.0.1:0"])
                    .args(more)
            }
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zonekeeper => f.write_str("zonekeeper"),
            Self::ExternalDns(_, []) => f.write_str("ExternalDNS"),
            Self::ExternalDns(_, more) => write!(f, "ExternalDNS {}", more.join(" ")),
        }
    }
}
