//! The few fields that are kept of an object.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{ClaimKey, Content, Endpoint, ObjectRef, Targets};
use crate::{
    dns::{BadName, Name},
    sanitize::{listed, quoted},
};

/// Most hostnames that are read of one object. Without a limit, five objects with 20,000 hostnames each would take more
/// than 200 MiB.
pub const MAX_OBJECT_HOSTS: usize = 1_000;

/// Maximum of values of one object at all its hostnames together: 1,000 hostnames with 100 values each. Each of its units
/// in a plan has a copy of its values.
pub(crate) const MAX_OBJECT_VALUES: usize = 100_000;

/// Most invalid hostnames of an object that are kept.
const MAX_BAD_HOSTS: usize = 21;

/// The facts of one object: what it asks for, how it wants to be treated, and what is wrong with it.
///
/// The object itself is dropped. An event that leaves the facts equal wakes nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The object.
    pub object: ObjectRef,
    /// The object's uid, for the audit line.
    pub uid: Arc<str>,
    /// The generation of the object's spec, if the kind of the object has a status of ours.
    pub generation: Option<i64>,
    /// The time of the object's creation, in seconds since 1970. The older claim wins a new name.
    pub created: i64,
    /// What the object asks for: at most [`MAX_OBJECT_HOSTS`] endpoints, ordered by key, one for each key.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// The hostnames above [`MAX_OBJECT_HOSTS`]. They are not planned, and their records stay as they are.
    pub hosts_above_limit: BTreeSet<Name>,
    /// Hostnames that the flags leave out: all of an object that is not selected, or some of another object. They have no
    /// endpoints.
    pub passed_over: BTreeSet<Name>,
    /// Hostnames that are not valid: the first of them.
    pub bad_hosts: Vec<BadHost>,
    /// How many more hostnames are not valid.
    pub more_bad_hosts: usize,
    /// Whether the object asks for publication: by a hostname annotation, or by `zonekeeper.dev/publish: "true"`.
    pub is_annotated: bool,
    /// Whether the facts follow other resources too, which change by themselves: pods and nodes.
    pub is_joined: bool,
    /// How the object wants its hostnames to be treated.
    pub controls: Controls,
    /// What is wrong with the object.
    pub problems: Vec<Problem>,
}

/// How an object wants its hostnames to be treated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controls {
    /// Whether records without an owner become ours if they equal what the object asks for (`zonekeeper.dev/adopt`,
    /// with `--adopt-by-annotation`).
    pub adopt: bool,
    /// The object that gets the hostnames (`zonekeeper.dev/hand-over-to`).
    pub hand_over_to: Option<ObjectRef>,
    /// Until when the records stay as they are (`zonekeeper.dev/paused-until`).
    pub paused: Option<Pause>,
}

/// A time until which an object's records stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The end, in seconds since 1970.
    pub until: i64,
    /// The end as the object writes it.
    pub text: String,
}

/// A hostname that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadHost {
    /// The hostname as it was written, cut to a readable length.
    pub text: String,
    /// What is wrong with it.
    pub why: BadName,
}

/// Something wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field, as a person would look for it: `annotation external-dns.kubernetes.io/ttl`.
    pub field: String,
    /// What is wrong, and what is expected.
    pub text: String,
    /// What follows from it.
    pub severity: Severity,
}

/// What follows from a problem of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A warning: the object's hostnames are published.
    Warning,
    /// The field could change where a hostname leads, so all hostnames of the object are blocked.
    Blocking,
    /// Some hostnames of the object are not known. The others are published, and the object may claim any hostname. `field`
    /// is the origin of the unknown ones.
    HostsUnknown,
    /// A resource that the object looks up cannot be read; `field` is that resource. All hostnames of the object are
    /// blocked, and it may claim others as well.
    Unreadable,
}

// === impl Facts ===

impl Facts {
    /// The facts of an object that asks for nothing yet.
    pub(super) fn new(object: ObjectRef, meta: &ObjectMeta) -> Self {
        Self {
            object,
            uid: meta.uid.as_deref().unwrap_or_default().into(),
            generation: None,
            created: meta.creation_timestamp.as_ref().map_or(i64::MAX, |time| time.0.as_second()),
            endpoints: Vec::new(),
            hosts_above_limit: BTreeSet::new(),
            passed_over: BTreeSet::new(),
            bad_hosts: Vec::new(),
            more_bad_hosts: 0,
            is_annotated: false,
            is_joined: false,
            controls: Controls::default(),
            problems: Vec::new(),
        }
    }

    /// Drops the problems of an object that has only hostnames that are left out: nobody needs to correct it.
    pub(super) fn drop_needless_problems(&mut self) {
        let is_left_out = !self.passed_over.is_empty()
            && self.endpoints.is_empty()
            && self.hosts_above_limit.is_empty()
            && self.bad_hosts.is_empty();
        if is_left_out {
            self.problems.retain(|problem| problem.severity.hides_hosts());
        }
    }

    /// Whether the facts say nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
            && self.passed_over.is_empty()
            && self.bad_hosts.is_empty()
            && self.problems.is_empty()
    }

    /// The hostnames whose endpoints differ between two versions of the facts. `None`: a field that affects all hostnames has
    /// changed.
    ///
    /// One pod of many changes two hostnames of its Service. The others need no new plan.
    pub(super) fn changed_hosts(&self, other: &Self) -> Option<BTreeSet<Name>> {
        let Self {
            object,
            uid,
            // It is no part of any plan.
            generation: _,
            created,
            endpoints,
            hosts_above_limit,
            passed_over,
            bad_hosts,
            more_bad_hosts,
            is_annotated,
            is_joined,
            controls,
            problems,
        } = self;
        let are_all_allowed = |facts: &Self| facts.values() <= MAX_OBJECT_VALUES;
        let is_alike = *object == other.object
            && *uid == other.uid
            && *created == other.created
            && *passed_over == other.passed_over
            && *bad_hosts == other.bad_hosts
            && *more_bad_hosts == other.more_bad_hosts
            && *is_annotated == other.is_annotated
            && *is_joined == other.is_joined
            && *controls == other.controls
            && *problems == other.problems
            && are_all_allowed(self)
            && are_all_allowed(other);
        let lacks = |facts: &Self, endpoint: &Arc<Endpoint>| facts.endpoint(&endpoint.key) != Some(endpoint);
        let gone = endpoints.iter().filter(|endpoint| lacks(other, endpoint));
        let new = other.endpoints.iter().filter(|endpoint| lacks(self, endpoint));
        let above = hosts_above_limit.symmetric_difference(&other.hosts_above_limit).cloned();
        let changed = gone.chain(new).map(|endpoint| endpoint.key.host.clone());
        is_alike.then(|| changed.chain(above).collect())
    }

    /// Adds an invalid hostname.
    pub(super) fn add_bad_host(&mut self, text: &str, why: BadName) {
        keep_first(&mut self.bad_hosts, &mut self.more_bad_hosts, BadHost { text: quoted(text), why });
    }

    /// The endpoint of a key.
    pub fn endpoint(&self, key: &ClaimKey) -> Option<&Arc<Endpoint>> {
        let at = self.endpoints.binary_search_by(|endpoint| endpoint.key.cmp(key)).ok()?;
        self.endpoints.get(at)
    }

    /// The endpoints whose hostnames are names of a zone.
    pub(super) fn endpoints_within<'f>(&'f self, apex: &'f Name) -> impl Iterator<Item = &'f Arc<Endpoint>> {
        self.endpoints.iter().filter(|endpoint| endpoint.key.host.is_within(apex))
    }

    /// The hostnames of the endpoints, in the zone's order; a hostname with several set identifiers comes several times.
    pub fn hosts(&self) -> impl Iterator<Item = &Name> {
        self.endpoints.iter().map(|endpoint| &endpoint.key.host)
    }

    /// How many values the endpoints have together.
    pub fn values(&self) -> usize {
        self.endpoints.iter().map(|endpoint| endpoint.content.len()).sum()
    }

    /// The same facts, where each endpoint has the targets that follow from it.
    pub(super) fn with_targets(mut self, targets: impl Fn(&Endpoint) -> Arc<Targets>) -> Self {
        for endpoint in &mut self.endpoints {
            let targets = targets(endpoint);
            *endpoint =
                Arc::new(Endpoint { content: Content::of_targets(targets), ..Endpoint::clone(endpoint) });
        }
        self
    }

    /// The same facts with the endpoints of more keys. Above the limit, only their hostnames are kept.
    pub(super) fn with_more(mut self, mut more: BTreeMap<ClaimKey, Arc<Endpoint>>) -> Self {
        more.retain(|key, _| self.endpoint(key).is_none());
        let room = MAX_OBJECT_HOSTS.saturating_sub(self.endpoints.len());
        let mut more = more.into_values();
        self.endpoints.extend(more.by_ref().take(room));
        self.endpoints.sort_by(|one, other| one.key.cmp(&other.key));
        self.hosts_above_limit.extend(more.map(|endpoint| endpoint.key.host.clone()));
        self
    }

    /// The resource that the object looks up and that cannot be read, if there is one. Then the object may have other
    /// targets, and may claim other hostnames.
    pub(crate) fn unreadable_dependency(&self) -> Option<&str> {
        let mut unreadable = self.problems.iter().filter(|problem| problem.severity == Severity::Unreadable);
        unreadable.next().map(|problem| problem.field.as_str())
    }

    /// Whether the object may claim hostnames that are not among its facts.
    pub(crate) fn may_claim_more(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity.hides_hosts())
    }

    /// Why some hostnames of the object are not known, if that is so.
    pub(crate) fn unknown_hosts(&self) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.severity == Severity::HostsUnknown)
    }

    /// The problems that block nothing. Those of an object without endpoints concern the zone of its hostnames only.
    pub fn warnings<'f>(&'f self, apex: &Name) -> impl Iterator<Item = &'f Problem> {
        let is_ours = self.passed_over.is_empty()
            || !self.endpoints.is_empty()
            || self.passed_over.iter().any(|host| host.is_within(apex));
        self.problems.iter().filter(move |problem| is_ours && problem.severity == Severity::Warning)
    }

    /// The first problem that blocks the object's hostnames.
    pub fn blocking_problem(&self) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.severity.blocks())
    }
}

// === impl Severity ===

impl Severity {
    /// Whether the object may claim hostnames that are not among its facts.
    pub(super) fn hides_hosts(self) -> bool {
        matches!(self, Self::HostsUnknown | Self::Unreadable)
    }

    /// Whether all known hostnames of the object are blocked.
    fn blocks(self) -> bool {
        matches!(self, Self::Blocking | Self::Unreadable)
    }
}

// === impl Problem ===

impl Problem {
    /// A problem that blocks nothing.
    pub(super) fn warning(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self { field: field.into(), text: text.into(), severity: Severity::Warning }
    }

    /// A problem that blocks all hostnames of the object.
    pub(super) fn blocking(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self { field: field.into(), text: text.into(), severity: Severity::Blocking }
    }
}

/// The hostnames that an object names, valid or not.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    valid: BTreeSet<Name>,
    above_limit: BTreeSet<Name>,
    left_out: BTreeSet<Name>,
    bad: Vec<BadHost>,
    more_bad: usize,
}

// === impl Hosts ===

impl Hosts {
    /// Adds a hostname that a person wrote if its field counts. Otherwise, the flags leave it out.
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
            Err(why) => self.add_bad(BadHost { text: quoted(text), why }),
        }
    }

    /// Adds an invalid hostname.
    pub fn add_bad(&mut self, bad: BadHost) {
        keep_first(&mut self.bad, &mut self.more_bad, bad);
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
        Facts { passed_over: &(&self.valid | &self.above_limit) | &self.left_out, ..facts }
    }

    /// Completes the facts of an object that wants the same at each of its hostnames.
    pub fn endpoints(self, facts: Facts, endpoint: impl Fn(Name) -> Endpoint) -> Facts {
        let mut hosts = self;
        let endpoints = std::mem::take(&mut hosts.valid).into_iter().map(|host| Arc::new(endpoint(host)));
        hosts.with_endpoints(facts, endpoints.collect())
    }

    /// Completes the facts of an object with endpoints, ordered by key.
    pub fn with_endpoints(self, facts: Facts, endpoints: Vec<Arc<Endpoint>>) -> Facts {
        let mut passed_over = &self.left_out - &self.above_limit;
        for endpoint in &endpoints {
            passed_over.remove(&endpoint.key.host);
        }
        let mut facts = Facts {
            endpoints,
            hosts_above_limit: self.above_limit,
            passed_over,
            bad_hosts: self.bad,
            more_bad_hosts: self.more_bad,
            ..facts
        };
        facts.drop_needless_problems();
        facts
    }
}

impl Targets {
    /// Reads IP addresses and host names, each with its field. An empty text is no target.
    pub(super) fn read_all<'t>(
        all: impl IntoIterator<Item = (&'t str, &'t str)>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut targets = Self::default();
        for (field, text) in all.into_iter().filter(|(_, text)| !text.is_empty()) {
            targets.read(field, text, problems);
        }
        targets
    }

    /// Adds a target found in `field`: an IP address or a host name.
    fn read(&mut self, field: &str, text: &str, problems: &mut Vec<Problem>) {
        if let Err(why) = self.add(text) {
            // One problem per field is enough to say that it must be corrected.
            if !problems.iter().any(|known| known.severity.blocks() && known.field == field) {
                let text = format!("`{}` is neither an IP address nor a host name: {why}", quoted(text));
                problems.push(Problem::blocking(field, text));
            }
        }
    }

    /// Warns if there are host names that have no effect beside IP addresses.
    pub(super) fn warn_of_both_sorts(&self, field: &str, problems: &mut Vec<Problem>) {
        if self.addresses().next().is_some() && !self.hosts.is_empty() {
            let text = format!("IP addresses win over host names; ignored: {}", listed(self.hosts.iter()));
            let problem = Problem::warning(field, text);
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
}

/// Keeps an invalid hostname, or counts it if there are [`MAX_BAD_HOSTS`].
fn keep_first(first: &mut Vec<BadHost>, more: &mut usize, bad: BadHost) {
    if first.contains(&bad) {
        return;
    }
    if first.len() < MAX_BAD_HOSTS {
        first.push(bad);
    } else {
        *more += 1;
    }
}
