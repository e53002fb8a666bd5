//! Which of several claimants a hostname follows.

use std::iter;

use super::{
    Reason, Tenure, View,
    ownership::{Ownership, Standing},
};
use crate::{
    dns::RecordType,
    source::{Claim, ClaimKey, ObjectId},
};

/// The claimant that a key follows, and whether it must wait for another's time to be over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice<'c> {
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
        named: Option<&ObjectId>,
        tenure: &Tenure,
    ) -> Option<&'a Claim> {
        self.choose(key, named, tenure).map(|choice| choice.holder)
    }

    pub(super) fn choose(
        &self,
        key: &ClaimKey,
        named: Option<&ObjectId>,
        tenure: &Tenure,
    ) -> Option<Choice<'a>> {
        let claimants = self.claims.claimants(key);
        let is_hidden = named.is_some_and(|named| self.may_claim_unseen(named));
        choose(claimants, named, tenure, is_hidden, |claim| match self.wish(claim) {
            Ok(_) => Prospect::Whole,
            Err(Reason::NoTarget) => Prospect::Waiting,
            Err(_) => Prospect::Impossible,
        })
    }

    /// The object that the ownership TXTs name for a key, ours first, else those of an owner whose sets
    /// become ours, as far as that object is here. The TXT of a record counts before one without.
    pub fn named_holder(&self, key: &ClaimKey) -> Option<ObjectId> {
        let is_there = |rtype: &RecordType| self.zone.get(&key.host, rtype, key.set_id.as_ref()).is_some();
        let mut types = ADDRESS_TYPES;
        types.sort_by_key(|rtype| !is_there(rtype));
        let there = types.iter().filter(|rtype| is_there(rtype)).count();
        let said = types.map(|rtype| self.look_up(&key.host, &rtype, key));
        let ours = |of: usize| said.iter().take(of).filter(|said| said.standing == Standing::Us);
        let becomes_ours = |said: &&Ownership<'_>| match &said.standing {
            Standing::Other(owner) => self.takes_over(&key.host, owner),
            Standing::Us | Standing::Nobody | Standing::Unreadable(_) | Standing::PlaceTaken(_) => false,
        };
        let named = |said: &Ownership<'_>| said.object.clone();
        let first = ours(said.len()).find_map(named);
        // Who has gone while we looked on has his time, whoever else is named.
        let Tenure { seen, is_over, .. } = self.past.tenure(key);
        if seen.is_some() && seen == first && !is_over {
            return first;
        }
        let claims = |named: &ObjectId| self.may_claim(key, named);
        // A text without its record says little of who has what is there.
        let of_records = ours(there).filter_map(named).find(claims);
        let of_others = || said.iter().filter(becomes_ours).filter_map(named).find(claims);
        of_records.or(first).or_else(of_others)
    }

    /// Whether the text of a record names the one whom we have seen have the hostname, and another one has followed.
    pub(super) fn has_followed(&self, holder: &Claim, ownership: &Ownership<'_>) -> bool {
        let seen = self.past.tenure(&holder.endpoint.key).seen.filter(|seen| seen != holder.object());
        seen.is_some() && seen == ownership.object
    }

    /// Whether an object claims a key, or may claim it unseen.
    fn may_claim(&self, key: &ClaimKey, named: &ObjectId) -> bool {
        let mut claimants = self.claims.claimants(key).iter();
        claimants.any(|claim| claim.object() == named) || self.may_claim_unseen(named)
    }

    /// Whether an object may claim any hostname without our knowledge: it cannot be read, or has more hostnames than are
    /// read.
    pub(crate) fn may_claim_unseen(&self, object: &ObjectId) -> bool {
        self.past.is_hidden(object) || self.claims.is_cut_off(object)
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
    named: Option<&ObjectId>,
    tenure: &Tenure,
    is_hidden: bool,
    prospect: impl Fn(&Claim) -> Prospect,
) -> Option<Choice<'c>> {
    // The first of the best there are, where all up to `good` are equally good.
    let first = |among: &dyn Fn(&Claim) -> bool, good: Prospect| {
        let find = |worst| claimants.iter().find(|claim| among(claim) && prospect(claim) <= worst);
        [good, Prospect::Waiting, Prospect::Impossible].into_iter().find_map(find)
    };
    let whole = |among: &dyn Fn(&Claim) -> bool| {
        claimants.iter().find(|claim| among(claim) && prospect(claim) == Prospect::Whole)
    };
    let at_once = |holder| Choice { holder, must_wait: false };
    let is_named = |claim: &&Claim| named == Some(claim.object());
    let Choice { holder, must_wait } = match (named, claimants.iter().find(is_named)) {
        (_, Some(holder)) => at_once(holder),
        (None, None) => at_once(first(&|_| true, Prospect::Waiting)?),
        (Some(named), None) => {
            // Who may be there unseen has not gone.
            let is_over = tenure.is_over && !is_hidden;
            let inherits = |heir: &&Claim| !is_over || prospect(heir) != Prospect::Impossible;
            let good = if tenure.seen.is_some() { Prospect::Whole } else { Prospect::Waiting };
            let heir = first(&|claim| claim.object().namespace() == named.namespace(), good);
            let heir = heir.filter(|_| !is_hidden).filter(inherits).map(at_once);
            let any = || first(&|_| true, good).map(|holder| Choice { holder, must_wait: !is_over });
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
        let yields = tenure.yields && prospect(holder) == Prospect::Waiting;
        let is_beside = |claim: &Claim| claim.object().namespace() == holder.object().namespace();
        yields.then(|| whole(&is_beside)).flatten()
    };
    Some(Choice { holder: handed.or_else(yielded).unwrap_or(holder), must_wait })
}
