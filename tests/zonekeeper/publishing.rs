//! The records of an Ingress and of a Service.

use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use serde_json::json;

use crate::{
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::CommandLine,
    zone::{CHANGE, Zone},
};

#[tokio::test]
async fn an_ingress_becomes_four_creates_in_one_request_and_a_new_address_two_upserts() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("publishing-ingress").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.until_zone(&zone, "the first request", |zone| !zone.requests().is_empty()).await;

    shop.set_address::<Ingress>("web", json!({"hostname": OTHER_BALANCER})).await;
    zonekeeper.until_zone(&zone, "the second request", |zone| zone.requests().len() == 2).await;
    zonekeeper.stop().await;

    let expected = [
        vec![
            "CREATE www.example.test A",
            "CREATE a-www.example.test TXT",
            "CREATE www.example.test AAAA",
            "CREATE aaaa-www.example.test TXT",
        ],
        vec!["UPSERT www.example.test A", "UPSERT www.example.test AAAA"],
    ];
    assert_eq!(zone.requests(), expected);
    for rtype in ["A", "AAAA"] {
        assert_eq!(zone.alias("www.example.test", rtype), Some(format!("{OTHER_BALANCER}.")));
    }
    let heritage = format!(
        "\"heritage=external-dns,external-dns/owner=tests,external-dns/resource=ingress/{}/web\"",
        shop.name()
    );
    assert_eq!(zone.values("a-www.example.test", "TXT"), [heritage]);

    // Another process finds nothing to write.
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.succeed().await;
    assert_eq!(zone.count(CHANGE), 2);
}

#[tokio::test]
async fn a_service_gets_an_address_record_that_stays_when_the_service_goes() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("publishing-service").await);
    shop.create_service("broker", "broker.example.test").await;
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.says(&["a hostname is blocked", "broker.example.test", "NoTarget"]).await;

    shop.set_address::<Service>("broker", json!({"ip": "192.0.2.10"})).await;
    zonekeeper.until_zone(&zone, "a request", |zone| !zone.requests().is_empty()).await;
    let expected = [["CREATE broker.example.test A", "CREATE a-broker.example.test TXT"]];
    assert_eq!(zone.requests(), expected);
    assert_eq!(zone.values("broker.example.test", "A"), ["192.0.2.10"]);

    shop.delete::<Service>("broker").await;
    zonekeeper.measures("zonekeeper_orphans", "1").await;
    zonekeeper.stop().await;
    let plan = CommandLine::of(&zone, &shop, &["plan"]).await.succeed().await;
    assert!(plan.stdout.contains("orphan broker.example.test A 192.0.2.10 ttl=300"), "{plan}");
    assert!(plan.stdout.contains(&format!("(was for Service/{}/broker)", shop.name())), "{plan}");
    assert_eq!(zone.requests(), expected);
    assert_eq!(zone.sets(), ["a-broker.example.test TXT", "broker.example.test A"]);
}

#[tokio::test]
async fn a_dry_run_sends_no_change() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("publishing-dry-run").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;

    let once = CommandLine::of(&zone, &shop, &["run", "--once", "--dry-run"]).await.succeed().await;
    assert!(once.stdout.contains("4 to create, 0 to replace"), "{once}");

    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run", "--dry-run"]).await.start();
    zonekeeper.measures("zonekeeper_hostnames{state=\"pending\"}", "1").await;
    shop.create_balanced_ingress("api", "api.example.test", BALANCER).await;
    zonekeeper.measures("zonekeeper_hostnames{state=\"pending\"}", "2").await;
    zonekeeper.measures("zonekeeper_gate_closed{gate=\"dry-run\"}", "1").await;
    zonekeeper.stop().await;
    assert_eq!(zone.count(CHANGE), 0);
}
