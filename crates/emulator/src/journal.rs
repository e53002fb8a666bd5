//! The journal: every request, every accepted change, and every violation.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::zone::{Action, Change, RecordSet};

/// The journal of an emulator since its start.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Journal {
    /// Every request that reached the emulator, in the order of arrival.
    pub requests: Vec<Request>,
    /// Every accepted change, in order. The changes of one batch share a change id.
    pub changes: Vec<AcceptedChange>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Its number, from 1.
    pub sequence: u64,
    /// The time of arrival, RFC 3339.
    pub time: String,
    /// The operation, such as `ListResourceRecordSets`.
    pub operation: String,
    /// The access key that signed it.
    pub access_key: Option<String>,
    /// The session token. Temporary credentials have one.
    pub session_token: Option<String>,
    /// The path and query as sent.
    pub target: String,
    /// The query parameters, decoded.
    pub parameters: BTreeMap<String, String>,
    /// The HTTP status of the answer. `None` before the answer, and after a closed connection without an
    /// answer.
    pub status: Option<u16>,
    /// The error code of the answer.
    pub error: Option<String>,
}

/// One accepted change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcceptedChange {
    /// Its number, from 1.
    pub sequence: u64,
    /// The number of its request.
    pub request: u64,
    /// The id of the batch, without `/change/`.
    pub change_id: String,
    /// The zone.
    pub zone_id: String,
    /// The access key that signed the request.
    pub access_key: String,
    /// The action.
    pub action: Action,
    /// The set before.
    pub before: Option<RecordSet>,
    /// The set after.
    pub after: Option<RecordSet>,
    /// The comment of the batch.
    pub comment: Option<String>,
    /// The time, RFC 3339.
    pub time: String,
}

/// A request that zonekeeper must never send: a DELETE with its own access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The number of the request.
    pub request: u64,
    /// The zone.
    pub zone_id: String,
    /// The access key.
    pub access_key: String,
    /// The whole rejected batch. Empty if it is not readable.
    pub batch: Vec<Change>,
}

// === impl Journal ===

impl Journal {
    /// The number of requests of an operation.
    pub fn count(&self, operation: &str) -> usize {
        self.requests.iter().filter(|request| request.operation == operation).count()
    }
}
