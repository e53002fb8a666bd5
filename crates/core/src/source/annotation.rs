//! Annotations: under which prefixes they are read, and what their values mean.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

use super::{
    BadObject, Facts, Problem, Rules,
    facts::{Pause, Targets},
};
use crate::shown::{listed, shown};

/// Both prefixes of ExternalDNS, the newer first (0.22 made it the default and stopped reading the older).
pub const DEFAULT_PREFIXES: [&str; 2] = ["external-dns.kubernetes.io/", "external-dns.alpha.kubernetes.io/"];

/// Publishes an object where only annotated objects are published.
pub const PUBLISH: &str = "zonekeeper.dev/publish";

/// Makes ours what is at an object's hostnames without an owner, if it is as the object wants it.
pub const ADOPT: &str = "zonekeeper.dev/adopt";

/// Hands an object's hostnames over to another object that claims them, as `Ingress/shop/web`.
pub const HAND_OVER_TO: &str = "zonekeeper.dev/hand-over-to";

/// Keeps an object's records as they are until a time, as `2026-12-31T18:00:00Z` (RFC 3339).
pub const PAUSED_UNTIL: &str = "zonekeeper.dev/paused-until";

/// An annotation that is read, under each prefix in force. Names and values are ExternalDNS'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationKey {
    /// `hostname`
    Hostname,
    /// `target`
    Target,
    /// `ttl`
    Ttl,
    /// `alias`
    Alias,
    /// `aws-evaluate-target-health`
    EvaluateTargetHealth,
    /// `ingress-hostname-source`
    HostnameSource,
    /// `controller`
    Controller,
}

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

// === impl AnnotationKey ===

impl AnnotationKey {
    /// All keys, in the order in which they are documented.
    pub const ALL: [Self; 7] = [
        Self::Hostname,
        Self::Target,
        Self::Ttl,
        Self::Alias,
        Self::EvaluateTargetHealth,
        Self::HostnameSource,
        Self::Controller,
    ];

    /// As it is written after the prefix.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hostname => "hostname",
            Self::Target => "target",
            Self::Ttl => "ttl",
            Self::Alias => "alias",
            Self::EvaluateTargetHealth => "aws-evaluate-target-health",
            Self::HostnameSource => "ingress-hostname-source",
            Self::Controller => "controller",
        }
    }

    /// An example of its value.
    pub fn example(self) -> &'static str {
        match self {
            Self::Hostname => "www.example.com, shop.example.com",
            Self::Target => "192.0.2.10",
            Self::Ttl => "1m30s",
            Self::Alias => "true",
            Self::EvaluateTargetHealth => "false",
            Self::HostnameSource => "annotation-only",
            Self::Controller => "dns-controller",
        }
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Hostname => {
                "Hostnames, separated by commas. An Ingress has those of its rules and of its tls section besides; a \
                 Service has no others."
            }
            Self::Target => {
                "IP addresses or host names, separated by commas, in place of those in the object's status."
            }
            Self::Ttl => {
                "How long resolvers keep the answer: seconds, or a duration. Without it --default-ttl; 0 counts as \
                 unset. Aliases have none."
            }
            Self::Alias => {
                "`true`: an alias also for AWS services that get one on request only. Load balancers, CloudFront, \
                 Global Accelerator, VPC endpoints and API Gateway get one anyway."
            }
            Self::EvaluateTargetHealth => {
                "`false`: the alias is answered whether its target is healthy or not. `true` is the default, where \
                 the service allows it."
            }
            Self::HostnameSource => {
                "Ingress only. `annotation-only`: hostnames of the annotation, not those of rules and tls. \
                 `defined-hosts-only`: the other way round."
            }
            Self::Controller => {
                "Anything but `dns-controller`: the object is another controller's, and not read."
            }
        }
    }
}

// === impl Annotations ===

impl<'a> Annotations<'a> {
    pub fn new(all: Option<&'a BTreeMap<String, String>>, rules: &'a Rules) -> Self {
        Self { all, rules }
    }

    /// The value of `key` under the preferred prefix that carries it. Where two prefixes carry different values,
    /// that is noted as a warning.
    pub fn get(&self, key: AnnotationKey, problems: &mut Vec<Problem>) -> Option<Annotation<'a>> {
        let mut found = self.rules.prefixes.iter().filter_map(|prefix| {
            let (full, value) = self.all?.get_key_value(&format!("{prefix}{}", key.as_str()))?;
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

    /// An annotation under the prefix of its own.
    fn own(&self, key: &str) -> Option<Annotation<'a>> {
        let value = self.all?.get(key)?;
        Some(Annotation { field: format!("annotation {key}"), value })
    }

    /// Whether the object is ours to read: another controller may be named in `controller`.
    pub fn is_for_us(&self) -> bool {
        self.get(AnnotationKey::Controller, &mut Vec::new())
            .is_none_or(|found| found.value == "dns-controller")
    }

    /// Whether the object asks for publication where that is required.
    pub fn publishes(&self) -> bool {
        !self.rules.require_annotation
            || self.get(AnnotationKey::Hostname, &mut Vec::new()).is_some()
            || self.all.and_then(|all| all.get(PUBLISH)).is_some_and(|value| value == "true")
    }

    /// Reads what has the same meaning on every kind: `target`, `ttl`, `alias`, `aws-evaluate-target-health`.
    pub fn read_common(&self, facts: &mut Facts) {
        let mut problems = Vec::new();
        // Whose object it is has been decided; where the prefixes disagree about it, that is said here.
        self.get(AnnotationKey::Controller, &mut problems);
        if let Some(found) =
            self.get(AnnotationKey::Target, &mut problems).filter(|found| !found.value.is_empty())
        {
            facts.targets = Targets::default();
            let mut texts = list(found.value).filter(|text| !text.is_empty()).peekable();
            if texts.peek().is_none() {
                problems.push(found.problem(&"expected IP addresses or host names"));
            }
            for text in texts {
                facts.add_target(&found.field, text);
            }
        }
        if let Some(found) = self.get(AnnotationKey::Ttl, &mut problems) {
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
        let (alias, health) = (flag(AnnotationKey::Alias), flag(AnnotationKey::EvaluateTargetHealth));
        let adopt = self.own(ADOPT).map(|found| (found.flag(), found));
        for (value, found) in [&alias, &health, &adopt].into_iter().flatten() {
            if value.is_none() {
                problems.push(found.problem(&"expected \"true\" or \"false\""));
            }
        }
        facts.alias = alias.and_then(|(value, _)| value).unwrap_or(false);
        facts.adopt = adopt.and_then(|(value, _)| value).unwrap_or(false);
        facts.evaluate_target_health = health.and_then(|(value, _)| value);
        facts.hand_over_to = self.own(HAND_OVER_TO).and_then(|found| {
            let object = found.value.trim().parse();
            object.map_err(|why: BadObject| problems.push(found.warning(&why))).ok()
        });
        facts.paused = self.own(PAUSED_UNTIL).and_then(|found| {
            let time = found.value.trim().parse::<Timestamp>();
            let time =
                time.map_err(|_| problems.push(found.problem(&"expected a time as 2026-12-31T18:00:00Z")));
            Some(Pause { until: time.ok()?.as_second(), text: shown(found.value.trim()) })
        });
        facts.problems.append(&mut problems);
        let targets = &facts.targets;
        let addresses = targets.v4.len() + targets.v6.len();
        if addresses > 0 && !targets.hosts.is_empty() {
            let text = format!("IP addresses win over host names; ignored: {}", listed(targets.hosts.iter()));
            facts.problems.push(Problem { field: "targets".to_owned(), text, blocks: false });
        }
    }

    /// Whether a `target` annotation replaces what the object's status says.
    pub fn has_target(&self) -> bool {
        self.get(AnnotationKey::Target, &mut Vec::new()).is_some_and(|found| !found.value.is_empty())
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

    /// A problem that blocks nothing.
    fn warning(&self, why: &dyn std::fmt::Display) -> Problem {
        Problem { blocks: false, ..self.problem(why) }
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
