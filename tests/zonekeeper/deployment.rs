//! The process that a kubelet would start for the Deployment in the API server.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, PodTemplateSpec},
};
use kube::Api;

use crate::{
    control_plane::ControlPlane,
    process::{ACCESS_KEY, CommandLine},
    zone::Zone,
};

/// The Deployment of the manifests.
pub const MANIFESTS: Release<'static> = Release { namespace: "zonekeeper", name: "zonekeeper" };

/// A Deployment of zonekeeper. Its service account and its settings have the same name.
#[derive(Clone, Copy)]
pub struct Release<'n> {
    pub namespace: &'n str,
    pub name: &'n str,
}

/// The pod template of the Deployment of the manifests.
pub async fn template(plane: &ControlPlane) -> PodTemplateSpec {
    template_of(plane, MANIFESTS).await
}

async fn template_of(plane: &ControlPlane, Release { namespace, name }: Release<'_>) -> PodTemplateSpec {
    let deployments: Api<Deployment> = Api::namespaced(plane.admin().await, namespace);
    deployments.get(name).await.unwrap().spec.unwrap().template
}

/// The container's command line in the Deployment of the manifests.
pub async fn command(plane: &ControlPlane, zone: &Zone) -> CommandLine {
    command_of(plane, zone, MANIFESTS).await
}

/// The container's command line, with its arguments and environment. A pod also has a service account token
/// and credentials, so the command line gets a kubeconfig and an access key. It answers probes on a free
/// port.
pub async fn command_of(plane: &ControlPlane, zone: &Zone, release: Release<'_>) -> CommandLine {
    let pod = template_of(plane, release).await.spec.unwrap();
    assert_eq!(pod.service_account_name.as_deref(), Some(release.name));
    let kubeconfig = plane.admit_account(release.namespace, release.name).await;
    let [container] = &pod.containers[..] else {
        panic!("the pod does not have exactly one container: {pod:?}")
    };
    assert_eq!(container.command, None);
    let arguments: Vec<&str> = container.args.iter().flatten().map(String::as_str).collect();
    let mut command = CommandLine::new(&arguments);
    let config_maps: Api<ConfigMap> = Api::namespaced(plane.admin().await, release.namespace);
    for source in container.env_from.iter().flatten() {
        let config_map = config_maps.get(&source.config_map_ref.as_ref().unwrap().name).await.unwrap();
        for (name, value) in config_map.data.unwrap() {
            command = command.env(&name, value);
        }
    }
    for variable in container.env.iter().flatten() {
        command = command.env(&variable.name, variable.value.as_ref().unwrap());
    }
    command
        .env("AWS_ENDPOINT_URL_ROUTE_53", zone.url())
        .keys(ACCESS_KEY)
        .env("KUBECONFIG", kubeconfig)
        .env("ZONEKEEPER_LEASE_NAMESPACE", release.namespace)
        .env("ZONEKEEPER_METRICS_ADDRESS", "127.0.0.1:0")
}
