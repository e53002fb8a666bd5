//! Pods: the few fields that Services need.

use std::net::IpAddr;

use k8s_openapi::api::core::v1 as api;

use super::{Labels, Part, Problem, Rules, Selector, Targets, annotation::Annotations};
use crate::dns::Name;

/// A pod.
#[derive(Debug, PartialEq)]
pub(super) struct Pod {
    labels: Labels,
    /// How well it serves; none if it does not run.
    pub readiness: Option<Readiness>,
    /// Its node; none if it is not scheduled yet.
    pub node: Option<Box<str>>,
    /// The address of its node.
    pub host_ip: Option<IpAddr>,
    /// The label that it adds to the hostnames of a headless Service: `spec.hostname`.
    pub hostname: Option<Box<str>>,
    /// The targets of its annotation `target`. Nearly no pod has it.
    pub stated: Option<Box<StatedTargets>>,
}

/// How well a running pod serves, the best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Readiness {
    NotReady,
    ReadyAndTerminating,
    Ready,
}

/// Targets that a pod states itself.
#[derive(Debug, PartialEq)]
pub(super) struct StatedTargets {
    pub targets: Targets,
    pub problems: Vec<Problem>,
}

// === impl Pod ===

impl Pod {
    pub fn new(pod: &api::Pod, rules: &Rules) -> Self {
        let (meta, spec, status) = (&pod.metadata, pod.spec.as_ref(), pod.status.as_ref());
        let annotations = Annotations::new(meta.annotations.as_ref(), rules);
        let mut problems = Vec::new();
        let stated = annotations.stated_targets(&mut problems);
        let hostname = spec.and_then(|spec| spec.hostname.as_deref());
        Self {
            labels: Labels::new(meta.labels.as_ref()),
            readiness: status.and_then(|status| readiness(status, meta.deletion_timestamp.is_some())),
            node: spec.and_then(|spec| spec.node_name.as_deref()).filter(|it| !it.is_empty()).map(Into::into),
            host_ip: status.and_then(|status| status.host_ip.as_deref()?.parse().ok()),
            hostname: hostname.and_then(label),
            stated: stated.map(|targets| Box::new(StatedTargets { targets, problems })),
        }
    }

    pub fn is_selected_by(&self, selector: &Selector) -> bool {
        selector.selects(&self.labels)
    }
}

impl Part for Pod {
    fn labels(&self) -> Option<&Labels> {
        Some(&self.labels)
    }
}

fn readiness(status: &api::PodStatus, is_terminating: bool) -> Option<Readiness> {
    let conditions = status.conditions.iter().flatten();
    let is_ready = conditions.clone().find(|it| it.type_ == "Ready").is_some_and(|it| it.status == "True");
    let readiness = match (is_ready, is_terminating) {
        (false, _) => Readiness::NotReady,
        (true, true) => Readiness::ReadyAndTerminating,
        (true, false) => Readiness::Ready,
    };
    (status.phase.as_deref() == Some("Running")).then_some(readiness)
}

/// A text that is one label of a hostname. The API server accepts no other `spec.hostname`.
fn label(text: &str) -> Option<Box<str>> {
    let name = Name::from_hostname(text).ok().filter(|name| !name.is_wildcard())?;
    name.parent().is_none().then(|| name.as_str().into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(pod: serde_json::Value) -> Pod {
        Pod::new(&serde_json::from_value(pod).unwrap(), &Rules::default())
    }

    #[test]
    fn only_a_running_pod_serves_and_best_while_it_is_ready() {
        let of = |phase: &str, ready: Option<&str>, is_terminating: bool| {
            let conditions: Vec<_> =
                ready.iter().map(|status| json!({"type": "Ready", "status": status})).collect();
            let deleted = is_terminating.then_some("2026-01-01T00:00:00Z");
            let status = json!({"phase": phase, "conditions": conditions});
            pod(json!({"metadata": {"deletionTimestamp": deleted}, "status": status})).readiness
        };
        assert_eq!(of("Running", Some("True"), false), Some(Readiness::Ready));
        assert_eq!(of("Running", Some("True"), true), Some(Readiness::ReadyAndTerminating));
        for ready in [Some("False"), Some("Unknown"), None] {
            assert_eq!(of("Running", ready, false), Some(Readiness::NotReady));
            assert_eq!(of("Running", ready, true), Some(Readiness::NotReady));
        }
        for phase in ["Pending", "Succeeded", "Failed", "Unknown", ""] {
            assert_eq!(of(phase, Some("True"), false), None);
        }
        assert_eq!(pod(json!({})).readiness, None);
        assert!(Readiness::Ready > Readiness::ReadyAndTerminating);
        assert!(Readiness::ReadyAndTerminating > Readiness::NotReady);
    }

    #[test]
    fn an_empty_or_invalid_field_counts_as_missing() {
        let missing = pod(json!({"metadata": {"annotations": {"external-dns.kubernetes.io/target": ""}}}));
        for (field, value) in [("hostname", ""), ("hostname", "a.b"), ("hostname", "*"), ("nodeName", "")] {
            let pod = pod(json!({"spec": {field: value, "containers": []}}));
            assert_eq!(pod, missing, "{field} {value}");
        }
        for address in ["", "a", "1.2.3"] {
            assert_eq!(pod(json!({"status": {"hostIP": address}})), missing, "{address}");
        }
    }
}
