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

/// The gate's name in readiness answers and logs.
impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Objects(Scope { resource, namespace: None }) => write!(f, "{}-list", resource.label()),
            Self::Objects(Scope { resource, namespace: Some(namespace) }) => {
                write!(f, "{}-list/{namespace}", resource.label())
            }
            Self::Zone => f.write_str("zone-list"),
            Self::StaleZone => f.write_str("zone-list-too-old"),
            Self::Leadership => f.write_str("leadership"),
            Self::DryRun => f.write_str("dry-run"),
            Self::Approval => f.write_str("approval"),
            Self::Account => f.write_str("account"),
            Self::Changes => f.write_str("changes-refused"),
        }
    }
}
