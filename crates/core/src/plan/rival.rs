//! Two claimed keys that cannot both be written: at most one of them goes on.
//!
//! The key with owned record sets in the zone goes on, else the older claim. A key that is not written anyway takes a name
//! from nobody.

use super::{Reason, View, desired::Desired, reason::Reserved};
use crate::{
    dns::{Name, RecordType},
    source::{Claim, ClaimKey},
};

impl View<'_> {
    /// Why another key goes on in place of this one, if one does.
    pub(super) fn rival(&self, holder: &Claim, desired: &Desired) -> Option<Reason> {
        self.sibling(holder, desired)
            .or_else(|| self.txt_in_place_of_cname(holder, desired))
            .or_else(|| self.cname_in_place_of_txt(holder, desired))
    }

    /// Another set identifier of the same hostname, with a type or a routing policy that excludes the wanted one.
    fn sibling(&self, holder: &Claim, desired: &Desired) -> Option<Reason> {
        let own = &holder.endpoint.key;
        let others = self.claims.keys_at(&own.host).filter(|key| *key != own);
        // Nearly every hostname has one key.
        others.into_iter().find_map(|key| {
            let (theirs, wish) = self.claimed(key)?;
            let conflict =
                wish.sets.iter().find(|set| !desired.sets.iter().all(|own| own.can_be_beside(set)))?;
            let is_first = match (self.has_owned_set_of(own), self.has_owned_set_of(key)) {
                (true, false) => true,
                (false, true) => false,
                (true, true) | (false, false) => holder.is_older_than(&theirs),
            };
            let at = own.host.clone();
            (!is_first).then(|| {
                if desired.has(&RecordType::Cname) == (*conflict.rtype() == RecordType::Cname) {
                    Reason::RoutingConflict { at, is_needed: true }
                } else {
                    Reason::TypeConflict { at, found: conflict.rtype().clone(), is_needed: true }
                }
            })
        })
    }

    /// The wanted CNAME is at the name of another hostname's ownership record.
    fn txt_in_place_of_cname(&self, holder: &Claim, desired: &Desired) -> Option<Reason> {
        let (naming, apex, host) = (&self.settings.naming, self.zone.apex(), &holder.endpoint.key.host);
        if !desired.has(&RecordType::Cname) || self.has_owned_set(host) {
            return None;
        }
        naming.hosts_at(apex, host).into_iter().find_map(|other| {
            let in_zone = self.is_owned_at(&other, host);
            let theirs = self.oldest_at(&other, |wish| self.has_txt_at(host, &other, wish));
            let is_known = self.has_owned_set(&other);
            if in_zone && !(theirs.is_some() && is_known) {
                return Some(Reason::ReservedName(Reserved::OwnershipOf(other)));
            }
            let own = || self.oldest_at(host, |wish| wish.has(&RecordType::Cname));
            let goes_on = theirs.is_some_and(|theirs| is_known || !is_first(holder, own, &theirs));
            let (at, found) = (host.clone(), RecordType::Txt);
            goes_on.then_some(Reason::TypeConflict { at, found, is_needed: true })
        })
    }

    /// Another hostname's CNAME is at the name of the ownership record that this key needs.
    fn cname_in_place_of_txt(&self, holder: &Claim, desired: &Desired) -> Option<Reason> {
        let (naming, apex, host) = (&self.settings.naming, self.zone.apex(), &holder.endpoint.key.host);
        let places = desired.sets.iter().map(|set| naming.place(apex, host, set.rtype()).name);
        places.filter(|at| at != host && !self.has_owned_set(host)).find_map(|at| {
            let theirs = self.oldest_at(&at, |wish| wish.has(&RecordType::Cname));
            let own = || self.oldest_at(host, |wish| self.has_txt_at(&at, host, wish));
            let goes_on = theirs.is_some_and(|theirs| !is_first(holder, own, &theirs));
            goes_on.then_some(Reason::TypeConflict { at, found: RecordType::Cname, is_needed: true })
        })
    }

    /// The oldest claim at a hostname that could be written and asks for something. It stands for all keys of the hostname.
    fn oldest_at(&self, host: &Name, asks: impl Fn(&Desired) -> bool) -> Option<Claim> {
        let claims = self.claims.keys_at(host).filter_map(|key| self.claimed(key));
        let claims = claims.filter(|(_, wish)| asks(wish)).map(|(claim, _)| claim);
        claims.reduce(|oldest, claim| if claim.is_older_than(&oldest) { claim } else { oldest })
    }

    /// Whether the ownership record of a wish at a hostname is at this name.
    fn has_txt_at(&self, at: &Name, host: &Name, wish: &Desired) -> bool {
        let (naming, apex) = (&self.settings.naming, self.zone.apex());
        wish.sets.iter().any(|set| naming.place(apex, host, set.rtype()).name == *at)
    }

    /// The holder's claim on a key and its record sets, if they could be written without rivals.
    fn claimed(&self, key: &ClaimKey) -> Option<(Claim, Desired)> {
        let holder = self.holder(key, self.named_holder(key).as_ref(), &self.history.holder(key))?;
        let wish = self.wanted(holder).ok().filter(|_| self.barred(&key.host).is_none())?;
        self.without_rivals(holder, &wish).ok()?;
        Some((holder.clone(), wish))
    }
}

/// Whether the holder of a key, or the oldest claim at its hostname, comes before the rival's oldest claim.
fn is_first(holder: &Claim, own: impl FnOnce() -> Option<Claim>, theirs: &Claim) -> bool {
    holder.is_older_than(theirs) || own().is_some_and(|own| own.is_older_than(theirs))
}
