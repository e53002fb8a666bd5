//! The moves of the last minutes as a leader leaves them to the next one, in an annotation of the Lease.

use std::{cmp::Reverse, collections::BTreeMap, fmt::Write as _};

use arcstr::ArcStr;

use crate::{keeper::time::Time, plan::Move};

/// The most moves that are stored: an object's annotations are limited to 256 KiB.
const MOST: usize = 2_000;

/// Moves with their namespaces.
#[derive(Debug, Clone, Default)]
pub(super) struct StoredMoves {
    /// The number of hostnames, and until when they count.
    moves: BTreeMap<(Move, ArcStr), (usize, Time)>,
}

/// A move of a namespace.
pub(super) struct StoredMove<'s> {
    pub to: Move,
    pub namespace: &'s ArcStr,
    /// The number of hostnames that were moved.
    pub hosts: usize,
    /// Until when they count.
    pub until: Time,
}

// === impl StoredMoves ===

impl StoredMoves {
    /// Reads a text of [`StoredMoves::text`]. Ignores unreadable lines. A line without a namespace counts for a namespace of its
    /// own.
    pub fn parse(text: &str, from_wall: impl Fn(i64) -> Time) -> Self {
        let lines = text.lines().filter_map(|line| {
            let mut words = line.split(' ');
            let to: Move = words.next()?.parse().ok()?;
            let hosts = words.next()?.parse().ok().filter(|hosts| *hosts > 0)?;
            let until = words.next()?.parse().ok()?;
            Some((to, words.next().unwrap_or_default().into(), hosts, from_wall(until)))
        });
        let mut parsed = Self::default();
        lines.take(MOST).for_each(|(to, namespace, hosts, until)| parsed.add(to, namespace, hosts, until));
        parsed
    }

    /// One line for each move: `MOVE HOSTNAMES UNTIL NAMESPACE`, with the time in seconds since 1970. The newest moves come
    /// first. There are at most `most` of a namespace, so that no namespace fills the text: the hostnames of its other moves
    /// count for the last one.
    pub fn text(self, most: usize, to_wall: impl Fn(Time) -> i64) -> String {
        let mut newest: Vec<_> = self.moves.into_iter().collect();
        newest.sort_by_key(|(_, (_, until))| Reverse(*until));
        let mut kept: Vec<(Move, ArcStr, usize, Time)> = Vec::new();
        // The number of moves of each namespace, and the place of the last one.
        let mut of_namespace: BTreeMap<ArcStr, (usize, usize)> = BTreeMap::new();
        for ((to, namespace), (hosts, until)) in newest {
            let (count, last) = of_namespace.entry(namespace.clone()).or_default();
            if *count < most.max(1) {
                (*count, *last) = (*count + 1, kept.len());
                kept.push((to, namespace, hosts, until));
            } else if let Some((_, _, sum, _)) = kept.get_mut(*last) {
                *sum = sum.saturating_add(hosts);
            }
        }
        let mut text = String::new();
        for (to, namespace, hosts, until) in kept.into_iter().take(MOST) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{to} {hosts} {} {namespace}", to_wall(until));
        }
        text
    }

    /// Adds hostnames to a move, which then counts at least until this time.
    pub fn add(&mut self, to: Move, namespace: ArcStr, hosts: usize, until: Time) {
        let (known, end) = self.moves.entry((to, namespace)).or_default();
        (*known, *end) = (known.saturating_add(hosts), until.max(*end));
    }

    /// Removes one hostname from a move.
    pub fn remove_one(&mut self, to: Move, namespace: ArcStr) {
        let of = (to, namespace);
        let Some((hosts, _)) = self.moves.get_mut(&of) else { return };
        *hosts = hosts.saturating_sub(1);
        if *hosts == 0 {
            self.moves.remove(&of);
        }
    }

    /// Forgets moves that no longer count. Returns whether it has forgotten any.
    pub fn forget(&mut self, now: Time) -> bool {
        let before = self.moves.len();
        self.moves.retain(|_, (_, until)| *until > now);
        self.moves.len() != before
    }

    pub fn iter(&self) -> impl Iterator<Item = StoredMove<'_>> {
        let all = self.moves.iter();
        all.map(|((to, namespace), (hosts, until))| StoredMove {
            to: *to,
            namespace,
            hosts: *hosts,
            until: *until,
        })
    }
}
