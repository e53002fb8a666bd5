//! Rejections: rejected units must not delay other units.

use std::collections::BTreeSet;

use zonekeeper_core::keeper::{Completion, FailureClass, Gate, Quota};

use super::stage::{Fate, Stage, WEB_1, WEB_2, gone, in_namespace, web, web_at, webs};

/// The number of wanted record sets in the zone.
fn written(stage: &Stage) -> usize {
    stage.zone.len() - 2
}

fn is_there(stage: &Stage, host: &str) -> bool {
    stage.at(host).len() == 4
}

fn change_requests(stage: &mut Stage) -> usize {
    stage.done().iter().filter(|line| line.starts_with("apply")).count()
}

#[test]
fn neighbours_that_are_refused_without_a_word_do_not_keep_the_others() {
    let mut stage = Stage::new();
    stage.start(&[]);
    // All rejected units come before the others in the zone.
    for n in 0..50 {
        stage.deny(&format!("x{n}.a.example.com"));
    }
    for n in 0..50 {
        stage.see(&web_at(&format!("x{n}"), &format!("x{n}.a.example.com"), WEB_1));
    }
    for object in webs(200) {
        stage.see(&object);
    }
    // The halves down to a single unit, and the large half.
    stage.run(1_000);
    assert!(written(&stage) >= 4 * 120, "{}", written(&stage));
    stage.run(14_000);
    assert_eq!(written(&stage), 4 * 200);
}

#[test]
fn a_permanently_rejected_unit_does_not_delay_new_units() {
    let mut stage = Stage::new();
    stage.start(&[]);
    for name in ["a", "b", "c", "d"] {
        stage.deny(&format!("{name}.example.com"));
        stage.see(&web(name, WEB_1));
    }
    stage.run(900_000);
    stage.done();
    stage.see(&web("www", WEB_1));
    stage.run(51);
    assert!(is_there(&stage, "www.example.com"), "{:?}", stage.done());
    // From then on, the keeper knows that Route 53 does not reject every change.
    assert_eq!(stage.keeper.closed_gates(stage.now), []);
    stage.run(900_000);
    // The keeper tries four units, each after waits of 1, 2, 4 … 600 seconds.
    assert!(change_requests(&mut stage) < 40);
    assert_eq!(stage.keeper.closed_gates(stage.now), []);
}

#[test]
fn where_everything_was_refused_what_is_new_is_tried_within_a_second() {
    let mut stage = Stage::new();
    stage.start(&[]);
    for object in webs(100) {
        stage.deny(&format!("{}.example.com", object.id().unwrap().name()));
        stage.see(&object);
    }
    stage.run(120_000);
    assert_eq!(stage.keeper.closed_gates(stage.now).len(), 1);
    stage.done();
    // The try is one request, with any result.
    stage.see(&web("w7", WEB_2));
    stage.see(&web("w8", WEB_2));
    stage.run(1_000);
    assert_eq!(change_requests(&mut stage), 1);
    stage.see(&web("www", WEB_1));
    stage.run(1_000);
    assert!(is_there(&stage, "www.example.com"), "{:?}", stage.done());
}

#[test]
fn where_everything_was_refused_what_was_not_tried_is_tried() {
    let mut stage = Stage::new();
    stage.start(&[]);
    let names: Vec<String> = (0..100).map(|n| format!("w{n}.example.com")).collect();
    for (name, object) in names.iter().zip(webs(100)) {
        stage.deny(name);
        stage.see(&object);
    }
    stage.run(500);
    assert_eq!(stage.keeper.closed_gates(stage.now), [Gate::Changes]);
    // The tried units stay rejected.
    let tried: BTreeSet<String> =
        stage.keeper.plan().blocked.into_iter().map(|blocked| blocked.subject.to_string()).collect();
    assert!(tried.len() < 10, "{tried:?}");
    for name in names.iter().filter(|name| !tried.contains(*name)) {
        stage.allow(name);
    }
    // The first or second probe succeeds, after one or three seconds.
    stage.run(4_000);
    assert_eq!(written(&stage), 4 * (100 - tried.len()));
    assert_eq!(stage.keeper.closed_gates(stage.now), []);
}

#[test]
fn just_after_everything_was_refused_what_is_new_waits_too() {
    let mut stage = Stage::new();
    stage.start(&[]);
    for object in webs(100) {
        stage.deny(&format!("{}.example.com", object.id().unwrap().name()));
        stage.see(&object);
    }
    stage.run(60);
    assert_eq!(stage.keeper.closed_gates(stage.now), [Gate::Changes]);
    stage.see(&web("www", WEB_1));
    stage.run(900);
    assert!(!is_there(&stage, "www.example.com"));
    stage.run(200);
    assert!(is_there(&stage, "www.example.com"), "{:?}", stage.done());
}

#[test]
fn an_accepted_unit_shows_that_not_everything_is_rejected() {
    for (is_accepted_beside, gates) in [(false, vec![Gate::Changes]), (true, vec![])] {
        let mut stage = Stage::new();
        stage.start(&[]);
        let see = |stage: &mut Stage, name: &str| {
            stage.see(&web(name, WEB_1));
            stage.run(60);
        };
        for name in ["x1", "x2", "x3", "x4", "x5"] {
            stage.deny(&format!("{name}.example.com"));
        }
        // Earlier accepted batches are no evidence.
        see(&mut stage, "api");
        see(&mut stage, "www");
        if is_accepted_beside {
            see(&mut stage, "x1");
            see(&mut stage, "x2");
            see(&mut stage, "ftp");
        }
        for name in ["x3", "x4", "x5"] {
            see(&mut stage, name);
        }
        assert_eq!(stage.keeper.closed_gates(stage.now), gates);
    }
}

#[test]
fn refusals_of_one_namespace_do_not_close_the_gate_for_the_others() {
    for (others, gates) in [(vec![], vec![]), (vec!["x"], vec![Gate::Changes])] {
        let mut stage = Stage::new();
        stage.start(&[]);
        let objects = webs(4).into_iter().chain(others.into_iter().map(|name| in_namespace("blog", name)));
        for object in objects {
            let host = format!("{}.example.com", object.id().unwrap().name());
            stage.refuse(&host, Some("there is no such health check"));
            stage.see(&object);
            stage.run(60);
        }
        assert_eq!(stage.keeper.closed_gates(stage.now), gates);
    }
}

#[test]
fn denials_of_one_namespace_do_not_close_the_gate_while_others_wait() {
    let mut stage = Stage::new();
    stage.start(&[]);
    // One batch. Three units of `webs` are found before the first unit of the other namespace.
    for object in webs(13) {
        stage.deny(&format!("{}.example.com", object.id().unwrap().name()));
        stage.see(&object);
    }
    for name in ["x", "y", "z"] {
        stage.see(&in_namespace("blog", name));
    }
    stage.run(60);
    assert_eq!(stage.keeper.closed_gates(stage.now), []);
    assert!(["x", "y", "z"].iter().all(|name| is_there(&stage, &format!("{name}.example.com"))));
    // Now nobody else waits, so this harms nobody.
    stage.run(1_000);
    assert!(change_requests(&mut stage) < 60);
}

#[test]
fn the_first_probe_is_a_unit_of_a_namespace_without_a_rejection() {
    let mut stage = Stage::new();
    stage.start(&[]);
    let denied = [in_namespace("news", "a")].into_iter().chain(webs(100));
    for object in denied {
        stage.deny(&format!("{}.example.com", object.id().unwrap().name()));
        stage.see(&object);
    }
    stage.see(&in_namespace("blog", "x"));
    stage.run(60);
    assert_eq!(stage.keeper.closed_gates(stage.now), [Gate::Changes]);
    assert!(!is_there(&stage, "x.example.com"));
    stage.run(1_000);
    assert!(is_there(&stage, "x.example.com"), "{:?}", stage.done());
}

#[test]
fn where_every_change_of_two_namespaces_is_denied_few_requests_are_sent() {
    let mut stage = Stage::new();
    stage.start(&[]);
    let objects = webs(100).into_iter().chain([in_namespace("blog", "x")]);
    for object in objects {
        stage.deny(&format!("{}.example.com", object.id().unwrap().name()));
        stage.see(&object);
    }
    stage.run(600_000);
    assert_eq!(stage.keeper.closed_gates(stage.now), [Gate::Changes]);
    // The unit of the second namespace comes last. So 48 units are tried alone, with about as many parts of batches before
    // them, and then there are probes.
    let requests = change_requests(&mut stage);
    assert!(requests < 160, "{requests}");
}

#[test]
fn a_unit_that_is_wanted_again_does_not_count_as_rejected() {
    let mut stage = Stage::new();
    stage.start(&[]);
    stage.deny("www.example.com");
    stage.see(&web("www", WEB_1));
    stage.run(120_000);
    stage.tell(gone(&web("www", WEB_1)));
    stage.run(1_000);
    stage.allow("www.example.com");
    stage.see(&web("www", WEB_1));
    stage.run(60);
    assert!(is_there(&stage, "www.example.com"), "{:?}", stage.done());
}

#[test]
fn the_parts_of_a_refused_batch_take_turns_with_what_is_new() {
    let unlimited = Quota { requests: None, changes: None, share: 1.0 };
    let mut stage = Stage::with(|config| config.quota = unlimited);
    stage.batches_meet([Fate::fails(FailureClass::Refused, "something is not what we like")]);
    stage.start(&webs(1_000));
    let units = |line: String| line.strip_prefix("apply ")?.split(' ').next()?.parse::<usize>().ok();
    let sizes: Vec<usize> = stage.done().into_iter().filter_map(units).collect();
    let full = sizes[0];
    let (left, right) = (full / 2, full - full / 2);
    assert_eq!(sizes[..5], [full, left, full, right, full], "{sizes:?}");
}

#[test]
fn where_half_is_refused_without_a_word_the_rest_is_found() {
    let mut stage = Stage::new();
    stage.start(&[]);
    for object in webs(300) {
        let name = object.id().unwrap().name().to_owned();
        if name.ends_with(['0', '2', '4', '6', '8']) {
            stage.deny(&format!("{name}.example.com"));
        }
        stage.see(&object);
    }
    stage.run(120_000);
    assert_eq!(written(&stage), 4 * 150);
}

#[test]
fn units_that_wait_to_be_tried_again_go_behind_what_is_new() {
    let mut stage = Stage::new();
    let objects = webs(100);
    stage.start(&objects);
    stage.run(10_000);
    for object in &objects {
        stage.zone.protect(&format!("{}.example.com", object.id().unwrap().name()), "A", "no").unwrap();
        stage.see(&web(object.id().unwrap().name(), WEB_2));
    }
    stage.run(60);
    // In this minute, the keeper tries and reads the units one by one.
    for n in 0..60 {
        stage.run(1_000);
        let name = format!("new{n}");
        stage.see(&web(&name, WEB_1));
        stage.run(60);
        assert!(is_there(&stage, &format!("{name}.example.com")), "{n}: {:?}", stage.done());
    }
}

#[test]
fn an_unsent_unit_does_not_wait_for_the_parts_of_a_rejected_batch() {
    let mut stage = Stage::new();
    stage.start(&[]);
    for n in 0..60 {
        stage.deny(&format!("x{n}.a.example.com"));
    }
    for n in 0..200 {
        stage.see(&web_at(&format!("x{n}"), &format!("x{n}.a.example.com"), WEB_1));
    }
    for object in webs(800) {
        stage.see(&object);
    }
    let under_a = |stage: &Stage| stage.zone.iter().filter(|set| set.name.contains(".a.")).count();
    stage.run(1_000);
    assert!(written(&stage) - under_a(&stage) >= 1_000, "{}", written(&stage));
    stage.run(20_000);
    assert_eq!(under_a(&stage), 4 * 140);
}

#[test]
fn when_the_work_is_done_it_is_known_how_much_of_it_was_refused() {
    let mut stage = Stage::new();
    stage.start(&webs(3));
    stage.deny("a.example.com");
    stage.see(&web("a", WEB_1));
    stage.see(&web("b", WEB_1));
    stage.run(5_000);
    let progress = stage.keeper.completion(stage.now);
    assert!(matches!(progress, Completion::Done { refused: 1 }), "{progress:?}");
}
