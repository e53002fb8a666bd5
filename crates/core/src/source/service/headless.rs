//! Headless Services: their hostnames lead to pods, found through endpoint slices.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::ServiceSpec;

use crate::source::{
    AnnotationKey, ClaimKey, Content, Endpoint, Facts, MAX_OBJECT_HOSTS, Part, Problem, Reduced, Related,
    Resource, ResourceRef, Rules, Selector, ServiceRules, ServiceType, Severity, Targets,
    annotation::Annotations,
    endpoint_slice::{EndpointSlice, PodEndpoint},
    node::Node,
    pod::Pod,
};

/// Maximum number of names of pods at all hostnames of a Service: what an object may have, and as much again to say which
/// names are above that limit.
const MAX_POD_NAMES: usize = 2 * MAX_OBJECT_HOSTS;

/// Maximum number of problems of pods that are kept. A problem that blocks the Service is always among them.
const MAX_PROBLEMS: usize = 20;

/// A headless Service.
#[derive(Debug, PartialEq)]
struct Headless {
    /// Its facts, without targets.
    facts: Facts,
    selector: Selector,
    leads_to: LeadsTo,
    publishes_not_ready: bool,
    exposes_internal_ipv6: bool,
}

/// The addresses to which a pod leads (`endpoints-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeadsTo {
    /// Its own.
    Pod,
    /// That of its node, as the pod states it.
    Host,
    /// The external ones of its node.
    NodeExternal,
}

/// Reduces a headless Service whose facts have no targets yet.
pub(super) fn reduce(
    spec: &ServiceSpec,
    mut facts: Facts,
    annotations: &Annotations<'_>,
    rules: &Rules,
) -> Reduced {
    let services = &rules.services;
    Reduced::part(Headless {
        leads_to: LeadsTo::new(annotations, services, &mut facts.problems),
        facts,
        selector: Selector::new(spec.selector.as_ref()),
        publishes_not_ready: services.publish_not_ready || spec.publish_not_ready_addresses == Some(true),
        exposes_internal_ipv6: services.expose_internal_ipv6,
    })
}

// === impl LeadsTo ===

impl LeadsTo {
    fn new(annotations: &Annotations<'_>, services: &ServiceRules, problems: &mut Vec<Problem>) -> Self {
        let otherwise = if services.publish_host_ip { Self::Host } else { Self::Pod };
        let Some(found) = annotations.get(AnnotationKey::EndpointsType, problems) else { return otherwise };
        match found.value.trim() {
            "" => otherwise,
            "HostIP" => Self::Host,
            "NodeExternalIP" => {
                if !services.types.contains(&ServiceType::NodePort) {
                    let why = "zonekeeper reads Nodes only with NodePort in --service-type-filter";
                    problems.push(found.problem(&why));
                }
                Self::NodeExternal
            }
            _ => {
                problems.push(found.problem(&"expected \"HostIP\" or \"NodeExternalIP\""));
                otherwise
            }
        }
    }
}

// === impl Headless ===

impl Part for Headless {
    fn facts(&self, related: &Related<'_>) -> Option<Facts> {
        let (mut facts, object) = (self.facts.clone(), &self.facts.object);
        let (mut of_all, mut by_hostname) = (Targets::default(), BTreeMap::<&str, Targets>::new());
        let slices =
            related.group::<EndpointSlice>(Resource::ENDPOINT_SLICE, object.namespace(), object.name());
        for endpoint in slices.flat_map(|slice| &slice.endpoints) {
            if !endpoint.is_ready && !self.publishes_not_ready {
                continue;
            }
            let pod = related.get::<Pod>(&endpoint.pod);
            let Some(pod) = pod.filter(|pod| pod.is_selected_by(&self.selector)) else { continue };
            let targets = self.targets(endpoint, pod, related, &mut facts.problems);
            of_all.add_all(&targets);
            if let Some(hostname) = &pod.hostname {
                by_hostname.entry(hostname).or_default().add_all(&targets);
            }
        }
        let (of_all, mut of_pods) = (Arc::new(of_all), BTreeMap::new());
        if by_hostname.len() * facts.endpoints.len() > MAX_POD_NAMES {
            facts.problems.push(too_many_names(by_hostname.len(), facts.endpoints.len()));
            by_hostname.clear();
        }
        for (hostname, targets) in by_hostname {
            let targets = Arc::new(targets);
            for endpoint in &facts.endpoints {
                of_pods.extend(of_pod(endpoint, hostname, &targets).map(|it| (it.key.clone(), it)));
            }
        }
        // A hostname that the Service names can be that of a pod as well.
        let of_host = |endpoint: &Endpoint| match of_pods.get(&endpoint.key) {
            Some(of_pod) => {
                let mut both = Targets::clone(&of_all);
                both.add_all(&of_pod.content.targets);
                Arc::new(both)
            }
            None => Arc::clone(&of_all),
        };
        let facts = facts.with_targets(of_host);
        Some(facts.with_more(of_pods))
    }
}

impl Headless {
    /// Where a pod leads.
    fn targets(
        &self,
        endpoint: &PodEndpoint,
        pod: &Pod,
        related: &Related<'_>,
        problems: &mut Vec<Problem>,
    ) -> Targets {
        if let Some(stated) = &pod.stated {
            for problem in &stated.problems {
                let field = format!("{} {}", endpoint.pod, problem.field);
                let problem = Problem { field, ..problem.clone() };
                let blocks = |problem: &Problem| problem.severity > Severity::Warning;
                let has_room =
                    problems.len() < MAX_PROBLEMS || blocks(&problem) && !problems.iter().any(blocks);
                // A pod is in two slices if it has an address of each family.
                if has_room && !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
            return stated.targets.clone();
        }
        let mut targets = Targets::default();
        match self.leads_to {
            LeadsTo::Pod => endpoint.address.into_iter().for_each(|address| targets.add_address(address)),
            LeadsTo::Host => pod.host_ip.into_iter().for_each(|address| targets.add_address(address)),
            LeadsTo::NodeExternal => {
                let node = pod.node.as_ref().map(|node| ResourceRef::new(Resource::NODE, "", node));
                if let Some(node) = node.and_then(|node| related.get::<Node>(&node)) {
                    node.add_external(&mut targets, self.exposes_internal_ipv6);
                }
            }
        }
        targets
    }
}

/// The problem of a Service whose pods and hostnames are too many together.
fn too_many_names(pods: usize, hostnames: usize) -> Problem {
    let text = format!(
        "{pods} pods at {hostnames} hostnames have more than {MAX_POD_NAMES} names; name fewer hostnames, or split the Service"
    );
    Problem { field: "its pods".to_owned(), text, severity: Severity::HostsUnknown }
}

/// The endpoint of a pod's hostname below a hostname of the Service; `None` if there is no such name.
fn of_pod(of_host: &Endpoint, hostname: &str, targets: &Arc<Targets>) -> Option<Arc<Endpoint>> {
    let host = &of_host.key.host;
    let host = if host.is_wildcard() { None } else { host.child(hostname) }?;
    let key = ClaimKey { host, set_id: of_host.key.set_id.clone() };
    let content = Content::of_targets(Arc::clone(targets));
    Some(Arc::new(Endpoint { key, content, ..of_host.clone() }))
}
