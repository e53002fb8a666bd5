//! How long a unit waits, and what it waits for.

use std::time::Duration;

/// Why hostnames are planned. The first variant wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// An object or the zone has changed.
    Change,
    /// The process has started.
    Start,
}

/// How long a unit waited until Route 53 accepted it.
///
/// The time for which it could not be sent for a reason of its own does not count: it was held or rejected, it waited for an
/// approval, or it belongs to a rollout that pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Why it waited: because of a change of an object or of the zone, or since the start of the process.
    pub cause: Cause,
    /// How long it waited.
    pub time: Duration,
}

// === impl Cause ===

impl Cause {
    /// All causes.
    pub const ALL: [Self; 2] = [Self::Change, Self::Start];

    /// The cause's name in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Start => "start",
        }
    }
}
