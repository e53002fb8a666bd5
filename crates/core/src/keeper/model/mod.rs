//! The inputs of every plan: settings, claims, the zone as last seen, and the history.

mod lists;
mod snapshot;

use std::{collections::BTreeSet, time::Duration};

use lists::Lists;
pub(super) use snapshot::{FRESH, PageOutcome, Snapshot};

use super::{
    blocked_reports,
    contract::{IgnoredField, Report, Telling},
    time::Time,
    turn::{Changed, Turn},
};
use crate::{
    dns::{Name, Zone},
    plan::{Blocked, History, Settings, View, of_object},
    source::{Claims, Facts, Index, ObjectRef, Problem, Reduced, ResourceRef, Scope},
};

/// The inputs of every plan, kept up to date.
#[derive(Debug)]
pub(super) struct Model {
    settings: Settings,
    index: Index,
    claims: Claims,
    lists: Lists,
    /// The zone as last seen.
    pub snapshot: Snapshot,
    /// Earlier observations that plans depend on.
    pub history: History,
    /// The age from which the newest complete listing says too little about the zone.
    max_listing_age: Duration,
}

// === impl Model ===

impl Model {
    /// A model without objects, of a zone that is not listed yet.
    pub fn new(settings: Settings, scopes: Vec<Scope>, resync: Duration, zone: Zone) -> Self {
        let mut claims = Claims::new(zone.apex().clone());
        for scope in &scopes {
            claims.visibility.add_read(scope);
        }
        Self {
            index: Index::new(settings.endpoints.clone()),
            settings,
            claims,
            lists: Lists::new(scopes),
            snapshot: Snapshot::new(zone),
            history: History::default(),
            max_listing_age: resync.saturating_mul(2),
        }
    }

    pub fn view(&self) -> View<'_> {
        View::new(self.zone(), &self.claims, &self.settings, &self.history)
    }

    pub fn zone(&self) -> &Zone {
        self.snapshot.zone()
    }

    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The scopes that are not listed to their end yet.
    pub fn missing_lists(&self) -> impl Iterator<Item = &Scope> {
        self.lists.missing()
    }

    /// Whether all objects and the zone are listed.
    pub fn is_complete(&self) -> bool {
        self.snapshot.listed_at().is_some() && self.lists.missing().next().is_none()
    }

    /// Whether the newest complete listing of the zone is too old to decide by. False if there is none.
    pub fn is_listing_too_old(&self, now: Time) -> bool {
        self.snapshot.listed_at().is_some_and(|listed| now - listed > self.max_listing_age)
    }

    /// Notes that a resource was created or changed, or that it is gone.
    pub fn set_resource(&mut self, resource: &ResourceRef, reduced: Option<Reduced>, turn: &mut Turn) {
        self.lists.see(resource);
        if self.claims.visibility.set_undecodable(resource, false) {
            self.resource_visibility_changed(resource, turn);
        }
        for (object, facts) in self.index.set(resource, reduced, &self.claims.visibility) {
            self.set_facts(&object, facts, turn);
        }
    }

    fn set_facts(&mut self, object: &ObjectRef, facts: Option<Facts>, turn: &mut Turn) {
        let apex = self.zone().apex();
        let is_new = |host: &Name| host.is_within(apex) && !self.claims.has_host(host);
        let has_new = facts.iter().flat_map(Facts::hosts).any(is_new);
        // A text that is no hostname is in no hostname's plan, so it is reported here.
        let bad_hosts = |facts: Option<&Facts>| facts.map(|facts| of_object(facts).collect::<Vec<Blocked>>());
        let old = bad_hosts(self.claims.facts_of(object).map(AsRef::as_ref)).unwrap_or_default();
        let new = bad_hosts(facts.as_ref()).unwrap_or_default();
        for report in blocked_reports::compare(&old, &new) {
            turn.report(report);
        }
        self.report_ignored(object, facts.as_ref(), turn);
        turn.object_changed(object);
        // An object with an unreadable dependency, or with a template that fails, may claim any hostname.
        let is_certain = |facts: Option<&Facts>| facts.is_none_or(|it| !it.may_claim_more());
        if is_certain(self.claims.facts_of(object).map(AsRef::as_ref)) != is_certain(facts.as_ref()) {
            turn.changed(Changed::Readability);
        }
        let hosts = self.claims.set(object, facts);
        if !hosts.is_empty() {
            turn.changed(Changed::Claims { hosts, has_new });
        }
    }

    /// Reports the fields of an object that have no effect, where they differ from those of the facts before.
    fn report_ignored(&self, object: &ObjectRef, facts: Option<&Facts>, turn: &mut Turn) {
        let apex = self.zone().apex();
        let ignored = |facts: Option<&Facts>| -> BTreeSet<IgnoredField> {
            let warnings = facts.into_iter().flat_map(|facts| facts.warnings(apex));
            let of = |Problem { field, text, .. }: &Problem| {
                let (object, field, text) = (object.clone(), field.clone(), text.clone());
                IgnoredField { object, field, text, telling: Telling::Warning }
            };
            // An object that asks for publication may mean another zone, which another zonekeeper keeps.
            let annotated = facts.into_iter().filter(|facts| facts.is_annotated);
            let outside = annotated.flat_map(Facts::hosts).filter(|host| !host.is_within(apex));
            let news = outside.map(|host| IgnoredField {
                object: object.clone(),
                field: format!("hostname {host}"),
                text: format!("it is not in the zone {apex}, so the zonekeeper of this zone ignores it"),
                telling: Telling::Once,
            });
            warnings.map(of).chain(news).collect()
        };
        let (old, new) = (ignored(self.claims.facts_of(object).map(AsRef::as_ref)), ignored(facts));
        for gone in old.difference(&new) {
            turn.report(Report::NoLongerIgnored(Box::new(gone.clone())));
        }
        for found in new.difference(&old) {
            turn.report(Report::Ignored(Box::new(found.clone())));
        }
    }

    /// Notes that a resource exists and cannot be decoded. Its last known version stays valid.
    pub fn set_undecodable(&mut self, resource: &ResourceRef, turn: &mut Turn) {
        self.lists.see(resource);
        let has_facts = |object: ObjectRef| self.claims.facts_of(&object).is_some();
        let is_known = self.index.has(resource) || resource.object().is_some_and(has_facts);
        // Without a known version, an object may claim any hostname, and a part may lead anywhere.
        if !is_known && self.claims.visibility.set_undecodable(resource, true) {
            self.resource_visibility_changed(resource, turn);
        }
    }

    /// Begins a list of a scope.
    pub fn begin_list(&mut self, scope: &Scope) {
        let objects = self.claims.objects().filter_map(|object| scope.resource_ref(object));
        let others = self.index.parts_of(scope.resource).chain(self.claims.visibility.undecodable());
        let others = others.filter(|resource| scope.covers(resource)).cloned();
        self.lists.begin(scope, objects.chain(others).collect());
    }

    /// Ends a list of a scope: objects that it did not show are gone.
    pub fn end_list(&mut self, scope: &Scope, turn: &mut Turn) {
        for resource in self.lists.end(scope) {
            self.set_resource(&resource, None, turn);
        }
        self.set_readable(scope, true, turn);
    }

    /// Notes that a scope cannot be listed. If it was never listed, the keeper goes on without its objects.
    pub fn deny_list(&mut self, scope: &Scope, turn: &mut Turn) {
        if self.lists.deny(scope) {
            self.set_readable(scope, false, turn);
        }
    }

    fn set_readable(&mut self, scope: &Scope, is_readable: bool, turn: &mut Turn) {
        if self.claims.visibility.set_readable(scope, is_readable) {
            turn.changed(Changed::Readability);
            for (object, facts) in self.index.visibility_changed(scope, &self.claims.visibility) {
                self.set_facts(&object, facts, turn);
            }
        }
    }

    /// Reacts to a resource that can be decoded now, or cannot be decoded any more.
    fn resource_visibility_changed(&mut self, resource: &ResourceRef, turn: &mut Turn) {
        if resource.object().is_some() {
            turn.changed(Changed::Readability);
        }
        for (object, facts) in self.index.resource_visibility_changed(resource, &self.claims.visibility) {
            self.set_facts(&object, facts, turn);
        }
    }
}
