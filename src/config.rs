//! Two stages: what was typed ([`Flags`]), and what it means ([`Config`]).
//!
//! Flags carry ExternalDNS' names where the meaning is the same. Each can be given by environment as
//! `ZONEKEEPER_` and its name in upper case.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use clap::{ArgAction, Args, ValueEnum};
use zonekeeper_core::{
    dns::{AliasZones, BadAliasZone, BadTtl, Ttl, ZoneId},
    keeper::{self, Mode, Quota, Rate, Scope},
    plan::{BadNaming, BadOwnerId, Naming, OwnerId, Settings},
    source::{Kind, Rules},
};

/// What every command that plans needs to know.
#[derive(Debug, Clone, Args)]
pub struct Flags {
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

    /// Create CNAMEs for AWS targets that an alias could lead to.
    #[arg(long, env = "ZONEKEEPER_AWS_PREFER_CNAME", help_heading = "Records")]
    pub aws_prefer_cname: bool,

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

    /// Part of the account's refill that may be used, above 0 and at most 1.
    #[arg(
        long,
        env = "ZONEKEEPER_QUOTA_SHARE",
        default_value_t = 0.97,
        value_name = "PART",
        help_heading = "Pace"
    )]
    pub quota_share: f64,
}

/// Where the objects are.
#[derive(Debug, Clone, Args)]
pub struct ClusterFlags {
    /// Kubeconfig of the cluster. Without it: KUBECONFIG, ~/.kube/config, or the pod's service account.
    #[arg(long, env = "ZONEKEEPER_KUBECONFIG", value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
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

/// What the flags mean.
#[derive(Debug, Clone)]
pub struct Config {
    /// The zone to keep.
    pub zone: ZoneId,
    /// How claims become record sets.
    pub settings: Settings,
    /// Which objects are read.
    pub rules: Rules,
    /// What is watched.
    pub scopes: Vec<Scope>,
    /// What the account allows.
    pub quota: Quota,
    /// How often the zone is listed.
    pub resync: Duration,
}

/// A flag whose value means nothing.
#[derive(Debug, thiserror::Error)]
pub enum BadFlag {
    /// `--zone-id`
    #[error(
        "--zone-id `{0}` is not the id of a hosted zone: it looks like Z0123456789ABCDEFGHIJ, see `aws route53 list-hosted-zones`"
    )]
    ZoneId(String),
    /// `--owner-id`
    #[error("--owner-id `{0}`: {1}")]
    OwnerId(String, #[source] BadOwnerId),
    /// `--owner-id default`
    #[error(
        "--owner-id `default` is what ExternalDNS uses when nobody chose an id: choose one of this cluster's own, or pass --allow-default-owner"
    )]
    DefaultOwner,
    /// `--txt-prefix`, `--txt-suffix`, `--txt-wildcard-replacement`
    #[error("--txt-prefix, --txt-suffix or --txt-wildcard-replacement: {0}")]
    Naming(#[from] BadNaming),
    /// `--annotation-prefix`
    #[error("--annotation-prefix `{0}` must end in `/`, as in external-dns.kubernetes.io/")]
    AnnotationPrefix(String),
    /// `--default-ttl`
    #[error("--default-ttl `{0}`: {1}")]
    Ttl(String, #[source] BadTtl),
    /// `--alias-zone`
    #[error("--alias-zone `{0}`: {1}")]
    AliasZone(String, #[source] BadAliasZone),
    /// `--resync`
    #[error("--resync `{0}`: expected a duration of at least one second, as in 30m")]
    Resync(String),
    /// `--account-requests`, `--account-changes`
    #[error("--{flag} `{value}`: expected refill per second / burst, as in 10/50, or `unlimited`")]
    Rate {
        /// Which flag.
        flag: &'static str,
        /// Its value.
        value: String,
    },
    /// `--quota-share`
    #[error("--quota-share `{0}`: expected a number above 0 and at most 1")]
    Share(f64),
}

// === impl Config ===

impl TryFrom<Flags> for Config {
    type Error = BadFlag;

    fn try_from(flags: Flags) -> Result<Self, BadFlag> {
        // Every flag is named here, so that one without a meaning does not compile.
        let Flags {
            zone_id,
            owner_id,
            allow_default_owner,
            txt_prefix,
            txt_suffix,
            txt_wildcard_replacement,
            source,
            namespace,
            ingress_class,
            require_annotation,
            annotation_prefix,
            default_ttl,
            aws_prefer_cname,
            alias_zone,
            resync,
            account_requests,
            account_changes,
            quota_share,
        } = flags;
        let owner = owner_id.parse().map_err(|why| BadFlag::OwnerId(owner_id.clone(), why))?;
        if owner_id == OwnerId::DEFAULT_OF_EXTERNAL_DNS && !allow_default_owner {
            return Err(BadFlag::DefaultOwner);
        }
        let mut alias_zones = AliasZones::default();
        for row in alias_zone {
            alias_zones.add(&row).map_err(|why| BadFlag::AliasZone(row, why))?;
        }
        let mut rules = Rules {
            namespaces: namespace.into_iter().collect(),
            ingress_classes: ingress_class.into_iter().collect(),
            require_annotation,
            ..Rules::default()
        };
        if let Some(prefix) = annotation_prefix {
            if !prefix.ends_with('/') {
                return Err(BadFlag::AnnotationPrefix(prefix));
            }
            rules.prefixes = vec![prefix];
        }
        if !(quota_share > 0.0 && quota_share <= 1.0) {
            return Err(BadFlag::Share(quota_share));
        }
        Ok(Self {
            zone: ZoneId::new(&zone_id).ok_or(BadFlag::ZoneId(zone_id))?,
            settings: Settings {
                owner,
                naming: Naming::new(&txt_prefix, &txt_suffix, txt_wildcard_replacement.as_deref())?,
                default_ttl: Ttl::from_str(&default_ttl).map_err(|why| BadFlag::Ttl(default_ttl, why))?,
                prefer_cname: aws_prefer_cname,
                alias_zones,
            },
            scopes: scopes(&source, &rules.namespaces),
            rules,
            quota: Quota {
                requests: rate("account-requests", &account_requests)?,
                changes: rate("account-changes", &account_changes)?,
                share: quota_share,
            },
            resync: duration(&resync).ok_or(BadFlag::Resync(resync))?,
        })
    }
}

impl Config {
    /// What the keeper is told.
    pub fn keeper(&self, mode: Mode, seed: u64) -> keeper::Config {
        keeper::Config {
            settings: self.settings.clone(),
            scopes: self.scopes.clone(),
            mode,
            quota: self.quota,
            resync: self.resync,
            seed,
        }
    }
}

impl Source {
    fn kind(self) -> Kind {
        match self {
            Self::Ingress => Kind::Ingress,
            Self::Service => Kind::Service,
        }
    }
}

fn scopes(sources: &[Source], namespaces: &BTreeSet<String>) -> Vec<Scope> {
    let kinds: BTreeSet<Kind> = sources.iter().map(|source| source.kind()).collect();
    let mut scopes = Vec::new();
    for kind in kinds {
        if namespaces.is_empty() {
            scopes.push(Scope { kind, namespace: None });
        }
        scopes.extend(namespaces.iter().map(|namespace| Scope { kind, namespace: Some(namespace.clone()) }));
    }
    scopes
}

fn duration(text: &str) -> Option<Duration> {
    let duration: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(duration).ok().filter(|duration| *duration >= Duration::from_secs(1))
}

fn rate(flag: &'static str, value: &str) -> Result<Option<Rate>, BadFlag> {
    if value == "unlimited" {
        return Ok(None);
    }
    let read = || {
        let (refill, burst) = value.split_once('/')?;
        let rate = Rate { refill: refill.trim().parse().ok()?, burst: burst.trim().parse().ok()? };
        (rate.refill > 0 && rate.burst > 0).then_some(rate)
    };
    read().map(Some).ok_or_else(|| BadFlag::Rate { flag, value: value.to_owned() })
}

/// What only a running controller needs to know.
#[derive(Debug, Clone, Args)]
pub struct RunFlags {
    /// Address of /livez, /readyz and /metrics.
    #[arg(long, env = "ZONEKEEPER_METRICS_ADDRESS", default_value = "0.0.0.0:7979", value_parser = address, value_name = "ADDRESS", help_heading = "Running")]
    pub metrics_address: SocketAddr,

    /// Stop when everything that can be written is written.
    #[arg(long, env = "ZONEKEEPER_ONCE", action = ArgAction::SetTrue, help_heading = "Running")]
    pub once: bool,

    /// Show what would be written, write nothing.
    #[arg(long, env = "ZONEKEEPER_DRY_RUN", action = ArgAction::SetTrue, help_heading = "Running")]
    pub dry_run: bool,
}

/// An address; `:7979` means that port on every interface, as in ExternalDNS.
fn address(text: &str) -> Result<SocketAddr, String> {
    let whole = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    whole.parse().map_err(|_| "expected an address and port, as in 0.0.0.0:7979 or :7979".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        flags: Flags,
    }

    fn config(extra: &[&str]) -> Result<Config, String> {
        let typed = ["test", "--zone-id", "/hostedzone/Z1", "--owner-id", "prod"];
        let typed = Typed::try_parse_from(typed.iter().chain(extra)).map_err(|error| error.to_string())?;
        Config::try_from(typed.flags).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_documentation() {
        let config = config(&[]).unwrap();
        assert_eq!(config.zone.as_str(), "Z1");
        assert_eq!(config.quota, Quota::default());
        assert_eq!(config.resync, Duration::from_mins(30));
        assert_eq!(config.rules, Rules::default());
        assert_eq!(config.scopes.len(), 2);
    }

    #[test]
    fn a_value_without_meaning_names_its_flag() {
        for (extra, expected) in [
            (["--owner-id", "a b"].as_slice(), "--owner-id"),
            (&["--owner-id", "default"], "--allow-default-owner"),
            (&["--zone-id", "example.com"], "--zone-id"),
            (&["--txt-prefix", "a", "--txt-suffix", "b"], "prefix"),
            (&["--annotation-prefix", "x"], "--annotation-prefix"),
            (&["--default-ttl", "x"], "--default-ttl"),
            (&["--alias-zone", "x"], "--alias-zone"),
            (&["--resync", "x"], "--resync"),
            (&["--resync", "0s"], "--resync"),
            (&["--account-requests", "x"], "--account-requests"),
            (&["--account-changes", "0/0"], "--account-changes"),
            (&["--quota-share", "2"], "--quota-share"),
            (&["--quota-share", "NaN"], "--quota-share"),
        ] {
            let mut args = vec![];
            args.extend_from_slice(extra);
            let typed: Vec<&str> = ["test"].into_iter().chain(base(extra)).chain(args).collect();
            let parsed = Typed::try_parse_from(typed).unwrap();
            let error = Config::try_from(parsed.flags).unwrap_err().to_string();
            assert!(error.contains(expected), "{extra:?}: {error}");
        }
    }

    /// The mandatory flags that `extra` does not give.
    fn base(extra: &[&'static str]) -> Vec<&'static str> {
        let given = |flag: &str| extra.contains(&flag);
        [("--zone-id", "Z1"), ("--owner-id", "prod")]
            .into_iter()
            .filter(|(flag, _)| !given(flag))
            .flat_map(|(flag, value)| [flag, value])
            .collect()
    }

    #[test]
    fn namespaces_and_kinds_make_scopes() {
        let config =
            config(&["--source", "ingress", "--namespace", "a,b", "--account-changes", "unlimited"]).unwrap();
        assert_eq!(config.scopes.len(), 2);
        assert_eq!(config.quota.changes, None);
    }

    #[test]
    fn an_address_may_leave_out_the_interface() {
        assert_eq!(address(":7979").unwrap(), "0.0.0.0:7979".parse().unwrap());
        assert!(address("7979").is_err());
    }
}
