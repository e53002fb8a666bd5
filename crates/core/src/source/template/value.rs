//! The values of an evaluation.

use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::shape::{self, OBJECT_META, Shape, TYPE_META};
use crate::sanitize::quoted;

/// A value in an evaluation.
#[derive(Debug, Clone)]
pub(super) enum Value<'r> {
    /// Nothing, as a missing label. It prints as `<no value>`.
    Missing,
    /// A pointer that is not set. It prints as `<nil>`.
    Unset,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Text<'r>),
    /// A list, a map or a structure.
    Shaped(Shaped<'r>),
    /// A pointer that is set.
    Pointer(Box<Self>),
}

/// A text of the object, or one that a function made.
#[derive(Debug, Clone)]
pub(super) enum Text<'r> {
    Borrowed(&'r str),
    Shared(Rc<str>),
}

/// A part of an object with its shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shaped<'r> {
    pub json: Option<&'r Json>,
    pub shape: Shape,
}

/// The rounds of a range: key and value.
pub(super) type Rounds<'r> = Box<dyn Iterator<Item = (Value<'r>, Value<'r>)> + 'r>;

// === impl Value ===

impl<'r> Value<'r> {
    /// The value of a part of an object. A part that is not set has the empty value of its shape.
    pub fn new(json: Option<&'r Json>, shape: Shape) -> Self {
        match shape {
            Shape::Text => Self::Text(Text::Borrowed(json.and_then(Json::as_str).unwrap_or_default())),
            Shape::Bool => Self::Bool(json.and_then(Json::as_bool).unwrap_or_default()),
            Shape::Int => Self::Int(json.and_then(Json::as_i64).unwrap_or_default()),
            Shape::IntOrText => match json {
                Some(Json::String(text)) => Self::Text(Text::Borrowed(text)),
                json => Self::new(json, Shape::Int),
            },
            Shape::Optional(inner) => match json {
                None | Some(Json::Null) => Self::Unset,
                json => Self::Pointer(Box::new(Self::new(json, *inner))),
            },
            Shape::Object | Shape::Time | Shape::List(_) | Shape::Texts | Shape::Struct(_) => {
                Self::Shaped(Shaped { json, shape })
            }
            Shape::Json | Shape::Parsed => match json {
                None | Some(Json::Null) => Self::Missing,
                Some(Json::Bool(bool)) => Self::Bool(*bool),
                Some(Json::Number(number)) => match (number.as_i64(), shape) {
                    (Some(int), Shape::Json) => Self::Int(int),
                    _ => number.as_f64().map_or(Self::Missing, Self::Float),
                },
                Some(Json::String(text)) => Self::Text(Text::Borrowed(text)),
                Some(Json::Array(_) | Json::Object(_)) => Self::Shaped(Shaped { json, shape }),
            },
        }
    }

    /// A text that a function made.
    pub fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(Text::Shared(text.into()))
    }

    /// The value behind a pointer.
    pub fn pointed(&self) -> &Self {
        match self {
            Self::Pointer(value) => value.pointed(),
            value => value,
        }
    }

    /// Whether it counts as true in a condition.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Missing | Self::Unset => false,
            Self::Bool(bool) => *bool,
            Self::Int(int) => *int != 0,
            Self::Float(float) => *float != 0.0,
            Self::Text(text) => !text.as_str().is_empty(),
            Self::Shaped(shaped) => {
                matches!(shaped.shape, Shape::Object | Shape::Struct(_) | Shape::Time) || shaped.len() > 0
            }
            Self::Pointer(_) => true,
        }
    }

    /// Whether it is nothing, or a list or a map that is not set.
    fn is_nil(&self) -> bool {
        match self {
            Self::Missing | Self::Unset => true,
            Self::Shaped(shaped) => {
                shaped.json.is_none() && matches!(shaped.shape, Shape::List(_) | Shape::Texts)
            }
            _ => false,
        }
    }

    /// What it is, for errors.
    pub fn noun(&self) -> &'static str {
        match self.pointed() {
            Self::Missing | Self::Unset | Self::Pointer(_) => "a value that is not set",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a decimal number",
            Self::Text(_) => "a text",
            Self::Shaped(shaped) => shaped.noun(),
        }
    }

    /// The text.
    pub fn as_text(&self) -> Result<&str, String> {
        match self.pointed() {
            Self::Text(text) => Ok(text.as_str()),
            other => Err(other.unfit("a text")),
        }
    }

    /// The error of an argument that is something else than `needed`.
    pub fn unfit(&self, needed: &str) -> String {
        match self.pointed() {
            Self::Missing | Self::Unset => {
                format!("an argument is not set on this object, and {needed} is needed")
            }
            other => format!("an argument is {}, and {needed} is needed", other.noun()),
        }
    }

    /// A part of the text.
    pub fn narrowed(&self, part: impl Fn(&str) -> &str) -> Result<Self, String> {
        match self.pointed() {
            Self::Text(Text::Shared(text)) => Ok(Self::text(part(text))),
            Self::Text(Text::Borrowed(text)) => Ok(Self::Text(Text::Borrowed(part(text)))),
            other => Err(other.unfit("a text")),
        }
    }

    /// A field.
    pub fn field(&self, name: &str) -> Result<Self, String> {
        match self.pointed() {
            Self::Missing => Ok(Self::Missing),
            Self::Unset => Err(format!("what stands before `.{}` is not set on this object", quoted(name))),
            Self::Shaped(shaped) => shaped.field(name),
            other => Err(format!("{} has no field `{}`", other.noun(), quoted(name))),
        }
    }

    /// The entry of a list at an index, or of a map at a key.
    pub fn entry(&self, key: &Self) -> Result<Self, String> {
        match (self.pointed(), key.pointed()) {
            (Self::Shaped(shaped), key) => shaped.entry(key),
            (Self::Text(text), Self::Int(at)) => {
                let byte = usize::try_from(*at).ok().and_then(|at| text.as_str().as_bytes().get(at));
                byte.map(|byte| Self::Int((*byte).into())).ok_or_else(|| format!("the text has no byte {at}"))
            }
            (other, _) => Err(other.unfit("a list or a map")),
        }
    }

    /// The number of entries of a list or a map, or of bytes of a text.
    pub fn len(&self) -> Result<i64, String> {
        let len = match self.pointed() {
            Self::Text(text) => text.as_str().len(),
            Self::Shaped(shaped) if !matches!(shaped.shape, Shape::Object | Shape::Time) => shaped.len(),
            other => return Err(other.unfit("a list, a map or a text")),
        };
        Ok(i64::try_from(len).unwrap_or(i64::MAX))
    }

    /// Whether a map has a key.
    pub fn has_key(&self, key: &str) -> Result<bool, String> {
        match self.pointed() {
            Self::Missing | Self::Unset => Ok(false),
            Self::Shaped(shaped) if shaped.is_map() => {
                Ok(shaped.object().is_some_and(|map| map.contains_key(key)))
            }
            other => Err(other.unfit("a map")),
        }
    }

    /// Whether two values are equal.
    pub fn equals(&self, other: &Self) -> Result<bool, String> {
        let (first, second) = (self.pointed(), other.pointed());
        Ok(match (first, second) {
            (Self::Bool(first), Self::Bool(second)) => first == second,
            (Self::Int(first), Self::Int(second)) => first == second,
            #[expect(clippy::float_cmp, reason = "as in Go, numbers of JSON texts are equal if all bits are")]
            (Self::Float(first), Self::Float(second)) => first == second,
            (Self::Text(first), Self::Text(second)) => first.as_str() == second.as_str(),
            // A list or a map that the object does not set is `nil` in Go.
            (first, second) if first.is_nil() || second.is_nil() => first.is_nil() && second.is_nil(),
            _ => return Err(format!("{} cannot be compared with {}", first.noun(), second.noun())),
        })
    }

    /// The number of rounds of a range over it, at most.
    pub fn rounds_len(&self) -> usize {
        match self.pointed() {
            Self::Shaped(shaped) => shaped.len(),
            _ => 0,
        }
    }

    /// The rounds of a range over it.
    pub fn rounds(&self) -> Result<Rounds<'r>, String> {
        match self.pointed() {
            Self::Missing => Ok(Box::new(std::iter::empty())),
            Self::Int(count) => Ok(Box::new((0..*count).map(|at| (Self::Int(at), Self::Int(at))))),
            Self::Shaped(shaped) => shaped.rounds(),
            other => Err(format!("a range goes over a list or a map, not over {}", other.noun())),
        }
    }
}

// === impl Text ===

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

// === impl Shaped ===

impl<'r> Shaped<'r> {
    fn object(self) -> Option<&'r Map<String, Json>> {
        self.json.and_then(Json::as_object)
    }

    fn list(self) -> Option<(&'r [Json], Shape)> {
        let items = self.json.and_then(Json::as_array).map(Vec::as_slice);
        match self.shape {
            Shape::List(shape) => Some((items.unwrap_or_default(), *shape)),
            Shape::Json | Shape::Parsed => items.map(|items| (items, self.shape)),
            _ => None,
        }
    }

    pub fn is_map(self) -> bool {
        match self.shape {
            Shape::Texts => true,
            Shape::Json | Shape::Parsed => self.object().is_some(),
            _ => false,
        }
    }

    pub fn noun(self) -> &'static str {
        match self.shape {
            Shape::Time => "a time",
            Shape::Object | Shape::Struct(_) => "an object",
            _ if self.is_map() => "a map",
            _ => "a list",
        }
    }

    pub fn len(self) -> usize {
        let map = || self.object().map_or(0, Map::len);
        self.list().map_or_else(map, |(items, _)| items.len())
    }

    pub fn field(self, name: &str) -> Result<Value<'r>, String> {
        let set = self.object().and_then(|object| object.get(name));
        match self.shape {
            Shape::Object => field_of_object(self.json, name),
            Shape::Struct(of) => match (of.field(name), set) {
                (Some(shape), _) => {
                    let json = self.object().and_then(|object| object.get(&shape::json_name(name)));
                    Ok(Value::new(json, shape))
                }
                (None, Some(json)) => Ok(Value::new(Some(json), Shape::Json)),
                (None, None) => Err(match of.similar(name) {
                    Some(field) if shape::json_name(field) == name => {
                        format!("the object does not set `{name}`; `{field}` would be empty")
                    }
                    Some(field) => format!("{} has no field `{name}`; write `{field}`", of.name),
                    None => format!("{} has no field `{}`", of.name, quoted(name)),
                }),
            },
            Shape::Texts if set.is_some() => Ok(Value::new(set, Shape::Text)),
            Shape::Texts => Ok(Value::Missing),
            Shape::Parsed if self.is_map() => Ok(Value::new(set, self.shape)),
            Shape::Json if set.is_some() => Ok(Value::new(set, self.shape)),
            Shape::Json if self.is_map() => Err(format!("the object does not set `{}`", quoted(name))),
            Shape::Time => Err("times cannot be read".to_owned()),
            _ => Err("a list has no fields; use `index` or `range`".to_owned()),
        }
    }

    fn entry(self, key: &Value<'r>) -> Result<Value<'r>, String> {
        match (self.list(), key) {
            (Some((items, shape)), Value::Int(at)) => {
                let item = usize::try_from(*at).ok().and_then(|at| items.get(at));
                let item =
                    item.ok_or_else(|| format!("the list has no entry {at}; it has {}", items.len()))?;
                Ok(Value::new(Some(item), shape))
            }
            (Some(_), key) => Err(key.unfit("a whole number")),
            (None, Value::Text(key)) => {
                let set = self.object().and_then(|object| object.get(key.as_str()));
                match self.shape {
                    Shape::Texts => Ok(Value::new(set, Shape::Text)),
                    Shape::Json | Shape::Struct(_) => Ok(Value::new(set, Shape::Json)),
                    Shape::Parsed => Ok(Value::new(set, Shape::Parsed)),
                    _ => Err(Value::Shaped(self).unfit("a list or a map")),
                }
            }
            (None, key) => Err(key.unfit("a text")),
        }
    }

    fn rounds(self) -> Result<Rounds<'r>, String> {
        if let Some((items, shape)) = self.list() {
            let items = items.iter().map(move |item| Value::new(Some(item), shape));
            return Ok(Box::new((0..).map(Value::Int).zip(items)));
        }
        let shape = match self.shape {
            Shape::Texts => Shape::Text,
            Shape::Struct(_) => Shape::Json,
            Shape::Json | Shape::Parsed => self.shape,
            _ => return Err(format!("a range goes over a list or a map, not over {}", self.noun())),
        };
        let mut entries: Vec<(&String, &Json)> = self.object().into_iter().flatten().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        let entries = entries.into_iter();
        Ok(Box::new(
            entries.map(move |(key, json)| (Value::Text(Text::Borrowed(key)), Value::new(Some(json), shape))),
        ))
    }
}

/// A field of the object: of its parts, or of its metadata.
fn field_of_object<'r>(object: Option<&'r Json>, name: &str) -> Result<Value<'r>, String> {
    let part = |name: &str| object.and_then(|object| object.get(name));
    let (spec, status) = shape::of_kind(part("kind").and_then(Json::as_str).unwrap_or_default());
    Ok(match name {
        "Kind" => Value::new(part("kind"), Shape::Text),
        "APIVersion" => Value::new(part("apiVersion"), Shape::Text),
        "TypeMeta" => Value::new(object, Shape::Struct(&TYPE_META)),
        "ObjectMeta" => Value::new(part("metadata"), Shape::Struct(&OBJECT_META)),
        "Spec" => Value::new(part("spec"), spec),
        "Status" => Value::new(part("status"), status),
        "Metadata" => Value::new(part("metadata"), Shape::Json),
        "Object" => Value::new(object, Shape::Json),
        // Methods in Go.
        "GetAnnotations" | "GetLabels" | "GetName" | "GetNamespace" => {
            let name = name.strip_prefix("Get").unwrap_or(name);
            Shaped { json: part("metadata"), shape: Shape::Struct(&OBJECT_META) }.field(name)?
        }
        name => match OBJECT_META.field(name) {
            Some(shape) => Value::new(part("metadata").and_then(|it| it.get(shape::json_name(name))), shape),
            None => return Err(unknown(object, name)),
        },
    })
}

/// Says that the object has no field of this name, and which field is meant.
fn unknown(object: Option<&Json>, name: &str) -> String {
    let known = ["Kind", "APIVersion", "Spec", "Status", "Metadata", "Object"].into_iter();
    let mut similar = known.filter(|known| known.eq_ignore_ascii_case(name));
    match similar.next().or_else(|| OBJECT_META.similar(name)) {
        Some(field) => format!("the object has no field `{name}`; write `.{field}`"),
        None if object.is_some_and(|object| object.get(name).is_some()) => {
            let name = quoted(name);
            format!("the object has no field `{name}`; write `.Object.{name}`")
        }
        None => format!("the object has no field `{}`", quoted(name)),
    }
}
