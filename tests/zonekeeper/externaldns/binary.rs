//! ExternalDNS as a process.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use zonekeeper_emulator::{Emulator, zone::HostedZone};

use super::{emulated_zone, situation::Situation};
use crate::{control_plane::ControlPlane, process::CommandLine, zone};

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
        let command = CommandLine::of_program(&self.0).route53(&emulator.url()).keys("AKIAEXTERNALDNS");
        let command =
            command.args(&FIXED).args(&["--kubeconfig", &plane.administrator().display().to_string()]);
        let arguments = situation.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ended = command.args(&arguments).start().end_within(LIMIT).await;
        let zone = emulator.with_zone(zone::ID, |zone| zone.clone()).unwrap();
        let changes = emulator.with_journal(|journal| journal.changes.len());
        Run { zone, changes, fails: !ended.status.success(), log: ended.stdout + &ended.stderr }
    }
}

// === impl Run ===

impl Run {
    /// The record sets after it, one on each line.
    pub fn text(&self) -> String {
        emulated_zone::text(&self.zone)
    }
}
