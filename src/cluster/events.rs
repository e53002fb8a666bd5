//! Events on objects: they tell the owners of an object about its hostnames.
//!
//! A hostname that stays blocked and a record that stays left over are Warnings. A unit that Route 53 accepted is a
//! Normal Event. An Event reveals nothing about objects of other namespaces. Its name is a hash of its content, so a
//! repeated Event becomes a series, even if another process repeats it.

use std::{fmt::Write as _, time::Duration};

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
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tracing::{debug, warn};
use zonekeeper_core::{
    dns::RecordSet,
    keeper::{Report, Warning},
    plan::{Blocked, Noted, Unit},
    source::{Kind, ObjectRef},
};

use super::{Cluster, client::describe};
use crate::driver::Listener;

/// The longest note, in bytes (`events.k8s.io/v1`: "The maximal length of the note is 1kB").
const LONGEST_NOTE: usize = 1_024;
/// The longest hostname or reason within a note, in bytes, so that there is always room for the fix.
const LONGEST_PART: usize = 400;
/// The longest name of an object (Kubernetes API conventions: a DNS subdomain).
const LONGEST_NAME: usize = 253;
/// How many Events of one type may wait to be sent. Further ones are dropped; the log has them.
const WAITING: usize = 1_000;
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
    warnings: mpsc::Sender<Event>,
    normals: mpsc::Sender<Event>,
    /// The pod that reports.
    instance: String,
    /// Whether the last Event was dropped because the queue was full.
    is_full: bool,
}

/// The Events that wait to be sent; Warnings go first.
#[derive(Debug)]
pub struct EventQueue {
    warnings: mpsc::Receiver<Event>,
    normals: mpsc::Receiver<Event>,
}

/// Limits the rate of Events. It holds the time from which the next one may be sent.
struct Pace(Instant);

// === impl Events ===

impl Events {
    /// Creates a listener and its queue. The name of the pod comes from `HOSTNAME`, which Kubernetes sets.
    pub fn new() -> (Self, EventQueue) {
        let ((warnings, queued_warnings), (normals, queued_normals)) =
            (mpsc::channel(WAITING), mpsc::channel(WAITING));
        let instance = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
        let instance = shorten(&instance.unwrap_or_else(|| "zonekeeper".to_owned()), 128);
        let events = Self { warnings, normals, instance, is_full: false };
        (events, EventQueue { warnings: queued_warnings, normals: queued_normals })
    }

    fn warning(&self, warning: &Warning, uid: &str) -> Event {
        let note = match warning {
            Warning::Blocked(blocked) => blocked_note(blocked),
            Warning::Noted(noted) => noted_note(noted),
            Warning::LeftOver(leftover) => leftover_note(&leftover.set),
        };
        self.event("Warning", warning.label(), &note, warning.object(), uid)
    }

    fn accepted(&self, unit: &Unit) -> Event {
        let changes = unit.changes().iter().filter(|change| change.is_of_record());
        let records: Vec<String> = changes.map(|change| change.after().to_string()).collect();
        let note = match records.as_slice() {
            [] => format!("Route 53 accepted the ownership records of {}", unit.key()),
            records => format!("Route 53 accepted {}", records.join("; ")),
        };
        self.event("Normal", "Published", &note, unit.object(), unit.uid())
    }

    fn event(&self, type_: &str, reason: &str, note: &str, object: &ObjectRef, uid: &str) -> Event {
        let note = shorten(note, LONGEST_NOTE);
        let api_version = match object.kind() {
            Kind::Ingress => Ingress::API_VERSION,
            Kind::Service => Service::API_VERSION,
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

    /// Notes whether an Event fitted into the queue, and logs the first one that did not.
    fn queued(&mut self, fits: bool) {
        let was_full = std::mem::replace(&mut self.is_full, !fits);
        if self.is_full && !was_full {
            warn!(waiting = WAITING, "more Events are due than can be sent; some are dropped");
        }
    }
}

impl Listener for Events {
    fn hear(&mut self, report: &Report) {
        match report {
            Report::Accepted { batch, .. } => {
                for unit in batch.units() {
                    let fits = self.normals.try_send(self.accepted(unit)).is_ok();
                    self.queued(fits);
                }
            }
            Report::Lasting { warning, uid } => {
                let fits = self.warnings.try_send(self.warning(warning, uid)).is_ok();
                self.queued(fits);
            }
            _ => {}
        }
    }
}

// === impl EventQueue ===

impl EventQueue {
    /// Sends the queued Events until the listener is dropped.
    ///
    /// An Event that the API server rejects is logged and dropped. While the API server does not answer, all Events wait.
    pub async fn send(mut self, cluster: Cluster) {
        let mut pace = Pace::rested(Instant::now());
        let mut is_failing = false;
        while let Some(event) = self.next().await {
            sleep_until(pace.next(Instant::now())).await;
            loop {
                let sent = create_or_repeat(&cluster, &event).await;
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

    async fn next(&mut self) -> Option<Event> {
        tokio::select! {
            biased;
            Some(event) = self.warnings.recv() => Some(event),
            Some(event) = self.normals.recv() => Some(event),
            else => None,
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

fn blocked_note(blocked: &Blocked) -> String {
    let (host, why) = (
        shorten(&blocked.subject.to_string(), LONGEST_PART),
        shorten(&blocked.message_for_owner(), LONGEST_PART),
    );
    let where_shown = if blocked.remedy.is_empty() { "" } else { " (`zonekeeper plan` shows it)" };
    format!("{host} is blocked: {why}. Fix: {}{where_shown}", blocked.reason.fix())
}

fn noted_note(noted: &Noted) -> String {
    let (host, why) =
        (shorten(&noted.key.to_string(), LONGEST_PART), shorten(&noted.note.to_string(), LONGEST_PART));
    let where_shown = if noted.remedy.is_empty() { "" } else { " (`zonekeeper plan` shows it)" };
    format!("{host}: {why}. Fix: {}{where_shown}", noted.note.fix())
}

fn leftover_note(set: &RecordSet) -> String {
    let set = shorten(&set.to_string(), LONGEST_PART);
    format!(
        "{set} is left over: no object wants it any more, but it still gets traffic. zonekeeper never deletes it. Fix: add it \
         to the object again, or let an operator delete it (`zonekeeper orphans` writes the change batch)"
    )
}

/// Cuts a text to at most `most` bytes.
fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let cut = text.floor_char_boundary(most.saturating_sub('…'.len_utf8()));
    format!("{}…", text.get(..cut).unwrap_or_default())
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
    async fn warnings_go_first_and_a_full_queue_drops_events() {
        let (mut events, mut queue) = Events::new();
        let blocked = |n: usize| Blocked {
            subject: Subject::Hostnames(format!("w{n}.example.com")),
            object: ObjectRef::new(Kind::Service, "shop", "web"),
            reason: Reason::NoTarget,
            remedy: Vec::new(),
        };
        let normal = events.event("Normal", "Published", "note", &blocked(0).object, "uid");
        events.normals.try_send(normal).unwrap();
        for n in 0..WAITING + 5 {
            let warning = Warning::Blocked(Box::new(blocked(n)));
            events.hear(&Report::Lasting { warning, uid: "uid".into() });
        }
        drop(events);
        let mut sent = Vec::new();
        while let Some(event) = queue.next().await {
            sent.push(event.type_.unwrap());
        }
        assert_eq!(sent, [vec!["Warning"; WAITING], vec!["Normal"]].concat());
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
