//! Who has had a hostname for how long, seen from the cluster: such a name is given to nobody else.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use zonekeeper_core::{
    dns::Name,
    keeper::Time,
    source::{Facts, ObjectId},
};

/// By then every process knows of an object, whatever its watch went through.
const KNOWN: Duration = Duration::from_mins(5);

/// Since when objects ask for hostnames and say where these shall lead.
#[derive(Debug, Clone, Default)]
pub struct Tenures {
    since: BTreeMap<(ObjectId, Name), Time>,
    /// All hostnames that anybody has ever asked for.
    hosts: BTreeSet<Name>,
}

impl Tenures {
    /// An object has changed.
    pub fn changed(&mut self, object: &ObjectId, facts: Option<&Facts>, now: Time) {
        self.hosts.extend(facts.into_iter().flat_map(|facts| facts.hosts.iter().cloned()));
        let holds = |facts: &&Facts| {
            !facts.targets.is_empty() && facts.hand_over_to.is_none() && facts.problems.is_empty()
        };
        let hosts = facts.filter(holds).map(|facts| &facts.hosts);
        self.since.retain(|(other, host), _| other != object || hosts.is_some_and(|all| all.contains(host)));
        for host in hosts.into_iter().flatten() {
            self.since.entry((object.clone(), host.clone())).or_insert(now);
        }
    }

    /// Whether everybody knows that an object has a hostname.
    pub fn holds(&self, object: &ObjectId, host: &Name, now: Time) -> bool {
        self.since.get(&(object.clone(), host.clone())).is_some_and(|since| now - *since > KNOWN)
    }

    /// How many hostnames anybody has ever asked for.
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }
}
