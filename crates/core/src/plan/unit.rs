//! Units: the changes of one key, which travel together.

use std::{collections::BTreeSet, sync::Arc};

use arcstr::ArcStr;

use super::{Change, Move, Role, UnitDigest, WishDigest, digest::Encoder};
use crate::{
    dns::{Alias, Data, Name, RecordSet, Routing, SetId},
    source::{Claim, ClaimKey, ObjectRef},
};

/// All changes of one (hostname, set identifier): written together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    key: ClaimKey,
    object: ObjectRef,
    uid: ArcStr,
    changes: Vec<Change>,
    reads: Vec<Name>,
    digest: UnitDigest,
    wish: WishDigest,
    purpose: Purpose,
    /// Whether the object's facts follow pods and nodes.
    is_joined: bool,
    /// The keys of the units that travel in one batch with it, its own among them. None if it travels alone.
    group: Option<Arc<BTreeSet<ClaimKey>>>,
}

/// The purpose of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Purpose {
    /// Publishes the records that an object asks for.
    Publish {
        /// Whether the records were right for the same wish before.
        was_right: bool,
    },
    /// Makes existing records ours. Such a unit holds ownership records only.
    Adopt {
        /// The changes of the records themselves. They follow in another unit.
        then: Vec<Change>,
    },
}

// === impl Unit ===

impl Unit {
    /// A unit that publishes what a claim asks for. `reads` are the names on which the decision depends, and `was_right`
    /// says that the records were right and ours for the same wish.
    pub(super) fn publish(
        claim: &Claim,
        changes: Vec<Change>,
        reads: Vec<Name>,
        wish: WishDigest,
        was_right: bool,
    ) -> Self {
        Self::new(claim, changes, reads, wish, Purpose::Publish { was_right })
    }

    /// A unit that adopts records for a claim; `then` are the changes of the records that follow. None if it would change
    /// anything but ownership records.
    pub(super) fn adopt(
        claim: &Claim,
        changes: Vec<Change>,
        reads: Vec<Name>,
        wish: WishDigest,
        then: Vec<Change>,
    ) -> Option<Self> {
        let is_allowed = changes.iter().all(|change| change.role() == Role::Ownership);
        is_allowed.then(|| Self::new(claim, changes, reads, wish, Purpose::Adopt { then }))
    }

    fn new(
        claim: &Claim,
        changes: Vec<Change>,
        mut reads: Vec<Name>,
        wish: WishDigest,
        purpose: Purpose,
    ) -> Self {
        reads.sort();
        reads.dedup();
        let (key, object) = (claim.endpoint.key.clone(), claim.object().clone());
        let mut encoder = Encoder::new("zonekeeper unit v1");
        encoder.text(key.host.as_str());
        encoder.optional(key.set_id.as_ref().map(SetId::as_str));
        encoder.text(object.kind().label());
        encoder.text(object.namespace());
        encoder.text(object.name());
        encoder.tag(match purpose {
            Purpose::Publish { .. } => 0,
            Purpose::Adopt { .. } => 1,
        });
        encoder.list(&changes, Encoder::change);
        let (uid, digest) = (claim.facts.uid.clone(), UnitDigest::new(encoder));
        let is_joined = claim.facts.is_joined;
        Self { key, object, uid, changes, reads, digest, wish, purpose, is_joined, group: None }
    }

    /// Binds the unit to others: Route 53 accepts them only in one batch.
    pub(super) fn travel_with(&mut self, keys: Arc<BTreeSet<ClaimKey>>) {
        self.group = Some(keys);
    }

    /// Whether the unit is bound to others.
    pub fn is_bound(&self) -> bool {
        self.group.is_some()
    }

    /// The keys of the other units that must be in the same batch.
    pub fn bound_to(&self) -> impl Iterator<Item = &ClaimKey> {
        self.group.iter().flat_map(|group| group.iter()).filter(|key| **key != self.key)
    }

    /// Whether another unit must be in the same batch. A unit is bound to itself.
    pub fn is_bound_to(&self, other: &Self) -> bool {
        self.key == other.key || self.group.as_ref().is_some_and(|group| group.contains(&other.key))
    }

    /// Whether the unit makes existing records ours and changes none of them.
    pub fn is_adoption(&self) -> bool {
        matches!(self.purpose, Purpose::Adopt { .. })
    }

    /// The changes of the records that another unit makes after this adoption.
    pub fn then(&self) -> &[Change] {
        match &self.purpose {
            Purpose::Publish { .. } => &[],
            Purpose::Adopt { then } => then,
        }
    }

    /// The key.
    pub fn key(&self) -> &ClaimKey {
        &self.key
    }

    /// Frees the memory that is reserved for more, and shares equal values.
    pub(super) fn shrink(&mut self) {
        self.changes.shrink_to_fit();
        self.reads.shrink_to_fit();
        // The ownership records of a key mostly have one text.
        let mut newest = ArcStr::new();
        for change in self.changes.iter_mut().filter(|change| change.role() == Role::Ownership) {
            for value in change.after_mut().values_mut() {
                if *value == newest {
                    *value = newest.clone();
                }
                newest = value.clone();
            }
        }
    }

    /// The object whose claim is followed.
    pub fn object(&self) -> &ObjectRef {
        &self.object
    }

    /// That object's uid.
    pub fn uid(&self) -> &ArcStr {
        &self.uid
    }

    /// The changes; never empty.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The names on which the decision depends: the hostname, and those of its ownership records.
    pub fn reads(&self) -> &[Name] {
        &self.reads
    }

    /// The digest.
    pub fn digest(&self) -> UnitDigest {
        self.digest
    }

    /// The wish of the object.
    pub fn wish(&self) -> WishDigest {
        self.wish
    }

    /// The move that the unit makes, if it makes one: a TTL and an ownership record are no move. Neither is another address of a
    /// pod or a node: every rollout moves all of them.
    ///
    /// Changes of routing are one move as long as the targets stay: traffic is often shifted in many steps.
    pub fn moves(&self) -> Option<Move> {
        let mut all: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
        for change in self.changes.iter().filter(|change| change.is_of_record()) {
            if let Change::Replace { before, after, .. } = change
                && !before.answers_like(after)
                && !(self.is_joined && [before, after].iter().all(|set| !set.is_alias()))
            {
                let from_to = (targets(before), targets(after));
                // The aliases for IPv4 and IPv6 have the same target.
                if !all.contains(&from_to) {
                    all.push(from_to);
                }
            }
        }
        if all.is_empty() {
            return None;
        }
        let mut encoder = Encoder::new("zonekeeper move v1");
        encoder.list(&all, |encoder, (from, to)| {
            for targets in [from, to] {
                encoder.list(targets, |encoder, target| encoder.text(target));
                // A place for the routing. It is part of the digest, which does not change between versions.
                encoder.routing(&Routing::Simple);
            }
        });
        Some(Move::new(encoder))
    }

    /// Whether the unit replaces records that follow pods and nodes. Such a change is one of many in a rollout. A repair is not.
    pub fn is_of_rollout(&self) -> bool {
        self.is_joined
            && !self.is_repair()
            && self.changes.iter().any(|change| !change.is_create() && change.is_of_record())
    }

    /// Whether the unit changes a record, not only ownership records.
    pub fn changes_records(&self) -> bool {
        self.changes.iter().any(Change::is_of_record)
    }

    /// Whether the unit restores records that were right and ours for the same wish. It is known when the unit is planned:
    /// a read can show the written records before the answer to the batch arrives.
    pub fn is_repair(&self) -> bool {
        self.purpose == Purpose::Publish { was_right: true } && self.changes_records()
    }

    /// Whether the unit replaces an existing record set.
    pub fn replaces(&self) -> bool {
        self.changes.iter().any(|change| !change.is_create())
    }

    /// Whether the unit needs a fresh read before it is sent.
    ///
    /// Route 53 itself guards a creation. It does not guard a replacement. Neither does it guard a creation that relies on
    /// an existing ownership record, or on an existing record, which can be somebody else's by now.
    pub fn needs_fresh_reads(&self) -> bool {
        let is_pair = |pair: &[Change]| matches!(pair, [record, txt] if record.is_of_record() && txt.role() == Role::Ownership);
        self.replaces() || !self.changes.chunks(2).all(is_pair)
    }
}

/// Where a record set leads.
fn targets(set: &RecordSet) -> Vec<&str> {
    match &set.data {
        Data::Values { values, .. } => values.iter().map(|value| &**value).collect(),
        Data::Alias(Alias { target, .. }) => vec![target.as_str()],
        Data::TrafficPolicy(id) => vec![&**id],
    }
}
