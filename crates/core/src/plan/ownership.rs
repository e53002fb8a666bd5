//! Ownership of record sets: the names of ownership records, and the owner that they state.
//!
//! The lookup always goes from the record to its ownership record. [`Naming::hosts_at`] goes the other way to find
//! candidates. It checks each candidate in the normal direction.

use std::borrow::Cow;

use super::{Heritage, OwnerId, Reason, digest::hex};
use crate::{
    dns::{Name, RecordSet, RecordType, SetId, Zone},
    source::ObjectRef,
};

/// The placeholder for the record's type in a prefix or suffix.
const TYPE_PLACEHOLDER: &str = "%{record_type}";

/// [`RecordType::WRITABLE`] in the name of a TXT.
const WRITABLE_IN_NAMES: [&str; 7] = ["a", "aaaa", "caa", "cname", "mx", "srv", "txt"];

/// The types that `ExternalDNS` recognizes in the name of a TXT, in its order (`registry/mapper/mapper.go`).
const TYPES_IN_NAMES: [&str; 10] = ["a", "aaaa", "cname", "ns", "mx", "ptr", "srv", "naptr", "txt", "dname"];

/// Number of hexadecimal digits of the hash in a fallback name. The label has at most 42 bytes.
const FALLBACK_DIGITS: usize = 32;

/// Beginning of every fallback name.
const FALLBACK_PREFIX: &str = "_zk-";

/// The names of ownership records: ExternalDNS' `--txt-prefix`, `--txt-suffix` and `--txt-wildcard-replacement`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Naming {
    prefix: String,
    suffix: String,
    wildcard: Option<String>,
}

/// An invalid prefix, suffix or replacement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNaming {
    /// A prefix and a suffix.
    #[error("a TXT prefix and a TXT suffix cannot be used together, as in ExternalDNS")]
    Both,
    /// Characters that names cannot have.
    #[error(
        "`{0}` has characters that cannot stand in a name (a-z, 0-9, `-`, `_`, `.` and %{{record_type}} can)"
    )]
    Characters(String),
}

/// The place of the ownership record of a record set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TxtPlace {
    pub name: Name,
    /// Whether the value must state the record's name, because the TXT's name does not contain it.
    pub states_name: bool,
}

/// The owner of a record set, as the zone states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    Nobody,
    Us,
    Other(String),
    /// The TXT at this name is not exactly one ownership value.
    Unreadable(Name),
    /// Another record excludes the ownership record. Only `plan/written.rs` sets this.
    PlaceTaken(Reason),
}

/// The ownership of one record set, and its sources.
#[derive(Debug, Clone)]
pub(super) struct Ownership<'z> {
    pub owner: Owner,
    /// The object that the ownership record names, for any owner.
    pub object: Option<ObjectRef>,
    /// The place of our ownership record.
    pub place: TxtPlace,
    /// The TXT in that place.
    pub txt: Option<&'z RecordSet>,
    /// The names that were read.
    pub reads: Vec<Name>,
}

// === impl Naming ===

impl Naming {
    /// Checks a prefix, a suffix and a replacement for `*`.
    pub fn new(prefix: &str, suffix: &str, wildcard: Option<&str>) -> Result<Self, BadNaming> {
        if !prefix.is_empty() && !suffix.is_empty() {
            return Err(BadNaming::Both);
        }
        let checked = |text: &str| {
            let text = text.to_ascii_lowercase();
            let valid = text
                .replace(TYPE_PLACEHOLDER, "")
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'));
            if valid { Ok(text) } else { Err(BadNaming::Characters(text)) }
        };
        let wildcard = wildcard.filter(|text| !text.is_empty()).map(checked).transpose()?;
        Ok(Self { prefix: checked(prefix)?, suffix: checked(suffix)?, wildcard })
    }

    /// Whether the ownership record of a hostname would be that of the wildcard beside it.
    pub(super) fn is_wildcard_replacement(&self, host: &Name) -> bool {
        self.wildcard.as_deref().is_some_and(|wildcard| host.split_first().0 == wildcard)
    }

    /// The name that stands for a wildcard in the names of ownership records, if a replacement is set.
    pub(super) fn replacement(&self, host: &Name) -> Option<Name> {
        let wildcard = self.wildcard.as_deref().filter(|_| host.is_wildcard())?;
        host.with_first_label(wildcard)
    }

    /// The wildcard for which a name stands, if the name is its replacement.
    pub(super) fn wildcard_replaced_by(&self, name: &Name) -> Option<Name> {
        self.is_wildcard_replacement(name).then(|| name.with_first_label("*")).flatten()
    }

    /// The name with records that shares its ownership records with a wildcard.
    pub(super) fn shared_with(&self, zone: &Zone, host: &Name) -> Option<Name> {
        let has_record = |name: &Name| zone.at(name).iter().any(can_be_owned);
        self.replacement(host).filter(has_record)
    }

    /// The place of the ownership record of a record.
    pub(super) fn place(&self, apex: &Name, host: &Name, rtype: &RecordType) -> TxtPlace {
        let rtype = rtype.as_str().to_ascii_lowercase();
        if let Some(name) = self.typed(apex, host, &rtype) {
            return TxtPlace { name, states_name: false };
        }
        let label = format!("{FALLBACK_PREFIX}{rtype}-{}", hex(host.as_str(), FALLBACK_DIGITS));
        // If no label fits before the apex, the zone has no other hostnames.
        let name = apex.child(&label).unwrap_or_else(|| apex.clone());
        TxtPlace { name, states_name: true }
    }

    /// The places of the ownership records of this hostname, for records of these types.
    pub(super) fn places<'t>(
        &self,
        apex: &Name,
        host: &Name,
        types: impl Iterator<Item = &'t RecordType>,
    ) -> impl Iterator<Item = Name> {
        types.map(|rtype| self.place(apex, host, rtype).name)
    }

    /// The hostnames whose ownership record belongs at `name`, for some type. It finds none for a fallback name: see
    /// [`TxtIndex`](super::TxtIndex).
    pub fn hosts_at(&self, apex: &Name, name: &Name) -> Vec<Name> {
        let mut hosts: Vec<Name> = WRITABLE_IN_NAMES
            .into_iter()
            .flat_map(|rtype| self.candidates(name, rtype).into_iter().map(move |host| (rtype, host)))
            .filter(|(rtype, host)| self.typed(apex, host, rtype).as_ref() == Some(name))
            .map(|(_, host)| host)
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// The same, with the hostnames whose untyped legacy name is `name`. A hostname can come twice.
    pub(super) fn hosts_in_any_form_at(&self, apex: &Name, name: &Name) -> impl Iterator<Item = Name> {
        let untyped = self.candidates(name, "").into_iter();
        let untyped = untyped.filter(|host| self.untyped(apex, host).as_ref() == Some(name));
        self.hosts_at(apex, name).into_iter().chain(untyped)
    }

    /// Whether `name` is the typed name of another hostname for `ExternalDNS`. A TXT at `a-bank` belongs to the A record
    /// of `bank`, never to a record at `a-bank`.
    fn has_type(&self, apex: &Name, name: &Name) -> bool {
        TYPES_IN_NAMES.iter().any(|rtype| {
            let mut hosts = self.candidates(name, rtype).into_iter();
            hosts.any(|host| self.typed(apex, &host, rtype).as_ref() == Some(name))
        })
    }

    /// Whether `name` could be a fallback name.
    pub fn is_fallback(name: &Name) -> bool {
        name.as_str().starts_with(FALLBACK_PREFIX)
    }

    /// Whether an ownership record can be outside the parent of its hostname.
    pub(super) fn spans_labels(&self) -> bool {
        self.prefix.contains('.') || self.suffix.contains('.')
    }

    fn has_placeholder(&self) -> bool {
        self.prefix.contains(TYPE_PLACEHOLDER) || self.suffix.contains(TYPE_PLACEHOLDER)
    }

    /// The name with the type, if it is in the zone.
    fn typed(&self, apex: &Name, host: &Name, rtype: &str) -> Option<Name> {
        let mark = if self.has_placeholder() { "" } else { rtype };
        self.affixed(apex, host, mark, rtype)
    }

    /// The legacy name without a type, if it is in the zone.
    pub(super) fn untyped(&self, apex: &Name, host: &Name) -> Option<Name> {
        self.affixed(apex, host, "", "")
    }

    fn first_label<'a>(&'a self, host: &'a Name) -> &'a str {
        match (&self.wildcard, host.split_first().0) {
            (Some(wildcard), "*") => wildcard,
            (_, label) => label,
        }
    }

    /// The hostname with prefix and suffix, and `mark` before its first label.
    fn affixed(&self, apex: &Name, host: &Name, mark: &str, rtype: &str) -> Option<Name> {
        let (prefix, suffix) = (filled(&self.prefix, rtype), filled(&self.suffix, rtype));
        let (dash, label) = (if mark.is_empty() { "" } else { "-" }, self.first_label(host));
        host.with_first_label(&format!("{prefix}{mark}{dash}{label}{suffix}"))
            .filter(|name| name.is_within(apex))
    }

    /// The hostnames whose ownership record may be at `name`. An empty type stands for the legacy name.
    fn candidates<'n>(&self, name: &'n Name, rtype: &str) -> Vec<Name> {
        let (prefix, suffix) = (filled(&self.prefix, rtype), filled(&self.suffix, rtype));
        let rest = name.as_str().strip_prefix(&*prefix);
        let is_marked = !self.has_placeholder() && !rtype.is_empty();
        let unmarked = |rest: &'n str| {
            if is_marked { rest.strip_prefix(rtype)?.strip_prefix('-') } else { Some(rest) }
        };
        let Some(rest) = rest.and_then(unmarked) else { return Vec::new() };
        // A label has no dot. A suffix can have one, and begins before the first.
        let end = rest.find('.').unwrap_or(rest.len());
        let of_label = suffix.split('.').next().unwrap_or_default();
        let Some((label, parent)) = end.checked_sub(of_label.len()).and_then(|at| rest.split_at_checked(at))
        else {
            return Vec::new();
        };
        let Some(parent) = parent.strip_prefix(&*suffix) else { return Vec::new() };
        let mut labels = vec![label];
        if self.wildcard.as_deref() == Some(label) {
            labels.push("*");
        }
        labels.iter().filter_map(|label| Name::from_route53(&format!("{label}{parent}")).ok()).collect()
    }

    /// Looks up the owner of the set `(host, rtype, set_id)`, which may be missing in the zone.
    pub(super) fn look_up<'z>(
        &self,
        zone: &'z Zone,
        owner: &OwnerId,
        host: &Name,
        rtype: &RecordType,
        set_id: Option<&SetId>,
    ) -> Ownership<'z> {
        let apex = zone.apex();
        let place = self.place(apex, host, rtype);
        let mut reads = vec![host.clone(), place.name.clone()];
        reads.extend(self.replacement(host));
        let typed = zone.get(&place.name, &RecordType::Txt, set_id);
        let (found_owner, object) = if self.shared_with(zone, host).is_some() {
            (Owner::Unreadable(place.name.clone()), None)
        } else if let Some(set) = typed {
            match Heritage::of(set) {
                Some(said) if !place.states_name || said.name.as_deref() == Some(host.as_str()) => {
                    read_owner(said, owner)
                }
                _ => (Owner::Unreadable(place.name.clone()), None),
            }
        } else {
            let mut found = (Owner::Nobody, None);
            for (name, said) in self.older(zone, host, rtype, set_id) {
                reads.push(name);
                if let Some((_, said)) = said {
                    found = read_owner(said, owner);
                    break;
                }
            }
            found
        };
        Ownership { owner: found_owner, object, place, txt: typed, reads }
    }

    /// The legacy names of the ownership record of a set, in the order of their precedence, each with the ownership record
    /// there. They count only if the typed name has no TXT.
    pub(super) fn older<'z>(
        &self,
        zone: &'z Zone,
        host: &Name,
        rtype: &RecordType,
        set_id: Option<&SetId>,
    ) -> impl Iterator<Item = (Name, Option<(&'z RecordSet, Heritage)>)> {
        let apex = zone.apex();
        // ExternalDNS before 0.22 uses the name of a CNAME for an alias A.
        let is_alias = zone.get(host, rtype, set_id).is_some_and(RecordSet::is_alias);
        let of_cname = || self.typed(apex, host, "cname");
        let untyped = (*rtype != RecordType::Aaaa).then(|| self.untyped(apex, host)).flatten();
        // A TXT is not its own ownership record.
        let untyped = untyped.filter(|name| *rtype != RecordType::Txt || name != host);
        let names = [(*rtype == RecordType::A && is_alias).then(of_cname).flatten(), untyped.clone()];
        names.into_iter().flatten().map(move |name| {
            let said =
                zone.get(&name, &RecordType::Txt, set_id).and_then(|set| Some((set, Heritage::of(set)?)));
            let is_of_another = || untyped.as_ref() == Some(&name) && self.has_type(apex, &name);
            let said = said.filter(|_| !is_of_another());
            (name, said)
        })
    }
}

/// Whether a record set can have an ownership record: objects can ask for its type, and it is no ownership record itself.
pub(super) fn can_be_owned(set: &RecordSet) -> bool {
    let rtype = set.rtype();
    rtype.is_address() || RecordType::WRITABLE.contains(rtype) && Heritage::of(set).is_none()
}

/// A prefix or suffix with the type in place of the placeholder.
fn filled<'a>(affix: &'a str, rtype: &str) -> Cow<'a, str> {
    if affix.contains(TYPE_PLACEHOLDER) {
        affix.replace(TYPE_PLACEHOLDER, rtype).into()
    } else {
        affix.into()
    }
}

fn read_owner(text: Heritage, owner: &OwnerId) -> (Owner, Option<ObjectRef>) {
    let found_owner = if text.owner == owner.as_str() { Owner::Us } else { Owner::Other(text.owner) };
    (found_owner, text.object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::from_hostname(text).unwrap()
    }

    fn place(naming: (&str, &str, Option<&str>), host: &str, rtype: &str) -> String {
        let naming = Naming::new(naming.0, naming.1, naming.2).unwrap();
        naming.place(&name("example.com"), &name(host), &RecordType::new(rtype)).name.to_string()
    }

    #[test]
    fn txt_names_are_those_of_external_dns() {
        let plain = ("", "", None);
        for (naming, host, rtype, expected) in [
            (plain, "app.example.com", "A", "a-app.example.com"),
            (plain, "app.example.com", "AAAA", "aaaa-app.example.com"),
            (plain, "app.example.com", "CNAME", "cname-app.example.com"),
            (plain, "*.example.com", "A", "a-*.example.com"),
            (("", "", Some("wildcard")), "*.example.com", "A", "a-wildcard.example.com"),
            (("%{record_type}-extdns.", "", None), "example.com", "A", "a-extdns.example.com"),
            (("txt.", "", None), "foo.example.com", "A", "txt.a-foo.example.com"),
            (("txt-%{record_type}.", "", None), "foo.example.com", "A", "txt-a.foo.example.com"),
            (("", "-txt", None), "foo.example.com", "CNAME", "cname-foo-txt.example.com"),
            (("", "-%{record_type}", None), "foo.example.com", "A", "foo-a.example.com"),
            (("txt-", "", Some("wild")), "*.example.com", "A", "txt-a-wild.example.com"),
        ] {
            assert_eq!(place(naming, host, rtype), expected, "{naming:?} {host}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_typed_falls_back_to_a_hash() {
        let long = "x".repeat(62);
        for (host, rtype) in
            [("example.com", "A"), (&format!("{long}.example.com"), "A"), ("example.com", "AAAA")]
        {
            let place = place(("", "", None), host, rtype);
            let kind = rtype.to_ascii_lowercase();
            assert!(place.starts_with(&format!("_zk-{kind}-")), "{place}");
            assert!(place.ends_with(".example.com"));
            assert_eq!(place.split('.').next().unwrap().len(), 4 + kind.len() + 1 + 32);
        }
    }

    #[test]
    fn hosts_are_found_from_txt_names_by_looking_forward() {
        for (naming, host) in [
            (("", "", None), "bank.example.com"),
            (("", "", None), "*.example.com"),
            (("", "", None), "a-bank.example.com"),
            (("", "", Some("any")), "*.example.com"),
            (("own.", "", None), "bank.example.com"),
            (("%{record_type}.own-", "", None), "bank.example.com"),
            (("", "-own", None), "bank.example.com"),
            (("", "-own.%{record_type}", None), "bank.example.com"),
            (("", "-own", None), "an-owner.example.com"),
            (("", ".own", None), "bank.example.com"),
        ] {
            let naming = Naming::new(naming.0, naming.1, naming.2).unwrap();
            for rtype in ["A", "AAAA", "CNAME"] {
                let txt = naming.place(&name("example.com"), &name(host), &RecordType::new(rtype)).name;
                let hosts = naming.hosts_at(&name("example.com"), &txt);
                assert!(hosts.contains(&name(host)), "{naming:?} {txt} {hosts:?}");
            }
        }
        let plain = Naming::default();
        assert_eq!(plain.hosts_at(&name("example.com"), &name("bank.example.com")), []);
    }
}
