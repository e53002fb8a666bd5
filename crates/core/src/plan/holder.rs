//! Which of several claimants a hostname follows.

use std::sync::Arc;

use crate::source::Facts;

/// The claimant that the ownership TXT names, while it still claims; else the oldest.
///
/// `claimants` are ordered by age, then namespace and name. A name that nobody holds yet goes to a claimant whose
/// fields can be read, if there is one: a mistake in one object must not keep the name from another.
pub(super) fn choose<'c>(claimants: &'c [Arc<Facts>], named: Option<&str>) -> Option<&'c Arc<Facts>> {
    let holds = |facts: &&Arc<Facts>| named == Some(facts.object.resource_label().as_str());
    let readable = |facts: &&Arc<Facts>| facts.blocking_problem().is_none();
    claimants.iter().find(holds).or_else(|| claimants.iter().find(readable)).or_else(|| claimants.first())
}
