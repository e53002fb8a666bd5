//! The driver's status.

use std::collections::BTreeMap;

use zonekeeper_core::keeper::{Gate, Keeper, Time};

/// A summary of the keeper's state, for readiness and metrics.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Whether the plan can be relied on.
    pub is_ready: bool,
    /// Why it cannot be relied on.
    pub not_ready: Vec<Gate>,
    /// Whether this process is the leader, the only process that writes.
    pub is_leader: bool,
    /// The gates that are closed: while there is one, nothing is written.
    pub closed_gates: Vec<Gate>,
    /// How many objects ask for hostnames.
    pub objects: usize,
    /// How many record sets the zone holds.
    pub record_sets: usize,
    /// How many units this process is to write. A process that stands by has none: the leader writes them.
    pub units: usize,
    /// How many units are blocked, by the label of their reason.
    pub blocked: BTreeMap<&'static str, usize>,
    /// How many keys have records that are right and not ours, by the label of their note.
    pub noted: BTreeMap<&'static str, usize>,
    /// How many owned record sets no object wants, at hostnames where others are wanted.
    pub leftovers: usize,
    /// How many owned record sets are at hostnames that no object claims.
    pub orphans: usize,
    /// How many accepted changes have not reached all name servers.
    pub underway: usize,
}

// === impl Status ===

impl Status {
    /// Summarizes a keeper's state at a time.
    pub(super) fn of(keeper: &Keeper, now: Time) -> Self {
        let closed_gates = keeper.closed_gates(now);
        let mut status = Self {
            is_ready: keeper.is_ready(now),
            not_ready: keeper.not_ready(now),
            // A dry run writes nothing, so it does not need to lead.
            is_leader: !closed_gates.iter().any(|gate| matches!(gate, Gate::Leadership | Gate::DryRun)),
            closed_gates,
            objects: keeper.claims().facts().count(),
            record_sets: keeper.zone().len(),
            underway: keeper.underway(),
            ..Self::default()
        };
        for host in keeper.hosts() {
            status.units += host.units.len();
            status.leftovers += host.leftovers.len();
            status.orphans += host.orphans.len();
            for noted in &host.noted {
                *status.noted.entry(noted.note.label()).or_default() += 1;
            }
            for blocked in &host.blocked {
                *status.blocked.entry(blocked.reason.label()).or_default() += 1;
            }
        }
        for bad in keeper.bad_hosts() {
            *status.blocked.entry(bad.reason.label()).or_default() += 1;
        }
        for held in keeper.held_back() {
            status.units = status.units.saturating_sub(1);
            *status.blocked.entry(held.reason.label()).or_default() += 1;
        }
        if status.closed_gates.contains(&Gate::Leadership) {
            status.units = 0;
        }
        status
    }
}
