//! The Helm chart: what it renders, and its installation on a real control plane.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use k8s_openapi::api::{
    core::v1::{ConfigMap, ServiceAccount},
    networking::v1::Ingress,
};
use kube::Api;
use serde_json::{Value, json};
use zonekeeper_core::{dns::ZoneId, lease::Lease};

use crate::{
    control_plane::ControlPlane,
    deployment::{self, Release},
    documents,
    namespace::{BALANCER, Namespace},
    pages,
    scratch::{Scratch, copy},
    zone::{self, Zone},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const CHART: &str = "charts/zonekeeper";
/// The values that every installation needs.
const ZONE: &str = "--set zone.id=Z0123456789EXAMPLE --set zone.ownerId=tests";

/// The page of the values up to its table.
const VALUES: &str = "# Values of the chart

<!-- Generated from charts/zonekeeper/values.yaml: `make documents` writes it, `make test` compares it. -->

The chart is in `charts/zonekeeper`. [Install with Helm](../install/helm.md) uses it. It needs Kubernetes 1.27 or newer.

| value | default | means |
|---|---|---|
";

/// Labels that only Helm sets.
const OF_HELM: [&str; 4] = [
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
];

/// A release of zonekeeper in a namespace.
struct Installed<'p> {
    plane: &'p ControlPlane,
    release: Release<'static>,
}

// === impl Installed ===

impl Installed<'_> {
    /// Runs `helm COMMAND RELEASE … --namespace NAMESPACE`.
    async fn helm(&self, command: &str, rest: &str) -> String {
        let Release { namespace, name } = self.release;
        let command = format!("helm {command} {name} {rest} --namespace {namespace}");
        self.plane.sh(Path::new(ROOT), &command).await
    }

    /// One setting of the Deployment.
    async fn setting(&self, name: &str) -> Option<String> {
        let Release { namespace, name: map } = self.release;
        let maps: Api<ConfigMap> = Api::namespaced(self.plane.admin().await, namespace);
        maps.get(map).await.unwrap().data?.remove(name)
    }
}

/// The objects that `helm template` renders with these flags.
pub async fn rendered(plane: &ControlPlane, flags: &str) -> Vec<Value> {
    let command = format!("helm template zonekeeper {CHART} --namespace zonekeeper {ZONE} {flags}");
    objects(&plane.sh(Path::new(ROOT), &command).await)
}

/// The documents of a YAML stream.
pub fn objects(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    documents.into_iter().filter(Value::is_object).collect()
}

pub fn of_kind<'o>(objects: &'o [Value], kind: &str) -> Vec<&'o Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// An object without what only Helm or only Kustomize sets: labels, the checksum of the settings, and parts of names.
pub fn neutral(mut object: Value) -> Value {
    let mut text = object.to_string();
    // Kustomize adds a hash to the name of a ConfigMap. Helm adds the namespace to the names of cluster-wide objects.
    if let Some(name) = object["metadata"]["name"].as_str().filter(|_| object["kind"] == "ConfigMap") {
        text = text.replace(&format!("\"{name}\""), "\"zonekeeper\"");
    }
    object = serde_json::from_str(&text.replace("\"zonekeeper-zonekeeper\"", "\"zonekeeper\"")).unwrap();
    strip(&mut object);
    if let Some(rules) = object.get_mut("rules").and_then(Value::as_array_mut) {
        rules.sort_by_key(Value::to_string);
    }
    object
}

/// Removes labels of Helm and annotations of pods, at any depth, and the hash in the name of a `ConfigMap`.
fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !OF_HELM.contains(&name.as_str()));
            if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("annotations");
            }
            if let Some(map) = fields.get_mut("configMapRef") {
                *map = json!({"name": "zonekeeper"});
            }
            fields.values_mut().for_each(strip);
        }
        Value::Array(elements) => elements.iter_mut().for_each(strip),
        _ => {}
    }
}

fn sorted(objects: Vec<Value>) -> Vec<Value> {
    // Helm creates the namespace by a flag, and the definitions from the folder crds.
    let is_other =
        |object: &Value| object["kind"] == "Namespace" || object["kind"] == "CustomResourceDefinition";
    let mut objects: Vec<Value> =
        objects.into_iter().filter(|object| !is_other(object)).map(neutral).collect();
    objects.sort_by_key(|object| format!("{} {}", object["kind"], object["metadata"]["name"]));
    objects
}

#[tokio::test]
async fn the_chart_and_the_overlays_have_the_same_objects() {
    let plane = ControlPlane::shared().await;
    let folder = Scratch::new("overlays");
    for shipped in ["manifests", "crds"] {
        copy(&Path::new(ROOT).join(shipped), &folder.join(shipped));
    }
    // The chart computes the name of the Lease. With Kustomize, the user writes it.
    let component = folder.join("manifests/components/one-lease/kustomization.yaml");
    let name = Lease::name(&ZoneId::new(zone::ID).unwrap(), &"tests".parse().unwrap());
    let text = fs::read_to_string(&component).unwrap();
    fs::write(&component, text.replace("z0123456789example-0123456789", &name)).unwrap();
    fs::create_dir(folder.join("manifests/mine")).unwrap();
    for mode in ["dry-run", "approve", "apply"] {
        let user = format!("resources: [../overlays/{mode}]\ncomponents: [../components/one-lease]\n");
        fs::write(folder.join("manifests/mine/kustomization.yaml"), user).unwrap();
        let mut of_kustomize = objects(&plane.sh(&folder, "kubectl kustomize manifests/mine").await);
        // The overlays have a zone only after an edit.
        for map in of_kustomize.iter_mut().filter(|object| object["kind"] == "ConfigMap") {
            map["data"]["ZONEKEEPER_ZONE_ID"] = json!(zone::ID);
            map["data"]["ZONEKEEPER_OWNER_ID"] = json!("tests");
        }
        let of_helm = sorted(rendered(plane, &format!("--set mode={mode}")).await);
        let of_kustomize = sorted(of_kustomize);
        let names = |objects: &[Value]| -> Vec<String> {
            objects
                .iter()
                .map(|object| format!("{} {}", object["kind"], object["metadata"]["name"]))
                .collect()
        };
        assert_eq!(names(&of_helm), names(&of_kustomize), "{mode}");
        for (one, other) in of_helm.iter().zip(&of_kustomize) {
            assert_eq!(one, other, "{mode}");
        }
    }
}

#[tokio::test]
async fn the_components_are_values() {
    let plane = ControlPlane::shared().await;
    for (component, flags) in [
        ("headless-services", "--set serviceTypeFilter={LoadBalancer,ExternalName,ClusterIP}"),
        ("node-ports", "--set serviceTypeFilter={LoadBalancer,ExternalName,NodePort}"),
        ("dns-endpoints", "--set sources={ingress,service,crd}"),
        ("approvers", "--set rbac.approver=true"),
    ] {
        let user = format!("resources: [../overlays/apply]\ncomponents: [../components/{component}]\n");
        let folder = Scratch::new(component);
        for shipped in ["manifests", "crds"] {
            copy(&Path::new(ROOT).join(shipped), &folder.join(shipped));
        }
        fs::create_dir(folder.join("manifests/mine")).unwrap();
        fs::write(folder.join("manifests/mine/kustomization.yaml"), user).unwrap();
        let of_kustomize = objects(&plane.sh(&folder, "kubectl kustomize manifests/mine").await);
        let of_helm = rendered(plane, &format!("--set mode=apply {flags}")).await;
        assert_eq!(rights(&of_helm), rights(&of_kustomize), "{component}");
    }
}

/// All rights that the roles grant, as `resource verb`.
fn rights(objects: &[Value]) -> BTreeSet<String> {
    let roles = of_kind(objects, "ClusterRole").into_iter().chain(of_kind(objects, "Role"));
    let mut rights = BTreeSet::new();
    for rule in roles.flat_map(|role| role["rules"].as_array().unwrap()) {
        for resource in rule["resources"].as_array().unwrap() {
            for verb in rule["verbs"].as_array().unwrap() {
                rights.insert(format!("{resource} {verb}"));
            }
        }
    }
    rights
}

#[tokio::test]
async fn all_values_are_accepted_by_helm_and_by_the_api_server() {
    let plane = ControlPlane::shared().await;
    plane.sh(Path::new(ROOT), "kubectl create namespace chart").await;
    for values in fs::read_dir(Path::new(ROOT).join(CHART).join("ci")).unwrap() {
        let values = values.unwrap().path();
        let command = format!(
            "helm lint --strict {CHART} --values {0} >&2
             helm template zonekeeper {CHART} --namespace chart --values {0} |
             kubectl apply --dry-run=server --validate=strict -f -",
            values.display()
        );
        let applied = plane.sh(Path::new(ROOT), &command).await;
        assert!(applied.contains("deployment.apps/"), "{}: {applied}", values.display());
    }
    // The API server of this test does not know this kind.
    let objects = rendered(plane, "--set podMonitor.create=true,podMonitor.labels.release=prometheus").await;
    let [monitor] = of_kind(&objects, "PodMonitor")[..] else { panic!("{objects:#?}") };
    let [deployment] = of_kind(&objects, "Deployment")[..] else { panic!("{objects:#?}") };
    assert_eq!(monitor["spec"]["selector"], deployment["spec"]["selector"]);
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    let port = &deployment["spec"]["template"]["spec"]["containers"][0]["ports"][0]["name"];
    assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["port"], *port);
}

/// Every value occurs in `ci/everything-values.yaml`, with another value than its default.
#[test]
fn every_value_is_tried() {
    let read = |file: &str| -> Value {
        serde_saphyr::from_str(&fs::read_to_string(Path::new(ROOT).join(CHART).join(file)).unwrap()).unwrap()
    };
    let (defaults, tried) = (read("values.yaml"), read("ci/everything-values.yaml"));
    // `ci/nothing-values.yaml` switches these off.
    let others = ["rbac", "podDisruptionBudget"];
    for (name, default) in defaults.as_object().unwrap() {
        assert!(others.contains(&name.as_str()) || tried.get(name).is_some_and(|it| it != default), "{name}");
    }
    for name in tried.as_object().unwrap().keys() {
        assert!(defaults.get(name).is_some(), "{name} has no default");
    }
}

#[tokio::test]
async fn a_wrong_value_is_an_error_that_names_it() {
    let plane = ControlPlane::shared().await;
    for (flags, said) in [
        ("", "set zone.id to the id of the hosted zone"),
        ("--set zone.id=Z1", "set zone.ownerId to a name that only this cluster has"),
        ("--set zone.id=/hostedzone/Z1", "/zone/id"),
        (&format!("{ZONE} --set mode=sync"), "/mode"),
        (&format!("{ZONE} --set sources={{pod}}"), "/sources/0"),
        (&format!("{ZONE} --set zoneId=Z1"), "zoneId"),
        (&format!("{ZONE} --set extraArgs={{run}}"), "/extraArgs/0"),
        (&format!("{ZONE} --set flags.zone-id=Z2"), "invalid propertyName 'zone-id'"),
        (&format!("{ZONE} --set podMonitor.interval=5m"), "/podMonitor/interval"),
        (
            &format!("{ZONE} --set prometheusRule.create=true"),
            "prometheusRule.create needs podMonitor.create",
        ),
        (&format!("{ZONE} --set replicas=two"), "/replicas"),
    ] {
        let command = format!("! helm template zonekeeper {CHART} {flags} 2>&1");
        let text = plane.sh(Path::new(ROOT), &command).await;
        assert!(text.contains(said), "{flags}: {text}");
    }
}

#[tokio::test]
async fn an_installation_shows_its_plan_and_writes_it_after_an_upgrade() {
    let plane = &ControlPlane::bare().await;
    let zone = Zone::empty().await;
    let release = Release { namespace: "dns", name: "zonekeeper" };
    let installed = Installed { plane, release };
    let notes = installed.helm("install", &format!("{CHART} --create-namespace {ZONE}")).await;
    assert!(notes.contains("kubectl logs deployment/zonekeeper --namespace dns"), "{notes}");
    let shop = Namespace::of(plane, "shop").await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let publish = json!({"zonekeeper.dev/publish": "true"});
    shop.annotate_ingress("web", publish).await;

    let mut zonekeeper = deployment::command_of(plane, &zone, release).await.start();
    zonekeeper.says(&["www.example.test"]).await;
    zonekeeper.is_ready().await;
    zonekeeper.stop().await;
    assert_eq!(zone.requests(), [[""; 0]; 0]);

    installed.helm("upgrade", &format!("{CHART} --reuse-values --set mode=apply")).await;
    assert_eq!(installed.setting("ZONEKEEPER_MODE").await.as_deref(), Some("apply"));
    let mut zonekeeper = deployment::command_of(plane, &zone, release).await.start();
    zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await;
    zonekeeper.stop().await;
    assert!(zone.alias("www.example.test", "A").unwrap().contains(BALANCER));

    installed.helm("rollback", "1").await;
    assert_eq!(installed.setting("ZONEKEEPER_MODE").await.as_deref(), Some("dry-run"));
    shop.create_balanced_ingress("api", "api.example.test", BALANCER).await;
    shop.annotate_ingress("api", json!({"zonekeeper.dev/publish": "true"})).await;
    let written = zone.requests().len();
    let zonekeeper = deployment::command_of(plane, &zone, release).await.start();
    zonekeeper.says(&["api.example.test"]).await;
    zonekeeper.stop().await;
    assert_eq!(zone.requests().len(), written);
}

/// The page of the installation leads from a dry run to writes, and back.
#[tokio::test]
async fn the_page_of_helm_leads_from_a_dry_run_to_writes_and_back() {
    let plane = &ControlPlane::bare().await;
    let installed = Installed { plane, release: deployment::MANIFESTS };
    let mut modes = Vec::new();
    for command in pages::commands(&pages::read("docs/install/helm.md")) {
        // Without a kubelet, there is no log.
        if command.starts_with("kubectl logs ") {
            continue;
        }
        plane.sh(Path::new(ROOT), &command).await;
        if command.starts_with("helm ") {
            modes.push(installed.setting("ZONEKEEPER_MODE").await.unwrap());
        }
    }
    assert_eq!(modes, ["dry-run", "dry-run", "apply", "dry-run"]);
    let accounts: Api<ServiceAccount> = Api::namespaced(plane.admin().await, "zonekeeper");
    let annotations = accounts.get("zonekeeper").await.unwrap().metadata.annotations.unwrap();
    assert_eq!(annotations["eks.amazonaws.com/role-arn"], "arn:aws:iam::123456789012:role/zonekeeper");
}

/// Split horizon: a public and a private zone of one name. Two releases of one name are in two namespaces.
#[tokio::test]
async fn two_releases_in_one_cluster_keep_two_zones() {
    let plane = &ControlPlane::bare().await;
    let zones = [Zone::empty().await, Zone::private().await];
    let shop = Namespace::of(plane, "shop").await;
    for (name, class) in [("web", "public"), ("intern", "private")] {
        let hostname = "www.example.test";
        shop.create_ingress(name, hostname, json!({"zonekeeper.dev/publish": "true"})).await;
        shop.patch::<Ingress>(name, json!({"spec": {"ingressClassName": class}})).await;
        let address = if class == "public" { "192.0.2.1" } else { "10.0.0.1" };
        shop.set_address::<Ingress>(name, json!({"ip": address})).await;
    }
    for command in pages::commands(&pages::read("docs/tasks/split-horizon.md")) {
        let ids = ["Z0123456789PUBLIC", "Z0123456789PRIVATE"];
        let command = ids.iter().fold(command, |command, id| command.replace(id, zone::ID));
        plane.sh(Path::new(ROOT), &command).await;
    }
    let mut running = Vec::new();
    for (zone, namespace) in zones.iter().zip(["dns-public", "dns-private"]) {
        let release = Release { namespace, name: "zonekeeper" };
        running.push(deployment::command_of(plane, zone, release).await.start());
    }
    for (zonekeeper, zone) in running.iter_mut().zip(&zones) {
        zonekeeper.until_zone(zone, "the record", |zone| zone.sets().len() == 2).await;
    }
    let values = zones.each_ref().map(|zone| zone.values("www.example.test", "A"));
    assert_eq!(values, [["192.0.2.1"], ["10.0.0.1"]]);
    for zonekeeper in running {
        zonekeeper.stop().await;
    }
}

/// The page of the values, from the comments in `values.yaml`. A comment begins with `-- `.
#[test]
fn the_page_of_the_chart_is_current() {
    let text = fs::read_to_string(Path::new(ROOT).join(CHART).join("values.yaml")).unwrap();
    let defaults: Value = serde_saphyr::from_str(&text).unwrap();
    let mut page = VALUES.to_owned();
    let mut comment = String::new();
    let mut parent = String::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if let Some(words) = line.trim_start().strip_prefix('#') {
            match words.trim().strip_prefix("-- ") {
                Some(first) => first.clone_into(&mut comment),
                None if !comment.is_empty() => comment = format!("{comment} {}", words.trim()),
                None => {}
            }
            continue;
        }
        let Some((key, _)) = line.trim_start().split_once(':').filter(|_| indent <= 2) else { continue };
        if indent == 0 {
            parent.clear();
        }
        if comment.is_empty() {
            key.clone_into(&mut parent);
            continue;
        }
        let pointer = format!("/{parent}/{key}").replace("//", "/");
        let default = defaults.pointer(&pointer).unwrap_or_else(|| panic!("no {pointer}"));
        let name = pointer.trim_start_matches('/').replace('/', ".");
        writeln!(page, "| `{name}` | `{default}` | {} |", std::mem::take(&mut comment)).unwrap();
    }
    documents::is_current("chart.md", &page);
}
