//! Words of a POSIX shell.

use std::borrow::Cow;

/// A text as one word for a shell: quoted, if the shell would split or expand it.
pub fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=@%+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', r"'\''")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_if_a_shell_would_split_or_expand_it() {
        for (text, expected) in [
            ("file://a/o-1.json", "file://a/o-1.json"),
            ("file://my files/o.json", "'file://my files/o.json'"),
            ("file://it's/$HOME", r"'file://it'\''s/$HOME'"),
            (r"--regex-domain-filter=\d+", r"'--regex-domain-filter=\d+'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
