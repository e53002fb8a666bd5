//! The status of `DNSEndpoint` objects: it says whether the records are as wanted, and if not, why.
//!
//! The keeper reports the state of an object when it changes. Of each object, only the newest state waits to be written.

mod object;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition, jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};
use tracing::{debug, warn};
use zonekeeper_core::{
    keeper::{ObjectState, Readiness, Report},
    source::ObjectRef,
};

pub use self::object::DNSEndpoint;
use super::{
    Cluster,
    client::{ANSWER_WITHIN, answer, describe},
};
use crate::{driver::Listener, leadership::Terms};

/// The time between two writes. Each of them is a read and at most one patch.
const EVERY: Duration = Duration::from_millis(200);
/// How long a state must last in which records still wait to be written. Most of them are written in less.
const PENDING: Duration = Duration::from_secs(2);
/// How long to wait before a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Takes the states of objects from reports.
#[derive(Debug)]
pub struct DnsEndpoints(Arc<Shared>);

/// Writes the states into the objects.
#[derive(Debug)]
pub struct DnsEndpointStatuses(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<BTreeMap<ObjectRef, Waiting>>,
    /// Whether there will be no further states.
    is_closed: AtomicBool,
    /// Told when a state comes, or when there will be none.
    changed: Notify,
}

/// A state that waits to be written.
#[derive(Debug)]
struct Waiting {
    due: Instant,
    state: ObjectState,
}

// === impl DnsEndpoints ===

impl DnsEndpoints {
    /// Creates a listener, and the writer of the states that it hears.
    pub fn new() -> (Self, DnsEndpointStatuses) {
        let shared = Arc::<Shared>::default();
        (Self(Arc::clone(&shared)), DnsEndpointStatuses(shared))
    }

    /// The `CustomResourceDefinition`, for `kubectl apply`.
    pub fn definition() -> CustomResourceDefinition {
        object::definition()
    }
}

impl Listener for DnsEndpoints {
    fn hear(&mut self, report: &Report) {
        if let Report::ObjectState(state) = report {
            let delay = match state.readiness {
                Readiness::Waiting { .. } => PENDING,
                Readiness::Ready { .. } | Readiness::Blocked { .. } => Duration::ZERO,
            };
            self.0.put(Instant::now() + delay, ObjectState::clone(state));
        }
    }
}

impl Drop for DnsEndpoints {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Release);
        self.0.changed.notify_one();
    }
}

// === impl DnsEndpointStatuses ===

impl DnsEndpointStatuses {
    /// Writes the states while this process leads, until the listener is dropped.
    pub async fn write(self, cluster: Cluster, mut terms: Terms) {
        let client = cluster.client();
        let mut is_failing = false;
        loop {
            // A new leader reports the state of every object, so older states can wait for the next term.
            if !terms.is_current() && !terms.next().await {
                return;
            }
            let Some(due) = self.0.next_due().await else { return };
            tokio::select! {
                () = sleep_until(due) => {}
                // Another state may be due earlier.
                () = self.0.changed.notified() => continue,
            }
            let Some(state) = self.0.take(due).filter(|_| terms.is_current()) else { continue };
            let written = write(&client, &state, &terms).await;
            let was_failing = std::mem::replace(&mut is_failing, written.is_err());
            if let Err(error) = written {
                self.failed(&error, state, was_failing);
            }
            sleep(EVERY).await;
        }
    }

    /// Logs a failure, and keeps the state for later, unless the API server rejects this one.
    fn failed(&self, error: &kube::Error, state: ObjectState, was_failing: bool) {
        let (object, text) = (&state.object, describe(error));
        let is_changed = matches!(error, kube::Error::Api(status) if status.is_conflict());
        if was_failing || is_changed {
            debug!(%object, error = text, "the status of an object cannot be written");
        } else {
            warn!(
                %object,
                error = text,
                "the status of an object cannot be written; further failures in a row are logged at debug"
            );
        }
        // A missing right may be granted later.
        let is_rejected = matches!(error, kube::Error::Api(status) if matches!(status.code, 400 | 404 | 422));
        if !is_rejected {
            self.0.put_back(Instant::now() + if is_changed { EVERY } else { RETRY }, state);
        }
    }
}

/// Writes a state, on condition that the object has not changed since this process read it as the leader. Otherwise a late
/// request could overwrite the status of the next leader.
async fn write(client: &Client, state: &ObjectState, terms: &Terms) -> kube::Result<()> {
    let (namespace, name) = (state.object.namespace(), state.object.name());
    let api = Api::<DNSEndpoint>::namespaced(client.clone(), namespace);
    let Some(found) = answer(ANSWER_WITHIN, api.get_opt(name)).await? else { return Ok(()) };
    let is_same = found.metadata.uid.as_deref().unwrap_or_default() == &*state.uid;
    let status = found.status.unwrap_or_default().updated(state, Timestamp::now());
    let Some(status) = status.filter(|_| is_same && terms.is_current()) else { return Ok(()) };
    let patch = json!({"metadata": {"resourceVersion": found.metadata.resource_version}, "status": status});
    let (parameters, patch) = (PatchParams::default(), Patch::Merge(&patch));
    answer(ANSWER_WITHIN, api.patch_status(name, &parameters, &patch)).await.map(drop)
}

// === impl Shared ===

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, BTreeMap<ObjectRef, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a state. It replaces the one of the same object that waits.
    fn put(&self, due: Instant, state: ObjectState) {
        self.waiting().insert(state.object.clone(), Waiting { due, state });
        self.changed.notify_one();
    }

    /// Adds a state again, unless a newer one of the same object waits.
    fn put_back(&self, due: Instant, state: ObjectState) {
        self.waiting().entry(state.object.clone()).or_insert(Waiting { due, state });
    }

    /// Waits until there is a state, and returns when the first one is due. None if there will be no further states.
    async fn next_due(&self) -> Option<Instant> {
        loop {
            let changed = self.changed.notified();
            let is_closed = self.is_closed.load(Ordering::Acquire);
            let first = self.waiting().values().map(|waiting| waiting.due).min();
            if is_closed || first.is_some() {
                return first.filter(|_| !is_closed);
            }
            changed.await;
        }
    }

    /// Takes a state that is due.
    fn take(&self, now: Instant) -> Option<ObjectState> {
        let mut waiting = self.waiting();
        let first = waiting.iter().filter(|(_, waiting)| waiting.due <= now).min_by_key(|(_, it)| it.due)?;
        let object = first.0.clone();
        waiting.remove(&object).map(|waiting| waiting.state)
    }
}

#[cfg(test)]
mod tests {
    use zonekeeper_core::source::Kind;

    use super::*;

    fn state(name: &str, generation: i64) -> ObjectState {
        let object = ObjectRef::new(Kind::DnsEndpoint, "shop", name);
        ObjectState {
            object,
            uid: "uid".into(),
            generation,
            readiness: Readiness::Ready { keys: 1, noted: None },
        }
    }

    #[test]
    fn only_the_newest_state_of_an_object_waits() {
        let (shared, now) = (Shared::default(), Instant::now());
        shared.put(now, state("web", 1));
        shared.put(now + PENDING, state("web", 2));
        assert_eq!(shared.take(now), None);
        // A state whose write has failed is older than the one that waits.
        shared.put_back(now, state("web", 1));
        assert_eq!(shared.take(now + PENDING), Some(state("web", 2)));
        assert_eq!(shared.take(now + PENDING), None);
    }

    #[test]
    fn the_state_that_is_due_first_is_written_first() {
        let (shared, now) = (Shared::default(), Instant::now());
        shared.put(now + PENDING, state("api", 1));
        shared.put(now, state("web", 1));
        assert_eq!(shared.take(now + PENDING), Some(state("web", 1)));
        assert_eq!(shared.take(now + PENDING), Some(state("api", 1)));
    }
}
