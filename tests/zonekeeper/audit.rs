//! The log in JSON: one line for each change that Route 53 accepted.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::Ingress;
use serde_json::{Value, json};

use crate::{
    namespace::{BALANCER, Namespace},
    process::{CommandLine, OWNER},
    zone::{self, Zone},
};

#[tokio::test]
async fn every_line_is_json_and_every_accepted_change_has_one() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("audit").await);
    shop.create_ingress("web", "www.example.test", json!({})).await;
    shop.set_address::<Ingress>("web", json!({"ip": "192.0.2.1"})).await;
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.until_zone(&zone, "the first request", |zone| !zone.requests().is_empty()).await;
    shop.set_address::<Ingress>("web", json!({"ip": "192.0.2.2"})).await;
    zonekeeper.until_zone(&zone, "the second request", |zone| zone.requests().len() == 2).await;
    zonekeeper.measures("zonekeeper_changes_total{action=\"replace\"}", "1").await;
    zonekeeper.says(&["all name servers have a change", "www.example.test", "Ingress/audit/web"]).await;
    let ended = zonekeeper.stop().await;

    // A search engine stores each field with one type, takes a dot for a nested object, and refuses a field that comes twice.
    let mut types: BTreeMap<String, &str> = BTreeMap::new();
    for text in ended.stderr.lines() {
        let line: Value = serde_json::from_str(text).unwrap_or_else(|why| panic!("{why}: {text}\n{ended}"));
        for (field, value) in line.as_object().unwrap() {
            let type_of = match value {
                Value::String(_) => "text",
                Value::Number(_) => "number",
                Value::Bool(_) => "truth value",
                other => panic!("{field} is {other}: {text}"),
            };
            assert_eq!(*types.entry(field.clone()).or_insert(type_of), type_of, "{field}: {text}");
            assert!(!field.contains('.'), "{field}: {text}");
            assert_eq!(text.matches(&format!("\"{field}\":")).count(), 1, "{field}: {text}");
        }
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        assert!(line["message"].is_string(), "{line}");
        assert_eq!((&line["zone_id"], &line["owner"]), (&json!(zone::ID), &json!(OWNER)), "{line}");
    }
    let [address, ownership, replaced] = &ended.logged("Route 53 accepted a change")[..] else {
        panic!("{ended}")
    };
    let [first, second] = &zone.change_ids()[..] else { panic!("{:?}", zone.change_ids()) };
    let uid = shop.uid::<Ingress>("web").await;
    for (line, name, rtype, before, after, id) in [
        (address, "www.example.test", "A", None, "192.0.2.1 ttl=300", first),
        (ownership, "a-www.example.test", "TXT", None, "heritage=external-dns", first),
        (replaced, "www.example.test", "A", Some("192.0.2.1 ttl=300"), "192.0.2.2 ttl=300", second),
    ] {
        assert_eq!((&line["dns_name"], &line["record_type"]), (&json!(name), &json!(rtype)));
        assert_eq!(line.get("before").and_then(Value::as_str), before, "{line}");
        assert!(line["after"].as_str().unwrap().contains(after), "{line}");
        assert_eq!(line["object"], "Ingress/audit/web");
        assert_eq!(line["object_uid"], *uid);
        assert_eq!(line["change_id"], **id);
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["unit_digest"].as_str().unwrap().len(), 64, "{line}");
    }
    // CloudTrail shows the comment of a request. The digest in it leads to these log lines.
    let comments =
        [address, replaced].map(|line| format!("zonekeeper {}", line["batch_digest"].as_str().unwrap()));
    assert_eq!(zone.comments(), comments);
}

#[tokio::test]
async fn a_log_for_people_is_plain_text_where_nobody_watches() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("audit-text").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let once = CommandLine::of(&zone, &shop, &["run", "--once", "--log-format", "text"]).await;
    let ended = once.succeed().await;
    assert!(!ended.stderr.contains('\u{1b}'), "{ended}");
    let accepted = ended.stderr.lines().filter(|line| line.contains("Route 53 accepted a change"));
    assert_eq!(accepted.count(), 4, "{ended}");
    assert_eq!(ended.stdout, "", "{ended}");
}
