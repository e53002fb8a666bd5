//! Leader election: the rules of a Kubernetes Lease, without Kubernetes.
//!
//! A process reads the Lease every [`RENEWAL`]. [`Lease::look`] returns the next [`Step`], and [`Lease::accepted`] or
//! [`Lease::lost`] take its result. The holder in the Lease holds it until it stays unchanged for a whole [`TTL`]. The
//! holder leads for a shorter time, so that its last request ends before the next leader sends one.
//!
//! # Guarantees
//!
//! At most one process leads at any time, whatever the clocks of the machines show. Each process measures on its own
//! clock how long the Lease stays unchanged. The times in the Lease are for people.
//!
//! # Caveats
//!
//! - Two processes can lead for up to six seconds if a person deletes the Lease, and a process that has never seen it
//!   starts before the holder notices. A first Lease that nobody may use for a [`TTL`] would close this gap. It would
//!   cost 15 s at every first start.
//! - Route 53 does not know the leader, so a request of an old leader can arrive late. Two rules protect the zone
//!   without leadership: a first write is a CREATE, and a replacement rests on a fresh read.

use std::time::Duration;

use arcstr::ArcStr;
use sha2::{Digest as _, Sha256};

use crate::{dns::ZoneId, keeper::Time, plan::OwnerId};

/// How long a Lease must stay unchanged before another process takes it.
pub const TTL: Duration = Duration::from_secs(15);
/// How often a process renews or reads the Lease. It is also the time-out of each call.
pub const RENEWAL: Duration = Duration::from_secs(2);
/// How long before the Lease can be taken its holder ceases to lead.
///
/// It is longer than the time-out of a change (8 s). A change that is sent at the last moment has ended before another
/// process writes.
pub const MARGIN: Duration = Duration::from_secs(9);

/// How long a process leads after one renewal.
const LEADS: Duration = TTL.saturating_sub(MARGIN);
// Leadership survives one failed renewal.
const _: () = assert!(LEADS.as_millis() >= 3 * RENEWAL.as_millis());

/// The fields of a Lease object that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The `resourceVersion`, which changes with every write by anybody.
    pub version: ArcStr,
    /// The holder; empty after a release.
    pub holder: ArcStr,
}

/// The next action of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Create the Lease with this process as its holder.
    Create,
    /// Renew the Lease, which this process holds.
    Renew,
    /// Take the Lease, which is released or abandoned.
    TakeOver,
    /// Write nothing, because another process holds the Lease.
    Follow,
}

/// What one process knows about a Lease. Each write must be conditional on the version that was read.
#[derive(Debug, Clone)]
pub struct Lease {
    me: ArcStr,
    /// The last observation of a Lease that this process did not hold.
    others: Option<Unchanged>,
    /// Whether this process has seen the Lease since it started.
    has_seen: bool,
    /// When the last accepted write was sent, unless somebody else has written since. Nobody else takes the Lease for a
    /// whole [`TTL`] after it.
    held_since: Option<Time>,
    until: Time,
}

#[derive(Debug, Clone)]
struct Unchanged {
    /// `None` if the Lease object was deleted.
    version: Option<ArcStr>,
    since: Time,
    /// When it was seen last.
    seen_at: Time,
}

// === impl Lease ===

impl Lease {
    /// A Lease that was not read yet. `me` must differ from the names of all other processes, earlier ones included.
    pub fn new(me: impl Into<ArcStr>) -> Self {
        Self { me: me.into(), others: None, has_seen: false, held_since: None, until: Time::ZERO }
    }

    /// The name of the Lease object, for a zone and an owner id.
    pub fn name(zone: &ZoneId, owner: &OwnerId) -> String {
        let hash = Sha256::digest(owner.as_str().as_bytes());
        let name = format!("{}-", zone.as_str().to_lowercase());
        hash.iter().take(5).fold(name, |name, byte| format!("{name}{byte:02x}"))
    }

    /// The name of this process.
    pub fn me(&self) -> &str {
        &self.me
    }

    /// Until when this process leads; [`Time::ZERO`] if it does not.
    pub fn until(&self) -> Time {
        self.until
    }

    /// The next step, after a read of the Lease. `record` is `None` if there is no Lease object. `now` must not be
    /// before the answer came.
    pub fn look(&mut self, record: Option<&Record>, now: Time) -> Step {
        self.has_seen |= record.is_some();
        if record.is_some_and(|record| record.holder == self.me) {
            self.others = None;
            return Step::Renew;
        }
        self.until = Time::ZERO;
        let write = if record.is_some() { Step::TakeOver } else { Step::Create };
        // The holder of a deleted Lease may still rely on it. There is no such holder in two cases: this process has never
        // seen a Lease, or nobody else can have taken the Lease since its own last write.
        let is_safe = !self.has_seen || self.held_since.is_some_and(|sent_at| now - sent_at < TTL);
        let is_released = record.is_some_and(|record| record.holder.is_empty());
        if record.is_none() && is_safe || is_released {
            return write;
        }
        self.held_since = None;
        let version = record.map(|record| record.version.clone());
        match &mut self.others {
            // Two reads of the same version show that nobody has written in between. Two reads without a Lease do not show
            // it, so they must be close to each other.
            Some(unchanged)
                if unchanged.version == version && (version.is_some() || now - unchanged.seen_at < TTL) =>
            {
                unchanged.seen_at = now;
                if now - unchanged.since >= TTL { write } else { Step::Follow }
            }
            _ => {
                self.others = Some(Unchanged { version, since: now, seen_at: now });
                Step::Follow
            }
        }
    }

    /// Notes that a write was accepted. `sent_at` must not be after its sending. Returns until when this process leads.
    pub fn accepted(&mut self, sent_at: Time) -> Time {
        self.others = None;
        self.has_seen = true;
        self.held_since = Some(sent_at);
        self.until = sent_at + LEADS;
        self.until
    }

    /// Notes that a write was rejected because somebody else has changed the Lease (409). The Lease must be read again at
    /// once. Until then this process leads as long as before: another process takes the Lease only a [`TTL`] after the last
    /// accepted write, and a tool that annotates the Lease leaves its holder unchanged.
    pub fn conflicted(&mut self) {
        self.held_since = None;
    }

    /// Notes that this process released the Lease.
    pub fn lost(&mut self) {
        self.held_since = None;
        self.until = Time::ZERO;
    }

    /// Notes that a write was rejected because the Lease was deleted (404). Nobody else has taken it.
    pub fn deleted(&mut self) {
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
    fn the_first_process_creates_the_lease() {
        let mut lease = Lease::new("a");
        assert_eq!(lease.look(None, at(0)), Step::Create);
        // The answer was lost, and nothing was created.
        assert_eq!(lease.look(None, at(2)), Step::Create);
        assert_eq!(lease.until(), Time::ZERO);
    }

    #[test]
    fn a_lease_of_another_process_is_taken_after_a_whole_ttl_without_change() {
        let mut lease = Lease::new("a");
        assert_eq!(lease.look(Some(&record("1", "b")), at(100)), Step::Follow);
        assert_eq!(lease.look(Some(&record("1", "b")), at(114)), Step::Follow);
        // Its holder has renewed it, so the time begins anew.
        assert_eq!(lease.look(Some(&record("2", "b")), at(116)), Step::Follow);
        assert_eq!(lease.look(Some(&record("2", "b")), at(130)), Step::Follow);
        assert_eq!(lease.look(Some(&record("2", "b")), at(131)), Step::TakeOver);
        // Another process was faster.
        lease.conflicted();
        assert_eq!(lease.look(Some(&record("3", "c")), at(132)), Step::Follow);
    }

    #[test]
    fn a_released_lease_is_taken_at_once() {
        let mut lease = Lease::new("a");
        assert_eq!(lease.look(Some(&record("1", "b")), at(0)), Step::Follow);
        assert_eq!(lease.look(Some(&record("2", "")), at(1)), Step::TakeOver);
        assert_eq!(Lease::new("c").look(Some(&record("2", "")), at(0)), Step::TakeOver);
    }

    #[test]
    fn a_deleted_lease_still_counts_for_its_holder() {
        let mut lease = Lease::new("a");
        assert_eq!(lease.look(Some(&record("1", "b")), at(0)), Step::Follow);
        assert_eq!(lease.look(None, at(10)), Step::Follow);
        assert_eq!(lease.look(None, at(24)), Step::Follow);
        assert_eq!(lease.look(None, at(25)), Step::Create);
        // The holder itself knows that the Lease is deleted, and that nobody holds it.
        lease.accepted(at(25));
        assert_eq!(lease.look(Some(&record("9", "a")), at(26)), Step::Renew);
        assert_eq!(lease.look(None, at(27)), Step::Create);
        assert_eq!(lease.until(), Time::ZERO);
    }

    #[test]
    fn a_deleted_lease_that_another_process_may_have_taken_is_not_created_at_once() {
        let mut lease = Lease::new("a");
        lease.accepted(at(0));
        // The process was frozen. Another one could have taken the Lease, and then it was deleted.
        assert_eq!(lease.look(None, at(15)), Step::Follow);
        assert_eq!(lease.look(None, at(29)), Step::Follow);
        assert_eq!(lease.look(None, at(30)), Step::Create);
        lease.accepted(at(30));
        // Another process has changed the Lease.
        lease.conflicted();
        assert_eq!(lease.look(None, at(31)), Step::Follow);
        // The process was frozen again.
        assert_eq!(lease.look(None, at(46)), Step::Follow);
        assert_eq!(lease.look(None, at(60)), Step::Follow);
        assert_eq!(lease.look(None, at(61)), Step::Create);
        // The answer to its own write shows that the Lease was deleted.
        lease.accepted(at(61));
        lease.deleted();
        assert_eq!((lease.until(), lease.look(None, at(63))), (Time::ZERO, Step::Create));
    }

    #[test]
    fn leadership_counts_from_the_sending_of_an_accepted_write() {
        let mut lease = Lease::new("a");
        lease.look(None, at(10));
        assert_eq!(lease.accepted(at(10)), at(16));
        assert_eq!(lease.look(Some(&record("1", "a")), at(12)), Step::Renew);
        // A renewal without an answer changes nothing.
        assert_eq!(lease.until(), at(16));
        assert_eq!(lease.accepted(at(14)), at(20));
    }

    #[test]
    fn a_lapsed_lease_is_renewed_if_nobody_took_it() {
        let mut lease = Lease::new("a");
        lease.accepted(at(0));
        assert_eq!(lease.look(Some(&record("1", "a")), at(100)), Step::Renew);
        assert_eq!(lease.until(), at(6));
    }

    #[test]
    fn a_foreign_write_that_leaves_the_holder_does_not_end_leadership() {
        let mut lease = Lease::new("a");
        lease.accepted(at(0));
        lease.conflicted();
        assert_eq!(lease.until(), at(6));
        assert_eq!(lease.look(Some(&record("2", "a")), at(1)), Step::Renew);
        assert_eq!(lease.accepted(at(1)), at(7));
        // Without a renewal it ends as it would have.
        lease.conflicted();
        assert_eq!((lease.look(Some(&record("3", "a")), at(5)), lease.until()), (Step::Renew, at(7)));
        // Whether anybody else has taken it before a deletion is not known.
        lease.conflicted();
        assert_eq!((lease.look(None, at(6)), lease.until()), (Step::Follow, Time::ZERO));
    }

    #[test]
    fn another_holder_ends_leadership() {
        let mut lease = Lease::new("a");
        lease.accepted(at(2));
        lease.conflicted();
        assert_eq!(lease.look(Some(&record("5", "b")), at(3)), Step::Follow);
        assert_eq!(lease.until(), Time::ZERO);
    }

    #[test]
    fn its_name_is_made_of_the_zone_and_the_owner() {
        let (zone, owner) = (ZoneId::new("Z0123ABC").unwrap(), "prod-eu".parse().unwrap());
        // printf prod-eu | sha256sum
        assert_eq!(Lease::name(&zone, &owner), "z0123abc-3312b6955a");
    }

    /// The event that a process waits for.
    enum Wait {
        /// Its next read.
        Idle,
        /// The arrival of its read at the server.
        Read,
        /// The arrival of its conditional write at the server.
        Write { sent_at: u64, version: u64, step: Step },
        /// The arrival of an answer.
        Answer { result: Result<Option<Record>, Rejection>, write: Option<u64> },
    }

    /// Why a write is rejected.
    enum Rejection {
        Deleted,
        Changed,
    }

    struct Process {
        lease: Lease,
        /// Whether it has seen the Lease since it started.
        has_seen: bool,
        /// How much its clock is ahead of the world's clock.
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
            Self { lease, has_seen: false, offset, wait: Wait::Idle, due: now }
        }

        fn leads(&self, now: u64) -> bool {
            time(now + self.offset) < self.lease.until()
        }
    }

    /// Three processes and an API server, in steps of a millisecond. Requests and answers take up to four seconds, or
    /// never arrive. Processes freeze, are killed, and release the Lease. A person deletes it, but not in the seconds in
    /// which a process starts: a process that has never seen a Lease takes a deleted one for one that never was. A person
    /// also leaves a minute between two deletions.
    #[test]
    #[expect(clippy::too_many_lines, reason = "one world, step by step")]
    fn there_is_one_leader_whatever_happens() {
        let (mut changes_of_leader, mut takeovers, mut deletions) = (0, 0, 0);
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
            // The last leader, and the end of its leadership on the world's clock.
            let mut last: Option<(ArcStr, u64, bool)> = None;
            let (mut no_start_before, mut last_deletion) = (0, None);
            for now in 0..200_000_u64 {
                let have_all_seen_it = processes.iter().all(|process| process.has_seen);
                let is_quiet = last_deletion.is_none_or(|before| now - before > 60_000);
                if random(15_000) == 0 && stored.is_some() && have_all_seen_it && is_quiet {
                    stored = None;
                    last_deletion = Some(now);
                    deletions += 1;
                    no_start_before = now + u64::try_from(TTL.as_millis()).unwrap();
                }
                // A tool annotates the Lease.
                if random(5_000) == 0
                    && let Some(record) = &mut stored
                {
                    version += 1;
                    record.version = version.to_string().into();
                }
                for (number, process) in processes.iter_mut().enumerate() {
                    if random(40_000) == 0 && now >= no_start_before {
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
                                let holder = process.lease.me.clone();
                                stored = Some(Record { version: version.to_string().into(), holder });
                                Ok(stored.clone())
                            } else if stored.is_none() {
                                Err(Rejection::Deleted)
                            } else {
                                Err(Rejection::Changed)
                            };
                            (Wait::Answer { result, write: Some(sent_at) }, now + delay)
                        }
                        // The answer is lost.
                        Wait::Answer { .. } if random(20) == 0 => (Wait::Idle, now + 2_000),
                        Wait::Answer { result: Err(rejection), .. } => {
                            match rejection {
                                Rejection::Deleted => process.lease.deleted(),
                                Rejection::Changed => process.lease.conflicted(),
                            }
                            (Wait::Idle, now)
                        }
                        Wait::Answer { write: Some(sent_at), .. } => {
                            process.has_seen = true;
                            process.lease.accepted(time(sent_at));
                            (Wait::Idle, now + 2_000)
                        }
                        Wait::Answer { result: Ok(read), write: None } => {
                            process.has_seen |= read.is_some();
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
                    last = Some((leader.lease.me.clone(), until, false));
                }
            }
        }
        println!(
            "{changes_of_leader} changes of leader, {takeovers} tries to take over, {deletions} deletions"
        );
        assert!(changes_of_leader > 50 && deletions > 50, "{changes_of_leader} {deletions}");
    }
}
