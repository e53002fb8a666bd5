//! How long units wait until Route 53 accepts them, and the states of all keys meanwhile.

use std::{collections::BTreeMap, time::Duration};

use zonekeeper_core::{
    keeper::{Approval, FailureClass, Input, KeyStates, LastRequests, Mode, Time},
    source::Object,
};
use zonekeeper_emulator::zone::RecordSet;

use super::stage::{Fate, Stage, WEB_1, WEB_2, gone, web};
use crate::world::{ingress, meta};

const MINUTE: u64 = 60_000;

fn states(stage: &Stage) -> KeyStates {
    stage.keeper.key_states(stage.now)
}

/// An Ingress that asks for `NAME.example.com`, with an address.
fn address(name: &str, ip: &str, annotations: BTreeMap<&str, String>) -> Object {
    let targets = [(Some(ip.to_owned()), None)];
    ingress(meta("shop", name, 0, annotations), &[&format!("{name}.example.com")], &targets)
}

/// Takes the waits so far.
fn waits(stage: &mut Stage) -> Vec<(&'static str, u128)> {
    std::mem::take(&mut stage.waits)
}

#[test]
fn a_unit_waits_from_the_change_of_its_object() {
    let mut stage = Stage::new();
    stage.start(&[web("a", WEB_1)]);
    assert_eq!(waits(&mut stage), [("start", 0)]);
    stage.run(MINUTE);
    stage.see(&web("b", WEB_1));
    stage.run(20);
    assert_eq!(states(&stage).pending, 0, "a change is planned after 50 ms");
    stage.run(MINUTE);
    stage.see(&web("a", WEB_2));
    stage.run(MINUTE);
    assert_eq!(waits(&mut stage), [("change", 50), ("change", 50)]);
    assert_eq!(states(&stage), KeyStates { in_sync: 2, ..KeyStates::default() });
}

#[test]
fn a_failing_service_makes_units_wait() {
    let mut stage = Stage::new();
    stage.start(&[]);
    stage.run(MINUTE);
    stage.batches_meet((0..1_000).map(|_| Fate::fails(FailureClass::NotExecuted, "unavailable")));
    stage.see(&web("a", WEB_1));
    stage.run(MINUTE);
    let waiting = states(&stage);
    assert_eq!((waiting.pending, waiting.in_sync), (1, 0));
    assert_eq!(waiting.longest_wait, Duration::from_millis(MINUTE));
    // Another change of the object does not begin a new wait.
    stage.see(&web("a", WEB_2));
    stage.run(MINUTE);
    assert_eq!(states(&stage).longest_wait, Duration::from_millis(2 * MINUTE));
    let LastRequests { change_sent, change_accepted, .. } = stage.keeper.last_requests();
    assert!(change_sent.is_some_and(|sent| stage.now - sent < Duration::from_secs(4)), "{change_sent:?}");
    assert_eq!(change_accepted, None);
    stage.tell(gone(&web("a", WEB_2)));
    stage.run(MINUTE);
    assert_eq!(states(&stage), KeyStates::default());
}

#[test]
fn the_time_of_a_hold_does_not_count() {
    let mut stage = Stage::new();
    stage.before_start(Input::Wall { unix: 1_800_000_000 });
    stage.start(&[address("a", "192.0.2.1", BTreeMap::new())]);
    stage.run(MINUTE);
    waits(&mut stage);
    stage.see(&address(
        "a",
        "192.0.2.2",
        BTreeMap::from([("zonekeeper.dev/paused-until", "2027-01-15T08:05:00Z".to_owned())]),
    ));
    stage.run(MINUTE);
    assert_eq!(states(&stage), KeyStates { blocked: 1, ..KeyStates::default() });
    stage.run(10 * MINUTE);
    assert_eq!(waits(&mut stage), [("change", 0)]);
}

#[test]
fn the_time_until_an_approval_does_not_count() {
    let mut stage = Stage::with(|config| config.mode = Mode::Approve);
    stage.before_start(Input::Published(None));
    stage.start(&[web("a", WEB_1)]);
    stage.run(MINUTE);
    assert_eq!(states(&stage), KeyStates { unapproved: 1, ..KeyStates::default() });
    let digest = stage.published.as_ref().unwrap().digest;
    stage.tell(Input::Approve(Approval { digest, at: 1_800_000_000 }));
    stage.run(MINUTE);
    assert_eq!(waits(&mut stage), [("start", 0)]);
}

#[test]
fn the_time_of_rejections_does_not_count() {
    let mut stage = Stage::new();
    stage.start(&[web("other", WEB_1)]);
    stage.run(MINUTE);
    waits(&mut stage);
    stage.refuse("a.example.com", Some("no"));
    stage.see(&web("a", WEB_1));
    stage.run(10 * MINUTE);
    assert_eq!(states(&stage), KeyStates { in_sync: 1, blocked: 1, ..KeyStates::default() });
    stage.refuse("a.example.com", None);
    stage.run(20 * MINUTE);
    assert_eq!(waits(&mut stage), [("change", 0)]);
}

#[test]
fn a_hold_of_one_set_identifier_delays_no_other_one() {
    let of_set = |set_id: &str, ip: &str, more: &[(&'static str, &str)]| {
        let mut annotations =
            BTreeMap::from([("set-identifier", set_id.to_owned()), ("aws-weight", "1".to_owned())]);
        annotations.extend(more.iter().map(|(key, value)| (*key, (*value).to_owned())));
        let targets = [(Some(ip.to_owned()), None)];
        ingress(meta("shop", set_id, 0, annotations), &["www.example.com"], &targets)
    };
    let mut stage = Stage::new();
    stage.start(&[of_set("blue", "192.0.2.1", &[]), of_set("green", "192.0.2.2", &[])]);
    stage.run(MINUTE);
    waits(&mut stage);
    stage.see(&of_set("blue", "192.0.2.11", &[("zonekeeper.dev/paused-until", "2100-01-01T00:00:00Z")]));
    stage.run(10 * MINUTE);
    stage.see(&of_set("green", "192.0.2.12", &[]));
    stage.run(MINUTE);
    assert_eq!(waits(&mut stage), [("change", 50)]);
    assert_eq!(states(&stage), KeyStates { in_sync: 1, blocked: 1, ..KeyStates::default() });
    // The end of the hold begins a wait of this set alone.
    stage.batches_meet((0..1_000).map(|_| Fate::fails(FailureClass::NotExecuted, "unavailable")));
    stage.see(&of_set("green", "192.0.2.22", &[]));
    stage.run(10 * MINUTE);
    stage.see(&of_set("blue", "192.0.2.11", &[]));
    stage.run(MINUTE);
    assert_eq!(states(&stage).longest_wait, Duration::from_millis(11 * MINUTE));
}

#[test]
fn a_wait_since_the_start_is_no_change() {
    let mut stage = Stage::new();
    stage.start(&[web("a", WEB_1)]);
    // A process that starts later finds another target.
    stage.start(&[web("a", WEB_2)]);
    assert_eq!(waits(&mut stage), [("start", 0), ("start", 0)]);
    // A change begins a wait of its own.
    stage.batches_meet((0..1_000).map(|_| Fate::fails(FailureClass::NotExecuted, "unavailable")));
    stage.start(&[web("a", WEB_1)]);
    stage.run(MINUTE);
    stage.see(&web("a", "web-3.eu-west-1.elb.amazonaws.com"));
    stage.requests_work_again();
    stage.run(MINUTE);
    let [(cause, waited)] = waits(&mut stage)[..] else { panic!("{:?}", states(&stage)) };
    assert!(cause == "change" && waited < 20_000, "{cause}: {waited} ms");
}

#[test]
fn a_unit_waits_for_the_approval_of_the_units_that_are_bound_to_it() {
    let of_role = |set_id: &str, role: &str, more: &[(&'static str, &str)]| {
        let mut annotations =
            BTreeMap::from([("set-identifier", set_id.to_owned()), ("aws-failover", role.to_owned())]);
        annotations.extend(more.iter().map(|(key, value)| (*key, (*value).to_owned())));
        let ip = if set_id == "blue" { "192.0.2.1" } else { "192.0.2.2" };
        let targets = [(Some(ip.to_owned()), None)];
        ingress(meta("shop", set_id, 0, annotations), &["www.example.com"], &targets)
    };
    let approve = |stage: &mut Stage, at: i64| {
        let digest = stage.published.as_ref().unwrap().digest;
        stage.tell(Input::Approve(Approval { digest, at: 1_800_000_000 + at }));
        stage.run(MINUTE);
    };
    let mut stage = Stage::with(|config| config.mode = Mode::Approve);
    stage.before_start(Input::Published(None));
    stage.start(&[of_role("blue", "PRIMARY", &[]), of_role("green", "SECONDARY", &[])]);
    stage.run(MINUTE);
    approve(&mut stage, 0);
    assert_eq!(states(&stage), KeyStates { in_sync: 2, ..KeyStates::default() });
    // The roles are swapped. A person approves one half, while the other is paused.
    let paused = [("zonekeeper.dev/paused-until", "2100-01-01T00:00:00Z")];
    stage.see(&of_role("blue", "SECONDARY", &paused));
    stage.see(&of_role("green", "PRIMARY", &[]));
    stage.run(MINUTE);
    approve(&mut stage, 1);
    stage.see(&of_role("blue", "SECONDARY", &[]));
    stage.run(MINUTE);
    assert_eq!(states(&stage), KeyStates { unapproved: 2, ..KeyStates::default() });
    approve(&mut stage, 2);
    assert_eq!(states(&stage), KeyStates { in_sync: 2, ..KeyStates::default() });
}

#[test]
fn an_approval_counts_once_and_for_its_own_units() {
    let approve_mode = || {
        let mut stage = Stage::with(|config| config.mode = Mode::Approve);
        stage.before_start(Input::Wall { unix: 1_800_000_000 });
        stage.before_start(Input::Published(None));
        stage.start(&[]);
        stage
    };
    let approval = |stage: &Stage, at: i64| Approval {
        digest: stage.published.as_ref().unwrap().digest,
        at: 1_800_000_000 + at,
    };
    // The leader cannot write what a person has approved.
    let mut leader = approve_mode();
    leader.batches_meet((0..10_000).map(|_| Fate::fails(FailureClass::NotExecuted, "unavailable")));
    leader.see(&web("a", WEB_1));
    leader.run(MINUTE);
    let first = approval(&leader, 60);
    leader.tell(Input::Approve(first));
    leader.run(10 * MINUTE);
    // The approval of another unit does not begin its wait anew.
    leader.see(&web("b", WEB_1));
    leader.run(MINUTE);
    leader.tell(Input::Approve(approval(&leader, 660)));
    leader.run(MINUTE);
    assert_eq!(states(&leader).longest_wait, Duration::from_millis(12 * MINUTE));

    // The next leader has seen the objects long before. Only the approved time counts, as far as it knows it.
    let mut next = approve_mode();
    next.tell(Input::Leadership { until: Time::ZERO });
    for name in ["a", "b"] {
        next.see(&web(name, WEB_1));
    }
    next.run(180 * MINUTE);
    next.tell(Input::Leadership { until: Time::NEVER });
    next.tell(Input::Approve(approval(&leader, 660)));
    next.tell(Input::Published(leader.published.clone().map(Box::new)));
    next.run(MINUTE);
    let waited = waits(&mut next);
    assert!(!waited.is_empty() && waited.iter().all(|(_, time)| *time < 10_000), "{waited:?}");
}

#[test]
fn every_key_is_in_one_state() {
    let mut stage = Stage::new();
    let invalid = web("in valid", WEB_1);
    let mut objects: Vec<Object> = vec![web("a", WEB_1), web("b", WEB_1), invalid];
    stage.start(&objects);
    stage.run(MINUTE);
    assert_eq!(states(&stage), KeyStates { in_sync: 2, blocked: 1, ..KeyStates::default() });
    // A record without an owner is in the way of one, and right for the other.
    for name in ["c", "d"] {
        stage.somebody_creates(RecordSet::simple(format!("{name}.example.com"), "A", 300, ["192.0.2.1"]));
    }
    let [c, d] =
        [("c", "192.0.2.2"), ("d", "192.0.2.1")].map(|(name, ip)| address(name, ip, BTreeMap::new()));
    objects.extend([c, d]);
    stage.start(&objects);
    stage.run(MINUTE);
    let expected = KeyStates { in_sync: 2, noted: 1, blocked: 2, ..KeyStates::default() };
    assert_eq!(states(&stage), expected, "{}", stage.keeper.plan());
}

#[test]
fn the_times_of_listings_are_known() {
    let mut stage = Stage::new();
    assert_eq!(stage.keeper.last_requests(), LastRequests::default());
    stage.questions_meet([Fate::fails(FailureClass::NotExecuted, "unavailable")]);
    stage.start(&[]);
    let last = stage.keeper.last_requests();
    assert_eq!((last.listing_begun, last.listed), (Some(Time::ZERO), None));
    stage.run(MINUTE);
    assert_eq!(stage.keeper.last_requests().listed, Some(Time::ZERO));
}

#[test]
fn the_fresh_read_is_sent_while_the_change_waits_for_others() {
    let mut stage = Stage::new();
    stage.start(&[web("a", WEB_1)]);
    stage.run(MINUTE);
    stage.done();
    let begun = stage.now.micros() / 1_000;
    stage.see(&web("a", WEB_2));
    stage.run(1_000);
    let done: Vec<(u64, String)> = stage.done_at().into_iter().map(|(at, line)| (at - begun, line)).collect();
    let expected =
        [(0, "read a-a.example.com"), (50, "apply 1 units: 0 create, 2 replace"), (50, "remember 1 moves")];
    assert_eq!(done.iter().map(|(at, line)| (*at, line.as_str())).collect::<Vec<_>>(), expected);
}
