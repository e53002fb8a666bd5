//! The brake: it holds replacements when more moves come at once than anybody is likely to want.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use crate::{
    dns::Name,
    keeper::{brake_limits::BrakeLimits, keys::entries_at, time::Time},
    plan::{Move, Unit},
    source::ClaimKey,
};

/// How long a replacement counts.
const WINDOW: Duration = Duration::from_mins(10);
/// The most moves that are stored for the next leader: an object's annotations are limited to 256 KiB.
const MOST_REMEMBERED: usize = 2_000;

/// The moves of the last ten minutes, and the moves that wait to be written.
#[derive(Debug, Clone)]
pub(super) struct Brake {
    limits: BrakeLimits,
    /// The keys that wait to be moved, and whether their hostnames were correct before.
    pending: BTreeMap<ClaimKey, (Move, bool)>,
    /// The pending hostnames that were never correct in this process, each with its number of pending keys.
    never_correct: BTreeMap<Name, usize>,
    /// The keys that were moved, and until when that counts.
    done: BTreeMap<ClaimKey, (Move, Time)>,
    /// The moves of earlier leaders: the number of hostnames, and until when they count.
    before: BTreeMap<Move, (usize, Time)>,
    /// How many keys each move has, pending and done.
    moves: BTreeMap<Move, usize>,
    /// How many moves each hostname has, pending and done.
    hosts: BTreeMap<Name, usize>,
    ends: BTreeSet<(Time, ClaimKey)>,
    released: Time,
    /// Whether the brake held at the last review.
    held: bool,
}

// === impl Brake ===

impl Brake {
    pub fn new(limits: BrakeLimits) -> Self {
        Self {
            limits,
            pending: BTreeMap::new(),
            never_correct: BTreeMap::new(),
            done: BTreeMap::new(),
            before: BTreeMap::new(),
            moves: BTreeMap::new(),
            hosts: BTreeMap::new(),
            ends: BTreeSet::new(),
            released: Time::ZERO,
            held: false,
        }
    }

    /// Notes that a key waits to be moved. `was_correct`: the records of its hostname were correct before.
    pub fn add(&mut self, key: &ClaimKey, to: Move, was_correct: bool) {
        self.count(&key.host, to);
        if !was_correct {
            *self.never_correct.entry(key.host.clone()).or_default() += 1;
        }
        let old = self.pending.insert(key.clone(), (to, was_correct));
        self.remove_old(key, old);
    }

    /// Notes that no keys of a hostname wait to be moved but these.
    pub fn retain(&mut self, host: &Name, is_pending: impl Fn(&ClaimKey) -> bool) {
        let keys = entries_at(&self.pending, host).map(|(key, _)| key);
        for key in keys.filter(|key| !is_pending(key)).cloned().collect::<Vec<_>>() {
            let old = self.pending.remove(&key);
            self.remove_old(&key, old);
        }
    }

    fn remove_old(&mut self, key: &ClaimKey, old: Option<(Move, bool)>) {
        if let Some((old, was_correct)) = old {
            self.discount(&key.host, old);
            if !was_correct {
                subtract_one(&mut self.never_correct, &key.host);
            }
        }
    }

    /// Notes that a key was moved.
    pub fn moved(&mut self, key: &ClaimKey, to: Move, now: Time) {
        self.count(&key.host, to);
        let end = now + WINDOW;
        if let Some((old, until)) = self.done.insert(key.clone(), (to, end)) {
            self.discount(&key.host, old);
            self.ends.remove(&(until, key.clone()));
        }
        self.ends.insert((end, key.clone()));
    }

    /// Notes that a person has released held replacements until a time.
    pub fn release(&mut self, until: Time) {
        self.released = until;
    }

    /// Whether the brake holds replacements. `once_correct` is the number of hostnames that were correct and ours.
    pub fn holds(&self, once_correct: usize, now: Time) -> bool {
        if self.pending.is_empty() || self.released > now || self.limits.percent >= 100 {
            return false;
        }
        let ours = once_correct + self.never_correct.len();
        let elsewhere = self.before.keys().filter(|old| !self.moves.contains_key(old)).count();
        let of_others = self.before.values().map(|(hosts, _)| *hosts);
        let hosts = of_others.fold(self.hosts.len(), usize::saturating_add);
        let are_many = self.moves.len() + elsewhere >= self.limits.moves;
        // Moved hostnames that are no longer ours count too, so there can be more of them than hostnames of ours.
        are_many && hosts.saturating_mul(100) > ours.saturating_mul(self.limits.percent)
    }

    /// Forgets moves that no longer count. Returns whether the brake begins or ends to hold.
    pub fn review(&mut self, once_correct: usize, now: Time) -> bool {
        while let Some((end, key)) = self.ends.first().filter(|(end, _)| *end <= now).cloned() {
            if let Some((old, _)) = self.done.remove(&key) {
                self.discount(&key.host, old);
            }
            self.ends.remove(&(end, key));
        }
        self.before.retain(|_, (_, until)| *until > now);
        let holds = self.holds(once_correct, now);
        std::mem::replace(&mut self.held, holds) != holds
    }

    /// Whether the brake can hold a unit.
    pub fn concerns(&self, unit: &Unit) -> bool {
        self.pending.contains_key(unit.key())
    }

    /// The hostnames with keys that wait to be moved.
    pub fn hosts(&self) -> impl Iterator<Item = &Name> {
        self.pending.keys().map(|key| &key.host)
    }

    /// While the brake holds: when it may cease to.
    pub fn due(&self, now: Time) -> Option<Time> {
        let ends = self.ends.first().map(|(end, _)| *end).into_iter();
        let ends = ends.chain(self.before.values().map(|(_, until)| *until)).chain([self.released]);
        ends.filter(|end| *end > now && self.held).min()
    }

    /// The text for the next leader. Each line is `MOVE HOSTNAMES UNTIL`, with the time in seconds since 1970.
    pub fn memory(&self, to_wall: impl Fn(Time) -> i64) -> String {
        let mut moves = self.before.clone();
        for ((to, _), until) in self.done_hosts() {
            add(&mut moves, to, 1, until);
        }
        let mut newest: Vec<_> = moves.into_iter().collect();
        newest.sort_by_key(|(_, (_, until))| std::cmp::Reverse(*until));
        let mut text = String::new();
        for (to, (hosts, until)) in newest.into_iter().take(MOST_REMEMBERED) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{to} {hosts} {}", to_wall(until));
        }
        text
    }

    /// Takes the text of the leader before, which can be this process in an earlier term. Ignores unreadable lines.
    pub fn recall(&mut self, memory: &str, from_wall: impl Fn(i64) -> Time, now: Time) {
        let latest = now + WINDOW;
        let lines = memory.lines().filter_map(|line| {
            let mut words = line.split(' ');
            let to: Move = words.next()?.parse().ok()?;
            let (hosts, until) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some((to, hosts, from_wall(until).min(latest)))
        });
        self.before.clear();
        for (to, hosts, until) in lines.take(MOST_REMEMBERED) {
            add(&mut self.before, to, hosts, until);
        }
        // This process' own moves must not count twice.
        let own: Vec<Move> = self.done_hosts().into_keys().map(|(to, _)| to).collect();
        for to in own {
            if let Some((hosts, _)) = self.before.get_mut(&to) {
                *hosts = hosts.saturating_sub(1);
            }
        }
        self.before.retain(|_, (hosts, _)| *hosts > 0);
    }

    /// The moves that were made, with each hostname once, and until when they count.
    fn done_hosts(&self) -> BTreeMap<(Move, &Name), Time> {
        let mut hosts = BTreeMap::new();
        for (key, (to, until)) in &self.done {
            let known = hosts.entry((*to, &key.host)).or_insert(*until);
            *known = (*until).max(*known);
        }
        hosts
    }

    fn count(&mut self, host: &Name, to: Move) {
        *self.moves.entry(to).or_default() += 1;
        *self.hosts.entry(host.clone()).or_default() += 1;
    }

    fn discount(&mut self, host: &Name, to: Move) {
        subtract_one(&mut self.moves, &to);
        subtract_one(&mut self.hosts, host);
    }
}

/// Adds a number of hostnames to a move, until a time.
fn add(moves: &mut BTreeMap<Move, (usize, Time)>, to: Move, hosts: usize, until: Time) {
    let known = moves.entry(to).or_default();
    *known = (known.0.saturating_add(hosts), known.1.max(until));
}

/// Subtracts one from a count, and removes the count at zero.
fn subtract_one<K: Ord>(counts: &mut BTreeMap<K, usize>, of: &K) {
    if let Some(count) = counts.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::SetId;

    fn key(host: &str, set_id: &str) -> ClaimKey {
        ClaimKey { host: Name::from_hostname(host).unwrap(), set_id: Some(SetId::new(set_id)) }
    }

    fn a_move(number: u8) -> Move {
        format!("{number:032x}").parse().unwrap()
    }

    #[test]
    fn the_keys_of_a_hostname_count_as_one_hostname() {
        let now = Time::ZERO;
        let mut brake = Brake::new(BrakeLimits { moves: 2, percent: 50 });
        let [blue, green] = ["blue", "green"].map(|set_id| key("a.example.com", set_id));
        brake.add(&blue, a_move(1), true);
        brake.add(&green, a_move(2), true);
        // Two moves, of one hostname among three.
        assert!(!brake.holds(3, now));
        let other = key("b.example.com", "blue");
        brake.add(&other, a_move(2), false);
        // Two hostnames among three: the new one counts among ours.
        assert!(brake.holds(2, now));
        brake.retain(&other.host, |_| false);
        assert!(!brake.holds(2, now));
        // One key of a hostname is written, and the other one still waits.
        brake.moved(&blue, a_move(1), now);
        brake.retain(&blue.host, |pending| *pending == green);
        assert!(brake.holds(1, now) && !brake.holds(2, now));
    }

    #[test]
    fn a_move_of_several_keys_is_stored_with_its_number_of_hostnames() {
        let now = Time::ZERO;
        let mut brake = Brake::new(BrakeLimits::default());
        for key in [key("a.example.com", "blue"), key("a.example.com", "green"), key("b.example.com", "blue")]
        {
            brake.moved(&key, a_move(7), now);
        }
        let unix = |time: Time| i64::try_from((time - now).as_secs()).unwrap();
        let memory = brake.memory(unix);
        assert_eq!(memory, format!("{} 2 600\n", a_move(7)));
        // A process does not count its own moves twice.
        brake.recall(&memory, |_| now + WINDOW, now);
        assert_eq!(brake.memory(unix), memory);
    }
}
