//! The moves of the last ten minutes in the zone, which the brake must limit.

use std::{collections::BTreeSet, time::Duration};

use zonekeeper_core::{
    dns::{Data, Name, RecordSet},
    keeper::{BrakeLimits, Time},
    plan::{Change, Unit},
};

use super::invariants::Violation;

/// The time for which a move counts (§5).
const WINDOW: Duration = Duration::from_mins(10);

/// The moves of the last ten minutes that every process knows.
#[derive(Debug, Clone)]
pub struct Window {
    limits: BrakeLimits,
    moves: Vec<(Time, Name, String)>,
    released_until: Time,
    /// Whether the wall clock was set since the last stored move.
    pub is_clock_set: bool,
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
        self.moves.retain(|(_, other, _)| other != host);
    }

    /// Checks an accepted unit that moves its hostname. `hosts` is the number of known hostnames. `decided` is when the
    /// process sent the unit: a release that ends before the zone takes it still counts.
    pub fn moved(&mut self, unit: &Unit, hosts: usize, decided: Time, now: Time) -> Result<(), Violation> {
        let places: BTreeSet<String> = unit.changes().iter().filter_map(places).collect();
        if places.is_empty() {
            return Ok(());
        }
        let to = places.into_iter().collect::<Vec<_>>().join(", ");
        // The last move of a hostname counts.
        self.moves.retain(|(at, host, _)| now - *at < WINDOW && *host != unit.key().host);
        self.moves.push((now, unit.key().host.clone(), to));
        let moves = self.moves.iter().map(|(_, _, to)| to).collect::<BTreeSet<_>>().len();
        let hosts_moved = self.moves.iter().map(|(_, host, _)| host).collect::<BTreeSet<_>>().len();
        let is_much = moves >= self.limits.moves && hosts_moved * 100 > hosts * self.limits.percent;
        if !is_much || self.released_until > decided {
            return Ok(());
        }
        let detail = format!("{moves} moves of {hosts_moved} hostnames of {hosts}: {:?}", self.moves);
        Err(Violation::new("the brake limits the moves of ten minutes", detail))
    }
}

/// The move of a change, from the old to the new target.
fn places(change: &Change) -> Option<String> {
    let Change::Replace { before, after, .. } = change else { return None };
    let (from, to) = (place(before)?, place(after)?);
    (from != to).then(|| format!("{from} -> {to}"))
}

fn place(set: &RecordSet) -> Option<String> {
    match &set.data {
        _ if !set.rtype().is_address() => None,
        Data::Values { values, .. } => {
            let mut values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
            values.sort_unstable();
            Some(values.join(" "))
        }
        Data::Alias(alias) => Some(alias.target.to_string()),
        Data::TrafficPolicy(_) => None,
    }
}
