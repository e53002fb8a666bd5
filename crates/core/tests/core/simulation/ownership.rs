//! Ownership of record sets, written from the design (§4) without the core's code.

use sha2::{Digest as _, Sha256};
use zonekeeper_core::source::ObjectRef;
use zonekeeper_emulator::zone::{HostedZone, RecordSet};

pub const US: &str = "us";
pub const THEM: &str = "them";
pub const APEX: &str = "example.com.";

/// The types that ExternalDNS recognizes in the name of a TXT (`registry/mapper/mapper.go`).
const TYPES: [&str; 10] = ["a", "aaaa", "cname", "ns", "mx", "ptr", "srv", "naptr", "txt", "dname"];

/// The names of ownership records in a run.
#[derive(Debug, Clone, Copy)]
pub struct TxtNames {
    pub prefix: &'static str,
    pub suffix: &'static str,
    pub wildcard: Option<&'static str>,
}

impl TxtNames {
    /// The name of the ownership record of a listed name, with a type if `rtype` is one.
    pub fn of(self, name: &str, rtype: Option<&str>) -> Option<String> {
        let (first, rest) = name.split_once('.')?;
        let first = if first == r"\052" { self.wildcard.unwrap_or(first) } else { first };
        let kind = rtype.map(str::to_ascii_lowercase);
        let fill = |affix: &str| affix.replace("%{record_type}", kind.as_deref().unwrap_or_default());
        let has_place = format!("{}{}", self.prefix, self.suffix).contains("%{record_type}");
        let label = match &kind {
            Some(kind) if !has_place => format!("{kind}-{first}"),
            _ => first.to_owned(),
        };
        let label = format!("{}{label}{}", fill(self.prefix), fill(self.suffix));
        // An escaped character is four characters of text.
        let bytes = label.split('.').map(|label| label.replace(r"\052", "*").len()).max()?;
        let text = format!("{label}.{rest}");
        (bytes <= 63 && text.strip_suffix(APEX).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
            .then_some(text)
    }

    /// The place of the ownership record of a set.
    pub fn place(self, name: &str, rtype: &str) -> String {
        self.of(name, Some(rtype)).unwrap_or_else(|| {
            let name = name.trim_end_matches('.').replace(r"\052", "*");
            let hash = Sha256::digest(name.as_bytes());
            let hex: Vec<String> = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            format!("_zk-{}-{}.{APEX}", rtype.to_ascii_lowercase(), hex.concat())
        })
    }

    /// The untyped name of the ownership record of a set, if it can belong to that set only.
    pub fn untyped(self, name: &str, rtype: &str) -> Option<String> {
        // A TXT is not its own ownership record.
        let is_of_itself = |at: &str| rtype == "TXT" && at == name;
        let untyped = self.of(name, None).filter(|_| rtype != "AAAA");
        untyped.filter(|at| !self.is_typed(at) && !is_of_itself(at))
    }

    /// Whether a listed name is the typed name of another hostname. A TXT there never belongs to a record at that name.
    fn is_typed(self, name: &str) -> bool {
        let has_place = format!("{}{}", self.prefix, self.suffix).contains("%{record_type}");
        TYPES.iter().any(|kind| {
            let fill = |affix: &str| affix.replace("%{record_type}", kind);
            let mark = if has_place { String::new() } else { format!("{kind}-") };
            // No run has a suffix with a dot.
            let marked = name.strip_prefix(&format!("{}{mark}", fill(self.prefix)));
            let first = marked.and_then(|rest| rest.split('.').next());
            first
                .and_then(|first| first.strip_suffix(&fill(self.suffix)))
                .is_some_and(|host| !host.is_empty())
        })
    }

    /// The owner of a set.
    pub fn owner<'z>(self, zone: &'z HostedZone, set: &RecordSet) -> Option<&'z str> {
        owner(self.text(zone, set)?)
    }

    /// The ownership record of a set.
    pub fn text<'z>(self, zone: &'z HostedZone, set: &RecordSet) -> Option<&'z RecordSet> {
        let text = |name: &str| zone.get(name, "TXT", set.set_identifier.as_deref());
        if let Some(txt) = text(&self.place(&set.name, &set.rtype)) {
            return Some(txt);
        }
        let of_cname =
            (set.rtype == "A" && set.alias_target.is_some()).then(|| self.of(&set.name, Some("CNAME")));
        let legacy = [of_cname.flatten(), self.untyped(&set.name, &set.rtype)].into_iter().flatten();
        let mut readable = legacy.filter_map(|name| text(&name)).filter(|txt| owner(txt).is_some());
        readable.next()
    }
}

/// The owner in a TXT.
pub fn owner(txt: &RecordSet) -> Option<&str> {
    stated(txt, "external-dns/owner=")
}

/// Whether a TXT at a fallback name states a listed name.
pub fn is_for(txt: &RecordSet, name: &str) -> bool {
    let says = format!("zonekeeper/name={}", name.trim_end_matches('.').replace(r"\052", "*"));
    !txt.name.starts_with("_zk-") || txt.values.concat().replace("\" \"", "").contains(&says)
}

/// The object in a TXT.
pub fn object(txt: &RecordSet) -> Option<ObjectRef> {
    stated(txt, "external-dns/resource=").map(ObjectRef::from_resource_label)
}

fn stated<'t>(set: &'t RecordSet, field: &str) -> Option<&'t str> {
    let [value] = set.values.as_slice() else { return None };
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    let mut tokens = text.split(',');
    tokens.clone().find(|token| *token == "heritage=external-dns")?;
    tokens.find_map(|token| token.strip_prefix(field))
}

/// An ownership value in ExternalDNS' format.
pub fn heritage(owner: &str, resource: &str) -> String {
    format!("\"heritage=external-dns,external-dns/owner={owner},external-dns/resource={resource}\"")
}
