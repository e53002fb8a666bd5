//! A source with a join: a route names a backend, and the backend has the targets of the route's hostnames.

use std::{net::IpAddr, sync::Arc};

use zonekeeper_core::{
    dns::Name,
    source::{Content, Endpoint, Facts, Part, Related, Resource, ResourceRef, Targets},
};

pub const ROUTE: Resource = Resource::namespaced("Route", "route").of_objects();
pub const BACKEND: Resource = Resource::namespaced("Backend", "backend");

/// An object that asks for hostnames and does not know its targets.
#[derive(Debug, PartialEq)]
pub struct Route {
    /// Its facts, with any content.
    pub facts: Facts,
    pub backend: ResourceRef,
}

/// A resource that asks for no hostnames.
#[derive(Debug, PartialEq)]
pub struct Backend {
    pub targets: Vec<String>,
}

impl Part for Route {
    fn facts(&self, related: &Related<'_>) -> Option<Facts> {
        Some(joined(&self.facts, related.get(&self.backend)))
    }
}

impl Part for Backend {}

/// The facts of a route with its backend, if the backend exists.
pub fn joined(route: &Facts, backend: Option<&Backend>) -> Facts {
    let content = Content::of_targets(Arc::new(targets(backend)));
    let endpoint = |endpoint: &Arc<Endpoint>| {
        Arc::new(Endpoint { content: content.clone(), ..Endpoint::clone(endpoint) })
    };
    let mut facts = route.clone();
    facts.endpoints = route.endpoints.iter().map(endpoint).collect();
    facts
}

fn targets(backend: Option<&Backend>) -> Targets {
    let mut targets = Targets::default();
    for text in backend.into_iter().flat_map(|backend| &backend.targets) {
        match text.parse() {
            Ok(IpAddr::V4(address)) => drop(targets.v4.insert(address)),
            Ok(IpAddr::V6(address)) => drop(targets.v6.insert(address)),
            Err(_) => drop(targets.hosts.insert(Name::from_hostname(text).unwrap())),
        }
    }
    targets
}
