//! The driver's status.

use std::collections::BTreeMap;

use zonekeeper_core::{
    keeper::{Budget, Gate, Keeper, KeyStates, Time, Tokens},
    plan::{Findings, Reason},
    source::{Facts, ResourceRef},
};

/// A summary of the keeper's state, for readiness and metrics.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Whether the process still connects to the cluster or opens the zone. The metrics show it as a closed gate, beside those of the keeper.
    pub is_starting: bool,
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
    /// How many keys that objects ask for are in each state.
    pub keys: KeyStates,
    /// How many lists are refused, and how many resources cannot be decoded, by the label of the resource.
    pub unreadable: BTreeMap<&'static str, usize>,
    /// How many hostnames outside the zone objects ask for.
    pub outside: usize,
    /// How many record sets the zone holds.
    pub record_sets: usize,
    /// How many units are blocked, by the label of their reason.
    pub blocked: BTreeMap<&'static str, usize>,
    /// How many units the brake holds, while it holds those of all namespaces.
    pub braked_everywhere: usize,
    /// How many keys have records that are right and not ours, by the label of their note.
    pub noted: BTreeMap<&'static str, usize>,
    /// How many owned record sets no object wants, at hostnames where others are wanted.
    pub leftovers: usize,
    /// How many owned record sets are at hostnames that no object claims.
    pub orphans: usize,
    /// How many accepted changes have not reached all name servers.
    pub underway: usize,
    /// The budget that is left.
    pub budget: Budget,
    /// The times of the last requests.
    pub times: Times,
}

/// Times in seconds since 1970; 0 where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Times {
    /// When the newest listing of the zone began.
    pub listing_begun: f64,
    /// When the newest complete listing of the zone began.
    pub listed: f64,
    /// When the last change request was sent.
    pub change_sent: f64,
    /// When Route 53 last accepted a change request.
    pub change_accepted: f64,
}

// === impl Status ===

impl Status {
    /// The status of a process without a keeper: it connects to the cluster or opens the zone.
    pub fn starting() -> Self {
        Self { is_starting: true, ..Self::stopping() }
    }

    /// The status of a process whose driver has ended.
    pub fn stopping() -> Self {
        // A budget without tokens, because `None` would be one without a limit.
        let none = Some(Tokens { left: 0, capacity: 0 });
        let budget = Budget { requests: none, changes: none, ..Budget::default() };
        Self { budget, ..Self::default() }
    }

    /// Summarizes a keeper's state at a time. `unix` is this time in seconds since 1970.
    pub fn of(keeper: &Keeper, now: Time, unix: f64) -> Self {
        let closed_gates = keeper.closed_gates(now);
        let apex = keeper.zone().apex();
        let outside = |facts: &Facts| facts.hosts().filter(|host| !host.is_within(apex)).count();
        let last = keeper.last_requests();
        let unix = |time: Option<Time>| time.map_or(0.0, |time| unix - (now - time).as_secs_f64());
        let mut status = Self {
            is_ready: keeper.is_ready(now),
            not_ready: keeper.not_ready(now),
            // A dry run writes nothing, so it does not need to lead.
            is_leader: !closed_gates.iter().any(|gate| matches!(gate, Gate::Leadership | Gate::DryRun)),
            closed_gates,
            objects: keeper.claims().facts().count(),
            keys: keeper.key_states(now),
            outside: keeper.claims().facts().map(|facts| outside(facts)).sum(),
            record_sets: keeper.zone().len(),
            underway: keeper.underway(),
            budget: keeper.budget(now),
            times: Times {
                listing_begun: unix(last.listing_begun),
                listed: unix(last.listed),
                change_sent: unix(last.change_sent),
                change_accepted: unix(last.change_accepted),
            },
            ..Self::default()
        };
        let visibility = &keeper.claims().visibility;
        let unlistable = visibility.unlistable().map(|scope| scope.resource);
        for resource in unlistable.chain(visibility.undecodable().map(ResourceRef::resource)) {
            *status.unreadable.entry(resource.label()).or_default() += 1;
        }
        for host in keeper.hosts() {
            let Findings { blocked, noted, leftovers, orphans } = host.findings();
            status.leftovers += leftovers.len();
            status.orphans += orphans.len();
            for noted in noted {
                *status.noted.entry(noted.note.label()).or_default() += 1;
            }
            for blocked in blocked {
                *status.blocked.entry(blocked.reason.label()).or_default() += 1;
            }
        }
        for bad in keeper.bad_hosts() {
            *status.blocked.entry(bad.reason.label()).or_default() += 1;
        }
        for held in keeper.held_back() {
            let is_everywhere = matches!(held.reason, Reason::Braked { everywhere: true });
            status.braked_everywhere += usize::from(is_everywhere);
            *status.blocked.entry(held.reason.label()).or_default() += 1;
        }
        status
    }
}
