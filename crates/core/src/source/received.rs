//! Resources as the API server sends them.

use k8s_openapi::{
    api::{
        core::v1::{Node, Pod},
        discovery::v1::EndpointSlice,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{Object, Reduced, Resource, ResourceRef, Rules, endpoint_slice, node, pod};

/// A resource, as the API server sends it.
#[derive(Debug, Clone)]
pub enum Received {
    /// A resource that can ask for hostnames.
    Object(Object),
    /// An `EndpointSlice` of `discovery.k8s.io/v1`.
    EndpointSlice(Box<EndpointSlice>),
    /// A `Pod` of `v1`.
    Pod(Box<Pod>),
    /// A `Node` of `v1`.
    Node(Box<Node>),
}

// === impl Received ===

impl Received {
    /// The sort of resource.
    pub fn resource(&self) -> Resource {
        match self {
            Self::Object(object) => object.resource(),
            Self::EndpointSlice(_) => Resource::ENDPOINT_SLICE,
            Self::Pod(_) => Resource::POD,
            Self::Node(_) => Resource::NODE,
        }
    }

    /// The reference to it; `None` without a name, which no API server sends.
    pub fn resource_ref(&self) -> Option<ResourceRef> {
        let (resource, meta) = (self.resource(), self.metadata());
        let namespace = meta.namespace.as_deref().unwrap_or("default");
        let namespace = if resource.is_namespaced() { namespace } else { "" };
        Some(ResourceRef::new(resource, namespace, meta.name.as_deref()?))
    }

    /// The object, if it can ask for hostnames.
    pub fn object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            Self::EndpointSlice(_) | Self::Pod(_) | Self::Node(_) => None,
        }
    }

    /// The few fields that are kept of it; `None` if no object can use it, or if it is an object that asks for nothing.
    pub fn reduce(&self, rules: &Rules) -> Option<Reduced> {
        match self {
            Self::Object(object) => object.reduce(rules),
            Self::EndpointSlice(slice) => endpoint_slice::EndpointSlice::new(slice).map(Reduced::part),
            Self::Pod(pod) => Some(Reduced::part(pod::Pod::new(pod, rules))),
            Self::Node(node) => Some(Reduced::part(node::Node::new(node))),
        }
    }

    fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Object(object) => object.metadata(),
            Self::EndpointSlice(slice) => &slice.metadata,
            Self::Pod(pod) => &pod.metadata,
            Self::Node(node) => &node.metadata,
        }
    }
}

impl From<Object> for Received {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}
