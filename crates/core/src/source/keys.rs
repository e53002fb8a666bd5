//! Lookups of all keys of one hostname, for every map by key.

use std::collections::BTreeMap;

use super::ClaimKey;
use crate::dns::Name;

/// The first key of a hostname in the order of keys: the one without a set identifier.
pub(super) fn first(host: &Name) -> ClaimKey {
    ClaimKey { host: host.clone(), set_id: None }
}

/// The entries of a map that belong to a hostname, with any set identifier.
pub(crate) fn entries_at<'m, V>(
    map: &'m BTreeMap<ClaimKey, V>,
    host: &'m Name,
) -> impl Iterator<Item = (&'m ClaimKey, &'m V)> {
    // Most maps are empty most of the time.
    let entries = (!map.is_empty()).then(|| map.range(first(host)..));
    entries.into_iter().flatten().take_while(move |(key, _)| key.host == *host)
}

/// The keys of a hostname that several sources know, each once.
pub(crate) fn union<'k>(keys: impl IntoIterator<Item = &'k ClaimKey>) -> Vec<ClaimKey> {
    // A hostname has few keys.
    let mut union: Vec<ClaimKey> = Vec::new();
    for key in keys {
        if !union.contains(key) {
            union.push(key.clone());
        }
    }
    union
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::SetId;

    #[test]
    fn entries_of_a_hostname_have_any_set_identifier_and_no_other_hostname() {
        let name = |text| Name::from_hostname(text).unwrap();
        let key = |host, set_id: Option<&str>| ClaimKey { host: name(host), set_id: set_id.map(SetId::new) };
        let keys = [
            key("a.example.com", Some("blue")),
            key("b.example.com", None),
            key("b.example.com", Some("blue")),
            key("b.example.com", Some("green")),
            key("c.example.com", None),
        ];
        let map: BTreeMap<ClaimKey, usize> = keys.into_iter().zip(0..).collect();
        let host = name("b.example.com");
        assert_eq!(entries_at(&map, &host).map(|(_, number)| *number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(entries_at(&map, &name("d.example.com")).count(), 0);
        let twice = entries_at(&map, &host).chain(entries_at(&map, &host)).map(|(key, _)| key);
        assert_eq!(union(twice).len(), 3);
    }
}
