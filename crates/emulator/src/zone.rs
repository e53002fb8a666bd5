//! One hosted zone, with Route 53's rules for changes. No I/O, no clock, no randomness.
//!
//! ```
//! use zonekeeper_emulator::zone::{Change, HostedZone, RecordSet, Refusal};
//!
//! let mut zone = HostedZone::new("Z0123456789EXAMPLE", "example.test")?;
//! let set = RecordSet::simple("WWW.example.test", "A", 300, ["192.0.2.1"]);
//! zone.change(&[Change::create(set.clone())])?;
//! assert_eq!(zone.get("www.example.test.", "A", None).map(|set| set.name.as_str()), Some("www.example.test."));
//!
//! let refused = zone.change(&[Change::create(set)]).unwrap_err();
//! assert_eq!(
//!     refused.message(),
//!     "[Tried to create resource record set [name='www.example.test.', type='A'] but it already exists]"
//! );
//! # Ok::<(), Refusal>(())
//! ```

mod alias;
mod batch;
mod conflict;
mod listing;
mod name;
mod record_set;
mod refusal;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

pub use self::{
    batch::{
        MAX_CHARACTERS, MAX_COMMENT, MAX_RECORDS, MAX_SET_IDENTIFIER, MAX_TTL, MAX_VALUE, MAX_VALUES, TYPES,
        check_comment,
    },
    listing::{MAX_ITEMS, Page, Start},
    name::{MAX_LABEL, MAX_NAME, WildcardOrder},
    record_set::{
        Action, AliasTarget, Change, CidrRoutingConfig, Coordinates, GeoLocation, GeoProximityLocation,
        RecordSet,
    },
    refusal::Refusal,
};

/// Default maximum of record sets in a zone ("Quotas" in the Developer Guide).
pub const DEFAULT_RECORD_LIMIT: usize = 10_000;

/// A hosted zone: its record sets in Route 53's order, and switches for the states of a zone.
#[derive(Debug, Clone)]
pub struct HostedZone {
    id: String,
    name: String,
    private: bool,
    name_servers: [String; 4],
    wildcard_order: WildcardOrder,
    sets: BTreeMap<Key, RecordSet>,
    /// The comments of protections, by listed name and type.
    protections: BTreeMap<(String, String), String>,
    /// The maximum of record sets (`MAX_RRSETS_BY_ZONE`).
    pub record_limit: usize,
    /// Whether the zone rejects every batch, as during a switch of accelerated recovery.
    pub disabled_for_mutation: bool,
    /// The comment of the zone.
    pub comment: Option<String>,
    /// The AWS service that owns the zone. Such a zone rejects every batch.
    pub linked_service: Option<LinkedService>,
    /// The VPCs of a private zone.
    pub vpcs: Vec<Vpc>,
    /// The tags of the zone.
    pub tags: BTreeMap<String, String>,
}

/// The AWS service that created a zone. Only this service may change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedService {
    /// The principal, such as `servicediscovery.amazonaws.com`.
    pub service_principal: String,
    /// The description by the service.
    pub description: String,
}

/// A VPC of a private zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// The region.
    pub region: String,
    /// The id.
    pub id: String,
}

/// The sort key of a record set: name (labels reversed), type, set identifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: Box<[u8]>,
    rtype: String,
    identifier: Option<String>,
}

// === impl HostedZone ===

impl HostedZone {
    /// A public zone with its NS set (four servers, 172800 s) and SOA.
    ///
    /// # Errors
    /// `InvalidInput` if the name is not a domain name.
    pub fn new(id: &str, name: &str) -> Result<Self, Refusal> {
        let n = id.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) % 512;
        let server = |at: u32, end| format!("ns-{}.awsdns-{:02}.{end}.", at + n, n % 64);
        let servers = [server(0, "com"), server(512, "net"), server(1024, "org"), server(1536, "co.uk")];
        Self::with_servers(id, name, false, servers)
    }

    /// A private zone. Its NS set holds the names that all private zones share.
    ///
    /// # Errors
    /// `InvalidInput` if the name is not a domain name.
    pub fn private(id: &str, name: &str, vpcs: Vec<Vpc>) -> Result<Self, Refusal> {
        let servers = [
            "ns-0.awsdns-00.com.",
            "ns-512.awsdns-00.net.",
            "ns-1024.awsdns-00.org.",
            "ns-1536.awsdns-00.co.uk.",
        ];
        Ok(Self { vpcs, ..Self::with_servers(id, name, true, servers.map(str::to_owned))? })
    }

    fn with_servers(id: &str, name: &str, private: bool, name_servers: [String; 4]) -> Result<Self, Refusal> {
        let name = name::listed(name).map_err(|problem| Refusal::InvalidInput(problem.to_string()))?;
        let [first, ..] = &name_servers;
        let soa = format!("{first} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400");
        let mut zone = Self {
            id: id.strip_prefix("/hostedzone/").unwrap_or(id).to_owned(),
            name: name.clone(),
            private,
            name_servers: name_servers.clone(),
            wildcard_order: WildcardOrder::default(),
            sets: BTreeMap::new(),
            protections: BTreeMap::new(),
            record_limit: DEFAULT_RECORD_LIMIT,
            disabled_for_mutation: false,
            comment: None,
            linked_service: None,
            vpcs: Vec::new(),
            tags: BTreeMap::new(),
        };
        zone.put(RecordSet::simple(&name, "NS", 172_800, name_servers))?;
        zone.put(RecordSet::simple(&name, "SOA", 900, [soa]))?;
        Ok(zone)
    }

    /// The id, without `/hostedzone/`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name as listed, with a trailing dot.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the zone is private.
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// The servers of the delegation set, with trailing dots.
    pub fn name_servers(&self) -> &[String; 4] {
        &self.name_servers
    }

    /// Sorts names with escaped characters as in `order`.
    pub fn set_wildcard_order(&mut self, order: WildcardOrder) {
        self.wildcard_order = order;
        let sets = std::mem::take(&mut self.sets);
        self.sets = sets.into_values().map(|set| (self.key_of(&set), set)).collect();
    }

    /// The number of record sets.
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// Whether the zone has no record sets. A zone always has NS and SOA, so it never is empty.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// All record sets, in Route 53's order.
    pub fn iter(&self) -> impl Iterator<Item = &RecordSet> {
        self.sets.values()
    }

    /// The record set with this name (in any form), type and set identifier.
    pub fn get(&self, name: &str, rtype: &str, identifier: Option<&str>) -> Option<&RecordSet> {
        let name = self.sort_name(&name::listed(name).ok()?);
        self.sets.get(&Key { name, rtype: rtype.to_owned(), identifier: identifier.map(str::to_owned) })
    }

    /// Whether a name (in any form) is the zone's name or below it.
    pub fn contains(&self, name: &str) -> bool {
        name::listed(name).is_ok_and(|name| self.contains_name(&name))
    }

    /// Inserts a set as AWS itself would, and checks only names. It prepares tests, and creates sets that no batch can
    /// create, such as those of a traffic policy.
    ///
    /// # Errors
    /// `InvalidInput` if a name in the set is not a domain name.
    pub fn put(&mut self, set: RecordSet) -> Result<Option<RecordSet>, Refusal> {
        let set =
            batch::with_listed_names(set).map_err(|problem| Refusal::InvalidInput(problem.to_string()))?;
        Ok(self.sets.insert(self.key_of(&set), set))
    }

    /// Protects every existing and future record set of a name and type (`CreateResourceRecordSetProtections`).
    ///
    /// # Errors
    /// `InvalidInput` if the name is not a domain name.
    pub fn protect(&mut self, name: &str, rtype: &str, comment: &str) -> Result<(), Refusal> {
        let name = name::listed(name).map_err(|problem| Refusal::InvalidInput(problem.to_string()))?;
        self.protections.insert((name, rtype.to_owned()), comment.to_owned());
        Ok(())
    }

    /// Removes a protection. Returns whether there was one.
    pub fn unprotect(&mut self, name: &str, rtype: &str) -> bool {
        name::listed(name).is_ok_and(|name| self.protections.remove(&(name, rtype.to_owned())).is_some())
    }

    /// Carries out a batch as a whole, or not at all.
    ///
    /// The zone checks the existence of a set change by change. It checks rules between sets after the whole
    /// batch. So a batch can replace a CNAME with an alias, or give all weighted sets a new TTL.
    ///
    /// # Errors
    /// - `InvalidInput` if the batch does not have the shape of the API
    /// - `InvalidChangeBatch` with all errors of the batch
    /// - `AccessDenied` if another service owns the zone
    pub fn change(&mut self, batch: &[Change]) -> Result<(), Refusal> {
        if let Some(owner) = &self.linked_service {
            return Err(Refusal::AccessDenied(format!(
                "The hosted zone {} was created by {} and can be changed only by it",
                self.id, owner.service_principal
            )));
        }
        if self.disabled_for_mutation {
            return Err(Refusal::InvalidInput(format!(
                "HostedZone {} is marked disabled for mutation",
                self.id
            )));
        }
        batch::check_shape(batch)?;
        let mut messages = batch::limits(batch);
        let mut undo = Vec::with_capacity(batch.len());
        let before = self.sets.len();
        let changes = self.readable(batch, &mut messages);
        let written: Vec<Key> = changes
            .into_iter()
            .filter_map(|(action, key, set)| self.apply(action, key, set, &mut undo, &mut messages))
            .collect();
        for key in &written {
            if let Some(set) = self.sets.get(key) {
                conflict::check(self, key, set, &mut messages);
            }
        }
        self.check_apex(&undo, &mut messages);
        if self.sets.len() > self.record_limit && self.sets.len() > before {
            messages.push(format!("Exceeded limit MAX_RRSETS_BY_ZONE for zone: {}", self.id));
        }
        if messages.is_empty() {
            return Ok(());
        }
        for (key, set) in undo.into_iter().rev() {
            match set {
                Some(set) => self.sets.insert(key, set),
                None => self.sets.remove(&key),
            };
        }
        Err(Refusal::InvalidChangeBatch(messages))
    }

    /// The valid changes of a batch. The errors of the others go to `messages`.
    fn readable(&self, batch: &[Change], messages: &mut Vec<String>) -> Vec<(Action, Key, RecordSet)> {
        let mut changes = Vec::with_capacity(batch.len());
        let mut actions = BTreeMap::<Key, Vec<Action>>::new();
        for Change { action, set } in batch {
            let set = match batch::with_listed_names(set.clone()) {
                Ok(set) => set,
                Err(problem) => {
                    messages.push(problem.to_string());
                    continue;
                }
            };
            if !self.contains_name(&set.name) {
                messages
                    .push(format!("RRSet with DNS name {} is not permitted in zone {}", set.name, self.name));
                continue;
            }
            let key = self.key_of(&set);
            actions.entry(key.clone()).or_default().push(*action);
            let known = messages.len();
            if *action != Action::Delete {
                batch::check_values(&set, messages);
            }
            if messages.len() == known {
                changes.push((*action, key, set));
            }
        }
        // A key may occur twice only as DELETE and CREATE.
        let contradictory =
            |actions: &[Action]| actions.len() > 1 && *actions != [Action::Delete, Action::Create];
        let mut reported = BTreeSet::new();
        changes.retain(|(_, key, set)| {
            let contradicts = actions.get(key).is_some_and(|actions| contradictory(actions));
            if contradicts && reported.insert(key.clone()) {
                messages.push(format!(
                    "The request contains an invalid set of changes for a resource record set '{} {}'",
                    set.rtype, set.name
                ));
            }
            let protection = self.protection(set);
            if let Some(comment) = protection {
                messages.push(format!("Resource record set {} is protected: {comment}", brackets(set)));
            }
            !contradicts && protection.is_none()
        });
        changes
    }

    /// Carries out one change, and records its undo. Returns the key of a written set.
    fn apply(
        &mut self,
        action: Action,
        key: Key,
        set: RecordSet,
        undo: &mut Vec<(Key, Option<RecordSet>)>,
        messages: &mut Vec<String>,
    ) -> Option<Key> {
        match (action, self.sets.entry(key.clone())) {
            (Action::Create, Entry::Occupied(_)) => {
                messages.push(format!(
                    "Tried to create resource record set {} but it already exists",
                    brackets(&set)
                ));
                None
            }
            (Action::Create | Action::Upsert, Entry::Vacant(place)) => {
                place.insert(set);
                undo.push((key.clone(), None));
                Some(key)
            }
            (Action::Upsert, Entry::Occupied(mut place)) => {
                undo.push((key.clone(), Some(place.insert(set))));
                Some(key)
            }
            (Action::Delete, Entry::Vacant(_)) => {
                messages.push(format!(
                    "Tried to delete resource record set {} but it was not found",
                    brackets(&set)
                ));
                None
            }
            (Action::Delete, Entry::Occupied(place)) => {
                if place.get().same_as(&set) {
                    undo.push((key, Some(place.remove())));
                } else {
                    messages.push(format!(
                        "Tried to delete resource record set {} but the values provided do not match the current \
                         values",
                        brackets(&set)
                    ));
                }
                None
            }
        }
    }

    fn check_apex(&self, undo: &[(Key, Option<RecordSet>)], messages: &mut Vec<String>) {
        let apex = self.sort_name(&self.name);
        for (rtype, rule) in [("NS", conflict::NS_RULE), ("SOA", conflict::SOA_RULE)] {
            let touched = undo.iter().any(|(key, _)| key.rtype == rtype && key.name == apex);
            if touched && !self.sets_of(apex.clone()).any(|set| set.rtype == rtype) {
                messages.push(rule.to_owned());
            }
        }
    }

    /// The sets of the name of a sort key.
    fn sets_of(&self, name: Box<[u8]>) -> impl Iterator<Item = &RecordSet> {
        let first = Key { name, rtype: String::new(), identifier: None };
        let name = first.name.clone();
        self.sets.range(first..).take_while(move |(key, _)| key.name == name).map(|(_, set)| set)
    }

    fn protection(&self, set: &RecordSet) -> Option<&str> {
        if self.protections.is_empty() {
            return None;
        }
        self.protections.get(&(set.name.clone(), set.rtype.clone())).map(String::as_str)
    }

    fn contains_name(&self, listed: &str) -> bool {
        listed.strip_suffix(&self.name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    fn sort_name(&self, listed: &str) -> Box<[u8]> {
        name::sort_key(listed, self.wildcard_order)
    }

    fn key_of(&self, set: &RecordSet) -> Key {
        Key {
            name: self.sort_name(&set.name),
            rtype: set.rtype.clone(),
            identifier: set.set_identifier.clone(),
        }
    }
}

// === impl Key ===

impl Key {
    fn lowest() -> Self {
        Self { name: Box::default(), rtype: String::new(), identifier: None }
    }
}

/// The sort key of a zone's name (`ListHostedZonesByName` sorts by the escaped text).
///
/// # Errors
/// `InvalidInput` if the name is not a domain name.
#[cfg(feature = "server")]
pub(crate) fn place(name: &str) -> Result<Box<[u8]>, Refusal> {
    let name = name::listed(name).map_err(|problem| Refusal::InvalidInput(problem.to_string()))?;
    Ok(name::sort_key(&name, WildcardOrder::Escaped))
}

/// The key of a set in the form of messages.
fn brackets(set: &RecordSet) -> String {
    let identifier =
        set.set_identifier.as_ref().map(|id| format!(", set-identifier='{id}'")).unwrap_or_default();
    format!("[name='{}', type='{}'{identifier}]", set.name, set.rtype)
}
