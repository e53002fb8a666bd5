//! Measures a restart on a zone that is right, under the quota of an AWS account.
//!
//! Run it with `make bench`, or with `cargo bench -p zonekeeper --bench restart -- 1000` for another number of hostnames.
//! Every hostname has four record sets. The clock runs from the start of the process until `/readyz` answers 200. The
//! account's buckets of tokens are full at first; then the process is killed and starts again at once, with what its
//! first listing has left. The figures are the time, and the requests that were sent and throttled.
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

use futures::{StreamExt as _, stream};
use rustix::process::Signal;
use serde_json::json;
use tokio::time::interval;
use zonekeeper_emulator::{faults::Effect, quota::Quota};

use self::{
    namespace::{BALANCER, Namespace},
    process::{CommandLine, Process},
    zone::{CHANGE, LIST, Zone},
};

/// Default number of hostnames.
const HOSTNAMES: usize = 10_000;
/// Number of measured restarts of each kind.
const ROUNDS: usize = 5;
/// Time between two polls. It is the error of each measured time.
const LOOK: Duration = Duration::from_millis(5);
/// Latencies of one request to Route 53. From an AWS region about 20 to 100 ms were observed. AWS guarantees none.
const DISTANCES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(20), Duration::from_millis(60)];

#[tokio::main]
async fn main() {
    let hostnames = env::args().find_map(|argument| argument.parse().ok()).unwrap_or(HOSTNAMES);
    let (zone, shop) = (Zone::empty().await, Namespace::new("restart").await);
    let create = async |number: usize| {
        let target = json!({"external-dns.kubernetes.io/target": BALANCER});
        shop.create_ingress(&format!("web-{number}"), &format!("web-{number}.example.test"), target).await;
    };
    stream::iter(0..hostnames).for_each_concurrent(8, create).await;
    zone.alter(|zone| zone.record_limit = usize::MAX);
    CommandLine::of(
        &zone,
        &shop,
        &["run", "--once", "--account-changes", "unlimited", "--account-requests", "unlimited"],
    )
    .await
    .succeed()
    .await;
    println!("{hostnames} hostnames, {} record sets, {ROUNDS} restarts of each kind", zone.sets().len());
    println!("{:<44}{:>9}{:>9}{:>9}{:>10}{:>10}", "", "least", "median", "most", "requests", "throttled");
    for distance in DISTANCES {
        zone.calm();
        for operation in ["GetHostedZone", LIST, CHANGE] {
            zone.disturb(operation, Effect::latency(distance), u32::MAX);
        }
        let (mut rested, mut again) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            zone.set_quota(Quota::account());
            rested.push(restart(&zone, &shop).await);
            again.push(restart(&zone, &shop).await);
        }
        let distance = distance.as_millis();
        show(&format!("quota unused, an answer after {distance} ms"), rested);
        show(&format!("just after that, an answer after {distance} ms"), again);
    }
}

/// The seconds until a new process is ready, and the numbers of its requests and of the throttled ones.
async fn restart(zone: &Zone, shop: &Namespace) -> (f64, usize, usize) {
    let probes = free_port();
    let command = CommandLine::of(zone, shop, &["run"]).await;
    let command = command.env("ZONEKEEPER_METRICS_ADDRESS", probes.to_string());
    let before = zone.journal().requests.len();
    let begin = Instant::now();
    let zonekeeper = command.start();
    let mut look = interval(LOOK);
    while !http::get(probes, "/readyz").await.is_ok_and(|answer| answer.status == 200) {
        look.tick().await;
        assert!(begin.elapsed() < deadline::PATIENCE, "it is not ready");
    }
    let seconds = begin.elapsed().as_secs_f64();
    kill(zonekeeper).await;
    let requests = zone.requests_after(before);
    let throttled = requests.iter().filter(|request| request.error.as_deref() == Some("Throttling")).count();
    (seconds, requests.len(), throttled)
}

async fn kill(process: Process) {
    process.signal(Signal::KILL);
    process.end().await;
}

fn show(title: &str, mut rounds: Vec<(f64, usize, usize)>) {
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let of = |index: usize| format!("{:.1} s", rounds[index].0);
    let most = |figure: fn(&(f64, usize, usize)) -> usize| rounds.iter().map(figure).max().unwrap();
    let (requests, throttled) = (most(|round| round.1), most(|round| round.2));
    println!(
        "{title:<44}{:>9}{:>9}{:>9}{requests:>10}{throttled:>10}",
        of(0),
        of(ROUNDS / 2),
        of(ROUNDS - 1)
    );
}

fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
