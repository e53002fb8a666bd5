//! Another writer changes the zone between zonekeeper's listing and its write.

use k8s_openapi::api::networking::v1::Ingress;
use serde_json::json;
use zonekeeper_emulator::zone::{Change, RecordSet};

use crate::{
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::CommandLine,
    zone::{CHANGE, LIST, Zone},
};

const FOREIGN_ADDRESS: &str = "192.0.2.99";

fn foreign(name: &str, rtype: &str, value: &str) -> RecordSet {
    RecordSet::simple(name, rtype, 60, [value])
}

fn foreign_owner(name: &str) -> RecordSet {
    foreign(name, "TXT", "\"heritage=external-dns,external-dns/owner=somebody\"")
}

#[tokio::test]
async fn what_somebody_creates_before_our_create_survives() {
    let table = [
        ("A", foreign("www.example.test.", "A", FOREIGN_ADDRESS), "Unowned"),
        ("CNAME", foreign("www.example.test.", "CNAME", "elsewhere.example.net"), "TypeConflict"),
        ("TXT", foreign_owner("a-www.example.test."), "OwnedBy"),
        ("TXT", foreign("a-www.example.test.", "TXT", "\"v=spf1 -all\""), "OwnershipUnreadable"),
    ];
    for (number, (rtype, foreign, reason)) in table.into_iter().enumerate() {
        let (zone, shop) = (Zone::empty().await, Namespace::new(&format!("races-create-{number}")).await);
        shop.create_balanced_ingress("api", "api.example.test", BALANCER).await;
        shop.create_balanced_ingress("www", "www.example.test", BALANCER).await;
        zone.hold(CHANGE);
        let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
        zonekeeper.until_zone(&zone, "a change request", |zone| zone.count(CHANGE) == 1).await;
        zone.foreigner_creates(foreign.clone());
        zone.calm();

        zonekeeper.measures(&format!("zonekeeper_blocked{{reason=\"{reason}\"}}"), "1").await;
        zonekeeper.until_zone(&zone, "the other hostname", |zone| zone.requests().len() == 1).await;
        let ended = zonekeeper.stop().await;
        assert_eq!(zone.set(&foreign.name, rtype), Some(foreign), "{reason}");
        // zonekeeper has written all records of the other hostname, and none of this hostname.
        assert!(zone.requests()[0].iter().all(|change| change.contains("api.example.test")), "{ended}");
        assert_eq!(zone.sets().len(), 5, "{reason}");
    }
}

#[tokio::test]
async fn what_somebody_takes_over_before_our_replace_survives() {
    for reason in ["Unowned", "OwnedBy"] {
        let namespace = format!("races-replace-{}", reason.to_lowercase());
        let (zone, shop) = (Zone::empty().await, Namespace::new(&namespace).await);
        for name in ["api", "www"] {
            shop.create_balanced_ingress(name, &format!("{name}.example.test"), BALANCER).await;
        }
        let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
        zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 8).await;
        zonekeeper.measures("zonekeeper_hostnames{state=\"pending\"}", "0").await;
        let (pages, requests) = (zone.count(LIST), zone.requests().len());

        // zonekeeper reads the records again before a replacement.
        zone.hold(LIST);
        shop.set_address::<Ingress>("www", json!({"hostname": OTHER_BALANCER})).await;
        zonekeeper.until_zone(&zone, "a read", |zone| zone.count(LIST) > pages).await;
        let ours = ["A", "AAAA"].map(|rtype| zone.set("www.example.test", rtype).unwrap());
        let texts =
            ["a-www.example.test", "aaaa-www.example.test"].map(|name| zone.set(name, "TXT").unwrap());
        let mut batch: Vec<Change> = ours.into_iter().chain(texts).map(Change::delete).collect();
        batch.push(Change::create(foreign("www.example.test.", "A", FOREIGN_ADDRESS)));
        if reason == "OwnedBy" {
            batch.push(Change::create(foreign_owner("a-www.example.test.")));
        }
        zone.foreigner_sends(&batch);
        let theirs = zone.record_sets();
        zone.calm();

        zonekeeper.measures(&format!("zonekeeper_blocked{{reason=\"{reason}\"}}"), "1").await;
        assert_eq!(zone.record_sets(), theirs, "{reason}");
        // zonekeeper still writes its own hostname.
        shop.set_address::<Ingress>("api", json!({"hostname": OTHER_BALANCER})).await;
        zonekeeper.until_zone(&zone, "the other hostname", |zone| zone.requests().len() > requests).await;
        let ended = zonekeeper.stop().await;
        let later = &zone.requests()[requests..];
        assert!(
            later.iter().flatten().all(|change| change.contains(" api.example.test")),
            "{later:?}\n{ended}"
        );
        assert_eq!(zone.values("www.example.test", "A"), [FOREIGN_ADDRESS]);
    }
}
