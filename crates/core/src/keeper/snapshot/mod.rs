//! The zone as last seen: listed page by page, read name by name, patched by every accepted batch.

mod sightings;
mod walk;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use sightings::Sightings;
use walk::{Told, Walk};

use super::{Cursor, Page, Read, ReadId, Time};
use crate::{
    dns::{Name, RecordSet, RecordType, Zone},
    plan::Batch,
};

/// How long a read of a name may be relied on, from the sending of its request.
pub(super) const FRESH: Duration = Duration::from_secs(10);

/// The most that Route 53 lists in one page (`MaxItems`, `ListResourceRecordSets`).
const PAGE_ITEMS: u16 = 300;
/// How many sets names may be apart to be read with one page. What others have added since we know of is on it too.
const NAMES_ITEMS: u16 = 250;

/// What is known of the zone, and since when.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    zone: Zone,
    /// When the newest complete listing began.
    complete: Option<Time>,
    listing: Option<Listing>,
    reads: BTreeMap<ReadId, Pending>,
    sightings: Sightings,
    /// When the last read of a name on its own was sent, as long as that read may be relied on.
    fresh: BTreeMap<Name, Time>,
    /// Names that are not as they seem, and have not been seen since that became known.
    doubts: BTreeSet<Name>,
}

/// A listing of the whole zone under way.
#[derive(Debug, Clone)]
struct Listing {
    started: Time,
    next: NextPage,
    /// How many sets it has brought.
    listed: usize,
    walk: Walk,
    /// Names whose place in the order is not certain, and that have been seen.
    unordered: BTreeSet<Name>,
}

/// Which page of a listing comes next.
#[derive(Debug, Clone)]
enum NextPage {
    /// One that begins here; at the zone's first set where it is `None`.
    At(Option<Cursor>),
    /// The one that has been asked for must come before it is known.
    Asked,
}

/// A read under way.
#[derive(Debug, Clone)]
struct Pending {
    requested: Time,
    part: Part,
}

/// What a read under way shows.
#[derive(Debug, Clone)]
enum Part {
    /// The page of the listing that begins here.
    Page(Option<Cursor>),
    /// Names that follow each other: those that have not been read.
    Names(Vec<Name>, Walk),
}

/// What a page brought.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Names whose sets are not what they were.
    pub changed: Vec<Name>,
    /// Those of them at which a delegation has come or gone: what is below them is concerned too.
    pub cuts: Vec<Name>,
    /// The names that were read on their own and whole, and when that was requested.
    pub names: Vec<(Name, Time)>,
    /// The read that continues that of names where this page ended within the first.
    pub next: Option<Read>,
    /// The names that were to be read and are not on this page.
    pub rest: Vec<Name>,
    /// Whether it completed a listing.
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
            sightings: Sightings::default(),
            fresh: BTreeMap::new(),
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

    /// Begins a listing of the whole zone. Its pages are asked for with [`Snapshot::next_page`]. One that is under way is
    /// given up: what it has brought is kept, and a page of it that is still to come says nothing.
    pub fn list(&mut self, now: Time) {
        self.reads.retain(|_, read| matches!(read.part, Part::Names(..)));
        self.listing = Some(Listing {
            started: now,
            next: NextPage::At(None),
            listed: 0,
            walk: Walk::of_zone(self.zone.apex().clone()),
            unordered: BTreeSet::new(),
        });
    }

    /// Whether a listing waits for its next page to be asked for; if so, how many sets it has brought.
    pub fn wants_page(&self) -> Option<usize> {
        let waits = |listing: &&Listing| matches!(listing.next, NextPage::At(_));
        self.listing.as_ref().filter(waits).map(|listing| listing.listed)
    }

    /// Asks for the next page of the listing.
    pub fn next_page(&mut self, id: ReadId, now: Time) -> Option<Read> {
        let listing = self.listing.as_mut()?;
        let NextPage::At(start) = std::mem::replace(&mut listing.next, NextPage::Asked) else { return None };
        self.reads.insert(id, Pending { requested: now, part: Part::Page(start.clone()) });
        Some(Read { id, start, max_items: PAGE_ITEMS, continues: None })
    }

    /// Divides names into those that one page shows, as far as we know the zone.
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

    /// How much of the room on a page remains after the sets from one name to before another, if any does.
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
        let part = Part::Names(names, Walk::at(first.clone(), now));
        self.reads.insert(id, Pending { requested: now, part });
        Some(Read { id, start: Some(Cursor::at(first)), max_items: PAGE_ITEMS, continues: None })
    }

    /// Whether a name has been read on its own, and not so long ago that it must be read again.
    pub fn is_fresh(&self, name: &Name, now: Time) -> bool {
        self.fresh_since(name).is_some_and(|since| now - since < FRESH)
    }

    /// When the last read of a name on its own was sent.
    pub fn fresh_since(&self, name: &Name) -> Option<Time> {
        self.fresh.get(name).copied()
    }

    /// An answer has shown that names are not as they seem: nothing that was requested before says how they are.
    pub fn doubt(&mut self, names: &[Name], now: Time) {
        for name in names {
            self.sightings.of_name(name.clone(), now);
            self.fresh.remove(name);
            self.doubts.insert(name.clone());
        }
    }

    /// Whether a name is known not to be as it seems.
    pub fn is_doubted(&self, name: &Name) -> bool {
        self.doubts.contains(name)
    }

    /// Forgets a read that failed: the names that it was for, or `None` for a page of the listing, which then waits
    /// to be asked for again.
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

    /// Takes a page. `next_id` is for the read that continues a name.
    pub fn page(&mut self, id: ReadId, page: Page, next_id: ReadId, now: Time) -> Progress {
        let Some(read) = self.reads.remove(&id) else { return Progress::default() };
        let mut progress = Progress::default();
        match read.part {
            Part::Names(names, walk) => {
                self.names_page(read.requested, (names, walk), page, (id, next_id), &mut progress);
            }
            Part::Page(_) => self.listing_page(read.requested, page, &mut progress),
        }
        let requested = self.reads.values().map(|read| read.requested);
        let started = self.listing.as_ref().map(|listing| listing.started);
        let of_listing = self.listing.as_ref().and_then(|listing| listing.walk.oldest());
        self.sightings.forget(requested.chain(of_listing).min(), started);
        self.fresh.retain(|_, since| now - *since < FRESH);
        progress
    }

    /// Takes over what an accepted batch had written by some time; what was read after that is known better.
    /// Returns the names.
    pub fn patch(&mut self, batch: &Batch, by: Time) -> Vec<Name> {
        let mut names = Vec::new();
        for change in batch.changes() {
            let name = change.after().name();
            if self.fresh_since(name).is_some_and(|read| read > by) {
                continue;
            }
            self.sightings.of_set(change.after().key.clone(), by);
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
        (names, mut walk): (Vec<Name>, Walk),
        page: Page,
        (id, next_id): (ReadId, ReadId),
        progress: &mut Progress,
    ) {
        let next = page.next.clone();
        let told = self.with_absent(walk.take(page, requested), &names);
        let rest: Vec<Name> = names.into_iter().filter(|name| !told.names.contains_key(name)).collect();
        progress.names.extend(told.names.keys().map(|name| (name.clone(), requested)));
        for name in self.take_over(told, progress) {
            if !self.zone.at(&name).iter().any(|set| self.sightings.was_written(set, requested)) {
                self.fresh.insert(name, requested);
            }
        }
        match next {
            // The page ended within the first of them, or where it cannot be told whether it did.
            Some(next)
                if rest.first().is_some_and(|first| *first == next.name || next.name.has_escapes()) =>
            {
                self.reads.insert(next_id, Pending { requested, part: Part::Names(rest, walk) });
                let (start, max_items) = (Some(next), PAGE_ITEMS);
                progress.next = Some(Read { id: next_id, start, max_items, continues: Some(id) });
            }
            _ => progress.rest = rest,
        }
    }

    fn listing_page(&mut self, requested: Time, page: Page, progress: &mut Progress) {
        let Some(mut listing) = self.listing.take() else { return };
        listing.listed += page.sets.len();
        let next = page.next.clone();
        let told = self.with_absent(listing.walk.take(page, requested), &[]);
        let is_there =
            |(name, (sets, _)): &(&Name, &(Vec<RecordSet>, Time))| name.has_escapes() && !sets.is_empty();
        listing.unordered.extend(told.names.iter().filter(is_there).map(|(name, _)| name.clone()));
        self.take_over(told, progress);
        if next.is_some() {
            listing.next = NextPage::At(next);
            self.listing = Some(listing);
        } else {
            self.sweep(&listing, progress);
            self.complete = Some(listing.started);
            progress.listed = true;
        }
    }

    /// Adds the names that we know, or ask for, and that are not where they would be.
    fn with_absent(&self, mut told: Told, asked: &[Name]) -> Told {
        if let Some((span, since)) = &told.absent {
            let known = self.zone.names_from(span.first().unwrap_or(self.zone.apex())).map(|(name, _)| name);
            let known = known.take_while(|name| span.is_before_end(name));
            for name in known.chain(asked).filter(|name| span.contains(name)) {
                told.names.entry(name.clone()).or_insert((Vec::new(), *since));
            }
        }
        told
    }

    /// Takes over what is not known better. Returns the names.
    fn take_over(&mut self, told: Told, progress: &mut Progress) -> Vec<Name> {
        let more_to_come = self.listing.is_some() || !self.reads.is_empty();
        let mut taken = Vec::new();
        for (name, (sets, since)) in told.names {
            if self.merge(since, &name, sets, progress) {
                if more_to_come {
                    self.sightings.of_name(name.clone(), since);
                }
                taken.push(name);
            }
        }
        if let Some((span, since)) = told.absent.filter(|_| more_to_come) {
            self.sightings.of_span(span, since);
        }
        taken
    }

    /// Removes the names that a whole listing did not show and whose place in it could not be told before.
    fn sweep(&mut self, listing: &Listing, progress: &mut Progress) {
        let is_gone = |name: &&Name| name.has_escapes() && !listing.unordered.contains(*name);
        let names = self.zone.names_from(self.zone.apex()).map(|(name, _)| name);
        for name in names.filter(is_gone).cloned().collect::<Vec<_>>() {
            self.merge(listing.started, &name, Vec::new(), progress);
        }
    }

    /// Puts what was requested at `requested` in place of what is known, unless something newer is known.
    fn merge(
        &mut self,
        requested: Time,
        name: &Name,
        mut sets: Vec<RecordSet>,
        progress: &mut Progress,
    ) -> bool {
        if self.sightings.is_newer(name, requested) {
            return false;
        }
        self.doubts.remove(name);
        let was_written = |set: &&RecordSet| self.sightings.was_written(set, requested);
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
            progress.cuts.push(name.clone());
        }
        self.zone.replace(name, sets);
        progress.changed.push(name.clone());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dns::{AliasZones, Data, Ttl, ZoneId},
        plan::{Adoption, ManagedTypes, Naming, Past, Plan, Settings, View},
        source::{Claims, Object, Rules},
    };

    fn name(text: &str) -> Name {
        Name::from_hostname(text).unwrap()
    }

    fn set(at: &str, value: &str) -> RecordSet {
        let data = Data::Values { ttl: Ttl::DEFAULT, values: vec![value.into()] };
        RecordSet::simple(name(at), RecordType::A, data)
    }

    fn page(sets: &[(&str, &str)], next: Option<&str>) -> Page {
        Page {
            sets: sets.iter().map(|(at, value)| set(at, value)).collect(),
            next: next.map(|at| Cursor::at(name(at))),
        }
    }

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    fn snapshot() -> Snapshot {
        Snapshot::new(Zone::new(ZoneId::new("Z1").unwrap(), name("example.com")))
    }

    fn lines(snapshot: &Snapshot) -> Vec<String> {
        snapshot.zone().sets().map(|set| format!("{} {}", set.name(), set.values().join(" "))).collect()
    }

    fn list(snapshot: &mut Snapshot, id: ReadId, now: Time) {
        snapshot.list(now);
        snapshot.next_page(id, now).unwrap();
    }

    const R: [ReadId; 5] = [ReadId(0), ReadId(1), ReadId(2), ReadId(3), ReadId(4)];

    /// A snapshot of a zone with `a`, `b` and `c`, listed at 0.
    fn listed() -> Snapshot {
        let mut snapshot = snapshot();
        list(&mut snapshot, R[0], at(0));
        let all =
            [("a.example.com", "192.0.2.1"), ("b.example.com", "192.0.2.1"), ("c.example.com", "192.0.2.1")];
        let progress = snapshot.page(R[0], page(&all, None), R[1], at(1));
        assert!(progress.listed);
        snapshot
    }

    #[test]
    fn a_page_replaces_its_range_and_only_its_range() {
        let mut snapshot = listed();
        list(&mut snapshot, R[0], at(10));
        let progress =
            snapshot.page(R[0], page(&[("a.example.com", "192.0.2.2")], Some("c.example.com")), R[1], at(11));
        assert_eq!(progress.changed, [name("a.example.com"), name("b.example.com")]);
        assert_eq!(lines(&snapshot), ["a.example.com 192.0.2.2", "c.example.com 192.0.2.1"]);
        assert!(!progress.listed);
        snapshot.next_page(R[1], at(11)).unwrap();
        let progress = snapshot.page(R[1], page(&[], None), R[2], at(12));
        assert_eq!((progress.changed, progress.listed), (vec![name("c.example.com")], true));
        assert_eq!(snapshot.listed_at(), Some(at(10)));
    }

    #[test]
    fn a_page_of_a_listing_that_was_given_up_says_nothing() {
        let mut snapshot = listed();
        list(&mut snapshot, R[0], at(10));
        snapshot.page(R[0], page(&[("a.example.com", "192.0.2.1")], Some("b.example.com")), R[1], at(11));
        snapshot.next_page(R[1], at(11)).unwrap();
        list(&mut snapshot, R[2], at(12));
        // It begins at b: as the first page of another listing it would say that there is no a.
        let late = page(&[("b.example.com", "192.0.2.1"), ("c.example.com", "192.0.2.1")], None);
        let progress = snapshot.page(R[1], late, R[3], at(13));
        assert_eq!((progress.changed, progress.listed, lines(&snapshot).len()), (vec![], false, 3));
        assert_eq!((snapshot.is_listing(), snapshot.wants_page()), (true, None));
    }

    #[test]
    fn a_page_requested_before_a_read_does_not_undo_it() {
        let mut snapshot = listed();
        list(&mut snapshot, R[0], at(10));
        snapshot.read(R[1], vec![name("b.example.com")], at(11));
        snapshot.page(
            R[1],
            page(&[("b.example.com", "192.0.2.9"), ("c.example.com", "x")], None),
            R[2],
            at(12),
        );
        assert!(snapshot.is_fresh(&name("b.example.com"), at(12)));
        snapshot.page(R[0], page(&[("a.example.com", "192.0.2.1")], None), R[2], at(13));
        // What else was on its page was read with it.
        let expected = ["a.example.com 192.0.2.1", "b.example.com 192.0.2.9", "c.example.com x"];
        assert_eq!(lines(&snapshot), expected);
    }

    #[test]
    fn a_page_requested_before_a_read_does_not_bring_back_what_that_did_not_show() {
        for (requested, is_there) in [(11, false), (12, true)] {
            let mut snapshot = listed();
            list(&mut snapshot, R[0], at(requested));
            // From b to the end of the zone there is nothing else.
            snapshot.read(R[1], vec![name("b.example.com")], at(12)).unwrap();
            let read = [("b.example.com", "192.0.2.1"), ("c.example.com", "192.0.2.1")];
            snapshot.page(R[1], page(&read, None), R[2], at(13));
            let late =
                [("a.example.com", "192.0.2.7"), ("b.example.com", "192.0.2.1"), ("b5.example.com", "x")];
            snapshot.page(R[0], page(&late, Some("c.example.com")), R[2], at(14));
            let lines = lines(&snapshot);
            assert_eq!(lines.contains(&"b5.example.com x".to_owned()), is_there, "{requested} {lines:?}");
            // Before it, the page is the latest that is known.
            assert_eq!(lines[0], "a.example.com 192.0.2.7");
        }
    }

    #[test]
    fn a_read_of_names_does_not_undo_what_a_later_page_of_a_listing_showed() {
        let mut snapshot = listed();
        snapshot.read(R[1], vec![name("b.example.com")], at(10)).unwrap();
        list(&mut snapshot, R[2], at(11));
        // Since the read was sent, somebody has replaced b, removed c and created d.
        let seen = [("a.example.com", "192.0.2.1"), ("b.example.com", "192.0.2.9"), ("d.example.com", "x")];
        snapshot.page(R[2], page(&seen, None), R[3], at(12));
        let before = [("b.example.com", "192.0.2.1"), ("c.example.com", "192.0.2.1")];
        let progress = snapshot.page(R[1], page(&before, None), R[3], at(13));
        assert_eq!(progress.changed, []);
        let expected = ["a.example.com 192.0.2.1", "b.example.com 192.0.2.9", "d.example.com x"];
        assert_eq!(lines(&snapshot), expected);
        assert!(!snapshot.is_fresh(&name("b.example.com"), at(13)));
    }

    #[test]
    fn a_read_that_was_sent_before_a_batch_was_accepted_is_not_relied_on() {
        let written = |snapshot: &mut Snapshot, now| {
            snapshot.sightings.of_set(set("b.example.com", "192.0.2.1").key, at(now));
        };
        for (sent, accepted, is_fresh) in [(10, 12, false), (12, 12, true), (13, 12, true)] {
            let mut snapshot = listed();
            if sent > accepted {
                written(&mut snapshot, accepted);
            }
            snapshot.read(R[1], vec![name("b.example.com")], at(sent));
            if sent <= accepted {
                written(&mut snapshot, accepted);
            }
            let progress = snapshot.page(
                R[1],
                page(&[("b.example.com", "192.0.2.9")], Some("c.example.com")),
                R[2],
                at(20),
            );
            assert_eq!(progress.names, [(name("b.example.com"), at(sent))]);
            assert_eq!(snapshot.is_fresh(&name("b.example.com"), at(20)), is_fresh, "{sent}");
            assert_eq!(lines(&snapshot).contains(&"b.example.com 192.0.2.9".to_owned()), is_fresh, "{sent}");
        }
    }

    /// A batch that creates `b.example.com` and its ownership TXT.
    fn batch(zone: &Zone) -> Batch {
        let ingress = serde_json::json!({
            "metadata": {"namespace": "shop", "name": "web"},
            "spec": {"rules": [{"host": "b.example.com"}]},
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
        });
        let object = Object::Ingress(Box::new(serde_json::from_value(ingress).unwrap()));
        let mut claims = Claims::new(zone.apex().clone());
        claims.set(&object.id().unwrap(), object.facts(&Rules::default()));
        let settings = Settings {
            owner: "me".parse().unwrap(),
            naming: Naming::default(),
            default_ttl: Ttl::DEFAULT,
            managed_types: ManagedTypes::default(),
            prefer_cname: false,
            merge_targets: None,
            alias_zones: AliasZones::default(),
            adoption: Adoption::default(),
        };
        let plan = Plan::new(&View { zone, claims: &claims, settings: &settings, past: &Past::default() });
        Batch::pack(plan.units).remove(0)
    }

    #[test]
    fn a_page_requested_before_a_batch_was_accepted_still_shows_what_else_there_is() {
        let mut snapshot = snapshot();
        let batch = batch(snapshot.zone());
        list(&mut snapshot, R[0], at(10));
        snapshot.patch(&batch, at(12));
        // Neither the record nor its TXT was there yet, but something else is at the TXT's name.
        snapshot.page(R[0], page(&[("a-b.example.com", "192.0.2.9")], None), R[1], at(14));
        let found = |at: &str| {
            snapshot.zone().at(&name(at)).iter().map(|set| set.rtype().clone()).collect::<Vec<_>>()
        };
        assert_eq!(found("a-b.example.com"), [RecordType::A, RecordType::Txt]);
        assert_eq!(found("b.example.com"), [RecordType::A]);
    }

    #[test]
    fn an_accepted_batch_does_not_undo_what_was_read_after_it() {
        for (read, accepted, expected) in [(10, 12, 1), (13, 12, 0)] {
            let mut snapshot = snapshot();
            let batch = batch(snapshot.zone());
            snapshot.read(R[0], vec![name("b.example.com")], at(read));
            snapshot.page(R[0], page(&[], None), R[3], at(14));
            let names = snapshot.patch(&batch, at(accepted));
            assert_eq!(snapshot.zone().at(&name("b.example.com")).len(), expected, "{read}");
            assert_eq!(snapshot.zone().at(&name("a-b.example.com")).len(), 1);
            assert_eq!(names.len(), 1 + expected);
        }
    }

    #[test]
    fn names_that_lie_close_together_are_read_with_one_page() {
        let mut snapshot = snapshot();
        for n in 100..900 {
            snapshot.zone.put(set(&format!("n{n}.example.com"), "192.0.2.1"));
        }
        let names = |hosts: &[&str]| hosts.iter().map(|host| name(&format!("{host}.example.com"))).collect();
        let pages = snapshot.in_pages(names(&["n100", "n200", "n300", "n450", "n800", "n801", "n8010"]));
        let pages: Vec<Vec<&str>> =
            pages.iter().map(|page| page.iter().map(|name| name.split_first().0).collect()).collect();
        assert_eq!(pages, [&["n100", "n200", "n300"][..], &["n450"], &["n800", "n801", "n8010"]]);
        // Where a wildcard stands in the order is not certain.
        assert_eq!(snapshot.in_pages(names(&["*", "n100", "n101"])).len(), 2);
    }

    #[test]
    fn a_page_of_names_tells_what_is_there_what_is_gone_and_what_is_still_to_be_read() {
        let mut snapshot = listed();
        let names = ["a.example.com", "b.example.com", "d.example.com", "e.example.com"].map(name);
        snapshot.read(R[1], names.to_vec(), at(10)).unwrap();
        let progress = snapshot.page(
            R[1],
            page(&[("a.example.com", "192.0.2.9"), ("c.example.com", "192.0.2.1")], Some("d.example.com")),
            R[2],
            at(12),
        );
        let read = ["a.example.com", "b.example.com", "c.example.com"].map(|at_| (name(at_), at(10)));
        assert_eq!(progress.names, read);
        assert_eq!(lines(&snapshot), ["a.example.com 192.0.2.9", "c.example.com 192.0.2.1"]);
        // The page ended where the next name to be read begins.
        assert_eq!(progress.next.unwrap().start, Some(Cursor::at(name("d.example.com"))));
        let progress = snapshot.page(R[2], page(&[], None), R[3], at(13));
        let read = ["d.example.com", "e.example.com"].map(|at_| (name(at_), at(10)));
        assert_eq!((progress.names, progress.rest), (read.to_vec(), Vec::new()));
    }

    #[test]
    fn names_beyond_a_page_of_names_are_left_to_another_read() {
        let mut snapshot = listed();
        snapshot.read(R[1], vec![name("a.example.com"), name("x.example.com")], at(10)).unwrap();
        let progress =
            snapshot.page(R[1], page(&[("a.example.com", "192.0.2.9")], Some("c.example.com")), R[2], at(12));
        assert_eq!((progress.next, progress.rest), (None, vec![name("x.example.com")]));
    }

    #[test]
    fn a_name_in_doubt_stays_so_until_it_is_read_again() {
        let mut snapshot = listed();
        let b = name("b.example.com");
        snapshot.read(R[0], vec![b.clone()], at(10));
        snapshot.doubt(std::slice::from_ref(&b), at(11));
        snapshot.page(R[0], page(&[("b.example.com", "192.0.2.8")], None), R[3], at(12));
        assert!(snapshot.is_doubted(&b) && !snapshot.is_fresh(&b, at(12)));
        snapshot.read(R[1], vec![b.clone()], at(13));
        snapshot.page(R[1], page(&[("b.example.com", "192.0.2.9")], None), R[3], at(14));
        assert!(!snapshot.is_doubted(&b) && snapshot.is_fresh(&b, at(14)));
        assert!(lines(&snapshot).contains(&"b.example.com 192.0.2.9".to_owned()));
    }

    #[test]
    fn a_read_is_relied_on_for_ten_seconds_from_its_sending() {
        let mut snapshot = listed();
        snapshot.read(R[0], vec![name("b.example.com")], at(100));
        snapshot.page(R[0], page(&[], None), R[1], at(9_000));
        assert!(snapshot.is_fresh(&name("b.example.com"), at(10_099)));
        assert!(!snapshot.is_fresh(&name("b.example.com"), at(10_100)));
    }

    #[test]
    fn a_name_that_goes_on_in_the_next_page_is_taken_whole() {
        let mut snapshot = snapshot();
        list(&mut snapshot, R[0], at(0));
        let mut txt = set("a.example.com", "\"x\"");
        txt.key.rtype = RecordType::Txt;
        let next = Cursor { name: name("a.example.com"), rtype: Some(RecordType::Txt), set_id: None };
        let first = Page { sets: vec![set("a.example.com", "192.0.2.1")], next: Some(next.clone()) };
        assert_eq!(snapshot.page(R[0], first, R[1], at(1)).changed, []);
        assert_eq!(snapshot.next_page(R[1], at(1)).unwrap().start, Some(next));
        let progress = snapshot.page(R[1], Page { sets: vec![txt], next: None }, R[2], at(2));
        assert_eq!(progress.changed, [name("a.example.com")]);
        assert_eq!(snapshot.zone().len(), 2);
    }

    #[test]
    fn a_page_that_begins_within_a_name_does_not_hide_what_was_created_before_its_place() {
        let mut snapshot = listed();
        list(&mut snapshot, R[1], at(10));
        let mut first = page(&[("a.example.com", "192.0.2.1")], Some("b.example.com"));
        first.next.as_mut().unwrap().rtype = Some(RecordType::Txt);
        snapshot.page(R[1], first, R[2], at(12));
        // Somebody creates an A there, which comes before TXT, and a read of the name shows it.
        snapshot.read(R[2], vec![name("b.example.com")], at(20));
        snapshot.page(R[2], page(&[("b.example.com", "192.0.2.9")], None), R[3], at(22));
        snapshot.next_page(R[3], at(30)).unwrap();
        let text = RecordSet::simple(
            name("b.example.com"),
            RecordType::Txt,
            Data::Values { ttl: Ttl::DEFAULT, values: vec!["\"x\"".into()] },
        );
        snapshot.page(R[3], Page { sets: vec![text], next: None }, R[4], at(32));
        assert!(lines(&snapshot).contains(&"b.example.com 192.0.2.9".to_owned()), "{:?}", lines(&snapshot));
    }

    #[test]
    fn a_page_that_ends_before_a_wildcard_says_nothing_of_the_names_around_it() {
        let mut snapshot = snapshot();
        list(&mut snapshot, R[0], at(0));
        let all = [("*.example.com", "192.0.2.1"), ("0.example.com", "192.0.2.1"), ("b.example.com", "x")];
        snapshot.page(R[0], page(&all, None), R[1], at(1));
        list(&mut snapshot, R[0], at(10));
        let progress = snapshot.page(R[0], page(&[], Some("*.example.com")), R[1], at(11));
        assert_eq!(progress.changed, []);
        snapshot.next_page(R[1], at(11)).unwrap();
        let rest = page(&[("*.example.com", "192.0.2.1")], Some("b.example.com"));
        let progress = snapshot.page(R[1], rest, R[2], at(12));
        assert_eq!(progress.changed, [name("0.example.com")]);
    }

    #[test]
    fn a_page_that_failed_is_asked_for_again() {
        let mut snapshot = listed();
        list(&mut snapshot, R[0], at(10));
        snapshot.page(R[0], page(&[("a.example.com", "192.0.2.1")], Some("b.example.com")), R[1], at(11));
        let asked = snapshot.next_page(R[1], at(11)).unwrap();
        assert_eq!((snapshot.fail(R[1]), snapshot.wants_page()), (None, Some(1)));
        assert_eq!(snapshot.next_page(R[2], at(12)).unwrap().start, asked.start);
    }

    #[test]
    fn a_read_of_a_wildcard_says_nothing_of_the_names_after_it() {
        let mut snapshot = listed();
        let wildcard = name("*.example.com");
        snapshot.read(R[1], vec![wildcard.clone()], at(10)).unwrap();
        // As if it were sorted after b.
        let seen = page(&[("*.example.com", "x"), ("c.example.com", "192.0.2.1")], None);
        let progress = snapshot.page(R[1], seen, R[2], at(11));
        assert_eq!((progress.changed, lines(&snapshot).len()), (vec![wildcard], 4));
    }

    #[test]
    fn a_wildcard_is_swept_at_the_end_wherever_the_service_sorts_it() {
        for order in [["*.example.com", "0.example.com"], ["0.example.com", "*.example.com"]] {
            let mut snapshot = snapshot();
            list(&mut snapshot, R[0], at(0));
            let first = page(&[(order[0], "192.0.2.1")], Some(order[1]));
            snapshot.page(R[0], first, R[1], at(1));
            snapshot.next_page(R[1], at(1)).unwrap();
            snapshot.page(R[1], page(&[(order[1], "192.0.2.1")], None), R[2], at(2));
            assert_eq!(snapshot.zone().len(), 2, "{order:?}");
            list(&mut snapshot, R[0], at(10));
            let progress = snapshot.page(R[0], page(&[("0.example.com", "192.0.2.1")], None), R[1], at(11));
            assert_eq!(progress.changed, [name("*.example.com")]);
        }
    }
}
