//! How long the object that has a hostname has been gone, or without a target.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::Time;
use crate::{
    dns::Name,
    plan::{Tenure, View},
    source::ClaimKey,
};

/// How long a holder may be without a target before others of its namespace may follow: longer than a load balancer
/// takes to be exchanged.
const PATIENCE: Duration = Duration::from_mins(1);

/// What has been seen of the objects that ownership texts name.
#[derive(Debug, Clone)]
pub(super) struct Tenures {
    /// How long a name is kept for an object that is gone, against objects of other namespaces.
    vacancy: Duration,
    known: BTreeMap<ClaimKey, Known>,
    due: BTreeSet<(Time, Name)>,
}

#[derive(Debug, Clone)]
struct Known {
    /// The object, as `ingress/shop/web`.
    named: String,
    /// Whether it was there.
    was_seen: bool,
    /// Since when it is not.
    gone: Option<Time>,
    /// Since when it has no target.
    waiting: Option<Time>,
}

// === impl Tenures ===

impl Tenures {
    pub fn new(vacancy: Duration) -> Self {
        Self { vacancy, known: BTreeMap::new(), due: BTreeSet::new() }
    }

    /// Looks at who has a key, by the ownership text, and whether that object is there.
    pub fn observe(&mut self, view: &View<'_>, key: &ClaimKey, now: Time) -> Tenure {
        let Some(named) = view.named_holder(key) else {
            self.known.remove(key);
            return Tenure::default();
        };
        let mut claimants = view.claims.claimants(key).iter();
        let holder = claimants.find(|facts| facts.object.resource_label() == named);
        let known = self.known.remove(key).filter(|known| known.named == named);
        let known = known.unwrap_or(Known { named, was_seen: false, gone: None, waiting: None });
        let since = |was: Option<Time>, is: bool| is.then(|| was.unwrap_or(now));
        let known = Known {
            was_seen: known.was_seen || holder.is_some(),
            gone: since(known.gone, holder.is_none()),
            waiting: since(known.waiting, holder.is_some_and(|facts| facts.targets.is_empty())),
            ..known
        };
        let is_over = self.has_passed(key, known.gone, self.vacancy, now);
        let yields = self.has_passed(key, known.waiting, PATIENCE, now);
        let was_seen = known.was_seen;
        self.known.insert(key.clone(), known);
        Tenure { was_seen, is_over, yields }
    }

    /// Whether so much time has passed; if not, the hostname is looked at again when it has.
    fn has_passed(&mut self, key: &ClaimKey, since: Option<Time>, wait: Duration, now: Time) -> bool {
        let Some(end) = since.map(|since| since + wait) else { return false };
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
