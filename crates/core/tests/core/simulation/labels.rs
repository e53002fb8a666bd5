//! The labels of statistics. Each type has one table with the labels and the list of those that must occur.

use zonekeeper_core::{
    dns::RecordType,
    keeper::{Cursor, Effect, FailureClass, Gate, Input, Read, Readiness, Report, Warning},
    plan::{Note, Reason},
    source::Reduced,
};

use super::service::Fate;

/// Defines a table with a row for each variant. A variant without a row does not compile, and each row must occur.
macro_rules! labels {
    ($(#[$about:meta])* $name:ident($type:ty), $all:ident: $($pattern:pat => $label:literal,)+) => {
        $(#[$about])*
        pub fn $name(it: &$type) -> &'static str {
            match it {
                $($pattern => $label,)+
            }
        }

        /// The labels of the table above.
        pub const $all: &[&str] = &[$($label),+];
    };
}

labels! {
    input(Input), INPUTS:
    Input::Resource { reduced: Some(Reduced::Facts(_)), .. } => "Resource, facts",
    Input::Resource { reduced: Some(Reduced::Part(_)), .. } => "Resource, a part of a join",
    Input::Resource { reduced: None, .. } => "Resource, gone",
    Input::Undecodable { .. } => "Undecodable",
    Input::Listing(_) => "Listing",
    Input::Listed(_) => "Listed",
    Input::Page { .. } => "Page",
    Input::Applied { .. } => "Applied",
    Input::Propagation { .. } => "Propagation",
    Input::Counted(_) => "Counted",
    Input::Denied(_) => "Denied",
    Input::Wall { .. } => "Wall",
    Input::Recall { .. } => "Recall",
    Input::Release { .. } => "Release",
    Input::Approve(_) => "Approve",
    Input::Published(_) => "Published",
    Input::Leadership { .. } => "Leadership",
    Input::Tick => "Tick",
}

labels! {
    effect(Effect), EFFECTS:
    Effect::Read(Read { start: None, .. }) => "Read, first page",
    Effect::Read(Read { start: Some(Cursor { rtype: None, .. }), .. }) => "Read, a name",
    Effect::Read(Read { start: Some(_), .. }) => "Read, further page",
    Effect::Apply(_) => "Apply",
    Effect::AskPropagation(_) => "AskPropagation",
    Effect::Count => "Count",
    Effect::Remember(_) => "Remember",
    Effect::Publish(_) => "Publish",
    Effect::Report(Report::Accepted { change: Some(_), .. }) => "Report Accepted",
    Effect::Report(Report::Accepted { change: None, .. }) => "Report Accepted, found by a read",
    Effect::Report(Report::Refused { .. }) => "Report Refused",
    Effect::Report(Report::Blocked(_)) => "Report Blocked",
    Effect::Report(Report::Planned(_)) => "Report Planned",
    Effect::Report(Report::Noted(_)) => "Report Noted",
    Effect::Report(Report::NoLongerNoted { .. }) => "Report NoLongerNoted",
    Effect::Report(Report::LeftOver(_)) => "Report LeftOver",
    Effect::Report(Report::NotLeftOver(_)) => "Report NotLeftOver",
    Effect::Report(Report::Lasting { warning: Warning::Blocked(_), .. }) => "Report Lasting, blocked",
    Effect::Report(Report::Lasting { warning: Warning::Noted(_), .. }) => "Report Lasting, noted",
    Effect::Report(Report::Lasting { warning: Warning::LeftOver(_), .. }) => "Report Lasting, left over",
    Effect::Report(Report::Ignored(_)) => "Report Ignored",
    Effect::Report(Report::NoLongerIgnored(_)) => "Report NoLongerIgnored",
    Effect::Report(Report::Lasting { warning: Warning::Ignored(_), .. }) => "Report Lasting, ignored",
    Effect::Report(Report::Unblocked { .. }) => "Report Unblocked",
    Effect::Report(Report::ObjectState(_)) => "Report ObjectState",
    Effect::Report(Report::InSync { .. }) => "Report InSync",
    Effect::Report(Report::ZoneListed { .. }) => "Report ZoneListed",
    Effect::Report(Report::Failed { .. }) => "Report Failed",
}

labels! {
    note(Note), NOTES:
    Note::Unmanaged => "Unmanaged",
    Note::OwnershipLost => "OwnershipLost",
    Note::OwnedBy { .. } => "OwnedBy",
}

labels! {
    /// What the reported states of objects say.
    readiness(Readiness), READINESS:
    Readiness::Ready { noted: None, .. } => "Ready",
    Readiness::Ready { noted: Some(_), .. } => "Ready, noted",
    Readiness::Blocked { .. } => "Blocked",
    Readiness::Waiting { needs_approval: false, .. } => "Waiting",
    Readiness::Waiting { needs_approval: true, .. } => "Waiting for an approval",
}

labels! {
    reason(Reason), REASONS:
    Reason::InvalidHostname(_) => "InvalidHostname",
    Reason::InvalidField { .. } => "InvalidField",
    Reason::ReservedName(_) => "ReservedName",
    Reason::BelowZoneCut { .. } => "BelowZoneCut",
    Reason::NoTarget => "NoTarget",
    Reason::UnknownLoadBalancerZone { .. } => "UnknownLoadBalancerZone",
    Reason::NoAliasZone { .. } => "NoAliasZone",
    Reason::NoAliasTarget { .. } => "NoAliasTarget",
    Reason::AliasInPrivateZone { .. } => "AliasInPrivateZone",
    Reason::SpecialAddress { .. } => "SpecialAddress",
    Reason::CoversOthers { .. } => "CoversOthers",
    Reason::SpeaksForOthers { .. } => "SpeaksForOthers",
    Reason::ApexNeedsAlias { .. } => "ApexNeedsAlias",
    Reason::ManyCnameTargets { .. } => "ManyCnameTargets",
    Reason::UnmanagedType { .. } => "UnmanagedType",
    Reason::ClaimedBy { .. } => "ClaimedBy",
    Reason::MergeUndecided { .. } => "MergeUndecided",
    Reason::OwnedBy { .. } => "OwnedBy",
    Reason::Unowned { .. } => "Unowned",
    Reason::OwnershipUnreadable { .. } => "OwnershipUnreadable",
    Reason::TypeConflict { .. } => "TypeConflict",
    Reason::RoutingConflict { .. } => "RoutingConflict",
    Reason::WeightedTtl { .. } => "WeightedTtl",
    Reason::RoutingTaken { .. } => "RoutingTaken",
    Reason::TrafficPolicy => "TrafficPolicy",
    Reason::TooBig(_) => "TooBig",
    Reason::KindUnreadable { .. } => "KindUnreadable",
    Reason::DependencyUnreadable { .. } => "DependencyUnreadable",
    Reason::Vacant { .. } => "Vacant",
    Reason::Paused { .. } => "Paused",
    Reason::Contested => "Contested",
    Reason::Braked { .. } => "Braked",
    Reason::RejectedByRoute53 { .. } => "RejectedByRoute53",
    Reason::DeniedByIam { .. } => "DeniedByIAM",
    Reason::Protected { .. } => "Protected",
    Reason::ZoneFull { .. } => "ZoneFull",
}

labels! {
    gate(Gate), GATES:
    Gate::Objects(_) => "Objects",
    Gate::Zone => "Zone",
    Gate::StaleZone => "StaleZone",
    Gate::Leadership => "Leadership",
    Gate::DryRun => "DryRun",
    Gate::Approval => "Approval",
    Gate::Account => "Account",
    Gate::Changes => "Changes",
}

labels! {
    /// The failures of changes.
    failure(FailureClass), FAILURES:
    FailureClass::Throttled => "Throttled",
    FailureClass::Busy => "Busy",
    FailureClass::NotExecuted => "NotExecuted",
    FailureClass::Unknown => "Unknown",
    FailureClass::Refused => "Refused",
    FailureClass::Denied => "Denied",
    FailureClass::ZoneFull => "ZoneFull",
    FailureClass::Account => "Account",
    FailureClass::Withheld => "Withheld",
}

/// The failures of all other requests in these runs.
pub const FAILURES_OF_READS: &[&str] = &["Throttled", "NotExecuted", "Unknown", "Account"];

labels! {
    fate(Fate), FATES:
    Fate::Served => "served",
    Fate::Throttled => "throttled",
    Fate::Busy => "prior request not complete",
    Fate::NotSent => "not sent",
    Fate::BrokenBefore => "5xx, not carried out",
    Fate::BrokenAfter => "5xx, carried out",
    Fate::LostBefore => "lost, not carried out",
    Fate::LostAfter => "lost, carried out",
}

/// The types of written records.
pub const WRITTEN: &[&str] = &["A", "AAAA", "CAA", "CNAME", "MX", "SRV", "TXT"];

/// The type of a written record.
pub fn written(rtype: &RecordType) -> &'static str {
    WRITTEN.iter().find(|label| **label == rtype.as_str()).unwrap_or(&"another type")
}

/// The failure in an input, with the type of its request.
pub fn failed(input: &Input) -> Option<(&'static str, &'static str)> {
    let (what, failed) = match input {
        Input::Page { answer: Err(failed), .. } => ("failure of a read", failed),
        Input::Applied { answer: Err(failed), .. } => ("failure of a change", failed),
        Input::Propagation { answer: Err(failed), .. } => ("failure of a question", failed),
        Input::Counted(Err(failed)) => ("failure of a count", failed),
        _ => return None,
    };
    Some((what, failure(&failed.class)))
}
