//! Nodes: the few fields that Services need.

use std::net::IpAddr;

use k8s_openapi::api::core::v1 as api;

use super::{Part, Targets};

/// The name of the group of all nodes.
pub(super) const ALL_NODES: &str = "the cluster";

/// A node.
#[derive(Debug, PartialEq)]
pub(super) struct Node {
    /// Whether no new pod may be placed on it.
    pub is_unschedulable: bool,
    external: Box<[IpAddr]>,
    internal: Box<[IpAddr]>,
}

// === impl Node ===

impl Node {
    pub fn new(node: &api::Node) -> Self {
        let addresses = node.status.iter().flat_map(|status| status.addresses.iter().flatten());
        let of_type = |type_: &str| {
            let addresses = addresses.clone().filter(|address| address.type_ == type_);
            addresses.filter_map(|address| address.address.parse().ok()).collect()
        };
        Self {
            is_unschedulable: node.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true)),
            external: of_type("ExternalIP"),
            internal: of_type("InternalIP"),
        }
    }

    /// Whether it has an external address.
    pub fn is_external(&self) -> bool {
        !self.external.is_empty()
    }

    /// Adds its external addresses; on request its internal IPv6 addresses too, because they are often public.
    pub fn add_external(&self, targets: &mut Targets, with_internal_ipv6: bool) {
        let internal = self.internal.iter().filter(|address| with_internal_ipv6 && address.is_ipv6());
        self.external.iter().chain(internal).for_each(|address| targets.add_address(*address));
    }

    /// Adds its internal addresses.
    pub fn add_internal(&self, targets: &mut Targets) {
        self.internal.iter().for_each(|address| targets.add_address(*address));
    }
}

impl Part for Node {
    fn groups(&self) -> Vec<String> {
        vec![ALL_NODES.to_owned()]
    }
}
