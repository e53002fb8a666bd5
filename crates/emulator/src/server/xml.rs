//! XML documents as trees, with the features that the REST-XML protocol needs.

use std::fmt::Write;

use quick_xml::{
    Reader,
    escape::{minimal_escape, resolve_predefined_entity},
    events::Event,
};

/// The namespace of all documents (API model).
const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";
/// Maximum nesting of a request. The API needs seven levels. The limit protects recursive functions from a stack
/// overflow.
const MAX_DEPTH: usize = 16;

/// An element, with a text or children.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Element {
    pub name: String,
    pub text: String,
    pub children: Vec<Element>,
}

// === impl Element ===

impl Element {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers hold numbers and texts, owned and borrowed")]
    pub(super) fn text(name: &str, text: impl ToString) -> Self {
        Self { name: name.to_owned(), text: text.to_string(), children: Vec::new() }
    }

    /// Adds children at the end, from an `Option` or a list.
    #[must_use]
    pub(super) fn with(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children);
        self
    }

    /// Adds a child with a text.
    #[must_use]
    pub(super) fn with_text(self, name: &str, text: impl ToString) -> Self {
        self.with([Self::text(name, text)])
    }

    /// Adds a child with a text, if there is a text.
    #[must_use]
    pub(super) fn with_some<T: ToString>(self, name: &str, text: Option<T>) -> Self {
        self.with(text.map(|text| Self::text(name, text)))
    }

    /// The whole document with this root.
    pub(super) fn document(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\"?>\n");
        self.write(&mut out, &format!(" xmlns=\"{NAMESPACE}\""));
        out
    }

    fn write(&self, out: &mut String, attributes: &str) {
        let Self { name, text, children } = self;
        // A write to a string never fails.
        let _ = write!(out, "<{name}{attributes}>{}", minimal_escape(text.as_str()));
        for child in children {
            child.write(out, "");
        }
        let _ = write!(out, "</{name}>");
    }

    /// Reads a document. It ignores namespaces, attributes and comments.
    pub(super) fn parse(document: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(document);
        let mut open: Vec<Self> = vec![Self::default()];
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            let top = open.last_mut().ok_or("unbalanced elements")?;
            match event {
                Event::Start(start) => {
                    if open.len() > MAX_DEPTH {
                        return Err(format!("more than {MAX_DEPTH} levels"));
                    }
                    open.push(Self::new(start.local_name().into_inner()));
                }
                Event::Empty(start) => top.children.push(Self::new(start.local_name().into_inner())),
                Event::End(_) => {
                    let element = open.pop().ok_or("unbalanced elements")?;
                    open.last_mut().ok_or("unbalanced elements")?.children.push(element);
                }
                Event::Text(text) => top.text.push_str(&text.xml10_content()),
                Event::CData(text) => top.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    if let Some(character) =
                        reference.resolve_char_ref().map_err(|error| error.to_string())?
                    {
                        top.text.push(character);
                    } else {
                        let known = resolve_predefined_entity(&reference);
                        top.text.push_str(known.ok_or_else(|| format!("unknown entity '{}'", &*reference))?);
                    }
                }
                Event::DocType(_) => return Err("a document type is not allowed".to_owned()),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        match <[Self; 1]>::try_from(open) {
            Ok([Self { children, .. }]) => match <[Self; 1]>::try_from(children) {
                Ok([root]) => Ok(root),
                Err(roots) => Err(format!("{} root elements", roots.len())),
            },
            Err(_) => Err("elements are left open".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_survive_a_round_trip() {
        let tree = Element::new("A")
            .with_text("B", "<&>\"' \u{e4}")
            .with_some("C", None::<String>)
            .with_some("D", Some(7))
            .with([Element::new("E").with_text("F", "x"), Element::new("E")]);
        let document = tree.document();
        assert!(document.starts_with(
            "<?xml version=\"1.0\"?>\n<A xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><B>"
        ));
        assert_eq!(Element::parse(&document), Ok(tree));
    }

    #[test]
    fn references_and_sections_are_text() {
        let parsed = Element::parse("<ns:V>a&amp;&#34;&#x41;<![CDATA[<b>]]> c</ns:V>").unwrap();
        assert_eq!((parsed.name.as_str(), parsed.text.as_str()), ("V", "a&\"A<b> c"));
    }

    #[test]
    fn bad_documents_are_errors() {
        let nested = |levels| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
        assert!(Element::parse(&nested(MAX_DEPTH)).is_ok());
        let deep = nested(MAX_DEPTH + 1);
        for document in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "</a>",
            "<a/><b/>",
            "<a>&nope;</a>",
            "<!DOCTYPE a><a/>",
            "<a",
            "<a>&#0;</a>",
            &deep,
        ] {
            assert!(Element::parse(document).is_err(), "{document:.20}");
        }
    }
}
