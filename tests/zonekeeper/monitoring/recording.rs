//! Scraped metrics over time, as promtool reads them.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde_json::json;

use crate::scratch::Scratch;

/// The time between two steps of the recording, in seconds. Rules are evaluated at each step.
pub const STEP: u64 = 15;
/// The labels that Prometheus adds, with the `PodMonitor` of the chart.
const TARGET: &str = r#"namespace="zonekeeper",job="zonekeeper/zonekeeper""#;

/// The values of all series at each step.
#[derive(Debug, Default)]
pub struct Recording {
    steps: usize,
    series: BTreeMap<String, Series>,
}

/// One series of a pod.
#[derive(Debug)]
struct Series {
    pod: String,
    /// The values as promtool writes them.
    values: Vec<String>,
    /// Whether the pod had the series at its last scrape.
    is_there: bool,
}

// === impl Recording ===

impl Recording {
    /// Adds the answer of a pod to its scrape in this step. A pod without an answer is gone.
    pub fn scrape(&mut self, pod: &str, answer: Option<&str>) {
        let samples = answer.into_iter().flat_map(str::lines).filter(|line| !line.starts_with('#'));
        let samples: BTreeMap<String, &str> = samples.map(|line| sample(pod, line)).collect();
        for (name, series) in &mut self.series {
            // Prometheus marks the series of a target that is gone.
            if series.pod == pod && !samples.contains_key(name) && series.is_there {
                series.set(self.steps, "stale");
                series.is_there = false;
            }
        }
        for (name, value) in samples {
            let new = || Series { pod: pod.to_owned(), values: Vec::new(), is_there: true };
            let series = self.series.entry(name).or_insert_with(new);
            series.set(self.steps, if value == "+Inf" { "Inf" } else { value });
            series.is_there = true;
        }
    }

    /// Ends a step.
    pub fn step(&mut self) {
        self.steps += 1;
    }

    /// The names of all series.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.series.keys().filter_map(|series| series.split('{').next())
    }

    /// The seconds from the first step to the last one.
    pub fn length(&self) -> u64 {
        (self.steps as u64 - 1) * STEP
    }

    /// Runs `promtool test rules` with the rules of the chart: each expression must give the samples at its time.
    pub fn check(&self, name: &str, expressions: &[Expression]) -> Result<(), String> {
        let folder = Scratch::new(&format!("promtool-{name}"));
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/zonekeeper/files/rules.yaml");
        let series = self
            .series
            .iter()
            .map(|(name, series)| json!({"series": name, "values": series.values.join(" ")}));
        let expressions = expressions.iter().map(|Expression { text, at, samples }| {
            let samples = samples.iter().map(|(labels, value)| json!({"labels": labels, "value": value}));
            json!({"expr": text, "eval_time": format!("{at}s"), "exp_samples": samples.collect::<Vec<_>>()})
        });
        let test = json!({
            "rule_files": [rules],
            "evaluation_interval": format!("{STEP}s"),
            "tests": [{
                "name": name,
                "interval": format!("{STEP}s"),
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

// === impl Series ===

impl Series {
    /// Sets the value of a step. The steps before it have none.
    fn set(&mut self, step: usize, value: &str) {
        self.values.resize(step, "_".to_owned());
        self.values.push(value.to_owned());
    }
}

/// A query, and the samples that it must give.
#[derive(Debug, Clone)]
pub struct Expression {
    pub text: String,
    /// When, in seconds after the first step.
    pub at: u64,
    /// The labels of each sample, with its value.
    pub samples: Vec<(String, f64)>,
}

/// The series and the value of a line of a scrape.
fn sample<'l>(pod: &str, line: &'l str) -> (String, &'l str) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.trim_end_matches('}');
    let comma = if labels.is_empty() { "" } else { "," };
    (format!(r#"{name}{{{labels}{comma}{TARGET},pod="{pod}"}}"#), value)
}
