//! The facts of an Ingress.

use k8s_openapi::api::networking::v1::{Ingress, IngressSpec};

use super::{
    AnnotationKey, Facts, ObjectRef, Problem, Resource, Rules,
    annotation::{Annotations, CLASS_ANNOTATION, list},
    hosts::Hosts,
    options::Stated,
};

/// The fields from which the hostnames of an Ingress are taken (`ingress-hostname-source`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum HostSource {
    Everywhere,
    SpecOnly,
    AnnotationOnly,
}

/// Reads an Ingress.
pub(super) fn facts(ingress: &Ingress, object: ObjectRef, rules: &Rules) -> Facts {
    let annotations = Annotations::new(ingress.metadata.annotations.as_ref(), rules);
    let (mut facts, mut hosts) = (Facts::new(object, &ingress.metadata), Hosts::default());
    let mut problems = Vec::new();
    let from = match annotations.get(AnnotationKey::HostnameSource, &mut problems) {
        Some(found) => host_source(&found).unwrap_or_else(|problem| {
            problems.push(problem);
            // Every hostname that the object could mean stays as it is until the value can be read.
            HostSource::Everywhere
        }),
        None => HostSource::Everywhere,
    };
    let from_flags = &rules.hostnames;
    if from != HostSource::AnnotationOnly {
        let spec = ingress.spec.iter();
        spec.clone()
            .flat_map(rule_hosts)
            .for_each(|host| hosts.add_if(!from_flags.ignores_ingress_rules, host));
        spec.flat_map(tls_hosts).for_each(|host| hosts.add_if(!from_flags.ignores_ingress_tls, host));
    }
    let hostname = annotations.get(AnnotationKey::Hostname, &mut problems);
    if from != HostSource::SpecOnly {
        let annotated = hostname.iter().flat_map(|found| list(found.value));
        annotated.for_each(|host| hosts.add_if(!from_flags.ignores_annotation, host));
    }
    match from_flags.templated(ingress, Resource::INGRESS, || hosts.has_valid()) {
        Ok(texts) => texts.iter().for_each(|host| hosts.add(host)),
        Err(problem) => problems.push(problem),
    }
    let is_annotated = hostname.is_some() && !from_flags.ignores_annotation;
    facts.is_annotated = is_annotated || annotations.publish();
    let labels = ingress.metadata.labels.as_ref();
    if !annotations.are_selected(labels, facts.is_annotated) || !has_class(ingress, rules) {
        return hosts.not_selected(facts);
    }
    facts.problems = problems;
    let status = ingress.status.iter().flat_map(|status| status.load_balancer.iter());
    let entries = status.flat_map(|balancer| balancer.ingress.iter().flatten());
    let texts = entries.flat_map(|entry| [&entry.ip, &entry.hostname]).flatten();
    let endpoint =
        annotations.read(&mut facts, texts.map(|text| ("status.loadBalancer.ingress", text.as_str())));
    hosts.endpoints(facts, endpoint)
}

fn rule_hosts(spec: &IngressSpec) -> impl Iterator<Item = &str> {
    spec.rules.iter().flatten().filter_map(|rule| rule.host.as_deref())
}

fn tls_hosts(spec: &IngressSpec) -> impl Iterator<Item = &str> {
    spec.tls.iter().flatten().flat_map(|tls| tls.hosts.iter().flatten()).map(String::as_str)
}

/// Whether the class of an Ingress counts. `spec.ingressClassName` wins over the old annotation, as in ExternalDNS.
fn has_class(ingress: &Ingress, rules: &Rules) -> bool {
    if rules.ingress_classes.is_empty() {
        return true;
    }
    let field = ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.as_ref());
    let class = field.filter(|class| !class.is_empty()).or_else(|| {
        let annotations = ingress.metadata.annotations.as_ref()?;
        annotations.get(CLASS_ANNOTATION)
    });
    class.is_some_and(|class| rules.ingress_classes.contains(class))
}

fn host_source(found: &Stated<'_>) -> Result<HostSource, Problem> {
    match found.value.trim().to_ascii_lowercase().as_str() {
        "defined-hosts-only" => Ok(HostSource::SpecOnly),
        "annotation-only" => Ok(HostSource::AnnotationOnly),
        _ => Err(found.problem(&"expected \"defined-hosts-only\" or \"annotation-only\"")),
    }
}
