//! The brake: it holds replacements when more moves come at once than anybody is likely to want.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use arcstr::ArcStr;

use super::stored_moves::{StoredMove, StoredMoves};
use crate::{
    dns::Name,
    keeper::{brake_limits::BrakeLimits, planner::PlannedMove, time::Time},
    plan::{Move, Reason, Unit},
    source::{ClaimKey, entries_at},
};

/// How long a replacement counts.
const WINDOW: Duration = Duration::from_mins(10);

/// The moves of the last ten minutes, and the moves that wait to be written.
///
/// Each namespace has the limits for itself. They count for all namespaces together too, if they are exceeded even without
/// any one namespace: the moves of one namespace never hold those of another.
#[derive(Debug, Clone)]
pub(super) struct Brake {
    limits: BrakeLimits,
    /// The keys that wait to be moved.
    pending: BTreeMap<ClaimKey, Pending>,
    /// The keys that were moved, and until when that counts. Each move of a key counts.
    done: BTreeMap<(ClaimKey, Move), Done>,
    /// The moves of earlier leaders.
    before: StoredMoves,
    ends: BTreeSet<(Time, (ClaimKey, Move))>,
    released: Time,
    /// The replacements that exceed the limits. The brake holds them unless a person has released it.
    held: Held,
    /// Whether the moves have changed since.
    is_changed: bool,
    /// The replacements that the brake held at the last review.
    reviewed: Held,
}

/// A key that waits to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pending {
    to: Move,
    namespace: ArcStr,
    /// Whether the records of its hostname were correct before.
    was_correct: bool,
}

/// A move that was made.
#[derive(Debug, Clone)]
struct Done {
    namespace: ArcStr,
    until: Time,
}

/// The replacements that are held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Held {
    everywhere: bool,
    namespaces: BTreeSet<ArcStr>,
}

/// The moves of one namespace, pending and done.
#[derive(Debug, Default)]
struct Tally<'b> {
    moves: BTreeSet<Move>,
    hosts: BTreeSet<&'b Name>,
    /// The moved hostnames of earlier leaders.
    hosts_before: usize,
    /// The hostnames with a correct record at some time, and the pending ones without.
    ours: usize,
    never_correct: BTreeSet<&'b Name>,
}

// === impl Tally ===

impl Tally<'_> {
    fn hosts(&self) -> usize {
        self.hosts.len().saturating_add(self.hosts_before)
    }
}

// === impl Brake ===

impl Brake {
    pub fn new(limits: BrakeLimits) -> Self {
        Self {
            limits,
            pending: BTreeMap::new(),
            done: BTreeMap::new(),
            before: StoredMoves::default(),
            ends: BTreeSet::new(),
            released: Time::ZERO,
            held: Held::default(),
            is_changed: false,
            reviewed: Held::default(),
        }
    }

    /// Notes that a unit waits to move its key. `was_correct`: the records of its hostname were correct before.
    pub fn add(&mut self, unit: &PlannedMove) {
        let PlannedMove { key, to, namespace, was_correct } = unit;
        let pending = Pending { to: *to, namespace: ArcStr::clone(namespace), was_correct: *was_correct };
        self.is_changed |= self.pending.get(key) != Some(&pending);
        self.pending.insert(key.clone(), pending);
    }

    /// Notes that no keys of a hostname wait to be moved but these.
    pub fn retain(&mut self, host: &Name, is_pending: impl Fn(&ClaimKey) -> bool) {
        let keys = entries_at(&self.pending, host).map(|(key, _)| key);
        for key in keys.filter(|key| !is_pending(key)).cloned().collect::<Vec<_>>() {
            self.pending.remove(&key);
            self.is_changed = true;
        }
    }

    /// Notes that the number of hostnames of a namespace may have changed.
    pub fn hosts_changed(&mut self) {
        self.is_changed = true;
    }

    /// Notes that a key was moved by an object of a namespace.
    pub fn moved(&mut self, key: &ClaimKey, to: Move, namespace: &str, now: Time) {
        let (until, done) = (now + WINDOW, (key.clone(), to));
        if let Some(old) = self.done.insert(done.clone(), Done { namespace: namespace.into(), until }) {
            self.ends.remove(&(old.until, done.clone()));
        }
        self.ends.insert((until, done));
        self.is_changed = true;
    }

    /// Notes that a person has released held replacements until a time, or has withdrawn a release. Returns whether that is a
    /// longer release than before.
    pub fn release(&mut self, until: Time) -> bool {
        // The times of day of the person and of this process have whole seconds.
        let is_longer = until > self.released + Duration::from_secs(2);
        self.released = until;
        is_longer
    }

    /// Why the brake holds a unit, if it does.
    pub fn holds(&self, unit: &Unit, now: Time) -> Option<Reason> {
        let pending = self.pending.get(unit.key()).filter(|_| self.released <= now)?;
        let is_held = self.held.everywhere || self.held.namespaces.contains(&pending.namespace);
        is_held.then_some(Reason::Braked { everywhere: self.held.everywhere })
    }

    /// Forgets moves that no longer count. Returns whether the brake begins or ends to hold anything. `ours` is the number of
    /// hostnames of each namespace that were correct and ours.
    pub fn review(&mut self, ours: &BTreeMap<ArcStr, usize>, now: Time) -> bool {
        while let Some((end, done)) = self.ends.first().filter(|(end, _)| *end <= now).cloned() {
            self.done.remove(&done);
            self.ends.remove(&(end, done));
            self.is_changed = true;
        }
        self.is_changed |= self.before.forget(now);
        if self.is_changed {
            self.held = self.evaluate(ours);
            self.is_changed = false;
        }
        let held = if self.released > now { Held::default() } else { self.held.clone() };
        let was_held = std::mem::replace(&mut self.reviewed, held);
        was_held != self.reviewed
    }

    fn evaluate(&self, ours: &BTreeMap<ArcStr, usize>) -> Held {
        if self.pending.is_empty() || self.limits.percent >= 100 {
            return Held::default();
        }
        let tallies = self.tallies(ours);
        let is_held = |tally: &&Tally<'_>| self.is_too_much(tally.moves.len(), tally.hosts(), tally.ours);
        let held = tallies.iter().filter(|(_, tally)| is_held(tally));
        let namespaces = held.map(|(namespace, _)| ArcStr::clone(namespace)).collect();
        Held { everywhere: self.is_too_much_everywhere(&tallies), namespaces }
    }

    /// Whether all namespaces together exceed the limits, even without any one of them.
    fn is_too_much_everywhere(&self, tallies: &BTreeMap<&ArcStr, Tally<'_>>) -> bool {
        let (mut hosts, mut ours) = (0_usize, 0_usize);
        let mut namespaces_of: BTreeMap<Move, usize> = BTreeMap::new();
        for tally in tallies.values() {
            hosts = hosts.saturating_add(tally.hosts());
            ours = ours.saturating_add(tally.ours);
            tally.moves.iter().for_each(|to| *namespaces_of.entry(*to).or_default() += 1);
        }
        let is_too_much_without = |tally: &Tally<'_>| {
            let is_only_here = |to: &&Move| namespaces_of.get(to) == Some(&1);
            let moves = namespaces_of.len() - tally.moves.iter().filter(is_only_here).count();
            self.is_too_much(moves, hosts.saturating_sub(tally.hosts()), ours - tally.ours)
        };
        let mut moving = tallies.values().filter(|tally| !tally.moves.is_empty());
        moving.all(is_too_much_without)
    }

    /// Whether moved hostnames exceed the limits. Hostnames that are no longer ours count as moved too, so there can be more
    /// of them than hostnames of ours.
    fn is_too_much(&self, moves: usize, hosts: usize, ours: usize) -> bool {
        let is_large_share = hosts.saturating_mul(100) > ours.saturating_mul(self.limits.percent);
        moves >= self.limits.moves && (is_large_share || hosts > self.limits.hosts)
    }

    fn tallies<'b>(&'b self, ours: &'b BTreeMap<ArcStr, usize>) -> BTreeMap<&'b ArcStr, Tally<'b>> {
        let mut tallies: BTreeMap<&ArcStr, Tally<'_>> = BTreeMap::new();
        for (namespace, ours) in ours {
            tallies.entry(namespace).or_default().ours = *ours;
        }
        for (key, pending) in &self.pending {
            let tally = tallies.entry(&pending.namespace).or_default();
            tally.moves.insert(pending.to);
            tally.hosts.insert(&key.host);
            if !pending.was_correct && tally.never_correct.insert(&key.host) {
                tally.ours += 1;
            }
        }
        for ((key, to), done) in &self.done {
            let tally = tallies.entry(&done.namespace).or_default();
            tally.moves.insert(*to);
            tally.hosts.insert(&key.host);
        }
        for StoredMove { to, namespace, hosts, .. } in self.before.iter() {
            let tally = tallies.entry(namespace).or_default();
            tally.moves.insert(to);
            tally.hosts_before = tally.hosts_before.saturating_add(hosts);
        }
        tallies
    }

    /// The hostnames with keys that wait to be moved.
    pub fn hosts(&self) -> impl Iterator<Item = &Name> {
        self.pending.keys().map(|key| &key.host)
    }

    /// While the brake holds: when it may cease to.
    pub fn due(&self, now: Time) -> Option<Time> {
        let ends = self.ends.first().map(|(end, _)| *end).into_iter();
        let ends = ends.chain(self.before.iter().map(|stored| stored.until)).chain([self.released]);
        ends.filter(|end| *end > now && self.reviewed != Held::default()).min()
    }

    /// The text for the next leader. It has at most twice as many moves of a namespace as the limit.
    pub fn memory(&self, to_wall: impl Fn(Time) -> i64) -> String {
        let mut moves = self.before.clone();
        for ((to, namespace, _), until) in self.done_hosts() {
            moves.add(to, namespace, 1, until);
        }
        moves.text(self.limits.moves.saturating_mul(2), to_wall)
    }

    /// Takes the text of the leader before, which can be this process in an earlier term.
    pub fn recall(&mut self, memory: &str, from_wall: impl Fn(i64) -> Time, now: Time) {
        self.before = StoredMoves::parse(memory, |until| from_wall(until).min(now + WINDOW));
        // This process' own moves must not count twice.
        let own: Vec<_> = self.done_hosts().into_keys().map(|(to, namespace, _)| (to, namespace)).collect();
        for (to, namespace) in own {
            self.before.remove_one(to, namespace);
        }
        self.is_changed = true;
    }

    /// The moves that were made, with each hostname once, and until when they count.
    fn done_hosts(&self) -> BTreeMap<(Move, ArcStr, &Name), Time> {
        let mut hosts = BTreeMap::new();
        for ((key, to), Done { namespace, until }) in &self.done {
            let known = hosts.entry((*to, ArcStr::clone(namespace), &key.host)).or_insert(*until);
            *known = (*until).max(*known);
        }
        hosts
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

    fn add(brake: &mut Brake, key: &ClaimKey, number: u8, was_correct: bool) {
        let (key, to, namespace) = (key.clone(), a_move(number), "shop".into());
        brake.add(&PlannedMove { key, to, namespace, was_correct });
    }

    /// Whether the brake holds the namespace, if it had this number of correct hostnames.
    fn holds(brake: &Brake, ours: usize) -> bool {
        brake.evaluate(&BTreeMap::from([("shop".into(), ours)])).namespaces.contains("shop")
    }

    #[test]
    fn the_keys_of_a_hostname_count_as_one_hostname() {
        let now = Time::ZERO;
        let mut brake = Brake::new(BrakeLimits { moves: 2, percent: 50, hosts: 200 });
        let [blue, green] = ["blue", "green"].map(|set_id| key("a.example.com", set_id));
        add(&mut brake, &blue, 1, true);
        add(&mut brake, &green, 2, true);
        // Two moves, of one hostname among three.
        assert!(!holds(&brake, 3));
        let other = key("b.example.com", "blue");
        add(&mut brake, &other, 2, false);
        // Two hostnames among three: the new one counts among ours.
        assert!(holds(&brake, 2));
        brake.retain(&other.host, |_| false);
        assert!(!holds(&brake, 2));
        // One key of a hostname is written, and the other one still waits.
        brake.moved(&blue, a_move(1), "shop", now);
        brake.retain(&blue.host, |pending| *pending == green);
        assert!(holds(&brake, 1) && !holds(&brake, 2));
    }

    #[test]
    fn each_move_of_a_hostname_counts() {
        let now = Time::ZERO;
        let mut brake = Brake::new(BrakeLimits { moves: 3, percent: 50, hosts: 200 });
        let [twice, once] = ["a.example.com", "b.example.com"].map(|host| key(host, "blue"));
        brake.moved(&twice, a_move(1), "shop", now);
        brake.moved(&twice, a_move(2), "shop", now + Duration::from_mins(1));
        add(&mut brake, &once, 3, true);
        // Three moves, of two hostnames among three.
        assert!(holds(&brake, 3) && !holds(&brake, 4));
        // The first one counts for ten minutes, also after the second one.
        brake.review(&BTreeMap::new(), now + WINDOW);
        assert!(!holds(&brake, 3));
    }

    #[test]
    fn one_namespace_does_not_fill_the_memory_of_moves() {
        let now = Time::ZERO;
        let mut brake = Brake::new(BrakeLimits { moves: 3, percent: 50, hosts: 200 });
        for number in 0..100 {
            let host = key(&format!("w{number}.example.com"), "blue");
            brake.moved(&host, a_move(number), "shop", now + Duration::from_secs(number.into()));
        }
        brake.moved(&key("a.example.com", "blue"), a_move(1), "blog", now);
        let unix = |time: Time| i64::try_from((time - now).as_secs()).unwrap();
        let memory = brake.memory(unix);
        let lines: Vec<Vec<&str>> = memory.lines().map(|line| line.split(' ').collect()).collect();
        let hosts = |namespace| {
            let of = lines.iter().filter(|line| line[3] == namespace);
            of.map(|line| line[1].parse::<usize>().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!((hosts("shop"), hosts("blog")), (vec![1, 1, 1, 1, 1, 95], vec![1]));
    }

    #[test]
    fn a_move_of_several_keys_is_stored_with_its_number_of_hostnames() {
        let now = Time::ZERO;
        let mut brake = Brake::new(BrakeLimits::default());
        for key in [key("a.example.com", "blue"), key("a.example.com", "green"), key("b.example.com", "blue")]
        {
            brake.moved(&key, a_move(7), "shop", now);
        }
        brake.moved(&key("c.example.com", "blue"), a_move(7), "blog", now);
        let unix = |time: Time| i64::try_from((time - now).as_secs()).unwrap();
        let memory = brake.memory(unix);
        assert_eq!(memory, format!("{0} 1 600 blog\n{0} 2 600 shop\n", a_move(7)));
        // A process does not count its own moves twice.
        brake.recall(&memory, |_| now + WINDOW, now);
        assert_eq!(brake.memory(unix), memory);
    }
}
