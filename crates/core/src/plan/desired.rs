//! What the zone should hold for one claim.

use super::{
    ManagedTypes, Reason, Settings,
    reason::{Limit, MAX_OBJECT_VALUES},
};
use crate::{
    dns::{Alias, AliasZones, Data, Name, RecordSet, RecordType, Ttl, Zone},
    shown::listed,
    source::Facts,
};

/// The record sets that a claim asks for. Two claims with equal ones are no conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Desired {
    /// Ordered by type.
    pub sets: Vec<RecordSet>,
    /// Whether the object asks for the TTL; one that it does not ask for never causes a write.
    pub ttl_is_asked_for: bool,
    /// Whether it is more than what one object asks for.
    pub is_merged: bool,
}

impl Desired {
    /// What `facts` ask for at `host`, or why that cannot be.
    pub fn new(host: &Name, zone: &Zone, facts: &Facts, settings: &Settings) -> Result<Self, Reason> {
        if let Some(problem) = facts.blocking_problem() {
            return Err(Reason::InvalidField { field: problem.field.clone(), text: problem.text.clone() });
        }
        let targets = &facts.targets;
        if targets.has_more {
            return Err(Reason::TooBig(Limit::SetValues));
        }
        let values = facts.hosts.len() * targets.len();
        if values > MAX_OBJECT_VALUES {
            return Err(Reason::TooBig(Limit::ObjectValues(values)));
        }
        let ttl = facts.ttl.unwrap_or(settings.default_ttl);
        let mut sets = Vec::new();
        let addresses = |values: Vec<String>, rtype| {
            let values: Vec<_> = values.into_iter().map(Into::into).collect();
            (!values.is_empty()).then(|| RecordSet::simple(host.clone(), rtype, Data::Values { ttl, values }))
        };
        sets.extend(addresses(targets.v4.iter().map(ToString::to_string).collect(), RecordType::A));
        sets.extend(addresses(targets.v6.iter().map(ToString::to_string).collect(), RecordType::Aaaa));
        if sets.is_empty() {
            let mut names = targets.hosts.iter();
            sets = match (names.next(), names.len()) {
                (None, _) => return Err(Reason::NoTarget),
                (Some(target), 0) => name_sets(host, zone, target, ttl, facts, settings)?,
                (Some(_), _) => {
                    let (count, names) = (targets.hosts.len(), listed(targets.hosts.iter()));
                    return Err(Reason::ManyCnameTargets { count, names });
                }
            };
        }
        Ok(Self { sets, ttl_is_asked_for: facts.ttl.is_some(), is_merged: false })
    }

    /// What of it may be written, or why nothing may be.
    pub fn narrowed(mut self, managed: &ManagedTypes) -> Result<Self, Reason> {
        let asked_for = self.sets.iter().map(|set| set.rtype().clone()).collect();
        self.sets.retain(|set| managed.contains(set.rtype()));
        if self.sets.is_empty() { Err(Reason::UnmanagedType { types: asked_for }) } else { Ok(self) }
    }

    /// The one host name that aliases lead to.
    pub fn alias_target(&self) -> Option<&Name> {
        match &self.sets.first()?.data {
            Data::Alias(alias) => Some(&alias.target),
            Data::Values { .. } | Data::TrafficPolicy(_) => None,
        }
    }

    /// The same wish as a CNAME, for a hostname that already is one.
    pub fn as_cname(&self, host: &Name, target: &Name, facts: &Facts, settings: &Settings) -> Self {
        let ttl = facts.ttl.unwrap_or(settings.default_ttl);
        Self { sets: vec![cname(host, target, ttl)], ..*self }
    }

    /// The same wish as that of several objects, of which `own` is one.
    pub fn merged(self, own: &Self) -> Self {
        Self { is_merged: self.sets != own.sets, ..self }
    }

    /// Whether another wish is fulfilled with it: the same one, or a part of what is merged.
    pub fn fulfils(&self, other: &Self) -> bool {
        let is_part = |part: &RecordSet, set: &RecordSet| {
            let has = |value| set.values().contains(value);
            part.rtype() == set.rtype() && part.ttl() == set.ttl() && part.values().iter().all(has)
        };
        let is_there = |part: &RecordSet| self.sets.iter().any(|set| is_part(part, set));
        let joins = self.is_merged && other.ttl_is_asked_for == self.ttl_is_asked_for;
        *other == *self || (joins && other.asks_for_addresses() && other.sets.iter().all(is_there))
    }

    /// Whether it asks for addresses and not for a name.
    pub fn asks_for_addresses(&self) -> bool {
        self.sets.iter().all(|set| *set.rtype() != RecordType::Cname && !set.is_alias())
    }

    /// Whether it asks for a set of this type.
    pub fn has(&self, rtype: &RecordType) -> bool {
        self.sets.iter().any(|set| set.rtype() == rtype)
    }
}

/// The sets that lead to a host name: an alias for IPv4 and one for IPv6 where that can be, else a CNAME.
fn name_sets(
    host: &Name,
    zone: &Zone,
    target: &Name,
    ttl: Ttl,
    facts: &Facts,
    settings: &Settings,
) -> Result<Vec<RecordSet>, Reason> {
    if host == target {
        let text = format!("{target} would lead to itself");
        return Err(Reason::InvalidField { field: "targets".to_owned(), text });
    }
    let (target, is_apex) = (target.clone(), host == zone.apex());
    match settings.alias_zones.find(&target) {
        // The apex cannot be a CNAME, whatever is preferred.
        Some(row) if facts.alias || is_apex || (row.service.is_default() && !settings.prefer_cname) => {
            if zone.is_private() && !row.service.allows_private_zones() {
                return Err(Reason::AliasInPrivateZone { target });
            }
            let alias = Alias {
                zone: row.zone.clone(),
                target,
                evaluate_target_health: row.service.allows_health()
                    && facts.evaluate_target_health.unwrap_or(true),
            };
            let set = |rtype| RecordSet::simple(host.clone(), rtype, Data::Alias(alias.clone()));
            Ok(vec![set(RecordType::A), set(RecordType::Aaaa)])
        }
        // A CNAME in place of an alias is a one-way street for a program that never deletes.
        None if AliasZones::is_load_balancer(&target) && !settings.prefer_cname => {
            Err(Reason::UnknownLoadBalancerZone { target })
        }
        None if facts.alias => Err(Reason::NoAliasZone { target }),
        _ if is_apex => Err(Reason::ApexNeedsAlias { target }),
        _ => Ok(vec![cname(host, &target, ttl)]),
    }
}

fn cname(host: &Name, target: &Name, ttl: Ttl) -> RecordSet {
    let values = vec![target.to_route53().trim_end_matches('.').into()];
    RecordSet::simple(host.clone(), RecordType::Cname, Data::Values { ttl, values })
}
