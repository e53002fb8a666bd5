//! Leadership: the Lease object of a cluster, and processes that use it through a failing API server.

use std::time::Duration;

use zonekeeper_core::{
    keeper::{Input, Time},
    lease::{RENEWAL, Record, Step},
};

use super::{
    invariants::Violation,
    network::TIMEOUT,
    saboteur::Saboteur,
    world::{Event, World},
};

/// The Lease in the API server.
#[derive(Debug, Default)]
pub struct LeaseObject {
    record: Option<Record>,
    writes: u64,
    /// The last leader.
    led: Option<u32>,
}

/// The steps of calls to the API server. Other events can happen between two steps.
#[derive(Debug)]
pub enum Call {
    /// A process sends a read.
    Look,
    /// The answer of the read arrives.
    Seen(Option<Record>),
    /// The write arrives. It is conditional on the read version.
    Write { seen: Option<Record>, sent: Time },
    /// The answer of the write arrives.
    Written { sent: Time, is_written: bool },
}

impl World {
    /// A process becomes a candidate. In runs without a Lease, one process always leads.
    pub fn stand(&mut self, process: u32, is_first: bool) {
        let wait = self.random.millis(1, 2_000);
        if self.shape.replicas == 0 {
            // All requests of the previous process have ended after the time-out.
            let gone = if is_first { Duration::ZERO } else { TIMEOUT };
            self.schedule(wait + gone, Event::Lead { process });
        } else {
            self.schedule(wait, Event::Lease { process, call: Call::Look });
        }
    }

    /// A process leads without a Lease.
    pub fn lead(&mut self, process: u32) -> Result<(), Violation> {
        self.takes_over(process, Time::NEVER)
    }

    /// Makes a step of a call.
    pub fn lease(&mut self, process: u32, call: Call) -> Result<(), Violation> {
        let lag = self.random.millis(1, 300);
        let is_lost = self.storm && self.random.percent(2);
        let Some(candidate) = self.process(process) else { return Ok(()) };
        let is_lost = is_lost || candidate.cut_off_until > self.now;
        let again = |call| Event::Lease { process, call };
        match call {
            // Each call has its own time-out.
            Call::Look | Call::Write { .. } if is_lost => self.schedule(RENEWAL, again(Call::Look)),
            Call::Look => {
                let seen = self.lease.record.clone();
                self.schedule(lag, again(Call::Seen(seen)));
            }
            Call::Seen(seen) => {
                let (now, me) = (self.now, self.position(process).unwrap());
                let candidate = &mut self.processes[me];
                let step = candidate.lease.look(seen.as_ref(), candidate.local(now));
                let until = candidate.lease.until();
                if step == Step::Follow {
                    self.schedule(RENEWAL, again(Call::Look));
                } else {
                    self.schedule(lag, again(Call::Write { seen, sent: now }));
                }
                if until == Time::ZERO {
                    return self.leads(process, Time::ZERO);
                }
            }
            Call::Write { seen, sent } => {
                let is_written = self.lease.record == seen;
                if is_written {
                    self.write_lease(process);
                }
                let is_told = !(self.storm && self.random.percent(2));
                let answer = again(Call::Written { sent, is_written });
                if is_told {
                    self.schedule(lag, answer);
                } else {
                    self.schedule(RENEWAL, again(Call::Look));
                }
            }
            Call::Written { sent, is_written } => {
                let me = self.position(process).unwrap();
                let candidate = &mut self.processes[me];
                let (now, was_leading) = (self.now, candidate.led_until > self.now);
                let until = if is_written {
                    let until = candidate.lease.accepted(candidate.local(sent));
                    candidate.global(until)
                } else {
                    candidate.lease.lost();
                    Time::ZERO
                };
                self.schedule(if is_written { RENEWAL } else { lag }, again(Call::Look));
                if until > now && !was_leading {
                    self.leads(process, Time::ZERO)?;
                    return self.takes_over(process, until);
                }
                return self.leads(process, until);
            }
        }
        Ok(())
    }

    /// Releases the Lease of a process that ends normally.
    pub fn release_lease(&mut self, process: u32) {
        let Some(candidate) = self.process(process) else { return };
        let holds = |record: &Record| *record.holder == *candidate.lease.me();
        if candidate.is_answered() && self.lease.record.as_ref().is_some_and(holds) {
            self.lease.writes += 1;
            self.lease.record =
                Some(Record { version: self.lease.writes.to_string().into(), holder: String::new().into() });
        }
    }

    fn write_lease(&mut self, process: u32) {
        let me = self.position(process).unwrap();
        let candidate = &mut self.processes[me];
        self.lease.writes += 1;
        let version = self.lease.writes.to_string().into();
        let before = self.lease.record.replace(Record { version, holder: candidate.lease.me().into() });
        // The new leader starts with the memory of its predecessor.
        let was_holder = before.is_some_and(|before| *before.holder == *candidate.lease.me());
        let memory = candidate.memory.take().filter(|_| was_holder);
        if let Some(memory) = memory {
            self.stored.memory = Some(memory);
        }
    }

    /// A process starts to lead.
    fn takes_over(&mut self, process: u32, until: Time) -> Result<(), Violation> {
        self.hand_down(process)?;
        self.leads(process, until)?;
        self.read_plan(process)
    }

    /// Tells a process until when it leads.
    fn leads(&mut self, process: u32, until: Time) -> Result<(), Violation> {
        // An earlier input may have ended the process.
        let Some(me) = self.position(process) else { return Ok(()) };
        if let Some(number) = self.leader().map(|other| other.number).filter(|other| *other != process)
            && until > self.now
        {
            let detail = format!("{process}, while {number} does");
            return Err(Violation::new("one process leads", detail));
        }
        if self.processes[me].led_until <= self.now && until > self.now {
            let what = match self.lease.led.replace(process) {
                None => "begins",
                Some(before) if before == process => "is won back",
                Some(_) => "moves",
            };
            self.statistics.count("leadership", what);
            // In a new term, it reports all states again.
            self.processes[me].states.clear();
        }
        let candidate = &mut self.processes[me];
        candidate.led_until = until;
        let told = if self.saboteur == Some(Saboteur::ForgetsLeadership) { Time::NEVER } else { until };
        let until = candidate.local(told);
        self.tell(process, Input::Leadership { until })
    }
}
