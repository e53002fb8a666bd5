//! A private hosted zone, which answers only in its VPCs.

use serde_json::{Value, json};

use crate::{
    namespace::{BALANCER, Namespace},
    process::CommandLine,
    zone::Zone,
};

#[tokio::test]
async fn a_private_zone_is_said_to_be_one_and_nothing_is_sent_that_it_refuses() {
    let (zone, shop) = (Zone::private().await, Namespace::new("private-zone").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.create_balanced_ingress("site", "site.example.test", "d111111abcdef8.cloudfront.net").await;
    let plan = CommandLine::of(&zone, &shop, &["plan"]).await.succeed().await;
    for expected in [
        "blocked site.example.test for Ingress/private-zone/site: AliasInPrivateZone: ",
        "the zone is private: only its VPCs see its records",
    ] {
        assert!(plan.stdout.lines().any(|line| line.starts_with(expected)), "{expected}\n{plan}");
    }
    let plan = CommandLine::of(&zone, &shop, &["plan", "-o", "json"]).await.succeed().await;
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["private_zone"], true);

    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.until_zone(&zone, "the records", |zone| zone.alias("www.example.test", "A").is_some()).await;
    zonekeeper.measures("zonekeeper_blocked{reason=\"AliasInPrivateZone\"}", "1").await;
    let ended = zonekeeper.stop().await;
    assert_eq!(ended.logged("zonekeeper starts")[0]["zone_private"], json!(true), "{ended}");
    assert!(ended.logged("Route 53 refused a change").is_empty(), "{ended}");
    assert_eq!((zone.requests().len(), zone.sets().len()), (1, 4), "{ended}");

    let cname = ["run", "--once", "--aws-prefer-cname"];
    CommandLine::of(&zone, &shop, &cname).await.succeed().await;
    assert_eq!(zone.values("site.example.test", "CNAME"), ["d111111abcdef8.cloudfront.net"]);
}

#[tokio::test]
async fn a_zone_of_the_other_kind_stops_the_process() {
    let (zone, shop) = (Zone::private().await, Namespace::new("zone-type").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    for arguments in [["plan"].as_slice(), &["run"], &["apply", "--yes"], &["run", "--dry-run"]] {
        let arguments = [arguments, &["--aws-zone-type=public"]].concat();
        let ended = CommandLine::of(&zone, &shop, &arguments).await.end().await;
        let text = "is private, and --aws-zone-type is public: name the other zone with --zone-id";
        assert!(ended.code() == Some(1) && ended.stderr.contains(text), "{arguments:?}: {ended}");
    }
    assert_eq!(zone.sets(), [""; 0]);
    let same = ["run", "--once", "--aws-zone-type=private"];
    CommandLine::of(&zone, &shop, &same).await.succeed().await;
    assert_eq!(zone.sets().len(), 4);
}
