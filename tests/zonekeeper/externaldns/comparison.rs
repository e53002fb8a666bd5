//! Compares zonekeeper with ExternalDNS in every situation.

use std::collections::BTreeSet;
use std::fs;

use super::{
    difference::difference,
    keeper::Kept,
    situation::{Situation, folder},
};

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
        (Some(_), Some(own)) if own == after && !situation.ambiguous && !situation.restless => {
            Err("zonekeeper does not differ from ExternalDNS".to_owned())
        }
        (Some(_), Some(own)) => is_equal("the file", own, &kept),
        (Some(_), None) | (None, Some(_)) => Err("`differs` and `zonekeeper` belong together".to_owned()),
    }
}

fn is_equal(whose: &str, expected: &str, kept: &Kept) -> Result<(), String> {
    if kept.zone == expected {
        return Ok(());
    }
    let difference = difference(expected, &kept.zone);
    Err(format!("- is {whose}, + is zonekeeper\n{difference}\nplan:\n{}", kept.plan))
}

#[test]
fn zonekeeper_does_what_externaldns_does() {
    let pending = fs::read_to_string(folder().join("pending.txt")).unwrap_or_default();
    let pending: BTreeSet<&str> = pending.lines().collect();
    let mut failures = Vec::new();
    let situations = Situation::all();
    let mut equal = 0;
    for situation in &situations {
        match compare(situation) {
            Ok(()) if pending.contains(&*situation.name) => {
                failures.push(format!("{} agrees: remove it from pending.txt", situation.name));
            }
            Err(why) if !pending.contains(&*situation.name) => {
                failures.push(format!("{}: {}\n{why}", situation.name, situation.about));
            }
            Ok(()) => equal += 1,
            Err(_) => {}
        }
    }
    println!("{equal} of {} situations agree", situations.len());
    assert!(failures.is_empty(), "\n{}\n{} situations fail", failures.join("\n\n"), failures.len());
}
