//! The times of the last requests.

use super::time::Time;

/// Times of requests. None: there was no such request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastRequests {
    /// When the newest listing of the zone began, complete or not.
    pub listing_begun: Option<Time>,
    /// When the newest complete listing of the zone began.
    pub listed: Option<Time>,
    /// When the last change request was sent.
    pub change_sent: Option<Time>,
    /// When Route 53 last accepted a change request.
    pub change_accepted: Option<Time>,
}
