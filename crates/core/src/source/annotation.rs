//! Annotations: their prefixes, and the meaning of their values.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::jiff::Timestamp;

use super::{
    AliasChoice, AliasOptions, AnnotationKey, BadObject, ClaimKey, Content, Controls, Endpoint, Facts, Pause,
    Problem, Publish, Rules, Targets,
    options::{Options, Stated, within_max_ttl},
    routing,
};
use crate::{
    dns::{Name, Ttl},
    sanitize::quoted,
};

/// Both prefixes of ExternalDNS, the newer first. Version 0.22 made it the default, and reads the older no longer.
pub const DEFAULT_PREFIXES: [&str; 2] = ["external-dns.kubernetes.io/", "external-dns.alpha.kubernetes.io/"];

/// The most unknown annotations of an object that are told one by one. An object has room for more than ten thousand.
const MAX_UNKNOWN: usize = 20;

/// Publishes an object, if only annotated objects are published.
pub const PUBLISH: &str = "zonekeeper.dev/publish";

/// Adopts records without an owner at the object's hostnames, if they equal what the object asks for.
pub const ADOPT: &str = "zonekeeper.dev/adopt";

/// Hands the object's hostnames over to another object that claims them, as `Ingress/shop/web`.
pub const HAND_OVER_TO: &str = "zonekeeper.dev/hand-over-to";

/// Keeps the object's records as they are until a time, as `2026-12-31T18:00:00Z` (RFC 3339).
pub const PAUSED_UNTIL: &str = "zonekeeper.dev/paused-until";

/// The annotation that `spec.ingressClassName` has replaced.
pub const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// All annotations of zonekeeper's own.
pub const OWN_ANNOTATIONS: [&str; 4] = [PUBLISH, ADOPT, HAND_OVER_TO, PAUSED_UNTIL];

/// The prefix of zonekeeper's own annotations.
const OWN_PREFIX: &str = "zonekeeper.dev/";

/// The annotations of ExternalDNS that belong to other sources and providers (its page "Annotations", version 0.22). A key
/// with a dash at its end stands for all keys that begin with it.
const OF_OTHERS: [&str; 8] = [
    "azure-tags",
    "cloudflare-",
    "coredns-",
    "gateway-hostname-source",
    "ibmcloud-",
    "ingress",
    "scw-",
    "webhook-",
];

/// The annotations of one object, seen through the prefixes in force.
pub(super) struct Annotations<'a> {
    all: Option<&'a BTreeMap<String, String>>,
    rules: &'a Rules,
}

// === impl Annotations ===

impl<'a> Annotations<'a> {
    pub fn new(all: Option<&'a BTreeMap<String, String>>, rules: &'a Rules) -> Self {
        Self { all, rules }
    }

    /// The value of a key, under the first prefix that has it. A warning follows if another prefix has another value.
    pub fn get(&self, key: AnnotationKey, problems: &mut Vec<Problem>) -> Option<Stated<'a>> {
        let mut found = self.rules.prefixes.iter().filter_map(|prefix| {
            let (full, value) = self.all?.get_key_value(&format!("{prefix}{}", key.as_str()))?;
            Some((full, value))
        });
        let (full, value) = found.next()?;
        let field = format!("annotation {full}");
        for (other, _) in found.filter(|(_, other)| *other != value) {
            let text = format!("differs from {other}, which is ignored; remove one of them");
            problems.push(Problem::warning(field.clone(), text));
        }
        Some(Stated { field, value })
    }

    /// An annotation under the prefix of its own.
    fn own(&self, key: &str) -> Option<Stated<'a>> {
        let value = self.all?.get(key)?;
        Some(Stated { field: format!("annotation {key}"), value })
    }

    /// Whether the rules select an object of these labels. `asks` says whether the object asks for publication.
    pub fn are_selected(&self, labels: Option<&BTreeMap<String, String>>, asks: bool) -> bool {
        self.is_for_us()
            && (self.rules.publish == Publish::All || asks)
            && self.rules.annotation_filter.matches(self.all)
            && self.rules.label_filter.matches(labels)
    }

    /// Whether the object is ours to read: its annotations can name another controller, and another zone.
    fn is_for_us(&self) -> bool {
        let controller = self.get(AnnotationKey::Controller, &mut Vec::new());
        controller.is_none_or(|found| found.value == "dns-controller") && self.is_for_zone(self.rules)
    }

    /// Whether the object asks for publication without a hostname annotation.
    pub fn publish(&self) -> bool {
        self.own(PUBLISH).is_some_and(|found| found.value == "true")
    }

    /// Reads the annotations that mean the same on every kind, and returns what the object wants at each hostname.
    ///
    /// `own` are the targets that the object itself states, each with its field. The annotation `target` replaces them.
    pub fn read<'t, I: IntoIterator<Item = (&'t str, &'t str)>>(
        &self,
        facts: &mut Facts,
        own: I,
    ) -> impl Fn(Name) -> Endpoint + use<'t, I> {
        let problems = &mut facts.problems;
        // That the object is for us has been decided. Here a warning follows if the prefixes disagree about it.
        self.get(AnnotationKey::Controller, problems);
        self.get(AnnotationKey::HostedZoneId, problems);
        self.warn_of_unknown(problems);
        let targets = Arc::new(self.targets(own, problems));
        let ttl = self.ttl(problems);
        let alias = AliasOptions {
            choice: match self.flag(AnnotationKey::Alias, problems) {
                Some(true) => AliasChoice::Always,
                // ExternalDNS ignores the annotation unless it is `true`.
                Some(false) | None => AliasChoice::Usual,
            },
            evaluate_target_health: self.flag(AnnotationKey::EvaluateTargetHealth, problems),
            zone: self.target_zone(problems),
        };
        let (set_id, routing) = routing::read(self, problems);
        facts.controls = self.controls(problems);
        move |host| Endpoint {
            key: ClaimKey { host, set_id: set_id.clone() },
            routing: routing.clone(),
            content: Content::of_targets(Arc::clone(&targets)),
            ttl,
            aaaa_ttl: ttl,
            alias: alias.clone(),
            problem: None,
        }
    }

    /// Reads the annotations of an object whose spec states everything about its records.
    pub fn read_controls(&self, facts: &mut Facts) {
        let problems = &mut facts.problems;
        self.get(AnnotationKey::Controller, problems);
        self.warn_of_unknown(problems);
        for key in AnnotationKey::ALL.into_iter().filter(|key| *key != AnnotationKey::Controller) {
            if let Some(found) = self.get(key, &mut Vec::new()) {
                let text =
                    format!("it has no effect on a {}, whose spec states its records", facts.object.kind());
                problems.push(Problem::warning(found.field, text));
            }
        }
        facts.controls = self.controls(problems);
    }

    /// The targets of the annotation `target`, else the object's `own`.
    fn targets<'t>(
        &self,
        own: impl IntoIterator<Item = (&'t str, &'t str)>,
        problems: &mut Vec<Problem>,
    ) -> Targets {
        self.stated_targets(problems).unwrap_or_else(|| Targets::read_all(own, problems))
    }

    /// The targets of the annotation `target`; none if it has no value.
    pub fn stated_targets(&self, problems: &mut Vec<Problem>) -> Option<Targets> {
        let found = self.get(AnnotationKey::Target, problems).filter(|found| !found.value.is_empty())?;
        let mut texts = list(found.value).filter(|text| !text.is_empty()).peekable();
        if texts.peek().is_none() {
            problems.push(found.problem(&"expected IP addresses or host names"));
        }
        Some(Targets::read_all(texts.map(|text| (&*found.field, text)), problems))
    }

    fn ttl(&self, problems: &mut Vec<Problem>) -> Option<Ttl> {
        let found = self.get(AnnotationKey::Ttl, problems)?;
        match found.value {
            // ExternalDNS reads 0 as unset.
            "0" => None,
            text => match text.parse::<Ttl>() {
                Ok(ttl) => Some(within_max_ttl(ttl, self.rules, &found.field, found.value, problems)),
                Err(why) => {
                    problems.push(found.warning(&format!("{why}; the default TTL is used")));
                    None
                }
            },
        }
    }

    fn controls(&self, problems: &mut Vec<Problem>) -> Controls {
        let adopt = self.own(ADOPT).is_some_and(|found| {
            let is_asked_for = found.flag(problems) == Some(true);
            let is_allowed = self.rules.adopt_by_annotation;
            if is_asked_for && !is_allowed {
                let text = "it has no effect, because zonekeeper runs without --adopt-by-annotation";
                problems.push(Problem::warning(found.field.clone(), text));
            }
            is_asked_for && is_allowed
        });
        let hand_over_to = self.own(HAND_OVER_TO).and_then(|found| {
            let object = found.value.trim().parse();
            object.map_err(|why: BadObject| problems.push(found.warning(&why))).ok()
        });
        let paused = self.own(PAUSED_UNTIL).and_then(|found| {
            let time = found.value.trim().parse::<Timestamp>();
            let time =
                time.map_err(|_| problems.push(found.problem(&"expected a time as 2026-12-31T18:00:00Z")));
            Some(Box::new(Pause { until: time.ok()?.as_second(), text: quoted(found.value.trim()) }))
        });
        Controls { adopt, hand_over_to, paused }
    }

    /// A key under one of our prefixes that nothing reads is probably a slip of the pen.
    fn warn_of_unknown(&self, problems: &mut Vec<Problem>) {
        let is_known = |key: &str| {
            AnnotationKey::ALL.iter().any(|known| known.as_str() == key)
                || OF_OTHERS
                    .iter()
                    .any(|other| key == *other || other.ends_with('-') && key.starts_with(other))
        };
        let is_unknown = |field: &&String| {
            let prefixes = &self.rules.prefixes;
            match prefixes.iter().find_map(|prefix| field.strip_prefix(prefix.as_str())) {
                Some(key) => !is_known(key),
                None => field.starts_with(OWN_PREFIX) && !OWN_ANNOTATIONS.contains(&field.as_str()),
            }
        };
        let mut unknown = self.all.into_iter().flatten().map(|(field, _)| field).filter(is_unknown);
        for field in unknown.by_ref().take(MAX_UNKNOWN) {
            let text = "zonekeeper does not know this annotation, so it has no effect; docs/reference/annotations.md lists those it knows";
            problems.push(Problem::warning(format!("annotation {field}"), text));
        }
        let more = unknown.count();
        if more > 0 {
            let text = format!("zonekeeper does not know {more} more annotations either");
            problems.push(Problem::warning("annotations", text));
        }
    }

    fn flag(&self, key: AnnotationKey, problems: &mut Vec<Problem>) -> Option<bool> {
        self.get(key, problems)?.flag(problems)
    }
}

impl Options for Annotations<'_> {
    fn get(&self, key: AnnotationKey, problems: &mut Vec<Problem>) -> Option<Stated<'_>> {
        self.get(key, problems)
    }

    fn named(&self, key: AnnotationKey) -> String {
        format!("the annotation `{}`", key.as_str())
    }
}

/// The parts of a comma-separated value, without spaces around them.
pub(super) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim)
}
