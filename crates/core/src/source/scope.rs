//! Scopes: the resources that are listed together.

use super::{ObjectRef, Resource, ResourceRef};

/// Resources that are listed together: one sort, in one namespace or in all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The sort of resource.
    pub resource: Resource,
    /// Their namespace; `None` is all namespaces.
    pub namespace: Option<String>,
}

// === impl Scope ===

impl Scope {
    /// Whether a resource is listed with this scope.
    pub fn covers(&self, resource: &ResourceRef) -> bool {
        self.has(resource.resource(), resource.namespace())
    }

    /// The reference to an object as a resource of this scope, if it is listed with this scope.
    pub fn resource_ref(&self, object: &ObjectRef) -> Option<ResourceRef> {
        self.has_object(object).then(|| ResourceRef::new(self.resource, object.namespace(), object.name()))
    }

    /// Whether an object is listed with this scope.
    pub(super) fn has_object(&self, object: &ObjectRef) -> bool {
        self.resource.kind().as_ref() == Some(object.kind()) && self.is_in_namespace(object.namespace())
    }

    /// Whether it has the resources of a sort in a namespace.
    pub(super) fn has(&self, resource: Resource, namespace: &str) -> bool {
        self.resource == resource && self.is_in_namespace(namespace)
    }

    fn is_in_namespace(&self, namespace: &str) -> bool {
        self.namespace.as_deref().is_none_or(|of| of == namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Kind;

    #[test]
    fn a_scope_covers_the_resources_of_its_sort_and_namespace() {
        let scope = |namespace: Option<&str>| Scope {
            resource: Resource::INGRESS,
            namespace: namespace.map(str::to_owned),
        };
        let (shop, all) = (scope(Some("shop")), scope(None));
        for (resource, namespace, in_shop, in_all) in [
            (Resource::INGRESS, "shop", true, true),
            (Resource::INGRESS, "blog", false, true),
            (Resource::SERVICE, "shop", false, false),
            (Resource::SERVICE, "blog", false, false),
        ] {
            let resource = ResourceRef::new(resource, namespace, "web");
            assert_eq!((shop.covers(&resource), all.covers(&resource)), (in_shop, in_all), "{resource}");
            let object = resource.object().unwrap();
            let expected = |is_in| if is_in { Some(resource.clone()) } else { None };
            assert_eq!(shop.resource_ref(&object), expected(in_shop));
            assert_eq!(all.resource_ref(&object), expected(in_all));
        }
        let other = ObjectRef::new(Kind::from_label("route"), "shop", "web");
        assert_eq!(all.resource_ref(&other), None);
    }
}
