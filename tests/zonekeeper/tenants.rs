//! The afternoon of a hostile tenant. He may create and annotate objects in his namespace, and nothing else. The other
//! namespace notices nothing.

use futures::{StreamExt, stream};
use k8s_openapi::api::{core::v1::Service, events::v1::Event, networking::v1::Ingress};
use rustix::process::Signal;
use serde_json::json;
use zonekeeper_emulator::zone::RecordSet;

use crate::{
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::{CommandLine, Process},
    zone::Zone,
};

/// How many hostnames the tenant creates in a moment. With the quota of the test, they take longer than the afternoon.
const MANY: usize = 300;
/// How many hostnames of one namespace are written before one of another namespace that waits (a round of the queue), and the
/// batch that is under way. Each has two records and two ownership records.
const BOUND: usize = 4 * (25 + 25);

fn balancer(name: &str, generation: usize) -> String {
    format!("k8s-{name}-{generation}.eu-west-1.elb.amazonaws.com")
}

/// The Warnings about an Ingress.
async fn warned(zonekeeper: &mut Process, namespace: &Namespace, name: &str) -> Vec<Event> {
    let told = zonekeeper.until("a Warning", async || {
        let mut events = namespace.events_of::<Ingress>(name).await;
        events.retain(|event| event.type_.as_deref() == Some("Warning"));
        Some(events).filter(|events| !events.is_empty())
    });
    told.await
}

/// The number of record sets with a name that begins like this.
fn sets(zone: &Zone, start: &str) -> usize {
    zone.sets().iter().filter(|set| set.contains(start)).count()
}

#[tokio::test]
async fn the_afternoon_of_a_hostile_tenant_is_nobody_elses() {
    let zone = Zone::empty().await;
    let (victim, tenant) = (Namespace::new("victim").await, Namespace::new("tenant").await);
    // A record by hand, without an owner.
    let legacy = RecordSet::simple("legacy.example.test", "A", 300, ["192.0.2.50"]);
    zone.foreigner_creates(legacy.clone());
    for name in ["www", "api"] {
        victim.create_balanced_ingress(name, &format!("{name}.example.test"), BALANCER).await;
    }
    for n in 0..12 {
        let name = format!("own-{n}");
        tenant.create_balanced_ingress(&name, &format!("{name}.example.test"), &balancer(&name, 1)).await;
    }
    let mut zonekeeper = CommandLine::of(&zone, &victim, &["run", "--account-changes", "40/200"])
        .await
        .env("ZONEKEEPER_NAMESPACE", format!("{},{}", victim.name(), tenant.name()))
        .start();
    zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 1 + 4 * 14).await;
    let of_victim = |zone: &Zone| {
        let is_theirs = |set: &RecordSet| ["www.", "api."].iter().any(|name| set.name.contains(name));
        zone.record_sets().into_iter().filter(is_theirs).collect::<Vec<_>>()
    };
    let before = of_victim(&zone);

    // 6. He claims the hostname that the victim will want, without a target, and one that the victim has, with its target.
    tenant.create_ingress("squat", "new.example.test", json!({})).await;
    tenant.create_balanced_ingress("copy", "www.example.test", BALANCER).await;
    // 1. He wants to answer for `_acme-challenge.www` and for that of the zone.
    for (name, hostname) in [("wild-www", "*.www.example.test"), ("wild-all", "*.example.test")] {
        tenant.create_service(name, hostname).await;
        tenant.set_address::<Service>(name, json!({"hostname": "evil.example.org"})).await;
    }
    // 2. He copies the value of the record without an owner, adopts it, and changes it.
    let adopt = json!({"zonekeeper.dev/adopt": "true", "external-dns.kubernetes.io/target": "192.0.2.50"});
    tenant.create_ingress("adopt", "legacy.example.test", adopt).await;
    // 3. He leads hostnames to the machine and the network of whoever asks.
    for (name, target) in [("loop", "127.0.0.1"), ("link", "169.254.169.254"), ("none", "0.0.0.0")] {
        let target = json!({"external-dns.kubernetes.io/target": target});
        tenant.create_ingress(name, &format!("{name}.example.test"), target).await;
    }
    // 5. He moves all his load balancers. The brake holds him, and nobody else. zonekeeper hears of all moves together: it would
    // write those that it hears of before the limit is reached.
    zonekeeper.signal(Signal::STOP);
    for n in 0..12 {
        let name = format!("own-{n}");
        tenant.set_address::<Ingress>(&name, json!({"hostname": balancer(&name, 2)})).await;
    }
    zonekeeper.signal(Signal::CONT);
    zonekeeper.measures("zonekeeper_blocked{reason=\"Braked\"}", "12").await;
    victim.set_address::<Ingress>("api", json!({"hostname": OTHER_BALANCER})).await;
    zonekeeper
        .until_zone(&zone, "the victim's move", |zone| {
            zone.alias("api.example.test", "A").is_some_and(|target| target.starts_with(OTHER_BALANCER))
        })
        .await;
    assert!(zone.alias("own-0.example.test", "A").unwrap().starts_with(&balancer("own-0", 1)));
    // 5. He creates very many hostnames: right ones, and wrong ones that cause Events.
    stream::iter(0..MANY)
        .for_each_concurrent(16, async |n| {
            let name = format!("many-{n}");
            tenant.create_balanced_ingress(&name, &format!("a-{name}.example.test"), BALANCER).await;
            tenant.create_ingress(&format!("bad-{n}"), &format!("bad-{n}.example.test"), json!({})).await;
        })
        .await;
    tenant.annotate_ingress("adopt", json!({"external-dns.kubernetes.io/target": "192.0.2.66"})).await;

    // The victim works as on any other day: two new hostnames, and a mistake.
    let waiting = |zone: &Zone| 4 * MANY - sets(zone, "a-many-");
    let first = waiting(&zone);
    assert!(first > 2 * BOUND, "the tenant's hostnames are written already: {first}");
    victim.create_balanced_ingress("new", "zz-new.example.test", BALANCER).await;
    victim.create_balanced_ingress("wanted", "new.example.test", BALANCER).await;
    victim.create_ingress("mistake", "no-address.example.test", json!({})).await;
    zonekeeper
        .until_zone(&zone, "what the victim wants", |zone| {
            zone.alias("zz-new.example.test", "A").is_some()
                && zone.alias("new.example.test", "A").is_some()
                && zone
                    .alias("api.example.test", "A")
                    .is_some_and(|target| target.starts_with(OTHER_BALANCER))
        })
        .await;
    let written = first - waiting(&zone);
    assert!(written <= BOUND, "{written} record sets of the tenant came first");
    assert!(waiting(&zone) > 0, "the tenant's hostnames still wait");
    let events = warned(&mut zonekeeper, &victim, "mistake").await;
    assert_eq!(events[0].reason.as_deref(), Some("NoTarget"));

    // He is told what he may not do, and nothing of it is in the zone.
    for (name, reason) in [("copy", "ClaimedBy"), ("loop", "SpecialAddress")] {
        let told = warned(&mut zonekeeper, &tenant, name).await;
        assert!(told.iter().any(|event| event.reason.as_deref() == Some(reason)), "{name}: {told:#?}");
    }
    let www =
        |zone: &Zone| of_victim(zone).into_iter().filter(|set| set.name.contains("www.")).collect::<Vec<_>>();
    let of_www: Vec<_> = before.iter().filter(|set| set.name.contains("www.")).cloned().collect();
    assert_eq!(www(&zone), of_www);
    assert_eq!(zone.set("legacy.example.test", "A").unwrap().values, legacy.values);
    for start in ["legacy", "loop", "link", "none", "\\052"] {
        let expected = usize::from(start == "legacy");
        assert_eq!(sets(&zone, start), expected, "{start}: {:?}", zone.sets());
    }
    zonekeeper.stop().await;
    assert_eq!(zone.deletions(), 0);
}
