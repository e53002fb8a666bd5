//! `zonekeeper plan`: it shows the changes of an apply, and writes nothing.

use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use serde_json::{Value, json};
use zonekeeper_emulator::zone::RecordSet;

use crate::{
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::CommandLine,
    zone::{CHANGE, Zone},
};

/// A zone and objects with every kind of entry in a plan.
async fn news(namespace: &str) -> (Zone, Namespace) {
    let (zone, shop) = (Zone::empty().await, Namespace::new(namespace).await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.create_service("gone", "gone.example.test").await;
    shop.set_address::<Service>("gone", json!({"ip": "192.0.2.1"})).await;
    shop.create_service("api", "api.example.test").await;
    shop.set_addresses::<Service>("api", json!([{"ip": "192.0.2.2"}, {"ip": "2001:db8::2"}])).await;
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.succeed().await;

    shop.set_address::<Ingress>("web", json!({"hostname": OTHER_BALANCER})).await;
    shop.delete::<Service>("gone").await;
    shop.set_address::<Service>("api", json!({"ip": "192.0.2.2"})).await;
    shop.create_service("new", "new.example.test").await;
    shop.set_address::<Service>("new", json!({"ip": "192.0.2.3"})).await;
    shop.create_service("taken", "taken.example.test").await;
    shop.set_address::<Service>("taken", json!({"ip": "192.0.2.4"})).await;
    zone.foreigner_creates(RecordSet::simple("taken.example.test", "CNAME", 60, ["elsewhere.example.org"]));
    shop.create_service("outside", "www.example.org").await;
    shop.set_address::<Service>("outside", json!({"ip": "192.0.2.5"})).await;
    (zone, shop)
}

#[tokio::test]
async fn a_plan_tells_everything_and_writes_nothing() {
    let (zone, shop) = news("plan-text").await;
    let before = zone.count(CHANGE);
    let plan = CommandLine::of(&zone, &shop, &["plan"]).await.succeed().await;
    for expected in [
        "write new.example.test for Service/plan-text/new (",
        "  create new.example.test A 192.0.2.3 ttl=300",
        "  create a-new.example.test TXT \"heritage=external-dns,external-dns/owner=tests,external-dns/resource=service/plan-text/new\" ttl=300",
        "write www.example.test for Ingress/plan-text/web (",
        "  replace www.example.test A ",
        "  replace www.example.test AAAA ",
        "blocked taken.example.test for Service/plan-text/taken: TypeConflict: ",
        "  fix: ",
        "  by hand: DELETE taken.example.test CNAME ",
        "  by hand: CREATE taken.example.test A 192.0.2.4 ttl=300",
        "leftover api.example.test AAAA 2001:db8::2 ttl=300 (was for Service/plan-text/api)",
        "orphan gone.example.test A 192.0.2.1 ttl=300 (was for Service/plan-text/gone)",
        "outside www.example.org for Service/plan-text/outside",
        "2 to create, 2 to replace, 1 in sync, 0 noted, 1 blocked, ",
        "0 to delete: zonekeeper never deletes",
        "digest ",
    ] {
        assert!(plan.stdout.lines().any(|line| line.starts_with(expected)), "{expected}\n{plan}");
    }
    let replace = plan.stdout.lines().find(|line| line.starts_with("  replace www.example.test A ")).unwrap();
    let (old, new) = (replace.find(BALANCER), replace.find(OTHER_BALANCER));
    assert!(old.is_some() && old < new && replace.contains("->"), "{replace}");
    assert_eq!(zone.count(CHANGE), before);
}

#[tokio::test]
async fn what_a_plan_shows_is_what_a_run_does() {
    let (zone, shop) = news("plan-json").await;
    let requests = zone.requests().len();
    let command = async |arguments: &[&str]| CommandLine::of(&zone, &shop, arguments).await;

    let plan_json = ["plan", "--output", "json", "--detailed-exitcode"];
    let shown = command(&plan_json).await.end().await;
    assert_eq!(shown.code(), Some(2), "{shown}");
    let plan: Value = serde_json::from_str(&shown.stdout).unwrap();
    let counts = ["creates", "replaces", "deletes", "in_sync"].map(|count| plan[count].as_u64().unwrap());
    assert_eq!(counts, [2, 2, 0, 1], "{plan:#}");
    let names = |list: &str| -> Vec<&str> {
        let names = plan[list].as_array().unwrap().iter();
        names.map(|item| item.get("hostname").or(item.get("name")).unwrap().as_str().unwrap()).collect()
    };
    assert_eq!(names("units"), ["new.example.test", "www.example.test"]);
    assert_eq!(names("blocked"), ["taken.example.test"]);
    assert_eq!(names("leftovers"), ["api.example.test"]);
    assert_eq!(names("orphans"), ["gone.example.test"]);
    assert_eq!(names("outside"), ["www.example.org"]);
    let unit = &plan["units"][1];
    assert_eq!(unit["object"], "Ingress/plan-json/web");
    let change = &unit["changes"][0];
    assert_eq!(
        (&change["action"], &change["name"], &change["type"]),
        (&json!("replace"), &json!("www.example.test"), &json!("A"))
    );
    assert_eq!(change["before"]["alias"]["dns_name"], BALANCER);
    assert_eq!(change["after"]["alias"]["dns_name"], OTHER_BALANCER);
    assert_ne!(change["reason"], "");
    let created = &plan["units"][0]["changes"][0];
    assert_eq!(
        (&created["before"], &created["after"]),
        (&Value::Null, &json!({"values": {"ttl": 300, "values": ["192.0.2.3"]}}))
    );
    assert_eq!(plan["orphans"][0]["was_for"], "Service/plan-json/gone");
    assert_eq!(plan["blocked"][0]["reason"], "TypeConflict");

    let ran = command(&["run", "--once"]).await.succeed().await;
    let written = zone.requests().split_off(requests);
    let planned: Vec<String> = plan["units"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|unit| {
            unit["changes"].as_array().unwrap().iter().map(|change| {
                let action = if change["action"] == "create" { "CREATE" } else { "UPSERT" };
                format!("{action} {} {}", change["name"].as_str().unwrap(), change["type"].as_str().unwrap())
            })
        })
        .collect();
    // A request has its changes in the order of urgency, so the test sorts both lists.
    let [mut written] = <[_; 1]>::try_from(written).unwrap();
    let mut planned = planned;
    written.sort();
    planned.sort();
    assert_eq!(written, planned);
    for line in ran.logged("Route 53 accepted a change") {
        assert_eq!(line["batch_digest"], plan["digest"], "{line}");
        let unit = plan["units"].as_array().unwrap().iter().find(|unit| unit["object"] == line["object"]);
        assert_eq!(line["unit_digest"], unit.unwrap()["digest"], "{line}");
    }

    let shown = command(&plan_json).await.end().await;
    assert_eq!(shown.code(), Some(0), "{shown}");
    let plan: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!((&plan["units"], plan["blocked"].as_array().unwrap().len()), (&json!([]), 1));
}

#[tokio::test]
async fn a_plan_says_what_a_new_name_takes_away_from_a_wildcard() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("plan-shadow").await);
    zone.foreigner_creates(RecordSet::simple("*.example.test", "A", 60, ["192.0.2.9"]));
    shop.create_service("api", "api.shop.example.test").await;
    shop.set_address::<Service>("api", json!({"ip": "192.0.2.2"})).await;
    let plan = CommandLine::of(&zone, &shop, &["plan"]).await.succeed().await;
    let expected = "\n  shadows *.example.test, which will no longer answer for shop.example.test, \
                    a-api.shop.example.test, api.shop.example.test and the names below\n";
    assert!(plan.stdout.contains(expected), "{plan}");
    let plan = CommandLine::of(&zone, &shop, &["plan", "-o", "json"]).await.succeed().await;
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let names = ["shop.example.test", "a-api.shop.example.test", "api.shop.example.test"];
    assert_eq!(plan["units"][0]["shadows"], json!([{"wildcard": "*.example.test", "names": names}]));
}
