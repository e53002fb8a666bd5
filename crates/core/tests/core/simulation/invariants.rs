//! The invariants of the zone after every accepted batch, for the names of that batch.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, iter,
    time::Duration,
};

use zonekeeper_core::{
    dns::{Data, Name, RecordType, SetId},
    keeper::{Apply, Time},
    plan::{Batch, Change, PlanDigest, Role, Unit},
    source::ObjectRef,
};
use zonekeeper_emulator::zone::{HostedZone, RecordSet};

use super::{
    approvals::Approvals,
    claim_ages::ClaimAges,
    ownership::{self, APEX, TxtNames, US},
    process::{Basis, relies_on_the_zone},
    shape::Shape,
    translation::set_from_service,
    window::Window,
};

/// Maximum age of the reads that a batch relies on (§2).
const FRESH: Duration = Duration::from_secs(10);
/// Maximum age of a batch when it is sent (§5).
const CHANGE_TIMEOUT: Duration = Duration::from_secs(8);

/// A violated invariant.
#[derive(Debug, Clone)]
pub struct Violation {
    pub invariant: &'static str,
    pub detail: String,
}

/// The events that the invariants need.
#[derive(Debug, Clone)]
pub struct Ledger {
    naming: TxtNames,
    /// The types of records that the keeper writes, and those of records that can be ours.
    managed_types: &'static [&'static str],
    types: Vec<&'static str>,
    /// The owners whose ownership records the keeper may replace.
    owners: &'static [&'static str],
    vacancy: Duration,
    pub claim_ages: ClaimAges,
    pub approvals: Approvals,
    pub window: Window,
    /// The time of the last foreign change of a name.
    foreign: BTreeMap<Name, Time>,
    /// The time since which a name is delegated.
    cuts: BTreeMap<Name, Time>,
    /// The time of our last change of a name, by process and type.
    written: BTreeMap<Name, BTreeMap<(u32, RecordType), Time>>,
    /// The accepted batches that are not reported yet, by process and digest, with their names and times.
    accepted: BTreeMap<(u32, PlanDigest), (Vec<Name>, Time)>,
    /// The last batch that each process has sent.
    issued: BTreeMap<u32, (PlanDigest, Basis)>,
}

/// The zone before a batch.
#[derive(Debug)]
pub struct Before {
    sets: Vec<Met>,
    /// The holder in the ownership records of each unit's hostname.
    holders: Vec<Option<ObjectRef>>,
    /// All sets that the batch does not change.
    others: Vec<RecordSet>,
}

#[derive(Debug)]
struct Met {
    found: Option<RecordSet>,
    is_ours: bool,
}

// === impl Violation ===

impl Violation {
    pub fn new(invariant: &'static str, detail: impl Into<String>) -> Self {
        Self { invariant, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "violated: {}\n{}", self.invariant, self.detail)
    }
}

// === impl Ledger ===

impl Ledger {
    pub fn new(shape: &Shape) -> Self {
        Self {
            naming: shape.naming,
            managed_types: shape.managed_types,
            types: shape.types(),
            owners: shape.owners(),
            vacancy: shape.vacancy,
            claim_ages: ClaimAges::default(),
            approvals: Approvals::new(shape.mode),
            window: Window::new(shape.brake),
            foreign: BTreeMap::new(),
            cuts: BTreeMap::new(),
            written: BTreeMap::new(),
            accepted: BTreeMap::new(),
            issued: BTreeMap::new(),
        }
    }

    /// Notes a foreign change of listed names.
    pub fn somebody_changed(&mut self, names: &[String], zone: &HostedZone, now: Time) {
        for listed in names {
            let name = Name::from_route53(listed).unwrap();
            if listed != APEX && zone.get(listed, "NS", None).is_some() {
                self.cuts.entry(name.clone()).or_insert(now);
            } else {
                self.cuts.remove(&name);
            }
            self.foreign.insert(name, now);
        }
    }

    /// Records the zone before a batch.
    pub fn before(&self, apply: &Apply, zone: &HostedZone) -> Before {
        let met = |change: &Change| {
            let found = found(zone, change);
            let is_ours = found.is_some_and(|set| match change.role() {
                Role::Ownership => ownership::owner(set).is_some_and(|owner| self.owners.contains(&owner)),
                Role::Record => self.naming.owner(zone, set) == Some(US),
            });
            Met { found: found.cloned(), is_ours }
        };
        let holder = |unit: &Unit| {
            let host = unit.key().host.to_route53();
            let set_id = unit.key().set_id.as_ref().map(SetId::as_str);
            let of = |rtype| {
                if let Some(set) = zone.get(&host, rtype, set_id) {
                    return self.naming.text(zone, set);
                }
                let untyped = self.naming.untyped(&host, rtype);
                let mut places = iter::once(self.naming.place(&host, rtype)).chain(untyped);
                places.find_map(|place| zone.get(&place, "TXT", set_id))
            };
            let texts = self.types.iter().copied().filter_map(of);
            let is_readable = |text: &&RecordSet| ownership::is_for(text, &host);
            let texts = texts.filter(is_readable).filter(|text| ownership::owner(text) == Some(US));
            let holders: BTreeSet<ObjectRef> = texts.filter_map(ownership::object).collect();
            // If ownership records differ, the holder is unknown.
            let is_one = holders.len() == 1;
            holders.into_iter().next().filter(|_| is_one)
        };
        Before {
            sets: apply.batch.changes().map(met).collect(),
            holders: apply.batch.units().iter().map(holder).collect(),
            others: others(apply, zone),
        }
    }

    /// The sets that a batch has changed, each with the set before.
    pub fn undoing(apply: &Apply, before: &Before, zone: &HostedZone) -> Vec<(RecordSet, Option<RecordSet>)> {
        let written = apply.batch.changes().filter_map(|change| found(zone, change).cloned());
        written.zip(before.sets.iter().map(|met| met.found.clone())).collect()
    }

    /// The listed names of all possible ownership records of a hostname.
    fn text_names(&self, host: &Name) -> Vec<String> {
        let host = host.to_route53();
        let typed = self.types.iter().map(|rtype| self.naming.place(&host, rtype));
        typed.chain(self.naming.of(&host, None)).collect()
    }

    /// Checks an accepted batch. Returns the number of sets that it replaced in an unavoidable race.
    pub fn accepted(
        &mut self,
        apply: &Apply,
        basis: &Basis,
        before: &Before,
        zone: &HostedZone,
        now: Time,
    ) -> Result<u32, Violation> {
        let mut races = 0;
        let mut met = before.sets.iter();
        for (unit, holder) in apply.batch.units().iter().zip(&before.holders) {
            self.check_holder(unit, holder.as_ref(), basis, now)?;
            self.check_window(unit, basis, now)?;
            for change in unit.changes() {
                self.check_place(change, basis)?;
                let met = met.next().unwrap();
                if change.is_create() && met.found.is_some() {
                    return Err(Violation::new("a create never meets an existing set", format!("{change}")));
                }
                if let Change::Replace { before, .. } = change {
                    let as_planned =
                        met.found.as_ref().is_some_and(|found| set_from_service(found) == **before);
                    if !(as_planned && met.is_ours) {
                        self.check_race(change, unit.reads(), met, basis)?;
                        races += 1;
                    }
                }
            }
            check_whole(unit, zone)?;
            self.check_ownership(unit, zone, basis)?;
            check_right(unit, basis)?;
            self.check_types(unit, zone, basis)?;
        }
        let others = others(apply, zone);
        if others != before.others {
            let is_changed = |set: &&RecordSet| !others.contains(set);
            let detail = format!("{:?}", before.others.iter().find(is_changed));
            return Err(Violation::new("nothing but the sets of a batch changes", detail));
        }
        let names: Vec<Name> = apply.batch.changes().map(|change| change.after().name().clone()).collect();
        for set in apply.batch.changes().map(Change::after) {
            if basis.is_abandoned {
                self.foreign.insert(set.name().clone(), now);
            } else {
                let by = self.written.entry(set.name().clone()).or_default();
                by.insert((basis.number, set.rtype().clone()), now);
            }
        }
        self.accepted.insert((basis.number, apply.digest), (names, now));
        // The process takes a late batch for lost.
        if !basis.is_late {
            self.approvals.accepted(basis.number, &apply.batch, basis.unix);
        }
        Ok(races)
    }

    /// A hostname stays with its holder while the holder claims it.
    fn check_holder(
        &self,
        unit: &Unit,
        holder: Option<&ObjectRef>,
        basis: &Basis,
        now: Time,
    ) -> Result<(), Violation> {
        let host = &unit.key().host;
        let is_news = |name: String| Name::from_route53(&name).is_ok_and(|name| self.is_news(&name, basis));
        let holder = holder.filter(|holder| *holder != unit.object());
        let Some(holder) = holder.filter(|_| !self.text_names(host).into_iter().any(is_news)) else {
            return Ok(());
        };
        let known = basis.knowledge.keeps(unit.key(), holder, unit.object(), self.vacancy, basis.made);
        let is_kept = self.claim_ages.holds(holder, unit.key(), now);
        match known.or_else(|| is_kept.then_some("a hostname stays with its holder")) {
            Some(invariant) => {
                let detail = format!("{host} of {holder} is given to {}", unit.object());
                Err(Violation::new(invariant, detail))
            }
            None => Ok(()),
        }
    }

    /// The aliases of a hostname lead to one target, if nobody else has changed them.
    fn check_types(&self, unit: &Unit, zone: &HostedZone, basis: &Basis) -> Result<(), Violation> {
        let host = unit.key().host.to_route53();
        let alias = |rtype| {
            let set = zone.get(&host, rtype, None)?;
            let is_ours = self.naming.owner(zone, set) == Some(US);
            set.alias_target.as_ref().filter(|_| is_ours).map(|target| &target.dns_name)
        };
        let (Some(v4), Some(v6)) = (alias("A"), alias("AAAA")) else { return Ok(()) };
        let is_foreign = |name: &Name| self.foreign.contains_key(name);
        // A name of the zone can lose the records of one type. An alias to it then stays.
        let leads_into_zone = [v4, v6].iter().any(|target| target.ends_with(&format!(".{APEX}")));
        if leads_into_zone || v4 == v6 || basis.is_abandoned || unit.reads().iter().any(is_foreign) {
            return Ok(());
        }
        Err(Violation::new("the types of a hostname lead to one target", format!("{host} to {v4} and {v6}")))
    }

    /// The brake counts moves of hostnames that nobody else has changed.
    fn check_window(&mut self, unit: &Unit, basis: &Basis, now: Time) -> Result<(), Violation> {
        // The record of one hostname can have the name of the ownership record of another one.
        let is_repair = |(name, rtype): (&Name, &RecordType)| {
            let written = self.written.get(name).into_iter().flatten();
            let written = written.filter(|((_, of), _)| of == rtype).map(|(_, at)| at).max();
            self.foreign.get(name) >= written
        };
        let sets = unit.changes().iter().map(|change| (change.after().name(), change.after().rtype()));
        let mut changed = sets.filter(|(name, _)| self.foreign.contains_key(*name));
        if basis.is_abandoned || changed.any(is_repair) {
            self.window.leave_out(&unit.key().host);
            return Ok(());
        }
        let hosts = self.claim_ages.hosts();
        self.window.moved(unit, &hosts, basis.made, now)
    }

    /// The keeper writes no forbidden name or type.
    fn check_place(&self, change: &Change, basis: &Basis) -> Result<(), Violation> {
        let set = change.after();
        let rtype = set.rtype().as_str();
        let is_allowed = match change.role() {
            Role::Ownership => rtype == "TXT",
            Role::Record => self.managed_types.contains(&rtype),
        };
        let listed = set.name().to_route53();
        let inside = listed.strip_suffix(APEX).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if !inside || !is_allowed {
            let invariant = "nothing but records of managed types and ownership records is written";
            return Err(Violation::new(invariant, set.to_string()));
        }
        for (cut, since) in &self.cuts {
            if *since <= basis.listed && set.name().is_within(cut) {
                return Err(Violation::new("nothing below a delegation is written", set.to_string()));
            }
        }
        Ok(())
    }

    /// Checks whether a race explains the replacement of a set that was not ours or not as planned.
    ///
    /// Only two explanations count: a foreign change after our fresh read was sent, or a late batch after another
    /// batch.
    fn check_race(&self, change: &Change, reads: &[Name], met: &Met, basis: &Basis) -> Result<(), Violation> {
        if self.is_race(reads, basis) {
            return Ok(());
        }
        let whose = if met.is_ours { "ours" } else { "not ours" };
        let detail = format!("{change}\nfound {whose}: {:?}", met.found.as_ref().map(set_from_service));
        Err(Violation::new("only owned sets that match the plan are replaced", detail))
    }

    fn is_race(&self, reads: &[Name], basis: &Basis) -> bool {
        let is_since = |changed: Option<Time>, name| changed >= basis.fresh.get(name).copied();
        let is_read = |name: &&Name| basis.fresh.contains_key(*name);
        reads.iter().filter(is_read).any(|name| {
            let written = self.written.get(name).and_then(|by| by.values().max().copied());
            is_since(self.foreign.get(name).copied(), name) || (basis.is_abandoned && is_since(written, name))
        })
    }

    /// Every written record has an ownership record of ours.
    fn check_ownership(&self, unit: &Unit, zone: &HostedZone, basis: &Basis) -> Result<(), Violation> {
        let is_ours = |change: &&Change| {
            !change.is_of_record()
                || found(zone, change).is_some_and(|found| self.naming.owner(zone, found) == Some(US))
        };
        match unit.changes().iter().find(|change| !is_ours(change)) {
            Some(change) if !self.is_race(unit.reads(), basis) => {
                Err(Violation::new("every written record is owned by us", format!("{change}")))
            }
            _ => Ok(()),
        }
    }

    /// Checks a rejection by the zone's rules. Only a foreign change that the keeper cannot know explains it.
    pub fn refused(&self, apply: &Apply, basis: &Basis, message: &str) -> Result<(), Violation> {
        let limits =
            ["limit of", "Duplicate Resource Record", "invalid set of changes", "FATAL", "Invalid request"];
        if limits.iter().any(|limit| message.contains(limit)) {
            return Err(Violation::new("every batch is within the service's limits", message));
        }
        let told = ["is protected", "MAX_RRSETS_BY_ZONE", "disabled for mutation"];
        if told.iter().any(|reason| message.contains(reason)) {
            return Ok(());
        }
        let reads = apply.batch.units().iter().flat_map(Unit::reads);
        // An alias depends on the records at its target.
        let leads_to = apply.batch.changes().filter_map(|change| match &change.after().data {
            Data::Alias(alias) => Some(&alias.target),
            Data::Values { .. } | Data::TrafficPolicy(_) => None,
        });
        let written = apply.batch.changes().map(|change| change.after().name());
        let mut names = reads.chain(written).chain(leads_to);
        let explained = names.any(|name| self.is_news(name, basis) || self.is_unprovable(name, basis.number));
        if explained {
            Ok(())
        } else {
            Err(Violation::new("a rejection has a cause outside the keeper", message))
        }
    }

    /// Whether a name has been changed since the keeper last saw it.
    fn is_news(&self, name: &Name, basis: &Basis) -> bool {
        let seen = basis.fresh.get(name).map_or(basis.listed, |read| basis.listed.max(*read));
        // Another process of ours can have written the name before this one led.
        let counts = |process: u32| basis.is_abandoned || process != basis.number;
        let written = self.written.get(name).into_iter().flatten();
        let mut written = written.filter(|((process, _), _)| counts(*process)).map(|(_, at)| *at);
        self.foreign.get(name).is_some_and(|at| *at >= seen) || written.any(|at| at >= seen)
    }

    /// Whether no process can find out that a batch with a name was accepted. This happens after another
    /// writer has changed a name of the batch, because a read no longer shows the batch.
    fn is_unprovable(&self, name: &Name, process: u32) -> bool {
        self.accepted.iter().any(|((number, _), (names, at))| {
            *number == process
                && names.contains(name)
                && names.iter().any(|name| self.changed_since(name, *at))
        })
    }

    fn changed_since(&self, name: &Name, at: Time) -> bool {
        self.foreign.get(name).is_some_and(|changed| *changed >= at)
    }

    /// Notes that a batch is on its way.
    pub fn issued(&mut self, digest: PlanDigest, basis: Basis) {
        self.issued.insert(basis.number, (digest, basis));
    }

    /// Checks a batch that the keeper reports as accepted. Returns whether nobody has changed it since.
    ///
    /// If the keeper concludes it from a read, another batch can have written an equal unit: a late one of ours, or
    /// one of a writer with our owner id.
    pub fn reported(
        &mut self,
        process: u32,
        batch: &Batch,
        digest: PlanDigest,
        is_found: bool,
    ) -> Result<bool, Violation> {
        self.approvals.reported(process, batch);
        let of_others = |basis: &Basis| {
            let is_news = |change: &Change| self.is_news(change.after().name(), basis);
            batch.units().iter().any(|unit| unit.changes().iter().all(is_news))
        };
        let is_same = self.issued.get(&process).is_some_and(|(of, basis)| *of == digest && of_others(basis));
        if let Some((names, at)) = self.accepted.remove(&(process, digest)) {
            return Ok(!names.iter().any(|name| self.changed_since(name, at)));
        }
        if is_found && is_same {
            return Ok(false);
        }
        let names: Vec<&str> = batch.changes().map(|change| change.after().name().as_str()).collect();
        Err(Violation::new("only accepted batches are reported as accepted", names.join(", ")))
    }

    /// Checks that a process has reported all accepted batches. A batch that others changed completely before it was
    /// read is excused.
    pub fn unreported(&self, process: u32) -> Result<(), Violation> {
        for ((number, _), (names, at)) in &self.accepted {
            if *number == process && !names.iter().any(|name| self.changed_since(name, *at)) {
                return Err(Violation::new("an accepted batch is reported once", format!("{names:?}")));
            }
        }
        Ok(())
    }
}

/// The sets that a batch does not change.
fn others(apply: &Apply, zone: &HostedZone) -> Vec<RecordSet> {
    let own: Vec<&RecordSet> = apply.batch.changes().filter_map(|change| found(zone, change)).collect();
    zone.iter().filter(|set| !own.iter().any(|own| std::ptr::eq(*own, *set))).cloned().collect()
}

/// Checks that all sets of a unit are in the zone.
fn check_whole(unit: &Unit, zone: &HostedZone) -> Result<(), Violation> {
    let is_there = |change: &&Change| {
        found(zone, change).is_some_and(|found| set_from_service(found) == *change.after())
    };
    match unit.changes().iter().find(|change| !is_there(change)) {
        Some(change) => {
            Err(Violation::new("a unit is written whole", format!("{} is not there", change.after())))
        }
        None => Ok(()),
    }
}

/// The set in the zone with the key of a change.
fn found<'z>(zone: &'z HostedZone, change: &Change) -> Option<&'z RecordSet> {
    let key = &change.after().key;
    let set_id = key.set_id.as_ref().map(SetId::as_str);
    zone.get(&key.name.to_route53(), key.rtype.as_str(), set_id)
}

/// Checks the permission and the reads of a batch at the time of sending. Its travel time does not count.
fn check_right(unit: &Unit, basis: &Basis) -> Result<(), Violation> {
    let is_old = |name: &Name| basis.fresh.get(name).is_none_or(|read| basis.sent > *read + FRESH);
    let why = if basis.sent > basis.led_until {
        "leadership had ended"
    } else if basis.sent > basis.made + CHANGE_TIMEOUT {
        "nobody waited for its answer any more"
    } else if relies_on_the_zone(unit) && unit.reads().iter().any(is_old) {
        "its reads are too old"
    } else {
        return Ok(());
    };
    Err(Violation::new("nothing is sent after the permission has ended", why))
}
