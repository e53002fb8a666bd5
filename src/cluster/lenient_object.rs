//! Objects that may not be readable.

use std::borrow::Cow;

use kube::{Resource, api::ObjectMeta};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// An object of a list or a watch, readable or not.
///
/// If a list were read as a whole, one field of an unexpected type would fail the whole page, and with it the list. So
/// each object of a page is read on its own.
#[derive(Debug, Clone)]
pub struct LenientObject<K> {
    /// The metadata. It names the object even where the rest cannot be read.
    metadata: ObjectMeta,
    /// The object, or why it cannot be read.
    pub object: Result<Box<K>, String>,
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for LenientObject<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let metadata = value.get("metadata").map(metadata).unwrap_or_default();
        let object = serde_json::from_value(value).map(Box::new).map_err(|error| error.to_string());
        Ok(Self { metadata, object })
    }
}

/// Reads the metadata, or at least the fields that name the object.
fn metadata(value: &Value) -> ObjectMeta {
    let text = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    ObjectMeta::deserialize(value).unwrap_or_else(|_| ObjectMeta {
        name: text("name"),
        namespace: text("namespace"),
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        ..ObjectMeta::default()
    })
}

impl<K: Resource> Resource for LenientObject<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dt: &K::DynamicType) -> Cow<'_, str> {
        K::kind(dt)
    }

    fn group(dt: &K::DynamicType) -> Cow<'_, str> {
        K::group(dt)
    }

    fn version(dt: &K::DynamicType) -> Cow<'_, str> {
        K::version(dt)
    }

    fn plural(dt: &K::DynamicType) -> Cow<'_, str> {
        K::plural(dt)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
