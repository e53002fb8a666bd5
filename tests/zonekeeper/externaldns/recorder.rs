//! Records what ExternalDNS does.

use futures::{StreamExt, stream};
use zonekeeper_emulator::zone::HostedZone;

use super::{
    binary::{Binary, Run},
    cluster::Cluster,
    emulated_zone::emulated_zone,
    situation::Situation,
};

/// The variable with the beginning of the names that are recorded again, or `all`.
const AGAIN: &str = "AGAIN";

/// The most runs until the zone stays as it is.
const RUNS: usize = 4;

/// The number of first runs of a situation with several objects.
const TRIES: usize = 10;

/// What ExternalDNS does in a situation.
#[derive(Debug)]
pub struct Record {
    /// The first run.
    pub first: Run,
    /// The zone in which ExternalDNS comes to rest.
    pub after: String,
    /// Whether any run reports an error.
    pub fails: bool,
    /// Whether another first run has another result.
    pub is_ambiguous: bool,
    /// Whether ExternalDNS does not come to rest.
    pub is_restless: bool,
}

// === impl Record ===

impl Record {
    /// Creates the objects, runs ExternalDNS until the zone stays as it is, and deletes the objects. With several
    /// objects, `tries` is the number of first runs, which show whether chance decides.
    pub async fn of(
        situation: &Situation,
        binary: &Binary,
        cluster: &mut Cluster,
        tries: usize,
    ) -> Result<Self, String> {
        let zone = emulated_zone(&situation.zone)?;
        let objects = cluster.create(&situation.objects).await?;
        let run = |zone: HostedZone| binary.run(situation, zone, &cluster.plane);
        // The order of objects is random, so that a difference may need several runs to show.
        let tries = if objects.len() > 1 { tries } else { 2 };
        let runs = stream::iter((0..tries).map(|_| run(zone.clone()))).buffered(2);
        let mut runs: Vec<Run> = runs.collect().await;
        // The choice between several results must not be random.
        runs.sort_by_cached_key(|run| (run.text(), run.fails));
        let first = runs.swap_remove(0);
        let mut after = first.text();
        let is_ambiguous = runs.iter().any(|other| (&after, first.fails) != (&other.text(), other.fails));
        let (mut zone, mut is_restless) = (first.zone.clone(), first.changes > 0);
        let mut fails = first.fails;
        for _ in 1..RUNS {
            if !is_restless {
                break;
            }
            let next = run(zone).await;
            is_restless = next.changes > 0;
            fails |= next.fails;
            let text = next.text();
            if text == after {
                break;
            }
            (after, zone) = (text, next.zone);
        }
        cluster.delete(objects).await;
        Ok(Self { first, after, fails, is_ambiguous, is_restless })
    }
}

#[tokio::test]
#[ignore = "needs ExternalDNS: make record EXTERNAL_DNS=path"]
async fn record() {
    let again = std::env::var(AGAIN).ok();
    let binary = Binary::of_environment();
    let mut cluster = Cluster::start().await;
    let is_due = |situation: &Situation| match again.as_deref().filter(|again| !again.is_empty()) {
        Some("all") => true,
        Some(again) => situation.name.starts_with(again),
        None => situation.after.is_none(),
    };
    let mut failures = Vec::new();
    for mut situation in Situation::all().into_iter().filter(is_due) {
        match Record::of(&situation, &binary, &mut cluster, TRIES).await {
            Ok(record) => {
                println!("{}{}", situation.name, if record.is_ambiguous { " (ambiguous)" } else { "" });
                if record.first.fails {
                    println!("{}", errors(&record.first.log));
                }
                situation.fails = record.fails;
                // Chance may have hidden the other result this time.
                situation.ambiguous |= record.is_ambiguous;
                situation.restless = record.is_restless;
                situation.after = Some(record.after);
                situation.save_record();
            }
            Err(why) => failures.push(format!("{}: {why}", situation.name)),
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// The last errors of a log.
fn errors(log: &str) -> String {
    let is_error = |line: &&str| line.contains("level=error") || line.contains("level=fatal");
    let lines: Vec<String> = log.lines().filter(is_error).map(|line| format!("    {line}")).collect();
    lines[lines.len().saturating_sub(3)..].join("\n")
}
