//! The zone as last seen: listed page by page, read name by name, patched by every accepted batch.

mod observations;
mod page_cursor;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use observations::Observations;
use page_cursor::{PageCursor, Shown};

use crate::{
    dns::{Name, RecordSet, RecordType, Zone},
    keeper::{
        contract::{Cursor, Page, Read, ReadId},
        time::Time,
    },
    plan::Batch,
};

/// How long a decision may rely on a read of a name, from the sending of its request.
pub(in crate::keeper) const FRESH: Duration = Duration::from_secs(10);

/// How long a read under way is awaited. After that, its connection may hang, and a new read is faster.
const AWAITED: Duration = Duration::from_secs(1);

/// The most that Route 53 lists in one page (`MaxItems`, `ListResourceRecordSets`).
const PAGE_ITEMS: u16 = 300;
/// The most known record sets that one read of names spans. The rest of its page is room for record sets that others
/// have added since.
const NAMES_ITEMS: u16 = 250;

/// The known content of the zone, and since when it is known.
#[derive(Debug, Clone)]
pub(in crate::keeper) struct Snapshot {
    zone: Zone,
    /// When the newest complete listing began.
    complete: Option<Time>,
    listing: Option<Listing>,
    reads: BTreeMap<ReadId, Pending>,
    observations: Observations,
    /// When the last read of a single name was sent, as long as decisions may rely on it.
    fresh: BTreeMap<Name, Time>,
    /// Since when no other process of ours writes. Earlier reads may miss its last batch.
    leads_since: Time,
    /// Names that are known to differ from the snapshot, and that were not read since.
    doubts: BTreeSet<Name>,
}

/// A listing of the whole zone under way.
#[derive(Debug, Clone)]
struct Listing {
    started: Time,
    next: NextPage,
    /// The number of record sets so far.
    listed: usize,
    cursor: PageCursor,
    /// The names seen so far whose place in the order is uncertain.
    unordered: BTreeSet<Name>,
}

/// The next page of a listing.
#[derive(Debug, Clone)]
enum NextPage {
    /// The page that begins here; `None` is the zone's first record set.
    At(Option<Cursor>),
    /// Unknown until the requested page arrives.
    Requested,
}

/// A read under way.
#[derive(Debug, Clone)]
struct Pending {
    requested: Time,
    part: Part,
}

/// The part of the zone that a read under way shows.
#[derive(Debug, Clone)]
enum Part {
    /// The page of the listing that begins here.
    Page(Option<Cursor>),
    /// Names that follow each other, without those that a page has shown already.
    Names(Vec<Name>, PageCursor),
}

/// The result of one page.
#[derive(Debug, Default)]
pub(in crate::keeper) struct PageOutcome {
    /// Names whose record sets changed.
    pub changed: Vec<Name>,
    /// The changed names at which a delegation appeared or disappeared. It concerns all names below.
    pub cuts: Vec<Name>,
    /// The names of a read that are read completely, each with the time of the request.
    pub names: Vec<(Name, Time)>,
    /// The read that continues a read of names whose page ended within a name.
    pub next: Option<Read>,
    /// The names of the read that the page did not reach.
    pub rest: Vec<Name>,
    /// Whether the page completed a listing.
    pub listed: bool,
}

// === impl Snapshot ===

impl Snapshot {
    pub fn new(zone: Zone) -> Self {
        Self {
            zone,
            complete: None,
            listing: None,
            reads: BTreeMap::new(),
            observations: Observations::default(),
            fresh: BTreeMap::new(),
            leads_since: Time::ZERO,
            doubts: BTreeSet::new(),
        }
    }

    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// When the newest complete listing began.
    pub fn listed_at(&self) -> Option<Time> {
        self.complete
    }

    pub fn is_listing(&self) -> bool {
        self.listing.is_some()
    }

    /// Begins a listing of the whole zone. [`Snapshot::next_page`] requests its pages.
    ///
    /// A listing under way is abandoned: its pages so far stay in the snapshot, and a late page of it is ignored.
    pub fn list(&mut self, now: Time) {
        self.reads.retain(|_, read| matches!(read.part, Part::Names(..)));
        self.listing = Some(Listing {
            started: now,
            next: NextPage::At(None),
            listed: 0,
            cursor: PageCursor::of_zone(self.zone.apex().clone()),
            unordered: BTreeSet::new(),
        });
    }

    /// The number of record sets so far, if a listing waits for the request of its next page.
    pub fn wants_page(&self) -> Option<usize> {
        let waits = |listing: &&Listing| matches!(listing.next, NextPage::At(_));
        self.listing.as_ref().filter(waits).map(|listing| listing.listed)
    }

    /// Requests the next page of the listing.
    pub fn next_page(&mut self, id: ReadId, now: Time) -> Option<Read> {
        let listing = self.listing.as_mut()?;
        let NextPage::At(start) = std::mem::replace(&mut listing.next, NextPage::Requested) else {
            return None;
        };
        self.reads.insert(id, Pending { requested: now, part: Part::Page(start.clone()) });
        Some(Read { id, start, max_items: PAGE_ITEMS, continues: None })
    }

    /// Divides names into groups that one page shows, judging by the snapshot.
    pub fn in_pages(&self, names: BTreeSet<Name>) -> Vec<Vec<Name>> {
        let mut pages: Vec<Vec<Name>> = Vec::new();
        let mut room = 0;
        for name in names {
            if let Some(page) = pages.last_mut()
                && let Some(last) = page.last().filter(|last| !last.has_escapes() && !name.has_escapes())
                && let Some(rest) = self.room_after(last, &name, room)
            {
                room = rest;
                page.push(name);
            } else {
                room = usize::from(NAMES_ITEMS);
                pages.push(vec![name]);
            }
        }
        pages
    }

    /// The room that remains on a page after the record sets between two names; `None` if they do not fit.
    fn room_after(&self, from: &Name, to: &Name, room: usize) -> Option<usize> {
        let mut room = room;
        for (name, sets) in self.zone.names_from(from) {
            if name >= to {
                break;
            }
            room = room.checked_sub(sets.len())?;
        }
        (room > self.zone.at(to).len()).then_some(room)
    }

    /// Begins a read of names that follow each other in the zone.
    pub fn read(&mut self, id: ReadId, names: Vec<Name>, now: Time) -> Option<Read> {
        let first = names.first()?.clone();
        let part = Part::Names(names, PageCursor::at(first.clone(), now));
        self.reads.insert(id, Pending { requested: now, part });
        Some(Read { id, start: Some(Cursor::at(first)), max_items: PAGE_ITEMS, continues: None })
    }

    /// Whether decisions may rely on the last read of a single name.
    pub fn is_fresh(&self, name: &Name, now: Time) -> bool {
        self.fresh_since(name).is_some_and(|since| since >= self.leads_since && now - since < FRESH)
    }

    /// These names without those that a read under way shows.
    pub fn without_reads_under_way(&self, names: impl Iterator<Item = Name>, now: Time) -> BTreeSet<Name> {
        names.filter(|name| !self.is_being_read(name, now)).collect()
    }

    /// Whether a read of a single name is under way that is worth waiting for: decisions may rely on it, and it was sent a
    /// short time ago.
    fn is_being_read(&self, name: &Name, now: Time) -> bool {
        self.reads.values().any(|Pending { requested, part }| {
            let was_written = |set: &RecordSet| self.observations.was_written(set, *requested);
            matches!(part, Part::Names(names, _) if names.contains(name))
                && *requested >= self.leads_since
                && now - *requested < AWAITED
                && !self.observations.is_newer(name, *requested)
                && !self.zone.at(name).iter().any(was_written)
        })
    }

    /// Notes that this process begins to lead. Decisions may not rely on reads from before.
    pub fn begin_term(&mut self, now: Time) {
        self.leads_since = now;
    }

    /// When the last read of a single name was sent.
    pub fn fresh_since(&self, name: &Name) -> Option<Time> {
        self.fresh.get(name).copied()
    }

    /// Marks names that are known to differ from the snapshot. Answers to earlier requests say nothing about them.
    pub fn doubt(&mut self, names: &[Name], now: Time) {
        for name in names {
            self.observations.of_name(name.clone(), now);
            self.fresh.remove(name);
            self.doubts.insert(name.clone());
        }
    }

    /// Whether a name is known to differ from the snapshot.
    pub fn is_doubted(&self, name: &Name) -> bool {
        self.doubts.contains(name)
    }

    /// Notes that a read failed. Returns its names, or `None` for a page of the listing, which can be requested again.
    pub fn fail(&mut self, id: ReadId) -> Option<Vec<Name>> {
        match self.reads.remove(&id)?.part {
            Part::Names(names, _) => Some(names),
            Part::Page(start) => {
                if let Some(listing) = &mut self.listing {
                    listing.next = NextPage::At(start);
                }
                None
            }
        }
    }

    /// Takes a page. `next_id` is the id of the read that may have to continue a name.
    pub fn page(&mut self, id: ReadId, page: Page, next_id: ReadId, now: Time) -> PageOutcome {
        let Some(read) = self.reads.remove(&id) else { return PageOutcome::default() };
        let mut outcome = PageOutcome::default();
        match read.part {
            Part::Names(names, cursor) => {
                self.names_page(read.requested, (names, cursor), page, (id, next_id), &mut outcome);
            }
            Part::Page(_) => self.listing_page(read.requested, page, &mut outcome),
        }
        let requested = self.reads.values().map(|read| read.requested);
        let started = self.listing.as_ref().map(|listing| listing.started);
        let of_listing = self.listing.as_ref().and_then(|listing| listing.cursor.oldest());
        self.observations.forget(requested.chain(of_listing).min(), started);
        self.fresh.retain(|_, since| now - *since < FRESH);
        outcome
    }

    /// Takes over the record sets that an accepted batch had written by a time. Later reads take precedence.
    /// Returns the names.
    pub fn patch(&mut self, batch: &Batch, by: Time) -> Vec<Name> {
        let mut names = Vec::new();
        let more_to_come = self.more_to_come();
        for change in batch.changes() {
            let name = change.after().name();
            if self.fresh_since(name).is_some_and(|read| read > by) {
                continue;
            }
            if more_to_come {
                self.observations.of_set(change.after().key.clone(), by);
            }
            self.doubts.remove(name);
            names.push(name.clone());
            self.zone.put(change.after().clone());
        }
        for name in &names {
            self.fresh.remove(name);
        }
        names
    }

    fn names_page(
        &mut self,
        requested: Time,
        (names, mut cursor): (Vec<Name>, PageCursor),
        page: Page,
        (id, next_id): (ReadId, ReadId),
        outcome: &mut PageOutcome,
    ) {
        let next = page.next.clone();
        let shown = self.with_absent(cursor.take(page, requested), &names);
        let rest: Vec<Name> = names.into_iter().filter(|name| !shown.names.contains_key(name)).collect();
        outcome.names.extend(shown.names.keys().map(|name| (name.clone(), requested)));
        for name in self.take_over(shown, outcome) {
            if !self.zone.at(&name).iter().any(|set| self.observations.was_written(set, requested)) {
                self.fresh.insert(name, requested);
            }
        }
        match next {
            // The page ended within the first of these names, or this is uncertain.
            Some(next)
                if rest.first().is_some_and(|first| *first == next.name || next.name.has_escapes()) =>
            {
                self.reads.insert(next_id, Pending { requested, part: Part::Names(rest, cursor) });
                let (start, max_items) = (Some(next), PAGE_ITEMS);
                outcome.next = Some(Read { id: next_id, start, max_items, continues: Some(id) });
            }
            _ => outcome.rest = rest,
        }
    }

    fn listing_page(&mut self, requested: Time, page: Page, outcome: &mut PageOutcome) {
        let Some(mut listing) = self.listing.take() else { return };
        listing.listed += page.sets.len();
        let next = page.next.clone();
        let shown = self.with_absent(listing.cursor.take(page, requested), &[]);
        let is_there =
            |(name, (sets, _)): &(&Name, &(Vec<RecordSet>, Time))| name.has_escapes() && !sets.is_empty();
        listing.unordered.extend(shown.names.iter().filter(is_there).map(|(name, _)| name.clone()));
        self.take_over(shown, outcome);
        if next.is_some() {
            listing.next = NextPage::At(next);
            self.listing = Some(listing);
        } else {
            self.sweep(&listing, outcome);
            self.complete = Some(listing.started);
            outcome.listed = true;
        }
    }

    /// Adds the names that are known, or were requested, and that the page shows to be absent.
    fn with_absent(&self, mut shown: Shown, requested: &[Name]) -> Shown {
        if let Some((span, since)) = &shown.absent {
            let known = self.zone.names_from(span.first().unwrap_or(self.zone.apex())).map(|(name, _)| name);
            let known = known.take_while(|name| span.is_before_end(name));
            for name in known.chain(requested).filter(|name| span.contains(name)) {
                shown.names.entry(name.clone()).or_insert((Vec::new(), *since));
            }
        }
        shown
    }

    /// Whether the answer to a request that was sent before can still arrive.
    fn more_to_come(&self) -> bool {
        self.listing.is_some() || !self.reads.is_empty()
    }

    /// Takes over all names without a newer observation. Returns these names.
    fn take_over(&mut self, shown: Shown, outcome: &mut PageOutcome) -> Vec<Name> {
        let more_to_come = self.more_to_come();
        let mut taken = Vec::new();
        for (name, (sets, since)) in shown.names {
            if self.merge(since, &name, sets, outcome) {
                if more_to_come {
                    self.observations.of_name(name.clone(), since);
                }
                taken.push(name);
            }
        }
        if let Some((span, since)) = shown.absent.filter(|_| more_to_come) {
            self.observations.of_span(span, since);
        }
        taken
    }

    /// Removes the names with an uncertain place in the order that a complete listing did not show.
    fn sweep(&mut self, listing: &Listing, outcome: &mut PageOutcome) {
        let is_gone = |name: &&Name| name.has_escapes() && !listing.unordered.contains(*name);
        let names = self.zone.names_from(self.zone.apex()).map(|(name, _)| name);
        for name in names.filter(is_gone).cloned().collect::<Vec<_>>() {
            self.merge(listing.started, &name, Vec::new(), outcome);
        }
    }

    /// Replaces the record sets of a name, unless there is an observation newer than the request.
    fn merge(
        &mut self,
        requested: Time,
        name: &Name,
        mut sets: Vec<RecordSet>,
        outcome: &mut PageOutcome,
    ) -> bool {
        if self.observations.is_newer(name, requested) {
            return false;
        }
        self.doubts.remove(name);
        let was_written = |set: &&RecordSet| self.observations.was_written(set, requested);
        let written: Vec<RecordSet> = self.zone.at(name).iter().filter(was_written).cloned().collect();
        sets.retain(|set| written.iter().all(|newer| newer.key != set.key));
        sets.extend(written);
        sets.sort_by(|a, b| a.key.cmp(&b.key));
        let known = self.zone.at(name);
        if known == sets.as_slice() {
            return true;
        }
        let cuts = |sets: &[RecordSet]| sets.iter().any(|set| *set.rtype() == RecordType::Ns);
        if cuts(known) != cuts(&sets) {
            outcome.cuts.push(name.clone());
        }
        self.zone.replace(name, sets);
        outcome.changed.push(name.clone());
        true
    }
}
