//! The hostnames that depend on each other because of the names of ownership records.

use std::collections::{BTreeMap, BTreeSet};

use super::{Naming, Settings};
use crate::dns::{Name, RecordType};

/// The hostnames that depend on each other because of the names of ownership records: one is at the name of another one's
/// ownership record.
///
/// It knows the hostnames that were [noted](TxtIndex::note). Nearly no hostname has the form of an ownership record's name, so
/// it is small.
#[derive(Debug, Clone, Default)]
pub struct TxtIndex {
    /// The hostname behind each fallback name. A fallback name is a hash, so it does not contain the hostname.
    by_fallback: BTreeMap<Name, Name>,
    /// Each hostname at the name of an ownership record, after the hostname to which this record belongs.
    at_txt_of: BTreeSet<(Name, Name)>,
    /// The hostnames with the form of a fallback name.
    at_fallbacks: BTreeSet<Name>,
}

// === impl TxtIndex ===

impl TxtIndex {
    /// Remembers a hostname while its plan can say something.
    pub fn note(&mut self, settings: &Settings, apex: &Name, host: &Name, exists: bool) {
        let naming = &settings.naming;
        for owner in naming.hosts_in_any_form_at(apex, host).filter(|owner| owner != host) {
            let pair = (owner, host.clone());
            if exists {
                self.at_txt_of.insert(pair);
            } else {
                self.at_txt_of.remove(&pair);
            }
        }
        for place in fallbacks(naming, apex, host) {
            if exists {
                self.by_fallback.insert(place, host.clone());
            } else {
                self.by_fallback.remove(&place);
            }
        }
        if Naming::is_fallback(host) {
            if exists {
                self.at_fallbacks.insert(host.clone());
            } else {
                self.at_fallbacks.remove(host);
            }
        }
    }

    /// The hostname behind a fallback name.
    pub(super) fn host_at(&self, name: &Name) -> Option<&Name> {
        self.by_fallback.get(name)
    }

    /// The hostnames at the names of a hostname's ownership records.
    pub(super) fn at_txts_of(&self, naming: &Naming, apex: &Name, host: &Name) -> Vec<Name> {
        let pairs = self.at_txt_of.range((host.clone(), apex.clone())..);
        let pairs = pairs.take_while(|(owner, _)| owner == host);
        let mut found: Vec<Name> = pairs.map(|(_, at)| at.clone()).collect();
        if !self.at_fallbacks.is_empty() {
            found.extend(fallbacks(naming, apex, host).filter(|place| self.at_fallbacks.contains(place)));
        }
        found
    }
}

/// The names of a hostname's ownership records that are fallback names. The ownership record of any record keeps its name, even
/// if nobody manages the type.
fn fallbacks(naming: &Naming, apex: &Name, host: &Name) -> impl Iterator<Item = Name> {
    naming.places(apex, host, RecordType::WRITABLE.iter()).filter(Naming::is_fallback)
}
