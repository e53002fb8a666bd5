//! The check of repairs: a process does not fight over a contested record.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use zonekeeper_core::{
    dns::{Name, RecordSet},
    keeper::{Input, Time},
    plan::{Change, Unit},
    source::{ClaimKey, ObjectRef},
};

use super::invariants::Violation;

/// Number of foreign changes within a day after which a record is contested (§5).
const TIMES: usize = 3;
const DAY: Duration = Duration::from_hours(24);

/// The records that a process has written, with the number of equal writes.
#[derive(Debug, Clone, Default)]
pub struct Repairs {
    written: BTreeMap<ClaimKey, Written>,
}

#[derive(Debug, Clone)]
struct Written {
    object: ObjectRef,
    records: Vec<RecordSet>,
    times: Vec<Time>,
}

// === impl Repairs ===

impl Repairs {
    /// Notes an input. It can reset the count of records.
    pub fn note(&mut self, input: &Input, touched: &BTreeSet<Name>) {
        if matches!(input, Input::Release { .. } | Input::Approve(_)) {
            self.written.clear();
        }
        self.written.retain(|key, _| !touched.contains(&key.host));
    }

    /// Notes that a process knows that a unit was accepted.
    pub fn accepted(&mut self, unit: &Unit, now: Time) -> Result<(), Violation> {
        let records = unit.changes().iter().filter(|change| change.is_of_record());
        let records: Vec<RecordSet> = records.map(Change::after).cloned().collect();
        if records.is_empty() {
            return Ok(());
        }
        let new = || Written { object: unit.object().clone(), records: records.clone(), times: Vec::new() };
        let written = self.written.entry(unit.key().clone()).or_insert_with(new);
        if written.object != *unit.object() || written.records != records {
            *written = new();
        }
        written.times.retain(|time| now - *time < DAY);
        written.times.push(now);
        // The first write is not a repair.
        if written.times.len() <= TIMES {
            return Ok(());
        }
        let detail = format!("{} is written at {:?}", unit.key().host, written.times);
        Err(Violation::new("a contested record is not written", detail))
    }
}
