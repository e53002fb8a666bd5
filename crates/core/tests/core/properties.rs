//! Properties of plans in generated worlds. `PROPTEST_CASES=10000` makes a longer run.

use std::collections::{BTreeMap, BTreeSet};

use arcstr::ArcStr;
use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestCaseError};
use zonekeeper_core::{
    dns::{AliasZones, Data, Name, RecordSet, RecordType, Ttl, TxtText, Zone, ZoneId},
    plan::{
        Batch, Change, HandChange, Heritage, HostPattern, Naming, OwnerId, Plan, PlanDigest, Stale, TxtIndex,
        Unit, UnitDigest, View,
    },
    source::{Kind, ObjectRef},
};

use crate::{
    bad_input::{annotations, is_readable},
    cases::{in_any_order, is_resolved, settles},
    model::{Step, apply, says},
    record_text::record_set,
    situation::{Situation, empty_zone},
    world::{APEX, ingress, meta, service, settings, world},
};

fn config() -> ProptestConfig {
    // A failure becomes a case in `tests/cases`, so there are no files of seeds.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

fn held(result: Result<(), String>) -> Result<(), TestCaseError> {
    result.map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_applied_plan_leaves_nothing_to_do(world in world()) {
        let situation = world.situation();
        held(settles(&situation, &situation.plan()))?;
    }

    #[test]
    fn the_order_of_objects_changes_nothing(world in world()) {
        let situation = world.situation();
        held(in_any_order(&situation, &situation.plan().to_string()))?;
    }

    #[test]
    fn nothing_foreign_is_touched(world in world()) {
        let situation = world.situation();
        for unit in &situation.plan().units {
            // `settles` checks adoptions.
            for change in unit.changes().iter().filter(|_| !unit.is_adoption()) {
                held(is_ours(&situation, unit, change))?;
            }
        }
    }

    #[test]
    fn an_adoption_writes_ownership_and_nothing_else(world in world()) {
        let situation = world.situation();
        for unit in situation.plan().units.iter().filter(|unit| unit.is_adoption()) {
            prop_assert!(unit.needs_fresh_reads());
            prop_assert!(unit.reads().contains(&unit.key().host), "{unit:?}");
            for change in unit.changes() {
                prop_assert_eq!(change.after().rtype(), &RecordType::Txt);
                prop_assert_eq!(says(change.after(), situation.settings.owner.as_str()), Some(true));
                prop_assert!(unit.reads().contains(change.after().name()), "{unit:?}");
            }
        }
    }

    #[test]
    fn a_wildcard_cname_answers_for_nobody_else(world in world()) {
        let situation = world.situation();
        for unit in &situation.plan().units {
            held(covers_nobody_else(&situation, unit))?;
        }
    }

    #[test]
    fn only_managed_types_and_ownership_are_written(world in world()) {
        let situation = world.situation();
        for change in situation.plan().units.iter().flat_map(Unit::changes) {
            let rtype = change.after().rtype();
            let is_managed = situation.settings.managed_types.contains(rtype);
            prop_assert!(is_managed || *rtype == RecordType::Txt, "{change}");
        }
    }

    #[test]
    fn every_batch_by_hand_is_a_fix(world in world()) {
        let situation = world.situation();
        for blocked in situation.plan().blocked.iter().filter(|blocked| !blocked.remedy.is_empty()) {
            held(is_resolved(&situation, blocked))?;
        }
    }

    #[test]
    fn a_removal_deletes_only_stale_sets(world in world()) {
        let situation = world.situation();
        held(removes_only_stale(&situation, &situation.plan()))?;
    }

    #[test]
    fn a_changed_name_affects_every_dependent_hostname(world in world(), pick in any::<prop::sample::Index>(), what in 0..CONTENTS.len()) {
        let situation = world.situation();
        let names = names_of(&situation);
        let at = *pick.get(&names.iter().collect::<Vec<_>>());
        held(changes_reach_whom_they_affect(&situation, &names, at, CONTENTS[what]))?;
    }

    #[test]
    fn a_txt_is_found_from_its_name(world in world()) {
        let situation = world.situation();
        let apex = situation.zone.apex();
        for unit in &situation.plan().units {
            for txt in unit.changes().iter().map(Change::after).filter(|set| *set.rtype() == RecordType::Txt) {
                let hosts = situation.settings.naming.hosts_at(apex, txt.name());
                prop_assert!(Naming::is_fallback(txt.name()) || hosts.contains(&unit.key().host), "{txt}");
            }
        }
    }

    #[test]
    fn units_are_whole_and_batches_within_limits(
        before in vec((1_usize..400, any::<bool>()), 1..12),
        after in vec((1_usize..400, any::<bool>()), 1..12),
    ) {
        let zone = crowd_applied(&before);
        let plan = crowd(&after, zone, 1).plan();
        held(is_packed_well(&plan.units, &Batch::pack(&plan.units)))?;
    }

    #[test]
    fn a_hostname_is_read_as_it_is_printed(text in hostname()) {
        if let Ok(name) = Name::from_hostname(&text) {
            prop_assert_eq!(Name::from_hostname(name.as_str()), Ok(name.clone()));
            prop_assert_eq!(Name::from_hostname(&name.as_str().to_ascii_uppercase()), Ok(name.clone()));
            prop_assert_eq!(Name::from_route53(name.as_str()), Ok(name.clone()));
            prop_assert_eq!(Name::from_route53(&name.to_route53()), Ok(name.clone()));
            prop_assert!(name.as_str().len() <= 253 && name.labels().all(|l| (1..=63).contains(&l.len())));
        }
    }

    #[test]
    fn a_name_of_route_53_is_read_as_it_is_written(labels in vec(vec(any::<u8>(), 1..6), 1..5)) {
        let escaped = |label: &Vec<u8>| label.iter().map(|byte| format!("\\{byte:03o}")).collect::<Vec<_>>().concat();
        let listed = labels.iter().map(escaped).collect::<Vec<_>>().join(".");
        let name = Name::from_route53(&listed).unwrap();
        prop_assert_eq!(name.labels().count(), labels.len());
        prop_assert_eq!(Name::from_route53(&name.to_route53()), Ok(name.clone()));
        prop_assert_eq!(Name::from_route53(name.as_str()), Ok(name.clone()));
        let lower = labels.iter().map(|label| escaped(&label.to_ascii_lowercase())).collect::<Vec<_>>().join(".");
        prop_assert_eq!(Name::from_route53(&lower), Ok(name));
    }

    #[test]
    fn a_ttl_is_read_as_it_is_printed(seconds in 1_u64..=2_147_483_647) {
        let ttl = Ttl::from_seconds(seconds);
        prop_assert_eq!(ttl.to_string().parse(), Ok(ttl));
        let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        prop_assert_eq!(format!("{h}h{m}m{s}s").parse(), Ok(ttl));
        prop_assert_eq!(format!("{seconds}s").parse(), Ok(ttl));
    }

    #[test]
    fn a_text_is_read_as_it_is_written(text in prop_oneof![any::<String>(), ".{200,600}", "[\"\\\\0-7]{0,9}"]) {
        let value = TxtText::new(text.as_str()).to_value();
        prop_assert!(value.is_ascii() && !value.contains(char::is_control));
        let parsed = TxtText::parse(&value).unwrap();
        prop_assert_eq!(parsed.as_str(), text);
    }

    #[test]
    fn an_ownership_text_is_read_as_it_is_written(
        owner in "[!#-+\\--\\[\\]-~]{1,200}",
        (namespace, name) in ("[a-z0-9-]{1,63}", "[a-z0-9.-]{1,253}"),
        host in proptest::option::of("[a-z0-9]{1,63}\\.[a-z]{2,9}"),
    ) {
        let id: OwnerId = owner.parse().unwrap();
        let object = ObjectRef::new(Kind::Ingress, &namespace, &name);
        let stated = host.map(|host| Name::from_hostname(&host).unwrap());
        let value = Heritage::text(&id, &object, stated.as_ref()).to_value();
        let said = Heritage::parse(&TxtText::parse(&value).unwrap()).unwrap();
        prop_assert_eq!(said.owner, owner);
        prop_assert_eq!(said.name, stated.map(|name| name.to_string()));
        let label = object.resource_label();
        let whole = "heritage=external-dns,external-dns/owner=,external-dns/resource=".len() + id.as_str().len();
        prop_assert_eq!(said.object, (whole + label.len() <= 255).then_some(object));
    }

    #[test]
    fn no_text_brings_a_parser_down(text in nonsense()) {
        let _ = Name::from_hostname(&text);
        let _ = Name::from_route53(&text).map(|name| (name.to_route53(), name.with_first_label(&text), name.child(&text)));
        let _ = TxtText::parse(&text).map(|text| Heritage::parse(&text));
        let _ = TxtText::parse(&format!("\"{text}\"")).map(|text| Heritage::parse(&text));
        let _ = text.parse::<Ttl>();
        let _ = text.parse::<OwnerId>();
        let _ = text.parse::<ObjectRef>();
        let _ = text.parse::<HostPattern>();
        let _ = (text.parse::<PlanDigest>(), text.parse::<UnitDigest>());
        let _ = ZoneId::new(&text);
        let _ = AliasZones::default().add(&text);
        let _ = AliasZones::default().add(&format!("{text}={text}"));
        let _ = Naming::new(&text, "", Some(&text)).map(|naming| {
            let apex = Name::from_hostname(APEX).unwrap();
            naming.hosts_at(&apex, &apex)
        });
    }

    #[test]
    fn no_annotation_brings_a_plan_down(texts in vec((prop::sample::select(annotations().collect::<Vec<_>>()), nonsense()), 1..6), host in nonsense()) {
        let notes: BTreeMap<&str, String> =
            texts.into_iter().collect();
        let target = [(Some(host.clone()), Some(host.clone()))];
        let objects = vec![
            ingress(meta("shop", "a", 1, notes.clone()), &[&host, "www.example.com"], &target),
            service(meta("shop", "b", 2, notes), &target),
        ];
        let situation = Situation::new(settings(Naming::default()), objects, empty_zone(APEX));
        let plan = situation.plan();
        held(settles(&situation, &plan))?;
        is_readable(&plan);
    }
}

/// Difficult inputs for parsers, in any order.
fn nonsense() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("www.example.com".to_owned()),
        3 => prop::sample::select(&["😀", "ß", "\u{200d}", "。", "*", ".", "..", "\\052", "\\", "\\0", "\"", ",", "=", " ", "xn--", "xn--a", "_", "%", "\0", "::1", "192.0.2.1", "0", "h", "external-dns/owner=", "heritage=external-dns"][..]).prop_map(str::to_owned),
        2 => any::<String>(),
        1 => (prop::sample::select(&["x", "ü", "a.", "\\052", "9"][..]), 50_usize..1_000).prop_map(|(s, n)| s.repeat(n)),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Texts. Many of them are hostnames.
fn hostname() -> impl Strategy<Value = String> {
    let label = prop_oneof![4 => "[a-zA-Z0-9_-]{1,12}", 1 => "[a-z]{60,64}", 1 => "\\p{L}{1,8}", 1 => Just("😀".to_owned())];
    (prop::sample::select(&["", "*.", " "][..]), vec(label, 1..6), prop::sample::select(&["", "."][..]))
        .prop_map(|(first, labels, last)| format!("{first}{}{last}", labels.join(".")))
}

/// Checks that a change replaces only owned sets, and writes no forbidden name or type.
/// Checks that no hostname of another namespace, and no record of others, is at the parent of a wildcard CNAME or below.
fn covers_nobody_else(situation: &Situation, unit: &Unit) -> Result<(), String> {
    let (zone, owner, host) = (&situation.zone, situation.settings.owner.as_str(), &unit.key().host);
    let is_cname = unit.changes().iter().any(|change| *change.after().rtype() == RecordType::Cname);
    if !host.is_wildcard() || !is_cname {
        return Ok(());
    }
    let parent = host.parent().unwrap();
    let is_covered = |name: &Name| name != host && name.is_within(&parent);
    let claims = situation.claims();
    let others = claims.facts().filter(|facts| facts.object.namespace() != unit.object().namespace());
    let mut claimed = others.flat_map(|facts| facts.hosts()).filter(|host| is_covered(host));
    let mut records = zone.sets().filter(|set| {
        let is_ours = match set.rtype() {
            RecordType::Txt => says(set, owner) == Some(true),
            _ => situation.affixes.owns(zone, owner, set),
        };
        is_covered(set.name()) && !is_ours
    });
    match (parent == *zone.apex(), claimed.next(), records.next()) {
        (false, None, None) => Ok(()),
        found => Err(format!("{host} covers {found:?}")),
    }
}

fn is_ours(situation: &Situation, unit: &Unit, change: &Change) -> Result<(), String> {
    let (zone, owner) = (&situation.zone, situation.settings.owner.as_str());
    let set = change.after();
    let name = set.name();
    let there = zone.get(name, set.rtype(), set.key.set_id.as_ref());
    if there != change.before() {
        return Err(format!("{change}\n  but this is there: {there:?}"));
    }
    let ours = |set: &RecordSet| match set.rtype() {
        RecordType::Txt => says(set, owner) == Some(true),
        _ => situation.affixes.owns(zone, owner, set),
    };
    if change.before().is_some_and(|before| !ours(before)) {
        return Err(format!("not ours: {change}"));
    }
    let is_txt = *set.rtype() == RecordType::Txt;
    let never = [
        (!is_txt && !set.rtype().is_address(), "a type that is never written"),
        (!is_txt && *name != unit.key().host, "another hostname than the unit's"),
        (!is_txt && name.labels().any(|label| label.starts_with('_')), "a label for services"),
        (is_txt && says(set, owner) != Some(true), "a TXT that does not state our ownership"),
        (!name.is_within(zone.apex()), "outside the zone"),
        (below_cut(zone, name), "below a delegation"),
    ];
    match never.iter().find(|(is_so, _)| *is_so) {
        Some((_, what)) => Err(format!("{what}: {change}")),
        None => Ok(()),
    }
}

/// Checks that the batches for a removal are accepted, delete exactly our stale sets with their ownership records, and
/// keep the owners of all other sets.
fn removes_only_stale(situation: &Situation, plan: &Plan) -> Result<(), String> {
    let (before, owner) = (&situation.zone, situation.settings.owner.as_str());
    let stale = || plan.orphans.iter().chain(&plan.leftovers).filter(|stale| stale.target_of.is_none());
    let mut after = before.clone();
    for batch in HandChange::removal(stale()) {
        after = apply(&after, batch.iter().map(Step::from))?;
    }
    for Stale { set, txts, .. } in stale() {
        if txts.is_empty() {
            return Err(format!("nothing says whose it is: {set}"));
        }
        if let Some(txt) =
            txts.iter().find(|txt| says(txt, owner) != Some(true) || after.at(txt.name()).contains(txt))
        {
            return Err(format!("{set} is gone, and this stays: {txt}"));
        }
        // A later record there is not ours, because all ownership records are gone.
        let again = apply(&after, [Step::Create(set)])?;
        if situation.affixes.owns(&again, owner, set) {
            return Err(format!("made anew by hand, this would be ours: {set}"));
        }
    }
    for set in before.sets() {
        let is_stale = stale().any(|stale| stale.set == *set);
        let is_gone = after.get(set.name(), set.rtype(), set.key.set_id.as_ref()).is_none();
        let owns = |zone: &Zone| situation.affixes.owns(zone, owner, set);
        let is_right = match set.rtype() {
            rtype if rtype.is_address() && is_stale => {
                is_gone && owns(before) && !matches!(set.data, Data::TrafficPolicy(_))
            }
            rtype if rtype.is_address() => !is_gone && owns(before) == owns(&after),
            RecordType::Txt => !is_gone || says(set, owner) == Some(true),
            _ => !is_gone,
        };
        if !is_right {
            return Err(format!("gone: {is_gone}, stale: {is_stale}: {set}"));
        }
    }
    // The removal of a blocking record can turn other record sets into leftovers.
    let next = situation.plan_of(&situation.claims(), &after);
    let was_blocked =
        |stale: &Stale| plan.blocked.iter().any(|it| it.subject.hostname() == stale.set.name().as_str());
    let is_needed = |stale: &Stale| stale.target_of.is_some();
    let is_clean = next.orphans.iter().all(is_needed)
        && next.leftovers.iter().all(|it| is_needed(it) || was_blocked(it));
    if is_clean { Ok(()) } else { Err(next.to_string()) }
}

fn below_cut(zone: &Zone, name: &Name) -> bool {
    let delegates = |set: &&RecordSet| *set.rtype() == RecordType::Ns && set.name() != zone.apex();
    zone.sets().filter(delegates).any(|cut| format!(".{name}").ends_with(&format!(".{}", cut.name())))
}

/// The contents that a test puts at a name.
pub const CONTENTS: [Option<&str>; 7] = [
    None,
    Some("TXT \"heritage=external-dns,external-dns/owner=me,external-dns/resource=ingress/shop/n2\" ttl=300"),
    Some("TXT \"heritage=external-dns,external-dns/owner=other\" ttl=300"),
    Some("TXT \"hello\" ttl=300"),
    Some("A 192.0.2.1 ttl=300"),
    Some("CNAME lb-1.example.net ttl=300"),
    Some("NS ns.example.net ttl=300"),
];

/// The names on which the plan of a situation can depend.
pub fn names_of(situation: &Situation) -> BTreeSet<Name> {
    let mut names: BTreeSet<Name> = situation.claims().hosts_within(situation.zone.apex()).cloned().collect();
    names.extend(situation.plan().units.iter().flat_map(Unit::reads).cloned());
    names.extend(situation.zone.sets().map(|set| set.name().clone()));
    names
}

/// Changes the sets at one name, and checks that the decisions change only for the affected hostnames.
pub fn changes_reach_whom_they_affect(
    situation: &Situation,
    names: &BTreeSet<Name>,
    at: &Name,
    content: Option<&str>,
) -> Result<(), String> {
    let claims = situation.claims();
    let apex = situation.zone.apex();
    let mut changed = situation.zone.clone();
    let sets = content.map(|content| record_set(&format!("{at} {content}")));
    changed.replace(at, sets.into_iter().collect::<Result<_, _>>()?);
    let delegates = |zone: &Zone| zone.at(at).iter().any(|set| *set.rtype() == RecordType::Ns);
    let (settings, history) = (&situation.settings, &situation.history);
    let was = View::new(&situation.zone, &claims, settings, history);
    let is = View::new(&changed, &claims, settings, history);
    // Only these are planned.
    if let Some(other) = names.iter().find(|name| !was.is_host(name) && !was.host(name).says_nothing()) {
        return Err(format!("{other} is no host, and its plan says {:?}", was.host(other)));
    }
    let mut txts = TxtIndex::default();
    for host in names.iter().filter(|host| was.is_host(host) || is.is_host(host)) {
        txts.note(&situation.settings, apex, host, true);
    }
    let mut known = was.affected([at], &txts);
    if delegates(&situation.zone) != delegates(&changed) {
        known.extend(was.affected_by_cut(at).cloned());
    }
    match names.iter().find(|host| was.host(host) != is.host(host) && !known.contains(host)) {
        None => Ok(()),
        Some(host) => Err(format!(
            "a change at {at} changes the decision for {host}, which is not among {known:?}\nzone before:\n{}",
            situation.zone.sets().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        )),
    }
}

/// A Service per entry, with a number of IPv4 or IPv6 addresses.
fn crowd(sizes: &[(usize, bool)], zone: Zone, salt: usize) -> Situation {
    let objects = sizes.iter().enumerate().map(|(number, (size, v6))| {
        let address = |n: usize| {
            if *v6 {
                format!("2001:db8:1000:2000:3000:4000:{salt}000:{:x}", 0x1000 + n)
            } else {
                format!("10.{salt}.{}.{}", n / 250, n % 250)
            }
        };
        let targets = (0..*size).map(address).collect::<Vec<_>>().join(",");
        let hostname = format!("h{number}.{APEX}");
        service(
            meta(
                "shop",
                &format!("s{number}"),
                0,
                BTreeMap::from([("hostname", hostname), ("target", targets)]),
            ),
            &[],
        )
    });
    Situation::new(settings(Naming::default()), objects.collect(), zone)
}

fn crowd_applied(sizes: &[(usize, bool)]) -> Zone {
    let situation = crowd(sizes, empty_zone(APEX), 0);
    let units: Vec<Unit> = situation.plan().units;
    apply(&situation.zone, units.iter().flat_map(Unit::changes)).unwrap()
}

/// Checks that each unit is packed once and in order, and that each batch is within the limits and as full as possible.
fn is_packed_well(units: &[Unit], batches: &[Batch]) -> Result<(), String> {
    let packed: Vec<&Unit> = batches.iter().flat_map(Batch::units).collect();
    if packed != units.iter().collect::<Vec<_>>() {
        return Err(format!("{} units have become {}", units.len(), packed.len()));
    }
    let mut last: Option<(usize, usize)> = None;
    for batch in batches {
        let (values, characters) = load(batch.units());
        if values > 1_000 || characters > 32_000 {
            return Err(format!("{values} values and {characters} characters in one request"));
        }
        let first = load(batch.units().get(..1).ok_or("an empty batch")?);
        if last.is_some_and(|last| last.0 + first.0 <= 1_000 && last.1 + first.1 <= 32_000) {
            return Err("a batch has room for the first unit of the next".to_owned());
        }
        last = Some((values, characters));
    }
    Ok(())
}

/// The numbers of `ResourceRecord` elements and of characters in their values. An UPSERT counts twice.
fn load(units: &[Unit]) -> (usize, usize) {
    let changes = units.iter().flat_map(Unit::changes);
    changes.fold((0, 0), |(values, characters), change| {
        let times = if change.before().is_some() { 2 } else { 1 };
        let own = change.after().values();
        let length: usize = own.iter().map(ArcStr::len).sum();
        (values + times * own.len().max(1), characters + times * length)
    })
}

/// Checks that the generator produces every kind of result. Otherwise the properties could hold without a test.
#[test]
fn the_worlds_are_full() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..800 {
        let world = world().new_tree(&mut runner).unwrap().current();
        let plan: Plan = world.situation().plan();
        for change in plan.units.iter().flat_map(Unit::changes) {
            *seen.entry(change.why()).or_default() += 1;
        }
        for blocked in &plan.blocked {
            *seen.entry(blocked.reason.label()).or_default() += 1;
        }
        for noted in &plan.noted {
            *seen.entry(noted.note.label()).or_default() += 1;
        }
        *seen.entry("adoption").or_default() += plan.units.iter().filter(|unit| unit.is_adoption()).count();
        *seen.entry("leftover").or_default() += plan.leftovers.len();
        *seen.entry("orphan").or_default() += plan.orphans.len();
        *seen.entry("in sync").or_default() += plan.in_sync;
    }
    let expected = "the object asks for another TTL, the object asks for another target, \
        names the object that holds the hostname, not in the zone, takes ownership over, adoption, \
        states ownership, leftover, orphan, in sync, BelowZoneCut, ClaimedBy, CoversOthers, InvalidField, ManyCnameTargets, NoTarget, \
        NoAliasTarget, NoAliasZone, ApexNeedsAlias, OwnedBy, OwnershipUnreadable, ReservedName, RoutingConflict, TrafficPolicy, \
        SpecialAddress, TypeConflict, UnknownLoadBalancerZone, Unmanaged, UnmanagedType, Unowned";
    for label in expected.split(", ").map(str::trim) {
        assert!(seen.get(label).is_some_and(|times| *times >= 3), "{label} is rare: {seen:?}");
    }
}
