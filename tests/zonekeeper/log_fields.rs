//! The page of the log, and the mapping for search engines.

use std::fmt::Write;

use serde_json::json;
use zonekeeper::telemetry::{FIELDS, FieldKind};

use crate::documents::{is_current, is_current_at};

/// The names have no dots, and none is a beginning of another one with a dot: so search engines see no objects.
#[test]
fn the_page_of_the_log_and_the_mapping_are_current() {
    assert!(FIELDS.is_sorted_by_key(|field| field.name));
    let is_plain = |name: &str| name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    assert!(FIELDS.iter().all(|field| is_plain(field.name)));
    let mut table = String::new();
    let mut properties = serde_json::Map::new();
    for field in &FIELDS {
        let (kind, mapping) = match field.kind {
            FieldKind::Time => ("time", json!({"type": "date"})),
            // Lucene rejects longer terms (32,766 bytes).
            FieldKind::Keyword => ("keyword", json!({"type": "keyword", "ignore_above": 8_191})),
            FieldKind::Text => ("text", json!({"type": "text"})),
            FieldKind::Number => ("number", json!({"type": "long"})),
            FieldKind::Flag => ("true or false", json!({"type": "boolean"})),
        };
        properties.insert(field.name.to_owned(), mapping);
        writeln!(table, "| `{}` | {kind} | {} |", field.name, field.means).unwrap();
    }
    is_current("logs.md", &PAGE.replace("TABLE", table.trim_end()));
    let template = json!({
        "template": {"mappings": {"dynamic": false, "date_detection": false, "properties": properties}},
        "_meta": {"description": "The log of zonekeeper"},
    });
    is_current_at("examples/logs/elasticsearch.json", &format!("{template:#}\n"));
}

const PAGE: &str = "# Logs

<!-- Generated from the code: `make documents` writes it, `make test` compares it. -->

zonekeeper logs to standard error. The chart and the manifests choose `--log-format json`: one JSON object a line. A line has at
most 16 KiB, so container runtimes do not split it. The content of a record set with hundreds of values is cut for this.

## Levels

| level | meaning |
|---|---|
| `error` | the process ends |
| `warn` | somebody should look at it |
| `info` | DNS has changed, or something is worth knowing once |
| `debug` | explains decisions |

## Fields

Every line has `timestamp`, `level` and `message`. A message is a constant sentence, so you can filter by it. A field has the same
kind of values in all lines, and no name has a dot.

| field | kind | meaning |
|---|---|---|
TABLE

## Audit

One line for each changed record set has the message `Route 53 accepted a change`, with the record set before and after, the
object, and the id of the change. CloudTrail has the same id.

## Fluent Bit and Fluentd

The stock parser `json` of both reads the lines. The time is in `timestamp`; both take the time of the container runtime
otherwise.

```yaml
parsers:
  - name: zonekeeper
    format: json
    time_key: timestamp
    time_format: \"%Y-%m-%dT%H:%M:%S.%L%z\"
    time_keep: true
```

## Elasticsearch and OpenSearch

`examples/logs/elasticsearch.json` is a component template with the kind of each field. It switches the detection of dates off:
the value of a TXT record may look like a date. Fields that it does not know are stored and not indexed, so that a new version
never causes a conflict.

```sh
curl --request PUT --header 'Content-Type: application/json' --data @examples/logs/elasticsearch.json https://elasticsearch.example.com/_component_template/zonekeeper
```
";
