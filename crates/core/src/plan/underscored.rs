//! Underscored names (RFC 8552) below a hostname: `_web._tcp.www.example.com`.
//!
//! Their records speak for the hostname. An SRV record leads its clients to another machine (RFC 2782). A person who writes the
//! TXT record at `_acme-challenge` can get a certificate (RFC 8555, 8.4). So they belong to the namespace that holds the
//! hostname. `--merge-targets=all-namespaces` gives them to everyone.

use super::{Reason, View};
use crate::{
    dns::Name,
    source::{Claim, ObjectRef},
};

impl View<'_> {
    /// Why a claim would speak for a hostname of another namespace, if so.
    pub(super) fn speaks_for_others(&self, claim: &Claim) -> Option<Reason> {
        let host = self.spoken_for(&claim.endpoint.key.host)?;
        if self.is_open_to_all() {
            return None;
        }
        let mut holders = self.holders_of_records(&host);
        if holders.is_empty() {
            holders.extend(self.first_claimant(&host));
        }
        let is_of_others = holders.iter().all(|holder| !holder.is_beside(claim.object()));
        let holder = holders.into_iter().next().filter(|_| is_of_others)?;
        Some(Reason::SpeaksForOthers { host, holder })
    }

    /// The object of the oldest claim on a hostname without records of ours: of those that could be written, else of those that
    /// perhaps can be later. A load balancer gets its address minutes after its Ingress.
    fn first_claimant(&self, host: &Name) -> Option<ObjectRef> {
        // Many names can be below one hostname.
        if let Some(known) = self.first_claimants.borrow().get(host) {
            return known.clone();
        }
        let keys = self.keys(host).planned.into_iter();
        let mut claims: Vec<&Claim> = keys.flat_map(|key| self.claims.claimants(key)).collect();
        claims.sort_by_key(|claim| claim.rank());
        let could_be_written = |claim: &&&Claim| {
            self.wish_of_zone(claim).is_ok_and(|wish| self.without_rivals(claim, &wish).is_ok())
        };
        let is_possible = |claim: &&&Claim| match self.wish_of_zone(claim) {
            Ok(_) => true,
            Err(reason) => matches!(
                reason,
                Reason::NoTarget
                    | Reason::UnknownLoadBalancerZone { .. }
                    | Reason::DependencyUnreadable { .. }
            ),
        };
        let first = claims.iter().find(could_be_written).or_else(|| claims.iter().find(is_possible));
        let first = first.map(|claim| claim.object().clone());
        self.first_claimants.borrow_mut().insert(host.clone(), first.clone());
        first
    }

    /// The name above the last label that begins with `_`, if it is in the zone. The whole branch below such a label belongs to
    /// that name (RFC 8552, 1.1): also `key._domainkey` and `*._tcp`.
    fn spoken_for(&self, name: &Name) -> Option<Name> {
        let underscored = name.labels().enumerate().filter(|(_, label)| label.starts_with('_'));
        let (last, _) = underscored.last()?;
        let host = (0..=last).try_fold(name.clone(), |name, _| name.parent())?;
        Some(host).filter(|host| host.is_within(self.zone.apex()))
    }
}
