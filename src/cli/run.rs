//! `zonekeeper run`: keeps the zone up to date.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use kube::Client;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::info;
use zonekeeper_core::{
    dns::Zone,
    keeper::{Input, Keeper, Mode, Time},
};

use crate::{
    cluster::{self, Refused},
    config::{ClusterFlags, Config, Flags, RunFlags},
    driver::{Clock, Driver, Ends, Handle, Outcome, ReadOnly, ReadWrite, Until},
    route53::{Reader, Via, Writer, ZoneFacts},
    serve,
    telemetry::{Metrics, Reporter},
};

/// Keep the zone up to date until stopped
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(flatten)]
    running: RunFlags,
}

/// A cluster and a zone that answer, and what is to be done with them.
pub(super) struct Session {
    pub config: Config,
    pub client: Client,
    pub clock: Clock,
    pub stop: CancellationToken,
    pub until: Until,
    /// Where to answer probes and scrapes, if anywhere.
    pub listener: Option<TcpListener>,
}

// === impl Run ===

impl Run {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = Config::try_from(self.flags)?;
        let RunFlags { metrics_address, once, dry_run } = self.running;
        let listener = TcpListener::bind(metrics_address)
            .await
            .with_context(|| format!("cannot listen on --metrics-address {metrics_address}"))?;
        let clock = Clock::start();
        let stop = stop_on_signals()?;
        let session = Session {
            client: unless_stopped(&stop, cluster::connect(self.cluster.kubeconfig.as_deref())).await?,
            clock,
            stop: stop.clone(),
            until: if once { Until::Done } else { Until::Stopped },
            listener: Some(listener),
            config,
        };
        let zone = session.config.zone.clone();
        let outcome = if dry_run {
            let opened = unless_stopped(&stop, Box::pin(Reader::open(zone, clock, &Via::Environment)));
            let (reader, facts) = opened.await?;
            session.drive(ReadOnly(reader), Mode::DryRun, &facts).await?
        } else {
            let opened = unless_stopped(&stop, Box::pin(Writer::open(zone, clock, &Via::Environment)));
            let (writer, facts) = opened.await?;
            session.drive(ReadWrite(writer), Mode::Apply, &facts).await?
        };
        anyhow::ensure!(outcome.is_done || !once, "stopped before everything was done");
        if once && dry_run {
            print!("{}", outcome.plan);
        }
        Ok(if outcome.refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

// === impl Session ===

impl Session {
    /// Watches and drives until the driver ends, by itself or because it was stopped.
    pub(super) async fn drive<E: Ends>(
        self,
        ends: E,
        mode: Mode,
        zone: &ZoneFacts,
    ) -> anyhow::Result<Outcome> {
        info!(
            zone.id = %zone.id,
            zone.name = %zone.apex,
            zone.private = zone.is_private,
            owner = %self.config.settings.owner,
            mode = ?mode,
            metrics.address = self.listener.as_ref().and_then(|at| at.local_addr().ok()).map(tracing::field::display),
            "zonekeeper starts"
        );
        let metrics = Metrics::new();
        let seed = u64::from(std::process::id());
        let keeper =
            Keeper::new(self.config.keeper(mode, seed), Zone::new(zone.id.clone(), zone.apex.clone()));
        let (driver, handle) = Driver::new(keeper, ends, Reporter::new(metrics.clone()), self.clock);
        let mut tasks = JoinSet::new();
        watch(&mut tasks, &self.config, &self.client, &handle, self.until);
        if let Some(listener) = self.listener {
            let served = serve::serve(listener, serve::router(handle.clone(), metrics), self.stop.clone());
            tasks.spawn(async {
                drop(served.await);
                Ok(())
            });
        }
        // The gate is always open: nobody else competes for it.
        let open = handle.clone();
        tasks.spawn(async move {
            open.send(Input::Leadership { until: Time::NEVER }).await;
            Ok(())
        });
        let outcome = tokio::select! {
            outcome = driver.run(self.stop.clone(), self.until) => outcome,
            refused = refused(&mut tasks) => return Err(refused.into()),
        };
        info!(done = outcome.is_done, "zonekeeper stops");
        tasks.shutdown().await;
        Ok(outcome)
    }
}

fn watch(
    tasks: &mut JoinSet<Result<(), Refused>>,
    config: &Config,
    client: &Client,
    handle: &Handle,
    until: Until,
) {
    let (rules, ends) = (Arc::new(config.rules.clone()), until == Until::Done);
    for scope in &config.scopes {
        let (client, rules, handle) = (client.clone(), Arc::clone(&rules), handle.clone());
        tasks.spawn(cluster::watch(client, scope.clone(), rules, handle, ends));
    }
}

/// The first task that has to give up; while none has, this waits.
async fn refused(tasks: &mut JoinSet<Result<(), Refused>>) -> Refused {
    while let Some(ended) = tasks.join_next().await {
        if let Ok(Err(refused)) = ended {
            return refused;
        }
    }
    std::future::pending().await
}

/// The first SIGTERM or SIGINT stops in good order, the second at once.
pub(super) fn stop_on_signals() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stopped = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            if stopped.is_cancelled() {
                std::process::exit(1);
            }
            info!("stopping; a change under way is waited for, and a second signal ends that too");
            stopped.cancel();
        }
    });
    Ok(stop)
}

/// What `work` gives. Only a driver has something to finish when it is stopped; before that, nothing has begun.
pub(super) async fn unless_stopped<T, E>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, E>>,
) -> anyhow::Result<T>
where
    anyhow::Error: From<E>,
{
    let done = stop.run_until_cancelled(work).await.context("stopped before anything was done")?;
    Ok(done?)
}
