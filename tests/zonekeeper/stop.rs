//! Stops of a running process.

use std::time::Duration;

use zonekeeper_emulator::faults::Effect;

use crate::{
    http,
    namespace::{BALANCER, Namespace},
    process::{CommandLine, Process},
    zone::{CHANGE, Zone},
};

/// A process that waits for the answer to its first change request.
async fn amid_a_change(namespace: &str, effect: Effect) -> (Zone, Process) {
    let (zone, shop) = (Zone::empty().await, Namespace::new(namespace).await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    zone.disturb(CHANGE, effect, 1);
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.until_zone(&zone, "a change request", |zone| zone.count(CHANGE) == 1).await;
    (zone, zonekeeper)
}

#[tokio::test]
async fn a_stop_waits_for_the_answer_to_a_change_and_logs_it() {
    let latency = Duration::from_secs(3);
    let (zone, zonekeeper) = amid_a_change("stop-answer", Effect::latency(latency)).await;
    zonekeeper.terminate();
    zonekeeper.says(&["stopping"]).await;
    assert_eq!(zone.requests().len(), 0);
    let ended = zonekeeper.end().await;
    assert_eq!(ended.code(), Some(0), "{ended}");
    assert_eq!((zone.requests().len(), zone.count(CHANGE)), (1, 1));
    assert_eq!(ended.logged("Route 53 accepted a change").len(), 4, "{ended}");
    // The process releases the Lease after the answer, because another process may write from then on.
    let position = |message: &str| ended.stderr.find(message);
    assert!(position("accepted a change") < position("leadership released"), "{ended}");
}

#[tokio::test]
async fn who_stops_still_answers_probes() {
    let (zone, mut zonekeeper) = amid_a_change("stop-probes", Effect::Hold).await;
    // The status follows the first change within a moment.
    zonekeeper.is_ready().await;
    let address = zonekeeper.address().await;
    zonekeeper.terminate();
    zonekeeper.says(&["stopping"]).await;
    for path in ["/livez", "/readyz", "/metrics"] {
        let answer = http::get(address, path).await;
        assert!(answer.as_ref().is_ok_and(|answer| answer.status == 200), "{path}: {answer:?}");
    }
    assert_eq!(zone.requests().len(), 0);
    zone.calm();
    let ended = zonekeeper.end().await;
    assert_eq!((ended.code(), zone.requests().len()), (Some(0), 1), "{ended}");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_an_answer_that_never_comes() {
    let (zone, zonekeeper) = amid_a_change("stop-hang", Effect::Hang).await;
    let ended = zonekeeper.stop().await;
    // The process ended before the request timed out. A timeout would be in the log.
    assert_eq!(ended.logged("Route 53 did not accept a change request").len(), 0, "{ended}");
    assert_eq!((zone.requests().len(), zone.count(CHANGE)), (0, 1));
    // The request can still arrive, so the process keeps the Lease until it expires.
    assert_eq!(ended.logged("leadership released").len(), 0, "{ended}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (_zone, zonekeeper) = amid_a_change("stop-twice", Effect::Hang).await;
    zonekeeper.terminate();
    zonekeeper.says(&["stopping"]).await;
    zonekeeper.terminate();
    let ended = zonekeeper.end().await;
    assert_eq!(ended.code(), Some(1), "{ended}");
    // The process did not finish an orderly stop.
    assert_eq!(ended.logged("zonekeeper stops").len(), 0, "{ended}");
}

#[tokio::test]
async fn a_stop_ends_it_while_it_still_connects() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("stop-connecting").await);
    for command in ["run", "plan"] {
        zone.disturb("GetHostedZone", Effect::Hang, 1);
        let seen = zone.count("GetHostedZone");
        let mut zonekeeper = CommandLine::of(&zone, &shop, &[command]).await.start();
        zonekeeper.until_zone(&zone, "a request", |zone| zone.count("GetHostedZone") > seen).await;
        zonekeeper.terminate();
        let ended = zonekeeper.end().await;
        // The process ended before the request timed out. A timeout would be in the error message.
        assert!(!ended.stderr.contains("Route 53 does not answer"), "{ended}");
        assert!(ended.stderr.contains("stopped before anything was done"), "{ended}");
        assert_eq!(ended.code(), Some(1), "{ended}");
    }
}

#[tokio::test]
async fn a_single_run_that_is_stopped_has_failed() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("stop-once").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    for arguments in [["run", "--once"].as_slice(), &["run", "--once", "--dry-run"], &["plan"]] {
        zone.disturb("ListResourceRecordSets", Effect::service_unavailable(), u32::MAX);
        let zonekeeper = CommandLine::of(&zone, &shop, arguments).await.start();
        zonekeeper.says(&["a request failed"]).await;
        zonekeeper.terminate();
        let ended = zonekeeper.end().await;
        assert_eq!(ended.code(), Some(1), "{ended}");
        assert!(!ended.stdout.contains("digest"), "{ended}");
        assert!(ended.stderr.contains("stopped before "), "{ended}");
    }
}
