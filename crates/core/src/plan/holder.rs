//! Which of several claimants a hostname follows.

use std::{iter, sync::Arc};

use super::{Tenure, reason::is_of};
use crate::source::Facts;

/// The claimant that a key follows, and whether it must wait for another's time to be over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice<'c> {
    pub holder: &'c Arc<Facts>,
    /// Whether the name is still kept for the one that the ownership text names.
    pub must_wait: bool,
}

/// What a claimant's wish amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It can be written.
    Whole,
    /// It has no target yet.
    Waiting,
    /// It cannot be.
    Impossible,
}

/// The claimant that the ownership text names, while it still claims and has a target or may get one; where it hands
/// the name over, the one that it hands it to. Where it has gone, one of its own namespace, else, after a while, any.
///
/// `claimants` are ordered by age, then namespace and name. A name that nobody holds yet goes to a claimant whose
/// wish is possible, if there is one: a mistake in one object must not keep the name from another.
pub(super) fn choose<'c>(
    claimants: &'c [Arc<Facts>],
    named: Option<&str>,
    tenure: Tenure,
    standing: impl Fn(&Facts) -> Standing,
) -> Option<Choice<'c>> {
    let possible = |facts: &Facts| standing(facts) != Standing::Impossible;
    let first = |among: &dyn Fn(&Facts) -> bool| {
        let mut those = claimants.iter().filter(|facts| among(facts));
        those.clone().find(|facts| possible(facts)).or_else(|| those.next())
    };
    let at_once = |holder| Choice { holder, must_wait: false };
    let Some(named) = named else { return first(&|_| true).map(at_once) };
    let of_its_namespace = |facts: &Facts| is_of(named, facts.object.namespace());
    let Some(holder) = claimants.iter().find(|facts| facts.object.resource_label() == named) else {
        let heir = first(&of_its_namespace).map(at_once);
        let any = || first(&|_| true).map(|holder| Choice { holder, must_wait: !tenure.is_over });
        return heir.or_else(any);
    };
    let heir = |is: &dyn Fn(&Facts) -> bool| {
        claimants.iter().find(|facts| is(facts) && standing(facts) == Standing::Whole)
    };
    let next = |from: &'c Arc<Facts>| from.hand_over_to.as_ref().and_then(|to| heir(&|facts| facts.object == *to));
    // Who hands over what was handed to him is passed over; in a circle, everything stays as it is.
    let handed = iter::successors(next(holder), |heir| next(heir)).take(claimants.len()).find(|heir| next(heir).is_none());
    let yielded = || {
        let yields = tenure.yields && standing(holder) == Standing::Waiting;
        yields.then(|| heir(&of_its_namespace)).flatten()
    };
    Some(at_once(handed.or_else(yielded).unwrap_or(holder)))
}
