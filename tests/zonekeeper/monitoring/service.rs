//! A Route 53 in memory, whose answers a test chooses.

use std::time::Duration;

use zonekeeper::telemetry::Operation;
use zonekeeper_core::{
    dns::{Data, Name, RecordSet, RecordType, Ttl, Values, Zone, ZoneId},
    keeper::{Apply, ChangeId, Cursor, Effect, Failure, FailureClass, Input, Page, Read},
    plan::Change,
};

pub const APEX: &str = "example.com";

/// How Route 53 answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It does what is asked.
    Well,
    /// Every answer takes so many seconds.
    Slow(u64),
    /// Every answer to a change takes so many seconds.
    SlowChanges(u64),
    /// It answers 503.
    Down,
    /// It rejects every other request, because the account has used up its quota.
    Throttling,
    /// The account may not read the zone.
    Refusing,
    /// The account may not change records.
    Denying,
}

/// The service.
#[derive(Debug)]
pub struct Service {
    pub zone: Zone,
    pub mood: Mood,
    requests: u64,
    changes: u64,
}

// === impl Service ===

impl Service {
    pub fn new() -> Self {
        let mut zone = empty();
        for (rtype, value) in
            [(RecordType::Ns, "ns-1.awsdns-1.net."), (RecordType::new("SOA"), "ns-1.awsdns-1.net.")]
        {
            zone.put(set(APEX, rtype, value));
        }
        Self { zone, mood: Mood::Well, requests: 0, changes: 0 }
    }

    /// Answers a request. The keeper hears the answer after the returned time.
    pub fn answer(&mut self, effect: &Effect) -> Option<(Input, Operation, Duration)> {
        let operation = match effect {
            Effect::Read(_) => Operation::List,
            Effect::Apply(_) => Operation::Change,
            Effect::AskPropagation(_) => Operation::Ask,
            Effect::Count => Operation::Count,
            Effect::Publish(_) | Effect::Remember(_) | Effect::Report(_) => return None,
        };
        self.requests += 1;
        let failure = match self.mood {
            Mood::Down => Err(failure(FailureClass::Unknown, "ServiceUnavailable")),
            Mood::Throttling if self.requests.is_multiple_of(2) => {
                Err(failure(FailureClass::Throttled, "Throttling"))
            }
            Mood::Refusing => Err(failure(FailureClass::Account, "AccessDenied")),
            Mood::Denying if operation == Operation::Change => {
                Err(failure(FailureClass::Denied, "AccessDenied"))
            }
            _ => Ok(()),
        };
        let input = match effect {
            Effect::Read(read) => Input::Page { id: read.id, answer: failure.map(|()| self.page(read)) },
            Effect::Apply(apply) => {
                Input::Applied { id: apply.id, answer: failure.and_then(|()| self.apply(apply)) }
            }
            Effect::AskPropagation(change) => {
                Input::Propagation { change: change.clone(), answer: failure.map(|()| true) }
            }
            _ => Input::Counted(failure.map(|()| self.zone.len() as u64)),
        };
        let seconds = match self.mood {
            Mood::Slow(seconds) => seconds,
            Mood::SlowChanges(seconds) if operation == Operation::Change => seconds,
            _ => 0,
        };
        Some((input, operation, Duration::from_millis(seconds * 1_000 + 40)))
    }

    fn page(&self, read: &Read) -> Page {
        let is_before = |set: &&RecordSet| {
            let (key, start) = (&set.key, read.start.as_ref());
            start.is_some_and(|start| {
                (&key.name, Some(&key.rtype), key.set_id.as_ref())
                    < (&start.name, start.rtype.as_ref(), start.set_id.as_ref())
            })
        };
        let items = usize::from(read.max_items);
        let mut sets: Vec<RecordSet> =
            self.zone.sets().skip_while(is_before).take(items + 1).cloned().collect();
        let next = (sets.len() > items).then(|| sets.pop()).flatten();
        let next = next.map(|RecordSet { key, .. }| Cursor {
            name: key.name,
            rtype: Some(key.rtype),
            set_id: key.set_id,
        });
        Page { sets, next }
    }

    fn apply(&mut self, apply: &Apply) -> Result<ChangeId, Failure> {
        let is_there =
            |set: &RecordSet| self.zone.get(&set.key.name, &set.key.rtype, set.key.set_id.as_ref()).is_some();
        let is_wrong = |change: &Change| matches!(change, Change::Create { set, .. } if is_there(set));
        if apply.batch.changes().any(is_wrong) {
            return Err(failure(FailureClass::Refused, "InvalidChangeBatch"));
        }
        for change in apply.batch.changes() {
            self.zone.put(change.after().clone());
        }
        self.changes += 1;
        Ok(ChangeId(format!("C{}", self.changes).into()))
    }
}

/// The zone, without record sets.
pub fn empty() -> Zone {
    Zone::new(ZoneId::new("Z0123456789EXAMPLE").unwrap(), Name::from_hostname(APEX).unwrap())
}

/// A record set with one value.
pub fn set(name: &str, rtype: RecordType, value: &str) -> RecordSet {
    let data = Data::Values { ttl: Ttl::DEFAULT, values: Values::from_iter([value.into()]) };
    RecordSet::simple(Name::from_hostname(name).unwrap(), rtype, data)
}

fn failure(class: FailureClass, code: &str) -> Failure {
    Failure { class, code: code.to_owned(), message: format!("the test says {code}") }
}
