//! An object that is not as its kind should be.

use serde_json::{Value, json};

use crate::{
    process::CommandLine,
    scratch::Scratch,
    script::{Script, ingress},
    zone::Zone,
};

/// An Ingress with a field of a type that is not its own.
fn broken(name: &str) -> Value {
    let mut ingress = ingress(name);
    ingress["spec"]["rules"] = json!("none");
    ingress
}

#[tokio::test]
async fn an_object_that_cannot_be_read_costs_its_own_hostnames_only() {
    let (zone, folder) = (Zone::empty().await, Scratch::new("unreadable"));
    let script = Script::start(&folder).await;
    let mut nameless = broken("nameless");
    // Not even its metadata can be read.
    nameless["metadata"]["labels"] = json!(7);
    script.objects([ingress("www"), broken("bad"), nameless, ingress("zoo")]);
    let command = CommandLine::new(&["run", "--source", "ingress"]).aws(&zone).zone(crate::zone::ID);
    let command = command
        .env("ZONEKEEPER_NAMESPACE", "shop")
        .env("ZONEKEEPER_KUBECONFIG", script.kubeconfig())
        .env("ZONEKEEPER_LOG_FORMAT", "json")
        .env("ZONEKEEPER_METRICS_ADDRESS", "127.0.0.1:0");
    let mut zonekeeper = command.start();
    let has =
        |name: &'static str| move |zone: &Zone| zone.set(&format!("{name}.example.test"), "A").is_some();
    zonekeeper
        .until_zone(&zone, "what is listed beside it", |zone| has("www")(zone) && has("zoo")(zone))
        .await;

    // What comes by the watch is read one by one, too.
    script.event("MODIFIED", broken("www"));
    script.event("ADDED", ingress("new"));
    zonekeeper.until_zone(&zone, "what comes after it", has("new")).await;
    zonekeeper.measures("zonekeeper_objects", "3").await;
    zonekeeper.measures("zonekeeper_orphans", "0").await;

    // Nor does a list that shows it take it for gone.
    script.objects([broken("www"), broken("bad"), ingress("zoo"), ingress("new"), ingress("newer")]);
    script.forget();
    zonekeeper.until_zone(&zone, "what is listed later", has("newer")).await;
    zonekeeper.measures("zonekeeper_objects", "4").await;
    zonekeeper.measures("zonekeeper_orphans", "0").await;

    // It can be read again, and it can go.
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
