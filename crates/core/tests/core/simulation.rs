//! Deterministic simulation of the keeper, the service's zone, a cluster, other writers, and failures.
//!
//! A run is a function of its seed. `SEED=… cargo test -p zonekeeper-core --test core simulation -- --nocapture`
//! prints the trace of one run. `SIMULATION_SEEDS` is the number of runs, and `SIMULATION_FIRST` is the first seed.

mod approvals;
mod claim_ages;
mod cluster;
mod convergence;
mod endpoint;
mod foreigner;
mod invariants;
pub mod join;
mod knowledge;
pub mod labels;
mod leadership;
mod network;
mod object_states;
mod ownership;
mod person;
mod process;
mod random;
mod repairs;
mod rival;
mod saboteur;
mod service;
mod shape;
mod statistics;
mod trace;
pub mod translation;
mod watch;
mod weather;
mod window;
mod wish;
mod world;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use invariants::Violation;
use saboteur::Saboteur;
use statistics::Statistics;
use world::World;

/// Number of trace lines that a failure shows.
const SHOWN: usize = 60;

/// The seeds that plain `cargo test` runs. Everything that is not rare happens in them.
const DEFAULT_SEEDS: u64 = 200;
/// The seeds that `make core` and CI run. Everything happens in them.
const ALL_SEEDS: u64 = 10_000;

/// Makes one run. The trace is complete even if the run fails.
fn run(
    seed: u64,
    saboteur: Option<Saboteur>,
    is_traced: bool,
) -> (Result<Statistics, Violation>, Vec<String>) {
    let mut world = World::new(seed, saboteur, is_traced);
    let storm = world.now + world.shape.storm;
    let result = world.run_until(storm).and_then(|()| convergence::check(&mut world));
    let result = result.map(|()| {
        world.statistics.seeds = 1;
        world.statistics.virtual_time = world.now.since_start();
        std::mem::take(&mut world.statistics)
    });
    (result, world.trace())
}

/// Runs seeds on all cores. Returns the statistics, or the lowest failing seed.
///
/// With a saboteur, only its own invariant counts, because other invariants can find the saboteur earlier.
fn run_all(
    first: u64,
    seeds: u64,
    saboteur: Option<(Saboteur, &str)>,
) -> Result<Statistics, (u64, Violation)> {
    let is_meant =
        |violation: &Violation| saboteur.is_none_or(|(_, invariant)| violation.invariant == invariant);
    let next = AtomicU64::new(first);
    let (sum, failed) = (Mutex::new(Statistics::default()), Mutex::new(None::<(u64, Violation)>));
    let work = || {
        let mut statistics = Statistics::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds || failed.lock().unwrap().is_some() {
                break;
            }
            match run(seed, saboteur.map(|(saboteur, _)| saboteur), false).0 {
                Ok(of_seed) => statistics.add(&of_seed),
                Err(violation) if !is_meant(&violation) => {}
                Err(violation) => {
                    let mut failed = failed.lock().unwrap();
                    if failed.as_ref().is_none_or(|(lowest, _)| seed < *lowest) {
                        *failed = Some((seed, violation));
                    }
                }
            }
        }
        sum.lock().unwrap().add(&statistics);
    };
    thread::scope(|scope| {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
    match failed.into_inner().unwrap() {
        Some(failed) => Err(failed),
        None => Ok(sum.into_inner().unwrap()),
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn show(seed: u64, violation: &Violation, trace: &[String]) -> ! {
    let tail = &trace[trace.len().saturating_sub(SHOWN)..];
    panic!("SEED={seed}\n{}\n\n{violation}\nSEED={seed}", tail.join("\n"));
}

#[test]
fn every_invariant_holds_for_every_seed() {
    if let Some(seed) = setting("SEED") {
        let (result, trace) = run(seed, None, true);
        println!("{}", trace.join("\n"));
        match result {
            Ok(statistics) => println!("{statistics}"),
            Err(violation) => show(seed, &violation, &[]),
        }
        return;
    }
    let first = setting("SIMULATION_FIRST").unwrap_or(0);
    let seeds = setting("SIMULATION_SEEDS").unwrap_or(DEFAULT_SEEDS);
    let begin = Instant::now();
    let statistics = match run_all(first, seeds, None) {
        Ok(statistics) => statistics,
        Err((seed, violation)) => show(seed, &violation, &run(seed, None, true).1),
    };
    println!("{statistics}, {:.1} seconds", begin.elapsed().as_secs_f64());
    if first == 0 && seeds >= DEFAULT_SEEDS {
        assert_eq!(statistics.surprises(seeds >= ALL_SEEDS), Vec::<String>::new());
    }
}

#[test]
fn every_saboteur_is_found_by_the_invariant_that_is_there_for_it() {
    let begin = Instant::now();
    for (saboteur, invariant) in Saboteur::ALL {
        match run_all(0, 10_000, Some((saboteur, invariant))) {
            Ok(_) => panic!("{saboteur:?} was not found by: {invariant}"),
            Err((seed, _)) => println!("{:<22} seed {seed:>5}: {invariant}", format!("{saboteur:?}")),
        }
    }
    let (found, seconds) = (Saboteur::ALL.len(), begin.elapsed().as_secs_f64());
    println!("saboteurs found: {found}/{found}, {seconds:.1} seconds");
}
