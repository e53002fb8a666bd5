//! Options: what an object states about a record beside its name and its values.

use super::{AnnotationKey, Problem, annotation::Annotation};

/// The options of a record: the annotations of its object, or its properties in a `DNSEndpoint`.
///
/// One reader checks both, so that a value means the same in both places.
pub(super) trait Options {
    /// The value of a key.
    fn get(&self, key: AnnotationKey, problems: &mut Vec<Problem>) -> Option<Annotation<'_>>;

    /// The key as a person writes it: ``the annotation `aws-weight` ``.
    fn named(&self, key: AnnotationKey) -> String;
}
