//! The configuration of a keeper.

use std::time::Duration;

use super::{brake_limits::BrakeLimits, pacer::Quota};
use crate::{plan::Settings, source::Scope};

/// The configuration of a keeper. It never changes.
#[derive(Debug, Clone)]
pub struct Config {
    /// How claims become record sets.
    pub settings: Settings,
    /// The objects that must be listed before anything is decided.
    pub scopes: Vec<Scope>,
    /// Whether plans are carried out.
    pub mode: Mode,
    /// The account's rate limits.
    pub quota: Quota,
    /// How often the whole zone is listed.
    pub resync: Duration,
    /// How long a hostname is reserved for an object that is gone, against objects of other namespaces.
    pub vacancy: Duration,
    /// The limits from which replacements are held.
    pub brake: BrakeLimits,
    /// The seed of jitter. With different seeds, several processes do not retry at the same time.
    pub seed: u64,
}

/// Whether plans are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Plans are carried out.
    Apply,
    /// Units that a person has approved are carried out.
    Approve,
    /// Plans are only shown.
    DryRun,
}

// === impl Mode ===

impl Mode {
    /// The mode's name in flags, logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Approve => "approve",
            Self::DryRun => "dry-run",
        }
    }
}
