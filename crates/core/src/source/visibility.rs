//! Resources that cannot be read, and objects that may exist without our knowledge.

use std::collections::BTreeSet;

use super::{ObjectRef, Resource, ResourceRef, Scope};

/// The resources that cannot be read: all of some sorts, and single ones.
///
/// An object that cannot be read may claim any hostname. So a hostname whose ownership record names it stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Visibility {
    /// The scopes that are read. Empty if they are not known: then all are read.
    read: BTreeSet<Scope>,
    /// The scopes that cannot be listed.
    unreadable: BTreeSet<Scope>,
    /// Resources that exist and cannot be decoded, if no earlier version of them is known.
    undecodable: BTreeSet<ResourceRef>,
    /// Those of them that are objects.
    objects: BTreeSet<ObjectRef>,
}

// === impl Visibility ===

impl Visibility {
    /// Notes that a scope is read. Resources outside the noted scopes count as unreadable.
    pub fn add_read(&mut self, scope: &Scope) {
        self.read.insert(scope.clone());
    }

    /// Notes whether a scope can be listed. Returns whether that is news.
    pub fn set_readable(&mut self, scope: &Scope, is_readable: bool) -> bool {
        if is_readable { self.unreadable.remove(scope) } else { self.unreadable.insert(scope.clone()) }
    }

    /// Notes whether a resource exists that cannot be decoded. Returns whether that is news.
    pub fn set_undecodable(&mut self, resource: &ResourceRef, is_undecodable: bool) -> bool {
        if is_undecodable {
            self.objects.extend(resource.object());
            self.undecodable.insert(resource.clone())
        } else {
            // Nearly all resources were never undecodable.
            let is_news = self.undecodable.remove(resource);
            if is_news && let Some(object) = resource.object() {
                self.objects.remove(&object);
            }
            is_news
        }
    }

    /// The scopes that cannot be listed.
    pub fn unlistable(&self) -> impl Iterator<Item = &Scope> {
        self.unreadable.iter()
    }

    /// The resources that exist and cannot be decoded.
    pub fn undecodable(&self) -> impl Iterator<Item = &ResourceRef> {
        self.undecodable.iter()
    }

    /// Whether a resource exists and cannot be decoded.
    pub(super) fn is_undecodable(&self, resource: &ResourceRef) -> bool {
        self.undecodable.contains(resource)
    }

    /// Whether a namespace has a resource of a sort that cannot be decoded.
    pub(super) fn has_undecodable(&self, resource: Resource, namespace: &str) -> bool {
        let mut from = self.undecodable.range(ResourceRef::new(resource, namespace, "")..);
        from.next().is_some_and(|first| (first.resource(), first.namespace()) == (resource, namespace))
    }

    /// Whether the resources of a sort cannot be listed in a namespace, or are not read there.
    pub(super) fn is_unreadable(&self, resource: Resource, namespace: &str) -> bool {
        let has = |scopes: &BTreeSet<Scope>| scopes.iter().any(|scope| scope.has(resource, namespace));
        has(&self.unreadable) || !(self.read.is_empty() || has(&self.read))
    }

    /// Whether an object may exist without our knowledge: it, or its kind, cannot be read. If only a resource that it looks
    /// up cannot be read, the object is known, and its facts say so.
    pub(crate) fn may_exist_unseen(&self, object: &ObjectRef) -> bool {
        self.objects.contains(object) || self.unreadable.iter().any(|scope| scope.has_object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(resource: Resource, namespace: Option<&str>) -> Scope {
        Scope { resource, namespace: namespace.map(str::to_owned) }
    }

    #[test]
    fn an_object_may_exist_unseen_if_its_kind_cannot_be_listed_in_its_namespace() {
        let mut visibility = Visibility::default();
        visibility.set_readable(&scope(Resource::INGRESS, Some("shop")), false);
        let objects = ["ingress/shop/web", "ingress/blog/web", "service/shop/web"];
        let unseen = |visibility: &Visibility| {
            objects.map(|label| visibility.may_exist_unseen(&ObjectRef::from_resource_label(label)))
        };
        assert_eq!(unseen(&visibility), [true, false, false]);
        visibility.set_readable(&scope(Resource::SERVICE, None), false);
        assert_eq!(unseen(&visibility), [true, false, true]);
        visibility.set_readable(&scope(Resource::INGRESS, Some("shop")), true);
        assert_eq!(unseen(&visibility), [false, false, true]);
    }

    #[test]
    fn an_object_does_not_exist_unseen_because_of_a_resource_that_it_looks_up() {
        let mut visibility = Visibility::default();
        visibility.set_readable(&scope(Resource::POD, None), false);
        let object = ObjectRef::from_resource_label("service/shop/web");
        assert!(!visibility.may_exist_unseen(&object));
    }

    #[test]
    fn a_resource_that_is_not_read_is_unreadable() {
        let mut visibility = Visibility::default();
        let unreadable = |visibility: &Visibility| {
            let at = [(Resource::INGRESS, "shop"), (Resource::INGRESS, "blog"), (Resource::SERVICE, "shop")];
            at.map(|(resource, namespace)| visibility.is_unreadable(resource, namespace))
        };
        assert_eq!(unreadable(&visibility), [false; 3]);
        visibility.add_read(&scope(Resource::INGRESS, Some("shop")));
        assert_eq!(unreadable(&visibility), [false, true, true]);
        visibility.add_read(&scope(Resource::SERVICE, None));
        visibility.set_readable(&scope(Resource::INGRESS, Some("shop")), false);
        assert_eq!(unreadable(&visibility), [true, true, false]);
    }
}
