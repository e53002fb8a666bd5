//! Leadership: until when this process may write.
//!
//! The lease updates it the moment that it learns something, and the guard before the wire reads it. Neither waits for the
//! driver, which tells the keeper a little later.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;
use zonekeeper_core::keeper::{Report, Time};

use crate::driver::{Clock, Listener};

/// The time until which this process leads, shared between the lease and the guard. A new one does not lead.
#[derive(Debug, Clone, Default)]
pub struct Leadership(Arc<AtomicU64>);

/// The terms of this process: the periods in which it leads without a break.
#[derive(Debug, Clone)]
pub struct Terms {
    leadership: Leadership,
    clock: Clock,
    /// How many terms have begun.
    begun: watch::Receiver<u64>,
}

/// A listener that drops lasting reports unless this process leads.
///
/// Every replica has those reports; only the leader must pass them on.
#[derive(Debug)]
pub struct LeaderOnly<L> {
    listener: L,
    leadership: Leadership,
    clock: Clock,
}

// === impl Leadership ===

impl Leadership {
    /// The leadership of a process that competes with no other.
    pub fn forever() -> Self {
        let leadership = Self::default();
        leadership.set_end(Time::NEVER);
        leadership
    }

    /// Sets the end of the leadership. [`Time::ZERO`] ends it now.
    pub fn set_end(&self, until: Time) {
        self.0.store(until.micros(), Ordering::SeqCst);
    }

    /// Whether this process leads.
    pub fn is_held(&self, now: Time) -> bool {
        now.micros() < self.0.load(Ordering::SeqCst)
    }
}

// === impl Terms ===

impl Terms {
    /// Creates the terms that `begun` counts. It must count a term only after the keeper knows of it.
    pub fn new(leadership: Leadership, clock: Clock, begun: watch::Receiver<u64>) -> Self {
        Self { leadership, clock, begun }
    }

    /// Waits until the next term begins. Returns false if there will be none.
    pub async fn next(&mut self) -> bool {
        self.begun.changed().await.is_ok()
    }

    /// Whether the term that [`Terms::next`] returned last goes on.
    pub fn is_current(&self) -> bool {
        self.leadership.is_held(self.clock.now()) && !self.begun.has_changed().unwrap_or(true)
    }
}

// === impl LeaderOnly ===

impl<L: Listener> LeaderOnly<L> {
    /// Wraps a listener.
    pub fn new(listener: L, leadership: Leadership, clock: Clock) -> Self {
        Self { listener, leadership, clock }
    }
}

impl<L: Listener> Listener for LeaderOnly<L> {
    fn hear(&mut self, report: &Report) {
        // This process sent every other report's change itself, even if it has lost the lease since.
        if self.leadership.is_held(self.clock.now()) || !matches!(report, Report::Lasting { .. }) {
            self.listener.hear(report);
        }
    }
}

#[cfg(test)]
mod tests {
    use zonekeeper_core::{
        keeper::{ChangeId, Warning},
        plan::{Blocked, Reason, Subject},
        source::{Kind, ObjectRef},
    };

    use super::*;

    struct Recorder(std::sync::mpsc::Sender<Report>);

    impl Listener for Recorder {
        fn hear(&mut self, report: &Report) {
            self.0.send(report.clone()).unwrap();
        }
    }

    #[test]
    fn only_the_leader_reports_blocked_hostnames() {
        let object = ObjectRef::new(Kind::Ingress, "shop", "web");
        let subject = Subject::Hostnames("www.example.com".to_owned());
        let blocked = Blocked { subject, object, reason: Reason::NoTarget, remedy: Vec::new() };
        let blocked = Report::Lasting { warning: Warning::Blocked(Box::new(blocked)), uid: "uid".into() };
        let accepted = Report::InSync(ChangeId("C1".into()));
        let (leadership, (recorder, reports)) = (Leadership::default(), std::sync::mpsc::channel());
        let mut listener = LeaderOnly::new(Recorder(recorder), leadership.clone(), Clock::start());
        listener.hear(&blocked);
        listener.hear(&accepted);
        leadership.set_end(Time::NEVER);
        listener.hear(&blocked);
        leadership.set_end(Time::ZERO);
        listener.hear(&blocked);
        assert_eq!(reports.try_iter().collect::<Vec<_>>(), [accepted, blocked]);
    }
}
