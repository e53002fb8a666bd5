//! Several objects that ask for one hostname with addresses, and the union of these, as `ExternalDNS` answers it.
//!
//! Where nobody has decided about it, a union that is in the zone is kept, and nothing else becomes one. It cannot be told
//! for sure from what one object has asked for at another time: in doubt, nothing is taken away.

use std::{net::IpAddr, sync::Arc};

use super::{Reason, View, Wish, desired::Desired};
use crate::{
    dns::{MAX_SET_VALUES, RecordSet},
    source::{ClaimKey, Facts, Targets},
};

impl View<'_> {
    /// What the zone should hold for a key: what its holder asks for, or what all claimants ask for together where that
    /// is wanted, or is there and undecided.
    pub(super) fn wanted(&self, key: &ClaimKey, holder: &Facts) -> Result<Desired, Reason> {
        let own = self.wish(key, holder)?;
        let decision = self.settings.merge_targets;
        let together = self.together(key, holder).filter(|_| decision != Some(false));
        let Some(together) = together else { return Ok(own) };
        let union = self.wish(key, &together).map(|wish| wish.merged(&own));
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
    fn together(&self, key: &ClaimKey, holder: &Facts) -> Option<Facts> {
        let joins = |other: &&Arc<Facts>| other.ttl == holder.ttl && other.blocking_problem().is_none();
        let all = self.claims.claimants(key).iter().filter(joins);
        let addresses = || all.clone().flat_map(|facts| facts.targets.addresses());
        if holder.targets.addresses().next().is_none() || addresses().all(|it| holder.targets.have(it)) {
            return None;
        }
        let (mut v4, mut v6) = (holder.targets.v4.clone(), holder.targets.v6.clone());
        for address in addresses() {
            match address {
                IpAddr::V4(address) => v4.insert(address),
                IpAddr::V6(address) => v6.insert(address),
            };
        }
        let is_over = v4.len() > MAX_SET_VALUES || v6.len() > MAX_SET_VALUES;
        let has_more = is_over || all.clone().any(|facts| facts.targets.has_more);
        let targets = Targets { v4, v6, hosts: holder.targets.hosts.clone(), has_more };
        Some(Facts { targets, ..holder.clone() })
    }

    /// Whether it is undecided if a set of ours, which is not as it shall be, holds what several objects ask for: some of
    /// it is still asked for, neither the holder nor the one that the ownership text names asks for all of it, and the
    /// decision makes a difference, or may make one once an object has its address.
    pub(super) fn is_undecided(
        &self,
        key: &ClaimKey,
        holder: &Facts,
        desired: &Desired,
        found: &RecordSet,
    ) -> bool {
        if self.settings.merge_targets.is_some() || !self.may_be_merged(key) {
            return false;
        }
        // It has another TTL than all ask for.
        if desired.is_merged {
            return true;
        }
        let there: Vec<IpAddr> = found.values().iter().filter_map(|value| value.parse().ok()).collect();
        let has_all = |facts: &Facts| there.iter().all(|address| facts.targets.have(*address));
        let is_open = |other: &Facts| {
            let mut addresses = other.targets.addresses();
            other.targets.is_empty() || addresses.any(|address| !holder.targets.have(address))
        };
        let claimants = self.claims.claimants(key);
        let named = self.named_holder(key);
        let is_named = |facts: &Facts| named.as_deref() == Some(&facts.object.resource_label());
        there.len() > 1
            && claimants.iter().any(|facts| is_open(facts))
            && claimants.iter().any(|facts| there.iter().any(|address| facts.targets.have(*address)))
            && !claimants
                .iter()
                .any(|facts| (facts.object == holder.object || is_named(facts)) && has_all(facts))
    }

    /// Whether it is a union that is in the zone, and that nobody has decided about: it is left as it is, texts included.
    /// A process that has seen it right for one object alone does not take it for one, and another does: neither may
    /// write because of that.
    pub(super) fn is_kept(&self, desired: &Desired) -> bool {
        desired.is_merged && self.settings.merge_targets.is_none()
    }

    /// Whether what is there may be a union: we have not seen it right for one object alone.
    fn may_be_merged(&self, key: &ClaimKey) -> bool {
        self.past.seen_right(key).is_none_or(Wish::is_merged)
    }
}
