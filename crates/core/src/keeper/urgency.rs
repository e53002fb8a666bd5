//! Why a unit is written, which is the order in which units are sent.

/// The order in which units are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// The zone gives a wrong answer.
    Wrong,
    /// The zone gives no answer yet, because of a recent change.
    Changed,
    /// The zone gave no answer before this process started.
    Backlog,
}

// === impl Urgency ===

impl Urgency {
    /// All urgencies.
    pub const ALL: [Self; 3] = [Self::Wrong, Self::Changed, Self::Backlog];

    /// The urgency's name in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Changed => "changed",
            Self::Backlog => "backlog",
        }
    }
}
