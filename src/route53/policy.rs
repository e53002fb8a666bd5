//! The IAM policy that the role needs: the third wall, which AWS enforces.
//!
//! The condition keys and resources come from the service authorization reference of Amazon Route 53. Its developer guide
//! explains them ("Using IAM policy conditions for fine-grained access control").

use std::collections::BTreeMap;

use clap::ValueEnum;
use serde::Serialize;
use zonekeeper_core::{
    dns::{Name, ZoneId},
    plan::ManagedTypes,
};

/// A partition of AWS, which has its own accounts, ARNs and endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Partition {
    /// All regions outside of the other partitions
    Aws,
    /// China
    AwsCn,
    /// Government regions of the US
    AwsUsGov,
}

/// An IAM policy that lets a role read one zone, and create and replace records of its names and of the managed types.
///
/// IAM sees the actions, types and names of a batch, but not the values. So a policy cannot tell our records from others
/// with the same name and type. The ownership TXT records do that.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Condition>,
}

/// The conditions on a batch, by operator and context key.
type Condition = BTreeMap<&'static str, BTreeMap<&'static str, Values>>;

/// What a context key must have.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Values {
    One(&'static str),
    Several(Vec<String>),
}

const ACTIONS: &str = "route53:ChangeResourceRecordSetsActions";
const NAMES: &str = "route53:ChangeResourceRecordSetsNormalizedRecordNames";
const TYPES: &str = "route53:ChangeResourceRecordSetsRecordTypes";
/// The characters of a label in the context key. `\` begins an escaped character.
const LABEL: &str = "abcdefghijklmnopqrstuvwxyz0123456789-_\\";

// === impl Partition ===

impl Partition {
    /// The name of the partition in ARNs.
    fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
        }
    }
}

// === impl Policy ===

impl Policy {
    /// The policy with the fewest permissions for a zone, its name and the managed types.
    pub fn least(partition: Partition, zone: &ZoneId, apex: &Name, managed: &ManagedTypes) -> Self {
        let arn = |resource: &str| format!("arn:{}:route53:::{resource}", partition.as_str());
        let zone = arn(&format!("hostedzone/{zone}"));
        let allow = |sid, action, resource, condition| Statement {
            sid,
            effect: "Allow",
            action,
            resource,
            condition,
        };
        let reads = vec!["route53:GetHostedZone", "route53:ListResourceRecordSets"];
        let writes = || vec!["route53:ChangeResourceRecordSets"];
        let mut statement = vec![
            allow("ReadZone", reads, zone.clone(), None),
            allow("WriteRecords", writes(), zone.clone(), Some(of_records(apex, managed))),
            // An ARN of a change does not name its zone, so this cannot be restricted.
            allow("AwaitChanges", vec!["route53:GetChange"], arn("change/*"), None),
        ];
        // In such a zone, every name has a label with `_`.
        if !apex.is_underscored() {
            let condition = Some(of_service_names());
            statement
                .push(Statement { effect: "Deny", ..allow("DenyServiceNames", writes(), zone, condition) });
        }
        Self { version: "2012-10-17", statement }
    }
}

/// The batches that may be sent.
fn of_records(apex: &Name, managed: &ManagedTypes) -> Condition {
    let actions = ["CREATE", "UPSERT"].map(str::to_owned).to_vec();
    let types = managed.iter().map(ToString::to_string).chain(["TXT".to_owned()]).collect();
    // The context key has names escaped as in listings, without the trailing dot. The `*` of a pattern matches any
    // characters, including an escaped wildcard (`\052`). It does not match the apex, so the apex is listed too.
    let apex = apex.to_route53().trim_end_matches('.').to_owned();
    let names = vec![apex.clone(), format!("*.{apex}")];
    let all_equal = [(ACTIONS, Values::Several(actions)), (TYPES, Values::Several(types))];
    Condition::from([
        ("ForAllValues:StringEquals", BTreeMap::from(all_equal)),
        ("ForAllValues:StringLike", BTreeMap::from([(NAMES, Values::Several(names))])),
        // `ForAllValues` is true for a missing key, so `Null: false` requires each key.
        ("Null", [ACTIONS, NAMES, TYPES].map(|key| (key, Values::One("false"))).into()),
    ])
}

/// The batches with a name that has a label with a leading `_`, except the ownership records `_zk-…` at the zone's own name:
/// names of services and validations, such as `_acme-challenge`, with which certificates are issued.
///
/// A pattern cannot exclude another one, so the patterns spell the names that do not begin with `_zk-`.
fn of_service_names() -> Condition {
    let except = |start: &str, kept: char| {
        let others = LABEL.chars().filter(|other| *other != kept).chain(['.']);
        others.map(|other| format!("{start}{other}*")).collect::<Vec<_>>()
    };
    let names = [except("_", 'z'), except("_z", 'k'), except("_zk", '-'), vec!["*._*".to_owned()]].concat();
    Condition::from([("ForAnyValue:StringLike", BTreeMap::from([(NAMES, Values::Several(names))]))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(partition: Partition, apex: &str, types: &[&str]) -> String {
        let (zone, apex) = (ZoneId::new("Z1").unwrap(), Name::from_hostname(apex).unwrap());
        let types = ManagedTypes::new(types.iter().copied()).unwrap();
        serde_json::to_string(&Policy::least(partition, &zone, &apex, &types)).unwrap()
    }

    #[test]
    fn names_are_written_as_iam_sees_them() {
        for (apex, names) in [
            ("Apps.Example.COM.", r#"["apps.example.com","*.apps.example.com"]"#),
            ("bücher.example", r#"["xn--bcher-kva.example","*.xn--bcher-kva.example"]"#),
            ("_tcp.example.com", r#"["_tcp.example.com","*._tcp.example.com"]"#),
        ] {
            let policy = policy(Partition::Aws, apex, &["A"]);
            assert!(policy.contains(names), "{apex}: {policy}");
        }
    }

    #[test]
    fn types_follow_the_managed_types_and_arns_the_partition() {
        let policy = policy(Partition::AwsCn, "example.com", &["cname", "A"]);
        assert!(policy.contains(r#"["A","CNAME","TXT"]"#), "{policy}");
        assert_eq!(policy.matches("arn:aws-cn:route53:::").count(), 4, "{policy}");
        assert!(!policy.contains("arn:aws:"), "{policy}");
    }
}
