//! The metrics, in the text format of Prometheus.

use std::sync::{Arc, Mutex, PoisonError, atomic::AtomicU64};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use zonekeeper_core::{keeper::FailureClass, plan::Change};

use crate::driver::Status;

/// All metrics of the process.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    changes: Family<Action, Counter>,
    batches: Family<Outcome, Counter>,
    failures: Family<Failed, Counter>,
    ready: Gauge,
    leader: Gauge,
    objects: Gauge,
    record_sets: Gauge,
    units: Gauge,
    blocked: Family<Reason, Gauge>,
    noted: Family<NoteLabel, Gauge>,
    leftovers: Gauge,
    orphans: Gauge,
    underway: Gauge,
    gates: Family<GateLabel, Gauge>,
    last_accepted: Gauge<f64, AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Action {
    action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    what: &'static str,
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoteLabel {
    note: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GateLabel {
    gate: String,
}

// === impl Metrics ===

impl Metrics {
    /// Creates all metrics, at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("zonekeeper");
        let metrics = Self {
            registry: Arc::default(),
            changes: Family::default(),
            batches: Family::default(),
            failures: Family::default(),
            ready: Gauge::default(),
            leader: Gauge::default(),
            objects: Gauge::default(),
            record_sets: Gauge::default(),
            units: Gauge::default(),
            blocked: Family::default(),
            noted: Family::default(),
            leftovers: Gauge::default(),
            orphans: Gauge::default(),
            underway: Gauge::default(),
            gates: Family::default(),
            last_accepted: Gauge::default(),
        };
        let m = &metrics;
        registry.register("changes", "Changes that Route 53 accepted, by action", m.changes.clone());
        registry.register("batches", "Change requests, by outcome", m.batches.clone());
        registry.register(
            "failed_requests",
            "Failed requests, other than change requests",
            m.failures.clone(),
        );
        registry.register(
            "ready",
            "Whether all objects and the zone are listed, the zone not too long ago",
            m.ready.clone(),
        );
        registry.register(
            "leader",
            "Whether this process is the leader, the only one that writes",
            m.leader.clone(),
        );
        registry.register("objects", "Objects that ask for hostnames", m.objects.clone());
        registry.register("zone_record_sets", "Record sets in the zone", m.record_sets.clone());
        registry.register(
            "units_to_write",
            "Hostnames with changes that this process has to write",
            m.units.clone(),
        );
        registry.register("blocked", "Blocked hostnames, by reason", m.blocked.clone());
        registry.register(
            "noted",
            "Hostnames whose records are right and not ours, by note",
            m.noted.clone(),
        );
        registry.register(
            "leftovers",
            "Owned record sets that no object wants, at hostnames where others are wanted",
            m.leftovers.clone(),
        );
        registry.register(
            "orphans",
            "Owned record sets at hostnames that no object claims",
            m.orphans.clone(),
        );
        registry.register(
            "changes_underway",
            "Accepted changes not yet on all name servers",
            m.underway.clone(),
        );
        registry.register(
            "gate_closed",
            "Closed gates: while there is one, nothing is written",
            m.gates.clone(),
        );
        registry.register(
            "last_accepted_timestamp_seconds",
            "When Route 53 last accepted a change",
            m.last_accepted.clone(),
        );
        // No other thread can hold the lock yet.
        *metrics.registry.lock().unwrap_or_else(PoisonError::into_inner) = registry;
        metrics
    }

    /// Counts one accepted change.
    pub fn accepted(&self, change: &Change) {
        let action = match change {
            Change::Create { .. } => "create",
            Change::Replace { .. } => "replace",
        };
        self.changes.get_or_create(&Action { action }).inc();
    }

    /// Counts a change request by its outcome; `None` means accepted.
    pub fn batch(&self, failure: Option<FailureClass>) {
        let outcome = failure.map_or("accepted", class);
        self.batches.get_or_create(&Outcome { outcome }).inc();
        if failure.is_none()
            && let Ok(now) = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)
        {
            self.last_accepted.set(now.as_secs_f64());
        }
    }

    /// Counts a failed request other than a change request.
    pub fn failed(&self, what: &'static str, failure: FailureClass) {
        self.failures.get_or_create(&Failed { what, class: class(failure) }).inc();
    }

    /// Renders the metrics as text, for the given status.
    pub fn render(&self, status: &Status) -> Result<String, std::fmt::Error> {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.ready.set(status.is_ready.into());
        self.leader.set(status.is_leader.into());
        self.objects.set(count(status.objects));
        self.record_sets.set(count(status.record_sets));
        self.units.set(count(status.units));
        self.leftovers.set(count(status.leftovers));
        self.orphans.set(count(status.orphans));
        self.underway.set(count(status.underway));
        self.noted.clear();
        for (note, noted) in &status.noted {
            self.noted.get_or_create(&NoteLabel { note }).set(count(*noted));
        }
        self.blocked.clear();
        for (reason, blocked) in &status.blocked {
            self.blocked.get_or_create(&Reason { reason }).set(count(*blocked));
        }
        self.gates.clear();
        for gate in &status.closed_gates {
            self.gates.get_or_create(&GateLabel { gate: gate.to_string() }).set(1);
        }
        let mut out = String::new();
        text::encode(&mut out, &self.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(out)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The name of a failure class in the metrics.
pub fn class(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Throttled => "throttled",
        FailureClass::Busy => "busy",
        FailureClass::NotExecuted => "not-executed",
        FailureClass::Unknown => "unknown",
        FailureClass::Refused => "refused",
        FailureClass::Denied => "denied",
        FailureClass::ZoneFull => "zone-full",
        FailureClass::Account => "account",
        FailureClass::Withheld => "withheld",
    }
}
