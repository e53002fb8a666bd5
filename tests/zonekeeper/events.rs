//! Events about objects.

use k8s_openapi::api::{core::v1::Service, events::v1::Event, networking::v1::Ingress};
use serde_json::json;
use zonekeeper::{
    cluster::{Cluster, Events, LONGEST_SILENCE},
    driver::Listener,
};
use zonekeeper_core::{
    keeper::{Report, Warning},
    plan::{Blocked, Reason, Subject},
    source::{Kind, ObjectRef},
};

use crate::{
    control_plane::ControlPlane,
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::{CommandLine, Process},
    zone::Zone,
};

/// The lines that `kubectl describe` shows for Events.
fn lines(events: &[Event]) -> Vec<String> {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let line = |event: &Event| [&event.type_, &event.reason, &event.note].map(text).join(" ");
    events.iter().map(line).collect()
}

/// Waits for a Warning about an Ingress, and returns all its Warnings.
async fn warnings(zonekeeper: &mut Process, namespace: &Namespace, name: &str) -> Vec<String> {
    let told = zonekeeper.until("a Warning", async || {
        let mut events = namespace.events_of::<Ingress>(name).await;
        events.retain(|event| event.type_.as_deref() == Some("Warning"));
        Some(events).filter(|events| !events.is_empty())
    });
    lines(&told.await)
}

#[tokio::test]
async fn owners_are_told_what_was_published_and_what_stays_blocked() {
    let zone = Zone::empty().await;
    let (shop, market) = (Namespace::new("events-shop").await, Namespace::new("events-market").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"])
        .await
        .env("ZONEKEEPER_NAMESPACE", format!("{},{}", shop.name(), market.name()))
        .start();
    zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await;
    market.create_balanced_ingress("copycat", "www.example.test", OTHER_BALANCER).await;

    assert_eq!(
        warnings(&mut zonekeeper, &market, "copycat").await,
        [
            "Warning ClaimedBy www.example.test is blocked: an object of another namespace holds this hostname. \
          Fix: remove the hostname from one of the objects"
        ]
    );
    let told = shop.events_of::<Ingress>("web").await;
    let record = |rtype| format!("www.example.test {rtype} alias {BALANCER} (Z32O12XQLNTSW2) health=true");
    assert_eq!(
        lines(&told),
        [format!("Normal Published Route 53 accepted {}; {}", record("A"), record("AAAA"))]
    );
    assert_eq!(told[0].reporting_controller.as_deref(), Some("zonekeeper"));
    zonekeeper.stop().await;
}

#[tokio::test]
async fn what_is_no_hostname_is_told_and_counted() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("events-no-hostname").await);
    let bad = json!({"external-dns.alpha.kubernetes.io/hostname": "a.*.example.test"});
    shop.create_ingress("web", "www.example.test", bad).await;
    shop.set_addresses::<Ingress>("web", json!([{"ip": "192.0.2.1"}])).await;
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.measures("zonekeeper_blocked{reason=\"InvalidHostname\"}", "1").await;
    assert_eq!(
        warnings(&mut zonekeeper, &shop, "web").await,
        [
            "Warning InvalidHostname a.*.example.test is blocked: the hostname is not valid: `*` may stand only as the \
             whole first label. Fix: correct the hostname in the object"
        ]
    );
    zonekeeper.stop().await;
}

#[tokio::test]
async fn owners_are_told_of_a_record_that_they_do_not_ask_for_any_more() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("events-leftover").await);
    shop.create_ingress("web", "www.example.test", json!({})).await;
    shop.set_addresses::<Ingress>("web", json!([{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}])).await;
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await;
    shop.set_addresses::<Ingress>("web", json!([{"ip": "192.0.2.1"}])).await;
    assert_eq!(
        warnings(&mut zonekeeper, &shop, "web").await,
        [
            "Warning LeftOver www.example.test AAAA 2001:db8::1 ttl=300 is left over: no object wants it any more, but it \
             still gets traffic. zonekeeper never deletes it. Fix: add it to the object again, or let an operator delete \
             it (`zonekeeper orphans` writes the change batch)"
        ]
    );
    assert_eq!(zone.values("www.example.test", "AAAA"), ["2001:db8::1"]);
    zonekeeper.stop().await;
}

#[tokio::test]
async fn what_is_not_read_and_what_is_in_another_zone_is_told() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("events-outside").await);
    shop.create_ingress(
        "web",
        "www.example.org",
        json!({"external-dns.kubernetes.io/hostname": "www.example.org"}),
    )
    .await;
    shop.create_service("nodes", "nodes.example.test").await;
    shop.patch_service("nodes", json!({"spec": {"type": "NodePort"}})).await;
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    let told = zonekeeper.until("both Events", async || {
        let mut events = shop.events_of::<Ingress>("web").await;
        events.extend(shop.events_of::<Service>("nodes").await);
        Some(lines(&events)).filter(|lines| lines.len() == 2)
    });
    assert_eq!(
        told.await,
        [
            "Normal OutsideZone hostname www.example.org: it is not in the zone example.test, so the zonekeeper of this zone \
             ignores it",
            "Warning IgnoredField spec.type: NodePort is not read, because --service-type-filter does not name it \
             (LoadBalancer, ExternalName)",
        ]
    );
    zonekeeper.stop().await;
}

#[tokio::test]
async fn what_is_said_again_is_a_series_of_what_was_said() {
    let shop = Namespace::new("events-series").await;
    let name = format!("web-{}", "x".repeat(240));
    shop.create_ingress(&name, "www.example.test", json!({})).await;
    let object = ObjectRef::new(Kind::Ingress, shop.name(), &name);
    let message = "ü".repeat(2_000);
    let reason = Reason::RejectedByRoute53 { message };
    let subject = Subject::Hostnames("www.example.test".to_owned());
    let blocked = Blocked { subject, object, reason, remedy: Vec::new() };
    let warning = Warning::Blocked(Box::new(blocked));
    let report = Report::Lasting { warning, others: 0, uid: shop.uid::<Ingress>(&name).await.into() };
    for count in 1..=3 {
        // Each round stands for a new process, without memory of earlier Events.
        let (mut events, queue) = Events::new();
        events.hear(&report);
        drop(events);
        let kubeconfig = ControlPlane::shared().await.zonekeeper();
        let cluster = Cluster::connect(Some(&kubeconfig), None, LONGEST_SILENCE).await.unwrap();
        queue.send(cluster).await;
        let [event] = &shop.events_of::<Ingress>(&name).await[..] else {
            panic!("the Ingress does not have exactly one Event")
        };
        assert_eq!(event.series.as_ref().map_or(1, |series| series.count), count);
        let note = event.note.as_deref().unwrap();
        assert!(note.len() <= 1_024 && note.contains("üü…. Fix: correct the object"), "{note}");
    }
}

#[tokio::test]
async fn a_dry_run_tells_nobody() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("events-dry-run").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run", "--dry-run"]).await.start();
    zonekeeper.is_ready().await;
    let ended = zonekeeper.stop().await;
    let made = ended.logged("a dry run would make a change");
    let made: Vec<_> = made.iter().map(|line| line["dns_name"].as_str().unwrap_or_default()).collect();
    assert_eq!(made, ["www.example.test", "a-www.example.test", "www.example.test", "aaaa-www.example.test"]);
    assert_eq!(shop.events_of::<Ingress>("web").await.len(), 0);
}
