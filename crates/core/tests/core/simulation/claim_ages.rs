//! The ages of claims in the cluster. A claim of a certain age never loses its hostname to another object.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use zonekeeper_core::{
    dns::Name,
    keeper::Time,
    source::{ClaimKey, Facts, ObjectRef},
};

/// The age at which every process knows a claim, even after failures of its watch.
const KNOWN: Duration = Duration::from_mins(5);

/// The times since which objects claim hostnames with targets.
#[derive(Debug, Clone, Default)]
pub struct ClaimAges {
    since: BTreeMap<(ObjectRef, ClaimKey), Time>,
    /// All hostnames that objects of each namespace have ever claimed.
    hosts: BTreeMap<String, BTreeSet<Name>>,
}

impl ClaimAges {
    /// Notes a changed object.
    pub fn changed(&mut self, object: &ObjectRef, facts: Option<&Facts>, now: Time) {
        let hosts = self.hosts.entry(object.namespace().to_owned()).or_default();
        hosts.extend(facts.into_iter().flat_map(|facts| facts.hosts().cloned()));
        let holds = |facts: &&Facts| {
            facts.endpoints.iter().all(|endpoint| !endpoint.content.is_empty())
                && facts.controls.hand_over_to.is_none()
                && facts.problems.is_empty()
        };
        let keys = facts.filter(holds).into_iter().flat_map(|facts| &facts.endpoints);
        let keys: BTreeSet<&ClaimKey> = keys.map(|endpoint| &endpoint.key).collect();
        self.since.retain(|(other, key), _| other != object || keys.contains(key));
        for key in keys {
            self.since.entry((object.clone(), key.clone())).or_insert(now);
        }
    }

    /// Whether every process knows the claim of an object.
    pub fn holds(&self, object: &ObjectRef, key: &ClaimKey, now: Time) -> bool {
        self.since.get(&(object.clone(), key.clone())).is_some_and(|since| now - *since > KNOWN)
    }

    /// The number of hostnames that objects of each namespace have ever claimed.
    pub fn hosts(&self) -> BTreeMap<String, usize> {
        self.hosts.iter().map(|(namespace, hosts)| (namespace.clone(), hosts.len())).collect()
    }
}
