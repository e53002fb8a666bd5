//! Which of several claimants a hostname follows.

use std::iter;

use super::{
    HolderHistory, Reason, View,
    ownership::{Owner, Ownership},
};
use crate::{
    dns::RecordType,
    source::{Claim, ClaimKey, ObjectRef},
};

/// The claimant that a key follows, and whether it must wait for another's time to be over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Followed<'c> {
    pub holder: &'c Claim,
    /// Whether the name is still kept for the one that the ownership text names.
    pub must_wait: bool,
}

/// What a claimant's wish amounts to, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Prospect {
    /// It can be written.
    Whole,
    /// It has no target yet.
    Waiting,
    /// It cannot be.
    Impossible,
}

/// The types that a hostname can lead somewhere with, in the order in which ownership is asked for the holder.
const ADDRESS_TYPES: [RecordType; 3] = [RecordType::A, RecordType::Aaaa, RecordType::Cname];

impl<'a> View<'a> {
    /// The claimant that a key follows, with whom the ownership TXTs name and what is to be considered of it.
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
        let may_be_there = named.is_some_and(|named| self.claims.may_claim_unseen(named));
        choose(claimants, named, history, may_be_there, |claim| match self.wish(claim) {
            Ok(_) => Prospect::Whole,
            Err(Reason::NoTarget) => Prospect::Waiting,
            Err(_) => Prospect::Impossible,
        })
    }

    /// The object that the ownership TXTs name for a key, ours first, else those of an owner whose sets
    /// become ours, as far as that object is here. The TXT of a record counts before one without.
    pub fn named_holder(&self, key: &ClaimKey) -> Option<ObjectRef> {
        let is_there = |rtype: &RecordType| self.zone.get(&key.host, rtype, key.set_id.as_ref()).is_some();
        let mut types = ADDRESS_TYPES;
        types.sort_by_key(|rtype| !is_there(rtype));
        let there = types.iter().filter(|rtype| is_there(rtype)).count();
        let said = types.map(|rtype| self.look_up(&key.host, &rtype, key));
        let ours = |of: usize| said.iter().take(of).filter(|said| said.owner == Owner::Us);
        let becomes_ours = |said: &&Ownership<'_>| match &said.owner {
            Owner::Other(owner) => self.takes_over(&key.host, owner),
            Owner::Us | Owner::Nobody | Owner::Unreadable(_) | Owner::PlaceTaken(_) => false,
        };
        let named = |said: &Ownership<'_>| said.object.clone();
        let first = ours(said.len()).find_map(named);
        // Who has gone while we looked on has his time, whoever else is named.
        let HolderHistory { last, vacancy_is_over, .. } = self.history.holder(key);
        if last.is_some() && last == first && !vacancy_is_over {
            return first;
        }
        let claims = |named: &ObjectRef| self.may_claim(key, named);
        // A text without its record says little of who has what is there.
        let of_records = ours(there).filter_map(named).find(claims);
        let of_others = || said.iter().filter(becomes_ours).filter_map(named).find(claims);
        of_records.or(first).or_else(of_others)
    }

    /// Whether the text of a record names the one whom we have seen have the hostname, and another one has followed.
    pub(super) fn has_followed(&self, holder: &Claim, ownership: &Ownership<'_>) -> bool {
        let last = self.history.holder(&holder.endpoint.key).last.filter(|last| last != holder.object());
        last.is_some() && last == ownership.object
    }

    /// Whether an object claims a key, or may claim it unseen.
    fn may_claim(&self, key: &ClaimKey, named: &ObjectRef) -> bool {
        let mut claimants = self.claims.claimants(key).iter();
        claimants.any(|claim| claim.object() == named) || self.claims.may_claim_unseen(named)
    }
}

/// The claimant that the ownership text names, while it still claims. Where it has gone, one of its own namespace, else,
/// after a while, any. Where the text names nobody, the oldest. Whoever it is may hand the name over, and yields it after
/// a while without a target, to its own namespace.
///
/// `claimants` are ordered by age, then namespace and name. A mistake in one object must not keep the name from another:
/// where nobody is named, or is there any more, it goes to one whose wish is possible, if there is one. Whoever goes while
/// we look on is followed by one that can be written; where he had gone before, the oldest may have followed long since.
fn choose<'c>(
    claimants: &'c [Claim],
    named: Option<&ObjectRef>,
    history: &HolderHistory,
    may_be_there: bool,
    prospect: impl Fn(&Claim) -> Prospect,
) -> Option<Followed<'c>> {
    // The first of the best there are, where all up to `good` are equally good.
    let first = |among: &dyn Fn(&Claim) -> bool, good: Prospect| {
        let find = |worst| claimants.iter().find(|claim| among(claim) && prospect(claim) <= worst);
        [good, Prospect::Waiting, Prospect::Impossible].into_iter().find_map(find)
    };
    let whole = |among: &dyn Fn(&Claim) -> bool| {
        claimants.iter().find(|claim| among(claim) && prospect(claim) == Prospect::Whole)
    };
    let at_once = |holder| Followed { holder, must_wait: false };
    let is_named = |claim: &&Claim| named == Some(claim.object());
    let Followed { holder, must_wait } = match (named, claimants.iter().find(is_named)) {
        (_, Some(holder)) => at_once(holder),
        (None, None) => at_once(first(&|_| true, Prospect::Waiting)?),
        (Some(named), None) => {
            // Who may be there unseen has not gone.
            let is_over = history.vacancy_is_over && !may_be_there;
            let inherits = |heir: &&Claim| !is_over || prospect(heir) != Prospect::Impossible;
            let good = if history.last.is_some() { Prospect::Whole } else { Prospect::Waiting };
            let heir = first(&|claim| claim.object().namespace() == named.namespace(), good);
            let heir = heir.filter(|_| !may_be_there).filter(inherits).map(at_once);
            let any = || first(&|_| true, good).map(|holder| Followed { holder, must_wait: !is_over });
            heir.or_else(any)?
        }
    };
    let next = |from: &'c Claim| {
        let to = from.facts.controls.hand_over_to.as_ref()?;
        whole(&|claim| claim.object() == to)
    };
    // Who hands over what was handed to him is passed over; in a circle, everything stays as it is.
    let handed = iter::successors(next(holder), |heir| next(heir))
        .take(claimants.len())
        .find(|heir| next(heir).is_none());
    let yielded = || {
        let yields = history.may_yield && prospect(holder) == Prospect::Waiting;
        let is_beside = |claim: &Claim| claim.object().namespace() == holder.object().namespace();
        yields.then(|| whole(&is_beside)).flatten()
    };
    Some(Followed { holder: handed.or_else(yielded).unwrap_or(holder), must_wait })
}
