//! Accepted changes, and how long units waited for them.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};
use zonekeeper_core::{
    keeper::{Cause, Wait},
    plan::Change,
};

/// The bounds of the time until Route 53 accepts a unit, in seconds. Five seconds are the objective in docs/operate/monitoring.md.
const UNTIL_ACCEPTED: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0];
/// The bounds of the time until all name servers have a unit, in seconds. zonekeeper asks every ten seconds.
const UNTIL_IN_SYNC: [f64; 9] = [15.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0, 900.0, 3600.0];

/// The metrics of accepted changes.
#[derive(Debug, Clone)]
pub(super) struct Changes {
    accepted: Family<Action, Counter>,
    until_accepted: Family<CauseLabel, Histogram>,
    until_in_sync: Family<CauseLabel, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Action {
    action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabel {
    cause: &'static str,
}

// === impl Changes ===

impl Changes {
    pub fn register(registry: &mut Registry) -> Self {
        let changes = Self {
            accepted: Family::default(),
            until_accepted: Family::new_with_constructor(|| Histogram::new(UNTIL_ACCEPTED)),
            until_in_sync: Family::new_with_constructor(|| Histogram::new(UNTIL_IN_SYNC)),
        };
        for action in ["create", "replace"] {
            drop(changes.accepted.get_or_create(&Action { action }));
        }
        for cause in Cause::ALL {
            drop(changes.until_accepted.get_or_create(&label(cause)));
            drop(changes.until_in_sync.get_or_create(&label(cause)));
        }
        registry.register("changes", "Changes that Route 53 accepted, by action", changes.accepted.clone());
        registry.register_with_unit(
            "change_accepted",
            "Time until Route 53 accepts the records, for each hostname and set identifier: from the change of an object or of the zone, or \
             from the start of the process. The time for which a hostname was held or rejected does not count, nor the time \
             before an approval, nor the pause of a rollout",
            Unit::Seconds,
            changes.until_accepted.clone(),
        );
        registry.register_with_unit(
            "change_in_sync",
            "The same, until all name servers of Route 53 have the records. zonekeeper asks every 10 seconds",
            Unit::Seconds,
            changes.until_in_sync.clone(),
        );
        changes
    }

    pub fn accepted(&self, change: &Change) {
        let action = match change {
            Change::Create { .. } => "create",
            Change::Replace { .. } => "replace",
        };
        self.accepted.get_or_create(&Action { action }).inc();
    }

    pub fn waited(&self, Wait { cause, time }: Wait) {
        self.until_accepted.get_or_create(&label(cause)).observe(time.as_secs_f64());
    }

    pub fn in_sync(&self, Wait { cause, time }: Wait) {
        self.until_in_sync.get_or_create(&label(cause)).observe(time.as_secs_f64());
    }
}

fn label(cause: Cause) -> CauseLabel {
    CauseLabel { cause: cause.label() }
}
