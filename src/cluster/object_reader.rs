//! Reads watched objects into inputs of the keeper.

use std::{collections::BTreeMap, sync::Arc};

use kube::{Resource as _, ResourceExt};
use tracing::warn;
use zonekeeper_core::{
    keeper::Input,
    source::{Received, Resource, ResourceRef, Rules},
};

use super::lenient_object::LenientObject;

/// The requirements on a kind that is watched. It can be namespaced or cluster-scoped.
pub(super) trait Watched:
    kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static
{
}

impl<K> Watched for K where
    K: kube::Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + 'static
{
}

/// Reads the objects of one scope into inputs.
pub(super) struct ObjectReader<K> {
    resource: Resource,
    rules: Arc<Rules>,
    receive: fn(Box<K>) -> Received,
    /// The objects that cannot be read, with the error. Each error is logged once.
    unreadable: BTreeMap<ResourceRef, String>,
    /// During a list: those that it has not shown yet.
    unseen: BTreeMap<ResourceRef, String>,
}

// === impl ObjectReader ===

impl<K: Watched> ObjectReader<K> {
    pub fn new(resource: Resource, rules: Arc<Rules>, receive: fn(Box<K>) -> Received) -> Self {
        Self { resource, rules, receive, unreadable: BTreeMap::new(), unseen: BTreeMap::new() }
    }

    /// Begins a list of the scope.
    pub fn begin_list(&mut self) {
        self.unseen.append(&mut self.unreadable);
    }

    /// Ends a list of the scope. Objects that it did not show are gone.
    pub fn end_list(&mut self) {
        self.unseen.clear();
    }

    /// Reads an object as it is now.
    pub fn read(&mut self, object: LenientObject<K>) -> Option<Input> {
        let id = self.id(&object)?;
        match object {
            LenientObject::Readable(object) => {
                self.forget(&id);
                Some(Input::Resource { resource: id, reduced: (self.receive)(object).reduce(&self.rules) })
            }
            LenientObject::Unreadable { error, .. } => {
                let known = self.unseen.remove(&id).or_else(|| self.unreadable.remove(&id));
                self.unreadable.insert(id.clone(), error.clone());
                if known.as_ref() != Some(&error) {
                    warn!(object = %id, error, "an object cannot be read; its records stay as they are");
                }
                Some(Input::Undecodable { resource: id })
            }
        }
    }

    /// Reads the deletion of an object.
    pub fn delete(&mut self, object: &LenientObject<K>) -> Option<Input> {
        let id = self.id(object)?;
        self.forget(&id);
        Some(Input::Resource { resource: id, reduced: None })
    }

    fn forget(&mut self, id: &ResourceRef) {
        self.unreadable.remove(id);
        self.unseen.remove(id);
    }

    /// Names an object; `None` for one without a name, which no API server sends. A cluster-scoped object has no namespace.
    fn id(&self, object: &LenientObject<K>) -> Option<ResourceRef> {
        let namespace = object.namespace().unwrap_or_default();
        Some(ResourceRef::new(self.resource, &namespace, object.meta().name.as_deref()?))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_forgets_the_unreadable_objects_that_it_does_not_show() {
        let nodes = Resource::NODE;
        let mut reader =
            ObjectReader::<Node>::new(nodes, Arc::default(), |_| unreachable!("none of them is readable"));
        let mut list = |names: &[&str]| {
            reader.begin_list();
            for name in names {
                let object = json!({"metadata": {"name": name}, "spec": "no spec"});
                let input = reader.read(serde_json::from_value(object).unwrap());
                assert!(matches!(input, Some(Input::Undecodable { .. })), "{input:?}");
            }
            reader.end_list();
            let known = reader.unreadable.keys().map(ToString::to_string).collect::<Vec<_>>();
            (known, reader.unseen.len())
        };
        assert_eq!(list(&["a", "b"]), (vec!["Node/a".to_owned(), "Node/b".to_owned()], 0));
        assert_eq!(list(&["b"]), (vec!["Node/b".to_owned()], 0));
    }
}
