//! Writes, and their times.

use std::{collections::BTreeMap, time::Duration};

use arcstr::ArcStr;
use zonekeeper_core::{
    dns::{RecordSet as CoreRecordSet, RecordType},
    keeper::{
        Apply, ApplyId, ChangeId, Completion, Effect, FailureClass, Gate, Input, Mode, Quota, Rate, Time,
    },
    plan::{Change, Naming, Unit},
    source::Object,
};
use zonekeeper_emulator::zone::RecordSet;

use super::stage::{Fate, Stage, WEB_1, WEB_2, gone, scope, web, web_at, webs};
use crate::world::{ingress, meta};

/// One page, from the first of a unit's names to its last.
const READ: &str = "read a-www.example.com";

#[test]
fn a_new_balancer_is_one_batch_of_four_creates_and_nothing_is_read_for_it() {
    let mut stage = Stage::new();
    stage.start(&[]);
    stage.done();
    stage.see(&web("www", WEB_1));
    stage.run(50);
    assert_eq!(stage.done(), ["apply 1 units: 4 create, 0 replace"]);
    assert_eq!(stage.at("www.example.com").len(), 4);
}

#[test]
fn the_ownership_records_of_a_unit_share_one_text() {
    let mut stage = Stage::with(|config| config.mode = Mode::DryRun);
    stage.start(&[web("www", WEB_1)]);
    stage.run(1_000);
    let plan = stage.keeper.plan();
    let sets = plan.units[0].changes().iter().map(Change::after);
    let texts: Vec<&ArcStr> =
        sets.filter(|set| *set.rtype() == RecordType::Txt).flat_map(CoreRecordSet::values).collect();
    assert!(texts.len() == 2 && ArcStr::ptr_eq(texts[0], texts[1]), "{texts:?}");
}

#[test]
fn a_changed_balancer_is_one_read_and_one_batch_of_two_replaces() {
    let mut stage = Stage::new();
    stage.start(&[web("www", WEB_1)]);
    stage.run(5_000);
    stage.done();
    stage.see(&web("www", WEB_2));
    stage.run(50);
    assert_eq!(stage.done(), [READ, "apply 1 units: 0 create, 2 replace", "remember 1 moves"]);
    let zone = stage.at("www.example.com").join("\n");
    assert_eq!((zone.matches(WEB_2).count(), zone.matches("heritage").count()), (2, 2), "{zone}");
}

#[test]
fn a_record_at_the_replacement_of_a_wildcard_blocks_the_wildcard() {
    let naming = Naming::new("own-", "", Some("any")).unwrap();
    let mut stage = Stage::with(|config| (config.settings.naming, config.mode) = (naming, Mode::DryRun));
    stage.start(&[web_at("web", "*.example.com", WEB_1)]);
    stage.run(1_000);
    assert_eq!((stage.keeper.plan().units.len(), stage.keeper.plan().blocked.len()), (1, 0));
    // It would share the ownership record of the wildcard.
    stage.somebody_creates(RecordSet::simple("any.example.com", "A", 300, ["192.0.2.1"]));
    stage.run(180_000);
    assert_eq!(stage.keeper.plan().blocked[0].reason.label(), "ReservedName");
}

#[test]
fn an_ownership_text_of_the_time_before_types_tells_of_its_hostname_when_it_comes() {
    let naming = Naming::new("own-", "", None).unwrap();
    let mut stage = Stage::with(|config| config.settings.naming = naming);
    stage.somebody_creates(RecordSet::simple("www.example.com", "A", 300, ["192.0.2.1"]));
    stage.start(&[web("www", WEB_1)]);
    assert_eq!(stage.keeper.plan().blocked[0].reason.label(), "Unowned");
    let text = "\"heritage=external-dns,external-dns/owner=other\"";
    stage.somebody_creates(RecordSet::simple("own-www.example.com", "TXT", 300, [text]));
    stage.run(180_000);
    assert_eq!(stage.keeper.plan().blocked[0].reason.label(), "OwnedBy");
}

#[test]
fn a_delegation_over_an_ownership_text_blocks_its_hostname_wherever_that_is() {
    let naming = Naming::new("", ".team", None).unwrap();
    let mut stage = Stage::with(|config| (config.settings.naming, config.mode) = (naming, Mode::DryRun));
    stage.start(&[web("www", WEB_1)]);
    stage.run(1_000);
    assert_eq!((stage.keeper.plan().units.len(), stage.keeper.plan().blocked.len()), (1, 0));
    stage.somebody_creates(RecordSet::simple("team.example.com", "NS", 300, ["ns.example.net"]));
    stage.run(180_000);
    assert_eq!(stage.keeper.plan().blocked[0].reason.label(), "BelowZoneCut");
}

#[test]
fn a_unit_that_no_request_can_hold_is_blocked() {
    // Replaced sets count twice: 1,000 values, and 32,000 characters.
    let addresses = |v4: &[String], v6: usize, third: u8| -> Object {
        let v6 = (0..v6).map(|n| format!("2001:1db8:1111:1111:1111:1111:111{third}:1{n:03}"));
        let targets: Vec<_> = v4.iter().cloned().chain(v6).map(|address| (Some(address), None)).collect();
        ingress(meta("shop", "www", 0, BTreeMap::new()), &["www.example.com"], &targets)
    };
    let short = |count: usize, third: u8| (0..count).map(|n| format!("10.0.{third}.{n}")).collect::<Vec<_>>();
    let long = |last: u8| -> Vec<String> {
        (0..26).map(|n| format!("192.168.100.1{n:02}")).chain([format!("192.0.2.{last}")]).collect()
    };
    // 400 addresses of 39 characters, 26 of 15, and one of 10 or 11.
    for (before, after, is_too_big) in [
        (addresses(&short(250, 1), 250, 1), addresses(&short(250, 2), 250, 2), false),
        (addresses(&short(251, 1), 250, 1), addresses(&short(251, 2), 250, 2), true),
        (addresses(&short(27, 1), 400, 1), addresses(&long(10), 400, 2), false),
        (addresses(&short(27, 1), 400, 1), addresses(&long(100), 400, 2), true),
    ] {
        let mut stage = Stage::new();
        stage.start(&[before]);
        stage.run(60_000);
        assert_eq!(stage.keeper.plan().in_sync, 1);
        stage.see(&after);
        stage.run(60_000);
        let plan = stage.keeper.plan();
        let blocked: Vec<_> = plan.blocked.iter().map(|blocked| blocked.reason.label()).collect();
        assert_eq!(blocked, if is_too_big { vec!["TooBig"] } else { vec![] });
    }
}

#[test]
fn units_that_are_read_with_two_pages_are_sent_in_one_batch() {
    let mut stage = Stage::new();
    for n in 0..300 {
        stage.somebody_creates(RecordSet::simple(format!("m{n}.example.com"), "A", 300, ["192.0.2.1"]));
    }
    stage.start(&[web("a", WEB_1), web("z", WEB_1)]);
    stage.run(5_000);
    stage.done();
    stage.see(&web("a", WEB_2));
    stage.see(&web("z", WEB_2));
    stage.run(60);
    let done = stage.done();
    assert!(done.iter().filter(|line| line.starts_with("read")).count() > 1, "{done:?}");
    assert!(done.contains(&"apply 2 units: 0 create, 4 replace".to_owned()), "{done:?}");
}

#[test]
fn a_batch_has_as_many_units_as_there_are_tokens_for_their_reads() {
    let requests = Some(Rate { refill: 1, burst: 12 });
    let mut stage = Stage::with(|config| config.quota = Quota { requests, changes: None, share: 1.0 });
    // One page holds the names of one hostname.
    for host in 0..10 {
        for n in 0..300 {
            let name = format!("w{host}-{n}.example.com");
            stage.somebody_creates(RecordSet::simple(name, "A", 300, ["192.0.2.1"]));
        }
    }
    stage.start(&webs(10));
    stage.run(300_000);
    stage.done();
    for n in 0..10 {
        stage.see(&web(&format!("w{n}"), WEB_2));
    }
    stage.run(60_000);
    let done = stage.done();
    let sizes = done.iter().filter_map(|line| line.strip_prefix("apply ")?.split_once(' ')?.0.parse().ok());
    assert_eq!(sizes.collect::<Vec<usize>>(), [4, 1, 1, 1, 1, 1, 1], "{done:?}");
}

#[test]
fn nothing_is_read_for_what_may_not_be_written() {
    let mut stage = Stage::new();
    stage.start(&[web("www", WEB_1)]);
    stage.run(5_000);
    stage.tell(Input::Leadership { until: Time::ZERO });
    stage.done();
    stage.see(&web("www", WEB_2));
    stage.run(5_000);
    assert_eq!(stage.done(), [""; 0]);
}

#[test]
fn a_batch_under_way_is_work_though_nobody_wants_it_any_more() {
    let mut stage = Stage::new();
    stage.start(&[]);
    let object = web("www", WEB_1);
    stage.see(&object);
    // The answer is still pending.
    stage.now = stage.now + Duration::from_millis(50);
    let effects = stage.keeper.handle(Input::Tick, stage.now);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Apply(_))), "{effects:?}");
    stage.tell(gone(&object));
    stage.tell(Input::Applied { id: ApplyId(0), answer: Ok(ChangeId("of another".into())) });
    stage.run(5_000);
    assert_eq!(stage.keeper.plan().count(), (0, 0));
    assert_eq!(stage.keeper.completion(stage.now), Completion::Working);
}

/// Lets Route 53 accept the batch under way. Returns the effects.
fn next_effects(stage: &mut Stage, sent: &Apply) -> Vec<Effect> {
    let accepted = Input::Applied { id: sent.id, answer: Ok(ChangeId("C1".into())) };
    stage.keeper.handle(accepted, stage.now)
}

fn next_batch(stage: &mut Stage, sent: &Apply) -> Apply {
    applied(next_effects(stage, sent))
}

fn applied(effects: Vec<Effect>) -> Apply {
    let mut sent = effects.into_iter().filter_map(|effect| match effect {
        Effect::Apply(apply) => Some(apply),
        _ => None,
    });
    sent.next().expect("a batch is sent")
}

/// A stage with existing hostnames and hundreds of new ones, and the first batch of these.
fn with_many(existing: &[Object]) -> (Stage, Apply) {
    let mut stage =
        Stage::with(|config| config.quota = Quota { requests: None, changes: None, ..Quota::default() });
    stage.start(existing);
    stage.run(60_000);
    for object in webs(500) {
        stage.see(&object);
    }
    stage.now = stage.now + Duration::from_millis(50);
    let sent = applied(stage.keeper.handle(Input::Tick, stage.now));
    (stage, sent)
}

#[test]
fn the_next_batch_is_sent_before_the_hostnames_of_the_last_one_are_planned_again() {
    let (mut stage, first) = with_many(&[]);
    let second = next_batch(&mut stage, &first);
    assert_eq!((first.batch.units().len(), second.batch.units().len()), (188, 188));
    let mut keys: Vec<_> =
        [&first, &second].iter().flat_map(|sent| sent.batch.units()).map(Unit::key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 2 * 188, "nothing is sent twice");
    assert_eq!(stage.keeper.plan().in_sync, 0);
    stage.now = stage.keeper.wake_at().unwrap();
    stage.keeper.handle(Input::Tick, stage.now);
    assert_eq!(stage.keeper.plan().in_sync, 188);
}

#[test]
fn new_records_do_not_overtake_a_wrong_one() {
    let (mut stage, first) = with_many(&[web("old", WEB_1)]);
    stage.see(&web("old", WEB_2));
    stage.now = stage.keeper.wake_at().unwrap();
    stage.keeper.handle(Input::Tick, stage.now);
    let effects = next_effects(&mut stage, &first);
    // The replacement needs a read, and it is in the next batch.
    assert!(effects.iter().all(|effect| !matches!(effect, Effect::Apply(_))), "{effects:?}");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Read(_))), "{effects:?}");
}

#[test]
fn a_hostname_that_has_changed_meanwhile_is_planned_before_it_is_sent() {
    let (mut stage, first) = with_many(&[]);
    let has = |sent: &Apply, name: &str| sent.batch.units().iter().any(|unit| unit.object().name() == name);
    let names: Vec<String> = (0..500).map(|n| format!("w{n}")).collect();
    let changed = names.iter().find(|name| !has(&first, name)).unwrap();
    stage.see(&web(changed, WEB_2));
    let second = next_batch(&mut stage, &first);
    assert!(!has(&second, changed), "{changed}");
    stage.now = stage.keeper.wake_at().unwrap();
    stage.keeper.handle(Input::Tick, stage.now);
    let third = next_batch(&mut stage, &second);
    assert!(has(&third, changed), "{changed}");
}

#[test]
fn a_record_whose_ownership_is_there_already_is_written_after_a_read() {
    let mut stage = Stage::new();
    stage.start(&[web("www", WEB_1)]);
    // Somebody deletes the records, and then one of the ownership records before the keeper notices it.
    stage.somebody_deletes("www.example.com", "A");
    stage.somebody_deletes("www.example.com", "AAAA");
    stage.start(&[]);
    stage.somebody_deletes("a-www.example.com", "TXT");
    stage.done();
    stage.see(&web("www", WEB_1));
    stage.run(50);
    assert_eq!(stage.done(), [READ, "apply 1 units: 3 create, 0 replace"]);
}

#[test]
fn a_new_name_waits_50_ms_however_much_else_changes() {
    let mut stage = Stage::new();
    stage.start(&[web("busy", WEB_1)]);
    stage.run(5_000);
    for n in 0..20 {
        stage.see(&web("busy", if n % 2 == 0 { WEB_2 } else { WEB_1 }));
        stage.run(100);
    }
    stage.done();
    let before = stage.now;
    stage.see(&web("www", WEB_1));
    stage.run(50);
    stage.see(&web("busy", WEB_2));
    stage.run(150);
    let done = stage.done_at();
    let written = done.iter().find(|(_, line)| line.contains("create")).unwrap();
    assert_eq!(written.0, before.micros() / 1_000 + 50, "{done:?}");
}

#[test]
fn a_hostname_outside_the_zone_makes_no_change_new() {
    let busy = |balancer: &str| {
        let hosts = ["busy.example.com", "busy.example.net"];
        ingress(meta("shop", "busy", 0, BTreeMap::new()), &hosts, &[(None, Some(balancer.to_owned()))])
    };
    let mut stage = Stage::new();
    stage.start(&[busy(WEB_1)]);
    stage.run(5_000);
    stage.see(&busy(WEB_2));
    stage.run(100);
    stage.done();
    let before = stage.now;
    stage.see(&busy(WEB_1));
    stage.run(1_000);
    let done = stage.done_at();
    // As one of several changes, it waits for a pause.
    let written = done.iter().find(|(_, line)| line.starts_with("apply")).unwrap();
    assert_eq!(written.0, before.micros() / 1_000 + 200, "{done:?}");
}

#[test]
fn a_list_that_begins_again_drops_an_object_only_at_its_end() {
    let mut stage = Stage::new();
    stage.start(&[web("www", WEB_1), web("api", WEB_1)]);
    stage.run(1_000);
    stage.tell(Input::Listing(scope()));
    stage.see(&web("www", WEB_1));
    stage.run(60_000);
    assert_eq!(stage.keeper.plan().orphans.len(), 0);
    let before = stage.zone.len();
    stage.tell(Input::Listed(scope()));
    stage.run(60_000);
    assert_eq!(stage.keeper.plan().orphans.len(), 2);
    assert_eq!(stage.zone.len(), before);
}

#[test]
fn a_dry_run_shows_everything_and_writes_nothing() {
    let mut stage = Stage::with(|config| config.mode = Mode::DryRun);
    stage.start(&[web("www", WEB_1)]);
    stage.see(&web("www", WEB_2));
    stage.run(60_000);
    stage.see(&web("api", WEB_2));
    stage.run(3_600_000);
    let done = stage.done();
    assert!(!done.iter().any(|line| line.starts_with("apply")), "{done:?}");
    let planned: Vec<&String> = done.iter().filter(|line| line.starts_with("planned")).collect();
    assert_eq!(planned, ["planned www.example.com", "planned www.example.com", "planned api.example.com"]);
    assert_eq!(stage.keeper.plan().count(), (8, 0));
    assert_eq!(stage.keeper.closed_gates(stage.now), [Gate::DryRun]);
    assert_eq!(stage.keeper.completion(stage.now), Completion::Done { refused: 0 });
}

#[test]
fn an_invalid_hostname_is_reported_once_and_withdrawn() {
    let mut stage = Stage::new();
    stage.start(&[]);
    stage.done();
    let host = "two..dots.example.com";
    for balancer in [WEB_1, WEB_2] {
        stage.see(&web_at("web", host, balancer));
        stage.run(1_000);
    }
    assert_eq!(
        stage.keeper.bad_hosts().map(|blocked| blocked.subject.to_string()).collect::<Vec<_>>(),
        [host]
    );
    stage.see(&web("web", WEB_1));
    assert_eq!(stage.keeper.bad_hosts().count(), 0);
    assert_eq!(stage.done(), [format!("blocked {host}: InvalidHostname"), format!("unblocked {host}")]);
}

#[test]
fn a_count_that_differs_is_repeated_before_the_zone_is_listed() {
    let mut stage = Stage::new();
    stage.start(&[web("www", WEB_1)]);
    stage.run(58_000);
    stage.somebody_deletes("www.example.com", "A");
    stage.done();
    stage.run(20_000);
    let repaired = ["apply 1 units: 1 create, 0 replace"];
    assert_eq!(stage.done(), [&["count", "count", "list", READ][..], &repaired].concat());
}

#[test]
fn a_mass_change_ends_without_a_read_for_nothing() {
    const COUNT: usize = 10_000;
    let mut stage = Stage::with(|config| config.resync = Duration::from_hours(24));
    stage.zone.record_limit = 100_000;
    stage.start(&webs(COUNT));
    stage.run(600_000);
    assert_eq!(stage.zone.len(), 2 + 4 * COUNT);
    stage.done();
    // One load balancer is created again with another name.
    for n in 0..COUNT {
        stage.see(&web(&format!("w{n}"), WEB_2));
    }
    stage.run(600_000);
    assert!(stage.at("example.com").iter().all(|line| !line.contains(WEB_1)));
    let lines = stage.done();
    let (mut reads, mut batches, mut units) = (0, 0, 0);
    for line in &lines {
        reads += usize::from(line.starts_with("read "));
        if let Some(batch) = line.strip_prefix("apply ") {
            batches += 1;
            units += batch.split(' ').next().unwrap().parse::<usize>().unwrap();
        }
    }
    // The keeper sends every unit once. The units of a batch share its reads: three ranges of the zone.
    assert_eq!(units, COUNT);
    assert!(reads <= batches * 6, "{reads} pages for {batches} batches");
    println!("{COUNT} hostnames: {batches} batches, {reads} pages read");
}

#[test]
fn an_accepted_change_is_followed_until_it_is_everywhere() {
    let mut stage = Stage::new();
    stage.start(&[]);
    stage.see(&web("www", WEB_1));
    stage.run(9_000);
    assert_eq!((stage.keeper.underway(), stage.everywhere), (1, 0));
    // The first question fails. The next one follows ten seconds later.
    stage.questions_meet([Fate::fails(FailureClass::Busy, "not now")]);
    stage.run(2_000);
    assert_eq!((stage.keeper.underway(), stage.everywhere), (1, 0));
    stage.run(10_000);
    assert_eq!((stage.keeper.underway(), stage.everywhere), (0, 1));
}

#[test]
fn the_mass_change_of_one_namespace_does_not_delay_the_new_hostname_of_another() {
    // The quota is 10 new hostnames a second.
    let changes = Some(Rate { refill: 40, burst: 100 });
    let mut stage = Stage::with(|config| config.quota.changes = changes);
    stage.start(&[]);
    for object in webs(1_000) {
        stage.see(&object);
    }
    stage.run(10_000);
    let here = ingress(
        meta("other", "new", 0, BTreeMap::new()),
        &["zz.example.com"],
        &[(None, Some(WEB_1.to_owned()))],
    );
    let before = stage.zone.len();
    assert!(before < 4_000, "the others are written already");
    stage.see(&here);
    while stage.at("zz.example.com").is_empty() {
        stage.run(1_000);
    }
    // It waits for one round of the other namespace, of 25 hostnames with 4 record sets each.
    let others = stage.zone.len() - before - 4;
    assert!(others <= 4 * 25, "{others} record sets of another namespace came first");
}

#[test]
fn the_mass_replacement_of_one_namespace_does_not_delay_the_new_hostname_of_another() {
    // The quota is 10 replaced hostnames a second.
    let changes = Some(Rate { refill: 40, burst: 100 });
    let mut stage = Stage::with(|config| config.quota.changes = changes);
    stage.start(&webs(1_000));
    stage.run(200_000);
    assert_eq!(stage.zone.len(), 4_002);
    // One load balancer is created again with another name: a single move.
    for n in 0..1_000 {
        stage.see(&web(&format!("w{n}"), WEB_2));
    }
    stage.run(5_000);
    let replaced = |stage: &Stage| stage.at("example.com").iter().filter(|line| line.contains(WEB_2)).count();
    let before = replaced(&stage);
    assert!(before < 1_000, "the others are replaced already");
    let targets = [(None, Some(WEB_1.to_owned()))];
    stage.see(&ingress(meta("other", "new", 0, BTreeMap::new()), &["zz.example.com"], &targets));
    while stage.at("zz.example.com").is_empty() {
        stage.run(1_000);
    }
    // One round of the other namespace, of 25 hostnames with two records each, and the batch under way.
    let others = replaced(&stage) - before;
    assert!(others <= 4 * 25, "{others} records of another namespace came first");
}

#[test]
fn a_read_from_before_the_term_is_not_relied_on() {
    let mut stage = Stage::new();
    stage.start(&[web("www", WEB_1)]);
    stage.run(5_000);
    stage.batches_meet([Fate::fails(FailureClass::Busy, "try again")]);
    stage.see(&web("www", WEB_2));
    stage.run(60);
    assert!(stage.done().contains(&READ.to_owned()));
    // Meanwhile another process can lead, and write.
    stage.tell(Input::Leadership { until: Time::ZERO });
    stage.run(100);
    stage.tell(Input::Leadership { until: Time::NEVER });
    stage.run(5_000);
    assert_eq!(stage.done(), [READ, "apply 1 units: 0 create, 2 replace", "remember 1 moves"]);
}
