//! The alerts, with the metrics of two replicas on virtual time. promtool evaluates the rules of the chart.

mod recording;
mod replicas;
mod service;
mod shipped;

use std::collections::BTreeSet;

use recording::Expression;
use replicas::Replicas;
use serde_json::json;
use service::{Mood, set};
use zonekeeper_core::{
    dns::RecordType,
    keeper::{Input, Mode},
    source::{Resource, Scope},
};

pub const RULES: &str = include_str!("../../charts/zonekeeper/files/rules.yaml");

/// Each alert.
pub const ALERTS: [&str; 22] = [
    "ZonekeeperAbsent",
    "ZonekeeperAccountRefused",
    "ZonekeeperApprovalWaits",
    "ZonekeeperBrakeHolds",
    "ZonekeeperChangesRejected",
    "ZonekeeperChangesWait",
    "ZonekeeperContested",
    "ZonekeeperHostnamesBlocked",
    "ZonekeeperLeaderNotReady",
    "ZonekeeperLeftovers",
    "ZonekeeperManyLeaders",
    "ZonekeeperNamespaceBraked",
    "ZonekeeperNoLeader",
    "ZonekeeperNotReady",
    "ZonekeeperObjectiveFast",
    "ZonekeeperObjectiveSlow",
    "ZonekeeperObjectsUnreadable",
    "ZonekeeperOwnershipLost",
    "ZonekeeperRequestsFail",
    "ZonekeeperRestarts",
    "ZonekeeperThrottled",
    "ZonekeeperZoneAlmostFull",
];

/// Asserts that exactly these alerts fire at some time of the recording, and none at its end.
fn fire(replicas: &Replicas, name: &str, alerts: &[&str]) {
    check(replicas, name, alerts, &[]);
}

/// Asserts that exactly these alerts fire at some time of the recording, and all of them at its end.
fn fire_on(replicas: &Replicas, name: &str, alerts: &[&str]) {
    check(replicas, name, alerts, alerts);
}

fn check(replicas: &Replicas, name: &str, alerts: &[&str], at_end: &[&str]) {
    let at = replicas.recording.length();
    let expression = |text: &str, alerts: &[&str]| {
        let samples = alerts.iter().map(|alert| (format!("{{alertname=\"{alert}\"}}"), 1.0)).collect();
        Expression { text: format!("group by (alertname) ({text})"), at, samples }
    };
    let expressions = [
        expression(r#"max_over_time(ALERTS{alertstate="firing"}[2d])"#, alerts),
        expression(r#"ALERTS{alertstate="firing"}"#, at_end),
    ];
    replicas.recording.check(name, &expressions).unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn every_alert_fires_in_a_test() {
    let found: BTreeSet<&str> =
        RULES.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(found, ALERTS.into());
    let tests = include_str!("monitoring.rs");
    for alert in ALERTS {
        assert!(tests.matches(&format!("\"{alert}\"")).count() > 1, "{alert}");
    }
}

#[test]
fn nothing_fires_while_all_is_well() {
    let mut replicas = Replicas::start();
    replicas.run(60);
    replicas.take_over();
    replicas.run(120);
    fire(&replicas, "well", &[]);
}

#[test]
fn nothing_fires_for_a_short_outage() {
    let mut replicas = Replicas::start();
    replicas.run(30);
    replicas.service.mood = Mood::Down;
    replicas.run(4);
    replicas.service.mood = Mood::Well;
    replicas.run(30);
    fire(&replicas, "short", &[]);
}

#[test]
fn no_pod_leads() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.lead(&[]);
    replicas.run(10);
    replicas.lead(&["zonekeeper-a"]);
    replicas.run(10);
    fire(&replicas, "no-leader", &["ZonekeeperNoLeader"]);
}

#[test]
fn no_pod_runs() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    for pod in ["zonekeeper-a", "zonekeeper-b"] {
        replicas.end(pod);
    }
    replicas.run(15);
    replicas.add("zonekeeper-a", true);
    replicas.lead(&["zonekeeper-a"]);
    replicas.run(10);
    fire(&replicas, "absent", &["ZonekeeperAbsent"]);
}

#[test]
fn two_pods_lead() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.lead(&["zonekeeper-a", "zonekeeper-b"]);
    replicas.run(10);
    replicas.lead(&["zonekeeper-a"]);
    replicas.run(10);
    fire(&replicas, "many-leaders", &["ZonekeeperManyLeaders"]);
}

#[test]
fn a_pod_restarts_again_and_again() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    for _ in 0..5 {
        replicas.restart("zonekeeper-a");
        replicas.run(2);
    }
    replicas.run(70);
    fire(&replicas, "restarts", &["ZonekeeperRestarts"]);
}

/// Kubernetes waits for some minutes between the starts, and many starts end before a scrape.
#[test]
fn most_restarts_of_a_pod_are_not_scraped() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    for _ in 0..4 {
        replicas.end("zonekeeper-b");
        replicas.run(12);
        replicas.add("zonekeeper-b", true);
        replicas.run(1);
    }
    replicas.run(70);
    fire(&replicas, "missed-restarts", &["ZonekeeperRestarts"]);
}

#[test]
fn nothing_fires_in_a_dry_run() {
    let mut replicas = Replicas::start_in(Mode::DryRun);
    replicas.lead(&[]);
    replicas.run(60);
    fire(&replicas, "dry-run", &[]);
}

#[test]
fn a_new_pod_cannot_list_the_objects() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.end("zonekeeper-b");
    replicas.add("zonekeeper-b", false);
    replicas.run(20);
    replicas.end("zonekeeper-b");
    replicas.add("zonekeeper-b", true);
    replicas.run(10);
    fire(&replicas, "not-ready", &["ZonekeeperNotReady"]);
}

#[test]
fn the_leader_cannot_list_the_objects() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.end("zonekeeper-a");
    replicas.add("zonekeeper-a", false);
    replicas.lead(&["zonekeeper-a"]);
    replicas.run(20);
    replicas.take_over();
    replicas.run(60);
    // The changes of these minutes are late.
    let alerts = [
        "ZonekeeperLeaderNotReady",
        "ZonekeeperNotReady",
        "ZonekeeperObjectiveFast",
        "ZonekeeperObjectiveSlow",
    ];
    fire(&replicas, "leader-not-ready", &alerts);
}

#[test]
fn the_account_may_not_read_the_zone() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.service.mood = Mood::Refusing;
    replicas.run(30);
    replicas.service.mood = Mood::Well;
    replicas.run(90);
    let alerts = ["ZonekeeperAccountRefused", "ZonekeeperChangesWait", "ZonekeeperRequestsFail"];
    fire(&replicas, "account", &alerts);
}

#[test]
fn iam_denies_changes() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.service.mood = Mood::Denying;
    replicas.run(40);
    replicas.service.mood = Mood::Well;
    replicas.run(30);
    fire(&replicas, "rejected", &["ZonekeeperChangesRejected"]);
}

#[test]
fn an_alert_goes_on_when_another_pod_takes_over() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.service.mood = Mood::Denying;
    for _ in 0..4 {
        replicas.run(7);
        replicas.take_over();
    }
    fire_on(&replicas, "take-over", &["ZonekeeperChangesRejected"]);
}

#[test]
fn route_53_is_down() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.service.mood = Mood::Down;
    // Long enough for more than ten late changes, however many hostnames are back at their old address.
    replicas.run(70);
    replicas.service.mood = Mood::Well;
    replicas.run(90);
    let alerts = [
        "ZonekeeperChangesWait",
        // The listing of the zone is too old after an hour.
        "ZonekeeperLeaderNotReady",
        "ZonekeeperNotReady",
        "ZonekeeperObjectiveFast",
        "ZonekeeperObjectiveSlow",
        "ZonekeeperRequestsFail",
    ];
    fire(&replicas, "down", &alerts);
}

#[test]
fn route_53_is_slow() {
    let mut replicas = Replicas::start();
    replicas.run(30);
    replicas.service.mood = Mood::Slow(4);
    replicas.run(90);
    replicas.service.mood = Mood::Well;
    replicas.run(60);
    fire(&replicas, "slow", &["ZonekeeperObjectiveFast", "ZonekeeperObjectiveSlow"]);
}

#[test]
fn a_large_change_makes_progress() {
    let mut replicas = Replicas::start();
    replicas.rest();
    replicas.run(10);
    replicas.service.mood = Mood::Slow(200);
    for number in 0..3_000 {
        replicas.set(&format!("many-{number}"), "192.0.2.99", &json!({}));
    }
    replicas.run(12);
    assert!(replicas.service.zone.len() < 6_000, "{}", replicas.service.zone.len());
    replicas.run(18);
    replicas.service.mood = Mood::Well;
    replicas.run(90);
    assert!(replicas.service.zone.len() > 6_000, "{}", replicas.service.zone.len());
    fire(&replicas, "large", &["ZonekeeperObjectiveFast", "ZonekeeperObjectiveSlow"]);
}

#[test]
fn a_large_change_takes_hours() {
    let mut replicas = Replicas::start();
    replicas.set_zone_quota(100_000);
    replicas.rest();
    replicas.run(10);
    replicas.service.mood = Mood::SlowChanges(200);
    for number in 0..9_000 {
        replicas.set(&format!("many-{number}"), "192.0.2.99", &json!({}));
    }
    replicas.run(80);
    assert!(replicas.service.zone.len() < 18_000, "{}", replicas.service.zone.len());
    replicas.service.mood = Mood::Well;
    replicas.run(90);
    // Route 53 accepts changes all the time.
    let alerts = ["ZonekeeperChangesWait", "ZonekeeperObjectiveFast", "ZonekeeperObjectiveSlow"];
    fire(&replicas, "hours", &alerts);
}

#[test]
fn others_use_up_the_quota() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.service.mood = Mood::Throttling;
    replicas.run(60);
    replicas.service.mood = Mood::Well;
    replicas.run(60);
    // A throttle halves the rate, so changes are late.
    let alerts = ["ZonekeeperObjectiveFast", "ZonekeeperObjectiveSlow", "ZonekeeperThrottled"];
    fire(&replicas, "throttled", &alerts);
}

#[test]
fn the_zone_is_almost_full() {
    let mut replicas = Replicas::start();
    replicas.set_zone_quota(100);
    replicas.run(60);
    assert!(replicas.service.zone.len() > 90);
    replicas.set_zone_quota(10_000);
    replicas.run(10);
    fire(&replicas, "full", &["ZonekeeperZoneAlmostFull"]);
}

#[test]
fn every_hostname_of_a_namespace_moves_at_once() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    move_all(&mut replicas, &["shop"]);
    fire(&replicas, "namespace-brake", &["ZonekeeperNamespaceBraked"]);
}

#[test]
fn every_hostname_moves_at_once() {
    let mut replicas = Replicas::start();
    for number in 0..40 {
        replicas.set_in("blog", &format!("blog-{number}"), &format!("198.51.100.{number}"), &json!({}));
    }
    replicas.run(10);
    move_all(&mut replicas, &["shop", "blog"]);
    fire(&replicas, "brake", &["ZonekeeperBrakeHolds"]);
}

/// Moves all hostnames of these namespaces, until a person releases the brake.
fn move_all(replicas: &mut Replicas, namespaces: &[&str]) {
    for number in 0..40 {
        for namespace in namespaces {
            let name = if *namespace == "shop" { "web" } else { namespace };
            let address = format!("203.0.113.{number}");
            replicas.set_in(namespace, &format!("{name}-{number}"), &address, &json!({}));
        }
    }
    replicas.rest();
    replicas.run(10);
    let until = 24 * 3_600;
    replicas.tell_all(&Input::Release { until, unix: 0 });
    replicas.run(10);
}

#[test]
fn somebody_overwrites_a_record_again_and_again() {
    let mut replicas = Replicas::start();
    for round in 0..5 {
        replicas.run(35);
        let other = set("web-30.example.com", RecordType::A, &format!("203.0.113.{round}"));
        replicas.service.zone.put(other);
    }
    replicas.run(60);
    // It is left alone for six hours.
    fire_on(&replicas, "contested", &["ZonekeeperContested", "ZonekeeperHostnamesBlocked"]);
}

#[test]
fn somebody_deletes_an_ownership_record() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    let name = "a-web-30.example.com";
    let ownership =
        replicas.service.zone.get(&set(name, RecordType::Txt, "").key.name, &RecordType::Txt, None);
    let ownership = ownership.unwrap().clone();
    replicas.service.zone.remove(&ownership.key);
    replicas.run(60);
    replicas.service.zone.put(ownership);
    replicas.run(40);
    fire(&replicas, "ownership", &["ZonekeeperOwnershipLost"]);
}

#[test]
fn an_api_server_refuses_a_list() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    // A pod of a new version without the right to list Ingresses.
    replicas.end("zonekeeper-b");
    replicas.add("zonekeeper-b", false);
    replicas.tell_all(&Input::Denied(Scope { resource: Resource::INGRESS, namespace: None }));
    replicas.lead(&["zonekeeper-b"]);
    replicas.end("zonekeeper-a");
    replicas.rest();
    replicas.run(30);
    replicas.restart("zonekeeper-b");
    replicas.run(10);
    fire(&replicas, "unreadable", &["ZonekeeperObjectsUnreadable"]);
}

#[test]
fn an_object_asks_for_an_invalid_hostname() {
    let mut replicas = Replicas::start();
    let invalid = json!({"external-dns.alpha.kubernetes.io/hostname": "in valid.example.com"});
    replicas.set("invalid", "192.0.2.200", &invalid);
    replicas.run(75);
    replicas.set("invalid", "192.0.2.200", &json!({}));
    replicas.run(10);
    fire(&replicas, "blocked", &["ZonekeeperHostnamesBlocked"]);
}

#[test]
fn an_object_leaves_a_record_behind() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    // The addresses of IPv4 are left over where the load balancer has one of IPv6 now.
    replicas.set("web-30", "2001:db8::1", &json!({}));
    replicas.run(75);
    fire_on(&replicas, "leftovers", &["ZonekeeperLeftovers"]);
}

#[test]
fn nobody_approves_the_plan() {
    let mut replicas = Replicas::start_in(Mode::Approve);
    replicas.tell_all(&Input::Published(None));
    replicas.rest();
    replicas.run(9 * 60);
    fire_on(&replicas, "approval", &["ZonekeeperApprovalWaits"]);
}
