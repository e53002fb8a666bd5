//! Watches objects and reduces each to facts the moment it arrives.

use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};

use futures::StreamExt;
use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use kube::{Api, Client, Resource as _};
use kube_runtime::{
    WatchStreamExt,
    watcher::{self, Event, watcher},
};
use tokio::time::Instant;
use tracing::{debug, warn};
use zonekeeper_core::{
    keeper::{Input, Scope},
    source::{Kind, Object, ObjectId, Resource, Rules},
};

use super::{
    client::{cause, said},
    seen::Seen,
};
use crate::{causes, driver::Handle};

/// Objects per page of a list: a page is all that is held in memory at once.
const PAGE: u32 = 100;

/// How long a first list may be refused again and again before that is believed. An API server that has just started
/// refuses what it has not yet read the grant of.
const PATIENCE: Duration = Duration::from_secs(5);

/// The objects of a scope may not be listed.
#[derive(Debug, thiserror::Error)]
#[error(
    "the API server does not let this user list {resource} objects{place}: {text}\n\
     grant it (manifests/base/rbac.yaml shows what is needed), or leave the kind or the namespace out"
)]
pub struct Refused {
    resource: Resource,
    place: String,
    text: String,
}

/// Watches one scope until nobody listens any more. Errors are logged and retried with the backoff of client-go. A first
/// list that stays refused is an error where the watch `ends` with its command; else the others do not wait for it.
pub async fn watch(
    client: Client,
    scope: Scope,
    rules: Arc<Rules>,
    driver: Handle,
    ends: bool,
) -> Result<(), Refused> {
    if scope.resource == Resource::INGRESS {
        of::<Ingress>(client, scope, Kind::Ingress, rules, driver, ends, Object::Ingress).await
    } else {
        of::<Service>(client, scope, Kind::Service, rules, driver, ends, Object::Service).await
    }
}

/// What a watched kind must be able to do.
trait Watched:
    kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
    + Clone
    + std::fmt::Debug
    + serde::de::DeserializeOwned
    + Send
    + 'static
{
}

impl Watched for Ingress {}
impl Watched for Service {}

/// What becomes of objects on their way to the driver.
struct Reader<K> {
    kind: Kind,
    rules: Arc<Rules>,
    object: fn(Box<K>) -> Object,
    /// Objects that could not be read, and why: each is said once.
    unreadable: BTreeMap<ObjectId, String>,
}

/// Since when a first list has been refused, and with nothing else in between.
#[derive(Default)]
struct Refusals {
    since: Option<Instant>,
}

async fn of<K: Watched>(
    client: Client,
    scope: Scope,
    kind: Kind,
    rules: Arc<Rules>,
    driver: Handle,
    ends: bool,
    object: fn(Box<K>) -> Object,
) -> Result<(), Refused> {
    let api: Api<Seen<K>> = match &scope.namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let events = watcher(api, watcher::Config::default().page_size(PAGE)).default_backoff();
    let mut events = pin!(events);
    let mut refusals = Refusals::default();
    let mut reader = Reader { kind, rules, object, unreadable: BTreeMap::new() };
    let (mut is_listed, mut is_denied) = (false, false);
    let mut failing = None;
    while let Some(event) = events.next().await {
        if matches!(event, Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_))) {
            failing = None;
        }
        let input = match event {
            Ok(Event::Init) => Some(Input::Listing(scope.clone())),
            Ok(Event::InitDone) => {
                is_listed = true;
                Some(Input::Listed(scope.clone()))
            }
            Ok(Event::Apply(seen) | Event::InitApply(seen)) => reader.read(seen),
            Ok(Event::Delete(gone)) => reader.gone(&gone),
            Err(error) if !is_listed && !is_denied && refusals.last(&error, Instant::now()) => {
                let refused = Refused::new(&scope, text(&error));
                if ends {
                    return Err(refused);
                }
                is_denied = true;
                warn!(kind = %scope.resource, namespace = scope.namespace, error = %refused, "a kind is not waited for any more; its records stay as they are");
                Some(Input::Denied(scope.clone()))
            }
            Err(error) => {
                let text = text(&error);
                let last = failing.replace(text.clone());
                // It is tried again every second or so: what goes on failing in the same way is said once.
                if last.as_ref() == Some(&text) {
                    debug!(kind = %scope.resource, namespace = scope.namespace, error = text, "the watch fails still");
                } else {
                    warn!(kind = %scope.resource, namespace = scope.namespace, error = text, "the watch failed and begins again");
                }
                None
            }
        };
        if let Some(input) = input
            && !driver.send(input).await
        {
            debug!(kind = %scope.resource, "nobody listens any more");
            break;
        }
    }
    Ok(())
}

// === impl Refused ===

impl Refused {
    fn new(scope: &Scope, text: String) -> Self {
        let place = scope.namespace.as_ref().map(|name| format!(" in namespace {name}"));
        Self { resource: scope.resource, place: place.unwrap_or_default(), text }
    }
}

// === impl Reader ===

impl<K: Watched> Reader<K> {
    /// An object as it is now.
    fn read(&mut self, seen: Seen<K>) -> Option<Input> {
        let id = self.id(&seen)?;
        match seen.object {
            Ok(object) => {
                self.unreadable.remove(&id);
                let facts = (self.object)(object).facts(&self.rules).map(Box::new);
                Some(Input::Facts { object: id, facts })
            }
            Err(error) => {
                if self.unreadable.insert(id.clone(), error.clone()).as_ref() != Some(&error) {
                    warn!(object = %id, error, "an object cannot be read; its records stay as they are");
                }
                Some(Input::Unreadable { object: id })
            }
        }
    }

    /// An object that is there no more.
    fn gone(&mut self, seen: &Seen<K>) -> Option<Input> {
        let id = self.id(seen)?;
        self.unreadable.remove(&id);
        Some(Input::Facts { object: id, facts: None })
    }

    /// Which object it is; `None` without a name, which no API server sends.
    fn id(&self, seen: &Seen<K>) -> Option<ObjectId> {
        let meta = seen.meta();
        let namespace = meta.namespace.as_deref().unwrap_or("default");
        Some(ObjectId::new(self.kind.clone(), namespace, meta.name.as_deref()?))
    }
}

// === impl Refusals ===

impl Refusals {
    /// Notes one more failure; whether it is to be believed that the list is refused.
    fn last(&mut self, error: &watcher::Error, now: Instant) -> bool {
        if is_refusal(error) {
            now - *self.since.get_or_insert(now) > PATIENCE
        } else {
            self.since = None;
            false
        }
    }
}

fn is_refusal(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::InitialListFailed(kube::Error::Api(status)) if matches!(status.code, 401 | 403))
}

fn text(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => cause(error),
        watcher::Error::WatchError(status) => said(status),
        watcher::Error::NoResourceVersion => causes::text(error),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answered(code: u16) -> watcher::Error {
        watcher::Error::InitialListFailed(kube::Error::Api(Box::new(Status { code, ..Status::default() })))
    }

    #[test]
    fn only_what_is_refused_all_the_time_is_believed_to_be() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        for code in [401, 403] {
            let mut refusals = Refusals::default();
            // An API server that was away for a minute, and refuses until it has read its roles.
            for (code, seconds) in [(code, 0), (503, 4), (503, 60), (code, 62), (code, 66)] {
                assert!(!refusals.last(&answered(code), after(seconds)), "{code} after {seconds} s");
            }
            assert!(refusals.last(&answered(code), after(68)));
        }
    }
}
