//! Outages in which Route 53 answers 503. `make bench` measures the time after an outage.

use k8s_openapi::api::networking::v1::Ingress;
use serde_json::json;
use zonekeeper_emulator::{faults::Effect, journal::Request};

use crate::{
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::{CommandLine, Process},
    zone::{CHANGE, LIST, Zone},
};

/// The number of failed requests before the end of an outage.
const TRIES: usize = 3;

fn is_refused(request: &Request) -> bool {
    request.status == Some(503)
}

/// Waits until [`TRIES`] requests have failed, and ends the outage.
async fn end_outage(zonekeeper: &mut Process, zone: &Zone, begin: usize) {
    let failed =
        |zone: &Zone| zone.requests_after(begin).iter().filter(|request| is_refused(request)).count();
    zonekeeper.until_zone(zone, "failed requests", |zone| failed(zone) >= TRIES).await;
    zone.calm();
}

/// The change requests without those that the outage rejected.
fn changes_after(zone: &Zone, begin: usize) -> Vec<Request> {
    let mut requests = zone.requests_after(begin);
    requests.retain(|request| request.operation == CHANGE && !is_refused(request));
    requests
}

#[tokio::test]
async fn what_changes_during_an_outage_is_in_the_first_request_after_it() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("outages-changes").await);
    let names: Vec<String> = (0..5).map(|number| format!("web-{number}")).collect();
    for name in &names {
        shop.create_balanced_ingress(name, &format!("{name}.example.test"), BALANCER).await;
    }
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 20).await;
    let (begin, accepted) = (zone.journal().requests.len(), zone.requests().len());

    zone.disturb(CHANGE, Effect::service_unavailable(), u32::MAX);
    for name in &names {
        shop.set_address::<Ingress>(name, json!({"hostname": OTHER_BALANCER})).await;
    }
    end_outage(&mut zonekeeper, &zone, begin).await;
    zonekeeper.until_zone(&zone, "a request", |zone| zone.requests().len() > accepted).await;
    let ended = zonekeeper.stop().await;

    let [request] = &zone.requests()[accepted..] else { panic!("{:?}\n{ended}", zone.requests()) };
    let expected = names
        .iter()
        .flat_map(|name| ["A", "AAAA"].map(|rtype| format!("UPSERT {name}.example.test {rtype}")));
    assert_eq!(*request, expected.collect::<Vec<_>>());
    assert_eq!(changes_after(&zone, begin).len(), 1, "{ended}");
    // zonekeeper reads whether Route 53 carried out the last request before it sends the next one.
    let requests = zone.requests_after(begin);
    let operations: Vec<&str> = requests.iter().map(|request| &*request.operation).collect();
    let between = operations.split(|operation| *operation == CHANGE).skip(1);
    assert!(between.take(TRIES).all(|between| between.contains(&LIST)), "{operations:?}");
}

#[tokio::test]
async fn a_start_into_an_outage_writes_everything_in_the_first_request_after_it() {
    let shop = Namespace::new("outages-start").await;
    for number in 0..100 {
        let name = format!("web-{number}");
        let target = json!({"external-dns.kubernetes.io/target": BALANCER});
        shop.create_ingress(&name, &format!("{name}.example.test"), target).await;
    }
    for operations in [["GetHostedZone", LIST, CHANGE].as_slice(), &[LIST, CHANGE], &[CHANGE]] {
        let zone = Zone::empty().await;
        for operation in operations {
            zone.disturb(operation, Effect::service_unavailable(), u32::MAX);
        }
        let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
        end_outage(&mut zonekeeper, &zone, 0).await;
        zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 400).await;
        let ended = zonekeeper.stop().await;
        let changes = changes_after(&zone, 0);
        assert!(changes.len() == 1 && changes[0].status == Some(200), "{operations:?}: {changes:?}\n{ended}");
    }
}
