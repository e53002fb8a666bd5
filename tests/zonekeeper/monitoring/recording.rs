//! Scraped metrics over time, as promtool reads them.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde_json::json;

use crate::scratch::Scratch;

/// The interval between two scrapes, in seconds.
pub const EVERY: u64 = 30;
/// The labels that Prometheus adds, with the `PodMonitor` of the chart.
const TARGET: &str = r#"namespace="zonekeeper",job="zonekeeper/zonekeeper""#;
/// The values of all series at each scrape.
#[derive(Debug, Default)]
pub struct Recording {
    scrapes: usize,
    series: BTreeMap<String, Vec<Option<f64>>>,
}

// === impl Recording ===

impl Recording {
    /// Adds the answers of the pods to one scrape. A pod without an answer is gone.
    pub fn scrape(&mut self, pods: &[(&str, Option<String>)]) {
        for (pod, answer) in pods {
            for line in answer.iter().flat_map(|answer| answer.lines()).filter(|line| !line.starts_with('#'))
            {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
                let labels = labels.trim_end_matches('}');
                let comma = if labels.is_empty() { "" } else { "," };
                let series = format!(r#"{name}{{{labels}{comma}{TARGET},pod="{pod}"}}"#);
                let values = self.series.entry(series).or_default();
                values.resize(self.scrapes, None);
                values.push(Some(value.parse().unwrap()));
            }
        }
        self.scrapes += 1;
    }

    /// The names of all series.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.series.keys().filter_map(|series| series.split('{').next())
    }

    /// The seconds from the first scrape to the last one.
    pub fn length(&self) -> u64 {
        (self.scrapes as u64 - 1) * EVERY
    }

    /// Runs `promtool test rules` with the rules of the chart: each expression must give the samples at its time.
    pub fn check(&self, name: &str, expressions: &[Expression]) -> Result<(), String> {
        let folder = Scratch::new(&format!("promtool-{name}"));
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/zonekeeper/files/rules.yaml");
        let series = self.series.iter().map(|(series, values)| {
            let mut values = values.clone();
            values.resize(self.scrapes, None);
            let mut was_there = false;
            let mut text = |value: Option<f64>| match value {
                Some(value) => {
                    was_there = true;
                    number(value)
                }
                // Prometheus marks the series of a target that is gone.
                None if std::mem::take(&mut was_there) => "stale".to_owned(),
                None => "_".to_owned(),
            };
            let values: Vec<String> = values.into_iter().map(&mut text).collect();
            json!({"series": series, "values": values.join(" ")})
        });
        let expressions = expressions.iter().map(|Expression { text, at, samples }| {
            let samples = samples.iter().map(|(labels, value)| json!({"labels": labels, "value": value}));
            json!({"expr": text, "eval_time": format!("{at}s"), "exp_samples": samples.collect::<Vec<_>>()})
        });
        let test = json!({
            "rule_files": [rules],
            "evaluation_interval": format!("{EVERY}s"),
            "tests": [{
                "name": name,
                "interval": format!("{EVERY}s"),
                "input_series": series.collect::<Vec<_>>(),
                "promql_expr_test": expressions.collect::<Vec<_>>(),
            }],
        });
        // JSON is YAML too.
        let file = folder.join("test.yaml");
        fs::write(&file, test.to_string()).unwrap();
        let promtool = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/promtool/promtool");
        let output = Command::new(&promtool).args(["test", "rules"]).arg(&file).output();
        let output = output.unwrap_or_else(|why| panic!("{}: {why}; run `make tools`", promtool.display()));
        if output.status.success() {
            return Ok(());
        }
        Err([output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat())
    }
}

/// A query, and the samples that it must give.
#[derive(Debug, Clone)]
pub struct Expression {
    pub text: String,
    /// When, in seconds after the first scrape.
    pub at: u64,
    /// The labels of each sample, with its value.
    pub samples: Vec<(String, f64)>,
}

fn number(value: f64) -> String {
    if value.is_infinite() { "Inf".to_owned() } else { format!("{value}") }
}
