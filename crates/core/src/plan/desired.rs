//! The desired record sets of a claim.

use std::collections::BTreeSet;

use super::{ManagedTypes, Reason, Settings, Special, limit::Limit};
use crate::{
    dns::{Alias, AliasZones, Data, MAX_SET_VALUES, Name, RecordSet, RecordType, Rule, SetKey, Values, Zone},
    sanitize::listed,
    source::{AliasChoice, Claim, Content, Endpoint, MAX_OBJECT_VALUES, Record, Severity, Targets},
};

/// The record sets that a claim asks for. Claims with equal record sets do not conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Desired {
    /// Ordered by type.
    pub sets: Vec<RecordSet>,
    /// The types whose TTL an object states. A default TTL never causes a write.
    pub stated_ttls: BTreeSet<RecordType>,
    /// Whether the sets hold addresses of several objects.
    pub is_merged: bool,
}

impl Desired {
    /// The record sets that a claim asks for, or the reason why there are none.
    ///
    /// `keeps_cname` says that the zone holds a CNAME of ours for this key. It stays a CNAME for every host name, because
    /// an alias in its place would need a deletion.
    pub fn new(claim: &Claim, zone: &Zone, settings: &Settings, keeps_cname: bool) -> Result<Self, Reason> {
        let (facts, endpoint) = (&claim.facts, &claim.endpoint);
        if let Some(problem) = facts.blocking_problem().or(endpoint.problem.as_deref()) {
            let (field, text) = (problem.field.clone(), problem.text.clone());
            return Err(match problem.severity {
                Severity::Unreadable => {
                    Reason::DependencyUnreadable { object: claim.object().clone(), resource: field }
                }
                Severity::Blocking | Severity::HostsUnknown | Severity::Warning => {
                    Reason::InvalidField { field, text }
                }
            });
        }
        let values = facts.values();
        if values > MAX_OBJECT_VALUES {
            return Err(Reason::TooBig(Limit::ObjectValues(values)));
        }
        let Content { targets, records } = &endpoint.content;
        let mut sets = Self::sets_of(endpoint, targets, zone, settings, keeps_cname)?;
        for Record { rtype, ttl, values } in &**records {
            let ttl = ttl.unwrap_or(settings.default_ttl);
            sets.push(record_set(endpoint, rtype.clone(), Data::Values { ttl, values: values.clone() }));
        }
        sets.sort_by(|one, other| one.key.cmp(&other.key));
        if sets.is_empty() {
            return Err(Reason::NoTarget);
        }
        let is_multi_value = matches!(endpoint.routing.rule(), Some(Rule::MultiValue(_)));
        // "You can't create multivalue answer alias records" (`ResourceRecordSet`, API reference).
        if is_multi_value && sets.iter().any(|set| set.is_alias() || *set.rtype() == RecordType::Cname) {
            let text =
                "multivalue answer routing needs IP addresses, and the target is a host name".to_owned();
            return Err(Reason::InvalidField { field: "targets".to_owned(), text });
        }
        if sets.iter().any(|set| set.values().len() > MAX_SET_VALUES) {
            return Err(Reason::TooBig(Limit::SetValues));
        }
        let types = sets.iter().map(RecordSet::rtype);
        let stated_ttls = types.filter(|rtype| endpoint.ttl_of(rtype).is_some()).cloned().collect();
        Ok(Self { sets, stated_ttls, is_merged: false })
    }

    fn sets_of(
        endpoint: &Endpoint,
        targets: &Targets,
        zone: &Zone,
        settings: &Settings,
        keeps_cname: bool,
    ) -> Result<Vec<RecordSet>, Reason> {
        if targets.has_more {
            return Err(Reason::TooBig(Limit::SetValues));
        }
        let special = |address| Some((address, Special::of(address)?));
        if let Some((address, special)) = targets.addresses().find_map(special) {
            return Err(Reason::SpecialAddress { address, special });
        }
        let addresses = |values: Vec<String>, rtype| {
            let ttl = endpoint.ttl_of(&rtype).unwrap_or(settings.default_ttl);
            let values: Values = values.into_iter().map(Into::into).collect();
            (!values.is_empty()).then(|| record_set(endpoint, rtype, Data::Values { ttl, values }))
        };
        let mut sets = Vec::new();
        sets.extend(addresses(targets.v4.iter().map(ToString::to_string).collect(), RecordType::A));
        sets.extend(addresses(targets.v6.iter().map(ToString::to_string).collect(), RecordType::Aaaa));
        if !sets.is_empty() {
            return Ok(sets);
        }
        let mut names = targets.hosts.iter();
        match (names.next(), names.len()) {
            (None, _) => Ok(sets),
            (Some(target), 0) => name_sets(endpoint, zone, target, settings, keeps_cname),
            (Some(_), _) => {
                let (count, names) = (targets.hosts.len(), listed(targets.hosts.iter()));
                Err(Reason::ManyCnameTargets { count, names })
            }
        }
    }

    /// The sets of managed types, or the reason if there are none, or if they exclude each other.
    pub fn narrowed(mut self, managed: &ManagedTypes) -> Result<Self, Reason> {
        let asked_for = self.sets.iter().map(|set| set.rtype().clone()).collect();
        self.sets.retain(|set| managed.contains(set.rtype()));
        if self.sets.is_empty() {
            return Err(Reason::UnmanagedType { types: asked_for });
        }
        let other = self.sets.iter().map(RecordSet::rtype).find(|rtype| **rtype != RecordType::Cname);
        if let Some(other) = other.filter(|_| self.has(&RecordType::Cname)) {
            let text = format!("a CNAME excludes the {other} record that the object wants at the same name");
            return Err(Reason::InvalidField { field: "targets".to_owned(), text });
        }
        Ok(self)
    }

    /// The same sets, marked as merged if they differ from the holder's own wish.
    pub fn merged(self, own: &Self) -> Self {
        Self { is_merged: self.sets != own.sets, ..self }
    }

    /// Whether an existing set is as wanted. A TTL that no object asks for is not compared.
    pub fn is_right(&self, found: &RecordSet, wanted: &RecordSet) -> bool {
        found.answers_like(wanted)
            && (!self.stated_ttls.contains(wanted.rtype()) || found.ttl() == wanted.ttl())
    }

    /// Whether these sets also fulfil another wish: an equal one, or a part of a merged one.
    pub fn fulfils(&self, other: &Self) -> bool {
        let is_part = |part: &RecordSet, set: &RecordSet| {
            let has = |value| set.values().contains(value);
            part.rtype() == set.rtype() && part.ttl() == set.ttl() && part.values().iter().all(has)
        };
        let is_there = |part: &RecordSet| self.sets.iter().any(|set| is_part(part, set));
        let joins = self.is_merged && other.stated_ttls.is_empty() == self.stated_ttls.is_empty();
        *other == *self || (joins && other.asks_for_addresses() && other.sets.iter().all(is_there))
    }

    /// Whether all sets hold addresses.
    pub fn asks_for_addresses(&self) -> bool {
        let is_address = |set: &RecordSet| matches!(set.rtype(), RecordType::A | RecordType::Aaaa);
        self.sets.iter().all(|set| is_address(set) && !set.is_alias())
    }

    /// Whether it has a set of this type.
    pub fn has(&self, rtype: &RecordType) -> bool {
        self.sets.iter().any(|set| set.rtype() == rtype)
    }
}

/// The sets that lead to a host name: an alias for IPv4 and one for IPv6 if possible, otherwise a CNAME.
fn name_sets(
    endpoint: &Endpoint,
    zone: &Zone,
    target: &Name,
    settings: &Settings,
    keeps_cname: bool,
) -> Result<Vec<RecordSet>, Reason> {
    let host = &endpoint.key.host;
    if host == target {
        let text = format!("{target} cannot be its own target");
        return Err(Reason::InvalidField { field: "targets".to_owned(), text });
    }
    let (target, is_apex) = (target.clone(), host == zone.apex());
    let cname = || {
        let ttl = endpoint.ttl.unwrap_or(settings.default_ttl);
        let values = Values::from_iter([target.to_route53().trim_end_matches('.').into()]);
        vec![record_set(endpoint, RecordType::Cname, Data::Values { ttl, values })]
    };
    if keeps_cname {
        return Ok(cname());
    }
    let choice = endpoint.alias.choice;
    let prefers_cname = settings.prefer_cname || choice == AliasChoice::Never;
    let is_load_balancer = AliasZones::is_load_balancer(&target);
    let known = settings.alias_zones.find(&target);
    let becomes_alias = known.map_or(is_load_balancer, |row| row.service.is_default());
    let in_zone = endpoint.alias.zone.as_ref().is_none_or(|stated| stated == zone.id());
    if choice.asks() && known.is_none() && in_zone && target.is_within(zone.apex()) {
        return aliases_within_zone(endpoint, zone, target);
    }
    let stated = endpoint.alias.zone.as_ref().map(|zone| settings.alias_zones.stated(zone));
    match stated.or_else(|| known.cloned()) {
        // The apex cannot be a CNAME, even with --aws-prefer-cname.
        Some(row) if choice.asks() || is_apex || (becomes_alias && !prefers_cname) => {
            if zone.is_private() && !row.service.allows_private_zones() {
                return Err(Reason::AliasInPrivateZone { target });
            }
            let alias = Alias {
                zone: row.zone,
                target,
                evaluate_target_health: row.service.allows_health()
                    && endpoint.alias.evaluate_target_health.unwrap_or(true),
            };
            let set = |rtype: &RecordType| record_set(endpoint, rtype.clone(), Data::Alias(alias.clone()));
            Ok(choice.types().iter().map(set).collect())
        }
        // A CNAME cannot become an alias later, because that needs a deletion.
        None if is_load_balancer && !prefers_cname => Err(Reason::UnknownLoadBalancerZone { target }),
        None if choice.asks() => Err(Reason::NoAliasZone { target }),
        _ if is_apex => Err(Reason::ApexNeedsAlias { target }),
        _ => Ok(cname()),
    }
}

/// The aliases to a name of the same zone, one for each type that it has. Route 53 rejects an alias to a missing record set.
fn aliases_within_zone(endpoint: &Endpoint, zone: &Zone, target: Name) -> Result<Vec<RecordSet>, Reason> {
    let there = zone.at(&target);
    let types = endpoint.alias.choice.types().iter();
    let types = types.filter(|rtype| there.iter().any(|set| set.rtype() == *rtype));
    let evaluate_target_health = endpoint.alias.evaluate_target_health.unwrap_or(true);
    let alias = Alias { zone: zone.id().clone(), target: target.clone(), evaluate_target_health };
    let sets: Vec<RecordSet> =
        types.map(|rtype| record_set(endpoint, rtype.clone(), Data::Alias(alias.clone()))).collect();
    if sets.is_empty() { Err(Reason::NoAliasTarget { target }) } else { Ok(sets) }
}

/// A record set at the endpoint's hostname, with its set identifier and routing.
fn record_set(endpoint: &Endpoint, rtype: RecordType, data: Data) -> RecordSet {
    let key = SetKey { name: endpoint.key.host.clone(), rtype, set_id: endpoint.key.set_id.clone() };
    RecordSet { key, routing: endpoint.routing.clone(), data }
}
