//! The flags about Services.

use clap::{ArgAction, Args};
use zonekeeper_core::source::{BadServiceType, ServiceRules, ServiceType};

/// The flags about Services.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct ServiceFlags {
    /// Type of Services to read: `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`; repeat for several. `ClusterIP`
    /// needs the right to read `EndpointSlices` and Pods, and `NodePort` the right to read Pods and Nodes.
    #[arg(
        long,
        env = "ZONEKEEPER_SERVICE_TYPE_FILTER",
        value_delimiter = ',',
        default_values = ["LoadBalancer", "ExternalName"],
        value_parser = service_type,
        value_name = "TYPE",
        help_heading = "Services"
    )]
    pub service_type_filter: Vec<ServiceType>,

    /// Publish the cluster IP at the hostnames of a Service of type `ClusterIP`. Without it, only the annotation
    /// internal-hostname does that.
    #[arg(long, env = "ZONEKEEPER_PUBLISH_INTERNAL_SERVICES", help_heading = "Services")]
    pub publish_internal_services: bool,

    /// For a headless Service, publish the node address of each pod (`status.hostIP`) instead of the pod address.
    #[arg(long, env = "ZONEKEEPER_PUBLISH_HOST_IP", help_heading = "Services")]
    pub publish_host_ip: bool,

    /// Publish pods that are not ready for a headless Service, even if it does not set `publishNotReadyAddresses`.
    #[arg(long, env = "ZONEKEEPER_ALWAYS_PUBLISH_NOT_READY_ADDRESSES", help_heading = "Services")]
    pub always_publish_not_ready_addresses: bool,

    /// Publish the internal IPv6 addresses of nodes beside their external addresses.
    #[arg(long, env = "ZONEKEEPER_EXPOSE_INTERNAL_IPV6", help_heading = "Services")]
    pub expose_internal_ipv6: bool,

    /// Whether a Service of type `NodePort` leaves out nodes that accept no new pods.
    #[arg(
        long,
        env = "ZONEKEEPER_EXCLUDE_UNSCHEDULABLE",
        action = ArgAction::Set,
        default_value_t = true,
        value_name = "BOOL",
        help_heading = "Services"
    )]
    pub exclude_unschedulable: bool,

    /// Publish the addresses of the host name of a load balancer, instead of an alias or a CNAME. zonekeeper resolves it every
    /// minute. If that fails, the last addresses stay.
    #[arg(long, env = "ZONEKEEPER_RESOLVE_SERVICE_LOAD_BALANCER_HOSTNAME", help_heading = "Services")]
    pub resolve_service_load_balancer_hostname: bool,
}

impl From<ServiceFlags> for ServiceRules {
    fn from(flags: ServiceFlags) -> Self {
        // This names every flag, so that a flag without an effect does not compile.
        let ServiceFlags {
            service_type_filter,
            publish_internal_services,
            publish_host_ip,
            always_publish_not_ready_addresses,
            expose_internal_ipv6,
            exclude_unschedulable,
            resolve_service_load_balancer_hostname,
        } = flags;
        Self {
            types: service_type_filter.into_iter().collect(),
            publish_internal: publish_internal_services,
            publish_host_ip,
            publish_not_ready: always_publish_not_ready_addresses,
            expose_internal_ipv6,
            exclude_unschedulable,
            resolve_host_names: resolve_service_load_balancer_hostname,
            publish_ports: false,
        }
    }
}

fn service_type(text: &str) -> Result<ServiceType, BadServiceType> {
    text.parse()
}
