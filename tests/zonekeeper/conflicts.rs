//! Conflicts with the record sets of other writers.

use serde_json::{Value, json};
use zonekeeper_emulator::zone::RecordSet;

use crate::{
    botocore::person_sends,
    namespace::{BALANCER, Namespace},
    process::CommandLine,
    zone::Zone,
};

#[tokio::test]
async fn a_foreign_record_stays_and_the_hostname_is_blocked_with_a_fix() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("conflicts").await);
    let foreign = RecordSet::simple("www.example.test.", "A", 60, ["192.0.2.99"]);
    zone.foreigner_creates(foreign.clone());
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.create_balanced_ingress("api", "api.example.test", BALANCER).await;

    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.until_zone(&zone, "a request", |zone| !zone.requests().is_empty()).await;
    zonekeeper.measures("zonekeeper_blocked{reason=\"Unowned\"}", "1").await;
    let ended = zonekeeper.stop().await;

    let [request] = &zone.requests()[..] else { panic!("{:?}", zone.requests()) };
    assert!(request.iter().all(|change| change.contains("api.example.test")), "{request:?}");
    assert_eq!(zone.set("www.example.test", "A"), Some(foreign));
    assert_eq!(zone.set("www.example.test", "AAAA"), None);
    let [blocked] = &ended.logged("a hostname is blocked")[..] else { panic!("{ended}") };
    assert_eq!((&blocked["dns_name"], &blocked["reason"]), (&json!("www.example.test"), &json!("Unowned")));

    let plan = CommandLine::of(&zone, &shop, &["plan"]).await.succeed().await;
    let object = format!("Ingress/{}/web", shop.name());
    for expected in [
        &format!("blocked www.example.test for {object}: Unowned: a record without an owner exists:"),
        "  fix: if zonekeeper may replace the record, run `zonekeeper adopt NAME` or the change batch shown",
        "  by hand: CREATE a-www.example.test TXT",
        "0 to create, 0 to replace, 1 in sync, 0 noted, 1 blocked",
    ] {
        assert!(plan.stdout.contains(expected), "{expected}\n{plan}");
    }
    let plan = CommandLine::of(&zone, &shop, &["plan", "-o", "json"]).await.succeed().await;
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["units"], json!([]));
    let blocked = &plan["blocked"][0];
    assert_eq!(blocked["hostname"], "www.example.test");
    assert_eq!(blocked["object"], object);
    assert_eq!(blocked["reason"], "Unowned");
    assert!(blocked["message"].as_str().unwrap().contains("192.0.2.99"), "{blocked}");
    assert!(blocked["fix"].as_str().unwrap().contains("zonekeeper adopt NAME"), "{blocked}");

    // A person can send the change batch without changes. After that, zonekeeper updates the record.
    person_sends(&zone, &blocked["change_batch"]).await;
    assert_eq!(zone.set("www.example.test", "A").unwrap().values, ["192.0.2.99"]);
    let plan = CommandLine::of(&zone, &shop, &["plan"]).await.succeed().await;
    assert!(plan.stdout.contains("  replace www.example.test A 192.0.2.99 ttl=60 -> alias"), "{plan}");
}
