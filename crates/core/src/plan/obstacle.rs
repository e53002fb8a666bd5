//! What excludes that something is written at a hostname: that the name is reserved, and what is there already.

use super::{Reason, View, desired::Desired, ownership::Standing, reason::Reserved};
use crate::{
    dns::{Name, RecordSet, RecordType, Routing},
    source::ClaimKey,
};

impl View<'_> {
    /// Why nothing may be written at a hostname, whoever asks.
    pub(super) fn barred(&self, host: &Name) -> Option<Reason> {
        if host.labels().any(|label| label.starts_with('_')) {
            return Some(Reason::ReservedName(Reserved::Underscore));
        }
        if self.settings.naming.is_wildcard_replacement(host) {
            return Some(Reason::ReservedName(Reserved::WildcardReplacement));
        }
        if let Some(other) = self.settings.naming.shared_with(self.zone, host) {
            return Some(Reason::ReservedName(Reserved::SharedWith(other)));
        }
        self.zone.cut_above(host).map(|cut| Reason::BelowZoneCut { cut })
    }

    /// What is at the name of an ownership TXT and excludes it.
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

    /// What is at the hostname and excludes what is wanted there.
    pub(super) fn in_the_way(&self, key: &ClaimKey, desired: &Desired) -> Option<Reason> {
        let host = &key.host;
        let there = self.zone.at(host);
        let wants_cname = desired.has(&RecordType::Cname);
        if there.iter().any(|set| set.is_of_traffic_policy() && (wants_cname || set.rtype().is_address())) {
            return Some(Reason::TrafficPolicy);
        }
        let excludes = |set: &&RecordSet| wants_cname != (*set.rtype() == RecordType::Cname);
        let found =
            there.iter().find(|set| excludes(set) && (wants_cname || *set.rtype() == RecordType::Cname));
        if let Some(found) = found {
            let mut others = self.settings.naming.hosts_at(self.zone.apex(), host).into_iter();
            let is_needed = wants_cname && others.any(|other| self.is_owned_at(&other, host));
            let (at, found) = (host.clone(), found.rtype().clone());
            return Some(Reason::TypeConflict { at, found, is_needed });
        }
        let other_routing = there
            .iter()
            .filter(|set| desired.has(set.rtype()))
            .any(|set| set.key.set_id != key.set_id || set.routing != Routing::Simple);
        other_routing.then(|| Reason::RoutingConflict { at: host.clone() })
    }

    /// A record that is not ours at the hostname: what is created beside it would share its traffic.
    pub(super) fn foreign_neighbour(&self, key: &ClaimKey) -> Option<Reason> {
        let neighbours = self.zone.at(&key.host).iter();
        let mut neighbours =
            neighbours.filter(|set| set.rtype().is_address() && set.key.set_id == key.set_id);
        neighbours.find_map(|set| {
            let ownership = self.look_up(&key.host, set.rtype(), key);
            let reason = match ownership.standing {
                Standing::Us => return None,
                Standing::Nobody => Reason::Unowned { found: set.to_string() },
                Standing::Other(owner) => Reason::OwnedBy { owner, in_sync: false },
                Standing::Unreadable(at) => Reason::OwnershipUnreadable { at },
            };
            Some(self.in_place_of_txt(&ownership.place.name).unwrap_or(reason))
        })
    }

    /// Whether the TXT of a record that is in the zone at `host` belongs at `name`.
    pub(super) fn is_owned_at(&self, host: &Name, name: &Name) -> bool {
        let addresses = self.zone.at(host).iter().filter(|set| set.rtype().is_address());
        let mut types = addresses.map(RecordSet::rtype);
        types.any(|rtype| self.settings.naming.place(self.zone.apex(), host, rtype).name == *name)
    }
}
