//! The `ZonePlan`: where the leader shows what can be approved, and a person approves it.

mod object;

use std::{future::pending, pin::pin, time::Duration};

use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Client, CustomResourceExt,
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
use self::object::{ZonePlanSpec, ZonePlanStatus, approved_at, given, publication, status};
use super::client::cause;
use crate::{driver::Handle, leadership::Terms};

/// How long to wait before what is published is sent again, or read again.
const RETRY: Duration = Duration::from_secs(2);

/// The `ZonePlan` of one zone and owner.
#[derive(Clone)]
pub struct ZonePlans {
    api: Api<ZonePlan>,
    name: String,
    zone: ZoneId,
    owner: OwnerId,
}

/// Why a plan cannot be approved.
#[derive(Debug, thiserror::Error)]
pub enum NotApproved {
    /// The API server refuses, or knows no such kind.
    #[error("the ZonePlan {name} cannot be {what}: {text}{advice}")]
    Api {
        /// Which one.
        name: String,
        /// What was tried.
        what: &'static str,
        /// What the API server said.
        text: String,
        /// What to do.
        advice: &'static str,
    },
    /// Nobody has published one.
    #[error(
        "there is no ZonePlan {0}: is zonekeeper running with --mode approve, and are --zone-id and --owner-id those that it was given?"
    )]
    Nothing(String),
}

// === impl ZonePlans ===

impl ZonePlans {
    /// The one of a zone and an owner. It is named like their lease.
    pub fn new(client: Client, zone: ZoneId, owner: OwnerId) -> Self {
        Self { api: Api::all(client), name: Lease::name(&zone, &owner), zone, owner }
    }

    /// The definition of the resource, for `kubectl apply`.
    pub fn definition() -> impl Serialize {
        ZonePlan::crd()
    }

    /// Tells the driver what is approved, and shows what it publishes while this process leads, until the driver has ended
    /// and the last of that is shown. While there is no such kind in the cluster, nothing is approved.
    pub async fn follow(self, driver: Handle, mut terms: Terms) {
        let mut seen = pin!(watch_object(self.api.clone(), &self.name).default_backoff());
        let mut published = driver.published();
        let mut failing = None;
        // When to read what whoever led before has left: a watch may not have told of it yet.
        let mut unread = None;
        loop {
            let read = async {
                match unread {
                    Some(due) => sleep_until(due).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                true = terms.next() => {
                    published.mark_unchanged();
                    unread = Some(Instant::now());
                }
                changed = published.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.publish(&mut published, &terms).await;
                }
                () = read => {
                    unread = match self.look().await {
                        Ok(found) => {
                            tell(&driver, found.as_ref()).await;
                            None
                        }
                        Err(error) => {
                            debug!(error = cause(&error), "the ZonePlan cannot be read");
                            Some(Instant::now() + RETRY)
                        }
                    };
                }
                found = seen.next() => match found {
                    Some(Ok(found)) => {
                        failing = None;
                        if unread.is_none() {
                            tell(&driver, found.as_ref()).await;
                        }
                    }
                    Some(Err(error)) => {
                        let text = error.to_string();
                        if failing.replace(text.clone()).as_ref() == Some(&text) {
                            debug!(error = text, "the ZonePlan cannot be watched still");
                        } else {
                            warn!(
                                error = text,
                                "the ZonePlan cannot be watched, so nothing can be approved: is its definition \
                                 installed (`zonekeeper crds | kubectl apply -f -`), and may it be read?"
                            );
                        }
                    }
                    None => return,
                },
            }
        }
    }

    /// Shows what is published last, until that has succeeded or this process no longer leads.
    async fn publish(&self, changes: &mut watch::Receiver<Option<Publication>>, terms: &Terms) {
        let mut is_failing = false;
        while terms.lasts() {
            let Some(published) = changes.borrow_and_update().clone() else { return };
            match self.show(&published, terms).await {
                Ok(()) => return,
                Err(error) if is_failing => {
                    debug!(error = cause(&error), "the ZonePlan cannot be written still");
                }
                Err(error) => {
                    warn!(error = cause(&error), "the ZonePlan cannot be written; it is tried again");
                }
            }
            is_failing = true;
            sleep(RETRY).await;
        }
    }

    /// Writes a status, on condition of the version that was looked at while this process led: whoever leads next may write
    /// before this arrives.
    async fn show(&self, published: &Publication, terms: &Terms) -> Result<(), kube::Error> {
        let found = self.look().await?;
        if !terms.lasts() {
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
        self.api.patch_status(&self.name, &PatchParams::default(), &Patch::Merge(&status)).await.map(drop)
    }

    /// What is there now. Unlike a read of one object, it tells whether the kind is unknown.
    async fn look(&self) -> Result<Option<ZonePlan>, kube::Error> {
        let this = ListParams::default().fields(&format!("metadata.name={}", self.name));
        Ok(self.api.list(&this).await?.items.pop())
    }

    async fn create(&self) -> Result<ZonePlan, kube::Error> {
        let spec = ZonePlanSpec {
            zone_id: self.zone.to_string(),
            owner_id: self.owner.to_string(),
            approved_digest: None,
            approved_at: None,
        };
        let created = self.api.create(&PostParams::default(), &ZonePlan::new(&self.name, spec)).await?;
        info!(zone_plan = self.name, "the ZonePlan has been created: approve its digest");
        Ok(created)
    }

    /// Approves a plan. Returns what is published now.
    pub async fn approve(&self, digest: PlanDigest) -> Result<ZonePlanStatus, NotApproved> {
        let failed = |what| {
            move |error: kube::Error| match &error {
                kube::Error::Api(answer) if answer.is_not_found() => NotApproved::Nothing(self.name.clone()),
                _ => NotApproved::Api {
                    name: self.name.clone(),
                    what,
                    text: cause(&error),
                    advice: "\nyou need the right to get and patch zoneplans of zonekeeper.dev",
                },
            }
        };
        let found = self.api.get(&self.name).await.map_err(failed("read"))?;
        let at = approved_at(&found, Timestamp::now().as_second());
        let at = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
        let spec = json!({"spec": {"approvedDigest": digest.to_string(), "approvedAt": at.to_string()}});
        let patched = self.api.patch(&self.name, &PatchParams::default(), &Patch::Merge(spec)).await;
        patched.map_err(failed("changed"))?;
        Ok(found.status.unwrap_or_default())
    }
}

/// Tells the driver what is there: first what is approved, because a single run that knows what was published, and of no
/// approval, has nothing to wait for.
async fn tell(driver: &Handle, found: Option<&ZonePlan>) {
    let published = found.and_then(|found| publication(found.status.as_ref()?));
    let published = Input::Published(published.map(Box::new));
    for input in found.and_then(given).map(Input::Approve).into_iter().chain([published]) {
        driver.send(input).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{Json, Router, routing};
    use kube::Config;
    use serde_json::Value;
    use tokio::net::TcpListener;

    use super::*;
    use crate::{driver::Clock, leadership::Leadership};

    /// An API server that has one plan, and a leader whom a look costs the lead if that is so. What is patched.
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
                lead.lasts(zonekeeper_core::keeper::Time::ZERO);
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
        let plans = ZonePlans::new(client, ZoneId::new("Z1").unwrap(), "blue".parse().unwrap());
        let digest = "0123456789abcdef0123456789abcdef".to_owned();
        let shown = publication(&ZonePlanStatus { digest, ..ZonePlanStatus::default() }).unwrap();
        plans.show(&shown, &terms).await.unwrap();
        server.abort();
        let patches = patches.lock().unwrap();
        patches.clone()
    }

    #[tokio::test]
    async fn a_status_is_written_on_condition_of_what_a_leader_has_looked_at() {
        let patched_by_leader = patched(false).await;
        assert_eq!(patched_by_leader.len(), 1);
        assert_eq!(patched_by_leader[0]["metadata"], json!({"resourceVersion": "7"}));
        assert_eq!(patched(true).await, [Value::Null; 0]);
    }
}
