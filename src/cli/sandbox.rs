//! `zonekeeper sandbox`: the whole thing on one machine, with an emulated Route 53 and a folder as cluster.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use zonekeeper_core::{
    dns::{AliasZones, Ttl, ZoneId},
    keeper::{BrakeLimits, Input, Keeper, Mode, Quota, Read, ReadId, Scope, Time},
    plan::{Adoption, ManagedTypes, Naming, Settings},
    source::{Kind, Object, Resource, Rules},
};
use zonekeeper_emulator::{Emulator, zone::HostedZone};

use super::session::stop_on_signals;
use crate::{
    config::{Config, LogLevel},
    driver::{Clock, Driver, Ends, Handle, Outcome, ReadOnly, ReadWrite, ReadZone, Until},
    folder::Folder,
    leadership::Leadership,
    route53::{Open, Reader, Via, Writer, ZoneFacts},
    telemetry::{Metrics, Reporter},
};

/// The id of the sandbox's hosted zone.
const ZONE_ID: &str = "Z0SANDBOX";
/// The access key that zonekeeper uses in the sandbox; the emulator refuses it every deletion.
const ACCESS_KEY: &str = "AKIAZONEKEEPER";

/// Try zonekeeper on this machine: an emulated Route 53, and a folder of manifests as cluster
///
/// Edit the manifests while it runs and watch the zone follow. Nothing leaves this machine.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// Folder of Kubernetes manifests (YAML); their status says where the load balancers are.
    #[arg(long, env = "ZONEKEEPER_MANIFESTS", default_value = "examples/shop", value_name = "DIR")]
    manifests: PathBuf,

    /// Name of the hosted zone.
    #[arg(long, env = "ZONEKEEPER_SANDBOX_ZONE", default_value = "shop.example.com", value_name = "NAME")]
    zone: String,

    /// Plan, apply, show the zone, take an object away, show what becomes of its records, and end.
    #[arg(long, env = "ZONEKEEPER_ONCE")]
    once: bool,
}

/// An emulated zone and how it is kept.
struct Play {
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
            warn!(%error, "a manifest is passed over");
        }
        let zone = HostedZone::new(ZONE_ID, &self.zone).with_context(|| format!("--zone `{}`", self.zone))?;
        let emulator = Emulator::builder().zone(zone).keeper_access_key(ACCESS_KEY).start().await?;
        let play = Play { emulator, config: config()?, stop: stop_on_signals()? };
        if self.once {
            play.demonstrate(folder).await?;
        } else {
            play.follow(folder).await?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

// === impl Play ===

impl Play {
    async fn demonstrate(&self, mut folder: Folder) -> anyhow::Result<()> {
        println!("== 1. What would be written (zonekeeper plan) ==\n");
        print!("{}", self.plan(&folder).await?.plan);

        println!("\n== 2. Writing it (zonekeeper run) ==\n");
        let clock = Clock::start();
        let (writer, facts) = self.writer(clock).await?;
        self.drive(&folder, ReadWrite(writer), Mode::Apply, &facts, clock).await?;
        let journal = self.emulator.journal();
        let (batches, changes) = (journal.count("ChangeResourceRecordSets"), journal.changes.len());
        println!("Route 53 accepted {changes} changes; requests that carried them: {batches}");

        println!("\n== 3. The zone as it now is ==\n");
        self.print_zone().await?;

        let gone = folder
            .objects()
            .filter(|object| object.kind() == Kind::Ingress)
            .find_map(Object::id)
            .context("the folder holds no Ingress to take away")?;
        folder.remove(&gone);
        println!("\n== 4. {gone} is deleted: its records stay, and are reported as orphans ==\n");
        print!("{}", self.plan(&folder).await?.plan);
        Ok(())
    }

    async fn follow(&self, folder: Folder) -> anyhow::Result<()> {
        eprintln!("The emulated Route 53 answers at {}", self.emulator.url());
        eprintln!(
            "Look at the zone with: AWS_ACCESS_KEY_ID=me AWS_SECRET_ACCESS_KEY=me AWS_REGION=us-east-1 \\\n  \
             aws --endpoint-url {} route53 list-resource-record-sets --hosted-zone-id {ZONE_ID}",
            self.emulator.url()
        );
        eprintln!("Edit the manifests and watch; Ctrl-C ends.\n");
        let clock = Clock::start();
        let (writer, facts) = self.writer(clock).await?;
        let (driver, handle) = self.driver(ReadWrite(writer), Mode::Apply, &facts, clock);
        handle.send(Input::Leadership { until: Time::NEVER }).await;
        let (scopes, rules) = (self.config.scopes.clone(), self.config.rules.clone());
        let follow = tokio::spawn(folder.follow(scopes, rules, handle));
        driver.run(self.stop.clone(), Until::Stopped).await;
        follow.abort();
        Ok(())
    }

    async fn plan(&self, folder: &Folder) -> anyhow::Result<Outcome> {
        let clock = Clock::start();
        let (reader, facts) = Reader::open(self.config.zone.clone(), clock, &self.via()).await?;
        self.drive(folder, ReadOnly(reader), Mode::DryRun, &facts, clock).await
    }

    async fn drive<E: Ends>(
        &self,
        folder: &Folder,
        ends: E,
        mode: Mode,
        zone: &ZoneFacts,
        clock: Clock,
    ) -> anyhow::Result<Outcome> {
        let (driver, handle) = self.driver(ends, mode, zone, clock);
        let mut inputs = vec![Input::Leadership { until: Time::NEVER }];
        inputs.extend(folder.list(&self.config.scopes, &self.config.rules));
        let tell = async {
            for input in inputs {
                handle.send(input).await;
            }
        };
        let (outcome, ()) = tokio::join!(driver.run(self.stop.clone(), Until::Done), tell);
        anyhow::ensure!(outcome.is_done, "stopped");
        Ok(outcome)
    }

    fn driver<E: Ends>(
        &self,
        ends: E,
        mode: Mode,
        zone: &ZoneFacts,
        clock: Clock,
    ) -> (Driver<E, Reporter>, Handle) {
        let keeper = Keeper::new(self.config.keeper(mode, 0), zone.empty());
        Driver::new(keeper, ends, Reporter::new(Metrics::new()), clock)
    }

    async fn print_zone(&self) -> anyhow::Result<()> {
        let (reader, _) = Reader::open(self.config.zone.clone(), Clock::start(), &self.via()).await?;
        let mut start = None;
        loop {
            let page = reader.list(&Read { id: ReadId(0), start, max_items: 300, continues: None }).await?;
            for set in page.sets {
                println!("{set}");
            }
            start = page.next;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    /// Nobody else writes.
    async fn writer(&self, clock: Clock) -> Result<(Writer, ZoneFacts), Open> {
        Writer::open(self.config.zone.clone(), clock, Leadership::forever(), &self.via()).await
    }

    fn via(&self) -> Via {
        Via::Emulator { url: self.emulator.url(), access_key: ACCESS_KEY.to_owned() }
    }
}

fn config() -> anyhow::Result<Config> {
    Ok(Config {
        zone: ZoneId::new(ZONE_ID).context("the sandbox's zone id")?,
        settings: Settings {
            owner: "sandbox".parse()?,
            naming: Naming::default(),
            default_ttl: Ttl::DEFAULT,
            managed_types: ManagedTypes::default(),
            prefer_cname: false,
            merge_targets: None,
            alias_zones: AliasZones::default(),
            adoption: Adoption::default(),
        },
        rules: Rules::default(),
        scopes: Resource::ALL.map(|resource| Scope { resource, namespace: None }).to_vec(),
        quota: Quota::default(),
        resync: std::time::Duration::from_mins(30),
        vacancy: std::time::Duration::from_mins(10),
        brake: BrakeLimits::default(),
    })
}
