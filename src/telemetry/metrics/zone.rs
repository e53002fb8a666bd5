//! The metric that names the zone, the owner id and the mode of the process.

use std::{
    fmt,
    sync::{PoisonError, RwLock},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::info::Info,
};

/// The zone, the owner id and the mode of a process.
#[derive(Debug, Clone)]
pub struct ZoneInfo {
    /// The id of the zone.
    pub zone_id: String,
    /// The name of the zone. It is empty until the zone is open.
    pub zone_name: String,
    /// The owner id.
    pub owner: String,
    /// The mode: `dry-run`, `approve` or `apply`.
    pub mode: &'static str,
}

/// The metric with the zone.
#[derive(Debug, Default)]
pub(super) struct Zone(RwLock<Option<ZoneInfo>>);

// === impl Zone ===

impl Zone {
    /// Sets the zone.
    pub fn set(&self, zone: ZoneInfo) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(zone);
    }
}

impl Collector for Zone {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(ZoneInfo { zone_id, zone_name, owner, mode }) = known.as_ref() else { return Ok(()) };
        let labels =
            [("zone_id", zone_id.as_str()), ("zone_name", zone_name), ("owner", owner), ("mode", *mode)];
        let info = Info::new(labels.map(|(key, value)| (key, value.to_owned())).to_vec());
        let help = "The zone, the owner id and the mode of this process";
        info.encode(encoder.encode_descriptor("zone", help, None, info.metric_type())?)
    }
}
