//! The images: their files, and their program without any other system files.
//!
//! The Dockerfile's build stage needs an image from a registry. buildah replaces this stage with a folder
//! that holds the binary of this build. So the tests use the real final stage.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    control_plane::ControlPlane,
    namespace::{BALANCER, Namespace},
    process::{CommandLine, Ended},
    scratch::Scratch,
    tls::Authority,
    zone::{CHANGE, Zone},
};

const DOCKERFILE: &str = include_str!("../../Dockerfile");
const TOOLCHAIN: &str = include_str!("../../rust-toolchain.toml");

/// The file of the certificate authorities that the image trusts.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The largest size of the image, in bytes, if its program is linked without optimisation. `release/check.py` limits the program of
/// a release.
const LARGEST: u64 = 26_000_000;

/// The image in its own storage, and a container of it.
struct Image(Scratch);

// === impl Image ===

impl Image {
    /// Builds an image of the Dockerfile. `authorities` replaces the certificate bundle of the build stage.
    async fn build(name: &str, authorities: &str, options: &[&str]) -> Self {
        let image = Self(Scratch::new(name));
        for (path, binary) in [("usr/local/bin/zonekeeper", true), (&BUNDLE[1..], false)] {
            let path = image.0.join("build").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if binary {
                fs::copy(env!("CARGO_BIN_EXE_zonekeeper"), path).unwrap();
            } else {
                fs::write(path, authorities).unwrap();
            }
        }
        let build_stage = format!("build={}", image.0.join("build").display());
        let holds = format!("type=local,dest={}", image.holds().display());
        let arguments = [
            "build",
            "--isolation=chroot",
            "--quiet",
            "--tag=zonekeeper",
            "--build-arg=VERSION=1.2.3",
            "--build-context",
            &build_stage,
            "--output",
            &holds,
        ];
        image.succeed(&[&arguments[..], options, &[env!("CARGO_MANIFEST_DIR")]].concat()).await;
        image.succeed(&["from", "--name=container", "zonekeeper"]).await;
        image
    }

    /// The folder with all files of the image.
    fn holds(&self) -> PathBuf {
        self.0.join("holds")
    }

    /// The OCI configuration of the image.
    async fn config(&self) -> Value {
        let inspected = self.succeed(&["inspect", "--type=image", "zonekeeper"]).await;
        let mut inspected: Value = serde_json::from_slice(&inspected.stdout).unwrap();
        inspected["OCIv1"]["config"].take()
    }

    /// A command line of zonekeeper in the image, with the image's user and entrypoint.
    async fn run(&self, mounts: &[String], command: CommandLine) -> CommandLine {
        let config = self.config().await;
        let [entrypoint] = config["Entrypoint"].as_array().unwrap().as_slice() else {
            panic!("the entrypoint is not exactly one program: {config}")
        };
        let mut buildah = self.buildah(&["run", "--isolation=chroot"]);
        buildah.args(mounts);
        command.run_by(buildah, &["container", "--", entrypoint.as_str().unwrap()])
    }

    /// `zonekeeper plan` in the image, for a zone behind a TLS endpoint.
    async fn plan(&self, zone: &Zone, shop: &Namespace, endpoint: &str, mounts: &[String]) -> Ended {
        let plan = CommandLine::of(zone, shop, &["plan"]).await;
        let plan = plan.env("AWS_ENDPOINT_URL_ROUTE_53", endpoint);
        // The folder holds the kubeconfig, and the certificate that the kubeconfig names.
        let kubeconfig = ControlPlane::shared().await.zonekeeper();
        let folder = kubeconfig.parent().unwrap();
        let mounts = [mounts, &[mount(folder, &folder.to_string_lossy())]].concat();
        self.run(&mounts, plan).await.end().await
    }

    async fn succeed(&self, arguments: &[&str]) -> Output {
        let output = self.buildah(arguments).output().await.unwrap_or_else(|error| {
            panic!("buildah: {error}: run `make tools`, or on Debian: apt-get install buildah")
        });
        assert!(
            output.status.success(),
            "buildah {arguments:?}: {}\n{}\nbuildah needs to be root, or user namespaces: newuidmap, and the user's \
             lines in /etc/subuid and /etc/subgid (on Debian: apt-get install uidmap)",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    fn buildah(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("buildah");
        command.arg("--root").arg(self.0.join("storage")).arg("--runroot").arg(self.0.join("run"));
        command.args(["--storage-driver", "vfs"]).args(arguments);
        command
    }
}

/// The option that mounts a file or folder of this machine in a container.
fn mount(from: &Path, to: &str) -> String {
    format!("--volume={}:{to}:ro", from.display())
}

/// The size of every file below a folder, by its path in the folder.
fn files(folder: &Path) -> BTreeMap<String, u64> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else {
                assert!(kind.is_file(), "{}", entry.path().display());
                let path = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(path, entry.metadata().unwrap().len());
            }
        }
    }
    files
}

#[tokio::test]
#[cfg_attr(not(target_env = "musl"), ignore = "it needs the static build: run `make processes`")]
async fn the_image_holds_one_static_program_and_nothing_else() {
    let image = Image::build("image-contents", Authority::new("test").pem(), &[]).await;
    let files = files(&image.holds());
    assert_eq!(files.keys().collect::<Vec<_>>(), [&BUNDLE[1..], "zonekeeper"]);
    // This program has the sandbox, unlike the one in a published image.
    let size: u64 = files.values().sum();
    println!("the image holds {} kB", size / 1000);
    assert!(cfg!(debug_assertions) || size <= LARGEST, "{size} bytes: {files:#?}");

    let mut config = image.config().await;
    let version = config["Labels"].as_object_mut().unwrap().remove("io.buildah.version");
    assert!(version.is_some(), "{config:#}");
    let expected = json!({
        "User": "65532:65532",
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "Entrypoint": ["/zonekeeper"],
        "Labels": {
            "org.opencontainers.image.title": "zonekeeper",
            "org.opencontainers.image.description": env!("CARGO_PKG_DESCRIPTION"),
            "org.opencontainers.image.licenses": "Apache-2.0",
            "org.opencontainers.image.version": "1.2.3",
        },
    });
    assert_eq!(config, expected, "{config:#}");

    // The image has no dynamic linker, so only a static program can run.
    let version = image.run(&[], CommandLine::new(&["--version"])).await.succeed().await;
    assert_eq!(version.stdout, concat!("zonekeeper ", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
#[cfg_attr(not(target_env = "musl"), ignore = "it needs the static build: run `make processes`")]
async fn the_sandbox_is_an_image_with_the_example() {
    let image = Image::build("image-sandbox", Authority::new("test").pem(), &["--target=sandbox"]).await;
    let expected = [
        &BUNDLE[1..],
        "examples/shop/api.yaml",
        "examples/shop/services.yaml",
        "examples/shop/web.yaml",
        "zonekeeper",
    ];
    assert_eq!(files(&image.holds()).keys().collect::<Vec<_>>(), expected);
    let command = image.config().await["Cmd"].take();
    assert_eq!(command, json!(["sandbox", "--once"]));
    let demo = image.run(&[], CommandLine::new(&["sandbox", "--once"])).await.succeed().await;
    assert!(demo.stdout.contains("0 to delete: zonekeeper never deletes"), "{demo}");
}

#[tokio::test]
#[cfg_attr(not(target_env = "musl"), ignore = "it needs the static build: run `make processes`")]
async fn only_the_authorities_of_the_bundle_are_trusted() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("image-tls").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let authority = Authority::new("ours");
    let image = Image::build("image-tls", authority.pem(), &[]).await;
    let server = zone.url().rsplit('/').next().unwrap().parse().unwrap();
    let endpoint = authority.vouch_for(server).await;
    let fails = |ended: &Ended, texts: &[&str]| {
        assert_eq!(ended.code(), Some(1), "{ended}");
        for text in texts {
            assert!(ended.stderr.contains(text), "{text}\n{ended}");
        }
        assert!(!ended.stderr.contains("defect of zonekeeper") && ended.stdout.is_empty(), "{ended}");
    };

    let plan = image.plan(&zone, &shop, &endpoint, &[]).await;
    assert!(plan.status.success() && plan.stdout.contains("create www.example.test A alias"), "{plan}");
    let requests = zone.count("GetHostedZone");
    assert_eq!(requests, 1);

    // A bundle with another authority.
    let others = image.0.join("others.pem");
    fs::write(&others, Authority::new("theirs").pem()).unwrap();
    let ended = image.plan(&zone, &shop, &endpoint, &[mount(&others, BUNDLE)]).await;
    fails(&ended, &["the certificate of Route 53 is not trusted", "UnknownIssuer", "SSL_CERT_FILE"]);

    // The user's own authority, set as the error message says.
    let ours = image.0.join("ours.pem");
    fs::write(&ours, authority.pem()).unwrap();
    let mounts =
        [mount(&others, BUNDLE), mount(&ours, "/ours.pem"), "--env=SSL_CERT_FILE=/ours.pem".to_owned()];
    let plan = image.plan(&zone, &shop, &endpoint, &mounts).await;
    assert!(plan.status.success(), "{plan}");

    // No bundle.
    let hidden = ["--mount=type=tmpfs,dst=/etc/ssl/certs".to_owned()];
    let ended = image.plan(&zone, &shop, &endpoint, &hidden).await;
    fails(&ended, &["this system trusts no certificate authority", "SSL_CERT_FILE"]);
    assert_eq!((zone.count("GetHostedZone"), zone.count(CHANGE)), (requests + 1, 0));
}

#[test]
fn it_is_built_with_the_toolchain_of_the_project() {
    let version = TOOLCHAIN.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap();
    let stage = format!("\nFROM rust:{}-alpine AS build\n", version.trim_matches('"'));
    assert!(DOCKERFILE.contains(&stage), "{stage}");
}

#[test]
fn only_the_sandbox_is_built_with_the_emulator() {
    // The default of FEATURES is nothing.
    assert!(DOCKERFILE.contains("\nARG FEATURES=\n"));
    assert!(DOCKERFILE.contains(" --no-default-features --features \"$FEATURES\" "));
    assert!(DOCKERFILE.contains("--target sandbox --build-arg FEATURES=sandbox "));
    assert!(DOCKERFILE.trim_end().ends_with("\nFROM controller"));
}
