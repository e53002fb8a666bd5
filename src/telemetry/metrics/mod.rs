//! The metrics, in the text format of OpenMetrics.
//!
//! Every metric has a value from the start, so that a rate shows the first event. Label values are identifiers, and each
//! label has a fixed set of values.

mod changes;
mod process;
mod requests;
mod state;
mod zone;

use std::{fmt, sync::Arc, time::Duration};

use changes::Changes;
use prometheus_client::{
    encoding::text,
    metrics::{gauge::Gauge, info::Info},
    registry::Registry,
};
use requests::Requests;
pub use requests::{Measured, Operation};
use state::State;
use zone::Zone;
pub use zone::ZoneInfo;
use zonekeeper_core::{
    keeper::{Failure, Wait},
    plan::Change,
};

use crate::driver::{Status, ZoneAccess};

/// All metrics of the process.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    changes: Changes,
    requests: Requests,
    state: State,
    zone: Arc<Zone>,
    zone_quota: Gauge,
}

// === impl Metrics ===

impl Metrics {
    /// Creates all metrics, at zero. Failed requests are counted by these codes, and other ones together.
    pub fn new(codes: impl IntoIterator<Item = &'static str>) -> Self {
        let mut registry = Registry::default();
        process::register(&mut registry);
        let own = registry.sub_registry_with_prefix("zonekeeper");
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        own.register("build", "The version of this program", Info::new(version));
        let zone = Arc::new(Zone::default());
        own.register_collector(Box::new(Arc::clone(&zone)));
        let (changes, requests) = (Changes::register(own), Requests::register(own, codes));
        let state = State::register(own);
        let zone_quota = Gauge::default();
        let help = "The quota of Route 53 for record sets in the zone, as --zone-quota states it";
        own.register("zone_record_sets_quota", help, zone_quota.clone());
        Self { registry: Arc::new(registry), changes, requests, state, zone, zone_quota }
    }

    /// Sets the zone. Its name is known later than its id.
    pub fn set_zone(&self, zone: ZoneInfo) {
        self.zone.set(zone);
    }

    /// Sets the quota for record sets in the zone.
    pub fn set_zone_quota(&self, record_sets: u32) {
        self.zone_quota.set(record_sets.into());
    }

    /// Measures the requests of a client.
    pub fn measured<A: ZoneAccess>(&self, access: A) -> Measured<A> {
        Measured::new(access, self.requests.clone())
    }

    /// Counts one request, with the time until its answer.
    pub fn requested(&self, operation: Operation, failure: Option<&Failure>, time: Duration) {
        self.requests.count(operation, failure, time);
    }

    /// Counts one accepted change.
    pub fn accepted(&self, change: &Change) {
        self.changes.accepted(change);
    }

    /// Takes how long a unit waited until Route 53 accepted it.
    pub fn waited(&self, wait: Wait) {
        self.changes.waited(wait);
    }

    /// Takes how long a unit waited until all name servers had it.
    pub fn in_sync(&self, wait: Wait) {
        self.changes.in_sync(wait);
    }

    /// Renders the metrics as text, for the given status.
    pub fn render(&self, status: &Status) -> Result<String, fmt::Error> {
        self.state.set(status);
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}
