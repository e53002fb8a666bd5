//! The build specifications of `CodeBuild` in `examples/codebuild`: their commands, in a shell.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    control_plane::ControlPlane,
    namespace::{BALANCER, Namespace},
    pages,
    process::ACCESS_KEY,
    scratch::Scratch,
    zone::{CHANGE, Zone},
};

/// The group of the pipeline in the cluster, as `access.yaml` names it.
const GROUP: &str = "zonekeeper-pipeline";

/// A build: what its commands have printed, and the value of an exported variable.
struct Build {
    is_success: bool,
    said: String,
    digest: String,
}

/// A `CodeBuild` project with a role that has access to the cluster.
struct Project<'p> {
    zone: &'p Zone,
    folder: &'p Path,
    kubeconfig: &'p Path,
}

fn specification(file: &str) -> Value {
    serde_saphyr::from_str(&pages::read(&format!("examples/codebuild/{file}"))).unwrap()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

// === impl Project ===

impl Project<'_> {
    /// Runs the phases of a build specification. All commands of version 0.2 run in one shell, and the first failure ends
    /// the build.
    async fn build(&self, file: &str, digest: Option<&str>) -> Build {
        let specification = specification(file);
        assert_eq!(specification["version"].as_f64(), Some(0.2));
        let phases = ["pre_build", "build"].map(|phase| strings(&specification["phases"][phase]["commands"]));
        let script = format!("set -e\n{}\necho \"DIGEST=$DIGEST\"\n", phases.concat().join("\n"));
        let program = Path::new(env!("CARGO_BIN_EXE_zonekeeper")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script])
            .current_dir(self.folder)
            .env_clear()
            .env("PATH", format!("{}:{}:{path}", self.folder.display(), program.display()))
            .env("KUBECONFIG", self.kubeconfig)
            .env("AWS_ENDPOINT_URL_ROUTE_53", self.zone.url())
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        for (name, value) in specification["env"]["variables"].as_object().unwrap() {
            shell.env(name, value.as_str().unwrap());
        }
        if let Some(digest) = digest {
            shell.env("DIGEST", digest);
        }
        let ended = shell.output().await.unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        let exported = said.lines().find_map(|line| line.strip_prefix("DIGEST="));
        let digest = exported.unwrap_or_default().to_owned();
        Build { is_success: ended.status.success(), said, digest }
    }
}

#[tokio::test]
async fn the_pipeline_writes_the_plan_that_it_has_shown() {
    let plane = ControlPlane::bare().await;
    let (zone, folder) = (Zone::empty().await, Scratch::new("codebuild"));
    let shop = Namespace::of(&plane, "shop").await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.annotate_ingress("web", json!({"zonekeeper.dev/publish": "true"})).await;
    // The dry run in the cluster, and the rights of the pipeline.
    plane.sh(&pages::place(""), "kubectl apply -k manifests/overlays/dry-run").await;
    plane.sh(&pages::place(""), "kubectl apply --filename examples/codebuild/access.yaml").await;
    // The member of the group has no other rights.
    let mut kubeconfig: Value =
        serde_json::from_str(&fs::read_to_string(plane.administrator()).unwrap()).unwrap();
    kubeconfig["users"][0]["user"]["as"] = json!("codebuild");
    kubeconfig["users"][0]["user"]["as-groups"] = json!([GROUP]);
    let file = folder.join("kubeconfig");
    fs::write(&file, kubeconfig.to_string()).unwrap();
    // `aws eks update-kubeconfig` of CodeBuild writes the kubeconfig. This one exists already.
    let aws = folder.join("aws");
    fs::write(&aws, "#!/bin/sh\n[ \"$*\" = 'eks update-kubeconfig --name prod' ]\n").unwrap();
    fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).unwrap();
    let project = Project { zone: &zone, folder: &folder, kubeconfig: &file };

    let shown = project.build("buildspec-plan.yml", None).await;
    assert!(shown.is_success && shown.said.contains("4 to create, 0 to replace"), "{}", shown.said);
    assert_eq!(shown.digest.len(), 32, "{}", shown.said);
    assert_eq!(zone.count(CHANGE), 0);
    assert!(
        folder.join(strings(&specification("buildspec-plan.yml")["artifacts"]["files"])[0].clone()).exists()
    );

    // Another plan than the approved one.
    let refused = project.build("buildspec-apply.yml", Some(&"0".repeat(32))).await;
    assert!(
        !refused.is_success && refused.said.contains("is out of date, and nothing was written"),
        "{}",
        refused.said
    );
    assert_eq!(zone.count(CHANGE), 0);
    let applied = project.build("buildspec-apply.yml", Some(&shown.digest)).await;
    assert!(applied.is_success, "{}", applied.said);
    assert!(applied.said.contains("written: all name servers have the new records"), "{}", applied.said);
    assert_eq!(zone.sets().len(), 4);

    // With nothing to write, all stages succeed.
    let shown = project.build("buildspec-plan.yml", None).await;
    assert!(shown.is_success && shown.said.contains("0 to create, 0 to replace"), "{}", shown.said);
    let applied = project.build("buildspec-apply.yml", Some(&shown.digest)).await;
    assert!(applied.is_success, "{}", applied.said);
    // A failure of the plan ends the build.
    fs::write(&file, "{}").unwrap();
    assert!(!project.build("buildspec-plan.yml", None).await.is_success);
}

/// The page names the exported variable and the files.
#[test]
fn the_page_passes_the_exported_variable_on() {
    let page = pages::read("docs/install/codebuild.md");
    let exported = strings(&specification("buildspec-plan.yml")["env"]["exported-variables"]);
    let [name] = &exported[..] else { panic!("{exported:?}") };
    assert!(page.contains(&format!("the environment variable `{name}` is `#{{Plan.{name}}}`")), "{page}");
    assert!(specification("buildspec-apply.yml").to_string().contains(&format!("${name}")));
    assert!(page.contains(GROUP));
}
