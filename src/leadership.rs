//! Until when this process may write, for everybody who must know the moment it is known at all.
//!
//! The keeper is told too, but only when its driver comes to it. What stands before the wire must not wait for that.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;
use zonekeeper_core::keeper::{Report, Time};

use crate::driver::{Clock, Listener};

/// Until when this process leads: shared by who finds out and who asks. At first it does not lead.
#[derive(Debug, Clone, Default)]
pub struct Leadership(Arc<AtomicU64>);

/// The times in which this process leads without a break, for who speaks in its name.
#[derive(Debug, Clone)]
pub struct Terms {
    leadership: Leadership,
    clock: Clock,
    /// How many have begun.
    begun: watch::Receiver<u64>,
}

/// Passes on what every replica would say. Only the one that leads says it.
#[derive(Debug)]
pub struct Leading<L> {
    listener: L,
    leadership: Leadership,
    clock: Clock,
}

// === impl Leadership ===

impl Leadership {
    /// Of a process that nobody competes with.
    pub fn forever() -> Self {
        let leadership = Self::default();
        leadership.lasts(Time::NEVER);
        leadership
    }

    /// It lasts until then; [`Time::ZERO`] where it is lost.
    pub fn lasts(&self, until: Time) {
        self.0.store(until.micros(), Ordering::SeqCst);
    }

    /// Whether this process leads.
    pub fn holds(&self, now: Time) -> bool {
        now.micros() < self.0.load(Ordering::SeqCst)
    }
}

// === impl Terms ===

impl Terms {
    /// The terms of who counts in `begun` how many have begun, each once the keeper has been told.
    pub fn new(leadership: Leadership, clock: Clock, begun: watch::Receiver<u64>) -> Self {
        Self { leadership, clock, begun }
    }

    /// Waits for the next to begin; whether one can.
    pub async fn next(&mut self) -> bool {
        self.begun.changed().await.is_ok()
    }

    /// Whether the one that was waited for last is not over.
    pub fn lasts(&self) -> bool {
        self.leadership.holds(self.clock.now()) && !self.begun.has_changed().unwrap_or(true)
    }
}

// === impl Leading ===

impl<L: Listener> Leading<L> {
    /// A listener that hears what an object's owners should know only while this process leads.
    pub fn new(listener: L, leadership: Leadership, clock: Clock) -> Self {
        Self { listener, leadership, clock }
    }
}

impl<L: Listener> Listener for Leading<L> {
    fn hear(&mut self, report: &Report) {
        // What was accepted was sent by this process, whether or not it leads still.
        if self.leadership.holds(self.clock.now()) || !matches!(report, Report::Lasting { .. }) {
            self.listener.hear(report);
        }
    }
}

#[cfg(test)]
mod tests {
    use zonekeeper_core::{
        keeper::{ChangeId, Warning},
        plan::{Blocked, Reason},
        source::{Kind, ObjectId},
    };

    use super::*;

    struct Heard(std::sync::mpsc::Sender<Report>);

    impl Listener for Heard {
        fn hear(&mut self, report: &Report) {
            self.0.send(report.clone()).unwrap();
        }
    }

    #[test]
    fn what_is_blocked_is_said_by_the_leader_alone() {
        let object = ObjectId::new(Kind::Ingress, "shop", "web");
        let host = "www.example.com".to_owned();
        let blocked = Blocked { host, object, reason: Reason::NoTarget, remedy: Vec::new() };
        let blocked = Report::Lasting { warning: Warning::Blocked(Box::new(blocked)), uid: "uid".into() };
        let accepted = Report::InSync(ChangeId("C1".into()));
        let (leadership, (heard, said)) = (Leadership::default(), std::sync::mpsc::channel());
        let mut leading = Leading::new(Heard(heard), leadership.clone(), Clock::start());
        leading.hear(&blocked);
        leading.hear(&accepted);
        leadership.lasts(Time::NEVER);
        leading.hear(&blocked);
        leadership.lasts(Time::ZERO);
        leading.hear(&blocked);
        assert_eq!(said.try_iter().collect::<Vec<_>>(), [accepted, blocked]);
    }
}
