use super::*;

pub(super) const ID: &str = "Z0123456789EXAMPLE";

pub(super) fn zone() -> HostedZone {
    HostedZone::new(ID, "c.test").unwrap()
}

pub(super) fn a(name: &str) -> RecordSet {
    RecordSet::simple(name, "A", 300, ["192.0.2.1"])
}

pub(super) fn of_type(name: &str, rtype: &str, value: &str) -> RecordSet {
    RecordSet::simple(name, rtype, 300, [value])
}

pub(super) fn alias_to(id: &str, name: &str) -> AliasTarget {
    AliasTarget { hosted_zone_id: id.into(), dns_name: name.into(), evaluate_target_health: false }
}

fn messages(refused: Result<(), Refusal>) -> Vec<String> {
    match refused {
        Err(Refusal::InvalidChangeBatch(messages)) => messages,
        other => panic!("expected InvalidChangeBatch, got {other:?}"),
    }
}

/// Checks that the zone rejects a batch with exactly these messages, and does not change.
pub(super) fn refuses(zone: &mut HostedZone, batch: &[Change], expected: &[&str]) {
    let before: Vec<_> = zone.iter().cloned().collect();
    assert_eq!(messages(zone.change(batch)), expected);
    assert!(zone.iter().eq(before.iter()), "a rejected batch changed the zone");
}

pub(super) fn names(zone: &HostedZone) -> Vec<String> {
    zone.iter().map(|set| format!("{} {}", set.name, set.rtype)).collect()
}

#[test]
fn a_new_zone_holds_ns_and_soa() {
    let zone = zone();
    let ns = zone.get("c.test", "NS", None).unwrap();
    assert_eq!((ns.ttl, ns.values.as_slice()), (Some(172_800), zone.name_servers().as_slice()));
    let soa = zone.get("c.test", "SOA", None).unwrap();
    assert_eq!(soa.ttl, Some(900));
    assert!(soa.values[0].ends_with(" awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"));
    let private = HostedZone::private("Z2", "c.test", vec![]).unwrap();
    assert_eq!(private.name_servers()[3], "ns-1536.awsdns-00.co.uk.");
    assert_ne!(zone.name_servers(), HostedZone::new("Z2", "c.test").unwrap().name_servers());
}

#[test]
fn create_is_refused_where_something_is() {
    let mut zone = zone();
    zone.change(&[Change::create(a("a.c.test"))]).unwrap();
    refuses(
        &mut zone,
        &[Change::create(RecordSet::simple("A.c.test.", "A", 60, ["192.0.2.9"]))],
        &["Tried to create resource record set [name='a.c.test.', type='A'] but it already exists"],
    );
    zone.change(&[Change::create(a("w.c.test").weighted("one", 1))]).unwrap();
    refuses(
        &mut zone,
        &[Change::create(a("w.c.test").weighted("one", 2))],
        &[
            "Tried to create resource record set [name='w.c.test.', type='A', set-identifier='one'] but it already exists",
        ],
    );
}

#[test]
fn upsert_creates_and_replaces() {
    let mut zone = zone();
    zone.change(&[Change::upsert(a("a.c.test"))]).unwrap();
    let other = RecordSet::simple("a.c.test.", "A", 60, ["192.0.2.9"]);
    zone.change(&[Change::upsert(other.clone())]).unwrap();
    zone.change(&[Change::upsert(other.clone())]).unwrap();
    assert_eq!(zone.get("a.c.test", "A", None), Some(&other));
}

#[test]
fn delete_compares_everything() {
    let mut zone = zone();
    let set = RecordSet::simple("a.c.test", "A", 300, ["192.0.2.1", "192.0.2.2"]);
    zone.change(&[Change::create(set.clone())]).unwrap();
    let mismatch = "Tried to delete resource record set [name='a.c.test.', type='A'] but the values provided do not \
                    match the current values";
    for wrong in [
        RecordSet { ttl: Some(60), ..set.clone() },
        RecordSet { values: vec!["192.0.2.1".into()], ..set.clone() },
        RecordSet { values: vec!["192.0.2.1".into(), "192.0.2.1".into()], ..set.clone() },
        RecordSet { health_check_id: Some("h".into()), ..set.clone() },
    ] {
        refuses(&mut zone, &[Change::delete(wrong)], &[mismatch]);
    }
    refuses(
        &mut zone,
        &[Change::delete(a("b.c.test"))],
        &["Tried to delete resource record set [name='b.c.test.', type='A'] but it was not found"],
    );
    let reordered = RecordSet { values: vec!["192.0.2.2".into(), "192.0.2.1".into()], ..set };
    zone.change(&[Change::delete(reordered)]).unwrap();
    assert_eq!(zone.get("a.c.test", "A", None), None);

    zone.change(&[
        Change::create(a("w.c.test").weighted("one", 1)),
        Change::create(a("x.c.test").weighted("one", 1)),
    ])
    .unwrap();
    refuses(
        &mut zone,
        &[Change::delete(a("w.c.test").weighted("one", 2))],
        &[
            "Tried to delete resource record set [name='w.c.test.', type='A', set-identifier='one'] but the values \
           provided do not match the current values",
        ],
    );
    zone.change(&[Change::delete(a("w.c.test").weighted("one", 1))]).unwrap();
    assert!(zone.get("x.c.test", "A", Some("one")).is_some());
}

#[test]
fn a_batch_is_all_or_nothing_and_every_fault_is_named() {
    let mut zone = zone();
    zone.change(&[Change::create(a("old.c.test")), Change::create(a("gone.c.test"))]).unwrap();
    refuses(
        &mut zone,
        &[
            Change::create(a("new.c.test")),
            Change::upsert(of_type("old.c.test", "A", "192.0.2.77")),
            Change::delete(a("gone.c.test")),
            Change::create(a("gone.c.test")),
            Change::create(a("old.c.test.")),
            Change::create(of_type("bad.c.test", "A", "x")),
            Change::delete(a("none.c.test")),
            Change::create(a("elsewhere.test")),
        ],
        &[
            "Invalid Resource Record: FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) \
             encountered with 'x'",
            "RRSet with DNS name elsewhere.test. is not permitted in zone c.test.",
            "The request contains an invalid set of changes for a resource record set 'A old.c.test.'",
            "Tried to delete resource record set [name='none.c.test.', type='A'] but it was not found",
        ],
    );
}

#[test]
fn one_key_twice_is_refused_unless_it_is_replaced() {
    let mut zone = zone();
    zone.change(&[Change::create(a("a.c.test"))]).unwrap();
    let twice = "The request contains an invalid set of changes for a resource record set 'A a.c.test.'";
    for actions in [
        [Action::Create, Action::Create],
        [Action::Create, Action::Delete],
        [Action::Delete, Action::Delete],
        [Action::Delete, Action::Upsert],
        [Action::Upsert, Action::Upsert],
        [Action::Upsert, Action::Delete],
    ] {
        refuses(&mut zone, &actions.map(|action| Change { action, set: a("a.c.test") }), &[twice]);
    }
    let new = of_type("a.c.test.", "A", "192.0.2.2");
    zone.change(&[Change::delete(a("a.c.test")), Change::create(new.clone())]).unwrap();
    assert_eq!(zone.get("a.c.test", "A", None), Some(&new));
    let three = [Change::delete(new.clone()), Change::create(new.clone()), Change::delete(new)];
    refuses(&mut zone, &three, &[twice]);
}

#[test]
fn names_outside_the_zone_are_told_label_by_label() {
    let mut zone = zone();
    for name in ["evilc.test", "test", "c.test.evil", r"a\056c.test"] {
        let listed = name::listed(name).unwrap();
        refuses(
            &mut zone,
            &[Change::create(a(name))],
            &[&format!("RRSet with DNS name {listed} is not permitted in zone c.test.")],
        );
    }
    zone.change(&[
        Change::create(a("C.test")),
        Change::create(a("*.c.test")),
        Change::create(a(r"\052.x.c.test")),
    ])
    .unwrap();
    assert!(zone.contains("x.C.test.") && !zone.contains("evilc.test") && !zone.contains("a..test"));
}

#[test]
fn a_full_zone_refuses_growth_only() {
    let mut zone = zone();
    zone.record_limit = 3;
    zone.change(&[Change::create(a("a.c.test"))]).unwrap();
    refuses(
        &mut zone,
        &[Change::create(a("b.c.test"))],
        &["Exceeded limit MAX_RRSETS_BY_ZONE for zone: Z0123456789EXAMPLE"],
    );
    zone.change(&[Change::upsert(of_type("a.c.test", "A", "192.0.2.2"))]).unwrap();
    zone.change(&[Change::delete(of_type("a.c.test", "A", "192.0.2.2")), Change::create(a("b.c.test"))])
        .unwrap();
    zone.record_limit = 2;
    zone.change(&[Change::upsert(of_type("b.c.test", "A", "192.0.2.2"))]).unwrap();
}

#[test]
fn protections_fail_the_whole_batch() {
    let mut zone = zone();
    zone.protect("P.c.test", "A", "ask platform@").unwrap();
    let expected = "Resource record set [name='p.c.test.', type='A'] is protected: ask platform@";
    refuses(&mut zone, &[Change::create(a("a.c.test")), Change::create(a("p.c.test"))], &[expected]);
    zone.change(&[Change::create(of_type("p.c.test", "AAAA", "::1"))]).unwrap();
    // The zone does not report other errors of a protected set.
    refuses(&mut zone, &[Change::delete(a("p.c.test"))], &[expected]);
    assert!(zone.unprotect("p.c.test.", "A") && !zone.unprotect("p.c.test.", "A"));
    zone.change(&[Change::create(a("p.c.test"))]).unwrap();
}

#[test]
fn switches_of_the_zone() {
    let mut zone = zone();
    zone.disabled_for_mutation = true;
    let refused = zone.change(&[Change::create(a("a.c.test"))]).unwrap_err();
    assert_eq!(refused.message(), "HostedZone Z0123456789EXAMPLE is marked disabled for mutation");
    zone.disabled_for_mutation = false;
    zone.linked_service = Some(LinkedService {
        service_principal: "servicediscovery.amazonaws.com".into(),
        description: "Cloud Map".into(),
    });
    let refused = zone.change(&[Change::create(a("a.c.test"))]).unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("AccessDenied", 403));
}

#[test]
fn sets_that_no_batch_can_create_can_be_inserted() {
    let mut zone = zone();
    let policy = RecordSet {
        name: "TP.c.test".into(),
        rtype: "A".into(),
        traffic_policy_instance_id: Some("tp".into()),
        ..RecordSet::default()
    };
    zone.put(policy).unwrap();
    assert_eq!(zone.get("tp.c.test", "A", None).unwrap().name, "tp.c.test.");
}
