//! The unit of one key, as if no other key needed one of its names.

use super::{
    Change, Note, Reason, Role, Unit, View, WishDigest,
    decision::{Decision, Existing, decide},
    desired::Desired,
    limit::Limit,
    ownership::{Owner, Ownership},
};
use crate::{
    dns::RecordSet,
    source::{Claim, ClaimKey},
};

/// The unit of a key, or the state of its records if there is nothing to write.
pub(super) enum Written {
    Unit(Unit),
    Noted(Note),
    InSync,
}

/// A wanted record set, and its state in the zone.
struct Position<'a, 'w> {
    wanted: &'w RecordSet,
    existing: Existing<'a>,
    ownership: Ownership<'a>,
}

impl<'a> View<'a> {
    /// Plans `desired` without regard to rivals.
    pub(super) fn without_rivals(&self, holder: &Claim, desired: &Desired) -> Result<Written, Reason> {
        let key = &holder.endpoint.key;
        let positions = self.positions(key, desired);
        let was_ours = self.history.was_right(key);
        let is_free = |it: &Position<'_, '_>| !matches!(it.existing, Existing::InTheWay(_));
        if positions.iter().all(is_free)
            && let Some(adoption) = self.adoption_unit(holder, desired)?
        {
            return Ok(Written::Unit(adoption));
        }
        let (mut changes, mut reads, mut note) = (Vec::new(), Vec::new(), None);
        for Position { wanted, existing, ownership } in positions {
            let change = match decide(&existing, &ownership.owner, was_ours) {
                Decision::Blocked(reason) => return Err(reason),
                Decision::Noted(found) => {
                    note = note.or(Some(found));
                    continue;
                }
                Decision::InSync => {
                    if !self.is_kept(desired) && self.has_followed(holder, &ownership) {
                        changes.extend(self.txt_change(holder, wanted, &ownership)?);
                        reads.extend(ownership.reads);
                    }
                    continue;
                }
                Decision::Replace(found) => {
                    if self.is_undecided(holder, desired, found) {
                        return Err(Reason::MergeUndecided { found: found.to_string() });
                    }
                    Change::Replace {
                        role: Role::Record,
                        before: Box::new(found.clone()),
                        after: wanted.clone(),
                    }
                }
                Decision::Create => Change::Create { role: Role::Record, set: wanted.clone() },
            };
            changes.push(change);
            changes.extend(self.txt_change(holder, wanted, &ownership)?);
            reads.extend(ownership.reads);
        }
        // If one record is right and another is missing, the hostname is not right as a whole. So this comes before a note.
        let creates_address = |change: &Change| {
            change.is_create() && change.is_of_record() && change.after().rtype().is_address()
        };
        let creates = changes.iter().any(creates_address);
        if creates && let Some(reason) = self.foreign_neighbour(key) {
            return Err(reason);
        }
        if changes.is_empty() {
            return Ok(note.map_or(Written::InSync, Written::Noted));
        }
        Limit::check(&changes).map_err(Reason::TooBig)?;
        let wish = WishDigest::of(desired);
        let was_right = self.history.right_wish(key) == Some(wish);
        Ok(Written::Unit(Unit::publish(holder, changes, reads, wish, was_right)))
    }

    /// The wanted sets of a key, each with its state in the zone.
    fn positions<'w>(&self, key: &ClaimKey, desired: &'w Desired) -> Vec<Position<'a, 'w>> {
        // A conflict at the place of an ownership record comes first, because it blocks the unit as well.
        let places = desired.sets.iter().map(|set| self.place(&key.host, set.rtype()));
        let mut taken = places.filter_map(|at| self.in_place_of_txt(&at));
        let in_the_way = self.in_the_way(key, desired).map(|reason| taken.next().unwrap_or(reason));
        let position = |wanted: &'w RecordSet| {
            let mut ownership = self.look_up(&key.host, wanted.rtype(), key);
            if ownership.owner != Owner::Us
                && let Some(reason) = self.in_place_of_txt(&ownership.place.name)
            {
                ownership.owner = Owner::PlaceTaken(reason);
            }
            let existing = match (&in_the_way, self.zone.get(&key.host, wanted.rtype(), key.set_id.as_ref()))
            {
                (Some(reason), _) => Existing::InTheWay(reason.clone()),
                (None, None) => Existing::Nothing,
                (None, Some(found)) if desired.is_right(found, wanted) => Existing::Right,
                (None, Some(found)) => Existing::Different(found),
            };
            Position { wanted, existing, ownership }
        };
        desired.sets.iter().map(position).collect()
    }
}
