//! Places in the text of a template.

use std::fmt;

use crate::sanitize::quoted;

/// A place in the text: the action in which it is, and itself, as byte offsets.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct At {
    /// Where the action begins with `{{`.
    pub action: usize,
    /// The place itself.
    pub offset: usize,
}

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Flaw {
    pub at: At,
    pub why: String,
}

/// A place as a person finds it: `{{.Foo}} at character 12`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    action: String,
    character: usize,
}

// === impl At ===

impl At {
    /// Something that is wrong here.
    pub fn flaw(self, why: impl Into<String>) -> Flaw {
        Flaw { at: self, why: why.into() }
    }
}

// === impl Place ===

impl Place {
    /// The place in a text.
    pub fn new(text: &str, at: At) -> Self {
        let rest = text.get(at.action..).unwrap_or_default();
        // Text outside of actions ends at the next action. An action ends at its braces, which may stand behind others in
        // a text constant.
        let inside = at.offset.saturating_sub(at.action);
        let end = match rest.strip_prefix("{{") {
            Some(_) => rest.get(inside..).and_then(|rest| rest.find("}}")).map(|end| inside + end + 2),
            None => rest.find("{{"),
        };
        let action = quoted(end.and_then(|end| rest.get(..end)).unwrap_or(rest));
        Self { action, character: text.get(..at.offset).unwrap_or(text).chars().count() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at character {}", self.action, self.character)
    }
}
