//! The Terraform module of `manifests/aws`, in OpenTofu.
//!
//! OpenTofu runs with a provider that has only the schemas of the AWS provider. So it checks everything but AWS itself:
//! the format, the names and types, the rules for variables, and the values that the module computes. `tests/terraform`
//! builds both programs.

pub mod pages;
mod trust;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use hcl::{Block, Body};
use serde::Deserialize;
use serde_json::Value;
use tokio::{process::Command, sync::OnceCell};

use crate::{
    process::CommandLine,
    scratch::{Scratch, copy},
};

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");
pub const MODULE: &str = "manifests/aws";

/// A copy of the module, in which OpenTofu may write.
pub struct Checkout(Scratch);

// === impl Checkout ===

impl Checkout {
    pub fn new(name: &str) -> Self {
        let checkout = Scratch::new(name);
        copy(&Path::new(ROOT).join(MODULE), &checkout.join(MODULE));
        let providers = tools().join("providers");
        let mirror = format!("filesystem_mirror {{ path = \"{}\" }}", providers.display());
        let settings = format!("provider_installation {{\n  {mirror}\n}}\n");
        fs::write(checkout.join("tofu.rc"), settings).unwrap();
        Self(checkout)
    }

    /// Writes a file of the module.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.0.join(MODULE).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs a program in a folder of the module.
    async fn run(&self, folder: &str, program: &Path, arguments: &[&str]) -> Output {
        let mut program = Command::new(program);
        program.args(arguments).current_dir(self.0.join(MODULE).join(folder)).env_clear().kill_on_drop(true);
        program.env("TF_CLI_CONFIG_FILE", self.0.join("tofu.rc")).env("HOME", &*self.0).env("TOFU", tofu());
        program.output().await.unwrap_or_else(|error| panic!("tofu: {error}: run `make tools`"))
    }

    pub async fn succeed(&self, folder: &str, arguments: &[&str]) {
        must_succeed(&format!("{folder}: tofu {arguments:?}"), self.run(folder, &tofu(), arguments).await);
    }

    /// Runs a line of a shell, in which `$TOFU` is OpenTofu.
    pub async fn shell(&self, line: &str) {
        must_succeed(line, self.run(".", Path::new("/bin/sh"), &["-c", line]).await);
    }
}

fn must_succeed(command: &str, Output { status, stdout, stderr }: Output) {
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(status.success(), "{command}: {status}\n{stdout}{stderr}");
}

fn tofu() -> PathBuf {
    tools().join("tofu")
}

/// The folder with OpenTofu and the provider.
fn tools() -> PathBuf {
    Path::new(ROOT).join(".tools/terraform")
}

/// The folders with Terraform files: the module itself, its inner modules, and its examples.
pub fn folders() -> Vec<String> {
    let inside = |folder: &str| {
        let entries = fs::read_dir(Path::new(ROOT).join(MODULE).join(folder)).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        entries.map(|entry| format!("{folder}/{}", name(entry.unwrap()))).collect::<Vec<_>>()
    };
    let folders = [vec![".".to_owned()], inside("modules"), inside("examples")].concat();
    assert!(folders.len() >= 6, "{folders:?}");
    folders
}

/// The texts of a folder's files with this extension.
fn texts(folder: &str, extension: &str) -> Vec<String> {
    let paths = fs::read_dir(Path::new(ROOT).join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    wanted.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// The blocks of the Terraform files in a folder.
pub fn blocks(folder: &str) -> Vec<Block> {
    let bodies = texts(folder, "tf").into_iter().map(|text| hcl::parse(&text).unwrap());
    let blocks: Vec<Block> = bodies.flat_map(Body::into_blocks).collect();
    assert!(!blocks.is_empty(), "{folder}");
    blocks
}

/// The messages of `tofu test`.
async fn messages() -> &'static [Value] {
    static MESSAGES: OnceCell<Vec<Value>> = OnceCell::const_new();
    let test = async || {
        let checkout = Checkout::new("terraform-test");
        checkout.succeed(".", &["init", "-no-color"]).await;
        let Output { stdout, stderr, .. } = checkout.run(".", &tofu(), &["test", "-json", "-verbose"]).await;
        let lines = std::str::from_utf8(&stdout).unwrap().lines();
        let messages: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(!messages.is_empty(), "{}", String::from_utf8_lossy(&stderr));
        messages
    };
    MESSAGES.get_or_init(test).await
}

/// The plan of one run of `tofu test`.
pub struct Plan {
    pub run: &'static str,
    plan: &'static Value,
}

// === impl Plan ===

impl Plan {
    pub async fn all() -> Vec<Self> {
        let plans = messages().await.iter().filter(|message| message["type"] == "test_plan");
        plans.map(|it| Self { run: it["@testrun"].as_str().unwrap(), plan: &it["test_plan"] }).collect()
    }

    /// The value of an output, or null.
    fn output(&self, name: &str) -> &'static Value {
        &self.plan["output_changes"][name]["after"]
    }

    /// The planned resources of a type.
    pub fn resources(&self, kind: &str) -> Vec<&'static Value> {
        let changes = self.plan["resource_changes"].as_array().into_iter().flatten();
        changes.filter(|change| change["type"] == kind).map(|change| &change["change"]["after"]).collect()
    }

    /// The policies for the zone. A role of a pod in another account has a policy of another name.
    fn policies(&self) -> Vec<Value> {
        let all = self.resources("aws_iam_role_policy").into_iter();
        let of_zone = all.filter(|policy| policy["name"] == "zonekeeper");
        of_zone.map(|policy| serde_json::from_str(policy["policy"].as_str().unwrap()).unwrap()).collect()
    }
}

#[tokio::test]
async fn every_file_is_formatted() {
    let checkout = Checkout::new("terraform-format");
    checkout.succeed(".", &["fmt", "-check", "-diff", "-recursive", "-no-color"]).await;
}

#[tokio::test]
async fn every_module_and_every_example_is_valid() {
    let checkout = Checkout::new("terraform-validate");
    for folder in folders() {
        checkout.succeed(&folder, &["init", "-backend=false", "-no-color"]).await;
        checkout.succeed(&folder, &["validate", "-no-color"]).await;
    }
}

#[tokio::test]
async fn every_run_of_the_module_passes() {
    let messages = messages().await;
    let is_error = |it: &&Value| it["type"] == "diagnostic" && it["diagnostic"]["severity"] != "warning";
    let errors: Vec<String> = messages.iter().filter(is_error).map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new());
    let runs = texts("manifests/aws/tests", "hcl").concat().matches("\nrun \"").count();
    let summary = messages.iter().find(|message| message["type"] == "test_summary").unwrap();
    assert_eq!(summary["test_summary"]["passed"], runs, "{summary}");
    for example in folders().iter().filter_map(|folder| folder.strip_prefix("examples/")) {
        let run = example.replace('-', "_");
        assert!(messages.iter().any(|message| message["@testrun"] == *run), "no run tests {example}");
    }
}

#[tokio::test]
async fn each_policy_is_the_one_that_is_printed() {
    const NAMES: &str =
        "/Condition/ForAllValues:StringLike/route53:ChangeResourceRecordSetsNormalizedRecordNames";
    const TYPES: &str = "/Condition/ForAllValues:StringEquals/route53:ChangeResourceRecordSetsRecordTypes";
    let mut compared = 0;
    let mut partitions = BTreeSet::new();
    for plan in Plan::all().await {
        for policy in plan.policies() {
            let write = &policy["Statement"][1];
            let arn: Vec<&str> = write["Resource"].as_str().unwrap().split([':', '/']).collect();
            let name = write.pointer(NAMES).unwrap()[0].as_str().unwrap();
            let types = write.pointer(TYPES).unwrap().as_array().unwrap();
            let types: Vec<&str> = types.iter().map(|text| text.as_str().unwrap()).collect();
            // The last type is that of the ownership records.
            let types = types[..types.len() - 1].join(",");
            let (partition, zone) = (arn[1], *arn.last().unwrap());
            let printed = CommandLine::new(&["iam-policy", "--zone-id", zone, "--zone-name", name])
                .args(&["--partition", partition, "--managed-record-types", &types])
                .succeed()
                .await;
            let printed: Value = serde_json::from_str(&printed.stdout).unwrap();
            assert_eq!(policy, printed, "{}", plan.run);
            // The examples do not have these outputs.
            if !plan.output("policies").is_null() {
                assert_eq!([plan.output("zone_id"), plan.output("zone_name")], [zone, name], "{}", plan.run);
            }
            partitions.insert(partition.to_owned());
            compared += 1;
        }
    }
    assert!(compared >= 15, "{compared}");
    assert_eq!(partitions, BTreeSet::from(["aws", "aws-cn"].map(str::to_owned)));
}

/// The words after each occurrence of `prefix` that begins a word: `zone_name` of `var.zone_name`.
fn named<'t>(text: &'t str, prefix: &str) -> BTreeSet<&'t str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let words = text.split(|c| !is_part(c)).filter_map(|word| word.strip_prefix(prefix));
    words.map(|rest| rest.split('.').next().unwrap()).collect()
}

#[test]
fn each_declaration_is_used() {
    for folder in folders() {
        let folder = format!("{MODULE}/{folder}");
        let (text, blocks) = (texts(&folder, "tf").concat(), blocks(&folder));
        let labels = |identifier: &str| -> BTreeSet<&str> {
            let blocks = blocks.iter().filter(|block| block.identifier() == identifier);
            blocks.map(|block| block.labels()[0].as_str()).collect()
        };
        assert_eq!(named(&text, "var."), labels("variable"), "{folder}");
        let locals = blocks.iter().filter(|block| block.identifier() == "locals");
        let locals: BTreeSet<&str> =
            locals.flat_map(|block| block.body().attributes()).map(hcl::Attribute::key).collect();
        assert_eq!(named(&text, "local."), locals, "{folder}");
        assert_eq!(named(&text, "data."), labels("data"), "{folder}");
    }
}

#[tokio::test]
async fn the_role_is_that_of_the_service_account_in_the_manifests() {
    #[derive(Deserialize)]
    struct Object {
        kind: String,
        #[serde(default)]
        metadata: Metadata,
    }
    #[derive(Default, Deserialize)]
    struct Metadata {
        #[serde(default)]
        name: String,
    }
    let manifests = texts("manifests/base", "yaml");
    let documents = manifests.iter().flat_map(|text| text.split("\n---\n"));
    let objects: Vec<Object> =
        documents.filter_map(|document| serde_saphyr::from_str::<Object>(document).ok()).collect();
    let name_of =
        |kind: &str| objects.iter().find(|object| object.kind == kind).unwrap().metadata.name.clone();

    let plans = Plan::all().await;
    for run in ["pod_identity", "pod_identity_in_another_account"] {
        let plan = plans.iter().find(|plan| plan.run == run).unwrap();
        let [association] = plan.resources("aws_eks_pod_identity_association")[..] else {
            panic!("{run}: {}", plan.plan)
        };
        assert_eq!(association["service_account"], name_of("ServiceAccount"), "{run}");
        assert_eq!(association["namespace"], name_of("Namespace"), "{run}");
    }
}
