//! Grace periods of holders: how long the holder of a key has been gone, or has been without a target.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    dns::Name,
    keeper::time::Time,
    plan::{HolderHistory, View},
    source::{ClaimKey, ObjectRef, entries_at, union},
};

/// How long a holder may be without a target before claims of its namespace may follow. The exchange of a load balancer
/// takes less.
const TARGETLESS_GRACE: Duration = Duration::from_mins(1);

/// Observations of the holders of all keys.
#[derive(Debug, Clone)]
pub(super) struct Holders {
    /// How long a key is reserved for an object that is gone, against objects of other namespaces.
    vacancy: Duration,
    /// The objects that ownership records name and that do not claim the key, and since when.
    gone: BTreeMap<ClaimKey, (ObjectRef, Time)>,
    /// The holders without a target, and since when they have none.
    targetless: BTreeMap<ClaimKey, (ObjectRef, Time)>,
    /// The hostnames for which a grace period ends.
    due: BTreeSet<(Time, Name)>,
}

// === impl Holders ===

impl Holders {
    pub fn new(vacancy: Duration) -> Self {
        Self { vacancy, gone: BTreeMap::new(), targetless: BTreeMap::new(), due: BTreeSet::new() }
    }

    /// All keys of a hostname that may have a holder: claimed keys, keys in the zone, and keys observed before.
    pub fn keys_at(&self, view: &View<'_>, host: &Name) -> Vec<ClaimKey> {
        let claimed = view.claims.keys_at(host);
        let observed = view.history.held_at(host);
        let gone = entries_at(&self.gone, host).map(|(key, _)| key);
        let targetless = entries_at(&self.targetless, host).map(|(key, _)| key);
        let mut keys = union(claimed.chain(observed).chain(gone).chain(targetless));
        for set in view.zone.at(host) {
            if !keys.iter().any(|key| key.set_id == set.key.set_id) {
                keys.push(ClaimKey { host: host.clone(), set_id: set.key.set_id.clone() });
            }
        }
        keys
    }

    /// Observes the object that the ownership record of a key names, and the holder of the key.
    pub fn observe(&mut self, view: &View<'_>, key: &ClaimKey, now: Time) -> HolderHistory {
        let named = view.named_holder(key);
        let known = self.gone.remove(key);
        let history = named.as_ref().map(|named| self.observe_named(view, key, named, known, now));
        let history = history.unwrap_or_default();
        let holder = view.holder(key, named.as_ref(), &history);
        // With an unreadable dependency, the holder may have a target.
        let holder = holder.filter(|claim| {
            claim.endpoint.content.is_empty() && claim.facts.unreadable_dependency().is_none()
        });
        let known = self.targetless.remove(key);
        let Some(holder) = holder.map(|claim| claim.object().clone()) else { return history };
        let since = known.filter(|(object, _)| *object == holder).map_or(now, |(_, since)| since);
        self.targetless.insert(key.clone(), (holder, since));
        HolderHistory { may_yield: self.has_ended(key, since, TARGETLESS_GRACE, now), ..history }
    }

    fn observe_named(
        &mut self,
        view: &View<'_>,
        key: &ClaimKey,
        named: &ObjectRef,
        known: Option<(ObjectRef, Time)>,
        now: Time,
    ) -> HolderHistory {
        let mut claimants = view.claims.claimants(key).iter();
        if let Some(claim) = claimants.find(|claim| claim.object() == named) {
            // The object of the claim, which is in memory anyway.
            return HolderHistory { last: Some(claim.object().clone()), ..HolderHistory::default() };
        }
        let last = view.history.holder(key).last.filter(|last| last == named);
        if view.claims.may_claim_unseen(named, &key.host) {
            return HolderHistory { last, ..HolderHistory::default() };
        }
        let since = known.filter(|(object, _)| object == named).map_or(now, |(_, since)| since);
        self.gone.insert(key.clone(), (named.clone(), since));
        let vacancy_is_over = self.has_ended(key, since, self.vacancy, now);
        HolderHistory { last, vacancy_is_over, may_yield: false }
    }

    /// Whether a grace period has ended. If not, its end becomes due.
    fn has_ended(&mut self, key: &ClaimKey, since: Time, grace: Duration, now: Time) -> bool {
        let end = since + grace;
        if end > now {
            self.due.insert((end, key.host.clone()));
        }
        end <= now
    }

    /// When the next grace period ends.
    pub fn due(&self) -> Option<Time> {
        self.due.first().map(|(due, _)| *due)
    }

    /// A hostname for which a grace period has ended.
    pub fn take_due(&mut self, now: Time) -> Option<Name> {
        self.due().filter(|due| *due <= now)?;
        self.due.pop_first().map(|(_, host)| host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dns::{Data, RecordSet, RecordType, SetId, Ttl, Values, Zone, ZoneId},
        plan::{History, Settings},
        source::Claims,
    };

    const VACANCY: Duration = Duration::from_mins(10);

    fn name(text: &str) -> Name {
        Name::from_hostname(text).unwrap()
    }

    fn set(at: &str, set_id: &str, rtype: RecordType, value: &str) -> RecordSet {
        let data = Data::Values { ttl: Ttl::DEFAULT, values: Values::from_iter([value.into()]) };
        let mut set = RecordSet::simple(name(at), rtype, data);
        set.key.set_id = Some(SetId::new(set_id));
        set
    }

    #[test]
    fn each_set_identifier_of_a_hostname_has_a_holder_and_a_grace_period_of_its_own() {
        let settings = Settings::new("me".parse().unwrap());
        let mut zone = Zone::new(ZoneId::new("Z1").unwrap(), name("example.com"));
        let (claims, past, host) =
            (Claims::new(name("example.com")), History::default(), name("www.example.com"));
        let put = |zone: &mut Zone, set_id: &str| {
            zone.put(set("www.example.com", set_id, RecordType::A, "192.0.2.1"));
            let text = format!(
                "\"heritage=external-dns,external-dns/owner=me,external-dns/resource=ingress/shop/{set_id}\""
            );
            zone.put(set("a-www.example.com", set_id, RecordType::Txt, &text));
        };
        let mut holders = Holders::new(VACANCY);
        let mut observe = |zone: &Zone, now: Time| -> Vec<(Option<SetId>, bool)> {
            let view = View::new(zone, &claims, &settings, &past);
            let keys = holders.keys_at(&view, &host);
            keys.into_iter()
                .map(|key| (key.set_id.clone(), holders.observe(&view, &key, now).vacancy_is_over))
                .collect()
        };
        let [blue, green] = ["blue", "green"].map(|set_id| Some(SetId::new(set_id)));
        put(&mut zone, "blue");
        assert_eq!(observe(&zone, Time::ZERO), [(blue.clone(), false)]);
        put(&mut zone, "green");
        let later = Time::ZERO + Duration::from_mins(5);
        assert_eq!(observe(&zone, later), [(blue.clone(), false), (green.clone(), false)]);
        assert_eq!(observe(&zone, Time::ZERO + VACANCY), [(blue.clone(), true), (green.clone(), false)]);
        assert_eq!(observe(&zone, later + VACANCY), [(blue, true), (green, true)]);
    }
}
