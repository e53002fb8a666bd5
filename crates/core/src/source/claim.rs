//! Claims: an index of all endpoints by hostname and set identifier.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use smallvec::SmallVec;

use super::{
    ClaimKey, Endpoint, Facts, Kind, ObjectRef, Targets, Visibility,
    keys::{entries_at, first},
};
use crate::dns::Name;

/// An object together with one of its endpoints.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The object's facts.
    pub facts: Arc<Facts>,
    /// What the object asks for.
    pub endpoint: Arc<Endpoint>,
}

/// All claims on names of one zone, and the facts that they follow from.
///
/// Hostnames outside the zone stay in the facts only: they are listed, never planned.
#[derive(Debug, Clone)]
pub struct Claims {
    apex: Name,
    facts: BTreeMap<ObjectRef, Arc<Facts>>,
    /// The claimants of each key: the oldest first, then by namespace and name.
    claimants: BTreeMap<ClaimKey, SmallVec<[Claim; 1]>>,
    /// The hostnames of this zone that objects have above the limit, with the number of these objects.
    above_limit: BTreeMap<Name, usize>,
    /// The names of this zone to which aliases are to lead, with the hostnames of these aliases.
    alias_targets: BTreeMap<Name, BTreeSet<(Name, ObjectRef)>>,
    /// The targets of the newest endpoint. Objects of one controller mostly have the same, and so they share them.
    newest_targets: Arc<Targets>,
    /// The resources that cannot be read.
    pub visibility: Visibility,
}

/// The order of claimants: creation, then namespace, then name. The kind breaks a remaining tie.
pub(crate) type Rank<'a> = (i64, &'a str, &'a str, &'a Kind);

// === impl Claim ===

impl Claim {
    /// The object.
    pub fn object(&self) -> &ObjectRef {
        &self.facts.object
    }

    /// The place of the claim among others on the same key.
    pub(crate) fn rank(&self) -> Rank<'_> {
        let object = self.object();
        (self.facts.created, object.namespace(), object.name(), object.kind())
    }

    /// Whether this claim comes before one on another key. Of the claims of one object, the first key comes first.
    pub(crate) fn is_older_than(&self, other: &Self) -> bool {
        (self.rank(), &self.endpoint.key) < (other.rank(), &other.endpoint.key)
    }
}

// === impl Claims ===

impl Claims {
    /// No claims yet on the zone with this apex.
    pub fn new(apex: Name) -> Self {
        Self {
            apex,
            facts: BTreeMap::new(),
            claimants: BTreeMap::new(),
            above_limit: BTreeMap::new(),
            alias_targets: BTreeMap::new(),
            newest_targets: Arc::default(),
            visibility: Visibility::default(),
        }
    }

    /// Takes the facts of an object, or `None` if it has no facts any more. Returns the hostnames whose plans may change:
    /// none if the facts are the same as before.
    pub fn set(&mut self, object: &ObjectRef, facts: Option<Facts>) -> BTreeSet<Name> {
        if self.facts.get(object).map(AsRef::as_ref) == facts.as_ref() {
            return BTreeSet::new();
        }
        let new = facts.map(|facts| Arc::new(self.compact(facts)));
        let old = self.facts.remove(object);
        let mut touched = match (&old, &new) {
            (Some(old), Some(new)) => old.changed_hosts(new).unwrap_or_else(|| {
                let all = old.hosts().chain(&old.unplanned_hosts().above_limit);
                all.chain(new.hosts()).chain(&new.unplanned_hosts().above_limit).cloned().collect()
            }),
            (Some(of), None) | (None, Some(of)) => {
                of.hosts().chain(&of.unplanned_hosts().above_limit).cloned().collect()
            }
            (None, None) => BTreeSet::new(),
        };
        touched.retain(|host| host.is_within(&self.apex));
        if let Some(old) = &old {
            self.remove(old, new.as_deref());
        }
        if let Some(new) = new {
            self.insert(&new);
            self.facts.insert(new.object.clone(), new);
        }
        touched
    }

    /// The same facts in less memory. Where the targets are those of the endpoint before, both endpoints have one copy of them.
    fn compact(&mut self, mut facts: Facts) -> Facts {
        facts.endpoints.shrink_to_fit();
        for endpoint in facts.endpoints.iter_mut().filter_map(Arc::get_mut) {
            let targets = &mut endpoint.content.targets;
            if *targets == self.newest_targets {
                *targets = Arc::clone(&self.newest_targets);
            } else {
                self.newest_targets = Arc::clone(targets);
            }
        }
        facts
    }

    /// Removes the claims of an object, except those on keys that it still asks for.
    fn remove(&mut self, old: &Facts, new: Option<&Facts>) {
        let is_kept = |key| new.is_some_and(|new| new.endpoint(key).is_some());
        for endpoint in old.endpoints_within(&self.apex).filter(|endpoint| !is_kept(&endpoint.key)) {
            let key = &endpoint.key;
            if let Some(claimants) = self.claimants.get_mut(key) {
                claimants.retain(|claim| *claim.object() != old.object);
                if claimants.is_empty() {
                    self.claimants.remove(key);
                }
            }
        }
        for (target, host) in self.aliases_of(old) {
            if let Some(hosts) = self.alias_targets.get_mut(&target) {
                hosts.remove(&(host, old.object.clone()));
                if hosts.is_empty() {
                    self.alias_targets.remove(&target);
                }
            }
        }
        for host in old.unplanned_hosts().above_limit.iter().filter(|host| host.is_within(&self.apex)) {
            if let Some(objects) = self.above_limit.get_mut(host) {
                *objects -= 1;
                if *objects == 0 {
                    self.above_limit.remove(host);
                }
            }
        }
    }

    /// Inserts the claims of an object, in place of its claims on the same keys.
    fn insert(&mut self, new: &Arc<Facts>) {
        for endpoint in new.endpoints_within(&self.apex) {
            let claim = Claim { facts: Arc::clone(new), endpoint: Arc::clone(endpoint) };
            let claimants = self.claimants.entry(endpoint.key.clone()).or_default();
            claimants.retain(|other| other.object() != claim.object());
            let at = claimants.partition_point(|other| other.rank() < claim.rank());
            claimants.insert(at, claim);
        }
        for (target, host) in self.aliases_of(new) {
            self.alias_targets.entry(target).or_default().insert((host, new.object.clone()));
        }
        for host in new.unplanned_hosts().above_limit.iter().filter(|host| host.is_within(&self.apex)) {
            *self.above_limit.entry(host.clone()).or_default() += 1;
        }
    }

    /// The aliases that an object asks for to names of this zone: target and hostname.
    fn aliases_of(&self, facts: &Facts) -> Vec<(Name, Name)> {
        let endpoints = facts.endpoints_within(&self.apex).filter(|endpoint| endpoint.alias.choice.asks());
        let aliases = endpoints.flat_map(|endpoint| {
            endpoint.content.targets.hosts.iter().map(|target| (target.clone(), endpoint.key.host.clone()))
        });
        aliases.filter(|(target, _)| target.is_within(&self.apex)).collect()
    }

    /// The hostnames whose aliases are to lead to a name of this zone.
    pub fn led_to(&self, target: &Name) -> impl Iterator<Item = &Name> {
        self.alias_targets.get(target).into_iter().flatten().map(|(host, _)| host)
    }

    /// The claimants of a key: the oldest first, then by namespace and name.
    pub fn claimants(&self, key: &ClaimKey) -> &[Claim] {
        self.claimants.get(key).map_or(&[], SmallVec::as_slice)
    }

    /// The keys claimed at a hostname.
    pub fn keys_at<'a>(&'a self, host: &'a Name) -> impl Iterator<Item = &'a ClaimKey> {
        entries_at(&self.claimants, host).map(|(key, _)| key)
    }

    /// Whether anything is claimed at a hostname.
    pub fn has_host(&self, host: &Name) -> bool {
        self.keys_at(host).next().is_some()
    }

    /// All claimed hostnames at or below a name, in the zone's order.
    pub fn hosts_within<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a Name> {
        let mut last = None;
        self.keys_within(name).map(|key| &key.host).filter(move |host| last.replace(*host) != Some(*host))
    }

    /// The claimed hostnames below a name whose next label begins with `_`, as `_web._tcp.www.example.com` below
    /// `www.example.com`.
    pub fn underscored_below<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a Name> {
        let depth = name.labels().count();
        let is_underscored =
            move |host: &Name| host.labels().rev().nth(depth).is_some_and(|label| label.starts_with('_'));
        // All labels that begin with `_` are neighbours.
        let keys = name.child("_").into_iter().flat_map(|first| self.keys_from(&first));
        keys.map(|key| &key.host).take_while(move |host| host.is_within(name) && is_underscored(host))
    }

    /// All claimed keys of hostnames at or below a name, in the zone's order.
    pub fn keys_within<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a ClaimKey> {
        self.keys_from(name).take_while(move |key| key.host.is_within(name))
    }

    /// The facts of every object, by object, also of those that are not selected.
    pub fn facts(&self) -> impl Iterator<Item = &Arc<Facts>> {
        self.facts.values()
    }

    /// The hostnames that the flags leave out, by object.
    pub fn passed_over(&self) -> impl Iterator<Item = (&Name, &ObjectRef)> {
        let facts = self.facts.values();
        facts.flat_map(|facts| facts.unplanned_hosts().passed_over.iter().map(|host| (host, &facts.object)))
    }

    /// The facts of one object.
    pub fn facts_of(&self, object: &ObjectRef) -> Option<&Arc<Facts>> {
        self.facts.get(object)
    }

    /// Whether an object may claim a hostname without a claim here: it or a resource that it looks up cannot be read,
    /// its template fails, or it has the hostname above the limit.
    pub(crate) fn may_claim_unseen(&self, object: &ObjectRef, host: &Name) -> bool {
        let may =
            |facts: &Arc<Facts>| facts.may_claim_more() || facts.unplanned_hosts().above_limit.contains(host);
        self.visibility.may_exist_unseen(object) || self.facts_of(object).is_some_and(may)
    }

    /// The resource that an object looks up and that cannot be read, if there is one.
    pub(crate) fn unreadable_dependency(&self, object: &ObjectRef) -> Option<&str> {
        self.facts_of(object)?.unreadable_dependency()
    }

    /// Whether an object has a hostname above the limit.
    pub(crate) fn is_above_limit(&self, host: &Name) -> bool {
        self.above_limit.contains_key(host)
    }

    /// All objects that have facts.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectRef> {
        self.facts.keys()
    }

    /// Claimed hostnames that are not names of this zone, each with the object that asks for it.
    pub fn outside(&self) -> impl Iterator<Item = (&Name, &ObjectRef)> {
        self.facts
            .values()
            .flat_map(|facts| facts.hosts().map(|host| (host, &facts.object)))
            .filter(|(host, _)| !host.is_within(&self.apex))
    }

    fn keys_from(&self, host: &Name) -> impl Iterator<Item = &ClaimKey> + use<'_> {
        self.claimants.range(first(host)..).map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;
    use crate::{
        dns::{Routing, Ttl},
        source::{AliasOptions, Content, Problem, UnplannedHosts},
    };

    /// An endpoint with one address.
    fn endpoint(host: &str, address: &str) -> Arc<Endpoint> {
        let mut targets = Targets::default();
        targets.add(address).unwrap();
        Arc::new(Endpoint {
            key: ClaimKey { host: Name::from_hostname(host).unwrap(), set_id: None },
            routing: Routing::Simple,
            content: Content::of_targets(Arc::new(targets)),
            ttl: Some(Ttl::DEFAULT),
            aaaa_ttl: None,
            alias: AliasOptions::default(),
            problem: None,
        })
    }

    #[test]
    fn a_change_touches_the_hostnames_that_it_changes() {
        let mut claims = Claims::new(Name::from_hostname("example.com").unwrap());
        let object = ObjectRef::new(Kind::Service, "shop", "web");
        let mut facts = Facts::new(object.clone(), &ObjectMeta::default());
        let mut touched = |facts: &Facts| -> Vec<String> {
            claims.set(&object, Some(facts.clone())).iter().map(ToString::to_string).collect()
        };
        let (a, b) = ("a.example.com", "b.example.com");
        facts.endpoints = vec![endpoint(a, "192.0.2.1"), endpoint(b, "192.0.2.1")];
        assert_eq!(touched(&facts), [a, b]);
        assert_eq!(touched(&facts), [""; 0]);
        facts.endpoints[1] = endpoint(b, "192.0.2.2");
        assert_eq!(touched(&facts), [b]);
        facts.endpoints.push(endpoint("c.example.net", "192.0.2.2"));
        assert_eq!(touched(&facts), [""; 0]);
        facts.endpoints.remove(0);
        assert_eq!(touched(&facts), [a]);
        let above_limit = [Name::from_hostname(a).unwrap()].into();
        facts = facts.with_unplanned_hosts(UnplannedHosts { above_limit, ..UnplannedHosts::default() });
        assert_eq!(touched(&facts), [a]);
        // A change that can concern each hostname.
        facts.problems.push(Problem::blocking("field", "text"));
        assert_eq!(touched(&facts), [a, b]);
        facts.created = 7;
        facts = facts.with_unplanned_hosts(UnplannedHosts::default());
        assert_eq!(touched(&facts), [a, b]);
        assert_eq!(claims.set(&object, None).len(), 1);
        assert!(claims.claimants.is_empty() && claims.above_limit.is_empty());
    }

    #[test]
    fn objects_share_equal_targets() {
        let mut claims = Claims::new(Name::from_hostname("example.com").unwrap());
        let objects = ["a", "b", "c"].map(|name| ObjectRef::new(Kind::Ingress, "shop", name));
        for (object, address) in objects.iter().zip(["192.0.2.1", "192.0.2.1", "192.0.2.2"]) {
            let mut facts = Facts::new(object.clone(), &ObjectMeta::default());
            facts.endpoints = vec![endpoint(&format!("{}.example.com", object.name()), address)];
            claims.set(object, Some(facts));
        }
        let targets = |object| &claims.facts[object].endpoints[0].content.targets;
        let [one, same, other] = objects.each_ref().map(targets);
        assert!(Arc::ptr_eq(one, same));
        assert_ne!(one, other);
    }
}
