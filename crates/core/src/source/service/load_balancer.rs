//! Services of type `LoadBalancer`.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};

use super::{Hostnames, cluster_ip, own_or, same_for_all, valid};
use crate::source::{Facts, Reduced, Targets};

/// Completes the facts of a Service whose endpoints have no targets yet.
///
/// The annotation `internal-hostname` means the cluster IP. A hostname of both annotations leads to both, as in
/// `ExternalDNS`.
pub(super) fn reduce(
    service: &Service,
    spec: &ServiceSpec,
    mut facts: Facts,
    hostnames: &Hostnames<'_>,
) -> Reduced {
    let status = service.status.iter().flat_map(|status| status.load_balancer.iter());
    let entries = status.flat_map(|balancer| balancer.ingress.iter().flatten());
    let texts = entries.flat_map(|entry| [&entry.ip, &entry.hostname]).flatten();
    let status = texts.map(|text| ("status.loadBalancer.ingress", text.as_str()));
    if hostnames.internal.is_none() {
        return same_for_all(facts, |problems| own_or(spec, status, problems));
    }
    let external = Arc::new(own_or(spec, status, &mut facts.problems));
    let internal = Arc::new(cluster_ip::targets(spec, &mut facts.problems));
    let mut both = Targets::clone(&external);
    both.add_all(&internal);
    let (both, external_names) = (Arc::new(both), valid(hostnames.external()));
    let internal_names = valid(hostnames.internal());
    let facts = facts.with_targets(|endpoint| {
        let host = &endpoint.key.host;
        Arc::clone(match (external_names.contains(host), internal_names.contains(host)) {
            (true, true) => &both,
            (false, true) => &internal,
            (_, false) => &external,
        })
    });
    Reduced::Facts(Box::new(facts))
}
