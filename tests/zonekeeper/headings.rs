//! The heading of a command names the cluster, the zone, the owner, the mode, and the objects that are published.

use std::fs;

use serde_json::{Value, json};

use crate::{
    control_plane::ControlPlane,
    namespace::{BALANCER, Namespace},
    process::CommandLine,
    scratch::Scratch,
    zone::{ID, Zone},
};

/// Two Ingresses, of which one has an annotation.
async fn objects(namespace: &str) -> (Zone, Namespace) {
    let (zone, shop) = (Zone::empty().await, Namespace::new(namespace).await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.create_balanced_ingress("old", "old.example.test", BALANCER).await;
    shop.annotate_ingress("web", json!({"zonekeeper.dev/publish": "true"})).await;
    (zone, shop)
}

async fn command(zone: &Zone, shop: &Namespace, arguments: &[&str]) -> CommandLine {
    CommandLine::of(zone, shop, arguments).await.without_env("ZONEKEEPER_PUBLISH")
}

#[tokio::test]
async fn a_command_says_first_on_what_it_works() {
    let (zone, shop) = objects("headings").await;
    let server = format!("https://{}", ControlPlane::shared().await.address());
    let heading = |mode: &str| {
        format!(
            "cluster: context test at {server}/\nzone:    example.test ({ID})\nowner:   tests\nmode:    {mode}\n\
             publish: annotated\n"
        )
    };
    for (arguments, mode) in [
        (["plan"].as_slice(), "dry-run"),
        (&["run", "--dry-run", "--once"], "dry-run"),
        (&["orphans"], "dry-run"),
        (&["adopt", "--all", "--yes"], "adopt"),
        (&["apply", "--yes"], "apply"),
    ] {
        let ended = command(&zone, &shop, arguments).await.succeed().await;
        assert!(ended.stdout.starts_with(&heading(mode)), "{arguments:?}: {ended}");
        assert_eq!(ended.stdout.matches("cluster: ").count(), 1, "{arguments:?}: {ended}");
    }
    // The output of a program is JSON alone, so a person reads the heading on standard error.
    for arguments in [["plan", "--output", "json"], ["orphans", "--output", "json"]] {
        let ended = command(&zone, &shop, &arguments).await.succeed().await;
        assert!(ended.stderr.contains(heading("dry-run").trim_end()), "{arguments:?}: {ended}");
        let json: Value = serde_json::from_str(&ended.stdout).unwrap();
        let expected = json!({
            "cluster": format!("context test at {server}/"), "zone_id": ID, "zone_name": "example.test",
            "owner": "tests", "mode": "dry-run", "publish": "annotated",
        });
        assert_eq!(json["heading"], expected);
    }
    let digest = "0".repeat(32);
    let ended = command(&zone, &shop, &["approve", &digest]).await.end().await;
    let heading =
        format!("cluster: context test at {server}/\nzone:    {ID}\nowner:   tests\nmode:    approve\n");
    assert!(ended.stdout.starts_with(heading.trim_end()), "{ended}");
    let ran = command(&zone, &shop, &["run", "--once"]).await.succeed().await;
    let line = ran.logged("zonekeeper starts").remove(0);
    assert_eq!(
        (&line["cluster"], &line["publish"]),
        (&json!(format!("context test at {server}/")), &json!("annotated"))
    );
}

#[tokio::test]
async fn every_command_publishes_the_same_objects() {
    let (zone, shop) = objects("headings-publish").await;
    let mut digests = Vec::new();
    for arguments in [["plan"].as_slice(), &["run", "--dry-run", "--once"], &["apply", "--yes"]] {
        let shown = command(&zone, &shop, arguments).await.succeed().await.stdout;
        assert!(shown.contains("write www.example.test ") && !shown.contains("old.example.test"), "{shown}");
        assert!(shown.contains("\nnot published: 1 (hostnames that zonekeeper does not select: "), "{shown}");
        digests.push(shown.lines().find(|line| line.starts_with("digest ")).unwrap().to_owned());
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "{digests:?}");
    let all = command(&zone, &shop, &["plan", "--publish", "all"]).await.succeed().await.stdout;
    assert!(all.contains("write old.example.test ") && all.contains("\npublish: all\n"), "{all}");
}

#[tokio::test]
async fn the_variable_before_publish_is_refused() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("headings-old").await);
    let old = command(&zone, &shop, &["run"]).await.env("ZONEKEEPER_REQUIRE_ANNOTATION", "false").end().await;
    assert_eq!(old.code(), Some(2), "{old}");
    assert!(old.stderr.contains("ZONEKEEPER_PUBLISH=all for `false`"), "{old}");
}

#[tokio::test]
async fn a_reader_that_leaves_is_no_panic() {
    let (zone, shop) = objects("headings-reader").await;
    // The reader of the pipe is gone before anything is written.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = command(&zone, &shop, &["plan"]).await.end_into(writer).await;
    assert!(!ended.stderr.contains("defect of zonekeeper"), "{ended}");
    assert_eq!(ended.code(), Some(1), "{ended}");
}

#[tokio::test]
async fn a_context_of_the_kubeconfig_can_be_named() {
    let (zone, shop) = objects("headings-context").await;
    let plane = ControlPlane::shared().await;
    let scratch = Scratch::new("headings-context");
    let kubeconfig = scratch.join("config");
    let mut config: Value = serde_json::from_slice(&fs::read(plane.zonekeeper()).unwrap()).unwrap();
    config["contexts"].as_array_mut().unwrap().push(json!({
        "name": "nowhere", "context": {"cluster": "nowhere", "user": "test"},
    }));
    config["clusters"].as_array_mut().unwrap().push(json!({
        "name": "nowhere", "cluster": {"server": "https://127.0.0.1:1"},
    }));
    config["current-context"] = json!("nowhere");
    fs::write(&kubeconfig, config.to_string()).unwrap();
    let plan = |arguments: &[&str]| CommandLine::of_cluster(&zone, &shop, &kubeconfig, arguments).end();

    let named = plan(&["plan", "--context", "test"]).await;
    assert!(named.stdout.starts_with("cluster: context test at "), "{named}");
    let current = plan(&["plan"]).await;
    assert!(current.stderr.contains("https://127.0.0.1:1/ does not answer"), "{current}");
    let missing = plan(&["plan", "--context", "prod"]).await;
    let expected = "error: --context prod: the kubeconfig has no such context; it has: test, nowhere";
    assert!(missing.stderr.contains(expected), "{missing}");
}
