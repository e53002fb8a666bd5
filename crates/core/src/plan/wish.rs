//! The wish of a claimant: its record sets, as far as their types are managed.

use super::{Reason, View, desired::Desired, obstacle::forbidden, ownership::Owner};
use crate::{
    dns::RecordType,
    source::{Claim, ClaimKey, ObjectRef},
};

impl View<'_> {
    /// The record sets of managed types that a claimant asks for.
    pub(super) fn wish(&self, claim: &Claim) -> Result<Desired, Reason> {
        let keeps_cname = self.keeps_cname(claim);
        let desired = Desired::new(claim, self.zone, self.settings, keeps_cname)?;
        let desired = self.with_shared_ttl(claim, desired);
        let desired = desired.narrowed(&self.settings.managed_types)?;
        let forbidden = forbidden(&claim.endpoint.key.host, &desired);
        match forbidden
            .or_else(|| self.speaks_for_others(claim))
            .or_else(|| self.covers_others(claim, &desired))
        {
            Some(reason) => Err(reason),
            None => Ok(desired),
        }
    }

    /// The types that an object asks for at a key and that are not managed, if there are any.
    pub(crate) fn left_out(&self, object: &ObjectRef, key: &ClaimKey) -> Option<Vec<RecordType>> {
        let managed = &self.settings.managed_types;
        let claim = self.claims.claimants(key).iter().find(|claim| claim.object() == object)?;
        let stated = claim.endpoint.content.records.iter().map(|record| &record.rtype);
        // Nearly every object asks for managed types only.
        if stated
            .chain(RecordType::WRITABLE.iter().filter(|it| it.is_address()))
            .all(|it| managed.contains(it))
        {
            return None;
        }
        let desired = Desired::new(claim, self.zone, self.settings, self.keeps_cname(claim)).ok()?;
        let types = desired.sets.into_iter().map(|set| set.key.rtype);
        let left_out: Vec<RecordType> = types.filter(|rtype| !managed.contains(rtype)).collect();
        Some(left_out).filter(|types| !types.is_empty())
    }

    /// Whether the zone holds a CNAME at the key that is ours, was ours, or becomes ours.
    ///
    /// A CNAME at a key that was right and ours counts, so that nobody is told to delete a CNAME that lost its ownership
    /// record. A process that has not seen it owned takes it for a foreign one.
    pub(super) fn keeps_cname(&self, claim: &Claim) -> bool {
        let (key, rtype) = (&claim.endpoint.key, RecordType::Cname);
        let Some(found) = self.zone.get(&key.host, &rtype, key.set_id.as_ref()) else { return false };
        if !self.settings.managed_types.contains(&rtype) {
            return false;
        }
        let owner = self.look_up(&key.host, &rtype, key).owner;
        let as_cname = || Desired::new(claim, self.zone, self.settings, true);
        let is_right = || as_cname().is_ok_and(|wish| wish.sets.iter().any(|set| wish.is_right(found, set)));
        owner == Owner::Us
            || (owner == Owner::Nobody && self.history.was_right(key))
            || self.adopts(&key.host, &claim.facts, &owner, Some(found), is_right())
    }
}
