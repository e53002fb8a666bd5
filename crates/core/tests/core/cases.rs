//! The situations of `tests/cases`, each with its whole plan.
//!
//! `UPDATE=1 cargo test --test core cases` writes the plans of the code into the files. Review every change of these
//! files, because they are the specification of the code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use zonekeeper_core::{
    dns::{Data, Name, RecordType, Zone},
    plan::{Batch, Blocked, Change, Plan, Reason, Reserved, Subject, Unit},
    source::ObjectRef,
};

use crate::{
    difference::difference,
    model::{Step, apply},
    properties::{CONTENTS, changes_reach_whom_they_affect, names_of},
    simulation::labels,
    situation::{Situation, Text, in_sync},
};

/// The rows of the table of ownership decisions, as beginnings of file names.
const OWNERSHIP_ROWS: [&str; 23] = [
    "ownership-nothing-nothing",
    "ownership-nothing-us",
    "ownership-nothing-other",
    "ownership-equal-us",
    "ownership-equal-nothing",
    "ownership-equal-other",
    "ownership-different-us",
    "ownership-different-nothing",
    "ownership-different-other",
    "ownership-type-a-beside-cname",
    "ownership-type-cname-beside-a",
    "ownership-type-cname-at-txt-name",
    "ownership-rival-older-cname",
    "ownership-rival-younger-cname",
    "ownership-rival-owned-cname",
    "ownership-rival-owned-beside-cname",
    "ownership-routing-simple-beside-weighted",
    "ownership-routing-txt",
    "ownership-neighbours",
    "ownership-unreadable-encrypted",
    "ownership-unreadable-foreign-text",
    "ownership-unreadable-several-values",
    "ownership-legacy-unreadable",
];

/// The reasons that follow from time, from people and from the answers of Route 53. The planner gives all others.
const OF_THE_KEEPER: [&str; 7] =
    ["Paused", "Contested", "Braked", "RejectedByRoute53", "DeniedByIAM", "Protected", "ZoneFull"];

struct Case {
    path: PathBuf,
    text: Text,
    situation: Situation,
    plan: Plan,
}

#[test]
fn every_case_has_the_plan_that_it_states() {
    let update = std::env::var_os("UPDATE").is_some();
    let failures: Vec<String> = paths().iter().filter_map(|path| check(path, update).err()).collect();
    assert!(failures.is_empty(), "\n{}\n{} cases fail", failures.join("\n"), failures.len());
}

#[test]
fn a_changed_name_affects_every_dependent_hostname() {
    for Case { path, situation, .. } in cases() {
        let names = names_of(situation);
        for (at, content) in names.iter().flat_map(|at| CONTENTS.map(|content| (at, content))) {
            let held = changes_reach_whom_they_affect(situation, &names, at, content);
            assert_eq!(held, Ok(()), "{}", path.display());
        }
    }
}

/// The Lease keeps moves for the next leader, which can be another version.
#[test]
fn a_move_has_the_same_digest_in_every_version() {
    let units = cases().iter().filter(|case| stem(&case.path) == "digest").flat_map(|case| &case.plan.units);
    let moves: Vec<String> = units.filter_map(Unit::moves).map(|of_unit| of_unit.to_string()).collect();
    assert_eq!(moves, ["94ba25af978e63a94c35bd63325f704e"]);
}

#[test]
fn every_case_is_unique() {
    let mut seen = BTreeMap::new();
    for Case { path, text, .. } in cases() {
        let about = text.about.trim().to_owned();
        assert!(about.ends_with('.') && about.len() < 200, "{}: one sentence, please", path.display());
        if let Some(other) = seen.insert(about, path.clone()) {
            panic!("{} and {} have the same text", path.display(), other.display());
        }
    }
    assert!(seen.len() >= 80, "only {} cases", seen.len());
}

#[test]
fn every_reason_and_every_note_occurs_in_a_case() {
    let cases = cases();
    let reasons = cases.iter().flat_map(|case| &case.plan.blocked).map(|blocked| &blocked.reason);
    let seen: BTreeSet<&str> = reasons.map(labels::reason).collect();
    let planned = labels::REASONS.iter().copied().filter(|label| !OF_THE_KEEPER.contains(label));
    assert_eq!(seen, planned.collect());
    let notes = cases.iter().flat_map(|case| &case.plan.noted).map(|noted| labels::note(&noted.note));
    assert_eq!(notes.collect::<BTreeSet<_>>(), labels::NOTES.iter().copied().collect());
}

#[test]
fn every_row_of_the_ownership_table_is_a_case() {
    let cases = cases();
    for row in OWNERSHIP_ROWS {
        assert!(cases.iter().any(|case| stem(&case.path).starts_with(row)), "no case {row}*.yaml");
    }
    for case in cases.iter().filter(|case| stem(&case.path).starts_with("ownership-")) {
        let row = stem(&case.path);
        assert!(OWNERSHIP_ROWS.iter().any(|known| row.starts_with(known)), "{row}.yaml belongs to no row");
    }
}

#[test]
fn every_block_states_a_fix_and_a_conflict_the_batch_for_it() {
    for case in cases() {
        for blocked in &case.plan.blocked {
            let what = format!("{}: {} {}", stem(&case.path), blocked.subject, blocked.reason.label());
            assert!(!blocked.reason.fix().is_empty(), "{what}");
            assert_eq!(is_conflict(&blocked.reason), !blocked.remedy.is_empty(), "{what}");
        }
    }
}

/// All blocked claims of all cases.
pub fn blocked() -> Vec<Blocked> {
    cases().iter().flat_map(|case| case.plan.blocked.clone()).collect()
}

/// Whether a person can resolve the reason with a change of records.
fn is_conflict(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::OwnedBy { .. }
            | Reason::Unowned { .. }
            | Reason::OwnershipUnreadable { .. }
            | Reason::TypeConflict { is_needed: false, .. }
            | Reason::RoutingConflict { is_needed: false, .. }
    )
}

/// Compares the whole plan, and checks the properties of every plan.
fn check(path: &Path, update: bool) -> Result<(), String> {
    let named = |why: String| format!("--- {}\n{why}", path.display());
    let Case { text, situation, plan, .. } = read(path).map_err(named)?;
    let found = shown(path, &plan);
    if update {
        rewrite(path, &found);
    } else if found != text.plan {
        return Err(named(difference(&text.plan, &found)));
    }
    in_any_order(&situation, &plan.to_string()).map_err(named)?;
    settles(&situation, &plan).map_err(named)?;
    for blocked in plan.blocked.iter().filter(|blocked| !blocked.remedy.is_empty()) {
        is_resolved(&situation, blocked).map_err(named)?;
    }
    Ok(())
}

/// The plan in the form of a case. Only cases about digests contain digests, so that a new field changes few files.
fn shown(path: &Path, plan: &Plan) -> String {
    let text = plan.to_string();
    if stem(path).starts_with("digest") {
        return text;
    }
    let lines = text.lines().filter(|line| !line.starts_with("digest "));
    let is_unit = |line: &str| line.starts_with("write ") || line.starts_with("adopt ");
    let undigested = |line: &str| match line.rsplit_once(" (") {
        Some((head, _)) if is_unit(line) => head.to_owned(),
        _ => line.to_owned(),
    };
    lines.map(|line| undigested(line) + "\n").collect()
}

/// Checks that the plan does not depend on the order of objects.
pub fn in_any_order(situation: &Situation, expected: &str) -> Result<(), String> {
    let reversed = situation.claims_in_reverse();
    let found = situation.plan_of(&reversed, &situation.zone).to_string();
    if found == expected {
        return Ok(());
    }
    Err(format!("with the objects in reverse order:\n{}", difference(expected, &found)))
}

/// Checks that Route 53 accepts the plan, that foreign records stay, and that the next plan is empty.
pub fn settles(situation: &Situation, plan: &Plan) -> Result<(), String> {
    if plan.units.iter().any(Unit::is_adoption) {
        return adopts_and_settles(situation, plan);
    }
    let mut zone = situation.zone.clone();
    for batch in Batch::pack(&plan.units) {
        zone = apply(&zone, batch.changes())?;
    }
    foreign_is_untouched(situation, &zone)?;
    // The process remembers what it wrote. Otherwise a leftover beside new records could pass for a merged record.
    let mut after = situation.clone();
    for unit in &plan.units {
        after.history.set_right(in_sync(unit));
    }
    let next = after.plan_of(&situation.claims(), &zone);
    if !next.units.is_empty() {
        if next.units.iter().all(|unit| follows_its_target(unit, &zone)) {
            after.zone = zone;
            return settles(&after, &next);
        }
        return Err(format!("the plan after the applied plan is not empty:\n{next}"));
    }
    // The plan notes a right record without an owner only if the hostname needs no write.
    // A CNAME of ours stays a CNAME, so the wishes of other claimants can change after its creation.
    let changes = || plan.units.iter().flat_map(Unit::changes).map(Change::after);
    let cnames = || changes().filter(|set| *set.rtype() == RecordType::Cname);
    let is_beside_cname = |it: &&Blocked| cnames().any(|set| set.name().as_str() == it.subject.hostname());
    // An alias to a name of the zone depends on the records there.
    let claims = situation.claims();
    let aliases: BTreeSet<&str> =
        changes().flat_map(|set| claims.led_to(set.name())).map(Name::as_str).collect();
    let reported = |plan: &Plan| -> BTreeMap<(Subject, ObjectRef), Reason> {
        let blocked = plan.blocked.iter().filter(|it| !is_beside_cname(it));
        let blocked = blocked.filter(|it| !aliases.contains(it.subject.hostname()));
        blocked.map(|it| ((it.subject.clone(), it.object.clone()), it.reason.clone())).collect()
    };
    let (before, after) = (reported(plan), reported(&next));
    // A blocked hostname reserves no names. After another unit has taken one of them, that conflict is the
    // reason.
    let is_of_rival = |reason: &Reason| {
        use Reason::{ReservedName, RoutingConflict, TypeConflict};
        matches!(
            reason,
            ReservedName(Reserved::OwnershipOf(_))
                | TypeConflict { is_needed: true, .. }
                | RoutingConflict { is_needed: true, .. }
        )
    };
    let is_same = |was: &Reason, is: &Reason| was.label() == is.label() || is_of_rival(is);
    if !before.keys().eq(after.keys())
        || !before.values().zip(after.values()).all(|(was, is)| is_same(was, is))
    {
        return Err(format!("the applied plan changes the blocked units:\n{next}"));
    }
    let right = |plan: &Plan| {
        let beside = plan.noted.iter().map(|it| &it.key);
        plan.in_sync + beside.collect::<BTreeSet<_>>().len()
    };
    let expected = right(plan) + plan.units.len();
    if right(&next) == expected { Ok(()) } else { Err(format!("{expected} should be in sync:\n{next}")) }
}

/// Whether a unit writes aliases to names of the zone, whose records had to exist before.
fn follows_its_target(unit: &Unit, zone: &Zone) -> bool {
    let mut records = unit.changes().iter().map(Change::after).filter(|set| set.rtype().is_address());
    records.all(|set| matches!(&set.data, Data::Alias(alias) if alias.zone == *zone.id()))
}

/// Checks an adoption: the answers stay, the records become ours, and the announced changes follow once.
fn adopts_and_settles(situation: &Situation, plan: &Plan) -> Result<(), String> {
    let (adopted, others): (Vec<&Unit>, Vec<&Unit>) = plan.units.iter().partition(|unit| unit.is_adoption());
    let changes = || adopted.iter().flat_map(|unit| unit.changes());
    for change in changes() {
        let heir = crate::model::says(change.after(), situation.settings.owner.as_str());
        if *change.after().rtype() != RecordType::Txt || heir != Some(true) {
            return Err(format!("not an ownership TXT of ours: {change}"));
        }
        // The previous owner is nobody, or an owner whose sets are adopted.
        let adoption = &situation.settings.adoption;
        let from = adoption.from.iter().chain(adoption.order.iter().flat_map(|order| &order.from));
        if let Some(before) = change.before()
            && !from.into_iter().any(|from| crate::model::says(before, from.as_str()) == Some(true))
        {
            return Err(format!("not the TXT of an owner whose sets are taken over: {change}"));
        }
    }
    let mut next = Situation { zone: apply(&situation.zone, changes())?, ..situation.clone() };
    let then = next.plan();
    for unit in &adopted {
        if then.units.iter().any(|other| other.is_adoption() && other.key() == unit.key()) {
            return Err(format!("{} is adopted twice", unit.key().host));
        }
        let follows = then.units.iter().find(|other| other.key() == unit.key());
        let records = |changes: &[Change]| -> Vec<Change> {
            changes.iter().filter(|it| it.after().rtype().is_address()).cloned().collect()
        };
        let follows = records(follows.map(Unit::changes).unwrap_or_default());
        let is_ordered = situation.settings.adoption.order.is_some();
        let is_blocked =
            then.blocked.iter().any(|it| it.subject.key().is_some_and(|key| key.host == unit.key().host));
        if follows != unit.then() && !is_ordered && !is_blocked {
            return Err(format!("announced: {:?}\nfollows: {follows:?}", unit.then()));
        }
    }
    if situation.settings.adoption.order.is_some() {
        return if others.is_empty() && then.units.is_empty() { Ok(()) } else { Err(then.to_string()) };
    }
    next.zone = apply(&next.zone, others.iter().flat_map(|unit| unit.changes()))?;
    settles(&next, &next.plan())
}

/// Checks, by the ownership rules of the tests, that every foreign set stays.
fn foreign_is_untouched(situation: &Situation, after: &Zone) -> Result<(), String> {
    let owner = situation.settings.owner.as_str();
    for set in situation.zone.sets() {
        let is_ownership = || crate::model::says(set, owner) == Some(true);
        let ours = situation.affixes.owns(&situation.zone, owner, set) || is_ownership();
        let now = after.get(set.name(), set.rtype(), set.key.set_id.as_ref());
        if !ours && now != Some(set) {
            return Err(format!("this is not ours and has been changed: {set}"));
        }
    }
    Ok(())
}

/// Checks that the change batch for a person resolves the block, and leaves the records of other claimed hostnames.
pub fn is_resolved(situation: &Situation, blocked: &Blocked) -> Result<(), String> {
    let what = format!("{} for {}: {}", blocked.subject, blocked.object, blocked.reason.label());
    let zone = apply(&situation.zone, blocked.remedy.iter().map(Step::from))
        .map_err(|why| format!("the batch by hand for {what} is not applicable:\n{why}"))?;
    let (claims, owner) = (situation.claims(), situation.settings.owner.as_str());
    for set in situation.zone.sets().filter(|set| set.rtype().is_address()) {
        let owns = |zone: &Zone| situation.affixes.owns(zone, owner, set);
        let is_there = zone.at(set.name()).contains(set);
        let is_claimed = blocked.subject.hostname() != set.name().as_str() && claims.has_host(set.name());
        if is_claimed && (!is_there || owns(&situation.zone) && !owns(&zone)) {
            return Err(format!("the batch by hand for {what} takes this away, or its owner: {set}"));
        }
    }
    let next = situation.plan_of(&claims, &zone);
    let same = |other: &&Blocked| {
        other.subject == blocked.subject
            && other.object == blocked.object
            && match (&other.reason, &blocked.reason) {
                (Reason::TypeConflict { at, .. }, Reason::TypeConflict { at: before, .. }) => at == before,
                (reason, before) => reason.label() == before.label(),
            }
    };
    match next.blocked.iter().find(same) {
        None => Ok(()),
        Some(_) => Err(format!("the batch by hand does not resolve {what}; the plan after it:\n{next}")),
    }
}

fn paths() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let entries = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    paths
}

fn cases() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let read = |path: &PathBuf| read(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        paths().iter().map(read).collect()
    });
    &CASES
}

fn read(path: &Path) -> Result<Case, String> {
    let file = fs::read_to_string(path).map_err(|why| why.to_string())?;
    let order: Vec<&str> = file
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once(':').map(|(key, _)| key))
        .collect();
    let known = ["about", "settings", "objects", "history", "zone", "plan"];
    let mut expected = known.into_iter().filter(|key| order.contains(key));
    if !order.iter().all(|key| expected.next() == Some(key)) {
        return Err(format!("the keys are {order:?}, their order is {known:?}"));
    }
    let text: Text = serde_saphyr::from_str(&file).map_err(|why| why.to_string())?;
    let situation = text.situation()?;
    let plan = situation.plan();
    Ok(Case { path: path.to_owned(), text, situation, plan })
}

fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}

/// Replaces the plan at the end of a file.
fn rewrite(path: &Path, plan: &str) {
    let file = fs::read_to_string(path).unwrap();
    let (head, _) = file.split_once("\nplan:").expect("a plan");
    let body: Vec<String> = plan.lines().map(|line| format!("  {line}\n")).collect();
    fs::write(path, format!("{head}\nplan: |\n{}", body.concat())).unwrap();
}
