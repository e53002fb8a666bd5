//! What a decision rests on besides the objects and the zone as they are: what came before.
//!
//! Here it is a value. When it changes, and for how long it holds, is the keeper's business (`keeper/tenure.rs`,
//! `keeper/drift.rs`).

use std::collections::{BTreeMap, BTreeSet};

use super::{desired::Desired, digest::Encoder};
use crate::{
    dns::Name,
    source::{ClaimKey, Kind, ObjectId},
};

/// What is known of the time before. Without any, the zone and the objects decide alone.
#[derive(Debug, Clone, Default)]
pub struct Past {
    tenures: BTreeMap<ClaimKey, Tenure>,
    /// Keys whose records have been seen right, and ours.
    ours: BTreeMap<ClaimKey, Option<Wish>>,
    /// Kinds, in one namespace or in all, whose objects could not be listed.
    unreadable: BTreeSet<(Kind, Option<String>)>,
    /// Objects that are there and cannot be read.
    hidden: BTreeSet<ObjectId>,
}

/// What is to be considered of the object that the ownership text names, and of the one that the hostname follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tenure {
    /// The one that is named, if we have seen it claim the hostname: if another one follows, the ownership texts that
    /// name it are rewritten.
    pub seen: Option<ObjectId>,
    /// Whether that one has been gone for so long that objects of other namespaces may follow.
    pub is_over: bool,
    /// Whether the one that is followed has had no target for so long that objects of its own namespace may follow.
    pub yields: bool,
}

/// What an object asks for, in short: equal ones ask for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wish {
    hash: [u8; 16],
    is_merged: bool,
}

// === impl Past ===

impl Past {
    /// What is to be considered of the one who has a key.
    pub fn tenure(&self, key: &ClaimKey) -> Tenure {
        self.tenures.get(key).cloned().unwrap_or_default()
    }

    /// Remembers it. Whether that is news.
    pub fn set_tenure(&mut self, key: &ClaimKey, tenure: Tenure) -> bool {
        let is_news = self.tenure(key) != tenure;
        if tenure == Tenure::default() {
            self.tenures.remove(key);
        } else {
            self.tenures.insert(key.clone(), tenure);
        }
        is_news
    }

    /// The wish for which a key's records have been seen right, and ours, if nothing else was asked for since.
    pub fn seen_right(&self, key: &ClaimKey) -> Option<Wish> {
        self.ours.get(key).copied().flatten()
    }

    /// Whether a key's records have been seen right, and ours, whatever was asked for then.
    pub fn was_right(&self, key: &ClaimKey) -> bool {
        self.ours.contains_key(key)
    }

    /// Something else is asked for than what was seen right.
    pub fn wish_changed(&mut self, key: &ClaimKey) {
        if let Some(wish) = self.ours.get_mut(key) {
            *wish = None;
        }
    }

    /// The records of a key are right, and ours.
    pub fn see_right(&mut self, key: ClaimKey, wish: Wish) {
        self.ours.insert(key, Some(wish));
    }

    /// The keys of a hostname whose records have been seen right, and ours.
    pub fn right_at<'p>(&'p self, host: &'p Name) -> impl Iterator<Item = &'p ClaimKey> {
        let first = ClaimKey { host: host.clone(), set_id: None };
        self.ours.range(first..).map(|(key, _)| key).take_while(move |key| key.host == *host)
    }

    /// Nobody asks for a key any more.
    pub fn forget_right(&mut self, key: &ClaimKey) {
        self.ours.remove(key);
    }

    /// The objects of a kind cannot be listed, or can be again. Whether that is news.
    pub fn set_readable(&mut self, kind: &Kind, namespace: Option<&str>, is_readable: bool) -> bool {
        let scope = (kind.clone(), namespace.map(str::to_owned));
        if is_readable { self.unreadable.remove(&scope) } else { self.unreadable.insert(scope) }
    }

    /// An object is there and cannot be read, or can be again, or has gone. Whether that is news.
    pub fn set_hidden(&mut self, object: &ObjectId, is_hidden: bool) -> bool {
        if is_hidden { self.hidden.insert(object.clone()) } else { self.hidden.remove(object) }
    }

    /// The objects that are there and cannot be read.
    pub fn hidden(&self) -> impl Iterator<Item = &ObjectId> {
        self.hidden.iter()
    }

    /// Whether an object may be there unseen.
    pub(crate) fn is_hidden(&self, object: &ObjectId) -> bool {
        self.hidden.contains(object)
            || self.unreadable.iter().any(|(kind, within)| {
                kind == object.kind() && within.as_deref().is_none_or(|within| within == object.namespace())
            })
    }
}

// === impl Wish ===

impl Wish {
    pub(super) fn of(desired: &Desired) -> Self {
        let mut encoder = Encoder::new("zonekeeper wish v1");
        encoder.list(&desired.sets, Encoder::record_set);
        encoder.tag(u8::from(desired.ttl_is_asked_for));
        Self { hash: encoder.finish(), is_merged: desired.is_merged }
    }

    /// Whether several objects ask for it together.
    pub(super) fn is_merged(self) -> bool {
        self.is_merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_there_unseen_is_of_a_kind_and_a_namespace_that_cannot_be_listed() {
        let mut past = Past::default();
        past.set_readable(&Kind::Ingress, Some("shop"), false);
        let objects = ["ingress/shop/web", "ingress/blog/web", "service/shop/web"];
        let hidden = |past: &Past| objects.map(|label| past.is_hidden(&ObjectId::from_resource_label(label)));
        assert_eq!(hidden(&past), [true, false, false]);
        past.set_readable(&Kind::Service, None, false);
        assert_eq!(hidden(&past), [true, false, true]);
        past.set_readable(&Kind::Ingress, Some("shop"), true);
        assert_eq!(hidden(&past), [false, false, true]);
    }
}
