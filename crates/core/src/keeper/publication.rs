//! The plan as it is published for approval, and the approval of a person.

use crate::plan::{PlanDigest, UnitDigest};

/// How long an approval is valid, in seconds: 7 days.
const VALID_FOR: i64 = 7 * 24 * 3_600;

/// A person's approval of a plan. Digest and time identify it: the same digest at another time is another approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval {
    /// The digest of the approved plan.
    pub digest: PlanDigest,
    /// When it was approved, in seconds since 1970.
    pub at: i64,
}

/// The plan as it is published for approval, and the fate of the last approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The digest of the plan.
    pub digest: PlanDigest,
    /// The number of record sets that the plan creates, TXTs included.
    pub creates: usize,
    /// The number of record sets that the plan replaces, TXTs included.
    pub replaces: usize,
    /// The units of the plan, and whether each is approved. Empty if there are too many to list.
    pub units: Vec<(UnitDigest, bool)>,
    /// Approved units that are still to be written and not listed, because there are too many or because they are held.
    /// Some of them may have been written since.
    pub rest: Vec<UnitDigest>,
    /// The last approval that was used.
    pub used: Option<Approval>,
    /// When it was used, in seconds since 1970.
    pub used_at: Option<i64>,
    /// An approval that released no unit: the plan has changed, or the approval came too late.
    pub unused: Option<Approval>,
}

// === impl Approval ===

impl Approval {
    /// When it becomes invalid, in seconds since 1970. `now` is the time of its use: an approval from the future counts as
    /// given then.
    pub fn ends(&self, now: i64) -> i64 {
        self.at.min(now).saturating_add(VALID_FOR)
    }
}
