//! Endpoint slices: the addresses and pods of a Service.

use std::net::IpAddr;

use k8s_openapi::api::discovery::v1 as api;

use super::{Part, Resource, ResourceRef};

/// The label with the name of the Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A part of the endpoints of one Service.
#[derive(Debug, PartialEq)]
pub(super) struct EndpointSlice {
    service: Box<str>,
    /// Those that lead to a pod.
    pub endpoints: Box<[PodEndpoint]>,
}

/// An endpoint that leads to a pod.
#[derive(Debug, PartialEq)]
pub(super) struct PodEndpoint {
    pub pod: ResourceRef,
    /// The first address; none in a slice of host names.
    pub address: Option<IpAddr>,
    pub is_ready: bool,
}

// === impl EndpointSlice ===

impl EndpointSlice {
    /// Reads a slice; `None` if it belongs to no Service.
    pub fn new(slice: &api::EndpointSlice) -> Option<Self> {
        let meta = &slice.metadata;
        let service = meta.labels.as_ref()?.get(SERVICE_NAME)?.as_str().into();
        let namespace = meta.namespace.as_deref().unwrap_or("default");
        let endpoints = slice.endpoints.iter().filter_map(|endpoint| PodEndpoint::new(endpoint, namespace));
        Some(Self { service, endpoints: endpoints.collect() })
    }
}

impl Part for EndpointSlice {
    fn groups(&self) -> Vec<String> {
        vec![self.service.as_ref().to_owned()]
    }
}

// === impl PodEndpoint ===

impl PodEndpoint {
    fn new(endpoint: &api::Endpoint, namespace: &str) -> Option<Self> {
        let target = endpoint.target_ref.as_ref()?;
        // A pod of `v1` has no API group. Kubernetes leaves the field empty.
        let is_pod =
            target.kind.as_deref() == Some("Pod") && target.api_version.as_deref().is_none_or(str::is_empty);
        let name = target.name.as_deref().filter(|_| is_pod)?;
        Some(Self {
            pod: ResourceRef::new(Resource::POD, namespace, name),
            address: endpoint.addresses.first().and_then(|address| address.parse().ok()),
            // An unknown state counts as ready (`EndpointConditions`).
            is_ready: endpoint.conditions.as_ref().and_then(|it| it.ready) != Some(false),
        })
    }
}
