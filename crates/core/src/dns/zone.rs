//! The record sets of one hosted zone, in Route 53's order.

use std::collections::BTreeMap;

use super::{Data, Name, RecordSet, RecordType, SetId, SetKey, ZoneId};

/// The content of a hosted zone: names in Route 53's order, each with its record sets.
#[derive(Debug, Clone)]
pub struct Zone {
    id: ZoneId,
    apex: Name,
    is_private: bool,
    names: BTreeMap<Name, Vec<RecordSet>>,
}

// === impl Zone ===

impl Zone {
    /// An empty public zone.
    pub fn new(id: ZoneId, apex: Name) -> Self {
        Self { id, apex, is_private: false, names: BTreeMap::new() }
    }

    /// The same zone, private or public.
    #[must_use]
    pub fn private(self, is_private: bool) -> Self {
        Self { is_private, ..self }
    }

    /// Whether the zone is private. A private zone answers only in its VPCs.
    pub fn is_private(&self) -> bool {
        self.is_private
    }

    /// The id.
    pub fn id(&self) -> &ZoneId {
        &self.id
    }

    /// The zone's own name.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The sets of one name, ordered by type and set identifier.
    pub fn at(&self, name: &Name) -> &[RecordSet] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// One set.
    pub fn get(&self, name: &Name, rtype: &RecordType, set_id: Option<&SetId>) -> Option<&RecordSet> {
        self.at(name).iter().find(|set| set.key.rtype == *rtype && set.key.set_id.as_ref() == set_id)
    }

    /// Inserts a set. It replaces the set with the same key.
    pub fn put(&mut self, mut set: RecordSet) {
        let entry = self.names.entry(set.key.name.clone());
        // The sets of a name share its text.
        set.key.name = entry.key().clone();
        let sets = entry.or_default();
        match sets.binary_search_by(|other| other.key.cmp(&set.key)) {
            Ok(at) => sets.splice(at..=at, [set]).for_each(drop),
            Err(at) => {
                // A name has few sets, and a vector that grows by itself makes room for four.
                sets.reserve_exact(1);
                sets.insert(at, set);
            }
        }
    }

    /// Removes a set.
    pub fn remove(&mut self, key: &SetKey) {
        if let Some(sets) = self.names.get_mut(&key.name) {
            sets.retain(|set| set.key != *key);
            if sets.is_empty() {
                self.names.remove(&key.name);
            }
        }
    }

    /// Replaces all sets of a name.
    pub fn replace(&mut self, name: &Name, mut sets: Vec<RecordSet>) {
        if sets.is_empty() {
            self.names.remove(name);
        } else {
            sets.sort_by(|a, b| a.key.cmp(&b.key));
            sets.shrink_to_fit();
            for set in &mut sets {
                set.key.name = name.clone();
            }
            self.names.insert(name.clone(), sets);
        }
    }

    /// All names from `from` on, with their sets.
    pub fn names_from<'a>(&'a self, from: &'a Name) -> impl Iterator<Item = (&'a Name, &'a [RecordSet])> {
        self.names.range(from..).map(|(name, sets)| (name, sets.as_slice()))
    }

    /// Whether a name exists: it, or a name below it, has records. A wildcard does not answer for it (RFC 4592, 2.2.1).
    pub fn exists(&self, name: &Name) -> bool {
        self.names.range(name..).next().is_some_and(|(found, _)| found.is_within(name)) || *name == self.apex
    }

    /// All record sets in Route 53's order.
    pub fn sets(&self) -> impl Iterator<Item = &RecordSet> {
        self.names.values().flatten()
    }

    /// The name in this zone to which a CNAME or an alias leads, if it leads to one.
    pub fn target(&self, set: &RecordSet) -> Option<Name> {
        match &set.data {
            Data::Alias(alias) => (alias.zone == self.id).then(|| alias.target.clone()),
            Data::Values { values, .. } if *set.rtype() == RecordType::Cname => {
                let target = Name::from_route53(values.first()?).ok()?;
                Some(target).filter(|target| target.is_within(&self.apex))
            }
            Data::Values { .. } | Data::TrafficPolicy(_) => None,
        }
    }

    /// The number of record sets.
    pub fn len(&self) -> usize {
        self.names.values().map(Vec::len).sum()
    }

    /// Whether the zone has no record sets.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The delegation above `name`: an NS set at the name or above it, below the apex.
    ///
    /// The zone does not answer for names at or below a delegation (RFC 1034, 4.3.2).
    pub fn cut_above(&self, name: &Name) -> Option<Name> {
        let mut at = Some(name.clone());
        let mut found = None;
        while let Some(name) = at.filter(|name| *name != self.apex && name.is_within(&self.apex)) {
            if self.at(&name).iter().any(|set| set.key.rtype == RecordType::Ns) {
                found = Some(name.clone());
            }
            at = name.parent();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Data, Ttl, Values};

    fn name(text: &str) -> Name {
        Name::from_hostname(text).unwrap()
    }

    fn set(at: &str, rtype: RecordType, value: &str) -> RecordSet {
        RecordSet::simple(
            name(at),
            rtype,
            Data::Values { ttl: Ttl::DEFAULT, values: Values::from_iter([value.into()]) },
        )
    }

    fn zone() -> Zone {
        Zone::new(ZoneId::new("Z1").unwrap(), name("example.com"))
    }

    #[test]
    fn a_set_replaces_the_one_with_its_key() {
        let mut zone = zone();
        zone.put(set("a.example.com", RecordType::Txt, "\"x\""));
        zone.put(set("a.example.com", RecordType::A, "192.0.2.1"));
        zone.put(set("a.example.com", RecordType::A, "192.0.2.2"));
        let lines: Vec<String> = zone.sets().map(ToString::to_string).collect();
        assert_eq!(lines, ["a.example.com A 192.0.2.2 ttl=300", "a.example.com TXT \"x\" ttl=300"]);
        zone.remove(&set("a.example.com", RecordType::A, "").key);
        zone.remove(&set("a.example.com", RecordType::Txt, "").key);
        assert!(zone.is_empty());
    }

    #[test]
    fn the_cut_nearest_to_the_apex_decides() {
        let mut zone = zone();
        zone.put(set("example.com", RecordType::Ns, "ns1.example.net"));
        zone.put(set("team.example.com", RecordType::Ns, "ns1.example.net"));
        zone.put(set("deep.team.example.com", RecordType::Ns, "ns1.example.net"));
        assert_eq!(zone.cut_above(&name("www.example.com")), None);
        assert_eq!(zone.cut_above(&name("example.com")), None);
        assert_eq!(zone.cut_above(&name("team.example.com")), Some(name("team.example.com")));
        assert_eq!(zone.cut_above(&name("a.deep.team.example.com")), Some(name("team.example.com")));
    }
}
