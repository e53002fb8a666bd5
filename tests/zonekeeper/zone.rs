//! An emulated hosted zone, with the requests that reached it.

use zonekeeper_emulator::{
    Emulator,
    faults::{Effect, Fault, Faults},
    journal::{Journal, Request},
    quota::Quota,
    zone::{Change, HostedZone, RecordSet},
};

use crate::process::ACCESS_KEY;

/// The zone's id.
pub const ID: &str = "Z0123456789EXAMPLE";
/// The zone's name.
pub const NAME: &str = "example.test";

/// The operation that writes record sets.
pub const CHANGE: &str = "ChangeResourceRecordSets";
/// The operation that lists record sets.
pub const LIST: &str = "ListResourceRecordSets";

/// An emulator with one zone. A drop fails the test if zonekeeper sent a DELETE.
pub struct Zone(Emulator);

// === impl Zone ===

impl Zone {
    /// A new zone with only its NS and SOA.
    pub async fn empty() -> Self {
        Self::limited(Quota::unlimited(), Faults::default()).await
    }

    /// A new zone in an account with this quota, and with these faults.
    pub async fn limited(quota: Quota, faults: Faults) -> Self {
        let zone = HostedZone::new(ID, NAME).unwrap();
        let emulator = Emulator::builder().zone(zone).keeper_access_key(ACCESS_KEY);
        Self(emulator.quota(quota).faults(faults).start().await.unwrap())
    }

    /// Gives the account another quota, with full buckets.
    pub fn set_quota(&self, quota: Quota) {
        self.0.with_quota(|current| *current = quota);
    }

    /// A new private zone without VPCs.
    pub async fn private() -> Self {
        let zone = HostedZone::private(ID, NAME, Vec::new()).unwrap();
        Self(Emulator::builder().zone(zone).keeper_access_key(ACCESS_KEY).start().await.unwrap())
    }

    /// The endpoint of the emulator.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Creates a record set as another writer.
    pub fn foreigner_creates(&self, set: RecordSet) {
        self.foreigner_sends(&[Change::create(set)]);
    }

    /// Applies a batch as another writer.
    pub fn foreigner_sends(&self, batch: &[Change]) {
        self.0.with_zone(ID, |zone| zone.change(batch)).unwrap().unwrap();
    }

    /// Changes the zone directly, without a request.
    pub fn alter(&self, alter: impl FnOnce(&mut HostedZone)) {
        self.0.with_zone(ID, alter).unwrap();
    }

    /// Adds a fault for the next requests of an operation, this many times.
    pub fn disturb(&self, operation: &str, effect: Effect, times: u32) {
        self.0.with_faults(|faults| faults.add(Fault::new(effect).on(operation).times(times)));
    }

    /// Holds the requests of an operation until [`Zone::calm`], so that another writer can be first.
    pub fn hold(&self, operation: &str) {
        self.disturb(operation, Effect::Hold, u32::MAX);
    }

    /// Replaces all faults with these: each occurs once, in this order.
    pub fn disturb_once_each(&self, operation: &str, effects: impl IntoIterator<Item = Effect>) {
        self.0.with_faults(|faults| {
            faults.clear();
            effects.into_iter().for_each(|effect| faults.add(Fault::new(effect).on(operation).times(1)));
        });
    }

    /// Removes all faults.
    pub fn calm(&self) {
        self.0.with_faults(Faults::clear);
    }

    /// The credentials of the requests in order, as access key and session token. Equal neighbours count
    /// once.
    pub fn callers(&self) -> Vec<(String, Option<String>)> {
        let requests = self.0.journal().requests.into_iter();
        let mut callers: Vec<_> =
            requests.map(|request| (request.access_key.unwrap_or_default(), request.session_token)).collect();
        callers.dedup();
        callers
    }

    /// Every request and every accepted change.
    pub fn journal(&self) -> Journal {
        self.0.journal()
    }

    /// The requests without the first ones.
    pub fn requests_after(&self, first: usize) -> Vec<Request> {
        self.0.with_journal(|journal| journal.requests.iter().skip(first).cloned().collect())
    }

    /// The number of requests of an operation.
    pub fn count(&self, operation: &str) -> usize {
        self.0.with_journal(|journal| journal.count(operation))
    }

    /// The number of requests with a DELETE that zonekeeper sent.
    pub fn deletions(&self) -> usize {
        self.0.violations().len()
    }

    /// The number of change requests with this access key, accepted or not.
    pub fn tries_of(&self, access_key: &str) -> usize {
        let requests = self.0.journal().requests.into_iter().filter(|request| request.operation == CHANGE);
        requests.filter(|request| request.access_key.as_deref() == Some(access_key)).count()
    }

    /// The number of listings from the beginning of the zone.
    pub fn listings(&self) -> usize {
        let journal = self.0.journal();
        let requests = journal.requests.iter().filter(|request| request.operation == LIST);
        requests.filter(|request| !request.parameters.contains_key("name")).count()
    }

    /// The changes of every accepted request, as `CREATE www.example.test A`.
    pub fn requests(&self) -> Vec<Vec<String>> {
        let journal = self.0.journal();
        let of_one = journal.changes.chunk_by(|one, other| one.request == other.request);
        let text = |action: &str, set: &RecordSet| format!("{action} {}", key(set));
        of_one
            .map(|changes| {
                let texts = changes.iter().filter_map(|change| {
                    let set = change.after.as_ref().or(change.before.as_ref())?;
                    Some(text(change.action.as_str(), set))
                });
                texts.collect()
            })
            .collect()
    }

    /// The change ids of accepted requests, in order.
    pub fn change_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            self.0.journal().changes.iter().map(|change| change.change_id.clone()).collect();
        ids.dedup();
        ids
    }

    /// The comments of accepted requests, in order.
    pub fn comments(&self) -> Vec<String> {
        let mut comments: Vec<String> =
            self.0.journal().changes.iter().filter_map(|change| change.comment.clone()).collect();
        comments.dedup();
        comments
    }

    /// The record sets except NS and SOA, as `www.example.test A`.
    pub fn sets(&self) -> Vec<String> {
        self.0.with_zone(ID, |zone| zone.iter().filter(|set| is_own(set)).map(key).collect()).unwrap()
    }

    /// The record sets except NS and SOA.
    pub fn record_sets(&self) -> Vec<RecordSet> {
        self.0.with_zone(ID, |zone| zone.iter().filter(|set| is_own(set)).cloned().collect()).unwrap()
    }

    /// One record set.
    pub fn set(&self, name: &str, rtype: &str) -> Option<RecordSet> {
        self.0.with_zone(ID, |zone| zone.get(name, rtype, None).cloned()).unwrap()
    }

    /// The values of one record set. Empty if the set does not exist or is an alias.
    pub fn values(&self, name: &str, rtype: &str) -> Vec<String> {
        self.set(name, rtype).map(|set| set.values).unwrap_or_default()
    }

    /// The target of an alias.
    pub fn alias(&self, name: &str, rtype: &str) -> Option<String> {
        Some(self.set(name, rtype)?.alias_target?.dns_name)
    }
}

fn is_own(set: &RecordSet) -> bool {
    set.rtype != "NS" && set.rtype != "SOA"
}

fn key(set: &RecordSet) -> String {
    format!("{} {}", set.name.trim_end_matches('.'), set.rtype)
}
