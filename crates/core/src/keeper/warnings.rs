//! Of which hostnames the owners of their objects are told: of those that stay blocked, or keep a record that is not
//! asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Leftover, Report, Time, Warning};
use crate::source::ObjectId;

/// How long it must have been so: most of what blocks a new object passes by itself.
const LASTED: Duration = Duration::from_secs(30);
/// After what time it is said again: an Event lives for an hour (kube-apiserver, `--event-ttl`).
const AGAIN: Duration = Duration::from_hours(1);

/// What it is about, and which object: a hostname, or a record set of one.
type Key = (String, ObjectId);

/// What there is to be said, and when the next word about it is due.
#[derive(Debug, Clone, Default)]
pub(super) struct Warnings {
    lasting: BTreeMap<Key, (Warning, Time)>,
    due: BTreeSet<(Time, Key)>,
}

// === impl Warnings ===

impl Warnings {
    /// Takes what has become of a hostname.
    pub fn hear(&mut self, report: &Report, now: Time) {
        match report {
            Report::Blocked(blocked) => {
                let key = (blocked.host.clone(), blocked.object.clone());
                self.begin(key, Warning::Blocked(blocked.clone()), now);
            }
            Report::Unblocked { host, object } => self.forget(&(host.clone(), object.clone())),
            Report::LeftOver(leftover) => {
                self.begin(of_set(leftover), Warning::LeftOver(leftover.clone()), now);
            }
            Report::NotLeftOver(leftover) => self.forget(&of_set(leftover)),
            _ => {}
        }
    }

    /// When the next word is due.
    pub fn due(&self) -> Option<Time> {
        self.due.first().map(|(due, _)| *due)
    }

    /// What is due to be said, once.
    pub fn take(&mut self, now: Time) -> Option<Warning> {
        self.due().filter(|due| *due <= now)?;
        let (_, key) = self.due.pop_first()?;
        let (warning, _) = self.lasting.remove(&key)?;
        self.wait(key, warning.clone(), now + AGAIN);
        Some(warning)
    }

    /// Another reason begins anew; another text of the same does not.
    fn begin(&mut self, key: Key, warning: Warning, now: Time) {
        match self.lasting.get_mut(&key) {
            Some((known, _)) if known.label() == warning.label() => *known = warning,
            _ => {
                self.forget(&key);
                self.wait(key, warning, now + LASTED);
            }
        }
    }

    fn wait(&mut self, key: Key, warning: Warning, due: Time) {
        self.due.insert((due, key.clone()));
        self.lasting.insert(key, (warning, due));
    }

    fn forget(&mut self, key: &Key) {
        if let Some((_, due)) = self.lasting.remove(key) {
            self.due.remove(&(due, key.clone()));
        }
    }
}

fn of_set(Leftover { object, set }: &Leftover) -> Key {
    (format!("{} {}", set.name(), set.rtype()), object.clone())
}
