//! Merged records: several objects that ask for addresses at one hostname.

use std::collections::BTreeMap;

use zonekeeper_core::{plan::MergeTargets, source::Object};
use zonekeeper_emulator::zone::RecordSet;

use super::stage::{Stage, gone};
use crate::world::{ingress, meta};

const HOST: &str = "www.example.com";
const MINUTE: u64 = 60_000;

/// An Ingress that leads [`HOST`] to addresses of 192.0.2.0/24.
fn web(namespace: &str, age: i64, addresses: &[u8]) -> Object {
    let targets: Vec<_> = addresses.iter().map(|last| (Some(format!("192.0.2.{last}")), None)).collect();
    ingress(meta(namespace, "web", age, BTreeMap::new()), &[HOST], &targets)
}

/// The last bytes of the published addresses.
fn answer(stage: &Stage) -> Vec<u8> {
    let set = stage.zone.get(HOST, "A", None).unwrap();
    set.values.iter().map(|value| value.rsplit('.').next().unwrap().parse().unwrap()).collect()
}

fn blocked(stage: &Stage) -> Vec<&'static str> {
    stage.keeper.plan().blocked.iter().map(|blocked| blocked.reason.label()).collect()
}

/// The record of an ExternalDNS for `shop/web` with 1 and `blog/web` with 2.
fn merged() -> Stage {
    let mut stage = Stage::new();
    stage.somebody_creates(RecordSet::simple(HOST, "A", 300, ["192.0.2.1", "192.0.2.2"]));
    let text = "\"heritage=external-dns,external-dns/owner=me,external-dns/resource=ingress/shop/web\"";
    stage.somebody_creates(RecordSet::simple("a-www.example.com", "TXT", 300, [text]));
    stage.start(&[web("shop", 0, &[1]), web("blog", 1, &[2])]);
    stage.run(MINUTE);
    assert_eq!((answer(&stage), blocked(&stage)), (vec![1, 2], vec![]));
    stage
}

#[test]
fn a_union_that_changes_waits_for_a_decision_over_a_restart() {
    let mut stage = merged();
    stage.see(&web("blog", 1, &[3]));
    for _ in 0..2 {
        stage.run(60 * MINUTE);
        assert_eq!((answer(&stage), blocked(&stage)), (vec![1, 2], vec!["MergeUndecided"; 2]));
        stage.start(&[web("shop", 0, &[1]), web("blog", 1, &[3])]);
    }
    // The record is unchanged.
    stage.see(&web("blog", 1, &[2]));
    stage.run(MINUTE);
    assert_eq!((answer(&stage), blocked(&stage)), (vec![1, 2], vec![]));
}

#[test]
fn a_union_that_is_undecided_keeps_its_texts_when_its_first_object_goes() {
    let mut stage = Stage::new();
    stage.somebody_creates(RecordSet::simple(HOST, "A", 300, ["192.0.2.1", "192.0.2.2"]));
    let text = "\"heritage=external-dns,external-dns/owner=me,external-dns/resource=ingress/shop/web\"";
    stage.somebody_creates(RecordSet::simple("a-www.example.com", "TXT", 300, [text]));
    let first = web("shop", 0, &[1]);
    stage.start(&[first.clone(), web("blog", 1, &[2]), web("bank", 2, &[1])]);
    stage.run(MINUTE);
    stage.tell(gone(&first));
    stage.run(60 * MINUTE);
    assert_eq!((answer(&stage), blocked(&stage)), (vec![1, 2], vec![]));
    assert_eq!(stage.zone.get("a-www.example.com", "TXT", None).unwrap().values, [text]);
}

#[test]
fn a_union_of_more_than_a_record_set_holds_is_blocked() {
    for (count, is_v6, is_over) in
        [(200, false, false), (201, false, true), (200, true, false), (201, true, true)]
    {
        let object = |namespace: &str, part: usize, count: usize| {
            let address =
                |n: usize| if is_v6 { format!("2001:db8::{part}:{n}") } else { format!("10.0.{part}.{n}") };
            let targets: Vec<_> = (0..count).map(|n| (Some(address(n)), None)).collect();
            ingress(meta(namespace, "web", 0, BTreeMap::new()), &[HOST], &targets)
        };
        let mut stage =
            Stage::with(|config| config.settings.merge_targets = Some(MergeTargets::AllNamespaces));
        stage.start(&[object("blog", 1, 200), object("shop", 2, count)]);
        stage.run(MINUTE);
        assert_eq!(blocked(&stage).contains(&"TooBig"), is_over, "{count} {is_v6}");
        assert_eq!(stage.zone.len() > 2, !is_over, "{count} {is_v6}");
    }
}

#[test]
fn a_union_of_which_one_object_is_left_is_that_of_this_object() {
    let mut stage = merged();
    stage.tell(gone(&web("blog", 1, &[2])));
    stage.run(MINUTE);
    assert_eq!(answer(&stage), [1]);
}

#[test]
fn a_record_of_one_object_follows_that_object() {
    let mut stage = Stage::new();
    stage.start(&[web("shop", 0, &[1, 2]), web("blog", 1, &[2, 9])]);
    stage.run(MINUTE);
    assert_eq!((answer(&stage), blocked(&stage)), (vec![1, 2], vec!["ClaimedBy"]));
    stage.see(&web("shop", 0, &[1, 4]));
    stage.run(MINUTE);
    assert_eq!((answer(&stage), blocked(&stage)), (vec![1, 4], vec!["ClaimedBy"]));
    // An object does not join the record with an address that the holder gives up.
    stage.see(&web("blog", 1, &[4]));
    stage.see(&web("shop", 0, &[1]));
    stage.run(MINUTE);
    assert_eq!((answer(&stage), blocked(&stage)), (vec![1], vec!["ClaimedBy"]));
}

#[test]
fn an_answer_is_decided_about_once_for_all() {
    for (decision, expected) in [
        (MergeTargets::AllNamespaces, vec![1, 3]),
        (MergeTargets::WithinNamespace, vec![1]),
        (MergeTargets::Never, vec![1]),
    ] {
        let mut stage = Stage::with(|config| config.settings.merge_targets = Some(decision));
        stage.zone = merged().zone;
        stage.start(&[web("shop", 0, &[1]), web("blog", 1, &[3])]);
        stage.run(MINUTE);
        assert_eq!(answer(&stage), expected, "{decision:?}");
    }
}
