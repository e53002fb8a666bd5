//! Why a unit is not written, and the way out.

use std::fmt;

use super::{HandChange, MAX_BATCH_CHARACTERS, MAX_BATCH_VALUES, MAX_SET_VALUES};
use crate::{
    dns::{BadName, Name, RecordType},
    source::{Facts, ObjectId},
};

/// A unit that is not written, for exactly one reason, as the object that asks for it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The hostname, as far as it is one.
    pub host: String,
    /// The object that asks for it.
    pub object: ObjectId,
    /// Why it is not written.
    pub reason: Reason,
    /// For conflicts with the zone: what a person could run to resolve them. zonekeeper does not run it.
    pub remedy: Vec<HandChange>,
}

/// Why a unit is not written. What is in the zone stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The hostname is none.
    InvalidHostname(BadName),
    /// A field of the object cannot be read.
    InvalidField {
        /// Which one.
        field: String,
        /// What is wrong with it.
        text: String,
    },
    /// The name is kept for something else.
    ReservedName(Reserved),
    /// The name is delegated to another zone.
    BelowZoneCut {
        /// Where the NS set is.
        cut: Name,
    },
    /// The object has no address yet.
    NoTarget,
    /// An AWS load balancer of a region that the table of hosted zones does not know.
    UnknownLoadBalancerZone {
        /// Its name.
        target: Name,
    },
    /// `alias: "true"` with a target of no known AWS service.
    NoAliasZone {
        /// The target.
        target: Name,
    },
    /// The zone's apex cannot be a CNAME.
    ApexNeedsAlias {
        /// The target.
        target: Name,
    },
    /// A CNAME and an alias have one target only.
    ManyCnameTargets {
        /// The targets.
        targets: Vec<Name>,
    },
    /// Nothing that the object asks for is of a type that is written.
    UnmanagedType {
        /// The types that it asks for.
        types: Vec<RecordType>,
    },
    /// Another object has the hostname and asks for something else.
    ClaimedBy {
        /// That object.
        holder: ObjectId,
    },
    /// Another owner has the record, or has reserved its name.
    OwnedBy {
        /// That owner.
        owner: String,
        /// Whether the zone answers what the object asks for all the same.
        in_sync: bool,
    },
    /// There is a record without an owner, and it answers something else.
    Unowned {
        /// The record.
        found: String,
    },
    /// There is a record without an owner, and it answers what the object asks for.
    Unmanaged,
    /// The TXT that would say whose the record is cannot be read.
    OwnershipUnreadable {
        /// Where that TXT is.
        at: Name,
    },
    /// A record of a type that excludes the wanted one.
    TypeConflict {
        /// At which name.
        at: Name,
        /// The type that is there, or that an older claim will put there.
        found: RecordType,
    },
    /// A record under another routing policy.
    RoutingConflict {
        /// At which name.
        at: Name,
    },
    /// A record that a traffic policy manages.
    TrafficPolicy,
    /// More than Route 53 accepts at once.
    TooBig {
        /// What there is too much of.
        limit: Limit,
        /// How much there is.
        have: usize,
    },
    /// Route 53 refused it.
    RejectedByRoute53 {
        /// What it said.
        message: String,
    },
}

/// What a reserved name is kept for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// A label beginning with `_`, as service and validation records have it (RFC 8552).
    Underscore,
    /// The ownership TXT of a record that is in the zone.
    OwnershipOf(Name),
    /// The replacement of `*` in the names of ownership TXTs.
    WildcardReplacement,
}

/// A limit of Route 53 that a single unit can exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Values in one record set.
    SetValues,
    /// Values in one request.
    BatchValues,
    /// Characters in one request.
    BatchCharacters,
}

// === impl Blocked ===

impl Blocked {
    /// The reason in words, for people who may see the object's namespace and no other.
    pub fn told(&self) -> String {
        match &self.reason {
            Reason::ClaimedBy { holder } if holder.namespace() != self.object.namespace() => {
                "an object of another namespace has this hostname and asks for something else".to_owned()
            }
            reason => reason.to_string(),
        }
    }
}

// === impl Reason ===

impl Reason {
    /// Its name in Events, logs, metrics and documents.
    pub fn label(&self) -> &'static str {
        match self {
            Self::InvalidHostname(_) => "InvalidHostname",
            Self::InvalidField { .. } => "InvalidField",
            Self::ReservedName(_) => "ReservedName",
            Self::BelowZoneCut { .. } => "BelowZoneCut",
            Self::NoTarget => "NoTarget",
            Self::UnknownLoadBalancerZone { .. } => "UnknownLoadBalancerZone",
            Self::NoAliasZone { .. } => "NoAliasZone",
            Self::ApexNeedsAlias { .. } => "ApexNeedsAlias",
            Self::ManyCnameTargets { .. } => "ManyCnameTargets",
            Self::UnmanagedType { .. } => "UnmanagedType",
            Self::ClaimedBy { .. } => "ClaimedBy",
            Self::OwnedBy { .. } => "OwnedBy",
            Self::Unowned { .. } => "Unowned",
            Self::Unmanaged => "Unmanaged",
            Self::OwnershipUnreadable { .. } => "OwnershipUnreadable",
            Self::TypeConflict { .. } => "TypeConflict",
            Self::RoutingConflict { .. } => "RoutingConflict",
            Self::TrafficPolicy => "TrafficPolicy",
            Self::TooBig { .. } => "TooBig",
            Self::RejectedByRoute53 { .. } => "RejectedByRoute53",
        }
    }

    /// Why that keeps a unit from being written, whatever the unit.
    pub fn meaning(&self) -> &'static str {
        match self {
            Self::InvalidHostname(_) => {
                "A hostname has labels of 1 to 63 characters and 253 in all, `*` only as its whole first label. The \
                 object's other hostnames go on."
            }
            Self::InvalidField { .. } => {
                "A value that cannot be read might have asked for anything, so nothing of the object is guessed."
            }
            Self::ReservedName(_) => {
                "Some names are kept: those with a label that begins with `_` for service and validation records, and \
                 those where the ownership TXT of another record is or would be."
            }
            Self::BelowZoneCut { .. } => {
                "NS records inside the zone hand everything at and below their name to another zone: a record here \
                 would never be answered."
            }
            Self::NoTarget => {
                "There is nowhere to lead yet. Usual for a new object; what is in the zone stays as it is."
            }
            Self::UnknownLoadBalancerZone { .. } => {
                "An alias needs the hosted zone of the load balancer, and this version does not know that of its \
                 region. A CNAME instead could not be turned into an alias later without a deletion."
            }
            Self::NoAliasZone { .. } => {
                "The object asks for an alias, and its target belongs to no AWS service that has a hosted zone."
            }
            Self::ApexNeedsAlias { .. } => {
                "The zone's own name has NS and SOA records, which exclude a CNAME."
            }
            Self::ManyCnameTargets { .. } => {
                "A CNAME and an alias lead to one name. Which of several is meant, only the object's owner knows."
            }
            Self::ClaimedBy { .. } => {
                "Targets of different objects are never mixed. The hostname stays with the object that its ownership \
                 text names, else with the oldest."
            }
            Self::OwnedBy { .. } => {
                "The ownership TXT names another owner: another cluster, or ExternalDNS under another id."
            }
            Self::Unowned { .. } => {
                "Somebody made this record, by hand or with Terraform, and nothing says that it may be replaced."
            }
            Self::Unmanaged => {
                "The answer is right, but without an ownership TXT it would not follow when the target changes."
            }
            Self::OwnershipUnreadable { .. } => {
                "There is a TXT where ownership is stated, and it is encrypted, or not one text, or says something \
                 else. Whose the record is cannot be known."
            }
            Self::TypeConflict { .. } => {
                "A CNAME excludes every other record of its name. Making room would take a deletion."
            }
            Self::RoutingConflict { .. } => {
                "Record sets of one name and type share a routing policy. Changing it would take a deletion."
            }
            Self::TrafficPolicy => {
                "Records of a traffic policy instance are changed through the policy only."
            }
            Self::UnmanagedType { .. } => {
                "This zonekeeper was told to write some types of records only, and the object asks for none of them."
            }
            Self::TooBig { .. } => {
                "A unit travels in one request or not at all, and Route 53 limits what a request and a set may hold."
            }
            Self::RejectedByRoute53 { .. } => {
                "Route 53 refused the change. The others went on without it; it is tried again after a wait that \
                 doubles up to 10 minutes, and at once when the object or its part of the zone changes."
            }
        }
    }

    /// What to do about it.
    pub fn way_out(&self) -> &'static str {
        match self {
            Self::InvalidHostname(_) => "correct the hostname in the object",
            Self::InvalidField { .. } => "correct the field in the object",
            Self::ReservedName(Reserved::Underscore) => {
                "choose a hostname without a label that begins with `_`"
            }
            Self::ReservedName(Reserved::OwnershipOf(_)) => "choose another hostname",
            Self::ReservedName(Reserved::WildcardReplacement) => {
                "choose another hostname, or another --txt-wildcard-replacement"
            }
            Self::BelowZoneCut { .. } => "create the record in the delegated zone, or remove the NS records",
            Self::NoTarget => {
                "wait for the controller of the object to set an address, or set the annotation target"
            }
            Self::UnknownLoadBalancerZone { .. } => {
                "start zonekeeper with --alias-zone SUFFIX=ZONEID for this region, or with --aws-prefer-cname"
            }
            Self::NoAliasZone { .. } => {
                "remove the annotation alias, or start zonekeeper with --alias-zone SUFFIX=ZONEID"
            }
            Self::ApexNeedsAlias { .. } => {
                "use a target that an alias can lead to, IP addresses, or a hostname below the zone's name"
            }
            Self::ManyCnameTargets { .. } => "choose one target with the annotation target",
            Self::UnmanagedType { .. } => "add the type to --managed-record-types, or choose another target",
            Self::ClaimedBy { .. } => "remove the hostname from one of the objects",
            Self::OwnedBy { in_sync: true, .. } => "nothing to do, unless this cluster shall manage it",
            Self::OwnedBy { in_sync: false, .. } => {
                "choose another hostname, or hand the record over with the change batch shown"
            }
            Self::Unowned { .. } => {
                "if the record may be replaced, state ownership with the change batch shown; else choose another hostname"
            }
            Self::Unmanaged => {
                "if zonekeeper shall keep it up to date, state ownership with the change batch shown"
            }
            Self::OwnershipUnreadable { .. } => {
                "if the record is this cluster's, replace the TXT with the change batch shown"
            }
            Self::TypeConflict { .. } | Self::RoutingConflict { .. } => {
                "if what is there may go, replace it with the change batch shown; else choose another hostname"
            }
            Self::TrafficPolicy => "delete the traffic policy instance, or choose another hostname",
            Self::TooBig { .. } => "spread the targets over several hostnames",
            Self::RejectedByRoute53 { .. } => {
                "correct what Route 53 objects to; it is tried again when the object changes"
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidHostname(why) => write!(f, "this is not a hostname: {why}"),
            Self::InvalidField { field, text } => write!(f, "{field}: {text}"),
            Self::ReservedName(Reserved::Underscore) => {
                write!(f, "names with `_` are kept for service records")
            }
            Self::ReservedName(Reserved::OwnershipOf(name)) => {
                write!(f, "the name is kept for the ownership TXT of {name}")
            }
            Self::ReservedName(Reserved::WildcardReplacement) => {
                write!(f, "the name stands for `*` in the names of ownership TXTs")
            }
            Self::BelowZoneCut { cut } => write!(f, "{cut} is delegated to another zone by NS records"),
            Self::NoTarget => write!(f, "the object has no address yet"),
            Self::UnknownLoadBalancerZone { target } => {
                write!(f, "the hosted zone of the load balancer {target} is not known")
            }
            Self::NoAliasZone { target } => {
                write!(f, "{target} belongs to no AWS service that an alias can lead to")
            }
            Self::ApexNeedsAlias { target } => {
                write!(f, "the zone's own name cannot be a CNAME, and {target} cannot be an alias")
            }
            Self::ManyCnameTargets { targets } => {
                let names: Vec<&str> = targets.iter().map(Name::as_str).collect();
                write!(
                    f,
                    "only one host name can be the target, there are {}: {}",
                    targets.len(),
                    names.join(", ")
                )
            }
            Self::UnmanagedType { types } => {
                let types: Vec<&str> = types.iter().map(RecordType::as_str).collect();
                write!(f, "{} records are not written here", types.join(" and "))
            }
            Self::ClaimedBy { holder } => write!(f, "{holder} has this hostname and asks for something else"),
            Self::OwnedBy { owner, in_sync: false } => write!(f, "the owner `{owner}` has this name"),
            Self::OwnedBy { owner, in_sync: true } => {
                write!(f, "the owner `{owner}` has this name; it answers what is asked for")
            }
            Self::Unowned { found } => write!(f, "a record without an owner is there: {found}"),
            Self::Unmanaged => write!(f, "the record is right, but has no owner: it is not kept up to date"),
            Self::OwnershipUnreadable { at } => {
                write!(f, "the TXT {at} does not hold exactly one readable ownership text")
            }
            Self::TypeConflict { at, found } => {
                write!(f, "a record of type {found} is or will be at {at}, and excludes it")
            }
            Self::RoutingConflict { at } => write!(f, "{at} has records under another routing policy"),
            Self::TrafficPolicy => write!(f, "a traffic policy manages the record"),
            Self::TooBig { limit, have } => match limit {
                Limit::SetValues => {
                    write!(f, "{have} values in one record set, {MAX_SET_VALUES} are allowed")
                }
                Limit::BatchValues => {
                    write!(f, "{have} values in one request, {MAX_BATCH_VALUES} are allowed")
                }
                Limit::BatchCharacters => {
                    write!(f, "{have} characters in one request, {MAX_BATCH_CHARACTERS} are allowed")
                }
            },
            Self::RejectedByRoute53 { message } => write!(f, "Route 53 refused it: {message}"),
        }
    }
}

/// The hostnames of an object that are none.
pub(crate) fn of_bad_hosts(facts: &Facts) -> impl Iterator<Item = Blocked> {
    facts.bad_hosts.iter().map(|bad| Blocked {
        host: bad.text.clone(),
        object: facts.object.clone(),
        reason: Reason::InvalidHostname(bad.why.clone()),
        remedy: Vec::new(),
    })
}
