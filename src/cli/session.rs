//! A session: a source of objects and a zone, connected by one driver.
//!
//! Every command that plans is a session with other ends. The objects come from a cluster or a folder, and the zone is in
//! AWS or in the emulator. A session on a cluster takes the lease before it writes.

use std::{fmt, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use futures::FutureExt as _;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::{JoinError, JoinSet},
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{info, warn};
use zonekeeper_core::{
    keeper::{Approval, Input, Keeper, Mode, Time},
    lease::Lease,
    plan::{AdoptionOrder, PlanDigest},
    source::Resource,
};

use super::{
    heading::{Heading, publish_text},
    lease_tenure::{Candidacy, LeaseTenure, defect, recall},
    probe_server::{ProbeServer, Probes},
    progress_bar::ProgressBar,
    startup_retry::StartupRetry,
};
use crate::{
    cluster::{
        self, Candidate, Cluster, DnsEndpointStatuses, DnsEndpoints, Events, LONGEST_SILENCE, LeaseMemory,
        ZonePlans,
    },
    config::{ClusterFlags, Config, Flags, LeaseFlags, ZoneType},
    driver::{Clock, Driver, Handle, Objects, Outcome, ReadOnly, ReadWrite, Until, ZoneAccess, unix_now},
    leadership::{Leadership, Terms},
    random,
    resolver::Resolving,
    route53::{self, OpenError, Reader, Via, Writer, ZoneFacts},
    telemetry::{Metrics, Operation, Reporter, ZoneInfo},
};

/// How long a stopping session waits until the last publication is in the `ZonePlan`.
const LAST_PUBLICATION: Duration = Duration::from_secs(3);

/// A session that works on the objects of `O`.
pub(super) struct Session<O> {
    config: Config,
    objects: O,
    via: Via,
    clock: Clock,
    metrics: Metrics,
    startup: StartupRetry,
    /// Tasks that run until the session ends. If one of them fails, the session ends.
    tasks: JoinSet<anyhow::Result<()>>,
    server: ProbeServer,
    /// The plan that its user has approved, if only this plan may be written.
    approved: Option<PlanDigest>,
    progress: Option<ProgressBar>,
}

/// A zone that is open for reading.
pub(super) struct OpenZone {
    reader: Reader,
    zone: ZoneFacts,
}

/// The part of this process among those that may write to the zone.
enum Role {
    /// No other process matters: this one does not write, or nobody else can reach the zone. It may know the memory of a
    /// lease, and a release of the brake.
    Alone(LeaseMemory, Option<Input>),
    /// It competes for the lease and writes while it leads.
    Candidate(Box<Candidacy>),
}

// === impl Session ===

impl Session<Cluster> {
    /// Connects to the cluster. Serves probes and metrics meanwhile and from then on, if `probes` are given.
    pub async fn open(
        flags: Flags,
        cluster: ClusterFlags,
        until: Until,
        probes: Option<Probes>,
    ) -> anyhow::Result<Self> {
        let config = Config::try_from(flags)?;
        let startup = StartupRetry { stop: stop_on_signals()?, until };
        let (mut tasks, metrics, mut server) =
            (JoinSet::new(), Metrics::new(route53::codes()), ProbeServer::default());
        if let Some(Probes { address, mode, zone_quota }) = probes {
            metrics.set_zone_quota(zone_quota);
            metrics.set_zone(zone_info(&config, String::new(), mode));
            server.start(address, &metrics, &mut tasks).await?;
        }
        let objects = startup.open(async || connect(&cluster).await).await?;
        let via = Via::Aws(config.access.clone());
        Ok(Self { metrics, tasks, server, ..Self::new(config, objects, via, startup) })
    }

    /// Plans with the memory of the lease: the recent moves, and the release of the brake.
    pub async fn plan_as_leader(
        self,
        OpenZone { reader, zone }: OpenZone,
        lease: LeaseFlags,
    ) -> anyhow::Result<Outcome> {
        let (namespace, name) = self.lease(lease);
        let memory = cluster::lease_memory(&self.objects, &namespace, &name).await;
        let release = self.zone_plans().release().await;
        Box::pin(self.drive(ReadOnly(reader), Mode::DryRun, &zone, Role::Alone(memory, release))).await
    }

    /// Plans and writes, while this process holds the lease.
    pub async fn apply(self, mode: Mode, lease: LeaseFlags) -> anyhow::Result<Outcome> {
        let leadership = Leadership::default();
        let (writer, zone) = self.open_writer(&leadership).await?;
        let candidacy = Box::pin(self.compete(lease, leadership)).await?;
        let role = Role::Candidate(Box::new(candidacy));
        Box::pin(self.drive(ReadWrite(writer), mode, &zone, role)).await
    }

    fn zone_plans(&self) -> ZonePlans {
        let Config { zone, settings, .. } = &self.config;
        ZonePlans::new(&self.objects, zone.clone(), settings.owner.clone())
    }

    /// Namespace and name of the lease.
    fn lease(&self, flags: LeaseFlags) -> (String, String) {
        let namespace = flags.lease_namespace.unwrap_or_else(cluster::lease_namespace);
        (namespace, Lease::name(&self.config.zone, &self.config.settings.owner))
    }

    /// Competes for the lease. A controller may follow another holder. A command waits only until it is clear whether the
    /// holder is alive.
    async fn compete(&self, lease: LeaseFlags, leadership: Leadership) -> anyhow::Result<Candidacy> {
        let (namespace, name) = self.lease(lease);
        let (memory, stored) = watch::channel(LeaseMemory::new());
        let (cluster, shared) = (self.objects.clone(), leadership.clone());
        let mut candidate = Candidate::new(&cluster, namespace, name, self.clock, shared, stored);
        let competing =
            async { if self.startup.until.ends() { candidate.win().await } else { candidate.stand().await } };
        let stopped = || anyhow::anyhow!("stopped before anything was done");
        self.startup.stop.run_until_cancelled(competing).await.ok_or_else(stopped)??;
        Ok(Candidacy { cluster, candidate, leadership, memory })
    }
}

#[cfg(feature = "sandbox")]
impl Session<crate::folder::Folder> {
    /// Plans and writes without a lease, to a zone that no other process can reach.
    pub async fn apply_alone(self) -> anyhow::Result<Outcome> {
        let (writer, zone) = self.open_writer(&Leadership::forever()).await?;
        let role = Role::Alone(LeaseMemory::new(), None);
        Box::pin(self.drive(ReadWrite(writer), Mode::Apply, &zone, role)).await
    }
}

impl<O: Objects + fmt::Display> Session<O> {
    /// Creates a session without probes and metrics.
    pub fn new(config: Config, objects: O, via: Via, startup: StartupRetry) -> Self {
        Self {
            config,
            objects,
            via,
            clock: Clock::start(),
            metrics: Metrics::new(route53::codes()),
            startup,
            tasks: JoinSet::new(),
            server: ProbeServer::default(),
            approved: None,
            progress: None,
        }
    }

    /// Adopts what an operator ordered, and writes nothing else.
    pub fn ordered(mut self, order: AdoptionOrder) -> Self {
        self.config.settings.adoption.order = Some(order);
        self
    }

    /// Writes the plan with this digest in [`Mode::Approve`], and nothing else.
    pub fn approved(mut self, digest: PlanDigest) -> Self {
        self.approved = Some(digest);
        self
    }

    /// Shows the progress.
    pub fn showing(mut self, progress: ProgressBar) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Opens the zone for a client that cannot write. Returns it with the heading of the command.
    pub async fn open_zone(&self, mode: &'static str) -> anyhow::Result<(OpenZone, Heading)> {
        let open = async || {
            let opening = Reader::open(self.config.zone.clone(), self.clock, &self.via);
            self.measured(Box::pin(opening)).await
        };
        let (reader, zone) = self.startup.open(open).await?;
        self.check(&zone)?;
        let Config { settings, rules, .. } = &self.config;
        let heading = Heading::new(&self.objects, &zone.id, &settings.owner, mode).reading(&zone, rules);
        Ok((OpenZone { reader, zone }, heading))
    }

    /// Plans, with a client that cannot write.
    pub async fn plan(self, OpenZone { reader, zone }: OpenZone) -> anyhow::Result<Outcome> {
        let role = Role::Alone(LeaseMemory::new(), None);
        Box::pin(self.drive(ReadOnly(reader), Mode::DryRun, &zone, role)).await
    }

    async fn open_writer(&self, leadership: &Leadership) -> anyhow::Result<(Writer, ZoneFacts)> {
        let arguments = || (self.config.zone.clone(), leadership.clone());
        let open = async || {
            let (zone, leadership) = arguments();
            self.measured(Box::pin(Writer::open(zone, self.clock, leadership, &self.via))).await
        };
        let (writer, zone) = self.startup.open(open).await?;
        self.check(&zone)?;
        Ok((writer, zone))
    }

    /// Counts the request that opens the zone.
    async fn measured<T>(&self, opening: impl Future<Output = Result<T, OpenError>>) -> anyhow::Result<T> {
        let begun = Instant::now();
        let opened = opening.await;
        match opened.as_ref().map_err(OpenError::failure) {
            Ok(_) => self.metrics.requested(Operation::Count, None, begun.elapsed()),
            Err(Some(failure)) => self.metrics.requested(Operation::Count, Some(failure), begun.elapsed()),
            Err(None) => {}
        }
        Ok(opened?)
    }

    /// Checks that the zone has the kind that the flags name. A private and a public zone can have the same name.
    fn check(&self, zone: &ZoneFacts) -> anyhow::Result<()> {
        let Some(expected) = self.config.zone_type.filter(|expected| !expected.is(zone.is_private)) else {
            return Ok(());
        };
        let found = if zone.is_private { ZoneType::Private } else { ZoneType::Public };
        anyhow::bail!(
            "the zone {} is {found}, and --aws-zone-type is {expected}: name the other zone with --zone-id, or remove \
             --aws-zone-type",
            zone.id
        )
    }

    /// Runs the driver until it ends by itself or is stopped, or until something that it depends on fails.
    async fn drive<A: ZoneAccess>(
        self,
        access: A,
        mode: Mode,
        zone: &ZoneFacts,
        role: Role,
    ) -> anyhow::Result<Outcome> {
        let Self { config, objects, via: _, clock, metrics, startup, mut tasks, server, approved, progress } =
            self;
        // A child: a failure stops the driver, and a signal after that still stops the process in good order.
        let (stop, until) = (startup.stop.child_token(), startup.until);
        let seed = random::number();
        announce(&config, zone, mode, seed, &objects, server.address());
        metrics.set_zone(zone_info(&config, zone.apex.to_string(), mode));
        let keeper = Keeper::new(config.keeper(mode, seed), zone.empty());
        let access = metrics.measured(access);
        // A dry run tells objects nothing. A command tells its user directly.
        let tells_objects = role.candidacy().filter(|_| !until.ends());
        let events = tells_objects.map(|candidacy| begin_events(candidacy, &mut tasks));
        let (endpoints, statuses) = tells_objects.and_then(|_| dns_endpoints(&config)).unzip();
        let listeners = (Reporter::new(metrics), ((events, endpoints), progress));
        let (driver, handle) = Driver::new(keeper, access, listeners, clock);
        let mut publishing = None;
        let mut tenure = match role {
            Role::Alone(memory, release) => {
                let leads = Input::Leadership { until: Time::NEVER };
                for input in [recall(&memory)].into_iter().chain(release).chain([leads]) {
                    handle.send(input).await;
                }
                None
            }
            Role::Candidate(candidacy) => {
                let cluster = candidacy.cluster.clone();
                let plans = ZonePlans::new(&cluster, zone.id.clone(), config.settings.owner.clone());
                // Meanwhile, the objects and the zone are listed.
                let tenure = candidacy.begin(until, handle.clone(), clock, plans.clone().release());
                if let Some(statuses) = statuses {
                    tasks.spawn(statuses.write(cluster, tenure.terms()).map(Ok));
                }
                match approved {
                    Some(digest) if mode == Mode::Approve => {
                        let approval = Approval { digest, at: unix_now() };
                        tasks.spawn(approve(approval, handle.clone(), tenure.terms()).map(Ok));
                    }
                    // A command ends before a person could release the brake.
                    _ if mode != Mode::Approve && until.ends() => {}
                    _ => {
                        let follow = plans.follow(handle.clone(), tenure.terms());
                        publishing = Some(AbortOnDropHandle::new(tokio::spawn(follow)));
                    }
                }
                Some(tenure)
            }
        };
        let (scopes, rules) = (config.scopes.clone(), Arc::new(config.rules));
        let follow = Resolving::new(objects).follow(scopes, rules, handle.clone(), until);
        tasks.spawn(async move {
            follow.await?;
            // A source that a command reads may end before the driver.
            anyhow::ensure!(until.ends(), defect("following the objects", None));
            Ok(())
        });
        server.show(handle);

        let mut run = pin!(driver.run(stop.clone(), until));
        let failure = tokio::select! {
            outcome = &mut run => Ok(outcome),
            error = failed(&mut tasks) => Err(error),
            error = lease_failed(tenure.as_mut()) => Err(error),
            ended = finished(publishing.as_mut()) => Err(defect("following the ZonePlan", ended.err().as_ref())),
        };
        let (outcome, failure) = match failure {
            Ok(outcome) => (outcome, None),
            Err(error) => {
                stop.cancel();
                (run.await, Some(error))
            }
        };
        if let Some(publishing) = publishing.filter(|task| !task.is_finished())
            && timeout(LAST_PUBLICATION, publishing).await.is_err()
        {
            warn!("the ZonePlan is not up to date: its last status could not be written in time");
        }
        match tenure {
            Some(_) if outcome.unanswered > 0 => {
                info!(
                    "the lease is not released: a change may still arrive at Route 53, and another process must not write before \
                     that"
                );
            }
            Some(tenure) => tenure.release().await,
            None => {}
        }
        if failure.is_none() {
            info!(done = outcome.is_done, "zonekeeper stops");
        }
        tasks.shutdown().await;
        failure.map_or(Ok(outcome), Err)
    }
}

/// Logs what starts.
fn announce(
    config: &Config,
    zone: &ZoneFacts,
    mode: Mode,
    seed: u64,
    objects: &impl fmt::Display,
    address: Option<SocketAddr>,
) {
    info!(
        zone_name = %zone.apex,
        zone_private = zone.is_private,
        mode = mode.label(),
        cluster = %objects,
        publish = publish_text(config.rules.publish),
        metrics_address = address.map(tracing::field::display),
        seed = %format_args!("{seed:016x}"),
        "zonekeeper starts for the zone {} and the owner {}",
        zone.id,
        config.settings.owner
    );
}

/// The zone, the owner id and the mode, for the metrics.
fn zone_info(config: &Config, zone_name: String, mode: Mode) -> ZoneInfo {
    ZoneInfo {
        zone_id: config.zone.to_string(),
        zone_name,
        owner: config.settings.owner.to_string(),
        mode: mode.label(),
    }
}

// === impl Role ===

impl Role {
    fn candidacy(&self) -> Option<&Candidacy> {
        match self {
            Self::Alone(..) => None,
            Self::Candidate(candidacy) => Some(candidacy),
        }
    }
}

/// Begins to send Events, and returns the listener that makes them.
fn begin_events(candidacy: &Candidacy, tasks: &mut JoinSet<anyhow::Result<()>>) -> Events {
    let (events, queue) = Events::new();
    tasks.spawn(queue.send(candidacy.cluster.clone()).map(Ok));
    events
}

/// The listener that hears the states of `DNSEndpoint` objects, and their writer, if such objects are read.
fn dns_endpoints(config: &Config) -> Option<(DnsEndpoints, DnsEndpointStatuses)> {
    let mut scopes = config.scopes.iter();
    scopes.any(|scope| scope.resource == Resource::DNS_ENDPOINT).then(DnsEndpoints::new)
}

/// Connects to the cluster that the flags name.
pub(super) async fn connect(ClusterFlags { kubeconfig, context }: &ClusterFlags) -> anyhow::Result<Cluster> {
    // An empty environment variable is one that is not set.
    let context = context.as_deref().filter(|context| !context.is_empty());
    Ok(Cluster::connect(kubeconfig.as_deref(), context, LONGEST_SILENCE).await?)
}

/// Gives the approval of a user who has seen the plan to the driver, in each term. There is no `ZonePlan` to store it.
async fn approve(approval: Approval, driver: Handle, mut terms: Terms) {
    while terms.next().await {
        // The approval goes first, for the same reason as that of a `ZonePlan`.
        for input in [Input::Approve(approval), Input::Published(None)] {
            driver.send(input).await;
        }
    }
}

/// Waits until a task fails, and returns why.
async fn failed(tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Error {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(error) => {
                return anyhow::anyhow!("a task has failed: {error}; this is a defect of zonekeeper");
            }
        }
    }
    std::future::pending().await
}

/// Waits for the end of a task, if there is one.
async fn finished(task: Option<&mut AbortOnDropHandle<()>>) -> Result<(), JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}

/// Waits until the lease is not kept any more, and returns why. Without a lease, it waits for ever.
async fn lease_failed(tenure: Option<&mut LeaseTenure>) -> anyhow::Error {
    match tenure {
        Some(tenure) => tenure.failed().await,
        None => std::future::pending().await,
    }
}

/// Handles SIGTERM and SIGINT: the first stops in good order, the second at once.
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
            info!(
                "stopping: zonekeeper waits for the answer to the change in flight; a second signal stops it at once"
            );
            stopped.cancel();
        }
    });
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn failure(task: impl Future<Output = anyhow::Result<()>> + Send + 'static) -> String {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { Ok(()) });
        tasks.spawn(task);
        failed(&mut tasks).await.to_string()
    }

    #[tokio::test]
    async fn a_task_that_fails_or_panics_ends_the_session() {
        assert_eq!(failure(async { anyhow::bail!("no more objects") }).await, "no more objects");
        let text = failure(async { panic!("out of bounds") }).await;
        assert!(text.contains("a task has failed") && text.contains("out of bounds"), "{text}");
    }
}
