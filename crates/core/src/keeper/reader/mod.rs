//! Reads of the zone: listings, counts, and reads of single names.

mod rereads;
mod resync;
mod standby;

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use rereads::Rereads;
use resync::Resync;
use standby::Standby;

use super::{
    contract::{Effect, Page, Read, ReadId, Report},
    model::{Model, PageOutcome},
    pacer::{Pacer, Rate},
    planner::Planner,
    time::Time,
    turn::{Changed, Turn},
};
use crate::{
    dns::Name,
    plan::{Batch, Unit},
};

/// When a repaired record is read again: how long after the repair.
const AFTER_REPAIR: [Duration; 3] = [Duration::from_mins(1), Duration::from_mins(5), Duration::from_mins(15)];
/// The most requests for an early read. A zone lists the names of one hostname at up to four places.
const MOST_EARLY_PAGES: usize = 8;

/// Decides which parts of the zone are read, and when.
#[derive(Debug)]
pub(super) struct ZoneReader {
    resync: Resync,
    rereads: Rereads,
    /// Reads that continue on a further page and wait for a request.
    further: VecDeque<Read>,
    /// The pending units of this process while it stands by.
    standby: Standby,
    last_id: u64,
}

// === impl ZoneReader ===

impl ZoneReader {
    pub fn new(resync: Duration, requests: Option<Rate>) -> Self {
        Self {
            resync: Resync::new(resync, requests),
            rereads: Rereads::default(),
            further: VecDeque::new(),
            standby: Standby::default(),
            last_id: 0,
        }
    }

    /// When the newest listing began, complete or not.
    pub fn listing_begun(&self) -> Option<Time> {
        self.resync.begun()
    }

    /// Whether a read must come before the zone is known to be complete.
    pub fn is_awaited(&self) -> bool {
        self.rereads.is_awaited()
    }

    /// Sends the listings, counts and reads that are due, as far as there are tokens for requests.
    ///
    /// The leader's writes change the zone all the time. A process that stands by neither counts record sets nor lists the
    /// zone for that. It reads what it would write itself, once, because the leader is writing it.
    pub fn advance(
        &mut self,
        model: &mut Model,
        planner: &Planner,
        leads: bool,
        pacer: &mut Pacer,
        turn: &mut Turn,
    ) {
        let now = turn.now;
        self.begin_listing(model, now);
        self.request_page(model, pacer, turn);
        if planner.is_started() {
            if leads && self.resync.count_due() <= now && pacer.requests(now) > 0 {
                pacer.spend(now, 1, 0);
                self.resync.count_sent(now);
                turn.effect(Effect::Count);
            }
            if self.rereads.round_due() <= now {
                self.begin_round(model, planner, leads, now);
            }
        }
        while pacer.requests(now) > 0
            && let Some(read) = self.further.pop_front()
        {
            pacer.spend(now, 1, 0);
            turn.effect(Effect::Read(read));
        }
        if pacer.requests(now) > 0 {
            let names = self.rereads.take(now);
            self.read_names(names, model, pacer, turn);
        }
    }

    /// When a listing, a count or a read is due.
    pub fn due(
        &self,
        model: &Model,
        planner: &Planner,
        leads: bool,
        pacer: &Pacer,
        now: Time,
    ) -> Option<Time> {
        let request = pacer.when(1, 0);
        let page = model.snapshot.wants_page().map(|listed| self.resync.page_due(listed).max(request));
        let count = Some(self.resync.count_due()).filter(|_| leads);
        let rounds = count.into_iter().chain([self.rereads.round_due()]);
        let rounds = rounds.filter(|_| planner.is_started());
        let further = self.further.front().map(|_| request);
        let rereads = self.rereads.due().map(|due| due.max(request));
        let reads = [page, further, rereads].into_iter().flatten();
        [self.resync.due()].into_iter().chain(rounds).chain(reads).filter(|due| *due > now).min()
    }

    /// Begins a listing if one is due. It is urgent if decisions wait for it.
    fn begin_listing(&mut self, model: &mut Model, now: Time) {
        if !model.snapshot.is_listing() && self.resync.due() <= now {
            let is_urgent = model.snapshot.listed_at().is_none() || model.is_listing_too_old(now);
            self.list(model, now, is_urgent);
        }
    }

    fn list(&mut self, model: &mut Model, now: Time, is_urgent: bool) {
        self.resync.begin(now, model.zone().len(), is_urgent);
        model.snapshot.list(now);
    }

    /// Requests the next page of the listing if it is due.
    fn request_page(&mut self, model: &mut Model, pacer: &mut Pacer, turn: &mut Turn) {
        let Some(listed) = model.snapshot.wants_page() else { return };
        if self.resync.page_due(listed) > turn.now || pacer.requests(turn.now) == 0 {
            return;
        }
        let id = self.next_id();
        if let Some(read) = model.snapshot.next_page(id, turn.now) {
            pacer.spend(turn.now, 1, 0);
            self.resync.page_sent(turn.now);
            turn.effect(Effect::Read(read));
        }
    }

    /// Notes that this process begins to lead: the next round is due.
    pub fn begin_term(&mut self, now: Time) {
        self.rereads.round_is_due(now);
    }

    /// Begins a round of reads. The leader reads the names that block hostnames, because nothing else shows soon that they no
    /// longer do.
    fn begin_round(&mut self, model: &Model, planner: &Planner, leads: bool, now: Time) {
        let view = model.view();
        let names = if leads {
            self.standby = Standby::default();
            planner.blocked_by_zone().flat_map(|host| view.names_of(host)).collect()
        } else {
            self.standby.names(planner.units().map(|(_, unit)| unit))
        };
        let pages = model.snapshot.in_pages(names);
        let chosen = self.rereads.begin_round(pages, now);
        self.standby.read(&chosen);
    }

    /// Reads names, page by page. Without tokens for a request, the names wait.
    pub fn read_names(
        &mut self,
        names: BTreeSet<Name>,
        model: &mut Model,
        pacer: &mut Pacer,
        turn: &mut Turn,
    ) {
        for page in model.snapshot.in_pages(names) {
            if pacer.requests(turn.now) == 0 {
                self.rereads.add(page);
                continue;
            }
            let id = self.next_id();
            if let Some(read) = model.snapshot.read(id, page, turn.now) {
                pacer.spend(turn.now, 1, 0);
                turn.effect(Effect::Read(read));
            }
        }
    }

    /// Reads names before a batch needs them, if they take few requests and no request has failed a short time ago.
    pub fn read_early(
        &mut self,
        names: BTreeSet<Name>,
        model: &mut Model,
        pacer: &mut Pacer,
        turn: &mut Turn,
    ) {
        let is_cheap = model.snapshot.in_pages(names.clone()).len() <= MOST_EARLY_PAGES;
        if is_cheap && pacer.has_plenty(turn.now) && self.rereads.may_read(turn.now) {
            self.read_names(names, model, pacer, turn);
        }
    }

    /// Reads the zone's apex, as the probe of a broken account.
    pub fn probe(&mut self, model: &mut Model, pacer: &mut Pacer, turn: &mut Turn) {
        let apex = model.zone().apex().clone();
        self.read_names(BTreeSet::from([apex]), model, pacer, turn);
    }

    /// Notes that names may differ from the snapshot and must be read.
    pub fn add(&mut self, names: impl IntoIterator<Item = Name>) {
        self.rereads.add(names);
    }

    /// Notes that the service failed: no names are read before this time.
    pub fn wait(&mut self, not_before: Time) {
        self.rereads.wait(not_before);
    }

    /// Takes a page.
    pub fn page(&mut self, id: ReadId, page: Page, model: &mut Model, pacer: &mut Pacer, turn: &mut Turn) {
        let next_id = self.next_id();
        let PageOutcome { changed, cuts, names, next, rest, listed } =
            model.snapshot.page(id, page, next_id, turn.now);
        self.further.extend(next);
        self.rereads.answered(names.iter().map(|(name, _)| name));
        if listed {
            let sets = model.zone().len();
            turn.changed(Changed::ZoneSize(sets));
            turn.report(Report::ZoneListed { sets });
        }
        turn.changed(Changed::Zone { names: changed, cuts });
        self.read_names(rest.into_iter().collect(), model, pacer, turn);
        turn.changed(Changed::NamesRead(names));
    }

    /// Notes that a read failed. It is repeated at `retry_at`.
    pub fn page_failed(&mut self, id: ReadId, retry_at: Time, model: &mut Model, turn: &mut Turn) {
        match model.snapshot.fail(id) {
            Some(names) => turn.changed(Changed::NamesFailed { names, retry_at }),
            None => self.resync.failed(retry_at),
        }
    }

    /// Notes that names could not be read. `is_awaited` tells the names for which the batch under way repeats the read.
    pub fn names_failed(&mut self, names: &[Name], retry_at: Time, is_awaited: impl Fn(&Name) -> bool) {
        let must_repeat = |name: &&Name| !is_awaited(name) || self.rereads.is_requested(name);
        let again: Vec<Name> = names.iter().filter(must_repeat).cloned().collect();
        if !again.is_empty() {
            self.rereads.add(again);
            self.rereads.wait(retry_at);
        }
    }

    /// Takes the number of record sets in the zone.
    pub fn counted(&mut self, count: u64, model: &mut Model, turn: &mut Turn) {
        // The urgent listing under way shows the difference soon enough.
        if model.snapshot.is_listing() && self.resync.is_urgent() {
            return;
        }
        turn.changed(Changed::ZoneSize(usize::try_from(count).unwrap_or(usize::MAX)));
        if self.resync.counted(turn.now, count, model.zone().len()) {
            self.list(model, turn.now, true);
        }
    }

    /// Notes that a batch was accepted. Repaired records are read again later.
    pub fn batch_accepted(&mut self, batch: &Batch, now: Time) {
        for unit in batch.units().iter().filter(|unit| unit.is_repair()) {
            for wait in AFTER_REPAIR {
                self.rereads.add_at(unit.reads().iter().cloned(), now + wait);
            }
        }
        self.resync.wrote(now);
    }

    /// Notes that units were rejected, probably because the snapshot is wrong at their names.
    pub fn units_rejected(&mut self, units: &[&Unit], model: &mut Model, now: Time) {
        for unit in units {
            model.snapshot.doubt(unit.reads(), now);
            self.rereads.add(unit.reads().iter().cloned());
        }
    }

    fn next_id(&mut self) -> ReadId {
        self.last_id += 1;
        ReadId(self.last_id)
    }
}
