//! A cluster and a zone that answer, and what is to be done with them.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use futures::FutureExt as _;
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
    cluster::{self, Events, Refused},
    config::{ClusterFlags, Config, Flags},
    driver::{Clock, Driver, Ends, Handle, Outcome, ReadOnly, ReadWrite, Until},
    route53::{Reader, Via, Writer, ZoneFacts},
    serve,
    telemetry::{Metrics, Reporter},
};

/// What a command works on.
pub(super) struct Session {
    config: Config,
    client: Client,
    clock: Clock,
    stop: CancellationToken,
    until: Until,
    /// Where to answer probes and scrapes, if anywhere.
    listener: Option<TcpListener>,
}

// === impl Session ===

impl Session {
    /// Connects to the cluster; `metrics` is where to answer probes and scrapes, if anywhere.
    pub async fn open(
        flags: Flags,
        cluster: ClusterFlags,
        until: Until,
        metrics: Option<SocketAddr>,
    ) -> anyhow::Result<Self> {
        let config = Config::try_from(flags)?;
        let listener = match metrics {
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .with_context(|| format!("cannot listen on --metrics-address {address}"))?,
            ),
            None => None,
        };
        let clock = Clock::start();
        let stop = stop_on_signals()?;
        let client = unless_stopped(&stop, cluster::connect(cluster.kubeconfig.as_deref())).await?;
        Ok(Self { config, client, clock, stop, until, listener })
    }

    /// Plans, with a client that cannot write.
    pub async fn plan(self) -> anyhow::Result<Outcome> {
        let opened = Reader::open(self.config.zone.clone(), self.clock, &Via::Environment);
        let (reader, facts) = unless_stopped(&self.stop, Box::pin(opened)).await?;
        self.drive(ReadOnly(reader), Mode::DryRun, &facts).await
    }

    /// Plans and writes.
    pub async fn apply(self) -> anyhow::Result<Outcome> {
        let opened = Writer::open(self.config.zone.clone(), self.clock, &Via::Environment);
        let (writer, facts) = unless_stopped(&self.stop, Box::pin(opened)).await?;
        self.drive(ReadWrite(writer), Mode::Apply, &facts).await
    }

    /// Watches and drives until the driver ends, by itself or because it was stopped.
    async fn drive<E: Ends>(self, ends: E, mode: Mode, zone: &ZoneFacts) -> anyhow::Result<Outcome> {
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
        let mut tasks = JoinSet::new();
        // A dry run writes nothing at all, and who ends when all is done tells its user.
        let events = (mode == Mode::Apply && self.until == Until::Stopped).then(|| {
            let (events, queue) = Events::new();
            tasks.spawn(queue.send(self.client.clone()).map(Ok));
            events
        });
        let listener = (Reporter::new(metrics.clone()), events);
        let (driver, handle) = Driver::new(keeper, ends, listener, self.clock);
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
async fn unless_stopped<T, E>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, E>>,
) -> anyhow::Result<T>
where
    anyhow::Error: From<E>,
{
    let done = stop.run_until_cancelled(work).await.context("stopped before anything was done")?;
    Ok(done?)
}
