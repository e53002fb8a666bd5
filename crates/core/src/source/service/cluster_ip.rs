//! Services of type `ClusterIP` that are not headless.

use k8s_openapi::api::core::v1::ServiceSpec;

use crate::source::{Problem, Rules, Targets, options::Stated};

/// Whether a Service has no address of its own.
pub(super) fn is_headless(spec: &ServiceSpec) -> bool {
    spec.cluster_ip.as_deref() == Some("None")
}

/// The cluster IP; nothing for a headless Service, or if the API server has not given it yet.
pub(super) fn targets(spec: &ServiceSpec, problems: &mut Vec<Problem>) -> Targets {
    let address = spec.cluster_ip.as_deref().filter(|_| !is_headless(spec));
    Targets::read_all(address.map(|address| ("spec.clusterIP", address)), problems)
}

/// Whether the annotation `hostname` does not mean the cluster IP.
pub(super) fn is_hidden(spec: &ServiceSpec, rules: &Rules) -> bool {
    !is_headless(spec) && !rules.services.publish_internal
}

/// The Warning for an annotation `hostname` that does not publish the cluster IP.
pub(super) fn hidden(hostname: &Stated<'_>) -> Problem {
    let text = "it does not publish the cluster IP; use the annotation internal-hostname, or run zonekeeper with \
                --publish-internal-services";
    Problem::warning(hostname.field.clone(), text)
}
