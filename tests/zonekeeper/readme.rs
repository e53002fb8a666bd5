//! The commands and outputs of the README.

use std::{fs, path::Path};

use k8s_openapi::api::networking::v1::Ingress;
use serde_json::{Value, json};
use zonekeeper_core::plan::PlanDigest;
use zonekeeper_emulator::zone::RecordSet;

use crate::{
    control_plane::ControlPlane,
    deadline::eventually,
    deployment,
    namespace::{BALANCER, Namespace},
    process::{ACCESS_KEY, CommandLine, Process},
    scratch::{Scratch, copy},
    zone::{CHANGE, Zone},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const README: &str = include_str!("../../README.md");
const ANNOTATIONS: &str = include_str!("../../docs/annotations.md");
const MAKEFILE: &str = include_str!("../../Makefile");

/// A platform engineer with a checkout, a cluster and a delegated zone.
struct Engineer {
    plane: ControlPlane,
    zone: Zone,
    /// The folder with the edited manifests.
    checkout: Scratch,
    /// The process that the kubelet would run.
    running: Option<Process>,
}

fn blocks(text: &'static str, language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str())
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(text, _)| text)
        .collect()
}

/// The commands of a section of the README, in order.
fn commands(title: &str) -> Vec<&'static str> {
    blocks(section(title), "sh").into_iter().flat_map(str::lines).collect()
}

fn section(title: &str) -> &'static str {
    let rest = README.split_once(&format!("\n## {title}\n")).unwrap().1;
    rest.split_once("\n## ").map_or(rest, |(section, _)| section)
}

#[test]
fn every_command_of_the_readme_is_in_a_section_that_is_tested() {
    let tested: Vec<&str> =
        ["Get the program", "Try it", "Install in a cluster", "Use the command line", "Approve each plan"]
            .into_iter()
            .flat_map(commands)
            .collect();
    let all: Vec<&str> = blocks(README, "sh").into_iter().flat_map(str::lines).collect();
    assert_eq!(all, tested);
}

#[tokio::test]
async fn the_program_and_its_image_come_from_the_checkout() {
    let [install, version, build, push] = commands("Get the program")[..] else {
        panic!("the section of the README has other commands")
    };
    assert_eq!((install, env!("CARGO_PKG_NAME")), ("cargo install --locked --path .", "zonekeeper"));
    let arguments: Vec<&str> = version.split(' ').skip(1).collect();
    let printed = CommandLine::new(&arguments).succeed().await;
    assert_eq!(printed.stdout.trim(), concat!("zonekeeper ", env!("CARGO_PKG_VERSION")));
    // Another test builds and runs the image.
    let image = image(&Path::new(ROOT).join("manifests"));
    assert_eq!(build, format!("docker build --tag {image} ."));
    assert_eq!(push, format!("docker push {image}"));
}

#[test]
fn what_can_be_tried_are_targets_of_make() {
    assert_eq!(commands("Try it"), ["make demo", "make sandbox"]);
    for (target, recipe) in [("demo:", "sandbox --once"), ("sandbox:", "-- sandbox")] {
        let rule = MAKEFILE.split("\n\n").find(|rule| rule.starts_with(target)).unwrap();
        assert!(rule.ends_with(recipe), "{rule}");
    }
}

#[tokio::test]
async fn the_plan_of_the_readme_is_that_of_the_demo() {
    let demo = CommandLine::new(&["sandbox", "--once"]).succeed().await;
    let [plan] = blocks(section("Read a plan"), "text")[..] else {
        panic!("the section of the README does not show exactly one plan")
    };
    assert!(demo.stdout.contains(plan.trim_end()), "{demo}");
}

#[test]
fn the_annotations_of_the_readme_are_on_their_page() {
    let first_cell = |line: &'static str| line.strip_prefix("| `")?.split_once('`');
    let shown: Vec<&str> =
        section("Ask for a hostname").lines().filter_map(first_cell).map(|(name, _)| name).collect();
    assert!(!shown.is_empty());
    for name in shown {
        let name = name.strip_prefix("external-dns.kubernetes.io/").unwrap_or(name);
        assert!(ANNOTATIONS.contains(&format!("\n| `{name}` |")), "there is no annotation {name}");
    }
}

#[tokio::test]
async fn it_runs_outside_of_a_cluster() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("readme").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let command = async |line: &str| {
        let arguments: Vec<&str> = line.split(' ').skip(1).collect();
        let command = CommandLine::of(&zone, &shop, &arguments).await;
        command.without_env("ZONEKEEPER_ZONE_ID").without_env("ZONEKEEPER_OWNER_ID")
    };
    let [run, apply, adopt, orphans] = commands("Use the command line")[..] else {
        panic!("the section of the README has other commands")
    };
    let mut running = command(run).await.start();
    running.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await;
    running.stop().await;

    zone.foreigner_creates(RecordSet::simple("old.example.test.", "CNAME", 300, ["lb.example.org"]));
    let target = json!({"external-dns.kubernetes.io/target": "lb.example.org"});
    shop.create_ingress("old", "old.example.test", target).await;
    shop.create_balanced_ingress("new", "new.example.test", BALANCER).await;
    let asked = command(apply).await.succeed().await;
    assert!(asked.stdout.contains("new.example.test") && asked.stdout.contains("--yes"), "{asked}");
    command(&format!("{apply} --yes")).await.succeed().await;
    assert_eq!(zone.sets().len(), 4 + 4 + 1);
    let shown = command(adopt).await.succeed().await;
    assert!(shown.stdout.contains("1 to adopt"), "{shown}");
    shop.delete::<Ingress>("new").await;
    let folder = Scratch::new("readme-orphans");
    let orphans = orphans.replace("orphans.json", &folder.join("orphans.json").display().to_string());
    // Two of four records are more than the default of --max-percent.
    let listed = command(&format!("{orphans} --max-percent 50")).await.succeed().await;
    assert!(listed.stdout.contains("new.example.test"), "{listed}");
    let batch: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("orphans.json")).unwrap()).unwrap();
    assert_eq!(batch["Changes"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn each_plan_can_be_approved() {
    let mut engineer = Engineer::new("readme-approve").await;
    let shop = Namespace::default_of(&engineer.plane).await;
    shop.create_balanced_ingress("web", "web.example.test", BALANCER).await;
    shop.annotate_ingress("web", json!({"external-dns.kubernetes.io/hostname": "www.example.test"})).await;
    let [overlay, look, approve] = commands("Approve each plan")[..] else {
        panic!("the section of the README has other commands")
    };
    engineer.applies(overlay).await;
    let shown = eventually(async || {
        let plans = engineer.plane.sh(&engineer.checkout, look).await;
        plans.split_whitespace().find(|word| word.parse::<PlanDigest>().is_ok()).map(str::to_owned)
    });
    let digest = shown.await.unwrap();
    assert_eq!(engineer.zone.count(CHANGE), 0);
    let mut arguments: Vec<&str> = approve.split(' ').skip(1).collect();
    assert_eq!((arguments[0], arguments[1].len()), ("approve", digest.len()));
    arguments[1] = &digest;
    let approved = CommandLine::new(&arguments).env("KUBECONFIG", engineer.plane.administrator());
    approved.succeed().await;
    let mut running = engineer.running.take().unwrap();
    running.until_zone(&engineer.zone, "the approved records", |zone| !zone.sets().is_empty()).await;
    running.stop().await;
}

#[tokio::test]
async fn it_leads_from_nothing_to_a_record() {
    let mut engineer = Engineer::new("readme").await;
    let shop = Namespace::default_of(&engineer.plane).await;
    shop.create_balanced_ingress("web", "web.example.test", BALANCER).await;
    for command in commands("Install in a cluster") {
        let mut words = command.split(' ');
        match (words.next().unwrap(), words.next().unwrap()) {
            ("zonekeeper", _) => engineer.tries(command).await,
            ("kubectl", "logs") => engineer.reads_the_log().await,
            ("kubectl", "apply") => engineer.applies(command).await,
            ("kubectl", "describe") => engineer.reads_of_the_record(command).await,
            _ => drop(engineer.plane.sh(&engineer.checkout, command).await),
        }
    }
    assert_eq!(engineer.zone.sets().len(), 8, "two hostnames of one Ingress");
    assert_eq!(shop.events_of::<Ingress>("web").await.len(), 1, "both hostnames in one Event");
    engineer.running.unwrap().stop().await;
}

// === impl Engineer ===

impl Engineer {
    async fn new(name: &str) -> Self {
        let checkout = Scratch::new(name);
        for folder in ["manifests", "crds"] {
            copy(&Path::new(ROOT).join(folder), &checkout.join(folder));
        }
        let [edited] = blocks(section("Install in a cluster"), "text")[..] else {
            panic!("the section of the README does not show exactly one file")
        };
        let file = checkout.join("manifests/base/zone.env");
        let before = fs::read_to_string(&file).unwrap();
        let names = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(|line| line.split('=').next().unwrap().to_owned()).collect()
        };
        assert_eq!(
            names(&before),
            names(edited),
            "the README and manifests/base/zone.env have different variables"
        );
        fs::write(file, edited).unwrap();
        Self { plane: ControlPlane::bare().await, zone: Zone::empty().await, checkout, running: None }
    }

    /// Runs a command on the engineer's own machine.
    async fn tries(&self, command: &str) {
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        let zonekeeper = CommandLine::new(&arguments).route53(&self.zone.url()).keys(ACCESS_KEY);
        let ended = zonekeeper.env("KUBECONFIG", self.plane.administrator()).succeed().await;
        if arguments[0] == "plan" {
            assert!(ended.stdout.contains("8 to create, 0 to replace"), "{ended}");
        } else {
            let policy: Value = serde_json::from_str(&ended.stdout).unwrap();
            assert_eq!(policy["Version"], json!("2012-10-17"));
        }
        assert_eq!(self.zone.count(CHANGE), 0);
    }

    /// Applies an overlay. The old pod ends before the new pod starts.
    async fn applies(&mut self, command: &str) {
        self.plane.sh(&self.checkout, command).await;
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
        self.running = Some(deployment::command(&self.plane, &self.zone).await.start());
    }

    async fn reads_the_log(&self) {
        let running = self.running.as_ref().unwrap();
        running.says(&["a dry run would make a change", "\"dns_name\":\"www.example.test\"", BALANCER]).await;
        assert_eq!(self.zone.count(CHANGE), 0);
    }

    async fn reads_of_the_record(&mut self, command: &str) {
        let running = self.running.as_mut().unwrap();
        running
            .until_zone(&self.zone, "the record", |zone| zone.set("www.example.test", "A").is_some())
            .await;
        let described = eventually(async || {
            let described = self.plane.sh(&self.checkout, command).await;
            let is_it = |line: &str| line.contains("Published") && line.contains("Route 53 accepted");
            described.lines().any(is_it).then_some(())
        });
        assert!(described.await.is_some(), "`{command}` does not show the Event");
    }
}

/// The name and tag of the image in the manifests.
fn image(manifests: &Path) -> String {
    let text = fs::read_to_string(manifests.join("base/kustomization.yaml")).unwrap();
    let kustomization: Value = serde_saphyr::from_str(&text).unwrap();
    let image = &kustomization["images"][0];
    format!("{}:{}", image["newName"].as_str().unwrap(), image["newTag"].as_str().unwrap())
}
