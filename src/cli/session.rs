//! A cluster and a zone that answer, and what is to be done with them.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use futures::FutureExt as _;
use kube::Client;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::info;
use zonekeeper_core::{
    dns::Zone,
    keeper::{Input, Keeper, Mode, Time},
};

use super::patience::Patience;
use crate::{
    cluster::{self, Events, Refused},
    config::{ClusterFlags, Config, Flags},
    driver::{Clock, Driver, Ends, Handle, Outcome, ReadOnly, ReadWrite, Until},
    leadership::Leadership,
    route53::{Reader, Via, Writer, ZoneFacts},
    serve,
    telemetry::{Metrics, Reporter},
};

/// What a command works on.
pub(super) struct Session {
    config: Config,
    client: Client,
    clock: Clock,
    metrics: Metrics,
    patience: Patience,
    /// What goes on until the session ends.
    tasks: JoinSet<Result<(), Refused>>,
    /// Where probes and scrapes are answered, if anywhere, and who is told of the driver that they ask.
    address: Option<SocketAddr>,
    driving: watch::Sender<Option<Handle>>,
}

// === impl Session ===

impl Session {
    /// Connects to the cluster; `address` is where to answer probes and scrapes, if anywhere.
    pub async fn open(
        flags: Flags,
        cluster: ClusterFlags,
        until: Until,
        address: Option<SocketAddr>,
    ) -> anyhow::Result<Self> {
        let config = Config::try_from(flags)?;
        let patience = Patience { stop: stop_on_signals()?, until };
        let (mut tasks, metrics, (driving, driver)) = (JoinSet::new(), Metrics::new(), watch::channel(None));
        let mut listening = None;
        if let Some(address) = address {
            let listener = serve::listen(address).await;
            let listener =
                listener.with_context(|| format!("cannot listen on --metrics-address {address}"))?;
            listening = listener.local_addr().ok();
            let served =
                serve::serve(listener, serve::router(driver, metrics.clone()), patience.stop.clone());
            tasks.spawn(served.map(|_| Ok(())));
        }
        let clock = Clock::start();
        let client =
            patience.open(async || Ok(cluster::connect(cluster.kubeconfig.as_deref()).await?)).await?;
        Ok(Self { config, client, clock, metrics, patience, tasks, address: listening, driving })
    }

    /// Plans, with a client that cannot write.
    pub async fn plan(self) -> anyhow::Result<Outcome> {
        let zone = || self.config.zone.clone();
        let open = async || Ok(Box::pin(Reader::open(zone(), self.clock, &Via::Environment)).await?);
        let (reader, facts) = self.patience.open(open).await?;
        self.drive(ReadOnly(reader), Mode::DryRun, &facts).await
    }

    /// Plans and writes.
    pub async fn apply(self) -> anyhow::Result<Outcome> {
        let zone = || self.config.zone.clone();
        let open = async || {
            Ok(Box::pin(Writer::open(zone(), self.clock, Leadership::forever(), &Via::Environment)).await?)
        };
        let (writer, facts) = self.patience.open(open).await?;
        self.drive(ReadWrite(writer), Mode::Apply, &facts).await
    }

    /// Watches and drives until the driver ends, by itself or because it was stopped.
    async fn drive<E: Ends>(self, ends: E, mode: Mode, zone: &ZoneFacts) -> anyhow::Result<Outcome> {
        let Self { config, client, clock, metrics, patience, mut tasks, address, driving } = self;
        let Patience { stop, until } = patience;
        info!(
            zone.id = %zone.id,
            zone.name = %zone.apex,
            zone.private = zone.is_private,
            owner = %config.settings.owner,
            mode = ?mode,
            metrics.address = address.map(tracing::field::display),
            "zonekeeper starts"
        );
        let seed = u64::from(std::process::id());
        let keeper = Keeper::new(config.keeper(mode, seed), Zone::new(zone.id.clone(), zone.apex.clone()));
        // A dry run writes nothing at all, and who ends when all is done tells its user.
        let events = (mode == Mode::Apply && until == Until::Stopped).then(|| {
            let (events, queue) = Events::new();
            tasks.spawn(queue.send(client.clone()).map(Ok));
            events
        });
        let (driver, handle) = Driver::new(keeper, ends, (Reporter::new(metrics), events), clock);
        watch_objects(&mut tasks, &config, &client, &handle, until);
        driving.send_replace(Some(handle.clone()));
        // The gate is always open: nobody else competes for it.
        tasks.spawn(async move {
            handle.send(Input::Leadership { until: Time::NEVER }).await;
            Ok(())
        });
        let outcome = tokio::select! {
            outcome = driver.run(stop, until) => outcome,
            refused = refused(&mut tasks) => return Err(refused.into()),
        };
        info!(done = outcome.is_done, "zonekeeper stops");
        tasks.shutdown().await;
        Ok(outcome)
    }
}

fn watch_objects(
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
