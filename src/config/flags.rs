//! The flags, as clap parses them.
//!
//! Flags have ExternalDNS' names where they mean the same. Every flag can be given as an environment variable too:
//! `ZONEKEEPER_` and its name in upper case.

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgAction, Args};
use zonekeeper_core::{
    dns::Ttl,
    keeper::{BrakeLimits, Quota},
};

use super::{
    DEFAULT_RESYNC, DEFAULT_VACANCY,
    aws_flags::AwsFlags,
    choices::{LogFormat, LogLevel, Merge, RunMode, ZoneType},
    duration_text,
    hostname_flags::HostnameFlags,
    object_flags::ObjectFlags,
    rate_text,
    service_flags::ServiceFlags,
    target_flags::TargetFlags,
};

/// The flags of every command that plans.
#[derive(Debug, Clone, Args)]
pub struct Flags {
    /// The zone.
    #[command(flatten)]
    pub zone: ZoneFlags,

    /// Kind of the zone, as in ExternalDNS. zonekeeper does not start if the zone of --zone-id is of the other kind.
    #[arg(
        long,
        env = "ZONEKEEPER_AWS_ZONE_TYPE",
        value_enum,
        value_name = "KIND",
        help_heading = "Zone and ownership"
    )]
    pub aws_zone_type: Option<ZoneType>,

    /// The AWS account.
    #[command(flatten)]
    pub aws: AwsFlags,

    /// The owner.
    #[command(flatten)]
    pub owner: OwnerFlags,

    /// Take over the records of this other owner where an object of this cluster asks for their hostname; repeat for
    /// several. This is for a migration: the other owner must not write any more. A take-over changes only the ownership
    /// TXT records. After that, the records follow the objects, like all records of this cluster.
    #[arg(
        long,
        env = "ZONEKEEPER_ADOPT_FROM_OWNER",
        value_delimiter = ',',
        value_name = "ID",
        help_heading = "Zone and ownership"
    )]
    pub adopt_from_owner: Vec<String>,

    /// Prefix of the names of ownership TXT records, as in ExternalDNS.
    #[arg(
        long,
        long_help = "Prefix of the names of ownership TXT records, as in ExternalDNS; may contain %{record_type}",
        env = "ZONEKEEPER_TXT_PREFIX",
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT",
        help_heading = "Zone and ownership"
    )]
    pub txt_prefix: String,

    /// Suffix of the first label of the names of ownership TXT records, as in ExternalDNS; not together with
    /// --txt-prefix.
    #[arg(
        long,
        env = "ZONEKEEPER_TXT_SUFFIX",
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT",
        help_heading = "Zone and ownership"
    )]
    pub txt_suffix: String,

    /// Replacement for `*` in the names of ownership TXT records, as in ExternalDNS.
    #[arg(
        long,
        env = "ZONEKEEPER_TXT_WILDCARD_REPLACEMENT",
        value_name = "TEXT",
        help_heading = "Zone and ownership"
    )]
    pub txt_wildcard_replacement: Option<String>,

    /// The objects.
    #[command(flatten)]
    pub objects: ObjectFlags,

    /// The hostnames.
    #[command(flatten)]
    pub hostnames: HostnameFlags,

    /// The targets.
    #[command(flatten)]
    pub targets: TargetFlags,

    /// The Services.
    #[command(flatten)]
    pub services: ServiceFlags,

    /// TTL of records whose object names none: seconds, or a duration such as 5m.
    #[arg(long, env = "ZONEKEEPER_DEFAULT_TTL", default_value_t = Ttl::DEFAULT.to_string(), value_name = "TTL", help_heading = "Records")]
    pub default_ttl: String,

    /// Largest TTL that an object can ask for. Above it, the object gets a Warning and this TTL.
    #[arg(long, env = "ZONEKEEPER_MAX_TTL", default_value_t = Ttl::A_WEEK.to_string(), value_name = "TTL", help_heading = "Records")]
    pub max_ttl: String,

    /// The managed record types.
    #[command(flatten)]
    pub types: TypeFlags,

    /// Create CNAME records for AWS targets, even where an alias record is possible.
    #[arg(long, env = "ZONEKEEPER_AWS_PREFER_CNAME", help_heading = "Records")]
    pub aws_prefer_cname: bool,

    /// Create wildcards of all types, and records that validate certificates such as `_acme-challenge`, even where they count for
    /// names of another namespace or owner. With such records, a namespace can get certificates for these names, so all
    /// namespaces must trust each other. Wildcards of the types A and AAAA need no flag.
    #[arg(long, env = "ZONEKEEPER_ALLOW_WILDCARD_CNAME", help_heading = "Records")]
    pub allow_wildcard_cname: bool,

    /// Whether a hostname that several objects ask for gets the addresses of all of them. Without this flag, records that
    /// are merged already stay merged.
    #[arg(
        long,
        env = "ZONEKEEPER_MERGE_TARGETS",
        value_enum,
        value_name = "WHICH",
        help_heading = "Records"
    )]
    pub merge_targets: Option<Merge>,

    /// Hosted zone id of an alias target that this version does not know, as SUFFIX=ZONEID; repeat for several.
    #[arg(
        long,
        env = "ZONEKEEPER_ALIAS_ZONE",
        value_delimiter = ',',
        value_name = "SUFFIX=ZONEID",
        help_heading = "Records"
    )]
    pub alias_zone: Vec<String>,

    /// How often to list the whole zone, to find changes that others made.
    #[arg(
        long,
        env = "ZONEKEEPER_RESYNC",
        default_value_t = duration_text(DEFAULT_RESYNC),
        value_name = "DURATION",
        help_heading = "Pace"
    )]
    pub resync: String,

    /// Request quota of the AWS account, as refill per second / burst, or `unlimited`.
    #[arg(
        long,
        env = "ZONEKEEPER_ACCOUNT_REQUESTS",
        default_value_t = rate_text(Quota::default().requests),
        value_name = "RATE/BURST",
        help_heading = "Pace"
    )]
    pub account_requests: String,

    /// Change quota of the AWS account, as refill per second / burst, or `unlimited`. A CREATE counts 1, an UPSERT 2.
    #[arg(
        long,
        env = "ZONEKEEPER_ACCOUNT_CHANGES",
        default_value_t = rate_text(Quota::default().changes),
        value_name = "RATE/BURST",
        help_heading = "Pace"
    )]
    pub account_changes: String,

    /// Share of the account's refill that zonekeeper may use, from 0.01 to 1.
    #[arg(
        long,
        env = "ZONEKEEPER_QUOTA_SHARE",
        default_value_t = Quota::default().share,
        value_parser = share,
        value_name = "PART",
        help_heading = "Pace"
    )]
    pub quota_share: f64,

    /// How long to reserve the hostname of a deleted object, against objects of other namespaces.
    #[arg(
        long,
        env = "ZONEKEEPER_VACANCY",
        default_value_t = duration_text(DEFAULT_VACANCY),
        value_name = "DURATION",
        help_heading = "Safety"
    )]
    pub vacancy: String,

    /// Hold replacements when at least this many distinct moves (from old targets to new targets) happen within 10
    /// minutes, and --brake-percent or --brake-hosts is exceeded too. It counts for each namespace. It counts for
    /// all together too, if the limits are exceeded even without any one namespace. New hostnames and repairs continue.
    #[arg(
        long,
        env = "ZONEKEEPER_BRAKE_MOVES",
        default_value_t = BrakeLimits::default().moves,
        value_name = "COUNT",
        help_heading = "Safety"
    )]
    pub brake_moves: usize,

    /// Hold replacements when more than this percentage of the hostnames would be replaced within 10 minutes and
    /// --brake-moves is reached too. 100 switches the brake off.
    #[arg(
        long,
        env = "ZONEKEEPER_BRAKE_PERCENT",
        default_value_t = default_brake_percent(),
        value_parser = clap::value_parser!(u8).range(..=100),
        value_name = "PERCENT",
        help_heading = "Safety"
    )]
    pub brake_percent: u8,

    /// Hold replacements when more than this number of hostnames would be replaced within 10 minutes and --brake-moves is
    /// reached too.
    #[arg(
        long,
        env = "ZONEKEEPER_BRAKE_HOSTS",
        default_value_t = BrakeLimits::default().hosts,
        value_name = "COUNT",
        help_heading = "Safety"
    )]
    pub brake_hosts: usize,
}

/// The flag that names the zone.
#[derive(Debug, Clone, Args)]
pub struct ZoneFlags {
    /// Id of the hosted zone to keep, as in Z0123456789ABCDEFGHIJ. zonekeeper reads and writes this zone only; it never
    /// looks for a zone by name.
    #[arg(
        long,
        env = "ZONEKEEPER_ZONE_ID",
        visible_alias = "zone-id-filter",
        value_name = "ID",
        help_heading = "Zone and ownership"
    )]
    pub zone_id: String,
}

/// The flags that name the owner.
#[derive(Debug, Clone, Args)]
pub struct OwnerFlags {
    /// Owner id of this cluster in the ownership TXT records. No other cluster may use it, and it must never change. A
    /// rebuilt cluster that continues with its records uses its old id.
    #[arg(
        long,
        env = "ZONEKEEPER_OWNER_ID",
        visible_alias = "txt-owner-id",
        value_name = "ID",
        help_heading = "Zone and ownership"
    )]
    pub owner_id: String,

    /// Accept the owner id `default`, which ExternalDNS uses when nobody chose an id. Two clusters with this id overwrite
    /// each other's records.
    #[arg(long, env = "ZONEKEEPER_ALLOW_DEFAULT_OWNER", help_heading = "Zone and ownership")]
    pub allow_default_owner: bool,
}

/// The flags that name the managed record types.
#[derive(Debug, Clone, Args)]
pub struct TypeFlags {
    /// Record type to write; repeat for several. The ownership TXT records are always written.
    #[arg(
        long,
        env = "ZONEKEEPER_MANAGED_RECORD_TYPES",
        value_delimiter = ',',
        default_values = ["A", "AAAA", "CNAME"],
        value_name = "TYPE",
        help_heading = "Records"
    )]
    pub managed_record_types: Vec<String>,

    /// Record type not to write, although --managed-record-types names it; repeat for several.
    #[arg(
        long,
        env = "ZONEKEEPER_EXCLUDE_RECORD_TYPES",
        value_delimiter = ',',
        value_name = "TYPE",
        help_heading = "Records"
    )]
    pub exclude_record_types: Vec<String>,
}

/// The flag that names the cluster.
#[derive(Debug, Clone, Args)]
pub struct ClusterFlags {
    /// Kubeconfig of the cluster. Without it: KUBECONFIG, ~/.kube/config, or the service account of the pod.
    #[arg(long, env = "ZONEKEEPER_KUBECONFIG", value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig. Without it: the current context.
    #[arg(long, env = "ZONEKEEPER_CONTEXT", value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,
}

/// The flag that names the place of the lease.
#[derive(Debug, Clone, Args)]
pub struct LeaseFlags {
    /// Namespace of the Lease that decides which process writes. Without it: the namespace of the pod, or `zonekeeper`
    /// outside of a pod.
    #[arg(
        long,
        env = "ZONEKEEPER_LEASE_NAMESPACE",
        value_parser = namespace,
        value_name = "NAME",
        help_heading = "Cluster"
    )]
    pub lease_namespace: Option<String>,
}

/// The flags of the log.
#[derive(Debug, Clone, Args)]
pub struct LogFlags {
    /// Format of the log.
    #[arg(long, env = "ZONEKEEPER_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT", global = true, help_heading = "Log")]
    pub log_format: LogFormat,

    /// Least severe messages to log [default: info; warn for commands that print their result].
    #[arg(
        long,
        env = "ZONEKEEPER_LOG_LEVEL",
        value_enum,
        value_name = "LEVEL",
        global = true,
        help_heading = "Log"
    )]
    pub log_level: Option<LogLevel>,
}

/// The flags of a running controller.
#[derive(Debug, Clone, Args)]
pub struct RunFlags {
    /// Address of /livez, /readyz and /metrics. `:7979` means this port on every interface, IPv4 and IPv6.
    #[arg(long, env = "ZONEKEEPER_METRICS_ADDRESS", default_value = ":7979", value_parser = address, value_name = "ADDRESS", help_heading = "Running")]
    pub metrics_address: SocketAddr,

    /// Quota of Route 53 for record sets in the zone. An alert compares the zone with it; zonekeeper itself does not need it.
    #[arg(
        long,
        env = "ZONEKEEPER_ZONE_QUOTA",
        default_value_t = 10_000,
        value_name = "COUNT",
        help_heading = "Running"
    )]
    pub zone_quota: u32,

    /// Stop when everything that can be written is written.
    #[arg(long, env = "ZONEKEEPER_ONCE", action = ArgAction::SetTrue, help_heading = "Running")]
    pub once: bool,

    /// Whether to write what is planned.
    #[arg(long, env = "ZONEKEEPER_MODE", value_enum, default_value_t = RunMode::Apply, value_name = "MODE", help_heading = "Running")]
    pub mode: RunMode,

    /// Log what would be written, and write nothing; the same as --mode dry-run.
    #[arg(long, env = "ZONEKEEPER_DRY_RUN", action = ArgAction::SetTrue, help_heading = "Running")]
    pub dry_run: bool,
}

// === impl ClusterFlags ===

impl ClusterFlags {
    /// These flags, and those of `other` that are not set here.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { kubeconfig: self.kubeconfig.or(other.kubeconfig), context: self.context.or(other.context) }
    }
}

fn default_brake_percent() -> u8 {
    u8::try_from(BrakeLimits::default().percent).unwrap_or(100)
}

/// Parses an address. `:7979` means this port on every interface, as in ExternalDNS.
fn address(text: &str) -> Result<SocketAddr, String> {
    let whole = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
    whole.parse().map_err(|_| "expected an address and port, as in 0.0.0.0:7979 or :7979".to_owned())
}

/// Parses a share. [`super::Config`] checks its range.
fn share(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "expected a number from 0.01 to 1, as in 0.97".to_owned())
}

/// Parses the name of a namespace (an RFC 1123 label; Kubernetes, "Object Names and IDs").
fn namespace(text: &str) -> Result<String, String> {
    let is_label = (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    is_label.then(|| text.to_owned()).ok_or_else(|| {
        "expected the name of a namespace: lower case letters, digits and `-`, at most 63 characters"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_a_label() {
        assert_eq!(namespace("kube-system").unwrap(), "kube-system");
        for text in ["", "a/b", "Shop", "-a", "a-", "a.b"] {
            assert!(namespace(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_needs_no_interface() {
        assert_eq!(address(":7979").unwrap(), "[::]:7979".parse().unwrap());
        assert!(address("7979").is_err());
    }
}
