//! The objects of a situation on a real control plane.

use std::collections::BTreeSet;

use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{control_plane::ControlPlane, deadline::eventually};

/// The kinds of objects in situations: group, version, kind, plural, and whether they have a namespace.
const KINDS: [(&str, &str, &str, &str, bool); 6] = [
    ("networking.k8s.io", "v1", "Ingress", "ingresses", true),
    ("", "v1", "Service", "services", true),
    ("", "v1", "Pod", "pods", true),
    ("", "v1", "Node", "nodes", false),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true),
    ("externaldns.k8s.io", "v1alpha1", "DNSEndpoint", "dnsendpoints", true),
];

/// A control plane that holds the objects of one situation at a time.
pub struct Cluster {
    pub plane: ControlPlane,
    client: Client,
    namespaces: BTreeSet<String>,
}

// === impl Cluster ===

impl Cluster {
    /// Starts a control plane that serves `DNSEndpoint`.
    pub async fn start() -> Self {
        let plane = ControlPlane::bare().await;
        let client = plane.admin().await;
        let cluster = Self { plane, client, namespaces: BTreeSet::new() };
        let definitions = cluster.api(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
            "customresourcedefinitions",
        );
        let definition = serde_json::from_value(definition()).unwrap();
        definitions.create(&PostParams::default(), &definition).await.unwrap();
        let (endpoints, _) = cluster.api_of("DNSEndpoint", "default").unwrap();
        let listed = eventually(async || endpoints.list(&ListParams::default()).await.ok());
        assert!(listed.await.is_some(), "the control plane does not serve DNSEndpoints");
        cluster
    }

    /// Creates the objects of YAML documents, with their status. Returns them.
    pub async fn create(&mut self, documents: &str) -> Result<Vec<DynamicObject>, String> {
        let mut created = Vec::new();
        for document in documents.split("---\n").filter(|document| !document.trim().is_empty()) {
            let mut object: Value =
                serde_saphyr::from_str(document).map_err(|why| format!("{why}\n{document}"))?;
            complete(&mut object);
            match self.create_one(object).await {
                Ok(object) => created.push(object),
                Err(why) => {
                    self.delete(created).await;
                    return Err(format!("{why}\n{document}"));
                }
            }
        }
        Ok(created)
    }

    /// Deletes objects at once.
    pub async fn delete(&self, objects: Vec<DynamicObject>) {
        for object in objects {
            let kind = &object.types.as_ref().unwrap().kind;
            let (api, _) =
                self.api_of(kind, object.metadata.namespace.as_deref().unwrap_or_default()).unwrap();
            api.delete(&object.metadata.name.unwrap(), &DeleteParams::default().grace_period(0))
                .await
                .unwrap();
        }
    }

    async fn create_one(&mut self, object: Value) -> Result<DynamicObject, String> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (kind, namespace, name) = (text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
        let (api, types) = self.api_of(kind, namespace)?;
        if !namespace.is_empty() && !self.namespaces.contains(namespace) {
            self.create_namespace(namespace).await;
            self.namespaces.insert(namespace.to_owned());
        }
        let mut parsed: DynamicObject =
            Deserialize::deserialize(&object).map_err(|why: serde_json::Error| why.to_string())?;
        parsed.types = Some(types);
        let mut created = api.create(&PostParams::default(), &parsed).await.map_err(|why| why.to_string())?;
        if let Some(status) = object.get("status") {
            let patch = Patch::Merge(json!({"status": status}));
            let patched = api.patch_status(name, &PatchParams::default(), &patch).await;
            if let Err(why) = patched {
                created.types = parsed.types;
                self.delete(vec![created]).await;
                return Err(why.to_string());
            }
        }
        created.types = parsed.types;
        Ok(created)
    }

    /// Creates a namespace. Pods need its default service account.
    async fn create_namespace(&self, name: &str) {
        let of_kind = |kind: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
        let namespaces = self.api("", "v1", "Namespace", "namespaces");
        let namespace = serde_json::from_value(of_kind("Namespace")).unwrap();
        let created = namespaces.create(&PostParams::default(), &namespace).await;
        assert!(created.is_ok() || name == "default", "{created:?}");
        let resource = resource("", "v1", "ServiceAccount", "serviceaccounts");
        let accounts: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), name, &resource);
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
        accounts.create(&PostParams::default(), &serde_json::from_value(account).unwrap()).await.unwrap();
    }

    /// The API of a kind in situations, and the type of its objects.
    fn api_of(
        &self,
        kind: &str,
        namespace: &str,
    ) -> Result<(Api<DynamicObject>, kube::core::TypeMeta), String> {
        let known = KINDS.iter().find(|known| known.2 == kind).ok_or_else(|| format!("kind {kind}"))?;
        let (group, version, kind, plural, is_namespaced) = *known;
        let resource = resource(group, version, kind, plural);
        let api = if is_namespaced {
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        } else {
            Api::all_with(self.client.clone(), &resource)
        };
        let types = kube::core::TypeMeta { api_version: resource.api_version.clone(), kind: kind.to_owned() };
        Ok((api, types))
    }

    fn api(&self, group: &str, version: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), &resource(group, version, kind, plural))
    }
}

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

/// Adds the fields that an API server requires and no situation is about.
fn complete(object: &mut Value) {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(spec) = object.get_mut("spec") else { return };
    let mut default = |field: &str, value: Value| {
        if spec.get(field).is_none() {
            spec[field] = value;
        }
    };
    match kind.as_str() {
        "Ingress" => default("defaultBackend", json!({"service": {"name": "any", "port": {"number": 80}}})),
        "Service" => default("ports", json!([{"port": 80}])),
        "Pod" => default("containers", json!([{"name": "any", "image": "any"}])),
        _ => {}
    }
}

/// A definition of `DNSEndpoint` that accepts any content.
fn definition() -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": "dnsendpoints.externaldns.k8s.io",
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/external-dns/pull/2007"},
        },
        "spec": {
            "group": "externaldns.k8s.io",
            "names": {"kind": "DNSEndpoint", "listKind": "DNSEndpointList", "plural": "dnsendpoints", "singular": "dnsendpoint"},
            "scope": "Namespaced",
            "versions": [{
                "name": "v1alpha1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}
