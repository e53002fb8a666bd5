//! Undecodable objects, and kinds without an API.

use serde_json::{Value, json};

use crate::{
    process::CommandLine,
    scratch::Scratch,
    script::{Script, ingress},
    zone::Zone,
};

/// An Ingress with a field of the wrong type.
fn broken(name: &str) -> Value {
    let mut ingress = ingress(name);
    ingress["spec"]["rules"] = json!("none");
    ingress
}

/// A command that reads only the Ingresses of the script.
fn command(script: &Script, zone: &Zone, arguments: &[&str]) -> CommandLine {
    let command = CommandLine::new(arguments).args(&["--source", "ingress"]).aws(zone).zone(crate::zone::ID);
    command
        .env("ZONEKEEPER_NAMESPACE", "shop")
        .env("ZONEKEEPER_KUBECONFIG", script.kubeconfig())
        .env("ZONEKEEPER_LOG_FORMAT", "json")
        .env("ZONEKEEPER_METRICS_ADDRESS", "127.0.0.1:0")
}

#[tokio::test]
async fn a_kind_without_an_api_does_not_close_a_gate_and_is_read_once_it_has_one() {
    let (zone, folder) = (Zone::empty().await, Scratch::new("unreadable-kind"));
    let script = Script::start(&folder).await;
    script.objects([ingress("www")]);
    script.refuse(404);
    let mut zonekeeper = command(&script, &zone, &["run"]).start();
    zonekeeper.says(&["a kind cannot be read", "has no API for Ingress objects", "--source"]).await;
    zonekeeper.is_ready().await;
    assert_eq!(zone.requests().len(), 0);

    script.refuse(None);
    zonekeeper.until_zone(&zone, "its records", |zone| zone.set("www.example.test", "A").is_some()).await;
    zonekeeper.stop().await;
}

#[tokio::test]
async fn a_command_ends_where_a_kind_has_no_api() {
    let (zone, folder) = (Zone::empty().await, Scratch::new("unreadable-plan"));
    let script = Script::start(&folder).await;
    script.refuse(404);
    let ended = command(&script, &zone, &["plan"]).end().await;
    assert_eq!(ended.code(), Some(1), "{ended}");
    for text in
        ["error: the API server has no API for Ingress objects", "CustomResourceDefinition", "--source"]
    {
        assert!(ended.stderr.contains(text), "{text}\n{ended}");
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_read_costs_its_own_hostnames_only() {
    let (zone, folder) = (Zone::empty().await, Scratch::new("unreadable"));
    let script = Script::start(&folder).await;
    let mut nameless = broken("nameless");
    // The metadata of this object is undecodable too.
    nameless["metadata"]["labels"] = json!(7);
    script.objects([ingress("www"), broken("bad"), nameless, ingress("zoo")]);
    let mut zonekeeper = command(&script, &zone, &["run"]).start();
    let has =
        |name: &'static str| move |zone: &Zone| zone.set(&format!("{name}.example.test"), "A").is_some();
    zonekeeper
        .until_zone(&zone, "the objects beside it in the list", |zone| has("www")(zone) && has("zoo")(zone))
        .await;

    // An undecodable object in the watch does not affect the next object.
    script.event("MODIFIED", broken("www"));
    script.event("ADDED", ingress("new"));
    zonekeeper.until_zone(&zone, "the next object in the watch", has("new")).await;
    zonekeeper.measures("zonekeeper_objects", "3").await;
    zonekeeper.measures("zonekeeper_orphans", "0").await;

    // A new listing with an undecodable object does not remove the object.
    script.objects([broken("www"), broken("bad"), ingress("zoo"), ingress("new"), ingress("newer")]);
    script.forget();
    zonekeeper.until_zone(&zone, "the new object in the next list", has("newer")).await;
    zonekeeper.measures("zonekeeper_objects", "4").await;
    zonekeeper.measures("zonekeeper_orphans", "0").await;

    // An undecodable object can become readable, and it can be deleted.
    let mut moved = ingress("www");
    moved["status"]["loadBalancer"]["ingress"][0]["ip"] = json!("192.0.2.2");
    script.event("MODIFIED", moved);
    zonekeeper
        .until_zone(&zone, "the new address", |zone| zone.values("www.example.test", "A") == ["192.0.2.2"])
        .await;
    script.event("MODIFIED", broken("zoo"));
    script.event("DELETED", broken("zoo"));
    zonekeeper.measures("zonekeeper_orphans", "1").await;
    let ended = zonekeeper.stop().await;

    let said = ended.logged("an object cannot be read; its records stay as they are");
    let mut objects: Vec<&str> = said.iter().map(|line| line["object"].as_str().unwrap()).collect();
    objects.sort_unstable();
    assert_eq!(objects, ["bad", "nameless", "www", "zoo"].map(|name| format!("Ingress/shop/{name}")));
    assert_eq!(zone.sets().len(), 8, "{:?}", zone.sets());
}
