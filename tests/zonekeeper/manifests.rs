//! The shipped manifests, on a real control plane.

use std::{fs, path::Path};

use k8s_openapi::api::{
    apps::v1::Deployment,
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    core::v1::Pod,
    networking::v1::Ingress,
    policy::v1::PodDisruptionBudget,
    rbac::v1::{ClusterRole, PolicyRule, Role},
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use zonekeeper::cluster::ZonePlan;
use zonekeeper_core::{dns::ZoneId, lease::Lease};

use crate::{
    component,
    control_plane::ControlPlane,
    deadline::eventually,
    deployment, dns_endpoints,
    namespace::{BALANCER, Namespace},
    pages,
    process::{CommandLine, OWNER},
    scratch::{Scratch, copy},
    zone::{self, CHANGE, Zone},
};

/// The namespace of the manifests.
const NAMESPACE: &str = "zonekeeper";

/// The command of the page of the installation for a Deployment that has another strategy.
const OTHER_STRATEGY: &str = "kubectl patch deployment zonekeeper --namespace zonekeeper --patch \
                              '{\"spec\": {\"strategy\": {\"$retainKeys\": [\"type\"], \"type\": \"Recreate\"}}}'";

/// One verb of one rule.
struct Right {
    /// The namespace of the right. `None` means all namespaces.
    namespace: Option<&'static str>,
    group: String,
    resource: String,
    verb: String,
}

#[tokio::test]
async fn all_overlays_and_their_pods_are_accepted_without_a_warning() {
    let plane = ControlPlane::shared().await;
    for overlay in ["dry-run", "apply", "approve"] {
        let command = format!("kubectl apply --dry-run=server -k manifests/overlays/{overlay}");
        let applied = plane.sh(Path::new(env!("CARGO_MANIFEST_DIR")), &command).await;
        assert!(applied.contains("deployment.apps/zonekeeper"), "{applied}");
    }
    // This control plane creates no pods for a Deployment, so the test creates one. The namespace enforces
    // the restricted pod security standard.
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

/// A second zone in one cluster: no object takes the place of one of the first zone, and the bindings name its account.
#[tokio::test]
async fn the_example_of_a_second_zone_has_objects_of_its_own() {
    let plane = ControlPlane::bare().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["manifests/overlays/apply", "examples/kustomize/private-zone"] {
        plane.sh(root, &format!("kubectl apply -k {folder}")).await;
    }
    let shop = Namespace::of(&plane, "shop").await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.annotate_ingress("web", json!({"zonekeeper.dev/publish": "true"})).await;
    shop.patch::<Ingress>("web", json!({"spec": {"ingressClassName": "private"}})).await;
    let zone = Zone::private().await;
    let release = deployment::Release { namespace: "zonekeeper-private", name: "zonekeeper-private" };
    let command = deployment::command_of(&plane, &zone, release).await;
    let mut zonekeeper = command.env("ZONEKEEPER_ZONE_ID", zone::ID).start();
    zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await;
    let ended = zonekeeper.stop().await;
    assert!(!ended.stderr.contains("forbidden"), "{ended}");
    for (binding, expected) in [("zonekeeper", "zonekeeper"), ("zonekeeper-private", "zonekeeper-private")] {
        let command = format!(
            "kubectl get clusterrolebinding {binding} --output jsonpath='{{.subjects[0].namespace}}'"
        );
        assert_eq!(plane.sh(root, &command).await, expected);
    }
}

/// Each example has its own zone and mode, and edits no file of the base.
#[tokio::test]
async fn the_examples_are_accepted_by_the_api_server() {
    let plane = ControlPlane::shared().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (example, mode) in [("develop", "dry-run"), ("staging", "apply"), ("production", "approve")] {
        let command = format!("kubectl apply --dry-run=server -k examples/kustomize/{example} -o json");
        let applied: serde_json::Value = serde_json::from_str(&plane.sh(root, &command).await).unwrap();
        let mut objects = applied["items"].as_array().unwrap().iter();
        let settings = &objects.find(|object| object["kind"] == "ConfigMap").unwrap()["data"];
        assert_eq!(settings["ZONEKEEPER_MODE"], mode);
        assert_eq!(settings["ZONEKEEPER_OWNER_ID"], example);
        assert_eq!(settings["ZONEKEEPER_ZONE_ID"], format!("Z0123456789{}", example.to_uppercase()));
    }
}

#[tokio::test]
async fn a_component_closes_the_port_to_all_but_the_scraper() {
    let plane = ControlPlane::shared().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Scratch::new("network-policy");
    // A folder of a user, with the overlay and the component beside it.
    let manifests = folder.join("manifests");
    copy(&root.join("manifests"), &manifests);
    copy(&root.join("crds"), &folder.join("crds"));
    let user = "resources: [../overlays/apply]\ncomponents: [../components/network-policy]\n";
    fs::create_dir(manifests.join("mine")).unwrap();
    fs::write(manifests.join("mine/kustomization.yaml"), user).unwrap();
    let command = "kubectl apply --dry-run=server -k manifests/mine -o json";
    let applied: serde_json::Value = serde_json::from_str(&plane.sh(&folder, command).await).unwrap();
    let of =
        |kind: &str| applied["items"].as_array().unwrap().iter().find(|item| item["kind"] == kind).unwrap();
    let (policy, pods) = (of("NetworkPolicy"), of("Deployment"));
    assert_eq!(policy["metadata"]["namespace"], pods["metadata"]["namespace"]);
    assert_eq!(policy["spec"]["podSelector"], pods["spec"]["selector"]);
    let port = &pods["spec"]["template"]["spec"]["containers"][0]["ports"][0]["name"];
    assert_eq!(policy["spec"]["ingress"][0]["ports"], json!([{"port": port, "protocol": "TCP"}]));
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress"]));
}

#[tokio::test]
async fn a_component_leaves_zonekeeper_only_its_own_lease() {
    let plane = ControlPlane::start().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Scratch::new("one-lease");
    let manifests = folder.join("manifests");
    copy(&root.join("manifests"), &manifests);
    copy(&root.join("crds"), &folder.join("crds"));
    let user = "resources: [../overlays/apply]\ncomponents: [../components/one-lease]\n";
    fs::create_dir(manifests.join("mine")).unwrap();
    fs::write(manifests.join("mine/kustomization.yaml"), user).unwrap();
    // The user replaces the name in the component by that of the Lease.
    let component = manifests.join("components/one-lease/kustomization.yaml");
    let (zone, owner) = (ZoneId::new(zone::ID).unwrap(), OWNER.parse().unwrap());
    let name = Lease::name(&zone, &owner);
    let text = fs::read_to_string(&component).unwrap();
    let edited = text.replace("z0123456789example-0123456789", &name);
    assert_ne!(edited, text);
    fs::write(&component, edited).unwrap();
    plane.sh(&folder, "kubectl apply -k manifests/mine").await;

    let shop = Namespace::of(&plane, "one-lease").await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let (zone, kubeconfig) = (Zone::empty().await, plane.zonekeeper());
    let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &["run"]).start();
    zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await;
    zonekeeper.stop().await;
    assert_eq!(
        plane.sh(&folder, "kubectl get lease --namespace zonekeeper --output name").await.trim(),
        format!("lease.coordination.k8s.io/{name}")
    );
    for (verb, lease, is_allowed) in
        [("get", &*name, "yes"), ("update", &name, "yes"), ("get", "other", "no"), ("update", "other", "no")]
    {
        let command = format!(
            "kubectl auth can-i {verb} lease/{lease} --namespace zonekeeper --as system:serviceaccount:zonekeeper:zonekeeper || true"
        );
        assert_eq!(plane.sh(&folder, &command).await.trim(), is_allowed, "{command}");
    }
}

#[tokio::test]
async fn two_replicas_are_spread_and_a_drain_leaves_one() {
    let plane = ControlPlane::shared().await;
    let deployments: Api<Deployment> = Api::namespaced(plane.admin().await, NAMESPACE);
    let deployment = deployments.get("zonekeeper").await.unwrap().spec.unwrap();
    assert_eq!(deployment.replicas, Some(2));
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(plane.admin().await, NAMESPACE);
    let budget = serde_json::to_value(budgets.get("zonekeeper").await.unwrap().spec).unwrap();
    assert_eq!(budget["maxUnavailable"], 1);
    // Replicas that are not ready, because Route 53 is down, do not keep a node from being drained.
    assert_eq!(budget["unhealthyPodEvictionPolicy"], "AlwaysAllow");
    let labels = serde_json::to_value(&deployment.selector.match_labels).unwrap();
    assert_eq!(budget["selector"]["matchLabels"], labels);
    let affinity = serde_json::to_value(deployment.template.spec.unwrap().affinity).unwrap();
    // The rule is only preferred, so that a cluster with one node runs both replicas.
    let rules = affinity["podAntiAffinity"].as_object().unwrap();
    assert_eq!(
        rules.keys().collect::<Vec<_>>(),
        ["preferredDuringSchedulingIgnoredDuringExecution"],
        "{affinity}"
    );
    let term = &rules["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"];
    assert_eq!(term["labelSelector"]["matchLabels"], labels);
}

#[tokio::test]
async fn a_dry_run_needs_no_lease_and_takes_the_place_of_writers() {
    let plane = ControlPlane::shared().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let holds = plane.sh(root, "kubectl kustomize manifests/overlays/dry-run").await;
    for right in ["leases", "events"] {
        assert!(!holds.contains(right), "{holds}");
    }
    // The cluster already has the overlay `apply`.
    let back = plane.sh(root, "kubectl apply --dry-run=server -k manifests/overlays/dry-run -o json").await;
    let back: serde_json::Value = serde_json::from_str(&back).unwrap();
    let is_deployment = |item: &&serde_json::Value| item["kind"] == "Deployment";
    let spec = &back["items"].as_array().unwrap().iter().find(is_deployment).unwrap()["spec"];
    // With this strategy, the old pods end before the new pod starts (Kubernetes, "Recreate Deployment").
    assert_eq!((&spec["replicas"], &spec["strategy"]), (&json!(1), &json!({"type": "Recreate"})));
}

#[tokio::test]
async fn overlays_take_each_others_place_by_server_side_apply() {
    let plane = ControlPlane::bare().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let deployments: Api<Deployment> = Api::namespaced(plane.admin().await, NAMESPACE);
    for (overlay, replicas) in [("dry-run", 1), ("apply", 2), ("dry-run", 1), ("approve", 2), ("dry-run", 1)]
    {
        let command = format!("kubectl apply --server-side -k manifests/overlays/{overlay}");
        plane.sh(root, &command).await;
        let spec = deployments.get("zonekeeper").await.unwrap().spec.unwrap();
        assert_eq!(spec.replicas, Some(replicas), "{overlay}");
        assert_eq!(serde_json::to_value(&spec.strategy).unwrap(), json!({"type": "Recreate"}), "{overlay}");
    }
    // A Deployment with another strategy needs one patch, as the page of the installation says.
    let rolling = json!({"spec": {"strategy": {"type": "RollingUpdate"}}});
    deployments.patch("zonekeeper", &PatchParams::default(), &Patch::Merge(rolling)).await.unwrap();
    plane.sh(root, OTHER_STRATEGY).await;
    assert!(pages::commands(&pages::read("docs/install/kustomize.md")).iter().any(|it| it == OTHER_STRATEGY));
    plane.sh(root, "kubectl apply --server-side -k manifests/overlays/apply").await;
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
    // Each run has an empty zone, so that it writes the same records and the same log.
    let run = async |said: &[&str]| {
        let zone = Zone::empty().await;
        shop.lease().delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
        let kubeconfig = plane.zonekeeper();
        let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &["run"]).start();
        match said {
            [] => zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await,
            said => drop(zonekeeper.says(said).await),
        }
        zonekeeper
            .until("an Event", async || {
                let events = shop.events_of::<Ingress>("web").await;
                (!events.is_empty()).then_some(())
            })
            .await;
        zonekeeper.stop().await
    };
    let ended = run(&[]).await;
    assert!(!ended.stderr.contains("cannot"), "{ended}");

    let count = without_each(&plane, |_| true, async |said| drop(run(said).await)).await;
    assert_eq!(count, 11);
}

#[tokio::test]
async fn every_right_for_approvals_is_used_and_its_absence_is_said() {
    let cluster = ControlPlane::start().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    cluster.sh(root, "kubectl apply -k manifests/overlays/approve").await;
    let shop = Namespace::of(&cluster, "approvals").await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let plans: Api<ZonePlan> = Api::all(cluster.admin().await);
    let run = async |said: &[&str]| {
        let zone = Zone::empty().await;
        shop.lease().delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
        plans.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
        let kubeconfig = cluster.zonekeeper();
        let run = ["run", "--mode", "approve"];
        let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &run).start();
        match said {
            [] => {
                let shown = async || {
                    let found = plans.list(&ListParams::default()).await.ok()?.items;
                    found.iter().any(|plan| plan.status.is_some()).then_some(())
                };
                zonekeeper.until("a ZonePlan", shown).await;
            }
            said => drop(zonekeeper.says(said).await),
        }
        assert_eq!(zone.count(CHANGE), 0);
        zonekeeper.stop().await
    };
    let ended = run(&[]).await;
    assert!(!ended.stderr.contains("cannot"), "{ended}");
    let is_for_approvals = |right: &Right| right.group == "zonekeeper.dev";
    assert_eq!(without_each(&cluster, is_for_approvals, async |said| drop(run(said).await)).await, 4);
}

#[tokio::test]
async fn every_right_for_dns_endpoints_is_used_and_its_absence_is_said() {
    let plane = ControlPlane::start().await;
    component::add(&plane, "dns-endpoints").await;
    dns_endpoints::define(&plane).await;
    let shop = Namespace::of(&plane, "endpoints").await;
    dns_endpoints::apply(&shop, &dns_endpoints::of_address("web", "www.example.test")).await;
    let run = async |said: &[&str]| {
        let zone = Zone::empty().await;
        shop.lease().delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
        dns_endpoints::forget_status(&shop, "web").await;
        let (kubeconfig, run) = (plane.zonekeeper(), ["run", "--source", "crd"]);
        let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &run).start();
        match said {
            [] => drop(zonekeeper.until("a status", async || dns_endpoints::ready(&shop, "web").await).await),
            said => drop(zonekeeper.says(said).await),
        }
        zonekeeper.stop().await
    };
    let ended = run(&[]).await;
    assert!(!ended.stderr.contains("cannot"), "{ended}");
    let is_meant = |right: &Right| right.group == "externaldns.k8s.io";
    assert_eq!(without_each(&plane, is_meant, async |said| drop(run(said).await)).await, 4);
}

/// Removes the selected rights one by one, and checks that the log names the missing right. Returns the
/// number of rights.
async fn without_each(
    plane: &ControlPlane,
    is_meant: impl Fn(&Right) -> bool,
    run: impl AsyncFn(&[&str]),
) -> usize {
    let mut count = 0;
    for namespace in [None, Some(NAMESPACE)] {
        let whole = rules(plane, namespace).await;
        for right in whole.iter().flat_map(|rule| rights(namespace, rule)).filter(&is_meant) {
            let left = whole.iter().map(|rule| right.taken_from(rule.clone()));
            let left = left.filter(|rule| !rule.verbs.is_empty()).collect();
            set_rules(plane, namespace, left).await;
            right.becomes(plane, false).await;
            let Right { group, resource, verb, .. } = &right;
            let group = format!("in API group \\\"{group}\\\"");
            run(&[&format!("cannot {verb} resource"), resource, &group]).await;
            set_rules(plane, namespace, whole.clone()).await;
            right.becomes(plane, true).await;
            count += 1;
        }
    }
    count
}

/// The rules of the Role in a namespace, or of the `ClusterRole` for `None`.
async fn rules(plane: &ControlPlane, namespace: Option<&str>) -> Vec<PolicyRule> {
    let rules = match namespace {
        None => Api::<ClusterRole>::all(plane.admin().await).get("zonekeeper").await.unwrap().rules,
        Some(name) => {
            let roles = Api::<Role>::namespaced(plane.admin().await, name);
            roles.get("zonekeeper").await.unwrap().rules
        }
    };
    rules.unwrap()
}

fn rights(namespace: Option<&'static str>, rule: &PolicyRule) -> Vec<Right> {
    let group = rule.api_groups.clone().unwrap().join(",");
    let resources = rule.resources.clone().unwrap();
    let of = |resource: &String| {
        let (group, resource) = (group.clone(), resource.clone());
        let right = move |verb: &String| {
            let (group, resource) = (group.clone(), resource.clone());
            Right { namespace, group, resource, verb: verb.clone() }
        };
        rule.verbs.iter().map(right).collect::<Vec<_>>()
    };
    resources.iter().flat_map(of).collect()
}

async fn set_rules(plane: &ControlPlane, namespace: Option<&str>, left: Vec<PolicyRule>) {
    let (left, parameters) = (Patch::Merge(json!({"rules": left})), PatchParams::default());
    match namespace {
        None => {
            let roles = Api::<ClusterRole>::all(plane.admin().await);
            roles.patch("zonekeeper", &parameters, &left).await.unwrap();
        }
        Some(name) => {
            let roles = Api::<Role>::namespaced(plane.admin().await, name);
            roles.patch("zonekeeper", &parameters, &left).await.unwrap();
        }
    }
}

// === impl Right ===

impl Right {
    fn taken_from(&self, mut rule: PolicyRule) -> PolicyRule {
        if rule.resources.iter().flatten().any(|resource| *resource == self.resource) {
            rule.verbs.retain(|verb| *verb != self.verb);
        }
        rule
    }

    /// Waits until the API server applies the changed role.
    async fn becomes(&self, plane: &ControlPlane, allowed: bool) {
        let (resource, subresource) = match self.resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource)),
            None => (self.resource.as_str(), None),
        };
        let reviews: Api<SubjectAccessReview> = Api::all(plane.admin().await);
        let attributes = ResourceAttributes {
            group: Some(self.group.clone()),
            resource: Some(resource.to_owned()),
            subresource: subresource.map(str::to_owned),
            verb: Some(self.verb.clone()),
            namespace: self.namespace.map(str::to_owned),
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
        assert!(judged.await.is_some(), "the API server does not apply the changed role");
    }
}
