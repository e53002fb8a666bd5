//! Holders: the next holder if the object is gone, hands its hostname over, or is not readable.

use std::collections::BTreeMap;

use zonekeeper_core::{
    keeper::Input,
    source::{HAND_OVER_TO, MAX_OBJECT_HOSTS, Object, Resource, Scope},
};

use zonekeeper_emulator::zone::RecordSet;

use super::stage::{Stage, WEB_1, WEB_2, gone, scope};
use crate::world::{ingress, meta};

const HOST: &str = "www.example.com";
const MINUTE: u64 = 60_000;

/// An Ingress that asks for [`HOST`], with an optional load balancer.
fn of(namespace: &str, name: &str, balancer: Option<&str>, annotations: &[(&str, &str)]) -> Object {
    born(0, namespace, name, balancer, annotations)
}

/// The same Ingress with a creation time.
fn born(
    age: i64,
    namespace: &str,
    name: &str,
    balancer: Option<&str>,
    annotations: &[(&str, &str)],
) -> Object {
    let annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let targets: Vec<_> = balancer.map(|balancer| (None, Some(balancer.to_owned()))).into_iter().collect();
    let mut metadata = meta(namespace, name, age, BTreeMap::new());
    metadata.annotations = Some(annotations.collect());
    ingress(metadata, &[HOST], &targets)
}

/// The objects in the ownership records of the zone.
fn named(stage: &Stage) -> Vec<String> {
    let texts = stage.at(HOST).into_iter().filter(|line| line.contains("heritage"));
    let name = |line: String| line.split("resource=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    texts.map(name).collect()
}

/// A stage where `shop/web` holds the hostname.
fn held() -> (Stage, Object) {
    let (mut stage, web) = (Stage::new(), of("shop", "web", Some(WEB_1), &[]));
    stage.start(std::slice::from_ref(&web));
    stage.run(5_000);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    stage.done();
    (stage, web)
}

#[test]
fn a_hostname_that_rises_above_the_limit_stays_with_its_object_until_the_object_gives_it_up() {
    let (mut stage, _) = held();
    let first: Vec<String> = (0..MAX_OBJECT_HOSTS).map(|n| format!("w{n}.example.com")).collect();
    let mut hosts: Vec<&str> = first.iter().map(String::as_str).chain([HOST]).collect();
    let web = |hosts: &[&str]| {
        ingress(meta("shop", "web", 0, BTreeMap::new()), hosts, &[(None, Some(WEB_1.to_owned()))])
    };
    stage.see(&web(&hosts));
    stage.see(&of("blog", "web", Some(WEB_2), &[]));
    stage.run(20 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    let plan = stage.keeper.plan();
    let reasons: Vec<_> = plan.blocked.iter().map(|it| (it.subject.hostname(), it.reason.label())).collect();
    assert_eq!(reasons, [(HOST, "ClaimedBy"), (HOST, "TooBig")]);
    // As many remain as are allowed: the hostname is free after its grace period.
    hosts.pop();
    stage.see(&web(&hosts));
    stage.run(12 * MINUTE);
    assert_eq!(named(&stage), ["ingress/blog/web"; 2]);
}

#[test]
fn a_text_that_follows_its_object_is_no_repair() {
    let (mut stage, web) = held();
    stage.see(&of("shop", "api", Some(WEB_1), &[]));
    stage.tell(gone(&web));
    stage.run(5_000);
    assert_eq!(named(&stage), ["ingress/shop/api"; 2]);
    stage.done();
    // The repaired name is read again.
    stage.run(20 * MINUTE);
    let done = stage.done();
    assert!(!done.iter().any(|line| line.starts_with("read")), "{done:?}");
}

#[test]
fn an_object_of_another_namespace_follows_after_the_vacancy() {
    let (mut stage, web) = held();
    stage.see(&of("blog", "web", Some(WEB_2), &[]));
    stage.run(1_000);
    assert_eq!(stage.done(), [format!("blocked {HOST}: ClaimedBy")]);
    stage.tell(gone(&web));
    stage.run(9 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    assert!(stage.done().contains(&format!("blocked {HOST}: Vacant")));
    stage.run(2 * MINUTE);
    assert_eq!(named(&stage), ["ingress/blog/web"; 2]);
}

#[test]
fn an_object_in_another_ownership_record_does_not_follow_sooner() {
    let (mut stage, web) = held();
    stage.see(&of("blog", "web", Some(WEB_2), &[]));
    let text = "\"heritage=external-dns,external-dns/owner=me,external-dns/resource=ingress/blog/web\"";
    stage.somebody_deletes("aaaa-www.example.com", "TXT");
    stage.somebody_creates(RecordSet::simple("aaaa-www.example.com.", "TXT", 300, [text]));
    // The time until the next listing.
    stage.run(60 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web", "ingress/blog/web"]);
    stage.tell(gone(&web));
    stage.run(9 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web", "ingress/blog/web"]);
    stage.run(2 * MINUTE);
    assert_eq!(named(&stage), ["ingress/blog/web"; 2]);
}

#[test]
fn an_object_that_is_created_again_gets_its_name_back() {
    let (mut stage, web) = held();
    stage.see(&of("blog", "web", Some(WEB_2), &[]));
    stage.tell(gone(&web));
    stage.run(5 * MINUTE);
    stage.see(&of("shop", "web", Some(WEB_1), &[]));
    stage.run(30 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    assert!(!stage.done().iter().any(|line| line.starts_with("apply")));
}

#[test]
fn an_object_of_its_own_namespace_follows_at_once() {
    let (mut stage, web) = held();
    stage.see(&of("shop", "next", Some(WEB_2), &[]));
    stage.tell(gone(&web));
    stage.run(1_000);
    assert_eq!(named(&stage), ["ingress/shop/next"; 2]);
}

#[test]
fn where_the_records_are_right_only_the_ownership_texts_are_rewritten() {
    let (mut stage, web) = held();
    stage.see(&of("shop", "next", Some(WEB_1), &[]));
    stage.tell(gone(&web));
    stage.run(1_000);
    let writes: Vec<String> = stage.done().into_iter().filter(|line| line.starts_with("apply")).collect();
    assert_eq!(writes, ["apply 1 units: 0 create, 2 replace"]);
    assert_eq!(named(&stage), ["ingress/shop/next"; 2]);
}

#[test]
fn a_label_that_was_stale_at_the_start_is_left_as_it_is() {
    let (mut stage, _) = held();
    stage.start(&[of("blog", "web", Some(WEB_1), &[])]);
    stage.run(60 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    assert!(!stage.done().iter().any(|line| line.starts_with("apply")));
}

#[test]
fn after_a_restart_the_vacancy_begins_anew() {
    let (mut stage, _) = held();
    stage.start(&[of("blog", "web", Some(WEB_2), &[])]);
    stage.run(9 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    stage.run(2 * MINUTE);
    assert_eq!(named(&stage), ["ingress/blog/web"; 2]);
}

#[test]
fn a_holder_without_a_target_yields_to_its_own_namespace_after_a_minute() {
    let (mut stage, _) = held();
    stage.see(&of("blog", "web", Some(WEB_2), &[]));
    stage.see(&of("shop", "next", Some(WEB_2), &[]));
    stage.see(&of("shop", "web", None, &[]));
    stage.run(59_000);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    stage.run(2_000);
    assert_eq!(named(&stage), ["ingress/shop/next"; 2]);
}

#[test]
fn the_oldest_without_a_target_yields_a_new_name_to_its_own_namespace_after_a_minute() {
    let mut stage = Stage::new();
    let next = born(2, "shop", "next", Some(WEB_2), &[]);
    stage.start(&[of("shop", "web", None, &[]), next]);
    stage.run(59_000);
    assert!(named(&stage).is_empty());
    stage.run(2_000);
    assert_eq!(named(&stage), ["ingress/shop/next"; 2]);
    // `next` holds the hostname now.
    stage.see(&of("shop", "web", Some(WEB_1), &[]));
    stage.run(60 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/next"; 2]);
}

#[test]
fn a_name_is_inherited_by_whoever_has_a_target() {
    let (mut stage, web) = held();
    stage.see(&of("shop", "early", None, &[]));
    stage.see(&born(1, "shop", "next", Some(WEB_2), &[]));
    stage.tell(gone(&web));
    stage.run(1_000);
    assert_eq!(named(&stage), ["ingress/shop/next"; 2]);
}

#[test]
fn a_holder_that_followed_before_the_start_yields_after_a_minute() {
    let (mut stage, _) = held();
    let next = born(1, "shop", "next", Some(WEB_2), &[]);
    stage.start(&[of("shop", "early", Some(WEB_1), &[]), next]);
    stage.see(&of("shop", "early", None, &[]));
    stage.run(59_000);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    stage.run(2_000);
    assert_eq!(named(&stage), ["ingress/shop/next"; 2]);
}

#[test]
fn an_heir_without_a_target_keeps_the_name_within_its_namespace_and_yields_it_there() {
    let (mut stage, web) = held();
    stage.see(&born(1, "shop", "next", None, &[]));
    stage.tell(gone(&web));
    stage.run(60 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    stage.see(&born(2, "shop", "late", Some(WEB_2), &[]));
    stage.run(1_000);
    assert_eq!(named(&stage), ["ingress/shop/late"; 2]);
}

#[test]
fn an_heir_without_a_target_keeps_the_name_from_other_namespaces_no_longer_than_the_vacancy() {
    let (mut stage, web) = held();
    stage.see(&of("blog", "web", Some(WEB_2), &[]));
    stage.see(&born(1, "shop", "next", None, &[]));
    stage.tell(gone(&web));
    stage.run(9 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    stage.run(2 * MINUTE);
    assert_eq!(named(&stage), ["ingress/blog/web"; 2]);
}

#[test]
fn an_heir_whose_wish_is_impossible_keeps_the_name_no_longer_than_the_vacancy() {
    let (mut stage, web) = held();
    stage.see(&of("shop", "next", Some(WEB_1), &[("external-dns.kubernetes.io/alias", "maybe")]));
    stage.see(&of("blog", "web", Some(WEB_2), &[]));
    stage.tell(gone(&web));
    stage.run(9 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    stage.run(2 * MINUTE);
    assert_eq!(named(&stage), ["ingress/blog/web"; 2]);
}

#[test]
fn a_holder_hands_its_name_over_in_one_batch() {
    let (mut stage, _) = held();
    stage.see(&of("blog", "web", Some(WEB_2), &[]));
    stage.run(1_000);
    stage.done();
    stage.see(&of("shop", "web", Some(WEB_1), &[(HAND_OVER_TO, "Ingress/blog/web")]));
    stage.run(1_000);
    let writes: Vec<String> = stage.done().into_iter().filter(|line| line.starts_with("apply")).collect();
    assert_eq!(writes, ["apply 1 units: 0 create, 4 replace"]);
    assert_eq!(named(&stage), ["ingress/blog/web"; 2]);
}

#[test]
fn nothing_is_handed_over_to_nobody_or_in_a_circle() {
    let (mut stage, _) = held();
    stage.see(&of("shop", "web", Some(WEB_1), &[(HAND_OVER_TO, "Ingress/blog/web")]));
    stage.run(MINUTE);
    stage.see(&of("blog", "web", Some(WEB_2), &[(HAND_OVER_TO, "Ingress/shop/web")]));
    stage.run(60 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    assert!(!stage.done().iter().any(|line| line.starts_with("apply")));
}

#[test]
fn possible_hostnames_of_a_denied_kind_stay_with_their_objects() {
    let (mut stage, web) = held();
    let next = of("shop", "next", Some(WEB_2), &[]);
    stage.start(&[]);
    stage.keeper_begins_anew();
    stage.tell(Input::Denied(scope()));
    stage.see(&next);
    stage.run(60 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    let done = stage.done();
    assert!(done.contains(&format!("blocked {HOST}: KindUnreadable")), "{done:?}");
    // The process may list the kind again, and the holder exists.
    stage.relist(&[web, next]);
    stage.run(1_000);
    assert_eq!(stage.done(), [format!("blocked {HOST}: ClaimedBy")]);
}

#[test]
fn a_kind_that_is_denied_later_keeps_its_claims() {
    let (mut stage, _) = held();
    stage.tell(Input::Denied(scope()));
    stage.run(60 * MINUTE);
    assert_eq!(stage.keeper.plan().in_sync, 1);
    assert!(stage.keeper.plan().orphans.is_empty());
}

#[test]
fn an_object_that_cannot_be_read_keeps_what_it_may_have() {
    let (mut stage, web) = held();
    let next = of("shop", "next", Some(WEB_2), &[]);
    stage.keeper_begins_anew();
    stage.tell(Input::Listing(scope()));
    stage.see(&next);
    stage.tell(Input::Undecodable { resource: web.resource_ref().unwrap() });
    stage.tell(Input::Listed(scope()));
    stage.run(60 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    assert!(stage.done().contains(&format!("blocked {HOST}: KindUnreadable")));
    // The list shows that the holder is gone.
    stage.relist(&[next]);
    stage.run(1_000);
    assert_eq!(named(&stage), ["ingress/shop/next"; 2]);
}

#[test]
fn the_vacancy_begins_when_it_is_known_that_the_object_is_gone() {
    let (mut stage, web) = held();
    let blog = of("blog", "web", Some(WEB_2), &[]);
    stage.keeper_begins_anew();
    stage.tell(Input::Listing(scope()));
    stage.see(&blog);
    stage.tell(Input::Undecodable { resource: web.resource_ref().unwrap() });
    stage.tell(Input::Listed(scope()));
    stage.run(60 * MINUTE);
    stage.relist(std::slice::from_ref(&blog));
    stage.run(9 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    stage.run(2 * MINUTE);
    assert_eq!(named(&stage), ["ingress/blog/web"; 2]);
}

#[test]
fn a_list_of_one_namespace_says_nothing_of_what_cannot_be_read_in_others() {
    let (mut stage, web) = held();
    let next = of("shop", "next", Some(WEB_2), &[]);
    let list = |stage: &mut Stage, namespace: &str, objects: &[&Object]| {
        let scope = Scope { resource: Resource::INGRESS, namespace: Some(namespace.into()) };
        stage.tell(Input::Listing(scope.clone()));
        for object in objects {
            stage.see(object);
        }
        stage.tell(Input::Listed(scope));
        stage.run(1_000);
    };
    stage.keeper_begins_anew();
    stage.tell(Input::Listing(scope()));
    stage.see(&next);
    stage.tell(Input::Undecodable { resource: web.resource_ref().unwrap() });
    stage.tell(Input::Listed(scope()));
    list(&mut stage, "blog", &[]);
    assert_eq!(named(&stage), ["ingress/shop/web"; 2]);
    list(&mut stage, "shop", &[&next]);
    assert_eq!(named(&stage), ["ingress/shop/next"; 2]);
}

#[test]
fn the_grace_period_of_an_object_in_another_ownership_record_begins_when_that_of_the_first_ends() {
    let text = |name: &str| {
        let text =
            format!("heritage=external-dns,external-dns/owner=me,external-dns/resource=ingress/shop/{name}");
        format!("\"{text}\"")
    };
    let mut stage = Stage::new();
    let gone_later = of("shop", "gone", None, &[]);
    for (rtype, value, named) in [("A", "192.0.2.1", "gone"), ("AAAA", "2001:db8::1", "waiting")] {
        stage.somebody_creates(RecordSet::simple(HOST, rtype, 300, [value]));
        let at = format!("{}-{HOST}", rtype.to_lowercase());
        stage.somebody_creates(RecordSet::simple(&at, "TXT", 300, [text(named).as_str()]));
    }
    // `next` follows `gone` at once. A pause keeps it from the zone until the grace period of `gone` is over.
    let paused = [("zonekeeper.dev/paused-until", "2027-01-15T08:13:00Z")];
    let objects = [born(1, "shop", "waiting", None, &[]), born(2, "shop", "next", Some(WEB_2), &paused)];
    stage.before_start(Input::Wall { unix: 1_800_000_000 });
    stage.start(&[std::slice::from_ref(&gone_later), &objects].concat());
    stage.run(1_000);
    stage.tell(gone(&gone_later));
    stage.run(14 * MINUTE);
    assert_eq!(named(&stage), ["ingress/shop/next"; 2]);
}
