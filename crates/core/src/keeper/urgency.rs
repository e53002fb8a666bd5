//! The order in which units are sent.

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
