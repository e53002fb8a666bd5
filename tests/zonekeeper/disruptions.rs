//! An API server that goes away.

use k8s_openapi::api::networking::v1::Ingress;

use crate::{
    control_plane::ControlPlane,
    namespace::{BALANCER, Namespace},
    process::CommandLine,
    zone::Zone,
};

#[tokio::test]
async fn after_a_restart_of_the_api_server_only_what_is_new_is_written() {
    let mut plane = ControlPlane::start().await;
    let (zone, shop) = (Zone::empty().await, Namespace::of(&plane, "restart").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &plane.zonekeeper(), &["run"]).start();
    zonekeeper.until_zone(&zone, "the first request", |zone| !zone.requests().is_empty()).await;

    plane.stop_apiserver();
    zonekeeper.says(&["the watch failed and begins again"]).await;
    plane.start_apiserver().await;
    shop.create_balanced_ingress("api", "api.example.test", BALANCER).await;
    zonekeeper.until_zone(&zone, "the second request", |zone| zone.requests().len() == 2).await;
    let ended = zonekeeper.stop().await;

    assert!(zone.requests()[1].iter().all(|change| change.contains("api.example.test")), "{ended}");
    // A relist of what is known is no news.
    CommandLine::of_cluster(&zone, &shop, &plane.zonekeeper(), &["run", "--once"]).succeed().await;
    assert_eq!(zone.requests().len(), 2);
}

#[tokio::test]
async fn a_watch_that_is_too_old_is_listed_again_and_what_went_meanwhile_leaves_its_records() {
    let mut plane = ControlPlane::start().await;
    let (zone, shop) = (Zone::empty().await, Namespace::of(&plane, "gone").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.create_balanced_ingress("old", "old.example.test", BALANCER).await;
    let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &plane.zonekeeper(), &["run"]).start();
    zonekeeper.measures("zonekeeper_zone_record_sets", "10").await;
    let before = zone.requests();

    // Nobody sees the deletion, and etcd does not remember it.
    plane.stop_apiserver();
    plane.forget("/registry/ingress/gone/old").await;
    plane.compact().await;
    plane.start_apiserver().await;
    zonekeeper.measures("zonekeeper_orphans", "2").await;
    zonekeeper.says(&["the watch failed and begins again", "too old resource version"]).await;

    shop.delete::<Ingress>("web").await;
    zonekeeper.measures("zonekeeper_orphans", "4").await;
    shop.create_balanced_ingress("new", "new.example.test", BALANCER).await;
    zonekeeper.until_zone(&zone, "a request", |zone| zone.requests().len() > before.len()).await;
    zonekeeper.stop().await;

    let (old, new) = (&zone.requests()[..before.len()], &zone.requests()[before.len()..]);
    assert_eq!(old, before);
    assert_eq!(new.len(), 1, "{new:?}");
    assert!(new[0].iter().all(|change| change.contains("new.example.test")), "{new:?}");
    for name in ["www", "old", "new"] {
        assert!(zone.alias(&format!("{name}.example.test"), "A").is_some(), "{name}");
    }
}
