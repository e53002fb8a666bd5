//! Events on objects: they tell the owners of an object about its hostnames.
//!
//! A hostname that stays blocked and a record that stays left over are Warnings. A unit that Route 53 accepted is a
//! Normal Event. An Event reveals nothing about objects of other namespaces. Its name is a hash of its content, so a
//! repeated Event becomes a series, even if another process repeats it.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use k8s_openapi::{
    Resource,
    api::{
        core::v1::{ObjectReference, Service},
        events::v1::Event,
        networking::v1::Ingress,
    },
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, warn};
use zonekeeper_core::{
    dns::RecordSet,
    keeper::{IgnoredField, Report, Telling, Warning},
    plan::{Blocked, Noted, Unit},
    source::{DnsEndpoint, Kind, ObjectRef},
};

use super::{
    Cluster,
    client::{ANSWER_WITHIN, answer, describe},
    event_queue::{self, event_queue},
    short_text::shorten,
};
use crate::driver::Listener;

/// The longest note, in bytes (`events.k8s.io/v1`: "The maximal length of the note is 1kB").
const LONGEST_NOTE: usize = 1_024;
/// The longest hostname or reason within a note, in bytes, so that there is always room for the fix.
const LONGEST_PART: usize = 400;
/// The longest name of an object (Kubernetes API conventions: a DNS subdomain).
const LONGEST_NAME: usize = 253;
/// The interval between two Events, on average.
const EVERY: Duration = Duration::from_millis(200);
/// How many Events may be sent at once after a quiet time.
const BURST: u32 = 50;
/// How long to wait before an Event is sent again to an API server that did not answer.
const RETRY: Duration = Duration::from_secs(10);
/// Separates the hashes of Event names from other uses of the hash. It changes when the encoding does.
const NAME_DOMAIN: &str = "zonekeeper/event-name/v1";

/// Makes Events from reports, and queues them.
#[derive(Debug)]
pub struct Events {
    queue: event_queue::Sender,
    /// The pod that reports.
    instance: String,
    /// Whether the last Event did not fit into the queue.
    is_full: bool,
}

/// The Events that wait to be sent.
#[derive(Debug)]
pub struct EventQueue(event_queue::Receiver);

/// Limits the rate of Events. It holds the time from which the next one may be sent.
struct Pace(Instant);

// === impl Events ===

impl Events {
    /// Creates a listener and its queue. The name of the pod comes from `HOSTNAME`, which Kubernetes sets.
    pub fn new() -> (Self, EventQueue) {
        let (queue, waiting) = event_queue();
        let instance = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
        let instance = shorten(&instance.unwrap_or_else(|| "zonekeeper".to_owned()), 128);
        (Self { queue, instance, is_full: false }, EventQueue(waiting))
    }

    /// A warning. `others` is the number of other hostnames or records of the object with the same reason.
    fn warning(&self, warning: &Warning, others: usize, uid: &str) -> Event {
        let note = match warning {
            Warning::Blocked(blocked) => blocked_note(blocked, others),
            Warning::Noted(noted) => noted_note(noted, others),
            Warning::LeftOver(leftover) => leftover_note(&leftover.set, others),
            Warning::Ignored(ignored) => ignored_note(ignored, others),
        };
        let type_ = match warning.telling() {
            Telling::Warning => "Warning",
            Telling::Once => "Normal",
        };
        self.event(type_, warning.label(), &note, warning.object(), uid)
    }

    /// Tells an object what Route 53 accepted for it.
    fn accepted(&self, units: &[&Unit]) -> Option<Event> {
        let first = units.first()?;
        let changes = units.iter().flat_map(|unit| unit.changes()).filter(|change| change.is_of_record());
        let records: Vec<String> = changes.map(|change| change.after().to_string()).collect();
        let note = match records.as_slice() {
            [] => {
                let keys: Vec<String> = units.iter().map(|unit| unit.key().to_string()).collect();
                format!("Route 53 accepted the ownership records of {}", keys.join(", "))
            }
            records => format!("Route 53 accepted {}", records.join("; ")),
        };
        Some(self.event("Normal", "Published", &note, first.object(), first.uid()))
    }

    fn event(&self, type_: &str, reason: &str, note: &str, object: &ObjectRef, uid: &str) -> Event {
        let note = shorten(note, LONGEST_NOTE);
        let api_version = match object.kind() {
            Kind::Ingress => Ingress::API_VERSION,
            Kind::Service => Service::API_VERSION,
            Kind::DnsEndpoint => DnsEndpoint::API_VERSION,
            // Such an object asks for nothing, so nothing is reported of it.
            Kind::Other(_) => "v1",
        };
        Event {
            metadata: ObjectMeta {
                namespace: Some(object.namespace().to_owned()),
                name: Some(event_name(object.name(), [uid, type_, reason, &note])),
                ..ObjectMeta::default()
            },
            action: Some("Publish".to_owned()),
            event_time: Some(MicroTime(Timestamp::now())),
            note: Some(note),
            reason: Some(reason.to_owned()),
            regarding: Some(ObjectReference {
                api_version: Some(api_version.to_owned()),
                kind: Some(object.kind().as_str().to_owned()),
                name: Some(object.name().to_owned()),
                namespace: Some(object.namespace().to_owned()),
                uid: Some(uid.to_owned()),
                ..ObjectReference::default()
            }),
            reporting_controller: Some("zonekeeper".to_owned()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some(type_.to_owned()),
            ..Event::default()
        }
    }

    /// Queues an Event, and logs the first one that does not fit.
    fn queue(&mut self, event: Event) {
        let fits = self.queue.send(event);
        let was_full = std::mem::replace(&mut self.is_full, !fits);
        if self.is_full && !was_full {
            warn!(waiting = event_queue::WAITING, "more Events are due than can be sent; some are dropped");
        }
    }
}

impl Listener for Events {
    fn hear(&mut self, report: &Report) {
        match report {
            Report::Accepted { batch, .. } => {
                let mut by_object: BTreeMap<&ObjectRef, Vec<&Unit>> = BTreeMap::new();
                for unit in batch.units() {
                    by_object.entry(unit.object()).or_default().push(unit);
                }
                for units in by_object.values() {
                    if let Some(event) = self.accepted(units) {
                        self.queue(event);
                    }
                }
            }
            Report::Lasting { warning, others, uid } => self.queue(self.warning(warning, *others, uid)),
            _ => {}
        }
    }
}

// === impl EventQueue ===

impl EventQueue {
    /// Sends the queued Events until the listener is dropped.
    ///
    /// An Event that the API server rejects is logged and dropped. While the API server does not answer, all Events wait.
    pub async fn send(self, cluster: Cluster) {
        let mut pace = Pace::rested(Instant::now());
        let mut is_failing = false;
        while self.0.has_next().await {
            sleep_until(pace.next(Instant::now())).await;
            let Some(event) = self.0.take() else { continue };
            loop {
                let sent = answer(ANSWER_WITHIN, create_or_repeat(&cluster, &event)).await;
                let was_failing = std::mem::replace(&mut is_failing, sent.is_err());
                let Err(error) = sent else { break };
                let is_rejected = matches!(&error, kube::Error::Api(status) if status.code < 500);
                let text = describe(&error);
                if was_failing {
                    debug!(error = text, "an Event cannot be sent");
                } else {
                    warn!(
                        error = text,
                        "an Event cannot be sent; further failures in a row are logged at debug"
                    );
                }
                if is_rejected {
                    break;
                }
                sleep(RETRY).await;
            }
        }
    }
}

/// Creates the Event; if it exists already, makes it a series.
async fn create_or_repeat(cluster: &Cluster, event: &Event) -> Result<(), kube::Error> {
    let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
    let name = event.metadata.name.as_deref().unwrap_or_default();
    let api = Api::<Event>::namespaced(cluster.client(), namespace);
    match api.create(&PostParams::default(), event).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        created => return created.map(drop),
    }
    // An empty patch returns the Event, without the permission to read all Events.
    let patch = PatchParams::default();
    let known = api.patch(name, &patch, &Patch::Merge(json!({}))).await?;
    let count = known.series.map_or(1, |series| series.count).saturating_add(1);
    let series = json!({"series": {"count": count, "lastObservedTime": MicroTime(Timestamp::now())}});
    api.patch(name, &patch, &Patch::Merge(series)).await.map(drop)
}

// === impl Pace ===

impl Pace {
    /// The pace after a quiet time: a burst is allowed.
    fn rested(now: Instant) -> Self {
        Self(now.checked_sub(EVERY * (BURST - 1)).unwrap_or(now))
    }

    /// Returns when an Event that is due now may be sent.
    fn next(&mut self, now: Instant) -> Instant {
        let due = self.0.max(Self::rested(now).0);
        self.0 = due + EVERY;
        due
    }
}

/// The name of an Event on an object: a stable hash of its content, so that every process and version names it alike.
fn event_name(object: &str, content: [&str; 4]) -> String {
    let mut hash = Sha256::new();
    for part in [NAME_DOMAIN].iter().chain(&content) {
        // With lengths, so that two different contents are never the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let object = shorten(object, LONGEST_NAME - 17);
    let mut name = format!("{}.", object.trim_end_matches(['.', '-', '…']));
    for byte in hash.finalize().iter().take(8) {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

fn blocked_note(blocked: &Blocked, others: usize) -> String {
    let (host, why) = (
        shorten(&blocked.subject.to_string(), LONGEST_PART),
        shorten(&blocked.message_for_owner(), LONGEST_PART),
    );
    let where_shown = if blocked.remedy.is_empty() { "" } else { " (`zonekeeper plan` shows it)" };
    format!(
        "{host}{} is blocked: {why}. Fix: {}{where_shown}",
        and(others, "hostnames"),
        blocked.reason.fix()
    )
}

fn noted_note(noted: &Noted, others: usize) -> String {
    let (host, why) =
        (shorten(&noted.key.to_string(), LONGEST_PART), shorten(&noted.note.to_string(), LONGEST_PART));
    let where_shown = if noted.remedy.is_empty() { "" } else { " (`zonekeeper plan` shows it)" };
    format!("{host}{}: {why}. Fix: {}{where_shown}", and(others, "hostnames"), noted.note.fix())
}

fn leftover_note(set: &RecordSet, others: usize) -> String {
    let set = shorten(&set.to_string(), LONGEST_PART);
    let others = and(others, "records");
    format!(
        "{set}{others} is left over: no object wants it any more, but it still gets traffic. zonekeeper never deletes it. Fix: add it \
         to the object again, or let an operator delete it (`zonekeeper orphans` writes the change batch)"
    )
}

fn ignored_note(ignored: &IgnoredField, others: usize) -> String {
    let (field, why) = (shorten(&ignored.field, LONGEST_PART), shorten(&ignored.text, LONGEST_PART));
    format!("{field}: {why}{}", and(others, "fields"))
}

/// The other subjects of a note.
fn and(others: usize, what: &str) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} more {what} of this object)") }
}

#[cfg(test)]
mod tests {
    use zonekeeper_core::plan::{Reason, Subject};

    use super::*;

    #[test]
    fn after_a_burst_they_go_at_their_pace() {
        let start = Instant::now() + EVERY * BURST;
        let mut pace = Pace::rested(start);
        let later = start + EVERY * BURST * 3;
        for (now, more) in [(start, 10), (later, 5)] {
            let due = (0..BURST + more).map(|_| pace.next(now)).collect::<Vec<_>>();
            let waits = due.iter().filter(|due| **due > now).map(|due| *due - now);
            assert_eq!(waits.collect::<Vec<_>>(), (1..=more).map(|n| EVERY * n).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn a_note_tells_of_the_other_hostnames_of_its_object() {
        let (mut events, queue) = Events::new();
        let blocked = Blocked {
            subject: Subject::Hostnames("www.example.com".to_owned()),
            object: ObjectRef::new(Kind::Service, "shop", "web"),
            reason: Reason::NoTarget,
            remedy: Vec::new(),
        };
        let warning = Warning::Blocked(Box::new(blocked));
        for others in [0, 499] {
            events.hear(&Report::Lasting { warning: warning.clone(), others, uid: "uid".into() });
        }
        let note = || queue.0.take().unwrap().note.unwrap();
        assert!(note().starts_with("www.example.com is blocked: "));
        assert!(note().starts_with("www.example.com (and 499 more hostnames of this object) is blocked: "));
    }

    #[test]
    fn a_name_depends_on_the_content_alone() {
        let (events, _queue) = Events::new();
        let long = ObjectRef::new(Kind::Ingress, "shop", &format!("{}.{}", "a".repeat(230), "b".repeat(22)));
        let name = |object: &ObjectRef, note| {
            events.event("Warning", "NoTarget", note, object, "uid").metadata.name.unwrap()
        };
        assert_eq!(name(&long, "x"), name(&long, "x"));
        assert_ne!(name(&long, "x"), name(&long, "y"));
        assert!(name(&long, "x").len() <= LONGEST_NAME && name(&long, "x").is_ascii());
    }

    /// Events outlive the process and its version: a name that changes makes a second Event instead of a series.
    #[test]
    fn a_name_is_the_same_in_every_version() {
        let name = event_name("web", ["uid", "Warning", "NoTarget", "a note"]);
        assert_eq!(name, "web.5fdb1c207e26c26b");
        // Parts cannot move from one field to another.
        assert_ne!(name, event_name("web", ["uid", "Warning", "NoTargeta", " note"]));
    }
}
