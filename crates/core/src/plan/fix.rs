//! The meaning of each reason, and its fix.

use super::{
    Reason,
    reason::{Cover, Reserved},
};

impl Reason {
    /// The meaning of the reason, for any unit.
    #[expect(clippy::too_many_lines, reason = "a text for each reason")]
    pub fn meaning(&self) -> &'static str {
        match self {
            Self::InvalidHostname(_) => {
                "A hostname has at most 253 characters, and each label has 1 to 63. `*` can only be the whole first label. \
                 zonekeeper publishes the object's other hostnames."
            }
            Self::InvalidField { .. } => {
                "zonekeeper cannot read a field that can change where the hostname leads. It does not guess, and publishes \
                 nothing of the object."
            }
            Self::ReservedName(_) => {
                "Names with a label that begins with `_` belong to service and validation records. Other reserved names \
                 belong to the ownership records of other hostnames."
            }
            Self::BelowZoneCut { .. } => {
                "NS records inside the zone delegate their name, and everything below it, to another zone. Resolvers would \
                 never see a record here."
            }
            Self::NoTarget => {
                "The object's controller has not set an address yet. This is usual for a new object. The records in the zone \
                 stay as they are."
            }
            Self::UnknownLoadBalancerZone { .. } => {
                "An alias needs the hosted zone of the load balancer, and this version does not know its region. zonekeeper \
                 does not create a CNAME instead, because only a deletion can turn it into an alias later."
            }
            Self::NoAliasZone { .. } => {
                "The object asks for an alias. An alias needs a target of an AWS service with a known hosted zone, or a name of \
                 the same zone."
            }
            Self::NoAliasTarget { .. } => {
                "The object asks for an alias to a name of the same zone. Route 53 rejects an alias to a name that has no record \
                 of the alias' type."
            }
            Self::AliasInPrivateZone { .. } => {
                "CloudFront is reachable from the internet only. Route 53 rejects aliases to it in a private hosted zone."
            }
            Self::SpecialAddress { .. } => {
                "Loopback, link-local, multicast, unspecified and broadcast addresses lead into the machine or the network of \
                 whoever asks for the hostname. Attacks on browsers and on services in clouds use such records."
            }
            Self::CoversOthers { .. } => {
                "A wildcard answers for every name below its parent that does not exist, also for names such as \
                 `_acme-challenge`. Certificate authorities read a TXT and follow a CNAME there. A record at \
                 `_acme-challenge.www.example.com` validates certificates for `*.www.example.com` as well. With such records, a \
                 namespace could get certificates for hostnames of others. A record that exists already stays as it is."
            }
            Self::SpeaksForOthers { .. } => {
                "Names with labels that begin with `_` say something about the hostname after these labels. An SRV record leads \
                 its clients to another machine, and a TXT record at `_acme-challenge` is enough for a certificate. So these \
                 names belong to the namespace that holds the hostname. A record that exists already stays as it is."
            }
            Self::ApexNeedsAlias { .. } => {
                "The zone's own name has NS and SOA records, which exclude a CNAME."
            }
            Self::ManyCnameTargets { .. } => {
                "A CNAME or an alias leads to exactly one name. zonekeeper cannot know which of the targets to use."
            }
            Self::ClaimedBy { .. } => {
                "A hostname follows one object: the object that its ownership record names, otherwise the oldest object. \
                 zonekeeper does not mix the targets of different objects."
            }
            Self::MergeUndecided { .. } => {
                "ExternalDNS publishes the addresses of all objects that ask for a hostname. zonekeeper keeps such a record \
                 until the wanted addresses change. Then you must choose: all addresses, or those of \
                 one object, which take the traffic away from the other objects."
            }
            Self::OwnedBy { .. } => {
                "The record belongs to another cluster, or to ExternalDNS with another owner id. zonekeeper does not change \
                 records of other owners."
            }
            Self::Unowned { .. } => {
                "Somebody created this record by hand or with another tool, such as Terraform. zonekeeper does not replace \
                 a record without an ownership record."
            }
            Self::OwnershipUnreadable { .. } => {
                "The TXT in the place of the ownership record is encrypted, has several values, or has other content. \
                 zonekeeper cannot know the owner of the record, so it does not change the record."
            }
            Self::TypeConflict { .. } => {
                "A CNAME excludes every other record of its name. Only a deletion makes room, and zonekeeper never deletes."
            }
            Self::RoutingConflict { .. } => {
                "All record sets of one name and type need the same routing policy. Only a deletion makes room for another \
                 policy, and zonekeeper never deletes."
            }
            Self::WeightedTtl { .. } => {
                "All weighted record sets of one name and type have the same TTL, or Route 53 rejects them. If all objects of the \
                 hostname ask for a new TTL, zonekeeper changes all their records in one request."
            }
            Self::RoutingTaken { .. } => {
                "Two record sets of one name and type cannot have the same region, failover role, location or address block. \
                 Route 53 could not choose between them."
            }
            Self::TrafficPolicy => {
                "A traffic policy instance manages the record. Route 53 rejects direct changes to it."
            }
            Self::UnmanagedType { .. } => {
                "The flags --managed-record-types and --exclude-record-types limit the types of records that zonekeeper writes. \
                 The object asks for none of these types."
            }
            Self::TooBig(_) => {
                "zonekeeper writes all changes of a unit in one request. Route 53 limits the size of a request and of a \
                 record set. zonekeeper limits the size of an object, so that one object cannot use up all memory."
            }
            Self::KindUnreadable { .. } => {
                "The ownership record names an object that zonekeeper cannot read: it may not list the kind, or it cannot \
                 decode the object. The object can still claim the hostname, so no other object gets it. Other hostnames are \
                 not affected."
            }
            Self::DependencyUnreadable { .. } => {
                "The targets or the hostnames of the object depend on another resource, which zonekeeper cannot read. Without \
                 it, they could be wrong or incomplete, so the records stay as they are."
            }
            Self::Vacant { .. } => {
                "The object that held the hostname is gone. It gets the hostname back if somebody creates it again within \
                 --vacancy. Until then, objects of other namespaces wait. Objects of its namespace follow at once."
            }
            Self::Paused { .. } => {
                "The annotation `zonekeeper.dev/paused-until` keeps the object's records as they are. The plan shows the \
                 pending changes."
            }
            Self::Contested => {
                "Somebody else changed a record of zonekeeper three times within 24 hours. zonekeeper shows the change and \
                 does not fight it. It tries again when the object changes, or after 6 hours."
            }
            Self::Braked { .. } => {
                "Within 10 minutes, the number of different moves reached --brake-moves, and the moved hostnames exceeded \
                 --brake-percent or --brake-hosts. Such a mass change is often a mistake. New hostnames and repairs \
                 continue, and so do other namespaces if one namespace alone moves that much."
            }
            Self::RejectedByRoute53 { .. } => {
                "Route 53 rejected this change. Other changes continue. zonekeeper tries again after at most 10 \
                 minutes, and at once when the object or its part of the zone changes."
            }
            Self::DeniedByIam { .. } => {
                "The IAM policy of the role does not allow the name, the type or the action of the change. Other changes \
                 continue. zonekeeper tries again after growing waits. If IAM denies all changes, it tries one per minute."
            }
            Self::Protected { .. } => {
                "Somebody protected the record set in Route 53. The message contains their comment. Other changes continue. \
                 zonekeeper tries again after growing waits."
            }
            Self::ZoneFull { .. } => {
                "A hosted zone holds 10,000 record sets unless AWS raised its quota. Changes that only replace record sets \
                 continue."
            }
        }
    }

    /// The fix.
    #[expect(clippy::too_many_lines, reason = "a text for each reason")]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::InvalidHostname(_) => "correct the hostname in the object",
            Self::InvalidField { .. } => "correct the field in the object",
            Self::ReservedName(Reserved::Underscore) => {
                "choose a hostname without a label that begins with `_`"
            }
            Self::ReservedName(
                Reserved::OwnLabel | Reserved::OwnershipOf(_) | Reserved::WildcardReplacement,
            )
            | Self::TypeConflict { is_needed: true, .. } => "choose another hostname",
            Self::ReservedName(Reserved::SharedWith(_)) => {
                "delete the records of that name if nobody needs them; otherwise choose another hostname"
            }
            Self::BelowZoneCut { .. } => "create the record in the delegated zone, or remove the NS records",
            Self::NoTarget => {
                "wait until the object's controller sets an address, or set the annotation `target`"
            }
            Self::UnknownLoadBalancerZone { .. } => {
                "set the annotation `aws-target-hosted-zone`, or start zonekeeper with --alias-zone SUFFIX=ZONEID for this region"
            }
            Self::NoAliasZone { .. } => {
                "ask for no alias (annotation `alias`, flag --prefer-alias), set the annotation `aws-target-hosted-zone`, or start zonekeeper with --alias-zone \
                 SUFFIX=ZONEID"
            }
            Self::NoAliasTarget { .. } => {
                "create an A or AAAA record at the target, or choose another target; the alias follows as soon as the record exists"
            }
            Self::AliasInPrivateZone { .. } => {
                "publish the hostname in a public zone, or choose another target with the annotation `target`"
            }
            Self::SpecialAddress { .. } => {
                "correct the address in the object's status, or choose another target with the annotation `target`"
            }
            Self::CoversOthers { by: Cover::Wildcard, .. } => {
                "name each hostname, or choose a target that becomes addresses or an alias; if all namespaces trust each \
                 other, start zonekeeper with --allow-wildcard-cname"
            }
            Self::CoversOthers { by: Cover::Validation, .. } => {
                "validate over HTTP, or validate each hostname with a record of its own; if all namespaces trust each other, start \
                 zonekeeper with --allow-wildcard-cname"
            }
            Self::SpeaksForOthers { .. } => {
                "ask for the name with an object of the namespace that holds the hostname; if all namespaces trust each other, \
                 start zonekeeper with --merge-targets=all-namespaces"
            }
            Self::ApexNeedsAlias { .. } => {
                "choose a target that an alias can lead to, IP addresses, or a hostname below the zone's name"
            }
            Self::ManyCnameTargets { .. } => "choose one target with the annotation `target`",
            Self::UnmanagedType { .. } => {
                "add the type to --managed-record-types, remove it from --exclude-record-types, or choose another target"
            }
            Self::ClaimedBy { .. } => "remove the hostname from one of the objects",
            Self::MergeUndecided { .. } => {
                "start zonekeeper with --merge-targets=false to publish the addresses of one object, with \
                 --merge-targets=true to publish those of all objects of its namespace, or with \
                 --merge-targets=all-namespaces; each holds for every hostname"
            }
            Self::OwnedBy { .. } => {
                "choose another hostname; or, if the owner gives the record up, run `zonekeeper adopt NAME --from-owner ID` or \
                 the change batch shown; --adopt-from-owner ID adopts all records of that owner"
            }
            Self::Unowned { .. } => {
                "if zonekeeper may replace the record, run `zonekeeper adopt NAME` or the change batch shown; otherwise choose \
                 another hostname"
            }
            Self::OwnershipUnreadable { .. } => {
                "if the record belongs to this cluster, replace the TXT with the change batch shown"
            }
            Self::RoutingConflict { is_needed: true, .. } => {
                "give all set identifiers of the hostname the same routing policy, or choose another hostname"
            }
            Self::TypeConflict { is_needed: false, .. } | Self::RoutingConflict { is_needed: false, .. } => {
                "if nobody needs the existing records, replace them with the change batch shown; otherwise choose another \
                 hostname"
            }
            Self::WeightedTtl { .. } => {
                "give all objects of the hostname the same TTL with the annotation `ttl`, or remove this annotation from all of them; if \
                 no object of this cluster has the other set identifier, use its TTL"
            }
            Self::RoutingTaken { .. } => {
                "choose another value for the routing policy, or ask the owner of the other set identifier to change it"
            }
            Self::TrafficPolicy => "delete the traffic policy instance, or choose another hostname",
            Self::TooBig(limit) => limit.fix(),
            Self::KindUnreadable { .. } => {
                "grant zonekeeper the right to list and watch the kind; if the log says that the object cannot be decoded, \
                 correct the object"
            }
            Self::DependencyUnreadable { .. } => {
                "correct that resource, or grant zonekeeper the right to list and watch its kind; if the API server does not \
                 have the kind, install its CustomResourceDefinition; if it is an Address, check that zonekeeper's pod can resolve the host name"
            }
            Self::Vacant { .. } => "wait for --vacancy, or create the object again",
            Self::Paused { .. } => "remove the annotation zonekeeper.dev/paused-until, or wait",
            Self::Contested => {
                "find out who else writes the record (CloudTrail shows it), or change the object"
            }
            Self::Braked { .. } => {
                "if you want this change, release it with `zonekeeper approve --brake 30m`; otherwise correct the objects"
            }
            Self::RejectedByRoute53 { .. } => {
                "correct the object as the message says; zonekeeper tries again when the object changes"
            }
            Self::DeniedByIam { is_underscored: true, .. } => {
                "the policy that `zonekeeper iam-policy` prints denies this name on purpose, because names with a label that \
                 begins with `_` can prove the control of a domain; to allow all such names, the platform team removes the \
                 statement DenyServiceNames from the policy of the role"
            }
            Self::DeniedByIam { is_underscored: false, .. } => {
                "the platform team attaches the policy that `zonekeeper iam-policy` prints to the role"
            }
            Self::Protected { .. } => {
                "ask the person who protected the record set to remove the protection, or choose another hostname"
            }
            Self::ZoneFull { .. } => {
                "raise the record set quota of the hosted zone, or delete orphans by hand"
            }
        }
    }
}
