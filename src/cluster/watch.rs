//! Watches objects and reduces each to facts the moment it arrives.

use std::{pin::pin, sync::Arc};

use futures::StreamExt;
use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use kube::{Api, Client, api::ObjectMeta};
use kube_runtime::{
    WatchStreamExt,
    watcher::{self, Event, watcher},
};
use tracing::{debug, warn};
use zonekeeper_core::{
    keeper::{Input, Scope},
    source::{Kind, Object, Rules},
};

use crate::driver::Handle;

/// Objects per page of a list: a page is all that is held in memory at once.
const PAGE: u32 = 100;

/// Watches one scope until nobody listens any more. Errors are logged and retried with the backoff of client-go.
pub async fn watch(client: Client, scope: Scope, rules: Arc<Rules>, driver: Handle) {
    match scope.kind {
        Kind::Ingress => of::<Ingress>(client, scope, rules, driver, Object::Ingress).await,
        Kind::Service => of::<Service>(client, scope, rules, driver, Object::Service).await,
    }
}

/// What a watched kind must be able to do.
trait Watched:
    kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
    + k8s_openapi::Metadata<Ty = ObjectMeta>
    + Clone
    + std::fmt::Debug
    + serde::de::DeserializeOwned
    + Send
    + 'static
{
}

impl Watched for Ingress {}
impl Watched for Service {}

async fn of<K: Watched>(
    client: Client,
    scope: Scope,
    rules: Arc<Rules>,
    driver: Handle,
    object: fn(Box<K>) -> Object,
) {
    let api: Api<K> = match &scope.namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let events = watcher(api, watcher::Config::default().page_size(PAGE)).default_backoff();
    let mut events = pin!(events);
    while let Some(event) = events.next().await {
        let input = match event {
            Ok(Event::Init) => Some(Input::Listing(scope.clone())),
            Ok(Event::InitDone) => Some(Input::Listed(scope.clone())),
            Ok(Event::Apply(seen) | Event::InitApply(seen)) => {
                let seen = object(Box::new(seen));
                let facts = seen.facts(&rules).map(Box::new);
                seen.id().map(|object| Input::Facts { object, facts })
            }
            Ok(Event::Delete(gone)) => {
                object(Box::new(gone)).id().map(|object| Input::Facts { object, facts: None })
            }
            Err(error) => {
                warn!(kind = %scope.kind, namespace = scope.namespace, error = %text(&error), "the watch failed and begins again");
                None
            }
        };
        if let Some(input) = input
            && !driver.send(input).await
        {
            debug!(kind = %scope.kind, "nobody listens any more");
            return;
        }
    }
}

/// An error with its causes, once each.
fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(cause) = at {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        at = cause.source();
    }
    text
}
