//! The shipped manifests, on a real control plane.

use std::path::Path;

use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    core::v1::Pod,
    rbac::v1::{ClusterRole, PolicyRule},
};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};

use crate::{
    control_plane::ControlPlane,
    deadline::eventually,
    deployment,
    namespace::{BALANCER, Namespace},
    process::CommandLine,
    zone::Zone,
};

/// One verb of one rule.
struct Right {
    group: String,
    resource: String,
    verb: String,
}

#[tokio::test]
async fn both_overlays_and_their_pods_are_accepted_without_a_warning() {
    let plane = ControlPlane::shared().await;
    for overlay in ["dry-run", "apply"] {
        let command = format!("kubectl apply --dry-run=server -k manifests/overlays/{overlay}");
        let applied = plane.sh(Path::new(env!("CARGO_MANIFEST_DIR")), &command).await;
        assert!(applied.contains("deployment.apps/zonekeeper"), "{applied}");
    }
    // Nothing here makes pods of a Deployment; the namespace enforces the restricted pod security standard on them.
    let template = deployment::template(plane).await;
    let metadata = ObjectMeta { name: Some("zonekeeper".to_owned()), ..ObjectMeta::default() };
    let pod = Pod { metadata, spec: template.spec, status: None };
    let pods: Api<Pod> = Api::namespaced(plane.admin().await, "zonekeeper");
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    pods.create(&dry_run, &pod).await.unwrap();
    let mut privileged = pod.clone();
    privileged.spec.as_mut().unwrap().containers[0].security_context = None;
    pods.create(&dry_run, &privileged).await.unwrap_err();
}

#[tokio::test]
async fn without_its_zone_it_says_what_to_edit() {
    let plane = ControlPlane::shared().await;
    let ended = deployment::command(plane, &Zone::empty().await).await.end().await;
    assert_eq!(ended.code(), Some(2), "{ended}");
    assert!(ended.stderr.contains("zone-id"), "{ended}");
}

#[tokio::test]
async fn every_right_is_used_and_its_absence_is_said() {
    let plane = ControlPlane::start().await;
    let shop = Namespace::of(&plane, "rights").await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    // An empty zone each time: what is published is the same, and so is what is said of it.
    let run = async |said: &[&str]| {
        let zone = Zone::empty().await;
        let kubeconfig = plane.zonekeeper();
        let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &["run"]).start();
        match said {
            [] => zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await,
            said => drop(zonekeeper.says(said).await),
        }
        zonekeeper
            .until("an Event", async || {
                let events = shop.events_of::<k8s_openapi::api::networking::v1::Ingress>("web").await;
                (!events.is_empty()).then_some(())
            })
            .await;
        zonekeeper.stop().await
    };
    let ended = run(&[]).await;
    assert!(!ended.stderr.contains("cannot"), "{ended}");

    let roles: Api<ClusterRole> = Api::all(plane.admin().await);
    let whole = roles.get("zonekeeper").await.unwrap();
    let rights: Vec<Right> = whole.rules.iter().flatten().flat_map(rights).collect();
    assert!(rights.len() >= 6, "{whole:?}");
    for right in rights {
        let left = whole.rules.clone().unwrap().into_iter().map(|rule| right.taken_from(rule)).collect();
        set_rules(&roles, left).await;
        right.becomes(&plane, false).await;
        let Right { group, resource, verb } = &right;
        run(&[&format!("cannot {verb} resource"), resource, &format!("in API group \\\"{group}\\\"")]).await;
        set_rules(&roles, whole.rules.clone().unwrap()).await;
        right.becomes(&plane, true).await;
    }
}

fn rights(rule: &PolicyRule) -> Vec<Right> {
    let group = rule.api_groups.clone().unwrap().join(",");
    let resources = rule.resources.clone().unwrap();
    let of = |resource: &String| {
        let right =
            |verb: &String| Right { group: group.clone(), resource: resource.clone(), verb: verb.clone() };
        rule.verbs.iter().map(right).collect::<Vec<_>>()
    };
    resources.iter().flat_map(of).collect()
}

async fn set_rules(roles: &Api<ClusterRole>, left: Vec<PolicyRule>) {
    let mut role = roles.get("zonekeeper").await.unwrap();
    role.rules = Some(left);
    roles.replace("zonekeeper", &PostParams::default(), &role).await.unwrap();
}

// === impl Right ===

impl Right {
    fn taken_from(&self, mut rule: PolicyRule) -> PolicyRule {
        if rule.resources.iter().flatten().any(|resource| *resource == self.resource) {
            rule.verbs.retain(|verb| *verb != self.verb);
        }
        rule
    }

    /// Waits until the API server judges by the role as it is now.
    async fn becomes(&self, plane: &ControlPlane, allowed: bool) {
        let reviews: Api<SubjectAccessReview> = Api::all(plane.admin().await);
        let attributes = ResourceAttributes {
            group: Some(self.group.clone()),
            resource: Some(self.resource.clone()),
            verb: Some(self.verb.clone()),
            ..ResourceAttributes::default()
        };
        let user = "system:serviceaccount:zonekeeper:zonekeeper".to_owned();
        let spec = SubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            user: Some(user),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let judged = eventually(async || {
            let judged = reviews.create(&PostParams::default(), &review).await.unwrap();
            (judged.status.unwrap().allowed == allowed).then_some(())
        });
        assert!(judged.await.is_some(), "the API server does not take note of the role");
    }
}
