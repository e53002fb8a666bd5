//! Records what ExternalDNS does.

use super::{
    binary::{Binary, Run},
    cluster::Cluster,
    emulated_zone::emulated_zone,
    situation::Situation,
};

/// The variable with the beginning of the names that are recorded again.
const AGAIN: &str = "AGAIN";

/// Two runs of ExternalDNS from the same state.
#[derive(Debug)]
pub struct Record {
    pub runs: [Run; 2],
}

// === impl Record ===

impl Record {
    /// Creates the objects, runs ExternalDNS on two copies of the zone, and deletes the objects.
    pub async fn of(situation: &Situation, binary: &Binary, cluster: &mut Cluster) -> Result<Self, String> {
        let zone = emulated_zone(&situation.zone)?;
        let objects = cluster.create(&situation.objects).await?;
        let run = || binary.run(situation, zone.clone(), &cluster.plane);
        let runs = futures::join!(run(), run());
        cluster.delete(objects).await;
        Ok(Self { runs: runs.into() })
    }

    /// Whether both runs have the same result.
    pub fn is_ambiguous(&self) -> bool {
        let [one, two] = &self.runs;
        (&one.zone, one.fails) != (&two.zone, two.fails)
    }
}

#[tokio::test]
#[ignore = "needs ExternalDNS: make record EXTERNAL_DNS=path"]
async fn record() {
    let again = std::env::var(AGAIN).ok().filter(|again| !again.is_empty());
    let binary = Binary::of_environment();
    let mut cluster = Cluster::start().await;
    let is_due = |situation: &Situation| match &again {
        Some(again) => situation.name.starts_with(again.as_str()),
        None => situation.after.is_none(),
    };
    let mut failures = Vec::new();
    for mut situation in Situation::all().into_iter().filter(is_due) {
        match Record::of(&situation, &binary, &mut cluster).await {
            Ok(record) => {
                let is_ambiguous = record.is_ambiguous();
                let [run, _] = record.runs;
                println!("{}{}", situation.name, if is_ambiguous { " (ambiguous)" } else { "" });
                if run.fails {
                    println!("{}", errors(&run.log));
                }
                situation.ambiguous = is_ambiguous;
                (situation.after, situation.fails) = (Some(run.zone), run.fails);
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
