//! Error chains as one line of text.

use std::error::Error;

/// Joins an error and its sources with `: `.
///
/// A source is left out where the text before it repeats it already, as many libraries do.
pub fn text(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(error.source(), |source| (*source).source());
    sources.map(ToString::to_string).fold(error.to_string(), |text, source| {
        if text.contains(&source) { text } else { format!("{text}: {source}") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    #[test]
    fn no_text_is_repeated() {
        let link = |text, source: Option<Link>| Link { text, source: source.map(Box::new) };
        let root = link("connection refused", None);
        let middle = link("cannot connect", Some(root));
        let top = link("the server is away: cannot connect", Some(middle));
        assert_eq!(text(&top), "the server is away: cannot connect: connection refused");
    }
}
