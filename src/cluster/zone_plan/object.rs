//! The custom resource `ZonePlan`, and its translation to and from the core's types, without I/O.

use k8s_openapi::jiff::Timestamp;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::warn;
use zonekeeper_core::{
    keeper::{Approval, LONGEST_RELEASE, Publication},
    plan::UnitDigest,
};

/// A plan that waits for approval
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Debug, Clone, Default, PartialEq, Eq)]
#[kube(
    group = "zonekeeper.dev",
    version = "v1alpha1",
    kind = "ZonePlan",
    status = "ZonePlanStatus",
    doc = "The plan of zonekeeper for a hosted zone, and the approval of a person.",
    printcolumn = r#"{"name": "Zone", "type": "string", "jsonPath": ".spec.zoneId"}"#,
    printcolumn = r#"{"name": "Owner", "type": "string", "jsonPath": ".spec.ownerId"}"#,
    printcolumn = r#"{"name": "Digest", "type": "string", "jsonPath": ".status.digest"}"#,
    printcolumn = r#"{"name": "Creates", "type": "integer", "jsonPath": ".status.creates"}"#,
    printcolumn = r#"{"name": "Replaces", "type": "integer", "jsonPath": ".status.replaces"}"#,
    printcolumn = r#"{"name": "Approved", "type": "string", "jsonPath": ".spec.approvedDigest"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ZonePlanSpec {
    /// Id of the hosted zone.
    pub zone_id: String,
    /// Owner id of the cluster.
    pub owner_id: String,
    /// Digest of the approved plan. Together with approvedAt, it is one approval. An approval is used once and expires after
    /// 7 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_digest: Option<String>,
    /// Time of the approval, as in 2026-12-31T18:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<String>,
    /// Until when the brake holds nothing, as in 2026-12-31T18:00:00Z; 24 hours from now at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake_released_until: Option<String>,
}

/// The plan, as the leader publishes it
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ZonePlanStatus {
    /// Digest of the plan. To approve the plan, approve this digest.
    #[serde(default)]
    pub digest: String,
    /// Record sets that would be created, ownership TXTs included.
    #[serde(default)]
    pub creates: usize,
    /// Record sets that would be replaced, ownership TXTs included.
    #[serde(default)]
    pub replaces: usize,
    /// Units of the plan; empty if there are more than 1,000.
    #[serde(default)]
    pub units: Vec<PlannedUnit>,
    /// Digests of approved units that are not written yet and not listed in units, separated by spaces. A unit is missing
    /// there if the plan has more than 1,000 units, or if the unit is held back. Some may have been written since.
    #[serde(default)]
    pub rest: String,
    /// Last approval that was used.
    pub used: Option<Approved>,
    /// Time of its use.
    pub used_at: Option<String>,
    /// Approval that released nothing: the plan has changed, the approval has expired, or it is older than an approval that
    /// was used.
    pub unused: Option<Approved>,
}

/// One unit of a plan
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
pub struct PlannedUnit {
    /// Digest of the unit: 64 hexadecimal digits. The plan shows the first 32.
    pub digest: String,
    /// Whether the unit is approved.
    pub approved: bool,
}

/// An approval
#[derive(Serialize, Deserialize, JsonSchema, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Approved {
    /// Approved digest.
    pub digest: String,
    /// Time of the approval.
    pub approved_at: String,
}

/// The time for an approval that is given now, in seconds since 1970. It is later than every earlier approval, even if the
/// clocks of the machines differ.
pub fn approved_at(found: &ZonePlan, now: i64) -> i64 {
    let used = found.status.as_ref().and_then(|status| status.used.as_ref());
    let before = [found.spec.approved_at.as_ref(), used.map(|used| &used.approved_at)];
    let before = before.into_iter().flatten().filter_map(|at| at.trim().parse::<Timestamp>().ok());
    before.map(|before| before.as_second().saturating_add(1)).fold(now, i64::max)
}

/// Reads the approval of a person.
pub fn approval_of(found: &ZonePlan) -> Option<Approval> {
    let (digest, at) = (found.spec.approved_digest.as_ref()?, found.spec.approved_at.as_ref()?);
    let approval = approval(digest, at);
    if approval.is_none() {
        warn!(
            digest,
            approved_at = at,
            "an approval cannot be read and is ignored: approvedDigest must be the digest of a plan, approvedAt a time such as \
             2026-12-31T18:00:00Z"
        );
    }
    approval
}

/// Reads until when a person has released the brake, in seconds since 1970. A release that lies too far ahead is ignored: each
/// process that finds it would release the brake for the longest time again.
pub fn release_of(found: &ZonePlan, now: i64) -> Option<i64> {
    let text = found.spec.brake_released_until.as_ref()?;
    let time = text.trim().parse::<Timestamp>();
    if time.is_err() {
        warn!(
            brake_released_until = text,
            "a release of the brake cannot be read and is ignored: it must be a time such as 2026-12-31T18:00:00Z"
        );
    }
    let until = time.ok()?.as_second();
    // The clocks of two machines can differ.
    let latest = now.saturating_add_unsigned(LONGEST_RELEASE.as_secs() + 300);
    if until > latest {
        warn!(
            brake_released_until = text,
            "a release of the brake is ignored: it must end within 24 hours; release it again with `zonekeeper approve --brake`"
        );
    }
    (until <= latest).then_some(until)
}

fn approval(digest: &str, at: &str) -> Option<Approval> {
    let at = at.trim().parse::<Timestamp>().ok()?.as_second();
    Some(Approval { digest: digest.trim().parse().ok()?, at })
}

/// Writes a publication as a status.
pub fn status(published: &Publication) -> ZonePlanStatus {
    let time = |unix: i64| Timestamp::from_second(unix).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
    let approved =
        |approval: Approval| Approved { digest: approval.digest.to_string(), approved_at: time(approval.at) };
    let unit = |(digest, approved): &(UnitDigest, bool)| PlannedUnit {
        digest: digest.to_string(),
        approved: *approved,
    };
    ZonePlanStatus {
        digest: published.digest.to_string(),
        creates: published.creates,
        replaces: published.replaces,
        units: published.units.iter().map(unit).collect(),
        rest: published.rest.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        used: published.used.map(approved),
        used_at: published.used_at.map(time),
        unused: published.unused.map(approved),
    }
}

/// Reads a status as a publication; `None` if it has no readable digest.
pub fn publication(status: &ZonePlanStatus) -> Option<Publication> {
    let approved = |of: &Approved| approval(&of.digest, &of.approved_at);
    let unit = |unit: &PlannedUnit| Some((unit.digest.parse().ok()?, unit.approved));
    Some(Publication {
        digest: status.digest.parse().ok()?,
        creates: status.creates,
        replaces: status.replaces,
        units: status.units.iter().filter_map(unit).collect(),
        rest: status.rest.split_whitespace().filter_map(|digest| digest.parse().ok()).collect(),
        used: status.used.as_ref().and_then(approved),
        used_at: status
            .used_at
            .as_ref()
            .and_then(|at| Some(at.trim().parse::<Timestamp>().ok()?.as_second())),
        unused: status.unused.as_ref().and_then(approved),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use zonekeeper_core::plan::PlanDigest;

    use super::*;

    /// The digest of a unit: 64 digits.
    const UNIT: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const OTHER_UNIT: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

    fn publication_of_nothing() -> Publication {
        Publication {
            digest: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            creates: 0,
            replaces: 0,
            units: Vec::new(),
            rest: Vec::new(),
            used: None,
            used_at: None,
            unused: None,
        }
    }

    #[test]
    fn a_publication_is_read_back() {
        let digest: PlanDigest = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let approval = Approval { digest, at: 1_800_000_000 };
        let published = Publication {
            digest,
            creates: 3,
            replaces: 1,
            units: vec![(UNIT.parse().unwrap(), true), (OTHER_UNIT.parse().unwrap(), false)],
            rest: vec![UNIT.parse().unwrap()],
            used: Some(approval),
            used_at: Some(1_800_000_001),
            unused: None,
        };
        assert_eq!(publication(&status(&published)), Some(published));
        assert_eq!(publication(&ZonePlanStatus::default()), None);
    }

    #[test]
    fn a_status_removes_the_approvals_of_the_one_before() {
        let patch = serde_json::to_value(status(&publication_of_nothing())).unwrap();
        assert_eq!((&patch["used"], &patch["unused"]), (&json!(null), &json!(null)));
        assert!(patch.get("unused").is_some(), "{patch}");
    }

    #[test]
    fn an_approval_is_later_than_all_before_whatever_the_clock_shows() {
        let spec = |at: Option<&str>| ZonePlanSpec {
            zone_id: String::new(),
            owner_id: String::new(),
            approved_digest: None,
            approved_at: at.map(str::to_owned),
            brake_released_until: None,
        };
        let mut plan = ZonePlan::new("plan", spec(None));
        assert_eq!(approved_at(&plan, 100), 100);
        let approved_at_60 = "1970-01-01T00:01:00Z".to_owned();
        plan.status = Some(ZonePlanStatus {
            used: Some(Approved { digest: String::new(), approved_at: approved_at_60 }),
            ..ZonePlanStatus::default()
        });
        assert_eq!((approved_at(&plan, 60), approved_at(&plan, 100)), (61, 100));
        plan.spec = spec(Some("1970-01-01T00:10:00Z"));
        assert_eq!(approved_at(&plan, 100), 601);
    }

    #[test]
    fn a_release_that_lies_too_far_ahead_or_cannot_be_read_releases_nothing() {
        let released = |until: &str| {
            let mut plan = ZonePlan::new("plan", ZonePlanSpec::default());
            plan.spec.brake_released_until = Some(until.to_owned());
            release_of(&plan, 0)
        };
        assert_eq!(released("1970-01-02T00:00:00Z"), Some(86_400));
        for until in ["1970-01-03T00:00:00Z", "2099-01-01T00:00:00Z", "tomorrow", ""] {
            assert_eq!(released(until), None, "{until}");
        }
    }

    #[test]
    fn an_unreadable_approval_approves_nothing() {
        let digest = "0123456789abcdef0123456789abcdef";
        assert!(approval(digest, "2026-12-31T18:00:00Z").is_some());
        let (time, long) = ("2026-12-31T18:00:00Z", "0".repeat(1 << 20));
        for (digest, at) in [
            (digest, "yesterday"),
            (digest, ""),
            (digest, "0"),
            (digest, "2026-12-31"),
            (digest, "2026-12-31T18:00:00"),
            (digest, "2026-02-30T18:00:00Z"),
            (digest, "10000-01-01T00:00:00Z"),
            (digest, "2026-12-31T18:00:00Z\0"),
            (digest, &long),
            ("0123", time),
            ("0123456789abcdef0123456789abcdeg", time),
            ("0123456789abcdef0123456789abcdeé", time),
            (&long, time),
            ("", ""),
        ] {
            assert_eq!(approval(digest, at), None, "{digest:.40} {at:.40}");
        }
        for at in
            ["-009999-01-02T01:59:59Z", "9999-12-30T22:00:00Z", " 2026-12-31T18:00:00.999999999+14:00\n"]
        {
            assert!(approval(digest, at).is_some(), "{at}");
        }
    }

    #[test]
    fn the_readable_parts_of_a_foreign_status_count() {
        let digest = "0123456789abcdef0123456789abcdef";
        let unit = |digest: &str| PlannedUnit { digest: digest.to_owned(), approved: true };
        // Of the right length, but not hexadecimal, and of nearly the right length; 16 digits are a digest of an old version.
        let (letter, accent) = (UNIT.replace('f', "g"), UNIT.replace("ef", "é"));
        let (long, short) = (format!("{UNIT}0"), UNIT.get(1..).unwrap());
        let bad = ["", "0123", "0123456789abcdef", &letter, &accent, &long, short, "\u{1b}[2J", " "];
        let unreadable =
            |digest: &str| Approved { digest: digest.to_owned(), approved_at: "soon".to_owned() };
        let status = ZonePlanStatus {
            digest: digest.to_owned(),
            creates: usize::MAX,
            replaces: usize::MAX,
            units: bad.iter().map(|bad| unit(bad)).chain([unit(UNIT)]).collect(),
            rest: format!("{}\t\n{OTHER_UNIT}", bad.join(" \0 ").repeat(10_000)),
            used: Some(unreadable(digest)),
            used_at: Some("soon".to_owned()),
            unused: Some(unreadable("")),
        };
        let found = publication(&status).unwrap();
        assert_eq!(found.units, [(UNIT.parse().unwrap(), true)]);
        assert_eq!(found.rest, [OTHER_UNIT.parse().unwrap()]);
        assert_eq!((found.used, found.unused), (None, None));
        for digest in bad {
            assert_eq!(publication(&ZonePlanStatus { digest: digest.to_owned(), ..status.clone() }), None);
        }
    }
}
