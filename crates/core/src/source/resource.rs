//! Resources: the sorts of things that are watched, and references to them.

use std::{fmt, sync::Arc};

use super::{Kind, ObjectRef};

/// A sort of resource that is watched. It differs from [`Kind`]: an `EndpointSlice` asks for nothing itself, and the facts
/// of several kinds can depend on one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    kind: &'static str,
    label: &'static str,
    is_namespaced: bool,
    feeds: &'static [&'static str],
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
    pub const INGRESS: Self = Self::namespaced("Ingress", "ingress", &["ingress"]);
    /// `Service` of `v1`.
    pub const SERVICE: Self = Self::namespaced("Service", "service", &["service"]);

    /// The resources that the shipped sources read.
    pub const ALL: [Self; 2] = [Self::INGRESS, Self::SERVICE];

    /// A resource whose objects belong to namespaces. `feeds` are the labels of the kinds whose facts depend on it.
    pub const fn namespaced(kind: &'static str, label: &'static str, feeds: &'static [&'static str]) -> Self {
        Self { kind, label, is_namespaced: true, feeds }
    }

    /// A cluster-scoped resource.
    pub const fn cluster_scoped(
        kind: &'static str,
        label: &'static str,
        feeds: &'static [&'static str],
    ) -> Self {
        Self { kind, label, is_namespaced: false, feeds }
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
        self.feeds.contains(&self.label).then(|| Kind::from_label(self.label))
    }

    /// The kinds of objects whose facts depend on this resource.
    pub fn kinds(self) -> impl Iterator<Item = Kind> {
        self.feeds.iter().map(|label| Kind::from_label(label))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

// === impl ResourceRef ===

impl ResourceRef {
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
