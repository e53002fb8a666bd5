//! What keeps anything from being written.

use std::fmt;

use super::{Keeper, Mode, Scope, Time};

/// A condition that keeps anything from being written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// A scope's objects have not all been seen.
    Objects(Scope),
    /// The zone has not been listed.
    Zone,
    /// The newest complete listing of the zone is older than twice the resync period.
    StaleZone,
    /// Another process leads, or none does.
    Leadership,
    /// Plans are only shown.
    DryRun,
    /// Nothing that is planned has been approved.
    Approval,
    /// Route 53 accepts nothing of this account's.
    Account,
    /// Route 53 refuses every change; one at a time is tried.
    Changes,
}

// === impl Keeper ===

impl Keeper {
    /// The conditions that keep anything from being written now.
    pub fn closed_gates(&self, now: Time) -> Vec<Gate> {
        let mut gates: Vec<Gate> = self.lists.missing().cloned().map(Gate::Objects).collect();
        match self.snapshot.listed_at() {
            None => gates.push(Gate::Zone),
            Some(listed) if self.resync.is_too_old(listed, now) => gates.push(Gate::StaleZone),
            Some(_) => {}
        }
        if self.leader_until <= now {
            gates.push(Gate::Leadership);
        }
        if self.config.mode == Mode::DryRun {
            gates.push(Gate::DryRun);
        }
        if self.config.mode == Mode::Approve && self.approvals.is_empty() {
            gates.push(Gate::Approval);
        }
        if self.breaker.is_open() {
            gates.push(Gate::Account);
        }
        if self.refusals.is_open() {
            gates.push(Gate::Changes);
        }
        gates
    }

    /// Whether something may be sent now, a single change as a probe at least.
    pub(super) fn may_write(&self, now: Time) -> bool {
        self.closed_gates(now).iter().all(|gate| *gate == Gate::Changes)
    }
}

// === impl Gate ===

/// The gate's name, as readiness and logs show it.
impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Objects(Scope { kind, namespace: None }) => write!(f, "{}-list", kind.label()),
            Self::Objects(Scope { kind, namespace: Some(namespace) }) => {
                write!(f, "{}-list/{namespace}", kind.label())
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
