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
    AnnotationKey, Facts, ObjectRef, Problem, Reduced, Resource, Rules, Targets,
    annotation::{Annotations, list},
    hosts::Hosts,
    options::Stated,
};
use crate::dns::Name;

/// The hostnames of a Service.
struct Hostnames<'a> {
    /// Those of the annotation `hostname`.
    external: Option<Stated<'a>>,
    /// Those of the annotation `internal-hostname`.
    internal: Option<Stated<'a>>,
    /// Whether the flags do not leave out the annotations.
    counts: bool,
    /// Those of the template. They mean the same as those of the annotation `hostname`.
    templated: Vec<String>,
}

/// Reads a Service; `None` means that it has no hostname. A Service has no hostname field: its annotations and the template
/// name them.
pub(super) fn reduce(service: &Service, object: ObjectRef, rules: &Rules) -> Option<Reduced> {
    let annotations = Annotations::new(service.metadata.annotations.as_ref(), rules);
    let spec = service.spec.as_ref()?;
    let mut problems = Vec::new();
    let hostnames = Hostnames::new(service, &annotations, rules, &mut problems)?;
    let mut facts = Facts::new(object, &service.metadata);
    facts.is_annotated = (hostnames.counts && hostnames.are_annotated()) || annotations.publish();
    let not_selected = |facts, hosts: Hosts| Some(Reduced::Facts(Box::new(hosts.not_selected(facts))));
    if !annotations.are_selected(service.metadata.labels.as_ref(), facts.is_annotated) {
        return not_selected(facts, hostnames.hosts());
    }
    // The API server writes the default type.
    let name = spec.type_.as_deref().unwrap_or("ClusterIP");
    let type_ = name.parse().ok().filter(|type_| rules.services.types.contains(type_));
    let Some(type_) = type_ else {
        let have = rules.services.listed_types();
        let text = format!("{name} is not read, because --service-type-filter does not name it ({have})");
        facts.problems = vec![Problem::warning("spec.type", text)];
        return hostnames.annotated_hosts().and_then(|hosts| not_selected(facts, hosts));
    };
    let states_targets = annotations.stated_targets(&mut Vec::new()).is_some();
    let mut hosts = hostnames.hosts();
    if type_ == ServiceType::ClusterIp && !states_targets && cluster_ip::is_hidden(spec, rules) {
        problems.extend(hostnames.external.as_ref().filter(|_| hostnames.counts).map(cluster_ip::hidden));
        if hostnames.internal.is_none() || !hostnames.counts {
            facts.problems = problems;
            return hostnames.annotated_hosts().and_then(|hosts| not_selected(facts, hosts));
        }
        hosts = hostnames.internal_hosts();
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
    /// The hostnames of a Service; `None` if nothing names any.
    fn new(
        service: &Service,
        annotations: &Annotations<'a>,
        rules: &Rules,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let external = annotations.get(AnnotationKey::Hostname, problems);
        let internal = annotations.get(AnnotationKey::InternalHostname, problems);
        let counts = !rules.hostnames.ignores_annotation;
        let mut hostnames = Self { external, internal, counts, templated: Vec::new() };
        let has_own = || hostnames.hosts().has_valid();
        let templated = rules.hostnames.templated(service, Resource::SERVICE, has_own);
        let is_empty = !hostnames.are_annotated() && templated.as_ref().is_ok_and(Vec::is_empty);
        match templated {
            Ok(templated) => hostnames.templated = templated,
            Err(problem) => problems.push(problem),
        }
        (!is_empty).then_some(hostnames)
    }

    /// Whether an annotation names hostnames.
    fn are_annotated(&self) -> bool {
        self.external.is_some() || self.internal.is_some()
    }

    /// The texts that mean the same as those of the annotation `hostname`.
    fn external(&self) -> impl Iterator<Item = &str> {
        let annotated = self.external.iter().filter(|_| self.counts).flat_map(|found| list(found.value));
        annotated.chain(self.templated.iter().map(String::as_str))
    }

    /// The texts that mean the same as those of the annotation `internal-hostname`.
    fn internal(&self) -> impl Iterator<Item = &str> {
        self.internal.iter().filter(|_| self.counts).flat_map(|found| list(found.value))
    }

    /// All of them.
    fn hosts(&self) -> Hosts {
        let mut hosts = self.annotated_hosts().unwrap_or_default();
        self.templated.iter().for_each(|host| hosts.add(host));
        hosts
    }

    /// Those of the annotations; `None` if there is none.
    fn annotated_hosts(&self) -> Option<Hosts> {
        let mut hosts = Hosts::default();
        let annotations = self.external.iter().chain(&self.internal);
        annotations.flat_map(|found| list(found.value)).for_each(|host| hosts.add_if(self.counts, host));
        self.are_annotated().then_some(hosts)
    }

    /// Those of the annotation `internal-hostname`. The Service hides those of the other one.
    fn internal_hosts(&self) -> Hosts {
        let mut hosts = Hosts::default();
        self.internal().for_each(|host| hosts.add(host));
        let hidden = self.external.iter().flat_map(|found| list(found.value));
        hidden.for_each(|host| hosts.add_if(false, host));
        hosts
    }
}

/// The valid hostnames among texts.
fn valid<'t>(texts: impl Iterator<Item = &'t str>) -> BTreeSet<Name> {
    texts.filter_map(|text| Name::from_hostname(text).ok()).collect()
}
