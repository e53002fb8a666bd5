//! Translates between the Lease object of Kubernetes and the rules in [`zonekeeper_core::lease`], without I/O.
//!
//! <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/>

use std::collections::BTreeMap;

use arcstr::ArcStr;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use zonekeeper_core::lease::{Record, Step, TTL};

/// The prefix of our annotations.
const PREFIX: &str = "zonekeeper.dev/";

/// The annotations that a Lease stores for the next leader, by their full names.
pub type LeaseMemory = BTreeMap<String, String>;

/// Reads the holder and the version.
pub fn record(lease: &Lease) -> Record {
    let text = |text: Option<&String>| ArcStr::from(text.map(String::as_str).unwrap_or_default());
    Record {
        version: text(lease.metadata.resource_version.as_ref()),
        holder: text(lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_ref())),
    }
}

/// Reads the annotations that an earlier leader stored.
pub fn memory_of(lease: &Lease) -> LeaseMemory {
    let ours = lease.metadata.annotations.iter().flatten().filter(|(name, _)| name.starts_with(PREFIX));
    ours.map(|(name, text)| (name.clone(), text.clone())).collect()
}

/// The Lease with `me` as its holder, taken or renewed now. The annotations of `memory` are added to the existing ones.
pub fn taken(found: Option<Lease>, name: &str, me: &str, step: Step, memory: Option<&LeaseMemory>) -> Lease {
    let mut lease = found.unwrap_or_default();
    lease.metadata.name = Some(name.to_owned());
    let now = MicroTime(Timestamp::now());
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    if step != Step::Renew {
        spec.acquire_time = Some(now.clone());
        spec.holder_identity = Some(me.to_owned());
        let transitions = spec.lease_transitions.map_or(0, |transitions| transitions.saturating_add(1));
        spec.lease_transitions = Some(transitions);
    }
    spec.renew_time = Some(now);
    spec.lease_duration_seconds = i32::try_from(TTL.as_secs()).ok();
    add_memory(&mut lease, memory);
    lease
}

/// The Lease without a holder, so that the next process takes it at once. The annotations of `memory` are added.
pub fn released(mut lease: Lease, memory: Option<&LeaseMemory>) -> Lease {
    add_memory(&mut lease, memory);
    if let Some(spec) = &mut lease.spec {
        spec.holder_identity = None;
        spec.renew_time = Some(MicroTime(Timestamp::now()));
    }
    lease
}

/// Adds annotations. Other annotations stay, because a person may have set them.
fn add_memory(lease: &mut Lease, memory: Option<&LeaseMemory>) {
    let ours = memory.into_iter().flatten().filter(|(name, _)| name.starts_with(PREFIX));
    let ours: LeaseMemory = ours.map(|(name, text)| (name.clone(), text.clone())).collect();
    if !ours.is_empty() {
        lease.metadata.annotations.get_or_insert_default().extend(ours);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(texts: &[(&str, &str)]) -> LeaseMemory {
        texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn memory_replaces_its_own_annotations_and_leaves_the_others() {
        let before = [("zonekeeper.dev/brake", "1"), ("zonekeeper.dev/of-a-person", "2")];
        let mut lease = Lease::default();
        lease.metadata.annotations = Some(memory(&[before[0], before[1], ("example.test/note", "ours")]));
        let after = memory(&[("zonekeeper.dev/brake", "3"), ("example.test/other", "not written")]);

        for lease in [
            taken(Some(lease.clone()), "shop", "me", Step::Renew, Some(&after)),
            released(lease, Some(&after)),
        ] {
            let ours = [("zonekeeper.dev/brake", "3"), before[1]];
            let annotations = lease.metadata.annotations.clone().unwrap_or_default();
            assert_eq!(annotations, memory(&[("example.test/note", "ours"), ours[0], ours[1]]));
            assert_eq!(memory_of(&lease), memory(&ours));
        }
    }

    #[test]
    fn without_a_memory_all_annotations_stay() {
        let mut lease = Lease::default();
        lease.metadata.annotations = Some(memory(&[("zonekeeper.dev/old", "1")]));
        let lease = taken(Some(lease), "shop", "me", Step::TakeOver, None);
        assert_eq!(memory_of(&lease), memory(&[("zonekeeper.dev/old", "1")]));
    }

    #[test]
    fn a_renewal_is_no_transition_and_a_release_leaves_no_holder() {
        let created = taken(None, "shop", "first", Step::Create, None);
        let taken_over = taken(Some(created), "shop", "second", Step::TakeOver, None);
        let renewed = taken(Some(taken_over), "shop", "second", Step::Renew, None);
        assert_eq!(renewed.spec.as_ref().and_then(|spec| spec.lease_transitions), Some(1));
        assert_eq!(&*record(&renewed).holder, "second");
        assert_eq!(&*record(&released(renewed, None)).holder, "");
    }
}
