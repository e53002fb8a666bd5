//! The zone as last seen: listed page by page, read name by name, patched by every accepted batch.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Bound, RangeBounds},
    time::Duration,
};

use super::{Cursor, Page, Read, ReadId, Time};
use crate::{
    dns::{Name, RecordSet, RecordType, SetKey, Zone},
    plan::Batch,
};

/// How long a read of a name may be relied on, from the sending of its request.
pub(super) const FRESH: Duration = Duration::from_secs(10);

/// The most that Route 53 lists in one page (`MaxItems`, `ListResourceRecordSets`).
const PAGE_ITEMS: u16 = 300;
/// How many sets names may be apart to be read with one page. What others have added since we know of is on it too.
const NAMES_ITEMS: u16 = 250;

/// What is known of the zone, and since when.
///
/// What arrives last is not always what was seen last: a page that was requested before a batch was accepted, or
/// before a name was read on its own, does not undo these.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    zone: Zone,
    /// When the newest complete listing began.
    complete: Option<Time>,
    listing: Option<Listing>,
    reads: BTreeMap<ReadId, Pending>,
    /// Since when a whole name is known, or known not to be known, that is newer than the oldest read under way.
    touched: BTreeMap<Name, Time>,
    /// The same for all names of a range, those too that we do not know: what is not there leaves no other trace.
    told: Vec<(Bound<Name>, Bound<Name>, Time)>,
    /// The same for single sets: a batch says nothing of what else there is at their names.
    written: BTreeMap<SetKey, Time>,
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
    /// The name up to which it has come, as far as that name's place in the order is certain.
    reached: Option<Name>,
    /// The names that it has shown after that, and when the first of their pages was requested.
    seen: BTreeSet<Name>,
    since: Option<Time>,
    /// The name that the next page begins in, its sets so far, and when the first of them were requested. Of what comes
    /// before the next page within that name, the next page says nothing.
    carry: Option<(Name, Vec<RecordSet>, Time)>,
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
    Names(NamesRead),
}

/// A read of names that follow each other, under way.
#[derive(Debug, Clone)]
struct NamesRead {
    /// The names that have not been read.
    names: Vec<Name>,
    /// Where what the pages so far have not told of begins.
    from: Bound<Name>,
    /// What the last page gave of the name that the next begins in.
    carry: Vec<RecordSet>,
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
            touched: BTreeMap::new(),
            told: Vec::new(),
            written: BTreeMap::new(),
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

    /// Begins a listing of the whole zone. Its pages are asked for with [`Snapshot::next_page`].
    pub fn list(&mut self, now: Time) {
        self.give_up_listing();
        self.listing = Some(Listing {
            started: now,
            next: NextPage::At(None),
            listed: 0,
            reached: None,
            seen: BTreeSet::new(),
            since: None,
            carry: None,
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

    /// Gives a listing up; what it has brought is kept.
    pub fn give_up_listing(&mut self) {
        self.listing = None;
        self.reads.retain(|_, read| matches!(read.part, Part::Names(..)));
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
        let read = NamesRead { names, from: Bound::Included(first.clone()), carry: Vec::new() };
        self.reads.insert(id, Pending { requested: now, part: Part::Names(read) });
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
            self.touched.insert(name.clone(), now);
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
            Part::Names(read) => Some(read.names),
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
            Part::Names(names) => {
                self.names_page(read.requested, names, page, (id, next_id), &mut progress);
            }
            Part::Page(_) => self.listing_page(read.requested, page, &mut progress),
        }
        if self.reads.is_empty() && self.listing.is_none() {
            self.touched.clear();
            self.told.clear();
            self.written.clear();
        }
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
            self.written.insert(change.after().key.clone(), by);
            self.doubts.remove(name);
            names.push(name.clone());
            self.zone.put(change.after().clone());
        }
        for name in &names {
            self.fresh.remove(name);
        }
        names
    }

    /// The page begins at the first of the names, or goes on in it. It tells of everything that lies on it.
    fn names_page(
        &mut self,
        requested: Time,
        read: NamesRead,
        page: Page,
        (id, next_id): (ReadId, ReadId),
        progress: &mut Progress,
    ) {
        let NamesRead { names, from, carry } = read;
        let mut found: BTreeMap<Name, Vec<RecordSet>> = BTreeMap::new();
        for set in carry.into_iter().chain(page.sets) {
            found.entry(set.name().clone()).or_default().push(set);
        }
        let carry = page.next.as_ref().and_then(|next| found.remove(&next.name)).unwrap_or_default();
        // Where the end's place in the order is not certain, the last name before it whose place is tells.
        let end = match &page.next {
            None => Bound::Unbounded,
            Some(next) if next.name.has_escapes() => {
                let last = found.keys().rfind(|name| !name.has_escapes()).cloned();
                last.map_or_else(|| from.clone(), Bound::Excluded)
            }
            Some(next) => Bound::Included(next.name.clone()),
        };
        // What lies before the end of the page and is not on it is not there.
        let is_ordered =
            |name: &Name| !name.has_escapes() && from_bound(&from).is_none_or(|from| !from.has_escapes());
        let is_before_end = |name: &Name| end == Bound::Unbounded || !is_within(name, &end);
        // A name that the page begins with would be the first on it, wherever it stands.
        let is_first = |name: &Name| {
            Bound::Included(name) == from.as_ref() && page.next.as_ref().is_none_or(|next| next.name != *name)
        };
        let is_told = |name: &Name| {
            is_first(name) || (is_ordered(name) && is_within(name, &from) && is_before_end(name))
        };
        let known = from_bound(&from).into_iter().flat_map(|from| self.zone.names_from(from));
        let known = known.map(|(name, _)| name).take_while(|name| is_before_end(name));
        let is_gone = |name: &&Name| is_told(name) && !found.contains_key(*name);
        let gone: Vec<Name> = known.chain(&names).filter(is_gone).cloned().collect();
        found.extend(gone.into_iter().map(|name| (name, Vec::new())));
        let rest: Vec<Name> = names.into_iter().filter(|name| !found.contains_key(name)).collect();
        let range = (from.clone(), end.clone(), requested);
        let is_ordered = from_bound(&from).is_some_and(|from| !from.has_escapes());
        for (name, sets) in found {
            self.name_read(requested, name, sets, progress);
        }
        self.told.extend(Some(range).filter(|_| is_ordered));
        match page.next {
            // The page ended within the first of them, or where it cannot be told whether it did.
            Some(next)
                if rest.first().is_some_and(|first| *first == next.name || next.name.has_escapes()) =>
            {
                let part = Part::Names(NamesRead { names: rest, from: end, carry });
                self.reads.insert(next_id, Pending { requested, part });
                let (start, max_items) = (Some(next), PAGE_ITEMS);
                progress.next = Some(Read { id: next_id, start, max_items, continues: Some(id) });
            }
            _ => progress.rest = rest,
        }
    }

    /// A name has been read whole.
    fn name_read(&mut self, requested: Time, name: Name, sets: Vec<RecordSet>, progress: &mut Progress) {
        if !self.knows_newer(&name, requested) {
            self.merge(requested, &name, sets, progress);
            if !self.zone.at(&name).iter().any(|set| self.was_written(set, requested)) {
                self.fresh.insert(name.clone(), requested);
            }
            self.touched.insert(name.clone(), requested);
        }
        progress.names.push((name, requested));
    }

    fn listing_page(&mut self, requested: Time, page: Page, progress: &mut Progress) {
        let Some(mut listing) = self.listing.take() else { return };
        listing.listed += page.sets.len();
        let begins_in = |name: &Name| page.sets.first().is_some_and(|first| first.name() == name);
        let (mut sets, mut since) = match listing.carry.take() {
            Some((name, open, since)) if !open.is_empty() || begins_in(&name) => (open, since),
            _ => (Vec::new(), requested),
        };
        sets.extend(page.sets);
        let mut open = Vec::new();
        if let Some(next) = &page.next {
            let whole = sets.iter().rposition(|set| *set.name() != next.name).map_or(0, |last| last + 1);
            open = sets.split_off(whole);
        }
        let mut sets = sets.into_iter().peekable();
        while let Some(first) = sets.next() {
            let name = first.name().clone();
            let mut of_name = vec![first];
            while let Some(set) = sets.next_if(|set| *set.name() == name) {
                of_name.push(set);
            }
            self.merge(since, &name, of_name, progress);
            if name.has_escapes() {
                listing.unordered.insert(name.clone());
            }
            listing.seen.insert(name);
            since = requested;
        }
        let range_since = *listing.since.get_or_insert(requested);
        let until = page.next.as_ref().map(|next| &next.name);
        // What lies before a name whose place is not certain will be known at the next one whose place is.
        if !until.is_some_and(Name::has_escapes) {
            let seen = std::mem::take(&mut listing.seen);
            let gone: Vec<Name> = self
                .between(listing.reached.as_ref(), until)
                .filter(|name| !seen.contains(*name) && !name.has_escapes())
                .cloned()
                .collect();
            for name in gone {
                self.merge(range_since, &name, Vec::new(), progress);
            }
            listing.reached = until.cloned();
            listing.since = None;
        }
        if let Some(next) = page.next {
            let since = if open.is_empty() { requested } else { since };
            listing.carry = Some((next.name.clone(), open, since));
            listing.next = NextPage::At(Some(next));
            self.listing = Some(listing);
        } else {
            self.sweep(&listing, progress);
            self.complete = Some(listing.started);
            progress.listed = true;
        }
    }

    /// Removes the names that a whole listing did not show and whose place in it could not be told before.
    fn sweep(&mut self, listing: &Listing, progress: &mut Progress) {
        let gone: Vec<Name> = self
            .between(None, None)
            .filter(|name| name.has_escapes() && !listing.unordered.contains(*name))
            .cloned()
            .collect();
        for name in gone {
            self.merge(listing.started, &name, Vec::new(), progress);
        }
    }

    fn between<'a>(
        &'a self,
        from: Option<&'a Name>,
        until: Option<&'a Name>,
    ) -> impl Iterator<Item = &'a Name> {
        let from = from.unwrap_or(self.zone.apex());
        self.zone
            .names_from(from)
            .map(|(name, _)| name)
            .take_while(move |name| until.is_none_or(|end| *name < end))
    }

    /// Whether a batch had written a set after a page was requested.
    fn was_written(&self, set: &RecordSet, requested: Time) -> bool {
        self.written.get(&set.key).is_some_and(|by| *by > requested)
    }

    /// Whether the name was read on its own or found to be in doubt after a page was requested. What is requested in
    /// the moment in which that becomes known shows it.
    fn knows_newer(&self, name: &Name, requested: Time) -> bool {
        let was_told = |(from, end, since): &(Bound<Name>, Bound<Name>, Time)| {
            *since > requested && is_within(name, from) && (*end == Bound::Unbounded || !is_within(name, end))
        };
        self.touched.get(name).is_some_and(|since| *since > requested)
            || (!name.has_escapes() && self.told.iter().any(was_told))
    }

    /// Puts what was requested at `requested` in place of what is known, unless something newer is known.
    fn merge(&mut self, requested: Time, name: &Name, mut sets: Vec<RecordSet>, progress: &mut Progress) {
        if self.knows_newer(name, requested) {
            return;
        }
        self.doubts.remove(name);
        let written: Vec<RecordSet> =
            self.zone.at(name).iter().filter(|set| self.was_written(set, requested)).cloned().collect();
        sets.retain(|set| written.iter().all(|newer| newer.key != set.key));
        sets.extend(written);
        sets.sort_by(|a, b| a.key.cmp(&b.key));
        let known = self.zone.at(name);
        if known == sets.as_slice() {
            return;
        }
        let cuts = |sets: &[RecordSet]| sets.iter().any(|set| *set.rtype() == RecordType::Ns);
        if cuts(known) != cuts(&sets) {
            progress.cuts.push(name.clone());
        }
        self.zone.replace(name, sets);
        progress.changed.push(name.clone());
    }
}

/// Whether a name is at or after a bound.
fn is_within(name: &Name, from: &Bound<Name>) -> bool {
    (from.as_ref(), Bound::Unbounded).contains(name)
}

fn from_bound(bound: &Bound<Name>) -> Option<&Name> {
    match bound {
        Bound::Included(name) | Bound::Excluded(name) => Some(name),
        Bound::Unbounded => None,
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
    fn a_read_that_was_sent_before_a_batch_was_accepted_is_not_relied_on() {
        let written = |snapshot: &mut Snapshot, now| {
            snapshot.written.insert(set("b.example.com", "192.0.2.1").key, at(now));
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
