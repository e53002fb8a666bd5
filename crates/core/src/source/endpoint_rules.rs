//! The rules for every endpoint, whichever object asks for it.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use super::{AliasChoice, DomainFilter, Endpoint, Facts, NetworkFilter, Record, Targets};
use crate::dns::Ttl;

/// The rules for every endpoint. By default, nothing changes and nothing is left out.
#[derive(Debug, Clone, Default)]
pub struct EndpointRules {
    /// The hostnames that count.
    pub domains: DomainFilter,
    /// The addresses of targets that count. An endpoint with other addresses only is left out.
    pub networks: NetworkFilter,
    /// The targets that replace those of every endpoint. An endpoint without targets stays without.
    pub forced_targets: Option<Arc<Targets>>,
    /// The TTL of endpoints that state none.
    pub ttl: Option<Ttl>,
    /// Whether every host name becomes an alias (`alias: "true"`).
    pub prefer_alias: bool,
    /// Whether aliases whose object does not say so are without `EvaluateTargetHealth`.
    pub ignores_target_health: bool,
}

/// The last targets that were narrowed, with the result. The endpoints of an object share their targets.
type Last = Option<(Arc<Targets>, Option<Arc<Targets>>)>;

// === impl EndpointRules ===

impl EndpointRules {
    /// Applies the rules to the facts of an object.
    pub fn apply(&self, mut facts: Facts) -> Facts {
        let (mut left_out, mut last) = (BTreeSet::new(), None);
        facts.endpoints.retain_mut(|endpoint| {
            let counts = self.domains.allows(&endpoint.key.host) && self.narrow(endpoint, &mut last);
            if counts {
                self.complete(endpoint);
                endpoint.content.targets.warn_of_both_sorts("targets", &mut facts.problems);
            } else {
                left_out.insert(endpoint.key.host.clone());
            }
            counts
        });
        if !self.domains.is_empty() {
            facts.change_unplanned_hosts(|others| {
                left_out.extend(others.above_limit.extract_if(.., |host| !self.domains.allows(host)));
            });
        }
        if left_out.is_empty() {
            return facts;
        }
        // A hostname with several set identifiers can have other endpoints.
        left_out.retain(|host| facts.hosts().all(|published| published != host));
        facts.change_unplanned_hosts(|others| others.passed_over.append(&mut left_out));
        facts.drop_needless_problems();
        facts
    }

    /// Leaves the targets that count. Returns whether there is any content, or nothing has been left out.
    fn narrow(&self, endpoint: &mut Arc<Endpoint>, last: &mut Last) -> bool {
        let targets = &endpoint.content.targets;
        let known = last.as_ref().filter(|(before, _)| Arc::ptr_eq(before, targets));
        let narrowed = known.map_or_else(|| self.targets(targets), |(_, narrowed)| narrowed.clone());
        *last = Some((Arc::clone(targets), narrowed.clone()));
        let counts = narrowed.is_some() || !endpoint.content.records.is_empty();
        let narrowed = narrowed.unwrap_or_default();
        if !Arc::ptr_eq(&narrowed, targets) {
            Arc::make_mut(endpoint).content.targets = narrowed;
        }
        counts
    }

    /// The targets that count. None if they are all left out.
    fn targets(&self, own: &Arc<Targets>) -> Option<Arc<Targets>> {
        let targets = self.forced_targets.as_ref().filter(|_| !own.is_empty()).unwrap_or(own);
        if self.networks.is_empty() || targets.addresses().all(|address| self.networks.allows(address)) {
            return Some(Arc::clone(targets));
        }
        let mut narrowed = Targets::clone(targets);
        narrowed.v4.retain(|address| self.networks.allows(IpAddr::V4(*address)));
        narrowed.v6.retain(|address| self.networks.allows(IpAddr::V6(*address)));
        (!narrowed.is_empty()).then(|| Arc::new(narrowed))
    }

    /// Fills in what the endpoint does not state.
    fn complete(&self, endpoint: &mut Arc<Endpoint>) {
        let mut ttls = endpoint.content.records.iter().map(|record| record.ttl);
        let lacks_ttl = ttls.any(|ttl| ttl.is_none()) || endpoint.address_ttls().contains(&None);
        if let Some(ttl) = self.ttl.filter(|_| lacks_ttl) {
            let endpoint = Arc::make_mut(endpoint);
            endpoint.ttl.get_or_insert(ttl);
            endpoint.aaaa_ttl.get_or_insert(ttl);
            let complete = |record: &Record| Record { ttl: record.ttl.or(Some(ttl)), ..record.clone() };
            endpoint.content.records = endpoint.content.records.iter().map(complete).collect();
        }
        if self.prefer_alias && endpoint.alias.choice == AliasChoice::Usual {
            Arc::make_mut(endpoint).alias.choice = AliasChoice::Always;
        }
        if self.ignores_target_health && endpoint.alias.evaluate_target_health.is_none() {
            Arc::make_mut(endpoint).alias.evaluate_target_health = Some(false);
        }
    }
}
