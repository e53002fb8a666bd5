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

/// What a claimant's wish amounts to, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It can be written.
    Whole,
    /// It has no target yet.
    Waiting,
    /// It cannot be.
    Impossible,
}

/// The claimant that the ownership text names, while it still claims. Where it has gone, one of its own namespace, else,
/// after a while, any. Where the text names nobody, the oldest. Whoever it is may hand the name over, and yields it after
/// a while without a target, to its own namespace.
///
/// `claimants` are ordered by age, then namespace and name. A mistake in one object must not keep the name from another:
/// where nobody is named, or is there any more, it goes to one whose wish is possible, if there is one. Whoever goes while
/// we look on is followed by one that can be written; where he had gone before, the oldest may have followed long since.
pub(super) fn choose<'c>(
    claimants: &'c [Arc<Facts>],
    named: Option<&str>,
    tenure: &Tenure,
    is_hidden: bool,
    standing: impl Fn(&Facts) -> Standing,
) -> Option<Choice<'c>> {
    // The first of the best there are, where all up to `good` are equally good.
    let first = |among: &dyn Fn(&Facts) -> bool, good: Standing| {
        let find = |worst| claimants.iter().find(|facts| among(facts) && standing(facts) <= worst);
        [good, Standing::Waiting, Standing::Impossible].into_iter().find_map(find)
    };
    let whole = |among: &dyn Fn(&Facts) -> bool| {
        claimants.iter().find(|facts| among(facts) && standing(facts) == Standing::Whole)
    };
    let at_once = |holder| Choice { holder, must_wait: false };
    let is_named = |facts: &&Arc<Facts>| named.is_some_and(|named| facts.object.resource_label() == named);
    let Choice { holder, must_wait } = match (named, claimants.iter().find(is_named)) {
        (_, Some(holder)) => at_once(holder),
        (None, None) => at_once(first(&|_| true, Standing::Waiting)?),
        (Some(named), None) => {
            // Who may be there unseen has not gone.
            let is_over = tenure.is_over && !is_hidden;
            let inherits = |heir: &&Arc<Facts>| !is_over || standing(heir) != Standing::Impossible;
            let good = if tenure.seen.is_some() { Standing::Whole } else { Standing::Waiting };
            let heir = first(&|facts| is_of(named, facts.object.namespace()), good);
            let heir = heir.filter(|_| !is_hidden).filter(inherits).map(at_once);
            let any = || first(&|_| true, good).map(|holder| Choice { holder, must_wait: !is_over });
            heir.or_else(any)?
        }
    };
    let next =
        |from: &'c Arc<Facts>| from.hand_over_to.as_ref().and_then(|to| whole(&|facts| facts.object == *to));
    // Who hands over what was handed to him is passed over; in a circle, everything stays as it is.
    let handed = iter::successors(next(holder), |heir| next(heir))
        .take(claimants.len())
        .find(|heir| next(heir).is_none());
    let yielded = || {
        let yields = tenure.yields && standing(holder) == Standing::Waiting;
        let is_beside = |facts: &Facts| facts.object.namespace() == holder.object.namespace();
        yields.then(|| whole(&is_beside)).flatten()
    };
    Some(Choice { holder: handed.or_else(yielded).unwrap_or(holder), must_wait })
}
