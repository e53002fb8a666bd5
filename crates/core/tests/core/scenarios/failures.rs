//! Failures, and the reactions to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use zonekeeper_core::keeper::{Completion, FailureClass, Gate, Input, Quota, Rate, Time};
use zonekeeper_emulator::zone::RecordSet;

use super::stage::{Fate, Stage, WEB_1, WEB_2, gone, web, web_at, webs};
use crate::world::{ingress, meta};

/// One page, from the first of a unit's names to its last.
const READ: &str = "read a-www.example.com";
/// A target that looks like the position of a change.
const EVIL: &str = "changes.1.changes.2.eu-west-1.elb.amazonaws.com";
const CREATES: &str = "apply 1 units: 4 create, 0 replace";

fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.start(&[]);
    stage.done();
    stage
}

/// The sizes of the batches among lines.
fn sizes(lines: &[String]) -> Vec<usize> {
    let units = |line: &String| line.strip_prefix("apply ")?.split(' ').next()?.parse().ok();
    lines.iter().filter_map(units).collect()
}

#[test]
fn a_batch_that_got_lost_is_sent_again_when_a_read_has_shown_that() {
    let mut stage = stage();
    stage.batches_meet([Fate::fails(FailureClass::Unknown, "no answer")]);
    stage.see(&web("www", WEB_1));
    stage.run(50);
    assert_eq!(stage.done(), [CREATES]);
    stage.run(990);
    assert_eq!(stage.done(), [""; 0]);
    stage.run(2_050);
    assert_eq!(stage.done(), [READ, CREATES]);
}

#[test]
fn a_batch_whose_answer_got_lost_is_found_accepted_and_not_sent_again() {
    let mut stage = stage();
    stage.batches_meet([Fate::AnswerLost]);
    stage.see(&web("www", WEB_1));
    stage.run(30_000);
    assert_eq!(stage.done(), [CREATES, READ, "found accepted"]);
    assert_eq!(stage.keeper.completion(stage.now), Completion::Done { refused: 0 });
}

#[test]
fn of_a_lost_batch_the_names_of_one_unit_are_read() {
    let mut stage = stage();
    stage.batches_meet([Fate::AnswerLost]);
    for object in webs(10) {
        stage.see(&object);
    }
    stage.run(30_000);
    let done = stage.done();
    assert_eq!(done.iter().filter(|line| line.starts_with("read")).count(), 1, "{done:?}");
    assert_eq!(done.iter().filter(|line| line.starts_with("apply")).count(), 1, "{done:?}");
}

#[test]
fn of_a_lost_batch_the_names_of_a_unit_with_an_ownership_text_are_read() {
    let mut stage = Stage::new();
    stage.start(&[web("www", WEB_1)]);
    stage.run(5_000);
    stage.batches_meet([Fate::AnswerLost]);
    stage.see(&web("www", WEB_2));
    stage.see(&web("api", WEB_1));
    stage.run(60);
    stage.done();
    stage.run(5_000);
    assert_eq!(stage.done(), ["read a-api.example.com", "remember 1 moves", "found accepted"]);
}

#[test]
fn of_a_lost_batch_all_names_are_read_where_one_unit_does_not_tell() {
    let mut stage = stage();
    stage.batches_meet([Fate::AnswerLost]);
    for object in webs(10) {
        stage.see(&object);
    }
    stage.run(60);
    stage.somebody_deletes("w0.example.com", "A");
    stage.run(30_000);
    let done = stage.done();
    let reads = done.iter().filter(|line| line.starts_with("read")).count();
    // The keeper reads the names of one unit, then all names. The names of the repaired unit are still fresh.
    assert_eq!(reads, 2, "{done:?}");
    assert_eq!(sizes(&done), [10, 1], "{done:?}");
}

#[test]
fn the_count_reveals_other_changes_after_a_lost_batch() {
    let mut stage = Stage::new();
    for n in 0..300 {
        stage.somebody_creates(RecordSet::simple(format!("m{n}.example.com"), "A", 300, ["192.0.2.1"]));
    }
    stage.start(&[]);
    stage.done();
    stage.batches_meet([Fate::AnswerLost]);
    stage.see(&web("a", WEB_1));
    stage.see(&web("z", WEB_1));
    stage.run(60);
    // Before the result is known, somebody deletes a record far from the unit that is read.
    stage.somebody_deletes("z.example.com", "A");
    stage.run(30_000);
    assert_eq!(sizes(&stage.done()), [2]);
    // The count reveals the deletion.
    stage.run(120_000);
    assert_eq!(sizes(&stage.done()), [1]);
    assert_eq!(stage.at("z.example.com").len(), 4);
}

#[test]
fn a_create_of_what_is_there_is_read_at_once_and_blocked() {
    let mut stage = stage();
    stage.somebody_creates(RecordSet::simple("www.example.com", "A", 300, ["192.0.2.1"]));
    stage.see(&web("www", WEB_1));
    stage.run(60);
    let mut done = stage.done();
    assert_eq!(done.remove(0), CREATES);
    done.sort();
    let blocked = ["blocked www.example.com: RejectedByRoute53", "blocked www.example.com: Unowned"];
    assert_eq!(done, [&blocked[..], &[READ, "unblocked www.example.com"]].concat());
    stage.run(30_000);
    assert_eq!(stage.done(), ["still blocked www.example.com: Unowned"]);
}

#[test]
fn the_work_is_not_done_before_the_names_of_a_rejected_unit_are_read() {
    let mut stage = stage();
    stage.somebody_creates(RecordSet::simple("www.example.com", "A", 300, ["192.0.2.1"]));
    stage.questions_meet([Fate::fails(FailureClass::Unknown, "503")]);
    stage.see(&web("www", WEB_1));
    stage.run(60);
    assert_eq!(stage.keeper.completion(stage.now), Completion::Working);
    stage.run(5_000);
    assert_eq!(stage.keeper.completion(stage.now), Completion::Done { refused: 0 });
}

#[test]
fn after_a_refusal_nothing_is_sent_on_half_of_what_is_read_again() {
    let mut other = stage();
    other.see(&web("www", WEB_1));
    other.run(50);
    let mut stage = stage();
    stage.batches_meet([Fate::fails(FailureClass::Refused, "not now")]);
    stage.see(&web("www", WEB_1));
    stage.run(60);
    stage.done();
    // Another process writes the same records. This process read the names a moment ago, without records.
    for set in other.zone.iter().filter(|set| set.name.contains("www")) {
        stage.somebody_creates(set.clone());
    }
    stage.run(10_000);
    let done = stage.done();
    assert_eq!(sizes(&done), [1], "{done:?}");
    assert_eq!(stage.keeper.completion(stage.now), Completion::Done { refused: 0 });
}

#[test]
fn a_throttle_slows_down_and_a_prior_request_does_not() {
    for (class, is_slower) in [(FailureClass::Busy, false), (FailureClass::Throttled, true)] {
        let mut stage = stage();
        stage.batches_meet([Fate::fails(class, "Rate exceeded, or so")]);
        for object in webs(100) {
            stage.see(&object);
        }
        stage.run(60_000);
        let sizes = sizes(&stage.done());
        let again = &sizes[1..];
        assert_eq!((sizes[0], again.iter().sum::<usize>()), (100, 100));
        assert_eq!(again.len() > 1, is_slower, "{class:?} {sizes:?}");
    }
}

#[test]
fn a_throttled_question_slows_down_and_one_that_is_denied_does_not() {
    for (class, is_slower) in [(FailureClass::Denied, false), (FailureClass::Throttled, true)] {
        let mut stage = stage();
        stage.see(&web("www", WEB_1));
        stage.run(9_000);
        // The propagation of the change.
        stage.questions_meet([Fate::fails(class, "Rate exceeded, or so")]);
        stage.run(1_100);
        stage.done();
        for object in webs(100) {
            stage.see(&object);
        }
        stage.run(100);
        assert_eq!(sizes(&stage.done()) != [100], is_slower, "{class:?}");
    }
}

#[test]
fn no_two_waits_after_a_failure_are_alike() {
    let mut stage = stage();
    stage.batches_meet((0..9).map(|_| Fate::fails(FailureClass::Busy, "not now")));
    stage.see(&web("www", WEB_1));
    stage.run(30_000);
    let sent: Vec<u64> = stage
        .done_at()
        .into_iter()
        .filter_map(|(at, line)| line.starts_with("apply").then_some(at))
        .collect();
    let waits: BTreeSet<u64> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.len() == 9 && waits.iter().all(|wait| (1_000..=3_000).contains(wait)), "{waits:?}");
}

#[test]
fn a_change_that_was_certainly_not_carried_out_is_sent_again_without_a_read() {
    let probe = "read example.com";
    for (class, expected) in [
        (FailureClass::NotExecuted, &[CREATES][..]),
        (FailureClass::Withheld, &[CREATES]),
        (FailureClass::Busy, &[CREATES]),
        // The first probe of the breaker is a read.
        (FailureClass::Account, &[probe, CREATES]),
    ] {
        let mut stage = stage();
        stage.batches_meet([Fate::fails(class, "no")]);
        stage.see(&web("www", WEB_1));
        stage.run(50);
        assert_eq!(stage.done(), [CREATES], "{class:?}");
        stage.run(990);
        assert_eq!(stage.done(), [""; 0], "{class:?}");
        stage.run(2_050);
        assert_eq!(stage.done(), expected, "{class:?}");
    }
}

#[test]
fn tokens_of_a_batch_whose_answer_got_lost_stay_spent() {
    let changes = Some(Rate { refill: 1, burst: 6 });
    let again = |class| {
        let mut stage = Stage::with(|config| config.quota = Quota { requests: None, changes, share: 1.0 });
        stage.start(&[]);
        stage.run(10_000);
        stage.batches_meet([Fate::fails(class, "no")]);
        stage.see(&web("www", WEB_1));
        stage.done();
        stage.run(60_000);
        let sent = stage.done_at().into_iter().filter(|(_, line)| line.starts_with("apply"));
        let sent: Vec<u64> = sent.map(|(at, _)| at).collect();
        sent[1] - sent[0]
    };
    assert!(again(FailureClass::NotExecuted) < again(FailureClass::Unknown));
}

#[test]
fn a_denied_read_stops_everything_but_one_probe_at_a_time() {
    let mut stage = stage();
    let denied = || Fate::fails(FailureClass::Account, "not authorized");
    stage.run(55_000);
    stage.questions_meet([denied(), denied(), denied()]);
    stage.done();
    stage.run(5_000);
    assert_eq!(stage.done(), ["count"]);
    assert_eq!(stage.keeper.closed_gates(stage.now), [Gate::Account]);
    stage.see(&web("www", WEB_1));
    let begin = stage.now.micros() / 1_000;
    stage.run(8_000);
    let probes: Vec<(u64, String)> =
        stage.done_at().into_iter().map(|(at, line)| ((at - begin + 500) / 1_000, line)).collect();
    let probe = |after: u64| (after, "read example.com".to_owned());
    let then = (7, CREATES.to_owned());
    let again = probe(7);
    assert_eq!(probes, [probe(1), probe(3), again.clone(), again, then]);
}

#[test]
fn an_account_that_is_refused_for_two_resyncs_ends_readiness() {
    let mut stage = stage();
    let denied = || Fate::fails(FailureClass::Account, "not authorized");
    stage.questions_meet((0..1_000).map(|_| denied()));
    stage.run(55 * 60_000);
    assert_eq!(stage.keeper.closed_gates(stage.now), [Gate::Account]);
    assert!(stage.keeper.is_ready(stage.now));
    stage.run(10 * 60_000);
    assert!(!stage.keeper.is_ready(stage.now));
    assert_eq!(stage.keeper.not_ready(stage.now), [Gate::StaleZone, Gate::Account]);
    stage.requests_work_again();
    stage.run(70_000);
    assert!(stage.keeper.is_ready(stage.now));
}

#[test]
fn a_unit_that_the_message_names_is_taken_out_and_the_rest_goes_on_at_once() {
    for message in [
        "[RRSet with DNS name w3.example.com. is not permitted in zone example.com.]",
        "[Tried to create resource record set [name='w3.example.com.', type='A'] but it already exists]",
        "RRSet of type A with DNS name w3.example.com. is not permitted because a conflicting RRSet of type CNAME with the same \
         DNS name already exists in zone example.com.",
        "The request contains an invalid set of changes for a resource record set 'TXT a-w3.example.com.'",
        // The position of its first change in the request.
        "1 validation error detected: Value '-1' at 'changeBatch.changes.{position}.member.resourceRecordSet.ttl' failed to \
         satisfy constraint",
        "<InvalidChangeBatch><Messages><Message>RRSet with DNS name w3.example.com. is not what we like</Message></Messages>",
    ] {
        let mut stage = stage();
        stage.refuse("w3.example.com", Some(message));
        for object in webs(8) {
            stage.see(&object);
        }
        stage.run(9 * 60_000);
        // Once more alone, and then after ten minutes.
        assert_eq!(sizes(&stage.done()), [8, 7, 1], "{message}");
    }
}

#[test]
fn a_unit_with_the_content_that_the_message_speaks_of_is_taken_out() {
    let address = |ip: &str| {
        let targets = [(Some(ip.to_owned()), None)];
        ingress(meta("shop", "w3", 0, BTreeMap::new()), &["w3.example.com"], &targets)
    };
    // A tenant names the hostname of somebody else.
    let alias = BTreeMap::from([
        ("target", "w5.example.com".to_owned()),
        ("alias", "true".to_owned()),
        ("aws-target-hosted-zone", "Z2FDTNDATAQYW2".to_owned()),
    ]);
    let named =
        |notes| ingress(meta("shop", "w3", 0, notes), &["w3.example.com"], &[(None, Some(WEB_1.to_owned()))]);
    for (bad, message) in [
        (
            named(alias),
            "[Tried to create an alias that targets w5.example.com., type A in zone Z2FDTNDATAQYW2, but the alias target \
             name does not lie within the target zone]",
        ),
        (
            web("w3", WEB_2),
            "[Tried to create an alias that targets web-2.eu-west-1.elb.amazonaws.com., type A in zone \
          Z32O12XQLNTSW2, but that target was not found]",
        ),
        (
            address("192.0.2.77"),
            "Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 \
          address) encountered with '192.0.2.77'",
        ),
        // A tenant cannot say which changes are wrong.
        (
            web("w3", EVIL),
            "[Tried to create an alias that targets changes.1.changes.2.eu-west-1.elb.amazonaws.com., type A in zone \
          Z32O12XQLNTSW2, but that target was not found]",
        ),
    ] {
        let mut stage = stage();
        stage.refuse("w3.example.com", Some(message));
        for object in
            webs(8).into_iter().map(|object| if object.id() == bad.id() { bad.clone() } else { object })
        {
            stage.see(&object);
        }
        stage.run(60);
        assert_eq!(sizes(&stage.done()), [8, 7], "{message}");
        // A new load balancer can be known soon.
        stage.run(30_000);
        assert_eq!(sizes(&stage.done()), [1, 1, 1, 1], "{message}");
    }
}

#[test]
fn a_set_identifier_names_no_other_hostname() {
    let set_id = "' w5.example.com at 'changeBatch.changes.9.member";
    let notes = BTreeMap::from([("set-identifier", set_id.to_owned()), ("aws-weight", "1".to_owned())]);
    let mut stage = stage();
    stage.refuse(
        "w3.example.com",
        Some(
            "[RRSet with DNS name w3.example.com., type A, SetIdentifier ' w5.example.com at 'changeBatch.changes.9.member \
             cannot be created as a non-weighted set exists with the same name and type.]",
        ),
    );
    for object in webs(8) {
        stage.see(&object);
    }
    stage.see(&ingress(meta("shop", "w3", 0, notes), &["w3.example.com"], &[(None, Some(WEB_1.to_owned()))]));
    stage.run(60);
    assert_eq!(sizes(&stage.done()), [8, 7]);
}

#[test]
fn without_names_in_the_message_a_batch_is_halved_until_the_unit_is_found() {
    let mut stage = stage();
    stage.refuse("w3.example.com", Some("something is not what we like"));
    for object in webs(8) {
        stage.see(&object);
    }
    stage.run(60);
    let done = stage.done();
    assert_eq!(sizes(&done), [8, 4, 2, 4, 2, 1, 1]);
    assert_eq!(done.iter().filter(|line| line.starts_with("blocked")).count(), 1);
}

#[test]
fn a_part_of_which_nothing_is_wanted_any_more_keeps_no_other() {
    let mut stage = stage();
    let refused = || Fate::fails(FailureClass::Refused, "something is not what we like");
    stage.batches_meet([refused(), refused(), Fate::fails(FailureClass::Busy, "not now")]);
    let objects = webs(8);
    for object in &objects {
        stage.see(object);
    }
    stage.run(60);
    // Two units have a short wait. A part of four units is next, and then one of two.
    assert_eq!(sizes(&stage.done()), [8, 4, 2]);
    for object in &objects[4..] {
        stage.tell(gone(object));
    }
    // New units do not delay the retry either.
    for object in &webs(1_000)[8..] {
        stage.see(object);
    }
    stage.run(10_000);
    let sizes = sizes(&stage.done());
    assert!(sizes.len() > 3 && sizes[..2].contains(&2), "{sizes:?}");
    stage.run(60_000);
    assert_eq!(stage.zone.len(), 2 + 4 * (4 + 992));
}

#[test]
fn a_refused_unit_waits_longer_each_time_until_its_object_changes() {
    let mut stage = stage();
    stage.refuse("www.example.com", Some("no"));
    stage.see(&web("www", WEB_1));
    stage.run(50);
    let begin = stage.done_at()[0].0;
    stage.run(64_000);
    let tries: Vec<u64> = stage
        .done_at()
        .into_iter()
        .filter_map(|(at, line)| line.starts_with("apply").then_some((at - begin + 500) / 1_000))
        .collect();
    assert_eq!(tries, [1, 3, 7, 15, 31, 63]);
    stage.refuse("www.example.com", None);
    stage.see(&web("www", WEB_2));
    stage.run(50);
    assert_eq!(stage.at("www.example.com").len(), 4);
}

#[test]
fn the_service_being_down_is_asked_again_every_few_seconds_never_more_rarely() {
    let mut stage = stage();
    let down = || Fate::fails(FailureClass::Unknown, "503");
    stage.batches_meet([down()]);
    stage.questions_meet((0..30).map(|_| down()));
    stage.see(&web("www", WEB_1));
    stage.run(120_000);
    let asked: Vec<u64> =
        stage.done_at().into_iter().filter_map(|(at, line)| line.starts_with("read").then_some(at)).collect();
    let gaps: Vec<u64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap <= 3_100), "{gaps:?}");
    assert_eq!(stage.at("www.example.com").len(), 4);
}

/// A denied unit backs off alone, and other units continue.
#[test]
fn a_denied_unit_is_found_by_halving_and_is_not_read_for_that() {
    let mut stage = stage();
    stage.deny("w3.example.com");
    for object in webs(8) {
        stage.see(&object);
    }
    stage.run(60);
    let done = stage.done();
    assert_eq!(sizes(&done), [8, 4, 2, 4, 2, 1, 1]);
    assert!(done.contains(&"blocked w3.example.com: DeniedByIAM".to_owned()), "{done:?}");
    assert!(!done.iter().any(|line| line.starts_with("read")), "{done:?}");
}

#[test]
fn where_every_change_is_denied_one_unit_at_a_time_is_a_probe() {
    let mut stage = stage();
    for n in 0..100 {
        stage.deny(&format!("w{n}.example.com"));
    }
    for object in webs(100) {
        stage.see(&object);
    }
    stage.run(120_000);
    let sizes = sizes(&stage.done());
    // The keeper halves the batch to one unit three times. Then it sends probes after 1, 2, 4, 8, 16, 32 and
    // 60 seconds.
    assert!(sizes.len() < 26 && sizes[18..].iter().all(|size| *size == 1), "{sizes:?}");
    assert_eq!(stage.keeper.closed_gates(stage.now), [Gate::Changes]);
    for n in 0..100 {
        stage.allow(&format!("w{n}.example.com"));
    }
    stage.run(60_000);
    assert_eq!(stage.keeper.closed_gates(stage.now), []);
    stage.run(600_000);
    assert_eq!(stage.zone.len(), 2 + 400);
}

#[test]
fn a_protected_set_shows_its_comment_and_the_others_go_on() {
    let mut stage = stage();
    stage.zone.protect("w3.example.com", "A", "ask platform@").unwrap();
    for object in webs(8) {
        stage.see(&object);
    }
    stage.run(60);
    assert_eq!(sizes(&stage.done()), [8, 7]);
    let blocked = stage.keeper.plan().blocked;
    assert_eq!((blocked.len(), blocked[0].reason.label()), (1, "Protected"));
    assert!(blocked[0].reason.to_string().contains("ask platform@"), "{}", blocked[0]);
}

#[test]
fn a_full_zone_holds_what_creates_and_nothing_else_until_there_is_room() {
    let mut stage = stage();
    stage.see(&web("www", WEB_1));
    stage.run(5_000);
    stage.zone.record_limit = stage.zone.len();
    for object in webs(50) {
        stage.see(&object);
    }
    stage.see(&web("www", WEB_2));
    stage.run(60);
    // A unit without creates did not wait.
    assert!(stage.at("www.example.com").iter().any(|line| line.contains(WEB_2)));
    stage.run(10_000);
    let done = stage.done();
    // The keeper does not halve the batch. It tries one unit after 1, 2 and 4 seconds.
    assert!(sizes(&done).len() <= 8, "{done:?}");
    let blocked = stage.keeper.plan().blocked;
    assert_eq!((blocked.len(), blocked[0].reason.label()), (50, "ZoneFull"));
    let are_said = |done: &[String], what: fn(&String) -> bool| done.iter().filter(|line| what(line)).count();
    assert_eq!(are_said(&done, |line| line.starts_with("blocked") && line.ends_with("ZoneFull")), 50);
    stage.zone.record_limit = 10_000;
    stage.run(60_000);
    assert_eq!(are_said(&stage.done(), |line| line.starts_with("unblocked")), 50);
    assert_eq!(stage.zone.len(), 2 + 4 * 51);
    assert!(stage.keeper.plan().blocked.is_empty());
}

#[test]
fn a_full_zone_is_tried_again_as_soon_as_it_has_fewer_sets() {
    let mut stage = Stage::new();
    for n in 0..4 {
        stage.somebody_creates(RecordSet::simple(format!("m{n}.example.com"), "A", 300, ["192.0.2.1"]));
    }
    stage.start(&[]);
    stage.zone.record_limit = stage.zone.len();
    stage.see(&web("www", WEB_1));
    stage.run(1_800_000);
    stage.done();
    // The last try was at 1623 seconds, and the next one is due ten minutes later. An equal count causes no earlier
    // try.
    stage.run(300_000);
    assert_eq!(sizes(&stage.done()), [0; 0]);
    for n in 0..4 {
        stage.somebody_deletes(&format!("m{n}.example.com"), "A");
    }
    stage.run(61_000);
    assert_eq!(stage.at("www.example.com").len(), 4, "{:?}", stage.done());
}

#[test]
fn a_zone_that_is_being_switched_is_waited_for() {
    let mut stage = stage();
    stage.zone.disabled_for_mutation = true;
    for object in webs(8) {
        stage.see(&object);
    }
    stage.run(20_000);
    let done = stage.done();
    assert!(
        sizes(&done).iter().all(|size| *size == 8) && !done.iter().any(|line| line.starts_with("blocked")),
        "{done:?}"
    );
    stage.zone.disabled_for_mutation = false;
    stage.run(3_100);
    assert_eq!(stage.zone.len(), 2 + 32);
}

#[test]
fn a_read_that_fails_while_a_batch_waits_for_another_is_repeated() {
    let mut stage = Stage::new();
    stage.somebody_creates(RecordSet::simple("api.example.com", "A", 300, ["192.0.2.1"]));
    stage.start(&[web("api", WEB_1), web("www", WEB_1)]);
    // Both requests are sent at 60 seconds, after the count.
    stage.run(59_940);
    // The first change of a moment is read early, and no later one.
    stage.see(&web("other", WEB_1));
    stage.see(&web("www", WEB_2));
    stage.questions_meet([Fate::Works, Fate::fails(FailureClass::Unknown, "503")]);
    stage.done();
    stage.run(200);
    let (read, batch) = ("read a-api.example.com", "apply 2 units: 4 create, 2 replace");
    assert_eq!(stage.done(), ["count", read, "read a-www.example.com", batch, "remember 1 moves"]);
    stage.run(4_000);
    assert_eq!(stage.done(), [read]);
}

#[test]
fn a_name_that_cannot_be_read_keeps_only_its_own_unit_back() {
    let mut stage = Stage::new();
    for n in 0..300 {
        stage.somebody_creates(RecordSet::simple(format!("m{n}.example.com"), "A", 300, ["192.0.2.1"]));
    }
    let hosts = ["www.a.example.com", "www.z.example.com"];
    let webs = |balancer| hosts.map(|host| web_at(&host[4..5], host, balancer));
    stage.start(&webs(WEB_1));
    stage.run(5_000);
    stage.done();
    // The first of two pages fails twice.
    let down = || Fate::fails(FailureClass::Unknown, "503");
    stage.questions_meet([down(), Fate::Works, down()]);
    // The first change of a moment is read early, and no later one.
    stage.see(&web("other", WEB_1));
    for object in webs(WEB_2) {
        stage.see(&object);
    }
    let moved =
        |stage: &Stage| hosts.map(|host| stage.at(host).iter().filter(|line| line.contains(WEB_2)).count());
    stage.run(60);
    assert_eq!(moved(&stage), [0, 2], "{:?}", stage.done());
    stage.run(3_100);
    assert_eq!(moved(&stage), [2, 2], "{:?}", stage.done());
}

#[test]
fn a_failed_read_is_repeated_for_every_name_that_had_to_be_read_again() {
    let mut stage = Stage::new();
    stage.start(&webs(2));
    stage.run(5_000);
    stage.done();
    for name in ["w0.example.com", "w1.example.com"] {
        stage.somebody_deletes(name, "A");
    }
    let mut repaired = None;
    while repaired.is_none() {
        stage.run(10);
        repaired = stage.done_at().into_iter().find(|(_, line)| line.starts_with("apply 2 units"));
    }
    // One page reads both hostnames a minute after the repair. At the same moment, w0 changes.
    stage.see(&web("w0", WEB_2));
    stage.done();
    stage.now = Time::ZERO + Duration::from_millis(repaired.unwrap().0 + 60_500);
    stage.questions_meet([Fate::Works, Fate::fails(FailureClass::NotExecuted, "try again")]);
    stage.tell(Input::Tick);
    let done = stage.done();
    // The batch awaits the read of the repair.
    assert_eq!(done.get(..2), Some(&["count", "read a-w0.example.com"].map(String::from)[..]), "{done:?}");
    // No batch needs the name any more, but the repair still needs the read.
    stage.see(&web("w0", WEB_1));
    stage.run(5_000);
    let done = stage.done();
    assert!(done.contains(&"read a-w0.example.com".to_owned()), "{done:?}");
}
