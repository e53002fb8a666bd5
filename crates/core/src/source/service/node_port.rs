//! Services of type `NodePort`: their hostnames lead to nodes.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};

use crate::{
    dns::{Name, RecordType, Values},
    source::{
        AnnotationKey, ClaimKey, Content, Endpoint, Facts, Part, Record, Reduced, Related, Resource,
        ResourceRef, Rules, Selector, Targets,
        annotation::Annotations,
        node::{ALL_NODES, Node},
        pod::{Pod, Readiness},
    },
};

/// A Service of type `NodePort`.
#[derive(Debug, PartialEq)]
struct NodePort {
    /// Its facts, without targets.
    facts: Facts,
    /// The SRV records of its ports.
    ports: BTreeMap<ClaimKey, Arc<Endpoint>>,
    /// Its pods, if only their nodes answer (`externalTrafficPolicy: Local`).
    local: Option<Selector>,
    access: Option<Access>,
    excludes_unschedulable: bool,
    exposes_internal_ipv6: bool,
}

/// The addresses of nodes that are published (`access`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Public,
    Private,
}

/// Reduces a Service whose facts have no targets yet.
pub(super) fn reduce(
    spec: &ServiceSpec,
    mut facts: Facts,
    annotations: &Annotations<'_>,
    rules: &Rules,
) -> Reduced {
    let found = annotations.get(AnnotationKey::Access, &mut facts.problems);
    let access = found.and_then(|found| match found.value.trim() {
        "" => None,
        "public" => Some(Access::Public),
        "private" => Some(Access::Private),
        _ => {
            facts.problems.push(found.problem(&"expected \"public\" or \"private\""));
            None
        }
    });
    let is_local = spec.external_traffic_policy.as_deref() == Some("Local");
    Reduced::part(NodePort {
        ports: if rules.services.publish_ports { ports(spec, &mut facts) } else { BTreeMap::new() },
        facts,
        local: is_local.then(|| Selector::new(spec.selector.as_ref())),
        access,
        excludes_unschedulable: rules.services.exclude_unschedulable,
        exposes_internal_ipv6: rules.services.expose_internal_ipv6,
    })
}

// === impl NodePort ===

impl Part for NodePort {
    fn facts(&self, related: &Related<'_>) -> Option<Facts> {
        let mut nodes = match &self.local {
            Some(selector) => self.nodes_of_pods(selector, related),
            None => related.group::<Node>(Resource::NODE, "", ALL_NODES).collect(),
        };
        nodes.retain(|node| !(node.is_unschedulable && self.excludes_unschedulable));
        let are_external = nodes.iter().any(|node| node.is_external());
        let mut targets = Targets::default();
        for node in nodes {
            match self.access {
                Some(Access::Public) => node.add_external(&mut targets, self.exposes_internal_ipv6),
                None if are_external => node.add_external(&mut targets, self.exposes_internal_ipv6),
                Some(Access::Private) | None => node.add_internal(&mut targets),
            }
        }
        let targets = Arc::new(targets);
        let facts = self.facts.clone().with_targets(|_| Arc::clone(&targets));
        Some(facts.with_more(self.ports.clone()))
    }
}

impl NodePort {
    /// The nodes of the running pods that serve best: the ready ones if there are any, otherwise the ready ones that
    /// terminate, otherwise those that are not ready.
    fn nodes_of_pods<'i>(&self, selector: &Selector, related: &'i Related<'i>) -> Vec<&'i Node> {
        let mut by_node = BTreeMap::<&str, Readiness>::new();
        for pod in related.selected::<Pod>(Resource::POD, self.facts.object.namespace(), selector) {
            if let (Some(node), Some(readiness)) = (pod.node.as_deref(), pod.readiness) {
                let best = by_node.entry(node).or_insert(readiness);
                *best = readiness.max(*best);
            }
        }
        let (mut nodes, mut best) = (Vec::new(), None);
        for (name, readiness) in by_node {
            // A node that is gone has no address, so its pods do not count.
            let Some(node) = related.get::<Node>(&ResourceRef::new(Resource::NODE, "", name)) else {
                continue;
            };
            match Some(readiness).cmp(&best) {
                Ordering::Greater => (nodes, best) = (vec![node], Some(readiness)),
                Ordering::Equal => nodes.push(node),
                Ordering::Less => {}
            }
        }
        nodes
    }
}

/// The SRV records of the node ports: `_web._tcp.www.example.com` (RFC 2782), with the numbers of `ExternalDNS`.
fn ports(spec: &ServiceSpec, facts: &mut Facts) -> BTreeMap<ClaimKey, Arc<Endpoint>> {
    let (mut endpoints, mut bad) = (BTreeMap::new(), Vec::new());
    // A wildcard stands for many hosts, and each of them would need a record of its own.
    for endpoint in facts.endpoints.iter().filter(|endpoint| !endpoint.key.host.is_wildcard()) {
        let mut by_name = BTreeMap::<String, Values>::new();
        for port in spec.ports.iter().flatten() {
            if let Some(number) = port.node_port.filter(|number| *number > 0) {
                let host = &endpoint.key.host;
                let name = format!("_{}._{}.{host}", facts.object.name(), protocol(port));
                by_name.entry(name).or_default().push(format!("0 50 {number} {host}.").into());
            }
        }
        for (name, mut values) in by_name {
            values.sort_unstable();
            values.dedup();
            match Name::from_hostname(&name) {
                Ok(host) => {
                    let key = ClaimKey { host, set_id: endpoint.key.set_id.clone() };
                    let record = Record { rtype: RecordType::Srv, ttl: endpoint.ttl, values };
                    let content = Content { records: [record].into(), ..Content::default() };
                    let endpoint = Endpoint { key: key.clone(), content, ..Endpoint::clone(endpoint) };
                    endpoints.insert(key, Arc::new(endpoint));
                }
                Err(why) => bad.push((name, why)),
            }
        }
    }
    for (name, why) in bad {
        facts.change_unplanned_hosts(|others| others.bad.add(&name, why));
    }
    endpoints
}

fn protocol(port: &ServicePort) -> String {
    port.protocol.as_deref().filter(|it| !it.is_empty()).unwrap_or("tcp").to_ascii_lowercase()
}
