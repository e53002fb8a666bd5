//! The reasons for which units are blocked.

use std::{fmt, net::IpAddr};

use super::{Special, limit::Limit};
use crate::{
    dns::{BadName, Name, RecordType, Ttl},
    source::ObjectRef,
};

/// Why a unit is blocked. Its records in the zone stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The hostname is not valid.
    InvalidHostname(BadName),
    /// A field of the object cannot be read.
    InvalidField {
        /// The field.
        field: String,
        /// The error.
        text: String,
    },
    /// The name is reserved.
    ReservedName(Reserved),
    /// The name is delegated to another zone.
    BelowZoneCut {
        /// The name of the NS set.
        cut: Name,
    },
    /// The object has no address yet.
    NoTarget,
    /// The table of hosted zones does not know the region of an AWS load balancer.
    UnknownLoadBalancerZone {
        /// The load balancer's name.
        target: Name,
    },
    /// The object asks for an alias, and its target belongs to no known AWS service.
    NoAliasZone {
        /// The target.
        target: Name,
    },
    /// The object asks for an alias to a name of the zone that has no records of its types.
    NoAliasTarget {
        /// The target.
        target: Name,
    },
    /// An alias in a private zone cannot lead to the target.
    AliasInPrivateZone {
        /// The target.
        target: Name,
    },
    /// A target is an address of a special use.
    SpecialAddress {
        /// The target.
        address: IpAddr,
        /// Its use.
        special: Special,
    },
    /// The record would also count for names of others.
    CoversOthers {
        /// How.
        by: Cover,
        /// Such a name.
        covered: Covered,
    },
    /// The underscored name speaks for a hostname that an object of another namespace holds.
    SpeaksForOthers {
        /// The hostname.
        host: Name,
        /// The other object.
        holder: ObjectRef,
    },
    /// The apex of the zone cannot be a CNAME, and the target cannot be an alias.
    ApexNeedsAlias {
        /// The target.
        target: Name,
    },
    /// The object has several host names as targets. A CNAME or an alias has one.
    ManyCnameTargets {
        /// The number of targets.
        count: usize,
        /// The first of the targets.
        names: String,
    },
    /// No wanted record has a managed type.
    UnmanagedType {
        /// The types of the wanted records.
        types: Vec<RecordType>,
    },
    /// Another object holds the hostname.
    ClaimedBy {
        /// The other object.
        holder: ObjectRef,
    },
    /// The record holds the addresses of several objects, which now ask for other addresses.
    MergeUndecided {
        /// The record in the zone.
        found: String,
    },
    /// The ownership record names another owner.
    OwnedBy {
        /// The other owner.
        owner: String,
    },
    /// A record without an owner has other content than the wanted one.
    Unowned {
        /// The record in the zone.
        found: String,
    },
    /// The TXT in the place of the ownership record is not readable.
    OwnershipUnreadable {
        /// The name of the TXT.
        at: Name,
    },
    /// A record of another type excludes the wanted record.
    TypeConflict {
        /// The name of the conflict.
        at: Name,
        /// The type of the existing record, or of a record that an older claim will create.
        found: RecordType,
        /// Whether another hostname needs that record, so that its deletion is no fix.
        is_needed: bool,
    },
    /// Records under another routing policy exclude the wanted record.
    RoutingConflict {
        /// The name of the conflict.
        at: Name,
        /// Whether another claim needs those records, so that their deletion is no fix.
        is_needed: bool,
    },
    /// Another weighted record set of the hostname has another TTL.
    WeightedTtl {
        /// The TTL of the other set.
        ttl: Ttl,
        /// The other set identifier.
        set_id: String,
    },
    /// Another record set of the hostname has the same region, failover role, location or address block.
    RoutingTaken {
        /// The rule of both sets.
        rule: String,
        /// The other set identifier.
        set_id: String,
    },
    /// A traffic policy manages the record.
    TrafficPolicy,
    /// The record set, the object or the unit exceeds a limit.
    TooBig(Limit),
    /// zonekeeper cannot read the object that holds the hostname: its kind, or this one object.
    KindUnreadable {
        /// The object that the ownership record names.
        holder: ObjectRef,
    },
    /// A resource on which the records depend cannot be read.
    DependencyUnreadable {
        /// The object that looks the resource up.
        object: ObjectRef,
        /// The resource, or the group of resources.
        resource: String,
    },
    /// The object that held the hostname is gone, and its grace period is not over.
    Vacant {
        /// The former holder.
        holder: ObjectRef,
    },
    /// The object asks for no changes for a while.
    Paused {
        /// The end of the pause, as the object states it.
        until: String,
    },
    /// Somebody else repeatedly changes the record.
    Contested,
    /// The brake holds: too many hostnames would move at once.
    Braked {
        /// Whether objects of several namespaces would move. Otherwise, only this namespace is held.
        everywhere: bool,
    },
    /// Route 53 rejected the change.
    RejectedByRoute53 {
        /// The message of Route 53.
        message: String,
    },
    /// The IAM policy does not allow the change.
    DeniedByIam {
        /// The message of Route 53. It contains the ARN of the role.
        message: String,
        /// Whether a name in the change is one that the policy of `zonekeeper iam-policy` denies on purpose: it has a label
        /// that begins with `_`.
        is_underscored: bool,
    },
    /// A record set is protected against changes.
    Protected {
        /// The message of Route 53, with the comment of the protection.
        message: String,
    },
    /// The zone has reached its quota of record sets.
    ZoneFull {
        /// The message of Route 53.
        message: String,
    },
}

/// Why a name is reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// It has a label that begins with `_`, like service and validation records (RFC 8552), and the object asks for an address.
    Underscore,
    /// It has a label that begins with `_zk-`.
    OwnLabel,
    /// It is the name of an existing record's ownership record.
    OwnershipOf(Name),
    /// It stands for a wildcard in the names of ownership records.
    WildcardReplacement,
    /// The hostname is a wildcard, and the name that stands for it has records. Both would share an ownership record.
    SharedWith(Name),
}

/// How a record counts for other names than its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    /// A wildcard of another type than A and AAAA.
    Wildcard,
    /// A record with which a certificate authority validates the name above, and all names below that.
    Validation,
}

/// A name of others for which a record would count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covered {
    /// The zone's own name.
    Apex,
    /// A hostname that an object of another namespace asks for.
    Claim(Name),
    /// An existing record that is not ours, or whose ownership record names an object of another namespace.
    Record {
        /// The name of the record.
        at: Name,
        /// Its type.
        rtype: RecordType,
    },
}

// === impl Reason ===

impl Reason {
    /// The labels of all reasons.
    pub const LABELS: [&str; 36] = [
        "InvalidHostname",
        "InvalidField",
        "ReservedName",
        "BelowZoneCut",
        "NoTarget",
        "UnknownLoadBalancerZone",
        "NoAliasZone",
        "NoAliasTarget",
        "AliasInPrivateZone",
        "SpecialAddress",
        "CoversOthers",
        "SpeaksForOthers",
        "ApexNeedsAlias",
        "ManyCnameTargets",
        "UnmanagedType",
        "ClaimedBy",
        "MergeUndecided",
        "OwnedBy",
        "Unowned",
        "OwnershipUnreadable",
        "TypeConflict",
        "RoutingConflict",
        "WeightedTtl",
        "RoutingTaken",
        "TrafficPolicy",
        "TooBig",
        "KindUnreadable",
        "DependencyUnreadable",
        "Vacant",
        "Paused",
        "Contested",
        "Braked",
        "RejectedByRoute53",
        "DeniedByIAM",
        "Protected",
        "ZoneFull",
    ];

    /// Whether the cause is the zone's content. Then only a read of the zone can show that the cause is gone.
    pub(crate) fn is_of_zone(&self) -> bool {
        matches!(
            self,
            Self::ReservedName(Reserved::OwnershipOf(_) | Reserved::SharedWith(_))
                | Self::BelowZoneCut { .. }
                | Self::MergeUndecided { .. }
                | Self::OwnedBy { .. }
                | Self::Unowned { .. }
                | Self::OwnershipUnreadable { .. }
                | Self::TypeConflict { .. }
                | Self::RoutingConflict { .. }
                | Self::WeightedTtl { .. }
                | Self::RoutingTaken { .. }
                | Self::TrafficPolicy
        )
    }

    /// The reason's name in Events, logs, metrics and documents.
    pub fn label(&self) -> &'static str {
        match self {
            Self::InvalidHostname(_) => "InvalidHostname",
            Self::InvalidField { .. } => "InvalidField",
            Self::ReservedName(_) => "ReservedName",
            Self::BelowZoneCut { .. } => "BelowZoneCut",
            Self::NoTarget => "NoTarget",
            Self::UnknownLoadBalancerZone { .. } => "UnknownLoadBalancerZone",
            Self::NoAliasZone { .. } => "NoAliasZone",
            Self::NoAliasTarget { .. } => "NoAliasTarget",
            Self::AliasInPrivateZone { .. } => "AliasInPrivateZone",
            Self::SpecialAddress { .. } => "SpecialAddress",
            Self::CoversOthers { .. } => "CoversOthers",
            Self::SpeaksForOthers { .. } => "SpeaksForOthers",
            Self::ApexNeedsAlias { .. } => "ApexNeedsAlias",
            Self::ManyCnameTargets { .. } => "ManyCnameTargets",
            Self::UnmanagedType { .. } => "UnmanagedType",
            Self::ClaimedBy { .. } => "ClaimedBy",
            Self::MergeUndecided { .. } => "MergeUndecided",
            Self::OwnedBy { .. } => "OwnedBy",
            Self::Unowned { .. } => "Unowned",
            Self::OwnershipUnreadable { .. } => "OwnershipUnreadable",
            Self::TypeConflict { .. } => "TypeConflict",
            Self::RoutingConflict { .. } => "RoutingConflict",
            Self::WeightedTtl { .. } => "WeightedTtl",
            Self::RoutingTaken { .. } => "RoutingTaken",
            Self::TrafficPolicy => "TrafficPolicy",
            Self::TooBig(_) => "TooBig",
            Self::KindUnreadable { .. } => "KindUnreadable",
            Self::DependencyUnreadable { .. } => "DependencyUnreadable",
            Self::Vacant { .. } => "Vacant",
            Self::Paused { .. } => "Paused",
            Self::Contested => "Contested",
            Self::Braked { .. } => "Braked",
            Self::RejectedByRoute53 { .. } => "RejectedByRoute53",
            Self::DeniedByIam { .. } => "DeniedByIAM",
            Self::Protected { .. } => "Protected",
            Self::ZoneFull { .. } => "ZoneFull",
        }
    }
}

impl fmt::Display for Covered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apex => f.write_str("the zone's own name"),
            Self::Claim(host) => write!(f, "{host}, which another namespace asks for"),
            Self::Record { at, rtype } => {
                write!(f, "the {rtype} record at {at}, which is not of this namespace")
            }
        }
    }
}

impl fmt::Display for Reason {
    #[expect(clippy::too_many_lines, reason = "a text for each reason")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidHostname(why) => write!(f, "the hostname is not valid: {why}"),
            Self::InvalidField { field, text } => write!(f, "{field}: {text}"),
            Self::ReservedName(Reserved::Underscore) => {
                write!(f, "a label begins with `_`, and zonekeeper never writes addresses to such names")
            }
            Self::ReservedName(Reserved::OwnLabel) => {
                write!(f, "a label begins with `_zk-`, and such names belong to zonekeeper's own records")
            }
            Self::ReservedName(Reserved::OwnershipOf(name)) => {
                write!(f, "the ownership record of {name} needs this name")
            }
            Self::ReservedName(Reserved::WildcardReplacement) => {
                write!(f, "this name stands for `*` in the names of ownership records")
            }
            Self::ReservedName(Reserved::SharedWith(name)) => {
                write!(f, "its ownership record would be the same as that of {name}, which has records")
            }
            Self::BelowZoneCut { cut } => write!(f, "NS records delegate {cut} to another zone"),
            Self::NoTarget => write!(f, "the object has no address yet"),
            Self::UnknownLoadBalancerZone { target } => {
                write!(f, "zonekeeper does not know the hosted zone of the load balancer {target}")
            }
            Self::NoAliasZone { target } => {
                write!(f, "an alias cannot lead to {target}, which belongs to no known AWS service")
            }
            Self::NoAliasTarget { target } => {
                write!(f, "the zone has no record at {target} to which an alias could lead")
            }
            Self::AliasInPrivateZone { target } => {
                write!(f, "the zone is private, and a private zone cannot have an alias to {target}")
            }
            Self::SpecialAddress { address, special } => {
                write!(
                    f,
                    "the target {address} is a {special} address, which leads to another machine for each client"
                )
            }
            Self::CoversOthers { by: Cover::Wildcard, covered } => {
                write!(f, "the wildcard would also answer for underscored names of {covered}")
            }
            Self::CoversOthers { by: Cover::Validation, covered: Covered::Apex } => {
                write!(f, "the record would validate certificates for every name of the zone")
            }
            Self::CoversOthers { by: Cover::Validation, covered } => {
                write!(f, "the record would also validate certificates for {covered}")
            }
            Self::SpeaksForOthers { host, holder } => {
                write!(f, "the name speaks for {host}, and {holder} holds that hostname")
            }
            Self::ApexNeedsAlias { target } => {
                write!(f, "the zone's own name cannot be a CNAME, and an alias cannot lead to {target}")
            }
            Self::ManyCnameTargets { count, names } => {
                write!(f, "a CNAME or an alias has one target, and the object has {count}: {names}")
            }
            Self::UnmanagedType { types } => {
                let types: Vec<&str> = types.iter().map(RecordType::as_str).collect();
                write!(f, "the flags exclude the wanted {} records", types.join(" and "))
            }
            Self::ClaimedBy { holder } => {
                write!(f, "{holder} holds this hostname")
            }
            Self::MergeUndecided { found } => {
                write!(
                    f,
                    "the record holds addresses of several objects, which now ask for other addresses: {found}"
                )
            }
            Self::OwnedBy { owner } => write!(f, "the ownership record names another owner: `{owner}`"),
            Self::Unowned { found } => write!(f, "a record without an owner exists: {found}"),
            Self::OwnershipUnreadable { at } => {
                write!(f, "the TXT at {at} is not exactly one readable ownership value")
            }
            Self::TypeConflict { at, found, .. } => {
                write!(f, "an existing or planned {found} record at {at} excludes this record")
            }
            Self::RoutingConflict { at, is_needed: false } => {
                write!(f, "the records at {at} have another routing policy")
            }
            Self::RoutingConflict { at, is_needed: true } => {
                write!(f, "another claim on {at} asks for another routing policy")
            }
            Self::WeightedTtl { ttl, set_id } => write!(
                f,
                "weighted record sets of one hostname have one TTL, and that of set identifier `{set_id}` is {ttl}"
            ),
            Self::RoutingTaken { rule, set_id } => {
                write!(f, "the record set with set identifier `{set_id}` has {rule} already")
            }
            Self::TrafficPolicy => write!(f, "a traffic policy manages the record"),
            Self::TooBig(limit) => limit.fmt(f),
            Self::KindUnreadable { holder } => {
                write!(f, "{holder} holds this hostname, and zonekeeper cannot read it")
            }
            Self::DependencyUnreadable { object, resource } => {
                write!(f, "{object} depends on {resource}, which zonekeeper cannot read")
            }
            Self::Vacant { holder } => write!(f, "zonekeeper keeps the hostname for {holder}, which is gone"),
            Self::Paused { until } => write!(f, "the object asks for no changes until {until}"),
            Self::Contested => {
                write!(f, "somebody else has changed the record three times within a day")
            }
            Self::Braked { everywhere: false } => {
                write!(f, "too many hostnames of this namespace would move at once")
            }
            Self::Braked { everywhere: true } => {
                write!(f, "too many hostnames of several namespaces would move at once")
            }
            Self::RejectedByRoute53 { message } => write!(f, "Route 53 rejected the change: {message}"),
            Self::DeniedByIam { message, .. } => {
                write!(f, "the IAM policy does not allow the change: {message}")
            }
            Self::Protected { message } => write!(f, "a record set is protected: {message}"),
            Self::ZoneFull { message } => {
                write!(f, "the zone has reached its quota of record sets: {message}")
            }
        }
    }
}
