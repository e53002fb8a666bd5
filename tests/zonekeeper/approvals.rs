//! Mode `approve`: zonekeeper writes only units that a person approved.

use std::{fs, time::Duration};

use k8s_openapi::{
    api::networking::v1::Ingress,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::json;
use zonekeeper::cluster::ZonePlan;
use zonekeeper_core::{dns::ZoneId, lease::Lease};
use zonekeeper_emulator::{faults::Effect, zone::Change};

use crate::{
    control_plane::ControlPlane,
    deadline::eventually,
    dns_endpoints,
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::{CommandLine, OWNER, Process},
    zone::{self, CHANGE, Zone},
};

const DEFINITION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crds/zoneplans.yaml");

async fn define(client: &Client) {
    let definition: CustomResourceDefinition =
        serde_saphyr::from_str(&fs::read_to_string(DEFINITION).unwrap()).unwrap();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let parameters = PatchParams::apply("tests");
    definitions.patch("zoneplans.zonekeeper.dev", &parameters, &Patch::Apply(&definition)).await.unwrap();
}

/// Waits until the `ZonePlan` shows a new plan with units to write, and returns its digest.
async fn digest(process: &mut Process, plans: &Api<ZonePlan>, name: &str, before: &str) -> String {
    process
        .until("the ZonePlan shows another plan", async || {
            let shown = plans.get_opt(name).await.ok()??.status?;
            (shown.creates + shown.replaces > 0 && shown.digest != before).then_some(shown.digest)
        })
        .await
}

#[tokio::test]
async fn the_definitions_are_those_that_the_program_prints() {
    for (arguments, definition) in
        [(["crds"].as_slice(), DEFINITION), (&["crds", "dnsendpoints"], dns_endpoints::DEFINITION)]
    {
        let printed = CommandLine::new(arguments).succeed().await.stdout + "\n";
        // The chart has a copy, because a chart cannot read files outside of its folder.
        for place in [definition.to_owned(), definition.replace("/crds/", "/charts/zonekeeper/crds/")] {
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&place, &printed).unwrap();
            }
            let found = fs::read_to_string(&place).unwrap();
            assert!(found == printed, "{place} is out of date: run `make documents`");
        }
    }
}

/// Removes the definition, and waits until it is gone.
async fn undefine(client: &Client) {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = "zoneplans.zonekeeper.dev";
    definitions.delete(name, &DeleteParams::default()).await.unwrap();
    let is_gone = eventually(async || definitions.get_opt(name).await.unwrap().is_none().then_some(()));
    assert!(is_gone.await.is_some());
}

#[tokio::test]
async fn what_is_approved_is_written_and_what_is_new_waits() {
    let cluster = ControlPlane::start().await;
    let client = cluster.admin().await;
    undefine(&client).await;
    let shop = Namespace::of(&cluster, "shop").await;
    let zone = Zone::empty().await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let run = ["run", "--mode", "approve"];
    let kubeconfig = cluster.administrator();
    let mut process = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &run).start();
    // Without the CustomResourceDefinition, nobody can approve a plan, so zonekeeper writes nothing.
    process.says(&["the ZonePlan cannot be watched", "zonekeeper crds | kubectl apply -f -"]).await;
    define(&client).await;

    let plans: Api<ZonePlan> = Api::all(client);
    let name = Lease::name(&ZoneId::new(zone::ID).unwrap(), &OWNER.parse().unwrap());
    let first = digest(&mut process, &plans, &name, "").await;
    assert_eq!(zone.count(CHANGE), 0);
    // `zonekeeper plan` shows the same digest.
    let plan = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &["plan", "-o", "json"]).succeed().await;
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["digest"], first);

    let approve = async |digest: &str| {
        let ended = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &["approve", digest]).succeed().await;
        ended.stdout.lines().last().unwrap().to_owned()
    };
    assert_eq!(approve(&first).await, "approved: 4 to create, 0 to replace, 0 to delete");
    process.until_zone(&zone, "the approved records", |zone| zone.sets().len() == 4).await;
    // zonekeeper sent exactly the changes that `plan` showed.
    let shown = plan["units"][0]["changes"].as_array().unwrap().iter();
    let shown: Vec<String> = shown
        .map(|change| {
            format!("CREATE {} {}", change["name"].as_str().unwrap(), change["type"].as_str().unwrap())
        })
        .collect();
    assert_eq!(zone.requests(), [shown]);

    // A change waits for its approval. The next leader writes it.
    shop.set_address::<Ingress>("web", json!({"hostname": OTHER_BALANCER})).await;
    let second = digest(&mut process, &plans, &name, &first).await;
    assert_eq!(zone.count(CHANGE), 1);
    process.kill().await;
    let mut process = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &run).start();
    process.says(&["leadership won"]).await;
    assert_eq!(zone.count(CHANGE), 1);
    assert_eq!(approve(&second).await, "approved: 0 to create, 2 to replace, 0 to delete");
    process.until("the change is written", async || (zone.count(CHANGE) == 2).then_some(())).await;
    let released = ["approve", "--brake", "30m"];
    let ended = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &released).succeed().await;
    assert!(ended.stdout.contains("\nthe brake is released until 2"), "{}", ended.stdout);
    assert!(eventually(async || plans.get(&name).await.unwrap().status?.used).await.is_some());
}

#[tokio::test]
async fn what_was_used_is_shown_by_who_ends_and_a_plan_that_is_deleted_is_shown_again() {
    let cluster = ControlPlane::start().await;
    let client = cluster.admin().await;
    define(&client).await;
    let shop = Namespace::of(&cluster, "shop").await;
    let zone = Zone::empty().await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let kubeconfig = cluster.administrator();
    let command = |arguments: &[&str]| CommandLine::of_cluster(&zone, &shop, &kubeconfig, arguments);
    let plans: Api<ZonePlan> = Api::all(client);
    let name = Lease::name(&ZoneId::new(zone::ID).unwrap(), &OWNER.parse().unwrap());
    let status = async || plans.get(&name).await.unwrap().status.unwrap();

    // The first single run shows the plan. The second run writes it. Then somebody deletes the records. The
    // third run has the same plan, and does not write, because the approval is used.
    let once = ["run", "--once", "--mode", "approve"];
    command(&once).succeed().await;
    let first = status().await;
    assert_eq!((first.creates, first.used), (4, None));
    command(&["approve", &first.digest]).succeed().await;
    command(&once).succeed().await;
    let used = status().await;
    assert_eq!((zone.sets().len(), used.units.len(), zone.count(CHANGE)), (4, 0, 1));
    assert_eq!(used.used.unwrap().digest, first.digest);
    let taken: Vec<Change> = zone.record_sets().into_iter().map(Change::delete).collect();
    zone.foreigner_sends(&taken);
    command(&once).succeed().await;
    let third = status().await;
    assert_eq!((third.digest, zone.count(CHANGE)), (first.digest.clone(), 1));

    let mut process = command(&["run", "--mode", "approve"]).start();
    process.says(&["leadership won"]).await;
    plans.delete(&name, &DeleteParams::default()).await.unwrap();
    let shown = digest(&mut process, &plans, &name, "").await;
    assert_eq!(shown, first.digest);
    // Route 53 accepts the change after SIGTERM. The process still publishes that the approval is used.
    zone.disturb(CHANGE, Effect::latency(Duration::from_secs(2)), 1);
    command(&["approve", &shown]).succeed().await;
    process.until("a change request", async || (zone.count(CHANGE) == 2).then_some(())).await;
    process.stop().await;
    let last = status().await;
    assert_eq!((last.units.len(), zone.sets().len()), (0, 4));
    assert_eq!(last.used.unwrap().digest, shown);
}
