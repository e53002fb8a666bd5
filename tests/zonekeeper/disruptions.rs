//! An API server that is unreachable, does not answer, or takes rights away.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::api::networking::v1::Ingress;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use zonekeeper::{
    cluster::Cluster,
    driver::{Clock, Driver, Objects as _, ReadOnly, Until},
    route53::{Reader, Via},
    telemetry::Reporter,
};
use zonekeeper_core::{
    dns::{Zone as CoreZone, ZoneId},
    keeper::{self, BrakeLimits, Keeper, Mode, Quota},
    plan::Settings,
    source::{Publish, Resource, Rules, Scope},
};

use crate::{
    control_plane::ControlPlane,
    deadline::eventually,
    namespace::{BALANCER, Namespace},
    process::{ACCESS_KEY, CommandLine},
    relay::Relay,
    scratch::Scratch,
    zone::{self, Zone},
};

/// The number of failed connections during an outage of the API server. The Lease is tried every 2 s, and
/// there are two watches.
const TRIES: usize = 20;

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
    // A new listing of known objects causes no write.
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

    // The watch misses the deletion, because etcd forgets it.
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

#[tokio::test]
async fn a_right_that_is_taken_away_leaves_claims_as_they_are_until_it_is_given_back() {
    let mut plane = ControlPlane::start().await;
    let (zone, shop) = (Zone::empty().await, Namespace::of(&plane, "rights").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.create_balanced_ingress("old", "old.example.test", BALANCER).await;
    let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &plane.zonekeeper(), &["run"]).start();
    zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 8).await;
    let before = zone.requests().len();

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rule = r#"[{"op": "test", "path": "/rules/0/resources/0", "value": "ingresses"}, {"op": "remove", "path": "/rules/0"}]"#;
    plane.sh(root, &format!("kubectl patch clusterrole zonekeeper --type=json -p '{rule}'")).await;
    // An open watch continues without the right. So the API server restarts, because it refuses only new
    // watches.
    plane.stop_apiserver();
    plane.start_apiserver().await;
    zonekeeper.says(&["the watch failed and begins again", "ingresses", "is forbidden"]).await;
    shop.delete::<Ingress>("old").await;
    shop.create_balanced_ingress("new", "new.example.test", BALANCER).await;
    // zonekeeper still watches the other kind.
    shop.create_service("broker", "broker.example.test").await;
    shop.set_address::<k8s_openapi::api::core::v1::Service>("broker", json!({"ip": "192.0.2.10"})).await;
    zonekeeper.until_zone(&zone, "a request", |zone| zone.requests().len() > before).await;
    zonekeeper.measures("zonekeeper_objects", "3").await;
    zonekeeper.measures("zonekeeper_orphans", "0").await;
    zonekeeper.is_ready().await;
    assert_eq!(
        zone.requests()[before..].concat(),
        ["CREATE broker.example.test A", "CREATE a-broker.example.test TXT"]
    );

    // A new process does not treat unreadable objects as deleted, and it publishes the other kind.
    zonekeeper.stop().await;
    let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &plane.zonekeeper(), &["run"]).start();
    zonekeeper.says(&["a kind cannot be read", "does not let this user list Ingress"]).await;
    shop.create_service("queue", "queue.example.test").await;
    shop.set_address::<k8s_openapi::api::core::v1::Service>("queue", json!({"ip": "192.0.2.11"})).await;
    shop.create_service("thief", "www.example.test").await;
    shop.set_address::<k8s_openapi::api::core::v1::Service>("thief", json!({"ip": "192.0.2.12"})).await;
    zonekeeper.until_zone(&zone, "the other kind", |zone| zone.requests().len() > before + 1).await;
    zonekeeper.measures("zonekeeper_objects", "3").await;
    zonekeeper.is_ready().await;
    assert_eq!(
        zone.requests()[before + 1..].concat(),
        ["CREATE queue.example.test A", "CREATE a-queue.example.test TXT"]
    );
    let before = before + 1;

    plane.sh(root, "kubectl apply -k manifests/overlays/apply").await;
    zonekeeper.until_zone(&zone, "a request", |zone| zone.requests().len() > before + 1).await;
    zonekeeper.measures("zonekeeper_orphans", "2").await;
    zonekeeper.stop().await;
    let last = zone.requests()[before + 1..].concat();
    assert!(last.len() == 4 && last.iter().all(|change| change.contains("new.example.test")), "{last:?}");
}

/// The outage lasts until the process has lost the Lease and many tries have failed. A longer outage adds
/// nothing new: the Lease expires after 15 s, and the waits of the watches grow to 30 s.
#[tokio::test]
async fn while_the_api_server_is_away_everything_stays_and_then_it_goes_on() {
    let plane = ControlPlane::shared().await;
    let (zone, shop) = (Zone::empty().await, Namespace::new("away").await);
    let relay = Relay::to(plane.address()).await;
    let folder = Scratch::new("away");
    let kubeconfig = through(&relay, plane, &folder);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.create_balanced_ingress("old", "old.example.test", BALANCER).await;

    relay.close();
    let run = ["run", "--log-level", "debug"];
    let mut zonekeeper = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &run).start();
    zonekeeper.says(&["zonekeeper cannot start yet; it tries again until it can", "does not answer"]).await;
    relay.open();
    zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 8).await;
    let before = zone.requests().len();

    let tries = relay.turned_away();
    relay.close();
    zonekeeper.says(&["leadership lost"]).await;
    shop.delete::<Ingress>("old").await;
    shop.create_balanced_ingress("new", "new.example.test", BALANCER).await;
    zonekeeper.says(&["the watch still fails", "Ingress"]).await;
    zonekeeper.says(&["the watch still fails", "Service"]).await;
    zonekeeper
        .until("many failed tries", async || (relay.turned_away() >= tries + TRIES).then_some(()))
        .await;
    assert_eq!(zonekeeper.get("/livez").await.status, 200);
    zonekeeper.is_ready().await;
    zonekeeper.measures("zonekeeper_objects", "2").await;
    zonekeeper.measures("zonekeeper_orphans", "0").await;
    assert_eq!(zone.requests().len(), before);

    relay.open();
    zonekeeper
        .until_zone(&zone, "the records of the new object", |zone| zone.requests().len() > before)
        .await;
    zonekeeper.measures("zonekeeper_orphans", "2").await;
    let ended = zonekeeper.stop().await;
    let written = zone.requests()[before..].concat();
    assert!(
        written.len() == 4 && written.iter().all(|change| change.contains("new.")),
        "{written:?}\n{ended}"
    );
    let won = ended.logged("leadership won");
    assert_eq!((won.len(), &won[1]["why"]), (2, &json!("nobody else took it")), "{ended}");
}

#[tokio::test]
async fn a_watch_that_falls_silent_is_given_up_and_begun_anew() {
    let plane = ControlPlane::shared().await;
    let (zone, shop) = (Zone::empty().await, Namespace::new("silence").await);
    let relay = Relay::to(plane.address()).await;
    let folder = Scratch::new("silence");
    let kubeconfig = through(&relay, plane, &folder);
    // The test uses a limit of 2 s for silence. The program's own limit is several minutes.
    let cluster = Cluster::connect(Some(&kubeconfig), None, Duration::from_secs(2)).await.unwrap();

    let via = Via::Emulator { url: zone.url(), access_key: ACCESS_KEY.to_owned() };
    let clock = Clock::start();
    let (reader, facts) = Reader::open(ZoneId::new(zone::ID).unwrap(), clock, &via).await.unwrap();
    let scope = Scope { resource: Resource::INGRESS, namespace: Some(shop.name().to_owned()) };
    let keeper = Keeper::new(config(scope.clone()), CoreZone::new(facts.id, facts.apex));
    let (driver, handle) = Driver::new(keeper, ReadOnly(reader), None::<Reporter>, clock);
    let end = CancellationToken::new();
    let driver = tokio::spawn(driver.run(end.clone(), Until::Stopped));
    let rules = Arc::new(Rules { publish: Publish::All, ..Rules::default() });
    let watch = tokio::spawn(cluster.follow(vec![scope], rules, handle.clone(), Until::Stopped));
    let objects = async |number: usize| {
        let seen =
            eventually(async || handle.status().filter(|status| status.is_ready && status.objects == number));
        assert!(seen.await.is_some(), "the keeper does not have {number} objects: {:?}", handle.status());
    };

    shop.create_ingress("listed", "a.example.test", json!({})).await;
    objects(1).await;
    shop.create_ingress("watched", "b.example.test", json!({})).await;
    objects(2).await;
    relay.fall_silent();
    shop.create_ingress("unheard", "c.example.test", json!({})).await;
    shop.delete::<Ingress>("listed").await;
    shop.delete::<Ingress>("watched").await;
    objects(1).await;

    end.cancel();
    driver.await.unwrap();
    watch.abort();
}

/// zonekeeper's kubeconfig with the address of a relay in place of the API server.
fn through(relay: &Relay, plane: &ControlPlane, folder: &Path) -> PathBuf {
    let kubeconfig = folder.join("kubeconfig");
    let direct = fs::read_to_string(plane.zonekeeper()).unwrap();
    let replaced = direct.replace(&plane.address().to_string(), &relay.address().to_string());
    assert_ne!(direct, replaced);
    fs::write(&kubeconfig, replaced).unwrap();
    kubeconfig
}

/// A keeper that watches one scope and writes nothing.
fn config(scope: Scope) -> keeper::Config {
    keeper::Config {
        settings: Settings::new("tests".parse().unwrap()),
        scopes: vec![scope],
        mode: Mode::DryRun,
        quota: Quota::default(),
        resync: Duration::from_mins(30),
        vacancy: Duration::from_mins(10),
        brake: BrakeLimits::default(),
        seed: 1,
    }
}
