//! Wildcard CNAMEs that would answer for others.
//!
//! A wildcard answers for every name below its parent that does not exist (RFC 4592, 2.2), so also for
//! `_acme-challenge.www.example.com`. Certificate authorities follow a CNAME there (RFC 8555, 8.4, and the CA/Browser
//! Forum's Baseline Requirements, 3.2.2.4.7). A person who chooses the target of the CNAME `*.www.example.com` can therefore
//! get a certificate for `www.example.com`. Wildcards with addresses or aliases answer neither TXT nor CNAME.

use super::{Heritage, Reason, View, desired::Desired, ownership::Owner, reason::Covered};
use crate::{
    dns::{Name, RecordSet, RecordType},
    source::{Claim, ObjectRef},
};

impl View<'_> {
    /// Why a claim is a wildcard CNAME that would answer for others, if so.
    pub(super) fn covers_others(&self, claim: &Claim, desired: &Desired) -> Option<Reason> {
        let host = &claim.endpoint.key.host;
        if self.settings.allow_wildcard_cname || !host.is_wildcard() || !desired.has(&RecordType::Cname) {
            return None;
        }
        let parent = host.parent()?;
        let covered = if parent == *self.zone.apex() {
            Some(Covered::Apex)
        } else {
            self.claim_of_others(claim, &parent).or_else(|| self.record_of_others(claim, &parent))
        };
        covered.map(Reason::CoversOthers)
    }

    /// The wildcards whose decision depends on the claims and records at `name`: those of its ancestors, and its own.
    pub(super) fn wildcards_over(&self, name: &Name) -> impl Iterator<Item = Name> {
        let mut at = Some(name.clone());
        let ancestors = std::iter::from_fn(move || {
            let here = at.take_if(|here| here != self.zone.apex() && here.is_within(self.zone.apex()))?;
            at = here.parent();
            Some(here)
        });
        ancestors.filter_map(|parent| parent.child("*")).filter(|wildcard| self.claims.has_host(wildcard))
    }

    fn claim_of_others(&self, claim: &Claim, parent: &Name) -> Option<Covered> {
        let host = &claim.endpoint.key.host;
        let mut keys = self.claims.keys_within(parent).filter(|key| key.host != *host);
        let is_of_others = |other: &Claim| !other.object().is_beside(claim.object());
        let key = keys.find(|key| self.claims.claimants(key).iter().any(is_of_others))?;
        Some(Covered::Claim(key.host.clone()))
    }

    fn record_of_others(&self, claim: &Claim, parent: &Name) -> Option<Covered> {
        let below = self.zone.names_from(parent).take_while(|(name, _)| name.is_within(parent));
        let others = below.filter(|(name, _)| **name != claim.endpoint.key.host);
        let mut sets = others.flat_map(|(_, sets)| sets);
        let set = sets.find(|set| !self.is_of_namespace(set, claim.object()))?;
        Some(Covered::Record { at: set.name().clone(), rtype: set.rtype().clone() })
    }

    /// Whether a record set is ours, and its ownership record names no object of another namespace than the claimant. An ownership record of
    /// ours belongs to its record, which is looked at itself.
    fn is_of_namespace(&self, set: &RecordSet, claimant: &ObjectRef) -> bool {
        let (naming, owner) = (&self.settings.naming, &self.settings.owner);
        if let Some(said) = Heritage::of(set).filter(|_| *set.rtype() == RecordType::Txt) {
            return said.owner == owner.as_str();
        }
        let set_id = set.key.set_id.as_ref();
        let found = naming.look_up(self.zone, owner, set.name(), set.rtype(), set_id);
        let is_of_others = found.object.is_some_and(|object| !object.is_beside(claimant));
        found.owner == Owner::Us && !is_of_others
    }
}
