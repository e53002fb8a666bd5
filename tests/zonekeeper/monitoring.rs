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
pub const ALERTS: [&str; 19] = [
    "ZonekeeperAbsent",
    "ZonekeeperAccountRefused",
    "ZonekeeperApprovalWaits",
    "ZonekeeperBrakeHolds",
    "ZonekeeperChangesRejected",
    "ZonekeeperChangesWait",
    "ZonekeeperContested",
    "ZonekeeperHostnamesBlocked",
    "ZonekeeperLeftovers",
    "ZonekeeperManyLeaders",
    "ZonekeeperNoLeader",
    "ZonekeeperNotReady",
    "ZonekeeperObjectiveFast",
    "ZonekeeperObjectiveSlow",
    "ZonekeeperObjectsUnreadable",
    "ZonekeeperOwnershipLost",
    "ZonekeeperRequestsFail",
    "ZonekeeperThrottled",
    "ZonekeeperZoneAlmostFull",
];

/// Asserts that exactly these alerts fire at some time of the recording.
fn fire(replicas: &Replicas, name: &str, alerts: &[&str]) {
    let at = replicas.recording.length();
    let text = r#"group by (alertname) (max_over_time(ALERTS{alertstate="firing"}[2d]))"#.to_owned();
    let samples = alerts.iter().map(|alert| (format!("{{alertname=\"{alert}\"}}"), 1.0)).collect();
    replicas.recording.check(name, &[Expression { text, at, samples }]).unwrap_or_else(|why| panic!("{why}"));
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
    // A rollout: the standby takes over, and a new pod stands by.
    replicas.lead(&["zonekeeper-b"]);
    replicas.end("zonekeeper-a");
    replicas.run(1);
    replicas.add("zonekeeper-a", true);
    replicas.run(120);
    fire(&replicas, "well", &[]);
}

#[test]
fn no_pod_leads() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.lead(&[]);
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
    fire(&replicas, "absent", &["ZonekeeperAbsent"]);
}

#[test]
fn two_pods_lead() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.lead(&["zonekeeper-a", "zonekeeper-b"]);
    replicas.run(10);
    fire(&replicas, "many-leaders", &["ZonekeeperManyLeaders"]);
}

#[test]
fn a_new_pod_cannot_list_the_objects() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.end("zonekeeper-b");
    replicas.add("zonekeeper-b", false);
    replicas.run(20);
    fire(&replicas, "not-ready", &["ZonekeeperNotReady"]);
}

#[test]
fn the_account_may_not_read_the_zone() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.service.mood = Mood::Refusing;
    replicas.run(30);
    let alerts = ["ZonekeeperAccountRefused", "ZonekeeperChangesWait", "ZonekeeperRequestsFail"];
    fire(&replicas, "account", &alerts);
}

#[test]
fn iam_denies_changes() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.service.mood = Mood::Denying;
    replicas.run(40);
    fire(&replicas, "rejected", &["ZonekeeperChangesRejected"]);
}

#[test]
fn route_53_is_down() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.service.mood = Mood::Down;
    replicas.run(30);
    fire(&replicas, "down", &["ZonekeeperChangesWait", "ZonekeeperRequestsFail"]);
}

#[test]
fn route_53_is_slow() {
    let mut replicas = Replicas::start();
    replicas.run(30);
    replicas.service.mood = Mood::Slow(4);
    replicas.run(90);
    fire(&replicas, "slow", &["ZonekeeperObjectiveFast", "ZonekeeperObjectiveSlow"]);
}

#[test]
fn others_use_up_the_quota() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    replicas.service.mood = Mood::Throttling;
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
    fire(&replicas, "full", &["ZonekeeperZoneAlmostFull"]);
}

#[test]
fn every_hostname_moves_at_once() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    for number in 0..40 {
        replicas.set(&format!("web-{number}"), &format!("203.0.113.{number}"), &json!({}));
    }
    replicas.rest();
    replicas.run(5);
    fire(&replicas, "brake", &["ZonekeeperBrakeHolds"]);
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
    fire(&replicas, "contested", &["ZonekeeperContested", "ZonekeeperHostnamesBlocked"]);
}

#[test]
fn somebody_deletes_an_ownership_record() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    let ownership = set("a-web-30.example.com", RecordType::Txt, "");
    replicas.service.zone.remove(&ownership.key);
    replicas.run(60);
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
    fire(&replicas, "unreadable", &["ZonekeeperObjectsUnreadable"]);
}

#[test]
fn an_object_asks_for_an_invalid_hostname() {
    let mut replicas = Replicas::start();
    let invalid = json!({"external-dns.alpha.kubernetes.io/hostname": "in valid.example.com"});
    replicas.set("invalid", "192.0.2.200", &invalid);
    replicas.run(75);
    fire(&replicas, "blocked", &["ZonekeeperHostnamesBlocked"]);
}

#[test]
fn an_object_leaves_a_record_behind() {
    let mut replicas = Replicas::start();
    replicas.run(10);
    // The addresses of IPv4 are left over where the load balancer has one of IPv6 now.
    replicas.set("web-30", "2001:db8::1", &json!({}));
    replicas.run(75);
    fire(&replicas, "leftovers", &["ZonekeeperLeftovers"]);
}

#[test]
fn nobody_approves_the_plan() {
    let mut replicas = Replicas::start_in(Mode::Approve);
    replicas.tell_all(&Input::Published(None));
    replicas.rest();
    replicas.run(9 * 60);
    fire(&replicas, "approval", &["ZonekeeperApprovalWaits"]);
}
