//! What a reason means to whoever meets it, and what to do about it.

use super::{
    Reason,
    reason::{Limit, Reserved},
};

impl Reason {
    /// Why that keeps a unit from being written, whatever the unit.
    #[expect(clippy::too_many_lines, reason = "a text for each reason")]
    pub fn meaning(&self) -> &'static str {
        match self {
            Self::InvalidHostname(_) => {
                "A hostname has labels of 1 to 63 characters and 253 in all, `*` only as its whole first label. The \
                 object's other hostnames go on."
            }
            Self::InvalidField { .. } => {
                "A value that cannot be read might have asked for anything, so nothing of the object is guessed."
            }
            Self::UnsupportedRouting { .. } => {
                "Without the policy the record would take all traffic of the hostname, so nothing of the object is published."
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
            Self::AliasInPrivateZone { .. } => {
                "Route 53 refuses aliases from a private hosted zone to CloudFront, which only the internet reaches."
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
            Self::MergeUndecided { .. } => {
                "ExternalDNS answers the addresses of all objects that ask for a hostname. Such an answer is kept as it is \
                 until these change: then it must be known whether the answer shall be that of all of them or that of \
                 one, for the others would lose their traffic."
            }
            Self::OwnedBy { .. } => {
                "The ownership TXT names another owner: another cluster, or ExternalDNS under another id."
            }
            Self::Unowned { .. } => {
                "Somebody made this record, by hand or with Terraform, and nothing says that it may be replaced."
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
            Self::TooBig(_) => {
                "A unit travels in one request or not at all, and Route 53 limits what a request and a set may hold. One \
                 object's values are limited too, so that it cannot use up what is there for all."
            }
            Self::KindUnreadable { .. } => {
                "The ownership text names an object of a kind that zonekeeper was told to read and may not. It may be \
                 there and claim the hostname, so nobody else gets it. Other hostnames go on."
            }
            Self::Vacant { .. } => {
                "An object that is deleted and created again gets its hostname back: objects of other namespaces wait \
                 for --vacancy, those of its own follow at once."
            }
            Self::Paused { .. } => {
                "The annotation `zonekeeper.dev/paused-until` keeps the object's records as they are. What would be \
                 changed is shown."
            }
            Self::Contested => {
                "What zonekeeper wrote was changed by somebody else, three times within 24 hours. It is shown and not \
                 fought, until the object changes or 6 hours have passed."
            }
            Self::Braked => {
                "Within 10 minutes, more different moves than --brake-moves and more of the hostnames than \
                 --brake-percent: that is rarely meant. New hostnames and repairs go on."
            }
            Self::RejectedByRoute53 { .. } => {
                "Route 53 refused the change. The others went on without it; it is tried again after a wait that \
                 doubles up to 10 minutes, and at once when the object or its part of the zone changes."
            }
            Self::DeniedByIam { .. } => {
                "The policy of the role does not allow the change: its name, type or action. The others went on \
                 without it, and it is tried again after growing waits. Where everything is denied, one change a \
                 minute is tried."
            }
            Self::Protected { .. } => {
                "Somebody has protected the record set in Route 53, with a comment that says why. The others went on \
                 without it, and it is tried again after growing waits."
            }
            Self::ZoneFull { .. } => {
                "A hosted zone holds 10,000 record sets unless its quota was raised. What only replaces goes on."
            }
        }
    }

    /// The fix.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::InvalidHostname(_) => "correct the hostname in the object",
            Self::InvalidField { .. } => "correct the field in the object",
            Self::UnsupportedRouting { .. } => {
                "remove the annotation to publish the hostname under simple routing, or use another object without it"
            }
            Self::ReservedName(Reserved::Underscore) => {
                "choose a hostname without a label that begins with `_`"
            }
            Self::ReservedName(Reserved::OwnershipOf(_)) | Self::TypeConflict { is_needed: true, .. } => {
                "choose another hostname"
            }
            Self::ReservedName(Reserved::WildcardReplacement) => {
                "choose another hostname, or another --txt-wildcard-replacement"
            }
            Self::ReservedName(Reserved::SharedWith(_)) => {
                "delete the records of that name if they may go, or choose another --txt-wildcard-replacement"
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
            Self::AliasInPrivateZone { .. } => {
                "publish the hostname in a public zone, choose another target with the annotation target, or, below the \
                 zone's name, start zonekeeper with --aws-prefer-cname"
            }
            Self::ApexNeedsAlias { .. } => {
                "use a target that an alias can lead to, IP addresses, or a hostname below the zone's name"
            }
            Self::ManyCnameTargets { .. } => "choose one target with the annotation target",
            Self::UnmanagedType { .. } => "add the type to --managed-record-types, or choose another target",
            Self::ClaimedBy { .. } => "remove the hostname from one of the objects",
            Self::MergeUndecided { .. } => {
                "start zonekeeper with --merge-targets=true for the addresses of all objects, or with \
                 --merge-targets=false for those of one"
            }
            Self::OwnedBy { .. } => {
                "choose another hostname; or, if that owner gives it up, adopt it with `zonekeeper adopt NAME --from-owner ID` \
                 or the change batch shown, or all of that owner's with --adopt-from-owner ID"
            }
            Self::Unowned { .. } => {
                "if the record may be replaced, adopt it with `zonekeeper adopt NAME` or the change batch shown; else choose \
                 another hostname"
            }
            Self::OwnershipUnreadable { .. } => {
                "if the record is this cluster's, replace the TXT with the change batch shown"
            }
            Self::RoutingConflict { is_needed: true, .. } => {
                "give all set identifiers of the hostname the same routing policy, or choose another hostname"
            }
            Self::TypeConflict { is_needed: false, .. } | Self::RoutingConflict { is_needed: false, .. } => {
                "if what is there may go, replace it with the change batch shown; else choose another hostname"
            }
            Self::TrafficPolicy => "delete the traffic policy instance, or choose another hostname",
            Self::TooBig(Limit::ObjectValues(_) | Limit::ObjectHosts(_)) => {
                "spread the hostnames over several objects"
            }
            Self::TooBig(_) => "spread the targets over several hostnames",
            Self::KindUnreadable { .. } => {
                "grant the right to list and watch the kind, or remove it from --source"
            }
            Self::Vacant { .. } => "wait for --vacancy, or create the object again",
            Self::Paused { .. } => "remove the annotation zonekeeper.dev/paused-until, or wait",
            Self::Contested => "find who else writes the record (CloudTrail shows it), or change the object",
            Self::Braked => {
                "if it is meant, release it with `zonekeeper approve --brake 30m`; else correct the objects"
            }
            Self::RejectedByRoute53 { .. } => {
                "correct what Route 53 objects to; it is tried again when the object changes"
            }
            Self::DeniedByIam { .. } => "attach the policy that `zonekeeper iam-policy` prints to the role",
            Self::Protected { .. } => {
                "have the protection removed by whoever made it, or choose another hostname"
            }
            Self::ZoneFull { .. } => {
                "raise the quota of record sets of the hosted zone, or delete orphans by hand"
            }
        }
    }
}
