//! The text of a plan.

use std::fmt;

use super::{Blocked, HandChange, Noted, Plan, Stale, Unit};
use crate::source::ObjectRef;

/// The units, blocked and noted claims, leftovers and orphans, then a summary with the digest.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for unit in &self.units {
            unit.fmt(f)?;
            for shadow in self.shadows.get(unit.key()).into_iter().flatten() {
                writeln!(f, "  {shadow}")?;
            }
            for address in self.private_addresses(unit) {
                writeln!(f, "  leads to {address}, a private address, in a public zone")?;
            }
        }
        for blocked in &self.blocked {
            blocked.fmt(f)?;
        }
        for noted in &self.noted {
            noted.fmt(f)?;
        }
        for stale in &self.leftovers {
            writeln!(f, "leftover {stale}")?;
        }
        for stale in &self.orphans {
            writeln!(f, "orphan {stale}")?;
        }
        for (host, object) in &self.outside {
            writeln!(f, "outside {host} for {object}")?;
        }
        for (object, warnings) in &self.warnings {
            for warning in warnings {
                writeln!(f, "warning {object}: {warning}")?;
            }
        }
        if !self.not_published.is_empty() {
            writeln!(
                f,
                "not published: {} (hostnames that zonekeeper does not select: see --publish, --ingress-class and the filters)",
                self.not_published.len()
            )?;
        }
        if self.is_private {
            writeln!(f, "the zone is private: only its VPCs see its records")?;
        }
        let (creates, replaces) = self.count();
        writeln!(
            f,
            "{creates} to create, {replaces} to replace, {} in sync, {} noted, {} blocked, {} left over, \
             {} orphaned, {} outside the zone",
            self.in_sync,
            self.noted.len(),
            self.blocked.len(),
            self.leftovers.len(),
            self.orphans.len(),
            self.outside.len(),
        )?;
        writeln!(f, "0 to delete: zonekeeper never deletes")?;
        writeln!(f, "digest {}", self.digest())
    }
}

/// A unit's hostname, object and digest, then a line per change. For an adoption, the changes of the next unit follow.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.is_adoption() { "adopt" } else { "write" };
        writeln!(f, "{verb} {} for {} (unit:{})", self.key(), self.object(), self.digest().short())?;
        for change in self.changes() {
            writeln!(f, "  {change} ({})", change.why())?;
        }
        for key in self.bound_to() {
            writeln!(f, "  in one request with {key}")?;
        }
        for change in self.then() {
            writeln!(f, "  then {change} ({})", change.why())?;
        }
        Ok(())
    }
}

/// The hostname, object, reason and fix, and the change batch for a person if there is one.
impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "blocked {} for {}: {}: {}",
            self.subject,
            self.object,
            self.reason.label(),
            self.reason
        )?;
        writeln!(f, "  fix: {}", self.reason.fix())?;
        for change in &self.remedy {
            writeln!(f, "  by hand: {change}")?;
        }
        Ok(())
    }
}

/// The hostname, object, note and fix, and the change batch for a person if there is one.
impl fmt::Display for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "noted {} for {}: {}: {}", self.key, self.object, self.note.label(), self.note)?;
        writeln!(f, "  fix: {}", self.note.fix())?;
        for change in &self.remedy {
            writeln!(f, "  by hand: {change}")?;
        }
        Ok(())
    }
}

/// `CREATE NAME TYPE DATA`, as in a change batch.
impl fmt::Display for HandChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delete(set) => write!(f, "DELETE {set}"),
            Self::Create(set) => write!(f, "CREATE {set}"),
        }
    }
}

/// The set, its former object, and the objects at its hostname today.
impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.was_for {
            Some(object) => write!(f, "{} (was for {object}", self.set)?,
            None => write!(f, "{} (was for an unnamed object", self.set)?,
        }
        let is_another = |object: &&ObjectRef| self.was_for.as_ref() != Some(object);
        if let Some(object) = self.beside.as_ref().filter(is_another) {
            write!(f, "; {object} asks for other records there")?;
        }
        if let Some(object) = &self.named_by {
            write!(f, "; {object} has the hostname, but zonekeeper does not publish it")?;
        }
        if self.is_filtered {
            write!(f, "; the domain filter leaves out the hostname")?;
        }
        if let Some(from) = &self.target_of {
            write!(f, "; {} {} leads to it", from.name, from.rtype)?;
        }
        write!(f, ")")
    }
}
