//! The states of objects whose kind has a status.

use serde_json::{Value, json};
use zonekeeper_core::{
    keeper::{FailureClass, Input, Mode, Time},
    plan::ManagedTypes,
    source::{Object, Resource, Scope},
};

use super::stage::{Fate, Stage};

/// The condition for everything that is said about one object.
const OBJECT: &str = "state of DNSEndpoint/shop/records";

fn scope() -> Scope {
    Scope { resource: Resource::DNS_ENDPOINT, namespace: None }
}

/// A `DNSEndpoint` with a generation, annotations and entries.
fn object(generation: i64, annotations: &Value, entries: &Value) -> Object {
    let text = json!({
        "metadata": {
            "namespace": "shop",
            "name": "records",
            "uid": "uid of shop/records",
            "generation": generation,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": annotations,
        },
        "spec": { "endpoints": entries },
    });
    Object::DnsEndpoint(Box::new(serde_json::from_value(text).unwrap()))
}

/// An object with an A record at each hostname.
fn addresses(generation: i64, hosts: &[&str]) -> Object {
    let entry = |host: &&str| json!({"dnsName": host, "recordType": "A", "targets": ["192.0.2.1"]});
    object(generation, &json!({}), &hosts.iter().map(entry).collect())
}

/// A process that keeps `DNSEndpoint` objects.
fn stage(mode: Mode) -> Stage {
    Stage::with(|config| {
        config.mode = mode;
        config.scopes = vec![scope()];
        config.settings.managed_types = ManagedTypes::new(["A", "MX"]).unwrap();
    })
}

/// Starts as the leader with one object.
fn start(stage: &mut Stage, object: &Object) {
    stage.keeper_begins_anew();
    list(stage, object);
}

fn list(stage: &mut Stage, object: &Object) {
    stage.tell(Input::Listing(scope()));
    stage.see(object);
    stage.tell(Input::Listed(scope()));
    stage.run(5_000);
}

/// The states that were reported since the last call.
fn states(stage: &mut Stage) -> Vec<String> {
    let done = stage.done();
    done.iter().filter_map(|line| line.strip_prefix(OBJECT)).map(|rest| rest.trim().to_owned()).collect()
}

#[test]
fn a_state_follows_the_records_of_its_object() {
    let mut stage = stage(Mode::Apply);
    start(&mut stage, &addresses(1, &["a.example.com", "b.example.com"]));
    assert_eq!(states(&mut stage), ["1: waiting a.example.com and 1 others", "1: ready, 2 keys"]);
    stage.run(60_000);
    assert_eq!(states(&mut stage), [""; 0]);
    // The spec has changed, but asks for the same records.
    stage.see(&addresses(2, &["a.example.com", "b.example.com"]));
    stage.run(5_000);
    assert_eq!(states(&mut stage), ["2: ready, 2 keys"]);
    stage.see(&addresses(3, &["a.example.com"]));
    stage.run(5_000);
    assert_eq!(states(&mut stage), ["3: ready, 1 keys"]);
}

#[test]
fn an_object_without_a_record_in_the_zone_has_no_state() {
    let mut stage = stage(Mode::Apply);
    start(&mut stage, &addresses(1, &["a.example.org"]));
    assert_eq!(states(&mut stage), [""; 0]);
    stage.see(&addresses(2, &["a.example.org", "a.example.com"]));
    stage.run(5_000);
    assert_eq!(states(&mut stage), ["2: waiting a.example.com", "2: ready, 1 keys"]);
}

#[test]
fn a_record_that_cannot_be_written_blocks_the_state() {
    let mut stage = stage(Mode::Apply);
    let mx = |value: &str| json!({"dnsName": "a.example.com", "recordType": "MX", "targets": [value]});
    let a = json!({"dnsName": "b.example.com", "recordType": "A", "targets": ["192.0.2.1"]});
    start(&mut stage, &object(1, &json!({}), &json!([mx("mail"), a])));
    assert_eq!(states(&mut stage), ["1: blocked a.example.com: InvalidField"]);
    stage.see(&object(2, &json!({}), &json!([mx("10 mail.example.net"), a])));
    stage.run(5_000);
    assert_eq!(states(&mut stage), ["2: waiting a.example.com", "2: ready, 2 keys"]);
    let txt = json!({"dnsName": "b.example.com", "recordType": "TXT", "targets": ["hello"]});
    stage.see(&object(3, &json!({}), &json!([mx("10 mail.example.net"), a, txt])));
    stage.run(5_000);
    assert_eq!(states(&mut stage), ["3: blocked b.example.com: UnmanagedType"]);
    stage.see(&addresses(4, &["a b.example.com", "c d.example.com"]));
    stage.run(5_000);
    assert_eq!(states(&mut stage), ["4: blocked a b.example.com: InvalidHostname and 1 others"]);
}

#[test]
fn a_unit_that_is_held_or_rejected_blocks_the_state() {
    let mut stage = stage(Mode::Apply);
    stage.before_start(Input::Wall { unix: 1_800_000_000 });
    let entries = json!([{"dnsName": "a.example.com", "recordType": "A", "targets": ["192.0.2.1"]}]);
    let pause = json!({"zonekeeper.dev/paused-until": "2099-01-01T00:00:00Z"});
    start(&mut stage, &object(1, &pause, &entries));
    assert_eq!(states(&mut stage), ["1: blocked a.example.com: Paused"]);
    // Annotations are not a part of the spec, so the generation stays.
    stage.batches_meet(vec![Fate::fails(FailureClass::Refused, "no"); 2]);
    stage.see(&object(1, &json!({}), &entries));
    stage.run(100);
    assert_eq!(
        states(&mut stage),
        ["1: waiting a.example.com", "1: blocked a.example.com: RejectedByRoute53"]
    );
    stage.run(20 * 60_000);
    assert_eq!(states(&mut stage), ["1: ready, 1 keys"]);
}

#[test]
fn a_rejection_is_in_the_state_of_every_object_that_asks_for_the_records() {
    let mut stage = stage(Mode::Apply);
    let records = addresses(1, &["a.example.com"]);
    let mut holder = records.clone();
    if let Object::DnsEndpoint(holder) = &mut holder {
        holder.metadata.name = Some("first".to_owned());
        holder.metadata.uid = Some("uid of shop/first".to_owned());
    }
    stage.batches_meet(vec![Fate::fails(FailureClass::Refused, "no"); 2]);
    stage.keeper_begins_anew();
    stage.tell(Input::Listing(scope()));
    stage.see(&holder);
    stage.see(&records);
    stage.tell(Input::Listed(scope()));
    stage.run(100);
    assert_eq!(
        states(&mut stage),
        ["1: waiting a.example.com", "1: blocked a.example.com: RejectedByRoute53"]
    );
    stage.run(20 * 60_000);
    assert_eq!(states(&mut stage), ["1: ready, 1 keys"]);
}

#[test]
fn records_that_others_own_are_ready_and_noted() {
    let mut stage = stage(Mode::Apply);
    let object = addresses(1, &["a.example.com"]);
    start(&mut stage, &object);
    states(&mut stage);
    stage.somebody_deletes("a-a.example.com.", "TXT");
    start(&mut stage, &object);
    assert_eq!(states(&mut stage), ["1: ready, 1 keys, noted Unmanaged"]);
}

#[test]
fn a_plan_that_waits_for_an_approval_makes_its_objects_wait() {
    let mut stage = stage(Mode::Approve);
    stage.before_start(Input::Wall { unix: 1_800_000_000 });
    stage.before_start(Input::Published(None));
    start(&mut stage, &addresses(1, &["a.example.com"]));
    assert_eq!(states(&mut stage), ["1: waiting a.example.com, not approved"]);
}

#[test]
fn only_a_leader_that_writes_reports_states() {
    let mut dry = stage(Mode::DryRun);
    start(&mut dry, &addresses(1, &["a.example.com"]));
    assert_eq!(states(&mut dry), [""; 0]);
    let mut stage = stage(Mode::Apply);
    start(&mut stage, &addresses(1, &["a.example.com"]));
    assert_eq!(states(&mut stage).len(), 2);
    stage.tell(Input::Leadership { until: Time::ZERO });
    stage.see(&addresses(2, &["a.example.com", "b.example.com"]));
    stage.run(5_000);
    assert_eq!(states(&mut stage), [""; 0]);
    stage.tell(Input::Leadership { until: Time::NEVER });
    stage.run(5_000);
    assert_eq!(states(&mut stage), ["2: waiting b.example.com", "2: ready, 2 keys"]);
}
