//! The propagation of accepted changes to the name servers.

use std::{collections::VecDeque, time::Duration};

use crate::keeper::{
    contract::{ChangeId, FailureClass},
    time::Time,
};

/// The time before the first question about a change, and between questions. Propagation usually takes less than a
/// minute (`GetChange`, API reference).
const ASK_EVERY: Duration = Duration::from_secs(10);
/// The time after which no more questions about a change are asked.
const GIVE_UP: Duration = Duration::from_hours(1);

/// Changes whose propagation is not known yet, the oldest first. There is one question at a time.
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
    /// Takes an accepted change.
    pub fn accepted(&mut self, change: ChangeId, now: Time) {
        self.changes.push_back(Underway { change, accepted: now, ask: now + ASK_EVERY });
    }

    /// When the next question is due.
    pub fn due(&self) -> Option<Time> {
        if self.asking { None } else { self.changes.front().map(|underway| underway.ask) }
    }

    /// The change that the question due now is about.
    pub fn ask(&mut self, now: Time) -> Option<ChangeId> {
        self.due().filter(|due| *due <= now)?;
        self.asking = true;
        self.changes.front().map(|underway| underway.change.clone())
    }

    /// Takes an answer. If all name servers have the change, returns the time since it was accepted.
    pub fn answer(
        &mut self,
        change: &ChangeId,
        answer: Result<bool, FailureClass>,
        now: Time,
    ) -> Option<Duration> {
        self.asking = false;
        // Route 53 rejects questions about changes that it has forgotten.
        let is_open = !matches!(answer, Ok(true) | Err(FailureClass::Refused));
        let at = self.changes.iter().position(|underway| underway.change == *change)?;
        let mut underway = self.changes.remove(at)?;
        let after = now - underway.accepted;
        if is_open && after < GIVE_UP {
            underway.ask = now + ASK_EVERY;
            self.changes.push_back(underway);
        }
        (answer == Ok(true)).then_some(after)
    }

    /// The number of changes whose propagation is not known yet.
    pub fn len(&self) -> usize {
        self.changes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(id: &str) -> ChangeId {
        ChangeId(id.into())
    }

    fn after(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn changes_are_asked_about_one_at_a_time_the_oldest_first() {
        let mut propagation = Propagation::default();
        propagation.accepted(change("a"), after(0));
        propagation.accepted(change("b"), after(1));
        assert_eq!((propagation.len(), propagation.due()), (2, Some(after(10))));
        assert_eq!(propagation.ask(after(9)), None);
        assert_eq!(propagation.ask(after(10)), Some(change("a")));
        // Until the answer comes, nothing else is asked.
        assert_eq!((propagation.due(), propagation.ask(after(20))), (None, None));
        assert_eq!(propagation.answer(&change("a"), Ok(true), after(20)), Some(Duration::from_secs(20)));
        assert_eq!((propagation.len(), propagation.ask(after(20))), (1, Some(change("b"))));
    }

    #[test]
    fn a_change_is_asked_about_every_10_seconds_for_an_hour() {
        let mut propagation = Propagation::default();
        propagation.accepted(change("a"), after(0));
        let mut asked = Vec::new();
        while let Some(due) = propagation.due() {
            asked.push((due - Time::ZERO).as_secs());
            let change = propagation.ask(due).unwrap();
            assert_eq!(propagation.answer(&change, Ok(false), due), None);
        }
        let every_10_seconds: Vec<u64> = (1..=360).map(|n| n * 10).collect();
        assert_eq!(asked, every_10_seconds);
        assert_eq!(propagation.len(), 0);
    }

    #[test]
    fn a_change_that_route_53_has_forgotten_is_not_asked_about_again() {
        let mut propagation = Propagation::default();
        for (id, class, left) in [("a", FailureClass::Refused, 0), ("b", FailureClass::Account, 1)] {
            propagation.accepted(change(id), after(0));
            assert_eq!(propagation.ask(after(10)), Some(change(id)));
            assert_eq!(propagation.answer(&change(id), Err(class), after(10)), None);
            assert_eq!(propagation.len(), left, "{class:?}");
        }
    }
}
