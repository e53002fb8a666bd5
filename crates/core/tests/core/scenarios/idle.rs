//! An idle zone: no object and no record changes, so nothing is written.

use std::{fs, path::Path};

use zonekeeper_core::{
    keeper::Input,
    plan::Plan,
    source::{CLASS_ANNOTATION, DEFAULT_PREFIXES, PAUSED_UNTIL, Resource, Scope},
};

use super::stage::Stage;
use crate::{
    bad_input::annotations,
    service_set::set_to_service,
    situation::{Situation, Text},
    world::APEX,
};

const MINUTE: u64 = 60_000;
/// The resync period of a stage.
const RESYNC: u64 = 30 * MINUTE;

/// The case whose objects use every annotation, with changed text.
fn case(change: impl FnOnce(&str) -> String) -> Situation {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/annotations-all.yaml");
    let text: Text = serde_saphyr::from_str(&change(&fs::read_to_string(path).unwrap())).unwrap();
    text.situation().unwrap()
}

/// A stage with the settings and the zone of a situation. No resource is listed yet.
fn stage(situation: &Situation) -> Stage {
    let scopes = Resource::ALL.map(everywhere);
    let mut stage = Stage::with(|config| {
        config.settings = situation.settings.clone();
        config.scopes = scopes.to_vec();
    });
    // The zone has its own NS and SOA.
    for set in situation.zone.sets().filter(|set| set.name().as_str() != APEX) {
        stage.somebody_creates(set_to_service(set));
    }
    stage.before_start(Input::Wall { unix: 1_800_000_000 });
    stage.keeper_begins_anew();
    stage
}

fn everywhere(resource: Resource) -> Scope {
    Scope { resource, namespace: None }
}

/// Lists every resource of a situation.
fn list(stage: &mut Stage, situation: &Situation) {
    for resource in Resource::ALL {
        stage.tell(Input::Listing(everywhere(resource)));
        for (listed, reduced) in situation.resources() {
            if let Some(listed) = listed.filter(|listed| listed.resource() == resource) {
                stage.tell(Input::Resource { resource: listed, reduced });
            }
        }
        stage.tell(Input::Listed(everywhere(resource)));
    }
}

/// The blocked hostnames, each with the label of its reason.
fn blocked(plan: &Plan) -> Vec<String> {
    plan.blocked.iter().map(|it| format!("{}: {}", it.subject, it.reason.label())).collect()
}

#[test]
fn a_zone_with_every_annotation_in_use_stays_idle_over_20_resyncs() {
    for prefix in DEFAULT_PREFIXES {
        let situation = case(|text| text.replace(DEFAULT_PREFIXES[0], prefix));
        let mut stage = stage(&situation);
        list(&mut stage, &situation);
        stage.run(MINUTE);
        assert!(stage.done().iter().any(|line| line.starts_with("apply")), "{prefix}");
        for resync in 1..=20 {
            list(&mut stage, &situation);
            stage.run(RESYNC);
            let done = stage.done();
            assert!(done.iter().any(|line| line == "list"), "{prefix} {resync}: {done:?}");
            assert!(!done.iter().any(|line| line.starts_with("apply")), "{prefix} {resync}: {done:?}");
        }
        let plan = stage.keeper.plan();
        assert!(plan.units.is_empty() && plan.noted.is_empty() && plan.warnings.is_empty(), "{plan}");
        assert_eq!(blocked(&plan), ["given.example.com: ClaimedBy", "paused.example.com: Paused"]);
    }
}

#[test]
fn every_annotation_has_an_effect_in_the_idle_zone() {
    let with_all = case(str::to_owned).plan().to_string();
    // The plan without the loop knows no time, so only the other test sees the pause.
    let seen = annotations().filter(|annotation| *annotation != PAUSED_UNTIL);
    for annotation in seen.chain([CLASS_ANNOTATION]) {
        let is_of_it = |line: &&str| {
            let line = line.trim_start();
            let key = line.strip_prefix(DEFAULT_PREFIXES[0]).unwrap_or(line);
            key.split_once(':').is_some_and(|(key, _)| key == annotation)
        };
        let without = |text: &str| {
            let lines: Vec<&str> = text.lines().filter(|line| !is_of_it(line)).collect();
            lines.join("\n")
        };
        assert!(case(without).plan().to_string() != with_all, "{annotation} has no effect");
    }
}
