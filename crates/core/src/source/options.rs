//! Options: what an object states about a record beside its name and its values.

use super::{AnnotationKey, Problem, Rules, annotation::Annotation};
use crate::dns::ZoneId;

/// The options of a record: the annotations of its object, or its properties in a `DNSEndpoint`.
///
/// One reader checks both, so that a value means the same in both places.
pub(super) trait Options {
    /// The value of a key.
    fn get(&self, key: AnnotationKey, problems: &mut Vec<Problem>) -> Option<Annotation<'_>>;

    /// The key as a person writes it: ``the annotation `aws-weight` ``.
    fn named(&self, key: AnnotationKey) -> String;

    /// Whether the record belongs to our zone. An option can name another one.
    fn is_for_zone(&self, rules: &Rules) -> bool {
        let ours = |found: &Annotation<'_>| {
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
