//! What the README shows is what happens.

use crate::{
    namespace::{BALANCER, Namespace},
    process::CommandLine,
    zone::{self, CHANGE, Zone},
};

const README: &str = include_str!("../../README.md");
const MAKEFILE: &str = include_str!("../../Makefile");

/// The commands of the README; `make test` is what runs this.
const COMMANDS: [&str; 4] = [
    "make demo",
    "make sandbox",
    "zonekeeper plan --zone-id Z0123456789EXAMPLE --owner-id prod-eu",
    "zonekeeper run --zone-id Z0123456789EXAMPLE --owner-id prod-eu",
];

fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README
        .split(fence.as_str())
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(text, _)| text)
        .collect()
}

/// `zonekeeper …` of the README, for an emulated zone and the shared control plane.
async fn command(text: &str, zone: &Zone, namespace: &Namespace) -> CommandLine {
    let arguments: Vec<&str> = text.split(' ').skip(1).collect();
    CommandLine::of(zone, namespace, &arguments)
        .await
        .without_env("ZONEKEEPER_ZONE_ID")
        .without_env("ZONEKEEPER_OWNER_ID")
}

#[test]
fn every_command_of_the_readme_is_tested() {
    let shown: Vec<&str> = blocks("sh").iter().flat_map(|block| block.lines()).collect();
    assert_eq!(shown, COMMANDS);
    for (target, recipe) in [("demo:", "sandbox --once"), ("sandbox:", "-- sandbox")] {
        let rule = MAKEFILE.split("\n\n").find(|rule| rule.starts_with(target)).unwrap();
        assert!(rule.ends_with(recipe), "{rule}");
    }
}

#[tokio::test]
async fn the_two_commands_plan_and_write() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("readme").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let [_, _, plan, run] = COMMANDS;

    let planned = command(plan, &zone, &shop).await.succeed().await;
    assert!(planned.stdout.contains("4 to create, 0 to replace"), "{planned}");
    assert_eq!(zone.count(CHANGE), 0);

    let mut running = command(run, &zone, &shop).await.start();
    running.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await;
    running.stop().await;
    assert!(run.contains(zone::ID));
}

#[tokio::test]
async fn the_plan_of_the_readme_is_that_of_the_demo() {
    let demo = CommandLine::new(&["sandbox", "--once"]).succeed().await;
    let [plan] = blocks("text").try_into().unwrap();
    assert!(demo.stdout.contains(plan.trim_end()), "{demo}");
}
