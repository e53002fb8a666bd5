//! The network: requests to the service, and answers.

use std::time::Duration;

use zonekeeper_core::keeper::{Apply, ChangeId, Failure, FailureClass, Input, Read, Time};

use super::{
    invariants::{Ledger, Violation},
    labels,
    process::Basis,
    saboteur::Saboteur,
    service::{Fate, Unaccepted},
    translation::{change_to_service, failure},
    world::{Event, World},
};

/// Time-out of a request.
pub const TIMEOUT: Duration = Duration::from_secs(8);

/// A request on its way to the service.
#[derive(Debug)]
pub struct Arrival {
    process: u32,
    request: Request,
    fate: Fate,
    /// The time at which the client stops waiting.
    deadline: Time,
}

/// A request to the service.
#[derive(Debug)]
pub enum Request {
    Read(Read),
    Apply(Apply, Box<Basis>),
    Ask(ChangeId),
    Count,
}

// === impl Request ===

impl Request {
    /// The input for a failed request.
    fn failed(&self, failure: Failure) -> Input {
        match self {
            Self::Read(read) => Input::Page { id: read.id, answer: Err(failure) },
            Self::Apply(apply, _) => Input::Applied { id: apply.id, answer: Err(failure) },
            Self::Ask(change) => Input::Propagation { change: change.clone(), answer: Err(failure) },
            Self::Count => Input::Counted(Err(failure)),
        }
    }
}

// === impl World ===

impl World {
    /// Sends a request after a delay, during which its permission can end.
    pub fn send(&mut self, process: u32, mut request: Request) {
        let fate = self.service.fate(&mut self.random, matches!(request, Request::Apply(..)));
        let queued = self.service.queue(&mut self.random);
        let sent = self.now + queued;
        if let Request::Apply(apply, basis) = &mut request {
            basis.sent = sent;
            let not_after = apply.not_after + basis.born.since_start();
            if sent > not_after && self.saboteur != Some(Saboteur::IgnoresNotAfter) {
                self.statistics.count("fault", "withheld");
                let withheld = failure(FailureClass::Withheld, "NotAfter", "too late");
                let input = request.failed(withheld);
                return self.schedule(queued, Event::Answer { process, input });
            }
        }
        self.statistics.count("fault", labels::fate(&fate));
        let deadline = sent + TIMEOUT;
        if matches!(request, Request::Apply(..)) {
            self.in_flight.push((process, deadline));
        }
        let wait = queued + self.service.travel(&mut self.random);
        if self.now + wait > deadline {
            let input = request.failed(timed_out());
            self.schedule(deadline - self.now, Event::Answer { process, input });
        }
        self.schedule(wait, Event::Arrive(Box::new(Arrival { process, request, fate, deadline })));
    }

    /// A request reaches the service, which carries it out or not, and answers.
    pub fn arrive(&mut self, arrival: Arrival) -> Result<(), Violation> {
        let Arrival { process, mut request, fate, deadline } = arrival;
        let is_orphan = self.process(process).is_none();
        if is_orphan && self.random.percent(50) {
            return Ok(());
        }
        let is_late = self.now > deadline;
        let is_apply = matches!(request, Request::Apply(..));
        if is_apply && is_orphan && !is_late && !self.in_flight.contains(&(process, deadline)) {
            return Ok(());
        }
        if let Request::Apply(_, basis) = &mut request {
            basis.is_late = is_late;
            basis.is_abandoned = is_orphan || is_late;
        }
        let hindrance = fate.instead().or_else(|| self.service.charge(self.now).err());
        let answer = match hindrance {
            Some(failure) => Err(failure),
            None => self.serve(&request)?,
        };
        if is_late {
            return Ok(());
        }
        let answer = match fate.in_place_of_answer() {
            Some(failure) if answer.is_ok() => Err(failure),
            _ => answer,
        };
        let arrives = self.now + self.service.travel(&mut self.random);
        let (at, input) = if fate.is_silent() || arrives > deadline {
            (deadline, request.failed(timed_out()))
        } else {
            (arrives, answer.unwrap_or_else(|failure| request.failed(failure)))
        };
        self.schedule(at - self.now, Event::Answer { process, input });
        Ok(())
    }

    fn serve(&mut self, request: &Request) -> Result<Result<Input, Failure>, Violation> {
        if let Some(failure) = self.service.deny(matches!(request, Request::Apply(..))) {
            return Ok(Err(failure));
        }
        Ok(match request {
            Request::Read(read) => {
                let zone = self.cache.as_ref().filter(|_| read.start.is_some());
                let page = self.service.read(zone.unwrap_or(&self.service.zone), read);
                Ok(Input::Page { id: read.id, answer: Ok(page) })
            }
            Request::Apply(apply, basis) => {
                let answer = self.apply(apply, basis)?;
                answer.map(|change| Input::Applied { id: apply.id, answer: Ok(change) })
            }
            Request::Ask(change) => {
                let in_sync = self.service.is_in_sync(change, self.now);
                Ok(Input::Propagation { change: change.clone(), answer: Ok(in_sync) })
            }
            Request::Count => Ok(Input::Counted(Ok(self.service.zone.len() as u64))),
        })
    }

    /// A batch reaches the zone.
    fn apply(&mut self, apply: &Apply, basis: &Basis) -> Result<Result<ChangeId, Failure>, Violation> {
        let mut batch: Vec<_> = apply.batch.changes().map(change_to_service).collect();
        if let Some(saboteur) = self.saboteur {
            batch = saboteur.batch(batch, apply, &self.service.zone, &self.last_refused);
        }
        let before = self.ledger.before(apply, &self.service.zone);
        match self.service.apply(apply, &batch, self.now) {
            Ok(change) => {
                self.note(|| {
                    format!("the zone takes {:?} of process {} as {change}", apply.id, basis.number)
                });
                if basis.is_abandoned {
                    let whose =
                        if self.process(basis.number).is_some() { "of this process" } else { "of another" };
                    self.statistics.count("a batch came late", whose);
                }
                for change in apply.batch.changes().filter(|change| change.is_of_record()) {
                    self.statistics.count("written", labels::written(change.after().rtype()));
                }
                let races = self.ledger.accepted(apply, basis, &before, &self.service.zone, self.now)?;
                if self.storm && self.shape.is_undone && self.random.percent(60) {
                    let before = Ledger::undoing(apply, &before, &self.service.zone);
                    let wait = self.random.millis(100, 10_000);
                    self.schedule(wait, Event::Undo(before));
                }
                for _ in 0..races {
                    self.statistics.count("race", "replaced a set that somebody had just changed");
                }
                Ok(Ok(change))
            }
            Err(Unaccepted::Injected(failure)) => {
                self.last_refused = apply.batch.units().iter().map(|unit| unit.key().host.clone()).collect();
                Ok(Err(failure))
            }
            Err(Unaccepted::Rules(failure)) => {
                self.note(|| format!("the zone refuses {:?}: {}", apply.id, failure.message));
                self.statistics.count("fault", "refused by the zone");
                self.ledger.refused(apply, basis, &failure.message)?;
                Ok(Err(failure))
            }
        }
    }
}

fn timed_out() -> Failure {
    failure(FailureClass::Unknown, "Timeout", "no answer")
}
