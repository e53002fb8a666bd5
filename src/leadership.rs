//! Leadership: until when this process may write.
//!
//! The lease updates it the moment that it learns something, and the guard before the wire reads it. Neither waits for the
//! driver, which tells the keeper a little later.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;
use zonekeeper_core::keeper::Time;

use crate::driver::Clock;

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
