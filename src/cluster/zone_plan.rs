//! The `ZonePlan`: where the leader shows what can be approved, and a person approves it.

use std::{future::pending, pin::pin, time::Duration};

use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Client, CustomResource, CustomResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use kube_runtime::{WatchStreamExt, watcher::watch_object};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tracing::{debug, info, warn};
use zonekeeper_core::{
    dns::ZoneId,
    keeper::{Approval, Input, Publication},
    lease::Lease,
    plan::{OwnerId, PlanDigest},
};

use super::client::cause;
use crate::{driver::Handle, leadership::Terms};

/// How long to wait before what is published is sent again, or read again.
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
    /// The digests of approved ones that are still to come and not among these units, divided by spaces: where there are more
    /// than 1,000, or something holds them back. Some of them may have been written since.
    #[serde(default)]
    pub rest: String,
    /// The last approval that was used.
    pub used: Option<Approved>,
    /// An approval that released nothing: the plan is another one by now, or the approval came too late, or it is older than
    /// one that was used.
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

/// Tells the driver what is there.
async fn tell(driver: &Handle, found: Option<&ZonePlan>) {
    let published = found.and_then(|found| publication(found.status.as_ref()?));
    let published = Input::Published(published.map(Box::new));
    for input in [Some(published), found.and_then(given)].into_iter().flatten() {
        driver.send(input).await;
    }
}

/// When an approval is given that comes now, in seconds since 1970: after those before, whatever the clocks of the
/// people show that gave them.
fn approved_at(found: &ZonePlan, now: i64) -> i64 {
    let used = found.status.as_ref().and_then(|status| status.used.as_ref());
    let before = [found.spec.approved_at.as_ref(), used.map(|used| &used.approved_at)];
    let before = before.into_iter().flatten().filter_map(|at| at.trim().parse::<Timestamp>().ok());
    before.map(|before| before.as_second().saturating_add(1)).fold(now, i64::max)
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
        plans.show(&publication_of_nothing(), &terms).await.unwrap();
        server.abort();
        let patches = patches.lock().unwrap();
        patches.clone()
    }

    fn publication_of_nothing() -> Publication {
        Publication {
            digest: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            creates: 0,
            replaces: 0,
            units: Vec::new(),
            rest: Vec::new(),
            used: None,
            unused: None,
        }
    }

    #[tokio::test]
    async fn a_status_is_written_on_condition_of_what_a_leader_has_looked_at() {
        let patched_by_leader = patched(false).await;
        assert_eq!(patched_by_leader.len(), 1);
        assert_eq!(patched_by_leader[0]["metadata"], json!({"resourceVersion": "7"}));
        assert_eq!(patched(true).await, [Value::Null; 0]);
    }

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
    fn what_is_not_used_any_more_is_taken_out_of_the_status() {
        let patch = serde_json::to_value(status(&publication_of_nothing())).unwrap();
        assert_eq!((&patch["used"], &patch["unused"]), (&json!(null), &json!(null)));
        assert!(patch.get("unused").is_some(), "{patch}");
    }

    #[test]
    fn an_approval_comes_after_those_before_whatever_the_clock_shows() {
        let spec = |at: Option<&str>| ZonePlanSpec {
            zone_id: String::new(),
            owner_id: String::new(),
            approved_digest: None,
            approved_at: at.map(str::to_owned),
        };
        let mut plan = ZonePlan::new("plan", spec(None));
        assert_eq!(approved_at(&plan, 100), 100);
        let approved_at_60 = "1970-01-01T00:01:00Z".to_owned();
        plan.status = Some(ZonePlanStatus {
            used: Some(Approved { digest: String::new(), approved_at: approved_at_60 }),
            ..ZonePlanStatus::default()
        });
        assert_eq!((approved_at(&plan, 60), approved_at(&plan, 100)), (61, 100));
        plan.spec = spec(Some("1970-01-01T00:10:00Z"));
        assert_eq!(approved_at(&plan, 100), 601);
    }

    #[test]
    fn an_approval_that_cannot_be_read_approves_nothing() {
        let digest = "0123456789abcdef0123456789abcdef";
        assert!(approval(digest, "2026-12-31T18:00:00Z").is_some());
        let (time, long) = ("2026-12-31T18:00:00Z", "0".repeat(1 << 20));
        for (digest, at) in [
            (digest, "yesterday"),
            (digest, ""),
            (digest, "0"),
            (digest, "2026-12-31"),
            (digest, "2026-12-31T18:00:00"),
            (digest, "2026-02-30T18:00:00Z"),
            (digest, "10000-01-01T00:00:00Z"),
            (digest, "2026-12-31T18:00:00Z\0"),
            (digest, &long),
            ("0123", time),
            ("0123456789abcdef0123456789abcdeg", time),
            ("0123456789abcdef0123456789abcdeé", time),
            (&long, time),
            ("", ""),
        ] {
            assert_eq!(approval(digest, at), None, "{digest:.40} {at:.40}");
        }
        for at in
            ["-009999-01-02T01:59:59Z", "9999-12-30T22:00:00Z", " 2026-12-31T18:00:00.999999999+14:00\n"]
        {
            assert!(approval(digest, at).is_some(), "{at}");
        }
    }

    #[test]
    fn of_what_somebody_else_has_published_what_can_be_read_counts() {
        let digest = "0123456789abcdef0123456789abcdef";
        let unit = |digest: &str| PlannedUnit { digest: digest.to_owned(), approved: true };
        let bad = ["", "0123", "0123456789abcdeg", "0123456789abcdef0", "\u{1b}[2J", "é123456789abcde", " "];
        let unreadable =
            |digest: &str| Approved { digest: digest.to_owned(), approved_at: "soon".to_owned() };
        let status = ZonePlanStatus {
            digest: digest.to_owned(),
            creates: usize::MAX,
            replaces: usize::MAX,
            units: bad.iter().map(|bad| unit(bad)).chain([unit("0123456789abcdef")]).collect(),
            rest: format!("{}\t\nfedcba9876543210", bad.join(" \0 ").repeat(10_000)),
            used: Some(unreadable(digest)),
            unused: Some(unreadable("")),
        };
        let found = publication(&status).unwrap();
        assert_eq!(found.units, [("0123456789abcdef".parse().unwrap(), true)]);
        assert_eq!(found.rest, ["fedcba9876543210".parse().unwrap()]);
        assert_eq!((found.used, found.unused), (None, None));
        for digest in bad {
            assert_eq!(publication(&ZonePlanStatus { digest: digest.to_owned(), ..status.clone() }), None);
        }
    }
}
