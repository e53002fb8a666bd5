//! Several objects that ask for one hostname with addresses, and the union of these, as `ExternalDNS` answers it.
//!
//! Where nobody has decided about it, a union that is in the zone is kept, and nothing else becomes one. It cannot be told
//! for sure from what one object has asked for at another time: in doubt, nothing is taken away.

use std::{net::IpAddr, sync::Arc};

use super::{Reason, View, WishDigest, desired::Desired};
use crate::{
    dns::RecordSet,
    source::{Claim, ClaimKey, Content, Endpoint, Targets},
};

impl View<'_> {
    /// What the zone should hold for a key: what its holder asks for, or what all claimants ask for together where that
    /// is wanted, or is there and undecided.
    pub(super) fn wanted(&self, holder: &Claim) -> Result<Desired, Reason> {
        let (own, key) = (self.wish(holder)?, &holder.endpoint.key);
        let decision = self.settings.merge_targets;
        let together = self.together(holder).filter(|_| decision != Some(false));
        let Some(together) = together else { return Ok(own) };
        let union = self.wish(&together).map(|wish| wish.merged(&own));
        if decision == Some(true) {
            return union;
        }
        let is_there = |union: &Desired| {
            let found = |wanted: &RecordSet| self.zone.get(&key.host, wanted.rtype(), key.set_id.as_ref());
            let is_there = |wanted| found(wanted).is_some_and(|found| found.answers_like(wanted));
            union.sets.iter().all(is_there)
        };
        Ok(union.ok().filter(|union| self.may_be_merged(key) && is_there(union)).unwrap_or(own))
    }

    /// The holder with the addresses of all claimants, as far as these ask for the same TTL; none if that changes nothing.
    fn together(&self, holder: &Claim) -> Option<Claim> {
        let own = holder.endpoint.content.targets()?;
        let joins = |other: &&Claim| {
            other.endpoint.ttl == holder.endpoint.ttl && other.facts.blocking_problem().is_none()
        };
        let all = self.claims.claimants(&holder.endpoint.key).iter().filter(joins);
        let all = || all.clone().filter_map(|claim| claim.endpoint.content.targets());
        let addresses = || all().flat_map(Targets::addresses);
        if own.addresses().next().is_none() || addresses().all(|address| own.have(address)) {
            return None;
        }
        let mut targets = own.clone();
        addresses().for_each(|address| targets.add_address(address));
        targets.has_more |= all().any(|targets| targets.has_more);
        let content = Content::Targets(Arc::new(targets));
        let endpoint = Arc::new(Endpoint { content, ..Endpoint::clone(&holder.endpoint) });
        Some(Claim { facts: Arc::clone(&holder.facts), endpoint })
    }

    /// Whether it is undecided if a set of ours, which is not as it shall be, holds what several objects ask for: some of
    /// it is still asked for, neither the holder nor the one that the ownership text names asks for all of it, and the
    /// decision makes a difference, or may make one once an object has its address.
    pub(super) fn is_undecided(&self, holder: &Claim, desired: &Desired, found: &RecordSet) -> bool {
        let key = &holder.endpoint.key;
        if self.settings.merge_targets.is_some() || !self.may_be_merged(key) {
            return false;
        }
        // It has another TTL than all ask for.
        if desired.is_merged {
            return true;
        }
        let there: Vec<IpAddr> = found.values().iter().filter_map(|value| value.parse().ok()).collect();
        let has = |claim: &Claim, address: &IpAddr| {
            claim.endpoint.content.targets().is_some_and(|targets| targets.have(*address))
        };
        let has_all = |claim: &Claim| there.iter().all(|address| has(claim, address));
        let is_open = |other: &Claim| {
            let mut addresses = other.endpoint.content.targets().into_iter().flat_map(Targets::addresses);
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

    /// Whether it is a union that is in the zone, and that nobody has decided about: it is left as it is, texts included.
    /// A process that has seen it right for one object alone does not take it for one, and another does: neither may
    /// write because of that.
    pub(super) fn is_kept(&self, desired: &Desired) -> bool {
        desired.is_merged && self.settings.merge_targets.is_none()
    }

    /// Whether what is there may be a union: we have not seen it right for one object alone.
    fn may_be_merged(&self, key: &ClaimKey) -> bool {
        self.history.right_wish(key).is_none_or(WishDigest::is_merged)
    }
}
