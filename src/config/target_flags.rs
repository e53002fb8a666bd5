//! The flags about targets.

use std::sync::Arc;

use clap::{ArgAction, Args};
use zonekeeper_core::source::{DomainFilter, EndpointRules, Network, NetworkFilter, Rules, Targets};

use super::{BadFlag, ttl};

/// The flags about targets.
#[derive(Debug, Clone, Args)]
pub struct TargetFlags {
    /// Network whose addresses count as targets, as in 203.0.113.0/24; repeat for several. Host names always count. zonekeeper does
    /// not publish an object that has no target left.
    #[arg(
        long,
        env = "ZONEKEEPER_TARGET_NET_FILTER",
        value_delimiter = ',',
        value_name = "CIDR",
        help_heading = "Targets"
    )]
    pub target_net_filter: Vec<String>,

    /// Network whose addresses do not count as targets, as in 10.0.0.0/8; repeat for several.
    #[arg(
        long,
        env = "ZONEKEEPER_EXCLUDE_TARGET_NET",
        value_delimiter = ',',
        value_name = "CIDR",
        help_heading = "Targets"
    )]
    pub exclude_target_net: Vec<String>,

    /// Target of A and AAAA records of a `DNSEndpoint` that states none: an IP address or a host name; repeat for several. On
    /// Ingresses and Services it has no effect without --force-default-targets, as in ExternalDNS.
    #[arg(
        long,
        env = "ZONEKEEPER_DEFAULT_TARGETS",
        value_delimiter = ',',
        value_name = "TARGET",
        help_heading = "Targets"
    )]
    pub default_targets: Vec<String>,

    /// Replace the targets of every object that has any with --default-targets. TXT, MX, SRV and CAA records stay as they are.
    #[arg(long, env = "ZONEKEEPER_FORCE_DEFAULT_TARGETS", help_heading = "Targets")]
    pub force_default_targets: bool,

    /// TTL of records whose object names none. It replaces --default-ttl, and zonekeeper corrects existing records to it.
    #[arg(
        long,
        env = "ZONEKEEPER_MIN_TTL",
        default_value = "",
        hide_default_value = true,
        value_name = "TTL",
        help_heading = "Records"
    )]
    pub min_ttl: String,

    /// Create an alias for every host name, as if every object had the annotation alias: "true".
    #[arg(long, env = "ZONEKEEPER_PREFER_ALIAS", help_heading = "Records")]
    pub prefer_alias: bool,

    /// Whether Route 53 checks the health of alias targets, if the object does not say.
    #[arg(
        long,
        env = "ZONEKEEPER_AWS_EVALUATE_TARGET_HEALTH",
        action = ArgAction::Set,
        default_value_t = true,
        value_name = "BOOL",
        help_heading = "Records"
    )]
    pub aws_evaluate_target_health: bool,
}

// === impl TargetFlags ===

impl TargetFlags {
    /// Enters them into the rules, and returns those for every endpoint.
    pub(super) fn enter(self, rules: &mut Rules) -> Result<EndpointRules, BadFlag> {
        // This names every flag, so that a flag without an effect does not compile.
        let Self {
            target_net_filter,
            exclude_target_net,
            default_targets,
            force_default_targets,
            min_ttl,
            prefer_alias,
            aws_evaluate_target_health,
        } = self;
        let mut targets = Targets::default();
        for text in default_targets {
            targets.add(&text).map_err(|why| BadFlag::DefaultTarget(text, why))?;
        }
        if force_default_targets && targets.is_empty() {
            return Err(BadFlag::NoDefaultTarget);
        }
        rules.default_targets = Arc::new(targets);
        Ok(EndpointRules {
            domains: DomainFilter::default(),
            networks: NetworkFilter {
                only: networks("target-net-filter", target_net_filter)?,
                except: networks("exclude-target-net", exclude_target_net)?,
            },
            forced_targets: force_default_targets.then(|| Arc::clone(&rules.default_targets)),
            // ExternalDNS reads 0 as unset.
            ttl: match min_ttl.trim() {
                "" | "0" | "0s" => None,
                text => Some(ttl("min-ttl", text)?),
            },
            prefer_alias,
            ignores_target_health: !aws_evaluate_target_health,
        })
    }
}

fn networks(flag: &'static str, values: Vec<String>) -> Result<Vec<Network>, BadFlag> {
    let network = |value: String| value.parse().map_err(|why| BadFlag::Network { flag, value, why });
    values.into_iter().map(network).collect()
}
