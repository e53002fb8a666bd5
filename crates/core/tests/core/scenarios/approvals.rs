//! Approvals: the keeper writes only approved units.

use std::{collections::BTreeMap, time::Duration};

use zonekeeper_core::{
    keeper::{Approval, Completion, Effect, FailureClass, Gate, Input, Mode, Publication, Time},
    plan::PlanDigest,
    source::Object,
};

use super::stage::{Fate, Stage, WEB_1, WEB_2, web, webs};
use crate::world::{ingress, meta};

/// The sets of an Ingress.
const SETS: [(&str, &str); 4] = [("", "A"), ("", "AAAA"), ("a-", "TXT"), ("aaaa-", "TXT")];

const NOW: i64 = 1_800_000_000;
const DAY: u64 = 24 * 60 * 60_000;

fn stage() -> Stage {
    let mut stage = Stage::with(|config| config.mode = Mode::Approve);
    stage.before_start(Input::Wall { unix: NOW });
    stage.before_start(Input::Published(None));
    stage.start(&webs(2));
    stage.run(5_000);
    stage
}

fn digest(stage: &Stage) -> PlanDigest {
    stage.published.as_ref().unwrap().digest
}

fn approve(stage: &mut Stage, digest: PlanDigest, at: i64) {
    stage.tell(Input::Approve(Approval { digest, at }));
    stage.run(5_000);
}

fn writes(stage: &mut Stage) -> Vec<String> {
    stage.done().into_iter().filter(|line| line.starts_with("apply")).collect()
}

#[test]
fn a_plan_waits_until_its_digest_is_approved() {
    let mut stage = stage();
    let published = stage.published.clone().unwrap();
    assert_eq!((published.units.len(), published.creates, published.replaces), (2, 8, 0));
    assert_eq!(published.digest, stage.keeper.plan().digest());
    assert_eq!(stage.keeper.closed_gates(stage.now), [Gate::Approval]);
    assert_eq!(writes(&mut stage), [""; 0]);
    approve(&mut stage, published.digest, NOW);
    assert_eq!(writes(&mut stage), ["apply 2 units: 8 create, 0 replace"]);
}

#[test]
fn a_publication_counts_creates_and_replaces() {
    let mut stage = stage();
    let approved = digest(&stage);
    approve(&mut stage, approved, NOW);
    stage.see(&web("w0", WEB_2));
    stage.see(&web("new", WEB_1));
    stage.run(5_000);
    let published = stage.published.clone().unwrap();
    assert_eq!((published.units.len(), published.creates, published.replaces), (2, 4, 2));
}

#[test]
fn a_publication_follows_the_plan_after_a_second_without_any_other_event() {
    let mut stage = stage();
    // A listing wakes the keeper as well, and none is near.
    stage.run(20 * 60_000);
    for name in ["first", "second"] {
        stage.see(&web(name, WEB_1));
        stage.run(300);
    }
    assert_ne!(stage.keeper.plan().digest(), digest(&stage));
    stage.run(1_500);
    assert_eq!(stage.keeper.plan().digest(), digest(&stage));
}

#[test]
fn exactly_the_approved_units_are_written_and_what_is_new_waits() {
    let mut stage = stage();
    let approved = digest(&stage);
    stage.see(&web("w0", WEB_2));
    stage.see(&web("new", WEB_1));
    stage.run(5_000);
    assert_ne!(digest(&stage), approved);
    approve(&mut stage, approved, NOW);
    // w1 is unchanged, w0 is changed, and `new` is new.
    assert_eq!(writes(&mut stage), ["apply 1 units: 4 create, 0 replace"]);
    assert_eq!(stage.at("w1.example.com").len(), 4);
}

#[test]
fn an_approval_is_used_once() {
    let mut stage = stage();
    let approved = digest(&stage);
    approve(&mut stage, approved, NOW);
    writes(&mut stage);
    for name in ["w0", "w1"] {
        for (of, rtype) in SETS {
            stage.somebody_deletes(&format!("{of}{name}.example.com"), rtype);
        }
    }
    stage.run(5 * 60_000);
    // The plan is the same again, and the approval still exists.
    assert_eq!(digest(&stage), approved);
    approve(&mut stage, approved, NOW);
    assert_eq!(writes(&mut stage), [""; 0]);
    approve(&mut stage, approved, NOW + 300);
    assert_eq!(writes(&mut stage), ["apply 2 units: 8 create, 0 replace"]);
}

#[test]
fn an_approval_of_something_else_releases_nothing_and_says_so() {
    let mut stage = stage();
    let other: PlanDigest = "00000000000000000000000000000000".parse().unwrap();
    approve(&mut stage, other, NOW);
    assert_eq!(writes(&mut stage), [""; 0]);
    assert_eq!(stage.published.as_ref().unwrap().unused, Some(Approval { digest: other, at: NOW }));
}

#[test]
fn an_approval_lasts_for_seven_days() {
    let mut stage = stage();
    let approved = digest(&stage);
    approve(&mut stage, approved, NOW - 7 * 24 * 3_600);
    assert_eq!(writes(&mut stage), [""; 0]);
    // The approval of a rejected unit ends after seven days as well.
    stage.refuse("w0.example.com", Some("[RRSet with DNS name w0.example.com. is not what we like]"));
    approve(&mut stage, approved, NOW);
    assert_eq!(stage.at("w1.example.com").len(), 4);
    stage.run(7 * DAY);
    stage.refuse("w0.example.com", None);
    stage.done();
    stage.run(DAY);
    assert_eq!(writes(&mut stage), [""; 0]);
}

#[test]
fn the_end_of_an_approval_is_published_when_it_comes() {
    let mut stage = stage();
    let approved = digest(&stage);
    stage.refuse("w0.example.com", Some("[RRSet with DNS name w0.example.com. is not what we like]"));
    // The approval ends half a minute before the work that comes every minute.
    approve(&mut stage, approved, NOW - 30);
    let is_approved =
        |stage: &Stage| stage.published.as_ref().unwrap().units.iter().any(|(_, is_approved)| *is_approved);
    let end = Duration::from_millis(7 * DAY - 30_000);
    let left = Time::ZERO + end - stage.now;
    stage.run(u64::try_from(left.as_millis()).unwrap() - 1_000);
    assert!(is_approved(&stage));
    stage.run(2_500);
    assert!(!is_approved(&stage));
}

#[test]
fn an_approval_survives_a_restart_but_not_seven_days() {
    for (days, expected) in [(6, &["apply 1 units: 4 create, 0 replace"][..]), (7, &[])] {
        let mut stage = stage();
        let approved = digest(&stage);
        stage.refuse("w0.example.com", Some("[RRSet with DNS name w0.example.com. is not what we like]"));
        approve(&mut stage, approved, NOW);
        let published = stage.published.clone().map(Box::new);
        stage.refuse("w0.example.com", None);
        stage.before_start(Input::Wall { unix: NOW + days * 24 * 3_600 });
        stage.before_start(Input::Approve(Approval { digest: approved, at: NOW }));
        stage.before_start(Input::Published(published));
        stage.start(&webs(2));
        stage.run(5_000);
        assert_eq!(writes(&mut stage), expected, "{days}");
    }
}

#[test]
fn an_approval_counts_to_the_last_minute_of_the_seven_days() {
    let mut stage = stage();
    let approved = digest(&stage);
    approve(&mut stage, approved, NOW - 7 * 24 * 3_600 + 60);
    assert_eq!(writes(&mut stage), ["apply 2 units: 8 create, 0 replace"]);
}

#[test]
fn a_plan_of_one_term_can_be_approved_in_the_next() {
    let mut stage = stage();
    let approved = digest(&stage);
    stage.see(&web("new", WEB_1));
    stage.run(5_000);
    assert_ne!(digest(&stage), approved);
    let published = stage.published.clone().map(Box::new);
    stage.tell(Input::Leadership { until: Time::ZERO });
    stage.run(5_000);
    stage.tell(Input::Leadership { until: Time::NEVER });
    stage.tell(Input::Published(published));
    approve(&mut stage, approved, NOW);
    assert_eq!(writes(&mut stage), ["apply 2 units: 8 create, 0 replace"]);
}

#[test]
fn the_seven_days_are_those_of_the_clock_on_the_wall() {
    let mut stage = stage();
    let approved = digest(&stage);
    stage.refuse("w0.example.com", Some("[RRSet with DNS name w0.example.com. is not what we like]"));
    approve(&mut stage, approved, NOW);
    stage.refuse("w0.example.com", None);
    stage.done();
    // The machine slept, and its monotonic clock stopped.
    stage.tell(Input::Wall { unix: NOW + 7 * 24 * 3_600 });
    stage.run(DAY);
    assert_eq!(writes(&mut stage), [""; 0]);
}

#[test]
fn the_process_that_leads_next_goes_on_with_what_was_approved() {
    let mut stage = stage();
    let approved = digest(&stage);
    stage.refuse("w0.example.com", Some("[RRSet with DNS name w0.example.com. is not what we like]"));
    approve(&mut stage, approved, NOW);
    assert_eq!(stage.at("example.com").len(), 2 + 4);
    stage.refuse("w0.example.com", None);
    let published = stage.published.clone().map(Box::new);
    stage.before_start(Input::Wall { unix: NOW + 60 });
    stage.before_start(Input::Published(published));
    stage.before_start(Input::Approve(Approval { digest: approved, at: NOW }));
    let objects = [webs(2), vec![web("new", WEB_1)]].concat();
    stage.start(&objects);
    stage.run(5_000);
    assert_eq!(writes(&mut stage), ["apply 1 units: 4 create, 0 replace"]);
    assert_eq!((stage.at("w0.example.com").len(), stage.at("new.example.com").len()), (4, 0));
}

#[test]
fn of_more_than_a_thousand_units_the_next_process_knows_which_are_still_to_come() {
    let mut stage = Stage::with(|config| config.mode = Mode::Approve);
    stage.before_start(Input::Wall { unix: NOW });
    stage.before_start(Input::Published(None));
    stage.start(&webs(1_200));
    stage.run(5_000);
    let published = stage.published.clone().unwrap();
    assert_eq!((published.units.len(), published.rest.len()), (0, 0));
    let approval = Approval { digest: published.digest, at: NOW };
    stage.tell(Input::Approve(approval));
    stage.run(100);
    let published = stage.published.clone().unwrap();
    assert!(published.rest.len() > 700 && stage.zone.len() < 4_000, "{}", stage.zone.len());
    stage.before_start(Input::Wall { unix: NOW + 60 });
    stage.before_start(Input::Approve(approval));
    stage.before_start(Input::Published(Some(Box::new(published))));
    stage.start(&[webs(1_200), vec![web("new", WEB_1)]].concat());
    stage.run(120_000);
    assert_eq!((stage.zone.len(), stage.at("new.example.com").len()), (4_802, 0));
}

#[test]
fn before_it_is_known_what_was_published_nothing_is() {
    let mut stage = Stage::with(|config| config.mode = Mode::Approve);
    stage.start(&webs(2));
    stage.run(60_000);
    assert_eq!(stage.published, None);
    stage.tell(Input::Published(None));
    assert!(stage.published.is_some());
}

/// Hostnames with a load balancer each.
fn balanced(count: usize, generation: usize) -> Vec<Object> {
    let balancer = |n: usize| format!("web-{generation}-{n}.eu-west-1.elb.amazonaws.com");
    (0..count).map(|n| web(&format!("w{n}"), &balancer(n))).collect()
}

#[test]
fn braked_units_can_be_approved_after_the_release() {
    let mut stage = Stage::with(|config| config.mode = Mode::Approve);
    stage.before_start(Input::Wall { unix: NOW });
    stage.before_start(Input::Published(None));
    stage.start(&balanced(20, 1));
    stage.run(5_000);
    let first = digest(&stage);
    approve(&mut stage, first, NOW);
    for object in balanced(20, 2) {
        stage.see(&object);
    }
    stage.run(5_000);
    assert_eq!(stage.published.as_ref().unwrap().units, []);
    writes(&mut stage);
    stage.tell(Input::Release { until: NOW + 1_800, unix: NOW });
    stage.run(1_000);
    assert_eq!(stage.published.as_ref().unwrap().units.len(), 20);
    let second = digest(&stage);
    approve(&mut stage, second, NOW + 1);
    assert_eq!(writes(&mut stage), ["apply 20 units: 0 create, 40 replace"]);
}

#[test]
fn paused_units_can_be_approved_after_the_pause() {
    let mut stage = stage();
    let paused = BTreeMap::from([("zonekeeper.dev/paused-until", "2027-01-15T08:02:00Z".to_owned())]);
    let targets = [(None, Some(WEB_1.to_owned()))];
    stage.see(&ingress(meta("shop", "new", 0, paused), &["new.example.com"], &targets));
    stage.run(5_000);
    assert_eq!(stage.published.as_ref().unwrap().units.len(), 2);
    stage.run(120_000);
    assert_eq!(stage.published.as_ref().unwrap().units.len(), 3);
}

#[test]
fn an_approved_unit_that_is_held_is_pending_in_the_next_process() {
    let mut stage = stage();
    let approved = digest(&stage);
    stage.refuse("w0.example.com", Some("[RRSet with DNS name w0.example.com. is not what we like]"));
    approve(&mut stage, approved, NOW);
    let paused = BTreeMap::from([("zonekeeper.dev/paused-until", "2027-01-15T08:05:00Z".to_owned())]);
    stage.see(&ingress(
        meta("shop", "w0", 0, paused),
        &["w0.example.com"],
        &[(None, Some(WEB_1.to_owned()))],
    ));
    stage.see(&web("new", WEB_1));
    stage.run(5_000);
    stage.refuse("w0.example.com", None);
    let published = stage.published.clone().unwrap();
    assert_eq!((published.units.len(), published.rest.len()), (1, 1));
    stage.before_start(Input::Wall { unix: NOW + 60 });
    stage.before_start(Input::Approve(Approval { digest: approved, at: NOW }));
    stage.before_start(Input::Published(Some(Box::new(published))));
    stage.start(&webs(2));
    stage.run(5_000);
    assert_eq!(writes(&mut stage), ["apply 1 units: 4 create, 0 replace"]);
}

#[test]
fn a_plan_that_was_shown_can_be_approved_however_often_it_has_changed_since() {
    for (plans, approved) in [(16, 0), (16, 7), (200, 0)] {
        let mut stage = stage();
        let mut shown = vec![digest(&stage)];
        for n in 1..plans {
            stage.see(&web(&format!("new{n}"), WEB_1));
            stage.run(5_000);
            shown.push(digest(&stage));
        }
        approve(&mut stage, shown[approved], NOW);
        assert!(!writes(&mut stage).is_empty(), "{approved} of {plans}");
        assert_eq!(stage.keeper.plan().units.len(), plans - 1 - approved);
    }
}

#[test]
fn nothing_is_done_before_it_is_known_what_is_approved() {
    let mut stage = stage();
    let published = Some(Box::new(stage.published.clone().unwrap()));
    assert!(matches!(stage.keeper.completion(stage.now), Completion::Done { .. }));
    stage.tell(Input::Leadership { until: Time::ZERO });
    stage.tell(Input::Leadership { until: Time::NEVER });
    assert!(matches!(stage.keeper.completion(stage.now), Completion::Working));
    let approved = digest(&stage);
    stage.tell(Input::Approve(Approval { digest: approved, at: NOW }));
    assert!(matches!(stage.keeper.completion(stage.now), Completion::Working));
    stage.tell(Input::Published(published));
    stage.run(1_000);
    assert!(matches!(stage.keeper.completion(stage.now), Completion::Done { .. }));
    assert_eq!(writes(&mut stage), ["apply 2 units: 8 create, 0 replace"]);
}

#[test]
fn a_leader_that_published_nothing_publishes_nothing_at_its_end() {
    let mut stage = stage();
    stage.tell(Input::Leadership { until: Time::ZERO });
    stage.tell(Input::Leadership { until: Time::NEVER });
    assert_eq!(stage.keeper.final_effects(stage.now), []);
    stage.tell(Input::Leadership { until: Time::ZERO });
    stage.tell(Input::Published(None));
    assert_eq!(stage.keeper.final_effects(stage.now), []);
}

#[test]
fn a_unit_of_the_previous_process_needs_another_approval() {
    let mut stage = stage();
    let (before, without) = (stage.published.clone().unwrap(), stage.zone.clone());
    let approval = Approval { digest: before.digest, at: NOW };
    approve(&mut stage, approval.digest, NOW);
    // The process ended before it published the writes, and the listing of the next process is older than the writes.
    let units = before.units.iter().map(|(unit, _)| (*unit, true)).collect();
    let before = Publication { units, used: Some(approval), ..before };
    let with = std::mem::replace(&mut stage.zone, without.clone());
    stage.before_start(Input::Wall { unix: NOW + 60 });
    stage.before_start(Input::Published(Some(Box::new(before))));
    stage.before_start(Input::Approve(approval));
    stage.batches_meet([Fate::fails(FailureClass::NotExecuted, "not now")]);
    stage.start(&webs(2));
    stage.zone = with;
    stage.run(10_000);
    assert_eq!(stage.keeper.plan().units.len(), 0);
    stage.done();
    // Somebody restores the records from before.
    stage.zone = without;
    stage.run(60 * 60_000);
    assert_eq!(stage.published.as_ref().unwrap().units.len(), 2);
    assert_eq!(writes(&mut stage), [""; 0]);
}

#[test]
fn an_approved_unit_that_changes_needs_another_approval() {
    let mut stage = stage();
    let approved = digest(&stage);
    stage.refuse("w0.example.com", Some("[RRSet with DNS name w0.example.com. is not what we like]"));
    approve(&mut stage, approved, NOW);
    for balancer in [WEB_2, WEB_1] {
        stage.see(&web("w0", balancer));
        stage.run(5_000);
    }
    stage.refuse("w0.example.com", None);
    stage.run(20 * 60_000);
    assert_eq!((stage.at("w0.example.com").len(), stage.at("w1.example.com").len()), (0, 4));
}

#[test]
fn a_unit_that_somebody_undoes_is_published_again() {
    let mut stage = stage();
    let published = stage.published.take();
    let other = Publication { creates: 1, ..published.clone().unwrap() };
    for found in [None, Some(Box::new(other))] {
        stage.tell(Input::Published(found));
        stage.run(1_000);
        assert_eq!(stage.published.take(), published);
    }
    // The process reads its own publication.
    stage.tell(Input::Published(published.map(Box::new)));
    stage.run(5_000);
    assert_eq!(stage.published, None);
}

#[test]
fn a_new_term_releases_nothing_before_it_reads_the_publication() {
    let mut stage = stage();
    let approved = digest(&stage);
    stage.tell(Input::Leadership { until: Time::ZERO });
    stage.run(60_000);
    stage.tell(Input::Leadership { until: Time::NEVER });
    approve(&mut stage, approved, NOW);
    assert_eq!(writes(&mut stage), [""; 0]);
    // Another process used the approval, and somebody deleted its records.
    let used = Some(Approval { digest: approved, at: NOW });
    let meanwhile = Publication { used, ..stage.published.clone().unwrap() };
    stage.tell(Input::Published(Some(Box::new(meanwhile))));
    approve(&mut stage, approved, NOW);
    assert_eq!(writes(&mut stage), [""; 0]);
}

#[test]
fn an_approval_older_than_the_last_used_one_releases_nothing() {
    let mut stage = stage();
    let approved = digest(&stage);
    approve(&mut stage, approved, NOW);
    writes(&mut stage);
    for (of, rtype) in SETS {
        stage.somebody_deletes(&format!("{of}w0.example.com"), rtype);
        stage.somebody_deletes(&format!("{of}w1.example.com"), rtype);
    }
    stage.run(5 * 60_000);
    assert_eq!(digest(&stage), approved);
    approve(&mut stage, approved, NOW - 60);
    assert_eq!(writes(&mut stage), [""; 0]);
    assert_eq!(stage.published.as_ref().unwrap().unused, Some(Approval { digest: approved, at: NOW - 60 }));
}

#[test]
fn writes_at_the_end_are_published_at_the_end() {
    let mut stage = stage();
    let approved = digest(&stage);
    stage.tell(Input::Approve(Approval { digest: approved, at: NOW }));
    stage.run(10);
    assert_eq!(writes(&mut stage), ["apply 2 units: 8 create, 0 replace"]);
    assert_eq!(stage.published.as_ref().unwrap().units.len(), 2);
    stage.tell(Input::Leadership { until: Time::ZERO });
    let effects = stage.keeper.final_effects(stage.now);
    let [Effect::Publish(last)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((last.units.len(), last.used), (0, Some(Approval { digest: approved, at: NOW })));
}

#[test]
fn an_approval_makes_peace_once_and_not_each_time_that_it_is_seen() {
    let mut stage = stage();
    let approval = Approval { digest: digest(&stage), at: NOW };
    stage.tell(Input::Approve(approval));
    stage.run(5_000);
    for _ in 0..3 {
        let set = stage.zone.get("w0.example.com", "A", None).unwrap().clone();
        stage.somebody_deletes("w0.example.com", "A");
        stage.run(31 * 60_000);
        stage.somebody_creates(set);
        stage.run(31 * 60_000);
        stage.tell(Input::Approve(approval));
    }
    stage.somebody_deletes("w0.example.com", "A");
    stage.run(31 * 60_000);
    assert_eq!(stage.keeper.plan().blocked[0].reason.label(), "Contested");
    let of_another = Approval { digest: PlanDigest::of([]), at: NOW + 1 };
    stage.tell(Input::Approve(of_another));
    stage.run(1_000);
    assert_eq!(stage.keeper.plan().blocked[0].reason.label(), "Contested");
}
