//! The requests to Route 53.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};
use tokio::time::Instant;
use zonekeeper_core::keeper::{Apply, ChangeId, Failure, FailureClass, Page, Read};

use crate::driver::{ReadZone, ZoneAccess};

/// The bounds of the duration of a request, in seconds. After eight seconds its answer counts as lost.
const DURATIONS: [f64; 8] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 8.0];
/// The code of a request that worked.
const OK: &str = "OK";
/// The code of a failure that is not in the list.
const OTHER: &str = "other";

/// An operation of Route 53.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Lists record sets.
    List,
    /// Counts the record sets of the zone.
    Count,
    /// Asks whether all name servers have a change.
    Ask,
    /// Sends a batch.
    Change,
}

/// The metrics of requests.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    /// The codes of failures that have series of their own.
    codes: Arc<[&'static str]>,
    counts: Family<Request, Counter>,
    duration: Family<OperationLabel, Histogram>,
    throttles: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    operation: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabel {
    operation: &'static str,
}

/// The access to a zone, with its requests measured.
#[derive(Debug, Clone)]
pub struct Measured<A: ZoneAccess> {
    access: A,
    zone: MeasuredZone<A::Zone>,
}

/// The client that reads, with its requests measured.
#[derive(Debug, Clone)]
pub struct MeasuredZone<R> {
    zone: R,
    requests: Requests,
}

// === impl Operation ===

impl Operation {
    const ALL: [Self; 4] = [Self::List, Self::Count, Self::Ask, Self::Change];

    /// Its name in the API of Route 53.
    fn label(self) -> &'static str {
        match self {
            Self::List => "ListResourceRecordSets",
            Self::Count => "GetHostedZone",
            Self::Ask => "GetChange",
            Self::Change => "ChangeResourceRecordSets",
        }
    }
}

// === impl Requests ===

impl Requests {
    pub fn register(registry: &mut Registry, codes: impl IntoIterator<Item = &'static str>) -> Self {
        let requests = Self {
            codes: codes.into_iter().collect(),
            counts: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            throttles: Counter::default(),
        };
        for operation in Operation::ALL.map(Operation::label) {
            drop(requests.duration.get_or_create(&OperationLabel { operation }));
            for code in [OK, OTHER].iter().chain(&*requests.codes) {
                drop(requests.counts.get_or_create(&Request { operation, code }));
            }
        }
        registry.register("requests", "Requests to Route 53, by operation and code", requests.counts.clone());
        registry.register_with_unit(
            "request_duration",
            "Time until Route 53 answers, by operation",
            Unit::Seconds,
            requests.duration.clone(),
        );
        registry.register(
            "throttles",
            "Requests that Route 53 rejected because the account had used up its quota",
            requests.throttles.clone(),
        );
        requests
    }

    /// Counts one request, with the time until its answer.
    pub fn count(&self, operation: Operation, failure: Option<&Failure>, time: Duration) {
        let operation = operation.label();
        let code = match failure {
            None => OK,
            // It was not sent.
            Some(failure) if failure.class == FailureClass::Withheld => return,
            Some(failure) => self.codes.iter().find(|code| **code == failure.code).copied().unwrap_or(OTHER),
        };
        if failure.is_some_and(|failure| failure.class == FailureClass::Throttled) {
            self.throttles.inc();
        }
        self.counts.get_or_create(&Request { operation, code }).inc();
        self.duration.get_or_create(&OperationLabel { operation }).observe(time.as_secs_f64());
    }

    /// Sends and counts one request.
    async fn measure<T>(
        &self,
        operation: Operation,
        request: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        let answer = request.await;
        self.count(operation, answer.as_ref().err(), begun.elapsed());
        answer
    }
}

// === impl Measured ===

impl<A: ZoneAccess> Measured<A> {
    pub(super) fn new(access: A, requests: Requests) -> Self {
        let zone = MeasuredZone { zone: access.zone().clone(), requests };
        Self { access, zone }
    }
}

impl<A: ZoneAccess> ZoneAccess for Measured<A> {
    type Zone = MeasuredZone<A::Zone>;

    fn zone(&self) -> &Self::Zone {
        &self.zone
    }

    async fn apply(&self, apply: &Apply) -> Result<ChangeId, Failure> {
        self.zone.requests.measure(Operation::Change, self.access.apply(apply)).await
    }
}

impl<R: ReadZone> ReadZone for MeasuredZone<R> {
    async fn list(&self, read: &Read) -> Result<Page, Failure> {
        self.requests.measure(Operation::List, self.zone.list(read)).await
    }

    async fn count(&self) -> Result<u64, Failure> {
        self.requests.measure(Operation::Count, self.zone.count()).await
    }

    async fn is_in_sync(&self, change: &ChangeId) -> Result<bool, Failure> {
        self.requests.measure(Operation::Ask, self.zone.is_in_sync(change)).await
    }
}
