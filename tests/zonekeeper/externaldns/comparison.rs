//! Compares zonekeeper with ExternalDNS in every situation.

use std::collections::BTreeSet;

use super::{difference::difference, emulated_zone::canonical, keeper::Kept, situation::Situation};

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
            Ok(()) if situation.differs.is_some() => different += 1,
            Ok(()) => equal += 1,
            Err(why) => failures.push(format!("{name}: {}\n{why}", situation.about)),
        }
    }
    let all = situations.len();
    println!("{equal} equal, {different} deliberately different, {all} in all");
    assert!(failures.is_empty(), "\n{}\n{} situations fail", failures.join("\n\n"), failures.len());
    assert!(all >= 250, "only {all} situations");
}

#[test]
fn every_situation_is_unique() {
    let mut seen = BTreeSet::new();
    for Situation { name, about, .. } in Situation::all() {
        assert!(about.ends_with('.') && about.len() < 200, "{name}: one sentence, please");
        assert!(seen.insert(about), "{name}: another situation has the same text");
    }
}
