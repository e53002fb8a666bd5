//! A hosted zone that another AWS service manages.

use zonekeeper_emulator::zone::LinkedService;

use crate::{
    namespace::{BALANCER, Namespace},
    process::CommandLine,
    zone::{CHANGE, Zone},
};

/// Makes the zone a zone of AWS Cloud Map.
fn link(zone: &Zone) {
    let (service_principal, description) = ("servicediscovery.amazonaws.com".to_owned(), String::new());
    zone.alter(|zone| zone.linked_service = Some(LinkedService { service_principal, description }));
}

#[tokio::test]
async fn it_is_refused_at_the_start() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("linked").await);
    link(&zone);
    for command in ["run", "plan", "orphans"] {
        let ended = CommandLine::of(&zone, &shop, &[command]).await.end().await;
        assert_eq!(ended.code(), Some(1), "{command} {ended}");
        assert!(
            ended.stderr.contains("managed by another AWS service (servicediscovery.amazonaws.com)"),
            "{ended}"
        );
    }
    assert_eq!(zone.count(CHANGE), 0);
}

#[tokio::test]
async fn one_that_is_taken_meanwhile_refuses_every_change_and_nothing_else_happens() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("linked-later").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.until_zone(&zone, "the record", |zone| zone.sets().len() == 4).await;
    link(&zone);
    shop.create_balanced_ingress("api", "api.example.test", BALANCER).await;
    zonekeeper.until_zone(&zone, "a change that is refused", |zone| zone.count(CHANGE) == 2).await;
    zonekeeper.says(&["\"dns_name\":\"api.example.test\"", "servicediscovery.amazonaws.com"]).await;
    zonekeeper.stop().await;
    assert_eq!((zone.requests().len(), zone.sets().len()), (1, 4));
}
