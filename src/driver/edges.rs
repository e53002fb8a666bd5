//! What the driver needs from the edges, as traits that they implement.

use std::{error::Error, future::Future, sync::Arc};

use zonekeeper_core::{
    keeper::{Apply, ChangeId, Failure, FailureClass, Page, Read, Report},
    source::{Rules, Scope},
};

use super::{Handle, Until};

/// Reads one hosted zone. Each call is one request.
pub trait ReadZone: Clone + Send + Sync + 'static {
    /// Lists one page of record sets.
    fn list(&self, read: &Read) -> impl Future<Output = Result<Page, Failure>> + Send;
    /// Counts the record sets of the zone.
    fn count(&self) -> impl Future<Output = Result<u64, Failure>> + Send;
    /// Asks whether all name servers have a change.
    fn is_in_sync(&self, change: &ChangeId) -> impl Future<Output = Result<bool, Failure>> + Send;
}

/// Writes one hosted zone. Each call is one request.
pub trait WriteZone: ReadZone {
    /// Sends a batch, unless its deadline has passed.
    fn apply(&self, apply: &Apply) -> impl Future<Output = Result<ChangeId, Failure>> + Send;
}

/// Gives a driver access to a zone: to read it, or to read and write it.
pub trait ZoneAccess: Clone + Send + Sync + 'static {
    /// The client that reads.
    type Zone: ReadZone;
    /// Returns the client that reads.
    fn zone(&self) -> &Self::Zone;
    /// Sends a batch if this access includes writing; fails otherwise.
    fn apply(&self, apply: &Apply) -> impl Future<Output = Result<ChangeId, Failure>> + Send;
}

/// The access of a dry run. Its client needs no method that writes.
#[derive(Debug, Clone)]
pub struct ReadOnly<R>(pub R);

/// The access of a driver that writes.
#[derive(Debug, Clone)]
pub struct ReadWrite<W>(pub W);

/// A source of objects: a cluster, or a folder of manifests.
pub trait Objects: Send + 'static {
    /// Why the source cannot go on.
    type Error: Error + Send + Sync + 'static;

    /// Sends the facts of all objects in the scopes to the driver, and every later change, until the driver ends.
    ///
    /// With an `until` that ends by itself, a source may return after the first complete list, and it gives up where a
    /// list is refused. Otherwise it returns only when the driver has ended or when it cannot go on.
    fn follow(
        self,
        scopes: Vec<Scope>,
        rules: Arc<Rules>,
        driver: Handle,
        until: Until,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Receives the keeper's reports: logs, metrics, Events.
pub trait Listener: Send + 'static {
    /// Takes one report.
    fn hear(&mut self, report: &Report);
}

// === impl ZoneAccess ===

impl<R: ReadZone> ZoneAccess for ReadOnly<R> {
    type Zone = R;

    fn zone(&self) -> &R {
        &self.0
    }

    async fn apply(&self, _apply: &Apply) -> Result<ChangeId, Failure> {
        let (code, message) = ("ReadOnly".to_owned(), "a dry run does not write".to_owned());
        Err(Failure { class: FailureClass::Withheld, code, message })
    }
}

impl<W: WriteZone> ZoneAccess for ReadWrite<W> {
    type Zone = W;

    fn zone(&self) -> &W {
        &self.0
    }

    async fn apply(&self, apply: &Apply) -> Result<ChangeId, Failure> {
        self.0.apply(apply).await
    }
}

// === impl Listener ===

impl<A: Listener, B: Listener> Listener for (A, B) {
    fn hear(&mut self, report: &Report) {
        self.0.hear(report);
        self.1.hear(report);
    }
}

impl<L: Listener> Listener for Option<L> {
    fn hear(&mut self, report: &Report) {
        if let Some(listener) = self {
            listener.hear(report);
        }
    }
}
