//! The view: the inputs of every decision, and the hostnames that depend on an input.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use super::{Heritage, History, Settings, TxtIndex, ownership::Ownership, reason::Covered};
use crate::{
    dns::{Name, RecordSet, RecordType, Zone},
    source::{ClaimKey, Claims, ObjectRef},
};

/// The inputs of every decision.
#[derive(Debug)]
pub struct View<'a> {
    /// The zone as last read.
    pub zone: &'a Zone,
    /// The claims of all objects.
    pub claims: &'a Claims,
    /// The settings.
    pub settings: &'a Settings,
    /// Earlier observations.
    pub history: &'a History,
    /// The answers so far to: which name of others would a namespace cover with this hostname? See `cover.rs`.
    pub(super) covered: RefCell<BTreeMap<(Name, String), Option<Covered>>>,
    /// The answers so far to: whose claim on this hostname comes first? See `underscored.rs`.
    pub(super) first_claimants: RefCell<BTreeMap<Name, Option<ObjectRef>>>,
}

// === impl View ===

impl<'a> View<'a> {
    /// A view of these inputs. It keeps the results of long searches, so one view for many hostnames is faster than many views.
    pub fn new(zone: &'a Zone, claims: &'a Claims, settings: &'a Settings, history: &'a History) -> Self {
        let (covered, first_claimants) = (RefCell::default(), RefCell::default());
        Self { zone, claims, settings, history, covered, first_claimants }
    }

    /// The hostnames whose decision depends on the sets and claims at these names. One search for many names is faster than many
    /// searches, because what many names have in common is searched once.
    pub fn affected<'n>(&self, names: impl IntoIterator<Item = &'n Name>, txts: &TxtIndex) -> BTreeSet<Name> {
        let naming = &self.settings.naming;
        let apex = self.zone.apex();
        let mut all = BTreeSet::new();
        for name in names {
            // Their ownership records belong at `name`.
            all.extend(naming.hosts_in_any_form_at(apex, name));
            all.extend(txts.host_at(name).cloned());
            all.extend(naming.wildcard_replaced_by(name));
            all.insert(name.clone());
            // The wish of an alias depends on the records at its target.
            all.extend(self.claims.led_to(name).cloned());
        }
        // Whether an underscored name may be written depends on the holder of the hostname above it.
        let underscored: Vec<Name> =
            all.iter().flat_map(|host| self.claims.underscored_below(host)).cloned().collect();
        all.extend(underscored);
        // Whether a name may be covered depends on who has it.
        let covering = self.covering(&all);
        all.extend(covering);
        // Their rivals need one of the same names (see `rival.rs`).
        let rivals = all.iter().flat_map(|host| {
            let at_its_txts = txts.at_txts_of(naming, apex, host).into_iter();
            at_its_txts.chain(naming.hosts_at(apex, host)).chain(txts.host_at(host).cloned())
        });
        let rivals: Vec<Name> = rivals.collect();
        all.extend(rivals);
        all
    }

    /// The claimed hostnames whose records, or whose ownership records, can be below a delegation at `cut`.
    pub fn affected_by_cut(&self, cut: &'a Name) -> impl Iterator<Item = &'a Name> {
        let is_anywhere = self.settings.naming.spans_labels();
        self.claims.hosts_within(if is_anywhere { self.zone.apex() } else { cut })
    }

    /// The names on which the decision for a hostname depends, for any type of record.
    pub fn names_of(&self, host: &Name) -> impl Iterator<Item = Name> {
        let naming = &self.settings.naming;
        let types = self.settings.managed_types.with_addresses();
        naming.places(self.zone.apex(), host, types).chain(naming.replacement(host)).chain([host.clone()])
    }

    /// The hostnames whose plan can say something. A hostname can come twice.
    pub fn hosts(&self) -> impl Iterator<Item = &Name> {
        let apex = self.zone.apex();
        let names = self.zone.names_from(apex);
        let names = names.filter(move |(_, sets)| self.has_wanted(sets));
        self.claims.hosts_within(apex).chain(names.map(|(name, _)| name))
    }

    /// Whether the plan of a name can say something: it is claimed, or has records that objects can ask for. Two thirds of the
    /// names of a zone hold only ownership records.
    pub fn is_host(&self, name: &Name) -> bool {
        self.claims.has_host(name) || self.has_wanted(self.zone.at(name))
    }

    fn has_wanted(&self, sets: &[RecordSet]) -> bool {
        sets.iter().any(|set| self.can_be_wanted(set))
    }

    /// Whether objects can ask for a record set: its type is one of addresses or managed, and it is no ownership record.
    pub(super) fn can_be_wanted(&self, set: &RecordSet) -> bool {
        let rtype = set.rtype();
        rtype.is_address() || self.settings.managed_types.contains(rtype) && Heritage::of(set).is_none()
    }

    /// The name at which the ownership record of a record set belongs.
    pub(super) fn place(&self, host: &Name, rtype: &RecordType) -> Name {
        self.settings.naming.place(self.zone.apex(), host, rtype).name
    }

    pub(super) fn look_up(&self, host: &Name, rtype: &RecordType, key: &ClaimKey) -> Ownership<'a> {
        self.settings.naming.look_up(self.zone, &self.settings.owner, host, rtype, key.set_id.as_ref())
    }
}
