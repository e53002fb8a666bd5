//! The `ZonePlan`: where the leader shows what can be approved, and a person approves it.

use std::{pin::pin, time::Duration};

use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Client, CustomResource, CustomResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use kube_runtime::{WatchStreamExt, watcher::watch_object};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{sync::watch, time::sleep};
use tracing::{debug, info, warn};
use zonekeeper_core::{
    dns::ZoneId,
    keeper::{Approval, Input, Publication},
    lease::Lease,
    plan::{OwnerId, PlanDigest},
};

use super::client::cause;
use crate::driver::{Handle, Shelf};

/// How long to wait before what is published is sent again.
const RETRY: Duration = Duration::from_secs(2);

/// A plan that waits for approval
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[kube(
    group = "zonekeeper.dev",
    version = "v1alpha1",
    kind = "ZonePlan",
    status = "ZonePlanStatus",
    doc = "What zonekeeper would write into a hosted zone, and which of it a person has approved.",
    printcolumn = r#"{"name": "Zone", "type": "string", "jsonPath": ".spec.zoneId"}"#,
    printcolumn = r#"{"name": "Owner", "type": "string", "jsonPath": ".spec.ownerId"}"#,
    printcolumn = r#"{"name": "Digest", "type": "string", "jsonPath": ".status.digest"}"#,
    printcolumn = r#"{"name": "Creates", "type": "integer", "jsonPath": ".status.creates"}"#,
    printcolumn = r#"{"name": "Replaces", "type": "integer", "jsonPath": ".status.replaces"}"#,
    printcolumn = r#"{"name": "Approved", "type": "string", "jsonPath": ".spec.approvedDigest"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ZonePlanSpec {
    /// Id of the hosted zone.
    pub zone_id: String,
    /// Owner id of the cluster.
    pub owner_id: String,
    /// Digest of the approved plan. With approvedAt it is one approval, which is used once and lasts for 7 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_digest: Option<String>,
    /// When it was approved, as in 2026-12-31T18:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<String>,
}

/// What the leader shows
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ZonePlanStatus {
    /// Digest of the plan: approve this.
    #[serde(default)]
    pub digest: String,
    /// Record sets that would be created, ownership TXTs included.
    #[serde(default)]
    pub creates: usize,
    /// Record sets that would be replaced, ownership TXTs included.
    #[serde(default)]
    pub replaces: usize,
    /// Its units; none where there are more than 1,000.
    #[serde(default)]
    pub units: Vec<PlannedUnit>,
    /// Where there are more than 1,000: the digests of the approved ones still to come, divided by spaces. Some of them may
    /// have been written since.
    #[serde(default)]
    pub rest: String,
    /// The last approval that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Approved>,
    /// An approval that released nothing: the plan is another one by now, or the approval came too late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unused: Option<Approved>,
}

/// One unit of a plan
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
pub struct PlannedUnit {
    /// Its digest, as the plan shows it.
    pub digest: String,
    /// Whether it is approved.
    pub approved: bool,
}

/// An approval
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Approved {
    /// The approved digest.
    pub digest: String,
    /// When it was approved.
    pub approved_at: String,
}

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

    /// Tells the driver what is approved, and shows what it publishes, until nobody listens any more. While there is no
    /// such kind in the cluster, nothing is approved.
    pub async fn follow(self, driver: Handle) {
        let mut seen = pin!(watch_object(self.api.clone(), &self.name).default_backoff());
        let mut published = driver.shelf();
        let mut failing = None;
        loop {
            tokio::select! {
                found = seen.next() => match found {
                    Some(Ok(found)) => {
                        failing = None;
                        let before = found.as_ref().and_then(|found| publication(found.status.as_ref()?));
                        let known = Input::Published(before.map(Box::new));
                        for input in std::iter::once(known).chain(found.as_ref().and_then(given)) {
                            if !driver.send(input).await {
                                return;
                            }
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
                changed = published.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.publish(&mut published).await;
                }
            }
        }
    }

    /// Shows what is published last, until that has succeeded.
    async fn publish(&self, changes: &mut watch::Receiver<Shelf>) {
        let mut is_failing = false;
        loop {
            let Some(published) = changes.borrow_and_update().published.clone() else { return };
            match self.show(&published).await {
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

    async fn show(&self, published: &Publication) -> Result<(), kube::Error> {
        let status = json!({"status": status(published)});
        let parameters = PatchParams::default();
        match self.api.patch_status(&self.name, &parameters, &Patch::Merge(&status)).await {
            Err(kube::Error::Api(answer)) if answer.is_not_found() => {}
            shown => return shown.map(drop),
        }
        let spec = ZonePlanSpec {
            zone_id: self.zone.to_string(),
            owner_id: self.owner.to_string(),
            approved_digest: None,
            approved_at: None,
        };
        self.api.create(&PostParams::default(), &ZonePlan::new(&self.name, spec)).await?;
        info!(zone_plan = self.name, "the ZonePlan has been created: approve its digest");
        self.api.patch_status(&self.name, &parameters, &Patch::Merge(&status)).await.map(drop)
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
        let at = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH);
        let spec = json!({"spec": {"approvedDigest": digest.to_string(), "approvedAt": at.to_string()}});
        let patched = self.api.patch(&self.name, &PatchParams::default(), &Patch::Merge(spec)).await;
        patched.map_err(failed("changed"))?;
        Ok(found.status.unwrap_or_default())
    }
}

/// What is approved.
fn given(found: &ZonePlan) -> Option<Input> {
    let (digest, at) = (found.spec.approved_digest.as_ref()?, found.spec.approved_at.as_ref()?);
    let given = approval(digest, at);
    if given.is_none() {
        warn!(
            digest,
            approved_at = at,
            "an approval cannot be read: approvedDigest is the digest of a plan, approvedAt a time as 2026-12-31T18:00:00Z"
        );
    }
    given.map(Input::Approve)
}

fn approval(digest: &str, at: &str) -> Option<Approval> {
    let at = at.trim().parse::<Timestamp>().ok()?.as_second();
    Some(Approval { digest: digest.trim().parse().ok()?, at })
}

fn status(published: &Publication) -> ZonePlanStatus {
    let approved = |approval: Approval| Approved {
        digest: approval.digest.to_string(),
        approved_at: Timestamp::from_second(approval.at).unwrap_or(Timestamp::UNIX_EPOCH).to_string(),
    };
    let unit = |(digest, approved): &(_, bool)| PlannedUnit {
        digest: ToString::to_string(digest),
        approved: *approved,
    };
    let units: &[(zonekeeper_core::plan::UnitDigest, bool)] = &published.units;
    ZonePlanStatus {
        digest: published.digest.to_string(),
        creates: published.creates,
        replaces: published.replaces,
        units: units.iter().map(unit).collect(),
        rest: published.rest.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        used: published.used.map(approved),
        unused: published.unused.map(approved),
    }
}

/// What a status says; nothing where it does not say a digest.
fn publication(status: &ZonePlanStatus) -> Option<Publication> {
    let approved = |of: &Approved| approval(&of.digest, &of.approved_at);
    let unit = |unit: &PlannedUnit| Some((unit.digest.parse().ok()?, unit.approved));
    Some(Publication {
        digest: status.digest.parse().ok()?,
        creates: status.creates,
        replaces: status.replaces,
        units: status.units.iter().filter_map(unit).collect(),
        rest: status.rest.split_whitespace().filter_map(|digest| digest.parse().ok()).collect(),
        used: status.used.as_ref().and_then(approved),
        unused: status.unused.as_ref().and_then(approved),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_read_back() {
        let digest: PlanDigest = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let approval = Approval { digest, at: 1_800_000_000 };
        let published = Publication {
            digest,
            creates: 3,
            replaces: 1,
            units: vec![
                ("0123456789abcdef".parse().unwrap(), true),
                ("fedcba9876543210".parse().unwrap(), false),
            ],
            rest: vec!["0123456789abcdef".parse().unwrap()],
            used: Some(approval),
            unused: None,
        };
        assert_eq!(publication(&status(&published)), Some(published));
        assert_eq!(publication(&ZonePlanStatus::default()), None);
    }

    #[test]
    fn an_approval_that_cannot_be_read_approves_nothing() {
        let digest = "0123456789abcdef0123456789abcdef";
        assert!(approval(digest, "2026-12-31T18:00:00Z").is_some());
        for (digest, at) in [(digest, "yesterday"), ("0123", "2026-12-31T18:00:00Z"), ("", "")] {
            assert_eq!(approval(digest, at), None, "{digest} {at}");
        }
    }
}
