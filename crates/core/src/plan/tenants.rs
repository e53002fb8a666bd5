//! The tenants of a hostname: the namespaces that may have set identifiers there.
//!
//! Under a routing policy, a new record set takes traffic from those that are there. So nobody adds a set identifier to a
//! hostname of another namespace. `--merge-targets=all-namespaces` allows it.

use std::collections::BTreeSet;

use super::{HostPlan, MergeTargets, Reason, Unit, View, rival::Rivals};
use crate::{
    dns::Name,
    source::{ClaimKey, ObjectRef},
};

impl View<'_> {
    /// Blocks new set identifiers of namespaces that do not have the hostname.
    pub(super) fn keep_strangers_out(&self, host: &Name, rivals: &Rivals<'_>, plan: &mut HostPlan) {
        let is_new = |unit: &Unit| !self.has_owned_set_of(unit.key());
        let is_alone = || {
            let other_sets =
                |unit: &Unit| self.zone.at(host).iter().any(|set| set.key.set_id != unit.key().set_id);
            self.claims.keys_at(host).nth(1).is_none() && !plan.units.iter().any(other_sets)
        };
        // Nearly every hostname has one key.
        if self.is_open_to_all() || !plan.units.iter().any(is_new) || is_alone() {
            return;
        }
        let tenants = rivals.tenants(host);
        let Some(holder) = tenants.first() else { return };
        let is_stranger = |unit: &Unit| is_new(unit) && !unit.object().is_beside_one_of(&tenants);
        let strangers = plan.units.iter().enumerate().filter(|(_, unit)| is_stranger(unit));
        let reasons = strangers.map(|(at, _)| (at, Reason::ClaimedBy { holder: holder.clone() })).collect();
        self.block(plan, &reasons);
    }

    /// Whether every namespace may have set identifiers at every hostname.
    pub(super) fn is_open_to_all(&self) -> bool {
        self.settings.merge_targets == Some(MergeTargets::AllNamespaces)
    }

    /// The objects that our ownership records at a hostname name, and that claim it or may claim it unseen.
    pub(super) fn holders_of_records(&self, host: &Name) -> Vec<ObjectRef> {
        let set_ids: BTreeSet<_> =
            self.owned_sets(host, |_| true).map(|stale| stale.set.key.set_id).collect();
        let keys = set_ids.into_iter().map(|set_id| ClaimKey { host: host.clone(), set_id });
        let still_claims = |object: &ObjectRef| {
            let facts = self.claims.facts_of(object);
            facts.is_some_and(|facts| facts.hosts().any(|claimed| claimed == host))
                || self.claims.may_claim_unseen(object, host)
        };
        keys.filter_map(|key| self.named_holder(&key)).filter(still_claims).collect()
    }
}
