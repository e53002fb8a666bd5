//! Route 53 as seen by a process: the emulator's zone and quotas, with faults.

use std::{collections::BTreeMap, time::Duration};

use zonekeeper_core::{
    dns::Name,
    keeper::{Apply, ChangeId, Failure, FailureClass, Page, Quota, Rate, Read, Time},
};
use zonekeeper_emulator::{
    quota::{self, Bucket},
    zone::{Change, HostedZone},
};

use super::{
    ownership::APEX,
    random::Random,
    shape::Shape,
    translation::{failure, page_from_service, refusal_from_service, start_to_service},
};

/// The service.
#[derive(Debug, Clone)]
pub struct Service {
    pub zone: HostedZone,
    pub account: quota::Quota,
    page: usize,
    /// The listed names at which it rejects every change, and whether the rejection contains the name.
    pub refused: BTreeMap<String, bool>,
    /// The names with protected A records.
    pub protected: Vec<String>,
    /// Whether it denies everything to the account, with the failure of changes. It can reject changes one by one.
    pub denied: Option<FailureClass>,
    /// The probability of a fault, in percent.
    pub faulty: u32,
    /// The maximum travel time of a request or an answer, in milliseconds.
    pub slow: u64,
    /// The time at which each accepted change is on all name servers.
    changes: BTreeMap<ChangeId, Time>,
}

/// The fate of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Served,
    Throttled,
    Busy,
    NotSent,
    /// 500 or 503, not carried out.
    BrokenBefore,
    /// 500 or 503, although carried out.
    BrokenAfter,
    /// The connection is lost, not carried out.
    LostBefore,
    /// The connection is lost, although carried out.
    LostAfter,
}

/// Why a batch was not accepted.
#[derive(Debug, Clone)]
pub enum Unaccepted {
    /// Because of a fault.
    Injected(Failure),
    /// Because of the zone's rules.
    Rules(Failure),
}

// === impl Fate ===

impl Fate {
    fn random(random: &mut Random, is_change: bool) -> Self {
        match random.below(8) {
            0 if is_change => Self::Busy,
            0 | 1 => Self::Throttled,
            2 => Self::NotSent,
            3 => Self::BrokenBefore,
            4 => Self::BrokenAfter,
            5 => Self::LostBefore,
            _ => Self::LostAfter,
        }
    }

    /// The failure of a request that is not carried out.
    pub fn instead(self) -> Option<Failure> {
        Some(match self {
            Self::Served | Self::BrokenAfter | Self::LostAfter => return None,
            Self::Throttled => failure(FailureClass::Throttled, "Throttling", "Rate exceeded"),
            Self::Busy => failure(FailureClass::Busy, "PriorRequestNotComplete", "still processing"),
            Self::NotSent => failure(FailureClass::NotExecuted, "DispatchFailure", "no connection"),
            Self::BrokenBefore => failure(FailureClass::Unknown, "ServiceUnavailable", "503"),
            Self::LostBefore => failure(FailureClass::Unknown, "Timeout", "no answer"),
        })
    }

    /// The failure of a request that was carried out.
    pub fn in_place_of_answer(self) -> Option<Failure> {
        Some(match self {
            Self::BrokenAfter => failure(FailureClass::Unknown, "InternalFailure", "500"),
            Self::LostAfter => failure(FailureClass::Unknown, "Timeout", "no answer"),
            _ => return None,
        })
    }

    /// Whether the client gets no answer before its time-out.
    pub fn is_silent(self) -> bool {
        matches!(self, Self::LostBefore | Self::LostAfter)
    }
}

// === impl Service ===

impl Service {
    pub fn new(shape: &Shape) -> Self {
        let bucket = |rate: Option<Rate>| {
            rate.map(|rate| Bucket::new(quota::Rate { capacity: rate.burst, refill: rate.refill }))
        };
        let Quota { requests, changes, .. } = shape.quota;
        let mut zone = if shape.is_private {
            HostedZone::private("Z0123456789EXAMPLE", APEX, Vec::new()).unwrap()
        } else {
            HostedZone::new("Z0123456789EXAMPLE", APEX).unwrap()
        };
        zone.set_wildcard_order(shape.wildcard_order);
        Self {
            zone,
            account: quota::Quota { requests: bucket(requests), changes: bucket(changes) },
            page: shape.page,
            refused: BTreeMap::new(),
            protected: Vec::new(),
            denied: None,
            faulty: 0,
            slow: 100,
            changes: BTreeMap::new(),
        }
    }

    /// Decides the fate of a request.
    pub fn fate(&self, random: &mut Random, is_change: bool) -> Fate {
        if random.percent(self.faulty) { Fate::random(random, is_change) } else { Fate::Served }
    }

    /// A travel time, which is sometimes very long.
    pub fn travel(&self, random: &mut Random) -> Duration {
        if self.slow > 1_000 && random.percent(10) {
            return random.millis(4_000, 15_000);
        }
        random.millis(1, self.slow)
    }

    /// Charges the account for a request.
    pub fn charge(&mut self, now: Time) -> Result<(), Failure> {
        self.account.request(now.since_start()).map_err(|_| throttled())
    }

    /// The answer to every request while the service denies the account.
    pub fn deny(&self, is_change: bool) -> Option<Failure> {
        let class = self.denied?;
        let class = if is_change { class } else { FailureClass::Account };
        Some(failure(class, "AccessDenied", "User is not authorized to perform this operation"))
    }

    /// The wait before a request is sent.
    pub fn queue(&self, random: &mut Random) -> Duration {
        let is_stuck = self.slow > 1_000 && random.percent(8);
        if is_stuck { random.millis(2_000, 10_000) } else { random.millis(0, 2) }
    }

    pub fn read(&self, zone: &HostedZone, read: &Read) -> Page {
        let start = read.start.as_ref().map(start_to_service);
        let items = usize::from(read.max_items).min(self.page);
        page_from_service(&zone.list(start.as_ref(), items))
    }

    /// Carries out a batch, unless a rule or a fault prevents it.
    pub fn apply(&mut self, apply: &Apply, batch: &[Change], now: Time) -> Result<ChangeId, Unaccepted> {
        let injected = |class, code, message: &str| Unaccepted::Injected(failure(class, code, message));
        let refused = batch.iter().find_map(|change| self.refused.get_key_value(&change.set.name));
        if let Some((name, is_named)) = refused {
            let name = if *is_named { name.as_str() } else { "(no name)" };
            let message = format!("[RRSet with DNS name {name} is not what this service likes]");
            return Err(injected(FailureClass::Refused, "InvalidChangeBatch", &message));
        }
        let cost: usize = batch.iter().map(|change| change.action.cost()).sum();
        let cost = cost as u64;
        if self.account.changes(cost, now.since_start()).is_err() {
            return Err(Unaccepted::Injected(throttled()));
        }
        if let Err(refusal) = self.zone.change(batch) {
            self.account.give_back_changes(cost);
            return Err(Unaccepted::Rules(refusal_from_service(&refusal)));
        }
        let change = ChangeId(format!("C{}-{}", now.micros(), apply.id.0).into());
        self.changes.insert(change.clone(), now + Duration::from_secs(25));
        Ok(change)
    }

    pub fn is_in_sync(&self, change: &ChangeId, now: Time) -> bool {
        self.changes.get(change).is_some_and(|at| *at <= now)
    }

    /// Whether the service always rejects a unit with these names.
    pub fn refuses(&self, mut names: impl Iterator<Item = Name>) -> bool {
        names.any(|name| self.refused.contains_key(&name.to_route53()))
    }
}

fn throttled() -> Failure {
    failure(FailureClass::Throttled, "Throttling", "Rate exceeded")
}
