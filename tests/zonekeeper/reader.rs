//! A reader who follows the README, the tutorial, and the pages of the installation and of tasks.

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
    pages,
    process::{ACCESS_KEY, CommandLine, Process},
    scratch::{Scratch, copy},
    zone::{CHANGE, Zone},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const FIRST_RECORD: &str = "docs/tutorial/first-record.md";
const KUSTOMIZE: &str = "docs/install/kustomize.md";
const PROGRAM: &str = "docs/install/program.md";
const SANDBOX: &str = "docs/tutorial/sandbox.md";

/// A platform engineer with a checkout, a cluster and a delegated zone.
struct Engineer {
    plane: ControlPlane,
    zone: Zone,
    /// The folder with the edited manifests.
    checkout: Scratch,
    /// The process that the kubelet would run.
    running: Option<Process>,
}

/// The commands of a page, in order.
fn commands(page: &str) -> Vec<String> {
    pages::commands(&pages::read(page))
}

/// The only block of a page that is text.
fn shown(page: &str) -> String {
    let [shown] = &pages::blocks(&pages::read(page), "text")[..] else { panic!("{page} shows other texts") };
    shown.clone()
}

#[test]
fn the_commands_of_the_readme_are_those_of_the_book() {
    let first = commands(FIRST_RECORD);
    let expected = [&commands(SANDBOX)[0], &commands(PROGRAM)[0], &first[0], &first[1]];
    assert_eq!(commands("README.md").iter().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn the_program_and_its_image_come_from_the_checkout() {
    let [install, version, build, push] = &commands(PROGRAM)[..] else {
        panic!("the page has other commands")
    };
    assert_eq!((install.as_str(), env!("CARGO_PKG_NAME")), ("cargo install --locked --path .", "zonekeeper"));
    let arguments: Vec<&str> = version.split(' ').skip(1).collect();
    let printed = CommandLine::new(&arguments).succeed().await;
    assert_eq!(printed.stdout.trim(), concat!("zonekeeper ", env!("CARGO_PKG_VERSION")));
    // Another test builds and runs the image.
    let image = image(&Path::new(ROOT).join("manifests"));
    assert_eq!(*build, format!("docker build --platform linux/amd64 --tag {image} ."));
    assert_eq!(*push, format!("docker push {image}"));
}

#[test]
fn what_can_be_tried_are_targets_of_make() {
    assert_eq!(commands(SANDBOX), ["make demo", "make sandbox"]);
    let makefile = pages::read("Makefile");
    for (target, recipe) in [("demo:", "sandbox --once"), ("sandbox:", "-- sandbox")] {
        let rule = makefile.split("\n\n").find(|rule| rule.starts_with(target)).unwrap();
        assert!(rule.ends_with(recipe), "{rule}");
    }
}

#[tokio::test]
async fn the_plan_of_the_tutorial_is_that_of_the_demo() {
    let demo = CommandLine::new(&["sandbox", "--once"]).succeed().await;
    assert!(demo.stdout.contains(shown(SANDBOX).trim_end()), "{demo}");
}

#[test]
fn the_common_annotations_are_on_the_page_of_all() {
    let (page, all) = (pages::read("docs/tasks/annotate.md"), pages::read("docs/reference/annotations.md"));
    let names = page.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0));
    let names: Vec<&str> = names.filter(|name| name.contains('/')).collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        let name = name.strip_prefix("external-dns.kubernetes.io/").unwrap_or(name);
        assert!(all.contains(&format!("\n| `{name}` |")), "there is no annotation {name}");
    }
}

#[tokio::test]
async fn the_tutorial_leads_to_a_record_without_an_installation() {
    let engineer = Engineer::new("first-record").await;
    let shop = Namespace::default_of(&engineer.plane).await;
    shop.create_balanced_ingress("web", "web.example.test", BALANCER).await;
    let [annotate, plan, namespace, apply, again, run] = &commands(FIRST_RECORD)[..] else {
        panic!("the page has other commands")
    };
    engineer.plane.sh(&engineer.checkout, annotate).await;
    engineer.tries(plan).await;
    // Without its namespace, there is no Lease. The message says what to do.
    let refused = engineer.command(&format!("{apply} --yes")).end().await;
    assert!(refused.stderr.contains("create it: `kubectl create namespace zonekeeper`"), "{refused}");
    engineer.plane.sh(&engineer.checkout, namespace).await;
    let asked = engineer.command(apply).succeed().await;
    assert!(asked.stdout.contains("www.example.test") && asked.stdout.contains("--yes"), "{asked}");
    assert_eq!(engineer.zone.count(CHANGE), 0);
    let applied = engineer.command(&format!("{apply} --yes")).succeed().await;
    assert!(applied.stdout.ends_with("written: all name servers have the new records"), "{applied}");
    assert_eq!(engineer.zone.sets().len(), 8, "two hostnames of one Ingress");
    engineer.command(again).succeed().await;
    let mut running = engineer.command(run).env("ZONEKEEPER_METRICS_ADDRESS", "127.0.0.1:0").start();
    shop.annotate_ingress("web", json!({"external-dns.kubernetes.io/hostname": "new.example.test"})).await;
    running
        .until_zone(&engineer.zone, "its record", |zone| zone.set("new.example.test", "A").is_some())
        .await;
    running.stop().await;
}

#[tokio::test]
async fn records_are_taken_over_and_orphans_are_listed() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("reader").await);
    zone.foreigner_creates(RecordSet::simple("old.example.test.", "CNAME", 300, ["lb.example.org"]));
    let target = json!({"external-dns.kubernetes.io/target": "lb.example.org"});
    shop.create_ingress("old", "old.example.test", target).await;
    shop.create_balanced_ingress("new", "new.example.test", BALANCER).await;
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.succeed().await;
    let command = async |line: &str| pages::command(line, &zone, &shop).await;
    let [_, adopt, _] = &commands("docs/tasks/adopt.md")[..] else { panic!("the page has other commands") };
    let [orphans, _] = &commands("docs/tasks/tidy.md")[..] else { panic!("the page has other commands") };
    let adopted = command(&format!("{adopt} --from-owner tests --yes")).await.succeed().await;
    assert!(adopted.stdout.contains("1 to adopt"), "{adopted}");
    let adopted = command(&format!("{adopt} --yes")).await.succeed().await;
    assert!(adopted.stdout.contains("1 to adopt"), "{adopted}");
    shop.delete::<Ingress>("new").await;
    let folder = Scratch::new("reader-orphans");
    let orphans = orphans.replace("orphans.json", &folder.join("orphans.json").display().to_string());
    // Two of three records are more than the default of --max-percent.
    let listed = command(&format!("{orphans} --max-percent 90")).await.succeed().await;
    assert!(listed.stdout.contains("new.example.test"), "{listed}");
    let batch: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("orphans.json")).unwrap()).unwrap();
    assert_eq!(batch["Changes"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn each_plan_can_be_approved() {
    let mut engineer = Engineer::new("reader-approve").await;
    let shop = Namespace::default_of(&engineer.plane).await;
    shop.create_balanced_ingress("web", "web.example.test", BALANCER).await;
    shop.annotate_ingress("web", json!({"external-dns.kubernetes.io/hostname": "www.example.test"})).await;
    let [bind, overlay, look, approve, _] = &commands("docs/tasks/approve.md")[..] else {
        panic!("the page has other commands")
    };
    engineer.plane.sh(&engineer.checkout, bind).await;
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
async fn the_installation_leads_from_nothing_to_a_record() {
    let mut engineer = Engineer::new("reader").await;
    let shop = Namespace::default_of(&engineer.plane).await;
    shop.create_balanced_ingress("web", "web.example.test", BALANCER).await;
    let [policy, _] = &commands("docs/install/roll-out.md")[..] else {
        panic!("the page has other commands")
    };
    engineer.tries(policy).await;
    let annotate = commands(FIRST_RECORD).remove(0);
    for command in [annotate].into_iter().chain(commands(KUSTOMIZE)) {
        let mut words = command.split(' ');
        match (words.next().unwrap(), words.next().unwrap()) {
            ("kubectl", "logs") => engineer.reads_the_log().await,
            ("kubectl", "apply") => engineer.applies(&command).await,
            ("kubectl", "describe") => engineer.reads_of_the_record(&command).await,
            _ => drop(engineer.plane.sh(&engineer.checkout, &command).await),
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
        let edited = shown(KUSTOMIZE);
        let file = checkout.join("manifests/base/zone.env");
        let before = fs::read_to_string(&file).unwrap();
        let names = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(|line| line.split('=').next().unwrap().to_owned()).collect()
        };
        assert_eq!(
            names(&before),
            names(&edited),
            "{KUSTOMIZE} and manifests/base/zone.env have different variables"
        );
        fs::write(file, edited).unwrap();
        Self { plane: ControlPlane::bare().await, zone: Zone::empty().await, checkout, running: None }
    }

    /// A command on the engineer's own machine.
    fn command(&self, line: &str) -> CommandLine {
        let arguments: Vec<&str> = line.split(' ').skip(1).collect();
        let zonekeeper = CommandLine::new(&arguments).route53(&self.zone.url()).keys(ACCESS_KEY);
        zonekeeper.env("KUBECONFIG", self.plane.administrator())
    }

    /// Runs a command that writes nothing on the engineer's own machine.
    async fn tries(&self, line: &str) {
        let ended = self.command(line).succeed().await;
        if line.starts_with("zonekeeper plan") {
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
