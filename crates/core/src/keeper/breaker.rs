//! What to do while nothing of this account's is accepted.

use std::time::Duration;

use super::Time;

/// How long the breaker stays open at first; it doubles with every failed probe.
const FIRST: Duration = Duration::from_secs(1);
/// The longest that it stays open.
const LONGEST: Duration = Duration::from_mins(1);

/// Open while Route 53 accepts nothing: of this account's (wrong credentials, missing permissions, no such zone), or none
/// of its changes.
///
/// Nothing is sent until its time is up; then one request is the probe, a read or a change of one unit, and the first
/// success closes it. What is new since it opened need not wait longer than the shortest time.
#[derive(Debug, Clone, Default)]
pub(super) struct Breaker {
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    since: Time,
    until: Time,
    wait: Duration,
    probing: bool,
}

/// What may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Anything.
    Closed,
    /// Nothing before a time.
    Open {
        /// The probe's.
        until: Time,
        /// That of what is new since it opened.
        at_least_until: Time,
    },
    /// A probe.
    Due,
    /// Nothing before the probe's answer.
    Probing,
}

// === impl Breaker ===

impl Breaker {
    /// A request was refused for a reason that concerns every request, or a probe has failed.
    pub fn open(&mut self, now: Time) {
        let wait = match self.open {
            None => FIRST,
            Some(open) if open.probing => (open.wait * 2).min(LONGEST),
            // Answers to requests that were sent before it opened say nothing new.
            Some(_) => return,
        };
        self.open = Some(Open { since: now, until: now + wait, wait, probing: false });
    }

    /// A probe's answer tells nothing: another is due.
    pub fn probe_again(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = false;
        }
    }

    /// A request succeeded.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// A probe is being sent.
    pub fn probe(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = true;
        }
    }

    /// Whether anything but a probe is held back.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether a probe is on its way.
    pub fn is_probing(&self) -> bool {
        self.open.is_some_and(|open| open.probing)
    }

    /// What may be sent.
    pub fn state(&self, now: Time) -> State {
        match self.open {
            None => State::Closed,
            Some(open) if open.probing => State::Probing,
            Some(open) if now < open.until => {
                State::Open { until: open.until, at_least_until: open.since + FIRST }
            }
            Some(_) => State::Due,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_to_a_minute_and_closes_on_success() {
        let (mut breaker, mut now, mut waits) = (Breaker::default(), Time::ZERO, Vec::new());
        for _ in 0..8 {
            breaker.open(now);
            breaker.open(now);
            let State::Open { until, at_least_until } = breaker.state(now) else { panic!("{breaker:?}") };
            assert_eq!(at_least_until, now + FIRST);
            waits.push((until - now).as_secs());
            now = until;
            assert_eq!(breaker.state(now), State::Due);
            breaker.probe();
            assert_eq!(breaker.state(now), State::Probing);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        breaker.close();
        assert!(!breaker.is_open());
    }

    #[test]
    fn a_probe_that_tells_nothing_is_followed_by_another_at_once() {
        let mut breaker = Breaker::default();
        breaker.open(Time::ZERO);
        let due = Time::ZERO + FIRST;
        breaker.probe();
        breaker.probe_again();
        assert_eq!(breaker.state(due), State::Due);
        // It was no further refusal.
        breaker.open(due);
        assert_eq!(breaker.state(due), State::Due);
    }
}
