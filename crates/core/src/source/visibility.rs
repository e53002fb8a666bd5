//! Objects that may exist without our knowledge.

use std::collections::BTreeSet;

use super::{Kind, ObjectRef};

/// The objects that cannot be read: all objects of some kinds, and single objects.
///
/// Such an object may claim any hostname. So a hostname whose ownership record names it stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Visibility {
    /// Kinds that cannot be listed, in one namespace or in all.
    unreadable: BTreeSet<(Kind, Option<String>)>,
    /// Objects that exist and cannot be decoded.
    undecodable: BTreeSet<ObjectRef>,
}

// === impl Visibility ===

impl Visibility {
    /// Notes whether the objects of a kind can be listed, in one namespace or in all. Returns whether that is news.
    pub fn set_readable(&mut self, kind: &Kind, namespace: Option<&str>, is_readable: bool) -> bool {
        let scope = (kind.clone(), namespace.map(str::to_owned));
        if is_readable { self.unreadable.remove(&scope) } else { self.unreadable.insert(scope) }
    }

    /// Notes whether an object exists that cannot be decoded. Returns whether that is news.
    pub fn set_undecodable(&mut self, object: &ObjectRef, is_undecodable: bool) -> bool {
        if is_undecodable { self.undecodable.insert(object.clone()) } else { self.undecodable.remove(object) }
    }

    /// The objects that exist and cannot be decoded.
    pub fn undecodable(&self) -> impl Iterator<Item = &ObjectRef> {
        self.undecodable.iter()
    }

    /// Whether an object may exist without our knowledge.
    pub(crate) fn may_exist_unseen(&self, object: &ObjectRef) -> bool {
        self.undecodable.contains(object)
            || self.unreadable.iter().any(|(kind, within)| {
                kind == object.kind() && within.as_deref().is_none_or(|within| within == object.namespace())
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_may_exist_unseen_if_its_kind_cannot_be_listed_in_its_namespace() {
        let mut visibility = Visibility::default();
        visibility.set_readable(&Kind::Ingress, Some("shop"), false);
        let objects = ["ingress/shop/web", "ingress/blog/web", "service/shop/web"];
        let unseen = |visibility: &Visibility| {
            objects.map(|label| visibility.may_exist_unseen(&ObjectRef::from_resource_label(label)))
        };
        assert_eq!(unseen(&visibility), [true, false, false]);
        visibility.set_readable(&Kind::Service, None, false);
        assert_eq!(unseen(&visibility), [true, false, true]);
        visibility.set_readable(&Kind::Ingress, Some("shop"), true);
        assert_eq!(unseen(&visibility), [false, false, true]);
    }
}
