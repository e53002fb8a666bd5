//! What an Ingress says.

use k8s_openapi::api::networking::v1::{Ingress, IngressSpec};

use super::{
    Facts, ObjectId, Problem, Rules,
    annotation::{Annotation, AnnotationKey, Annotations, list},
};

/// The annotation of the time before `spec.ingressClassName`.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// Where the hostnames of an Ingress are taken from (`ingress-hostname-source`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum HostSource {
    Everywhere,
    SpecOnly,
    AnnotationOnly,
}

/// Reads an Ingress.
pub(super) fn facts(ingress: &Ingress, object: ObjectId, rules: &Rules) -> Facts {
    let annotations = Annotations::new(ingress.metadata.annotations.as_ref(), rules);
    let mut facts = Facts::new(object, &ingress.metadata);
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
            facts.add_host(host);
        }
    }
    if from != HostSource::SpecOnly
        && let Some(found) = annotations.get(AnnotationKey::Hostname, &mut problems)
    {
        list(found.value).for_each(|host| facts.add_host(host));
    }
    if !annotations.is_for_us() || !annotations.publishes() || !has_class(ingress, rules) {
        return facts.not_selected();
    }
    facts.problems.append(&mut problems);
    if !annotations.has_target() {
        for entry in ingress.status.iter().flat_map(|status| status.load_balancer.iter()) {
            for entry in entry.ingress.iter().flatten() {
                facts.add_status(entry.ip.as_deref(), entry.hostname.as_deref());
            }
        }
    }
    annotations.read_common(&mut facts);
    facts
}

fn spec_hosts(spec: &IngressSpec) -> impl Iterator<Item = &str> {
    let rules = spec.rules.iter().flatten().filter_map(|rule| rule.host.as_deref());
    let tls = spec.tls.iter().flatten().flat_map(|tls| tls.hosts.iter().flatten()).map(String::as_str);
    rules.chain(tls)
}

/// `spec.ingressClassName` decides where it is set, else the old annotation, as in ExternalDNS.
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
