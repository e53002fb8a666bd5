//! The table of decisions: one decision for each content of the zone and each owner.

use super::{Note, Reason, ownership::Owner};
use crate::dns::RecordSet;

/// The zone's content for a wanted record set.
#[derive(Debug, Clone)]
pub(super) enum Existing<'z> {
    /// The set does not exist.
    Nothing,
    /// The set is as wanted.
    Right,
    /// The set has other values, or other parameters of the same routing policy.
    Different(&'z RecordSet),
    /// Records that exclude the wanted set: of another type, under another routing policy, or of a traffic policy.
    InTheWay(Reason),
}

/// The decision about one record set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision<'z> {
    /// It is created.
    Create,
    /// It replaces this set.
    Replace(&'z RecordSet),
    /// It is right, and ours.
    InSync,
    /// It is right, and not ours.
    Noted(Note),
    /// It is not written, and with it the whole unit.
    Blocked(Reason),
}

/// The table of decisions. `was_ours` says whether this process has seen the set right and ours.
#[expect(clippy::match_same_arms, reason = "each arm is a row of the table")]
pub(super) fn decide<'z>(existing: &Existing<'z>, owner: &Owner, was_ours: bool) -> Decision<'z> {
    use Decision::{Blocked, Create, InSync, Noted, Replace};
    use Existing::{Different, InTheWay, Nothing, Right};
    use Owner::{Nobody, Other, PlaceTaken, Unreadable, Us};
    match (existing, owner) {
        (InTheWay(reason), _) | (_, PlaceTaken(reason)) => Blocked(reason.clone()),
        (_, Unreadable(at)) => Blocked(Reason::OwnershipUnreadable { at: at.clone() }),
        (Nothing, Nobody | Us) => Create,
        (Nothing, Other(owner)) => Blocked(Reason::OwnedBy { owner: owner.clone() }),
        (Right, Us) => InSync,
        (Right, Nobody) if was_ours => Noted(Note::OwnershipLost),
        (Right, Nobody) => Noted(Note::Unmanaged),
        (Right, Other(owner)) => Noted(Note::OwnedBy { owner: owner.clone() }),
        (Different(found), Us) => Replace(found),
        (Different(found), Nobody) => Blocked(Reason::Unowned { found: found.to_string() }),
        (Different(_), Other(owner)) => Blocked(Reason::OwnedBy { owner: owner.clone() }),
    }
}
