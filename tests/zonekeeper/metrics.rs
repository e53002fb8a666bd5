//! The metrics of a real process, read with the reference parser of OpenMetrics.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
};

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};
use zonekeeper_emulator::faults::Effect;

use crate::{
    botocore::program,
    http,
    namespace::{BALANCER, Namespace},
    process::{CommandLine, Process},
    start::closed_port,
    zone::{CHANGE, LIST, Zone},
};

const PARSER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/zonekeeper/openmetrics.py");

/// The types and the series of a text.
async fn parsed(text: &str) -> Value {
    let mut command = Command::new(program("python"));
    command.arg(PARSER).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut parser = command.spawn().unwrap();
    parser.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    let output = parser.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn scrape(process: &Process) -> Value {
    parsed(&process.get("/metrics").await.body).await
}

/// The names and labels of all series.
fn series(metrics: &Value) -> BTreeSet<String> {
    let series = metrics["series"].as_array().unwrap();
    series.iter().map(|series| format!("{} {}", series[0].as_str().unwrap(), series[1])).collect()
}

/// The sum of all series with this name and these labels, as a text.
fn text(metrics: &Value, name: &str, labels: &[(&str, &str)]) -> String {
    value(metrics, name, labels).to_string()
}

/// The sum of all series with this name and these labels.
fn value(metrics: &Value, name: &str, labels: &[(&str, &str)]) -> f64 {
    let is_it = |series: &&Value| {
        let has = |(key, value): &(&str, &str)| {
            series[1].as_array().unwrap().iter().any(|label| label[0] == *key && label[1] == *value)
        };
        series[0] == name && labels.iter().all(has)
    };
    metrics["series"].as_array().unwrap().iter().filter(is_it).map(|series| series[2].as_f64().unwrap()).sum()
}

#[tokio::test]
async fn every_series_is_there_from_the_start() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("metrics").await);
    zone.disturb(LIST, Effect::service_unavailable(), u32::MAX);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run", "--zone-quota", "500"]).await.start();
    zonekeeper.says(&["a request failed", "ServiceUnavailable"]).await;
    zonekeeper.measures("zonekeeper_gate_closed{gate=\"zone-list\"}", "1").await;
    let before = scrape(&zonekeeper).await;
    assert_eq!(text(&before, "zonekeeper_zone_record_sets_quota", &[]), "500");

    zone.calm();
    zonekeeper.until_zone(&zone, "the record", |zone| zone.sets().len() == 4).await;
    let invalid = json!({"external-dns.kubernetes.io/hostname": "in valid.example.test"});
    shop.create_ingress("bad", "bad.example.test", invalid).await;
    shop.create_balanced_ingress("other", "www.example.org", BALANCER).await;
    zone.disturb(CHANGE, Effect::throttling(), 1);
    shop.create_balanced_ingress("api", "api.example.test", BALANCER).await;
    zonekeeper.until_zone(&zone, "the other record", |zone| zone.sets().len() == 8).await;
    zonekeeper.measures("zonekeeper_hostnames{state=\"in-sync\"}", "2").await;
    zonekeeper.measures("zonekeeper_hostnames_outside_zone", "1").await;
    let after = scrape(&zonekeeper).await;
    assert_eq!(series(&before), series(&after));
    assert_eq!(before["types"], after["types"]);

    let request = |code| {
        text(
            &after,
            "zonekeeper_requests_total",
            &[("operation", "ChangeResourceRecordSets"), ("code", code)],
        )
    };
    assert_eq!(["OK", "Throttling", "other"].map(request), ["2", "1", "0"]);
    assert_eq!(text(&after, "zonekeeper_throttles_total", &[]), "1");
    assert_eq!(text(&after, "zonekeeper_budget_rate_ratio", &[]), "1");
    assert!(value(&before, "zonekeeper_requests_total", &[("code", "ServiceUnavailable")]) > 0.0, "{before}");
    assert_eq!(text(&after, "zonekeeper_change_accepted_seconds_count", &[("cause", "change")]), "1");
    assert_eq!(text(&after, "zonekeeper_change_accepted_seconds_count", &[("cause", "start")]), "1");
    let zone_info =
        [("zone_id", crate::zone::ID), ("zone_name", "example.test"), ("owner", "tests"), ("mode", "apply")];
    assert_eq!(text(&after, "zonekeeper_zone_info", &zone_info), "1");
    assert_eq!(text(&after, "zonekeeper_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), "1");
    let memory = value(&after, "process_resident_memory_bytes", &[]);
    assert!((4e6..4e8).contains(&memory), "{memory}");
    assert!(value(&after, "process_cpu_seconds_total", &[]) > 0.0);
    let listed = value(&after, "zonekeeper_zone_listed_timestamp_seconds", &[]);
    assert!(listed > value(&after, "process_start_time_seconds", &[]) - 1.0, "{listed}");
    zonekeeper.stop().await;
}

#[tokio::test]
async fn a_process_that_cannot_open_its_zone_says_so() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("metrics-start").await);
    zone.disturb("GetHostedZone", Effect::access_denied(), u32::MAX);
    // The log names the address only when the zone is open.
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, closed_port()));
    let command = CommandLine::of(&zone, &shop, &["run", "--dry-run"]).await;
    let mut zonekeeper = command.env("ZONEKEEPER_METRICS_ADDRESS", address.to_string()).start();
    zonekeeper.says(&["zonekeeper cannot start yet"]).await;
    let starting = http::get(address, "/metrics").await.unwrap().body;
    assert!(starting.contains("zonekeeper_gate_closed{gate=\"starting\"} 1\n"), "{starting}");
    let starting = parsed(&starting).await;
    let info = |name| [("zone_id", crate::zone::ID), ("zone_name", name), ("mode", "dry-run")];
    assert_eq!(text(&starting, "zonekeeper_zone_info", &info("")), "1");
    let request = [("operation", "GetHostedZone"), ("code", "AccessDenied")];
    assert!(value(&starting, "zonekeeper_requests_total", &request) > 0.0, "{starting}");

    zone.calm();
    zonekeeper.is_ready().await;
    zonekeeper.measures("zonekeeper_gate_closed{gate=\"starting\"}", "0").await;
    let started = scrape(&zonekeeper).await;
    assert_eq!(text(&started, "zonekeeper_zone_info", &info("example.test")), "1");
    let request = [("operation", "GetHostedZone"), ("code", "OK")];
    assert!(value(&started, "zonekeeper_requests_total", &request) > 0.0, "{started}");
    zonekeeper.stop().await;
}
