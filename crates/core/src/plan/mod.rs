//! The planner: from claims, the zone and the history to changes, and to blocked and noted claims.
//!
//! Everything here is a function of its arguments. [`View::host`] plans one hostname and shows the order of the steps.
//! A plan is that function over every hostname of the claims and of the zone.

mod address;
mod adoption;
mod adoption_unit;
mod batch;
mod blocked;
mod change;
mod cover;
mod decision;
mod desired;
mod digest;
mod encoding;
mod fix;
mod hand_change;
mod heritage;
mod history;
mod holder;
mod host;
mod limit;
mod managed_types;
mod merge;
mod note;
mod obstacle;
mod ownership;
mod ownership_record;
mod reason;
mod remedy;
mod rival;
mod shadow;
mod siblings;
mod stale;
mod tenants;
mod text;
mod txt_index;
mod underscored;
mod unit;
mod view;
mod wish;
mod written;

use std::{collections::BTreeMap, net::IpAddr};

use arcstr::ArcStr;

pub use address::Special;
use address::is_private;
pub use adoption::{Adoption, AdoptionOrder, BadHostPattern, HostPattern, Hosts};
pub use batch::Batch;
pub(crate) use blocked::of_object;
pub use blocked::{Blocked, Subject};
pub use change::{Change, Role};
pub use digest::{BadDigest, Move, PlanDigest, UnitDigest};
pub use hand_change::HandChange;
pub use heritage::{BadOwnerId, Heritage, OwnerId};
pub use history::{History, HolderHistory, InSync, WishDigest};
pub use host::{Findings, HostPlan};
pub use limit::{Limit, MAX_BATCH_CHARACTERS, MAX_BATCH_VALUES, MAX_SET_IDS, Weight};
pub use managed_types::{BadManagedType, ManagedTypes};
pub use merge::MergeTargets;
pub use note::{Note, Noted};
pub use ownership::{BadNaming, Naming};
pub use reason::{Cover, Covered, Reason, Reserved};
pub use shadow::Shadow;
pub use stale::Stale;
pub use txt_index::TxtIndex;
pub use unit::Unit;
pub use view::View;

use crate::{
    dns::{AliasZones, Name, Ttl},
    source::{ClaimKey, EndpointRules, ObjectRef, ResourceRef},
};

/// The settings with which claims become record sets.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Our owner id in the ownership records.
    pub owner: OwnerId,
    /// The names of the ownership records.
    pub naming: Naming,
    /// The TTL of values if the object states none.
    pub default_ttl: Ttl,
    /// The types of records that are written.
    pub managed_types: ManagedTypes,
    /// Whether host name targets become CNAMEs even if an alias is possible.
    pub prefer_cname: bool,
    /// Whether wildcards and validation records may count for names of others.
    pub allow_wildcard_cname: bool,
    /// Whether a hostname gets the addresses of several objects. `None` is undecided: merged records stay as they are.
    pub merge_targets: Option<MergeTargets>,
    /// The hosted zones of alias targets.
    pub alias_zones: AliasZones,
    /// The records of others that may become ours.
    pub adoption: Adoption,
    /// The rules for every endpoint, whichever object asks for it.
    pub endpoints: EndpointRules,
}

/// The plan for the whole zone, in the zone's order.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The units to write.
    pub units: Vec<Unit>,
    /// The blocked claims, each with its reason.
    pub blocked: Vec<Blocked>,
    /// The claims whose records are right but not ours.
    pub noted: Vec<Noted>,
    /// Owned sets that no object wants, at claimed hostnames.
    pub leftovers: Vec<Stale>,
    /// Owned sets at hostnames that no object claims.
    pub orphans: Vec<Stale>,
    /// Claimed hostnames outside the zone.
    pub outside: Vec<(Name, ObjectRef)>,
    /// Hostnames of the zone that the flags leave out, each with an object.
    pub not_published: Vec<(Name, ObjectRef)>,
    /// Undecodable resources. The hostnames that objects ask for because of them are unknown.
    pub unreadable: Vec<ResourceRef>,
    /// Problems of objects that block nothing, by object.
    pub warnings: BTreeMap<ObjectRef, Vec<String>>,
    /// The number of keys whose records are right and ours.
    pub in_sync: usize,
    /// The wildcards that each unit hides, by key.
    pub shadows: BTreeMap<ClaimKey, Vec<Shadow>>,
    /// Whether the zone answers only within its VPCs.
    pub is_private: bool,
}

// === impl Settings ===

impl Settings {
    /// The default settings for an owner id.
    pub fn new(owner: OwnerId) -> Self {
        Self {
            owner,
            naming: Naming::default(),
            default_ttl: Ttl::DEFAULT,
            managed_types: ManagedTypes::default(),
            prefer_cname: false,
            allow_wildcard_cname: false,
            merge_targets: None,
            alias_zones: AliasZones::default(),
            adoption: Adoption::default(),
            endpoints: EndpointRules::default(),
        }
    }
}

// === impl Plan ===

impl Plan {
    /// Plans every hostname.
    pub fn new(view: &View<'_>) -> Self {
        let mut hosts: Vec<&Name> = view.hosts().collect();
        hosts.sort_unstable();
        hosts.dedup();
        let plans = hosts.into_iter().map(|host| view.host(host));
        Self::assemble(view, plans)
    }

    /// Assembles the plans of single hostnames, and adds everything that belongs to no hostname of the zone.
    pub fn assemble(view: &View<'_>, hosts: impl IntoIterator<Item = HostPlan>) -> Self {
        let mut plan = Self::default();
        for host in hosts {
            plan.in_sync += host.in_sync.len();
            let (units, Findings { blocked, noted, leftovers, orphans }) = host.into_parts();
            plan.units.extend(units);
            plan.blocked.extend(blocked);
            plan.noted.extend(noted);
            plan.leftovers.extend(leftovers);
            plan.orphans.extend(orphans);
        }
        let passed_over: BTreeMap<&Name, &ObjectRef> = view.claims.passed_over().collect();
        for stale in plan.orphans.iter_mut().chain(&mut plan.leftovers) {
            stale.named_by = passed_over.get(stale.set.name()).map(|object| (*object).clone());
            stale.is_filtered = !view.settings.endpoints.domains.allows(stale.set.name());
        }
        let mut stale: Vec<&mut Stale> = plan.orphans.iter_mut().chain(&mut plan.leftovers).collect();
        Stale::note_targets(&mut stale, view.zone);
        let is_unknown = |host: &Name| host.is_within(view.zone.apex()) && !view.claims.has_host(host);
        let unknown = passed_over.iter().filter(|(host, _)| is_unknown(host));
        plan.not_published = unknown.map(|(host, object)| ((*host).clone(), (*object).clone())).collect();
        let shadows = |unit: &Unit| (unit.key().clone(), Shadow::of(view.zone, unit));
        plan.shadows = plan.units.iter().map(shadows).filter(|(_, shadows)| !shadows.is_empty()).collect();
        plan.is_private = view.zone.is_private();
        plan.outside = view.claims.outside().map(|(name, object)| (name.clone(), object.clone())).collect();
        plan.outside.sort();
        plan.unreadable = view.claims.visibility.undecodable().cloned().collect();
        plan.blocked.extend(view.claims.facts().flat_map(|facts| of_object(facts)));
        for facts in view.claims.facts() {
            let warnings = facts.warnings(view.zone.apex());
            let warnings: Vec<String> =
                warnings.map(|problem| format!("{}: {}", problem.field, problem.text)).collect();
            if !warnings.is_empty() {
                plan.warnings.insert(facts.object.clone(), warnings);
            }
        }
        plan
    }

    /// The digest of the sorted unit digests.
    pub fn digest(&self) -> PlanDigest {
        PlanDigest::of(self.units.iter().map(Unit::digest))
    }

    /// The private addresses to which a unit newly leads, if the zone is public.
    pub fn private_addresses(&self, unit: &Unit) -> impl Iterator<Item = IpAddr> {
        let changes = unit.changes().iter().filter(|change| !self.is_private && change.is_of_record());
        let is_new = |change: &Change, value: &ArcStr| {
            change.before().is_none_or(|before| !before.values().contains(value))
        };
        let values = changes.flat_map(move |change| {
            change.after().values().iter().filter(move |value| is_new(change, value))
        });
        values.filter_map(|value| value.parse().ok()).filter(|address| is_private(*address))
    }

    /// The numbers of CREATEs and UPSERTs, ownership records included.
    pub fn count(&self) -> (usize, usize) {
        let changes = self.units.iter().flat_map(Unit::changes);
        let (creates, replaces): (Vec<_>, Vec<_>) = changes.partition(|change| change.is_create());
        (creates.len(), replaces.len())
    }
}
