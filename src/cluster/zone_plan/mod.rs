//! The `ZonePlan`: the leader publishes its plan there. A person approves it there, and releases the brake.

mod object;

use std::{future::pending, pin::pin, time::Duration};

use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, CustomResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use kube_runtime::{WatchStreamExt, watcher::watch_object};
use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tracing::{debug, info, warn};
use zonekeeper_core::{
    dns::ZoneId,
    keeper::{Input, Publication},
    lease::Lease,
    plan::{OwnerId, PlanDigest},
};

pub use self::object::ZonePlan;
use self::object::{ZonePlanSpec, ZonePlanStatus, approval_of, approved_at, publication, release_of, status};
use super::{
    Cluster,
    client::{ANSWER_WITHIN, answer, describe},
};
use crate::{driver::Handle, leadership::Terms};

/// How long to wait after a failed call.
const RETRY: Duration = Duration::from_secs(2);

/// Access to the `ZonePlan` of one zone and owner.
#[derive(Clone)]
pub struct ZonePlans {
    api: Api<ZonePlan>,
    name: String,
    zone: ZoneId,
    owner: OwnerId,
}

/// Why a plan cannot be approved.
#[derive(Debug, thiserror::Error)]
pub enum ApproveError {
    /// A call to the API server failed.
    #[error(
        "the ZonePlan {name} cannot be {step}: {text}\nyou need the permission to get and patch zoneplans of zonekeeper.dev"
    )]
    Api {
        /// The name of the `ZonePlan`.
        name: String,
        /// The step that failed, as a part of the sentence.
        step: &'static str,
        /// The message of the API server.
        text: String,
    },
    /// No `ZonePlan` has been published.
    #[error(
        "there is no ZonePlan {0}: check that zonekeeper runs with --mode approve, and give the same --zone-id and --owner-id here"
    )]
    NotFound(String),
}

/// The brake cannot be released, so it stays on.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot release the brake in the ZonePlan {name}: {text}\n\
     install its definition (`zonekeeper crds | kubectl apply -f -`); you need the permission to list, create and patch zoneplans \
     of zonekeeper.dev"
)]
pub struct ReleaseError {
    name: String,
    text: String,
}

// === impl ZonePlans ===

impl ZonePlans {
    /// Accesses the `ZonePlan` of a zone and an owner. It has the same name as their lease.
    pub fn new(cluster: &Cluster, zone: ZoneId, owner: OwnerId) -> Self {
        Self { api: Api::all(cluster.client()), name: Lease::name(&zone, &owner), zone, owner }
    }

    /// The `CustomResourceDefinition`, for `kubectl apply`.
    pub fn definition() -> impl Serialize {
        ZonePlan::crd()
    }

    /// Passes approvals and releases of the brake to the driver, and writes the driver's publications into the `ZonePlan`
    /// while this process leads.
    ///
    /// It ends when the driver has ended and its last publication is written. Without the `CustomResourceDefinition`,
    /// nothing can be approved or released.
    pub async fn follow(self, driver: Handle, mut terms: Terms) {
        let mut watched = pin!(watch_object(self.api.clone(), &self.name).default_backoff());
        let mut published = driver.published();
        let mut failing = None;
        // When to read what the previous leader published. The watch may be late, so a new term reads it.
        let mut read_at = None;
        loop {
            let read = async {
                match read_at {
                    Some(due) => sleep_until(due).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                true = terms.next() => {
                    published.mark_unchanged();
                    read_at = Some(Instant::now());
                }
                changed = published.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.publish(&mut published, &terms).await;
                }
                () = read => {
                    read_at = match self.find().await {
                        Ok(found) => {
                            send(&driver, found.as_ref()).await;
                            None
                        }
                        Err(error) => {
                            debug!(error = describe(&error), "the ZonePlan cannot be read");
                            Some(Instant::now() + RETRY)
                        }
                    };
                }
                found = watched.next() => match found {
                    Some(Ok(found)) => {
                        failing = None;
                        if read_at.is_none() {
                            send(&driver, found.as_ref()).await;
                        }
                    }
                    Some(Err(error)) => {
                        let text = error.to_string();
                        if failing.replace(text.clone()).as_ref() == Some(&text) {
                            debug!(error = text, "the ZonePlan still cannot be watched");
                        } else {
                            warn!(
                                error = text,
                                "the ZonePlan cannot be watched, so no plan can be approved, and the brake cannot be released: \
                                 install its definition (`zonekeeper crds | kubectl apply -f -`), and grant access to it"
                            );
                        }
                    }
                    None => return,
                },
            }
        }
    }

    /// Writes the last publication. Tries again until that succeeds or the term ends.
    async fn publish(&self, changes: &mut watch::Receiver<Option<Publication>>, terms: &Terms) {
        let mut is_failing = false;
        while terms.is_current() {
            let Some(published) = changes.borrow_and_update().clone() else { return };
            match self.write_status(&published, terms).await {
                Ok(()) => return,
                Err(error) if is_failing => {
                    debug!(error = describe(&error), "the ZonePlan still cannot be written");
                }
                Err(error) => {
                    warn!(error = describe(&error), "the ZonePlan cannot be written; it is tried again");
                }
            }
            is_failing = true;
            sleep(RETRY).await;
        }
    }

    /// Writes a status, on condition that the `ZonePlan` has not changed since this process read it as the leader. Otherwise
    /// a late request could overwrite the status of the next leader.
    async fn write_status(&self, published: &Publication, terms: &Terms) -> Result<(), kube::Error> {
        let found = self.find().await?;
        if !terms.is_current() {
            return Ok(());
        }
        let found = match found {
            Some(found) => found,
            None => self.create().await?,
        };
        let status = json!({
            "metadata": {"resourceVersion": found.metadata.resource_version},
            "status": status(published),
        });
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(&status));
        answer(ANSWER_WITHIN, self.api.patch_status(&self.name, &parameters, &patch)).await.map(drop)
    }

    /// Reads the `ZonePlan` with a list. Unlike a read of one object, a list fails if the kind is unknown.
    async fn find(&self) -> Result<Option<ZonePlan>, kube::Error> {
        let named = ListParams::default().fields(&format!("metadata.name={}", self.name));
        Ok(answer(ANSWER_WITHIN, self.api.list(&named)).await?.items.pop())
    }

    async fn create(&self) -> Result<ZonePlan, kube::Error> {
        let spec = ZonePlanSpec {
            zone_id: self.zone.to_string(),
            owner_id: self.owner.to_string(),
            approved_digest: None,
            approved_at: None,
            brake_released_until: None,
        };
        let plan = ZonePlan::new(&self.name, spec);
        let created = answer(ANSWER_WITHIN, self.api.create(&PostParams::default(), &plan)).await?;
        info!(zone_plan = self.name, "the ZonePlan has been created: approve its digest");
        Ok(created)
    }

    /// Approves a plan. Returns the current status.
    pub async fn approve(&self, digest: PlanDigest) -> Result<ZonePlanStatus, ApproveError> {
        let failed = |step| {
            move |error: kube::Error| match &error {
                kube::Error::Api(answer) if answer.is_not_found() => {
                    ApproveError::NotFound(self.name.clone())
                }
                _ => ApproveError::Api { name: self.name.clone(), step, text: describe(&error) },
            }
        };
        let found = answer(ANSWER_WITHIN, self.api.get(&self.name)).await.map_err(failed("read"))?;
        let at = approved_at(&found, Timestamp::now().as_second());
        let at = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
        let spec = json!({"spec": {"approvedDigest": digest.to_string(), "approvedAt": at.to_string()}});
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(spec));
        answer(ANSWER_WITHIN, self.api.patch(&self.name, &parameters, &patch))
            .await
            .map_err(failed("changed"))?;
        Ok(found.status.unwrap_or_default())
    }

    /// Releases the brake until a time. Creates the `ZonePlan` if there is none.
    pub async fn release_brake(&self, until: Timestamp) -> Result<(), ReleaseError> {
        let failed = |error: kube::Error| ReleaseError { name: self.name.clone(), text: describe(&error) };
        if self.find().await.map_err(failed)?.is_none() {
            self.create().await.map_err(failed)?;
        }
        let (parameters, until) = (PatchParams::default(), until.to_string());
        let patch = Patch::Merge(json!({"spec": {"brakeReleasedUntil": until}}));
        let released =
            answer(ANSWER_WITHIN, self.api.patch(&self.name, &parameters, &patch)).await.map_err(failed)?;
        // The API server drops fields that the definition does not have.
        let is_kept = released.spec.brake_released_until.is_some();
        let text = || "its definition is that of another version".to_owned();
        if is_kept { Ok(()) } else { Err(ReleaseError { name: self.name.clone(), text: text() }) }
    }

    /// The release of the brake, for a process that does not follow the `ZonePlan`. None if it cannot be read.
    pub async fn release(self) -> Option<Input> {
        match self.find().await {
            Ok(found) => Some(release(found.as_ref())),
            Err(error) => {
                debug!(
                    error = describe(&error),
                    "the ZonePlan cannot be read, so a release of the brake is unknown"
                );
                None
            }
        }
    }
}

/// The release of the brake. One that is not there any more, or lies too far ahead, has ended.
fn release(found: Option<&ZonePlan>) -> Input {
    let unix = Timestamp::now().as_second();
    Input::Release { until: found.and_then(|found| release_of(found, unix)).unwrap_or_default(), unix }
}

/// Sends the content of the `ZonePlan` to the driver. The approval goes first: a single run that knows the publication,
/// but no approval, would end at once.
async fn send(driver: &Handle, found: Option<&ZonePlan>) {
    let published = found.and_then(|found| publication(found.status.as_ref()?));
    let published = Input::Published(published.map(Box::new));
    let approval = found.and_then(approval_of).map(Input::Approve);
    for input in [release(found)].into_iter().chain(approval).chain([published]) {
        driver.send(input).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{Json, Router, routing};
    use kube::{Client, Config};
    use serde_json::Value;
    use tokio::net::TcpListener;

    use super::*;
    use crate::{driver::Clock, leadership::Leadership};

    /// Writes a status to an API server with one plan, and returns the patches that arrive. If `is_lost`, leadership is lost
    /// while the plan is read.
    async fn patched(is_lost: bool) -> Vec<Value> {
        let (leadership, patches) = (Leadership::forever(), Arc::new(Mutex::new(Vec::new())));
        let spec = json!({"zoneId": "Z1", "ownerId": "blue"});
        let (version, kind) = ("zonekeeper.dev/v1alpha1", "ZonePlan");
        let plan = json!({
            "apiVersion": version, "kind": kind, "spec": spec,
            "metadata": {"name": "z1-x", "resourceVersion": "7"},
        });
        let list = json!({"apiVersion": version, "kind": "ZonePlanList", "metadata": {}, "items": [plan]});
        let (lead, kept) = (leadership.clone(), Arc::clone(&patches));
        let look = async move || {
            if is_lost {
                lead.set_end(zonekeeper_core::keeper::Time::ZERO);
            }
            Json(list)
        };
        let patch = async move |Json(patch): Json<Value>| {
            kept.lock().unwrap().push(patch);
            Json(plan)
        };
        let plans = "/apis/zonekeeper.dev/v1alpha1/zoneplans";
        let router = Router::new()
            .route(plans, routing::get(look))
            .route(&format!("{plans}/{{name}}/status"), routing::patch(patch));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let client = Client::try_from(Config::new(address.parse().unwrap())).unwrap();
        let (_begun, begun) = watch::channel(0);
        let terms = Terms::new(leadership, Clock::start(), begun);
        let plans = ZonePlans::new(&client.into(), ZoneId::new("Z1").unwrap(), "blue".parse().unwrap());
        let digest = "0123456789abcdef0123456789abcdef".to_owned();
        let shown = publication(&ZonePlanStatus { digest, ..ZonePlanStatus::default() }).unwrap();
        plans.write_status(&shown, &terms).await.unwrap();
        server.abort();
        let patches = patches.lock().unwrap();
        patches.clone()
    }

    #[tokio::test]
    async fn a_status_is_written_only_by_the_leader_and_only_over_the_version_it_has_read() {
        let patched_by_leader = patched(false).await;
        assert_eq!(patched_by_leader.len(), 1);
        assert_eq!(patched_by_leader[0]["metadata"], json!({"resourceVersion": "7"}));
        assert_eq!(patched(true).await, [Value::Null; 0]);
    }
}
