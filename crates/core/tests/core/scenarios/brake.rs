//! The brake: many hostnames that would move at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use zonekeeper_core::{
    keeper::{BrakeLimits, Input, Quota, Time},
    source::Object,
};
use zonekeeper_emulator::zone::Change;

use super::stage::{Fate, Stage, WEB_1, WEB_2, gone, web, weighted};
use crate::world::{ingress, meta};

const MINUTE: u64 = 60_000;

fn balancer_of(n: usize) -> String {
    format!("web-{n}.eu-west-1.elb.amazonaws.com")
}

/// Ingresses with a load balancer each.
fn webs(count: usize, generation: usize) -> Vec<Object> {
    (0..count).map(|n| web(&format!("w{n}"), &balancer_of(1_000 * generation + n))).collect()
}

fn stage(count: usize) -> Stage {
    stage_with(count, BrakeLimits::default())
}

fn stage_with(count: usize, limits: BrakeLimits) -> Stage {
    let mut stage = Stage::with(|config| config.brake = limits);
    stage.before_start(Input::Wall { unix: 1_800_000_000 });
    stage.start(&webs(count, 1));
    stage.run(10_000);
    stage.done();
    stage
}

/// The number of hostnames that lead to a load balancer of a generation.
fn moved(stage: &Stage, generation: usize) -> usize {
    let text = format!("alias web-{generation}");
    stage.at("example.com").iter().filter(|line| line.contains(" A ") && line.contains(&text)).count()
}

#[test]
fn many_moves_of_most_hostnames_are_held_until_a_person_releases_them() {
    let mut stage = stage(20);
    for object in webs(20, 2) {
        stage.see(&object);
    }
    stage.run(60 * MINUTE);
    assert_eq!(moved(&stage, 2), 0);
    let held = stage.keeper.plan().blocked;
    assert_eq!((held.len(), held[0].reason.label()), (20, "Braked"));
    let said = |stage: &mut Stage, what: &str| {
        let is_said = |line: &String| line.starts_with(what) && !line.contains("new.");
        stage.done().into_iter().filter(is_said).collect::<BTreeSet<_>>().len()
    };
    assert_eq!(said(&mut stage, "blocked"), 20);
    // The brake does not hold new hostnames.
    stage.see(&web("new", WEB_1));
    stage.run(1_000);
    assert_eq!(stage.at("new.example.com").len(), 4);
    let unix = 1_800_000_000 + i64::try_from(stage.now.since_start().as_secs()).unwrap();
    stage.tell(Input::Release { until: unix + 1_800, unix });
    stage.run(10_000);
    assert_eq!((moved(&stage, 2), stage.keeper.plan().blocked.len()), (20, 0));
    assert_eq!(said(&mut stage, "unblocked"), 20);
}

#[test]
fn a_unit_that_waited_before_the_brake_held_is_reported_as_held() {
    let mut stage = stage(13);
    // Without a leader, everything waits.
    stage.tell(Input::Leadership { until: Time::ZERO });
    let objects = webs(10, 2);
    for object in &objects[..9] {
        stage.see(object);
    }
    stage.run(5_000);
    assert_eq!((said_to_be_braked(&mut stage), stage.keeper.held_back().count()), (0, 0));
    stage.see(&objects[9]);
    stage.run(1_000);
    assert_eq!((said_to_be_braked(&mut stage), stage.keeper.held_back().count()), (10, 10));
}

fn said_to_be_braked(stage: &mut Stage) -> usize {
    stage.done().iter().filter(|line| line.starts_with("blocked") && line.ends_with("Braked")).count()
}

#[test]
fn a_wish_that_was_another_meanwhile_or_nobodys_is_no_repair() {
    let leads_to = |balancer: usize| web("w0", &balancer_of(balancer));
    let gone = |stage: &mut Stage| {
        stage.tell(gone(&leads_to(1)));
        stage.run(1_000);
    };
    let another = |stage: &mut Stage| {
        stage.see(&leads_to(2));
        stage.run(1_000);
    };
    let nothing = |_: &mut Stage| ();
    for (meanwhile, is_move) in
        [(&nothing as &dyn Fn(&mut Stage), false), (&another as &dyn Fn(&mut Stage), true), (&gone, true)]
    {
        let mut stage = Stage::new();
        stage.start(&[leads_to(1)]);
        stage.run(10_000);
        // Without a leader, somebody else changes the records.
        stage.tell(Input::Leadership { until: Time::ZERO });
        for rtype in ["A", "AAAA"] {
            let mut other = stage.zone.get("w0.example.com", rtype, None).unwrap().clone();
            other.alias_target.as_mut().unwrap().dns_name = format!("{}.", balancer_of(3));
            stage.zone.change(&[Change::upsert(other)]).unwrap();
        }
        stage.run(31 * MINUTE);
        meanwhile(&mut stage);
        stage.see(&leads_to(1));
        stage.run(1_000);
        stage.done();
        stage.tell(Input::Leadership { until: Time::NEVER });
        stage.run(1_000);
        let done = stage.done();
        assert!(done.contains(&"apply 1 units: 0 create, 2 replace".to_owned()), "{done:?}");
        assert_eq!(done.contains(&"remember 1 moves".to_owned()), is_move, "{done:?}");
    }
}

#[test]
fn held_units_continue_when_enough_moves_are_ten_minutes_old() {
    let mut stage = stage(20);
    let objects = webs(13, 2);
    for object in &objects[..9] {
        stage.see(object);
    }
    stage.run(5_000);
    let begin = stage.now;
    for object in &objects[9..] {
        stage.see(object);
    }
    stage.run(5_000);
    assert_eq!(moved(&stage, 2), 9);
    stage.run(10 * MINUTE - 20_000);
    assert_eq!(moved(&stage, 2), 9);
    stage.run(12_000);
    assert_eq!(moved(&stage, 2), 13, "{:?} after {begin:?}", stage.now);
}

#[test]
fn the_keeper_wakes_when_the_brake_may_end_and_not_before() {
    let mut stage = stage(20);
    let objects = webs(13, 2);
    for object in &objects[..9] {
        stage.see(object);
    }
    stage.run(5_000);
    let sent = stage.done_at().into_iter().filter(|(_, line)| line.starts_with("apply"));
    let last = sent.map(|(at, _)| at).max().unwrap();
    for object in &objects[9..] {
        stage.see(object);
    }
    stage.run(6_000);
    assert!(stage.keeper.wake_at().unwrap() > stage.now + Duration::from_secs(1));
    while moved(&stage, 2) == 9 {
        stage.run(100);
    }
    let end = Time::ZERO + Duration::from_millis(last + 10 * MINUTE);
    assert!(stage.now - end < Duration::from_secs(1), "{:?}", stage.now - end);
}

#[test]
fn a_hostname_that_is_repaired_after_the_start_counts_once() {
    let mut stage = stage(20);
    let objects = |changed: usize| [webs(changed, 2), webs(20, 1).split_off(changed)].concat();
    stage.start(&objects(4));
    stage.run(11 * MINUTE);
    assert_eq!(moved(&stage, 2), 4);
    for object in webs(18, 3).split_off(4) {
        stage.see(&object);
    }
    stage.run(MINUTE);
    // 14 of 20 are more than half.
    assert_eq!(moved(&stage, 3), 0);
}

#[test]
fn the_brake_ends_when_the_wish_goes_away() {
    let mut stage = stage(20);
    for generation in [2, 1] {
        for object in webs(20, generation) {
            stage.see(&object);
        }
        stage.run(10_000);
    }
    assert_eq!((moved(&stage, 1), stage.keeper.plan().blocked.len()), (20, 0));
}

#[test]
fn each_set_identifier_of_a_hostname_counts_for_itself() {
    let mut stage = Stage::with(|config| config.brake = BrakeLimits { moves: 2, percent: 50, hosts: 200 });
    let tell = |stage: &mut Stage, blue: &str, green: &str| {
        stage.see(&weighted("blue", 10, blue));
        stage.see(&weighted("green", 10, green));
        stage.run(10_000);
    };
    stage.start(&[]);
    tell(&mut stage, WEB_1, WEB_1);
    assert_eq!(stage.zone.len(), 2 + 8);
    tell(&mut stage, WEB_2, "web-3.eu-west-1.elb.amazonaws.com");
    assert_eq!(stage.keeper.plan().blocked.len(), 2);
    tell(&mut stage, WEB_2, WEB_1);
    let leads_there = stage.at("www.example.com").iter().filter(|line| line.contains(WEB_2)).count();
    assert_eq!((leads_there, stage.keeper.plan().blocked.len()), (2, 0));
}

#[test]
fn one_balancer_created_again_is_one_move_however_many_hostnames_lead_to_it() {
    let mut stage = Stage::new();
    let all = |balancer: &str| (0..40).map(|n| web(&format!("w{n}"), balancer)).collect::<Vec<_>>();
    stage.start(&all(WEB_1));
    stage.run(10_000);
    for object in all(WEB_2) {
        stage.see(&object);
    }
    stage.run(30_000);
    assert_eq!(moved(&stage, 2), 40);
}

#[test]
fn few_moves_or_few_hostnames_are_not_held() {
    for (count, moving) in [(9, 9), (40, 20)] {
        let mut stage = stage(count);
        for object in webs(count, 2).into_iter().take(moving) {
            stage.see(&object);
        }
        stage.run(30_000);
        assert_eq!(moved(&stage, 2), moving, "{count}");
    }
}

#[test]
fn single_moves_count_together_for_ten_minutes() {
    let mut stage = stage(20);
    let moves = webs(20, 2);
    for object in moves.iter().take(10) {
        stage.see(object);
        stage.run(5_000);
    }
    assert_eq!(moved(&stage, 2), 10);
    // The eleventh of twenty is more than half.
    stage.see(&moves[10]);
    stage.run(5_000);
    assert_eq!(moved(&stage, 2), 10);
    stage.run(11 * MINUTE);
    assert_eq!(moved(&stage, 2), 11);
}

#[test]
fn the_process_that_leads_next_knows_what_was_moved() {
    let mut stage = stage(20);
    let moves = webs(20, 2);
    for object in moves.iter().take(10) {
        stage.see(object);
        stage.run(5_000);
    }
    let memory = stage.memory.clone().unwrap();
    assert_eq!(memory.lines().count(), 10);
    for (is_told, expected) in [(true, 10), (false, 11)] {
        let mut objects = webs(20, 1);
        objects.splice(..11, moves[..11].iter().cloned());
        let mut next = Stage::new();
        next.zone = stage.zone.clone();
        next.before_start(Input::Wall { unix: 1_800_000_000 + 60 });
        if is_told {
            next.before_start(Input::Recall { memory: memory.clone() });
        }
        next.start(&objects);
        next.run(10_000);
        assert_eq!(moved(&next, 2), expected, "{is_told}");
    }
}

#[test]
fn moves_that_a_process_finds_in_its_own_memory_count_once() {
    let mut stage = stage(20);
    let moves = webs(20, 2);
    for object in &moves[..6] {
        stage.see(object);
    }
    stage.run(10_000);
    // The process loses the Lease for a moment, and finds its own memory in it.
    stage.tell(Input::Recall { memory: stage.memory.clone().unwrap() });
    for object in &moves[6..10] {
        stage.see(object);
    }
    stage.run(10_000);
    assert_eq!(moved(&stage, 2), 10);
    let hosts = |line: &str| line.split(' ').nth(1).unwrap().parse::<usize>().unwrap();
    assert_eq!(stage.memory.as_ref().unwrap().lines().map(hosts).sum::<usize>(), 10);
}

#[test]
fn moves_that_are_missing_in_the_memory_are_stored_again() {
    let mut stage = stage(20);
    for object in &webs(20, 2)[..3] {
        stage.see(object);
    }
    stage.run(10_000);
    let memory = stage.memory.take().unwrap();
    stage.tell(Input::Recall { memory: memory.clone() });
    assert_eq!(stage.memory, None);
    // The process lost the Lease before it wrote its memory.
    stage.tell(Input::Recall { memory: "0123456789abcdef0123456789abcdef 1 1800000300\n".to_owned() });
    let lines: BTreeSet<String> = stage.memory.unwrap().lines().map(str::to_owned).collect();
    assert!(memory.lines().all(|line| lines.contains(line)) && lines.len() == 4, "{lines:?}");
}

#[test]
fn a_move_counts_even_if_its_object_has_changed_since() {
    let mut stage = stage(20);
    stage.batches_meet([Fate::AnswerLost]);
    let moved_to = webs(20, 2);
    for object in &moved_to[..10] {
        stage.see(object);
    }
    stage.run(300);
    // Somebody deletes the objects before a read shows that Route 53 accepted the batch.
    for object in &moved_to[..10] {
        stage.tell(gone(object));
    }
    stage.run(10_000);
    assert_eq!(moved(&stage, 2), 10);
    for object in &moved_to[10..13] {
        stage.see(object);
    }
    stage.run(MINUTE);
    assert_eq!(moved(&stage, 2), 10);
}

#[test]
fn at_100_percent_nothing_is_held_whoever_has_moved_it_before() {
    let off = BrakeLimits { percent: 100, ..BrakeLimits::default() };
    let mut stage = stage_with(12, off);
    for object in webs(12, 2) {
        stage.see(&object);
    }
    stage.run(10_000);
    let mut next = Stage::with(|config| config.brake = off);
    next.zone = stage.zone.clone();
    next.before_start(Input::Wall { unix: 1_800_000_000 + 60 });
    next.before_start(Input::Recall { memory: stage.memory.unwrap() });
    // The twelve earlier moves, and one of them again.
    let mut objects = webs(12, 2);
    objects[0] = webs(1, 3).remove(0);
    next.start(&objects);
    next.run(10_000);
    assert_eq!((moved(&next, 3), next.keeper.plan().blocked.len()), (1, 0));
}

#[test]
fn a_hostname_counts_once_however_often_it_is_moved() {
    let mut stage = stage(24);
    for generation in 2..6 {
        for object in webs(12, generation) {
            stage.see(&object);
        }
        stage.run(10_000);
        assert_eq!(moved(&stage, generation), 12, "{generation}");
    }
}

#[test]
fn a_memory_of_nonsense_neither_ends_the_process_nor_opens_the_brake() {
    let most = usize::MAX;
    let line = |hosts: usize, until: i64| format!("{:032x} {hosts} {until} shop\n", hosts ^ 7);
    for (memory, expected) in [
        (String::new(), 11),
        (
            "\0\n \n  \n\u{1b}[2J\nö ö ö\n-1 -1 -1\n1 2\n1 2 x\n100000000000000000000000000000000 1 9"
                .to_owned(),
            11,
        ),
        ("+1 +1 +1\n".repeat(100_000), 11),
        (line(most, i64::MIN) + &line(0, i64::MAX), 11),
        (line(most, i64::MAX), 10),
        (line(most, i64::MAX) + &line(most - 1, i64::MAX) + &line(most, i64::MAX), 10),
        (line(most / 2 + 1, i64::MAX) + &line(most / 2 + 2, 1_800_000_100), 10),
    ] {
        // Ten of 23 are ten moves, and less than half.
        let mut stage = stage(23);
        let moves = webs(23, 2);
        for object in &moves[..10] {
            stage.see(object);
        }
        stage.run(10_000);
        stage.tell(Input::Recall { memory: memory.clone() });
        stage.see(&moves[10]);
        stage.run(10_000);
        let text: String = memory.chars().take(40).collect();
        assert_eq!(moved(&stage, 2), expected, "{text:?}");
        // The text of its memory is readable again.
        let memory = stage.memory.clone().unwrap();
        stage.tell(Input::Recall { memory });
        stage.run(60 * MINUTE);
        assert_eq!(moved(&stage, 2), 11, "{text:?}");
    }
}

/// Ingresses of a namespace with a load balancer each.
fn of(namespace: &str, count: usize, generation: usize) -> Vec<Object> {
    let object = |n: usize| {
        let host = format!("{namespace}-{n}.example.com");
        let balancer = format!("web-{generation}-{namespace}-{n}.eu-west-1.elb.amazonaws.com");
        let target = (None, Some(balancer));
        ingress(meta(namespace, &format!("w{n}"), 0, BTreeMap::new()), &[&host], &[target])
    };
    (0..count).map(object).collect()
}

/// The number of hostnames of a namespace that lead to a load balancer of a generation.
fn moved_of(stage: &Stage, namespace: &str, generation: usize) -> usize {
    let (host, target) = (format!("{namespace}-"), format!("alias web-{generation}"));
    let is_it = |line: &&String| line.starts_with(&host) && line.contains(" A ") && line.contains(&target);
    stage.at("example.com").iter().filter(is_it).count()
}

fn started(objects: &[Vec<Object>]) -> Stage {
    let mut stage =
        Stage::with(|config| config.quota = Quota { requests: None, changes: None, ..config.quota });
    stage.start(&objects.concat());
    stage.run(60_000);
    stage
}

#[test]
fn a_namespace_that_moves_its_own_hostnames_holds_nobody_else() {
    // Its hostnames are most of the zone.
    let mut stage = started(&[of("shop", 300, 1), of("blog", 5, 1)]);
    for object in [of("shop", 300, 2), of("blog", 4, 2)].concat() {
        stage.see(&object);
    }
    stage.run(60_000);
    assert_eq!((moved_of(&stage, "shop", 2), moved_of(&stage, "blog", 2)), (0, 4));
    let blocked = stage.keeper.plan().blocked;
    assert!(blocked.iter().all(|blocked| blocked.object.namespace() == "shop"), "{blocked:?}");
    assert_eq!(blocked[0].reason.to_string(), "too many hostnames of this namespace would move at once");
}

#[test]
fn a_tenant_does_not_hold_a_namespace_whose_load_balancer_is_created_again() {
    let mut stage = started(&[of("shop", 12, 1), vec![], of("blog", 3, 1)]);
    let one_balancer = |generation: usize| {
        let object = |n: usize| web(&format!("big-{n}"), &balancer_of(generation * 1_000));
        (0..250).map(object).collect::<Vec<_>>()
    };
    let renamed = |mut object: Object| {
        let Object::Ingress(ingress) = &mut object else { unreachable!() };
        ingress.metadata.namespace = Some("big".to_owned());
        object
    };
    for generation in [1, 2] {
        for object in one_balancer(generation).into_iter().map(renamed) {
            stage.see(&object);
        }
        if generation == 2 {
            for object in of("shop", 12, 2) {
                stage.see(&object);
            }
        }
        stage.run(60_000);
    }
    assert_eq!(moved_of(&stage, "big", 2), 250);
    assert_eq!(moved_of(&stage, "shop", 2), 0);
}

#[test]
fn two_hundred_hostnames_are_too_many_whatever_their_share() {
    let mut stage = started(&[of("shop", 1_000, 1)]);
    for object in of("shop", 499, 2) {
        stage.see(&object);
        stage.run(500);
    }
    stage.run(60_000);
    assert_eq!(moved_of(&stage, "shop", 2), 200);
}

#[test]
fn many_namespaces_together_are_held_too() {
    let namespaces: Vec<String> = (0..50).map(|n| format!("team{n}")).collect();
    let of_all = |count: usize, generation: usize| {
        namespaces.iter().map(|namespace| of(namespace, count, generation)).collect::<Vec<_>>()
    };
    let mut stage = started(&of_all(20, 1));
    // Half of the hostnames of each namespace, one after the other.
    for n in 0..10 {
        for objects in of_all(20, 2) {
            stage.see(&objects[n]);
        }
        stage.run(5_000);
    }
    let moved: usize = namespaces.iter().map(|namespace| moved_of(&stage, namespace, 2)).sum();
    // The moves of any one namespace are left out.
    assert!((200..=210).contains(&moved), "{moved}");
    let blocked = stage.keeper.plan().blocked;
    assert_eq!(blocked[0].reason.to_string(), "too many hostnames of several namespaces would move at once");
}

#[test]
fn a_release_ends_after_a_day_whatever_the_clocks_show() {
    for (until, unix) in
        [(i64::MAX, 0), (i64::MAX, i64::MIN), (1_800_000_000 + 100 * 24 * 3_600, 1_800_000_000)]
    {
        let mut stage = stage(20);
        stage.tell(Input::Release { until, unix });
        stage.run(24 * 60 * MINUTE - 20_000);
        for object in webs(20, 2) {
            stage.see(&object);
        }
        stage.run(5_000);
        assert_eq!(moved(&stage, 2), 20);
        stage.run(11 * MINUTE);
        for object in webs(20, 3) {
            stage.see(&object);
        }
        stage.run(5_000);
        assert_eq!(moved(&stage, 3), 0);
    }
}

#[test]
fn a_shift_of_weights_in_many_steps_is_no_mass_change() {
    let mut stage = Stage::new();
    stage.start(&[weighted("blue", 100, WEB_1), weighted("green", 0, WEB_2)]);
    stage.run(10_000);
    for step in 1..=10 {
        stage.see(&weighted("blue", 100 - 10 * step, WEB_1));
        stage.see(&weighted("green", 10 * step, WEB_2));
        stage.run(10_000);
    }
    assert_eq!(stage.keeper.plan().blocked, []);
    let blue = stage.zone.get("www.example.com", "A", Some("blue")).unwrap();
    assert_eq!(blue.weight, Some(0));
}
