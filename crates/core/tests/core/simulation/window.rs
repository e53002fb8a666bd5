//! What was moved in the last ten minutes, counted from the zone: more than the brake's limits is too much.

use std::{collections::BTreeSet, time::Duration};

use zonekeeper_core::{
    dns::{Data, Name, RecordSet},
    keeper::{BrakeLimits, Time},
    plan::{Change, Unit},
};

use super::invariants::Violation;

/// How long a move counts (§5).
const WINDOW: Duration = Duration::from_mins(10);

/// The moves of the last ten minutes that every process knows of.
#[derive(Debug, Clone)]
pub struct Window {
    limits: BrakeLimits,
    moves: Vec<(Time, Name, String)>,
    released_until: Time,
    /// Whether the clock on the wall was set since the last move was remembered.
    pub is_clock_set: bool,
}

impl Window {
    pub fn new(limits: BrakeLimits) -> Self {
        Self { limits, moves: Vec::new(), released_until: Time::ZERO, is_clock_set: false }
    }

    /// A person releases the brake. Processes count whole seconds of the clock on the wall.
    pub fn release(&mut self, until: Time) {
        self.released_until = self.released_until.max(until + Duration::from_secs(2));
    }

    /// What has been moved got lost with a process that had not yet remembered it.
    pub fn forget(&mut self) {
        self.moves.clear();
    }

    /// Nobody can tell whether a hostname was moved or repaired.
    pub fn leave_out(&mut self, host: &Name) {
        self.moves.retain(|(_, other, _)| other != host);
    }

    /// A unit that moves its hostname was accepted, where so many hostnames are known.
    pub fn moved(&mut self, unit: &Unit, hosts: usize, now: Time) -> Result<(), Violation> {
        let places: BTreeSet<String> = unit.changes().iter().filter_map(places).collect();
        if places.is_empty() {
            return Ok(());
        }
        let to = places.into_iter().collect::<Vec<_>>().join(", ");
        // Of a hostname the last move counts.
        self.moves.retain(|(at, host, _)| now - *at < WINDOW && *host != unit.key().host);
        self.moves.push((now, unit.key().host.clone(), to));
        let moves = self.moves.iter().map(|(_, _, to)| to).collect::<BTreeSet<_>>().len();
        let hosts_moved = self.moves.iter().map(|(_, host, _)| host).collect::<BTreeSet<_>>().len();
        let is_much = moves >= self.limits.moves && hosts_moved * 100 > hosts * self.limits.percent;
        if !is_much || self.released_until > now {
            return Ok(());
        }
        let detail = format!("{moves} moves of {hosts_moved} hostnames of {hosts}: {:?}", self.moves);
        Err(Violation::new("the brake holds what is moved in ten minutes", detail))
    }
}

/// From where to where a change moves its hostname.
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
