//! The syntax of values, by record type.
//!
//! Source: "Supported DNS record types" in the Route 53 Developer Guide. NAPTR, DS, TLSA, SSHFP, SVCB, HTTPS, CAA and
//! SOA have no rule, so they can have any text.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::name::{self, Problem};

/// Maximum length of a string in a TXT value, in bytes after decoding.
const MAX_STRING: usize = 255;

/// Checks one value.
pub(super) fn check(rtype: &str, value: &str) -> Result<(), Problem> {
    match rtype {
        "A" => value.parse::<Ipv4Addr>().map(drop).map_err(|_| {
            Problem::new("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address", value)
        }),
        "AAAA" => value.parse::<Ipv6Addr>().map(drop).map_err(|_| {
            Problem::new("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address", value)
        }),
        "TXT" | "SPF" => character_strings(value),
        "CNAME" | "NS" | "PTR" => name::listed(value).map(drop),
        "MX" => numbers_and_name::<1>(value).unwrap_or_else(|| {
            Err(Problem::new("MXRRDATAIllegal", "Value should be a preference and a domain name", value))
        }),
        "SRV" => numbers_and_name::<3>(value).unwrap_or_else(|| {
            Err(Problem::new(
                "SRVRRDATAIllegal",
                "Value should be priority, weight, port and a domain name",
                value,
            ))
        }),
        _ => Ok(()),
    }
}

/// Reads `N` 16-bit numbers and a name. `None` if the value has another form.
fn numbers_and_name<const N: usize>(value: &str) -> Option<Result<(), Problem>> {
    let mut fields = value.split_ascii_whitespace();
    for _ in 0..N {
        fields.next()?.parse::<u16>().ok()?;
    }
    let target = fields.next()?;
    // A single `.` means that there is no such service (RFC 2782, RFC 7505).
    fields.next().is_none().then(|| if target == "." { Ok(()) } else { name::listed(target).map(drop) })
}

/// One or more strings in double quotes, with or without spaces between them.
fn character_strings(value: &str) -> Result<(), Problem> {
    let unquoted =
        || Problem::new("InvalidCharacterString", "Value should be enclosed in quotation marks", value);
    let mut rest = value.trim_matches(' ');
    if rest.is_empty() {
        return Err(unquoted());
    }
    while !rest.is_empty() {
        rest = rest.strip_prefix('"').ok_or_else(unquoted)?;
        let mut length = 0;
        loop {
            let character = rest.chars().next().ok_or_else(unquoted)?;
            let escaped = if name::octal(rest.as_bytes()).is_some() {
                4
            } else if character == '\\' {
                1 + rest.chars().nth(1).map_or(0, char::len_utf8)
            } else {
                0
            };
            if escaped == 0 && character != ' ' && !character.is_ascii_graphic() {
                return Err(Problem::unsupported(character));
            }
            rest = rest.get(escaped.max(character.len_utf8())..).unwrap_or_default();
            if escaped == 0 && character == '"' {
                break;
            }
            length += 1;
        }
        if length > MAX_STRING {
            return Err(Problem::new("CharacterStringTooLong", "Value is too long", value));
        }
        rest = rest.trim_start_matches(' ');
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_values() {
        let longest = format!("\"{}\"", "x".repeat(255));
        let escapes = format!("\"{}\"", r"\344".repeat(255));
        for (rtype, value) in [
            ("A", "192.0.2.1"),
            ("AAAA", "2001:db8::1"),
            ("AAAA", "::ffff:192.0.2.1"),
            ("CNAME", "www.example.test"),
            ("CNAME", "www.example.test."),
            ("NS", "ns-1.awsdns-00.com."),
            ("MX", "10 mail.example.test."),
            ("MX", "0 ."),
            ("SRV", "1 2 443 host.example.test."),
            ("TXT", r#""a b""#),
            ("TXT", r#""""#),
            ("TXT", r#""a" "b""#),
            ("TXT", r#""a""b""#),
            ("TXT", r#""say \"hi\" \\ \040""#),
            ("TXT", &longest),
            ("TXT", &escapes),
            ("TXT", "\"heritage=external-dns,external-dns/owner=x\""),
            ("CAA", "0 issue \"ca.test\""),
        ] {
            assert_eq!(check(rtype, value), Ok(()), "{rtype} {value}");
        }
    }

    #[test]
    fn bad_values_are_named_with_the_words_of_the_service() {
        let long = format!("\"{}\"", "x".repeat(256));
        for (rtype, value, expected) in [
            (
                "A",
                "192.0.2",
                "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '192.0.2'",
            ),
            (
                "A",
                "192.0.2.010",
                "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '192.0.2.010'",
            ),
            (
                "A",
                "2001:db8::1",
                "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '2001:db8::1'",
            ),
            (
                "AAAA",
                "192.0.2.1",
                "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address) encountered with '192.0.2.1'",
            ),
            (
                "TXT",
                "plain",
                "InvalidCharacterString (Value should be enclosed in quotation marks) encountered with 'plain'",
            ),
            (
                "TXT",
                "",
                "InvalidCharacterString (Value should be enclosed in quotation marks) encountered with ''",
            ),
            (
                "TXT",
                "\"open",
                "InvalidCharacterString (Value should be enclosed in quotation marks) encountered with '\"open'",
            ),
            (
                "TXT",
                "\"open\\",
                "InvalidCharacterString (Value should be enclosed in quotation marks) encountered with '\"open\\'",
            ),
            (
                "TXT",
                "\"a\" b",
                "InvalidCharacterString (Value should be enclosed in quotation marks) encountered with '\"a\" b'",
            ),
            ("TXT", &long, &format!("CharacterStringTooLong (Value is too long) encountered with '{long}'")),
            (
                "TXT",
                "\"ä\"",
                "UnsupportedCharacter (Value contains unsupported characters) encountered with 'ä'",
            ),
            (
                "TXT",
                "\"a\tb\"",
                "UnsupportedCharacter (Value contains unsupported characters) encountered with '\t'",
            ),
            ("CNAME", "a..test", "DomainLabelEmpty (Domain label is empty) encountered with 'a..test'"),
            (
                "MX",
                "mail.test.",
                "MXRRDATAIllegal (Value should be a preference and a domain name) encountered with 'mail.test.'",
            ),
            (
                "SRV",
                "1 2 host.test.",
                "SRVRRDATAIllegal (Value should be priority, weight, port and a domain name) encountered with '1 2 host.test.'",
            ),
        ] {
            assert_eq!(
                check(rtype, value).unwrap_err().to_string(),
                format!("FATAL problem: {expected}"),
                "{rtype}"
            );
        }
    }
}
