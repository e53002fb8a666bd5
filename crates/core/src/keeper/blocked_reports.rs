//! Reports about hostnames that became blocked, and about hostnames that no longer are.

use super::contract::Report;
use crate::plan::Blocked;

/// Reports the differences between an old and a new list of blocked units.
pub(super) fn compare(old: &[Blocked], new: &[Blocked]) -> Vec<Report> {
    let mut reports: Vec<Report> = new
        .iter()
        .filter(|blocked| !old.contains(blocked))
        .map(|blocked| Report::Blocked(Box::new(blocked.clone())))
        .collect();
    let is_gone =
        |was: &&Blocked| !new.iter().any(|now| (&now.subject, &now.object) == (&was.subject, &was.object));
    for blocked in old.iter().filter(is_gone) {
        reports.push(Report::Unblocked { subject: blocked.subject.clone(), object: blocked.object.clone() });
    }
    reports
}
