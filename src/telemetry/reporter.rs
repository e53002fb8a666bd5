//! Writes the reports of the keeper to the log and the metrics.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tracing::{debug, info, warn};
use zonekeeper_core::{
    dns::{RecordSet, Routing, SetId},
    keeper::{ChangeId, IgnoredField, Report, Telling, Wait},
    plan::{Batch, PlanDigest},
    source::ClaimKey,
};

use super::Metrics;
use crate::driver::Listener;

/// The longest content of a record set in a log line, in bytes. With it, a line has at most 16 KiB, also if each character has a
/// backslash in JSON. Container runtimes split longer lines.
const MAX_CONTENT: usize = 3_500;
/// The most changes whose propagation is logged. An older one has been lost.
const MOST_UNDERWAY: usize = 1_000;

/// Logs and counts reports.
#[derive(Debug)]
pub struct Reporter {
    metrics: Metrics,
    /// The accepted changes that some name servers may not have yet, the oldest first.
    underway: VecDeque<Underway>,
}

/// An accepted change that some name servers may not have yet.
#[derive(Debug)]
struct Underway {
    change: ChangeId,
    batch: Arc<Batch>,
    /// How long its units waited until it was accepted.
    waits: Vec<Wait>,
}

// === impl Reporter ===

impl Reporter {
    /// Creates a reporter that counts in `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, underway: VecDeque::new() }
    }

    /// Logs one line for each hostname of a change that all name servers have. `after`: the time since it was accepted.
    fn in_sync(&mut self, change: &ChangeId, after: Duration) {
        let Some(at) = self.underway.iter().position(|underway| underway.change == *change) else { return };
        let Some(Underway { batch, waits, .. }) = self.underway.remove(at) else { return };
        for wait in waits {
            self.metrics.in_sync(Wait { time: wait.time.saturating_add(after), ..wait });
        }
        for unit in batch.units() {
            info!(
                dns_name = %unit.key().host,
                record_set_identifier = of_key(unit.key()),
                object = %unit.object(),
                change_id = %change,
                "all name servers have a change"
            );
        }
    }

    /// Logs one audit line per accepted change: the record set before and after, the object, and the change id at AWS.
    fn audit(&self, batch: &Batch, digest: PlanDigest, change_id: Option<&ChangeId>) {
        let change_id = change_id.map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let batch_digest = digest.to_string();
        for unit in batch.units() {
            let (object, unit_digest) = (unit.object().to_string(), unit.digest().to_string());
            for change in unit.changes() {
                self.metrics.accepted(change);
                let after = change.after();
                info!(
                    dns_name = after.name().as_str(),
                    record_type = after.rtype().as_str(),
                    record_set_identifier = set_identifier(after),
                    before = change.before().map(content),
                    after = content(after),
                    object,
                    object_uid = unit.uid().as_str(),
                    unit_digest,
                    batch_digest,
                    change_id,
                    "Route 53 accepted a change"
                );
            }
        }
    }
}

impl Listener for Reporter {
    fn hear(&mut self, report: &Report) {
        match report {
            Report::Accepted { batch, digest, change, waits } => {
                self.audit(batch, *digest, change.as_ref());
                for wait in waits {
                    self.metrics.waited(*wait);
                }
                if let Some(change) = change {
                    let (change, batch, waits) = (change.clone(), Arc::clone(batch), waits.clone());
                    self.underway.push_back(Underway { change, batch, waits });
                    if self.underway.len() > MOST_UNDERWAY {
                        self.underway.pop_front();
                    }
                }
            }
            Report::Refused { units, failure } => {
                warn!(
                    batch_units = units,
                    error_code = failure.code,
                    error = failure.message,
                    "Route 53 did not accept a change request"
                );
            }
            Report::Blocked(blocked) => info!(
                dns_name = blocked.subject.hostname(),
                record_set_identifier = blocked.subject.key().and_then(of_key),
                object = %blocked.object,
                reason = blocked.reason.label(),
                detail = %blocked.reason,
                fix = blocked.reason.fix(),
                "a hostname is blocked"
            ),
            Report::Noted(noted) => info!(
                dns_name = %noted.key.host,
                record_set_identifier = of_key(&noted.key),
                object = %noted.object,
                note = noted.note.label(),
                detail = %noted.note,
                fix = noted.note.fix(),
                "the records of a hostname are right and not ours"
            ),
            Report::NoLongerNoted { key, object } => info!(
                dns_name = %key.host,
                record_set_identifier = of_key(key),
                %object,
                "the records of a hostname are ours, or are not right any more"
            ),
            Report::Planned(unit) => {
                for change in unit.changes() {
                    info!(
                        dns_name = %change.after().name(),
                        record_type = %change.after().rtype(),
                        record_set_identifier = set_identifier(change.after()),
                        before = change.before().map(content),
                        after = content(change.after()),
                        why = change.why(),
                        object = %unit.object(),
                        unit_digest = %unit.digest(),
                        "a dry run would make a change"
                    );
                }
            }
            Report::ObjectState(state) => debug!(
                object = %state.object,
                generation = state.generation,
                state = state.readiness.label(),
                "the state of an object has changed"
            ),
            Report::LeftOver(leftover) => info!(
                dns_name = %leftover.set.name(),
                record_type = %leftover.set.rtype(),
                record_set_identifier = set_identifier(&leftover.set),
                object = %leftover.object,
                "a record is left over: no object wants it, and it still gets traffic"
            ),
            Report::NotLeftOver(leftover) => info!(
                dns_name = %leftover.set.name(),
                record_type = %leftover.set.rtype(),
                record_set_identifier = set_identifier(&leftover.set),
                object = %leftover.object,
                "a record is no longer left over"
            ),
            Report::Ignored(found) => ignored(found),
            Report::NoLongerIgnored(gone) => no_longer_ignored(gone),
            // Logged when it began. This report is for the Event on the object.
            Report::Lasting { .. } => {}
            Report::Unblocked { subject, object } => info!(
                dns_name = subject.hostname(),
                record_set_identifier = subject.key().and_then(of_key),
                %object,
                "a hostname is no longer blocked"
            ),
            Report::InSync { change, after } => self.in_sync(change, *after),
            Report::ZoneListed { sets } => info!(zone_record_sets = sets, "the zone has been listed"),
            Report::Failed { what, failure } => {
                warn!(request = what, error_code = failure.code, error = failure.message, "a request failed");
            }
        }
    }
}

fn ignored(found: &IgnoredField) {
    let IgnoredField { object, field, text, telling } = found;
    match telling {
        Telling::Warning => {
            info!(%object, field, detail = text, "a field of an object has no effect, or another effect than it seems");
        }
        // Where several zonekeepers share a cluster, each has many such objects.
        Telling::Once => {
            debug!(%object, field, detail = text, "an object asks for a hostname of another zone");
        }
    }
}

fn no_longer_ignored(gone: &IgnoredField) {
    let IgnoredField { object, field, telling, .. } = gone;
    match telling {
        Telling::Warning => info!(%object, field, "an object does not have a field without effect any more"),
        Telling::Once => {
            debug!(%object, field, "an object does not ask for a hostname of another zone any more");
        }
    }
}

/// The set identifier of a key; none under simple routing.
fn of_key(key: &ClaimKey) -> Option<&str> {
    key.set_id.as_ref().map(SetId::as_str)
}

/// The set identifier of a record set; none under simple routing.
fn set_identifier(set: &RecordSet) -> Option<&str> {
    set.key.set_id.as_ref().map(SetId::as_str)
}

/// The routing policy of a record set, if it has one, and its data: a change of the policy alone must be visible. A very long text
/// is cut.
fn content(set: &RecordSet) -> String {
    let mut text = match &set.routing {
        Routing::Simple => set.data.to_string(),
        Routing::Policy(policy) => format!("{policy} {}", set.data),
    };
    if text.len() > MAX_CONTENT {
        let all = text.len();
        text.truncate(text.floor_char_boundary(MAX_CONTENT));
        text = format!("{text}… (cut: {all} bytes)");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use zonekeeper_core::dns::{Data, Name, Policy, RecordType, Rule, SetKey, Ttl, Values};

    use super::*;

    #[test]
    fn the_log_shows_a_change_of_the_weight_alone() {
        let weighted = |weight| RecordSet {
            key: SetKey {
                name: Name::from_hostname("www.example.com").unwrap(),
                rtype: RecordType::A,
                set_id: Some(SetId::new("blue")),
            },
            routing: Routing::Policy(Arc::new(Policy {
                rule: Some(Rule::Weight(weight)),
                health_check: None,
            })),
            data: Data::Values { ttl: Ttl::DEFAULT, values: Values::from_iter(["192.0.2.1".into()]) },
        };
        assert_eq!(content(&weighted(10)), "weight=10 192.0.2.1 ttl=300");
        assert_ne!(content(&weighted(10)), content(&weighted(30)));
        assert_eq!(set_identifier(&weighted(10)), Some("blue"));
    }

    #[test]
    fn a_record_set_with_hundreds_of_values_is_cut() {
        let values = (0..400).map(|number| format!("\"{number}{}\"", "é".repeat(40)).into());
        let set = RecordSet::simple(
            Name::from_hostname("www.example.com").unwrap(),
            RecordType::Txt,
            Data::Values { ttl: Ttl::DEFAULT, values: values.collect::<Values>() },
        );
        let text = content(&set);
        assert!(text.len() <= MAX_CONTENT + 30, "{}", text.len());
        assert!(text.ends_with(&format!("… (cut: {} bytes)", set.data.to_string().len())), "{text}");
    }
}
