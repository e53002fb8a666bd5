//! `DNSEndpoint` objects and their status, on a real control plane under the RBAC of the shipped component.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};
use zonekeeper_core::source::DnsEndpoint;

use crate::{
    component,
    control_plane::ControlPlane,
    deadline::eventually,
    namespace::Namespace,
    process::{CommandLine, Process},
    zone::Zone,
};

/// The definition of the kind.
pub const DEFINITION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crds/dnsendpoints.yaml");
const NAME: &str = "dnsendpoints.externaldns.k8s.io";
/// All types of records.
const ALL_TYPES: &str = "A,AAAA,CAA,CNAME,MX,SRV,TXT";

/// Installs the definition of the kind, and waits until the API server serves it.
pub async fn define(plane: &ControlPlane) {
    let definition = serde_saphyr::from_str(&std::fs::read_to_string(DEFINITION).unwrap()).unwrap();
    install(plane, &definition).await;
}

async fn install(plane: &ControlPlane, definition: &CustomResourceDefinition) {
    let definitions: Api<CustomResourceDefinition> = Api::all(plane.admin().await);
    let parameters = PatchParams::apply("tests");
    definitions.patch(NAME, &parameters, &Patch::Apply(definition)).await.unwrap();
    let is_served = eventually(async || {
        let conditions = definitions.get(NAME).await.unwrap().status?.conditions?;
        conditions.iter().any(|it| it.type_ == "Established" && it.status == "True").then_some(())
    });
    assert!(is_served.await.is_some(), "the API server does not serve the kind");
}

/// A `DNSEndpoint` with entries.
fn of_entries(name: &str, entries: &Value) -> Value {
    json!({
        "apiVersion": "externaldns.k8s.io/v1alpha1",
        "kind": "DNSEndpoint",
        "metadata": {"name": name},
        "spec": {"endpoints": entries},
    })
}

/// A `DNSEndpoint` with one A record.
pub fn of_address(name: &str, host: &str) -> Value {
    of_entries(name, &json!([{"dnsName": host, "recordType": "A", "targets": ["192.0.2.1"]}]))
}

fn api(shop: &Namespace) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<DnsEndpoint>(&());
    Api::namespaced_with(shop.client(), shop.name(), &resource)
}

/// Creates an object, or changes it.
pub async fn apply(shop: &Namespace, object: &Value) {
    let name = object["metadata"]["name"].as_str().unwrap();
    let parameters = PatchParams::apply("tests").force();
    api(shop).patch(name, &parameters, &Patch::Apply(object)).await.unwrap();
}

/// Removes the status of an object.
pub async fn forget_status(shop: &Namespace, name: &str) {
    let patch = Patch::Merge(json!({"status": null}));
    api(shop).patch_status(name, &PatchParams::default(), &patch).await.unwrap();
}

/// The condition `Ready` of an object, if it is for its newest generation and not unknown.
pub async fn ready(shop: &Namespace, name: &str) -> Option<Value> {
    let object = api(shop).get(name).await.unwrap();
    let status = &object.data["status"];
    let is_current = status["observedGeneration"].as_i64() == object.metadata.generation;
    let conditions = status["conditions"].as_array()?;
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready")?;
    (is_current && ready["status"] != "Unknown").then(|| ready.clone())
}

/// Waits until the newest generation of an object has a state, and returns the condition.
async fn becomes(zonekeeper: &mut Process, shop: &Namespace, name: &str, expected: &str) -> Value {
    let is_there = async || ready(shop, name).await.filter(|ready| ready["status"] == expected);
    zonekeeper.until(&format!("Ready: {expected}"), is_there).await
}

#[tokio::test]
async fn a_status_says_what_became_of_the_records() {
    let plane = ControlPlane::start().await;
    component::add(&plane, "dns-endpoints").await;
    let (zone, shop) = (Zone::empty().await, Namespace::of(&plane, "shop").await);
    let kubeconfig = plane.zonekeeper();
    let run = ["run", "--source", "crd,ingress", "--managed-record-types", ALL_TYPES, "--publish=annotated"];
    let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &run).start();
    // Without the definition, the other kinds are published.
    zonekeeper.says(&["a kind cannot be read", "has no API for DNSEndpoint objects"]).await;
    zonekeeper.is_ready().await;
    define(&plane).await;

    let entry = |host: &str, rtype: &str, target: &str| json!({"dnsName": host, "recordType": rtype, "targets": [target]});
    let mut entries = vec![
        entry("example.test", "MX", "10 mail.example.test"),
        entry("example.test", "TXT", "v=spf1 mx -all"),
        entry("mail.example.test", "A", "192.0.2.1"),
        entry("mail.example.test", "AAAA", "2001:db8::1"),
        entry("_sip._tcp.example.test", "SRV", "0 0 5060 mail.example.test."),
        entry("mail.example.test", "CAA", "0 issue \"ca.example.net\""),
        entry("www.example.test", "CNAME", "shop.example.net"),
    ];
    apply(&shop, &of_entries("records", &json!(entries))).await;
    let written = |zone: &Zone| zone.sets().len() == 2 * 7;
    zonekeeper.until_zone(&zone, "a record and an ownership record for each entry", written).await;
    let first = becomes(&mut zonekeeper, &shop, "records", "True").await;
    assert_eq!((&first["reason"], &first["observedGeneration"]), (&json!("InSync"), &json!(1)));
    assert_eq!(first["message"], "the records of 4 names are in Route 53 as wanted");

    // A mistake is stated, and costs only its own hostname.
    entries.push(entry("bad.example.test", "A", "no address"));
    entries.push(entry("good.example.test", "A", "192.0.2.1"));
    apply(&shop, &of_entries("records", &json!(entries))).await;
    zonekeeper
        .until_zone(&zone, "the good record", |zone| zone.set("good.example.test", "A").is_some())
        .await;
    let bad = becomes(&mut zonekeeper, &shop, "records", "False").await;
    assert_eq!((&bad["reason"], &bad["observedGeneration"]), (&json!("InvalidField"), &json!(2)));
    let message = bad["message"].as_str().unwrap();
    assert!(message.contains("spec.endpoints[7].targets: `no address` is no address"), "{message}");
    assert!(message.contains("Fix: correct the field in the object"), "{message}");

    entries.remove(7);
    apply(&shop, &of_entries("records", &json!(entries))).await;
    let last = becomes(&mut zonekeeper, &shop, "records", "True").await;
    assert_eq!(last["observedGeneration"], 3);

    // The next leader has the same to say, so it writes nothing.
    let version = async || api(&shop).get("records").await.unwrap().metadata.resource_version;
    let before = version().await;
    zonekeeper.stop().await;
    apply(&shop, &of_address("other", "other.example.test")).await;
    let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &run).start();
    becomes(&mut zonekeeper, &shop, "other", "True").await;
    assert_eq!(version().await, before);
    zonekeeper.stop().await;
}

#[tokio::test]
async fn the_definition_of_externaldns_works_without_conditions() {
    let plane = ControlPlane::start().await;
    component::add(&plane, "dns-endpoints").await;
    let mut definition: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(DEFINITION).unwrap()).unwrap();
    let version = &mut definition["spec"]["versions"][0];
    version.as_object_mut().unwrap().remove("additionalPrinterColumns");
    let status = &mut version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"];
    assert!(status.as_object_mut().unwrap().remove("conditions").is_some());
    install(&plane, &serde_json::from_value(definition).unwrap()).await;
    let (zone, shop) = (Zone::empty().await, Namespace::of(&plane, "shop").await);
    apply(&shop, &of_address("records", "www.example.test")).await;
    let kubeconfig = plane.zonekeeper();
    let run = ["run", "--source", "crd"];
    let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &run).start();
    let is_observed = async || {
        let status = api(&shop).get("records").await.unwrap().data["status"].clone();
        (status == json!({"observedGeneration": 1})).then_some(())
    };
    zonekeeper.until("the observed generation", is_observed).await;
    assert!(zone.set("www.example.test", "A").is_some());
    let ended = zonekeeper.stop().await;
    assert!(!ended.stderr.contains("cannot be written"), "{ended}");
}

#[tokio::test]
async fn the_definition_accepts_what_that_of_externaldns_accepts() {
    let plane = ControlPlane::start().await;
    define(&plane).await;
    let shop = Namespace::of(&plane, "shop").await;
    for (name, spec) in [
        ("nothing", json!({})),
        ("no-entries", json!({"endpoints": []})),
        ("an-empty-entry", json!({"endpoints": [{}]})),
        (
            "everything",
            json!({"endpoints": [{
                "dnsName": "www.example.test", "recordType": "NAPTR", "targets": ["a", ""], "recordTTL": -1,
                "setIdentifier": "", "labels": {"a": "b"}, "providerSpecific": [{"name": "a", "value": "b"}, {}],
            }]}),
        ),
    ] {
        let mut object = of_entries(name, &json!([]));
        object["spec"] = spec;
        apply(&shop, &object).await;
    }
    let mut object = of_entries("no-spec", &json!([]));
    object.as_object_mut().unwrap().remove("spec");
    apply(&shop, &object).await;
    // It is read as well.
    let zone = Zone::empty().await;
    let kubeconfig = plane.administrator();
    let plan = ["plan", "--source", "crd", "--managed-record-types", ALL_TYPES];
    let plan = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &plan).succeed().await;
    for line in
        ["blocked www.example.test for DNSEndpoint/shop/everything", "blocked spec.endpoints[0].dnsName"]
    {
        assert!(plan.stdout.contains(line), "{line}\n{plan}");
    }
}
