//! Names that must be read again: at once, because the snapshot may be wrong, or later, because others may change them.

use std::{collections::BTreeSet, time::Duration};

use crate::{dns::Name, keeper::time::Time};

/// How often the names that block hostnames are read.
const ROUND: Duration = Duration::from_mins(1);
/// The most pages of a round. The other names are read in the next rounds.
const PAGES_OF_ROUND: usize = 10;

/// Names that wait to be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Rereads {
    at_once: BTreeSet<Name>,
    later: BTreeSet<(Time, Name)>,
    /// Names whose reads were requested and not answered.
    requested: BTreeSet<Name>,
    /// After a failure of the service: the earliest time of the next read.
    not_before: Time,
    /// When the next round begins.
    round: Time,
    /// The last name of the round before.
    reached: Option<Name>,
}

// === impl Rereads ===

impl Rereads {
    /// Adds names to be read at once.
    pub fn add(&mut self, names: impl IntoIterator<Item = Name>) {
        self.at_once.extend(names);
    }

    /// Adds names to be read at a time, however often they are read before.
    pub fn add_at(&mut self, names: impl IntoIterator<Item = Name>, at: Time) {
        self.later.extend(names.into_iter().map(|name| (at, name)));
    }

    /// When the next round begins.
    pub fn round_due(&self) -> Time {
        self.round
    }

    /// Makes the next round due.
    pub fn round_is_due(&mut self, now: Time) {
        self.round = self.round.min(now);
    }

    /// Begins a round. `pages` are all names that it should read, page by page in the zone's order. Returns those that it
    /// reads.
    pub fn begin_round(&mut self, pages: Vec<Vec<Name>>, now: Time) -> BTreeSet<Name> {
        self.round = now + ROUND;
        let is_ahead = |page: &Vec<Name>| page.first() > self.reached.as_ref();
        let (ahead, behind): (Vec<_>, Vec<_>) = pages.into_iter().partition(is_ahead);
        let chosen: Vec<_> = ahead.into_iter().chain(behind).take(PAGES_OF_ROUND).collect();
        self.reached = chosen.last().and_then(|page| page.last().cloned());
        let chosen: BTreeSet<Name> = chosen.into_iter().flatten().collect();
        self.add_at(chosen.iter().cloned(), now);
        chosen
    }

    /// Notes that the service failed: no name is read before this time.
    pub fn wait(&mut self, again: Time) {
        self.not_before = self.not_before.max(again);
    }

    /// Whether names may be read now. After a failure of the service, none may.
    pub fn may_read(&self, now: Time) -> bool {
        self.not_before <= now
    }

    /// Whether a name must be read at once.
    pub fn is_awaited(&self) -> bool {
        !self.at_once.is_empty()
    }

    /// When the next name must be read.
    pub fn due(&self) -> Option<Time> {
        let next = if self.at_once.is_empty() { self.later.first()?.0 } else { Time::ZERO };
        Some(next.max(self.not_before))
    }

    /// The names to be read now. They count as requested from then on.
    pub fn take(&mut self, now: Time) -> BTreeSet<Name> {
        if self.not_before > now {
            return BTreeSet::new();
        }
        while self.later.first().is_some_and(|(at, _)| *at <= now) {
            self.at_once.extend(self.later.pop_first().map(|(_, name)| name));
        }
        self.requested.extend(self.at_once.iter().cloned());
        std::mem::take(&mut self.at_once)
    }

    /// Whether the read of a name was requested and not answered.
    pub fn is_requested(&self, name: &Name) -> bool {
        self.requested.contains(name)
    }

    /// Notes that names were read.
    pub fn answered<'n>(&mut self, names: impl IntoIterator<Item = &'n Name>) {
        if self.requested.is_empty() {
            return;
        }
        for name in names {
            self.requested.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_failed_read_is_not_repeated_at_once() {
        let name = |text| Name::from_hostname(text).unwrap();
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        let (a, b, c) = (name("a.example.com"), name("b.example.com"), name("c.example.com"));
        let mut rereads = Rereads::default();
        assert_eq!(rereads.due(), None);
        rereads.add([b.clone(), a.clone(), b.clone()]);
        assert!(rereads.is_awaited());
        rereads.add_at([c.clone()], at(2));
        assert_eq!((rereads.due(), rereads.take(at(1))), (Some(at(0)), BTreeSet::from([a.clone(), b])));
        assert_eq!((rereads.due(), rereads.is_awaited()), (Some(at(2)), false));
        rereads.add([a.clone()]);
        rereads.wait(at(3));
        assert_eq!((rereads.due(), rereads.take(at(2))), (Some(at(3)), BTreeSet::new()));
        assert_eq!(rereads.take(at(3)), BTreeSet::from([a, c]));
        assert_eq!(rereads.due(), None);
    }

    #[test]
    fn a_round_goes_on_where_the_last_one_stopped() {
        let name = |n: usize| Name::from_hostname(&format!("w{n:02}.example.com")).unwrap();
        let mut rereads = Rereads::default();
        let mut read = |minute: u64| {
            let now = Time::ZERO + ROUND * u32::try_from(minute).unwrap();
            assert!(rereads.round_due() <= now);
            rereads.begin_round((0..25).map(|n| vec![name(n)]).collect(), now);
            rereads.take(now)
        };
        let names = |numbers: &[usize]| numbers.iter().copied().map(name).collect::<BTreeSet<_>>();
        assert_eq!(read(0), names(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
        assert_eq!(read(1), names(&[10, 11, 12, 13, 14, 15, 16, 17, 18, 19]));
        assert_eq!(read(2), names(&[20, 21, 22, 23, 24, 0, 1, 2, 3, 4]));
        assert_eq!(read(3), names(&[5, 6, 7, 8, 9, 10, 11, 12, 13, 14]));
    }
}
