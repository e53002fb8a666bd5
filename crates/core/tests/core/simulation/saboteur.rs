//! Faults of our own making, between the keeper and the world: the invariants must find each of them.

use zonekeeper_core::keeper::{ChangeId, FailureClass, Input};
use zonekeeper_emulator::zone::{Change, HostedZone};

/// What is done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saboteur {
    /// A record travels without its ownership TXT.
    DropsTxts,
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
}

impl Saboteur {
    /// Each, and the invariant that must find it.
    pub const ALL: [(Self, &str); 8] = [
        (Self::DropsTxts, "a unit is written whole"),
        (Self::Deletes, "no set disappears"),
        (Self::IgnoresNotAfter, "nothing is sent after the right to it has ended"),
        (Self::ResendsBlindly, "what was not answered is read before anything is sent"),
        (Self::ForgetsLeadership, "only a leader writes"),
        (Self::ReadsFromCache, "only what is ours and as planned is replaced"),
        (Self::LosesEvents, "the zone converges"),
        (Self::BelievesInSuccess, "only what was accepted is reported as accepted"),
    ];

    /// What is sent in place of a batch.
    pub fn batch(self, mut batch: Vec<Change>, zone: &HostedZone) -> Vec<Change> {
        match self {
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
    pub fn input(self, mut input: Input) -> Input {
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
