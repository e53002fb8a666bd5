//! The memory of the brake in the Lease, and its release in the `ZonePlan`, for the next leader.

use k8s_openapi::{api::coordination::v1::Lease, api::networking::v1::Ingress};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

use crate::{
    control_plane::ControlPlane,
    namespace::Namespace,
    process::{CommandLine, Process},
    zone::Zone,
};

const BRAKE: &str = "zonekeeper.dev/brake";

fn host(n: usize) -> String {
    format!("w{n}.example.test")
}

fn balancer(n: usize, generation: usize) -> String {
    format!("k8s-shop-w{n}-{generation}.eu-west-1.elb.amazonaws.com")
}

/// Gives an Ingress another load balancer.
async fn moves(shop: &Namespace, n: usize) {
    shop.set_address::<Ingress>(&format!("w{n}"), json!({"hostname": balancer(n, 2)})).await;
}

fn is_moved(zone: &Zone, n: usize) -> bool {
    zone.alias(&host(n), "A").is_some_and(|target| target.starts_with(&balancer(n, 2)))
}

/// Gives a command an owner of its own, because all tests share the cluster, and a `ZonePlan` belongs to an owner.
fn owner(command: CommandLine, shop: &Namespace) -> CommandLine {
    command.env("ZONEKEEPER_OWNER_ID", shop.name())
}

async fn start(zone: &Zone, shop: &Namespace) -> Process {
    let limits = ["--brake-moves", "3", "--brake-percent", "40"];
    owner(CommandLine::of(zone, shop, &["run"]).await.args(&limits), shop).start()
}

async fn lease(shop: &Namespace) -> Lease {
    shop.lease().list(&ListParams::default()).await.unwrap().items.remove(0)
}

/// The number of moved hostnames in the Lease.
async fn remembered(shop: &Namespace) -> usize {
    let annotations = lease(shop).await.metadata.annotations.unwrap_or_default();
    let lines = annotations.get(BRAKE).map(String::as_str).unwrap_or_default().lines();
    lines.map(|line| line.split(' ').nth(1).unwrap().parse::<usize>().unwrap()).sum()
}

#[tokio::test]
async fn what_was_moved_and_what_was_released_count_for_the_next_leader() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("brake").await);
    for n in 0..5 {
        shop.create_balanced_ingress(&format!("w{n}"), &host(n), &balancer(n, 1)).await;
    }
    let mut first = start(&zone, &shop).await;
    first.until_zone(&zone, "the records", |zone| zone.sets().len() == 20).await;
    let second = start(&zone, &shop).await;
    second.says(&["another process leads"]).await;
    moves(&shop, 0).await;
    first.until_zone(&zone, "a move", |zone| is_moved(zone, 0)).await;
    first.until("the lease to remember it", async || (remembered(&shop).await == 1).then_some(())).await;
    // A foreign write to the Lease ends neither the term nor the memory.
    let name = lease(&shop).await.metadata.name.unwrap();
    let note = Patch::Merge(json!({"metadata": {"annotations": {"example.test/note": "of somebody"}}}));
    shop.lease().patch(&name, &PatchParams::default(), &note).await.unwrap();
    moves(&shop, 1).await;
    first.until_zone(&zone, "another move", |zone| is_moved(zone, 1)).await;
    first.until("both moves in the Lease", async || (remembered(&shop).await == 2).then_some(())).await;
    first.kill().await;

    // Three moves of five or six hostnames are too many. The moves of the first process count, because this
    // process has moved none.
    let mut second = second;
    second.says(&["leadership won", "its holder did not renew it"]).await;
    moves(&shop, 2).await;
    second.measures("zonekeeper_blocked{reason=\"Braked\"}", "1").await;
    shop.create_balanced_ingress("new", "new.example.test", &balancer(9, 1)).await;
    second.until_zone(&zone, "a new hostname", |zone| zone.set("new.example.test", "A").is_some()).await;
    assert!(!is_moved(&zone, 2));
    let person = ControlPlane::shared().await.administrator();
    let approve = ["approve", "--brake", "30m"];
    owner(CommandLine::of_cluster(&zone, &shop, &person, &approve), &shop).succeed().await;
    second.until_zone(&zone, "what was held", |zone| is_moved(zone, 2)).await;
    second.until("the lease to remember all", async || (remembered(&shop).await == 3).then_some(())).await;
    second.kill().await;

    // The release also holds for the next process.
    let mut third = start(&zone, &shop).await;
    third.says(&["leadership won", "its holder did not renew it"]).await;
    moves(&shop, 3).await;
    third.until_zone(&zone, "one more", |zone| is_moved(zone, 3)).await;
    third.stop().await;
}

#[tokio::test]
async fn a_command_knows_what_was_moved_and_what_was_released() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("brake-apply").await);
    let limits = ["--brake-moves", "3", "--brake-percent", "40"];
    let command = async |arguments: &[&str]| {
        owner(CommandLine::of(&zone, &shop, &[arguments, &limits].concat()).await, &shop).succeed().await
    };
    for n in 0..5 {
        shop.create_balanced_ingress(&format!("w{n}"), &host(n), &balancer(n, 1)).await;
    }
    command(&["run", "--once"]).await;
    moves(&shop, 0).await;
    moves(&shop, 1).await;
    command(&["run", "--once"]).await;
    assert_eq!(remembered(&shop).await, 2);
    // A third move is too much, although this process has moved none.
    moves(&shop, 2).await;
    for arguments in [["plan"].as_slice(), &["apply", "--yes"]] {
        let held = command(arguments).await;
        assert!(held.stdout.contains("Braked"), "{held}");
    }
    assert!(is_moved(&zone, 1) && !is_moved(&zone, 2));
    let person = ControlPlane::shared().await.administrator();
    let approve = ["approve", "--brake", "30m"];
    owner(CommandLine::of_cluster(&zone, &shop, &person, &approve), &shop).succeed().await;
    // A release of more than a day would switch the brake off.
    let refused = CommandLine::of_cluster(&zone, &shop, &person, &["approve", "--brake", "25h"]).end().await;
    assert!(refused.stderr.contains("at most 24 hours"), "{refused}");
    command(&["apply", "--yes"]).await;
    assert!(is_moved(&zone, 2));
    assert_eq!(remembered(&shop).await, 3);
}
