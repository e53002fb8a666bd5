//! The rules for Services: their types, and the addresses that are published.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::source::Resource;

/// The type of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceType {
    /// An address inside the cluster, or none: then it is headless.
    ClusterIp,
    /// A port of each node.
    NodePort,
    /// A load balancer.
    LoadBalancer,
    /// Another name.
    ExternalName,
}

/// Which Services have records, and with which addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct ServiceRules {
    /// The types that have records.
    pub types: BTreeSet<ServiceType>,
    /// Whether the annotation `hostname` of a Service of type `ClusterIP` means its cluster IP.
    pub publish_internal: bool,
    /// Whether a headless Service leads to the addresses of the nodes of its pods.
    pub publish_host_ip: bool,
    /// Whether a headless Service leads to pods that are not ready.
    pub publish_not_ready: bool,
    /// Whether the internal IPv6 addresses of nodes count as external.
    pub expose_internal_ipv6: bool,
    /// Whether a Service of type `NodePort` does not lead to nodes that accept no new pods.
    pub exclude_unschedulable: bool,
    /// Whether a Service of type `LoadBalancer` leads to the addresses of the host name in its status.
    pub resolve_host_names: bool,
    /// Whether a Service of type `NodePort` has an SRV record for its ports. It follows from `--managed-record-types SRV`, not from
    /// an annotation. So a Service is not blocked if SRV is not managed.
    pub publish_ports: bool,
}

/// A text that is no type of Service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected ClusterIP, NodePort, LoadBalancer or ExternalName")]
pub struct BadServiceType;

// === impl ServiceType ===

impl ServiceType {
    /// All types.
    pub const ALL: [Self; 4] = [Self::ClusterIp, Self::NodePort, Self::LoadBalancer, Self::ExternalName];

    /// The type as Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
            Self::ExternalName => "ExternalName",
        }
    }
}

impl FromStr for ServiceType {
    type Err = BadServiceType;

    fn from_str(text: &str) -> Result<Self, BadServiceType> {
        Self::ALL.into_iter().find(|type_| type_.as_str() == text).ok_or(BadServiceType)
    }
}

impl fmt::Display for ServiceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl ServiceRules ===

impl ServiceRules {
    /// The resources that Services of these types look up.
    pub fn looked_up(&self) -> BTreeSet<Resource> {
        let of_type = |type_: &ServiceType| -> &[Resource] {
            match type_ {
                ServiceType::ClusterIp => &[Resource::ENDPOINT_SLICE, Resource::POD],
                ServiceType::NodePort => &[Resource::POD, Resource::NODE],
                ServiceType::LoadBalancer if self.resolve_host_names => &[Resource::ADDRESS],
                ServiceType::LoadBalancer | ServiceType::ExternalName => &[],
            }
        };
        self.types.iter().flat_map(of_type).copied().collect()
    }

    /// The types, separated by commas.
    pub(super) fn listed_types(&self) -> String {
        let types: Vec<&str> = self.types.iter().map(|type_| type_.as_str()).collect();
        types.join(", ")
    }
}

/// The types that need no other resource.
impl Default for ServiceRules {
    fn default() -> Self {
        Self {
            types: BTreeSet::from([ServiceType::LoadBalancer, ServiceType::ExternalName]),
            publish_internal: false,
            publish_host_ip: false,
            publish_not_ready: false,
            expose_internal_ipv6: false,
            exclude_unschedulable: true,
            resolve_host_names: false,
            publish_ports: false,
        }
    }
}
