//! A cluster and a zone that answer, and what is to be done with them. Whoever writes takes the lease first.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures::FutureExt as _;
use kube::Client;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{info, warn};
use zonekeeper_core::{
    keeper::{Approval, Input, Keeper, Mode, Time},
    lease::Lease,
    plan::{AdoptionOrder, PlanDigest},
};

use super::{
    patience::Patience,
    progress::Progress,
    tenure::{Candidacy, Tenure, recalled},
};
use crate::{
    cluster::{self, Candidate, Events, LONGEST_SILENCE, Memory, Refused, ZonePlans},
    config::{ClusterFlags, Config, Flags, LeaseFlags},
    driver::{Clock, Driver, Ends, Handle, Outcome, ReadOnly, ReadWrite, Until, unix_now},
    leadership::{Leadership, Leading, Terms},
    route53::{Reader, Via, Writer, ZoneFacts},
    serve,
    telemetry::{Metrics, Reporter},
};

/// The longest that the end waits for what is published last to be shown.
const LAST_SHOWN: Duration = Duration::from_secs(3);

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
    /// The plan that is written and nothing else, where its user has seen it.
    approved: Option<PlanDigest>,
    progress: Option<Progress>,
    /// The lease whose memory a plan begins with.
    recalls: Option<LeaseFlags>,
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
            let served = serve::serve(listener, serve::router(driver, metrics.clone()));
            tasks.spawn(served.map(|_| Ok(())));
        }
        let clock = Clock::start();
        let connect = async || Ok(cluster::connect(cluster.kubeconfig.as_deref(), LONGEST_SILENCE).await?);
        let client = patience.open(connect).await?;
        Ok(Self {
            config,
            client,
            clock,
            metrics,
            patience,
            tasks,
            address: listening,
            driving,
            approved: None,
            progress: None,
            recalls: None,
        })
    }

    /// The same, adopting what an operator ordered and writing nothing else.
    pub fn ordered(mut self, order: AdoptionOrder) -> Self {
        self.config.settings.adoption.order = Some(order);
        self
    }

    /// The same, writing in [`Mode::Approve`] what has this digest, and nothing else.
    pub fn approved(mut self, digest: PlanDigest) -> Self {
        self.approved = Some(digest);
        self
    }

    /// The same, showing how far it has come.
    pub fn showing(mut self, progress: Progress) -> Self {
        self.progress = Some(progress);
        self
    }

    /// The same, planning with what the leaders before have moved and a person has released.
    pub fn recalling(mut self, lease: LeaseFlags) -> Self {
        self.recalls = Some(lease);
        self
    }

    /// Plans, with a client that cannot write.
    pub async fn plan(mut self) -> anyhow::Result<Outcome> {
        let zone = || self.config.zone.clone();
        let open = async || Ok(Box::pin(Reader::open(zone(), self.clock, &Via::Environment)).await?);
        let (reader, facts) = self.patience.open(open).await?;
        let memory = match self.recalls.take() {
            Some(lease) => {
                let (namespace, name) = self.lease(lease);
                cluster::lease_memory(self.client.clone(), &namespace, &name).await
            }
            None => Memory::new(),
        };
        self.drive(ReadOnly(reader), Mode::DryRun, &facts, Role::Looks(memory)).await
    }

    /// Plans and writes.
    pub async fn apply(self, mode: Mode, lease: LeaseFlags) -> anyhow::Result<Outcome> {
        let (zone, leadership) = (|| self.config.zone.clone(), Leadership::default());
        let open = async || {
            Ok(Box::pin(Writer::open(zone(), self.clock, leadership.clone(), &Via::Environment)).await?)
        };
        let (writer, facts) = self.patience.open(open).await?;
        let candidacy = self.stand(lease, leadership).await?;
        self.drive(ReadWrite(writer), mode, &facts, Role::Stands(Box::new(candidacy))).await
    }

    /// Namespace and name of the lease.
    fn lease(&self, flags: LeaseFlags) -> (String, String) {
        let namespace = flags.lease_namespace.unwrap_or_else(cluster::lease_namespace);
        (namespace, Lease::name(&self.config.zone, &self.config.settings.owner))
    }

    /// Takes the lease. A controller stands by where another process has it; a command that somebody waits for waits
    /// only as long as nobody knows whether its holder still lives.
    async fn stand(&self, lease: LeaseFlags, leadership: Leadership) -> anyhow::Result<Candidacy> {
        let (namespace, name) = self.lease(lease);
        let (memory, remembered) = watch::channel(Memory::new());
        let (client, shared) = (self.client.clone(), leadership.clone());
        let mut candidate = Candidate::new(client, namespace, name, self.clock, shared, remembered);
        let standing = async {
            if self.patience.until.ends() { candidate.win().await } else { candidate.stand().await }
        };
        let stopped = || anyhow::anyhow!("stopped before anything was done");
        self.patience.stop.run_until_cancelled(standing).await.ok_or_else(stopped)??;
        Ok(Candidacy { candidate, leadership, memory })
    }

    /// Watches and drives until the driver ends, by itself or because it was stopped.
    async fn drive<E: Ends>(
        self,
        ends: E,
        mode: Mode,
        zone: &ZoneFacts,
        role: Role,
    ) -> anyhow::Result<Outcome> {
        let Self {
            config,
            client,
            clock,
            metrics,
            patience,
            mut tasks,
            address,
            driving,
            approved,
            progress,
            recalls: _,
        } = self;
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
        let keeper = Keeper::new(config.keeper(mode, seed), zone.empty());
        // A dry run writes nothing at all, and who ends when all is done tells its user.
        let events = role.candidacy().filter(|_| !until.ends()).map(|candidacy| {
            let (events, queue) = Events::new();
            tasks.spawn(queue.send(client.clone()).map(Ok));
            Leading::new(events, candidacy.leadership.clone(), clock)
        });
        let listeners = (Reporter::new(metrics), (events, progress));
        let (driver, handle) = Driver::new(keeper, ends, listeners, clock);
        let mut tenure = match role {
            Role::Stands(candidacy) => Some(candidacy.begin(until, handle.clone(), clock)),
            Role::Looks(memory) => {
                // Nobody competes with what only looks.
                for input in recalled(&memory).chain([Input::Leadership { until: Time::NEVER }]) {
                    handle.send(input).await;
                }
                None
            }
        };
        let mut showing = None;
        if let (Mode::Approve, Some(terms)) = (mode, tenure.as_ref().map(Tenure::terms)) {
            if let Some(digest) = approved {
                let approval = Approval { digest, at: unix_now() };
                tasks.spawn(approve(approval, handle.clone(), terms).map(Ok));
            } else {
                let (zone, owner) = (zone.id.clone(), config.settings.owner.clone());
                let plans = ZonePlans::new(client.clone(), zone, owner);
                showing = Some(AbortOnDropHandle::new(tokio::spawn(plans.follow(handle.clone(), terms))));
            }
        }
        watch_objects(&mut tasks, &config, &client, &handle, until);
        driving.send_replace(Some(handle));
        let ended = tokio::select! {
            outcome = driver.run(stop, until) => Ok(outcome),
            // Until all objects have been listed, nothing has been sent.
            refused = refused(&mut tasks) => Err(refused.into()),
            error = failed(tenure.as_mut()) => Err(error),
        };
        if let Some(showing) = showing
            && timeout(LAST_SHOWN, showing).await.is_err()
        {
            warn!("the ZonePlan does not show yet which approval was used, and what was written of it");
        }
        match (&ended, tenure) {
            (Ok(outcome), Some(_)) if outcome.unanswered > 0 => {
                info!(
                    "the lease is kept: a change may still arrive, and must have ended when another process writes"
                );
            }
            (_, Some(tenure)) => tenure.release().await,
            (_, None) => {}
        }
        if let Ok(outcome) = &ended {
            info!(done = outcome.is_done, "zonekeeper stops");
        }
        tasks.shutdown().await;
        ended
    }
}

/// What a session does with the zone.
enum Role {
    /// It only looks, and knows what a lease remembers.
    Looks(Memory),
    /// It writes while it leads.
    Stands(Box<Candidacy>),
}

impl Role {
    fn candidacy(&self) -> Option<&Candidacy> {
        match self {
            Self::Looks(_) => None,
            Self::Stands(candidacy) => Some(candidacy),
        }
    }
}

/// Gives the approval of a user who has seen the plan, in each term: there is no `ZonePlan` to keep it.
async fn approve(approval: Approval, driver: Handle, mut terms: Terms) {
    while terms.next().await {
        // In the order in which a `ZonePlan` tells it, for the same reason.
        for input in [Input::Approve(approval), Input::Published(None)] {
            driver.send(input).await;
        }
    }
}

fn watch_objects(
    tasks: &mut JoinSet<Result<(), Refused>>,
    config: &Config,
    client: &Client,
    handle: &Handle,
    until: Until,
) {
    let (rules, ends) = (Arc::new(config.rules.clone()), until.ends());
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

/// That nobody keeps the lease any more, where it is needed; while somebody does, this waits.
async fn failed(tenure: Option<&mut Tenure>) -> anyhow::Error {
    match tenure {
        Some(tenure) => tenure.failed().await,
        None => std::future::pending().await,
    }
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
