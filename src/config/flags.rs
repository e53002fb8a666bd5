//! What was typed.
//!
//! Flags carry ExternalDNS' names where the meaning is the same. Each can be given by environment as
//! `ZONEKEEPER_` and its name in upper case.

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgAction, Args, ValueEnum};
use zonekeeper_core::dns::Ttl;

/// What every command that plans needs to know.
#[derive(Debug, Clone, Args)]
pub struct Flags {
    /// Which zone.
    #[command(flatten)]
    pub zone: ZoneFlags,

    /// Who.
    #[command(flatten)]
    pub owner: OwnerFlags,

    /// Take over the records of this other owner, where an object here asks for their hostname; repeat for several. For a
    /// migration, when that owner writes no more: only the ownership TXTs change with it. What an object asks for
    /// otherwise is then written as for any record of this owner.
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
        long_help = "Prefix of the names of ownership TXT records, as in ExternalDNS; may hold %{record_type}",
        env = "ZONEKEEPER_TXT_PREFIX",
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT",
        help_heading = "Zone and ownership"
    )]
    pub txt_prefix: String,

    /// Suffix of the first label of the names of ownership TXT records, as in ExternalDNS; not with --txt-prefix.
    #[arg(
        long,
        env = "ZONEKEEPER_TXT_SUFFIX",
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT",
        help_heading = "Zone and ownership"
    )]
    pub txt_suffix: String,

    /// What stands for `*` in the names of ownership TXT records, as in ExternalDNS.
    #[arg(
        long,
        env = "ZONEKEEPER_TXT_WILDCARD_REPLACEMENT",
        value_name = "TEXT",
        help_heading = "Zone and ownership"
    )]
    pub txt_wildcard_replacement: Option<String>,

    /// Kind of objects to read; repeat for several.
    #[arg(long, env = "ZONEKEEPER_SOURCE", value_enum, value_delimiter = ',', default_values_t = [Source::Ingress, Source::Service], value_name = "KIND", help_heading = "Objects")]
    pub source: Vec<Source>,

    /// Namespace whose objects are read; repeat for several. All namespaces where it is not given.
    #[arg(
        long,
        env = "ZONEKEEPER_NAMESPACE",
        value_delimiter = ',',
        value_name = "NAME",
        help_heading = "Objects"
    )]
    pub namespace: Vec<String>,

    /// Class of Ingress that is read; repeat for several. All classes where it is not given.
    #[arg(
        long,
        env = "ZONEKEEPER_INGRESS_CLASS",
        value_delimiter = ',',
        value_name = "NAME",
        help_heading = "Objects"
    )]
    pub ingress_class: Vec<String>,

    /// Read only objects that carry a hostname annotation or zonekeeper.dev/publish: "true".
    #[arg(long, env = "ZONEKEEPER_REQUIRE_ANNOTATION", help_heading = "Objects")]
    pub require_annotation: bool,

    /// Annotation prefix to read instead of both of ExternalDNS'.
    #[arg(long, env = "ZONEKEEPER_ANNOTATION_PREFIX", value_name = "PREFIX/", help_heading = "Objects")]
    pub annotation_prefix: Option<String>,

    /// TTL of records whose object does not say one: seconds, or a duration such as 5m.
    #[arg(long, env = "ZONEKEEPER_DEFAULT_TTL", default_value_t = Ttl::DEFAULT.to_string(), value_name = "TTL", help_heading = "Records")]
    pub default_ttl: String,

    /// Which types of records.
    #[command(flatten)]
    pub types: TypeFlags,

    /// Create CNAMEs for AWS targets that an alias could lead to.
    #[arg(long, env = "ZONEKEEPER_AWS_PREFER_CNAME", help_heading = "Records")]
    pub aws_prefer_cname: bool,

    /// Where several objects ask for a hostname with addresses, answer those of all of them, as ExternalDNS does, or those
    /// of one; what is merged already stays so until this is decided.
    #[arg(long, env = "ZONEKEEPER_MERGE_TARGETS", value_name = "BOOL", help_heading = "Records")]
    pub merge_targets: Option<bool>,

    /// Hosted zone of alias targets that this version does not know, as SUFFIX=ZONEID; repeat for several.
    #[arg(
        long,
        env = "ZONEKEEPER_ALIAS_ZONE",
        value_delimiter = ',',
        value_name = "SUFFIX=ZONEID",
        help_heading = "Records"
    )]
    pub alias_zone: Vec<String>,

    /// How often the whole zone is listed, to find what others changed.
    #[arg(
        long,
        env = "ZONEKEEPER_RESYNC",
        default_value = "30m",
        value_name = "DURATION",
        help_heading = "Pace"
    )]
    pub resync: String,

    /// Requests that the AWS account allows, as refill per second / burst, or `unlimited`.
    #[arg(
        long,
        env = "ZONEKEEPER_ACCOUNT_REQUESTS",
        default_value = "10/50",
        value_name = "RATE/BURST",
        help_heading = "Pace"
    )]
    pub account_requests: String,

    /// Changes that the AWS account allows, as refill per second / burst, or `unlimited`. CREATE counts 1, UPSERT 2.
    #[arg(
        long,
        env = "ZONEKEEPER_ACCOUNT_CHANGES",
        default_value = "100/1500",
        value_name = "RATE/BURST",
        help_heading = "Pace"
    )]
    pub account_changes: String,

    /// Part of the account's refill that may be used, from 0.01 to 1.
    #[arg(
        long,
        env = "ZONEKEEPER_QUOTA_SHARE",
        default_value_t = 0.97,
        value_parser = part,
        value_name = "PART",
        help_heading = "Pace"
    )]
    pub quota_share: f64,

    /// How long a hostname is kept for an object that is gone, against objects of other namespaces.
    #[arg(
        long,
        env = "ZONEKEEPER_VACANCY",
        default_value = "10m",
        value_name = "DURATION",
        help_heading = "Safety"
    )]
    pub vacancy: String,

    /// Hold replacements when there are so many different moves (an old target to a new one) within 10 minutes, and
    /// --brake-percent is exceeded too. New hostnames and repairs go on.
    #[arg(
        long,
        env = "ZONEKEEPER_BRAKE_MOVES",
        default_value_t = 10,
        value_name = "COUNT",
        help_heading = "Safety"
    )]
    pub brake_moves: usize,

    /// Hold replacements when more than so many percent of the hostnames would be replaced within 10 minutes, and
    /// --brake-moves is reached too; 100 switches the brake off.
    #[arg(
        long,
        env = "ZONEKEEPER_BRAKE_PERCENT",
        default_value_t = 50,
        value_parser = clap::value_parser!(u8).range(..=100),
        value_name = "PERCENT",
        help_heading = "Safety"
    )]
    pub brake_percent: u8,
}

/// Which zone.
#[derive(Debug, Clone, Args)]
pub struct ZoneFlags {
    /// Id of the hosted zone to keep, as in Z0123456789ABCDEFGHIJ. Exactly this zone is read and written; none is
    /// ever looked for by name.
    #[arg(
        long,
        env = "ZONEKEEPER_ZONE_ID",
        visible_alias = "zone-id-filter",
        value_name = "ID",
        help_heading = "Zone and ownership"
    )]
    pub zone_id: String,
}

/// Who this cluster is.
#[derive(Debug, Clone, Args)]
pub struct OwnerFlags {
    /// Who this cluster is in the ownership TXT records. Unique per cluster and kept for ever: a rebuilt cluster
    /// that shall go on with its records reuses its id.
    #[arg(
        long,
        env = "ZONEKEEPER_OWNER_ID",
        visible_alias = "txt-owner-id",
        value_name = "ID",
        help_heading = "Zone and ownership"
    )]
    pub owner_id: String,

    /// Accept the owner id `default`, which ExternalDNS uses when nobody chose one: two clusters that both left it
    /// out look like one, and would overwrite each other's records.
    #[arg(long, env = "ZONEKEEPER_ALLOW_DEFAULT_OWNER", help_heading = "Zone and ownership")]
    pub allow_default_owner: bool,
}

/// Which types of records.
#[derive(Debug, Clone, Args)]
pub struct TypeFlags {
    /// Types of records that are written; repeat for several. The TXTs that state ownership are written besides.
    #[arg(
        long,
        env = "ZONEKEEPER_MANAGED_RECORD_TYPES",
        value_delimiter = ',',
        default_values = ["A", "AAAA", "CNAME"],
        value_name = "TYPE",
        help_heading = "Records"
    )]
    pub managed_record_types: Vec<String>,
}

/// Where the objects are.
#[derive(Debug, Clone, Args)]
pub struct ClusterFlags {
    /// Kubeconfig of the cluster. Without it: KUBECONFIG, ~/.kube/config, or the pod's service account.
    #[arg(long, env = "ZONEKEEPER_KUBECONFIG", value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
}

/// Where whoever writes says so.
#[derive(Debug, Clone, Args)]
pub struct LeaseFlags {
    /// Namespace of the Lease that says who writes. Without it: the pod's own, or zonekeeper outside of a pod.
    #[arg(
        long,
        env = "ZONEKEEPER_LEASE_NAMESPACE",
        value_parser = namespace,
        value_name = "NAME",
        help_heading = "Cluster"
    )]
    pub lease_namespace: Option<String>,
}

/// What is logged, and how.
#[derive(Debug, Clone, Args)]
pub struct LogFlags {
    /// Format of the log.
    #[arg(long, env = "ZONEKEEPER_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT", global = true, help_heading = "Log")]
    pub log_format: LogFormat,

    /// Least severe messages to log [default: info; warn where a command prints what it found].
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

/// A kind of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// Ingress (networking.k8s.io/v1)
    Ingress,
    /// Service of type `LoadBalancer` (v1)
    Service,
}

/// A log format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

/// A log level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What failed
    Error,
    /// What needs attention
    Warn,
    /// What changed
    Info,
    /// What was decided
    Debug,
    /// Everything, of libraries too
    Trace,
}
/// What only a running controller needs to know.
#[derive(Debug, Clone, Args)]
pub struct RunFlags {
    /// Address of /livez, /readyz and /metrics; `:7979` is that port on every interface, IPv4 and IPv6.
    #[arg(long, env = "ZONEKEEPER_METRICS_ADDRESS", default_value = ":7979", value_parser = address, value_name = "ADDRESS", help_heading = "Running")]
    pub metrics_address: SocketAddr,

    /// Stop when everything that can be written is written.
    #[arg(long, env = "ZONEKEEPER_ONCE", action = ArgAction::SetTrue, help_heading = "Running")]
    pub once: bool,

    /// Whether plans are carried out.
    #[arg(long, env = "ZONEKEEPER_MODE", value_enum, default_value_t = RunMode::Apply, value_name = "MODE", help_heading = "Running")]
    pub mode: RunMode,

    /// Show what would be written, write nothing; the same as --mode dry-run.
    #[arg(long, env = "ZONEKEEPER_DRY_RUN", action = ArgAction::SetTrue, help_heading = "Running")]
    pub dry_run: bool,
}

/// Whether plans are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RunMode {
    /// Plans are carried out
    Apply,
    /// What a person has approved is carried out; see `zonekeeper approve`
    Approve,
    /// Plans are shown
    DryRun,
}

/// An address; `:7979` means that port on every interface, as in ExternalDNS.
fn address(text: &str) -> Result<SocketAddr, String> {
    let whole = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
    whole.parse().map_err(|_| "expected an address and port, as in 0.0.0.0:7979 or :7979".to_owned())
}

/// A part of something.
fn part(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "expected a number from 0.01 to 1, as in 0.97".to_owned())
}

/// The name of a namespace (RFC 1123 label, Kubernetes' "Object Names and IDs").
fn namespace(text: &str) -> Result<String, String> {
    let is_label = (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    is_label.then(|| text.to_owned()).ok_or_else(|| "expected the name of a namespace".to_owned())
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
    fn an_address_may_leave_out_the_interface() {
        assert_eq!(address(":7979").unwrap(), "[::]:7979".parse().unwrap());
        assert!(address("7979").is_err());
    }
}
