//! Resources: the sorts of things that are watched.

use std::fmt;

use super::Kind;

/// A sort of resource that is watched. It differs from [`Kind`]: an `EndpointSlice` asks for nothing itself, and the facts
/// of several kinds can depend on one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    kind: &'static str,
    label: &'static str,
    is_namespaced: bool,
    feeds: &'static [&'static str],
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
