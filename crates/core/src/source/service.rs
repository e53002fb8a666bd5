//! What a Service says.

use k8s_openapi::api::core::v1::Service;

use super::{
    Facts, ObjectId, Rules,
    annotation::{AnnotationKey, Annotations, list},
};

/// Reads a Service, which is selected if it is of type `LoadBalancer`; `None` where it has no hostname.
pub(super) fn facts(service: &Service, object: ObjectId, rules: &Rules) -> Option<Facts> {
    let annotations = Annotations::new(service.metadata.annotations.as_ref(), rules);
    let spec = service.spec.as_ref()?;
    let mut facts = Facts::new(object, &service.metadata);
    let mut problems = Vec::new();
    // A Service has no hostname of its own: without the annotation it asks for nothing.
    list(annotations.get(AnnotationKey::Hostname, &mut problems)?.value)
        .for_each(|host| facts.add_host(host));
    let balanced = spec.type_.as_deref() == Some("LoadBalancer");
    if !balanced || !annotations.is_for_us() || !annotations.publishes() {
        return Some(facts.not_selected());
    }
    facts.problems.append(&mut problems);
    let external = spec.external_ips.as_deref().unwrap_or_default();
    if annotations.has_target() {
        // Read with the other annotations.
    } else if external.is_empty() {
        for entry in service.status.iter().flat_map(|status| status.load_balancer.iter()) {
            for entry in entry.ingress.iter().flatten() {
                facts.add_status(entry.ip.as_deref(), entry.hostname.as_deref());
            }
        }
    } else {
        for ip in external {
            facts.add_target("spec.externalIPs", ip);
        }
    }
    annotations.read_common(&mut facts);
    Some(facts)
}
