//! Filters of objects by their annotations or labels, in the syntax of Kubernetes' label selectors.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use crate::sanitize::quoted;

/// Maximum length of a value, and of the part of a key after `/` (Kubernetes, "Labels and Selectors").
const MAX_WORD_BYTES: usize = 63;
/// Maximum length of the part of a key before `/`.
const MAX_PREFIX_BYTES: usize = 253;

/// A filter of objects by their annotations or by their labels. An empty one matches all objects.
///
/// ```
/// use std::collections::BTreeMap;
/// use zonekeeper_core::source::ObjectFilter;
///
/// let filter: ObjectFilter = "app in (web, api), !internal".parse()?;
/// let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
/// assert!(filter.matches(Some(&labels)));
/// assert!(!filter.matches(None));
/// # Ok::<(), zonekeeper_core::source::BadObjectFilter>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectFilter {
    requirements: Vec<Requirement>,
}

/// A text that is no filter of objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; expected a label selector, as `team=shop,tier in (web, api),!internal`")]
pub struct BadObjectFilter(String);

/// A condition on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    condition: Condition,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Exists,
    DoesNotExist,
    /// The key exists, and has one of these values.
    In(BTreeSet<String>),
    /// The key does not exist, or has another value.
    NotIn(BTreeSet<String>),
}

/// The rest of a text that is read.
struct Reader<'t> {
    rest: &'t str,
}

// === impl ObjectFilter ===

impl ObjectFilter {
    /// Whether annotations or labels fulfil every requirement.
    pub fn matches(&self, all: Option<&BTreeMap<String, String>>) -> bool {
        self.requirements.iter().all(|Requirement { key, condition }| {
            let value = all.and_then(|all| all.get(key));
            match condition {
                Condition::Exists => value.is_some(),
                Condition::DoesNotExist => value.is_none(),
                Condition::In(values) => value.is_some_and(|value| values.contains(value)),
                Condition::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            }
        })
    }
}

impl FromStr for ObjectFilter {
    type Err = BadObjectFilter;

    fn from_str(text: &str) -> Result<Self, BadObjectFilter> {
        let mut reader = Reader { rest: text };
        let mut requirements = Vec::new();
        if reader.is_at_end() {
            return Ok(Self { requirements });
        }
        loop {
            requirements.push(reader.requirement()?);
            if reader.is_at_end() {
                return Ok(Self { requirements });
            }
            if !reader.skip(",") {
                return Err(reader.unexpected());
            }
        }
    }
}

// === impl Reader ===

impl<'t> Reader<'t> {
    fn requirement(&mut self) -> Result<Requirement, BadObjectFilter> {
        if self.skip("!") {
            return Ok(Requirement { key: self.key()?, condition: Condition::DoesNotExist });
        }
        let key = self.key()?;
        let condition = if self.skip("!=") {
            Condition::NotIn(BTreeSet::from([self.value()?]))
        } else if self.skip("==") || self.skip("=") {
            Condition::In(BTreeSet::from([self.value()?]))
        } else if self.skip_word("in") {
            Condition::In(self.values()?)
        } else if self.skip_word("notin") {
            Condition::NotIn(self.values()?)
        } else {
            Condition::Exists
        };
        Ok(Requirement { key, condition })
    }

    fn key(&mut self) -> Result<String, BadObjectFilter> {
        let key = self.word();
        let (prefix, name) = key.rsplit_once('/').unwrap_or(("", key));
        let has_prefix = key.len() > name.len();
        if key.is_empty() {
            Err(self.unexpected())
        } else if is_word(name) && !name.is_empty() && (!has_prefix || is_prefix(prefix)) {
            Ok(key.to_owned())
        } else {
            Err(BadObjectFilter(format!("`{}` is not a valid key", quoted(key))))
        }
    }

    /// A value, which can be empty.
    fn value(&mut self) -> Result<String, BadObjectFilter> {
        let value = self.word();
        if is_word(value) {
            Ok(value.to_owned())
        } else {
            Err(BadObjectFilter(format!(
                "`{}` is not a valid value, which has at most {MAX_WORD_BYTES} letters, digits, `-`, `_` and `.`",
                quoted(value)
            )))
        }
    }

    /// The values of a set: `(web, api)`.
    fn values(&mut self) -> Result<BTreeSet<String>, BadObjectFilter> {
        if !self.skip("(") {
            return Err(self.unexpected());
        }
        if self.skip(")") {
            return Err(BadObjectFilter("a set needs a value".to_owned()));
        }
        let mut values = BTreeSet::new();
        loop {
            values.insert(self.value()?);
            if self.skip(")") {
                return Ok(values);
            }
            if !self.skip(",") {
                return Err(self.unexpected());
            }
        }
    }

    /// The text up to a space or a character with a meaning; empty if there is none.
    fn word(&mut self) -> &'t str {
        let rest = self.rest.trim_start();
        let ends = |c: char| c.is_whitespace() || "=!(),<>".contains(c);
        let (word, rest) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        self.rest = rest;
        word
    }

    fn skip_word(&mut self, expected: &str) -> bool {
        let before = self.rest;
        let is_next = self.word() == expected;
        if !is_next {
            self.rest = before;
        }
        is_next
    }

    fn skip(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn is_at_end(&self) -> bool {
        self.rest.trim_start().is_empty()
    }

    fn unexpected(&self) -> BadObjectFilter {
        BadObjectFilter(match self.rest.trim_start() {
            "" => "it ends too early".to_owned(),
            rest => format!("`{}` is not expected here", quoted(rest)),
        })
    }
}

/// Whether a text can be the value of a label, or the part of a key after `/`.
fn is_word(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_outer = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    text.len() <= MAX_WORD_BYTES
        && text.bytes().all(is_inner)
        && is_outer(text.bytes().next())
        && is_outer(text.bytes().next_back())
}

/// Whether a text can be the part of a key before `/`: a DNS name in lower case.
fn is_prefix(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= MAX_PREFIX_BYTES && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: &str, all: &[(&str, &str)]) -> bool {
        let all = all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let filter: ObjectFilter = filter.parse().unwrap_or_else(|why| panic!("{filter}: {why}"));
        filter.matches(Some(&all.collect()))
    }

    #[test]
    fn every_requirement_must_hold() {
        let all = [("app", "web"), ("example.com/tier", "front"), ("empty", ""), ("in", "notin")];
        for filter in [
            "",
            "  ",
            "app",
            "app=web",
            "app==web",
            " app = web ",
            "example.com/tier=front,app=web",
            "app!=api",
            "other!=web",
            "!other",
            "! other",
            "app in (web)",
            "app in(api,web)",
            "app in ( api , web )",
            "app notin (api, other)",
            "other notin (api)",
            "empty=",
            "empty=,app=web",
            "empty in (,web)",
            "empty notin (web)",
            "in=notin",
            "in in (in,notin)",
            "!notin,in",
        ] {
            assert!(matches(filter, &all), "{filter}");
        }
        for filter in [
            "other",
            "!app",
            "app=api",
            "app=web,other",
            "app!=web",
            "app in (api)",
            "other in (web)",
            "other=",
            "app notin (web)",
            "app=",
            "App=web",
            "app=Web",
            "tier=front",
        ] {
            assert!(!matches(filter, &all), "{filter}");
        }
        assert!(ObjectFilter::default().matches(None));
        assert!("!app".parse::<ObjectFilter>().unwrap().matches(None));
    }

    #[test]
    fn a_text_that_is_no_label_selector_is_refused() {
        let long = format!("a={}", "x".repeat(64));
        for (text, expected) in [
            (",", "`,` is not expected here"),
            ("a,", "it ends too early"),
            ("a,,b", "`,b` is not expected here"),
            ("!", "it ends too early"),
            ("=a", "`=a` is not expected here"),
            ("a b", "`b` is not expected here"),
            ("a=b c", "`c` is not expected here"),
            ("a>1", "`>1` is not expected here"),
            ("a in", "it ends too early"),
            ("a in b", "`b` is not expected here"),
            ("a in ()", "a set needs a value"),
            ("a in (b", "it ends too early"),
            ("a in (b c)", "`c)` is not expected here"),
            ("a in (b))", "`)` is not expected here"),
            ("a=-b", "`-b` is not a valid value"),
            ("a=b/c", "`b/c` is not a valid value"),
            ("a=ü", "`ü` is not a valid value"),
            (&long, "is not a valid value"),
            ("a_", "`a_` is not a valid key"),
            ("/a", "`/a` is not a valid key"),
            ("Example.com/a", "`Example.com/a` is not a valid key"),
            ("example.com/", "`example.com/` is not a valid key"),
            ("a/b/c", "`a/b/c` is not a valid key"),
        ] {
            let why = text.parse::<ObjectFilter>().unwrap_err().to_string();
            assert!(why.starts_with(expected) || (text == long && why.contains(expected)), "{text}: {why}");
            assert!(why.ends_with("as `team=shop,tier in (web, api),!internal`"), "{why}");
        }
    }
}
