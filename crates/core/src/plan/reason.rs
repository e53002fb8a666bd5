//! Why a unit is not written, and the way out.

use std::fmt;

use super::{HandChange, MAX_BATCH_CHARACTERS, MAX_BATCH_VALUES};
use crate::{
    dns::{BadName, MAX_SET_VALUES, Name, RecordType},
    source::{Facts, MAX_OBJECT_HOSTS, ObjectRef},
};

/// A unit that is not written, for exactly one reason, as the object that asks for it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// The hostname, as far as it is one.
    pub host: String,
    /// The object that asks for it.
    pub object: ObjectRef,
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
    /// The object asks for a routing policy, which no source reads yet.
    UnsupportedRouting {
        /// The annotation that asks for it.
        field: String,
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
    /// An alias that a private zone cannot have.
    AliasInPrivateZone {
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
        /// How many there are.
        count: usize,
        /// The first of them.
        names: String,
    },
    /// Nothing that the object asks for is of a type that is written.
    UnmanagedType {
        /// The types that it asks for.
        types: Vec<RecordType>,
    },
    /// Another object has the hostname and asks for something else.
    ClaimedBy {
        /// That object.
        holder: ObjectRef,
    },
    /// There are the targets of several objects, which now ask for something else together.
    MergeUndecided {
        /// The record.
        found: String,
    },
    /// Another owner has the record, or has reserved its name.
    OwnedBy {
        /// That owner.
        owner: String,
    },
    /// There is a record without an owner, and it answers something else.
    Unowned {
        /// The record.
        found: String,
    },
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
        /// Whether another hostname needs it, so that taking it away is no way out.
        is_needed: bool,
    },
    /// A record under another routing policy.
    RoutingConflict {
        /// At which name.
        at: Name,
        /// Whether another claim needs those records, so that their deletion is no fix.
        is_needed: bool,
    },
    /// A record that a traffic policy manages.
    TrafficPolicy,
    /// More than fits.
    TooBig(Limit),
    /// The objects of a kind cannot be read, and one of them has the hostname.
    KindUnreadable {
        /// The object that the ownership text names.
        holder: ObjectRef,
    },
    /// The object that had the hostname is gone, and may come back.
    Vacant {
        /// That object.
        holder: ObjectRef,
    },
    /// The object asks for its records to be left alone for a while.
    Paused {
        /// Until when, as it is written there.
        until: String,
    },
    /// Somebody else changes it again and again.
    Contested,
    /// Too many hostnames would be moved at once.
    Braked,
    /// Route 53 refused it.
    RejectedByRoute53 {
        /// What it said.
        message: String,
    },
    /// The role may not make this change.
    DeniedByIam {
        /// What Route 53 said.
        message: String,
    },
    /// A record set is protected.
    Protected {
        /// What Route 53 said, with the comment of the protection.
        message: String,
    },
    /// The zone holds as many record sets as it may.
    ZoneFull {
        /// What Route 53 said.
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
    /// A record that is at that replacement: the TXT of the wildcard may be that of this name.
    SharedWith(Name),
}

/// Most values that one object may ask for at all its hostnames together: each is kept at each of them. A zone of 10,000
/// record sets with ten values each has so many.
pub(super) const MAX_OBJECT_VALUES: usize = 100_000;

/// A limit that is exceeded, with how much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Values in one record set.
    SetValues,
    /// Values at all hostnames of one object.
    ObjectValues(usize),
    /// Hostnames of one object.
    ObjectHosts(usize),
    /// Values in one request.
    BatchValues(usize),
    /// Characters in one request.
    BatchCharacters(usize),
}

// === impl Blocked ===

impl Blocked {
    /// The reason in words, for people who may see the object's namespace and no other.
    pub fn told(&self) -> String {
        match &self.reason {
            Reason::ClaimedBy { holder } if holder.namespace() != self.object.namespace() => {
                "an object of another namespace has this hostname and asks for something else".to_owned()
            }
            Reason::Vacant { holder } if holder.namespace() != self.object.namespace() => {
                "the hostname is kept for an object of another namespace, which is gone".to_owned()
            }
            Reason::KindUnreadable { holder } if holder.namespace() != self.object.namespace() => {
                "an object of another namespace has this hostname, and objects of its kind cannot be read"
                    .to_owned()
            }
            reason => reason.to_string(),
        }
    }
}

// === impl Reason ===

impl Reason {
    /// Whether it lies in what the zone holds, so that only reading shows that it is gone.
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
                | Self::TrafficPolicy
        )
    }

    /// Its name in Events, logs, metrics and documents.
    pub fn label(&self) -> &'static str {
        match self {
            Self::InvalidHostname(_) => "InvalidHostname",
            Self::InvalidField { .. } => "InvalidField",
            Self::UnsupportedRouting { .. } => "UnsupportedRouting",
            Self::ReservedName(_) => "ReservedName",
            Self::BelowZoneCut { .. } => "BelowZoneCut",
            Self::NoTarget => "NoTarget",
            Self::UnknownLoadBalancerZone { .. } => "UnknownLoadBalancerZone",
            Self::NoAliasZone { .. } => "NoAliasZone",
            Self::AliasInPrivateZone { .. } => "AliasInPrivateZone",
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
            Self::TrafficPolicy => "TrafficPolicy",
            Self::TooBig(_) => "TooBig",
            Self::KindUnreadable { .. } => "KindUnreadable",
            Self::Vacant { .. } => "Vacant",
            Self::Paused { .. } => "Paused",
            Self::Contested => "Contested",
            Self::Braked => "Braked",
            Self::RejectedByRoute53 { .. } => "RejectedByRoute53",
            Self::DeniedByIam { .. } => "DeniedByIAM",
            Self::Protected { .. } => "Protected",
            Self::ZoneFull { .. } => "ZoneFull",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidHostname(why) => write!(f, "this is not a hostname: {why}"),
            Self::InvalidField { field, text } => write!(f, "{field}: {text}"),
            Self::UnsupportedRouting { field } => {
                write!(f, "{field} asks for a routing policy, which this version does not publish")
            }
            Self::ReservedName(Reserved::Underscore) => {
                write!(f, "names with `_` are kept for service records")
            }
            Self::ReservedName(Reserved::OwnershipOf(name)) => {
                write!(f, "the name is kept for the ownership TXT of {name}")
            }
            Self::ReservedName(Reserved::WildcardReplacement) => {
                write!(f, "the name stands for `*` in the names of ownership TXTs")
            }
            Self::ReservedName(Reserved::SharedWith(name)) => {
                write!(f, "its ownership TXT cannot be told from that of {name}, which has records")
            }
            Self::BelowZoneCut { cut } => write!(f, "{cut} is delegated to another zone by NS records"),
            Self::NoTarget => write!(f, "the object has no address yet"),
            Self::UnknownLoadBalancerZone { target } => {
                write!(f, "the hosted zone of the load balancer {target} is not known")
            }
            Self::NoAliasZone { target } => {
                write!(f, "{target} belongs to no AWS service that an alias can lead to")
            }
            Self::AliasInPrivateZone { target } => {
                write!(f, "the zone is private, and no alias leads from there to {target}")
            }
            Self::ApexNeedsAlias { target } => {
                write!(f, "the zone's own name cannot be a CNAME, and {target} cannot be an alias")
            }
            Self::ManyCnameTargets { count, names } => {
                write!(f, "only one host name can be the target, there are {count}: {names}")
            }
            Self::UnmanagedType { types } => {
                let types: Vec<&str> = types.iter().map(RecordType::as_str).collect();
                write!(f, "{} records are not written here", types.join(" and "))
            }
            Self::ClaimedBy { holder } => write!(f, "{holder} has this hostname and asks for something else"),
            Self::MergeUndecided { found } => {
                write!(f, "the record holds addresses of several objects, which ask for others now: {found}")
            }
            Self::OwnedBy { owner } => write!(f, "the owner `{owner}` has this name"),
            Self::Unowned { found } => write!(f, "a record without an owner is there: {found}"),
            Self::OwnershipUnreadable { at } => {
                write!(f, "the TXT {at} does not hold exactly one readable ownership text")
            }
            Self::TypeConflict { at, found, .. } => {
                write!(f, "a record of type {found} is or will be at {at}, and excludes it")
            }
            Self::RoutingConflict { at, is_needed: false } => {
                write!(f, "{at} has records under another routing policy")
            }
            Self::RoutingConflict { at, is_needed: true } => {
                write!(f, "another claim on {at} asks for another routing policy")
            }
            Self::TrafficPolicy => write!(f, "a traffic policy manages the record"),
            Self::TooBig(limit) => match limit {
                Limit::SetValues => {
                    write!(f, "more values in one record set than the {MAX_SET_VALUES} that are allowed")
                }
                Limit::ObjectValues(have) => write!(
                    f,
                    "{have} values at all hostnames of the object together, {MAX_OBJECT_VALUES} are allowed"
                ),
                Limit::ObjectHosts(have) => {
                    write!(f, "{have} hostnames in one object, {MAX_OBJECT_HOSTS} are allowed")
                }
                Limit::BatchValues(have) => {
                    write!(f, "{have} values in one request, {MAX_BATCH_VALUES} are allowed")
                }
                Limit::BatchCharacters(have) => {
                    write!(f, "{have} characters in one request, {MAX_BATCH_CHARACTERS} are allowed")
                }
            },
            Self::KindUnreadable { holder } => {
                write!(f, "{holder} has this hostname, and objects of its kind cannot be read")
            }
            Self::Vacant { holder } => write!(f, "the hostname is kept for {holder}, which is gone"),
            Self::Paused { until } => write!(f, "the object asks for no changes until {until}"),
            Self::Contested => {
                write!(f, "somebody else has changed the record three times within a day")
            }
            Self::Braked => write!(f, "too many hostnames would be moved at once"),
            Self::RejectedByRoute53 { message } => write!(f, "Route 53 refused it: {message}"),
            Self::DeniedByIam { message } => write!(f, "the role may not make this change: {message}"),
            Self::Protected { message } => write!(f, "a record set is protected: {message}"),
            Self::ZoneFull { message } => {
                write!(f, "the zone holds as many record sets as it may: {message}")
            }
        }
    }
}

/// The hostnames of an object that are blocked whatever the zone holds: those that are not valid, and those above the
/// limit, which are counted and not listed. The last invalid hostname that is kept stands for those that are not.
pub(crate) fn of_object(facts: &Facts) -> impl Iterator<Item = Blocked> {
    let blocked = |host, reason| Blocked { host, object: facts.object.clone(), reason, remedy: Vec::new() };
    let counts =
        std::iter::repeat_n(0, facts.bad_hosts.len().saturating_sub(1)).chain([facts.more_bad_hosts]);
    let bad = facts.bad_hosts.iter().zip(counts).map(move |(bad, more)| {
        let host = if more == 0 { bad.text.clone() } else { format!("{} and {more} more", bad.text) };
        blocked(host, Reason::InvalidHostname(bad.why.clone()))
    });
    let above = Some(facts.hosts_above_limit).filter(|above| *above > 0).map(move |above| {
        let host = format!("{above} more hostnames");
        blocked(host, Reason::TooBig(Limit::ObjectHosts(MAX_OBJECT_HOSTS + above)))
    });
    bad.chain(above.filter(|_| facts.passed_over.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Kind;

    #[test]
    fn an_object_is_told_nothing_of_another_namespace() {
        let object = |namespace: &str| ObjectRef::new(Kind::Ingress, namespace, "web");
        for (namespace, is_named) in [("shop", true), ("bank", false)] {
            for reason in [
                Reason::ClaimedBy { holder: object(namespace) },
                Reason::Vacant { holder: object(namespace) },
                Reason::KindUnreadable { holder: object(namespace) },
            ] {
                let label = reason.label();
                let blocked = Blocked {
                    host: "www.example.com".to_owned(),
                    object: object("shop"),
                    reason,
                    remedy: vec![],
                };
                assert_eq!(blocked.told().contains(namespace), is_named, "{label}: {}", blocked.told());
                assert!(blocked.reason.to_string().contains(namespace), "{label}");
            }
        }
    }
}
