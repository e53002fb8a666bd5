//! An error as a person reads it.

use std::error::Error;

/// An error with its causes, each of them once: many texts hold that of their cause already.
pub fn text(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.map(ToString::to_string).fold(error.to_string(), |text, cause| {
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Cause {
        text: &'static str,
        source: Option<Box<Cause>>,
    }

    #[test]
    fn no_text_comes_twice() {
        let cause = |text, source: Option<Cause>| Cause { text, source: source.map(Box::new) };
        let root = cause("connection refused", None);
        let middle = cause("cannot connect", Some(root));
        let top = cause("the server is away: cannot connect", Some(middle));
        assert_eq!(text(&top), "the server is away: cannot connect: connection refused");
    }
}
