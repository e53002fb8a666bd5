//! The unit that adopts the records of a key.

use super::{Change, Reason, Role, Unit, View, WishDigest, desired::Desired, limit::Limit, ownership::Owner};
use crate::source::Claim;

impl View<'_> {
    /// The unit that adopts the records of a key. None if no record may become ours, or if a wanted record belongs to
    /// somebody else and may not.
    pub(super) fn adoption_unit(&self, holder: &Claim, desired: &Desired) -> Result<Option<Unit>, Reason> {
        let key = &holder.endpoint.key;
        let (mut changes, mut then, mut reads) = (Vec::new(), Vec::new(), Vec::new());
        for wanted in &desired.sets {
            let ownership = self.look_up(&key.host, wanted.rtype(), key);
            let found = self.zone.get(&key.host, wanted.rtype(), key.set_id.as_ref());
            let is_right = found.is_some_and(|found| desired.is_right(found, wanted));
            if self.adopts(&key.host, &holder.facts, &ownership.owner, found, is_right) {
                changes.extend(self.txt_change(holder, wanted, &ownership)?);
            } else {
                let is_foreign = match &ownership.owner {
                    Owner::Us => false,
                    Owner::Nobody => found.is_some() && !is_right,
                    Owner::Other(_) => !is_right,
                    Owner::Unreadable(_) | Owner::PlaceTaken(_) => true,
                };
                if is_foreign {
                    return Ok(None);
                }
            }
            reads.extend(ownership.reads);
            then.extend(match found {
                Some(found) if is_right || self.is_undecided(holder, desired, found) => None,
                Some(found) => Some(Change::Replace {
                    role: Role::Record,
                    before: Box::new(found.clone()),
                    after: wanted.clone(),
                }),
                None => Some(Change::Create { role: Role::Record, set: wanted.clone() }),
            });
        }
        // Other records of the former owner at the hostname would be foreign neighbours of the adopted ones.
        for set in self.zone.at(&key.host) {
            if !self.can_be_wanted(set) || set.key.set_id != key.set_id || desired.has(set.rtype()) {
                continue;
            }
            let ownership = self.look_up(&key.host, set.rtype(), key);
            if self.adopts(&key.host, &holder.facts, &ownership.owner, Some(set), false) {
                changes.extend(self.txt_change(holder, set, &ownership)?);
                reads.extend(ownership.reads);
            }
        }
        if changes.is_empty() {
            return Ok(None);
        }
        Limit::check(&changes).map_err(Reason::TooBig)?;
        Ok(Unit::adopt(holder, changes, reads, WishDigest::of(desired), then))
    }
}
