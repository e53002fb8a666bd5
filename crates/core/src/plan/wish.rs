//! The wish of a claimant: its record sets, as far as their types are managed.

use super::{Reason, View, desired::Desired, obstacle::forbidden, ownership::Owner};
use crate::{
    dns::{RecordSet, RecordType},
    source::{Claim, ClaimKey, ObjectRef},
};

impl View<'_> {
    /// The record sets of managed types that a claimant asks for.
    pub(super) fn wish(&self, claim: &Claim) -> Result<Desired, Reason> {
        self.wish_that_keeps(claim, self.keeps_cname(claim))
    }

    /// The same without the memory of this process, so that every process chooses the same holder.
    pub(super) fn wish_of_zone(&self, claim: &Claim) -> Result<Desired, Reason> {
        self.wish_that_keeps(claim, self.has_cname(claim))
    }

    fn wish_that_keeps(&self, claim: &Claim, keeps_cname: bool) -> Result<Desired, Reason> {
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
        let key = &claim.endpoint.key;
        let was_ours = || self.cname(key).is_some_and(|(_, owner)| owner == Owner::Nobody);
        self.has_cname(claim) || (self.history.was_right(key) && was_ours())
    }

    /// Whether the zone holds a CNAME at the key that is ours or becomes ours.
    fn has_cname(&self, claim: &Claim) -> bool {
        let key = &claim.endpoint.key;
        let Some((found, owner)) = self.cname(key) else { return false };
        let as_cname = || Desired::new(claim, self.zone, self.settings, true);
        let is_right = || as_cname().is_ok_and(|wish| wish.sets.iter().any(|set| wish.is_right(found, set)));
        owner == Owner::Us || self.adopts(&key.host, &claim.facts, &owner, Some(found), is_right())
    }

    /// The CNAME at the key and its owner, if CNAME records are managed.
    fn cname(&self, key: &ClaimKey) -> Option<(&RecordSet, Owner)> {
        let rtype = RecordType::Cname;
        let found = self.zone.get(&key.host, &rtype, key.set_id.as_ref())?;
        let is_managed = self.settings.managed_types.contains(&rtype);
        is_managed.then(|| (found, self.look_up(&key.host, &rtype, key).owner))
    }
}
