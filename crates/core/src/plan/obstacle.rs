//! Obstacles: reserved names, and existing records that exclude the wanted ones.

use arcstr::ArcStr;

use super::{
    Reason, View,
    desired::Desired,
    ownership::{Owner, can_be_owned},
    reason::Reserved,
};
use crate::{
    dns::{Name, RecordSet, RecordType, TxtText},
    source::ClaimKey,
};

/// The beginning of labels that only zonekeeper itself writes: owner marks and fallback names of ownership records.
const OWN_LABELS: &str = "_zk-";

impl View<'_> {
    /// Why no object may write at a hostname, if so.
    pub(super) fn barred(&self, host: &Name) -> Option<Reason> {
        if host.labels().any(|label| label.starts_with(OWN_LABELS)) {
            return Some(Reason::ReservedName(Reserved::OwnLabel));
        }
        if self.settings.naming.is_wildcard_replacement(host) {
            return Some(Reason::ReservedName(Reserved::WildcardReplacement));
        }
        if let Some(other) = self.settings.naming.shared_with(self.zone, host) {
            return Some(Reason::ReservedName(Reserved::SharedWith(other)));
        }
        self.zone.cut_above(host).map(|cut| Reason::BelowZoneCut { cut })
    }

    /// Why the ownership record at a name is excluded, if so.
    pub(super) fn in_place_of_txt(&self, at: &Name) -> Option<Reason> {
        let there = self.zone.at(at).iter();
        let mut there = there.filter(|set| matches!(set.rtype(), RecordType::Cname | RecordType::Txt));
        if there.clone().any(RecordSet::is_of_traffic_policy) {
            return Some(Reason::TrafficPolicy);
        }
        let found = RecordType::Cname;
        let is_needed = self.claims.has_host(at);
        there.any(|set| *set.rtype() == found).then(|| Reason::TypeConflict {
            at: at.clone(),
            found,
            is_needed,
        })
    }

    /// Why existing records at the hostname exclude the wanted ones, if so.
    pub(super) fn in_the_way(&self, key: &ClaimKey, desired: &Desired) -> Option<Reason> {
        let host = &key.host;
        let there = self.zone.at(host);
        let wants_cname = desired.has(&RecordType::Cname);
        let wants_address = desired.sets.iter().any(|set| set.rtype().is_address());
        let is_managed_there = |set: &RecordSet| {
            let is_in_the_way = wants_cname || (wants_address && set.rtype().is_address());
            set.is_of_traffic_policy() && (is_in_the_way || desired.has(set.rtype()))
        };
        if there.iter().any(is_managed_there) {
            return Some(Reason::TrafficPolicy);
        }
        let excludes = |set: &&RecordSet| wants_cname != (*set.rtype() == RecordType::Cname);
        let found =
            there.iter().find(|set| excludes(set) && (wants_cname || *set.rtype() == RecordType::Cname));
        if let Some(found) = found {
            let (naming, apex) = (&self.settings.naming, self.zone.apex());
            let mut others = naming.hosts_in_any_form_at(apex, host);
            let is_needed = wants_cname && others.any(|other| self.is_owned_at(&other, host));
            let (at, found) = (host.clone(), found.rtype().clone());
            return Some(Reason::TypeConflict { at, found, is_needed });
        }
        let other_routing =
            there.iter().any(|set| desired.sets.iter().any(|wanted| !wanted.can_be_beside(set)));
        other_routing.then(|| Reason::RoutingConflict { at: host.clone(), is_needed: false })
    }

    /// Why a foreign record at the hostname blocks a creation, if so. Records beside it would share its traffic.
    pub(super) fn foreign_neighbour(&self, key: &ClaimKey) -> Option<Reason> {
        let neighbours = self.zone.at(&key.host).iter();
        let mut neighbours =
            neighbours.filter(|set| set.rtype().is_address() && set.key.set_id == key.set_id);
        neighbours.find_map(|set| {
            let ownership = self.look_up(&key.host, set.rtype(), key);
            let reason = match ownership.owner {
                Owner::Us => return None,
                Owner::Nobody => Reason::Unowned { found: set.to_string() },
                Owner::Other(owner) => Reason::OwnedBy { owner },
                Owner::Unreadable(at) => Reason::OwnershipUnreadable { at },
                Owner::PlaceTaken(reason) => reason,
            };
            Some(self.in_place_of_txt(&ownership.place.name).unwrap_or(reason))
        })
    }

    /// Whether `name` is the place of the ownership record of a record at `host`, or holds it under a legacy name.
    pub(super) fn is_owned_at(&self, host: &Name, name: &Name) -> bool {
        let mut owned = self.zone.at(host).iter().filter(|set| can_be_owned(set));
        owned.any(|set| {
            let (naming, set_id) = (&self.settings.naming, set.key.set_id.as_ref());
            let mut older = naming.older(self.zone, host, set.rtype(), set_id);
            self.place(host, set.rtype()) == *name || older.any(|(at, said)| at == *name && said.is_some())
        })
    }
}

/// Why no object may ask for these records, if so.
pub(super) fn forbidden(host: &Name, desired: &Desired) -> Option<Reason> {
    let leads_there = desired.sets.iter().any(|set| set.rtype().is_address());
    if leads_there && host.is_underscored() {
        return Some(Reason::ReservedName(Reserved::Underscore));
    }
    let texts = desired.sets.iter().filter(|set| *set.rtype() == RecordType::Txt);
    let is_ownership =
        |value: &ArcStr| TxtText::parse(value).is_ok_and(|text| text.as_str().contains("heritage="));
    texts.flat_map(RecordSet::values).any(is_ownership).then(|| Reason::InvalidField {
        field: "targets".to_owned(),
        text: "a TXT with `heritage=` would state the ownership of another record".to_owned(),
    })
}
