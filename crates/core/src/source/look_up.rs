//! Look-ups: the resources on which the facts of an object depend.

use std::fmt;

use super::{Problem, Resource, ResourceRef, Severity, Visibility};

/// A look-up: what the facts of an object depend on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LookUp {
    One(ResourceRef),
    Group(Group),
}

/// Resources of one sort and namespace that are looked up together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub resource: Resource,
    pub namespace: String,
    pub name: String,
}

// === impl Group ===

impl Group {
    /// The group of this name, beside a resource of the same sort and namespace.
    pub fn beside(resource: &ResourceRef, name: String) -> Self {
        Self { resource: resource.resource(), namespace: resource.namespace().to_owned(), name }
    }
}

// === impl LookUp ===

impl LookUp {
    pub fn resource(&self) -> Resource {
        match self {
            Self::One(resource) => resource.resource(),
            Self::Group(group) => group.resource,
        }
    }

    pub fn namespace(&self) -> &str {
        match self {
            Self::One(resource) => resource.namespace(),
            Self::Group(group) => &group.namespace,
        }
    }

    /// The problem of the objects that depend on it, if something of it cannot be read.
    pub fn problem(&self, visibility: &Visibility) -> Option<Problem> {
        let is_undecodable = match self {
            Self::One(resource) => visibility.is_undecodable(resource),
            // The groups of an undecodable resource are unknown.
            Self::Group(group) => visibility.has_undecodable(group.resource, &group.namespace),
        };
        let is_unreadable = is_undecodable || visibility.is_unreadable(self.resource(), self.namespace());
        let text = "zonekeeper cannot read it".to_owned();
        is_unreadable.then(|| Problem { field: self.to_string(), text, severity: Severity::Unreadable })
    }
}

/// `Backend/shop/web`, or `EndpointSlice objects of web in namespace shop`.
impl fmt::Display for LookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(resource) => resource.fmt(f),
            Self::Group(Group { resource, namespace, name }) => {
                write!(f, "{resource} objects of {name}")?;
                if namespace.is_empty() { Ok(()) } else { write!(f, " in namespace {namespace}") }
            }
        }
    }
}
