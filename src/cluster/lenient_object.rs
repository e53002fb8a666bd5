//! Objects that may not be readable.

use std::{borrow::Cow, fmt};

use kube::{Resource, api::ObjectMeta};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// The field with the managers of all other fields. It is often larger than the rest of the object, and nobody here reads it.
const MANAGED_FIELDS: &str = "managedFields";

/// An object of a list or a watch, readable or not.
///
/// If a list were read as a whole, one field of an unexpected type would fail the whole page, and with it the list. So
/// each object of a page is read on its own.
#[derive(Debug, Clone)]
pub enum LenientObject<K> {
    /// An object without its managed fields.
    Readable(Box<K>),
    /// An object that cannot be read.
    Unreadable {
        /// The fields that name the object.
        metadata: Box<ObjectMeta>,
        /// Why it cannot be read.
        error: String,
    },
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for LenientObject<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_any(Fields { skipped: None })?;
        let metadata = names(&value);
        Ok(match serde_json::from_value(value) {
            Ok(object) => Self::Readable(object),
            Err(error) => Self::Unreadable { metadata: Box::new(metadata), error: error.to_string() },
        })
    }
}

/// Reads a JSON object without the managed fields in its metadata.
#[derive(Clone, Copy)]
struct Fields {
    /// The field that is not read.
    skipped: Option<&'static str>,
}

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Any other JSON value is read as it is. Only its object or its metadata then fails.
impl<'de> Visitor<'de> for Fields {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if self.skipped == Some(name.as_str()) {
                fields.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = if self.skipped.is_none() && name == "metadata" {
                fields.next_value_seed(Self { skipped: Some(MANAGED_FIELDS) })?
            } else {
                fields.next_value()?
            };
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

/// The metadata that names an object.
fn names(value: &Value) -> ObjectMeta {
    let metadata = value.get("metadata");
    let text = |field: &str| metadata?.get(field)?.as_str().map(str::to_owned);
    ObjectMeta {
        name: text("name"),
        namespace: text("namespace"),
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        ..ObjectMeta::default()
    }
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
        match self {
            Self::Readable(object) => object.meta(),
            Self::Unreadable { metadata, .. } => metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Readable(object) => object.meta_mut(),
            Self::Unreadable { metadata, .. } => metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::networking::v1::Ingress;
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> LenientObject<Ingress> {
        serde_json::from_str(&value.to_string()).unwrap()
    }

    #[test]
    fn managed_fields_are_left_out_and_all_others_are_read() {
        let managed = json!([{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]);
        let mut value = json!({
            "metadata": {"name": "web", "annotations": {"managedFields": "mine"}, "managedFields": managed},
            "spec": {"rules": [{"host": "www.example.com"}]},
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
        });
        let LenientObject::Readable(found) = read(&value) else { panic!("it is readable") };
        value["metadata"].as_object_mut().unwrap().remove("managedFields");
        assert_eq!(*found, serde_json::from_value(value).unwrap());
    }

    #[test]
    fn an_object_of_unexpected_types_fails_alone() {
        for metadata in [json!("text"), json!(7), json!(-7), json!(0.5), json!(true), json!(null), json!([1])]
        {
            let found = read(&json!({"metadata": metadata, "spec": {}}));
            assert_eq!(*found.meta(), ObjectMeta::default(), "{metadata}");
            // Metadata can be missing.
            assert_eq!(matches!(found, LenientObject::Readable(_)), metadata.is_null(), "{metadata}");
        }
        let found = read(&json!({"metadata": {"name": "web", "labels": 7}}));
        assert_eq!(found.meta().name.as_deref(), Some("web"));
        assert!(matches!(found, LenientObject::Unreadable { .. }));
    }
}
