//! The value of an ownership record, byte for byte in the format of ExternalDNS' TXT registry.

use std::{fmt, str::FromStr};

use arcstr::ArcStr;

use crate::{
    dns::{MAX_STRING_BYTES, Name, RecordSet, TxtText},
    sanitize::escaped,
    source::ObjectRef,
};

/// The owner id of a cluster (`--owner-id`). Each cluster has its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(ArcStr);

/// An owner id with characters that an ownership record cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an owner id has 1 to {} printable ASCII characters, without spaces, commas, quotes and backslashes",
    OwnerId::MAX_BYTES
)]
pub struct BadOwnerId;

/// The content of an ownership record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heritage {
    /// The owner id.
    pub owner: String,
    /// The object that the record is for, if the value names one.
    pub object: Option<ObjectRef>,
    /// The name of the record, if the name of the ownership record does not contain it.
    pub name: Option<String>,
}

// === impl OwnerId ===

impl OwnerId {
    /// Maximum length in bytes. A value without a resource then fits into one string of a TXT.
    pub const MAX_BYTES: usize = 200;

    /// The owner id of ExternalDNS without `--txt-owner-id`. All such clusters look like one owner.
    pub const DEFAULT_OF_EXTERNAL_DNS: &'static str = "default";

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OwnerId {
    type Err = BadOwnerId;

    fn from_str(text: &str) -> Result<Self, BadOwnerId> {
        let valid = (1..=Self::MAX_BYTES).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b',' | b'"' | b'\\'));
        if valid { Ok(Self(text.into())) } else { Err(BadOwnerId) }
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Heritage ===

impl Heritage {
    /// Reads a TXT set. `None` if it does not hold exactly one value, or if the value is not an ownership value.
    pub fn of(set: &RecordSet) -> Option<Self> {
        match set.values() {
            [value] => Self::parse(&TxtText::parse(value).ok()?),
            _ => None,
        }
    }

    /// Reads the text of a TXT. `None` if it is not an ownership value with an owner.
    ///
    /// The rules are those of ExternalDNS: commas separate the tokens, and the first `=` splits a token. One `heritage`
    /// must be `external-dns`, and no `heritage` may be anything else. Unknown tokens are ignored. Invisible characters
    /// are escaped. None of our owner ids and objects contains such a character or a backslash.
    pub fn parse(text: &TxtText) -> Option<Self> {
        let (mut ours, mut owner, mut object, mut name) = (false, None, None, None);
        for token in text.as_str().split(',') {
            match token.split_once('=') {
                Some(("heritage", "external-dns")) => ours = true,
                Some(("heritage", _)) => return None,
                Some(("external-dns/owner", value)) => owner = Some(escaped(value)),
                Some(("external-dns/resource", value)) => {
                    object = Some(ObjectRef::from_resource_label(&escaped(value)));
                }
                Some(("zonekeeper/name", value)) => name = Some(escaped(value)),
                _ => {}
            }
        }
        let owner = owner.filter(|owner| ours && !owner.is_empty())?;
        Some(Self { owner, object, name })
    }

    /// The value for a record of `object`. `stated` is the record's name, if the name of the TXT does not contain it.
    ///
    /// A text over [`MAX_STRING_BYTES`] loses its resource, because ExternalDNS writes and reads one string only.
    pub fn text(owner: &OwnerId, object: &ObjectRef, stated: Option<&Name>) -> TxtText {
        let owner = format!("heritage=external-dns,external-dns/owner={owner}");
        let whole = format!("{owner},external-dns/resource={}", object.resource_label());
        let text = if whole.len() > MAX_STRING_BYTES { owner } else { whole };
        TxtText::new(match stated {
            Some(name) => format!("{text},zonekeeper/name={name}"),
            None => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Kind;

    fn parse(text: &str) -> Option<Heritage> {
        Heritage::parse(&TxtText::new(text))
    }

    #[test]
    fn the_text_is_that_of_external_dns() {
        let owner: OwnerId = "my-owner".parse().unwrap();
        let object = ObjectRef::new(Kind::Ingress, "default", "web");
        assert_eq!(
            &*Heritage::text(&owner, &object, None).to_value(),
            "\"heritage=external-dns,external-dns/owner=my-owner,external-dns/resource=ingress/default/web\""
        );
        let long = ObjectRef::new(Kind::Ingress, "default", &"x".repeat(253));
        let text = Heritage::text(&owner, &long, None);
        assert_eq!(text.as_str(), "heritage=external-dns,external-dns/owner=my-owner");
        let object = |length| ObjectRef::new(Kind::Ingress, "default", &"x".repeat(length));
        let lengths = (0..=253).map(|length| Heritage::text(&owner, &object(length), None).as_str().len());
        assert_eq!(lengths.max(), Some(MAX_STRING_BYTES));
    }

    #[test]
    fn a_text_is_read_as_external_dns_reads_it() {
        let read =
            parse("heritage=external-dns,external-dns/owner=me,external-dns/resource=ingress/a/b").unwrap();
        let object = ObjectRef::new(Kind::Ingress, "a", "b");
        assert_eq!((read.owner.as_str(), read.object), ("me", Some(object)));
        assert_eq!(parse("external-dns/owner=a=b,heritage=external-dns,x").unwrap().owner, "a=b");
        for text in [
            "",
            "v=spf1 -all",
            "heritage=external-dns",
            "external-dns/owner=me",
            "heritage=external-dns,external-dns/owner=",
            "heritage=external-dns,external-dns/owner=me,heritage=other",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_owner_id_can_be_read_back() {
        for text in ["prod", "eu-1/prod=x", &"x".repeat(200)] {
            assert!(text.parse::<OwnerId>().is_ok(), "{text}");
        }
        for text in ["", "a b", "a,b", "a\"b", "a\\b", "ü", &"x".repeat(201)] {
            assert_eq!(text.parse::<OwnerId>(), Err(BadOwnerId), "{text}");
        }
    }
}
