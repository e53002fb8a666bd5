//! Several set identifiers under one hostname: blue and green Services, from their annotations to Route 53.

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};
use zonekeeper_emulator::zone::{Change, RecordSet};

use crate::{
    namespace::Namespace,
    process::{ACCESS_KEY, CommandLine},
    zone::{CHANGE, Zone},
};

const HOST: &str = "www.example.test";
const TXT: &str = "a-www.example.test";

/// The annotations of a weighted Service.
fn weighted(set_id: &str, weight: &str) -> Value {
    json!({
        "external-dns.kubernetes.io/hostname": HOST,
        "external-dns.kubernetes.io/set-identifier": set_id,
        "external-dns.kubernetes.io/aws-weight": weight,
    })
}

/// Creates a Service with a set identifier, a weight and an address.
async fn create(shop: &Namespace, set_id: &str, weight: &str, address: &str) {
    shop.create_service(set_id, HOST).await;
    shop.patch_service(set_id, json!({"metadata": {"annotations": weighted(set_id, weight)}})).await;
    shop.set_address::<Service>(set_id, json!({"ip": address})).await;
}

/// The record set of another owner, with its ownership record.
fn of_another_owner(set_id: &str, weight: i64) -> [RecordSet; 2] {
    let ownership = "\"heritage=external-dns,external-dns/owner=other,external-dns/resource=ingress/a/b\"";
    [
        RecordSet::simple(HOST, "A", 300, ["192.0.2.77"]).weighted(set_id, weight),
        RecordSet::simple(TXT, "TXT", 300, [ownership]).weighted(set_id, weight),
    ]
}

/// The changes of zonekeeper's accepted requests: `CREATE www.example.test A blue 10 192.0.2.1`.
fn writes(zone: &Zone) -> Vec<Vec<String>> {
    let journal = zone.journal();
    let requests = journal.changes.chunk_by(|one, other| one.request == other.request);
    let text = |action: &str, set: &RecordSet| format!("{action} {}", line(set));
    let requests = requests.map(|changes| {
        let changes = changes.iter().filter(|change| change.access_key == ACCESS_KEY);
        let mut texts: Vec<String> =
            changes.filter_map(|it| Some(text(it.action.as_str(), it.after.as_ref()?))).collect();
        texts.sort();
        texts
    });
    requests.filter(|texts| !texts.is_empty()).collect()
}

/// A record set in one line. Of an ownership record, only the name of the object is shown.
fn line(set: &RecordSet) -> String {
    let values = set.values.join(" ");
    let value = values.trim_matches('"').rsplit('/').next().unwrap_or_default();
    let weight = set.weight.map_or_else(|| "-".to_owned(), |weight| weight.to_string());
    let set_id = set.set_identifier.as_deref().unwrap_or("-");
    format!("{} {} {set_id} {weight} {value}", set.name.trim_end_matches('.'), set.rtype)
}

#[tokio::test]
async fn blue_and_green_share_a_hostname_and_a_moved_weight_is_one_batch() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("set-identifiers").await);
    let foreign = of_another_owner("red", 5);
    zone.foreigner_sends(&foreign.clone().map(Change::create));
    create(&shop, "blue", "10", "192.0.2.1").await;
    create(&shop, "green", "90", "192.0.2.2").await;
    create(&shop, "red", "20", "192.0.2.3").await;

    // The first request creates the records of two set identifiers. The third one has another owner.
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.says(&["a hostname is blocked", "OwnedBy", "\"record_set_identifier\":\"red\""]).await;
    zonekeeper.until_zone(&zone, "the first request", |zone| zone.count(CHANGE) == 1).await;
    assert_eq!(
        writes(&zone),
        [[
            format!("CREATE {TXT} TXT blue 10 blue"),
            format!("CREATE {TXT} TXT green 90 green"),
            format!("CREATE {HOST} A blue 10 192.0.2.1"),
            format!("CREATE {HOST} A green 90 192.0.2.2"),
        ]]
    );

    // A part of the traffic moves from green to blue: one UPSERT for each record set.
    zonekeeper.stop().await;
    shop.patch_service("blue", json!({"metadata": {"annotations": weighted("blue", "20")}})).await;
    shop.patch_service("green", json!({"metadata": {"annotations": weighted("green", "80")}})).await;
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.succeed().await;
    assert_eq!(
        writes(&zone)[1..],
        [[
            format!("UPSERT {TXT} TXT blue 20 blue"),
            format!("UPSERT {TXT} TXT green 80 green"),
            format!("UPSERT {HOST} A blue 20 192.0.2.1"),
            format!("UPSERT {HOST} A green 80 192.0.2.2"),
        ]]
    );

    // Another process finds everything as it is wanted.
    let plan = CommandLine::of(&zone, &shop, &["plan"]).await.succeed().await;
    assert!(plan.stdout.contains("0 to create, 0 to replace, 2 in sync, 0 noted, 1 blocked"), "{plan}");
    let is_foreign = |set: &RecordSet| set.set_identifier.as_deref() == Some("red");
    let left: Vec<RecordSet> = zone.record_sets().into_iter().filter(is_foreign).collect();
    assert_eq!(left.len(), foreign.len());
    assert!(left.iter().all(|set| foreign.iter().any(|was| was.values == set.values)), "{left:?}");
    assert_eq!((zone.deletions(), zone.count(CHANGE)), (0, 2));
}

#[tokio::test]
async fn a_new_ttl_of_all_weighted_services_is_one_request() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("set-identifiers-ttl").await);
    create(&shop, "blue", "10", "192.0.2.1").await;
    create(&shop, "green", "90", "192.0.2.2").await;
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.succeed().await;

    // As long as only one Service has the new TTL, Route 53 would reject it, so nothing is sent.
    let ttl =
        |seconds: &str| json!({"metadata": {"annotations": {"external-dns.kubernetes.io/ttl": seconds}}});
    shop.patch_service("green", ttl("300")).await;
    shop.patch_service("blue", ttl("60")).await;
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.says(&["a hostname is blocked", "WeightedTtl", "\"record_set_identifier\":\"blue\""]).await;
    assert_eq!(zone.count(CHANGE), 1);
    shop.patch_service("green", ttl("60")).await;
    zonekeeper.until_zone(&zone, "the second request", |zone| zone.count(CHANGE) == 2).await;
    zonekeeper.stop().await;
    let expected =
        [format!("UPSERT {HOST} A blue 10 192.0.2.1"), format!("UPSERT {HOST} A green 90 192.0.2.2")];
    assert_eq!(writes(&zone)[1..], [expected]);
    assert!(zone.record_sets().iter().filter(|set| set.rtype == "A").all(|set| set.ttl == Some(60)));
}
