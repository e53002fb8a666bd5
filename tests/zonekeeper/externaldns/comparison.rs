//! Compares zonekeeper with ExternalDNS in every situation.

use std::collections::BTreeSet;
use std::fs;

use super::{
    difference::difference,
    emulated_zone::canonical,
    keeper::Kept,
    situation::{Situation, folder},
};

/// The situations for which a feature is missing.
pub fn pending() -> BTreeSet<String> {
    let text = fs::read_to_string(folder().join("pending.txt")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Compares zonekeeper's result with the recorded one.
fn compare(situation: &Situation) -> Result<(), String> {
    let after = situation.after.as_ref().ok_or("not recorded: make record EXTERNAL_DNS=path")?;
    let kept = Kept::of(situation)?;
    match (&situation.differs, &situation.zonekeeper) {
        (None, None) if situation.ambiguous || situation.restless => {
            Err("ExternalDNS is ambiguous or restless, so the situation must say how zonekeeper differs"
                .to_owned())
        }
        (None, None) => is_equal("ExternalDNS", after, &kept),
        (Some(_), Some(own))
            if canonical(own) == canonical(after) && !situation.ambiguous && !situation.restless =>
        {
            Err("zonekeeper does not differ from ExternalDNS".to_owned())
        }
        (Some(_), Some(own)) => is_equal("the file", own, &kept),
        (Some(_), None) | (None, Some(_)) => Err("`differs` and `zonekeeper` belong together".to_owned()),
    }
}

fn is_equal(whose: &str, expected: &str, kept: &Kept) -> Result<(), String> {
    let (expected, own) = (canonical(expected), canonical(&kept.zone));
    if own == expected {
        return Ok(());
    }
    let difference = difference(&expected, &own);
    Err(format!("- is {whose}, + is zonekeeper\n{difference}\nplan:\n{}", kept.plan))
}

/// `UPDATE=1` writes zonekeeper's result into the situations that differ.
#[test]
fn zonekeeper_does_what_externaldns_does() {
    let update = std::env::var_os("UPDATE").is_some();
    let pending = pending();
    let mut failures = Vec::new();
    let mut situations = Situation::all();
    let [mut equal, mut different] = [0, 0];
    for situation in &mut situations {
        if update && situation.differs.is_some() {
            situation.zonekeeper = Kept::of(situation).ok().map(|kept| kept.zone);
            situation.save_record();
        }
        let compared = compare(situation);
        let name = &*situation.name;
        match compared {
            Ok(()) if pending.contains(name) => {
                failures.push(format!("{name} agrees: remove it from pending.txt"));
            }
            Err(why) if !pending.contains(name) => {
                failures.push(format!("{name}: {}\n{why}", situation.about));
            }
            Ok(()) if situation.differs.is_some() => different += 1,
            Ok(()) => equal += 1,
            Err(_) => {}
        }
    }
    let all = situations.len();
    println!("{equal} equal, {different} deliberately different, {} pending, {all} in all", pending.len());
    assert!(failures.is_empty(), "\n{}\n{} situations fail", failures.join("\n\n"), failures.len());
    assert!(all >= 250, "only {all} situations");
    let names: BTreeSet<String> = situations.iter().map(|situation| situation.name.clone()).collect();
    assert!(pending.is_subset(&names), "pending.txt names unknown situations");
}

#[test]
fn every_situation_is_unique() {
    let mut seen = BTreeSet::new();
    for Situation { name, about, .. } in Situation::all() {
        assert!(about.ends_with('.') && about.len() < 200, "{name}: one sentence, please");
        assert!(seen.insert(about), "{name}: another situation has the same text");
    }
}
