//! Domain names: the forms that Route 53 accepts and lists, and its sort order.
//!
//! Source: "DNS domain name format" in the Route 53 Developer Guide and the sort order in the API reference of
//! `ListResourceRecordSets`.

use std::fmt;

/// Maximum length of a label, in bytes after decoding.
pub const MAX_LABEL: usize = 63;
/// Maximum length of a name, in bytes after decoding, with dots.
pub const MAX_NAME: usize = 255;

/// The position of names with escaped characters, such as wildcards, in a listing.
///
/// The API reference does not give the position of `*`. It can be the position of the character (0x2a, before all
/// letters and digits), or of the listed text `\052` (0x5c, after digits, before letters). A client must work with both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WildcardOrder {
    /// By the characters. `*` is 0x2a.
    Raw,
    /// By the listed text. `*` is `\052`, and a backslash is 0x5c.
    #[default]
    Escaped,
}

/// A "FATAL problem" of a name or a value, in the words of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub code: &'static str,
    pub text: &'static str,
    pub found: String,
}

// === impl Problem ===

impl Problem {
    pub(super) fn new(code: &'static str, text: &'static str, found: impl Into<String>) -> Self {
        Self { code, text, found: found.into() }
    }

    pub(super) fn unsupported(character: char) -> Self {
        Self::new("UnsupportedCharacter", "Value contains unsupported characters", character)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FATAL problem: {} ({}) encountered with '{}'", self.code, self.text, self.found)
    }
}

/// The listed form of a name: lower case, a trailing dot, and `\ooo` for all characters but `a-z 0-9 - _`.
///
/// The input can have a trailing dot, and its special characters can be raw or escaped.
pub(super) fn listed(text: &str) -> Result<String, Problem> {
    let mut out = String::with_capacity(text.len() + 1);
    let mut label = Vec::with_capacity(MAX_LABEL);
    let mut length = 0;
    let mut rest = text;
    if matches!(text, "" | ".") {
        return Err(Problem::new("DomainNameEmpty", "Domain name is empty", ""));
    }
    while !rest.is_empty() {
        label.clear();
        while let Some(character) = rest.chars().next() {
            if let Some(byte) = octal(rest.as_bytes()) {
                label.push(byte.to_ascii_lowercase());
                rest = rest.get(4..).unwrap_or_default();
                continue;
            }
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
            if character == '.' {
                break;
            }
            if !character.is_ascii_graphic() {
                return Err(Problem::unsupported(character));
            }
            label.push(character.to_ascii_lowercase() as u8);
        }
        if label.is_empty() {
            return Err(Problem::new("DomainLabelEmpty", "Domain label is empty", text));
        }
        if label.len() > MAX_LABEL {
            let found = label.iter().take(MAX_LABEL + 1).map(|b| char::from(*b)).collect::<String>();
            return Err(Problem::new("DomainLabelTooLong", "Domain label is too long", found));
        }
        length += label.len() + 1;
        for byte in &label {
            push_listed(&mut out, *byte);
        }
        out.push('.');
    }
    if length > MAX_NAME {
        return Err(Problem::new("DomainNameTooLong", "Domain name is too long", text));
    }
    Ok(out)
}

/// The sort key of a listed name: its labels from the right, each with a dot.
pub(super) fn sort_key(listed: &str, order: WildcardOrder) -> Box<[u8]> {
    let mut key = Vec::with_capacity(listed.len());
    for label in listed.trim_end_matches('.').rsplit('.') {
        let mut rest = label.as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            match octal(rest) {
                // A dot inside a label stays escaped, because a raw dot ends the label.
                Some(byte) if order == WildcardOrder::Raw && byte != b'.' => {
                    key.push(byte);
                    rest = rest.get(4..).unwrap_or_default();
                }
                _ => {
                    key.push(*first);
                    rest = tail;
                }
            }
        }
        key.push(b'.');
    }
    key.into_boxed_slice()
}

/// The byte of an escape `\ooo` at the beginning of `bytes`.
pub(super) fn octal(bytes: &[u8]) -> Option<u8> {
    let [b'\\', digits @ ..] = bytes else { return None };
    let value = digits.get(..3)?.iter().try_fold(0u16, |value, digit| {
        matches!(digit, b'0'..=b'7').then(|| value * 8 + u16::from(digit - b'0'))
    })?;
    u8::try_from(value).ok()
}

fn push_listed(out: &mut String, byte: u8) {
    if matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') {
        out.push(char::from(byte));
    } else {
        out.push('\\');
        for shift in [6, 3, 0] {
            out.push(char::from(b'0' + (byte >> shift & 7)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_in_one_form() {
        for (given, expected) in [
            ("WWW.Example.com", r"www.example.com."),
            ("www.example.com.", r"www.example.com."),
            ("*.example.com", r"\052.example.com."),
            (r"\052.example.com.", r"\052.example.com."),
            (r"\101\102.example.com", r"ab.example.com."),
            ("_dmarc.a-b.test", r"_dmarc.a-b.test."),
            ("a@b.test", r"a\100b.test."),
            (r"a\056b.test", r"a\056b.test."),
            (r"ex\344mple.test", r"ex\344mple.test."),
            (r"a\b.test", r"a\134b.test."),
            (r"a\777.test", r"a\134777.test."),
            (r"a\040b.test", r"a\040b.test."),
        ] {
            assert_eq!(listed(given).as_deref(), Ok(expected), "{given}");
            assert_eq!(listed(expected).as_deref(), Ok(expected), "{expected}");
        }
    }

    #[test]
    fn bad_names_are_refused_with_the_words_of_the_service() {
        let long = "x".repeat(64);
        let name = format!("{0}.{0}.{0}.{0}.", "x".repeat(63));
        for (given, expected) in [
            ("", "FATAL problem: DomainNameEmpty (Domain name is empty) encountered with ''".to_owned()),
            (".", "FATAL problem: DomainNameEmpty (Domain name is empty) encountered with ''".to_owned()),
            ("a..test", "FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with 'a..test'".to_owned()),
            (".a.test", "FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with '.a.test'".to_owned()),
            (
                &format!("{long}yz.test"),
                format!("FATAL problem: DomainLabelTooLong (Domain label is too long) encountered with '{long}'"),
            ),
            (
                &format!("{long}.test"),
                format!("FATAL problem: DomainLabelTooLong (Domain label is too long) encountered with '{long}'"),
            ),
            (&name, format!("FATAL problem: DomainNameTooLong (Domain name is too long) encountered with '{name}'")),
            (
                "a b.test",
                "FATAL problem: UnsupportedCharacter (Value contains unsupported characters) encountered with ' '".to_owned(),
            ),
            (
                "ä.test",
                "FATAL problem: UnsupportedCharacter (Value contains unsupported characters) encountered with 'ä'".to_owned(),
            ),
        ] {
            assert_eq!(listed(given).unwrap_err().to_string(), expected, "{given}");
        }
    }

    #[test]
    fn limits_are_inclusive_and_count_decoded_bytes() {
        let label = r"\052".repeat(63);
        assert_eq!(listed(&format!("{label}.test")), Ok(format!("{label}.test.")));
        let name = format!("{0}.{0}.{0}.{1}.", "x".repeat(63), "x".repeat(62));
        assert_eq!(name.len(), 255);
        assert_eq!(listed(&name), Ok(name));
    }

    #[test]
    fn names_sort_by_labels_from_the_right_and_the_dot_counts() {
        let key = |name| sort_key(name, WildcardOrder::Escaped);
        assert_eq!(&*key("www.example.com."), b"com.example.www.");
        // `-` is 45 and `.` is 46, so a name that continues with a dash comes first.
        assert!(key("a-b.test.") < key("a.test."));
        assert!(key("a.test.") < key("x.a.test."));
        assert!(key("x.a.test.") < key("a0.test."));
    }

    #[test]
    fn the_place_of_a_wildcard_is_a_switch() {
        let (raw, escaped) = (WildcardOrder::Raw, WildcardOrder::Escaped);
        assert!(sort_key(r"\052.test.", raw) < sort_key("0.test.", raw));
        assert!(sort_key("0.test.", escaped) < sort_key(r"\052.test.", escaped));
        assert!(sort_key(r"\052.test.", escaped) < sort_key("a.test.", escaped));
        assert_eq!(&*sort_key(r"a\056b.test.", raw), br"test.a\056b.");
    }
}
