//! Texts of others in our own messages: short, and unable to do anything to a terminal or a log.

/// Most characters of a user's text in a message.
const QUOTED_CHARS: usize = 80;

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
}
