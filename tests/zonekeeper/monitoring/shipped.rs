//! The files for Prometheus and Grafana: the chart and Kustomize create the same objects, and every query has an answer.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use super::{recording::Expression, replicas::Replicas};
use crate::{
    chart::{neutral, objects, of_kind, rendered},
    control_plane::ControlPlane,
    documents::is_current_at,
    scratch::{Scratch, copy},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const FILES: &str = "charts/zonekeeper/files";
const COMPONENT: &str = "manifests/components/monitoring";
const ON: &str = "--set podMonitor.create=true,prometheusRule.create=true,dashboard.create=true";
/// Expressions that have no answer while all is well: nothing fails, and nothing is blocked.
const EMPTY: [&str; 2] = ["zonekeeper_blocked", "code!=\"OK\""];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

#[test]
fn the_component_has_the_files_of_the_chart() {
    is_current_at(&format!("{COMPONENT}/dashboard.json"), &read(&format!("{FILES}/dashboard.json")));
    let head = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: zonekeeper\n  namespace: zonekeeper\n  \
                labels:\n    app.kubernetes.io/name: zonekeeper\nspec:\n";
    let rules = read(&format!("{FILES}/rules.yaml"));
    let rules =
        rules.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") });
    is_current_at(
        &format!("{COMPONENT}/prometheus-rule.yaml"),
        &(head.to_owned() + &rules.collect::<String>()),
    );
}

#[tokio::test]
async fn the_chart_and_the_component_have_the_same_objects() {
    let plane = ControlPlane::shared().await;
    let folder = Scratch::new("monitoring");
    for shipped in ["manifests", "crds"] {
        copy(&Path::new(ROOT).join(shipped), &folder.join(shipped));
    }
    fs::create_dir(folder.join("manifests/mine")).unwrap();
    let user = "resources: [../overlays/apply]\ncomponents: [../components/monitoring]\n";
    fs::write(folder.join("manifests/mine/kustomization.yaml"), user).unwrap();
    let of_kustomize = objects(&plane.sh(&folder, "kubectl kustomize manifests/mine").await);
    let of_helm = rendered(plane, &format!("--set mode=apply {ON}")).await;
    for kind in ["PodMonitor", "PrometheusRule"] {
        let [one] = of_kind(&of_helm, kind)[..] else { panic!("{kind}") };
        let [other] = of_kind(&of_kustomize, kind)[..] else { panic!("{kind}") };
        assert_eq!(neutral(one.clone()), neutral(other.clone()));
    }
    let dashboard = |objects: &[Value]| -> Value {
        let maps = of_kind(objects, "ConfigMap");
        let map = maps.into_iter().find(|map| map["metadata"]["name"] == "zonekeeper-dashboard").unwrap();
        assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
        serde_json::from_str(map["data"]["zonekeeper.json"].as_str().unwrap()).unwrap()
    };
    assert_eq!(dashboard(&of_helm), dashboard(&of_kustomize));
}

#[tokio::test]
async fn the_rules_of_a_release_select_its_own_pods() {
    let plane = ControlPlane::shared().await;
    let flags =
        format!("{ON} --set prometheusRule.disabled={{ZonekeeperAbsent}} --set fullnameOverride=dns-b");
    let objects = rendered(plane, &flags).await;
    let [rule] = of_kind(&objects, "PrometheusRule")[..] else { panic!("{objects:#?}") };
    let text = rule.to_string();
    assert!(
        text.contains("job=\\\"zonekeeper/dns-b\\\"") && !text.contains("zonekeeper/zonekeeper"),
        "{text}"
    );
    assert!(!text.contains("ZonekeeperAbsent") && text.contains("ZonekeeperNoLeader"), "{text}");
    let [monitor] = of_kind(&objects, "PodMonitor")[..] else { panic!("{objects:#?}") };
    assert_eq!(monitor["metadata"]["name"], "dns-b");
}

#[test]
fn every_alert_has_a_runbook() {
    let runbooks = read("docs/operate/runbooks.md");
    let sections: Vec<&str> = runbooks.split("\n## ").skip(1).collect();
    let names: BTreeSet<&str> = sections.iter().filter_map(|section| section.lines().next()).collect();
    assert_eq!(names, super::ALERTS.into());
    for section in sections {
        for part in ["**You see**", "**It means**", "**Check**", "**"] {
            assert!(section.contains(part), "{part} is missing in {section}");
        }
        assert!(section.contains("**Fix**") || section.contains("**fix**"), "{section}");
    }
    for line in super::RULES.lines().filter(|line| line.contains("runbook_url")) {
        let (_, anchor) = line.split_once('#').unwrap();
        assert!(super::ALERTS.iter().any(|alert| alert.to_lowercase() == anchor), "{line}");
    }
}

#[test]
fn every_query_of_the_dashboard_has_an_answer() {
    let dashboard: Value = serde_json::from_str(&read(&format!("{FILES}/dashboard.json"))).unwrap();
    let targets = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries: Vec<&str> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(queries.len() > 25, "{queries:#?}");
    let mut replicas = Replicas::start();
    replicas.run(20);
    let at = replicas.recording.length();
    let expressions = queries.iter().map(|query| {
        let query = query.replace("$namespace", "zonekeeper").replace("$job", "zonekeeper/zonekeeper");
        let query = query.replace("$__rate_interval", "2m");
        assert!(!query.contains('$'), "{query}");
        let is_empty = EMPTY.iter().any(|empty| query.contains(empty));
        let samples = if is_empty { vec![] } else { vec![("{}".to_owned(), 1.0)] };
        Expression { text: format!("group({query})"), at, samples }
    });
    let expressions: Vec<Expression> = expressions.collect();
    let known = json!(queries).to_string();
    for name in replicas.recording.names() {
        let is_shown = known.contains(name) || UNSHOWN.contains(&name);
        assert!(is_shown, "the dashboard does not show {name}");
    }
    replicas.recording.check("dashboard", &expressions).unwrap_or_else(|why| panic!("{why}"));
}

/// Metrics that no panel shows: parts of a histogram, and those that say the same as another one.
const UNSHOWN: [&str; 14] = [
    "process_max_fds",
    "process_open_fds",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
    "zonekeeper_build_info",
    "zonekeeper_change_accepted_seconds_count",
    "zonekeeper_change_accepted_seconds_sum",
    "zonekeeper_change_in_sync_seconds_count",
    "zonekeeper_change_in_sync_seconds_sum",
    "zonekeeper_last_change_timestamp_seconds",
    "zonekeeper_request_duration_seconds_count",
    "zonekeeper_request_duration_seconds_sum",
    "zonekeeper_zone_listing_begun_timestamp_seconds",
];
