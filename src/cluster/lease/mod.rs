//! The Lease object that decides which process writes.
//!
//! [`zonekeeper_core::lease`] has the rules; this module carries them out. Every write is a `replace` that depends on the
//! version that was read. A Lease also stores state for the next leader, in annotations that begin with
//! `zonekeeper.dev/`. Other annotations stay as they are.

mod object;

use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, api::PostParams};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use zonekeeper_core::{
    keeper::Time,
    lease::{self, RENEWAL, Record, Step, TTL},
};

pub use self::object::LeaseMemory;
use self::object::{memory_of, record, released, taken};
use super::{
    Cluster,
    client::{self, AUTHORIZATION_GRACE, describe},
};
use crate::{driver::Clock, leadership::Leadership, random};

/// The file in which a pod finds the name of its namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The namespace of the manifests, used outside of a pod.
const DEFAULT_NAMESPACE: &str = "zonekeeper";
/// The end of the message for a Lease that does not exist (`Preconditions.Check`, `k8s.io/apiserver/pkg/storage`), with the
/// status that [`describe_status`] adds.
const NO_UID: &str = "UID in object meta:  (409)";
/// How soon to read the Lease again after somebody else has changed it. Leadership goes on if the holder is unchanged.
const SOON: Duration = Duration::from_millis(100);

/// A process that holds the Lease or competes for it.
#[derive(Debug)]
pub struct Candidate {
    api: Api<Lease>,
    namespace: String,
    name: String,
    rules: lease::Lease,
    clock: Clock,
    leadership: Leadership,
    memory: watch::Receiver<LeaseMemory>,
    /// The object in the answer to our last write. Without it, the Lease must be read.
    known: Option<Lease>,
    /// The memory in the Lease when this process took it.
    found: LeaseMemory,
    /// Whether [`Candidate::memory`] is newer than the memory in the Lease.
    has_new_memory: bool,
    /// The last record of another holder.
    followed: Option<Record>,
    /// Whether the driver was told that this process leads.
    is_announced: bool,
    /// The current error, as it was logged.
    failing: Option<String>,
    next: Instant,
}

/// A change of leadership, for the driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseUpdate {
    /// The memory that the Lease had when this process took it. It precedes the first [`LeaseUpdate::LeadsUntil`] of each
    /// term.
    Found(LeaseMemory),
    /// Until when this process leads; it does not lead at [`Time::ZERO`].
    LeadsUntil(Time),
}

/// Why this process does not lead.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another process leads and keeps renewing the Lease.
    #[error(
        "{holder} writes to this zone: it holds the lease {lease}, and only one process writes at a time\n\
         to see what it plans: `kubectl --namespace {namespace} exec deployment/zonekeeper -- /zonekeeper plan`\n\
         to write from here, stop it first: `kubectl --namespace {namespace} scale deployment/zonekeeper --replicas 0`"
    )]
    Held {
        /// The identity of the holder.
        holder: String,
        /// Namespace and name of the Lease.
        lease: String,
        /// The namespace of the Lease.
        namespace: String,
    },
    /// The namespace of the Lease does not exist.
    #[error(
        "there is no namespace {0} for the lease that decides which process writes\n\
         create it: `kubectl create namespace {0}`, or name the namespace that zonekeeper runs in with --lease-namespace"
    )]
    NoNamespace(String),
    /// The API server denies access to the Lease.
    #[error(
        "the API server denies access to the lease {lease}: {text}\n\
         grant it (manifests/overlays/apply/leases.yaml shows what is needed), or name a namespace where it is granted \
         with --lease-namespace"
    )]
    Denied {
        /// Namespace and name of the Lease.
        lease: String,
        /// The message of the API server.
        text: String,
    },
    /// The Lease cannot be read or written now.
    #[error("the lease {lease} cannot be used: {text}\ncheck that the API server runs, and try again")]
    Unusable {
        /// Namespace and name of the Lease.
        lease: String,
        /// The cause.
        text: String,
    },
}

/// The result of one round.
enum Round {
    /// This process leads.
    Leads,
    /// Another process leads, or led until the Lease was deleted. `is_renewed` says whether the Lease has changed since the
    /// last round.
    Follows { holder: String, is_renewed: bool },
    /// Somebody else has changed the Lease between our read and our write.
    Changed,
}

/// The namespace for Leases: that of the pod, or else that of the manifests.
pub fn lease_namespace() -> String {
    let own = std::fs::read_to_string(NAMESPACE_FILE).ok().map(|name| name.trim().to_owned());
    own.filter(|name| !name.is_empty()).unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
}

/// Reads the memory of a Lease without taking it. It is empty where the Lease does not exist or cannot be read.
pub async fn lease_memory(cluster: &Cluster, namespace: &str, name: &str) -> LeaseMemory {
    let api: Api<Lease> = Api::namespaced(cluster.client(), namespace);
    match call(api.get_opt(name)).await {
        Ok(found) => found.as_ref().map(memory_of).unwrap_or_default(),
        Err(CallError { text, .. }) => {
            debug!(error = text, "the lease cannot be read, so earlier moves are unknown to the brake");
            LeaseMemory::new()
        }
    }
}

// === impl Candidate ===

impl Candidate {
    /// Creates a candidate for the Lease of this name.
    ///
    /// While it leads, it writes each new `memory` into the Lease soon, and the last one when it releases the Lease.
    pub fn new(
        cluster: &Cluster,
        namespace: String,
        name: String,
        clock: Clock,
        leadership: Leadership,
        memory: watch::Receiver<LeaseMemory>,
    ) -> Self {
        Self {
            api: Api::namespaced(cluster.client(), &namespace),
            namespace,
            name,
            rules: lease::Lease::new(identity()),
            clock,
            leadership,
            memory,
            known: None,
            found: LeaseMemory::new(),
            has_new_memory: false,
            followed: None,
            is_announced: false,
            failing: None,
            next: Instant::now(),
        }
    }

    /// Tries once to lead. Fails only if waiting cannot help.
    pub async fn stand(&mut self) -> Result<(), LeaseError> {
        let round = self.turn().await;
        if let Err(error @ LeaseError::NoNamespace(_)) = round {
            return Err(error);
        }
        self.log_error(&round);
        Ok(())
    }

    /// Waits until this process leads. Fails if another process renews the Lease.
    pub async fn win(&mut self) -> Result<(), LeaseError> {
        let begun = Instant::now();
        loop {
            match self.turn().await {
                Ok(Round::Leads) => return Ok(()),
                Ok(Round::Follows { holder, is_renewed: true }) => return Err(self.held(holder)),
                Err(LeaseError::Denied { .. }) if begun.elapsed() < AUTHORIZATION_GRACE => {}
                Ok(_) => {}
                Err(error) => return Err(error),
            }
            sleep_until(self.next).await;
        }
    }

    /// Leads or follows until it is stopped, then releases the Lease.
    ///
    /// A command that `ends` does not wait until another holder goes.
    pub async fn keep(
        mut self,
        ends: bool,
        updates: mpsc::Sender<LeaseUpdate>,
        stop: CancellationToken,
    ) -> Result<(), LeaseError> {
        loop {
            self.announce(&updates).await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep_until(self.next) => {}
                Ok(()) = self.memory.changed(), if self.is_announced => self.has_new_memory = true,
            }
            let Some(round) = stop.run_until_cancelled(self.turn()).await else { break };
            self.log_error(&round);
            match round {
                Ok(Round::Follows { holder, .. }) if ends && !holder.is_empty() => {
                    return Err(self.held(holder));
                }
                _ => {}
            }
        }
        self.release().await;
        Ok(())
    }

    /// Logs an error at `warn` the first time, and at `debug` while it repeats.
    fn log_error(&mut self, round: &Result<Round, LeaseError>) {
        let text = round.as_ref().err().map(ToString::to_string);
        let before = std::mem::replace(&mut self.failing, text);
        match &self.failing {
            Some(text) if before.as_ref() == Some(text) => {
                debug!(error = text, "the lease still cannot be used");
            }
            Some(text) => warn!(error = text, "the lease cannot be used; it is tried again"),
            None => {}
        }
    }

    /// Does one round, and decides when the next one is due.
    async fn turn(&mut self) -> Result<Round, LeaseError> {
        self.next = Instant::now() + RENEWAL;
        let round = self.round().await;
        if let Ok(Round::Changed) = &round {
            self.next = Instant::now() + SOON;
        }
        round
    }

    /// Reads the Lease, unless our own last write is known, and carries out the step that follows.
    async fn round(&mut self) -> Result<Round, LeaseError> {
        let found = match self.known.take() {
            Some(known) => Some(known),
            None => call(self.api.get_opt(&self.name)).await.map_err(|failed| self.error(failed))?,
        };
        let record = found.as_ref().map(record);
        let step = self.rules.look(record.as_ref(), self.clock.now());
        self.leadership.set_end(self.rules.until());
        if step == Step::Follow {
            return Ok(self.follow(record));
        }
        let memory = self.has_new_memory.then(|| self.memory.borrow().clone());
        let wish = taken(found, &self.name, self.rules.me(), step, memory.as_ref());
        let parameters = PostParams::default();
        let sent_at = self.clock.now();
        let written = match step {
            Step::Create => call(self.api.create(&parameters, &wish)).await,
            _ => call(self.api.replace(&self.name, &parameters, &wish)).await,
        };
        match written {
            Ok(written) => {
                self.leadership.set_end(self.rules.accepted(sent_at));
                if !self.is_announced {
                    self.found = memory_of(&written);
                    self.log_win(step, record);
                }
                self.known = Some(written);
                Ok(Round::Leads)
            }
            Err(CallError { code: 404, .. }) if step == Step::Create => {
                Err(LeaseError::NoNamespace(self.namespace.clone()))
            }
            Err(rejected) if rejected.shows_deletion() => {
                self.rules.deleted();
                Ok(self.lose())
            }
            Err(CallError { code: 409, .. }) => {
                self.rules.conflicted();
                Ok(Round::Changed)
            }
            Err(failed) => Err(self.error(failed)),
        }
    }

    fn lose(&mut self) -> Round {
        self.leadership.set_end(Time::ZERO);
        Round::Changed
    }

    fn follow(&mut self, record: Option<Record>) -> Round {
        let holder = record.as_ref().map(|record| record.holder.to_string()).unwrap_or_default();
        let before = std::mem::replace(&mut self.followed, record);
        // The holder is empty if the Lease was deleted.
        if !holder.is_empty() && before.as_ref().is_none_or(|before| *before.holder != *holder) {
            info!(
                lease = self.lease(),
                lease_holder = holder,
                "another process leads; this one stands by, and leads when the lease is not renewed for {TTL:?}"
            );
        }
        let is_renewed = !holder.is_empty() && before.is_some() && before != self.followed;
        Round::Follows { holder, is_renewed }
    }

    /// Logs that this process leads, and why it could take the Lease.
    fn log_win(&mut self, step: Step, before: Option<Record>) {
        self.followed = None;
        let holder = before
            .map(|record| record.holder)
            .filter(|holder| !holder.is_empty() && **holder != *self.rules.me());
        let why = match (step, &holder) {
            (Step::Renew, _) => "nobody else took it",
            (Step::Create, _) => "there was none",
            (_, None) => "it was released",
            (_, Some(_)) => "its holder did not renew it",
        };
        info!(
            lease = self.lease(),
            lease_identity = self.rules.me(),
            lease_before = holder.as_deref(),
            why,
            "leadership won"
        );
    }

    /// Tells the driver until when this process leads. At the start of a term, the memory of the Lease comes first.
    async fn announce(&mut self, updates: &mpsc::Sender<LeaseUpdate>) {
        let until = self.rules.until();
        let leads = self.clock.now() < until;
        // Sending fails if the driver has ended. That does no harm.
        if leads {
            if !self.is_announced {
                self.is_announced = true;
                self.has_new_memory = false;
                // A memory from before this term is out of date.
                self.memory.mark_unchanged();
                drop(updates.send(LeaseUpdate::Found(std::mem::take(&mut self.found))).await);
            }
            drop(updates.send(LeaseUpdate::LeadsUntil(until)).await);
        } else if std::mem::take(&mut self.is_announced) {
            self.has_new_memory = false;
            warn!(lease = self.lease(), "leadership lost; nothing is written until it is won again");
            drop(updates.send(LeaseUpdate::LeadsUntil(Time::ZERO)).await);
        }
    }

    /// Removes this process from the Lease, so that the next one takes it at once. Writes the last memory with it.
    async fn release(mut self) {
        self.rules.lost();
        self.leadership.set_end(Time::ZERO);
        if !self.is_announced {
            return;
        }
        self.has_new_memory |= self.memory.changed().now_or_never().is_some_and(|changed| changed.is_ok());
        let memory = self.has_new_memory.then(|| self.memory.borrow().clone());
        let released = async {
            let found = match self.known.take() {
                Some(known) => Some(known),
                None => self.api.get_opt(&self.name).await?,
            };
            let Some(lease) = found.filter(|found| *record(found).holder == *self.rules.me()) else {
                return Ok(());
            };
            self.api
                .replace(&self.name, &PostParams::default(), &released(lease, memory.as_ref()))
                .await
                .map(drop)
        };
        match call(released).await {
            Ok(()) => info!(lease = self.lease(), "leadership released"),
            Err(CallError { text, .. }) => {
                warn!(
                    lease = self.lease(),
                    error = text,
                    "leadership not released; another process leads after {TTL:?}"
                );
            }
        }
    }

    fn held(&self, holder: String) -> LeaseError {
        LeaseError::Held { holder, lease: self.lease(), namespace: self.namespace.clone() }
    }

    fn error(&self, failed: CallError) -> LeaseError {
        let (lease, text) = (self.lease(), failed.text);
        match failed.code {
            401 | 403 => LeaseError::Denied { lease, text },
            _ => LeaseError::Unusable { lease, text },
        }
    }

    fn lease(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// Why a call failed.
struct CallError {
    /// The HTTP status; 0 if there was no answer.
    code: u16,
    text: String,
}

// === impl CallError ===

impl CallError {
    /// Whether the answer to a `replace` shows that the Lease does not exist.
    ///
    /// The API server can create a Lease by `replace`, so it does not answer 404. It compares the uid of our Lease with that
    /// of none, and answers 409. If it describes that in other words one day, a deletion counts as a change by somebody
    /// else: this process then waits a [`TTL`] before it creates the Lease again.
    fn shows_deletion(&self) -> bool {
        self.code == 404 || self.code == 409 && self.text.contains(NO_UID)
    }
}

/// Waits for the answer to a call, but not longer than until the next renewal.
async fn call<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
    client::answer(RENEWAL, call).await.map_err(|error| {
        let code = if let kube::Error::Api(status) = &error { status.code } else { 0 };
        CallError { code, text: describe(&error) }
    })
}

/// Creates the identity of this process: the name of the pod (`HOSTNAME`, which Kubernetes sets) and a random number. A
/// restarted container gets another identity than the one before.
fn identity() -> String {
    let pod = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    let pod = pod.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    format!("{pod}_{:016x}", random::number())
}
