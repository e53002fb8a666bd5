//! Annotations: under which prefixes they are read, and what their values mean.

use std::collections::BTreeMap;

use super::{
    Facts, Problem, Rules,
    facts::{Targets, shown},
};

/// Both prefixes of ExternalDNS, the newer first (0.22 made it the default and stopped reading the older).
pub const DEFAULT_PREFIXES: [&str; 2] = ["external-dns.kubernetes.io/", "external-dns.alpha.kubernetes.io/"];

/// Publishes an object where only annotated objects are published.
const PUBLISH: &str = "zonekeeper.dev/publish";

/// The annotations of one object, seen through the prefixes in force.
pub(super) struct Annotations<'a> {
    all: Option<&'a BTreeMap<String, String>>,
    rules: &'a Rules,
}

/// A value and where it stands.
pub(super) struct Annotation<'a> {
    /// `annotation external-dns.kubernetes.io/ttl`.
    pub field: String,
    /// The value as written.
    pub value: &'a str,
}

// === impl Annotations ===

impl<'a> Annotations<'a> {
    pub fn new(all: Option<&'a BTreeMap<String, String>>, rules: &'a Rules) -> Self {
        Self { all, rules }
    }

    /// The value of `key` under the preferred prefix that carries it. Where two prefixes carry different values,
    /// that is noted as a warning.
    pub fn get(&self, key: &str, problems: &mut Vec<Problem>) -> Option<Annotation<'a>> {
        let mut found = self.rules.prefixes.iter().filter_map(|prefix| {
            let (full, value) = self.all?.get_key_value(&format!("{prefix}{key}"))?;
            Some((full, value))
        });
        let (full, value) = found.next()?;
        let field = format!("annotation {full}");
        for (other, _) in found.filter(|(_, other)| *other != value) {
            let text = format!("differs from {other}, which is ignored; remove one of them");
            problems.push(Problem { field: field.clone(), text, blocks: false });
        }
        Some(Annotation { field, value })
    }

    /// Whether the object is ours to read: another controller may be named in `controller`.
    pub fn is_for_us(&self) -> bool {
        self.get("controller", &mut Vec::new()).is_none_or(|found| found.value == "dns-controller")
    }

    /// Whether the object asks for publication where that is required.
    pub fn publishes(&self) -> bool {
        !self.rules.require_annotation
            || self.get("hostname", &mut Vec::new()).is_some()
            || self.all.and_then(|all| all.get(PUBLISH)).is_some_and(|value| value == "true")
    }

    /// Reads what has the same meaning on every kind: `target`, `ttl`, `alias`, `aws-evaluate-target-health`.
    pub fn read_common(&self, facts: &mut Facts) {
        let mut problems = Vec::new();
        // Whose object it is has been decided; where the prefixes disagree about it, that is said here.
        self.get("controller", &mut problems);
        if let Some(found) = self.get("target", &mut problems).filter(|found| !found.value.is_empty()) {
            facts.targets = Targets::default();
            let mut texts = list(found.value).filter(|text| !text.is_empty()).peekable();
            if texts.peek().is_none() {
                problems.push(found.problem(&"expected IP addresses or host names"));
            }
            for text in texts {
                facts.add_target(&found.field, text);
            }
        }
        if let Some(found) = self.get("ttl", &mut problems) {
            // ExternalDNS reads 0 as unset.
            match found.value.trim() {
                "0" => {}
                text => match text.parse() {
                    Ok(ttl) => facts.ttl = Some(ttl),
                    Err(why) => problems.push(found.problem(&why)),
                },
            }
        }
        let mut flag = |key| self.get(key, &mut problems).map(|found| (found.flag(), found));
        let (alias, health) = (flag("alias"), flag("aws-evaluate-target-health"));
        for (value, found) in [&alias, &health].into_iter().flatten() {
            if value.is_none() {
                problems.push(found.problem(&"expected \"true\" or \"false\""));
            }
        }
        facts.alias = alias.and_then(|(value, _)| value).unwrap_or(false);
        facts.evaluate_target_health = health.and_then(|(value, _)| value);
        facts.problems.append(&mut problems);
        let targets = &facts.targets;
        let addresses = targets.v4.len() + targets.v6.len();
        if addresses > 0 && !targets.hosts.is_empty() {
            let names: Vec<&str> = targets.hosts.iter().map(crate::dns::Name::as_str).collect();
            let text = format!("IP addresses win over host names; ignored: {}", names.join(", "));
            facts.problems.push(Problem { field: "targets".to_owned(), text, blocks: false });
        }
    }

    /// Whether a `target` annotation replaces what the object's status says.
    pub fn has_target(&self) -> bool {
        self.get("target", &mut Vec::new()).is_some_and(|found| !found.value.is_empty())
    }
}

// === impl Annotation ===

impl Annotation<'_> {
    fn flag(&self) -> Option<bool> {
        match self.value {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A problem that blocks the object's hostnames.
    pub fn problem(&self, why: &dyn std::fmt::Display) -> Problem {
        let text = format!("`{}` cannot be read: {why}", shown(self.value));
        Problem { field: self.field.clone(), text, blocks: true }
    }
}

/// The parts of a comma-separated value, without spaces around them.
pub(super) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim)
}
