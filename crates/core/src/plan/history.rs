//! The history: earlier observations on which a plan depends, besides the objects and the zone.
//!
//! Here it is a value. The keeper decides when it changes and how long it holds (`keeper/planner/`).

use std::collections::BTreeMap;

use super::{desired::Desired, digest::Encoder};
use crate::{
    dns::{Name, RecordType},
    source::{ClaimKey, ObjectRef, entries_at},
};

/// Earlier observations. With an empty history, the zone and the objects decide alone.
#[derive(Debug, Clone, Default)]
pub struct History {
    holders: BTreeMap<ClaimKey, HolderHistory>,
    /// The keys whose records were right and ours.
    ours: BTreeMap<ClaimKey, Right>,
}

/// When the records of a key were right and ours.
#[derive(Debug, Clone)]
struct Right {
    /// The holder at that time.
    holder: ObjectRef,
    /// Its wish, if nothing else was wanted since.
    wish: Option<WishDigest>,
}

/// Earlier observations of the objects that held a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HolderHistory {
    /// The object that the ownership record names, if it was seen with a claim on the key. The ownership records that name
    /// it are rewritten when another object follows.
    pub last: Option<ObjectRef>,
    /// Whether that object has been gone for so long that objects of other namespaces may follow.
    pub vacancy_is_over: bool,
    /// Whether the holder has had no target for so long that objects of its namespace may follow.
    pub may_yield: bool,
}

/// A key whose records are right and ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InSync {
    /// The key.
    pub key: ClaimKey,
    /// Its holder.
    pub holder: ObjectRef,
    /// The wish of its holder.
    pub wish: WishDigest,
}

/// A digest of what a key's claim asks for: equal digests mean equal record sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WishDigest {
    hash: [u8; 16],
    is_merged: bool,
}

// === impl History ===

impl History {
    /// The observations of the holders of a key.
    pub fn holder(&self, key: &ClaimKey) -> HolderHistory {
        self.holders.get(key).cloned().unwrap_or_default()
    }

    /// The keys of a hostname whose holders were observed.
    pub fn held_at<'h>(&'h self, host: &'h Name) -> impl Iterator<Item = &'h ClaimKey> {
        entries_at(&self.holders, host).map(|(key, _)| key)
    }

    /// Takes new observations of the holders of a key. Returns whether they are news.
    pub fn set_holder(&mut self, key: &ClaimKey, holder: HolderHistory) -> bool {
        let is_news = self.holder(key) != holder;
        if holder == HolderHistory::default() {
            self.holders.remove(key);
        } else {
            self.holders.insert(key.clone(), holder);
        }
        is_news
    }

    /// The wish for which a key's records were right and ours, if nothing else was wanted since.
    pub fn right_wish(&self, key: &ClaimKey) -> Option<WishDigest> {
        self.ours.get(key).and_then(|right| right.wish)
    }

    /// Whether a key's records were right and ours at any time, for any wish.
    pub fn was_right(&self, key: &ClaimKey) -> bool {
        self.ours.contains_key(key)
    }

    /// The keys of a hostname whose records were right and ours at any time.
    pub fn right_at<'p>(&'p self, host: &'p Name) -> impl Iterator<Item = &'p ClaimKey> {
        entries_at(&self.ours, host).map(|(key, _)| key)
    }

    /// Notes that something else is wanted than the records that were right.
    pub fn wish_changed(&mut self, key: &ClaimKey) {
        if let Some(right) = self.ours.get_mut(key) {
            right.wish = None;
        }
    }

    /// The object for which a record of a hostname was right and ours last.
    pub fn last_right_holder(&self, host: &Name) -> Option<&ObjectRef> {
        let key = self.right_at(host).next()?;
        self.ours.get(key).map(|right| &right.holder)
    }

    /// Notes that the records of a key are right and ours.
    pub fn set_right(&mut self, InSync { key, holder, wish }: InSync) {
        self.ours.insert(key, Right { holder, wish: Some(wish) });
    }

    /// Forgets a key that no object claims any more.
    pub fn forget_right(&mut self, key: &ClaimKey) {
        self.ours.remove(key);
    }
}

// === impl WishDigest ===

impl WishDigest {
    pub(super) fn of(desired: &Desired) -> Self {
        let mut encoder = Encoder::new("zonekeeper wish v1");
        encoder.list(&desired.sets, Encoder::record_set);
        let stated: Vec<&RecordType> = desired.stated_ttls.iter().collect();
        encoder.list(&stated, |encoder, rtype| encoder.text(rtype.as_str()));
        Self { hash: encoder.finish(), is_merged: desired.is_merged }
    }

    /// Whether several objects ask for it together.
    pub(super) fn is_merged(self) -> bool {
        self.is_merged
    }
}
