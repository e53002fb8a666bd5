//! Drift: foreign changes of our records, and their repair.

use std::collections::BTreeMap;

use serde_json::json;
use zonekeeper_core::{
    keeper::{BrakeLimits, Input, Time},
    plan::ManagedTypes,
    source::{Object, PAUSED_UNTIL, Resource, Scope},
};
use zonekeeper_emulator::zone::{Change, RecordSet};

use super::stage::{Stage, WEB_1, WEB_2, gone, web};
use crate::world::{ingress, meta};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// An Ingress with an address.
fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.start(&[web("www", WEB_1)]);
    stage.run(5_000);
    stage.done();
    stage
}

/// Deletes the record, and runs until the count reveals it.
fn disturbed(stage: &mut Stage) {
    stage.somebody_deletes("www.example.com", "A");
    stage.run(3 * MINUTE);
}

fn writes(stage: &mut Stage) -> usize {
    stage.done().iter().filter(|line| line.starts_with("apply")).count()
}

#[test]
fn a_record_that_somebody_changes_three_times_a_day_is_contested_for_six_hours() {
    let mut stage = stage();
    for _ in 0..2 {
        disturbed(&mut stage);
        assert_eq!(writes(&mut stage), 1);
    }
    disturbed(&mut stage);
    assert_eq!(stage.keeper.plan().blocked[0].reason.label(), "Contested");
    stage.run(5 * HOUR);
    assert_eq!(writes(&mut stage), 0);
    stage.run(HOUR);
    assert_eq!(writes(&mut stage), 1);
}

#[test]
fn a_record_beside_one_that_is_not_ours_is_contested_as_well() {
    let scope = || Scope { resource: Resource::DNS_ENDPOINT, namespace: None };
    let mut stage = Stage::with(|config| {
        config.scopes = vec![scope()];
        config.settings.managed_types = ManagedTypes::new(["A", "MX"]).unwrap();
    });
    let records = json!({
        "metadata": { "namespace": "shop", "name": "records", "uid": "uid of shop/records" },
        "spec": { "endpoints": [
            { "dnsName": "www.example.com", "recordType": "A", "targets": ["192.0.2.1"] },
            { "dnsName": "www.example.com", "recordType": "MX", "targets": ["10 mail.example.net"] },
        ] },
    });
    stage.keeper_begins_anew();
    stage.tell(Input::Listing(scope()));
    stage.see(&Object::DnsEndpoint(Box::new(serde_json::from_value(records).unwrap())));
    stage.tell(Input::Listed(scope()));
    stage.run(5_000);
    stage.somebody_deletes("mx-www.example.com", "TXT");
    stage.run(3 * MINUTE);
    assert_eq!(stage.keeper.plan().noted.len(), 1);
    stage.done();
    for _ in 0..2 {
        disturbed(&mut stage);
        assert_eq!(writes(&mut stage), 1);
    }
    disturbed(&mut stage);
    assert_eq!(stage.keeper.plan().blocked[0].reason.label(), "Contested");
}

#[test]
fn a_contested_record_follows_its_object_and_an_approval() {
    for is_approved in [false, true] {
        let mut stage = stage();
        for _ in 0..3 {
            disturbed(&mut stage);
        }
        stage.done();
        if is_approved {
            stage.tell(Input::Release { until: 24 * 3_600, unix: 0 });
        } else {
            stage.see(&web("www", WEB_2));
        }
        stage.run(1_000);
        assert_eq!(writes(&mut stage), 1, "{is_approved}");
    }
}

#[test]
fn peace_is_said_before_the_record_is_written() {
    let mut stage = stage();
    for _ in 0..3 {
        disturbed(&mut stage);
    }
    stage.done();
    stage.tell(Input::Release { until: 24 * 3_600, unix: 0 });
    let done = stage.done();
    let place = |text: &str| done.iter().position(|line| line.starts_with(text)).unwrap();
    assert!(place("unblocked www.example.com") < place("apply"), "{done:?}");
}

#[test]
fn a_record_that_nobody_asked_for_meanwhile_is_not_contested() {
    let mut stage = stage();
    for _ in 0..2 {
        disturbed(&mut stage);
    }
    stage.tell(gone(&web("www", WEB_1)));
    stage.run(MINUTE);
    stage.see(&web("www", WEB_1));
    stage.run(MINUTE);
    stage.done();
    disturbed(&mut stage);
    assert_eq!(writes(&mut stage), 1);
}

#[test]
fn a_contested_record_is_fought_for_again_when_anything_of_its_object_changes() {
    let mut stage = stage();
    for _ in 0..3 {
        disturbed(&mut stage);
    }
    stage.done();
    // Equal records are no change.
    stage.see(&web("www", WEB_1));
    stage.see(&web("beside", WEB_1));
    stage.run(MINUTE);
    assert_eq!(stage.keeper.plan().blocked[0].reason.label(), "Contested");
    assert_eq!(writes(&mut stage), 1);
    let hosts = ["www.example.com", "further.example.com"];
    stage.see(&ingress(meta("shop", "www", 0, BTreeMap::new()), &hosts, &[(None, Some(WEB_1.to_owned()))]));
    stage.run(MINUTE);
    assert!(stage.keeper.plan().blocked.is_empty());
    assert_eq!(stage.keeper.plan().in_sync, 3);
}

#[test]
fn changes_on_different_days_are_no_contest() {
    let mut stage = stage();
    for _ in 0..5 {
        disturbed(&mut stage);
        assert_eq!(writes(&mut stage), 1);
        stage.run(13 * HOUR);
        stage.done();
    }
}

#[test]
fn a_repaired_name_is_read_again_after_one_five_and_fifteen_minutes() {
    let mut stage = stage();
    disturbed(&mut stage);
    let lines = stage.done_at();
    let repaired = lines.iter().find(|(_, line)| line.starts_with("apply")).unwrap().0;
    stage.run(20 * MINUTE);
    let after = lines
        .into_iter()
        .chain(stage.done_at())
        .filter(|(at, line)| *at > repaired && line.starts_with("read"));
    let reads: Vec<u64> = after.map(|(at, _)| (at - repaired) / MINUTE).collect();
    assert_eq!(reads, [1, 5, 15]);
}

#[test]
fn names_that_the_zone_blocks_are_read_every_minute() {
    let mut stage = stage();
    stage.somebody_creates(RecordSet::simple("api.example.com", "A", 300, ["192.0.2.1"]));
    stage.see(&web("api", WEB_1));
    stage.run(10 * MINUTE);
    let done = stage.done();
    assert!(done.contains(&"blocked api.example.com: Unowned".to_owned()), "{done:?}");
    stage.somebody_deletes("api.example.com", "A");
    // The repair comes before the next listing, and without two different counts.
    stage.run(MINUTE);
    assert_eq!(stage.at("api.example.com").len(), 4);
}

#[test]
fn ownership_that_gets_lost_is_told_from_what_never_was_ours() {
    let mut stage = stage();
    stage.somebody_deletes("a-www.example.com", "TXT");
    stage.somebody_deletes("aaaa-www.example.com", "TXT");
    stage.run(3 * MINUTE);
    assert_eq!(stage.keeper.plan().noted[0].note.label(), "OwnershipLost");
    stage.start(&[web("www", WEB_1)]);
    stage.run(1_000);
    assert_eq!(stage.keeper.plan().noted[0].note.label(), "Unmanaged");
}

/// An Ingress that is paused until 2027-01-15T09:00:00Z.
fn paused(balancer: &str) -> Object {
    let notes = BTreeMap::from([(PAUSED_UNTIL, "2027-01-15T09:00:00Z".to_owned())]);
    ingress(meta("shop", "www", 0, notes), &["www.example.com"], &[(None, Some(balancer.to_owned()))])
}

#[test]
fn a_paused_object_keeps_its_records_until_its_time_comes() {
    let mut stage = stage();
    // 2027-01-15T08:00:00Z.
    stage.tell(Input::Wall { unix: 1_800_000_000 });
    for balancer in ["web-3.eu-west-1.elb.amazonaws.com", WEB_2] {
        stage.see(&paused(balancer));
        stage.run(30 * MINUTE - 500);
    }
    assert_eq!(writes(&mut stage), 0);
    assert_eq!(
        stage.keeper.plan().blocked[0].reason.to_string(),
        "the object asks for no changes until 2027-01-15T09:00:00Z"
    );
    stage.run(2_000);
    assert_eq!(writes(&mut stage), 1);
}

#[test]
fn a_held_unit_is_reported_once_for_any_wish() {
    let mut stage = stage();
    stage.tell(Input::Wall { unix: 1_800_000_000 });
    stage.see(&paused(WEB_2));
    stage.run(1_000);
    stage.see(&paused("web-3.eu-west-1.elb.amazonaws.com"));
    stage.run(1_000);
    assert_eq!(stage.done(), ["blocked www.example.com: Paused"]);
}

#[test]
fn a_repair_is_no_move_for_the_brake() {
    let mut stage = Stage::with(|config| config.brake = BrakeLimits { moves: 1, percent: 0, hosts: 0 });
    stage.start(&[web("www", WEB_1)]);
    stage.run(5_000);
    let set = stage.zone.get("www.example.com", "A", None).unwrap().clone();
    let mut other = set.clone();
    other.alias_target.as_mut().unwrap().dns_name = format!("{WEB_2}.");
    stage.zone.change(&[Change::upsert(other)]).unwrap();
    stage.run(31 * MINUTE);
    assert_eq!(stage.zone.get("www.example.com", "A", None), Some(&set));
}

#[test]
fn a_repair_that_is_planned_again_before_it_is_written_is_no_move_either() {
    let mut stage = Stage::with(|config| config.brake = BrakeLimits { moves: 1, percent: 0, hosts: 0 });
    stage.start(&[web("www", WEB_1)]);
    stage.run(5_000);
    let set = stage.zone.get("www.example.com", "A", None).unwrap().clone();
    // Without a leader, the repair waits.
    stage.tell(Input::Leadership { until: Time::ZERO });
    for balancer in [WEB_2, "web-3.eu-west-1.elb.amazonaws.com"] {
        let mut other = set.clone();
        other.alias_target.as_mut().unwrap().dns_name = format!("{balancer}.");
        stage.zone.change(&[Change::upsert(other)]).unwrap();
        stage.run(31 * MINUTE);
    }
    stage.tell(Input::Leadership { until: Time::NEVER });
    stage.run(10_000);
    assert_eq!(stage.zone.get("www.example.com", "A", None), Some(&set));
}
