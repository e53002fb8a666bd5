//! Saboteurs: deliberate defects between the keeper and the world. The invariants must find each of them.

use std::collections::BTreeSet;

use zonekeeper_core::{
    dns::{Data, Name, RecordType},
    keeper::{Apply, ChangeId, FailureClass, Input, Publication},
    source::Reduced,
};
use zonekeeper_emulator::zone::{Change, HostedZone};

use super::ownership::APEX;

/// A deliberate defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saboteur {
    /// A record is sent without its ownership record.
    DropsTxts,
    /// A CREATE replaces an existing set.
    UpsertsUnread,
    /// A part of a rejected batch is sent without one of its units.
    LosesUnits,
    /// A record is sent with the ownership record of another unit.
    MixesUnits,
    /// Every set with an ownership record counts as ours.
    TrustsForeignTxts,
    /// A new leader does not know the moves of the previous one.
    ForgetsTheWindow,
    /// A denied kind counts as a kind without objects.
    TakesDeniedForEmpty,
    /// A resource that cannot be decoded counts as gone.
    TakesUndecodableForGone,
    /// A batch also deletes a set beside its own sets.
    Deletes,
    /// A batch is sent after its permission ended.
    IgnoresNotAfter,
    /// A lost answer counts as a request that was not carried out.
    ResendsBlindly,
    /// The keeper hears that its leadership never ends.
    ForgetsLeadership,
    /// A fresh read gets an old answer.
    ReadsFromCache,
    /// Some changes of objects never reach the keeper.
    LosesEvents,
    /// A rejected batch counts as accepted.
    BelievesInSuccess,
    /// An approval counts for the previous plan.
    ApprovesAnother,
    /// The keeper gets objects without their pauses.
    ForgetsPauses,
    /// A vacant hostname has no grace period.
    ForgetsVacancy,
    /// The keeper's listings contain no delegations.
    HidesDelegations,
    /// The next leader gets the publication from before the use of an approval.
    ForgetsWhatIsUsed,
}

impl Saboteur {
    /// Each saboteur, with the invariant that must find it.
    pub const ALL: [(Self, &str); 20] = [
        (Self::DropsTxts, "a unit is written whole"),
        (Self::UpsertsUnread, "a create never meets an existing set"),
        (Self::LosesUnits, "a unit is written whole"),
        (Self::MixesUnits, "a unit is written whole"),
        (Self::TrustsForeignTxts, "only owned sets that match the plan are replaced"),
        (Self::ForgetsTheWindow, "the brake limits the moves of ten minutes"),
        (Self::TakesDeniedForEmpty, "a hostname stays with its holder"),
        (Self::TakesUndecodableForGone, "a hostname stays with its holder"),
        (Self::Deletes, "nothing but the sets of a batch changes"),
        (Self::IgnoresNotAfter, "nothing is sent after the permission has ended"),
        (Self::ResendsBlindly, "an unanswered batch is read before the next one is sent"),
        (Self::ForgetsLeadership, "only a leader writes"),
        (Self::ReadsFromCache, "only owned sets that match the plan are replaced"),
        (Self::LosesEvents, "the zone converges"),
        (Self::BelievesInSuccess, "only accepted batches are reported as accepted"),
        (Self::ApprovesAnother, "only approved units are written"),
        (Self::ForgetsWhatIsUsed, "an approval is used once"),
        (Self::ForgetsPauses, "a paused object's records do not change"),
        (Self::ForgetsVacancy, "a vacant hostname is kept for its former holder"),
        (Self::HidesDelegations, "nothing below a delegation is written"),
    ];

    /// The batch that is sent in place of another one.
    pub fn batch(
        self,
        mut batch: Vec<Change>,
        apply: &Apply,
        zone: &HostedZone,
        last_refused: &BTreeSet<Name>,
    ) -> Vec<Change> {
        let units = apply.batch.units();
        match self {
            Self::UpsertsUnread => {
                batch = batch.into_iter().map(|change| Change::upsert(change.set)).collect();
            }
            Self::LosesUnits => {
                let is_part = units.len() > 1
                    && units.len() < last_refused.len()
                    && units.iter().all(|unit| last_refused.contains(&unit.key().host));
                let last = units.last().map_or(0, |unit| unit.changes().len());
                batch.truncate(batch.len() - if is_part { last } else { 0 });
            }
            Self::MixesUnits => {
                let texts = (0..batch.len()).filter(|at| batch[*at].set.rtype == "TXT");
                if let [first, .., last] = texts.collect::<Vec<_>>()[..] {
                    let values = batch[first].set.values.clone();
                    batch[first].set.values = std::mem::replace(&mut batch[last].set.values, values);
                }
            }
            Self::DropsTxts if batch.iter().any(|change| change.set.rtype != "TXT") => {
                batch.retain(|change| change.set.rtype != "TXT");
            }
            Self::Deletes => {
                let there = |change: &Change| zone.get(&change.set.name, &change.set.rtype, None).cloned();
                // A set at a name of ours that the batch does not change.
                let beside = batch.iter().find_map(|change| {
                    let mut sets = zone.iter().filter(|set| set.name == change.set.name && set.rtype != "NS");
                    sets.find(|set| {
                        set.rtype != "SOA" && !batch.iter().any(|change| there(change).as_ref() == Some(set))
                    })
                });
                batch.extend(beside.cloned().map(Change::delete));
            }
            _ => {}
        }
        batch
    }

    /// The input that the keeper gets in place of another one.
    pub fn input(self, mut input: Input, published: &[Publication]) -> Input {
        match (self, &mut input) {
            (Self::ApprovesAnother, Input::Approve(approval)) => {
                let mut others = published.iter().rev().map(|published| published.digest);
                approval.digest = others.find(|digest| *digest != approval.digest).unwrap_or(approval.digest);
            }
            (Self::ForgetsPauses, Input::Resource { reduced: Some(Reduced::Facts(facts)), .. }) => {
                facts.controls.paused = None;
            }
            (Self::TakesUndecodableForGone, Input::Undecodable { resource }) => {
                return Input::Resource { resource: resource.clone(), reduced: None };
            }
            (Self::HidesDelegations, Input::Page { answer: Ok(page), .. }) => {
                page.sets.retain(|set| *set.rtype() != RecordType::Ns || set.name().to_route53() == APEX);
            }
            (Self::ForgetsTheWindow, Input::Recall { memory }) => memory.clear(),
            (Self::TrustsForeignTxts, Input::Page { answer: Ok(page), .. }) => {
                let texts = page.sets.iter_mut().filter_map(|set| match &mut set.data {
                    Data::Values { values, .. } => Some(values),
                    _ => None,
                });
                for value in texts.flatten() {
                    *value = value.replace("external-dns/owner=them", "external-dns/owner=us").into();
                }
            }
            _ => {}
        }
        if let Input::Applied { id, answer: Err(failure) } = &mut input {
            match (self, failure.class) {
                (Self::ResendsBlindly, FailureClass::Unknown) => failure.class = FailureClass::NotExecuted,
                (Self::BelievesInSuccess, FailureClass::Refused) => {
                    return Input::Applied { id: *id, answer: Ok(ChangeId("C0".into())) };
                }
                _ => {}
            }
        }
        input
    }
}
