//! Adoptions: they depend on existing records, which are read just before sending.

use std::collections::{BTreeMap, BTreeSet};

use zonekeeper_core::{
    dns::Name,
    plan::{AdoptionOrder, Hosts, UnitDigest},
    source::{ADOPT, Object},
};
use zonekeeper_emulator::zone::RecordSet;

use super::stage::Stage;
use crate::world::{ingress, meta};

/// An Ingress that asks for an address and to adopt it.
fn adopting() -> Object {
    let notes = BTreeMap::from([(ADOPT, "true".to_owned())]);
    ingress(meta("shop", "www", 0, notes), &["www.example.com"], &[(Some("192.0.2.1".to_owned()), None)])
}

fn address(value: &str) -> RecordSet {
    RecordSet::simple("www.example.com", "A", 60, [value])
}

#[test]
fn an_adoption_is_a_read_and_a_txt() {
    let mut stage = Stage::new();
    stage.somebody_creates(address("192.0.2.1"));
    stage.start(&[]);
    stage.done();
    stage.see(&adopting());
    stage.run(50);
    assert_eq!(stage.done(), ["read a-www.example.com", "apply 1 units: 1 create, 0 replace"]);
    assert_eq!((stage.at("www.example.com").len(), stage.at("a-www.example.com").len()), (2, 1));
}

#[test]
fn a_record_that_changed_since_the_listing_is_not_adopted() {
    let mut stage = Stage::new();
    stage.somebody_creates(address("192.0.2.1"));
    stage.start(&[]);
    stage.somebody_deletes("www.example.com", "A");
    stage.somebody_creates(address("192.0.2.9"));
    stage.done();
    stage.see(&adopting());
    stage.run(50);
    assert_eq!(stage.done(), ["read a-www.example.com", "blocked www.example.com: Unowned"]);
}

#[test]
fn a_record_with_a_new_owner_since_the_listing_is_not_adopted() {
    let mut stage = Stage::new();
    stage.somebody_creates(address("192.0.2.1"));
    stage.start(&[]);
    // At another name, so that Route 53 does not reject the second TXT.
    let text = "\"heritage=external-dns,external-dns/owner=other\"";
    stage.somebody_creates(RecordSet::simple("www.example.com", "TXT", 300, [text]));
    stage.done();
    stage.see(&adopting());
    stage.run(50);
    assert_eq!(stage.done(), ["read a-www.example.com", "noted www.example.com: OwnedBy"]);
}

#[test]
fn an_operator_adopts_what_was_shown_and_nothing_else() {
    let order = |seen| AdoptionOrder { hosts: Hosts::All, from: None, seen };
    let adopted = |seen: Option<BTreeSet<UnitDigest>>| {
        let mut stage = Stage::with(|config| config.settings.adoption.order = Some(order(seen)));
        stage.somebody_creates(address("192.0.2.9"));
        stage.start(&[adopting()]);
        stage.run(5_000);
        assert_eq!(stage.at("www.example.com").iter().filter(|set| set.contains("192.0.2.9")).count(), 1);
        stage.at("a-www.example.com").len()
    };
    assert_eq!(adopted(None), 1);
    assert_eq!(adopted(Some(BTreeSet::new())), 0);
}

#[test]
fn an_operator_adopts_of_one_owner_at_these_hostnames_only() {
    let hosts = ["api.example.com", "www.example.com", "www.shop.example.com"];
    let adopted = |order: AdoptionOrder| {
        let mut stage = Stage::with(|config| config.settings.adoption.order = Some(order));
        for (host, owner) in hosts.into_iter().zip(["other", "other", "third"]) {
            let text = format!("\"heritage=external-dns,external-dns/owner={owner}\"");
            let (label, parent) = host.split_once('.').unwrap();
            stage.somebody_creates(RecordSet::simple(host, "A", 300, ["192.0.2.1"]));
            stage.somebody_creates(RecordSet::simple(
                format!("a-{label}.{parent}"),
                "TXT",
                300,
                [text.as_str()],
            ));
        }
        let target = (Some("192.0.2.1".to_owned()), None);
        stage.start(&[ingress(meta("shop", "web", 0, BTreeMap::new()), &hosts, &[target])]);
        stage.run(5_000);
        let is_ours = |host: &&str| {
            let (label, parent) = host.split_once('.').unwrap();
            stage.at(&format!("a-{label}.{parent}")).iter().any(|line| line.contains("owner=me"))
        };
        hosts.into_iter().filter(is_ours).collect::<Vec<_>>()
    };
    let order = |hosts, from: &str| AdoptionOrder { hosts, from: Some(from.parse().unwrap()), seen: None };
    let one = |host| Hosts::One(Name::from_hostname(host).unwrap());
    assert_eq!(adopted(order(Hosts::All, "other")), hosts[..2]);
    assert_eq!(adopted(order(one(hosts[0]), "other")), hosts[..1]);
    assert_eq!(adopted(order(Hosts::Matching("*.shop.example.com".parse().unwrap()), "other")), [""; 0]);
    assert_eq!(adopted(order(Hosts::Matching("www.*".parse().unwrap()), "third")), hosts[2..]);
}
