//! The root of a template's data: the object.

use std::cell::{Cell, OnceCell};

use serde_json::Value as Json;

use super::{shape::Shape, value::Value};

/// An annotation with a copy of the object, which `kubectl apply` writes.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Most texts that `fromJson` reads in one evaluation.
const MAX_PARSED: usize = 1_000;

/// An object of the cluster as the data of templates.
#[derive(Debug, Clone)]
pub struct Root {
    object: Json,
    source: String,
}

/// The values that `fromJson` has read.
#[derive(Default)]
pub(super) struct Parsed {
    values: OnceCell<Box<[OnceCell<Json>]>>,
    count: Cell<usize>,
}

// === impl Root ===

impl Root {
    /// Takes an object as the API server sends it, with `kind` and `apiVersion`, and the source that reads it: `ingress`.
    ///
    /// Like ExternalDNS, it drops what controllers and `kubectl` write for themselves.
    pub fn new(mut object: Json, source: &str) -> Self {
        if let Some(metadata) = object.get_mut("metadata").and_then(Json::as_object_mut) {
            metadata.remove("managedFields");
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Json::as_object_mut) {
                annotations.remove(LAST_APPLIED);
            }
        }
        if object.get("kind").and_then(Json::as_str) == Some("Service")
            && let Some(status) = object.get_mut("status").and_then(Json::as_object_mut)
        {
            status.remove("conditions");
        }
        Self { object, source: source.to_owned() }
    }

    /// The object as a value.
    pub(super) fn value(&self) -> Value<'_> {
        Value::new(Some(&self.object), Shape::Object)
    }

    /// The source that reads the object.
    pub(super) fn source(&self) -> &str {
        &self.source
    }
}

// === impl Parsed ===

impl Parsed {
    /// Keeps a value.
    pub fn keep(&self, json: Json) -> Result<&Json, String> {
        let values = self.values.get_or_init(|| (0..MAX_PARSED).map(|_| OnceCell::new()).collect());
        let at = self.count.replace(self.count.get().saturating_add(1));
        let value =
            values.get(at).ok_or_else(|| format!("it reads at most {MAX_PARSED} texts of one object"))?;
        Ok(value.get_or_init(|| json))
    }
}
