//! Who has had a hostname for how long, seen from the cluster: such a name is given to nobody else.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use zonekeeper_core::{
    dns::Name,
    keeper::Time,
    source::{ClaimKey, Facts, ObjectRef},
};

/// By then every process knows of an object, whatever its watch went through.
const KNOWN: Duration = Duration::from_mins(5);

/// Since when objects ask for hostnames and say where these shall lead.
#[derive(Debug, Clone, Default)]
pub struct Tenures {
    since: BTreeMap<(ObjectRef, ClaimKey), Time>,
    /// All hostnames that anybody has ever asked for.
    hosts: BTreeSet<Name>,
}

impl Tenures {
    /// An object has changed.
    pub fn changed(&mut self, object: &ObjectRef, facts: Option<&Facts>, now: Time) {
        self.hosts.extend(facts.into_iter().flat_map(|facts| facts.hosts().cloned()));
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

    /// Whether everybody knows that an object has a hostname.
    pub fn holds(&self, object: &ObjectRef, key: &ClaimKey, now: Time) -> bool {
        self.since.get(&(object.clone(), key.clone())).is_some_and(|since| now - *since > KNOWN)
    }

    /// How many hostnames anybody has ever asked for.
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }
}
