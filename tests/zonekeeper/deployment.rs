//! What a kubelet would start: the container of the Deployment, as the API server has it.

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

/// The pods of the Deployment.
pub async fn template(plane: &ControlPlane) -> PodTemplateSpec {
    let deployments: Api<Deployment> = Api::namespaced(plane.admin().await, "zonekeeper");
    deployments.get("zonekeeper").await.unwrap().spec.unwrap().template
}

/// The container's command line: its arguments and its environment, and of what only a pod has, a token of its
/// service account and credentials. It answers probes on a port that nobody else has.
pub async fn command(plane: &ControlPlane, zone: &Zone) -> CommandLine {
    let pod = template(plane).await.spec.unwrap();
    assert_eq!(pod.service_account_name.as_deref(), Some("zonekeeper"));
    plane.admit().await;
    let [container] = &pod.containers[..] else { panic!("not one container: {pod:?}") };
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
