//! Writes the reports of the keeper to the log and the metrics.

use tracing::{info, warn};
use zonekeeper_core::{
    keeper::{ChangeId, Report},
    plan::{Batch, PlanDigest},
};

use super::Metrics;
use crate::driver::Listener;

/// Logs and counts reports.
#[derive(Debug)]
pub struct Reporter {
    metrics: Metrics,
}

// === impl Reporter ===

impl Reporter {
    /// Creates a reporter that counts in `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics }
    }

    /// Logs one audit line per accepted change: the record set before and after, the object, and the change id at AWS.
    fn audit(&self, batch: &Batch, digest: PlanDigest, change_id: Option<&ChangeId>) {
        let change_id = change_id.map_or_else(|| "unknown".to_owned(), ToString::to_string);
        for unit in batch.units() {
            for change in unit.changes() {
                self.metrics.accepted(change);
                let after = change.after();
                info!(
                    dns.name = %after.name(),
                    record.r#type = %after.rtype(),
                    before = change.before().map(|set| set.data.to_string()),
                    after = %after.data,
                    object = %unit.object(),
                    object.uid = %unit.uid(),
                    unit.digest = %unit.digest(),
                    batch.digest = %digest,
                    change.id = change_id,
                    "Route 53 accepted a change"
                );
            }
        }
    }
}

impl Listener for Reporter {
    fn hear(&mut self, report: &Report) {
        match report {
            Report::Accepted { batch, digest, change } => {
                self.metrics.batch(None);
                self.audit(batch, *digest, change.as_ref());
            }
            Report::Refused { units, failure } => {
                self.metrics.batch(Some(failure.class));
                warn!(
                    batch.units = units,
                    error.code = failure.code,
                    error = failure.message,
                    "Route 53 did not accept a change request"
                );
            }
            Report::Blocked(blocked) => info!(
                dns.name = blocked.host,
                object = %blocked.object,
                reason = blocked.reason.label(),
                detail = %blocked.reason,
                fix = blocked.reason.fix(),
                "a hostname is blocked"
            ),
            Report::Noted(noted) => info!(
                dns.name = noted.host,
                object = %noted.object,
                note = noted.note.label(),
                detail = %noted.note,
                fix = noted.note.fix(),
                "the records of a hostname are right and not ours"
            ),
            Report::NoLongerNoted { host, object } => {
                info!(dns.name = host, %object, "the records of a hostname are ours, or are not right any more");
            }
            Report::Planned(unit) => {
                for change in unit.changes() {
                    info!(
                        dns.name = %change.after().name(),
                        record.r#type = %change.after().rtype(),
                        before = change.before().map(|set| set.data.to_string()),
                        after = %change.after().data,
                        why = change.why(),
                        object = %unit.object(),
                        unit.digest = %unit.digest(),
                        "a dry run would make a change"
                    );
                }
            }
            Report::LeftOver(leftover) => info!(
                dns.name = %leftover.set.name(),
                record.r#type = %leftover.set.rtype(),
                object = %leftover.object,
                "a record is left over: no object wants it, and it still gets traffic"
            ),
            Report::NotLeftOver(leftover) => info!(
                dns.name = %leftover.set.name(),
                record.r#type = %leftover.set.rtype(),
                object = %leftover.object,
                "a record is no longer left over"
            ),
            // Logged when it began. This report is for the Event on the object.
            Report::Lasting { .. } => {}
            Report::Unblocked { host, object } => {
                info!(dns.name = host, %object, "a hostname is no longer blocked");
            }
            Report::InSync(change) => info!(change.id = %change, "all name servers have a change"),
            Report::ZoneListed { sets } => info!(zone.record_sets = sets, "the zone has been listed"),
            Report::Failed { what, failure } => {
                self.metrics.failed(what, failure.class);
                warn!(request = what, error.code = failure.code, error = failure.message, "a request failed");
            }
        }
    }
}
