//! Starts of a process, and their speed.

use std::{collections::BTreeSet, time::Duration};

use zonekeeper_core::keeper::{Completion, FailureClass, Gate, Input, Quota, Rate, Time};
use zonekeeper_emulator::zone::RecordSet;

use super::stage::{Fate, Stage, WEB_1, WEB_2, scope, web, web_at, webs};

const DONE: Completion = Completion::Done { refused: 0 };

/// Creates more sets at a name than one page holds, as another writer.
fn crowd(stage: &mut Stage, name: &str) {
    for (rtype, value) in
        [("A", "192.0.2.1"), ("AAAA", "2001:db8::1"), ("MX", "10 mail.example.net"), ("TXT", "\"x\"")]
    {
        for n in 0..80 {
            let simple = RecordSet::simple(name, rtype, 300, [value]);
            let set = RecordSet { set_identifier: Some(n.to_string()), weight: Some(1), ..simple };
            stage.somebody_creates(set);
        }
    }
}

#[test]
fn a_second_start_lists_and_writes_nothing() {
    let mut stage = Stage::new();
    stage.start(&webs(20));
    stage.run(5_000);
    assert_eq!(stage.done(), ["list", "apply 20 units: 80 create, 0 replace"]);
    stage.start(&webs(20));
    stage.run(30_000);
    assert_eq!(stage.done(), ["list"]);
}

#[test]
fn a_thousand_ingresses_are_one_listing_and_a_few_batches() {
    let unlimited = Quota { requests: None, changes: None, share: 1.0 };
    let mut stage = Stage::with(|config| config.quota = unlimited);
    stage.start(&webs(1_000));
    let done = stage.done();
    let batches = done.iter().filter(|line| line.starts_with("apply")).count();
    assert!(done.len() == batches + 1 && done[0] == "list", "{done:?}");
    // The characters of ownership records limit a batch.
    assert_eq!(batches, 6, "{done:?}");
    assert_eq!(stage.zone.len(), 4_002);
}

#[test]
fn nothing_is_written_before_objects_and_zone_have_been_seen_whole() {
    let mut stage = Stage::new();
    stage.tell(Input::Leadership { until: Time::NEVER });
    stage.tell(Input::Listing(scope()));
    stage.see(&web("www", WEB_1));
    stage.run(10_000);
    assert_eq!(stage.done(), ["list"]);
    assert_eq!(
        (stage.keeper.is_ready(stage.now), stage.keeper.completion(stage.now)),
        (false, Completion::Working)
    );
    stage.tell(Input::Listed(scope()));
    assert_eq!(stage.done(), ["apply 1 units: 4 create, 0 replace"]);
    assert_eq!((stage.keeper.is_ready(stage.now), stage.keeper.completion(stage.now)), (true, DONE));
    // The keeper stores nothing for right records.
    assert_eq!(stage.keeper.hosts().count(), 0);
    // The hostname counts as pending from the change of the object on, even before its plan.
    stage.see(&web("api", WEB_1));
    assert_eq!(stage.keeper.completion(stage.now), Completion::Working);
    // It stays pending until the result of the batch is known.
    stage.batches_meet([Fate::AnswerLost]);
    stage.run(60);
    assert_eq!(stage.done(), ["apply 1 units: 4 create, 0 replace"]);
    assert_eq!(stage.keeper.completion(stage.now), Completion::Working);
    stage.run(5_000);
    assert_eq!(stage.keeper.completion(stage.now), DONE);
}

#[test]
fn a_standby_that_begins_to_lead_reads_what_it_would_write_and_writes_it() {
    let mut stage = Stage::new();
    stage.relist(&[web("www", WEB_1)]);
    stage.run(60_000);
    assert_eq!(stage.keeper.closed_gates(stage.now), [Gate::Leadership]);
    assert!(stage.keeper.is_ready(stage.now));
    stage.done();
    stage.tell(Input::Leadership { until: Time::NEVER });
    assert_eq!(stage.done(), ["count", "read a-www.example.com", "apply 1 units: 4 create, 0 replace"]);
}

#[test]
fn a_zone_that_was_not_listed_for_two_periods_is_not_written_and_then_listed_at_once() {
    let unlimited = Quota { requests: None, changes: None, share: 1.0 };
    let mut stage = Stage::with(|config| config.quota = unlimited);
    stage.start(&webs(300));
    // Reads start to fail during a listing.
    stage.run(35 * 60_000);
    stage.questions_meet((0..5_000).map(|_| Fate::fails(FailureClass::Unknown, "503")));
    stage.run(20 * 60_000);
    assert_eq!((stage.keeper.is_ready(stage.now), stage.keeper.not_ready(stage.now)), (true, vec![]));
    stage.run(41 * 60_000);
    assert_eq!(stage.keeper.closed_gates(stage.now), [Gate::StaleZone]);
    assert_eq!(
        (stage.keeper.is_ready(stage.now), stage.keeper.not_ready(stage.now)),
        (false, vec![Gate::StaleZone])
    );
    stage.done();
    stage.see(&web("www", WEB_1));
    stage.run(1_000);
    assert!(stage.done().iter().all(|line| !line.starts_with("apply")));
    stage.requests_work_again();
    stage.run(5_000);
    assert_eq!(stage.keeper.closed_gates(stage.now), []);
    assert!(stage.keeper.is_ready(stage.now));
    assert_eq!(stage.at("www.example.com").len(), 4);
}

#[test]
fn where_one_request_a_second_is_allowed_no_two_are_sent_in_one() {
    let requests = Some(Rate { refill: 1, burst: 6 });
    let mut stage = Stage::with(|config| config.quota = Quota { requests, changes: None, share: 1.0 });
    for n in 0..700 {
        stage.somebody_creates(RecordSet::simple(format!("m{n}.example.com"), "A", 300, ["192.0.2.1"]));
    }
    // The keeper reads the blocked hostnames every minute. It needs four pages, because the sets of one
    // hostname fill two pages.
    let blocked = ["a", "m350", "z"];
    crowd(&mut stage, "a.example.com");
    stage.somebody_creates(RecordSet::simple("z.example.com", "A", 300, ["192.0.2.1"]));
    stage.start(&blocked.map(|name| web(name, WEB_1)));
    // A batch is sent just before the count.
    stage.run(59_850);
    stage.see(&web("new", WEB_1));
    stage.run(540_000);
    let sent: Vec<(u64, String)> =
        stage.done_at().into_iter().filter(|(_, line)| !line.contains("blocked")).collect();
    let of_kind = |kind: &str| sent.iter().filter(|(_, line)| line.starts_with(kind)).count();
    assert!(sent.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 1_000), "{sent:?}");
    // The keeper forgets no hostname.
    assert!(of_kind("read") >= 9 * 3 && of_kind("list on") >= 9 && of_kind("count") >= 9, "{sent:?}");
}

#[test]
fn a_backlog_waits_for_a_full_batch_but_not_longer_than_5_seconds() {
    let changes = Some(Rate { refill: 10, burst: 900 });
    let mut stage = Stage::with(|config| config.quota = Quota { changes, ..Quota::default() });
    stage.start(&webs(400));
    stage.run(11_000);
    let done = stage.done_at();
    let batches: Vec<_> = done.iter().filter(|(_, line)| line.starts_with("apply")).collect();
    let [(first, full), (second, part), (third, _)] = batches[..] else { panic!("{batches:?}") };
    assert_eq!((second - first, third - second), (5_000, 5_000), "{batches:?}");
    assert!(full.starts_with("apply 188") && part.starts_with("apply 3"), "{batches:?}");
}

#[test]
fn a_current_change_does_not_wait_for_the_backlog() {
    let changes = Some(Rate { refill: 10, burst: 900 });
    let mut stage = Stage::with(|config| config.quota = Quota { changes, ..Quota::default() });
    stage.start(&webs(400));
    stage.done();
    stage.see(&web("now", WEB_1));
    stage.run(50);
    assert_eq!(stage.at("now.example.com").len(), 4);
}

#[test]
fn of_the_backlog_only_what_changes_now_goes_first() {
    let changes = Some(Rate { refill: 10, burst: 900 });
    let mut stage = Stage::with(|config| config.quota = Quota { changes, ..Quota::default() });
    stage.start(&webs(400));
    let waiting = ["w398", "w399"].map(|name| format!("{name}.example.com"));
    assert!(waiting.iter().all(|host| stage.at(host).is_empty()));
    // The keeper plans it again without a change, because the hostname has its holder.
    stage.see(&web_at("z", &waiting[0], WEB_2));
    stage.see(&web("w399", WEB_2));
    stage.run(60);
    assert_eq!(waiting.map(|host| stage.at(&host).len()), [0, 4]);
}

#[test]
fn wrong_records_are_written_before_missing_ones() {
    // The requests of one hostname.
    let changes = Some(Rate { refill: 4, burst: 54 });
    let mut stage = Stage::with(|config| config.quota = Quota { changes, ..Quota::default() });
    stage.start(&[web("z", WEB_1)]);
    stage.run(10_000);
    stage.done();
    for name in ["a", "b", "c"] {
        stage.see(&web(name, WEB_1));
    }
    stage.see(&web("z", WEB_2));
    stage.run(60_000);
    let batches: Vec<String> = stage.done().into_iter().filter(|line| line.starts_with("apply")).collect();
    let (creates, replaces) = ("apply 1 units: 4 create, 0 replace", "apply 1 units: 0 create, 2 replace");
    assert_eq!(batches, [replaces, creates, creates, creates]);
}

#[test]
fn a_large_zone_is_listed_at_once_at_first_and_spread_over_the_period_then() {
    let unlimited = Quota { requests: None, changes: None, share: 1.0 };
    let mut stage = Stage::with(|config| config.quota = unlimited);
    stage.start(&webs(1_000));
    stage.start(&webs(1_000));
    let of_start = stage.done();
    assert_eq!(of_start.iter().filter(|line| line.starts_with("list")).count(), 14);
    let period = Duration::from_mins(30).as_millis().try_into().unwrap();
    stage.run(period);
    stage.done();
    stage.run(period);
    let pages: Vec<u64> =
        stage.done_at().into_iter().filter_map(|(at, line)| line.starts_with("list").then_some(at)).collect();
    let gaps: Vec<u64> = pages.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pages.len() >= 13 && gaps.iter().all(|gap| *gap > 60_000), "{gaps:?}");
    assert_eq!(stage.keeper.closed_gates(stage.now), []);
}

#[test]
fn the_count_reveals_a_deletion_during_a_listing() {
    let unlimited = Quota { requests: None, changes: None, share: 1.0 };
    let mut stage = Stage::with(|config| config.quota = unlimited);
    stage.start(&webs(1_000));
    stage.run(33 * 60_000);
    // The listing has already read the pages of these records, or reads them up to a quarter of an hour later.
    stage.somebody_deletes("w0.example.com", "A");
    stage.somebody_deletes("w999.example.com", "A");
    stage.run(3 * 60_000);
    assert_eq!(["w0", "w999"].map(|name| stage.at(&format!("{name}.example.com")).len()), [4, 4]);
}

#[test]
fn a_name_is_read_to_its_end_as_soon_as_a_request_is_at_hand() {
    let requests = Some(Rate { refill: 1, burst: 6 });
    let mut stage = Stage::with(|config| config.quota = Quota { requests, changes: None, share: 1.0 });
    // The name is after the names of its ownership records, so that it is the last one to read.
    crowd(&mut stage, "web.example.com");
    stage.start(&[web("web", WEB_1)]);
    stage.run(30_000);
    stage.done();
    stage.run(90_000);
    let reads: Vec<(u64, String)> = stage
        .done_at()
        .into_iter()
        .filter(|(_, line)| line.starts_with("read") || line == "list on")
        .collect();
    let (first, rest): (Vec<_>, Vec<_>) = reads.windows(2).partition(|pair| pair[1].1 == "list on");
    let waits: Vec<u64> = first.iter().map(|pair| pair[1].0 - pair[0].0).collect();
    assert_eq!(waits, [1_000], "{rest:?}");
}

#[test]
fn a_standby_lists_nothing_because_the_leader_writes_and_reads_each_change_once() {
    let mut leader = Stage::new();
    leader.start(&webs(300));
    leader.run(60_000);
    let mut standby = Stage::new();
    standby.zone = leader.zone.clone();
    standby.start(&webs(300));
    standby.tell(Input::Leadership { until: Time::ZERO });
    standby.run(30_000);
    standby.done();
    let changes: Vec<_> = (0..6).map(|n| web(&format!("new-{n}"), WEB_1)).chain([web("w7", WEB_2)]).collect();
    for change in &changes {
        standby.see(change);
        standby.run(20_000);
        leader.see(change);
        leader.run(1_000);
        standby.zone = leader.zone.clone();
    }
    standby.run(20 * 60_000);
    let done = standby.done();
    assert!(done.iter().all(|line| line.starts_with("read")), "{done:?}");
    // A hostname has three names, and one read shows neighbours.
    assert!(done.len() <= 3 * changes.len(), "{done:?}");
    assert_eq!(done.iter().collect::<BTreeSet<_>>().len(), done.len(), "{done:?}");
    assert_eq!(standby.keeper.plan().units.len(), 0);
}
