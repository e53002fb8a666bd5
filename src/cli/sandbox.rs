//! `zonekeeper sandbox`: zonekeeper on one machine, with an emulated Route 53 and a folder in place of a cluster.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use zonekeeper_core::{
    dns::ZoneId,
    keeper::{Read, ReadId},
    source::{Kind, Object},
};
use zonekeeper_emulator::{Emulator, zone::HostedZone};

use super::{
    output::{say, sayln},
    session::{Session, stop_on_signals},
    startup_retry::StartupRetry,
};
use crate::{
    config::{Config, LogLevel, Published},
    driver::{Clock, Outcome, ReadZone, Until},
    folder::Folder,
    route53::{Reader, Via},
};

/// The id of the hosted zone.
const ZONE_ID: &str = "Z0SANDBOX";
/// The owner id.
const OWNER_ID: &str = "sandbox";
/// The access key of zonekeeper. The emulator rejects every deletion with it.
const ACCESS_KEY: &str = "AKIAZONEKEEPER";

/// Try zonekeeper on this machine, with an emulated Route 53 and a folder of manifests
///
/// Edit the manifests while it runs, and watch the zone follow. Nothing is sent to AWS or to a cluster.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// Folder of Kubernetes manifests (YAML). The status of an object holds the addresses of its load balancer.
    #[arg(long, env = "ZONEKEEPER_MANIFESTS", default_value = "examples/shop", value_name = "DIR")]
    manifests: PathBuf,

    /// Name of the hosted zone.
    #[arg(long, env = "ZONEKEEPER_SANDBOX_ZONE", default_value = "shop.example.com", value_name = "NAME")]
    zone: String,

    /// Which objects to publish.
    #[arg(long, env = "ZONEKEEPER_PUBLISH", value_enum, default_value_t = Published::Annotated, value_name = "WHICH")]
    publish: Published,

    /// Plan, apply, show the zone, remove an object, show its orphaned records, and stop.
    #[arg(long, env = "ZONEKEEPER_ONCE")]
    once: bool,
}

/// A running emulator, and the configuration of the sessions that use it.
struct Stage {
    emulator: Emulator,
    config: Config,
    stop: CancellationToken,
}

// === impl Sandbox ===

impl Sandbox {
    pub(super) fn log_level(&self) -> LogLevel {
        if self.once { LogLevel::Warn } else { LogLevel::Info }
    }

    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let (folder, bad) = Folder::open(&self.manifests).context("see --manifests")?;
        for error in bad {
            warn!(%error, "a manifest cannot be read and is ignored");
        }
        let zone = HostedZone::new(ZONE_ID, &self.zone).with_context(|| format!("--zone `{}`", self.zone))?;
        let emulator = Emulator::builder().zone(zone).keeper_access_key(ACCESS_KEY).start().await?;
        let zone_id = ZoneId::new(ZONE_ID).context("the zone id of the sandbox")?;
        let mut config = Config::new(zone_id, OWNER_ID.parse()?);
        config.rules.publish = self.publish.into();
        let stage = Stage { emulator, config, stop: stop_on_signals()? };
        if self.once {
            stage.demonstrate(folder).await?;
        } else {
            stage.follow(folder).await?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

// === impl Stage ===

impl Stage {
    async fn demonstrate(&self, mut folder: Folder) -> anyhow::Result<()> {
        sayln!("== 1. The plan (zonekeeper plan) ==\n");
        let session = self.session(folder.clone(), Until::Done);
        let (zone, heading) = session.open_zone("dry-run").await?;
        say!("{heading}\n{}", done(session.plan(zone).await?)?.plan);

        sayln!("\n== 2. Writing it (zonekeeper run) ==\n");
        done(self.session(folder.clone(), Until::Done).apply_alone().await?)?;
        let journal = self.emulator.journal();
        let (batches, changes) = (journal.count("ChangeResourceRecordSets"), journal.changes.len());
        sayln!("Route 53 accepted {changes} changes in {batches} request(s)");

        sayln!("\n== 3. The zone now ==\n");
        self.print_zone().await?;

        let removed =
            folder
                .objects()
                .filter(|object| object.kind() == Kind::Ingress)
                .find_map(Object::id)
                .context("the folder holds no Ingress that could be removed: add one (see --manifests)")?;
        folder.remove(&removed);
        sayln!("\n== 4. {removed} is deleted: its records stay, and are reported as orphans ==\n");
        say!("{}", self.plan(&folder).await?.plan);
        Ok(())
    }

    async fn follow(&self, folder: Folder) -> anyhow::Result<()> {
        eprintln!("The emulated Route 53 answers at {}", self.emulator.url());
        eprintln!(
            "To see the zone: AWS_ACCESS_KEY_ID=me AWS_SECRET_ACCESS_KEY=me AWS_REGION=us-east-1 \\\n  \
             aws --endpoint-url {} route53 list-resource-record-sets --hosted-zone-id {ZONE_ID}",
            self.emulator.url()
        );
        eprintln!("Edit the manifests and watch the log. Ctrl-C stops.\n");
        self.session(folder, Until::Stopped).apply_alone().await?;
        Ok(())
    }

    async fn plan(&self, folder: &Folder) -> anyhow::Result<Outcome> {
        let session = self.session(folder.clone(), Until::Done);
        let (zone, _) = session.open_zone("dry-run").await?;
        done(session.plan(zone).await?)
    }

    fn session(&self, folder: Folder, until: Until) -> Session<Folder> {
        let startup = StartupRetry { stop: self.stop.clone(), until };
        Session::new(self.config.clone(), folder, self.via(), startup)
    }

    async fn print_zone(&self) -> anyhow::Result<()> {
        let (reader, _) = Reader::open(self.config.zone.clone(), Clock::start(), &self.via()).await?;
        let mut start = None;
        loop {
            let page = reader.list(&Read { id: ReadId(0), start, max_items: 300, continues: None }).await?;
            for set in page.sets {
                sayln!("{set}");
            }
            start = page.next;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    fn via(&self) -> Via {
        Via::Emulator { url: self.emulator.url(), access_key: ACCESS_KEY.to_owned() }
    }
}

/// Checks that a session was not stopped before it was done.
fn done(outcome: Outcome) -> anyhow::Result<Outcome> {
    anyhow::ensure!(outcome.is_done, "stopped");
    Ok(outcome)
}
