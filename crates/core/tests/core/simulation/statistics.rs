//! How often what happened, so that a run in which something never happens is not taken for a proof.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use super::{
    cluster, foreigner,
    labels::{EFFECTS, FAILURES, FAILURES_OF_READS, FATES, GATES, INPUTS, NOTES, REASONS},
    person, process, rival,
};

/// Everything that has to happen in many runs.
const EXPECTED: &[(&str, &[&str])] = &[
    ("input", INPUTS),
    ("effect", EFFECTS),
    ("reason", REASONS),
    ("note", NOTES),
    ("gate closed", GATES),
    ("failure of a change", FAILURES),
    ("failure of a read", FAILURES_OF_READS),
    ("failure of a question", FAILURES_OF_READS),
    ("failure of a count", FAILURES_OF_READS),
    ("fault", FATES),
    ("fault", &["withheld", "refused by the zone", "refused by name", "refused without a name"]),
    (
        "fault",
        &["no credentials", "no permissions", "a process is frozen", "a process is cut off", "410 Gone"],
    ),
    ("leadership", &["begins", "is won back", "moves"]),
    ("a batch came late", &["of this process", "of another"]),
    ("race", &["replaced what somebody had just changed"]),
    (
        "fault",
        &["the clock is set", "a kind is denied", "protected", "full", "switching", "a publication is lost"],
    ),
    ("person", person::DEEDS),
    ("kill", process::PHASES),
    ("kill", &["between two effects", "in good order"]),
    ("edit", cluster::EDITS),
    ("somebody", foreigner::DEEDS),
    ("somebody", rival::DEEDS),
];

/// Events of the table above that a few hundred runs can miss.
const RARE: &[(&str, &str)] = &[
    ("a batch came late", "of another"),
    ("gate closed", "StaleZone"),
    ("kill", "before it knows what became of a batch"),
    ("reason", "Contested"),
];

/// Counts over one or many runs.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    counts: BTreeMap<(&'static str, &'static str), u64>,
    pub seeds: u64,
    pub steps: u64,
    pub virtual_time: Duration,
}

impl Statistics {
    pub fn count(&mut self, what: &'static str, which: &'static str) {
        *self.counts.entry((what, which)).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.counts {
            *self.counts.entry(*key).or_default() += count;
        }
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.virtual_time += other.virtual_time;
    }

    /// The expected events that never happened, rare ones only if `with_rare`, and the events that nobody expected.
    pub fn surprises(&self, with_rare: bool) -> Vec<String> {
        let all = EXPECTED.iter().flat_map(|(what, which)| which.iter().map(move |which| (*what, *which)));
        let expected: BTreeSet<_> = all.collect();
        let is_due = |key: &&(&str, &str)| with_rare || !RARE.contains(key);
        let never = expected.iter().filter(is_due).filter(|key| !self.counts.contains_key(key));
        let never = never.map(|(what, which)| format!("never: {what}, {which}"));
        let unknown = self.counts.keys().filter(|key| !expected.contains(key));
        never.chain(unknown.map(|(what, which)| format!("unexpected: {what}, {which}"))).collect()
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = "";
        for ((what, which), count) in &self.counts {
            let title = if last == *what { "" } else { *what };
            writeln!(f, "{title:<22} {which:<34} {count:>12}")?;
            last = what;
        }
        let hours = self.virtual_time.as_secs() / 3_600;
        write!(f, "{} seeds, {} steps, {hours} virtual hours", self.seeds, self.steps)
    }
}
