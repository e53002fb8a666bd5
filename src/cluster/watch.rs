//! Watches the objects of a scope, and tells the driver about them.

use std::{collections::BTreeSet, pin::pin, sync::Arc};

use futures::StreamExt;
use k8s_openapi::api::{
    core::v1::{Node, Pod, Service},
    discovery::v1::EndpointSlice,
    networking::v1::Ingress,
};
use kube::{Api, Client, core::NamespaceResourceScope};
use kube_runtime::{
    WatchStreamExt,
    watcher::{self, Event, watcher},
};
use tokio::{
    task::{JoinError, JoinSet},
    time::Instant,
};
use tracing::{debug, warn};
use zonekeeper_core::{
    keeper::Input,
    source::{DnsEndpoint, Object, Received, Resource, Rules, Scope},
};

use super::{
    Cluster,
    client::{AUTHORIZATION_GRACE, describe, describe_status},
    lenient_object::LenientObject,
    object_reader::{ObjectReader, Watched},
};
use crate::{
    driver::{Handle, Objects, Until},
    error_chain,
};

/// How many objects a page of a list has. No more than one page is in memory at a time.
const PAGE: u32 = 100;
/// The most errors of a watch that are remembered.
const MAX_KNOWN_ERRORS: usize = 16;

/// Why the objects of a cluster cannot be followed any more.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The user may not list a kind.
    #[error(
        "the API server does not let this user list {resource} objects{place}: {text}\n\
         grant it ({manifest} shows what is needed), or leave the kind out ({flag}) or the namespace (--namespace)",
        manifest = manifest(*.resource),
        flag = flag(*.resource)
    )]
    Denied {
        /// The resource.
        resource: Resource,
        /// The namespace, as a part of the sentence.
        place: String,
        /// The message of the API server.
        text: String,
    },
    /// The API server does not have the API of a kind.
    #[error(
        "the API server has no API for {resource} objects: {text}\n\
         install the API (for a custom resource, its CustomResourceDefinition), or leave the kind out ({flag})",
        flag = flag(*.resource)
    )]
    NoApi {
        /// The resource.
        resource: Resource,
        /// The message of the API server.
        text: String,
    },
    /// A watch ended although nobody stopped it.
    #[error("the watch of {0} objects has ended; this is a defect of zonekeeper")]
    Ended(Resource),
    /// No watch exists for a resource.
    #[error("zonekeeper cannot watch {0} objects; this is a defect of zonekeeper")]
    NotWatched(Resource),
    /// A watch panicked.
    #[error("a watch has failed: {0}; this is a defect of zonekeeper")]
    Failed(#[from] JoinError),
}

/// Watches one scope.
struct Watch {
    client: Client,
    scope: Scope,
    rules: Arc<Rules>,
    driver: Handle,
    /// Whether a list that is refused ends the watch, because a command waits for it.
    gives_up: bool,
}

/// Reads the events of a watch into inputs.
struct EventReader<K> {
    scope: Scope,
    objects: ObjectReader<K>,
    errors: ErrorLog,
    /// `None` once the first list has succeeded, or the driver knows that it is refused.
    refusals: Option<Refusals>,
    /// Whether a list that is refused ends the watch, because a command waits for it.
    gives_up: bool,
}

/// Tracks since when the first list has been refused, without any other result in between.
#[derive(Default)]
struct Refusals {
    since: Option<Instant>,
}

/// Logs the errors of a watch; an error that repeats is logged at `debug`.
struct ErrorLog {
    scope: Scope,
    /// The errors since the last success. An API server that is away fails in more than one way, by turns.
    known: BTreeSet<String>,
}

// === impl Objects ===

impl Objects for Cluster {
    type Error = WatchError;

    async fn follow(
        self,
        scopes: Vec<Scope>,
        rules: Arc<Rules>,
        driver: Handle,
        until: Until,
    ) -> Result<(), WatchError> {
        let mut watches = JoinSet::new();
        for scope in scopes {
            let (client, rules, driver) = (self.client(), Arc::clone(&rules), driver.clone());
            let watch = Watch { client, scope, rules, driver, gives_up: until.ends() };
            watches.spawn(watch.run());
        }
        while let Some(ended) = watches.join_next().await {
            ended??;
        }
        Ok(())
    }
}

// === impl Watch ===

impl Watch {
    /// Watches until the driver has ended.
    ///
    /// Errors are logged, and the watch starts again after client-go's backoff. A first list may be refused for a grace
    /// period. After that, the driver is told that the scope cannot be read, and the watch goes on trying.
    async fn run(self) -> Result<(), WatchError> {
        match self.scope.resource {
            Resource::INGRESS => self.namespaced::<Ingress>(|it| Object::Ingress(it).into()).await,
            Resource::SERVICE => self.namespaced::<Service>(|it| Object::Service(it).into()).await,
            Resource::DNS_ENDPOINT => {
                self.namespaced::<DnsEndpoint>(|it| Object::DnsEndpoint(it).into()).await
            }
            Resource::ENDPOINT_SLICE => self.namespaced::<EndpointSlice>(Received::EndpointSlice).await,
            Resource::POD => self.namespaced::<Pod>(Received::Pod).await,
            Resource::NODE => {
                let nodes = Api::all(self.client.clone());
                self.run_as::<Node>(nodes, Received::Node).await
            }
            other => Err(WatchError::NotWatched(other)),
        }
    }

    /// Watches a kind whose objects belong to namespaces.
    async fn namespaced<K>(self, receive: fn(Box<K>) -> Received) -> Result<(), WatchError>
    where
        K: Watched + kube::Resource<Scope = NamespaceResourceScope>,
    {
        let client = self.client.clone();
        let api = match &self.scope.namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        };
        self.run_as(api, receive).await
    }

    async fn run_as<K: Watched>(
        self,
        api: Api<LenientObject<K>>,
        receive: fn(Box<K>) -> Received,
    ) -> Result<(), WatchError> {
        let Self { scope, rules, driver, gives_up, .. } = self;
        let events = watcher(api, watcher::Config::default().page_size(PAGE)).default_backoff();
        // The objects of a page come together. More than a page is asked for, so that the next page is requested before this
        // one is read.
        let mut events = pin!(events.ready_chunks(2 * PAGE as usize));
        let mut reader = EventReader {
            objects: ObjectReader::new(scope.resource, rules, receive),
            errors: ErrorLog { scope: scope.clone(), known: BTreeSet::new() },
            refusals: Some(Refusals::default()),
            gives_up,
            scope,
        };
        while let Some(chunk) = events.next().await {
            let inputs = chunk.into_iter().filter_map(|event| reader.read(event).transpose());
            let inputs: Vec<Input> = inputs.collect::<Result<_, _>>()?;
            if !inputs.is_empty() && !driver.send_all(inputs).await {
                debug!(kind = %reader.scope.resource, "the driver has ended, so the watch ends");
                return Ok(());
            }
        }
        Err(WatchError::Ended(reader.scope.resource))
    }
}

// === impl EventReader ===

impl<K: Watched> EventReader<K> {
    /// Reads an event into an input. Fails if a command waits for a list that is refused.
    fn read(&mut self, event: watcher::Result<Event<LenientObject<K>>>) -> Result<Option<Input>, WatchError> {
        let input = match event {
            Ok(Event::Init) => {
                self.objects.begin_list();
                Some(Input::Listing(self.scope.clone()))
            }
            Ok(Event::InitDone) => {
                self.errors.clear();
                self.objects.end_list();
                self.refusals = None;
                Some(Input::Listed(self.scope.clone()))
            }
            Ok(Event::InitApply(object)) => self.objects.read(object),
            Ok(Event::Apply(object)) => {
                self.errors.clear();
                self.objects.read(object)
            }
            Ok(Event::Delete(object)) => {
                self.errors.clear();
                self.objects.delete(&object)
            }
            Err(error)
                if self.refusals.as_mut().is_some_and(|refusals| refusals.last(&error, Instant::now())) =>
            {
                let error = WatchError::new(&self.scope, &error);
                if self.gives_up {
                    return Err(error);
                }
                self.refusals = None;
                self.errors.unreadable(&error);
                Some(Input::Denied(self.scope.clone()))
            }
            Err(error) => {
                self.errors.log(&error);
                None
            }
        };
        Ok(input)
    }
}

// === impl WatchError ===

impl WatchError {
    /// The error of a first list that stays refused.
    fn new(scope: &Scope, error: &watcher::Error) -> Self {
        let (resource, text) = (scope.resource, describe_watch(error));
        if refusal(error) == Some(404) {
            return Self::NoApi { resource, text };
        }
        let place = scope.namespace.as_ref().map(|name| format!(" in namespace {name}"));
        Self::Denied { resource, place: place.unwrap_or_default(), text }
    }
}

// === impl Refusals ===

impl Refusals {
    /// Notes one more error. Returns whether the list has been refused for longer than the grace period.
    fn last(&mut self, error: &watcher::Error, now: Instant) -> bool {
        if refusal(error).is_some() {
            now - *self.since.get_or_insert(now) > AUTHORIZATION_GRACE
        } else {
            self.since = None;
            false
        }
    }
}

// === impl ErrorLog ===

impl ErrorLog {
    /// Notes a success: the next error is a new one.
    fn clear(&mut self) {
        self.known.clear();
    }

    fn log(&mut self, error: &watcher::Error) {
        let text = describe_watch(error);
        let (kind, namespace) = (self.scope.resource, &self.scope.namespace);
        // The watch is tried again every second or so.
        if self.known.contains(&text) {
            debug!(%kind, namespace, error = text, "the watch still fails");
        } else {
            warn!(%kind, namespace, error = text, "the watch failed and begins again");
            if self.known.len() == MAX_KNOWN_ERRORS {
                self.known.clear();
            }
            self.known.insert(text);
        }
    }

    fn unreadable(&self, error: &WatchError) {
        warn!(
            kind = %self.scope.resource,
            namespace = self.scope.namespace,
            %error,
            "a kind cannot be read; its records stay as they are, and the other kinds are published"
        );
    }
}

/// The manifest that grants the right to read a resource.
fn manifest(resource: Resource) -> &'static str {
    match resource {
        Resource::DNS_ENDPOINT => "manifests/components/dns-endpoints",
        Resource::ENDPOINT_SLICE => "manifests/components/headless-services",
        Resource::NODE => "manifests/components/node-ports",
        Resource::POD => "manifests/components/headless-services, or node-ports,",
        _ => "manifests/base/rbac.yaml",
    }
}

/// The flag that says whether a resource is read.
fn flag(resource: Resource) -> &'static str {
    if resource.kind().is_some() { "--source" } else { "--service-type-filter" }
}

/// The HTTP status of a first list that the API server refuses: the user may not list the kind, or its API does not exist.
fn refusal(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) => {
            Some(status.code).filter(|code| matches!(code, 401 | 403 | 404))
        }
        _ => None,
    }
}

fn describe_watch(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => describe(error),
        watcher::Error::WatchError(status) => describe_status(status),
        watcher::Error::NoResourceVersion => error_chain::text(error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kube::core::Status;

    use super::*;

    fn answered(code: u16) -> watcher::Error {
        watcher::Error::InitialListFailed(kube::Error::Api(Box::new(Status { code, ..Status::default() })))
    }

    #[test]
    fn a_list_counts_as_refused_only_after_a_grace_period_without_another_result() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        for code in [401, 403, 404] {
            let mut refusals = Refusals::default();
            // An API server that was away for a minute, and refuses until it has read its roles.
            for (code, seconds) in [(code, 0), (503, 4), (503, 60), (code, 62), (code, 66)] {
                assert!(!refusals.last(&answered(code), after(seconds)), "{code} after {seconds} s");
            }
            assert!(refusals.last(&answered(code), after(68)));
        }
    }
}
