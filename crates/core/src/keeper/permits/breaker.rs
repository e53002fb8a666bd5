//! A circuit breaker for requests that Route 53 does not accept.

use std::time::Duration;

use crate::keeper::time::Time;

/// How long the breaker stays open at first; it doubles with every failed probe.
const FIRST: Duration = Duration::from_secs(1);
/// The longest that it stays open.
const LONGEST: Duration = Duration::from_mins(1);

/// A circuit breaker. The keeper has one for all requests of the account (wrong credentials, missing permissions, no
/// such zone), and one for changes.
///
/// While it is open, nothing is sent until its time is up. Then one request is the probe, and the first success
/// closes it. Units that are new since it opened wait for the shortest time only.
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

/// Which requests may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::keeper) enum State {
    /// All requests.
    Closed,
    /// No request before a time.
    Open {
        /// When the probe is due.
        until: Time,
        /// When units that are new since the breaker opened may be sent.
        at_least_until: Time,
    },
    /// One request as a probe.
    Due,
    /// No request before the probe's answer.
    Probing,
}

// === impl Breaker ===

impl Breaker {
    /// Notes that a request failed for a reason that concerns every request, or that a probe failed.
    pub fn open(&mut self, now: Time) {
        let wait = match self.open {
            None => FIRST,
            Some(open) if open.probing => (open.wait * 2).min(LONGEST),
            // Requests that were sent before it opened fail for the same reason.
            Some(_) => return,
        };
        self.open = Some(Open { since: now, until: now + wait, wait, probing: false });
    }

    /// Notes that a probe's answer says nothing. Another probe is due.
    pub fn probe_again(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = false;
        }
    }

    /// Notes that a request succeeded.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// Notes that a probe is sent.
    pub fn probe(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = true;
        }
    }

    /// Whether it allows no requests but probes.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether a probe is under way.
    pub fn is_probing(&self) -> bool {
        self.open.is_some_and(|open| open.probing)
    }

    /// Which requests may be sent.
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
    fn a_probe_without_a_clear_answer_is_followed_by_another_at_once() {
        let mut breaker = Breaker::default();
        breaker.open(Time::ZERO);
        let due = Time::ZERO + FIRST;
        breaker.probe();
        breaker.probe_again();
        assert_eq!(breaker.state(due), State::Due);
        // This is not a further failure.
        breaker.open(due);
        assert_eq!(breaker.state(due), State::Due);
    }
}
