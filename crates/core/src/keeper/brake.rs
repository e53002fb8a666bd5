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
    /// More than so many of our hostnames, in percent.
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
    /// What the process before has done: moves, how many hostnames each, and until when that counts.
    before: Vec<(Move, usize, Time)>,
    /// How many hostnames each move has, pending and done.
    moves: BTreeMap<Move, usize>,
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
            before: Vec::new(),
            moves: BTreeMap::new(),
            ends: BTreeSet::new(),
            released: Time::ZERO,
        }
    }

    /// A hostname waits to be moved, or no longer does. `was_right`: its records have been right before.
    pub fn pending(&mut self, key: &ClaimKey, to: Option<Move>, was_right: bool) {
        let old = match to {
            Some(to) => {
                self.count(to);
                self.never_right += usize::from(!was_right);
                self.pending.insert(key.clone(), (to, was_right))
            }
            None => self.pending.remove(key),
        };
        if let Some((old, was_right)) = old {
            self.discount(old);
            self.never_right -= usize::from(!was_right);
        }
    }

    /// A hostname was moved.
    pub fn moved(&mut self, host: &Name, to: Move, now: Time) {
        self.count(to);
        let end = now + WINDOW;
        if let Some((old, until)) = self.done.insert(host.clone(), (to, end)) {
            self.discount(old);
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
                self.discount(old);
            }
        }
        self.before.retain(|(_, _, until)| *until > now);
        let elsewhere = self.before.iter().filter(|(old, ..)| !self.moves.contains_key(old));
        let moves = self.moves.len() + elsewhere.map(|(old, ..)| old).collect::<BTreeSet<_>>().len();
        let again = self.pending.keys().filter(|key| self.done.contains_key(&key.host)).count();
        let of_others: usize = self.before.iter().map(|(_, hosts, _)| hosts).sum();
        let hosts = self.pending.len() + self.done.len() - again + of_others;
        let is_much = moves >= self.limits.moves && hosts * 100 > ours * self.limits.percent;
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
        let ends = ends.chain(self.before.iter().map(|(_, _, until)| *until)).chain([self.released]);
        ends.filter(|end| *end > now).min()
    }

    /// What the next process has to know: a line for each move, `MOVE HOSTNAMES UNTIL`, the time in seconds since 1970.
    pub fn memory(&self, to_wall: impl Fn(Time) -> i64) -> String {
        let mut moves: BTreeMap<Move, (usize, Time)> = BTreeMap::new();
        let done = self.done.values().map(|(to, until)| (*to, 1, *until));
        for (to, hosts, until) in done.chain(self.before.iter().copied()) {
            let known = moves.entry(to).or_default();
            *known = (known.0 + hosts, known.1.max(until));
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
        let mut own: BTreeMap<Move, usize> = BTreeMap::new();
        for (to, _) in self.done.values() {
            *own.entry(*to).or_default() += 1;
        }
        self.before = memory
            .lines()
            .filter_map(|line| {
                let mut words = line.split(' ');
                let to = u64::from_str_radix(words.next()?, 16).ok()?;
                let (hosts, until) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                // What this process knows to have done itself is not counted twice.
                let others = usize::saturating_sub(hosts, own.get(&Move(to)).copied().unwrap_or_default());
                (others > 0).then(|| (Move(to), others, from_wall(until).min(latest)))
            })
            .take(MOST_REMEMBERED)
            .collect();
    }

    fn count(&mut self, to: Move) {
        *self.moves.entry(to).or_default() += 1;
    }

    fn discount(&mut self, to: Move) {
        if let Some(hosts) = self.moves.get_mut(&to) {
            *hosts -= 1;
            if *hosts == 0 {
                self.moves.remove(&to);
            }
        }
    }
}
