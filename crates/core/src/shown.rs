//! Texts of others in our own messages: short, and unable to do anything to a terminal or a log.

use std::fmt::{Display, Write as _};

/// Most characters of a user's text in a message.
const QUOTED_CHARS: usize = 80;
/// Most entries of a user's list in a message.
const LISTED: usize = 3;

/// A text in which what cannot be seen is written out, as `\u{1b}`: control characters, and what turns the direction of
/// a line or has no width.
pub(crate) fn visible(text: &str) -> String {
    let is_visible = |c: char| matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1;
    if text.chars().all(is_visible) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_visible(c) {
            out.push(c);
        } else {
            out.extend(c.escape_debug());
        }
    }
    out
}

/// The same, short enough for a message.
pub(crate) fn shown(text: &str) -> String {
    let mut chars = text.chars();
    let mut short = visible(&chars.by_ref().take(QUOTED_CHARS).collect::<String>());
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

/// The first few of a list, and how many there are besides: `a, b, c and 4 more`.
pub(crate) fn listed<T: Display>(entries: impl ExactSizeIterator<Item = T>) -> String {
    let (more, mut text) = (entries.len().saturating_sub(LISTED), String::new());
    for entry in entries.take(LISTED) {
        let comma = if text.is_empty() { "" } else { ", " };
        // Nothing can go wrong in writing to a string.
        let _ = write!(text, "{comma}{entry}");
    }
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        for (text, expected) in [
            ("Grüße, \"日本\" \\ 😀", "Grüße, \"日本\" \\ 😀"),
            ("\u{1b}[2J\0\n\u{9b}", "\\u{1b}[2J\\0\\n\\u{9b}"),
            ("\u{202e}a\u{200b}b\u{2066}\u{feff}", "\\u{202e}a\\u{200b}b\\u{2066}\\u{feff}"),
        ] {
            assert_eq!(visible(text), expected);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shown(&"ü".repeat(5_000)).chars().count(), QUOTED_CHARS + 1);
        assert_eq!(shown("short"), "short");
    }

    #[test]
    fn of_long_lists_the_first_are_named_and_the_others_counted() {
        for (count, expected) in [
            (0_u16, ""),
            (1, "1"),
            (3, "1, 2, 3"),
            (4, "1, 2, 3 and 1 more"),
            (5_000, "1, 2, 3 and 4997 more"),
        ] {
            assert_eq!(listed(1..=count), expected);
        }
    }
}
