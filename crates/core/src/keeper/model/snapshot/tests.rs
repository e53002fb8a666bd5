//! Answers that arrive late, in pieces or in another order.

use super::*;
use crate::{
    dns::{Data, Ttl, Values, ZoneId},
    plan::{History, Plan, Settings, View},
    source::{Claims, Object, Publish, Rules},
};

fn name(text: &str) -> Name {
    Name::from_hostname(text).unwrap()
}

fn set(at: &str, value: &str) -> RecordSet {
    let data = Data::Values { ttl: Ttl::DEFAULT, values: Values::from_iter([value.into()]) };
    RecordSet::simple(name(at), RecordType::A, data)
}

fn page(sets: &[(&str, &str)], next: Option<&str>) -> Page {
    Page {
        sets: sets.iter().map(|(at, value)| set(at, value)).collect(),
        next: next.map(|at| Cursor::at(name(at))),
    }
}

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

fn snapshot() -> Snapshot {
    Snapshot::new(Zone::new(ZoneId::new("Z1").unwrap(), name("example.com")))
}

fn lines(snapshot: &Snapshot) -> Vec<String> {
    snapshot.zone().sets().map(|set| format!("{} {}", set.name(), set.values().join(" "))).collect()
}

fn list(snapshot: &mut Snapshot, id: ReadId, now: Time) {
    snapshot.list(now);
    snapshot.next_page(id, now).unwrap();
}

const R: [ReadId; 5] = [ReadId(0), ReadId(1), ReadId(2), ReadId(3), ReadId(4)];

/// A snapshot of a zone with `a`, `b` and `c`, listed at 0.
fn listed() -> Snapshot {
    let mut snapshot = snapshot();
    list(&mut snapshot, R[0], at(0));
    let all =
        [("a.example.com", "192.0.2.1"), ("b.example.com", "192.0.2.1"), ("c.example.com", "192.0.2.1")];
    let outcome = snapshot.page(R[0], page(&all, None), R[1], at(1));
    assert!(outcome.listed);
    snapshot
}

#[test]
fn a_page_replaces_its_range_and_only_its_range() {
    let mut snapshot = listed();
    list(&mut snapshot, R[0], at(10));
    let outcome =
        snapshot.page(R[0], page(&[("a.example.com", "192.0.2.2")], Some("c.example.com")), R[1], at(11));
    assert_eq!(outcome.changed, [name("a.example.com"), name("b.example.com")]);
    assert_eq!(lines(&snapshot), ["a.example.com 192.0.2.2", "c.example.com 192.0.2.1"]);
    assert!(!outcome.listed);
    snapshot.next_page(R[1], at(11)).unwrap();
    let outcome = snapshot.page(R[1], page(&[], None), R[2], at(12));
    assert_eq!((outcome.changed, outcome.listed), (vec![name("c.example.com")], true));
    assert_eq!(snapshot.listed_at(), Some(at(10)));
}

#[test]
fn a_page_of_an_abandoned_listing_is_ignored() {
    let mut snapshot = listed();
    list(&mut snapshot, R[0], at(10));
    snapshot.page(R[0], page(&[("a.example.com", "192.0.2.1")], Some("b.example.com")), R[1], at(11));
    snapshot.next_page(R[1], at(11)).unwrap();
    list(&mut snapshot, R[2], at(12));
    // It begins at b. As the first page of the new listing it would show that a is absent.
    let late = page(&[("b.example.com", "192.0.2.1"), ("c.example.com", "192.0.2.1")], None);
    let outcome = snapshot.page(R[1], late, R[3], at(13));
    assert_eq!((outcome.changed, outcome.listed, lines(&snapshot).len()), (vec![], false, 3));
    assert_eq!((snapshot.is_listing(), snapshot.wants_page()), (true, None));
}

#[test]
fn a_page_requested_before_a_read_does_not_undo_it() {
    let mut snapshot = listed();
    list(&mut snapshot, R[0], at(10));
    snapshot.read(R[1], vec![name("b.example.com")], at(11));
    snapshot.page(R[1], page(&[("b.example.com", "192.0.2.9"), ("c.example.com", "x")], None), R[2], at(12));
    assert!(snapshot.is_fresh(&name("b.example.com"), at(12)));
    snapshot.page(R[0], page(&[("a.example.com", "192.0.2.1")], None), R[2], at(13));
    // Other names on its page were read too.
    let expected = ["a.example.com 192.0.2.1", "b.example.com 192.0.2.9", "c.example.com x"];
    assert_eq!(lines(&snapshot), expected);
}

#[test]
fn a_page_requested_before_a_read_does_not_bring_back_names_absent_from_the_read() {
    for (requested, is_there) in [(11, false), (12, true)] {
        let mut snapshot = listed();
        list(&mut snapshot, R[0], at(requested));
        // There are no other names from b to the end of the zone.
        snapshot.read(R[1], vec![name("b.example.com")], at(12)).unwrap();
        let read = [("b.example.com", "192.0.2.1"), ("c.example.com", "192.0.2.1")];
        snapshot.page(R[1], page(&read, None), R[2], at(13));
        let late = [("a.example.com", "192.0.2.7"), ("b.example.com", "192.0.2.1"), ("b5.example.com", "x")];
        snapshot.page(R[0], page(&late, Some("c.example.com")), R[2], at(14));
        let lines = lines(&snapshot);
        assert_eq!(lines.contains(&"b5.example.com x".to_owned()), is_there, "{requested} {lines:?}");
        // For names before b, the page is the newest observation.
        assert_eq!(lines[0], "a.example.com 192.0.2.7");
    }
}

#[test]
fn a_read_of_names_does_not_undo_a_later_page_of_a_listing() {
    let mut snapshot = listed();
    snapshot.read(R[1], vec![name("b.example.com")], at(10)).unwrap();
    list(&mut snapshot, R[2], at(11));
    // Since the read was sent, somebody has replaced b, removed c and created d.
    let seen = [("a.example.com", "192.0.2.1"), ("b.example.com", "192.0.2.9"), ("d.example.com", "x")];
    snapshot.page(R[2], page(&seen, None), R[3], at(12));
    let before = [("b.example.com", "192.0.2.1"), ("c.example.com", "192.0.2.1")];
    let outcome = snapshot.page(R[1], page(&before, None), R[3], at(13));
    assert_eq!(outcome.changed, []);
    let expected = ["a.example.com 192.0.2.1", "b.example.com 192.0.2.9", "d.example.com x"];
    assert_eq!(lines(&snapshot), expected);
    assert!(!snapshot.is_fresh(&name("b.example.com"), at(13)));
}

#[test]
fn no_decision_relies_on_a_read_that_was_sent_before_a_batch_was_accepted() {
    let written = |snapshot: &mut Snapshot, now| {
        snapshot.observations.of_set(set("b.example.com", "192.0.2.1").key, at(now));
    };
    for (sent, accepted, is_fresh) in [(10, 12, false), (12, 12, true), (13, 12, true)] {
        let mut snapshot = listed();
        if sent > accepted {
            written(&mut snapshot, accepted);
        }
        snapshot.read(R[1], vec![name("b.example.com")], at(sent));
        if sent <= accepted {
            written(&mut snapshot, accepted);
        }
        let outcome =
            snapshot.page(R[1], page(&[("b.example.com", "192.0.2.9")], Some("c.example.com")), R[2], at(20));
        assert_eq!(outcome.names, [(name("b.example.com"), at(sent))]);
        assert_eq!(snapshot.is_fresh(&name("b.example.com"), at(20)), is_fresh, "{sent}");
        assert_eq!(lines(&snapshot).contains(&"b.example.com 192.0.2.9".to_owned()), is_fresh, "{sent}");
    }
}

/// A batch that creates `b.example.com` and its ownership TXT.
fn batch(zone: &Zone) -> Batch {
    let ingress = serde_json::json!({
        "metadata": {"namespace": "shop", "name": "web"},
        "spec": {"rules": [{"host": "b.example.com"}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
    });
    let object = Object::Ingress(Box::new(serde_json::from_value(ingress).unwrap()));
    let mut claims = Claims::new(zone.apex().clone());
    claims.set(&object.id().unwrap(), object.facts(&Rules { publish: Publish::All, ..Rules::default() }));
    let settings = Settings::new("me".parse().unwrap());
    let plan = Plan::new(&View::new(zone, &claims, &settings, &History::default()));
    Batch::pack(&plan.units).remove(0)
}

#[test]
fn a_page_requested_before_a_batch_was_accepted_still_shows_other_record_sets() {
    let mut snapshot = snapshot();
    let batch = batch(snapshot.zone());
    list(&mut snapshot, R[0], at(10));
    snapshot.patch(&batch, at(12));
    // The page does not show the batch, but it shows another record set at the TXT's name.
    snapshot.page(R[0], page(&[("a-b.example.com", "192.0.2.9")], None), R[1], at(14));
    let found =
        |at: &str| snapshot.zone().at(&name(at)).iter().map(|set| set.rtype().clone()).collect::<Vec<_>>();
    assert_eq!(found("a-b.example.com"), [RecordType::A, RecordType::Txt]);
    assert_eq!(found("b.example.com"), [RecordType::A]);
}

#[test]
fn an_accepted_batch_does_not_undo_a_later_read() {
    for (read, accepted, expected) in [(10, 12, 1), (13, 12, 0)] {
        let mut snapshot = snapshot();
        let batch = batch(snapshot.zone());
        snapshot.read(R[0], vec![name("b.example.com")], at(read));
        snapshot.page(R[0], page(&[], None), R[3], at(14));
        let names = snapshot.patch(&batch, at(accepted));
        assert_eq!(snapshot.zone().at(&name("b.example.com")).len(), expected, "{read}");
        assert_eq!(snapshot.zone().at(&name("a-b.example.com")).len(), 1);
        assert_eq!(names.len(), 1 + expected);
    }
}

#[test]
fn names_that_lie_close_together_are_read_with_one_page() {
    let mut snapshot = snapshot();
    for n in 100..900 {
        snapshot.zone.put(set(&format!("n{n}.example.com"), "192.0.2.1"));
    }
    let names = |hosts: &[&str]| hosts.iter().map(|host| name(&format!("{host}.example.com"))).collect();
    let pages = snapshot.in_pages(names(&["n100", "n200", "n300", "n450", "n800", "n801", "n8010"]));
    let pages: Vec<Vec<&str>> =
        pages.iter().map(|page| page.iter().map(|name| name.split_first().0).collect()).collect();
    assert_eq!(pages, [&["n100", "n200", "n300"][..], &["n450"], &["n800", "n801", "n8010"]]);
    // The place of a wildcard in the order is uncertain.
    assert_eq!(snapshot.in_pages(names(&["*", "n100", "n101"])).len(), 2);
}

#[test]
fn a_page_of_names_shows_present_and_absent_names_and_leaves_the_rest() {
    let mut snapshot = listed();
    let names = ["a.example.com", "b.example.com", "d.example.com", "e.example.com"].map(name);
    snapshot.read(R[1], names.to_vec(), at(10)).unwrap();
    let outcome = snapshot.page(
        R[1],
        page(&[("a.example.com", "192.0.2.9"), ("c.example.com", "192.0.2.1")], Some("d.example.com")),
        R[2],
        at(12),
    );
    let read = ["a.example.com", "b.example.com", "c.example.com"].map(|at_| (name(at_), at(10)));
    assert_eq!(outcome.names, read);
    assert_eq!(lines(&snapshot), ["a.example.com 192.0.2.9", "c.example.com 192.0.2.1"]);
    // The page ended where the next name to be read begins.
    assert_eq!(outcome.next.unwrap().start, Some(Cursor::at(name("d.example.com"))));
    let outcome = snapshot.page(R[2], page(&[], None), R[3], at(13));
    let read = ["d.example.com", "e.example.com"].map(|at_| (name(at_), at(10)));
    assert_eq!((outcome.names, outcome.rest), (read.to_vec(), Vec::new()));
}

#[test]
fn names_beyond_a_page_of_names_are_left_to_another_read() {
    let mut snapshot = listed();
    snapshot.read(R[1], vec![name("a.example.com"), name("x.example.com")], at(10)).unwrap();
    let outcome =
        snapshot.page(R[1], page(&[("a.example.com", "192.0.2.9")], Some("c.example.com")), R[2], at(12));
    assert_eq!((outcome.next, outcome.rest), (None, vec![name("x.example.com")]));
}

#[test]
fn a_name_in_doubt_stays_in_doubt_until_it_is_read_again() {
    let mut snapshot = listed();
    let b = name("b.example.com");
    snapshot.read(R[0], vec![b.clone()], at(10));
    snapshot.doubt(std::slice::from_ref(&b), at(11));
    snapshot.page(R[0], page(&[("b.example.com", "192.0.2.8")], None), R[3], at(12));
    assert!(snapshot.is_doubted(&b) && !snapshot.is_fresh(&b, at(12)));
    snapshot.read(R[1], vec![b.clone()], at(13));
    snapshot.page(R[1], page(&[("b.example.com", "192.0.2.9")], None), R[3], at(14));
    assert!(!snapshot.is_doubted(&b) && snapshot.is_fresh(&b, at(14)));
    assert!(lines(&snapshot).contains(&"b.example.com 192.0.2.9".to_owned()));
}

#[test]
fn decisions_rely_on_a_read_for_ten_seconds_from_its_sending() {
    let mut snapshot = listed();
    snapshot.read(R[0], vec![name("b.example.com")], at(100));
    snapshot.page(R[0], page(&[], None), R[1], at(9_000));
    assert!(snapshot.is_fresh(&name("b.example.com"), at(10_099)));
    assert!(!snapshot.is_fresh(&name("b.example.com"), at(10_100)));
}

#[test]
fn a_name_that_continues_on_the_next_page_is_taken_as_a_whole() {
    let mut snapshot = snapshot();
    list(&mut snapshot, R[0], at(0));
    let mut txt = set("a.example.com", "\"x\"");
    txt.key.rtype = RecordType::Txt;
    let next = Cursor { name: name("a.example.com"), rtype: Some(RecordType::Txt), set_id: None };
    let first = Page { sets: vec![set("a.example.com", "192.0.2.1")], next: Some(next.clone()) };
    assert_eq!(snapshot.page(R[0], first, R[1], at(1)).changed, []);
    assert_eq!(snapshot.next_page(R[1], at(1)).unwrap().start, Some(next));
    let outcome = snapshot.page(R[1], Page { sets: vec![txt], next: None }, R[2], at(2));
    assert_eq!(outcome.changed, [name("a.example.com")]);
    assert_eq!(snapshot.zone().len(), 2);
}

#[test]
fn a_page_that_begins_within_a_name_does_not_hide_record_sets_before_its_place() {
    let mut snapshot = listed();
    list(&mut snapshot, R[1], at(10));
    let mut first = page(&[("a.example.com", "192.0.2.1")], Some("b.example.com"));
    first.next.as_mut().unwrap().rtype = Some(RecordType::Txt);
    snapshot.page(R[1], first, R[2], at(12));
    // Somebody creates an A there, which comes before TXT, and a read of the name shows it.
    snapshot.read(R[2], vec![name("b.example.com")], at(20));
    snapshot.page(R[2], page(&[("b.example.com", "192.0.2.9")], None), R[3], at(22));
    snapshot.next_page(R[3], at(30)).unwrap();
    let text = RecordSet::simple(
        name("b.example.com"),
        RecordType::Txt,
        Data::Values { ttl: Ttl::DEFAULT, values: Values::from_iter(["\"x\"".into()]) },
    );
    snapshot.page(R[3], Page { sets: vec![text], next: None }, R[4], at(32));
    assert!(lines(&snapshot).contains(&"b.example.com 192.0.2.9".to_owned()), "{:?}", lines(&snapshot));
}

#[test]
fn a_page_that_ends_before_a_wildcard_says_nothing_about_the_names_around_it() {
    let mut snapshot = snapshot();
    list(&mut snapshot, R[0], at(0));
    let all = [("*.example.com", "192.0.2.1"), ("0.example.com", "192.0.2.1"), ("b.example.com", "x")];
    snapshot.page(R[0], page(&all, None), R[1], at(1));
    list(&mut snapshot, R[0], at(10));
    let outcome = snapshot.page(R[0], page(&[], Some("*.example.com")), R[1], at(11));
    assert_eq!(outcome.changed, []);
    snapshot.next_page(R[1], at(11)).unwrap();
    let rest = page(&[("*.example.com", "192.0.2.1")], Some("b.example.com"));
    let outcome = snapshot.page(R[1], rest, R[2], at(12));
    assert_eq!(outcome.changed, [name("0.example.com")]);
}

#[test]
fn a_failed_page_is_requested_again() {
    let mut snapshot = listed();
    list(&mut snapshot, R[0], at(10));
    snapshot.page(R[0], page(&[("a.example.com", "192.0.2.1")], Some("b.example.com")), R[1], at(11));
    let asked = snapshot.next_page(R[1], at(11)).unwrap();
    assert_eq!((snapshot.fail(R[1]), snapshot.wants_page()), (None, Some(1)));
    assert_eq!(snapshot.next_page(R[2], at(12)).unwrap().start, asked.start);
}

#[test]
fn a_read_of_a_wildcard_says_nothing_about_the_names_after_it() {
    let mut snapshot = listed();
    let wildcard = name("*.example.com");
    snapshot.read(R[1], vec![wildcard.clone()], at(10)).unwrap();
    // As if it were sorted after b.
    let seen = page(&[("*.example.com", "x"), ("c.example.com", "192.0.2.1")], None);
    let outcome = snapshot.page(R[1], seen, R[2], at(11));
    assert_eq!((outcome.changed, lines(&snapshot).len()), (vec![wildcard], 4));
}

#[test]
fn a_wildcard_is_swept_at_the_end_wherever_the_service_sorts_it() {
    for order in [["*.example.com", "0.example.com"], ["0.example.com", "*.example.com"]] {
        let mut snapshot = snapshot();
        list(&mut snapshot, R[0], at(0));
        let first = page(&[(order[0], "192.0.2.1")], Some(order[1]));
        snapshot.page(R[0], first, R[1], at(1));
        snapshot.next_page(R[1], at(1)).unwrap();
        snapshot.page(R[1], page(&[(order[1], "192.0.2.1")], None), R[2], at(2));
        assert_eq!(snapshot.zone().len(), 2, "{order:?}");
        list(&mut snapshot, R[0], at(10));
        let outcome = snapshot.page(R[0], page(&[("0.example.com", "192.0.2.1")], None), R[1], at(11));
        assert_eq!(outcome.changed, [name("*.example.com")]);
    }
}
