//! Values of record sets, in the form of Route 53 ("Supported DNS record types", developer guide).

use std::{fmt::Write, net::IpAddr};

use arcstr::ArcStr;

use super::{Name, RecordType, TxtText};

/// A value that does not follow the syntax of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct BadValue(&'static str);

// === impl RecordType ===

impl RecordType {
    /// Checks a value of a type that leads to no address, and returns it with one space between its parts. A TXT without quotes
    /// gets them.
    ///
    /// # Errors
    ///
    /// The value does not follow the syntax of the type, or objects cannot ask for the type.
    pub fn read_value(&self, text: &str) -> Result<ArcStr, BadValue> {
        let bad = |expected| Err(BadValue(expected));
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let number = |word: &str| word.parse::<u16>().is_ok();
        match (self, words.as_slice()) {
            (Self::Mx, [preference, host]) if number(preference) && is_host_or_none(host) => {}
            (Self::Mx, _) => return bad("a preference and a host name, as `10 mail.example.com`"),
            (Self::Srv, [numbers @ .., host])
                if numbers.len() == 3 && numbers.iter().all(|word| number(word)) && is_host_or_none(host) => {
            }
            (Self::Srv, _) => {
                return bad("priority, weight, port and host name, as `0 50 8080 web.example.com`");
            }
            (Self::Caa, [flags, tag, ..])
                if flags.parse::<u8>().is_ok() && is_tag(tag) && is_one_string(after_two_words(text)) =>
            {
                return Ok(format!("{flags} {tag} {}", after_two_words(text)).into());
            }
            (Self::Caa, _) => return bad("flags, tag and one quoted value, as `0 issue \"ca.example.com\"`"),
            (Self::Txt, _) if text.trim().starts_with('"') => {
                return TxtText::accepted(text).or(bad("a text, or quoted strings"));
            }
            (Self::Txt, _) => return Ok(TxtText::new(text).to_value()),
            (Self::A | Self::Aaaa | Self::Cname | Self::Ns | Self::Other(_), _) => {
                return bad("another record type");
            }
        }
        Ok(words.join(" ").into())
    }

    /// The canonical spelling of a value: addresses as in Rust, names as in [`Name`], TXTs as their text. Other values, and
    /// values that cannot be read, are unchanged.
    pub(super) fn canonical(&self, value: &str) -> String {
        let name = |word: &str| Name::from_route53(word).ok().map(|name| name.to_string());
        let canonical = match self {
            Self::A | Self::Aaaa => value.parse::<IpAddr>().ok().map(|ip| ip.to_string()),
            Self::Cname => name(value),
            Self::Txt => TxtText::parse(value).ok().map(|text| text.as_str().to_owned()),
            Self::Mx | Self::Srv => {
                let words: Vec<&str> = value.split_ascii_whitespace().collect();
                let read = |(host, numbers): (&&str, &[&str])| {
                    let mut text = String::new();
                    for number in numbers {
                        write!(text, "{} ", number.parse::<u16>().ok()?).ok()?;
                    }
                    Some(text + &name(host)?)
                };
                words.split_last().and_then(read)
            }
            Self::Caa | Self::Ns | Self::Other(_) => None,
        };
        canonical.unwrap_or_else(|| value.to_owned())
    }
}

/// Whether a text is a host name. A dot alone says that there is no such service (RFC 7505, 3; RFC 2782).
fn is_host_or_none(text: &str) -> bool {
    text == "." || is_host(text)
}

/// The rest of a text after its first two words, without spaces around it.
fn after_two_words(text: &str) -> &str {
    let mut words = text.trim_start().splitn(2, |c: char| c.is_ascii_whitespace());
    let rest = words.nth(1).unwrap_or_default().trim_start();
    rest.split_once(|c: char| c.is_ascii_whitespace()).map_or("", |(_, rest)| rest.trim())
}

/// Whether a text is one string in quotation marks.
fn is_one_string(text: &str) -> bool {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.contains('"')) && TxtText::parse(text).is_ok()
}

fn is_host(text: &str) -> bool {
    Name::from_route53(text).is_ok_and(|name| !name.is_wildcard())
}

/// The tag of a CAA record (RFC 8659, 4.1): letters and digits.
fn is_tag(text: &str) -> bool {
    (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_follows_the_syntax_of_its_type() {
        for (rtype, text, expected) in [
            ("A", "192.0.2.1", None),
            ("MX", "10  mail.example.com", Some("10 mail.example.com")),
            ("MX", "0 .", Some("0 .")),
            ("MX", "mail.example.com", None),
            ("MX", "65536 mail.example.com", None),
            ("SRV", "0 50 30080 web.example.com.", Some("0 50 30080 web.example.com.")),
            ("SRV", "0 0 0 .", Some("0 0 0 .")),
            ("SRV", "0 50 web.example.com.", None),
            ("CAA", "0 issue \"ca.example.com; a=b\"", Some("0 issue \"ca.example.com; a=b\"")),
            ("CAA", " 0 \t issue  \"ca.example.com\" ", Some("0 issue \"ca.example.com\"")),
            ("CAA", "0 issue ca.example.com", None),
            ("CAA", "0 issue \"a\" \"b\"", None),
            ("CAA", "0 issue \"", None),
            ("CAA", "256 issue \"\"", None),
            ("TXT", "v=spf1 -all", Some("\"v=spf1 -all\"")),
            ("TXT", "\"a\" \"b\"", Some("\"a\" \"b\"")),
            ("TXT", "\"a", None),
            ("NS", "ns1.example.com", None),
            ("PTR", "web.example.com", None),
        ] {
            let value = RecordType::new(rtype).read_value(text).ok();
            assert_eq!(value.as_deref(), expected, "{rtype} {text}");
        }
    }

    #[test]
    fn values_are_compared_by_meaning() {
        for (rtype, one, other) in [
            ("MX", "010 Mail.example.com.", "10 mail.example.com"),
            ("SRV", "0 50 080 web.example.com.", "0 50 80 web.example.com"),
            ("TXT", r#""a\040b""#, r#""a b""#),
            ("AAAA", "2001:DB8:0::1", "2001:db8::1"),
            ("SRV", "x 1 2 web", "x 1 2 web"),
        ] {
            let rtype = RecordType::new(rtype);
            assert_eq!(rtype.canonical(one), rtype.canonical(other), "{one}");
        }
        assert_ne!(
            RecordType::Mx.canonical("10 a.example.com"),
            RecordType::Mx.canonical("20 a.example.com")
        );
    }
}
