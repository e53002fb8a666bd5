//! The custom resource `DNSEndpoint` with its status, and the status of a state, without I/O.

use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition, jiff::Timestamp,
};
use kube::{CustomResource, CustomResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zonekeeper_core::{
    keeper::{ObjectState, Readiness},
    source::DnsEndpointEntry,
};

use crate::cluster::short_text::shorten;

/// The condition that says whether the records are as wanted.
const READY: &str = "Ready";
/// The longest reason or record within a message, in bytes, so that a message stays readable.
const LONGEST_PART: usize = 400;

/// Records of a hosted zone
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Debug, Clone, Default, PartialEq)]
#[kube(
    group = "externaldns.k8s.io",
    version = "v1alpha1",
    kind = "DNSEndpoint",
    plural = "dnsendpoints",
    namespaced,
    status = "DnsEndpointStatus",
    doc = "Records of a hosted zone. The kind is that of ExternalDNS.",
    // API servers demand it for a group of Kubernetes. It names the approval of this kind.
    annotation("api-approved.kubernetes.io", "https://github.com/kubernetes-sigs/external-dns/pull/2007"),
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason"}"#
)]
pub struct DnsEndpointSpec {
    /// Records, one for each name, type and set identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<DnsEndpointEntry>>,
}

/// State of the records, as zonekeeper sees it
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct DnsEndpointStatus {
    /// Generation of the spec that the status describes.
    pub observed_generation: Option<i64>,
    /// Conditions. zonekeeper writes the condition Ready.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// A condition
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Type of the condition.
    #[serde(rename = "type")]
    pub type_: String,
    /// True, False or Unknown.
    pub status: String,
    /// Generation of the spec that the condition describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Time of the last change of the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
    /// Reason for the status, in one word.
    #[serde(default)]
    pub reason: String,
    /// Message for people.
    #[serde(default)]
    pub message: String,
}

/// The `CustomResourceDefinition`. It allows everything that the definition of ExternalDNS allows.
pub fn definition() -> CustomResourceDefinition {
    let mut definition = DNSEndpoint::crd();
    for version in &mut definition.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            // An object of ExternalDNS needs no spec.
            schema.required = None;
        }
    }
    definition
}

// === impl DnsEndpointStatus ===

impl DnsEndpointStatus {
    /// The status for a state; `None` if the object has it already. Conditions of others stay.
    pub fn updated(&self, state: &ObjectState, now: Timestamp) -> Option<Self> {
        let mut ready = Condition::ready(state);
        let known = self.conditions.iter().find(|known| known.type_ == READY);
        let since = known.filter(|known| known.status == ready.status);
        let since = since.and_then(|known| known.last_transition_time.clone());
        ready.last_transition_time = Some(since.unwrap_or_else(|| seconds(now)));
        let others = self.conditions.iter().filter(|known| known.type_ != READY).cloned();
        let status =
            Self { observed_generation: Some(state.generation), conditions: others.chain([ready]).collect() };
        // The order of conditions says nothing.
        let is_same = self.observed_generation == status.observed_generation
            && self.conditions.len() == status.conditions.len()
            && known == status.conditions.last();
        (!is_same).then_some(status)
    }
}

/// A time with seconds, as `metav1.Time` has it.
fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

// === impl Condition ===

impl Condition {
    fn ready(state: &ObjectState) -> Self {
        let (status, reason, message) = match &state.readiness {
            Readiness::Ready { keys, noted: None } => {
                let names = if *keys == 1 { "name" } else { "names" };
                ("True", "InSync", format!("the records of {keys} {names} are in Route 53 as wanted"))
            }
            Readiness::Ready { noted: Some(noted), .. } => {
                let (note, fix) = (&noted.note, noted.note.fix());
                ("True", note.label(), format!("{}: {note}. Fix: {fix}", short(&noted.key)))
            }
            Readiness::Blocked { first, others } => {
                let (why, fix) = (short(&first.message_for_owner()), first.reason.fix());
                let message =
                    format!("{}: {why}. Fix: {fix}{}", short(&first.subject), and(*others, "blocked"));
                ("False", first.reason.label(), message)
            }
            Readiness::Waiting { first, others, needs_approval } => {
                let (reason, what) = if *needs_approval {
                    ("NotApproved", "until a person approves the plan (`zonekeeper approve`)")
                } else {
                    ("Pending", "to be written")
                };
                ("Unknown", reason, format!("{} waits {what}{}", short(first), and(*others, "waiting")))
            }
        };
        Self {
            type_: READY.to_owned(),
            status: status.to_owned(),
            observed_generation: Some(state.generation),
            last_transition_time: None,
            reason: reason.to_owned(),
            message,
        }
    }
}

fn short(text: &impl ToString) -> String {
    shorten(&text.to_string(), LONGEST_PART)
}

/// The other records of a message.
fn and(others: usize, how: &str) -> String {
    if others == 0 { String::new() } else { format!(" ({others} more {how})") }
}

#[cfg(test)]
mod tests {
    use zonekeeper_core::{
        dns::Name,
        source::{ClaimKey, Kind, ObjectRef},
    };

    use super::*;

    fn state(generation: i64, readiness: Readiness) -> ObjectState {
        let object = ObjectRef::new(Kind::DnsEndpoint, "shop", "web");
        ObjectState { object, uid: "uid".into(), generation, readiness }
    }

    fn in_sync(generation: i64) -> ObjectState {
        state(generation, Readiness::Ready { keys: 2, noted: None })
    }

    fn waiting(others: usize, needs_approval: bool) -> ObjectState {
        let first = ClaimKey { host: Name::from_hostname("www.example.com").unwrap(), set_id: None };
        state(1, Readiness::Waiting { first, others, needs_approval })
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn ready(status: &DnsEndpointStatus) -> &Condition {
        status.conditions.iter().find(|condition| condition.type_ == READY).unwrap()
    }

    #[test]
    fn a_status_is_written_only_if_it_changes() {
        let first = DnsEndpointStatus::default().updated(&in_sync(1), at(0)).unwrap();
        assert_eq!(first.updated(&in_sync(1), at(60)), None);
        assert_eq!(first.observed_generation, Some(1));
        assert_eq!(ready(&first).message, "the records of 2 names are in Route 53 as wanted");
    }

    #[test]
    fn the_time_is_that_of_the_last_change_of_the_status() {
        let since = |status: &DnsEndpointStatus| ready(status).last_transition_time.clone().unwrap();
        let first = DnsEndpointStatus::default().updated(&in_sync(1), at(0)).unwrap();
        let second = first.updated(&in_sync(2), at(60)).unwrap();
        assert_eq!(since(&second), "1970-01-01T00:00:00Z");
        let third = second.updated(&waiting(0, false), at(120)).unwrap();
        assert_eq!(since(&third), "1970-01-01T00:02:00Z");
    }

    #[test]
    fn conditions_of_others_stay() {
        let other =
            Condition { type_: "Checked".to_owned(), status: "True".to_owned(), ..Condition::default() };
        let before = DnsEndpointStatus { conditions: vec![other.clone()], ..DnsEndpointStatus::default() };
        let after = before.updated(&in_sync(1), at(0)).unwrap();
        assert_eq!(after.conditions.first(), Some(&other));
        assert_eq!(after.conditions.len(), 2);
        assert_eq!(after.updated(&in_sync(1), at(60)), None);
    }

    #[test]
    fn records_that_wait_are_unknown_with_what_they_wait_for() {
        for (others, needs_approval, reason, message) in [
            (0, false, "Pending", "www.example.com waits to be written"),
            (
                2,
                true,
                "NotApproved",
                "www.example.com waits until a person approves the plan (`zonekeeper approve`) (2 more waiting)",
            ),
        ] {
            let status =
                DnsEndpointStatus::default().updated(&waiting(others, needs_approval), at(0)).unwrap();
            let Condition { status, reason: found, message: text, .. } = ready(&status);
            assert_eq!((&**status, &**found, &**text), ("Unknown", reason, message));
        }
    }
}
