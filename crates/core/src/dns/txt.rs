//! TXT values: a text in quoted strings.

use arcstr::ArcStr;

/// Maximum length of a string in a TXT value, in bytes (RFC 1035, 3.3).
pub const MAX_STRING_BYTES: usize = 255;

/// The text of a TXT value: its joined strings, without quotes and escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxtText(String);

/// A value that does not follow the syntax of TXT values (developer guide, "TXT record type").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not a sequence of quoted strings")]
pub struct UnreadableTxt;

// === impl TxtText ===

impl TxtText {
    /// Takes a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a value in the form of Route 53: `"…"`, `"…" "…"` or `"…""…"`.
    pub fn parse(value: &str) -> Result<Self, UnreadableTxt> {
        let mut text = Vec::new();
        let mut rest = value.trim();
        if rest.is_empty() {
            return Err(UnreadableTxt);
        }
        while !rest.is_empty() {
            rest = string(rest.strip_prefix('"').ok_or(UnreadableTxt)?, &mut text)?.trim_start();
        }
        Ok(Self(String::from_utf8_lossy(&text).into_owned()))
    }

    /// Checks a value as a person writes it, and returns it in the form of Route 53. A value that Route 53 accepts keeps its
    /// spelling.
    pub fn accepted(value: &str) -> Result<ArcStr, UnreadableTxt> {
        let (value, text) = (value.trim(), Self::parse(value)?);
        let (mut rest, mut longest) = (value, 0);
        while let Some(begun) = rest.strip_prefix('"') {
            let mut bytes = Vec::new();
            rest = string(begun, &mut bytes)?.trim_start();
            longest = longest.max(bytes.len());
        }
        let is_printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        Ok(if is_printable && longest <= MAX_STRING_BYTES { value.into() } else { text.to_value() })
    }

    /// The value in the form of Route 53: strings of at most [`MAX_STRING_BYTES`]. Quotes and backslashes get a backslash,
    /// and bytes outside printable ASCII are octal.
    pub fn to_value(&self) -> ArcStr {
        let strings: Vec<String> = match self.0.as_bytes() {
            [] => vec!["\"\"".to_owned()],
            bytes => bytes.chunks(MAX_STRING_BYTES).map(quoted).collect(),
        };
        strings.join(" ").into()
    }
}

/// Reads a string up to its closing quote. Returns the rest.
fn string<'a>(text: &'a str, out: &mut Vec<u8>) -> Result<&'a str, UnreadableTxt> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return text.get(at + 1..).ok_or(UnreadableTxt),
            b'\\' => match (text.get(at + 1..at + 4).and_then(octal), bytes.next()) {
                (Some(byte), _) => {
                    bytes.nth(1);
                    out.push(byte);
                }
                (None, Some((_, escaped))) => out.push(escaped),
                (None, None) => return Err(UnreadableTxt),
            },
            byte => out.push(byte),
        }
    }
    Err(UnreadableTxt)
}

fn octal(digits: &str) -> Option<u8> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| u8::from_str_radix(digits, 8).ok()).flatten()
}

fn quoted(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            other => {
                out.push('\\');
                out.extend([other >> 6, (other >> 3) & 7, other & 7].map(|digit| char::from(b'0' + digit)));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_in_every_spelling() {
        for (value, expected) in [
            (r#""abc""#, Ok("abc")),
            (r#""abc" "def""#, Ok("abcdef")),
            (r#""abc""def""#, Ok("abcdef")),
            (r#""a\"b\\c""#, Ok(r#"a"b\c"#)),
            (r#""a\040b""#, Ok("a b")),
            (r#""""#, Ok("")),
            ("abc", Err(UnreadableTxt)),
            (r#""abc"#, Err(UnreadableTxt)),
            (r#""abc\"#, Err(UnreadableTxt)),
            (r#""abc" def"#, Err(UnreadableTxt)),
            ("", Err(UnreadableTxt)),
            ("\"ü\\", Err(UnreadableTxt)),
            (r#""\ü""#, Ok("ü")),
        ] {
            let read = TxtText::parse(value).map(|text| text.0);
            assert_eq!(read, expected.map(str::to_owned), "{value}");
        }
    }

    #[test]
    fn a_value_keeps_its_spelling_if_route_53_accepts_it() {
        let (long, split) = (format!("\"{}\"", "x".repeat(300)), TxtText::new("x".repeat(300)).to_value());
        for (value, expected) in [
            (r#" "a" "b\040" "#, Some(r#""a" "b\040""#)),
            (r#""ü""#, Some(r#""\303\274""#)),
            (&long, Some(&*split)),
            (r#""a"#, None),
        ] {
            assert_eq!(TxtText::accepted(value).ok().as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_written_text_is_read_back() {
        for text in ["", "abc", "a\"b\\c", "bücher", "\u{1}\n", &"x".repeat(600)] {
            let value = TxtText::new(text).to_value();
            assert_eq!(TxtText::parse(&value).unwrap().as_str(), text);
        }
        assert_eq!(TxtText::new("x".repeat(256)).to_value().matches('"').count(), 4);
    }
}
