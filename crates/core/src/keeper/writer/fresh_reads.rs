//! The names that must be read before units may be sent.

use std::collections::BTreeSet;

use crate::{
    dns::Name,
    keeper::{
        model::Model,
        permits::{Permit, Permits, Rules},
        time::Time,
    },
    plan::Unit,
};

/// The most hostnames of one change whose names are read early.
const MOST_EARLY: usize = 8;

/// The names that must be read before a unit may be sent.
///
/// These are all names that the unit rests on, if it needs fresh reads or was rejected before. Otherwise, they are the
/// names that are known to differ from the snapshot.
pub(super) fn names_to_read(unit: &Unit, model: &Model, permits: &Permits, now: Time) -> Vec<Name> {
    let needs_all = unit.needs_fresh_reads() || permits.quarantine.has(unit);
    let snapshot = &model.snapshot;
    let must_be_read =
        |name: &&Name| !snapshot.is_fresh(name, now) && (needs_all || snapshot.is_doubted(name));
    unit.reads().iter().filter(must_be_read).cloned().collect()
}

/// The names that a write of these hostnames will need, while their change still waits for others. There are none for many
/// hostnames: their names are read together later.
pub(super) fn early_names(
    hosts: &BTreeSet<Name>,
    model: &Model,
    permits: &Permits,
    rules: &Rules<'_>,
    now: Time,
) -> BTreeSet<Name> {
    if hosts.len() > MOST_EARLY {
        return BTreeSet::new();
    }
    let view = model.view();
    let units: Vec<Unit> = hosts.iter().flat_map(|host| view.host(host).units).collect();
    let units = units.iter().filter(|unit| !matches!(rules.permit(unit), Permit::NotBefore(_)));
    let names = units.flat_map(|unit| names_to_read(unit, model, permits, now));
    model.snapshot.without_reads_under_way(names, now)
}
