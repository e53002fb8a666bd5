//! The pages about disasters: a deleted zone, a lost owner id, and a rebuilt cluster.

use k8s_openapi::api::networking::v1::Ingress;
use serde_json::json;
use zonekeeper_emulator::faults::Effect;

use crate::{
    control_plane::ControlPlane,
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    pages::{self, command},
    process::{ACCESS_KEY, CommandLine},
    zone::{CHANGE, LIST, Zone},
};

/// The commands of zonekeeper on a page.
fn commands(page: &str) -> Vec<String> {
    let commands = pages::commands(&pages::read(&format!("docs/operate/{page}.md")));
    commands.into_iter().filter(|command| command.starts_with("zonekeeper ")).collect()
}

#[tokio::test]
async fn a_deleted_zone_stops_all_writes_and_a_new_one_is_filled() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("deleted-zone").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await;
    let gone = || Effect::refuse(404, "NoSuchHostedZone", "No hosted zone found with ID: Z0123456789EXAMPLE");
    for operation in ["GetHostedZone", LIST, CHANGE] {
        zone.disturb(operation, gone(), u32::MAX);
    }
    shop.create_balanced_ingress("new", "new.example.test", BALANCER).await;
    zonekeeper.measures("zonekeeper_gate_closed{gate=\"account\"}", "1").await;
    let ended = zonekeeper.stop().await;
    assert!(ended.stderr.contains("NoSuchHostedZone"), "{ended}");
    assert_eq!(zone.sets().len(), 4);
    let ended = CommandLine::of(&zone, &shop, &["run"]).await.end().await;
    assert!(ended.code() == Some(1) && ended.stderr.contains("there is no hosted zone"), "{ended}");

    // The new zone has another id. That is no matter for the emulator.
    let zone = Zone::empty().await;
    let [_, plan] = &commands("deleted-zone")[..] else { panic!("the page has other commands") };
    let shown = command(plan, &zone, &shop).await.succeed().await;
    assert!(shown.stdout.contains("8 to create, 0 to replace, 0 in sync"), "{shown}");
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.succeed().await;
    assert_eq!(zone.sets().len(), 8);
}

#[tokio::test]
async fn a_wrong_owner_id_changes_no_record_and_its_own_records_are_taken_over() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("lost-owner-id").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.create_balanced_ingress("api", "api.example.test", BALANCER).await;
    let run = async |owner: &str| {
        let run = CommandLine::of(&zone, &shop, &["run", "--once", "--owner-id", owner]).await;
        run.succeed().await
    };
    run("prod-eu").await;
    let before = zone.requests().len();

    shop.set_address::<Ingress>("api", json!({"hostname": OTHER_BALANCER})).await;
    shop.create_balanced_ingress("new", "new.example.test", BALANCER).await;
    let ended = run("prod-wrong").await;
    let [noted] = &ended.logged("the records of a hostname are right and not ours")[..] else {
        panic!("{ended}")
    };
    let [blocked] = &ended.logged("a hostname is blocked")[..] else { panic!("{ended}") };
    assert_eq!((&noted["dns_name"], &noted["note"]), (&json!("www.example.test"), &json!("OwnedBy")));
    assert_eq!((&blocked["dns_name"], &blocked["reason"]), (&json!("api.example.test"), &json!("OwnedBy")));
    let written = zone.requests()[before..].concat();
    assert!(written.len() == 4 && written.iter().all(|change| change.contains("new.")), "{written:?}");

    let [adopt, plan] = &commands("lost-owner-id")[..] else { panic!("the page has other commands") };
    let adopted = command(&format!("{adopt} --yes"), &zone, &shop).await.succeed().await;
    assert!(adopted.stdout.contains("1 to adopt"), "{adopted}");
    run("prod-eu").await;
    let shown = command(plan, &zone, &shop).await.succeed().await;
    assert!(
        !shown.stdout.contains("OwnedBy") && shown.stdout.contains("3 in sync, 0 noted, 0 blocked"),
        "{shown}"
    );
    assert!(zone.alias("api.example.test", "A").unwrap().contains(OTHER_BALANCER));
}

#[tokio::test]
async fn a_rebuilt_cluster_continues_with_the_records() {
    let zone = Zone::empty().await;
    let old = ControlPlane::start().await;
    let shop = Namespace::of(&old, "shop").await;
    for name in ["www", "api"] {
        shop.create_balanced_ingress(name, &format!("{name}.example.test"), BALANCER).await;
    }
    let run = ["run", "--once"];
    CommandLine::of_cluster(&zone, &shop, &old.zonekeeper(), &run).succeed().await;
    let before = zone.requests().len();
    drop(old);

    let new = ControlPlane::start().await;
    let shop = Namespace::of(&new, "shop").await;
    let kubeconfig = new.zonekeeper();
    // Without objects, nothing is written, and there is no file with deletions.
    let plan = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &["plan"]).succeed().await;
    let counts = "0 to create, 0 to replace, 0 in sync, 0 noted, 0 blocked, 0 left over, 4 orphaned";
    assert!(plan.stdout.contains(counts), "{plan}");
    CommandLine::of_cluster(&zone, &shop, &kubeconfig, &run).succeed().await;
    assert_eq!(zone.requests().len(), before);
    let orphans = ["orphans", "--change-batch", "/nowhere/orphans.json"];
    let refused = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &orphans).end().await;
    assert!(refused.code() == Some(1) && refused.stderr.contains("no object asks for"), "{refused}");
    // One object is back, with a new load balancer.
    shop.create_balanced_ingress("www", "www.example.test", OTHER_BALANCER).await;
    CommandLine::of_cluster(&zone, &shop, &kubeconfig, &run).succeed().await;
    let written = zone.requests()[before..].concat();
    assert_eq!(written, ["UPSERT www.example.test A", "UPSERT www.example.test AAAA"]);
    assert!(zone.alias("api.example.test", "A").unwrap().contains(BALANCER));

    // The last command of the page releases the brake.
    let release = commands("rebuilt-cluster").pop().unwrap();
    let arguments: Vec<&str> = release.split(' ').skip(1).collect();
    let released = CommandLine::new(&arguments).keys(ACCESS_KEY).env("KUBECONFIG", new.administrator());
    assert!(released.succeed().await.stdout.contains("the brake is released until"));
}
