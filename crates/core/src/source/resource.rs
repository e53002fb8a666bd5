//! Resources: the sorts of things that are watched, and references to them.

use std::{fmt, sync::Arc};

use super::{Kind, ObjectRef};
use crate::dns::Name;

/// A sort of resource that is watched. It differs from [`Kind`]: an `EndpointSlice` asks for nothing itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    kind: &'static str,
    label: &'static str,
    is_namespaced: bool,
    are_objects: bool,
}

/// A reference to a resource that is watched.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceRef {
    resource: Resource,
    place: Arc<(String, String)>,
}

// === impl Resource ===

impl Resource {
    /// `Ingress` of `networking.k8s.io/v1`.
    pub const INGRESS: Self = Self::namespaced("Ingress", "ingress").of_objects();
    /// `Service` of `v1`.
    pub const SERVICE: Self = Self::namespaced("Service", "service").of_objects();
    /// `EndpointSlice` of `discovery.k8s.io/v1`.
    pub const ENDPOINT_SLICE: Self = Self::namespaced("EndpointSlice", "endpointslice");
    /// `Pod` of `v1`.
    pub const POD: Self = Self::namespaced("Pod", "pod");
    /// `Node` of `v1`.
    pub const NODE: Self = Self::cluster_scoped("Node", "node");
    /// `DNSEndpoint` of `externaldns.k8s.io/v1alpha1`.
    pub const DNS_ENDPOINT: Self = Self::namespaced("DNSEndpoint", "crd").of_objects();
    /// The addresses of a host name, which is its name. A resolver gives them, not the API server.
    pub const ADDRESS: Self = Self::cluster_scoped("Address", "address");

    /// The resources that the shipped sources can read.
    pub const ALL: [Self; 7] = [
        Self::INGRESS,
        Self::SERVICE,
        Self::ENDPOINT_SLICE,
        Self::POD,
        Self::NODE,
        Self::DNS_ENDPOINT,
        Self::ADDRESS,
    ];

    /// A resource that belongs to namespaces and asks for nothing itself.
    pub const fn namespaced(kind: &'static str, label: &'static str) -> Self {
        Self { kind, label, is_namespaced: true, are_objects: false }
    }

    /// A cluster-scoped resource that asks for nothing itself.
    pub const fn cluster_scoped(kind: &'static str, label: &'static str) -> Self {
        Self { kind, label, is_namespaced: false, are_objects: false }
    }

    /// The same sort, if its resources can ask for hostnames themselves.
    #[must_use]
    pub const fn of_objects(self) -> Self {
        Self { are_objects: true, ..self }
    }

    /// The resource as Kubernetes writes it: `Ingress`.
    pub fn as_str(self) -> &'static str {
        self.kind
    }

    /// The resource as flags, gates and metrics write it: `ingress`.
    pub fn label(self) -> &'static str {
        self.label
    }

    /// Whether its objects belong to namespaces.
    pub fn is_namespaced(self) -> bool {
        self.is_namespaced
    }

    /// The kind of the objects, if they can ask for hostnames themselves.
    pub fn kind(self) -> Option<Kind> {
        self.are_objects.then(|| Kind::from_label(self.label))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

// === impl ResourceRef ===

impl ResourceRef {
    /// Refers to the addresses of a host name.
    pub fn of_addresses(host: &Name) -> Self {
        Self::new(Resource::ADDRESS, "", host.as_str())
    }

    /// Refers to a resource; `namespace` is empty for a cluster-scoped one.
    pub fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        Self { resource, place: Arc::new((namespace.to_owned(), name.to_owned())) }
    }

    /// The sort of resource.
    pub fn resource(&self) -> Resource {
        self.resource
    }

    /// The namespace; empty for a cluster-scoped resource.
    pub fn namespace(&self) -> &str {
        &self.place.0
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.place.1
    }

    /// The object that the resource is, if it can ask for hostnames itself.
    pub fn object(&self) -> Option<ObjectRef> {
        Some(ObjectRef::new(self.resource.kind()?, self.namespace(), self.name()))
    }
}

/// `Ingress/shop/web`, or `Node/worker-1`.
impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace() {
            "" => write!(f, "{}/{}", self.resource, self.name()),
            namespace => write!(f, "{}/{namespace}/{}", self.resource, self.name()),
        }
    }
}

impl fmt::Debug for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
