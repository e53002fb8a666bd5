//! The state of the work at the time of a scrape.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};
use zonekeeper_core::{
    keeper::{Gate, KeyStates, Tokens},
    plan::{Note, Reason},
    source::Resource,
};

use crate::driver::Status;

/// The gate of a process that has no keeper yet.
const STARTING: &str = "starting";

/// A gauge for any number.
type Float = Gauge<f64, AtomicU64>;

/// The metrics of the state.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    ready: Gauge,
    leader: Gauge,
    gates: Family<GateLabel, Gauge>,
    objects: Gauge,
    unreadable: Family<KindLabel, Gauge>,
    hostnames: Family<StateLabel, Gauge>,
    outside: Gauge,
    longest_wait: Float,
    blocked: Family<ReasonLabel, Gauge>,
    braked_everywhere: Gauge,
    noted: Family<NoteLabel, Gauge>,
    leftovers: Gauge,
    orphans: Gauge,
    underway: Gauge,
    record_sets: Gauge,
    tokens: Family<Bucket, Float>,
    capacity: Family<Bucket, Float>,
    rate: Float,
    listing_begun: Float,
    listed: Float,
    change_sent: Float,
    change_accepted: Float,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GateLabel {
    gate: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoteLabel {
    note: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Bucket {
    bucket: &'static str,
}

// === impl State ===

impl State {
    pub fn register(registry: &mut Registry) -> Self {
        let state = Self::default();
        state.set(&Status::starting());
        state.register_process(registry);
        state.register_hostnames(registry);
        state.register_requests(registry);
        state
    }

    fn register_process(&self, registry: &mut Registry) {
        registry.register(
            "ready",
            "Whether all objects and the zone are listed, the zone not too long ago",
            self.ready.clone(),
        );
        registry.register(
            "leader",
            "Whether this process is the leader, the only one that writes",
            self.leader.clone(),
        );
        registry.register(
            "gate_closed",
            "Whether a gate is closed. While one is, nothing is written",
            self.gates.clone(),
        );
    }

    fn register_hostnames(&self, registry: &mut Registry) {
        registry.register("objects", "Objects that ask for hostnames", self.objects.clone());
        registry.register(
            "unreadable",
            "Lists that the API server refuses, and objects that cannot be decoded, by kind",
            self.unreadable.clone(),
        );
        registry.register(
            "hostnames",
            "Hostnames of the zone that objects ask for, by state. Each set identifier of a hostname counts",
            self.hostnames.clone(),
        );
        registry.register(
            "hostnames_outside_zone",
            "Hostnames of other zones that objects ask for, and that zonekeeper ignores",
            self.outside.clone(),
        );
        registry.register_with_unit(
            "oldest_pending",
            "How long the oldest pending hostname has waited",
            Unit::Seconds,
            self.longest_wait.clone(),
        );
        registry.register("blocked", "Blocked hostnames, by reason", self.blocked.clone());
        registry.register(
            "braked_everywhere",
            "Hostnames that the brake holds, while it holds those of all namespaces",
            self.braked_everywhere.clone(),
        );
        registry.register(
            "noted",
            "Hostnames whose records are right and not ours, by note",
            self.noted.clone(),
        );
        registry.register(
            "leftovers",
            "Owned record sets that no object wants, at hostnames where others are wanted",
            self.leftovers.clone(),
        );
        registry.register(
            "orphans",
            "Owned record sets at hostnames that no object claims",
            self.orphans.clone(),
        );
    }

    fn register_requests(&self, registry: &mut Registry) {
        registry.register("zone_record_sets", "Record sets in the zone", self.record_sets.clone());
        registry.register(
            "changes_underway",
            "Accepted changes not yet on all name servers",
            self.underway.clone(),
        );
        registry.register(
            "budget_tokens",
            "Requests and changes that zonekeeper may send now. +Inf without a limit",
            self.tokens.clone(),
        );
        registry.register(
            "budget_capacity_tokens",
            "The most requests and changes that it may send at once",
            self.capacity.clone(),
        );
        registry.register(
            "budget_rate_ratio",
            "The used part of the refill, from 0 to 1. A throttle halves it, and it recovers",
            self.rate.clone(),
        );
        let times = [
            (
                "zone_listing_begun_timestamp",
                "When the newest listing of the zone began",
                &self.listing_begun,
            ),
            ("zone_listed_timestamp", "When the newest complete listing of the zone began", &self.listed),
            ("last_change_timestamp", "When the last change request was sent", &self.change_sent),
            (
                "last_accepted_timestamp",
                "When Route 53 last accepted a change request",
                &self.change_accepted,
            ),
        ];
        for (name, help, time) in times {
            let help = format!("{help}, in seconds since 1970. 0: never");
            registry.register_with_unit(name, help, Unit::Seconds, time.clone());
        }
    }

    /// Takes a status.
    pub fn set(&self, status: &Status) {
        self.ready.set(status.is_ready.into());
        self.leader.set(status.is_leader.into());
        self.objects.set(count(status.objects));
        self.record_sets.set(count(status.record_sets));
        self.leftovers.set(count(status.leftovers));
        self.orphans.set(count(status.orphans));
        self.underway.set(count(status.underway));
        self.outside.set(count(status.outside));
        self.braked_everywhere.set(count(status.braked_everywhere));
        for gate in Gate::LABELS {
            let is_closed = status.closed_gates.iter().any(|closed| closed.label() == gate);
            self.gates.get_or_create(&GateLabel { gate }).set(is_closed.into());
        }
        self.gates.get_or_create(&GateLabel { gate: STARTING }).set(status.is_starting.into());
        for kind in Resource::ALL.map(Resource::label) {
            let unreadable = status.unreadable.get(kind).copied().unwrap_or_default();
            self.unreadable.get_or_create(&KindLabel { kind }).set(count(unreadable));
        }
        for reason in Reason::LABELS {
            let blocked = status.blocked.get(reason).copied().unwrap_or_default();
            self.blocked.get_or_create(&ReasonLabel { reason }).set(count(blocked));
        }
        for note in Note::LABELS {
            let noted = status.noted.get(note).copied().unwrap_or_default();
            self.noted.get_or_create(&NoteLabel { note }).set(count(noted));
        }
        let KeyStates { in_sync, noted, pending, unapproved, blocked, longest_wait } = status.keys;
        let hostnames = [
            ("in-sync", in_sync),
            ("noted", noted),
            ("pending", pending),
            ("unapproved", unapproved),
            ("blocked", blocked),
        ];
        for (state, hostnames) in hostnames {
            self.hostnames.get_or_create(&StateLabel { state }).set(count(hostnames));
        }
        // Where this process does not write, nothing waits for it.
        self.longest_wait.set(if status.is_leader { longest_wait.as_secs_f64() } else { 0.0 });
        let budget = status.budget;
        for (bucket, tokens) in [("requests", budget.requests), ("changes", budget.changes)] {
            let of = |number: fn(Tokens) -> u32| tokens.map_or(f64::INFINITY, |it| number(it).into());
            self.tokens.get_or_create(&Bucket { bucket }).set(of(|tokens| tokens.left));
            self.capacity.get_or_create(&Bucket { bucket }).set(of(|tokens| tokens.capacity));
        }
        self.rate.set(budget.rate);
        self.listing_begun.set(status.times.listing_begun);
        self.listed.set(status.times.listed);
        self.change_sent.set(status.times.change_sent);
        self.change_accepted.set(status.times.change_accepted);
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
