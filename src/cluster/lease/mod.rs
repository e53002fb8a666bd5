//! The Lease object by which processes agree which of them writes.
//!
//! What it means is decided in [`zonekeeper_core::lease`]; this carries it out. A write is a `replace` on condition of
//! the version that was looked at. A Lease also remembers for the next leader what must outlive this one: annotations
//! that begin with `zonekeeper.dev/`. All others are left as they are.

mod object;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use futures::FutureExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, api::PostParams};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use zonekeeper_core::{
    keeper::Time,
    lease::{self, RENEWAL, Record, Step, TTL},
};

pub use self::object::Memory;
use self::object::{record, released, remembered, taken};
use super::client::said;
use crate::{causes, driver::Clock, leadership::Leadership};

/// Where a pod finds the name of its namespace.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The namespace of the manifests.
const NAMESPACE: &str = "zonekeeper";
/// How long a command that somebody waits for puts up with a refusal. An API server that has just started refuses what
/// it has not yet read the grant of.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon to look again at what has changed under our hands.
const SOON: Duration = Duration::from_millis(100);

/// A process that leads or would like to.
#[derive(Debug)]
pub struct Candidate {
    api: Api<Lease>,
    namespace: String,
    name: String,
    rules: lease::Lease,
    clock: Clock,
    leadership: Leadership,
    memory: watch::Receiver<Memory>,
    /// The object as the answer to our last write showed it; to be read anew where there is none.
    known: Option<Lease>,
    /// What was remembered when we got it.
    found: Memory,
    /// Whether [`Candidate::memory`] is newer than that.
    is_remembering: bool,
    /// The last record of another holder.
    followed: Option<Record>,
    /// Whether it was said that this process leads.
    is_told: bool,
    /// What goes wrong, as it was said.
    failing: Option<String>,
    next: Instant,
}

/// What becomes known of leadership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// What the Lease remembers. It comes before the first [`News::Until`] of each time that this process leads.
    Found(Memory),
    /// Until when this process leads; not at all at [`Time::ZERO`].
    Until(Time),
}

/// Why this process does not lead.
#[derive(Debug, thiserror::Error)]
pub enum NotLed {
    /// Another process does, and goes on.
    #[error(
        "{holder} writes to this zone: it holds the lease {lease}, and there is one writer at a time\n\
         what it would write is shown by `kubectl --namespace {namespace} exec deployment/zonekeeper -- /zonekeeper plan`; \
         to write from here, stop it first: `kubectl --namespace {namespace} scale deployment/zonekeeper --replicas 0`"
    )]
    Held {
        /// Who.
        holder: String,
        /// Namespace and name of the Lease.
        lease: String,
        /// Its namespace.
        namespace: String,
    },
    /// There is no place for the Lease.
    #[error(
        "there is no namespace {0} for the lease that says who writes\n\
         create it: `kubectl create namespace {0}`, or name the one that zonekeeper runs in with --lease-namespace"
    )]
    NoNamespace(String),
    /// The API server refuses it.
    #[error(
        "the lease {lease} may not be used: {text}\n\
         grant it (manifests/overlays/apply/leases.yaml shows what is needed), or name a namespace where it is granted \
         with --lease-namespace"
    )]
    Denied {
        /// Namespace and name of the Lease.
        lease: String,
        /// What the API server says.
        text: String,
    },
    /// It cannot be read or written now.
    #[error("the lease {lease} cannot be used: {text}\ncheck that the API server runs, and try again")]
    Unusable {
        /// Namespace and name of the Lease.
        lease: String,
        /// What happened.
        text: String,
    },
}

/// What one look has come to.
enum Standing {
    /// This process leads.
    Leads,
    /// Another does, or did where the Lease has been deleted; whether it has renewed it since the last look.
    Follows { holder: String, is_renewed: bool },
    /// Somebody else has written, between the look and the write.
    Changed,
}

/// The namespace for Leases: the pod's own, else that of the manifests.
pub fn lease_namespace() -> String {
    let own = std::fs::read_to_string(OWN_NAMESPACE).ok().map(|name| name.trim().to_owned());
    own.filter(|name| !name.is_empty()).unwrap_or_else(|| NAMESPACE.to_owned())
}

/// What the Lease of a name remembers, for who only looks. Where it is not there or may not be read, that is nothing.
pub async fn lease_memory(client: Client, namespace: &str, name: &str) -> Memory {
    let api: Api<Lease> = Api::namespaced(client, namespace);
    match answer(api.get_opt(name)).await {
        Ok(found) => found.as_ref().map(remembered).unwrap_or_default(),
        Err(Failed { text, .. }) => {
            debug!(error = text, "the lease cannot be read: what was moved or released before is not known");
            Memory::new()
        }
    }
}

// === impl Candidate ===

impl Candidate {
    /// A candidate for the Lease of this name. What is sent to `memory` while it leads is written soon, or with the release;
    /// what else the Lease remembers stays.
    pub fn new(
        client: Client,
        namespace: String,
        name: String,
        clock: Clock,
        leadership: Leadership,
        memory: watch::Receiver<Memory>,
    ) -> Self {
        Self {
            api: Api::namespaced(client, &namespace),
            namespace,
            name,
            rules: lease::Lease::new(identity()),
            clock,
            leadership,
            memory,
            known: None,
            found: Memory::new(),
            is_remembering: false,
            followed: None,
            is_told: false,
            failing: None,
            next: Instant::now(),
        }
    }

    /// Looks once, and leads if nobody else does. Only what waiting does not mend is an error.
    pub async fn stand(&mut self) -> Result<(), NotLed> {
        let standing = self.turn().await;
        if let Err(error @ NotLed::NoNamespace(_)) = standing {
            return Err(error);
        }
        self.note(&standing);
        Ok(())
    }

    /// Waits until this process leads, but not for a holder that renews its Lease.
    pub async fn win(&mut self) -> Result<(), NotLed> {
        let begun = Instant::now();
        loop {
            match self.turn().await {
                Ok(Standing::Leads) => return Ok(()),
                Ok(Standing::Follows { holder, is_renewed: true }) => return Err(self.held(holder)),
                Err(NotLed::Denied { .. }) if begun.elapsed() < PATIENCE => {}
                Ok(_) => {}
                Err(error) => return Err(error),
            }
            sleep_until(self.next).await;
        }
    }

    /// Leads, or follows, until it is stopped; then it gives back what it holds. A command that `ends` does not wait for
    /// another holder to go.
    pub async fn keep(
        mut self,
        ends: bool,
        news: mpsc::Sender<News>,
        stop: CancellationToken,
    ) -> Result<(), NotLed> {
        loop {
            self.tell(&news).await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep_until(self.next) => {}
                Ok(()) = self.memory.changed(), if self.is_told => self.is_remembering = true,
            }
            let Some(standing) = stop.run_until_cancelled(self.turn()).await else { break };
            self.note(&standing);
            match standing {
                Ok(Standing::Follows { holder, .. }) if ends && !holder.is_empty() => {
                    return Err(self.held(holder));
                }
                _ => {}
            }
        }
        self.release().await;
        Ok(())
    }

    /// A line in the log where something goes wrong; what goes on in the same way is said once.
    fn note(&mut self, standing: &Result<Standing, NotLed>) {
        let text = standing.as_ref().err().map(ToString::to_string);
        let before = std::mem::replace(&mut self.failing, text);
        match &self.failing {
            Some(text) if before.as_ref() == Some(text) => {
                debug!(error = text, "the lease cannot be used still");
            }
            Some(text) => warn!(error = text, "the lease cannot be used; it is tried again"),
            None => {}
        }
    }

    /// One round, and when the next is due.
    async fn turn(&mut self) -> Result<Standing, NotLed> {
        self.next = Instant::now() + RENEWAL;
        let standing = self.round().await;
        if let Ok(Standing::Changed) = &standing {
            self.next = Instant::now() + SOON;
        }
        standing
    }

    /// Looks at the Lease, unless our own last write is known, and does what follows.
    async fn round(&mut self) -> Result<Standing, NotLed> {
        let seen = match self.known.take() {
            Some(known) => Some(known),
            None => answer(self.api.get_opt(&self.name)).await.map_err(|failed| self.not_led(failed))?,
        };
        let record = seen.as_ref().map(record);
        let step = self.rules.look(record.as_ref(), self.clock.now());
        self.leadership.lasts(self.rules.until());
        if step == Step::Follow {
            return Ok(self.follow(record));
        }
        let memory = self.is_remembering.then(|| self.memory.borrow().clone());
        let wish = taken(seen, &self.name, self.rules.me(), step, memory.as_ref());
        let parameters = PostParams::default();
        let sent_at = self.clock.now();
        let written = match step {
            Step::Create => answer(self.api.create(&parameters, &wish)).await,
            _ => answer(self.api.replace(&self.name, &parameters, &wish)).await,
        };
        match written {
            Ok(written) => {
                self.leadership.lasts(self.rules.accepted(sent_at));
                if !self.is_told {
                    self.found = remembered(&written);
                    self.explain(step, record);
                }
                self.known = Some(written);
                Ok(Standing::Leads)
            }
            Err(Failed { code: 409, .. }) => Ok(self.lose()),
            Err(Failed { code: 404, .. }) if step != Step::Create => Ok(self.lose()),
            Err(Failed { code: 404, .. }) => Err(NotLed::NoNamespace(self.namespace.clone())),
            Err(failed) => Err(self.not_led(failed)),
        }
    }

    fn lose(&mut self) -> Standing {
        self.rules.lost();
        self.leadership.lasts(Time::ZERO);
        Standing::Changed
    }

    fn follow(&mut self, record: Option<Record>) -> Standing {
        let holder = record.as_ref().map(|record| record.holder.to_string()).unwrap_or_default();
        let before = std::mem::replace(&mut self.followed, record);
        // Where it has been deleted, nobody is in it.
        if !holder.is_empty() && before.as_ref().is_none_or(|before| *before.holder != *holder) {
            info!(
                lease = self.lease(),
                lease.holder = holder,
                "another process leads; this one stands by, and leads when the lease is not renewed for {TTL:?}"
            );
        }
        let is_renewed = !holder.is_empty() && before.is_some() && before != self.followed;
        Standing::Follows { holder, is_renewed }
    }

    fn explain(&mut self, step: Step, before: Option<Record>) {
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
            lease.identity = self.rules.me(),
            lease.before = holder.as_deref(),
            why,
            "leadership won"
        );
    }

    /// Says how things stand; what was found before that one leads.
    async fn tell(&mut self, news: &mpsc::Sender<News>) {
        let until = self.rules.until();
        let leads = self.clock.now() < until;
        // Whoever listened may have gone.
        if leads {
            if !self.is_told {
                self.is_told = true;
                self.is_remembering = false;
                // What was remembered before this process led is not what it remembers now.
                self.memory.mark_unchanged();
                drop(news.send(News::Found(std::mem::take(&mut self.found))).await);
            }
            drop(news.send(News::Until(until)).await);
        } else if std::mem::take(&mut self.is_told) {
            self.is_remembering = false;
            warn!(lease = self.lease(), "leadership lost; nothing is written until it is won again");
            drop(news.send(News::Until(Time::ZERO)).await);
        }
    }

    /// Empties the Lease, if it is ours, so that the next takes it at once. What it has not been told to remember before, it
    /// is told now.
    async fn release(mut self) {
        self.rules.lost();
        self.leadership.lasts(Time::ZERO);
        if !self.is_told {
            return;
        }
        self.is_remembering |= self.memory.changed().now_or_never().is_some_and(|changed| changed.is_ok());
        let memory = self.is_remembering.then(|| self.memory.borrow().clone());
        let released = async {
            let seen = match self.known.take() {
                Some(known) => Some(known),
                None => self.api.get_opt(&self.name).await?,
            };
            let Some(lease) = seen.filter(|seen| *record(seen).holder == *self.rules.me()) else {
                return Ok(());
            };
            self.api
                .replace(&self.name, &PostParams::default(), &released(lease, memory.as_ref()))
                .await
                .map(drop)
        };
        match answer(released).await {
            Ok(()) => info!(lease = self.lease(), "leadership released"),
            Err(Failed { text, .. }) => {
                warn!(
                    lease = self.lease(),
                    error = text,
                    "leadership not released; another process leads after {TTL:?}"
                );
            }
        }
    }

    fn held(&self, holder: String) -> NotLed {
        NotLed::Held { holder, lease: self.lease(), namespace: self.namespace.clone() }
    }

    fn not_led(&self, failed: Failed) -> NotLed {
        let (lease, text) = (self.lease(), failed.text);
        match failed.code {
            401 | 403 => NotLed::Denied { lease, text },
            _ => NotLed::Unusable { lease, text },
        }
    }

    fn lease(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// A call that did not do what it was to do.
struct Failed {
    /// The HTTP status; 0 where there was no answer.
    code: u16,
    text: String,
}

/// The answer to a call, which must come before the next renewal.
async fn answer<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Failed> {
    match timeout(RENEWAL, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) => Err(Failed { code: status.code, text: said(&status) }),
        Ok(Err(error)) => Err(Failed { code: 0, text: causes::text(&error) }),
        Err(_) => Err(Failed { code: 0, text: format!("no answer within {RENEWAL:?}") }),
    }
}

/// A name that a container which is started again does not share with its predecessor. The pod's name is in
/// `HOSTNAME`, as Kubernetes sets it.
fn identity() -> String {
    let pod = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    let pod = pod.unwrap_or_else(|| NAMESPACE.to_owned());
    // The standard library seeds it from the system's randomness.
    format!("{pod}_{:016x}", RandomState::new().build_hasher().finish())
}
