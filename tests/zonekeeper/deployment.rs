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

/// The pod template of the Deployment.
pub async fn template(plane: &ControlPlane) -> PodTemplateSpec {
    let deployments: Api<Deployment> = Api::namespaced(plane.admin().await, "zonekeeper");
    deployments.get("zonekeeper").await.unwrap().spec.unwrap().template
}

/// The container's command line, with its arguments and environment. A pod also has a service account token
/// and credentials, so the command line gets a kubeconfig and an access key. It answers probes on a free
/// port.
pub async fn command(plane: &ControlPlane, zone: &Zone) -> CommandLine {
    let pod = template(plane).await.spec.unwrap();
    assert_eq!(pod.service_account_name.as_deref(), Some("zonekeeper"));
    plane.admit().await;
    let [container] = &pod.containers[..] else {
        panic!("the pod does not have exactly one container: {pod:?}")
    };
    assert_eq!(container.command, None);
    let arguments: Vec<&str> = container.args.iter().flatten().map(String::as_str).collect();
    let mut command = CommandLine::new(&arguments);
    let config_maps: Api<ConfigMap> = Api::namespaced(plane.admin().await, "zonekeeper");
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
        .env("KUBECONFIG", plane.zonekeeper())
        .env("ZONEKEEPER_METRICS_ADDRESS", "127.0.0.1:0")
}
