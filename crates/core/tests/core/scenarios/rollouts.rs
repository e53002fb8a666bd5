//! Rollouts of headless Services: every pod gets another address.

use std::time::Duration;

use serde_json::{Value, json};
use zonekeeper_core::{
    keeper::Input,
    source::{Object, Publish, Received, Resource, Rules, Scope, ServiceType},
};

use super::stage::Stage;

const PODS: usize = 500;

/// The address of a pod, before or after its restart.
fn address(pod: usize, generation: usize) -> String {
    format!("10.{generation}.{}.{}", pod / 250, pod % 250 + 1)
}

fn read<K: serde::de::DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

fn tell(stage: &mut Stage, received: &Received) {
    let mut rules = Rules { publish: Publish::All, ..Rules::default() };
    rules.services.types.insert(ServiceType::ClusterIp);
    let (resource, reduced) = (received.resource_ref().unwrap(), received.reduce(&rules));
    stage.tell(Input::Resource { resource, reduced });
}

fn service(hostnames: &str) -> Received {
    Received::Object(Object::Service(Box::new(read(json!({
        "metadata": {"namespace": "shop", "name": "db", "uid": "uid of shop/db",
            "annotations": {"external-dns.kubernetes.io/hostname": hostnames}},
        "spec": {"type": "ClusterIP", "clusterIP": "None", "selector": {"app": "db"}},
    })))))
}

fn pod(number: usize) -> Received {
    let name = format!("db-{number}");
    Received::Pod(Box::new(read(json!({
        "metadata": {"namespace": "shop", "name": name, "labels": {"app": "db"}},
        "spec": {"hostname": name, "containers": []},
        "status": {"phase": "Running"},
    }))))
}

/// The slice of a hundred pods. A pod can be away.
fn slice(number: usize, away: Option<usize>, generation: impl Fn(usize) -> usize) -> Received {
    let pods = (number * 100..(number + 1) * 100).filter(|pod| Some(*pod) != away);
    let endpoint = |pod: usize| {
        json!({"addresses": [address(pod, generation(pod))], "conditions": {"ready": true},
            "targetRef": {"kind": "Pod", "namespace": "shop", "name": format!("db-{pod}")}})
    };
    Received::EndpointSlice(Box::new(read(json!({
        "metadata": {"namespace": "shop", "name": format!("db-{number}"),
            "labels": {"kubernetes.io/service-name": "db"}},
        "addressType": "IPv4",
        "endpoints": pods.map(endpoint).collect::<Vec<_>>(),
    }))))
}

/// A stage with a headless Service whose pods are published at each of its hostnames.
fn published(pods: usize, hostnames: &str) -> Stage {
    let mut stage = settled(pods, hostnames);
    let last = format!("db-{}.db.example.com", pods - 1);
    assert_eq!(stage.at(&last).len(), 2, "{:?}", stage.done());
    change_requests(&mut stage);
    stage
}

/// A stage with a headless Service and its pods.
fn settled(pods: usize, hostnames: &str) -> Stage {
    let everywhere = |resource| Scope { resource, namespace: None };
    let scopes: Vec<Scope> =
        [Resource::SERVICE, Resource::POD, Resource::ENDPOINT_SLICE].map(everywhere).into();
    let mut stage = Stage::with(|config| config.scopes.clone_from(&scopes));
    for scope in &scopes {
        stage.tell(Input::Listing(scope.clone()));
    }
    (0..pods).for_each(|number| tell(&mut stage, &pod(number)));
    (0..pods / 100).for_each(|number| tell(&mut stage, &slice(number, None, |_| 0)));
    tell(&mut stage, &service(hostnames));
    for scope in &scopes {
        stage.tell(Input::Listed(scope.clone()));
    }
    stage.tell(Input::Leadership { until: zonekeeper_core::keeper::Time::NEVER });
    stage.run(60_000);
    stage
}

fn change_requests(stage: &mut Stage) -> usize {
    stage.done().iter().filter(|line| line.starts_with("apply")).count()
}

#[test]
fn a_rolling_update_of_500_pods_costs_few_requests() {
    let mut stage = published(PODS, "db.example.com");
    // One pod after the other goes, and comes back a second later with another address: ten minutes for all.
    for restarted in 0..=PODS {
        for number in 0..5 {
            let away = Some(restarted).filter(|pod| *pod < PODS);
            tell(&mut stage, &slice(number, away, |pod| usize::from(pod < restarted)));
        }
        stage.run(1_200);
    }
    let during = change_requests(&mut stage);
    stage.run(120_000);
    let after = change_requests(&mut stage);
    assert!(
        (10..=16).contains(&during) && after <= 3,
        "{during} requests during the rollout, {after} after it"
    );
    for pod in [0, 250, PODS - 1] {
        let lines = stage.at(&format!("db-{pod}.db.example.com"));
        assert!(lines.iter().any(|line| line.contains(&address(pod, 1))), "{lines:?}");
    }
    assert!(stage.keeper.plan().units.is_empty());
}

#[test]
fn a_change_of_all_pods_at_once_is_written_without_a_pause() {
    let mut stage = published(400, "db.example.com,store.example.com");
    (0..4).for_each(|number| tell(&mut stage, &slice(number, None, |_| 1)));
    stage.run(4_000);
    assert!(change_requests(&mut stage) > 1, "one request cannot hold all changes");
    assert!(stage.keeper.plan().units.is_empty(), "{}", stage.keeper.plan());
    // The next change waits. Its pause is not counted as a delay.
    stage.waits.clear();
    tell(&mut stage, &slice(0, None, |_| 2));
    stage.run(2_000);
    assert_eq!(change_requests(&mut stage), 0);
    assert_eq!(stage.keeper.key_states(stage.now).longest_wait, Duration::ZERO);
    stage.run(8_000);
    assert!(stage.keeper.plan().units.is_empty());
    assert!(stage.waits.iter().all(|wait| *wait == ("change", 0)), "{:?}", stage.waits);
}

#[test]
fn pods_at_too_many_hostnames_are_not_published() {
    let hostnames: Vec<String> = (0..21).map(|n| format!("db{n}.example.com")).collect();
    let stage = settled(100, &hostnames.join(","));
    assert_eq!((stage.at("db20.example.com").len(), stage.at("db-0.db20.example.com").len()), (2, 0));
    let plan = stage.keeper.plan();
    let [blocked] = &plan.blocked[..] else { panic!("{plan}") };
    assert_eq!(blocked.subject.hostname(), "the hostnames of its pods");
    assert!(blocked.reason.to_string().contains("100 pods at 21 hostnames"), "{plan}");
}
