//! Services of type `LoadBalancer`.

use std::{collections::BTreeSet, sync::Arc};

use k8s_openapi::api::core::v1::{Service, ServiceSpec};

use super::{Hostnames, cluster_ip, own_or, valid};
use crate::{
    dns::Name,
    source::{Addresses, Facts, Part, Reduced, Related, ResourceRef, Rules, Targets},
};

/// A Service of type `LoadBalancer`.
///
/// The annotation `internal-hostname` means the cluster IP. A hostname of both annotations leads to both, as in
/// `ExternalDNS`.
#[derive(Debug, PartialEq)]
struct LoadBalancer {
    /// Its facts, without targets.
    facts: Facts,
    /// The addresses and host names of the load balancer.
    external: Targets,
    cluster_ip: Targets,
    /// Its hostnames by annotation. They differ only if it has the annotation `internal-hostname`.
    external_names: BTreeSet<Name>,
    internal_names: BTreeSet<Name>,
}

/// Reduces a Service whose facts have no targets yet.
pub(super) fn reduce(
    service: &Service,
    spec: &ServiceSpec,
    mut facts: Facts,
    hostnames: &Hostnames<'_>,
    rules: &Rules,
) -> Reduced {
    let status = service.status.iter().flat_map(|status| status.load_balancer.iter());
    let entries = status.flat_map(|balancer| balancer.ingress.iter().flatten());
    let texts = entries.flat_map(|entry| [&entry.ip, &entry.hostname]).flatten();
    let status = texts.map(|text| ("status.loadBalancer.ingress", text.as_str()));
    let external = own_or(spec, status, &mut facts.problems);
    let (mut cluster_ip, mut external_names) = (Targets::default(), BTreeSet::new());
    if hostnames.internal.is_some() {
        cluster_ip = cluster_ip::targets(spec, &mut facts.problems);
        external_names = valid(hostnames.external());
    }
    let internal_names = valid(hostnames.internal());
    let balancer = LoadBalancer { facts, external, cluster_ip, external_names, internal_names };
    if rules.services.resolve_host_names && !balancer.external.hosts.is_empty() {
        return Reduced::part(balancer);
    }
    Reduced::Facts(Box::new(balancer.complete(balancer.external.clone())))
}

// === impl LoadBalancer ===

impl Part for LoadBalancer {
    fn facts(&self, related: &Related<'_>) -> Option<Facts> {
        // Without the addresses of one host name, the answer would be incomplete, and the records stay.
        Some(self.complete(self.resolved(related).unwrap_or_default()))
    }

    fn host_names(&self) -> Vec<Name> {
        self.external.hosts.iter().cloned().collect()
    }
}

impl LoadBalancer {
    /// The facts of a Service whose load balancer has these targets.
    fn complete(&self, external: Targets) -> Facts {
        let mut both = external.clone();
        both.add_all(&self.cluster_ip);
        let [external, internal, both] = [external, self.cluster_ip.clone(), both].map(Arc::new);
        self.facts.clone().with_targets(|endpoint| {
            let host = &endpoint.key.host;
            let (is_external, is_internal) =
                (self.external_names.contains(host), self.internal_names.contains(host));
            Arc::clone(match (is_external, is_internal) {
                (true, true) => &both,
                (false, true) => &internal,
                (_, false) => &external,
            })
        })
    }

    /// The targets with addresses in place of host names; `None` while those of a host name are not known.
    fn resolved(&self, related: &Related<'_>) -> Option<Targets> {
        let look_up = |host| related.get::<Addresses>(&ResourceRef::of_addresses(host));
        // All of them are looked up, so that the answers can come in any order.
        let found: Vec<Option<&Addresses>> = self.external.hosts.iter().map(look_up).collect();
        let mut targets = Targets { hosts: BTreeSet::new(), ..self.external.clone() };
        for addresses in found {
            addresses?.add_to(&mut targets);
        }
        Some(targets)
    }
}
