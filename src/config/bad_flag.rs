//! The flags that cannot be used.

use zonekeeper_core::{
    dns::{BadAliasZone, BadName, BadTtl, Ttl},
    plan::{BadHostPattern, BadManagedType, BadNaming, BadOwnerId},
    source::{BadDomainRegex, BadNetwork, BadObjectFilter, BadTarget, template::BadTemplate},
};

/// A flag with an invalid value.
#[derive(Debug, thiserror::Error)]
pub enum BadFlag {
    /// The environment has a variable that nobody reads any more.
    #[error(
        "ZONEKEEPER_REQUIRE_ANNOTATION is replaced by --publish: remove it, and set ZONEKEEPER_PUBLISH=annotated for `true`, \
         or ZONEKEEPER_PUBLISH=all for `false`"
    )]
    OldPublish,
    /// `--zone-id`
    #[error(
        "--zone-id `{0}` is not the id of a hosted zone: it looks like Z0123456789ABCDEFGHIJ, see `aws route53 list-hosted-zones`"
    )]
    ZoneId(String),
    /// `--zone-name`
    #[error("--zone-name `{0}`: {1}")]
    ZoneName(String, #[source] BadName),
    /// `--owner-id`
    #[error("--owner-id `{0}`: {1}")]
    OwnerId(String, #[source] BadOwnerId),
    /// `--owner-id default`
    #[error(
        "--owner-id `default` is what ExternalDNS uses when nobody chose an id: choose an id that only this cluster has, or pass --allow-default-owner"
    )]
    DefaultOwner,
    /// `--adopt-from-owner`, `--from-owner`
    #[error("--{flag} `{value}`: {why}")]
    FromOwner {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// The error.
        #[source]
        why: BadOwnerId,
    },
    /// `--adopt-from-owner`, `--from-owner`
    #[error("--{flag} `{value}` is the --owner-id of this cluster, so its records belong to it already")]
    FromSelf {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
    },
    /// `--aws-profile`
    #[error(
        "--aws-profile names `{0}` and `{1}`: zonekeeper keeps one zone, with the credentials of one profile. Name the profile \
         of the zone's account"
    )]
    Profiles(String, String),
    /// `--aws-assume-role`
    #[error(
        "--aws-assume-role `{0}` is not the ARN of a role, as in arn:aws:iam::111122223333:role/zonekeeper"
    )]
    AssumedRole(String),
    /// `--aws-assume-role-external-id`
    #[error("--aws-assume-role-external-id has no effect without a role: name it with --aws-assume-role")]
    NoAssumedRole,
    /// `--match`
    #[error("--match `{0}`: {1}")]
    Match(String, #[source] BadHostPattern),
    /// `adopt NAME`
    #[error("`{0}` is not a hostname: {1}")]
    Hostname(String, #[source] BadName),
    /// `--txt-prefix`, `--txt-suffix`, `--txt-wildcard-replacement`
    #[error("--txt-prefix, --txt-suffix or --txt-wildcard-replacement: {0}")]
    Naming(#[from] BadNaming),
    /// `--annotation-prefix`
    #[error("--annotation-prefix `{0}` must end in `/`, as in external-dns.kubernetes.io/")]
    AnnotationPrefix(String),
    /// `--default-ttl`, `--max-ttl`
    #[error("--{flag} `{value}`: {why}")]
    Ttl {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// The error.
        #[source]
        why: BadTtl,
    },
    /// `--default-ttl` or `--min-ttl` above `--max-ttl`
    #[error("--{flag} is {ttl} seconds, more than --max-ttl: {max}. Lower the one or raise the other")]
    AboveMax {
        /// The flag.
        flag: &'static str,
        /// Its value.
        ttl: Ttl,
        /// `--max-ttl`
        max: Ttl,
    },
    /// `--annotation-filter`, `--label-filter`
    #[error("--{flag} `{value}`: {why}")]
    ObjectFilter {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// The error.
        #[source]
        why: BadObjectFilter,
    },
    /// `--domain-filter`, `--exclude-domains`
    #[error("--{flag} `{value}`: {why}")]
    Domain {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// The error.
        #[source]
        why: BadName,
    },
    /// `--regex-domain-filter`, `--regex-domain-exclusion`
    #[error("--{flag} `{value}`: {why}")]
    DomainRegex {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// The error.
        #[source]
        why: BadDomainRegex,
    },
    /// `--fqdn-template`
    #[error("--fqdn-template: {0}")]
    Template(#[source] BadTemplate),
    /// `--target-net-filter`, `--exclude-target-net`
    #[error("--{flag} `{value}`: {why}")]
    Network {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// The error.
        #[source]
        why: BadNetwork,
    },
    /// `--default-targets`
    #[error("--default-targets `{0}`: {1}")]
    DefaultTarget(String, #[source] BadTarget),
    /// `--force-default-targets` without `--default-targets`
    #[error("--force-default-targets needs --default-targets: name the targets, or remove the flag")]
    NoDefaultTarget,
    /// `--managed-record-types`
    #[error("--managed-record-types `{0}`: {1}")]
    ManagedTypes(String, #[source] BadManagedType),
    /// `--exclude-record-types`
    #[error("--exclude-record-types `{0}`: {1}")]
    ExcludedTypes(String, #[source] BadManagedType),
    /// `--alias-zone`
    #[error("--alias-zone `{0}`: {1}")]
    AliasZone(String, #[source] BadAliasZone),
    /// `--resync`
    #[error("--resync `{0}`: expected a duration of at least one second, as in 30m")]
    Resync(String),
    /// `--vacancy`
    #[error("--vacancy `{0}`: expected a duration, as in 10m, or 0s")]
    Vacancy(String),
    /// `--account-requests`, `--account-changes`
    #[error("--{flag} `{value}`: expected refill per second / burst, as in 10/50, or `unlimited`")]
    Rate {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
    },
    /// `--quota-share`
    #[error("--quota-share `{0}`: expected a number from 0.01 to 1")]
    Share(f64),
}
