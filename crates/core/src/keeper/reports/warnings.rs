//! Warnings to the owners of objects: hostnames that stay blocked, and leftovers that stay.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    dns::SetKey,
    keeper::{
        contract::{IgnoredField, Leftover, Report, Telling, Warning},
        time::Time,
    },
    plan::{Note, Subject},
    source::{ClaimKey, ObjectRef},
};

/// How long a condition must last before the first warning. Most conditions of a new object end by themselves.
const LASTED: Duration = Duration::from_secs(30);
/// The time between warnings: an Event is kept for an hour (kube-apiserver, `--event-ttl`). News is told once.
const AGAIN: Duration = Duration::from_hours(1);

/// An object, and the condition that a warning describes.
type Key = (ObjectRef, Condition);

/// A condition that can last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Condition {
    Blocked(Subject),
    Noted(ClaimKey),
    LeftOver(SetKey),
    Ignored(IgnoredField),
}

/// The lasting conditions. The conditions of an object with one reason are told together.
#[derive(Debug, Clone, Default)]
pub(super) struct Warnings {
    lasting: BTreeMap<ObjectRef, BTreeMap<Condition, Lasting>>,
    due: BTreeSet<(Time, Key)>,
}

/// A condition that lasts.
#[derive(Debug, Clone)]
struct Lasting {
    warning: Warning,
    is_told: bool,
    /// When the next warning about it is due.
    due: Time,
}

// === impl Warnings ===

impl Warnings {
    /// Takes a report that begins or ends a condition.
    pub fn take_report(&mut self, report: &Report, now: Time) {
        match report {
            Report::Blocked(blocked) => {
                let key = (blocked.object.clone(), Condition::Blocked(blocked.subject.clone()));
                self.begin(key, Warning::Blocked(blocked.clone()), now);
            }
            Report::Unblocked { subject, object } => {
                self.forget(&(object.clone(), Condition::Blocked(subject.clone())));
            }
            // Another owner keeps the records up to date, which is no reason to warn.
            Report::Noted(noted) if matches!(noted.note, Note::OwnedBy { .. }) => {
                self.forget(&(noted.object.clone(), Condition::Noted(noted.key.clone())));
            }
            Report::Noted(noted) => {
                let key = (noted.object.clone(), Condition::Noted(noted.key.clone()));
                self.begin(key, Warning::Noted(noted.clone()), now);
            }
            Report::NoLongerNoted { key, object } => {
                self.forget(&(object.clone(), Condition::Noted(key.clone())));
            }
            Report::LeftOver(leftover) => {
                self.begin(of_set(leftover), Warning::LeftOver(leftover.clone()), now);
            }
            Report::NotLeftOver(leftover) => self.forget(&of_set(leftover)),
            Report::Ignored(ignored) => self.begin(of_field(ignored), Warning::Ignored(ignored.clone()), now),
            Report::NoLongerIgnored(ignored) => self.forget(&of_field(ignored)),
            _ => {}
        }
    }

    /// When the next warning is due.
    pub fn due(&self) -> Option<Time> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Notes that this process begins to lead. It delays the warnings that are due, because it learns soon which of their
    /// conditions have ended.
    pub fn begin_term(&mut self, now: Time) {
        let soon = now + LASTED;
        while let Some((due, key)) = self.due.first().filter(|(due, _)| *due < soon).cloned() {
            self.due.remove(&(due, key.clone()));
            let lasting = self.lasting.get_mut(&key.0).and_then(|of_object| of_object.get_mut(&key.1));
            if let Some(lasting) = lasting {
                lasting.due = soon;
                self.due.insert((soon, key));
            }
        }
    }

    /// A warning that is due, and the number of other conditions of its object that it stands for.
    pub fn take_due(&mut self, now: Time) -> Option<(Warning, usize)> {
        let (_, (object, condition)) = self.due.first().filter(|(due, _)| *due <= now)?.clone();
        let of_object = self.lasting.get_mut(&object)?;
        let warning = of_object.get(&condition)?.warning.clone();
        let mut count = 0_usize;
        for (condition, lasting) in of_object {
            let is_same = lasting.warning.label() == warning.label();
            if is_same && (lasting.is_told || lasting.due <= now) {
                let key = (object.clone(), condition.clone());
                self.due.remove(&(lasting.due, key.clone()));
                lasting.is_told = true;
                if lasting.warning.telling() == Telling::Warning {
                    lasting.due = now + AGAIN;
                    self.due.insert((lasting.due, key));
                }
                count += 1;
            }
        }
        Some((warning, count.saturating_sub(1)))
    }

    /// Begins a condition. Another reason begins anew; another text of the same reason does not.
    fn begin(&mut self, key: Key, warning: Warning, now: Time) {
        let known = self.lasting.get_mut(&key.0).and_then(|of_object| of_object.get_mut(&key.1));
        match known {
            Some(known) if known.warning.label() == warning.label() => known.warning = warning,
            _ => {
                self.forget(&key);
                let due = now + LASTED;
                self.due.insert((due, key.clone()));
                let lasting = Lasting { warning, is_told: false, due };
                self.lasting.entry(key.0).or_default().insert(key.1, lasting);
            }
        }
    }

    fn forget(&mut self, key: &Key) {
        let Some(of_object) = self.lasting.get_mut(&key.0) else { return };
        if let Some(Lasting { due, .. }) = of_object.remove(&key.1) {
            self.due.remove(&(due, key.clone()));
        }
        if of_object.is_empty() {
            self.lasting.remove(&key.0);
        }
    }
}

fn of_field(ignored: &IgnoredField) -> Key {
    (ignored.object.clone(), Condition::Ignored(ignored.clone()))
}

fn of_set(Leftover { object, set }: &Leftover) -> Key {
    (object.clone(), Condition::LeftOver(set.key.clone()))
}
