//! The few fields that are kept of an object.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arcstr::ArcStr;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{ClaimKey, Content, Endpoint, ObjectRef, Problem, Severity, Targets, UnplannedHosts};
use crate::dns::Name;

/// Most hostnames that are read of one object. Without a limit, five objects with 20,000 hostnames each would take more
/// than 200 MiB.
pub const MAX_OBJECT_HOSTS: usize = 1_000;

/// Maximum of values of one object at all its hostnames together: 1,000 hostnames with 100 values each. Each of its units
/// in a plan has a copy of its values.
pub(crate) const MAX_OBJECT_VALUES: usize = 100_000;

/// The facts of one object: what it asks for, how it wants to be treated, and what is wrong with it.
///
/// The object itself is dropped. An event that leaves the facts equal wakes nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The object.
    pub object: ObjectRef,
    /// The object's uid, for the audit line.
    pub uid: ArcStr,
    /// The generation of the object's spec, if the kind of the object has a status of ours.
    pub generation: Option<i64>,
    /// The time of the object's creation, in seconds since 1970. The older claim wins a new name.
    pub created: i64,
    /// What the object asks for: at most [`MAX_OBJECT_HOSTS`] endpoints, ordered by key, one for each key.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// The hostnames that are not planned. Boxed, because nearly no object has any; `None` if there are none.
    pub(super) unplanned_hosts: Option<Box<UnplannedHosts>>,
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
    pub paused: Option<Box<Pause>>,
}

/// A time until which an object's records stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The end, in seconds since 1970.
    pub until: i64,
    /// The end as the object writes it.
    pub text: String,
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
            unplanned_hosts: None,
            is_annotated: false,
            is_joined: false,
            controls: Controls::default(),
            problems: Vec::new(),
        }
    }

    /// The hostnames that are not planned.
    pub fn unplanned_hosts(&self) -> &UnplannedHosts {
        static NONE: UnplannedHosts = UnplannedHosts::NONE;
        self.unplanned_hosts.as_deref().unwrap_or(&NONE)
    }

    /// The same facts with these hostnames that are not planned, in place of those before.
    pub(super) fn with_unplanned_hosts(self, others: UnplannedHosts) -> Self {
        Self { unplanned_hosts: Some(others).filter(|others| !others.is_empty()).map(Box::new), ..self }
    }

    /// Changes the hostnames that are not planned.
    pub(super) fn change_unplanned_hosts(&mut self, change: impl FnOnce(&mut UnplannedHosts)) {
        change(self.unplanned_hosts.get_or_insert_default());
        self.unplanned_hosts.take_if(|others| others.is_empty());
    }

    /// Drops the problems of an object that has only hostnames that are left out: nobody needs to correct it.
    pub(super) fn drop_needless_problems(&mut self) {
        let UnplannedHosts { above_limit, passed_over, bad } = self.unplanned_hosts();
        let is_left_out =
            !passed_over.is_empty() && self.endpoints.is_empty() && above_limit.is_empty() && bad.is_empty();
        if is_left_out {
            self.problems.retain(|problem| problem.severity.hides_hosts());
        }
    }

    /// Whether the facts say nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.endpoints.is_empty() && self.unplanned_hosts.is_none() && self.problems.is_empty()
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
            unplanned_hosts: _,
            is_annotated,
            is_joined,
            controls,
            problems,
        } = self;
        let UnplannedHosts { above_limit, passed_over, bad } = self.unplanned_hosts();
        let are_all_allowed = |facts: &Self| facts.values() <= MAX_OBJECT_VALUES;
        let is_alike = *object == other.object
            && *uid == other.uid
            && *created == other.created
            && passed_over == &other.unplanned_hosts().passed_over
            && bad == &other.unplanned_hosts().bad
            && *is_annotated == other.is_annotated
            && *is_joined == other.is_joined
            && *controls == other.controls
            && *problems == other.problems
            && are_all_allowed(self)
            && are_all_allowed(other);
        let lacks = |facts: &Self, endpoint: &Arc<Endpoint>| facts.endpoint(&endpoint.key) != Some(endpoint);
        let gone = endpoints.iter().filter(|endpoint| lacks(other, endpoint));
        let new = other.endpoints.iter().filter(|endpoint| lacks(self, endpoint));
        let above = above_limit.symmetric_difference(&other.unplanned_hosts().above_limit).cloned();
        let changed = gone.chain(new).map(|endpoint| endpoint.key.host.clone());
        is_alike.then(|| changed.chain(above).collect())
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
        let above = more.map(|endpoint| endpoint.key.host.clone());
        self.change_unplanned_hosts(|others| others.above_limit.extend(above));
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
        let passed_over = &self.unplanned_hosts().passed_over;
        let is_ours = passed_over.is_empty()
            || !self.endpoints.is_empty()
            || passed_over.iter().any(|host| host.is_within(apex));
        self.problems.iter().filter(move |problem| is_ours && problem.severity == Severity::Warning)
    }

    /// The first problem that blocks the object's hostnames.
    pub fn blocking_problem(&self) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.severity.blocks())
    }
}
