//! Counts the requests of a leader and of a standby while hostnames appear.
//!
//! Run it with `make bench`, or with `cargo bench -p zonekeeper --bench standby -- 1000` for another number of hostnames.
//! Two processes run. When all hostnames are written, six new ones appear within two and a half minutes. Each process has
//! an access key of its own, so the emulator knows who asks.
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

use std::{env, time::Duration};

use futures::{StreamExt as _, stream};
use serde_json::json;
use tokio::time::sleep;

use self::{
    namespace::{BALANCER, Namespace},
    process::{ACCESS_KEY, CommandLine},
    zone::Zone,
};

/// Default number of hostnames.
const HOSTNAMES: usize = 3_000;
/// Number of new hostnames.
const NEW: usize = 6;
/// The time between two of them.
const BETWEEN: Duration = Duration::from_secs(25);
/// The access key of the standby.
const STANDBY: &str = "AKIASTANDBY";

#[tokio::main]
async fn main() {
    let hostnames = env::args().find_map(|argument| argument.parse().ok()).unwrap_or(HOSTNAMES);
    let (zone, shop) = (Zone::empty().await, Namespace::new("standby").await);
    let create = async |number: usize| {
        let target = json!({"external-dns.kubernetes.io/target": BALANCER});
        shop.create_ingress(&format!("web-{number}"), &format!("web-{number}.example.test"), target).await;
    };
    stream::iter(0..hostnames).for_each_concurrent(8, create).await;
    zone.alter(|zone| zone.record_limit = usize::MAX);
    let unlimited = ["run", "--account-changes", "unlimited"];
    let mut leader = CommandLine::of(&zone, &shop, &unlimited).await.start();
    leader.until_zone(&zone, "all records", |zone| zone.sets().len() == hostnames * 4).await;
    let mut standby = CommandLine::of(&zone, &shop, &unlimited).await.keys(STANDBY).start();
    standby.is_ready().await;
    let before = zone.journal().requests.len();
    for number in hostnames..hostnames + NEW {
        create(number).await;
        sleep(BETWEEN).await;
    }
    assert_eq!(zone.sets().len(), (hostnames + NEW) * 4);
    standby.measures("zonekeeper_hostnames{state=\"pending\"}", "0").await;
    let requests = zone.requests_after(before);
    println!(
        "{hostnames} hostnames, {NEW} new ones in {} s: requests to Route 53",
        BETWEEN.as_secs() * NEW as u64
    );
    println!("{:<28}{:>8}{:>8}", "", "leader", "standby");
    let mut operations: Vec<&str> = requests.iter().map(|request| &*request.operation).collect();
    operations.sort_unstable();
    operations.dedup();
    for operation in operations {
        let of = |key: &str| requests.iter().filter(|request| is_from(request, key, operation)).count();
        println!("{operation:<28}{:>8}{:>8}", of(ACCESS_KEY), of(STANDBY));
    }
    leader.stop().await;
    standby.stop().await;
}

fn is_from(request: &zonekeeper_emulator::journal::Request, key: &str, operation: &str) -> bool {
    request.access_key.as_deref() == Some(key) && request.operation == operation
}
