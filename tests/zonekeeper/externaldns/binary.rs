//! ExternalDNS as a process.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};
use zonekeeper_emulator::{Emulator, zone::HostedZone};

use super::{emulated_zone, situation::Situation};
use crate::{control_plane::ControlPlane, zone};

/// The variable with the path of ExternalDNS.
const PATH: &str = "EXTERNAL_DNS";
/// The time limit of a run. ExternalDNS itself waits a minute for its caches.
const LIMIT: Duration = Duration::from_mins(2);
/// The arguments of every run that have no effect on the zone.
const FIXED: [&str; 7] = [
    "--provider=aws",
    "--registry=txt",
    "--once",
    "--log-level=debug",
    "--metrics-address=127.0.0.1:0",
    "--aws-batch-change-interval=0s",
    "--kube-api-qps=100",
];

/// The binary of ExternalDNS.
pub struct Binary(PathBuf);

/// The result of one run.
#[derive(Debug)]
pub struct Run {
    /// The zone after it.
    pub zone: HostedZone,
    /// The number of changes that Route 53 accepted.
    pub changes: usize,
    /// Whether it reports an error.
    pub fails: bool,
    pub log: String,
}

// === impl Binary ===

impl Binary {
    /// The binary that the environment names.
    pub fn of_environment() -> Self {
        let path = std::env::var_os(PATH).unwrap_or_else(|| panic!("{PATH} does not name a binary"));
        Self(PathBuf::from(path))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Runs ExternalDNS once on the objects of a control plane and a new emulated zone.
    pub async fn run(&self, situation: &Situation, before: HostedZone, plane: &ControlPlane) -> Run {
        let emulator = Emulator::builder().zone(before).start().await.unwrap();
        let ended = Command::new(&self.0)
            .env_clear()
            .env("AWS_ENDPOINT_URL_ROUTE_53", emulator.url())
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "AKIAEXTERNALDNS")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .args(FIXED)
            .arg("--kubeconfig")
            .arg(plane.administrator())
            .args(situation.arguments())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let ended = timeout(LIMIT, ended).await.unwrap().unwrap();
        let zone = emulator.with_zone(zone::ID, |zone| zone.clone()).unwrap();
        let changes = emulator.with_journal(|journal| journal.changes.len());
        let log = [ended.stdout, ended.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        Run { zone, changes, fails: !ended.status.success(), log: log.concat() }
    }
}

// === impl Run ===

impl Run {
    /// The record sets after it, one on each line.
    pub fn text(&self) -> String {
        emulated_zone::text(&self.zone)
    }
}
