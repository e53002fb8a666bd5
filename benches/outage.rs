//! Measures the time until a zone is right after an outage of Route 53.
//!
//! It uses the real program, a real control plane, and an emulated Route 53 that answers 503. Run it with
//! `make bench`, or with `cargo bench -p zonekeeper --bench outage`. The longer outage lasts a minute. The clock runs
//! from the end of the outage.
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

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use tokio::time::{interval, sleep};
use zonekeeper_emulator::faults::Effect;

use self::{
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::{CommandLine, Process},
    zone::{CHANGE, LIST, Zone},
};

/// Number of processes in each outage. They run at the same time.
const ROUNDS: usize = 5;
/// Time between two polls. It is the error of each measured time.
const LOOK: Duration = Duration::from_millis(10);

/// An outage.
#[derive(Clone, Copy)]
struct Outage {
    title: &'static str,
    /// Number of hostnames to write.
    hostnames: usize,
    /// Whether the records exist before the outage and their load balancer changes.
    is_change: bool,
    /// The operations that answer 503.
    operations: &'static [&'static str],
    lasts: Duration,
}

/// The outages. After some of them, ExternalDNS needed 576 s or did not recover.
const OUTAGES: [Outage; 4] = [
    Outage {
        title: "5 changes, 503 on every change",
        hostnames: 5,
        is_change: true,
        operations: &[CHANGE],
        lasts: Duration::from_secs(30),
    },
    Outage {
        title: "start with 100, 503 on every change",
        hostnames: 100,
        is_change: false,
        operations: &[CHANGE],
        lasts: Duration::from_mins(1),
    },
    Outage {
        title: "start with 100, 503 on every list and change",
        hostnames: 100,
        is_change: false,
        operations: &[LIST, CHANGE],
        lasts: Duration::from_mins(1),
    },
    Outage {
        title: "start with 100, 503 on everything",
        hostnames: 100,
        is_change: false,
        operations: &["GetHostedZone", LIST, CHANGE],
        lasts: Duration::from_mins(1),
    },
];

#[tokio::main]
async fn main() {
    let rounds = OUTAGES.iter().enumerate().map(|(number, outage)| async move {
        let shop = Namespace::new(&format!("outage-{number}")).await;
        for number in 0..outage.hostnames {
            let target = json!({"external-dns.kubernetes.io/target": BALANCER});
            shop.create_ingress(&format!("web-{number}"), &format!("web-{number}.example.test"), target)
                .await;
        }
        let mut rounds = outage.meet(&shop).await;
        rounds.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        rounds
    });
    let rounds = join_all(rounds).await;
    println!("{:<46}{:>8}{:>10}{:>10}{:>10}{:>10}", "", "lasts", "least", "median", "most", "requests");
    for (outage, rounds) in OUTAGES.iter().zip(rounds) {
        let of = |index: usize| format!("{:.2} s", rounds[index].0);
        let requests = rounds.iter().map(|(_, requests)| requests).max().unwrap();
        let lasts = format!("{} s", outage.lasts.as_secs());
        println!(
            "{:<46}{lasts:>8}{:>10}{:>10}{:>10}{requests:>10}",
            outage.title,
            of(0),
            of(ROUNDS / 2),
            of(ROUNDS - 1)
        );
    }
    println!("requests: the maximum that one process sent during the outage");
}

impl Outage {
    /// For each process: the seconds from the end of the outage until the zone was right, and the requests during it.
    async fn meet(self, shop: &Namespace) -> Vec<(f64, usize)> {
        let mut zones = Vec::new();
        for _ in 0..ROUNDS {
            zones.push(Zone::empty().await);
        }
        let mut processes = Vec::new();
        if self.is_change {
            for (round, zone) in zones.iter().enumerate() {
                processes.push(self.started(round, zone, shop).await);
                self.leads_to(zone, BALANCER).await;
            }
        }
        let before: Vec<usize> = zones.iter().map(requests).collect();
        for zone in &zones {
            self.operations
                .iter()
                .for_each(|operation| zone.disturb(operation, Effect::service_unavailable(), u32::MAX));
        }
        let end = Instant::now() + self.lasts;
        if self.is_change {
            for number in 0..self.hostnames {
                let target = json!({"external-dns.kubernetes.io/target": OTHER_BALANCER});
                shop.annotate_ingress(&format!("web-{number}"), target).await;
            }
        } else {
            for (round, zone) in zones.iter().enumerate() {
                processes.push(self.started(round, zone, shop).await);
            }
        }
        sleep(end - Instant::now()).await;
        let during = zones.iter().zip(before).map(|(zone, before)| requests(zone) - before);
        let during: Vec<usize> = during.collect();
        zones.iter().for_each(Zone::calm);
        let calm = Instant::now();
        let balancer = if self.is_change { OTHER_BALANCER } else { BALANCER };
        let waits = zones.iter().map(|zone| async move {
            self.leads_to(zone, balancer).await;
            calm.elapsed().as_secs_f64()
        });
        let seconds = join_all(waits).await;
        for process in processes {
            process.stop().await;
        }
        seconds.into_iter().zip(during).collect()
    }

    /// The process of a round, with its own owner id and its own Lease.
    async fn started(&self, round: usize, zone: &Zone, shop: &Namespace) -> Process {
        let command = CommandLine::of(zone, shop, &["run"]).await;
        command.env("ZONEKEEPER_OWNER_ID", format!("round-{round}")).start()
    }

    /// Waits until every hostname leads to a load balancer.
    async fn leads_to(&self, zone: &Zone, balancer: &str) {
        let begun = Instant::now();
        let leads = |zone: &Zone, number: usize| {
            let found = zone.alias(&format!("web-{number}.example.test"), "AAAA");
            found.is_some_and(|found| found.trim_end_matches('.') == balancer)
        };
        let mut look = interval(LOOK);
        while !(0..self.hostnames).all(|number| leads(zone, number)) {
            look.tick().await;
            assert!(begun.elapsed() < deadline::PATIENCE, "{}: it takes too long", self.title);
        }
    }
}

fn requests(zone: &Zone) -> usize {
    zone.requests_after(0).len()
}
