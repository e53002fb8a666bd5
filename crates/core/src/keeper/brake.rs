//! What holds replacements back when more of them come at once than anybody is likely to have meant.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use super::Time;
use crate::{
    dns::Name,
    plan::{Move, Unit},
    source::ClaimKey,
};

/// How long a replacement counts.
const WINDOW: Duration = Duration::from_mins(10);
/// Most moves that are remembered across processes: an annotation has its limits (256 KiB for all of an object).
const MOST_REMEMBERED: usize = 2_000;

/// From when on the brake holds: both must be exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrakeLimits {
    /// So many different moves.
    pub moves: usize,
    /// More than so many of our hostnames, in percent; at 100 it never holds.
    pub percent: usize,
}

/// What was replaced in the last ten minutes, and what would be.
#[derive(Debug, Clone)]
pub(super) struct Brake {
    limits: BrakeLimits,
    /// Units that wait to replace something, and whether their records were right before.
    pending: BTreeMap<ClaimKey, (Move, bool)>,
    /// How many of them never were, since this process started.
    never_right: usize,
    /// Hostnames that were replaced, and until when that counts.
    done: BTreeMap<Name, (Move, Time)>,
    /// What the process before has done: how many hostnames each move had, and until when that counts.
    before: BTreeMap<Move, (usize, Time)>,
    /// How many hostnames each move has, pending and done.
    moves: BTreeMap<Move, usize>,
    /// How many moves each hostname has, pending and done.
    hosts: BTreeMap<Name, usize>,
    ends: BTreeSet<(Time, Name)>,
    released: Time,
}

impl Default for BrakeLimits {
    fn default() -> Self {
        Self { moves: 10, percent: 50 }
    }
}

// === impl Brake ===

impl Brake {
    pub fn new(limits: BrakeLimits) -> Self {
        Self {
            limits,
            pending: BTreeMap::new(),
            never_right: 0,
            done: BTreeMap::new(),
            before: BTreeMap::new(),
            moves: BTreeMap::new(),
            hosts: BTreeMap::new(),
            ends: BTreeSet::new(),
            released: Time::ZERO,
        }
    }

    /// A hostname waits to be moved, or no longer does. `was_right`: its records have been right before.
    pub fn pending(&mut self, key: &ClaimKey, to: Option<Move>, was_right: bool) {
        let old = match to {
            Some(to) => {
                self.count(&key.host, to);
                self.never_right += usize::from(!was_right);
                self.pending.insert(key.clone(), (to, was_right))
            }
            None => self.pending.remove(key),
        };
        if let Some((old, was_right)) = old {
            self.discount(&key.host, old);
            self.never_right -= usize::from(!was_right);
        }
    }

    /// A hostname was moved.
    pub fn moved(&mut self, host: &Name, to: Move, now: Time) {
        self.count(host, to);
        let end = now + WINDOW;
        if let Some((old, until)) = self.done.insert(host.clone(), (to, end)) {
            self.discount(host, old);
            self.ends.remove(&(until, host.clone()));
        }
        self.ends.insert((end, host.clone()));
    }

    /// A person has released what is held until a time.
    pub fn release(&mut self, until: Time) {
        self.released = until;
    }

    /// Whether replacements are held, where so many hostnames have been seen right.
    pub fn holds(&mut self, right: usize, now: Time) -> bool {
        let ours = right + self.never_right;
        while let Some((end, host)) = self.ends.first().filter(|(end, _)| *end <= now).cloned() {
            self.ends.remove(&(end, host.clone()));
            if let Some((old, _)) = self.done.remove(&host) {
                self.discount(&host, old);
            }
        }
        self.before.retain(|_, (_, until)| *until > now);
        let elsewhere = self.before.keys().filter(|old| !self.moves.contains_key(old)).count();
        let of_others = self.before.values().map(|(hosts, _)| *hosts);
        let hosts = of_others.fold(self.hosts.len(), usize::saturating_add);
        let are_many = self.moves.len() + elsewhere >= self.limits.moves;
        // What is no hostname of ours any more counts among the moved, so that these can be more than all.
        let is_most = hosts.saturating_mul(100) > ours.saturating_mul(self.limits.percent);
        let is_much = are_many && is_most && self.limits.percent < 100;
        is_much && !self.pending.is_empty() && self.released <= now
    }

    /// Whether a unit is one that the brake can hold.
    pub fn concerns(&self, unit: &Unit) -> bool {
        self.pending.contains_key(unit.key())
    }

    /// The hostnames that wait to be moved.
    pub fn hosts(&self) -> impl Iterator<Item = &Name> {
        self.pending.keys().map(|key| &key.host)
    }

    /// When what is held may be so no longer.
    pub fn due(&self, now: Time) -> Option<Time> {
        let ends = self.ends.first().map(|(end, _)| *end).into_iter();
        let ends = ends.chain(self.before.values().map(|(_, until)| *until)).chain([self.released]);
        ends.filter(|end| *end > now).min()
    }

    /// What the next process has to know: a line for each move, `MOVE HOSTNAMES UNTIL`, the time in seconds since 1970.
    pub fn memory(&self, to_wall: impl Fn(Time) -> i64) -> String {
        let mut moves = self.before.clone();
        for (to, until) in self.done.values() {
            add(&mut moves, *to, 1, *until);
        }
        let mut newest: Vec<_> = moves.into_iter().collect();
        newest.sort_by_key(|(_, (_, until))| std::cmp::Reverse(*until));
        let mut text = String::new();
        for (Move(to), (hosts, until)) in newest.into_iter().take(MOST_REMEMBERED) {
            // Nothing can go wrong in writing to a string.
            let _ = writeln!(text, "{to:016x} {hosts} {}", to_wall(until));
        }
        text
    }

    /// Takes over what a process before has written, or this one when it led before. What cannot be read counts as
    /// nothing.
    pub fn recall(&mut self, memory: &str, from_wall: impl Fn(i64) -> Time, now: Time) {
        let latest = now + WINDOW;
        let said = memory.lines().filter_map(|line| {
            let mut words = line.split(' ');
            let to = u64::from_str_radix(words.next()?, 16).ok()?;
            let (hosts, until) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some((Move(to), hosts, from_wall(until).min(latest)))
        });
        self.before.clear();
        for (to, hosts, until) in said.take(MOST_REMEMBERED) {
            add(&mut self.before, to, hosts, until);
        }
        // What this process knows to have done itself is not counted twice.
        for (to, _) in self.done.values() {
            if let Some((hosts, _)) = self.before.get_mut(to) {
                *hosts = hosts.saturating_sub(1);
            }
        }
        self.before.retain(|_, (hosts, _)| *hosts > 0);
    }

    fn count(&mut self, host: &Name, to: Move) {
        *self.moves.entry(to).or_default() += 1;
        *self.hosts.entry(host.clone()).or_default() += 1;
    }

    fn discount(&mut self, host: &Name, to: Move) {
        one_less(&mut self.moves, &to);
        one_less(&mut self.hosts, host);
    }
}

/// Adds to what is known of a move: so many hostnames more, until then.
fn add(moves: &mut BTreeMap<Move, (usize, Time)>, to: Move, hosts: usize, until: Time) {
    let known = moves.entry(to).or_default();
    *known = (known.0.saturating_add(hosts), known.1.max(until));
}

/// Counts one less of something, and forgets it with the last.
fn one_less<K: Ord>(counts: &mut BTreeMap<K, usize>, of: &K) {
    if let Some(count) = counts.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(of);
        }
    }
}
