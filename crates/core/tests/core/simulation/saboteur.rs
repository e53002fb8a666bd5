//! Faults of our own making, between the keeper and the world: the invariants must find each of them.

use std::collections::BTreeSet;

use zonekeeper_core::{
    dns::{Data, Name, RecordType},
    keeper::{Apply, ChangeId, FailureClass, Input, Publication},
    source::Reduced,
};
use zonekeeper_emulator::zone::{Change, HostedZone};

use super::ownership::APEX;

/// What is done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saboteur {
    /// A record travels without its ownership TXT.
    DropsTxts,
    /// What is to be created takes the place of what is there.
    UpsertsUnread,
    /// A part of a batch that was refused travels without one of its units.
    LosesUnits,
    /// One unit's record travels with another's ownership text.
    MixesUnits,
    /// Whatever has an ownership text is ours.
    TrustsForeignTxts,
    /// A new leader does not know what was moved before it led.
    ForgetsTheWindow,
    /// A kind that may not be listed has no objects.
    TakesDeniedForEmpty,
    /// A set beside what a batch writes is deleted with it.
    Deletes,
    /// A batch is sent although the right to send it has ended.
    IgnoresNotAfter,
    /// A lost answer is taken for a request that was not carried out.
    ResendsBlindly,
    /// The keeper is told that it leads for ever.
    ForgetsLeadership,
    /// A fresh read is answered from what was read a while ago.
    ReadsFromCache,
    /// Some changes of objects never reach the keeper.
    LosesEvents,
    /// A refused batch is taken for an accepted one.
    BelievesInSuccess,
    /// What a person approves is taken for the plan that was published before.
    ApprovesAnother,
    /// Objects are not paused.
    ForgetsPauses,
    /// A hostname is kept for nobody who has gone.
    ForgetsVacancy,
    /// Delegations are not listed.
    HidesDelegations,
    /// Who leads next is told what was published before an approval was used.
    ForgetsWhatIsUsed,
}

impl Saboteur {
    /// Each, and the invariant that must find it.
    pub const ALL: [(Self, &str); 19] = [
        (Self::DropsTxts, "a unit is written whole"),
        (Self::UpsertsUnread, "what is created is not there"),
        (Self::LosesUnits, "a unit is written whole"),
        (Self::MixesUnits, "a unit is written whole"),
        (Self::TrustsForeignTxts, "only what is ours and as planned is replaced"),
        (Self::ForgetsTheWindow, "the brake holds what is moved in ten minutes"),
        (Self::TakesDeniedForEmpty, "a hostname stays with the object that has it"),
        (Self::Deletes, "nothing but the sets of a batch changes"),
        (Self::IgnoresNotAfter, "nothing is sent after the right to it has ended"),
        (Self::ResendsBlindly, "what was not answered is read before anything is sent"),
        (Self::ForgetsLeadership, "only a leader writes"),
        (Self::ReadsFromCache, "only what is ours and as planned is replaced"),
        (Self::LosesEvents, "the zone converges"),
        (Self::BelievesInSuccess, "only what was accepted is reported as accepted"),
        (Self::ApprovesAnother, "only what a person has approved is written"),
        (Self::ForgetsWhatIsUsed, "an approval is used once"),
        (Self::ForgetsPauses, "what is paused is left as it is"),
        (Self::ForgetsVacancy, "a hostname is kept for who has gone"),
        (Self::HidesDelegations, "nothing below a delegation is written"),
    ];

    /// What is sent in place of a batch.
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
                // A set that the batch leaves alone, at a name of ours.
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

    /// What the keeper is told.
    pub fn input(self, mut input: Input, published: &[Publication]) -> Input {
        match (self, &mut input) {
            (Self::ApprovesAnother, Input::Approve(approval)) => {
                let mut others = published.iter().rev().map(|published| published.digest);
                approval.digest = others.find(|digest| *digest != approval.digest).unwrap_or(approval.digest);
            }
            (Self::ForgetsPauses, Input::Resource { reduced: Some(Reduced::Facts(facts)), .. }) => {
                facts.controls.paused = None;
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
