//! The facts of an Ingress.

use k8s_openapi::api::networking::v1::{Ingress, IngressSpec};

use super::{
    AnnotationKey, Facts, ObjectRef, Problem, Rules,
    annotation::{Annotation, Annotations, list},
    facts::Hosts,
};

/// The annotation that `spec.ingressClassName` has replaced.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

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
    if from != HostSource::AnnotationOnly {
        for host in ingress.spec.iter().flat_map(spec_hosts) {
            hosts.add(host);
        }
    }
    if from != HostSource::SpecOnly
        && let Some(found) = annotations.get(AnnotationKey::Hostname, &mut problems)
    {
        list(found.value).for_each(|host| hosts.add(host));
    }
    if !annotations.is_for_us() || !annotations.publishes() || !has_class(ingress, rules) {
        return hosts.not_selected(facts);
    }
    (facts.problems, facts.is_annotated) = (problems, annotations.asks());
    let status = ingress.status.iter().flat_map(|status| status.load_balancer.iter());
    let entries = status.flat_map(|balancer| balancer.ingress.iter().flatten());
    let texts = entries.flat_map(|entry| [&entry.ip, &entry.hostname]).flatten();
    let endpoint =
        annotations.read(&mut facts, texts.map(|text| ("status.loadBalancer.ingress", text.as_str())));
    hosts.endpoints(facts, endpoint)
}

fn spec_hosts(spec: &IngressSpec) -> impl Iterator<Item = &str> {
    let rules = spec.rules.iter().flatten().filter_map(|rule| rule.host.as_deref());
    let tls = spec.tls.iter().flatten().flat_map(|tls| tls.hosts.iter().flatten()).map(String::as_str);
    rules.chain(tls)
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

fn host_source(found: &Annotation<'_>) -> Result<HostSource, Problem> {
    match found.value.trim().to_ascii_lowercase().as_str() {
        "defined-hosts-only" => Ok(HostSource::SpecOnly),
        "annotation-only" => Ok(HostSource::AnnotationOnly),
        _ => Err(found.problem(&"expected \"defined-hosts-only\" or \"annotation-only\"")),
    }
}
