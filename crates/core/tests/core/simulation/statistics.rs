//! Statistics of events. They show whether the runs cover every event.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use super::{
    cluster, foreigner,
    labels::{
        EFFECTS, FAILURES, FAILURES_OF_READS, FATES, GATES, INPUTS, NOTES, READINESS, REASONS, WRITTEN,
    },
    person, process, rival,
};

/// The events that must occur in many runs.
const EXPECTED: &[(&str, &[&str])] = &[
    ("input", INPUTS),
    ("effect", EFFECTS),
    ("reason", REASONS),
    ("note", NOTES),
    ("written", WRITTEN),
    ("state", READINESS),
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
    ("race", &["replaced a set that somebody had just changed"]),
    (
        "fault",
        &["the clock is set", "a kind is denied", "protected", "full", "switching", "a publication is lost"],
    ),
    ("person", person::ACTIONS),
    ("kill", process::PHASES),
    ("kill", &["between two effects", "in good order"]),
    ("edit", cluster::EDITS),
    ("somebody", foreigner::ACTIONS),
    ("somebody", rival::ACTIONS),
];

/// Events of the table above that a few hundred runs can miss.
const RARE: &[(&str, &str)] = &[
    ("a batch came late", "of another"),
    ("gate closed", "Changes"),
    ("gate closed", "StaleZone"),
    ("kill", "before it knows the result of a batch"),
    ("reason", "Contested"),
    ("reason", "RoutingTaken"),
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
    pub fn count(&mut self, group: &'static str, event: &'static str) {
        *self.counts.entry((group, event)).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.counts {
            *self.counts.entry(*key).or_default() += count;
        }
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.virtual_time += other.virtual_time;
    }

    /// The expected events that did not occur, rare ones only if `with_rare`, and the unexpected ones that did.
    pub fn surprises(&self, with_rare: bool) -> Vec<String> {
        let all = EXPECTED.iter().flat_map(|(group, event)| event.iter().map(move |event| (*group, *event)));
        let expected: BTreeSet<_> = all.collect();
        let is_due = |key: &&(&str, &str)| with_rare || !RARE.contains(key);
        let never = expected.iter().filter(is_due).filter(|key| !self.counts.contains_key(key));
        let never = never.map(|(group, event)| format!("never: {group}, {event}"));
        let unknown = self.counts.keys().filter(|key| !expected.contains(key));
        never.chain(unknown.map(|(group, event)| format!("unexpected: {group}, {event}"))).collect()
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = "";
        for ((group, event), count) in &self.counts {
            let title = if last == *group { "" } else { *group };
            writeln!(f, "{title:<22} {event:<34} {count:>12}")?;
            last = group;
        }
        let hours = self.virtual_time.as_secs() / 3_600;
        write!(f, "{} seeds, {} steps, {hours} virtual hours", self.seeds, self.steps)
    }
}
