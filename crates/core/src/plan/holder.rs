//! Which of several claimants a hostname follows.

use std::sync::Arc;

use crate::source::Facts;

/// The claimant that the ownership TXT names, while it still claims; else the oldest.
///
/// `claimants` are ordered by age, then namespace and name. A name that nobody holds yet goes to a claimant whose
/// wish `can_be`, if there is one: a mistake in one object must not keep the name from another.
pub(super) fn choose<'c>(
    claimants: &'c [Arc<Facts>],
    named: Option<&str>,
    can_be: impl Fn(&Facts) -> bool,
) -> Option<&'c Arc<Facts>> {
    let holds = |facts: &&Arc<Facts>| named == Some(facts.object.resource_label().as_str());
    match claimants {
        [only] => Some(only),
        several => several
            .iter()
            .find(holds)
            .or_else(|| several.iter().find(|facts| can_be(facts)))
            .or_else(|| several.first()),
    }
}
