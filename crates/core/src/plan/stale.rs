//! Stale record sets: leftovers and orphans.

use std::collections::{BTreeMap, BTreeSet};

use super::{View, ownership::Owner};
use crate::{
    dns::{Name, RecordSet, SetKey, Zone},
    source::{ClaimKey, ObjectRef},
};

/// An owned record set that no object wants. It is reported, never deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// The record set.
    pub set: RecordSet,
    /// Its ownership records: the deciding one, and those at legacy names that would decide without it.
    pub txts: Vec<RecordSet>,
    /// The object that the ownership record names.
    pub was_for: Option<ObjectRef>,
    /// An object that has the hostname, although the flags leave it out. Only a whole plan sets it.
    pub named_by: Option<ObjectRef>,
    /// Whether the domain filter leaves out the hostname. Only a whole plan sets it.
    pub is_filtered: bool,
    /// A CNAME or an alias of the zone that leads to the hostname and is not stale itself. Only a whole plan sets it.
    pub target_of: Option<SetKey>,
    /// The holder of the hostname. None for an orphan.
    pub beside: Option<ObjectRef>,
}

// === impl Stale ===

impl Stale {
    /// Notes which of the stale sets are targets of a record that stays. Without its target, that record would have no answer.
    pub(super) fn note_targets(all: &mut [&mut Self], zone: &Zone) {
        // Nearly no zone has stale sets.
        if all.is_empty() {
            return;
        }
        let mut leading: BTreeMap<Name, Vec<SetKey>> = BTreeMap::new();
        for set in zone.sets() {
            if let Some(target) = zone.target(set) {
                leading.entry(target).or_default().push(set.key.clone());
            }
        }
        let mut goes: BTreeSet<SetKey> = all.iter().map(|stale| stale.set.key.clone()).collect();
        // A stale set that stays keeps its own target too.
        loop {
            let before = goes.len();
            for stale in all.iter_mut().filter(|stale| stale.target_of.is_none()) {
                let mut leading = leading.get(stale.set.name()).into_iter().flatten();
                if let Some(from) = leading.find(|from| !goes.contains(from)) {
                    stale.target_of = Some(from.clone());
                    goes.remove(&stale.set.key);
                }
            }
            if goes.len() == before {
                return;
            }
        }
    }
}

// === impl View ===

impl View<'_> {
    /// The number of record sets of the zone that are ours, without ownership records.
    pub fn owned_sets_of_zone(&self) -> usize {
        let names = self.zone.names_from(self.zone.apex()).map(|(name, _)| name);
        names.map(|name| self.owned_sets(name, |_| true).count()).sum()
    }

    pub(super) fn has_owned_set(&self, host: &Name) -> bool {
        self.owned_sets(host, |_| true).next().is_some()
    }

    /// Whether the zone holds a set of ours at a hostname with the key's set identifier.
    pub(super) fn has_owned_set_of(&self, key: &ClaimKey) -> bool {
        self.owned_sets(&key.host, |set| set.key.set_id == key.set_id).next().is_some()
    }

    /// The owned sets at a hostname that no object wants. `among` selects the sets to look at.
    ///
    /// There are none if an object has the hostname above the limit, nor at a name that stands for `*`: an ownership record
    /// there can be the wildcard's, so the owner of the name is not known.
    pub(super) fn stale_sets(
        &self,
        host: &Name,
        among: impl Fn(&RecordSet) -> bool,
    ) -> impl Iterator<Item = Stale> {
        let is_unknown =
            self.claims.is_above_limit(host) || self.settings.naming.is_wildcard_replacement(host);
        let may_be_wanted = move |stale: &Stale| {
            let object = stale.was_for.as_ref();
            is_unknown || object.is_some_and(|it| self.claims.may_claim_unseen(it, stale.set.name()))
        };
        self.owned_sets(host, among).filter(move |stale| !may_be_wanted(stale))
    }

    /// The sets at a hostname that are ours. `among` selects the sets to look at.
    pub(super) fn owned_sets(
        &self,
        host: &Name,
        among: impl Fn(&RecordSet) -> bool,
    ) -> impl Iterator<Item = Stale> {
        // A set of a traffic policy is never ours, even if an ownership record says so.
        let can_be_ours =
            move |set: &&RecordSet| self.can_be_wanted(set) && !set.is_of_traffic_policy() && among(set);
        self.zone.at(host).iter().filter(can_be_ours).filter_map(|set| {
            let set_id = set.key.set_id.as_ref();
            let settings = self.settings;
            let found = settings.naming.look_up(self.zone, &settings.owner, set.name(), set.rtype(), set_id);
            let stale = || {
                let older = settings.naming.older(self.zone, set.name(), set.rtype(), set_id);
                let ours = older
                    .filter_map(|(_, said)| said)
                    .filter(|(_, said)| said.owner == settings.owner.as_str());
                let txts = found.txt.into_iter().chain(ours.map(|(txt, _)| txt)).cloned().collect();
                let (set, was_for) = (set.clone(), found.object.clone());
                Stale {
                    set,
                    txts,
                    was_for,
                    named_by: None,
                    is_filtered: false,
                    target_of: None,
                    beside: None,
                }
            };
            (found.owner == Owner::Us).then(stale)
        })
    }
}
