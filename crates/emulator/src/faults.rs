//! Faults between a client and Route 53, on demand. This module decides, and the server acts.
//!
//! ```
//! use std::time::Duration;
//! use zonekeeper_emulator::faults::{Effect, Fault, Faults};
//!
//! let mut faults = Faults::default();
//! // The emulator carries out the first two change requests, and closes the connection without an answer.
//! faults.add(Fault::new(Effect::CloseAfter).on("ChangeResourceRecordSets").times(2));
//! assert_eq!(faults.decide("ListResourceRecordSets", Duration::ZERO).effect, None);
//! for expected in [Some(Effect::CloseAfter), Some(Effect::CloseAfter), None] {
//!     assert_eq!(faults.decide("ChangeResourceRecordSets", Duration::ZERO).effect, expected);
//! }
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The effect of a fault on a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// The emulator delays the request. The latencies of several faults add up, and combine with one other
    /// effect.
    Latency {
        /// Milliseconds.
        millis: u64,
    },
    /// The emulator rejects the request with this error.
    Refuse {
        /// HTTP status.
        status: u16,
        /// Error code.
        code: String,
        /// Error message.
        message: String,
    },
    /// The emulator does not carry out the request, and answers like a proxy.
    Answer {
        /// HTTP status.
        status: u16,
        /// The whole body.
        body: String,
    },
    /// The request waits until a test clears the faults. Other requests can overtake it.
    Hold,
    /// The emulator does not carry out the request, and never answers.
    Hang,
    /// The emulator carries out the request, and never answers.
    HangAfter,
    /// The emulator closes the connection, and does not carry out the request.
    CloseBefore,
    /// The emulator carries out the request, and closes the connection without an answer.
    CloseAfter,
    /// The emulator carries out the request, and delays the second half of the answer.
    SlowBody {
        /// Milliseconds.
        millis: u64,
    },
    /// The emulator carries out the request. The answer has status 200 and ends in the middle of the XML.
    Malformed,
}

/// A fault, with the requests that it affects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The effect.
    pub effect: Effect,
    /// The affected operation. All if absent.
    #[serde(default)]
    pub operation: Option<String>,
    /// The number of matching requests that pass first.
    #[serde(default)]
    pub after: u32,
    /// The number of affected requests before the fault ends. Without an end if absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// The probability for a matching request, 0 to 1. Always if absent.
    #[serde(default)]
    pub probability: Option<f64>,
    /// The time at which the fault begins, in milliseconds since the start of the emulator.
    #[serde(default)]
    pub from_millis: u64,
    /// The time at which the fault ends, in milliseconds since the start of the emulator.
    #[serde(default)]
    pub until_millis: Option<u64>,
}

/// All faults of an emulator, in the order of [`Faults::add`].
#[derive(Debug, Clone, Default)]
pub struct Faults {
    faults: Vec<Fault>,
    random: u64,
}

/// The decision about one request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// The delay.
    pub latency: Duration,
    /// The effect of the first matching fault that is not a latency.
    pub effect: Option<Effect>,
}

// === impl Effect ===

impl Effect {
    /// A latency.
    pub fn latency(latency: Duration) -> Self {
        Self::Latency { millis: u64::try_from(latency.as_millis()).unwrap_or(u64::MAX) }
    }

    /// An answer with a delayed second half.
    pub fn slow_body(delay: Duration) -> Self {
        Self::SlowBody { millis: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Any error.
    pub fn refuse(status: u16, code: &str, message: &str) -> Self {
        Self::Refuse { status, code: code.to_owned(), message: message.to_owned() }
    }

    /// An answer that the service did not send.
    pub fn answer(status: u16, body: &str) -> Self {
        Self::Answer { status, body: body.to_owned() }
    }

    /// Another change request for the zone is under way.
    pub fn prior_request_not_complete() -> Self {
        Self::refuse(
            400,
            "PriorRequestNotComplete",
            "The request was rejected because Route 53 was still processing a prior request.",
        )
    }

    /// The account is over its quota.
    pub fn throttling() -> Self {
        Self::refuse(400, "Throttling", "Rate exceeded")
    }

    /// The policy of the caller does not allow the request.
    pub fn access_denied() -> Self {
        Self::refuse(403, "AccessDenied", "User is not authorized to perform this operation")
    }

    /// The credentials have expired.
    pub fn expired_token() -> Self {
        Self::refuse(403, "ExpiredToken", "The security token included in the request is expired")
    }

    /// The service has an internal error.
    pub fn internal_failure() -> Self {
        Self::refuse(500, "InternalFailure", "We encountered an internal error. Please try again.")
    }

    /// The service is unavailable.
    pub fn service_unavailable() -> Self {
        Self::refuse(503, "ServiceUnavailable", "Service is unable to handle request.")
    }
}

// === impl Fault ===

impl Fault {
    /// A fault that affects every request until its removal.
    pub fn new(effect: Effect) -> Self {
        Self {
            effect,
            operation: None,
            after: 0,
            times: None,
            probability: None,
            from_millis: 0,
            until_millis: None,
        }
    }

    /// Limits the fault to an operation, such as `ChangeResourceRecordSets`.
    #[must_use]
    pub fn on(self, operation: &str) -> Self {
        Self { operation: Some(operation.to_owned()), ..self }
    }

    /// Limits the number of affected requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Lets a number of matching requests pass first.
    #[must_use]
    pub fn after(self, requests: u32) -> Self {
        Self { after: requests, ..self }
    }

    /// Sets the probability, 0 to 1.
    #[must_use]
    pub fn probability(self, probability: f64) -> Self {
        Self { probability: Some(probability), ..self }
    }

    /// Limits the fault to the time from `from` to before `until`, both since the start.
    #[must_use]
    pub fn between(self, from: Duration, until: Duration) -> Self {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self { from_millis: millis(from), until_millis: Some(millis(until)), ..self }
    }

    fn matches(&self, operation: &str, now: Duration) -> bool {
        let now = now.as_millis();
        self.times != Some(0)
            && self.operation.as_deref().is_none_or(|wanted| wanted == operation)
            && now >= u128::from(self.from_millis)
            && self.until_millis.is_none_or(|until| now < u128::from(until))
    }
}

// === impl Faults ===

impl Faults {
    /// No faults. The seed determines the random decisions.
    pub fn seeded(seed: u64) -> Self {
        Self { faults: Vec::new(), random: seed }
    }

    /// Adds a fault after the others.
    pub fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Removes all faults.
    pub fn clear(&mut self) {
        self.faults.clear();
    }

    /// Whether held requests still wait.
    pub fn is_holding(&self) -> bool {
        self.faults.iter().any(|fault| fault.effect == Effect::Hold)
    }

    /// All faults, including ended ones.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter()
    }

    /// Decides about a request of an operation.
    pub fn decide(&mut self, operation: &str, now: Duration) -> Decision {
        let mut decision = Decision::default();
        for fault in &mut self.faults {
            let is_latency = matches!(fault.effect, Effect::Latency { .. });
            if !fault.matches(operation, now) || (!is_latency && decision.effect.is_some()) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            if fault.probability.is_some_and(|probability| chance(&mut self.random) >= probability) {
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            match fault.effect {
                Effect::Latency { millis } => decision.latency += Duration::from_millis(millis),
                _ => decision.effect = Some(fault.effect.clone()),
            }
        }
        decision
    }
}

/// The next random number, from 0 to 1 (splitmix64).
#[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
fn chance(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGE: &str = "ChangeResourceRecordSets";
    const LIST: &str = "ListResourceRecordSets";

    fn second(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn met(faults: &mut Faults, operation: &str, now: Duration) -> bool {
        faults.decide(operation, now).effect.is_some()
    }

    #[test]
    fn a_fault_meets_what_it_is_meant_for() {
        type Requests<'a> = &'a [(&'a str, u64, bool)];
        let table: [(Fault, Requests); 5] = [
            (Fault::new(Effect::Hang), &[(LIST, 0, true), (CHANGE, 9, true)]),
            (Fault::new(Effect::Hang).on(CHANGE), &[(LIST, 0, false), (CHANGE, 0, true), (CHANGE, 0, true)]),
            (
                Fault::new(Effect::Hang).on(CHANGE).times(1),
                &[(LIST, 0, false), (CHANGE, 0, true), (CHANGE, 0, false)],
            ),
            (
                Fault::new(Effect::Hang).after(1).times(1),
                &[(LIST, 0, false), (LIST, 0, true), (LIST, 0, false)],
            ),
            (
                Fault::new(Effect::Hang).between(second(2), second(4)),
                &[(LIST, 1, false), (LIST, 2, true), (LIST, 3, true), (LIST, 4, false)],
            ),
        ];
        for (fault, requests) in table {
            let mut faults = Faults::default();
            faults.add(fault);
            for (operation, at, expected) in requests {
                assert_eq!(
                    met(&mut faults, operation, second(*at)),
                    *expected,
                    "{faults:?} {operation} {at}"
                );
            }
        }
    }

    #[test]
    fn latencies_add_up_and_the_first_other_effect_counts() {
        let mut faults = Faults::default();
        faults.add(Fault::new(Effect::latency(second(1))));
        faults.add(Fault::new(Effect::throttling()).times(1));
        faults.add(Fault::new(Effect::CloseBefore).times(1));
        faults.add(Fault::new(Effect::latency(second(2))));
        let effects: Vec<_> = (0..3).map(|_| faults.decide(LIST, second(0))).collect();
        assert!(effects.iter().all(|decision| decision.latency == second(3)));
        let effects: Vec<_> = effects.into_iter().map(|decision| decision.effect).collect();
        assert_eq!(effects, [Some(Effect::throttling()), Some(Effect::CloseBefore), None]);
        faults.clear();
        assert_eq!(faults.decide(LIST, second(0)), Decision::default());
    }

    #[test]
    fn chance_is_a_function_of_the_seed() {
        let run = |seed| {
            let mut faults = Faults::seeded(seed);
            faults.add(Fault::new(Effect::Hang).probability(0.25));
            (0..1_000).map(|_| met(&mut faults, LIST, second(0))).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let hits = run(7).into_iter().filter(|hit| *hit).count();
        assert!((200..300).contains(&hits), "{hits}");
    }

    #[test]
    fn faults_can_be_written_as_json() {
        let fault: Fault =
            serde_json::from_str(r#"{"operation":"GetChange","times":2,"effect":{"latency":{"millis":50}}}"#)
                .unwrap();
        assert_eq!(fault, Fault::new(Effect::latency(Duration::from_millis(50))).on("GetChange").times(2));
        let fault: Fault = serde_json::from_str(r#"{"effect":"close_after"}"#).unwrap();
        assert_eq!(fault.effect, Effect::CloseAfter);
        assert!(serde_json::from_str::<Fault>(r#"{"effect":"hang","often":1}"#).is_err());
    }

    #[test]
    fn errors_carry_the_codes_of_the_service() {
        for (effect, status, code) in [
            (Effect::prior_request_not_complete(), 400, "PriorRequestNotComplete"),
            (Effect::throttling(), 400, "Throttling"),
            (Effect::access_denied(), 403, "AccessDenied"),
            (Effect::expired_token(), 403, "ExpiredToken"),
            (Effect::internal_failure(), 500, "InternalFailure"),
            (Effect::service_unavailable(), 503, "ServiceUnavailable"),
        ] {
            let Effect::Refuse { status: s, code: c, .. } = effect else { panic!() };
            assert_eq!((s, c.as_str()), (status, code));
        }
    }
}
