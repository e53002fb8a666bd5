//! The context of one call of [`Keeper::handle`](super::Keeper::handle).

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use super::{
    contract::{ChangeId, Effect, Failure, FailureClass, Report},
    time::Time,
};
use crate::{
    dns::Name,
    plan::Batch,
    source::{ClaimKey, ObjectRef},
};

/// The time of a call, its effects, and the changes that parts have reported in it.
///
/// A part never calls another part because of a change. It reports the change here, and the keeper alone decides
/// which parts must know.
#[derive(Debug)]
pub(super) struct Turn {
    pub now: Time,
    effects: Vec<Effect>,
    changes: VecDeque<Changed>,
    /// Hostnames with units that may now be held, or released.
    holds: BTreeSet<Name>,
    /// Objects whose facts have changed.
    objects: BTreeSet<ObjectRef>,
    may_send: bool,
}

/// A change that other parts must know.
#[derive(Debug)]
pub(super) enum Changed {
    /// The claims at these hostnames changed.
    Claims {
        hosts: BTreeSet<Name>,
        /// Whether one of the hostnames was not claimed before.
        has_new: bool,
    },
    /// The record sets at these names changed.
    Zone {
        names: Vec<Name>,
        /// The names at which a delegation appeared or disappeared.
        cuts: Vec<Name>,
    },
    /// Objects became readable or unreadable. Every plan may depend on it.
    Readability,
    /// The zone was counted or listed.
    ZoneSize(usize),
    /// Names were read, each with the time of its request.
    NamesRead(Vec<(Name, Time)>),
    /// A read of names failed.
    NamesFailed { names: Vec<Name>, retry_at: Time },
    /// The batch under way needs fresh reads of these names.
    ReadsNeeded(BTreeSet<Name>),
    /// These names may differ from the snapshot and must be read again.
    RereadsNeeded {
        names: BTreeSet<Name>,
        /// After a failure of the service: the earliest time.
        not_before: Option<Time>,
    },
    /// All names that the batch under way rests on are read, or their reads failed.
    BatchRead,
    /// Route 53 accepted a batch.
    BatchAccepted {
        batch: Arc<Batch>,
        /// Unknown if the answer was lost.
        change: Option<ChangeId>,
        /// When the batch was in the zone at the latest; `None` if the snapshot already shows it.
        written_by: Option<Time>,
    },
    /// Route 53 understood a batch and rejected it.
    BatchRejected { batch: Arc<Batch>, failure: Failure },
    /// A batch failed for a reason that says nothing about its content.
    BatchFailed(FailureClass),
    /// A person has reviewed the plan, by an approval or by releasing the brake.
    PlanReviewed,
    /// A person, or the leader before, has approved the units of these keys.
    Approved(Vec<ClaimKey>),
}

// === impl Turn ===

impl Turn {
    pub fn new(now: Time) -> Self {
        Self {
            now,
            effects: Vec::new(),
            changes: VecDeque::new(),
            holds: BTreeSet::new(),
            objects: BTreeSet::new(),
            may_send: false,
        }
    }

    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub fn report(&mut self, report: Report) {
        self.effects.push(Effect::Report(report));
    }

    /// The effects so far, in order.
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// The effects: first all requests, then all reports.
    pub fn into_effects(self) -> Vec<Effect> {
        let is_report = |effect: &Effect| matches!(effect, Effect::Report(_));
        let (reports, mut effects): (Vec<_>, Vec<_>) = self.effects.into_iter().partition(is_report);
        effects.extend(reports);
        effects
    }

    pub fn changed(&mut self, changed: Changed) {
        self.changes.push_back(changed);
    }

    /// The oldest change that the keeper has not reacted to.
    pub fn next_change(&mut self) -> Option<Changed> {
        self.changes.pop_front()
    }

    /// Reports that units of these hostnames may now be held, or released.
    pub fn holds_changed(&mut self, hosts: BTreeSet<Name>) {
        if self.holds.is_empty() {
            self.holds = hosts;
        } else {
            self.holds.extend(hosts);
        }
    }

    /// The hostnames whose holds must be looked at again.
    pub fn take_holds(&mut self) -> BTreeSet<Name> {
        std::mem::take(&mut self.holds)
    }

    /// Reports that the facts of an object have changed.
    pub fn object_changed(&mut self, object: &ObjectRef) {
        self.objects.insert(object.clone());
    }

    /// The objects whose facts have changed.
    pub fn take_objects(&mut self) -> BTreeSet<ObjectRef> {
        std::mem::take(&mut self.objects)
    }

    /// Reports that a unit may now be sent that could not be sent before.
    pub fn may_send(&mut self) {
        self.may_send = true;
    }

    pub fn take_may_send(&mut self) -> bool {
        std::mem::take(&mut self.may_send)
    }
}
