//! Reports about planned units that are held or rejected.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    dns::Name,
    keeper::{blocked_reports, contract::Report, permits::Rules, planner::Planner, time::Time},
    plan::{Blocked, Subject, Unit},
    source::{ClaimKey, entries_at},
};

/// The last reports about held and rejected units.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds {
    reported: BTreeMap<ClaimKey, Blocked>,
    /// When a hold of a hostname's units ends.
    ends: BTreeMap<Name, Time>,
    due: BTreeSet<(Time, Name)>,
}

// === impl Holds ===

impl Holds {
    /// The last reports.
    pub fn reported(&self) -> impl Iterator<Item = &Blocked> {
        self.reported.values()
    }

    /// The last report about the unit of a key.
    pub fn of(&self, key: &ClaimKey) -> Option<&Blocked> {
        self.reported.get(key)
    }

    /// The hostnames with reported units.
    pub fn hosts(&self) -> BTreeSet<Name> {
        self.reported.keys().map(|key| key.host.clone()).collect()
    }

    /// When the next hold ends.
    pub fn due(&self) -> Option<Time> {
        self.due.first().map(|(end, _)| *end)
    }

    /// A hostname with a hold that has ended.
    pub fn take_due(&mut self, now: Time) -> Option<Name> {
        let (_, host) = self.due.first().filter(|(end, _)| *end <= now).cloned()?;
        self.set_end(&host, None);
        Some(host)
    }

    /// The reports about units of a hostname that are no longer held, by key.
    pub fn release(&mut self, host: &Name, rules: &Rules<'_>, planner: &Planner) -> Vec<(ClaimKey, Report)> {
        let reported = entries_at(&self.reported, host);
        let old: Vec<(ClaimKey, Blocked)> =
            reported.map(|(key, blocked)| (key.clone(), blocked.clone())).collect();
        if old.is_empty() {
            return Vec::new();
        }
        let held = held_at(host, rules, planner);
        let is_held = |old: &ClaimKey, blocked: &Blocked| {
            held.iter().any(|(key, now)| key == old && now.object == blocked.object)
        };
        let released = old.into_iter().filter(|(key, blocked)| !is_held(key, blocked));
        let mut reports = Vec::new();
        for (key, gone) in released {
            self.reported.remove(&key);
            reports.push((key, Report::Unblocked { subject: gone.subject, object: gone.object }));
        }
        reports
    }

    /// The reports about units of a hostname whose holds changed.
    pub fn update(&mut self, host: &Name, rules: &Rules<'_>, planner: &Planner) -> Vec<Report> {
        let held = held_at(host, rules, planner);
        let holds = planner.units_of(host).iter().filter_map(|unit| rules.hold(unit));
        let end = holds.map(|hold| hold.until).filter(|end| *end != Time::NEVER).min();
        self.set_end(host, end);
        let old: Vec<ClaimKey> = entries_at(&self.reported, host).map(|(key, _)| key.clone()).collect();
        let old: Vec<Blocked> = old.iter().filter_map(|key| self.reported.remove(key)).collect();
        let new: Vec<Blocked> = held.iter().map(|(_, blocked)| blocked.clone()).collect();
        self.reported.extend(held);
        blocked_reports::compare(&old, &new)
    }

    /// Sets when a hold of a hostname's units ends, if that is known.
    fn set_end(&mut self, host: &Name, end: Option<Time>) {
        let old = match end {
            Some(end) => {
                self.due.insert((end, host.clone()));
                self.ends.insert(host.clone(), end).filter(|old| *old != end)
            }
            None => self.ends.remove(host),
        };
        if let Some(old) = old {
            self.due.remove(&(old, host.clone()));
        }
    }
}

/// The held and rejected units of a hostname.
fn held_at(host: &Name, rules: &Rules<'_>, planner: &Planner) -> Vec<(ClaimKey, Blocked)> {
    let blocked = |unit: &Unit| {
        let reason = rules.blocked(unit)?;
        let (subject, object) = (Subject::Key(unit.key().clone()), unit.object().clone());
        Some((unit.key().clone(), Blocked { subject, object, reason, remedy: Vec::new() }))
    };
    planner.units_of(host).iter().filter_map(blocked).collect()
}
