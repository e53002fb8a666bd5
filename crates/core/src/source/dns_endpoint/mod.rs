//! The facts of a `DNSEndpoint`.
//!
//! An object states records one by one. Entries with one name and set identifier make one endpoint. A mistake in an entry
//! costs only its own endpoint.

mod draft;
mod object;
mod part;
mod properties;

use std::collections::BTreeMap;

pub use object::{DnsEndpoint, DnsEndpointEntry, DnsEndpointProperty, DnsEndpointSpec};

use super::{
    ClaimKey, Facts, MAX_OBJECT_HOSTS, ObjectRef, Rules, Severity, annotation::Annotations, hosts::Hosts,
    options::Options,
};
use crate::dns::{BadName, Name};
use draft::Draft;
use part::Part;
use properties::Properties;

/// The most warnings that are kept of an object.
const MAX_WARNINGS: usize = 21;

/// Reads a `DNSEndpoint`. It exists only to be published, so it counts as annotated.
pub(super) fn facts(endpoint: &DnsEndpoint, object: ObjectRef, rules: &Rules) -> Facts {
    let annotations = Annotations::new(endpoint.metadata.annotations.as_ref(), rules);
    let (mut facts, mut hosts) = (Facts::new(object, &endpoint.metadata), Hosts::default());
    facts.is_annotated = true;
    if !annotations.are_selected(endpoint.metadata.labels.as_ref(), facts.is_annotated) {
        endpoint.entries().for_each(|entry| hosts.add(entry.dns_name.as_deref().unwrap_or_default()));
        return hosts.not_selected(facts);
    }
    facts.generation = endpoint.metadata.generation;
    annotations.read_controls(&mut facts);
    let mut warnings = Vec::new();
    let mut drafts: BTreeMap<ClaimKey, Draft> = BTreeMap::new();
    for (at, entry) in endpoint.entries().enumerate() {
        let field = format!("spec.endpoints[{at}]");
        let text = entry.dns_name.as_deref().unwrap_or_default();
        let host = match Name::from_hostname(text) {
            Ok(host) => host,
            Err(BadName::Empty) => {
                hosts.bad.add(&format!("{field}.dnsName"), BadName::Empty);
                continue;
            }
            Err(_) => {
                hosts.add(text);
                continue;
            }
        };
        if !Properties::new(entry, &field).is_for_zone(rules) {
            hosts.add_if(false, text);
            continue;
        }
        let mut problems = Vec::new();
        let part = Part::read(entry, &field, rules, &mut problems);
        let key = ClaimKey { host, set_id: part.set_id.clone() };
        if drafts.len() >= MAX_OBJECT_HOSTS && !drafts.contains_key(&key) {
            hosts.add_above_limit(key.host);
            continue;
        }
        let draft = drafts.entry(key).or_insert_with(|| Draft::new(&field, part.routing.clone()));
        let (of_entry, blocking): (Vec<_>, Vec<_>) =
            problems.into_iter().partition(|problem| problem.severity == Severity::Warning);
        warnings.extend(of_entry);
        match blocking.into_iter().next() {
            Some(problem) => draft.block(problem),
            None => draft.add(&field, part, &mut warnings),
        }
        warnings.truncate(MAX_WARNINGS);
    }
    let endpoints = drafts.into_iter().map(|(key, draft)| draft.endpoint(key, &rules.default_targets).into());
    let facts = hosts.with_endpoints(facts, endpoints.collect());
    warnings.truncate(MAX_WARNINGS);
    Facts { problems: [facts.problems, warnings].concat(), ..facts }
}
