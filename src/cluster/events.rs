//! Events on objects: what people should know of their hostnames, where they look for it.
//!
//! A hostname that stays blocked is a Warning, and so is a record that stays left over; a unit that Route 53 accepted is
//! a Normal. An Event says nothing of another namespace. Its name follows from its content, so that what is said again, by
//! this process or the next, becomes a series of the Event that is there.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

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
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tracing::{debug, warn};
use zonekeeper_core::{
    dns::{RecordSet, RecordType},
    keeper::{Report, Warning},
    plan::{Blocked, Change, Noted, Unit},
    source::{Kind, ObjectId},
};

use super::client::cause;
use crate::driver::Listener;

/// Longest note, in bytes (`events.k8s.io/v1`: "The maximal length of the note is 1kB").
const LONGEST_NOTE: usize = 1_024;
/// Longest hostname or reason within a note, in bytes, so that the fix always has its place.
const LONGEST_PART: usize = 400;
/// Longest name of an object (Kubernetes API conventions: a DNS subdomain).
const LONGEST_NAME: usize = 253;
/// How many Events of one type may wait to be sent. What comes then is in the log only.
const WAITING: usize = 1_000;
/// How often one is sent, in the long run.
const EVERY: Duration = Duration::from_millis(200);
/// How many may be sent at once after a silence.
const BURST: u32 = 50;
/// How long to wait for an API server that does not answer.
const RETRY: Duration = Duration::from_secs(10);

/// Makes Events of what is reported, and queues them.
#[derive(Debug)]
pub struct Events {
    warnings: mpsc::Sender<Event>,
    news: mpsc::Sender<Event>,
    /// Who says so: the pod.
    instance: String,
    /// Whether the last one found no place.
    is_full: bool,
}

/// Events that wait to be sent, Warnings before Normals.
#[derive(Debug)]
pub struct Queue {
    warnings: mpsc::Receiver<Event>,
    news: mpsc::Receiver<Event>,
}

/// When the next Event may be sent.
struct Pace(Instant);

// === impl Events ===

impl Events {
    /// Nothing has been reported yet. The pod's name is in `HOSTNAME`, as Kubernetes sets it.
    pub fn new() -> (Self, Queue) {
        let ((warnings, queued_warnings), (news, queued_news)) =
            (mpsc::channel(WAITING), mpsc::channel(WAITING));
        let instance = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
        let instance = shorten(&instance.unwrap_or_else(|| "zonekeeper".to_owned()), 128);
        let events = Self { warnings, news, instance, is_full: false };
        (events, Queue { warnings: queued_warnings, news: queued_news })
    }

    fn warning(&self, warning: &Warning, uid: &str) -> Event {
        let note = match warning {
            Warning::Blocked(blocked) => of_blocked(blocked),
            Warning::Noted(noted) => of_noted(noted),
            Warning::LeftOver(leftover) => of_leftover(&leftover.set),
        };
        self.event("Warning", warning.label(), &note, warning.object(), uid)
    }

    fn accepted(&self, unit: &Unit) -> Event {
        let sets = unit.changes().iter().map(Change::after);
        let records: Vec<String> =
            sets.filter(|set| *set.rtype() != RecordType::Txt).map(ToString::to_string).collect();
        let host = &unit.key().host;
        let note = match records.as_slice() {
            [] => format!("Route 53 accepted the ownership of {host}"),
            records => format!("Route 53 accepted {}", records.join("; ")),
        };
        self.event("Normal", "Published", &note, unit.object(), unit.uid())
    }

    fn event(&self, type_: &str, reason: &str, note: &str, object: &ObjectId, uid: &str) -> Event {
        let note = shorten(note, LONGEST_NOTE);
        let api_version = match object.kind() {
            Kind::Ingress => Ingress::API_VERSION,
            Kind::Service => Service::API_VERSION,
            // Such an object asks for nothing, so nothing is reported of it.
            Kind::Other(_) => "v1",
        };
        let mut hasher = DefaultHasher::new();
        (uid, type_, reason, &note).hash(&mut hasher);
        let of_object = shorten(object.name(), LONGEST_NAME - 17);
        Event {
            metadata: ObjectMeta {
                namespace: Some(object.namespace().to_owned()),
                name: Some(format!(
                    "{}.{:016x}",
                    of_object.trim_end_matches(['.', '-', '…']),
                    hasher.finish()
                )),
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

    fn queued(&mut self, fits: bool) {
        let was_full = std::mem::replace(&mut self.is_full, !fits);
        if self.is_full && !was_full {
            warn!(waiting = WAITING, "more Events than can be sent: some are left out");
        }
    }
}

impl Listener for Events {
    fn hear(&mut self, report: &Report) {
        match report {
            Report::Accepted { batch, .. } => {
                for unit in batch.units() {
                    let fits = self.news.try_send(self.accepted(unit)).is_ok();
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

// === impl Queue ===

impl Queue {
    /// Sends what is queued, until nobody reports any more. An Event that the API server refuses is left out, after a
    /// line in the log; while it does not answer, everything waits.
    pub async fn send(mut self, client: Client) {
        let mut pace = Pace::rested(Instant::now());
        let mut is_failing = false;
        while let Some(event) = self.next().await {
            sleep_until(pace.next(Instant::now())).await;
            loop {
                let sent = say(&client, &event).await;
                let was_failing = std::mem::replace(&mut is_failing, sent.is_err());
                let Err(error) = sent else { break };
                let is_refused = matches!(&error, kube::Error::Api(status) if status.code < 500);
                let text = cause(&error);
                if was_failing {
                    debug!(error = text, "an Event cannot be sent");
                } else {
                    warn!(
                        error = text,
                        "an Event cannot be sent; what follows of this kind is said at debug"
                    );
                }
                if is_refused {
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
            Some(event) = self.news.recv() => Some(event),
            else => None,
        }
    }
}

/// Creates the Event, or makes it a series where it is there already.
async fn say(client: &Client, event: &Event) -> Result<(), kube::Error> {
    let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
    let name = event.metadata.name.as_deref().unwrap_or_default();
    let api = Api::<Event>::namespaced(client.clone(), namespace);
    match api.create(&PostParams::default(), event).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        created => return created.map(drop),
    }
    // A patch that changes nothing tells what is there, without a right to read all Events.
    let patch = PatchParams::default();
    let known = api.patch(name, &patch, &Patch::Merge(json!({}))).await?;
    let count = known.series.map_or(1, |series| series.count).saturating_add(1);
    let series = json!({"series": {"count": count, "lastObservedTime": MicroTime(Timestamp::now())}});
    api.patch(name, &patch, &Patch::Merge(series)).await.map(drop)
}

// === impl Pace ===

impl Pace {
    /// Nothing has been sent for long.
    fn rested(now: Instant) -> Self {
        Self(now.checked_sub(EVERY * (BURST - 1)).unwrap_or(now))
    }

    /// When the next Event, which comes now, may be sent.
    fn next(&mut self, now: Instant) -> Instant {
        let due = self.0.max(Self::rested(now).0);
        self.0 = due + EVERY;
        due
    }
}

fn of_blocked(blocked: &Blocked) -> String {
    let (host, why) = (shorten(&blocked.host, LONGEST_PART), shorten(&blocked.told(), LONGEST_PART));
    let seen = if blocked.remedy.is_empty() { "" } else { " (`zonekeeper plan` shows it)" };
    format!("{host} is blocked: {why}. Fix: {}{seen}", blocked.reason.fix())
}

fn of_noted(noted: &Noted) -> String {
    let (host, why) = (shorten(&noted.host, LONGEST_PART), shorten(&noted.note.to_string(), LONGEST_PART));
    format!("{host}: {why}. Fix: {}", noted.note.fix())
}

fn of_leftover(set: &RecordSet) -> String {
    let set = shorten(&set.to_string(), LONGEST_PART);
    format!(
        "{set} is left over: nothing asks for it, and it still gets traffic. Fix: ask for it again, or let an operator \
         delete it (`zonekeeper orphans` writes the change batch)"
    )
}

/// The text, or its beginning, in at most so many bytes.
fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let cut = text.floor_char_boundary(most.saturating_sub('…'.len_utf8()));
    format!("{}…", text.get(..cut).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use zonekeeper_core::plan::Reason;

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
    async fn warnings_go_first_and_what_finds_no_place_is_left_out() {
        let (mut events, mut queue) = Events::new();
        let blocked = |n: usize| Blocked {
            host: format!("w{n}.example.com"),
            object: ObjectId::new(Kind::Service, "shop", "web"),
            reason: Reason::NoTarget,
            remedy: Vec::new(),
        };
        let news = events.event("Normal", "Published", "news", &blocked(0).object, "uid");
        events.news.try_send(news).unwrap();
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
    fn names_follow_from_what_is_said() {
        let (events, _queue) = Events::new();
        let long = ObjectId::new(Kind::Ingress, "shop", &format!("{}.{}", "a".repeat(230), "b".repeat(22)));
        let name = |object: &ObjectId, note| {
            events.event("Warning", "NoTarget", note, object, "uid").metadata.name.unwrap()
        };
        assert_eq!(name(&long, "x"), name(&long, "x"));
        assert_ne!(name(&long, "x"), name(&long, "y"));
        assert!(name(&long, "x").len() <= LONGEST_NAME && name(&long, "x").is_ascii());
    }
}
