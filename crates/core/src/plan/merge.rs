//! Merged records: the addresses of all objects that ask for one hostname, as `ExternalDNS` publishes them.
//!
//! If `--merge-targets` is not set, a merged record in the zone is kept, and no new one is created. A merged record can
//! look like an earlier wish of one object. In doubt, no address is removed.

use std::{net::IpAddr, sync::Arc};

use super::{Reason, View, WishDigest, desired::Desired};
use crate::{
    dns::RecordSet,
    source::{Claim, ClaimKey, Content, Endpoint, Targets},
};

/// Whether a hostname gets the addresses of several objects that ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeTargets {
    /// Only those of its holder.
    Never,
    /// Those of the objects in the holder's namespace.
    WithinNamespace,
    /// Those of all objects. Any namespace can then add itself to the answers of another one.
    AllNamespaces,
}

impl View<'_> {
    /// The wanted record sets of a key: the wish of its holder, or the merged wish of all claimants.
    ///
    /// The wish is merged if `--merge-targets` says so, or if it is undecided and the merged records are in the zone.
    pub(super) fn wanted(&self, holder: &Claim) -> Result<Desired, Reason> {
        let (own, key) = (self.wish(holder)?, &holder.endpoint.key);
        let decision = self.settings.merge_targets;
        if decision.is_some()
            && let Some(reason) = self.unreadable_share(holder)
        {
            return Err(reason);
        }
        let together = self.together(holder).filter(|_| decision != Some(MergeTargets::Never));
        let Some(together) = together else { return Ok(own) };
        let union = self.wish(&together).map(|wish| wish.merged(&own));
        if decision.is_some() {
            return union;
        }
        let is_there = |union: &Desired| {
            let found = |wanted: &RecordSet| self.zone.get(&key.host, wanted.rtype(), key.set_id.as_ref());
            let is_there = |wanted| found(wanted).is_some_and(|found| found.answers_like(wanted));
            union.sets.iter().all(is_there)
        };
        Ok(union.ok().filter(|union| self.may_be_merged(key) && is_there(union)).unwrap_or(own))
    }

    /// Whether a claim shares the record that the holder of its key gets, if it asks for nothing else. An object of another
    /// namespace shares a merged record only.
    pub(super) fn shares(&self, holder: &Claim, other: &Claim, held: &Desired) -> bool {
        let is_beside = other.object().namespace() == holder.object().namespace();
        is_beside
            || (self.may_merge(holder, other) && (held.is_merged || self.settings.merge_targets.is_some()))
    }

    /// Whether the addresses of a claim can be merged with those of the holder of its key.
    fn may_merge(&self, holder: &Claim, other: &Claim) -> bool {
        match self.settings.merge_targets {
            Some(MergeTargets::Never) => false,
            Some(MergeTargets::WithinNamespace) => other.object().is_beside(holder.object()),
            Some(MergeTargets::AllNamespaces) | None => true,
        }
    }

    /// Why the addresses of all claimants are not known, if so.
    fn unreadable_share(&self, holder: &Claim) -> Option<Reason> {
        let claimants = self.claims.claimants(&holder.endpoint.key).iter();
        claimants.filter(|claim| self.may_merge(holder, claim)).find_map(|claim| {
            let resource = claim.facts.unreadable_dependency()?.to_owned();
            Some(Reason::DependencyUnreadable { object: claim.object().clone(), resource })
        })
    }

    /// The holder's claim with the addresses of all claimants that share its record and ask for the same TTL. None if it adds no address.
    fn together(&self, holder: &Claim) -> Option<Claim> {
        let own = &holder.endpoint.content.targets;
        let joins = |other: &&Claim| {
            self.may_merge(holder, other)
                && other.endpoint.address_ttls() == holder.endpoint.address_ttls()
                // A claim that cannot be published must not block the record of the others.
                && self.wish(other).is_ok()
        };
        let all = self.claims.claimants(&holder.endpoint.key).iter().filter(joins);
        let all = || all.clone().map(|claim| &*claim.endpoint.content.targets);
        let addresses = || all().flat_map(Targets::addresses);
        if own.addresses().next().is_none() || addresses().all(|address| own.have(address)) {
            return None;
        }
        let mut targets = Targets::clone(own);
        addresses().for_each(|address| targets.add_address(address));
        targets.has_more |= all().any(|targets| targets.has_more);
        let records = Arc::clone(&holder.endpoint.content.records);
        let content = Content { targets: Arc::new(targets), records };
        let endpoint = Arc::new(Endpoint { content, ..Endpoint::clone(&holder.endpoint) });
        Some(Claim { facts: Arc::clone(&holder.facts), endpoint })
    }

    /// Whether a set of ours that needs a replacement may be a merged record, while `--merge-targets` is not set.
    ///
    /// That is so if all of these hold:
    ///
    /// - A claimant still asks for one of its addresses.
    /// - Neither the holder nor the object in the ownership record asks for all of its addresses.
    /// - Another claimant asks for other addresses than the holder, or has no address yet.
    pub(super) fn is_undecided(&self, holder: &Claim, desired: &Desired, found: &RecordSet) -> bool {
        let key = &holder.endpoint.key;
        if self.settings.merge_targets.is_some() || !self.may_be_merged(key) {
            return false;
        }
        // The merged record needs another TTL.
        if desired.is_merged {
            return true;
        }
        let there: Vec<IpAddr> = found.values().iter().filter_map(|value| value.parse().ok()).collect();
        let has = |claim: &Claim, address: &IpAddr| claim.endpoint.content.targets.have(*address);
        let has_all = |claim: &Claim| there.iter().all(|address| has(claim, address));
        let is_open = |other: &Claim| {
            let mut addresses = other.endpoint.content.targets.addresses();
            other.endpoint.content.is_empty() || addresses.any(|address| !has(holder, &address))
        };
        let claimants = self.claims.claimants(key);
        let named = self.named_holder(key);
        let is_named = |claim: &Claim| named.as_ref() == Some(claim.object());
        there.len() > 1
            && claimants.iter().any(is_open)
            && claimants.iter().any(|claim| there.iter().any(|address| has(claim, address)))
            && !claimants
                .iter()
                .any(|claim| (claim.object() == holder.object() || is_named(claim)) && has_all(claim))
    }

    /// Whether a merged record stays as it is, ownership records included, because `--merge-targets` is not set.
    ///
    /// Two processes can have different histories, so that only one of them takes the record for a merged one. Neither may
    /// write for that reason.
    pub(super) fn is_kept(&self, desired: &Desired) -> bool {
        desired.is_merged && self.settings.merge_targets.is_none()
    }

    /// Whether the record may be a merged one, because this process has not seen it right for one object alone.
    fn may_be_merged(&self, key: &ClaimKey) -> bool {
        self.history.right_wish(key).is_none_or(WishDigest::is_merged)
    }
}
