//! Options: what an object states about a record beside its name and its values.

use super::{AnnotationKey, Problem, Rules};
use crate::{
    dns::{Ttl, ZoneId},
    sanitize::quoted,
};

/// The options of a record: the annotations of its object, or its properties in a `DNSEndpoint`.
///
/// One reader checks both, so that a value means the same in both places.
pub(super) trait Options {
    /// The value of a key.
    fn get(&self, key: AnnotationKey, problems: &mut Vec<Problem>) -> Option<Stated<'_>>;

    /// The key as a person writes it: ``the annotation `aws-weight` ``.
    fn named(&self, key: AnnotationKey) -> String;

    /// Whether the record belongs to our zone. An option can name another one.
    fn is_for_zone(&self, rules: &Rules) -> bool {
        let ours = |found: &Stated<'_>| {
            rules.zone.as_ref().is_none_or(|ours| ZoneId::new(found.value).as_ref() == Some(ours))
        };
        self.get(AnnotationKey::HostedZoneId, &mut Vec::new()).as_ref().is_none_or(ours)
    }

    /// The hosted zone of the target of an alias.
    fn target_zone(&self, problems: &mut Vec<Problem>) -> Option<ZoneId> {
        let found = self.get(AnnotationKey::TargetHostedZone, problems)?;
        let zone = ZoneId::new(found.value);
        if zone.is_none() {
            problems.push(found.problem(&"expected the id of a hosted zone, as `Z32O12XQLNTSW2`"));
        }
        zone
    }
}

/// The value of an option, and the field that states it.
pub(super) struct Stated<'a> {
    /// `annotation external-dns.kubernetes.io/ttl`.
    pub field: String,
    /// The value as written.
    pub value: &'a str,
}

// === impl Stated ===

impl Stated<'_> {
    /// The value as `true` or `false`; any other text is a problem.
    pub fn flag(&self, problems: &mut Vec<Problem>) -> Option<bool> {
        match self.value {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                problems.push(self.problem(&"expected \"true\" or \"false\""));
                None
            }
        }
    }

    /// A problem that blocks nothing.
    pub fn warning(&self, why: &dyn std::fmt::Display) -> Problem {
        Problem::warning(self.field.clone(), self.unreadable(why))
    }

    /// A problem that blocks the object's hostnames.
    pub fn problem(&self, why: &dyn std::fmt::Display) -> Problem {
        Problem::blocking(self.field.clone(), self.unreadable(why))
    }

    fn unreadable(&self, why: &dyn std::fmt::Display) -> String {
        format!("`{}` cannot be read: {why}", quoted(self.value))
    }
}

/// The TTL, but at most `--max-ttl`. `text` is the TTL as written in `field`.
pub(super) fn within_max_ttl(
    ttl: Ttl,
    rules: &Rules,
    field: &str,
    text: &str,
    problems: &mut Vec<Problem>,
) -> Ttl {
    let max = rules.max_ttl;
    if ttl > max {
        let text = format!("`{}` is more than --max-ttl, so the TTL is {max}", quoted(text));
        problems.push(Problem::warning(field, text));
    }
    ttl.min(max)
}
