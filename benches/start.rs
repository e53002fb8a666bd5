//! Measures the time from a start until the zone is right, with a real control plane and an emulated Route 53.
//!
//! Run it with `make bench`, or with `cargo bench -p zonekeeper --bench start -- 1000` for another number of
//! hostnames. Every hostname is an Ingress with a load balancer, which needs four record sets. The clock runs from
//! the start of the process. The emulator answers at once, and in a second run with the latency of Route 53.
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
    env,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use tokio::time::interval;
use zonekeeper_emulator::faults::Effect;

use self::{
    namespace::{BALANCER, Namespace},
    process::{CommandLine, Process},
    zone::{CHANGE, LIST, Zone},
};

/// Default number of hostnames.
const HOSTNAMES: usize = 100;
/// Number of measured starts.
const ROUNDS: usize = 15;
/// Time between two polls. It is the error of each measured time.
const LOOK: Duration = Duration::from_millis(1);
/// Observed latency of one request to Route 53 from an AWS region. AWS does not guarantee it.
const DISTANCE: Duration = Duration::from_millis(100);

/// The measurements, with their units.
const ROWS: [(&str, &str); 4] = [
    ("ready", "ms"),
    ("first record submitted", "ms"),
    ("all records submitted", "ms"),
    ("peak memory", "MB"),
];

#[tokio::main]
async fn main() {
    let hostnames = env::args().find_map(|argument| argument.parse().ok()).unwrap_or(HOSTNAMES);
    let shop = Namespace::new("start").await;
    for number in 0..hostnames {
        shop.create_balanced_ingress(&format!("web-{number}"), &hostname(number), BALANCER).await;
    }
    for distance in [Duration::ZERO, DISTANCE] {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(start(&shop, hostnames, distance).await);
        }
        println!(
            "{hostnames} hostnames, Route 53 answers after {} ms, {ROUNDS} starts",
            distance.as_millis()
        );
        println!("{:<28}{:>10}{:>10}{:>10}", "", "least", "median", "most");
        for (row, (title, unit)) in ROWS.iter().enumerate() {
            let mut figures: Vec<f64> = rounds.iter().map(|round| round[row]).collect();
            figures.sort_by(f64::total_cmp);
            let of = |index: usize| format!("{:.1} {unit}", figures[index]);
            println!("{title:<28}{:>10}{:>10}{:>10}", of(0), of(ROUNDS / 2), of(ROUNDS - 1));
        }
        println!();
    }
}

/// The number of record sets, with NS and SOA.
fn size(zone: &Zone) -> usize {
    let mut size = 0;
    zone.alter(|zone| size = zone.len());
    size
}

/// The figures of one start, in the order and units of [`ROWS`].
async fn start(shop: &Namespace, hostnames: usize, distance: Duration) -> [f64; 4] {
    let zone = Zone::empty().await;
    // AWS raises the quota of a zone on request.
    zone.alter(|zone| zone.record_limit = usize::MAX);
    let before = size(&zone);
    for operation in ["GetHostedZone", LIST, CHANGE] {
        zone.disturb(operation, Effect::latency(distance), u32::MAX);
    }
    let probes = free_port();
    let command = CommandLine::of(&zone, shop, &["run"]).await;
    let command = command.env("ZONEKEEPER_METRICS_ADDRESS", probes.to_string());

    // The quota of the account allows about 37 hostnames a second: each needs four changes.
    let patience = deadline::PATIENCE + Duration::from_millis(30 * hostnames as u64);
    let begin = Instant::now();
    let zonekeeper = command.start();
    let since = || begin.elapsed().as_secs_f64() * 1e3;
    let (mut ready, mut first, mut all) = (None, None, None);
    let mut look = interval(LOOK);
    while ready.is_none() || all.is_none() {
        look.tick().await;
        if ready.is_none() && http::get(probes, "/readyz").await.is_ok_and(|answer| answer.status == 200) {
            ready = Some(since());
        }
        let submitted = if all.is_none() { size(&zone) - before } else { 0 };
        if submitted > 0 && first.is_none() {
            first = Some(since());
        }
        if submitted == hostnames * 4 {
            all = Some(since());
        }
        assert!(begin.elapsed() < patience, "{ready:?} {first:?} {all:?}");
    }
    let memory = peak_memory(&zonekeeper);
    zonekeeper.stop().await;
    [ready.unwrap(), first.unwrap(), all.unwrap(), memory]
}

fn hostname(number: usize) -> String {
    format!("web-{number}.example.test")
}

fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The peak of memory of a process, in megabytes (`proc(5)`, `VmHWM`).
fn peak_memory(process: &Process) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() * 1024.0 / 1e6
}
