//! Templates of hostnames (`--fqdn-template`): a part of the language of Go's `text/template`.
//!
//! `docs/reference/templates.md` describes the language for users. A template comes from the flags, so an error in it refuses the
//! start. Its data is an object of the cluster, so an error in the evaluation costs only the hostnames of that object.
//!
//! # Flow
//!
//! ```text
//!   text ──lexer──► lexemes ──parser──► nodes (syntax) ──evaluation──► text ──► hostnames
//!                                                           ▲
//!                                              Root: the object, seen through its shape
//! ```
//!
//! # Guarantees
//!
//! 1. A construct outside the language is an error of [`Template::parse`], with its position.
//! 2. Parsing and evaluation end on any input: [`limit`] bounds the depth, the steps and the length of each text.
//! 3. Wherever ExternalDNS evaluates a template to hostnames, the result is the same, with the exceptions that
//!    `docs/reference/templates.md` lists.

mod constant;
mod evaluation;
mod function;
mod lexer;
pub mod limit;
mod parser;
mod pipeline;
mod place;
mod print;
mod root;
mod shape;
mod syntax;
mod value;

use std::{collections::BTreeSet, fmt, sync::Arc};

use arcstr::ArcStr;

pub use function::Function;
pub use root::Root;

use place::{Flaw, Place};
use syntax::Node;

/// A parsed template.
#[derive(Clone)]
pub struct Template {
    text: ArcStr,
    body: Arc<[Node]>,
}

/// A text that is no template of the supported language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct BadTemplate {
    place: Place,
    why: String,
}

/// A template that gives no hostnames for one object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct TemplateError {
    place: Place,
    why: String,
}

// === impl Template ===

impl Template {
    /// Parses a template.
    pub fn parse(text: &str) -> Result<Self, BadTemplate> {
        match parser::parse(text) {
            Ok(body) => Ok(Self { text: text.into(), body: body.into() }),
            Err(Flaw { at, why }) => Err(BadTemplate { place: Place::new(text, at), why }),
        }
    }

    /// Joins the values of a repeated flag with commas, and parses them as one template. `None` if they are blank.
    pub fn joined(values: &[impl AsRef<str>]) -> Result<Option<Self>, BadTemplate> {
        let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
        let text = values.join(",");
        if text.trim().is_empty() { Ok(None) } else { Self::parse(&text).map(Some) }
    }

    /// The hostnames that the template gives for an object: sorted, each of them once.
    ///
    /// The text of the template is a list with commas. Spaces around an entry, one dot at its end and empty entries do not
    /// count.
    pub fn hostnames(&self, root: &Root) -> Result<Vec<String>, TemplateError> {
        let text = evaluation::text(&self.body, root)
            .map_err(|Flaw { at, why }| TemplateError { place: Place::new(&self.text, at), why })?;
        let entries = text.split(',').map(str::trim);
        let hosts = entries.map(|entry| entry.strip_suffix('.').unwrap_or(entry));
        let hosts: BTreeSet<&str> = hosts.filter(|host| !host.is_empty()).collect();
        Ok(hosts.into_iter().map(str::to_owned).collect())
    }

    /// The text of the template.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Equal texts have equal nodes.
impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Template {}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.text).finish()
    }
}
