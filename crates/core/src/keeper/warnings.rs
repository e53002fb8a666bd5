//! Of which blocked hostnames the owners of their objects are told: of those that stay blocked.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Report, Time};
use crate::{plan::Blocked, source::ObjectId};

/// How long a hostname must have been blocked for one reason: most of what blocks a new object passes by itself.
const LASTED: Duration = Duration::from_secs(30);
/// After what time it is said again: an Event lives for an hour (kube-apiserver, `--event-ttl`).
const AGAIN: Duration = Duration::from_hours(1);

type Key = (String, ObjectId);

/// What is blocked, and when the next word about it is due.
#[derive(Debug, Clone, Default)]
pub(super) struct Warnings {
    blocked: BTreeMap<Key, (Box<Blocked>, Time)>,
    due: BTreeSet<(Time, Key)>,
}

// === impl Warnings ===

impl Warnings {
    /// Takes what has become of a blocked hostname. Another reason begins anew; another text of the same does not.
    pub fn hear(&mut self, report: &Report, now: Time) {
        match report {
            Report::Blocked(blocked) => {
                let key = (blocked.host.clone(), blocked.object.clone());
                match self.blocked.get_mut(&key) {
                    Some((known, _)) if known.reason.label() == blocked.reason.label() => {
                        known.clone_from(blocked);
                    }
                    _ => {
                        self.forget(&key);
                        self.wait(key, blocked.clone(), now + LASTED);
                    }
                }
            }
            Report::Unblocked { host, object } => self.forget(&(host.clone(), object.clone())),
            _ => {}
        }
    }

    /// When the next word is due.
    pub fn due(&self) -> Option<Time> {
        self.due.first().map(|(due, _)| *due)
    }

    /// What is due to be said, once.
    pub fn take(&mut self, now: Time) -> Option<Box<Blocked>> {
        self.due().filter(|due| *due <= now)?;
        let (_, key) = self.due.pop_first()?;
        let (blocked, _) = self.blocked.remove(&key)?;
        self.wait(key, blocked.clone(), now + AGAIN);
        Some(blocked)
    }

    fn wait(&mut self, key: Key, blocked: Box<Blocked>, due: Time) {
        self.due.insert((due, key.clone()));
        self.blocked.insert(key, (blocked, due));
    }

    fn forget(&mut self, key: &Key) {
        if let Some((_, due)) = self.blocked.remove(key) {
            self.due.remove(&(due, key.clone()));
        }
    }
}
