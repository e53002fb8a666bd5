//! The Applications of Argo CD in `examples/argocd`.

use std::fs;

use serde_json::{Value, json};

use crate::{
    chart::{objects, of_kind},
    control_plane::ControlPlane,
    deployment,
    namespace::{BALANCER, Namespace},
    pages,
    scratch::Scratch,
    zone::{self, Zone},
};

const WAVE: &str = "argocd.argoproj.io/sync-wave";
const OPTIONS: &str = "argocd.argoproj.io/sync-options";

/// An Application in the folder of the examples.
fn application(file: &str) -> Value {
    let application: Value =
        serde_saphyr::from_str(&pages::read(&format!("examples/argocd/{file}"))).unwrap();
    assert_eq!(application["apiVersion"], "argoproj.io/v1alpha1");
    assert_eq!(application["kind"], "Application");
    application["spec"].clone()
}

/// The wave of an object. An object without one is in the wave 0.
fn wave(object: &Value) -> i64 {
    object["metadata"]["annotations"][WAVE].as_str().map_or(0, |wave| wave.parse().unwrap())
}

/// Checks the objects that Argo CD applies for an Application.
fn are_in_order(objects: &[Value], spec: &Value) {
    let options = spec["syncPolicy"]["syncOptions"].as_array().unwrap();
    assert!(options.contains(&json!("ServerSideApply=true")), "{options:?}");
    let definitions = of_kind(objects, "CustomResourceDefinition");
    let [deployment] = of_kind(objects, "Deployment")[..] else { panic!("{objects:#?}") };
    assert!(!definitions.is_empty());
    for definition in definitions {
        // A removed definition takes all of its objects with it.
        assert_eq!(definition["metadata"]["annotations"][OPTIONS], "Prune=false,Delete=false");
        assert!(wave(definition) < 0 && wave(deployment) > 0, "{definition:#?}");
    }
    for object in objects {
        let namespace = &object["metadata"]["namespace"];
        assert!(namespace.is_null() || *namespace == spec["destination"]["namespace"], "{object:#}");
        assert!(
            wave(object) == 0
                || ["CustomResourceDefinition", "Deployment"].map(Value::from).contains(&object["kind"])
        );
    }
}

#[tokio::test]
async fn both_applications_apply_the_definitions_first_and_keep_them() {
    let plane = ControlPlane::shared().await;
    let root = pages::place("");
    let kustomize = async |folder: &Value| {
        let command = format!("kubectl kustomize {}", folder.as_str().unwrap());
        objects(&plane.sh(&root, &command).await)
    };
    let spec = application("application.yaml");
    are_in_order(&kustomize(&spec["source"]["path"]).await, &spec);

    let spec = application("application-helm.yaml");
    let [definitions, chart] = &spec["sources"].as_array().unwrap()[..] else { panic!("{spec:#}") };
    // The chart has no definitions, because values cannot annotate them.
    assert_eq!(chart["helm"]["skipCrds"], true);
    let folder = Scratch::new("argocd");
    let values = folder.join("values.json");
    fs::write(&values, chart["helm"]["valuesObject"].to_string()).unwrap();
    let namespace = spec["destination"]["namespace"].as_str().unwrap();
    // `helm lint` refuses a value that the chart does not have.
    let command = format!(
        "helm lint --strict {0} --values {1} >&2; helm template zonekeeper {0} --namespace {namespace} --values {1}",
        chart["path"].as_str().unwrap(),
        values.display()
    );
    let mut rendered = objects(&plane.sh(&root, &command).await);
    rendered.extend(kustomize(&definitions["path"]).await);
    are_in_order(&rendered, &spec);
}

/// The API server accepts the objects wave by wave. zonekeeper then writes, and nothing that it creates looks as if Argo CD had
/// created it.
#[tokio::test]
async fn what_zonekeeper_creates_belongs_to_no_application() {
    let plane = &ControlPlane::bare().await;
    let root = pages::place("");
    let spec = application("application.yaml");
    let path = spec["source"]["path"].as_str().unwrap();
    let mut applied = objects(&plane.sh(&root, &format!("kubectl kustomize {path}")).await);
    applied.sort_by_key(wave);
    // Argo CD applies a namespace before the objects in it.
    applied.sort_by_key(|object| (wave(object), object["kind"] != "Namespace"));
    for object in &applied {
        let command = format!("kubectl apply --server-side --filename - <<'END'\n{object}\nEND");
        plane.sh(&root, &command).await;
    }
    let shop = Namespace::of(plane, "shop").await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.annotate_ingress("web", json!({"zonekeeper.dev/publish": "true"})).await;
    let before = plane.sh(&root, "kubectl get ingress web --namespace shop --output json").await;
    let zone = Zone::empty().await;
    let command = deployment::command(plane, &zone).await;
    // Only this mode creates a ZonePlan, and its overlay grants the right.
    plane.sh(&root, "kubectl apply --server-side --force-conflicts -k manifests/overlays/approve").await;
    let command = command.env("ZONEKEEPER_ZONE_ID", zone::ID).env("ZONEKEEPER_MODE", "approve");
    let mut zonekeeper = command.start();
    let list = "kubectl get zoneplans,leases --all-namespaces --output json";
    let created = zonekeeper
        .until("a ZonePlan and a Lease", async || {
            let list: Value = serde_json::from_str(&plane.sh(&root, list).await).unwrap();
            let items = list["items"].as_array().unwrap().iter();
            // The API server has Leases of its own.
            let of_others = |object: &&Value| object["metadata"]["namespace"] == "kube-system";
            let items: Vec<Value> = items.filter(|object| !of_others(object)).cloned().collect();
            (items.len() == 2).then_some(items)
        })
        .await;
    for object in created {
        let metadata = &object["metadata"];
        assert!(metadata["labels"].is_null() && metadata["annotations"].is_null(), "{object:#}");
    }
    zonekeeper.stop().await;
    // No Application sees a difference in its own objects.
    let after = plane.sh(&root, "kubectl get ingress web --namespace shop --output json").await;
    assert_eq!(before, after);
}
