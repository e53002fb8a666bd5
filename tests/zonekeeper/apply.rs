//! `zonekeeper apply` sends exactly the changes that the plan shows.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use zonekeeper_emulator::{journal::AcceptedChange, zone::RecordSet};

use crate::{
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::{CommandLine, Ended},
    zone::{CHANGE, Zone},
};

/// The number of hostnames.
const HOSTNAMES: usize = 300;

fn host(n: usize) -> String {
    format!("w{n:03}.example.test")
}

/// Objects and a zone with many units to create, many units to replace, and many blocked units. `run` writes
/// the existing records.
async fn shop(name: &str, zone: &Zone) -> Namespace {
    let shop = Namespace::new(name).await;
    let targets = |n: usize| json!({"external-dns.kubernetes.io/target": if n < 100 { BALANCER } else { OTHER_BALANCER }});
    let create = async |n: usize| shop.create_ingress(&format!("w{n}"), &host(n), targets(n)).await;
    stream::iter(0..100).for_each_concurrent(16, create).await;
    CommandLine::of(zone, &shop, &["run", "--once"]).await.succeed().await;
    for n in 250..HOSTNAMES {
        zone.foreigner_creates(RecordSet::simple(host(n) + ".", "A", 60, ["192.0.2.200"]));
    }
    stream::iter(100..HOSTNAMES).for_each_concurrent(16, create).await;
    let elsewhere = json!({"external-dns.kubernetes.io/target": OTHER_BALANCER});
    let replace = async |n: usize| shop.annotate_ingress(&format!("w{n}"), elsewhere.clone()).await;
    stream::iter(0..50).for_each_concurrent(16, replace).await;
    shop
}

async fn command(zone: &Zone, shop: &Namespace, arguments: &[&str]) -> Ended {
    CommandLine::of(zone, shop, arguments).await.end().await
}

fn plan(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended}"))
}

/// The changes in a plan: action, name, type and value.
fn listed(plan: &Value) -> BTreeSet<String> {
    let units = plan["units"].as_array().unwrap().iter();
    let changes = units.flat_map(|unit| unit["changes"].as_array().unwrap());
    changes
        .map(|change| {
            let action = if change["action"] == "create" { "CREATE" } else { "UPSERT" };
            let (name, rtype) = (change["name"].as_str().unwrap(), change["type"].as_str().unwrap());
            let after = &change["after"];
            let value = after["alias"]["dns_name"].as_str().map(str::to_owned);
            let value = value.unwrap_or_else(|| after["values"]["values"].to_string());
            format!("{action} {name} {rtype} {value}")
        })
        .collect()
}

/// The accepted changes without the first `before` ones, in the same form.
fn sent(zone: &Zone, before: usize) -> Vec<String> {
    let value = |set: &RecordSet| match &set.alias_target {
        Some(alias) => alias.dns_name.trim_end_matches('.').to_owned(),
        None => json!(set.values).to_string(),
    };
    let line = |change: &AcceptedChange| {
        let set = change.after.as_ref().unwrap();
        let action = format!("{:?}", change.action).to_uppercase();
        format!("{action} {} {} {}", set.name.trim_end_matches('.'), set.rtype, value(set))
    };
    zone.journal().changes[before..].iter().map(line).collect()
}

#[tokio::test]
async fn what_a_plan_shows_is_what_an_apply_of_its_digest_sends() {
    let zone = Zone::empty().await;
    let shop = shop("apply", &zone).await;
    let before = zone.journal().changes.len();
    let shown = plan(&command(&zone, &shop, &["plan", "--output", "json"]).await);
    let digest = shown["digest"].as_str().unwrap();
    assert_eq!(shown["units"].as_array().unwrap().len(), 200);
    assert_eq!(shown["blocked"].as_array().unwrap().len(), 50);

    let applied = command(&zone, &shop, &["apply", "--digest", digest]).await;
    assert_eq!(applied.code(), Some(0), "{applied}");
    assert!(applied.stdout.ends_with("written: all name servers have the new records"), "{applied}");
    let sent = sent(&zone, before);
    assert_eq!(sent.iter().cloned().collect::<BTreeSet<_>>(), listed(&shown));
    assert_eq!(sent.len(), listed(&shown).len());

    // The digest is out of date, because the plan has changed.
    let count = zone.count(CHANGE);
    let again = command(&zone, &shop, &["apply", "--digest", digest]).await;
    assert_eq!(again.code(), Some(1), "{again}");
    assert!(again.stderr.contains("is out of date, and nothing was written"), "{again}");
    // There is nothing left to write.
    let nothing = command(&zone, &shop, &["apply", "--yes"]).await;
    assert_eq!((nothing.code(), zone.count(CHANGE)), (Some(0), count), "{nothing}");
}

#[tokio::test]
async fn without_a_yes_nothing_is_written() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("apply-asks").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let asked = command(&zone, &shop, &["apply"]).await;
    assert_eq!((asked.code(), zone.count(CHANGE)), (Some(0), 0), "{asked}");
    assert!(asked.stdout.contains("www.example.test") && asked.stdout.contains("--yes"), "{asked}");
    let applied = command(&zone, &shop, &["apply", "--yes"]).await;
    assert_eq!((applied.code(), zone.sets().len()), (Some(0), 4), "{applied}");
}
