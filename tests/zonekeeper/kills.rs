//! `kill -9` at random moments: no hostname has only a part of its records.

use std::{
    collections::BTreeMap,
    env, fmt,
    ops::Range,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::{StreamExt, stream};
use serde_json::json;
use tokio::time::sleep;
use zonekeeper_emulator::{
    faults::{Effect, Fault, Faults},
    journal::Request,
    quota::{Bucket, Quota, Rate},
    zone::{Action, RecordSet},
};

use crate::{
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::{CommandLine, Process},
    zone::{CHANGE, LIST, Zone},
};

/// The number of hostnames. Each has its own Ingress and four record sets.
const HOSTNAMES: usize = 1_000;
/// The number of kills while one zone converges. The first half comes while hostnames are created. The second
/// half comes while load balancers change.
const ROUNDS: usize = 10;
/// The number of objects that the test writes at the same time.
const AT_ONCE: usize = 16;
/// The latency of a change request. Most kills come during this time.
const CHANGE_LATENCY: Duration = Duration::from_millis(150);
/// The latency of a page of the listing.
const LIST_LATENCY: Duration = Duration::from_millis(20);
/// The time limit of a process that is not killed. It bounds a failing test.
const ONE: Duration = Duration::from_mins(3);

/// The quota of the account, ten times the default of AWS. The emulator and the flags of zonekeeper use the
/// same numbers.
const REQUESTS: Rate = Rate { capacity: 500, refill: 100 };
const CHANGES: Rate = Rate { capacity: 15_000, refill: 1_000 };

/// Random numbers from a seed.
struct Random(u64);

/// The moment of a kill: a delay after a number of requests of the process.
#[derive(Debug)]
struct Moment {
    /// Whether only change requests count. Otherwise all requests count.
    only_changes: bool,
    requests: usize,
    later: Duration,
}

/// The record sets of each hostname, by name and type.
#[derive(Default)]
struct Units(BTreeMap<String, BTreeMap<(String, String), RecordSet>>);

/// Counts of the kills for one zone.
#[derive(Debug, Default)]
struct Tally {
    /// Kills before the zone had all wanted records.
    unfinished: usize,
    /// Kills while a change request waited for its answer.
    amid_a_change: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_at_any_moment_every_hostname_is_whole() {
    let variable = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into();
    let rounds = variable("KILL_ROUNDS").map_or(ROUNDS, |rounds| rounds.try_into().unwrap());
    let seed = variable("KILL_SEED").unwrap_or_else(clock);
    println!("{rounds} rounds; KILL_SEED={seed} has the same moments");
    let mut random = Random(seed);

    let shop = Namespace::new("kills").await;
    for_each(0..HOSTNAMES, async |n| {
        shop.create_ingress(&object(n), &host(n), json!({"external-dns.kubernetes.io/target": BALANCER}))
            .await;
    })
    .await;
    for (pass, balancer) in (0..rounds.div_ceil(ROUNDS)).zip([OTHER_BALANCER, BALANCER].into_iter().cycle()) {
        let (begun, tally) = (std::time::Instant::now(), converge(&shop, balancer, &mut random).await);
        println!("zone {pass}: {tally:?} {:.1} s", begun.elapsed().as_secs_f64());
    }
}

/// Starts with an empty zone, and kills processes until the zone equals that of an uninterrupted process.
async fn converge(shop: &Namespace, balancer: &str, random: &mut Random) -> Tally {
    let bucket = |rate| Some(Bucket::new(rate));
    let quota = Quota { requests: bucket(REQUESTS), changes: bucket(CHANGES) };
    let zone = Zone::limited(quota, faults(random.next())).await;
    let mut tally = Tally::default();
    for round in 0..ROUNDS {
        let is_creating = round < ROUNDS / 2;
        if round == ROUNDS / 2 {
            // The second half replaces records, so all records must exist before it.
            finish(&zone, shop).await;
        }
        let moment = Moment::random(random, if is_creating { 6 } else { 16 });
        let stripe = if is_creating { 0..0 } else { stripe(round - ROUNDS / 2) };
        let changed = stripe.end;
        let moves = for_each(stripe, async |n| {
            shop.annotate_ingress(&object(n), json!({"external-dns.kubernetes.io/target": balancer})).await;
        });
        let killed = async {
            let process = start(&zone, shop, &["run"]).await;
            kill(process, &zone, &moment, || is_done(&zone, balancer, changed)).await
        };
        // The load balancers change while the process works. So a planned unit is often out of date before it
        // is sent.
        let (is_amid, ()) = tokio::join!(killed, moves);
        let units = Units::of(zone.record_sets());
        units.are_whole(&format!("round {round}"));
        tally.unfinished += usize::from(!is_done(&zone, balancer, changed));
        tally.amid_a_change += usize::from(is_amid);
        println!("round {round}: killed {moment}{}", if is_amid { ", amid a change" } else { "" });
    }
    finish(&zone, shop).await;

    let undisturbed = Zone::empty().await;
    let unlimited = ["run", "--once", "--account-requests", "unlimited", "--account-changes", "unlimited"];
    CommandLine::of(&undisturbed, shop, &unlimited).await.succeed().await;
    let (found, expected) = (zone.record_sets(), undisturbed.record_sets());
    assert_eq!(expected.len(), 4 * HOSTNAMES);
    let differs = found.iter().zip(&expected).find(|(found, expected)| found != expected);
    assert!(found.len() == expected.len() && differs.is_none(), "{} sets; {differs:?}", found.len());

    // Every hostname is complete after each accepted request, and not only between the rounds.
    let (mut units, journal) = (Units::default(), zone.journal());
    for changes in journal.changes.chunk_by(|one, other| one.request == other.request) {
        assert!(changes.iter().all(|change| change.action != Action::Delete), "{changes:?}");
        let sets = changes.iter().filter_map(|change| change.after.clone());
        let touched = Units::of(sets.clone());
        units.put(sets);
        touched.0.keys().for_each(|host| units.is_whole(host, &format!("request {}", changes[0].request)));
    }
    // A drop of the zone also fails the test after a DELETE.
    let deletions = zone.deletions();
    println!(
        "{} change requests, {} changes, {deletions} deletions",
        zone.count(CHANGE),
        journal.changes.len()
    );
    assert_eq!(deletions, 0);
    assert!(
        tally.unfinished >= ROUNDS * 8 / 10 && tally.amid_a_change > 0,
        "too few kills hit a process that worked: {tally:?}"
    );
    tally
}

async fn start(zone: &Zone, shop: &Namespace, arguments: &[&str]) -> Process {
    let rate = |rate: Rate| format!("{}/{}", rate.refill, rate.capacity);
    let command = CommandLine::of(zone, shop, arguments).await;
    let command = command.args(&["--account-requests", &rate(REQUESTS), "--account-changes", &rate(CHANGES)]);
    command.start()
}

/// Runs a process until it has nothing left to do. Two of its change requests always get no answer: one is
/// lost, and one is carried out.
async fn finish(zone: &Zone, shop: &Namespace) {
    for effect in [Effect::CloseBefore, Effect::CloseAfter] {
        zone.disturb(CHANGE, effect, 1);
    }
    let ended = start(zone, shop, &["run", "--once"]).await.end_within(ONE).await;
    assert!(ended.status.success(), "{ended}");
}

/// Whether every hostname has its records, and `changed` hostnames lead to this load balancer.
fn is_done(zone: &Zone, balancer: &str, changed: usize) -> bool {
    let (mut sets, mut moved) = (0, 0);
    zone.alter(|zone| {
        sets = zone.iter().filter(|set| set.rtype != "NS" && set.rtype != "SOA").count();
        moved = zone.iter().filter_map(target).filter(|found| found == balancer).count();
    });
    (sets, moved) == (4 * HOSTNAMES, 2 * changed)
}

/// Kills a process at the moment, or when it is idle. Returns whether its last change request had no answer.
async fn kill(mut process: Process, zone: &Zone, moment: &Moment, is_done: impl Fn() -> bool) -> bool {
    let begun = zone.journal().requests.len();
    let of_process = || zone.requests_after(begun);
    let is_meant = |request: &Request| !moment.only_changes || request.operation == CHANGE;
    let has_come = || of_process().iter().filter(|request| is_meant(request)).count() >= moment.requests;
    process.until_zone(zone, &moment.to_string(), |_| has_come() || is_done()).await;
    // This sleep does not wait for a condition. It moves the kill to a random moment.
    sleep(moment.later).await;
    let change = of_process().into_iter().rfind(|request| request.operation == CHANGE);
    process.kill().await;
    change.is_some_and(|change| change.status.is_none())
}

/// The random faults.
fn faults(seed: u64) -> Faults {
    let mut faults = Faults::seeded(seed);
    faults.add(Fault::new(Effect::latency(CHANGE_LATENCY)).on(CHANGE));
    faults.add(Fault::new(Effect::latency(LIST_LATENCY)).on(LIST));
    let by_chance = |percent: f64, effect| Fault::new(effect).probability(percent / 100.0);
    for (percent, effect) in [
        (8.0, Effect::service_unavailable()),
        (3.0, Effect::internal_failure()),
        (5.0, Effect::prior_request_not_complete()),
        (2.0, Effect::throttling()),
        (5.0, Effect::CloseBefore),
        (8.0, Effect::CloseAfter),
        (5.0, Effect::Malformed),
        (1.0, Effect::HangAfter),
    ] {
        faults.add(by_chance(percent, effect).on(CHANGE));
    }
    // A process reads hundreds of names for one batch, so faults of reads must be rare.
    for effect in [Effect::service_unavailable(), Effect::CloseAfter, Effect::Malformed] {
        faults.add(by_chance(0.5, effect).on(LIST).times(3));
    }
    faults
}

fn host(n: usize) -> String {
    format!("web-{n}.example.test")
}

/// The name of an Ingress. A long name makes long ownership records, and so more batches.
fn object(n: usize) -> String {
    format!("web-{n}-{}", "x".repeat(80))
}

/// The hostnames whose load balancers change in one round of the second half. All rounds together change half
/// of the hostnames.
fn stripe(number: usize) -> Range<usize> {
    let width = HOSTNAMES / ROUNDS;
    number * width..(number + 1) * width
}

async fn for_each(numbers: Range<usize>, work: impl AsyncFn(usize)) {
    stream::iter(numbers).map(|n| work(n)).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

// === impl Random ===

impl Random {
    /// The next number of the sequence (splitmix64).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

// === impl Moment ===

impl Moment {
    /// A random moment. Half of the moments come while the first change request waits for its answer. The
    /// others come soon after one of the first requests: during the listing, during a read, or between two
    /// batches.
    fn random(random: &mut Random, requests: u64) -> Self {
        let only_changes = random.below(2) == 0;
        let (most, latest) = if only_changes { (1, CHANGE_LATENCY) } else { (requests, CHANGE_LATENCY * 2) };
        let later = random.below(latest.as_micros().try_into().unwrap());
        let requests = 1 + usize::try_from(random.below(most)).unwrap();
        Self { only_changes, requests, later: Duration::from_micros(later) }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.only_changes { "change request" } else { "request" };
        write!(f, "{:?} after {what} {}", self.later, self.requests)
    }
}

// === impl Units ===

impl Units {
    fn of(sets: impl IntoIterator<Item = RecordSet>) -> Self {
        let mut units = Self::default();
        units.put(sets);
        units
    }

    fn put(&mut self, sets: impl IntoIterator<Item = RecordSet>) {
        for set in sets {
            let host = match &*set.rtype {
                // `a-web-7.example.test` and `aaaa-web-7.example.test`
                "TXT" => set.name.split_once('-').unwrap().1,
                _ => &set.name,
            };
            let unit = self.0.entry(host.to_owned()).or_default();
            unit.insert((set.name.clone(), set.rtype.clone()), set);
        }
    }

    fn are_whole(&self, when: &str) {
        self.0.keys().for_each(|host| self.is_whole(host, when));
    }

    /// Checks that a hostname has its four record sets, and that both aliases lead to the same load balancer.
    fn is_whole(&self, host: &str, when: &str) {
        let unit = &self.0[host];
        let targets: Vec<String> = unit.values().filter_map(target).collect();
        let is_whole = unit.len() == 4 && targets.len() == 2 && targets[0] == targets[1];
        assert!(is_whole, "{when}: {host}: {unit:#?}");
    }
}

/// Where an alias leads.
fn target(set: &RecordSet) -> Option<String> {
    Some(set.alias_target.as_ref()?.dns_name.trim_end_matches('.').to_owned())
}
