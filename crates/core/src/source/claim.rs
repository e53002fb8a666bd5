//! Who asks for what: an index over the facts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Facts, Kind, ObjectId};
use crate::dns::{Name, SetId};

/// What is claimed: a hostname, and which of its set identifiers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimKey {
    /// The hostname.
    pub host: Name,
    /// The set identifier; none under simple routing, the only routing that objects can ask for.
    pub set_id: Option<SetId>,
}

/// One object asking for one key.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What it asks for.
    pub key: ClaimKey,
    /// The object's facts: where the name shall lead.
    pub facts: Arc<Facts>,
}

/// All claims on names of one zone, and the facts that they follow from.
///
/// Hostnames outside the zone are kept in the facts only: they are listed, never planned.
#[derive(Debug, Clone)]
pub struct Claims {
    apex: Name,
    facts: BTreeMap<ObjectId, Arc<Facts>>,
    /// The claimants of each key, the oldest first, then by namespace and name.
    claimants: BTreeMap<ClaimKey, Vec<Arc<Facts>>>,
}

// === impl ClaimKey ===

impl ClaimKey {
    /// The key of a hostname under simple routing.
    pub fn simple(host: Name) -> Self {
        Self { host, set_id: None }
    }
}

// === impl Claims ===

impl Claims {
    /// No claims yet on the zone with this apex.
    pub fn new(apex: Name) -> Self {
        Self { apex, facts: BTreeMap::new(), claimants: BTreeMap::new() }
    }

    /// Takes the facts of an object, or that it has none any more. Returns the hostnames for which something
    /// may follow: none where the facts are what they were.
    pub fn set(&mut self, object: &ObjectId, facts: Option<Facts>) -> BTreeSet<Name> {
        if self.facts.get(object).map(AsRef::as_ref) == facts.as_ref() {
            return BTreeSet::new();
        }
        let mut touched = BTreeSet::new();
        if let Some(old) = self.facts.remove(object) {
            for key in self.keys(&old) {
                if let Some(claimants) = self.claimants.get_mut(&key) {
                    claimants.retain(|facts| facts.object != *object);
                    if claimants.is_empty() {
                        self.claimants.remove(&key);
                    }
                }
                touched.insert(key.host);
            }
        }
        if let Some(new) = facts.map(Arc::new) {
            for key in self.keys(&new) {
                touched.insert(key.host.clone());
                let claimants = self.claimants.entry(key).or_default();
                let at = claimants.partition_point(|other| rank(other) < rank(&new));
                claimants.insert(at, Arc::clone(&new));
            }
            self.facts.insert(object.clone(), new);
        }
        touched
    }

    /// The claimants of a key, the oldest first, then by namespace and name.
    pub fn claimants(&self, key: &ClaimKey) -> &[Arc<Facts>] {
        self.claimants.get(key).map_or(&[], Vec::as_slice)
    }

    /// The keys claimed at a hostname.
    pub fn keys_at<'a>(&'a self, host: &'a Name) -> impl Iterator<Item = &'a ClaimKey> {
        let from = ClaimKey::simple(host.clone());
        self.claimants.range(from..).map(|(key, _)| key).take_while(move |key| key.host == *host)
    }

    /// Whether anything is claimed at a hostname.
    pub fn has_host(&self, host: &Name) -> bool {
        self.keys_at(host).next().is_some()
    }

    /// All claimed hostnames at or below a name, in the zone's order.
    pub fn hosts_within<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a Name> {
        let from = ClaimKey::simple(name.clone());
        let mut last = None;
        self.claimants
            .range(from..)
            .map(|(key, _)| &key.host)
            .take_while(move |host| host.is_within(name))
            .filter(move |host| last.replace(*host) != Some(*host))
    }

    /// The facts of every object that is selected, by object.
    pub fn facts(&self) -> impl Iterator<Item = &Arc<Facts>> {
        self.facts.values().filter(|facts| facts.passed_over.is_empty())
    }

    /// The hostnames that objects name and do not ask for, because they are not selected, by object.
    pub fn passed_over(&self) -> impl Iterator<Item = (&Name, &ObjectId)> {
        let facts = self.facts.values();
        facts.flat_map(|facts| facts.passed_over.iter().map(|host| (host, &facts.object)))
    }

    /// The facts of one object.
    pub fn facts_of(&self, object: &ObjectId) -> Option<&Arc<Facts>> {
        self.facts.get(object)
    }

    /// The objects of one kind, in one namespace where one is given.
    pub fn objects(&self, kind: Kind, namespace: Option<&str>) -> impl Iterator<Item = &ObjectId> {
        self.facts.keys().filter(move |id| {
            id.kind() == kind && namespace.is_none_or(|namespace| id.namespace() == namespace)
        })
    }

    /// Claimed hostnames that are not names of this zone, with the object that asks for them.
    pub fn outside(&self) -> impl Iterator<Item = (&Name, &ObjectId)> {
        self.facts
            .values()
            .flat_map(|facts| facts.hosts.iter().map(|host| (host, &facts.object)))
            .filter(|(host, _)| !host.is_within(&self.apex))
    }

    fn keys(&self, facts: &Facts) -> Vec<ClaimKey> {
        facts.hosts.iter().filter(|host| host.is_within(&self.apex)).cloned().map(ClaimKey::simple).collect()
    }
}

/// The order of claimants: creation, then namespace, then name; the kind breaks what is left of a tie.
fn rank(facts: &Facts) -> (i64, &str, &str, Kind) {
    (facts.created, facts.object.namespace(), facts.object.name(), facts.object.kind())
}
