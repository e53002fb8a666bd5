//! Look-ups: the resources on which the facts of an object depend.

use std::fmt;

use super::{Part, Problem, Resource, ResourceRef, Selector, Severity, Visibility};

/// A look-up: what the facts of an object depend on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LookUp {
    One(ResourceRef),
    Group(Group),
    Selected(Selection),
}

/// Resources of one sort and namespace that are looked up together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub resource: Resource,
    pub namespace: String,
    pub name: String,
}

/// The resources of one sort and namespace that a selector selects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Selection {
    pub resource: Resource,
    pub namespace: String,
    pub selector: Selector,
}

// === impl Group ===

impl Group {
    /// The group of this name, beside a resource of the same sort and namespace.
    pub fn beside(resource: &ResourceRef, name: String) -> Self {
        Self { resource: resource.resource(), namespace: resource.namespace().to_owned(), name }
    }
}

// === impl Selection ===

impl Selection {
    /// The selection of all resources of the same sort and namespace. It is the first of them in order.
    pub fn beside(resource: &ResourceRef) -> Self {
        let namespace = resource.namespace().to_owned();
        Self { resource: resource.resource(), namespace, selector: Selector::new(None) }
    }

    /// Whether it selects a resource of its sort and namespace.
    pub fn has(&self, part: &dyn Part) -> bool {
        part.labels().is_some_and(|labels| self.selector.selects(labels))
    }
}

// === impl LookUp ===

impl LookUp {
    pub fn resource(&self) -> Resource {
        match self {
            Self::One(resource) => resource.resource(),
            Self::Group(group) => group.resource,
            Self::Selected(selection) => selection.resource,
        }
    }

    pub fn namespace(&self) -> &str {
        match self {
            Self::One(resource) => resource.namespace(),
            Self::Group(group) => &group.namespace,
            Self::Selected(selection) => &selection.namespace,
        }
    }

    /// The problem of the objects that depend on it, if something of it cannot be read.
    pub fn problem(&self, visibility: &Visibility) -> Option<Problem> {
        let is_undecodable = match self {
            Self::One(resource) => visibility.is_undecodable(resource),
            // The groups and labels of an undecodable resource are unknown.
            Self::Group(_) | Self::Selected(_) => {
                visibility.has_undecodable(self.resource(), self.namespace())
            }
        };
        let is_unreadable = is_undecodable || visibility.is_unreadable(self.resource(), self.namespace());
        let text = "zonekeeper cannot read it".to_owned();
        is_unreadable.then(|| Problem { field: self.to_string(), text, severity: Severity::Unreadable })
    }
}

/// `Backend/shop/web`, `EndpointSlice objects of web in namespace shop`, or `Pod objects in namespace shop`.
impl fmt::Display for LookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(resource) => resource.fmt(f),
            Self::Group(Group { resource, namespace, name }) => {
                write!(f, "{resource} objects of {name}")?;
                if namespace.is_empty() { Ok(()) } else { write!(f, " in namespace {namespace}") }
            }
            Self::Selected(Selection { resource, namespace, .. }) => {
                write!(f, "{resource} objects in namespace {namespace}")
            }
        }
    }
}
