//! Change batches for people: they resolve conflicts with the zone, or remove stale records. zonekeeper never runs them.

use std::collections::BTreeSet;

use super::{
    HandChange, Reason, Stale, View, Weight,
    desired::Desired,
    ownership::{Owner, can_be_owned},
};
use crate::{
    dns::{Name, RecordSet, RecordType},
    source::Claim,
};

// === impl HandChange ===

impl HandChange {
    /// Deletes stale sets and their ownership records, in batches that Route 53 accepts. A set and its ownership records
    /// are always in one batch.
    pub fn removal<'s>(stale: impl IntoIterator<Item = &'s Stale>) -> Vec<Vec<Self>> {
        let mut batches: Vec<Vec<Self>> = Vec::new();
        let (mut full, mut gone) = (Weight::default(), BTreeSet::new());
        for Stale { set, txts, .. } in stale {
            let sets: Vec<&RecordSet> =
                [set].into_iter().chain(txts).filter(|set| gone.insert(&set.key)).collect();
            let mut weight = Weight::default();
            for set in &sets {
                weight += Weight::of_set(set);
            }
            full += weight;
            if batches.is_empty() || !full.fits_a_batch() {
                batches.push(Vec::new());
                full = weight;
            }
            if let Some(batch) = batches.last_mut() {
                batch.extend(sets.into_iter().cloned().map(Self::Delete));
            }
        }
        batches
    }
}

/// The batch that resolves `reason`.
///
/// - If only ownership is missing, it creates the ownership record. The next plan changes the record.
/// - If other records exclude the record, it deletes them with their ownership records, and creates the wanted ones.
/// - If another record is in the place of an ownership record, it deletes that record only.
///
/// It never deletes a record that another claimed hostname needs.
pub(super) fn of(view: &View<'_>, holder: &Claim, desired: &Desired, reason: &Reason) -> Vec<HandChange> {
    let host = &holder.endpoint.key.host;
    match reason {
        Reason::Unowned { .. } | Reason::OwnedBy { .. } | Reason::OwnershipUnreadable { .. } => {
            state_ownership(view, holder, desired)
        }
        Reason::TypeConflict { is_needed: true, .. } | Reason::RoutingConflict { is_needed: true, .. } => {
            Vec::new()
        }
        Reason::TypeConflict { at, .. } if at != host => make_room(view, at),
        Reason::TypeConflict { .. } | Reason::RoutingConflict { .. } => replace(view, holder, desired),
        _ => Vec::new(),
    }
}

/// The ownership records with which the records of a key become ours.
pub(super) fn state_ownership(view: &View<'_>, holder: &Claim, desired: &Desired) -> Vec<HandChange> {
    let key = &holder.endpoint.key;
    let mut batch = Vec::new();
    let there = view.zone.at(&key.host).iter();
    let beside = there
        .filter(|set| set.rtype().is_address() && set.key.set_id == key.set_id && !desired.has(set.rtype()));
    for set in desired.sets.iter().chain(beside) {
        let ownership = view.look_up(&key.host, set.rtype(), key);
        // Another record in the place of the ownership record is a conflict of its own.
        if ownership.owner == Owner::Us || view.in_place_of_txt(&ownership.place.name).is_some() {
            continue;
        }
        let txt = view.txt(holder, set, &ownership);
        batch.extend(excluding(view, &txt).map(HandChange::Delete));
        batch.push(HandChange::Create(txt));
    }
    batch
}

/// The TXTs that exclude an ownership record.
fn excluding(view: &View<'_>, txt: &RecordSet) -> impl Iterator<Item = RecordSet> {
    let excludes = |found: &&RecordSet| {
        *found.rtype() == RecordType::Txt && (found.key == txt.key || !found.can_be_beside(txt))
    };
    view.zone.at(txt.name()).iter().filter(excludes).cloned()
}

/// Deletes the CNAMEs in the place of an ownership record, with their own ownership records.
fn make_room(view: &View<'_>, at: &Name) -> Vec<HandChange> {
    let cnames = view.zone.at(at).iter().filter(|set| *set.rtype() == RecordType::Cname);
    cnames
        .flat_map(|set| [set.clone()].into_iter().chain(ownership_record(view, set)))
        .map(HandChange::Delete)
        .collect()
}

/// The TXT in the place of a set's ownership record, if it can be deleted.
fn ownership_record(view: &View<'_>, set: &RecordSet) -> Option<RecordSet> {
    let (settings, set_id) = (view.settings, set.key.set_id.as_ref());
    let found = settings.naming.look_up(view.zone, &settings.owner, set.name(), set.rtype(), set_id);
    found.txt.filter(|txt| !txt.is_of_traffic_policy()).cloned()
}

fn replace(view: &View<'_>, holder: &Claim, desired: &Desired) -> Vec<HandChange> {
    let (zone, key) = (view.zone, &holder.endpoint.key);
    let mut gone: Vec<RecordSet> = Vec::new();
    let mut wanted: Vec<RecordSet> = Vec::new();
    for set in zone.at(&key.host) {
        let is_beside = |wanted: &RecordSet| wanted.key != set.key && wanted.can_be_beside(set);
        if !desired.sets.iter().all(is_beside) {
            gone.push(set.clone());
            if can_be_owned(set) {
                gone.extend(ownership_record(view, set));
            }
        }
    }
    for set in &desired.sets {
        let ownership = view.look_up(&key.host, set.rtype(), key);
        let txt = view.txt(holder, set, &ownership);
        gone.extend(excluding(view, &txt));
        wanted.extend([set.clone(), txt]);
    }
    gone.sort_by(|a, b| a.key.cmp(&b.key));
    gone.dedup_by(|a, b| a.key == b.key);
    // Sets that are already right stay.
    let kept: Vec<RecordSet> = gone.iter().filter(|set| wanted.contains(set)).cloned().collect();
    gone.retain(|set| !kept.contains(set));
    wanted.retain(|set| !kept.contains(set));
    gone.into_iter().map(HandChange::Delete).chain(wanted.into_iter().map(HandChange::Create)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Data, Ttl, Values};

    #[test]
    fn a_removal_takes_as_few_batches_as_route_53_accepts() {
        let set = |name: String, rtype, value: &str| {
            let data = Data::Values { ttl: Ttl::DEFAULT, values: Values::from_iter([value.into()]) };
            RecordSet::simple(Name::from_hostname(&name).unwrap(), rtype, data)
        };
        let stale: Vec<Stale> = (0..501)
            .map(|n| Stale {
                set: set(format!("w{n}.example.com"), RecordType::A, "192.0.2.1"),
                txts: vec![set(format!("a-w{n}.example.com"), RecordType::Txt, "\"ours\"")],
                was_for: None,
                named_by: None,
                is_filtered: false,
                target_of: None,
                beside: None,
            })
            .collect();
        let sizes =
            |count: usize| HandChange::removal(&stale[..count]).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!((sizes(0), sizes(500), sizes(501)), (vec![], vec![1_000], vec![1_000, 2]));
    }
}
