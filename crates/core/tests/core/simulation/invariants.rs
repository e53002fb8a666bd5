//! What must be true of the zone after every accepted batch, for the names of that batch.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use zonekeeper_core::{
    dns::{Name, RecordType, SetId},
    keeper::{Apply, Time},
    plan::{Batch, Change, PlanDigest, Unit},
    source::ObjectRef,
};
use zonekeeper_emulator::zone::{HostedZone, RecordSet};

use super::{
    approvals::Approvals,
    ownership::{self, APEX, TxtNames, US},
    process::{Rest, rests_on_the_zone},
    shape::Shape,
    tenure::Tenures,
    translation::set_from_service,
    window::Window,
};

/// How long what a batch rests on may be old when it is sent (§2).
const FRESH: Duration = Duration::from_secs(10);
/// How long after it was made a batch may be sent (§5).
const CHANGE_TIMEOUT: Duration = Duration::from_secs(8);

/// An invariant that did not hold.
#[derive(Debug, Clone)]
pub struct Violation {
    pub invariant: &'static str,
    pub detail: String,
}

/// What has happened to the zone, as far as the invariants ask for it.
#[derive(Debug, Clone)]
pub struct Ledger {
    naming: TxtNames,
    /// Whose texts may be replaced.
    owners: &'static [&'static str],
    vacancy: Duration,
    pub tenures: Tenures,
    pub approvals: Approvals,
    pub window: Window,
    /// When somebody else last changed something at a name.
    foreign: BTreeMap<Name, Time>,
    /// Since when a name is delegated.
    cuts: BTreeMap<Name, Time>,
    /// When a batch of ours last changed something at a name, by process.
    written: BTreeMap<Name, BTreeMap<u32, Time>>,
    /// The batches that were accepted and not yet reported, by process and digest: their names, and when.
    accepted: BTreeMap<(u32, PlanDigest), (Vec<Name>, Time)>,
    /// The last batch that each process has sent.
    issued: BTreeMap<u32, (PlanDigest, Rest)>,
}

/// The sets that a batch meets.
#[derive(Debug)]
pub struct Before {
    sets: Vec<Met>,
    /// For each unit, the object that its hostname's records were made for.
    holders: Vec<Option<ObjectRef>>,
    /// All others of the zone.
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
            owners: shape.owners(),
            vacancy: shape.vacancy,
            tenures: Tenures::default(),
            approvals: Approvals::new(shape.mode),
            window: Window::new(shape.brake),
            foreign: BTreeMap::new(),
            cuts: BTreeMap::new(),
            written: BTreeMap::new(),
            accepted: BTreeMap::new(),
            issued: BTreeMap::new(),
        }
    }

    /// Somebody else has changed these listed names.
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

    /// Looks at what a batch is about to change.
    pub fn before(&self, apply: &Apply, zone: &HostedZone) -> Before {
        let met = |change: &Change| {
            let found = found(zone, change);
            let is_ours = found.is_some_and(|set| match *change.after().rtype() {
                RecordType::Txt => ownership::owner(set).is_some_and(|owner| self.owners.contains(&owner)),
                _ => self.naming.owner(zone, set) == Some(US),
            });
            Met { found: found.cloned(), is_ours }
        };
        let holder = |unit: &Unit| {
            let host = unit.key().host.to_route53();
            let set_id = unit.key().set_id.as_ref().map(SetId::as_str);
            let of = |rtype| match zone.get(&host, rtype, set_id) {
                Some(set) => self.naming.text(zone, set),
                None => zone.get(&self.naming.place(&host, rtype), "TXT", set_id),
            };
            let texts = ["A", "AAAA", "CNAME"].into_iter().filter_map(of);
            let is_readable = |text: &&RecordSet| ownership::is_for(text, &host);
            let texts = texts.filter(is_readable).filter(|text| ownership::owner(text) == Some(US));
            let holders: BTreeSet<ObjectRef> = texts.filter_map(ownership::object).collect();
            // Where texts differ, nobody can tell.
            let is_one = holders.len() == 1;
            holders.into_iter().next().filter(|_| is_one)
        };
        Before {
            sets: apply.batch.changes().map(met).collect(),
            holders: apply.batch.units().iter().map(holder).collect(),
            others: others(apply, zone),
        }
    }

    /// What a batch has changed, and what was there before.
    pub fn undoing(apply: &Apply, before: &Before, zone: &HostedZone) -> Vec<(RecordSet, Option<RecordSet>)> {
        let written = apply.batch.changes().filter_map(|change| found(zone, change).cloned());
        written.zip(before.sets.iter().map(|met| met.found.clone())).collect()
    }

    /// The listed names of all texts that may say whose a hostname is.
    fn text_names(&self, host: &Name) -> Vec<String> {
        let host = host.to_route53();
        let typed = ["A", "AAAA", "CNAME"].map(|rtype| self.naming.place(&host, rtype));
        typed.into_iter().chain(self.naming.of(&host, None)).collect()
    }

    /// A batch has been accepted. Returns how many sets it replaced in a race that cannot be closed.
    pub fn accepted(
        &mut self,
        apply: &Apply,
        rest: &Rest,
        before: &Before,
        zone: &HostedZone,
        now: Time,
    ) -> Result<u32, Violation> {
        let mut races = 0;
        let mut met = before.sets.iter();
        for (unit, holder) in apply.batch.units().iter().zip(&before.holders) {
            self.check_tenure(unit, holder.as_ref(), rest, now)?;
            self.check_window(unit, rest, now)?;
            for change in unit.changes() {
                self.check_place(change, rest)?;
                let met = met.next().unwrap();
                if change.is_create() && met.found.is_some() {
                    return Err(Violation::new("what is created is not there", format!("{change}")));
                }
                if let Change::Replace { before, .. } = change {
                    let as_planned =
                        met.found.as_ref().is_some_and(|found| set_from_service(found) == *before);
                    if !(as_planned && met.is_ours) {
                        self.check_race(change, unit.reads(), met, rest)?;
                        races += 1;
                    }
                }
            }
            check_whole(unit, zone)?;
            self.check_ownership(unit, zone, rest)?;
            check_right(unit, rest)?;
            self.check_types(unit, zone, rest)?;
        }
        let others = others(apply, zone);
        if others != before.others {
            let is_changed = |set: &&RecordSet| !others.contains(set);
            let detail = format!("{:?}", before.others.iter().find(is_changed));
            return Err(Violation::new("nothing but the sets of a batch changes", detail));
        }
        let names: Vec<Name> = apply.batch.changes().map(|change| change.after().name().clone()).collect();
        for name in &names {
            if rest.is_abandoned {
                self.foreign.insert(name.clone(), now);
            } else {
                self.written.entry(name.clone()).or_default().insert(rest.number, now);
            }
        }
        self.accepted.insert((rest.number, apply.digest), (names, now));
        // What came when nobody waited for it any more was taken for lost.
        if !rest.is_late {
            self.approvals.accepted(rest.number, &apply.batch, rest.unix);
        }
        Ok(races)
    }

    /// A hostname stays with the object that it is for, as long as that asks for it.
    fn check_tenure(
        &self,
        unit: &Unit,
        holder: Option<&ObjectRef>,
        rest: &Rest,
        now: Time,
    ) -> Result<(), Violation> {
        let host = &unit.key().host;
        let is_news = |name: String| Name::from_route53(&name).is_ok_and(|name| self.is_news(&name, rest));
        let holder = holder.filter(|holder| *holder != unit.object());
        let Some(holder) = holder.filter(|_| !self.text_names(host).into_iter().any(is_news)) else {
            return Ok(());
        };
        let known = rest.told.keeps(unit.key(), holder, unit.object(), self.vacancy, rest.made);
        let is_kept = self.tenures.holds(holder, unit.key(), now);
        match known.or_else(|| is_kept.then_some("a hostname stays with the object that has it")) {
            Some(invariant) => {
                let detail = format!("{host} of {holder} is given to {}", unit.object());
                Err(Violation::new(invariant, detail))
            }
            None => Ok(()),
        }
    }

    /// The aliases of a hostname that only we have ever changed lead to one target.
    fn check_types(&self, unit: &Unit, zone: &HostedZone, rest: &Rest) -> Result<(), Violation> {
        let host = unit.key().host.to_route53();
        let alias = |rtype| {
            let set = zone.get(&host, rtype, None)?;
            let is_ours = self.naming.owner(zone, set) == Some(US);
            set.alias_target.as_ref().filter(|_| is_ours).map(|target| &target.dns_name)
        };
        let (Some(v4), Some(v6)) = (alias("A"), alias("AAAA")) else { return Ok(()) };
        let is_foreign = |name: &Name| self.foreign.contains_key(name);
        if v4 == v6 || rest.is_abandoned || unit.reads().iter().any(is_foreign) {
            return Ok(());
        }
        Err(Violation::new("the types of a hostname lead to one target", format!("{host} to {v4} and {v6}")))
    }

    /// The brake counts what nobody else has touched.
    fn check_window(&mut self, unit: &Unit, rest: &Rest, now: Time) -> Result<(), Violation> {
        let is_repair = |name: &Name| {
            let written = self.written.get(name).and_then(|by| by.values().max());
            self.foreign.get(name) >= written
        };
        let names = unit.changes().iter().map(|change| change.after().name());
        if rest.is_abandoned || names.filter(|name| self.foreign.contains_key(name)).any(is_repair) {
            self.window.leave_out(&unit.key().host);
            return Ok(());
        }
        let hosts = self.tenures.hosts();
        self.window.moved(unit, hosts, now)
    }

    /// Nothing is written that is never written.
    fn check_place(&self, change: &Change, rest: &Rest) -> Result<(), Violation> {
        let set = change.after();
        let types = [RecordType::A, RecordType::Aaaa, RecordType::Cname, RecordType::Txt];
        let listed = set.name().to_route53();
        let inside = listed.strip_suffix(APEX).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if !inside || !types.contains(set.rtype()) {
            return Err(Violation::new(
                "nothing but A, AAAA, CNAME and TXT in the zone is written",
                set.to_string(),
            ));
        }
        for (cut, since) in &self.cuts {
            if *since <= rest.listed && set.name().is_within(cut) {
                return Err(Violation::new("nothing below a delegation is written", set.to_string()));
            }
        }
        Ok(())
    }

    /// A set was replaced that was not ours or not as planned: only somebody who changed it after our fresh read
    /// was sent excuses that, or a batch of ours, where this one comes when nobody waits for it any more.
    fn check_race(&self, change: &Change, reads: &[Name], met: &Met, rest: &Rest) -> Result<(), Violation> {
        if self.is_race(reads, rest) {
            return Ok(());
        }
        let whose = if met.is_ours { "ours" } else { "not ours" };
        let detail = format!("{change}\nfound {whose}: {:?}", met.found.as_ref().map(set_from_service));
        Err(Violation::new("only what is ours and as planned is replaced", detail))
    }

    fn is_race(&self, reads: &[Name], rest: &Rest) -> bool {
        let is_since = |changed: Option<Time>, name| changed >= rest.fresh.get(name).copied();
        let is_read = |name: &&Name| rest.fresh.contains_key(*name);
        reads.iter().filter(is_read).any(|name| {
            let written = self.written.get(name).and_then(|by| by.values().max().copied());
            is_since(self.foreign.get(name).copied(), name) || (rest.is_abandoned && is_since(written, name))
        })
    }

    /// Of each record that was written, the zone says that it is ours.
    fn check_ownership(&self, unit: &Unit, zone: &HostedZone, rest: &Rest) -> Result<(), Violation> {
        let is_ours = |change: &&Change| {
            let of_record = *change.after().rtype() != RecordType::Txt;
            !of_record || found(zone, change).is_some_and(|found| self.naming.owner(zone, found) == Some(US))
        };
        match unit.changes().iter().find(|change| !is_ours(change)) {
            Some(change) if !self.is_race(unit.reads(), rest) => {
                Err(Violation::new("what is written is ours", format!("{change}")))
            }
            _ => Ok(()),
        }
    }

    /// A batch was refused by the zone's own rules: only somebody else's change, which the keeper cannot know of,
    /// explains that.
    pub fn refused(&self, apply: &Apply, rest: &Rest, message: &str) -> Result<(), Violation> {
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
        let mut names = reads.chain(apply.batch.changes().map(|change| change.after().name()));
        let explained = names.any(|name| self.is_news(name, rest) || self.is_untold(name, rest.number));
        if explained {
            Ok(())
        } else {
            Err(Violation::new("a refusal has a reason outside the keeper", message))
        }
    }

    /// Whether a name has been changed since the keeper last saw it.
    fn is_news(&self, name: &Name, rest: &Rest) -> bool {
        let seen = rest.fresh.get(name).map_or(rest.listed, |read| rest.listed.max(*read));
        // Another process of ours may have written it, before this one led.
        let counts = |process: u32| rest.is_abandoned || process != rest.number;
        let written = self.written.get(name).into_iter().flatten();
        let mut written = written.filter(|(process, _)| counts(**process)).map(|(_, at)| *at);
        self.foreign.get(name).is_some_and(|at| *at >= seen) || written.any(|at| at >= seen)
    }

    /// Whether a batch that wrote a name was accepted and could not be told to have been: its answer was lost, and
    /// somebody has changed what was to show it.
    fn is_untold(&self, name: &Name, process: u32) -> bool {
        self.accepted.iter().any(|((number, _), (names, at))| {
            *number == process
                && names.contains(name)
                && names.iter().any(|name| self.changed_since(name, *at))
        })
    }

    fn changed_since(&self, name: &Name, at: Time) -> bool {
        self.foreign.get(name).is_some_and(|changed| *changed >= at)
    }

    /// A batch is on its way.
    pub fn issued(&mut self, digest: PlanDigest, rest: Rest) {
        self.issued.insert(rest.number, (digest, rest));
    }

    /// The keeper says that a batch was accepted, and perhaps that only a read has told it so. Then nobody can tell
    /// whether another batch has written a whole unit of it in the same words: one of ours that came late, or one
    /// of somebody with our owner id. Returns whether nobody has changed it since.
    pub fn reported(
        &mut self,
        process: u32,
        batch: &Batch,
        digest: PlanDigest,
        is_found: bool,
    ) -> Result<bool, Violation> {
        self.approvals.reported(process, batch);
        let of_others = |rest: &Rest| {
            let is_news = |change: &Change| self.is_news(change.after().name(), rest);
            batch.units().iter().any(|unit| unit.changes().iter().all(is_news))
        };
        let is_same = self.issued.get(&process).is_some_and(|(of, rest)| *of == digest && of_others(rest));
        if let Some((names, at)) = self.accepted.remove(&(process, digest)) {
            return Ok(!names.iter().any(|name| self.changed_since(name, at)));
        }
        if is_found && is_same {
            return Ok(false);
        }
        let names: Vec<&str> = batch.changes().map(|change| change.after().name().as_str()).collect();
        Err(Violation::new("only what was accepted is reported as accepted", names.join(", ")))
    }

    /// What this process has not reported although it was accepted. Nobody can tell where others have changed all
    /// of it before it was read.
    pub fn unreported(&self, process: u32) -> Result<(), Violation> {
        for ((number, _), (names, at)) in &self.accepted {
            if *number == process && !names.iter().any(|name| self.changed_since(name, *at)) {
                return Err(Violation::new("what is accepted is reported, once", format!("{names:?}")));
            }
        }
        Ok(())
    }
}

/// Everything in the zone that a batch leaves alone.
fn others(apply: &Apply, zone: &HostedZone) -> Vec<RecordSet> {
    let own: Vec<&RecordSet> = apply.batch.changes().filter_map(|change| found(zone, change)).collect();
    zone.iter().filter(|set| !own.iter().any(|own| std::ptr::eq(*own, *set))).cloned().collect()
}

/// Everything that was to be written is there.
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

/// What the zone holds where a change is to be made.
fn found<'z>(zone: &'z HostedZone, change: &Change) -> Option<&'z RecordSet> {
    let key = &change.after().key;
    let set_id = key.set_id.as_ref().map(SetId::as_str);
    zone.get(&key.name.to_route53(), key.rtype.as_str(), set_id)
}

/// What a batch rests on still held when it was sent; how long it travels is in nobody's hand.
fn check_right(unit: &Unit, rest: &Rest) -> Result<(), Violation> {
    let is_old = |name: &Name| rest.fresh.get(name).is_none_or(|read| rest.sent > *read + FRESH);
    let why = if rest.sent > rest.led_until {
        "leadership had ended"
    } else if rest.sent > rest.made + CHANGE_TIMEOUT {
        "nobody waited for its answer any more"
    } else if rests_on_the_zone(unit) && unit.reads().iter().any(is_old) {
        "what it rests on was read too long before"
    } else {
        return Ok(());
    };
    Err(Violation::new("nothing is sent after the right to it has ended", why))
}
