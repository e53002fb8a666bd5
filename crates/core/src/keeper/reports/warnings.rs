//! Warnings to the owners of objects: hostnames that stay blocked, and leftovers that stay.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    dns::SetKey,
    keeper::{
        contract::{Leftover, Report, Warning},
        time::Time,
    },
    plan::{Note, Subject},
    source::{ClaimKey, ObjectRef},
};

/// How long a condition must last before the first warning. Most conditions of a new object end by themselves.
const LASTED: Duration = Duration::from_secs(30);
/// The time between warnings: an Event is kept for an hour (kube-apiserver, `--event-ttl`).
const AGAIN: Duration = Duration::from_hours(1);

/// The condition that a warning describes, and its object.
type Key = (Condition, ObjectRef);

/// A condition that can last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Condition {
    Blocked(Subject),
    Noted(ClaimKey),
    LeftOver(SetKey),
}

/// The lasting conditions, and when the next warning about each is due.
#[derive(Debug, Clone, Default)]
pub(super) struct Warnings {
    lasting: BTreeMap<Key, (Warning, Time)>,
    due: BTreeSet<(Time, Key)>,
}

// === impl Warnings ===

impl Warnings {
    /// Takes a report that begins or ends a condition.
    pub fn take_report(&mut self, report: &Report, now: Time) {
        match report {
            Report::Blocked(blocked) => {
                let key = (Condition::Blocked(blocked.subject.clone()), blocked.object.clone());
                self.begin(key, Warning::Blocked(blocked.clone()), now);
            }
            Report::Unblocked { subject, object } => {
                self.forget(&(Condition::Blocked(subject.clone()), object.clone()));
            }
            // Another owner keeps the records up to date, which is no reason to warn.
            Report::Noted(noted) if matches!(noted.note, Note::OwnedBy { .. }) => {
                self.forget(&(Condition::Noted(noted.key.clone()), noted.object.clone()));
            }
            Report::Noted(noted) => {
                let key = (Condition::Noted(noted.key.clone()), noted.object.clone());
                self.begin(key, Warning::Noted(noted.clone()), now);
            }
            Report::NoLongerNoted { key, object } => {
                self.forget(&(Condition::Noted(key.clone()), object.clone()));
            }
            Report::LeftOver(leftover) => {
                self.begin(of_set(leftover), Warning::LeftOver(leftover.clone()), now);
            }
            Report::NotLeftOver(leftover) => self.forget(&of_set(leftover)),
            _ => {}
        }
    }

    /// When the next warning is due.
    pub fn due(&self) -> Option<Time> {
        self.due.first().map(|(due, _)| *due)
    }

    /// A warning that is due.
    pub fn take_due(&mut self, now: Time) -> Option<Warning> {
        self.due().filter(|due| *due <= now)?;
        let (_, key) = self.due.pop_first()?;
        let (warning, _) = self.lasting.remove(&key)?;
        self.wait(key, warning.clone(), now + AGAIN);
        Some(warning)
    }

    /// Begins a condition. Another reason begins anew; another text of the same reason does not.
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
    (Condition::LeftOver(set.key.clone()), object.clone())
}
