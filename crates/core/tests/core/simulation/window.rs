//! The moves of the last ten minutes in the zone, which the brake must limit.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use zonekeeper_core::{
    dns::{Data, Name, RecordSet},
    keeper::{BrakeLimits, Time},
    plan::{Change, Role, Unit},
    source::Kind,
};

use super::invariants::Violation;

/// The time for which a move counts (§5).
const WINDOW: Duration = Duration::from_mins(10);

/// The moves of the last ten minutes that every process knows.
#[derive(Debug, Clone)]
pub struct Window {
    limits: BrakeLimits,
    moves: Vec<Moved>,
    released_until: Time,
    /// Whether the wall clock was set since the last stored move.
    pub is_clock_set: bool,
}

/// A move of a hostname.
#[derive(Debug, Clone)]
struct Moved {
    at: Time,
    host: Name,
    namespace: String,
    to: String,
}

impl Window {
    pub fn new(limits: BrakeLimits) -> Self {
        Self { limits, moves: Vec::new(), released_until: Time::ZERO, is_clock_set: false }
    }

    /// Releases the brake. Processes use whole seconds of the wall clock.
    pub fn release(&mut self, until: Time) {
        self.released_until = self.released_until.max(until + Duration::from_secs(2));
    }

    /// Forgets moves that a process did not store before it ended.
    pub fn forget(&mut self) {
        self.moves.clear();
    }

    /// Excludes a hostname, because a move and a repair of it look the same.
    pub fn leave_out(&mut self, host: &Name) {
        self.moves.retain(|moved| moved.host != *host);
    }

    /// Checks an accepted unit that moves its hostname. `ours` is the number of known hostnames of each namespace. `decided`
    /// is when the process sent the unit: a release that ends before the zone takes it still counts.
    pub fn moved(
        &mut self,
        unit: &Unit,
        ours: &BTreeMap<String, usize>,
        decided: Time,
        now: Time,
    ) -> Result<(), Violation> {
        let places: BTreeSet<String> = unit.changes().iter().filter_map(places).collect();
        // A route follows its backend, as a headless Service follows its pods. Such changes are no moves.
        let is_joined = matches!(unit.object().kind(), Kind::Other(_));
        if places.is_empty() || is_joined {
            return Ok(());
        }
        let to = places.into_iter().collect::<Vec<_>>().join(", ");
        let (host, namespace) = (unit.key().host.clone(), unit.object().namespace().to_owned());
        // The last move of a hostname counts.
        self.moves.retain(|moved| now - moved.at < WINDOW && moved.host != host);
        self.moves.push(Moved { at: now, host, namespace: namespace.clone(), to });
        if self.released_until > decided || self.limits.percent >= 100 {
            return Ok(());
        }
        let namespaces: BTreeSet<&str> = self.moves.iter().map(|moved| moved.namespace.as_str()).collect();
        let alone = self.is_too_much(ours, |of| of == namespace);
        let together = || namespaces.iter().all(|out| self.is_too_much(ours, |of| of != *out));
        if !alone && !together() {
            return Ok(());
        }
        let detail = format!("{:?} of {ours:?} hostnames, by namespace, with {:?}", self.moves, self.limits);
        Err(Violation::new("the brake limits the moves of ten minutes", detail))
    }

    /// Whether the moves of some namespaces exceed the limits.
    fn is_too_much(&self, ours: &BTreeMap<String, usize>, counts: impl Fn(&str) -> bool) -> bool {
        let moved = || self.moves.iter().filter(|moved| counts(&moved.namespace));
        let distinct = moved().map(|moved| &moved.to).collect::<BTreeSet<_>>().len();
        let hosts = moved().map(|moved| &moved.host).collect::<BTreeSet<_>>().len();
        let ours: usize = ours.iter().filter(|(of, _)| counts(of)).map(|(_, hosts)| hosts).sum();
        distinct >= self.limits.moves
            && (hosts * 100 > ours * self.limits.percent || hosts > self.limits.hosts)
    }
}

/// The move of a change, from the old to the new target.
fn places(change: &Change) -> Option<String> {
    let Change::Replace { role: Role::Record, before, after } = change else { return None };
    let (from, to) = (place(before)?, place(after)?);
    (from != to).then(|| format!("{from} -> {to}"))
}

fn place(set: &RecordSet) -> Option<String> {
    match &set.data {
        Data::Values { values, .. } => {
            let mut values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
            values.sort_unstable();
            Some(values.join(" "))
        }
        Data::Alias(alias) => Some(alias.target.to_string()),
        Data::TrafficPolicy(_) => None,
    }
}
