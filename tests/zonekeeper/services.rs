//! Services that look up pods and nodes, under the RBAC of the shipped components.

use k8s_openapi::api::{
    core::v1::{Node, Pod, Service, ServiceAccount},
    discovery::v1::EndpointSlice,
};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{component, control_plane::ControlPlane, namespace::Namespace, process::CommandLine, zone::Zone};

const HOST: &str = "www.example.test";

/// A Service that asks for [`HOST`], with the pods of the label `app: web`.
async fn create_service(shop: &Namespace, spec: Value) {
    let mut spec = spec;
    spec["selector"] = json!({"app": "web"});
    spec["ports"] = json!([{"port": 80}]);
    let annotations = json!({"external-dns.kubernetes.io/hostname": HOST});
    shop.create::<Service>(json!({"metadata": {"name": "web", "annotations": annotations}, "spec": spec}))
        .await;
}

/// A running pod on a node. No controller creates the account that the API server demands.
async fn create_pod(shop: &Namespace, name: &str, node: &str) {
    let pod = json!({
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {
            "hostname": name, "nodeName": node, "serviceAccountName": "web",
            "containers": [{"name": "web", "image": "web"}],
        },
    });
    shop.create::<Pod>(pod).await;
    set_ready(shop, name, true).await;
}

async fn set_ready(shop: &Namespace, name: &str, is_ready: bool) {
    let status = if is_ready { "True" } else { "False" };
    let conditions = json!([{"type": "Ready", "status": status}]);
    shop.set_status::<Pod>(name, json!({"phase": "Running", "conditions": conditions})).await;
}

fn endpoint(pod: &str, address: &str, is_ready: bool) -> Value {
    json!({
        "addresses": [address],
        "conditions": {"ready": is_ready},
        "targetRef": {"kind": "Pod", "name": pod},
    })
}

async fn create_node(plane: &ControlPlane, name: &str, address: &str) {
    let nodes: Api<Node> = Api::all(plane.admin().await);
    let node = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    nodes.create(&PostParams::default(), &node).await.unwrap();
    let addresses = json!([{"type": "ExternalIP", "address": address}]);
    let status = Patch::Merge(json!({"status": {"addresses": addresses}}));
    nodes.patch_status(name, &PatchParams::default(), &status).await.unwrap();
}

fn has(host: &'static str, values: &'static [&'static str]) -> impl Fn(&Zone) -> bool {
    move |zone| zone.values(host, "A") == values
}

#[tokio::test]
async fn a_headless_service_waits_for_its_component_and_then_follows_its_pods() {
    let plane = ControlPlane::start().await;
    let (zone, shop) = (Zone::empty().await, Namespace::of(&plane, "headless").await);
    shop.create::<ServiceAccount>(json!({"metadata": {"name": "web"}})).await;
    create_service(&shop, json!({"clusterIP": "None"})).await;
    for name in ["web-0", "web-1"] {
        create_pod(&shop, name, "worker").await;
    }
    let slice = json!({
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [endpoint("web-0", "10.1.0.1", true), endpoint("web-1", "10.1.0.2", true)],
    });
    shop.create::<EndpointSlice>(slice).await;
    shop.create_service("shop", "shop.example.test").await;
    shop.set_address::<Service>("shop", json!({"ip": "192.0.2.1"})).await;

    let run = ["run", "--service-type-filter", "ClusterIP,LoadBalancer"];
    let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &plane.zonekeeper(), &run).start();
    // Without the component, only this Service is blocked.
    zonekeeper
        .says(&["a kind cannot be read", "Pod objects", "manifests/components/headless-services"])
        .await;
    let others = has("shop.example.test", &["192.0.2.1"]);
    zonekeeper.until_zone(&zone, "the record of the other Service", others).await;
    zonekeeper.measures("zonekeeper_blocked{reason=\"DependencyUnreadable\"}", "1").await;
    assert!(zone.values(HOST, "A").is_empty());

    component::add(&plane, "headless-services").await;
    zonekeeper.until_zone(&zone, "all pods", has(HOST, &["10.1.0.1", "10.1.0.2"])).await;
    zonekeeper.until_zone(&zone, "a pod", has("web-0.www.example.test", &["10.1.0.1"])).await;
    zonekeeper.until_zone(&zone, "another pod", has("web-1.www.example.test", &["10.1.0.2"])).await;

    let endpoints = json!([endpoint("web-0", "10.1.0.1", false), endpoint("web-1", "10.1.0.3", true)]);
    shop.patch::<EndpointSlice>("web-1", json!({"endpoints": endpoints})).await;
    zonekeeper.until_zone(&zone, "the ready pod", has(HOST, &["10.1.0.3"])).await;
    zonekeeper.until_zone(&zone, "its own name", has("web-1.www.example.test", &["10.1.0.3"])).await;
    zonekeeper.stop().await;
    assert_eq!(zone.values("web-0.www.example.test", "A"), ["10.1.0.1"]);
}

#[tokio::test]
async fn a_node_port_with_the_policy_local_follows_the_nodes_of_its_pods() {
    let plane = ControlPlane::start().await;
    let (zone, shop) = (Zone::empty().await, Namespace::of(&plane, "node-ports").await);
    shop.create::<ServiceAccount>(json!({"metadata": {"name": "web"}})).await;
    for (name, address) in [("one", "203.0.113.1"), ("two", "203.0.113.2"), ("three", "203.0.113.3")] {
        create_node(&plane, name, address).await;
    }
    create_pod(&shop, "web-1", "one").await;
    create_pod(&shop, "web-2", "two").await;
    set_ready(&shop, "web-2", false).await;
    create_service(&shop, json!({"type": "NodePort", "externalTrafficPolicy": "Local"})).await;
    component::add(&plane, "node-ports").await;

    let run = ["run", "--service-type-filter", "NodePort"];
    let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &plane.zonekeeper(), &run).start();
    zonekeeper.until_zone(&zone, "the node of the ready pod", has(HOST, &["203.0.113.1"])).await;
    set_ready(&shop, "web-2", true).await;
    zonekeeper.until_zone(&zone, "both nodes", has(HOST, &["203.0.113.1", "203.0.113.2"])).await;
    let nodes: Api<Node> = Api::all(plane.admin().await);
    let cordon = Patch::Merge(json!({"spec": {"unschedulable": true}}));
    nodes.patch("one", &PatchParams::default(), &cordon).await.unwrap();
    zonekeeper.until_zone(&zone, "the node that is not drained", has(HOST, &["203.0.113.2"])).await;
    zonekeeper.stop().await;
}

#[tokio::test]
async fn a_host_name_without_an_address_blocks_only_its_service() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("resolved").await);
    for (name, address) in [
        ("web", json!({"ip": "192.0.2.1"})),
        // A name that never has an address (RFC 6761).
        ("lost", json!({"hostname": "lb.invalid"})),
    ] {
        shop.create_service(name, &format!("{name}.example.test")).await;
        shop.set_address::<Service>(name, address).await;
    }
    let arguments = ["plan", "--resolve-service-load-balancer-hostname"];
    let plan = CommandLine::of(&zone, &shop, &arguments).await.succeed().await.stdout;
    for line in [
        "create web.example.test A 192.0.2.1",
        "blocked lost.example.test for Service/resolved/lost: DependencyUnreadable: Service/resolved/lost depends on Address/lb.invalid",
    ] {
        assert!(plan.contains(line), "{line}\n{plan}");
    }
}
