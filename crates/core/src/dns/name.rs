//! Domain names in one canonical form.

use std::{cmp::Ordering, fmt};

use arcstr::ArcStr;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::text_order::compare;

/// Longest label of a hostname, in bytes (RFC 1035, 2.3.4).
pub const MAX_LABEL_BYTES: usize = 63;
/// Longest hostname without its trailing dot, in bytes (RFC 1035, 2.3.4: 255 on the wire).
pub const MAX_NAME_BYTES: usize = 253;

/// An absolute domain name: lower case, no trailing dot, at least one label.
///
/// Printable ASCII is kept, so a wildcard reads `*.example.com`. Every other byte, a backslash, and a dot inside a label
/// are written `\ooo` (three octal digits), as in Route 53. Equal names have equal text.
///
/// The order is that of Route 53's listings: by the labels from the right, each with a dot, byte by byte in the form of
/// the service (`ListResourceRecordSets`, API reference). So the names below a name are contiguous. The position of names
/// with escaped characters, such as a wildcard, is not documented. [`Name::has_escapes`] recognizes them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// The sort key, [`SEPARATOR`] and the name. The sort key has the labels from the right in Route 53's form, each with a dot.
    /// Lookups in order are the most frequent operation, and the sort key makes them one comparison of bytes.
    both: ArcStr,
}

/// Separates the sort key from the name. It is smaller than every character of a sort key, so a name is smaller than the
/// names below it.
const SEPARATOR: char = ' ';

/// Why a text is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// The text is empty or has only spaces.
    #[error("it is empty")]
    Empty,
    /// Two dots in a row, or a leading dot.
    #[error("it has an empty label (two dots in a row, or a leading dot)")]
    EmptyLabel,
    /// A label is longer than [`MAX_LABEL_BYTES`].
    #[error("its label `{label}` has {bytes} bytes, {MAX_LABEL_BYTES} are allowed")]
    LongLabel {
        /// The label, cut to 70 characters.
        label: String,
        /// Its length after conversion to ASCII.
        bytes: usize,
    },
    /// The whole name is longer than [`MAX_NAME_BYTES`].
    #[error("it has {bytes} bytes, {MAX_NAME_BYTES} are allowed")]
    LongName {
        /// Its length after conversion to ASCII.
        bytes: usize,
    },
    /// A `*` that is not the whole first label.
    #[error("`*` may stand only as the whole first label")]
    MisplacedWildcard,
    /// A character that hostnames cannot have.
    #[error("the character {0:?} is not allowed in a hostname")]
    Character(char),
    /// UTS-46 has no ASCII form for it.
    #[error("it is not a valid internationalized name (UTS-46)")]
    NotIdna,
}

// === impl Name ===

impl Name {
    fn new(text: &str) -> Self {
        Self::below(text, None, "")
    }

    /// The name of these labels, followed by the rest of a name. `order` is the sort key of the rest.
    fn below(labels: &str, rest: Option<&str>, order: &str) -> Self {
        let mut both = String::with_capacity((labels.len() + order.len() + 1) * 2);
        both.push_str(order);
        for label in labels.rsplit('.') {
            if label.bytes().all(is_plain) {
                both.push_str(label);
            } else {
                both.extend(printed(label).map(char::from));
            }
            both.push('.');
        }
        both.push(SEPARATOR);
        both.push_str(labels);
        if let Some(rest) = rest {
            both.push('.');
            both.push_str(rest);
        }
        Self { both: both.into() }
    }

    /// The position of [`SEPARATOR`]. A sort key has one dot more than its name, so this is the middle. Only escapes make the
    /// sort key longer.
    fn separator(&self) -> usize {
        let middle = self.both.len() / 2;
        let is_middle = self.both.get(middle..).is_some_and(|rest| rest.starts_with(SEPARATOR));
        if is_middle { middle } else { self.both.find(SEPARATOR).unwrap_or(middle) }
    }

    /// The sort key.
    fn order(&self) -> &str {
        self.both.get(..self.separator()).unwrap_or_default()
    }

    /// Reads a hostname of a user: any case, Unicode (UTS-46), an optional trailing dot, `*` as the whole first label.
    /// Underscores are allowed.
    pub fn from_hostname(text: &str) -> Result<Self, BadName> {
        let text = text.trim();
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(BadName::Empty);
        }
        let (wildcard, rest) = match text.strip_prefix("*.") {
            Some(rest) => ("*.", rest),
            None => ("", text),
        };
        if rest.contains('*') {
            return Err(BadName::MisplacedWildcard);
        }
        // UTS-46 reports an invalid name without the cause, so invalid ASCII characters are found before. It also turns
        // other separators into dots.
        if let Some(c) = rest.chars().find(|c| c.is_ascii() && !is_hostname_byte(*c as u8) && *c != '.') {
            return Err(BadName::Character(c));
        }
        let ascii = Uts46::new()
            .to_ascii(rest.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
            .map_err(|_| BadName::NotIdna)?;
        let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
        for label in ascii.split('.') {
            if label.is_empty() {
                return Err(BadName::EmptyLabel);
            }
            if let Some(c) = label.chars().find(|c| !c.is_ascii() || !is_hostname_byte(*c as u8)) {
                return Err(BadName::Character(c));
            }
            if label.len() > MAX_LABEL_BYTES {
                return Err(BadName::LongLabel {
                    label: label.chars().take(70).collect(),
                    bytes: label.len(),
                });
            }
        }
        let bytes = wildcard.len() + ascii.len();
        if bytes > MAX_NAME_BYTES {
            return Err(BadName::LongName { bytes });
        }
        Ok(Self::new(&format!("{wildcard}{ascii}")))
    }

    /// Reads a name in the form of Route 53: octal escapes (`\052`), a trailing dot, any bytes.
    ///
    /// It accepts more than [`Name::from_hostname`], because a zone can hold names that are not hostnames.
    pub fn from_route53(text: &str) -> Result<Self, BadName> {
        let mut out = String::with_capacity(text.len());
        let mut label_is_empty = true;
        let mut bytes = text.bytes().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'.' if label_is_empty => return Err(BadName::EmptyLabel),
                b'.' => {
                    label_is_empty = true;
                    if bytes.peek().is_some() {
                        out.push('.');
                    }
                    continue;
                }
                b'\\' => push_canonical(&mut out, octal(&mut bytes)),
                byte => push_canonical(&mut out, byte),
            }
            label_is_empty = false;
        }
        if out.is_empty() {
            return Err(BadName::Empty);
        }
        Ok(Self::new(&out))
    }

    /// The name in the form of Route 53: with escapes for all characters but `a-z 0-9 - _`, and with a trailing dot.
    pub fn to_route53(&self) -> String {
        let mut out = String::with_capacity(self.order().len() + 1);
        for label in self.labels() {
            out.extend(printed(label).map(char::from));
            out.push('.');
        }
        out
    }

    /// The name without trailing dot, as in `www.example.com`.
    pub fn as_str(&self) -> &str {
        self.both.get(self.separator() + SEPARATOR.len_utf8()..).unwrap_or_default()
    }

    /// The labels from the left.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.as_str().split('.')
    }

    /// Whether a label begins with `_` (RFC 8552).
    pub fn is_underscored(&self) -> bool {
        self.labels().any(|label| label.starts_with('_'))
    }

    /// The first label, and the rest of the name if there is one.
    pub fn split_first(&self) -> (&str, Option<&str>) {
        match self.as_str().split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (self.as_str(), None),
        }
    }

    /// The name one label up; none for a name of one label.
    pub fn parent(&self) -> Option<Self> {
        self.split_first().1.map(Self::new)
    }

    /// Whether this is `ancestor` or a name below it, label by label.
    pub fn is_within(&self, ancestor: &Self) -> bool {
        self.both.starts_with(ancestor.order())
    }

    /// Whether the first label is `*`.
    pub fn is_wildcard(&self) -> bool {
        self.split_first().0 == "*"
    }

    /// Whether Route 53 escapes a character of the name. Its position in a listing is then not certain.
    pub fn has_escapes(&self) -> bool {
        !self.as_str().bytes().all(|b| is_plain(b) || b == b'.')
    }

    /// The same name with another first label. `None` if the label or the name is too long.
    pub fn with_first_label(&self, first: &str) -> Option<Self> {
        let rest = self.split_first().1;
        let bytes = first.len() + rest.map_or(0, |rest| rest.len() + 1);
        let fits = bytes <= MAX_NAME_BYTES
            && first.split('.').all(|label| !label.is_empty() && label.len() <= MAX_LABEL_BYTES);
        // Without its last dot, the sort key ends with the first label.
        let order = self.order();
        let labels = order.strip_suffix('.').unwrap_or(order);
        let above = labels.rfind('.').and_then(|at| order.get(..=at)).unwrap_or_default();
        fits.then(|| Self::below(first, rest, above))
    }

    /// The name `label` directly below this one. `None` if it is too long.
    pub fn child(&self, label: &str) -> Option<Self> {
        let fits = label.len() <= MAX_LABEL_BYTES && label.len() + 1 + self.as_str().len() <= MAX_NAME_BYTES;
        fits.then(|| Self::below(label, Some(self.as_str()), self.order()))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.both, &other.both)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Whether Route 53 prints a byte without an escape.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')
}

fn is_hostname_byte(byte: u8) -> bool {
    is_plain(byte.to_ascii_lowercase())
}

/// Reads three octal digits after a backslash. Without digits, it returns the backslash.
fn octal(bytes: &mut std::iter::Peekable<std::str::Bytes<'_>>) -> u8 {
    let ahead: Vec<u8> = bytes.clone().take(3).collect();
    let value = match *ahead.as_slice() {
        [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] => (a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'),
        _ => return b'\\',
    };
    bytes.nth(2);
    value
}

fn push_canonical(out: &mut String, byte: u8) {
    match byte.to_ascii_lowercase() {
        b'.' | b'\\' | 0..=0x20 | 0x7f..=0xff => push_octal(out, byte),
        printable => out.push(char::from(printable)),
    }
}

fn push_octal(out: &mut String, byte: u8) {
    for digit in octal_digits(byte) {
        out.push(char::from(digit));
    }
}

fn octal_digits(byte: u8) -> [u8; 4] {
    [b'\\', b'0' + (byte >> 6), b'0' + ((byte >> 3) & 7), b'0' + (byte & 7)]
}

/// A canonical label in the form of Route 53.
fn printed(label: &str) -> impl Iterator<Item = u8> {
    let mut escaped = 0_u8;
    label.bytes().flat_map(move |byte| {
        let keep = is_plain(byte) || byte == b'\\' || escaped > 0;
        escaped = if byte == b'\\' { 3 } else { escaped.saturating_sub(1) };
        let digits = octal_digits(byte);
        let (one, four) = if keep { (Some(byte), None) } else { (None, Some(digits)) };
        one.into_iter().chain(four.into_iter().flatten())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Name {
        Name::from_hostname(text).unwrap()
    }

    #[test]
    fn a_hostname_has_one_spelling() {
        for (text, expected) in [
            ("www.example.com", "www.example.com"),
            ("WWW.Example.COM.", "www.example.com"),
            ("  www.example.com ", "www.example.com"),
            ("*.example.com", "*.example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("😀.example", "xn--e28h.example"),
            ("www。example。com", "www.example.com"),
            ("_dmarc.example.com", "_dmarc.example.com"),
            ("a_b.example.com", "a_b.example.com"),
            ("com", "com"),
        ] {
            assert_eq!(Name::from_hostname(text).map(|n| n.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_bad_hostname_says_what_is_wrong() {
        let label = "a".repeat(64);
        for (text, expected) in [
            ("", BadName::Empty),
            ("   ", BadName::Empty),
            (".", BadName::Empty),
            ("a..b", BadName::EmptyLabel),
            (".a", BadName::EmptyLabel),
            ("www.*.example.com", BadName::MisplacedWildcard),
            ("w*.example.com", BadName::MisplacedWildcard),
            ("*", BadName::MisplacedWildcard),
            ("www example.com", BadName::Character(' ')),
            ("http://x.example.com", BadName::Character(':')),
            ("xn--a.example", BadName::NotIdna),
            (&format!("{label}.example.com"), BadName::LongLabel { label: label.clone(), bytes: 64 }),
            (&["abc.".repeat(63), "de".to_owned()].concat(), BadName::LongName { bytes: 254 }),
        ] {
            assert_eq!(Name::from_hostname(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn the_edges_of_the_limits_are_inside() {
        assert!(Name::from_hostname(&format!("{}.example.com", "a".repeat(63))).is_ok());
        assert_eq!(host(&["abc.".repeat(63), "d".to_owned()].concat()).as_str().len(), 253);
    }

    #[test]
    fn escapes_are_decoded_on_reading_and_written_on_sending() {
        for (listed, canonical) in [
            ("\\052.example.com.", "*.example.com"),
            ("WWW.example.com", "www.example.com"),
            ("\\100.example.com.", "@.example.com"),
            ("a\\056b.example.com.", "a\\056b.example.com"),
            ("a\\040b.example.com.", "a\\040b.example.com"),
            ("\\303\\274.example.com.", "\\303\\274.example.com"),
            ("a\\134b.example.com.", "a\\134b.example.com"),
        ] {
            let name = Name::from_route53(listed).unwrap();
            assert_eq!(name.as_str(), canonical);
            assert_eq!(Name::from_route53(&name.to_route53()).unwrap(), name);
            assert_eq!(Name::from_route53(name.as_str()).unwrap(), name);
        }
        assert_eq!(host("*.example.com").to_route53(), "\\052.example.com.");
        assert_eq!(Name::from_route53("a.b.c").unwrap().to_route53(), "a.b.c.");
        assert_eq!(Name::from_route53("."), Err(BadName::EmptyLabel));
        assert_eq!(Name::from_route53(""), Err(BadName::Empty));
        assert_eq!(Name::from_route53("\\0").unwrap().as_str(), "\\1340");
    }

    #[test]
    fn names_are_ordered_as_route_53_lists_them() {
        let listed = [
            "example.com",
            "0.example.com",
            "*.example.com",
            "_x.example.com",
            "a-b.example.com",
            "a.example.com",
            "b.a.example.com",
            "a_.example.com",
            "aa.example.com",
            "example.net",
        ];
        let mut sorted: Vec<Name> = listed.iter().rev().map(|text| host(text)).collect();
        sorted.sort();
        assert_eq!(sorted.iter().map(Name::as_str).collect::<Vec<_>>(), listed);
    }

    #[test]
    fn a_name_from_parts_is_that_of_its_text() {
        let read = |text: &str| Name::from_route53(text).unwrap();
        for name in ["com", "example.com", "*.example.com", "a\\056b.example.com", "a.b.example.com"] {
            let (name, rest) =
                (read(name), name.split_once('.').map_or(String::new(), |(_, rest)| format!(".{rest}")));
            for first in ["www", "*", "txt.a-www", "a\\040b"] {
                assert_eq!(name.with_first_label(first), Some(read(&format!("{first}{rest}"))));
                assert_eq!(name.child(first), Some(read(&format!("{first}.{name}"))));
            }
            assert_eq!([name.with_first_label(""), name.with_first_label("a..b")], [None, None]);
        }
        let longest = host(&["abc.".repeat(62), "d.com".to_owned()].concat());
        assert_eq!(longest.as_str().len(), 253);
        assert_eq!([longest.child("e"), longest.with_first_label("abcd")], [None, None]);
    }

    #[test]
    fn within_compares_labels_not_letters() {
        let zone = host("c.test");
        assert!(host("c.test").is_within(&zone));
        assert!(host("a.b.c.test").is_within(&zone));
        assert!(!host("evilc.test").is_within(&zone));
        assert!(!host("test").is_within(&zone));
    }
}
