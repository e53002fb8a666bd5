//! The functions of templates.

use std::{
    cmp::Ordering,
    net::{Ipv4Addr, Ipv6Addr},
};

use serde_json::Value as Json;

use super::{limit::MAX_TEXT_BYTES, print, root::Parsed, shape::Shape, value::Value};
use crate::sanitize::quoted;

/// The sources of ExternalDNS (its flag `--source`, version 0.22).
const SOURCES: [&str; 25] = [
    "ambassador-host",
    "connector",
    "contour-httpproxy",
    "crd",
    "empty",
    "f5-transportserver",
    "f5-virtualserver",
    "fake",
    "gateway-grpcroute",
    "gateway-httproute",
    "gateway-tcproute",
    "gateway-tlsroute",
    "gateway-udproute",
    "gloo-proxy",
    "ingress",
    "istio-gateway",
    "istio-virtualservice",
    "kong-tcpingress",
    "node",
    "openshift-route",
    "pod",
    "service",
    "skipper-routegroup",
    "traefik-proxy",
    "unstructured",
];

/// A function of the template language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// The first argument that is false, or else the last.
    And,
    /// Whether a text contains another.
    Contains,
    /// Whether the first argument equals one of the others.
    Eq,
    /// The value of a JSON text; nothing if it is not valid.
    FromJson,
    /// Whether the first argument is greater than the second, or equal.
    Ge,
    /// Whether the first argument is greater than the second.
    Gt,
    /// Whether a map has a key.
    HasKey,
    /// The entry of a list or a map.
    Index,
    /// Whether a text is an IPv4 address.
    IsIpv4,
    /// Whether a text is an IPv6 address.
    IsIpv6,
    /// Whether the object is of a source.
    IsSource,
    /// Whether the first argument is less than the second, or equal.
    Le,
    /// The number of entries of a list or a map, or the number of bytes of a text.
    Len,
    /// Whether the first argument is less than the second.
    Lt,
    /// Whether two arguments differ.
    Ne,
    /// Whether the argument is false.
    Not,
    /// The first argument that is true, or else the last.
    Or,
    /// The arguments as text.
    Print,
    /// A text with values at its verbs.
    Printf,
    /// A text in which each `old` is replaced by `new`.
    Replace,
    /// A text in lower case.
    ToLower,
    /// A text without the spaces around it.
    Trim,
    /// A text without a prefix.
    TrimPrefix,
    /// A text without a suffix.
    TrimSuffix,
}

/// What functions need beside their arguments.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'r> {
    /// The source of the object.
    pub source: &'r str,
    /// Where the values of JSON texts are kept.
    pub parsed: &'r Parsed,
}

// === impl Function ===

impl Function {
    /// All functions, in the order of their names.
    pub const ALL: [Self; 24] = [
        Self::And,
        Self::Contains,
        Self::Eq,
        Self::FromJson,
        Self::Ge,
        Self::Gt,
        Self::HasKey,
        Self::Index,
        Self::IsIpv4,
        Self::IsIpv6,
        Self::IsSource,
        Self::Le,
        Self::Len,
        Self::Lt,
        Self::Ne,
        Self::Not,
        Self::Or,
        Self::Print,
        Self::Printf,
        Self::Replace,
        Self::ToLower,
        Self::Trim,
        Self::TrimPrefix,
        Self::TrimSuffix,
    ];

    /// The name in templates.
    pub fn name(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Contains => "contains",
            Self::Eq => "eq",
            Self::FromJson => "fromJson",
            Self::Ge => "ge",
            Self::Gt => "gt",
            Self::HasKey => "hasKey",
            Self::Index => "index",
            Self::IsIpv4 => "isIPv4",
            Self::IsIpv6 => "isIPv6",
            Self::IsSource => "isSource",
            Self::Le => "le",
            Self::Len => "len",
            Self::Lt => "lt",
            Self::Ne => "ne",
            Self::Not => "not",
            Self::Or => "or",
            Self::Print => "print",
            Self::Printf => "printf",
            Self::Replace => "replace",
            Self::ToLower => "toLower",
            Self::Trim => "trim",
            Self::TrimPrefix => "trimPrefix",
            Self::TrimSuffix => "trimSuffix",
        }
    }

    /// The function of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// How many arguments it has: at least, and at most if that is limited.
    pub(super) fn arity(self) -> (usize, Option<usize>) {
        match self {
            Self::Print => (0, None),
            Self::And | Self::Or | Self::Index | Self::Printf => (1, None),
            Self::Eq => (2, None),
            Self::FromJson
            | Self::IsIpv4
            | Self::IsIpv6
            | Self::IsSource
            | Self::Len
            | Self::Not
            | Self::ToLower
            | Self::Trim => (1, Some(1)),
            Self::Replace => (3, Some(3)),
            Self::Contains
            | Self::Ge
            | Self::Gt
            | Self::HasKey
            | Self::Le
            | Self::Lt
            | Self::Ne
            | Self::TrimPrefix
            | Self::TrimSuffix => (2, Some(2)),
        }
    }

    /// Checks the first argument if it is a constant, so that an error is found before there is an object.
    pub(super) fn check_constant(self, text: &str) -> Result<(), String> {
        match self {
            Self::IsSource => source(text),
            Self::Printf => print::check_format(text),
            _ => Ok(()),
        }
    }

    /// The value for arguments. The evaluation decides which arguments of `and` and `or` it needs.
    pub(super) fn call<'r>(
        self,
        arguments: &[Value<'r>],
        around: Surroundings<'r>,
    ) -> Result<Value<'r>, String> {
        let [first, rest @ ..] = arguments else {
            return Ok(Value::text(String::new()));
        };
        Ok(match (self, rest) {
            (Self::And | Self::Or, _) => arguments.last().unwrap_or(first).clone(),
            (Self::Not, _) => Value::Bool(!first.is_true()),
            (Self::Len, _) => Value::Int(first.len()?),
            (Self::Index, keys) => keys.iter().try_fold(first.clone(), |item, key| item.entry(key))?,
            (Self::HasKey, [key]) => Value::Bool(first.has_key(key.as_text()?)?),
            (Self::Eq, others) => Value::Bool(equals_one(first, others)?),
            (Self::Ne, others) => Value::Bool(!equals_one(first, others)?),
            (Self::Lt, [second]) => Value::Bool(order(first, second)?.is_lt()),
            (Self::Le, [second]) => Value::Bool(order(first, second)?.is_le()),
            (Self::Gt, [second]) => Value::Bool(order(first, second)?.is_gt()),
            (Self::Ge, [second]) => Value::Bool(order(first, second)?.is_ge()),
            (Self::Print, _) => Value::text(print::joined(arguments)?),
            (Self::Printf, values) => Value::text(print::formatted(first.as_text()?, values)?),
            (Self::Contains, [part]) => Value::Bool(first.as_text()?.contains(part.as_text()?)),
            (Self::Trim, _) => first.narrowed(str::trim)?,
            (Self::TrimPrefix, [prefix]) => {
                let prefix = prefix.as_text()?;
                first.narrowed(|text| text.strip_prefix(prefix).unwrap_or(text))?
            }
            (Self::TrimSuffix, [suffix]) => {
                let suffix = suffix.as_text()?;
                first.narrowed(|text| text.strip_suffix(suffix).unwrap_or(text))?
            }
            (Self::ToLower, _) => Value::text(lower(first.as_text()?)),
            (Self::Replace, [new, text]) => {
                Value::text(replaced(text.as_text()?, first.as_text()?, new.as_text()?)?)
            }
            (Self::IsIpv4, _) => Value::Bool(first.as_text()?.parse::<Ipv4Addr>().is_ok()),
            (Self::IsIpv6, _) => Value::Bool(is_ipv6(first.as_text()?)),
            (Self::IsSource, _) => {
                let name = first.as_text()?;
                source(name)?;
                Value::Bool(name.eq_ignore_ascii_case(around.source))
            }
            (Self::FromJson, _) => {
                let json = serde_json::from_str(first.as_text()?).unwrap_or(Json::Null);
                Value::new(Some(around.parsed.keep(json)?), Shape::Parsed)
            }
            _ => return Err("it has another number of arguments".to_owned()),
        })
    }
}

/// Whether a value equals one of the others.
fn equals_one(first: &Value<'_>, others: &[Value<'_>]) -> Result<bool, String> {
    for other in others {
        if first.equals(other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The order of two texts or of two numbers.
fn order(first: &Value<'_>, second: &Value<'_>) -> Result<Ordering, String> {
    let (first, second) = (first.pointed(), second.pointed());
    let order = match (first, second) {
        (Value::Int(first), Value::Int(second)) => Some(first.cmp(second)),
        (Value::Float(first), Value::Float(second)) => first.partial_cmp(second),
        (Value::Text(first), Value::Text(second)) => Some(first.as_str().cmp(second.as_str())),
        _ => None,
    };
    order.ok_or_else(|| format!("{} and {} have no order", first.noun(), second.noun()))
}

/// A text in lower case. As in Go, one character becomes one character.
fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().filter_map(|c| c.to_lowercase().next()).collect()
}

/// A text in which `new` replaces each `old`.
fn replaced(text: &str, old: &str, new: &str) -> Result<String, String> {
    let count = text.matches(old).count();
    let longest = text.len().saturating_add(count.saturating_mul(new.len()));
    if longest > MAX_TEXT_BYTES { Err(print::too_long()) } else { Ok(text.replace(old, new)) }
}

/// Whether a text is an IPv6 address, as Go's `netip` reads it: also with a zone.
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "-"));
    !zone.is_empty() && address.parse::<Ipv6Addr>().is_ok()
}

/// Checks the name of a source.
fn source(name: &str) -> Result<(), String> {
    if SOURCES.iter().any(|source| source.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    Err(format!("`{}` is not a source of ExternalDNS, such as `service` or `ingress`", quoted(name)))
}
