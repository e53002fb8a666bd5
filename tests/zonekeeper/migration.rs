//! A cluster moves from ExternalDNS to zonekeeper and back, as `docs/tasks/migrate.md` describes.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use serde_json::{Value, json};
use zonekeeper_emulator::zone::HostedZone;

use crate::{
    control_plane::ControlPlane,
    externaldns,
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::{ACCESS_KEY, CommandLine, Ended, Process},
    zone::{self, CHANGE, Zone},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PAGE: &str = include_str!("../../docs/tasks/migrate.md");
/// The namespace, the Deployment and the service account of ExternalDNS.
const EXTERNAL_DNS: &str = "external-dns";
/// The arguments of ExternalDNS in a zone of its own.
const ARGUMENTS: [&str; 5] = [
    "--provider=aws",
    "--source=ingress",
    "--policy=upsert-only",
    "--txt-owner-id=tests",
    "--metrics-address=127.0.0.1:0",
];

/// Recorded situations in which zonekeeper and ExternalDNS have the same result.
const CONVERGED: [&str; 8] = [
    "alias-alb",
    "alias-dualstack",
    "host-wildcard",
    "routing-weight",
    "service-several-hostnames",
    "ttl-duration",
    "txt-prefix-type",
    "txt-suffix",
];

/// ExternalDNS or zonekeeper with arguments of ExternalDNS, and an environment without settings of zonekeeper.
async fn command(zone: &Zone, shop: &Namespace, arguments: &[&str]) -> CommandLine {
    let kubeconfig = ControlPlane::shared().await.zonekeeper();
    CommandLine::new(arguments)
        .aws(zone)
        .env("KUBECONFIG", kubeconfig)
        .env("ZONEKEEPER_LEASE_NAMESPACE", shop.leases())
}

/// The commands in a section of the page.
fn commands(title: &str) -> Vec<&'static str> {
    let rest = PAGE.split_once(&format!("\n## {title}\n")).unwrap().1;
    let section = rest.split_once("\n## ").map_or(rest, |(section, _)| section);
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.flat_map(|(block, _)| block.lines()).map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[tokio::test]
async fn arguments_of_externaldns_run_the_controller() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("ed-arguments").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let more = [
        "--namespace=ed-arguments",
        "--zone-id-filter=Z0123456789EXAMPLE",
        "--registry",
        "txt",
        "--interval=1m",
        "--events",
        "--aws-batch-change-size=4000",
        "--log-level=info",
    ];
    let mut running = command(&zone, &shop, &[&ARGUMENTS[..], &more].concat()).await.start();
    running.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await;
    let ended = running.stop().await;
    assert_eq!(
        zone.values("a-www.example.test", "TXT"),
        ["\"heritage=external-dns,external-dns/owner=tests,external-dns/resource=ingress/ed-arguments/web\""]
    );
    let said = |text: &str| ended.stderr.lines().filter(|line| line.contains(text)).count();
    assert_eq!(said("the command line is that of ExternalDNS"), 1, "{ended}");
    assert_eq!(said("a flag of ExternalDNS has no effect"), 3, "{ended}");
    for flag in ["--interval=1m: ", "--events: ", "--aws-batch-change-size=4000: "] {
        assert_eq!(said(&format!("WARN a flag of ExternalDNS has no effect: {flag}")), 1, "{ended}");
    }
}

#[tokio::test]
async fn the_environment_of_externaldns_runs_the_controller() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("ed-environment").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.create_service("mail", "mail.example.test").await;
    shop.set_address::<k8s_openapi::api::core::v1::Service>("mail", json!({"ip": "192.0.2.1"})).await;
    let run = command(&zone, &shop, &[])
        .await
        .env("EXTERNAL_DNS_PROVIDER", "aws")
        .env("EXTERNAL_DNS_SOURCE", "ingress\nservice")
        .env("EXTERNAL_DNS_SERVICE_TYPE_FILTER", "LoadBalancer")
        .env("EXTERNAL_DNS_POLICY", "upsert-only")
        .env("EXTERNAL_DNS_TXT_OWNER_ID", "tests")
        .env("EXTERNAL_DNS_METRICS_ADDRESS", "127.0.0.1:0")
        .env("EXTERNAL_DNS_NAMESPACE", shop.name())
        .env("EXTERNAL_DNS_ONCE", "true")
        .env("EXTERNAL_DNS_LOG_FORMAT", "json")
        .env("ZONEKEEPER_ZONE_ID", zone::ID);
    let ended = run.succeed().await;
    assert_eq!(zone.sets().len(), 6, "{ended}");
    assert!(ended.stderr.contains("\"owner\":\"tests\""), "{ended}");
}

#[tokio::test]
async fn a_command_keeps_its_meaning_beside_the_environment_of_externaldns() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("ed-commands").await);
    let plan = CommandLine::of(&zone, &shop, &["--log-level", "warn", "plan", "--source", "ingress"]).await;
    let plan = plan.env("EXTERNAL_DNS_PROVIDER", "aws").env("EXTERNAL_DNS_POLICY", "sync");
    assert!(plan.succeed().await.stdout.contains("0 to create"));
    for question in [["--source=ingress", "--help"], ["--provider=aws", "-h"]] {
        let ended = CommandLine::new(&question).succeed().await;
        assert!(ended.stdout.contains("Usage: zonekeeper"), "{ended}");
    }
}

/// What zonekeeper refuses, and the text that it shows.
const REFUSED: [(&[&str], &[&str]); 18] = [
    (&["--policy=sync"], &["--policy=sync: it deletes records", "give --policy=upsert-only"]),
    (&["--policy=create-only"], &["zonekeeper updates its records", "--mode=approve"]),
    (&["--provider=google"], &["--provider=google: zonekeeper writes to Route 53 only"]),
    (&["--source=node"], &["--source=node: zonekeeper does not read this kind of objects"]),
    (&["--registry=noop"], &["without ownership records", "zonekeeper adopt"]),
    (&["--registry=dynamodb"], &["keeps the owner of a record in TXT records only"]),
    (
        &["--txt-encrypt-enabled"],
        &["reads and writes ownership records as plain text", "OwnershipUnreadable"],
    ),
    (&["--txt-encrypt-aes-key=secret"], &["--txt-encrypt-aes-key=…: "]),
    (&["--zone-id-filter=Z1", "--zone-id-filter=Z2"], &["does not name the zone of --zone-id"]),
    (&["--txt-owner-id=default"], &["overwrite each other's records", "--allow-default-owner"]),
    (&["--compatibility=mate"], &["does not read the annotations of mate"]),
    (&["--aws-profile=a", "--aws-profile=b"], &["--aws-profile names `a` and `b`", "Name the profile"]),
    (&["--aws-assume-role=zonekeeper"], &["--aws-assume-role `zonekeeper` is not the ARN of a role"]),
    (&["--aws-assume-role-external-id=secret"], &["has no effect without a role"]),
    (&["--namespace=a,b"], &["ExternalDNS reads this as one value", "repeat the flag"]),
    (&["--polcy=sync"], &["there is no flag --polcy", "the nearest is --policy"]),
    (&["--events=true"], &["--events takes no value: write --events or --no-events"]),
    (&["--managed-record-types=NS"], &["--managed-record-types"]),
];

#[tokio::test]
async fn what_is_dangerous_or_impossible_is_refused_with_what_to_do_instead() {
    for (arguments, texts) in REFUSED {
        let is_given = |flag: &&&str| {
            let name = flag.split('=').next();
            arguments.iter().any(|argument| argument.split('=').next() == name)
        };
        let others = ["--zone-id=Z0123456789EXAMPLE", "--provider=aws"];
        let fixed: Vec<&str> =
            ARGUMENTS.iter().chain(&others).filter(|flag| !is_given(flag)).copied().collect();
        let fixed: std::collections::BTreeSet<&str> = fixed.into_iter().collect();
        let all: Vec<&str> = fixed.into_iter().chain(arguments.iter().copied()).collect();
        let ended = CommandLine::new(&all).end().await;
        assert_eq!(ended.code(), Some(2), "{ended}");
        for text in texts {
            assert!(ended.stderr.contains(text), "{text}: {ended}");
        }
        assert!(!ended.stderr.contains("=secret"), "{ended}");
    }
    // What is missing.
    for (missing, text) in [
        ("--source=ingress", "no --source: "),
        ("--policy=upsert-only", "no --policy: "),
        ("--provider=aws", "no --provider: "),
        ("--txt-owner-id=tests", "--txt-owner-id=default: "),
        ("", "no --zone-id: "),
    ] {
        let rest: Vec<&str> = ARGUMENTS.into_iter().filter(|argument| *argument != missing).collect();
        let ended = CommandLine::new(&rest).end().await;
        assert!(ended.code() == Some(2) && ended.stderr.contains(text), "{text}: {ended}");
    }
}

#[tokio::test]
async fn the_check_shows_each_class_and_the_plan() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("ed-check").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let more = ["--namespace=ed-check", "--interval=1m", "--no-events", "--exclude-record-types=CNAME"];
    let arguments = [&["migrate-check", "--"], &ARGUMENTS[..], &more].concat();
    let check = command(&zone, &shop, &arguments).await.env("ZONEKEEPER_ZONE_ID", zone::ID);
    let ended = check.succeed().await;
    is_golden("migrate-check", &ended.stdout);
    assert_eq!(zone.count(CHANGE), 0);

    let with = |extra: &[&'static str]| [&["migrate-check"], extra, &["--"], &ARGUMENTS[..], &more].concat();
    let json = command(&zone, &shop, &with(&["-o", "json"])).await.env("ZONEKEEPER_ZONE_ID", zone::ID);
    let json: Value = serde_json::from_str(&json.succeed().await.stdout).unwrap();
    assert_eq!(json["stays"][0], json!({"given": "--provider=aws"}));
    assert_eq!(json["differs"][0]["given"], "--interval=1m");
    assert_eq!((&json["refused"], &json["plan"]["creates"]), (&json!([]), &json!(4)));

    let refused = [&arguments[..], &["--txt-encrypt-enabled"]].concat();
    let ended = command(&zone, &shop, &refused).await.end().await;
    assert_eq!(ended.code(), Some(2), "{ended}");
    is_golden("migrate-check-refused", &ended.stdout);
}

/// Compares a text with `tests/cases/texts/NAME.txt`; `UPDATE=1` writes it. The port of the API server differs in each run.
fn is_golden(name: &str, text: &str) {
    let path = Path::new(ROOT).join(format!("tests/cases/texts/{name}.txt"));
    let shown = |line| if str::starts_with(line, "cluster: ") { "cluster: …" } else { line };
    let text = text.lines().map(shown).collect::<Vec<_>>().join("\n") + "\n";
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap_or_default(), "{}", path.display());
}

/// Runs zonekeeper once with the arguments of ExternalDNS, on the objects of a control plane and a new zone.
pub async fn run_once(
    situation: &externaldns::Situation,
    before: HostedZone,
    plane: &ControlPlane,
) -> (Zone, Ended) {
    let zone = Zone::empty().await;
    zone.alter(|zone| *zone = before);
    let fixed = ["--provider=aws", "--once", "--metrics-address=127.0.0.1:0"].map(str::to_owned);
    let arguments: Vec<String> = fixed.into_iter().chain(situation.arguments()).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = CommandLine::new(&arguments)
        .aws(&zone)
        .env("KUBECONFIG", plane.administrator())
        .env("ZONEKEEPER_LEASE_NAMESPACE", "default")
        .env("ZONEKEEPER_ZONE_ID", zone::ID);
    let ended = run.succeed().await;
    (zone, ended)
}

#[tokio::test]
async fn a_zone_that_externaldns_has_written_stays_as_it_is() {
    let mut cluster = externaldns::Cluster::start().await;
    for situation in externaldns::Situation::all().into_iter().filter(|it| CONVERGED.contains(&&*it.name)) {
        let name = &situation.name;
        let objects = cluster.create(&situation.objects).await.unwrap();
        let before = externaldns::emulated_zone(situation.after.as_ref().unwrap()).unwrap();
        let (zone, ended) = run_once(&situation, before, &cluster.plane).await;
        assert_eq!(zone.requests(), Vec::<Vec<String>>::new(), "{name}: {ended}");
        cluster.delete(objects).await;
    }
}

/// A team whose ExternalDNS keeps a zone.
struct Team {
    plane: ControlPlane,
    zone: Zone,
    /// The process that the kubelet would run.
    running: Option<Process>,
}

#[tokio::test]
async fn the_page_leads_to_zonekeeper_and_back() {
    let mut team = Team::new().await;
    let shop = Namespace::default_of(&team.plane).await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    for line in commands("Check") {
        let ended = team.zonekeeper(line).await;
        assert!(ended.stdout.contains("4 to create, 0 to replace"), "{ended}");
        assert!(ended.stdout.contains("refused: zonekeeper does not start\n  nothing\n"), "{ended}");
    }
    for line in commands("Switch") {
        team.follows(line).await;
    }
    let mut running = team.running.take().unwrap();
    running.until_zone(&team.zone, "the records", |zone| zone.sets().len() == 4).await;
    assert_eq!(running.get("/healthz").await.status, 200);
    running.says(&["the command line is that of ExternalDNS"]).await;
    running.says(&["a flag of ExternalDNS has no effect: EXTERNAL_DNS_AWS_BATCH_CHANGE_SIZE=500"]).await;
    shop.create_balanced_ingress("new", "new.example.test", OTHER_BALANCER).await;
    running.until_zone(&team.zone, "a new hostname", |zone| zone.sets().len() == 8).await;
    team.running = Some(running);

    let [orphans, back @ ..] = &commands("Go back")[..] else { panic!("the section has no commands") };
    assert!(team.zonekeeper(orphans).await.stdout.contains("0 orphan"));
    for line in back {
        team.follows(line).await;
    }
    assert!(team.running.is_none());
    let before = team.container().await;
    assert_eq!(before["image"], "registry.k8s.io/external-dns/external-dns:v0.22.0");
}

#[tokio::test]
async fn the_page_changes_the_owner_id_default() {
    let team = Team::new().await;
    let shop = Namespace::default_of(&team.plane).await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let [allow, change] = commands("Keep or change the owner id")[..] else { panic!("other commands") };
    team.plane.sh(Path::new(ROOT), allow).await;
    let variables = team.container().await["env"].to_string();
    assert!(
        variables.contains("{\"name\":\"ZONEKEEPER_ALLOW_DEFAULT_OWNER\",\"value\":\"true\"}"),
        "{variables}"
    );
    let default = ["--provider=aws", "--source=ingress", "--policy=upsert-only", "--once"];
    let run = CommandLine::new(&default).aws(&team.zone).env("KUBECONFIG", team.plane.administrator());
    let run = run.env("ZONEKEEPER_LEASE_NAMESPACE", "default").env("ZONEKEEPER_ZONE_ID", zone::ID);
    run.env("ZONEKEEPER_ALLOW_DEFAULT_OWNER", "true").succeed().await;
    let ended = team.zonekeeper(change).await;
    assert!(ended.stdout.contains("0 to create, 2 to replace"), "{ended}");
    assert!(ended.stdout.contains("replace a-www.example.test TXT"), "{ended}");
}

#[test]
fn the_values_of_the_page_are_those_of_the_example() {
    let example =
        fs::read_to_string(Path::new(ROOT).join("examples/externaldns/values-zonekeeper.yaml")).unwrap();
    let (_, shown) = PAGE.split_once("```yaml\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    assert!(example.ends_with(shown), "{example}");
}

// === impl Team ===

impl Team {
    /// A cluster with the Deployment of the example.
    async fn new() -> Self {
        let plane = ControlPlane::bare().await;
        let root = Path::new(ROOT);
        plane.sh(root, "kubectl create namespace external-dns").await;
        plane.sh(root, "kubectl create serviceaccount external-dns --namespace external-dns").await;
        plane.sh(root, "kubectl apply -f examples/externaldns/deployment.yaml").await;
        Self { plane, zone: Zone::empty().await, running: None }
    }

    /// Runs a command of zonekeeper on a machine of the team. Before a pipe, it runs a command of kubectl.
    async fn zonekeeper(&self, line: &str) -> Ended {
        let (input, line) = match line.split_once(" | ") {
            Some((kubectl, line)) => (self.plane.sh(Path::new(ROOT), kubectl).await, line),
            None => (String::new(), line),
        };
        let mut arguments: Vec<&str> = line.split(' ').skip(1).collect();
        let file =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("migration-{}", std::process::id()));
        let path = file.display().to_string();
        if let Some(argument) = arguments.iter_mut().find(|argument| **argument == "-") {
            fs::write(&file, input).unwrap();
            *argument = &path;
        }
        let command = CommandLine::new(&arguments).route53(&self.zone.url()).keys(ACCESS_KEY);
        let written = self.zone.count(CHANGE);
        let ended = command.env("KUBECONFIG", self.plane.administrator()).succeed().await;
        assert_eq!(self.zone.count(CHANGE), written, "{line} has written");
        ended
    }

    /// Runs a command of kubectl. The process follows the Deployment, as with a kubelet.
    async fn follows(&mut self, line: &str) {
        if line.starts_with("kubectl logs") {
            return;
        }
        self.plane.sh(Path::new(ROOT), line).await;
        let deployments: Api<Deployment> = Api::namespaced(self.plane.admin().await, EXTERNAL_DNS);
        let spec = deployments.get(EXTERNAL_DNS).await.unwrap().spec.unwrap();
        let container = self.container().await;
        let is_ours = container["image"] == "registry.example.com/zonekeeper:0.1.0";
        match (spec.replicas, self.running.take()) {
            (Some(0), Some(running)) => drop(running.stop().await),
            (Some(1), None) if is_ours => self.running = Some(self.start(&container).await),
            (_, running) => self.running = running,
        }
    }

    /// The container in the Deployment.
    async fn container(&self) -> Value {
        let deployments: Api<Deployment> = Api::namespaced(self.plane.admin().await, EXTERNAL_DNS);
        let deployment = serde_json::to_value(deployments.get(EXTERNAL_DNS).await.unwrap()).unwrap();
        deployment["spec"]["template"]["spec"]["containers"][0].clone()
    }

    /// Starts the container as its service account.
    async fn start(&self, container: &Value) -> Process {
        let list = |name: &str| container[name].as_array().cloned().unwrap_or_default();
        let arguments: Vec<String> = list("args")
            .iter()
            .map(|argument| argument.as_str().unwrap().replace("$(CLUSTER)", "prod-eu"))
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = CommandLine::new(&arguments);
        for variable in list("env") {
            let text = |name: &str| variable[name].as_str().unwrap().to_owned();
            command = command.env(&text("name"), text("value"));
        }
        let kubeconfig = self.plane.admit_account(EXTERNAL_DNS, EXTERNAL_DNS).await;
        command
            .env("AWS_ENDPOINT_URL_ROUTE_53", self.zone.url())
            .keys(ACCESS_KEY)
            .env("KUBECONFIG", kubeconfig)
            .env("ZONEKEEPER_LEASE_NAMESPACE", EXTERNAL_DNS)
            .env("ZONEKEEPER_METRICS_ADDRESS", "127.0.0.1:0")
            .start()
    }
}

/// ExternalDNS and zonekeeper take turns in one zone. None of them undoes what the other did.
#[tokio::test]
#[ignore = "needs ExternalDNS: make record EXTERNAL_DNS=path"]
async fn recorder_both_take_turns() {
    let binary = std::env::var_os("EXTERNAL_DNS").unwrap();
    let (zone, shop) = (Zone::empty().await, Namespace::new("ed-turns").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let arguments = [&ARGUMENTS[..], &["--namespace=ed-turns", "--once"]].concat();
    let keep = async || {
        let run = command(&zone, &shop, &arguments).await.env("ZONEKEEPER_ZONE_ID", zone::ID);
        run.succeed().await;
        zone.requests().len()
    };
    let run = async || {
        let kubeconfig = ControlPlane::shared().await.administrator().display().to_string();
        let command =
            CommandLine::of_program(Path::new(&binary)).route53(&zone.url()).keys("AKIAEXTERNALDNS");
        let ended = command.args(&["--kubeconfig", &kubeconfig]).args(&arguments).start();
        let ended = ended.end_within(Duration::from_mins(2)).await;
        assert!(ended.status.success(), "{ended}");
        zone.requests().len()
    };
    assert_eq!(keep().await, 1);
    assert_eq!(run().await, 1, "ExternalDNS has nothing to write");
    shop.create_balanced_ingress("new", "new.example.test", OTHER_BALANCER).await;
    assert!(run().await > 1);
    let written = zone.requests().len();
    assert_eq!(keep().await, written, "zonekeeper has nothing to write");
}
