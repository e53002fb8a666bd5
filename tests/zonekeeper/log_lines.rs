//! The lines of a JSON log, as shippers read them and search engines store them. Every process of these tests is checked.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use zonekeeper::telemetry::{FIELDS, FieldKind};

/// The longest line, in bytes. containerd splits longer ones (`max_container_log_line_size`).
const LONGEST: usize = 16 * 1_024;

/// An object with all its fields, in order, as the parsers of Fluent Bit and Fluentd see them.
struct Line(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Line;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Line, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Line(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// Checks all lines of a JSON log. A text log has none.
pub fn check(log: &str) {
    for line in log.lines().filter(|line| line.starts_with('{')) {
        if let Err(why) = problem(line) {
            panic!("{why}: {line}");
        }
    }
}

/// Checks one line. The error says why a log shipper or a search engine rejects it.
fn problem(line: &str) -> Result<(), String> {
    if line.len() > LONGEST {
        return Err(format!("the line has {} bytes", line.len()));
    }
    // The stock parsers `json` of Fluent Bit and of Fluentd take one object a line.
    let Line(fields) = serde_json::from_str(line).map_err(|why| why.to_string())?;
    let mut seen = BTreeMap::new();
    for (name, value) in &fields {
        // Of two fields with one name, the parsers keep either.
        if seen.insert(name, value).is_some() {
            return Err(format!("{name} is there twice"));
        }
        let field = FIELDS.iter().find(|field| field.name == name);
        let field = field.ok_or_else(|| format!("{name} is not in `FIELDS`"))?;
        let is_stored = match field.kind {
            FieldKind::Keyword | FieldKind::Text => value.is_string(),
            FieldKind::Number => value.is_i64() || value.is_u64(),
            FieldKind::Flag => value.is_boolean(),
            FieldKind::Time => value
                .as_str()
                .is_some_and(|text| text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()),
        };
        if !is_stored {
            return Err(format!("{name} is no {:?}", field.kind));
        }
    }
    let always = ["timestamp", "level", "message"];
    always
        .iter()
        .all(|name| seen.contains_key(&(*name).to_owned()))
        .then_some(())
        .ok_or("a field is missing".into())
}

#[test]
fn lines_that_cannot_be_stored_are_found() {
    let time = r#""timestamp":"2026-11-28T12:00:00.5Z""#;
    let good = format!(r#"{{{time},"level":"INFO","message":"m","zone_record_sets":3}}"#);
    assert_eq!(problem(&good), Ok(()));
    for (line, why) in [
        (good.replace(":3", ":\"3\""), "zone_record_sets is no Number"),
        (good.replace(":3", ":3,\"level\":\"INFO\""), "level is there twice"),
        (good.replace("zone_record_sets", "zone.record_sets"), "zone.record_sets is not in `FIELDS`"),
        (good.replace(time, r#""timestamp":"12:00""#), "timestamp is no Time"),
        (good.replace(r#","message":"m""#, ""), "a field is missing"),
        (good.replace("\"m\"", &format!("{:?}", "m".repeat(LONGEST))), "the line has 16471 bytes"),
        (good.replace('}', ""), "EOF while parsing an object at line 1 column 87"),
    ] {
        assert_eq!(problem(&line), Err(why.to_owned()));
    }
}
