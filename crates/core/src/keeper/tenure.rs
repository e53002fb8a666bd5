//! How long the object that has a hostname has been gone, and how long the one that follows has been without a target.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::Time;
use crate::{
    dns::Name,
    plan::{Tenure, View},
    source::{ClaimKey, ObjectId},
};

/// How long a holder may be without a target before others of its namespace may follow: longer than a load balancer
/// takes to be exchanged.
const PATIENCE: Duration = Duration::from_mins(1);

/// What has been seen of the objects that have hostnames.
#[derive(Debug, Clone)]
pub(super) struct Tenures {
    /// How long a name is kept for an object that is gone, against objects of other namespaces.
    vacancy: Duration,
    named: BTreeMap<ClaimKey, Named>,
    /// The objects that keys follow, where they have no target, and since when.
    waiting: BTreeMap<ClaimKey, (ObjectId, Time)>,
    due: BTreeSet<(Time, Name)>,
}

/// The object that an ownership text names.
#[derive(Debug, Clone)]
struct Named {
    /// As `ingress/shop/web`.
    object: String,
    /// Whether it has claimed the hostname.
    was_seen: bool,
    /// Since when it is known that it is not.
    gone: Option<Time>,
}

// === impl Tenures ===

impl Tenures {
    pub fn new(vacancy: Duration) -> Self {
        Self { vacancy, named: BTreeMap::new(), waiting: BTreeMap::new(), due: BTreeSet::new() }
    }

    /// Looks at who has a key, by the ownership text, and whether that object is there; and at the one that follows.
    pub fn observe(&mut self, view: &View<'_>, key: &ClaimKey, now: Time) -> Tenure {
        let named = view.named_holder(key);
        let known = self.named.remove(key);
        let tenure = named.as_deref().map(|named| self.observe_named(view, key, named, known, now));
        let tenure = tenure.unwrap_or_default();
        let holder = view.holder(key, named.as_deref(), &tenure).filter(|facts| facts.targets.is_empty());
        let known = self.waiting.remove(key);
        let Some(holder) = holder.map(|facts| facts.object.clone()) else { return tenure };
        let since = known.filter(|(object, _)| *object == holder).map_or(now, |(_, since)| since);
        self.waiting.insert(key.clone(), (holder, since));
        Tenure { yields: self.has_passed(key, since, PATIENCE, now), ..tenure }
    }

    fn observe_named(
        &mut self,
        view: &View<'_>,
        key: &ClaimKey,
        named: &str,
        known: Option<Named>,
        now: Time,
    ) -> Tenure {
        let mut claimants = view.claims.claimants(key).iter();
        let is_here = claimants.any(|facts| facts.object.resource_label() == named);
        let is_gone = !is_here && !view.past.is_hidden(named);
        let known = known.filter(|known| known.object == named);
        let was_seen = is_here || known.as_ref().is_some_and(|known| known.was_seen);
        let gone = is_gone.then(|| known.and_then(|known| known.gone).unwrap_or(now));
        self.named.insert(key.clone(), Named { object: named.to_owned(), was_seen, gone });
        let is_over = gone.is_some_and(|gone| self.has_passed(key, gone, self.vacancy, now));
        Tenure { seen: was_seen.then(|| named.into()), is_over, yields: false }
    }

    /// Whether so much time has passed; if not, the hostname is looked at again when it has.
    fn has_passed(&mut self, key: &ClaimKey, since: Time, wait: Duration, now: Time) -> bool {
        let end = since + wait;
        if end > now {
            self.due.insert((end, key.host.clone()));
        }
        end <= now
    }

    /// When a hostname is to be looked at again.
    pub fn due(&self) -> Option<Time> {
        self.due.first().map(|(due, _)| *due)
    }

    /// A hostname to be looked at again.
    pub fn take(&mut self, now: Time) -> Option<Name> {
        self.due().filter(|due| *due <= now)?;
        self.due.pop_first().map(|(_, host)| host)
    }
}
