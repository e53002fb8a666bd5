//! Who of several processes may write: the rules of a Kubernetes Lease, without Kubernetes.
//!
//! A process looks at the Lease every [`RENEWAL`], is told what to do about it ([`Step`]), and says what came of it.
//! Whoever is written in the Lease holds it until nobody has seen it change for a whole [`TTL`]; it leads a while
//! less, so that whatever it sent last has ended before another begins.
//!
//! Clocks of different machines are never compared. Each process measures on its own how long a Lease has stood as it
//! is: the times in it are for people. Route 53 knows nothing of leadership, and a request can still arrive late. That
//! a first write is a CREATE and that a replace rests on a fresh read holds without any of this.

use std::{sync::Arc, time::Duration};

use sha2::{Digest as _, Sha256};

use crate::{dns::ZoneId, keeper::Time, plan::OwnerId};

/// How long a Lease must have stood unchanged before somebody else takes it.
pub const TTL: Duration = Duration::from_secs(15);
/// How often it is renewed, or looked at; and the longest that a call may take.
pub const RENEWAL: Duration = Duration::from_secs(2);
/// How long before the end of what it holds a process stops to lead. The longest change (8 s, a time-out of the
/// client) is shorter: what was sent at the last moment has been answered or given up before another process writes.
pub const MARGIN: Duration = Duration::from_secs(9);

/// How long one renewal leads.
const LEADS: Duration = TTL.saturating_sub(MARGIN);
// One renewal may fail without anybody noticing.
const _: () = assert!(LEADS.as_millis() >= 3 * RENEWAL.as_millis());

/// What is of interest in a Lease object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its `resourceVersion`: another one after each write, whoever wrote.
    pub version: Arc<str>,
    /// Who holds it; empty where it was released.
    pub holder: Arc<str>,
}

/// What to do about a Lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Create it, with this process as its holder.
    Create,
    /// It is ours: write it again.
    Renew,
    /// It was released or abandoned: write this process into it.
    TakeOver,
    /// It is another's: write nothing, look again.
    Follow,
}

/// What one process knows of a Lease. A write is conditional on the version that was looked at.
#[derive(Debug, Clone)]
pub struct Lease {
    me: Arc<str>,
    /// What was seen last, if it was not ours; without a version where the object had gone.
    others: Option<Standing>,
    until: Time,
}

#[derive(Debug, Clone)]
struct Standing {
    version: Option<Arc<str>>,
    since: Time,
}

// === impl Lease ===

impl Lease {
    /// Nothing has been seen yet. `me` is no other process' name, and not that of a predecessor either.
    pub fn new(me: impl Into<Arc<str>>) -> Self {
        Self { me: me.into(), others: None, until: Time::ZERO }
    }

    /// Its object's name: one for each zone and owner id.
    pub fn name(zone: &ZoneId, owner: &OwnerId) -> String {
        let hash = Sha256::digest(owner.as_str().as_bytes());
        let name = format!("{}-", zone.as_str().to_lowercase());
        hash.iter().take(5).fold(name, |name, byte| format!("{name}{byte:02x}"))
    }

    /// The name of this process.
    pub fn me(&self) -> &str {
        &self.me
    }

    /// Until when this process leads; [`Time::ZERO`] where it does not.
    pub fn until(&self) -> Time {
        self.until
    }

    /// What to do about the Lease as it was read, or is not there. `now` is not before the answer came.
    pub fn look(&mut self, record: Option<&Record>, now: Time) -> Step {
        if record.is_some_and(|record| record.holder == self.me) {
            self.others = None;
            return Step::Renew;
        }
        self.until = Time::ZERO;
        let write = if record.is_some() { Step::TakeOver } else { Step::Create };
        // Somebody may rely on one that has been deleted, and not know yet.
        let is_new = record.is_none() && self.others.is_none();
        let is_released = record.is_some_and(|record| record.holder.is_empty());
        if is_new || is_released {
            return write;
        }
        let version = record.map(|record| Arc::clone(&record.version));
        match &self.others {
            Some(standing) if standing.version == version => {
                if now - standing.since >= TTL {
                    write
                } else {
                    Step::Follow
                }
            }
            _ => {
                self.others = Some(Standing { version, since: now });
                Step::Follow
            }
        }
    }

    /// A write was accepted; `sent_at` is not after it was sent. Gives until when this process leads.
    pub fn accepted(&mut self, sent_at: Time) -> Time {
        self.others = None;
        self.until = sent_at + LEADS;
        self.until
    }

    /// A write was refused because the Lease has changed or gone (409, 404), or it is given back: nothing is held.
    pub fn lost(&mut self) {
        self.until = Time::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::after_start(Duration::from_secs(seconds))
    }

    fn record(version: &str, holder: &str) -> Record {
        Record { version: version.into(), holder: holder.into() }
    }

    #[test]
    fn the_first_of_all_creates_it() {
        let mut lease = Lease::new("a");
        assert_eq!(lease.look(None, at(0)), Step::Create);
        // The answer was lost, and nothing was created.
        assert_eq!(lease.look(None, at(2)), Step::Create);
        assert_eq!(lease.until(), Time::ZERO);
    }

    #[test]
    fn another_s_is_taken_only_after_it_stood_for_a_whole_ttl() {
        let mut lease = Lease::new("a");
        assert_eq!(lease.look(Some(&record("1", "b")), at(100)), Step::Follow);
        assert_eq!(lease.look(Some(&record("1", "b")), at(114)), Step::Follow);
        // Its holder has renewed it: it begins to stand anew.
        assert_eq!(lease.look(Some(&record("2", "b")), at(116)), Step::Follow);
        assert_eq!(lease.look(Some(&record("2", "b")), at(130)), Step::Follow);
        assert_eq!(lease.look(Some(&record("2", "b")), at(131)), Step::TakeOver);
        // Somebody was faster.
        lease.lost();
        assert_eq!(lease.look(Some(&record("3", "c")), at(132)), Step::Follow);
    }

    #[test]
    fn a_released_one_is_taken_at_once() {
        let mut lease = Lease::new("a");
        assert_eq!(lease.look(Some(&record("1", "b")), at(0)), Step::Follow);
        assert_eq!(lease.look(Some(&record("2", "")), at(1)), Step::TakeOver);
        assert_eq!(Lease::new("c").look(Some(&record("2", "")), at(0)), Step::TakeOver);
    }

    #[test]
    fn a_deleted_one_counts_as_held_by_whoever_held_it() {
        let mut lease = Lease::new("a");
        assert_eq!(lease.look(Some(&record("1", "b")), at(0)), Step::Follow);
        assert_eq!(lease.look(None, at(10)), Step::Follow);
        assert_eq!(lease.look(None, at(24)), Step::Follow);
        assert_eq!(lease.look(None, at(25)), Step::Create);
        // Whoever held it knows that it holds nothing any more, and that nobody else does.
        lease.accepted(at(25));
        assert_eq!(lease.look(Some(&record("9", "a")), at(26)), Step::Renew);
        assert_eq!(lease.look(None, at(27)), Step::Create);
        assert_eq!(lease.until(), Time::ZERO);
    }

    #[test]
    fn it_leads_from_what_was_accepted_counted_from_the_sending() {
        let mut lease = Lease::new("a");
        lease.look(None, at(10));
        assert_eq!(lease.accepted(at(10)), at(16));
        assert_eq!(lease.look(Some(&record("1", "a")), at(12)), Step::Renew);
        // A renewal that is not answered changes nothing.
        assert_eq!(lease.until(), at(16));
        assert_eq!(lease.accepted(at(14)), at(20));
    }

    #[test]
    fn it_is_renewed_after_it_lapsed_if_nobody_took_it() {
        let mut lease = Lease::new("a");
        lease.accepted(at(0));
        assert_eq!(lease.look(Some(&record("1", "a")), at(100)), Step::Renew);
        assert_eq!(lease.until(), at(6));
    }

    #[test]
    fn it_is_lost_by_a_conflict_and_to_whoever_is_in_it() {
        let mut lease = Lease::new("a");
        lease.accepted(at(0));
        lease.lost();
        assert_eq!(lease.until(), Time::ZERO);
        lease.accepted(at(2));
        assert_eq!(lease.look(Some(&record("5", "b")), at(3)), Step::Follow);
        assert_eq!(lease.until(), Time::ZERO);
    }

    #[test]
    fn its_name_is_that_of_a_zone_and_an_owner() {
        let (zone, owner) = (ZoneId::new("Z0123ABC").unwrap(), "prod-eu".parse().unwrap());
        // printf prod-eu | sha256sum
        assert_eq!(Lease::name(&zone, &owner), "z0123abc-3312b6955a");
    }

    /// What a process waits for.
    enum Wait {
        /// Its next look.
        Idle,
        /// What is read when the request arrives.
        Read,
        /// Whether what it writes is taken, on condition of a version.
        Write { sent_at: u64, version: u64, step: Step },
        /// An answer that has been given.
        Answer { result: Result<Option<Record>, ()>, write: Option<u64> },
    }

    struct Process {
        lease: Lease,
        /// What its clock shows more than the world's.
        offset: u64,
        wait: Wait,
        due: u64,
    }

    fn time(millis: u64) -> Time {
        Time::after_start(Duration::from_millis(millis))
    }

    impl Process {
        fn new(number: usize, life: u64, now: u64, offset: u64) -> Self {
            let lease = Lease::new(format!("{number}-{life}"));
            Self { lease, offset, wait: Wait::Idle, due: now }
        }

        fn leads(&self, now: u64) -> bool {
            time(now + self.offset) < self.lease.until()
        }
    }

    /// Three processes and an API server, in steps of a millisecond. Requests and answers take up to four seconds, or
    /// never arrive; processes freeze, are killed, and release what they hold.
    #[test]
    fn there_is_one_leader_whatever_happens() {
        let (mut changes_of_leader, mut takeovers) = (0, 0);
        for seed in 0..30_u64 {
            let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let mut random = |below: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % below
            };
            let (mut stored, mut version): (Option<Record>, u64) = (None, 0);
            let mut processes: Vec<Process> =
                (0..3).map(|number| Process::new(number, 0, 0, random(1_000_000))).collect();
            // Who led last, and the end of that on the world's clock.
            let mut last: Option<(Arc<str>, u64, bool)> = None;
            for now in 0..200_000_u64 {
                for (number, process) in processes.iter_mut().enumerate() {
                    if random(40_000) == 0 {
                        *process = Process::new(number, now, now, random(1_000_000));
                    }
                    if random(20_000) == 0 {
                        process.due = now + random(30_000);
                    }
                    if process.due > now {
                        continue;
                    }
                    let delay = if random(10) == 0 { random(4_000) } else { random(50) };
                    let here = now + process.offset;
                    let (wait, next) = match std::mem::replace(&mut process.wait, Wait::Idle) {
                        Wait::Idle if random(100) == 0 && process.leads(now) => {
                            process.lease.lost();
                            if let Some(record) =
                                stored.as_mut().filter(|it| *it.holder == *process.lease.me())
                            {
                                version += 1;
                                *record = Record { version: version.to_string().into(), holder: "".into() };
                                last = last.map(|(who, _, _)| (who, now, true));
                            }
                            (Wait::Idle, now + 60_000)
                        }
                        Wait::Idle => (Wait::Read, now + delay),
                        Wait::Read => (Wait::Answer { result: Ok(stored.clone()), write: None }, now + delay),
                        Wait::Write { sent_at, version: expected, step } => {
                            let there = stored.as_ref().map(|record| record.version.parse().unwrap());
                            let is_taken =
                                if step == Step::Create { there.is_none() } else { there == Some(expected) };
                            let result = if is_taken {
                                version += 1;
                                let holder = Arc::clone(&process.lease.me);
                                stored = Some(Record { version: version.to_string().into(), holder });
                                Ok(stored.clone())
                            } else {
                                Err(())
                            };
                            (Wait::Answer { result, write: Some(sent_at) }, now + delay)
                        }
                        // It never came.
                        Wait::Answer { .. } if random(20) == 0 => (Wait::Idle, now + 2_000),
                        Wait::Answer { result: Err(()), .. } => {
                            process.lease.lost();
                            (Wait::Idle, now)
                        }
                        Wait::Answer { write: Some(sent_at), .. } => {
                            process.lease.accepted(time(sent_at));
                            (Wait::Idle, now + 2_000)
                        }
                        Wait::Answer { result: Ok(read), write: None } => {
                            match process.lease.look(read.as_ref(), time(here)) {
                                Step::Follow => (Wait::Idle, now + 2_000),
                                step => {
                                    takeovers += u64::from(step == Step::TakeOver);
                                    let version = read.map_or(0, |record| record.version.parse().unwrap());
                                    (Wait::Write { sent_at: here, version, step }, now + delay)
                                }
                            }
                        }
                    };
                    (process.wait, process.due) = (wait, next);
                }
                let leaders: Vec<&Process> = processes.iter().filter(|process| process.leads(now)).collect();
                assert!(leaders.len() <= 1, "seed {seed}: two lead at {now}");
                if let Some(leader) = leaders.first() {
                    let until = u64::try_from(leader.lease.until().since_start().as_millis()).unwrap();
                    let until = until - leader.offset;
                    if let Some((who, before, is_released)) = &last
                        && *who != leader.lease.me
                    {
                        changes_of_leader += 1;
                        let margin = u64::try_from(MARGIN.as_millis()).unwrap();
                        assert!(*is_released || now >= before + margin, "seed {seed}: {before}, then {now}");
                    }
                    last = Some((Arc::clone(&leader.lease.me), until, false));
                }
            }
        }
        println!("{changes_of_leader} changes of leader, {takeovers} tries to take over");
        assert!(changes_of_leader > 50, "{changes_of_leader}");
    }
}
