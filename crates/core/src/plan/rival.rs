//! Two claimed keys that cannot both be written: at most one of them goes on.
//!
//! The key with owned record sets in the zone goes on, else the older claim. A key that is not written anyway takes a name
//! from nobody. The key of a stranger is such a key (`tenants.rs`).
//!
//! Keys of one hostname are compared first, without other hostnames. So the decisions of two hostnames about each other rely
//! on the same keys.

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use super::{Reason, View, desired::Desired, holder::Followed, reason::Reserved, written::Written};
use crate::{
    dns::{Name, RecordSet, RecordType},
    source::{Claim, ClaimKey, ObjectRef, Rank},
};

/// The possible rivals of the keys of one hostname.
pub(super) struct Rivals<'v> {
    view: &'v View<'v>,
    /// The possible rivals at each hostname. The work for them depends on all keys of the hostname, so it is done once.
    at: RefCell<BTreeMap<Name, Rc<RivalsAt>>>,
    /// Those of the planned hostname that go on beside each other, as places in its list.
    going_on: OnceCell<Vec<usize>>,
}

/// The possible rivals at one hostname.
struct RivalsAt {
    /// In order.
    rivals: Vec<Rival>,
    /// One object of each namespace that has the hostname, as far as the zone says so.
    holders: Vec<ObjectRef>,
    /// Whether all namespaces may have set identifiers there.
    is_open: bool,
}

/// A key that could be written if it had no rivals.
struct Rival {
    /// The claim of its holder.
    claim: Claim,
    /// The record sets that the claim asks for.
    wish: Desired,
    /// Whether the zone holds a set of ours for it.
    is_owned: bool,
    /// Whether its records are to be written now: they are not right already, and it waits for no grace period.
    is_due: bool,
    /// Whether another key of its hostname excludes it, other hostnames aside.
    is_excluded: bool,
}

// === impl Rival ===

impl Rival {
    /// Its place among the keys of its hostname.
    fn order(&self) -> (bool, Rank<'_>, &ClaimKey) {
        order(&self.claim, self.is_owned)
    }

    /// A record set that excludes a wanted one.
    fn excluding_set(&self, wanted: &Desired) -> Option<&RecordSet> {
        self.wish.sets.iter().find(|set| !wanted.sets.iter().all(|own| own.can_be_beside(set)))
    }
}

// === impl RivalsAt ===

impl RivalsAt {
    /// The places in the list of the rivals that go on beside each other. The first in the list excludes others.
    fn beside_each_other(&self, goes_on: impl Fn(&Rival) -> bool) -> Vec<usize> {
        let mut going_on: Vec<usize> = Vec::new();
        for (at, rival) in self.rivals.iter().enumerate() {
            let is_excluded = self.among(&going_on).any(|first| first.excluding_set(&rival.wish).is_some());
            if !is_excluded && !self.is_stranger(rival, &going_on) && goes_on(rival) {
                going_on.push(at);
            }
        }
        going_on
    }

    fn among(&self, places: &[usize]) -> impl Iterator<Item = &Rival> {
        places.iter().filter_map(|at| self.rivals.get(*at))
    }

    /// One object of each namespace that has the hostname: the holders of its records, else the first that is written.
    fn tenants(&self, going_on: &[usize]) -> Vec<ObjectRef> {
        if !self.holders.is_empty() {
            return self.holders.clone();
        }
        let first = self.among(going_on).find(|rival| rival.is_due);
        first.map(|rival| rival.claim.object().clone()).into_iter().collect()
    }

    fn is_stranger(&self, rival: &Rival, going_on: &[usize]) -> bool {
        if self.is_open || rival.is_owned {
            return false;
        }
        let tenants = self.tenants(going_on);
        !tenants.is_empty() && !rival.claim.object().is_beside_one_of(&tenants)
    }
}

// === impl Rivals ===

impl<'v> Rivals<'v> {
    /// For the plan of one hostname.
    pub fn new(view: &'v View<'v>) -> Self {
        Self { view, at: RefCell::default(), going_on: OnceCell::new() }
    }

    /// Why another key goes on in place of this one, if one does.
    pub fn of(&self, holder: &Claim, desired: &Desired) -> Option<Reason> {
        self.excluding_key(holder, desired)
            .or_else(|| self.gives_way_to_txt(holder, desired))
            .or_else(|| self.txt_gives_way(holder, desired))
    }

    /// A key of the same hostname, with a type or a routing policy that excludes the wanted one.
    fn excluding_key(&self, holder: &Claim, desired: &Desired) -> Option<Reason> {
        let own = &holder.endpoint.key;
        // Nearly every hostname has one key.
        self.view.claims.keys_at(&own.host).nth(1)?;
        let there = self.at(&own.host);
        let order = order(holder, self.view.has_owned_set_of(own));
        let going_on = there.among(self.going_on(&there));
        let mut before = going_on.take_while(|rival| rival.order() < order);
        let found = before.find_map(|rival| rival.excluding_set(desired))?;
        let at = own.host.clone();
        Some(if desired.has(&RecordType::Cname) == (*found.rtype() == RecordType::Cname) {
            Reason::RoutingConflict { at, is_needed: true }
        } else {
            Reason::TypeConflict { at, found: found.rtype().clone(), is_needed: true }
        })
    }

    /// The rivals of the planned hostname that go on beside each other. A key that gives way takes nothing from the others.
    fn going_on(&self, there: &RivalsAt) -> &[usize] {
        self.going_on.get_or_init(|| {
            there.beside_each_other(|Rival { claim, wish, .. }| {
                self.gives_way_to_txt(claim, wish).or_else(|| self.txt_gives_way(claim, wish)).is_none()
            })
        })
    }

    /// One object of each namespace that has the planned hostname: the holders of its records, else the first that is
    /// written.
    pub fn tenants(&self, host: &Name) -> Vec<ObjectRef> {
        let there = self.at(host);
        there.tenants(self.going_on(&there))
    }

    /// The wanted CNAME or TXT is at the name of another hostname's ownership record.
    fn gives_way_to_txt(&self, holder: &Claim, desired: &Desired) -> Option<Reason> {
        let (view, host) = (self.view, &holder.endpoint.key.host);
        if !excludes_txt(desired) || view.is_taken(host) {
            return None;
        }
        view.settings.naming.hosts_at(view.zone.apex(), host).into_iter().find_map(|other| {
            let in_zone = view.is_owned_at(&other, host);
            let theirs = self.oldest_against(holder, &other, |wish| view.has_txt_at(host, &other, wish));
            let is_known = view.has_owned_set(&other);
            let is_kept = || theirs.is_none() && self.is_kept_for_others(holder, &other);
            if (in_zone && !(theirs.is_some() && is_known)) || is_kept() {
                return Some(Reason::ReservedName(Reserved::OwnershipOf(other)));
            }
            let own = || self.oldest_at(host, excludes_txt);
            let goes_on = theirs.is_some_and(|theirs| {
                self.is_excluded(holder)
                    || view.does_txt_go_on(host, &other).unwrap_or_else(|| !is_first(holder, own, &theirs))
            });
            let (at, found) = (host.clone(), RecordType::Txt);
            goes_on.then_some(Reason::TypeConflict { at, found, is_needed: true })
        })
    }

    /// Whether another namespace has the other hostname, and may need the name of the holder's key for an ownership record
    /// later. Otherwise it could publish no further type of record.
    fn is_kept_for_others(&self, holder: &Claim, other: &Name) -> bool {
        let (view, host) = (self.view, &holder.endpoint.key.host);
        let mut types = view.settings.managed_types.with_addresses();
        !view.is_open_to_all()
            && types.any(|rtype| view.place(other, rtype) == *host)
            && view.holders_of_records(other).iter().any(|it| !it.is_beside(holder.object()))
    }

    /// Another hostname's CNAME or TXT is at the name of the ownership record that this key needs.
    fn txt_gives_way(&self, holder: &Claim, desired: &Desired) -> Option<Reason> {
        let (view, host) = (self.view, &holder.endpoint.key.host);
        let places = desired.sets.iter().map(|set| view.place(host, set.rtype()));
        // Nearly no place of an ownership record is a claimed hostname.
        let mut places = places.filter(|at| at != host && view.claims.has_host(at));
        places.find_map(|at| {
            let theirs = self.oldest_against(holder, &at, excludes_txt);
            let own = || self.oldest_at(host, |wish| view.has_txt_at(&at, host, wish));
            let goes_on = theirs.is_some_and(|theirs| {
                let is_txt_first = view.does_txt_go_on(&at, host);
                self.is_excluded(holder) || !is_txt_first.unwrap_or_else(|| is_first(holder, own, &theirs))
            });
            if !goes_on {
                return None;
            }
            let has_cname = self.oldest_at(&at, |wish| wish.has(&RecordType::Cname)).is_some();
            let found = if has_cname { RecordType::Cname } else { RecordType::Txt };
            Some(Reason::TypeConflict { at, found, is_needed: true })
        })
    }

    /// The oldest claim at a hostname that asks for something and could be written. It stands for all keys of the hostname.
    fn oldest_at(&self, host: &Name, asks: impl Fn(&Desired) -> bool) -> Option<Claim> {
        self.oldest(host, |rival| !rival.is_excluded && asks(&rival.wish))
    }

    /// The oldest claim that a holder has to compare itself with. The other hostname does not see an excluded key, so such a
    /// key gives way to every rival there.
    fn oldest_against(&self, holder: &Claim, host: &Name, asks: impl Fn(&Desired) -> bool) -> Option<Claim> {
        let is_excluded = self.is_excluded(holder);
        self.oldest(host, |rival| (is_excluded || !rival.is_excluded) && asks(&rival.wish))
    }

    fn oldest(&self, host: &Name, among: impl Fn(&Rival) -> bool) -> Option<Claim> {
        if !self.view.claims.has_host(host) {
            return None;
        }
        let there = self.at(host);
        let claims = there.rivals.iter().filter(|rival| among(rival)).map(|rival| &rival.claim);
        claims.reduce(|oldest, claim| if claim.is_older_than(oldest) { claim } else { oldest }).cloned()
    }

    /// Whether another key of its hostname excludes a holder's key, other hostnames aside.
    fn is_excluded(&self, holder: &Claim) -> bool {
        let key = &holder.endpoint.key;
        // Nearly every hostname has one key.
        self.view.claims.keys_at(&key.host).nth(1).is_some()
            && self.at(&key.host).rivals.iter().any(|it| it.is_excluded && it.claim.endpoint.key == *key)
    }

    fn at(&self, host: &Name) -> Rc<RivalsAt> {
        if let Some(known) = self.at.borrow().get(host) {
            return Rc::clone(known);
        }
        let there = Rc::new(self.view.rivals_at(host));
        self.at.borrow_mut().insert(host.clone(), Rc::clone(&there));
        there
    }
}

impl View<'_> {
    fn rivals_at(&self, host: &Name) -> RivalsAt {
        let mut rivals: Vec<Rival> =
            self.keys(host).planned.into_iter().filter_map(|key| self.rival(key)).collect();
        rivals.sort_by(|one, other| one.order().cmp(&other.order()));
        let is_open = self.is_open_to_all();
        // Nearly every hostname has one key.
        let holders = if is_open || rivals.len() < 2 { Vec::new() } else { self.holders_of_records(host) };
        let mut there = RivalsAt { rivals, holders, is_open };
        let going_on = there.beside_each_other(|_| true);
        for (at, rival) in there.rivals.iter_mut().enumerate() {
            rival.is_excluded = going_on.binary_search(&at).is_err();
        }
        there
    }

    /// The key as a rival of others; `None` if it could not be written without rivals either.
    fn rival(&self, key: &ClaimKey) -> Option<Rival> {
        let named = self.named_holder(key);
        let Followed { holder, must_wait } = self.choose(key, named.as_ref(), &self.history.holder(key))?;
        let wish = self.wanted(holder).ok().filter(|_| self.barred(&key.host).is_none())?;
        let written = self.without_rivals(holder, &wish).ok()?;
        let is_due = matches!(written, Written::Unit(_)) && !must_wait;
        let is_owned = self.has_owned_set_of(key);
        Some(Rival { claim: holder.clone(), wish, is_owned, is_due, is_excluded: false })
    }

    /// Whether a record of ours at a name excludes an ownership record there.
    fn is_taken(&self, at: &Name) -> bool {
        let excludes = |set: &RecordSet| matches!(set.rtype(), RecordType::Cname | RecordType::Txt);
        self.owned_sets(at, excludes).next().is_some()
    }

    /// Whether the ownership record of a hostname goes on at its name, or the records that the name itself asks for. None if
    /// the zone does not decide it.
    fn does_txt_go_on(&self, at: &Name, host: &Name) -> Option<bool> {
        if self.is_taken(at) {
            return Some(false);
        }
        if self.owned_sets(host, |set| self.place(host, set.rtype()) == *at).next().is_some() {
            return Some(true);
        }
        match (self.has_owned_set(at), self.has_owned_set(host)) {
            (true, false) => Some(false),
            (false, true) => Some(true),
            (true, true) | (false, false) => None,
        }
    }

    /// Whether the ownership record of a wish at a hostname is at this name.
    fn has_txt_at(&self, at: &Name, host: &Name, wish: &Desired) -> bool {
        wish.sets.iter().any(|set| self.place(host, set.rtype()) == *at)
    }
}

/// Orders the holders of the keys of a hostname: owned keys first, then the oldest claim.
fn order(holder: &Claim, is_owned: bool) -> (bool, Rank<'_>, &ClaimKey) {
    (!is_owned, holder.rank(), &holder.endpoint.key)
}

/// Whether records exclude another ownership record at their name: a CNAME excludes every record, and there is only one TXT.
fn excludes_txt(wish: &Desired) -> bool {
    wish.has(&RecordType::Cname) || wish.has(&RecordType::Txt)
}

/// Whether the holder of a key, or the oldest claim at its hostname, comes before the rival's oldest claim.
fn is_first(holder: &Claim, own: impl FnOnce() -> Option<Claim>, theirs: &Claim) -> bool {
    holder.is_older_than(theirs) || own().is_some_and(|own| own.is_older_than(theirs))
}
