//! What happened: every request, every accepted change, every violation of the wall.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::zone::{Action, Change, RecordSet};

/// The journal of an emulator since its start.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Journal {
    /// Every request that reached the emulator, in the order of arrival.
    pub requests: Vec<Request>,
    /// Every change that was carried out, in order; those of one batch share a change id.
    pub changes: Vec<AcceptedChange>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Its number, from 1.
    pub sequence: u64,
    /// When it came, RFC 3339.
    pub time: String,
    /// The operation, such as `ListResourceRecordSets`.
    pub operation: String,
    /// The access key that signed it.
    pub access_key: Option<String>,
    /// The session token that came with it; temporary credentials have one.
    pub session_token: Option<String>,
    /// The path and query as sent.
    pub target: String,
    /// The query parameters, decoded.
    pub parameters: BTreeMap<String, String>,
    /// The HTTP status of the answer; `None` while there is none, and for good if the connection was closed
    /// instead.
    pub status: Option<u16>,
    /// The error code of the answer.
    pub error: Option<String>,
}

/// One change that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcceptedChange {
    /// Its number, from 1.
    pub sequence: u64,
    /// The number of the request that brought it.
    pub request: u64,
    /// The id of the batch, without `/change/`.
    pub change_id: String,
    /// The zone.
    pub zone_id: String,
    /// The access key that signed the request.
    pub access_key: String,
    /// What was done.
    pub action: Action,
    /// The set before.
    pub before: Option<RecordSet>,
    /// The set after.
    pub after: Option<RecordSet>,
    /// The comment of the batch.
    pub comment: Option<String>,
    /// When, RFC 3339.
    pub time: String,
}

/// A request that zonekeeper must never send: one with a DELETE, signed with its own access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The number of the request.
    pub request: u64,
    /// The zone.
    pub zone_id: String,
    /// The access key.
    pub access_key: String,
    /// The whole batch, which was refused; empty if it could not be read.
    pub batch: Vec<Change>,
}

// === impl Journal ===

impl Journal {
    /// How many requests of an operation came.
    pub fn count(&self, operation: &str) -> usize {
        self.requests.iter().filter(|request| request.operation == operation).count()
    }
}
