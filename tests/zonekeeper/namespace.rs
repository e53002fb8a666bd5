//! A namespace of a control plane, and its objects.

use std::fmt::Debug;

use k8s_openapi::api::{
    coordination::v1::Lease,
    core::v1::{Pod, Service, ServiceAccount},
    discovery::v1::EndpointSlice,
    events::v1::Event,
    networking::v1::Ingress,
};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{control_plane::ControlPlane, deadline::eventually};

/// The namespace of the manifests.
const MANIFESTS: &str = "zonekeeper";

/// An Application Load Balancer.
pub const BALANCER: &str = "k8s-shop-web-0123456789.eu-west-1.elb.amazonaws.com";
/// Another Application Load Balancer.
pub const OTHER_BALANCER: &str = "k8s-shop-web-9876543210.eu-west-1.elb.amazonaws.com";

/// A namespace of a control plane, with the client of an administrator.
#[derive(Clone)]
pub struct Namespace {
    name: String,
    leases: String,
    client: Client,
}

/// A kind of namespaced objects.
pub trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned
{
}

impl Kind for Ingress {}
impl Kind for Service {}
impl Kind for ServiceAccount {}
impl Kind for EndpointSlice {}
impl Kind for Pod {}

// === impl Namespace ===

impl Namespace {
    /// A new namespace of the shared control plane, which also holds the Lease. All tests have the same zone
    /// id and owner id, so they need separate Leases.
    pub async fn new(name: &str) -> Self {
        Self { leases: name.to_owned(), ..Self::of(ControlPlane::shared().await, name).await }
    }

    /// A new namespace of a control plane. The Lease is in the namespace of the manifests.
    pub async fn of(plane: &ControlPlane, name: &str) -> Self {
        let client = plane.admin().await;
        let namespace = json!({"metadata": {"name": name}});
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
        let namespace = serde_json::from_value(namespace).unwrap();
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
        Self { name: name.to_owned(), leases: MANIFESTS.to_owned(), client }
    }

    /// The namespace `default`, which the API server creates at its start.
    pub async fn default_of(plane: &ControlPlane) -> Self {
        let client = plane.admin().await;
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
        let found = eventually(async || namespaces.get_opt("default").await.unwrap());
        assert!(found.await.is_some(), "there is no namespace default");
        Self { name: "default".to_owned(), leases: MANIFESTS.to_owned(), client }
    }

    /// The client of an administrator.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace of the Lease.
    pub fn leases(&self) -> &str {
        &self.leases
    }

    /// The API for the Leases in the namespace of the Lease.
    pub fn lease(&self) -> Api<Lease> {
        Api::namespaced(self.client.clone(), &self.leases)
    }

    /// Creates an Ingress for a hostname, with annotations `{"external-dns.kubernetes.io/ttl": "60"}`.
    pub async fn create_ingress(&self, name: &str, hostname: &str, annotations: Value) {
        let ingress = json!({
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"rules": [{"host": hostname}], "defaultBackend": {"service": {"name": "any", "port": {"number": 80}}}},
        });
        self.create::<Ingress>(ingress).await;
    }

    /// Sets annotations of an Ingress. `null` removes an annotation.
    pub async fn annotate_ingress(&self, name: &str, annotations: Value) {
        let (api, parameters) = (self.api::<Ingress>(), PatchParams::default());
        let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
        api.patch(name, &parameters, &patch).await.unwrap();
    }

    /// Creates an Ingress behind a load balancer.
    pub async fn create_balanced_ingress(&self, name: &str, hostname: &str, balancer: &str) {
        self.create_ingress(name, hostname, json!({})).await;
        self.set_address::<Ingress>(name, json!({"hostname": balancer})).await;
    }

    /// Creates a Service of type `LoadBalancer` that asks for a hostname.
    pub async fn create_service(&self, name: &str, hostname: &str) {
        let service = json!({
            "metadata": {"name": name, "annotations": {"external-dns.kubernetes.io/hostname": hostname}},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
        });
        self.create::<Service>(service).await;
    }

    /// Changes a Service.
    pub async fn patch_service(&self, name: &str, patch: Value) {
        self.patch::<Service>(name, patch).await;
    }

    /// Changes an object.
    pub async fn patch<K: Kind>(&self, name: &str, patch: Value) {
        let (api, parameters) = (self.api::<K>(), PatchParams::default());
        api.patch(name, &parameters, &Patch::Merge(patch)).await.unwrap();
    }

    /// Writes the address of a load balancer into an object's status: `{"ip": …}` or `{"hostname": …}`.
    pub async fn set_address<K: Kind>(&self, name: &str, address: Value) {
        self.set_addresses::<K>(name, json!([address])).await;
    }

    /// Writes several addresses of load balancers into an object's status.
    pub async fn set_addresses<K: Kind>(&self, name: &str, addresses: Value) {
        self.set_status::<K>(name, json!({"loadBalancer": {"ingress": addresses}})).await;
    }

    /// Changes the status of an object.
    pub async fn set_status<K: Kind>(&self, name: &str, status: Value) {
        let (api, parameters) = (self.api::<K>(), PatchParams::default());
        let patch = Patch::Merge(json!({ "status": status }));
        api.patch_status(name, &parameters, &patch).await.unwrap();
    }

    /// Deletes an object.
    pub async fn delete<K: Kind>(&self, name: &str) {
        self.api::<K>().delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// The uid of an object.
    pub async fn uid<K: Kind>(&self, name: &str) -> String {
        self.api::<K>().get(name).await.unwrap().meta().uid.clone().unwrap()
    }

    /// The Events about an object, selected by its uid like in `kubectl describe`.
    pub async fn events_of<K: Kind>(&self, name: &str) -> Vec<Event> {
        let uid = self.uid::<K>(name).await;
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.name);
        events.list(&ListParams::default().fields(&format!("regarding.uid={uid}"))).await.unwrap().items
    }

    /// Creates an object.
    pub async fn create<K: Kind>(&self, object: Value) {
        let object = serde_json::from_value(object).unwrap();
        self.api::<K>().create(&PostParams::default(), &object).await.unwrap();
    }

    fn api<K: Kind>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.name)
    }
}
