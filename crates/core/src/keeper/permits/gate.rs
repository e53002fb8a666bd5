//! The conditions that prevent all writes.

use std::fmt;

use crate::source::Scope;

/// A condition that prevents all writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// The objects of a scope are not listed yet.
    Objects(Scope),
    /// The zone is not listed yet.
    Zone,
    /// The newest complete listing of the zone is older than twice the resync period.
    StaleZone,
    /// This process does not lead.
    Leadership,
    /// The mode is dry run.
    DryRun,
    /// No planned unit is approved.
    Approval,
    /// Route 53 accepts no request of this account.
    Account,
    /// Route 53 rejects every change; single units are sent as probes.
    Changes,
}

// === impl Gate ===

impl Gate {
    /// The labels of all gates.
    pub const LABELS: [&str; 8] = [
        "object-lists",
        "zone-list",
        "zone-list-too-old",
        "leadership",
        "dry-run",
        "approval",
        "account",
        "changes-refused",
    ];

    /// The gate's name in metrics. The lists of all scopes are one gate there.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Objects(_) => "object-lists",
            Self::Zone => "zone-list",
            Self::StaleZone => "zone-list-too-old",
            Self::Leadership => "leadership",
            Self::DryRun => "dry-run",
            Self::Approval => "approval",
            Self::Account => "account",
            Self::Changes => "changes-refused",
        }
    }
}

/// The gate's name in readiness answers and logs. It names the list that is missing.
impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Objects(Scope { resource, namespace: None }) => write!(f, "{}-list", resource.label()),
            Self::Objects(Scope { resource, namespace: Some(namespace) }) => {
                write!(f, "{}-list/{namespace}", resource.label())
            }
            gate => f.write_str(gate.label()),
        }
    }
}
