//! The tenants of a hostname: the namespaces that may have set identifiers there.
//!
//! Under a routing policy, a new record set takes traffic from those that are there. So nobody adds a set identifier to a
//! hostname of another namespace. `--merge-targets=all-namespaces` allows it.

use std::collections::BTreeSet;

use super::{HostPlan, MergeTargets, Reason, Unit, View};
use crate::{
    dns::Name,
    source::{ClaimKey, ObjectRef},
};

impl View<'_> {
    /// Blocks new set identifiers of namespaces that do not have the hostname.
    pub(super) fn keep_strangers_out(&self, host: &Name, plan: &mut HostPlan) {
        let is_new = |unit: &Unit| !self.has_owned_set_of(unit.key());
        let is_alone = || {
            let other_sets =
                |unit: &Unit| self.zone.at(host).iter().any(|set| set.key.set_id != unit.key().set_id);
            self.claims.keys_at(host).nth(1).is_none() && !plan.units.iter().any(other_sets)
        };
        // Nearly every hostname has one key.
        if self.settings.merge_targets == Some(MergeTargets::AllNamespaces)
            || !plan.units.iter().any(is_new)
            || is_alone()
        {
            return;
        }
        let tenants = self.tenants(host, plan);
        let Some(holder) = tenants.first() else { return };
        let is_tenant =
            |unit: &Unit| tenants.iter().any(|tenant| tenant.namespace() == unit.object().namespace());
        let strangers = plan.units.iter().enumerate().filter(|(_, unit)| is_new(unit) && !is_tenant(unit));
        let reasons = strangers.map(|(at, _)| (at, Reason::ClaimedBy { holder: holder.clone() })).collect();
        self.block(plan, &reasons);
    }

    /// One object of each namespace that has a hostname: the holders of its records, else the object of the oldest planned unit.
    fn tenants(&self, host: &Name, plan: &HostPlan) -> Vec<ObjectRef> {
        let holders = self.holders_of_records(host);
        if !holders.is_empty() {
            return holders;
        }
        let oldest = plan.units.iter().min_by_key(|unit| self.rank_of(unit));
        oldest.map(|unit| unit.object().clone()).into_iter().collect()
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
