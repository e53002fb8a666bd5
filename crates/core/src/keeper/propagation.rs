//! Accepted changes on their way to the name servers.

use std::{collections::VecDeque, time::Duration};

use super::{ChangeId, Time};

/// When a change is first asked about, and how often then: it usually takes less than a minute
/// (`GetChange`, API reference).
const ASK_EVERY: Duration = Duration::from_secs(10);
/// How long a change is asked about.
const GIVE_UP: Duration = Duration::from_hours(1);

/// Changes whose propagation is not known yet, the oldest first. One is asked about at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Propagation {
    changes: VecDeque<Underway>,
    asking: bool,
}

#[derive(Debug, Clone)]
struct Underway {
    change: ChangeId,
    accepted: Time,
    ask: Time,
}

// === impl Propagation ===

impl Propagation {
    /// A change was accepted.
    pub fn accepted(&mut self, change: ChangeId, now: Time) {
        self.changes.push_back(Underway { change, accepted: now, ask: now + ASK_EVERY });
    }

    /// When the next change is to be asked about.
    pub fn due(&self) -> Option<Time> {
        if self.asking { None } else { self.changes.front().map(|underway| underway.ask) }
    }

    /// The change to be asked about now.
    pub fn ask(&mut self, now: Time) -> Option<ChangeId> {
        self.due().filter(|due| *due <= now)?;
        self.asking = true;
        self.changes.front().map(|underway| underway.change.clone())
    }

    /// Takes an answer. Whether the change is everywhere.
    pub fn answer(&mut self, change: &ChangeId, in_sync: bool, now: Time) -> bool {
        self.asking = false;
        if let Some(at) = self.changes.iter().position(|underway| underway.change == *change)
            && let Some(mut underway) = self.changes.remove(at)
            && !in_sync
            && now - underway.accepted < GIVE_UP
        {
            underway.ask = now + ASK_EVERY;
            self.changes.push_back(underway);
        }
        in_sync
    }

    /// How many changes are on their way.
    pub fn len(&self) -> usize {
        self.changes.len()
    }
}
