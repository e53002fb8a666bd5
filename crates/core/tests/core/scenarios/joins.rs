//! Joins: a route whose backend cannot be read keeps its records.

use std::{collections::BTreeMap, sync::Arc};

use zonekeeper_core::{
    keeper::Input,
    source::{Kind, ObjectRef, Publish, Reduced, Resource, ResourceRef, Rules, Scope},
};

use super::stage::Stage;
use crate::{
    simulation::join::{BACKEND, Backend, ROUTE, Route},
    world::{ingress, meta},
};

const HOST: &str = "www.example.com";
const HOUR: u64 = 3_600_000;

fn everywhere(resource: Resource) -> Scope {
    Scope { resource, namespace: None }
}

fn backend(name: &str) -> ResourceRef {
    ResourceRef::new(BACKEND, "shop", name)
}

/// A route of the namespace `shop` that asks for [`HOST`], and leads to the backend of its name.
fn route(name: &str, age: i64) -> Input {
    route_to(name, age, HOST, name)
}

/// A route of the namespace `shop`, with a hostname and a backend.
fn route_to(name: &str, age: i64, host: &str, to: &str) -> Input {
    let object = ingress(meta("shop", name, age, BTreeMap::new()), &[host], &[]);
    let mut facts = object.facts(&Rules { publish: Publish::All, ..Rules::default() }).unwrap();
    facts.object = ObjectRef::new(Kind::from_label("route"), "shop", name);
    let part = Route { facts, backend: backend(to) };
    let reduced = Some(Reduced::Part(Arc::new(part)));
    Input::Resource { resource: ResourceRef::new(ROUTE, "shop", name), reduced }
}

fn leads_to(name: &str, address: &str) -> Input {
    leads_to_all(name, &[address])
}

fn leads_to_all(name: &str, addresses: &[&str]) -> Input {
    let part = Backend { targets: addresses.iter().map(|address| (*address).to_owned()).collect() };
    Input::Resource { resource: backend(name), reduced: Some(Reduced::Part(Arc::new(part))) }
}

/// Starts a process with the routes `web` and `next`, and with these inputs about backends.
fn start(stage: &mut Stage, backends: impl IntoIterator<Item = Input>) {
    start_with(stage, [route("web", 0), route("next", 1)], backends);
}

fn start_with(
    stage: &mut Stage,
    routes: impl IntoIterator<Item = Input>,
    backends: impl IntoIterator<Item = Input>,
) {
    stage.keeper_begins_anew();
    stage.tell(Input::Listing(everywhere(ROUTE)));
    for input in routes {
        stage.tell(input);
    }
    stage.tell(Input::Listed(everywhere(ROUTE)));
    for input in backends {
        stage.tell(input);
    }
    stage.run(HOUR);
}

/// Lists one backend as the only one.
fn list(stage: &mut Stage, backend: Input) {
    stage.tell(Input::Listing(everywhere(BACKEND)));
    stage.tell(backend);
    stage.tell(Input::Listed(everywhere(BACKEND)));
    stage.run(HOUR);
}

/// A list of backends that shows `next`. It cannot decode `web`.
fn without_web() -> [Input; 4] {
    [
        Input::Listing(everywhere(BACKEND)),
        leads_to("next", "192.0.2.2"),
        Input::Undecodable { resource: backend("web") },
        Input::Listed(everywhere(BACKEND)),
    ]
}

/// A stage where the route `web` holds the hostname.
fn held() -> Stage {
    let mut stage = Stage::with(|config| config.scopes = vec![everywhere(ROUTE), everywhere(BACKEND)]);
    let web = leads_to("web", "192.0.2.1");
    let list = [Input::Listing(everywhere(BACKEND)), web, Input::Listed(everywhere(BACKEND))];
    start(&mut stage, list);
    assert_eq!(records(&stage), ["192.0.2.1 for route/shop/web"]);
    stage
}

/// The values of the record, and the object in its ownership record.
fn records(stage: &Stage) -> Vec<String> {
    let lines = stage.at(HOST);
    let value = lines.iter().find(|line| !line.contains("heritage")).unwrap();
    let value = value.split(' ').nth(2).unwrap();
    let named = lines.iter().filter_map(|line| line.split("resource=").nth(1)?.split('"').next());
    named.map(|named| format!("{value} for {named}")).collect()
}

#[test]
fn a_route_keeps_its_hostname_while_its_backend_cannot_be_decoded() {
    let mut stage = held();
    start(&mut stage, without_web());
    assert_eq!(records(&stage), ["192.0.2.1 for route/shop/web"]);
    assert!(stage.done().contains(&format!("blocked {HOST}: DependencyUnreadable")));
    // The backend is decodable again.
    stage.tell(leads_to("web", "192.0.2.3"));
    stage.run(HOUR);
    assert_eq!(records(&stage), ["192.0.2.3 for route/shop/web"]);
    // The last known version stays valid.
    stage.tell(Input::Undecodable { resource: backend("web") });
    stage.run(HOUR);
    assert_eq!(stage.keeper.plan().in_sync, 1);
    // A new listing shows that the backend is gone.
    list(&mut stage, leads_to("next", "192.0.2.2"));
    assert_eq!(records(&stage), ["192.0.2.2 for route/shop/next"]);
}

#[test]
fn a_route_keeps_its_hostname_while_backends_cannot_be_listed() {
    let mut stage = held();
    start(&mut stage, [Input::Denied(everywhere(BACKEND))]);
    stage.tell(leads_to("next", "192.0.2.2"));
    stage.run(HOUR);
    assert_eq!(records(&stage), ["192.0.2.1 for route/shop/web"]);
    assert!(stage.done().contains(&format!("blocked {HOST}: DependencyUnreadable")));
    list(&mut stage, leads_to("web", "192.0.2.3"));
    assert_eq!(records(&stage), ["192.0.2.3 for route/shop/web"]);
}

#[test]
fn a_backend_that_was_never_known_is_forgotten_when_a_list_does_not_show_it() {
    let mut stage = held();
    start(&mut stage, without_web());
    list(&mut stage, leads_to("next", "192.0.2.2"));
    assert_eq!(records(&stage), ["192.0.2.2 for route/shop/next"]);
}

#[test]
fn an_unreadable_backend_does_not_count_as_a_missing_target() {
    let mut stage = held();
    start(&mut stage, without_web());
    // The grace period of a holder without a target begins when the backend is readable.
    stage.tell(leads_to_all("web", &[]));
    stage.run(50_000);
    assert_eq!(records(&stage), ["192.0.2.1 for route/shop/web"]);
    stage.run(20_000);
    assert_eq!(records(&stage), ["192.0.2.2 for route/shop/next"]);
}

#[test]
fn a_former_holder_gives_a_hostname_up_when_its_look_up_is_readable() {
    let mut stage = held();
    let elsewhere = |backend: &str| route_to("web", 0, "api.example.com", backend);
    start_with(&mut stage, [elsewhere("web"), route("next", 1)], without_web());
    assert_eq!(records(&stage), ["192.0.2.1 for route/shop/web"]);
    stage.tell(elsewhere("next"));
    stage.run(1_000);
    assert_eq!(records(&stage), ["192.0.2.2 for route/shop/next"]);
}
