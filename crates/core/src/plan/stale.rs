//! Record sets of ours that nothing asks for.

use super::{View, ownership::Owner};
use crate::{
    dns::{Name, RecordSet},
    source::{ClaimKey, ObjectRef},
};

/// An owned record set that nothing asks for. It is reported, never deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// The set.
    pub set: RecordSet,
    /// The TXTs that say that it is ours: the one that decides, and any older one that would without it.
    pub txts: Vec<RecordSet>,
    /// The object that its ownership record names.
    pub was_for: Option<ObjectRef>,
    /// An object that names the hostname and is not selected, so that it asks for nothing; known in a whole plan.
    pub named_by: Option<ObjectRef>,
    /// The object beside whose record sets it is; none where nothing is asked for at its hostname.
    pub beside: Option<ObjectRef>,
}

impl View<'_> {
    pub(super) fn has_owned_set(&self, host: &Name) -> bool {
        self.owned_sets(host).next().is_some()
    }

    /// Whether the zone holds a set of ours at a hostname with the key's set identifier.
    pub(super) fn has_owned_set_of(&self, key: &ClaimKey) -> bool {
        self.owned_sets(&key.host).any(|owned| owned.set.key.set_id == key.set_id)
    }

    /// Those of our sets at a hostname whose objects have been seen if they are there.
    pub(super) fn stale_sets(&self, host: &Name) -> impl Iterator<Item = Stale> {
        let may_be_wanted =
            |stale: &Stale| stale.was_for.as_ref().is_some_and(|it| self.claims.may_claim_unseen(it));
        self.owned_sets(host).filter(move |stale| !may_be_wanted(stale))
    }

    fn owned_sets(&self, host: &Name) -> impl Iterator<Item = Stale> {
        // What a traffic policy manages is not ours, whatever a TXT says.
        let sets =
            self.zone.at(host).iter().filter(|set| set.rtype().is_address() && !set.is_of_traffic_policy());
        sets.filter_map(|set| {
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
                Stale { set, txts, was_for, named_by: None, beside: None }
            };
            (found.owner == Owner::Us).then(stale)
        })
    }
}
