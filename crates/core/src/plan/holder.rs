//! The choice of the holder among the claimants of a key.

use std::iter;

use smallvec::SmallVec;

use super::{
    HolderHistory, Reason, View,
    ownership::{Owner, Ownership},
};
use crate::{
    dns::RecordType,
    source::{Claim, ClaimKey, ObjectRef},
};

/// The holder of a key, and whether it must wait for the end of a former holder's grace period.
#[derive(Debug, Clone, Copy)]
pub(super) struct Followed<'c> {
    pub holder: &'c Claim,
    /// Whether the key is still kept for the object that the ownership record names.
    pub must_wait: bool,
}

/// Whether a claim can be published, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Prospect {
    /// Its records can be written.
    Whole,
    /// It has no target yet.
    Waiting,
    /// Its records cannot be written.
    Impossible,
}

impl<'a> View<'a> {
    /// The holder of a key. `named` is the object that the ownership records name.
    pub(crate) fn holder(
        &self,
        key: &ClaimKey,
        named: Option<&ObjectRef>,
        history: &HolderHistory,
    ) -> Option<&'a Claim> {
        self.choose(key, named, history).map(|choice| choice.holder)
    }

    pub(super) fn choose(
        &self,
        key: &ClaimKey,
        named: Option<&ObjectRef>,
        history: &HolderHistory,
    ) -> Option<Followed<'a>> {
        let claimants = self.claims.claimants(key);
        let may_be_there = named.is_some_and(|named| self.claims.may_claim_unseen(named, &key.host));
        choose(claimants, named, history, may_be_there, |claim| match self.wish_of_zone(claim) {
            Ok(_) => Prospect::Whole,
            Err(Reason::NoTarget) => Prospect::Waiting,
            Err(_) => Prospect::Impossible,
        })
    }

    /// The object that the ownership records of a key name.
    ///
    /// Our ownership records count first. Those of an owner whose sets become ours count only if the object claims the key.
    /// An ownership record beside an existing record counts before one without a record.
    pub fn named_holder(&self, key: &ClaimKey) -> Option<ObjectRef> {
        let is_there = |rtype: &RecordType| self.zone.get(&key.host, rtype, key.set_id.as_ref()).is_some();
        let (mut types, others): (SmallVec<[&RecordType; 8]>, SmallVec<[&RecordType; 8]>) =
            self.settings.managed_types.with_addresses().partition(|rtype| is_there(rtype));
        let there = types.len();
        types.extend(others);
        let said: SmallVec<[Ownership<'_>; 8]> =
            types.into_iter().map(|rtype| self.look_up(&key.host, rtype, key)).collect();
        let ours = |of: usize| said.iter().take(of).filter(|said| said.owner == Owner::Us);
        let becomes_ours = |said: &&Ownership<'_>| match &said.owner {
            Owner::Other(owner) => self.takes_over(&key.host, owner),
            Owner::Us | Owner::Nobody | Owner::Unreadable(_) | Owner::PlaceTaken(_) => false,
        };
        let named = |said: &Ownership<'_>| said.object.clone();
        let first = ours(said.len()).find_map(named);
        // A holder that this process saw disappear keeps its grace period, even if other records name another object.
        let HolderHistory { last, vacancy_is_over, .. } = self.history.holder(key);
        if last.is_some() && last == first && !vacancy_is_over {
            return first;
        }
        let claims = |named: &ObjectRef| self.may_claim(key, named);
        // An ownership record without its record is weak evidence of the holder.
        let of_records = ours(there).filter_map(named).find(claims);
        let of_others = || said.iter().filter(becomes_ours).filter_map(named).find(claims);
        of_records.or(first).or_else(of_others)
    }

    /// Whether an ownership record still names the previous holder, although this process has seen another one follow.
    pub(super) fn has_followed(&self, holder: &Claim, ownership: &Ownership<'_>) -> bool {
        let last = self.history.holder(&holder.endpoint.key).last.filter(|last| last != holder.object());
        last.is_some() && last == ownership.object
    }

    /// Whether an object claims a key, or may claim it although it is not readable.
    fn may_claim(&self, key: &ClaimKey, named: &ObjectRef) -> bool {
        let mut claimants = self.claims.claimants(key).iter();
        claimants.any(|claim| claim.object() == named) || self.claims.may_claim_unseen(named, &key.host)
    }
}

/// Chooses the holder among the claimants of a key.
///
/// 1. The object that the ownership record names holds the key while it claims the key.
/// 2. If that object is gone, a claimant of its namespace follows at once. After a grace period, any claimant follows.
/// 3. If the ownership record names no object, the oldest claimant holds the key.
///
/// Then the holder can hand the key over. A holder that has had no target for a while yields it to a claimant of its
/// namespace.
///
/// `claimants` are ordered by age, then namespace and name. A mistake in one object must not keep the key from others, so
/// a claim that can be published comes first. A claim without a target does not beat a complete claim of another namespace,
/// except within the grace period of a holder of its own namespace. If this process saw the holder disappear, the next holder must be complete.
/// Otherwise an older claimant without a target may have followed long ago, and comes first.
fn choose<'c>(
    claimants: &'c [Claim],
    named: Option<&ObjectRef>,
    history: &HolderHistory,
    may_be_there: bool,
    prospect: impl Fn(&Claim) -> Prospect,
) -> Option<Followed<'c>> {
    // The first claimant of the best prospect. All prospects up to `good` count as equal.
    let first = |among: &dyn Fn(&Claim) -> bool, good: Prospect| {
        let find = |worst| claimants.iter().find(|claim| among(claim) && prospect(claim) <= worst);
        [good, Prospect::Waiting, Prospect::Impossible].into_iter().find_map(find)
    };
    let whole = |among: &dyn Fn(&Claim) -> bool| {
        claimants.iter().find(|claim| among(claim) && prospect(claim) == Prospect::Whole)
    };
    // A claim without a target does not beat a complete claim of another namespace.
    let is_beaten = |it: &Claim| {
        let is_other = |claim: &Claim| !claim.object().is_beside(it.object());
        prospect(it) != Prospect::Whole && whole(&is_other).is_some()
    };
    let any = |good| {
        let oldest = first(&|_| true, good)?;
        if is_beaten(oldest) { whole(&|_| true) } else { Some(oldest) }
    };
    let at_once = |holder| Followed { holder, must_wait: false };
    let is_named = |claim: &&Claim| named == Some(claim.object());
    let Followed { holder, must_wait } = match (named, claimants.iter().find(is_named)) {
        (_, Some(holder)) => at_once(holder),
        (None, None) => at_once(any(Prospect::Waiting)?),
        (Some(named), None) => {
            // An object that is not readable may still exist, so its grace period is not over.
            let is_over = history.vacancy_is_over && !may_be_there;
            let inherits =
                |heir: &&Claim| !is_over || (prospect(heir) != Prospect::Impossible && !is_beaten(heir));
            let good = if history.last.is_some() || is_over { Prospect::Whole } else { Prospect::Waiting };
            let heir = first(&|claim| claim.object().is_beside(named), good);
            let heir = heir.filter(|_| !may_be_there).filter(inherits).map(at_once);
            let any = || any(good).map(|holder| Followed { holder, must_wait: !is_over });
            heir.or_else(any)?
        }
    };
    let next = |from: &'c Claim| {
        let to = from.facts.controls.hand_over_to.as_ref()?;
        whole(&|claim| claim.object() == to)
    };
    let is_beside = |claim: &Claim| claim.object().is_beside(holder.object());
    let is_waiting = prospect(holder) == Prospect::Waiting;
    // An heir without a target, and without a name in the ownership record, is uncertain: a process with memory follows
    // the complete claim beside it. So it does not decide about the key.
    let is_heir = named.is_some_and(|named| named != holder.object());
    let is_uncertain = is_heir && is_waiting && whole(&is_beside).is_some();
    // A receiver that hands the key on is skipped. In a circle, the holder stays.
    let handed = iter::successors(next(holder).filter(|_| !is_uncertain), |heir| next(heir))
        .take(claimants.len())
        .find(|heir| next(heir).is_none());
    let yielded = || (history.may_yield && is_waiting).then(|| whole(&is_beside)).flatten();
    Some(Followed { holder: handed.or_else(yielded).unwrap_or(holder), must_wait })
}
