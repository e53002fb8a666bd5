//! Makes texts of users safe for messages: short, and harmless to a terminal or a log.

use std::fmt::{Display, Write as _};

/// Maximum of characters of a quoted text.
const QUOTED_CHARS: usize = 80;
/// Maximum of entries of a list.
const LISTED: usize = 3;

/// Escapes each character without a visible form, as `\u{1b}`: control characters, and characters that change the text
/// direction or have no width.
pub(crate) fn escaped(text: &str) -> String {
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

/// Escapes a text and cuts it to 80 characters.
pub(crate) fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let mut short = escaped(&chars.by_ref().take(QUOTED_CHARS).collect::<String>());
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

/// Names the first entries of a list and counts the others: `a, b, c and 4 more`.
pub(crate) fn listed<T: Display>(entries: impl ExactSizeIterator<Item = T>) -> String {
    let (more, mut text) = (entries.len().saturating_sub(LISTED), String::new());
    for entry in entries.take(LISTED) {
        let comma = if text.is_empty() { "" } else { ", " };
        // A write to a string never fails.
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
    fn invisible_characters_are_escaped() {
        for (text, expected) in [
            ("Grüße, \"日本\" \\ 😀", "Grüße, \"日本\" \\ 😀"),
            ("\u{1b}[2J\0\n\u{9b}", "\\u{1b}[2J\\0\\n\\u{9b}"),
            ("\u{202e}a\u{200b}b\u{2066}\u{feff}", "\\u{202e}a\\u{200b}b\\u{2066}\\u{feff}"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(quoted(&"ü".repeat(5_000)).chars().count(), QUOTED_CHARS + 1);
        assert_eq!(quoted("short"), "short");
    }

    #[test]
    fn a_long_list_names_its_first_entries_and_counts_the_others() {
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
