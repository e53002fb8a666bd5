//! The hostnames of an object in the making of its facts.

use std::{collections::BTreeSet, sync::Arc};

use super::{Endpoint, Facts, MAX_OBJECT_HOSTS};
use crate::{
    dns::{BadName, Name},
    sanitize::quoted,
};

/// Most invalid hostnames of an object that are kept.
const MAX_BAD_HOSTS: usize = 21;

/// The hostnames that an object names, valid or not.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    valid: BTreeSet<Name>,
    above_limit: BTreeSet<Name>,
    left_out: BTreeSet<Name>,
    pub bad: BadHosts,
}

/// The hostnames of an object that are not planned. They have no endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnplannedHosts {
    /// Those above [`MAX_OBJECT_HOSTS`]. Their records stay as they are.
    pub above_limit: BTreeSet<Name>,
    /// Those that the flags leave out: all of an object that is not selected, or some of another object.
    pub passed_over: BTreeSet<Name>,
    /// Those that are not valid.
    pub bad: BadHosts,
}

/// The hostnames of an object that are not valid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BadHosts {
    /// The first of them.
    pub first: Vec<BadHost>,
    /// How many others there are.
    pub more: usize,
}

/// A hostname that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadHost {
    /// The hostname as it was written, cut to a readable length.
    pub text: String,
    /// The mistake in it.
    pub why: BadName,
}

// === impl Hosts ===

impl Hosts {
    /// Adds a hostname that a person wrote. If the flags leave out its field, so is the hostname.
    pub fn add_if(&mut self, counts: bool, text: &str) {
        if counts {
            self.add(text);
        } else {
            self.left_out.extend(Name::from_hostname(text));
        }
    }

    /// Adds a hostname that a person wrote; an empty text is ignored.
    ///
    /// The hostnames that stand first in the object have endpoints.
    pub fn add(&mut self, text: &str) {
        match Name::from_hostname(text) {
            Ok(name) if self.valid.len() < MAX_OBJECT_HOSTS => drop(self.valid.insert(name)),
            Ok(name) if self.valid.contains(&name) => {}
            Ok(name) => drop(self.above_limit.insert(name)),
            Err(BadName::Empty) => {}
            Err(why) => self.bad.add(text, why),
        }
    }

    /// Adds a hostname that gets no endpoint, because the object has too many.
    pub fn add_above_limit(&mut self, host: Name) {
        self.above_limit.insert(host);
    }

    /// Whether a valid hostname counts.
    pub fn has_valid(&self) -> bool {
        !self.valid.is_empty()
    }

    /// Completes the facts of an object that is not selected: only its hostnames count.
    pub fn not_selected(self, facts: Facts) -> Facts {
        let passed_over = &(&self.valid | &self.above_limit) | &self.left_out;
        facts.with_unplanned_hosts(UnplannedHosts { passed_over, ..UnplannedHosts::default() })
    }

    /// Completes the facts of an object that wants the same at each of its hostnames.
    pub fn endpoints(self, facts: Facts, endpoint: impl Fn(Name) -> Endpoint) -> Facts {
        let mut hosts = self;
        let endpoints = std::mem::take(&mut hosts.valid).into_iter().map(|host| Arc::new(endpoint(host)));
        hosts.with_endpoints(facts, endpoints.collect())
    }

    /// Completes the facts of an object with endpoints, ordered by key.
    pub fn with_endpoints(self, facts: Facts, endpoints: Vec<Arc<Endpoint>>) -> Facts {
        // A difference of two sets would allocate even if it is empty, which it is for nearly every object.
        let mut passed_over = self.left_out;
        passed_over.retain(|host| !self.above_limit.contains(host));
        for endpoint in &endpoints {
            passed_over.remove(&endpoint.key.host);
        }
        let others = UnplannedHosts { above_limit: self.above_limit, passed_over, bad: self.bad };
        let mut facts = Facts { endpoints, ..facts }.with_unplanned_hosts(others);
        facts.drop_needless_problems();
        facts
    }
}

// === impl UnplannedHosts ===

impl UnplannedHosts {
    pub(super) const NONE: Self = Self {
        above_limit: BTreeSet::new(),
        passed_over: BTreeSet::new(),
        bad: BadHosts { first: Vec::new(), more: 0 },
    };

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.above_limit.is_empty() && self.passed_over.is_empty() && self.bad.is_empty()
    }
}

// === impl BadHosts ===

impl BadHosts {
    /// Adds a hostname as it was written. A repeated one counts once.
    pub(super) fn add(&mut self, text: &str, why: BadName) {
        let bad = BadHost { text: quoted(text), why };
        if self.first.contains(&bad) {
            return;
        }
        if self.first.len() < MAX_BAD_HOSTS {
            self.first.push(bad);
        } else {
            self.more += 1;
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}
