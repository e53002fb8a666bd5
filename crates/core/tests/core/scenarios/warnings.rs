//! Warnings for the owners of objects.

use std::collections::BTreeMap;

use zonekeeper_core::{
    keeper::{FailureClass, Input, Time},
    source::Object,
};
use zonekeeper_emulator::zone::RecordSet;

use super::stage::{Fate, Stage, WEB_1, WEB_2, gone, web, web_at};
use crate::world::{ingress, meta};

/// The reports of blocked hostnames since the last call, each with its second.
fn said(stage: &mut Stage) -> Vec<(u64, String)> {
    let done = stage.done_at().into_iter().filter(|(_, line)| line.contains("blocked"));
    done.map(|(at, line)| (at / 1_000, line)).collect()
}

/// An Ingress without an address.
fn pending(mut object: Object) -> Object {
    if let Object::Ingress(ingress) = &mut object {
        ingress.status = None;
    }
    object
}

#[test]
fn a_blocked_hostname_is_reported_after_30_seconds_and_then_every_hour() {
    let mut stage = Stage::new();
    let bad = "two..dots.example.com";
    stage.start(&[pending(web("www", WEB_1)), web_at("bad", bad, WEB_1)]);
    stage.run(7_000_000);
    let mut said = said(&mut stage);
    for (host, reason) in [("www.example.com", "NoTarget"), (bad, "InvalidHostname")] {
        let of_host = said.extract_if(.., |(_, line)| line.contains(host)).collect::<Vec<_>>();
        let line = |at, word: &str| (at, format!("{word} {host}: {reason}"));
        assert_eq!(
            of_host,
            [line(0, "blocked"), line(30, "still blocked"), line(3_630, "still blocked")],
            "{host}"
        );
    }
    assert_eq!(said, []);
}

#[test]
fn a_hostname_is_not_read_if_no_read_can_unblock_it() {
    let mut stage = Stage::new();
    stage.start(&[pending(web("www", WEB_1)), web("api", WEB_1)]);
    stage.run(600_000);
    assert!(!stage.done().iter().any(|line| line.starts_with("read")));
    // Right records cause no warning.
    let told: Vec<_> =
        stage.keeper.hosts().flat_map(|host| &host.findings().blocked).map(|it| it.reason.label()).collect();
    assert_eq!((told, stage.keeper.hosts().count()), (vec!["NoTarget"], 1));
}

#[test]
fn a_block_of_less_than_30_seconds_is_not_reported() {
    let mut stage = Stage::new();
    stage.start(&[pending(web("www", WEB_1))]);
    stage.run(20_000);
    stage.see(&web("www", WEB_1));
    stage.run(20_000);
    stage.see(&pending(web("www", WEB_1)));
    stage.run(29_000);
    let host = "www.example.com";
    assert_eq!(
        said(&mut stage),
        [
            (0, format!("blocked {host}: NoTarget")),
            (20, format!("unblocked {host}")),
            (40, format!("blocked {host}: NoTarget")),
        ]
    );
}

#[test]
fn another_reason_begins_anew_and_another_text_does_not() {
    let mut stage = Stage::new();
    stage.start(&[]);
    let [first, second, loser] = [("a", WEB_1), ("b", WEB_1), ("z", WEB_2)]
        .map(|(name, target)| web_at(name, "www.example.com", target));
    stage.see(&pending(loser.clone()));
    stage.run(20_000);
    stage.see(&first);
    stage.see(&second);
    stage.see(&loser);
    stage.run(20_000);
    // The hostname has another holder now, so the text of the reason differs.
    stage.tell(gone(&first));
    stage.run(20_000);
    let said = said(&mut stage);
    let still: Vec<_> = said.iter().filter(|(_, line)| line.starts_with("still")).collect();
    assert_eq!(still, [&(50, "still blocked www.example.com: ClaimedBy".to_owned())], "{said:?}");
}

#[test]
fn a_record_that_nothing_asks_for_beside_those_that_are_is_said_as_long_as_it_is_there() {
    let mut stage = Stage::new();
    let targets = |addresses: &[&str]| {
        let targets: Vec<_> = addresses.iter().map(|ip| (Some((*ip).to_owned()), None)).collect();
        ingress(meta("shop", "www", 0, BTreeMap::new()), &["www.example.com"], &targets)
    };
    stage.start(&[targets(&["192.0.2.1", "2001:db8::1"])]);
    stage.run(20_000);
    stage.see(&targets(&["192.0.2.1"]));
    stage.run(1_000_000);
    // The warning does not depend on the other record.
    stage.see(&targets(&["192.0.2.2"]));
    stage.run(2_700_000);
    stage.see(&targets(&["192.0.2.1", "2001:db8::1"]));
    stage.run(7_200_000);
    let done = stage.done_at().into_iter().filter(|(_, line)| line.contains("left over"));
    let line = |at, word: &str| (at, format!("{word}left over www.example.com AAAA"));
    assert_eq!(
        done.map(|(at, line)| (at / 1_000, line)).collect::<Vec<_>>(),
        [line(20, ""), line(50, "still "), line(3_650, "still "), line(3_720, "no longer ")]
    );
}

#[test]
fn a_right_record_without_an_owner_is_reported_while_it_lasts() {
    let mut stage = Stage::new();
    stage.somebody_creates(RecordSet::simple("www.example.com", "A", 300, ["192.0.2.1"]));
    let targets = [(Some("192.0.2.1".to_owned()), None)];
    stage.start(&[ingress(meta("shop", "www", 0, BTreeMap::new()), &["www.example.com"], &targets)]);
    stage.run(3_700_000);
    // Another owner keeps the record up to date from now on, which is no reason to warn.
    let text = "\"heritage=external-dns,external-dns/owner=them\"";
    stage.somebody_creates(RecordSet::simple("a-www.example.com", "TXT", 300, [text]));
    stage.run(7_200_000);
    stage.somebody_deletes("a-www.example.com", "TXT");
    stage.run(60_000);
    stage.somebody_deletes("www.example.com", "A");
    stage.run(7_200_000);
    let reports = stage.done().into_iter().filter(|line| line.contains("noted"));
    assert_eq!(
        reports.collect::<Vec<_>>(),
        [
            "noted www.example.com: Unmanaged",
            "still noted www.example.com: Unmanaged",
            "still noted www.example.com: Unmanaged",
            "noted www.example.com: OwnedBy",
            "noted www.example.com: Unmanaged",
            "still noted www.example.com: Unmanaged",
            "no longer noted www.example.com",
        ]
    );
}

#[test]
fn a_refusal_of_several_hostnames_tells_each_object_its_own_part() {
    let exists = |host: &str| {
        format!("Tried to create resource record set [name='{host}.', type='A'] but it already exists")
    };
    let hosts = ["api.example.com", "www.example.com"];
    let message = format!("[{}]", hosts.map(exists).join(", "));
    let mut stage = Stage::new();
    stage.start(&[]);
    stage.batches_meet([Fate::fails(FailureClass::Refused, &message)]);
    stage.see(&web("www", WEB_1));
    stage.see(&web("api", WEB_1));
    stage.run(60);
    let messages = stage
        .keeper
        .plan()
        .blocked
        .into_iter()
        .map(|blocked| (blocked.message_for_owner(), blocked.subject.to_string()));
    let own = |host: &str| (format!("Route 53 rejected the change: {}", exists(host)), host.to_owned());
    assert_eq!(messages.collect::<Vec<_>>(), hosts.map(own));
}

/// An Ingress of these hostnames without an address.
fn pending_with(hosts: &[&str]) -> Object {
    ingress(meta("shop", "many", 0, BTreeMap::new()), hosts, &[])
}

fn still(stage: &mut Stage) -> Vec<(u64, String)> {
    said(stage).into_iter().filter(|(_, line)| line.starts_with("still")).collect()
}

#[test]
fn an_object_is_told_a_reason_once_for_all_its_hostnames() {
    let (a, b, c) = ("a.example.com", "b.example.com", "c.example.com");
    let mut stage = Stage::new();
    stage.start(&[]);
    stage.see(&pending_with(&[a, b, "two..dots.example.com"]));
    stage.run(20_000);
    stage.see(&pending_with(&[a, b, c, "two..dots.example.com"]));
    stage.run(7_200_000);
    let line = |at, line: &str| (at, format!("still blocked {line}"));
    assert_eq!(
        still(&mut stage),
        [
            line(30, "two..dots.example.com: InvalidHostname"),
            line(30, "a.example.com: NoTarget, and 1 others"),
            // The new hostname is told, and counts with the others from then on.
            line(50, "c.example.com: NoTarget, and 2 others"),
            line(3_630, "two..dots.example.com: InvalidHostname"),
            line(3_650, "a.example.com: NoTarget, and 2 others"),
        ]
    );
}

#[test]
fn a_standby_tells_what_lasts_when_it_takes_over() {
    let mut stage = Stage::new();
    stage.start(&[]);
    stage.tell(Input::Leadership { until: Time::ZERO });
    stage.see(&pending_with(&["a.example.com"]));
    stage.run(600_000);
    assert_eq!(still(&mut stage), []);
    stage.tell(Input::Leadership { until: Time::NEVER });
    stage.run(31_000);
    assert_eq!(still(&mut stage), [(630, "still blocked a.example.com: NoTarget".to_owned())]);
}

#[test]
fn an_annotated_object_is_told_once_that_its_hostname_is_in_another_zone() {
    let mut stage = Stage::new();
    let with = |name: &str, annotation: Option<&str>, host: &str| {
        let annotations = annotation.map(|host| ("hostname", host.to_owned())).into_iter().collect();
        ingress(meta("shop", name, 0, annotations), &[host], &[(Some("192.0.2.1".to_owned()), None)])
    };
    stage.start(&[
        with("web", Some("www.example.com, www.example.org"), "shop.example.org"),
        // It does not ask for publication, so it may have nothing to do with this zonekeeper.
        with("other", None, "other.example.org"),
    ]);
    stage.run(8_000_000);
    let said = |stage: &mut Stage| -> Vec<(u64, String)> {
        let done = stage.done_at().into_iter().filter(|(_, line)| line.contains("still ignored"));
        done.map(|(at, line)| (at / 1_000, line)).collect()
    };
    let line = |at, host: &str, others: &str| {
        let text = "it is not in the zone example.com, so the zonekeeper of this zone ignores it";
        (at, format!("still ignored hostname {host}: {text}{others}"))
    };
    assert_eq!(said(&mut stage), [line(30, "shop.example.org", ", and 1 others")]);
    stage.see(&with("web", Some("www.example.com, www.example.net"), "shop.example.org"));
    stage.run(8_000_000);
    assert_eq!(said(&mut stage).len(), 1);
    assert_eq!(stage.at("www.example.com").len(), 2);
}

#[test]
fn a_service_of_another_type_is_told_that_it_is_not_read() {
    let mut stage = Stage::new();
    let service = |type_: &str| {
        Object::Service(Box::new(
            serde_json::from_value(serde_json::json!({
                "metadata": {"name": "web", "namespace": "shop", "uid": "uid of shop/web",
                    "annotations": {"external-dns.kubernetes.io/hostname": "www.example.com"}},
                "spec": {"type": type_},
                "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
            }))
            .unwrap(),
        ))
    };
    stage.start(&[service("NodePort")]);
    stage.run(40_000);
    let field = "ignored spec.type";
    let text =
        "NodePort is not read, because --service-type-filter does not name it (LoadBalancer, ExternalName)";
    let done = |stage: &mut Stage| -> Vec<String> {
        stage.done().into_iter().filter(|line| line.contains("ignored")).collect()
    };
    assert_eq!(done(&mut stage), [field.to_owned(), format!("still {field}: {text}")]);
    stage.see(&service("LoadBalancer"));
    stage.run(1_000);
    assert_eq!(done(&mut stage), [format!("no longer {field}")]);
    assert_eq!(stage.at("www.example.com").len(), 2);
}

#[test]
fn what_an_object_says_in_vain_is_told_while_it_says_it() {
    let mut stage = Stage::new();
    let with = |ttl: &str| {
        let annotations = BTreeMap::from([("ttl", ttl.to_owned())]);
        let targets = [(Some("192.0.2.1".to_owned()), None)];
        ingress(meta("shop", "www", 0, annotations), &["www.example.com"], &targets)
    };
    stage.start(&[with("720h")]);
    stage.run(4_000_000);
    stage.see(&with("1h"));
    stage.run(4_000_000);
    let done = stage.done_at().into_iter().filter(|(_, line)| line.contains("ignored"));
    let field = "ignored annotation external-dns.kubernetes.io/ttl";
    let text = "`720h` is more than --max-ttl, so the TTL is 604800";
    assert_eq!(
        done.map(|(at, line)| (at / 1_000, line)).collect::<Vec<_>>(),
        [
            (0, field.to_owned()),
            (30, format!("still {field}: {text}")),
            (3_630, format!("still {field}: {text}")),
            (4_000, format!("no longer {field}")),
        ]
    );
}
