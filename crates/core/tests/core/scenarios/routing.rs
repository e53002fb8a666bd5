//! Units that are bound to each other: Route 53 accepts them only in one batch.

use std::collections::BTreeMap;

use zonekeeper_core::{keeper::FailureClass, source::Object};

use super::stage::{Fate, Stage, web};
use crate::world::{ingress, meta};

/// An Ingress at `www.example.com` with a set identifier, a failover role, and more annotations.
fn of_role(set_id: &str, role: &str, more: &[(&'static str, &str)]) -> Object {
    let mut annotations =
        BTreeMap::from([("set-identifier", set_id.to_owned()), ("aws-failover", role.to_owned())]);
    annotations.extend(more.iter().map(|(key, value)| (*key, (*value).to_owned())));
    let address = if set_id == "blue" { "192.0.2.1" } else { "192.0.2.2" };
    ingress(meta("shop", set_id, 0, annotations), &["www.example.com"], &[(Some(address.to_owned()), None)])
}

/// A stage with a primary record set `blue` and a secondary one `green`.
fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.start(&[of_role("blue", "PRIMARY", &[]), of_role("green", "SECONDARY", &[])]);
    stage.run(5_000);
    assert_eq!(primary(&stage), ["192.0.2.1"]);
    stage.done();
    stage
}

/// The addresses of the primary record set.
fn primary(stage: &Stage) -> Vec<String> {
    let lines = stage.at("www.example.com").into_iter().filter(|line| line.contains("failover=PRIMARY"));
    lines
        .filter_map(|line| line.split(' ').find(|word| word.starts_with("192.")).map(str::to_owned))
        .collect()
}

fn change_requests(stage: &mut Stage) -> usize {
    stage.done().iter().filter(|line| line.starts_with("apply")).count()
}

#[test]
fn a_swap_of_failover_roles_is_one_request() {
    let mut stage = stage();
    // One of both would be a second primary record set.
    stage.see(&of_role("green", "PRIMARY", &[]));
    stage.run(5_000);
    assert_eq!((change_requests(&mut stage), stage.keeper.plan().blocked.len()), (0, 1));
    stage.see(&of_role("blue", "SECONDARY", &[]));
    stage.run(5_000);
    assert_eq!((change_requests(&mut stage), primary(&stage)), (1, vec!["192.0.2.2".to_owned()]));
    assert_eq!(stage.keeper.plan().in_sync, 2);
}

#[test]
fn bound_units_wait_for_each_other() {
    let mut stage = stage();
    let paused = [("zonekeeper.dev/paused-until", "2100-01-01T00:00:00Z")];
    stage.see(&of_role("blue", "SECONDARY", &paused));
    stage.see(&of_role("green", "PRIMARY", &[]));
    stage.run(60_000);
    assert_eq!((change_requests(&mut stage), primary(&stage)), (0, vec!["192.0.2.1".to_owned()]));
    stage.see(&of_role("blue", "SECONDARY", &[]));
    stage.run(5_000);
    assert_eq!((change_requests(&mut stage), primary(&stage)), (1, vec!["192.0.2.2".to_owned()]));
}

#[test]
fn a_rejected_batch_is_never_split_between_bound_units() {
    let mut stage = stage();
    stage.see(&of_role("blue", "SECONDARY", &[]));
    stage.see(&of_role("green", "PRIMARY", &[]));
    stage.see(&web("api", "web-1.eu-west-1.elb.amazonaws.com"));
    // The message names no record set, so the batch is searched for the unit at fault.
    let rejection = || Fate::fails(FailureClass::Refused, "no");
    stage.batches_meet([rejection(), rejection()]);
    stage.run(900_000);
    assert_eq!(primary(&stage), ["192.0.2.2"]);
    assert_eq!(stage.at("api.example.com").len(), 4);
    assert_eq!(stage.keeper.plan().units, []);
}
