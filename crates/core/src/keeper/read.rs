//! What is read of the zone: whole listings, counts, and single names.

use std::collections::BTreeSet;

use super::{Effect, Failure, Keeper, Page, ReadId, Report, Time};
use crate::dns::Name;

impl Keeper {
    fn list(&mut self, now: Time, is_urgent: bool) {
        self.resync.begin(now, self.snapshot.zone().len(), is_urgent);
        self.snapshot.list(now);
    }

    /// Lists, counts and reads again what is due, as far as requests are at hand.
    pub(super) fn read_zone(&mut self, now: Time, out: &mut Vec<Effect>) {
        let is_too_old = self.snapshot.listed_at().is_none_or(|listed| self.resync.is_too_old(listed, now));
        let is_listing = self.snapshot.is_listing();
        if (is_too_old && !(is_listing && self.resync.is_urgent()))
            || (!is_listing && self.resync.due() <= now)
        {
            self.list(now, is_too_old);
        }
        let mut due = vec![self.resync.due()];
        if let Some(listed) = self.snapshot.wants_page() {
            let page_due = self.resync.page_due(listed);
            due.push(page_due.max(self.pacer.when(1, 0)));
            if page_due <= now && self.pacer.requests(now) > 0 {
                let id = ReadId(self.next_id());
                if let Some(read) = self.snapshot.next_page(id, now) {
                    self.pacer.spend(now, 1, 0);
                    self.resync.page_sent(now);
                    out.push(Effect::Read(read));
                }
            }
        }
        if self.opened {
            if self.resync.count_due() <= now && self.pacer.requests(now) > 0 {
                self.pacer.spend(now, 1, 0);
                self.resync.count_sent(now);
                out.push(Effect::Count);
            }
            due.push(self.resync.count_due());
        }
        if self.opened {
            if self.rereads.round_due() <= now {
                self.begin_round(now);
            }
            due.push(self.rereads.round_due());
        }
        while self.pacer.requests(now) > 0
            && let Some(read) = self.further.pop_front()
        {
            self.pacer.spend(now, 1, 0);
            out.push(Effect::Read(read));
        }
        if !self.further.is_empty() {
            due.push(self.pacer.when(1, 0));
        }
        if self.pacer.requests(now) > 0 {
            let names = self.rereads.take(now);
            self.read_names(names, now, out);
        }
        due.extend(self.rereads.due().map(|due| due.max(self.pacer.when(1, 0))));
        let waits = due.into_iter().filter(|due| *due > now).min();
        if let Some(due) = waits {
            self.at_latest(due);
        }
    }

    /// Names that block a hostname are read again and again: nothing else tells soon that they do so no longer.
    fn begin_round(&mut self, now: Time) {
        let view = self.view();
        let names = self.plans.blocked_by_zone().flat_map(|host| view.names_of(host)).collect();
        let pages = self.snapshot.in_pages(names);
        self.rereads.begin_round(pages, now);
    }

    /// Reads names, page by page, as far as requests are at hand; the others wait for them.
    pub(super) fn read_names(&mut self, names: BTreeSet<Name>, now: Time, out: &mut Vec<Effect>) {
        for page in self.snapshot.in_pages(names) {
            if self.pacer.requests(now) == 0 {
                self.rereads.add(page);
                continue;
            }
            let id = ReadId(self.next_id());
            if let Some(read) = self.snapshot.read(id, page, now) {
                self.pacer.spend(now, 1, 0);
                out.push(Effect::Read(read));
            }
        }
    }

    pub(super) fn page(&mut self, id: ReadId, page: Page, now: Time, out: &mut Vec<Effect>) {
        self.breaker.close();
        let next_id = ReadId(self.next_id());
        let progress = self.snapshot.page(id, page, next_id, now);
        self.further.extend(progress.next);
        if progress.listed {
            self.quarantine.zone_has(self.snapshot.zone().len(), now);
            out.push(Effect::Report(Report::ZoneListed { sets: self.snapshot.zone().len() }));
        }
        self.zone_changed(&progress.changed, &progress.cuts, now);
        self.read_names(progress.rest.into_iter().collect(), now, out);
        self.read_for_cycle(&progress.names, now, out);
    }

    pub(super) fn page_failed(&mut self, id: ReadId, failure: Failure, now: Time, out: &mut Vec<Effect>) {
        let again = self.failed("list record sets", failure, now, out);
        match self.snapshot.fail(id) {
            Some(names) => self.read_failed_for_cycle(names, again),
            None => self.resync.failed(again),
        }
    }

    pub(super) fn counted(&mut self, answer: Result<u64, Failure>, now: Time, out: &mut Vec<Effect>) {
        match answer {
            // A listing in which nothing waits will tell soon enough.
            Ok(_) if self.snapshot.is_listing() && self.resync.is_urgent() => {}
            Ok(count) => {
                self.quarantine.zone_has(usize::try_from(count).unwrap_or(usize::MAX), now);
                if self.resync.counted(now, count, self.snapshot.zone().len()) {
                    self.list(now, true);
                }
            }
            Err(failure) => drop(self.failed("count record sets", failure, now, out)),
        }
    }
}
