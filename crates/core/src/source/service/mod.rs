//! The facts of a Service: where its hostnames lead follows from its type.
//!
//! A Service leads to addresses in its own spec and status, unless it is headless or has the type `NodePort`. Those two
//! look up pods and nodes. The host name of a load balancer can be replaced by its addresses.

mod cluster_ip;
mod headless;
mod load_balancer;
mod node_port;
mod rules;

use std::{collections::BTreeSet, sync::Arc};

use k8s_openapi::api::core::v1::{Service, ServiceSpec};

pub use rules::{BadServiceType, ServiceRules, ServiceType};

use super::{
    AnnotationKey, Facts, ObjectRef, Problem, Reduced, Rules, Targets,
    annotation::{Annotation, Annotations, list},
    facts::Hosts,
};
use crate::dns::Name;

/// The hostnames of a Service, as its annotations name them.
struct Hostnames<'a> {
    /// Those of the annotation `hostname`.
    external: Option<Annotation<'a>>,
    /// Those of the annotation `internal-hostname`.
    internal: Option<Annotation<'a>>,
}

/// Reads a Service. It is selected if `--service-type-filter` has its type; `None` means that it has no hostname.
pub(super) fn reduce(service: &Service, object: ObjectRef, rules: &Rules) -> Option<Reduced> {
    let annotations = Annotations::new(service.metadata.annotations.as_ref(), rules);
    let spec = service.spec.as_ref()?;
    let mut problems = Vec::new();
    let hostnames = Hostnames::new(&annotations, &mut problems)?;
    let mut facts = Facts::new(object, &service.metadata);
    // A Service has no hostname field: without an annotation it asks for nothing.
    facts.is_annotated = true;
    let not_selected = |facts| Some(Reduced::Facts(Box::new(hostnames.hosts().not_selected(facts))));
    if !annotations.is_for_us() {
        return not_selected(facts);
    }
    // The API server writes the default type.
    let name = spec.type_.as_deref().unwrap_or("ClusterIP");
    let type_ = name.parse().ok().filter(|type_| rules.services.types.contains(type_));
    let Some(type_) = type_ else {
        let have = rules.services.listed_types();
        let text = format!("{name} is not read, because --service-type-filter does not name it ({have})");
        facts.problems = vec![Problem::warning("spec.type", text)];
        return not_selected(facts);
    };
    let states_targets = annotations.stated_targets(&mut Vec::new()).is_some();
    let mut hosts = hostnames.hosts();
    if type_ == ServiceType::ClusterIp && !states_targets && cluster_ip::is_hidden(spec, rules) {
        problems.extend(hostnames.external.as_ref().map(cluster_ip::hidden));
        if hostnames.internal.is_none() {
            facts.problems = problems;
            return not_selected(facts);
        }
        hosts = Hosts::default();
        hostnames.internal().for_each(|host| hosts.add(host));
    }
    facts.problems = problems;
    let endpoint = annotations.read(&mut facts, []);
    let facts = hosts.endpoints(facts, endpoint);
    Some(match type_ {
        _ if states_targets => Reduced::Facts(Box::new(facts)),
        ServiceType::LoadBalancer => load_balancer::reduce(service, spec, facts, &hostnames, rules),
        ServiceType::ExternalName => {
            let name = spec.external_name.iter().map(|name| ("spec.externalName", name.as_str()));
            same_for_all(facts, |problems| own_or(spec, name, problems))
        }
        ServiceType::ClusterIp if cluster_ip::is_headless(spec) => {
            headless::reduce(spec, facts, &annotations, rules)
        }
        ServiceType::ClusterIp => same_for_all(facts, |problems| cluster_ip::targets(spec, problems)),
        ServiceType::NodePort => node_port::reduce(spec, facts, &annotations, rules),
    })
}

/// A Service that leads to the same targets at each of its hostnames.
fn same_for_all(mut facts: Facts, targets: impl FnOnce(&mut Vec<Problem>) -> Targets) -> Reduced {
    let targets = Arc::new(targets(&mut facts.problems));
    Reduced::Facts(Box::new(facts.with_targets(|_| Arc::clone(&targets))))
}

/// The targets in `spec.externalIPs`; without them the `others`, each with its field.
fn own_or<'s>(
    spec: &'s ServiceSpec,
    others: impl IntoIterator<Item = (&'s str, &'s str)>,
    problems: &mut Vec<Problem>,
) -> Targets {
    let external = spec.external_ips.iter().flatten().filter(|ip| !ip.is_empty());
    let mut external = external.map(|ip| ("spec.externalIPs", ip.as_str())).peekable();
    match external.peek() {
        Some(_) => Targets::read_all(external, problems),
        None => Targets::read_all(others, problems),
    }
}

// === impl Hostnames ===

impl<'a> Hostnames<'a> {
    /// The hostnames of a Service; `None` if it has neither annotation.
    fn new(annotations: &Annotations<'a>, problems: &mut Vec<Problem>) -> Option<Self> {
        let external = annotations.get(AnnotationKey::Hostname, problems);
        let internal = annotations.get(AnnotationKey::InternalHostname, problems);
        (external.is_some() || internal.is_some()).then_some(Self { external, internal })
    }

    /// The texts of the annotation `hostname`.
    fn external(&self) -> impl Iterator<Item = &str> {
        self.external.iter().flat_map(|found| list(found.value))
    }

    /// The texts of the annotation `internal-hostname`.
    fn internal(&self) -> impl Iterator<Item = &str> {
        self.internal.iter().flat_map(|found| list(found.value))
    }

    /// All of them.
    fn hosts(&self) -> Hosts {
        let mut hosts = Hosts::default();
        self.external().chain(self.internal()).for_each(|host| hosts.add(host));
        hosts
    }
}

/// The valid hostnames among texts.
fn valid<'t>(texts: impl Iterator<Item = &'t str>) -> BTreeSet<Name> {
    texts.filter_map(|text| Name::from_hostname(text).ok()).collect()
}
