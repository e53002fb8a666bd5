//! An emulated hosted zone, and what has been done to it.

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

/// The operation that writes.
pub const CHANGE: &str = "ChangeResourceRecordSets";
/// The operation that lists.
pub const LIST: &str = "ListResourceRecordSets";

/// An emulator with one zone. When it is dropped, it fails the test if zonekeeper has sent a DELETE.
pub struct Zone(Emulator);

// === impl Zone ===

impl Zone {
    /// A new zone, which holds nothing but its NS and SOA.
    pub async fn empty() -> Self {
        Self::limited(Quota::unlimited(), Faults::default()).await
    }

    /// The same, in an account that allows no more than this, and where these things go wrong.
    pub async fn limited(quota: Quota, faults: Faults) -> Self {
        let zone = HostedZone::new(ID, NAME).unwrap();
        let emulator = Emulator::builder().zone(zone).keeper_access_key(ACCESS_KEY);
        Self(emulator.quota(quota).faults(faults).start().await.unwrap())
    }

    /// The same, but private.
    pub async fn private() -> Self {
        let zone = HostedZone::private(ID, NAME, Vec::new()).unwrap();
        Self(Emulator::builder().zone(zone).keeper_access_key(ACCESS_KEY).start().await.unwrap())
    }

    /// Where it is reached.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Somebody else's record is created.
    pub fn foreigner_creates(&self, set: RecordSet) {
        self.foreigner_sends(&[Change::create(set)]);
    }

    /// Somebody else's batch is carried out.
    pub fn foreigner_sends(&self, batch: &[Change]) {
        self.0.with_zone(ID, |zone| zone.change(batch)).unwrap().unwrap();
    }

    /// AWS changes something that no request can.
    pub fn alter(&self, alter: impl FnOnce(&mut HostedZone)) {
        self.0.with_zone(ID, alter).unwrap();
    }

    /// What goes wrong from now on, so often.
    pub fn disturb(&self, operation: &str, effect: Effect, times: u32) {
        self.0.with_faults(|faults| faults.add(Fault::new(effect).on(operation).times(times)));
    }

    /// Requests of an operation wait until [`Zone::calm`]: somebody else can come first.
    pub fn hold(&self, operation: &str) {
        self.disturb(operation, Effect::Hold, u32::MAX);
    }

    /// What goes wrong from now on instead of anything else: each of these once, in this order.
    pub fn disturb_once_each(&self, operation: &str, effects: impl IntoIterator<Item = Effect>) {
        self.0.with_faults(|faults| {
            faults.clear();
            effects.into_iter().for_each(|effect| faults.add(Fault::new(effect).on(operation).times(1)));
        });
    }

    /// Nothing goes wrong any more.
    pub fn calm(&self) {
        self.0.with_faults(Faults::clear);
    }

    /// The credentials that requests came with, in order: access key and session token. Successive equal ones are one.
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

    /// The requests that came after the first ones.
    pub fn requests_after(&self, first: usize) -> Vec<Request> {
        self.0.with_journal(|journal| journal.requests.iter().skip(first).cloned().collect())
    }

    /// How many requests of an operation came.
    pub fn count(&self, operation: &str) -> usize {
        self.0.with_journal(|journal| journal.count(operation))
    }

    /// How many requests with a DELETE zonekeeper has sent.
    pub fn deletions(&self) -> usize {
        self.0.violations().len()
    }

    /// How many requests that would write came with an access key.
    pub fn tries_of(&self, access_key: &str) -> usize {
        let requests = self.0.journal().requests.into_iter().filter(|request| request.operation == CHANGE);
        requests.filter(|request| request.access_key.as_deref() == Some(access_key)).count()
    }

    /// How many pages were listed from the beginning of the zone.
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

    /// The ids of accepted changes, in order.
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

    /// What it holds besides its NS and SOA, as `www.example.test A`.
    pub fn sets(&self) -> Vec<String> {
        self.0.with_zone(ID, |zone| zone.iter().filter(|set| is_own(set)).map(key).collect()).unwrap()
    }

    /// What it holds besides its NS and SOA, whole.
    pub fn record_sets(&self) -> Vec<RecordSet> {
        self.0.with_zone(ID, |zone| zone.iter().filter(|set| is_own(set)).cloned().collect()).unwrap()
    }

    /// One set.
    pub fn set(&self, name: &str, rtype: &str) -> Option<RecordSet> {
        self.0.with_zone(ID, |zone| zone.get(name, rtype, None).cloned()).unwrap()
    }

    /// The values of one set; none where it is not there or is an alias.
    pub fn values(&self, name: &str, rtype: &str) -> Vec<String> {
        self.set(name, rtype).map(|set| set.values).unwrap_or_default()
    }

    /// Where an alias leads.
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
