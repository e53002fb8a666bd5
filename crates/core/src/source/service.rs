//! The facts of a Service.

use k8s_openapi::api::core::v1::Service;

use super::{
    AnnotationKey, Facts, ObjectRef, Problem, Rules,
    annotation::{Annotations, list},
    facts::Hosts,
};

/// Reads a Service. It is selected if its type is `LoadBalancer`; `None` means that it has no hostname.
pub(super) fn facts(service: &Service, object: ObjectRef, rules: &Rules) -> Option<Facts> {
    let annotations = Annotations::new(service.metadata.annotations.as_ref(), rules);
    let spec = service.spec.as_ref()?;
    let (mut facts, mut hosts) = (Facts::new(object, &service.metadata), Hosts::default());
    let mut problems = Vec::new();
    // A Service has no hostname field: without the annotation it asks for nothing.
    list(annotations.get(AnnotationKey::Hostname, &mut problems)?.value).for_each(|host| hosts.add(host));
    facts.is_annotated = annotations.asks();
    if !annotations.is_for_us() || !annotations.publishes() {
        return Some(hosts.not_selected(facts));
    }
    // The API server writes the default type.
    let type_ = spec.type_.as_deref().unwrap_or("ClusterIP");
    if type_ != "LoadBalancer" {
        let text = format!("{type_} is not read: only Services of the type LoadBalancer have records");
        facts.problems = vec![Problem::warning("spec.type", text)];
        return Some(hosts.not_selected(facts));
    }
    facts.problems = problems;
    let external = spec.external_ips.iter().flatten();
    let mut own: Vec<(&str, &str)> = external.map(|ip| ("spec.externalIPs", ip.as_str())).collect();
    if own.is_empty() {
        let status = service.status.iter().flat_map(|status| status.load_balancer.iter());
        let entries = status.flat_map(|balancer| balancer.ingress.iter().flatten());
        let texts = entries.flat_map(|entry| [&entry.ip, &entry.hostname]).flatten();
        own = texts.map(|text| ("status.loadBalancer.ingress", text.as_str())).collect();
    }
    let endpoint = annotations.read(&mut facts, own);
    Some(hosts.endpoints(facts, endpoint))
}
