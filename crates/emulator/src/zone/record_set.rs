//! Record sets and changes, in the shape of the API (`ResourceRecordSet`, `Change`).

use serde::{Deserialize, Serialize};

/// One `ResourceRecordSet`.
///
/// It has all fields of the API, although some exclude each other. [`HostedZone::change`](super::HostedZone::change)
/// checks which combinations are valid. The JSON form is that of the AWS CLI.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RecordSet {
    /// The name. In a zone it has the listed form: lower case, a trailing dot, and `\ooo` for all characters but
    /// `a-z 0-9 - _`. A change can have any form that the service accepts.
    pub name: String,
    /// The type, upper case.
    #[serde(rename = "Type")]
    pub rtype: String,
    /// The set identifier. Every routing policy except simple needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_identifier: Option<String>,
    /// Weighted routing: 0 to 255.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// Latency routing: the AWS region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Geolocation routing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo_location: Option<GeoLocation>,
    /// Failover routing: `PRIMARY` or `SECONDARY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover: Option<String>,
    /// Multivalue answer routing, if true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_value_answer: Option<bool>,
    /// The TTL in seconds, 0 to 2147483647. An alias has none.
    #[serde(rename = "TTL", default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// The values. An alias has none.
    #[serde(
        rename = "ResourceRecords",
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "resource_records"
    )]
    pub values: Vec<String>,
    /// The alias target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_target: Option<AliasTarget>,
    /// The health check. The emulator does not check that it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_id: Option<String>,
    /// The traffic policy instance that created the set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_policy_instance_id: Option<String>,
    /// CIDR routing (IP-based).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidr_routing_config: Option<CidrRoutingConfig>,
    /// Geoproximity routing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo_proximity_location: Option<GeoProximityLocation>,
}

/// The target of an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AliasTarget {
    /// The zone of the target: the same zone, or a zone of an AWS service.
    pub hosted_zone_id: String,
    /// The name of the target. Listings add a trailing dot.
    #[serde(rename = "DNSName")]
    pub dns_name: String,
    /// Whether answers depend on the health of the target.
    pub evaluate_target_health: bool,
}

/// The location of clients, for geolocation routing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GeoLocation {
    /// Two letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continent_code: Option<String>,
    /// Two letters, or `*` for all other places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// A state of the United States.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdivision_code: Option<String>,
}

/// The location of the resource, for geoproximity routing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GeoProximityLocation {
    /// An AWS region.
    #[serde(rename = "AWSRegion", default, skip_serializing_if = "Option::is_none")]
    pub aws_region: Option<String>,
    /// A group of local zones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_zone_group: Option<String>,
    /// A position on earth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinates: Option<Coordinates>,
    /// -99 to 99.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<i64>,
}

/// A position on earth, in the decimal form of the API.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Coordinates {
    /// -90 to 90.
    pub latitude: String,
    /// -180 to 180.
    pub longitude: String,
}

/// The client addresses that get this answer, for IP-based routing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CidrRoutingConfig {
    /// The CIDR collection.
    pub collection_id: String,
    /// The location in it, or `*`.
    pub location_name: String,
}

/// The action of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Action {
    /// Rejected if a set with this name, type and set identifier exists.
    Create,
    /// Creates or replaces. Counts double towards all limits.
    Upsert,
    /// Rejected unless every field equals the current one.
    Delete,
}

/// One `Change` of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Change {
    /// The action.
    pub action: Action,
    /// The record set.
    #[serde(rename = "ResourceRecordSet")]
    pub set: RecordSet,
}

/// Routing policies, by the field that selects them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    Weighted,
    Latency,
    Failover,
    Geolocation,
    MultiValue,
    Geoproximity,
    Cidr,
}

// === impl RecordSet ===

impl RecordSet {
    /// A simple set with values.
    pub fn simple<V: Into<String>>(
        name: impl Into<String>,
        rtype: impl Into<String>,
        ttl: i64,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        Self {
            name: name.into(),
            rtype: rtype.into(),
            ttl: Some(ttl),
            values: values.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// A simple alias.
    pub fn alias(name: impl Into<String>, rtype: impl Into<String>, target: AliasTarget) -> Self {
        Self { name: name.into(), rtype: rtype.into(), alias_target: Some(target), ..Self::default() }
    }

    /// The same set with weighted routing.
    #[must_use]
    pub fn weighted(self, set_identifier: impl Into<String>, weight: i64) -> Self {
        Self { set_identifier: Some(set_identifier.into()), weight: Some(weight), ..self }
    }

    pub(super) fn policies(&self) -> impl Iterator<Item = Policy> {
        [
            self.weight.is_some().then_some(Policy::Weighted),
            self.region.is_some().then_some(Policy::Latency),
            self.failover.is_some().then_some(Policy::Failover),
            self.geo_location.is_some().then_some(Policy::Geolocation),
            (self.multi_value_answer == Some(true)).then_some(Policy::MultiValue),
            self.geo_proximity_location.is_some().then_some(Policy::Geoproximity),
            self.cidr_routing_config.is_some().then_some(Policy::Cidr),
        ]
        .into_iter()
        .flatten()
    }

    pub(super) fn policy(&self) -> Option<Policy> {
        self.policies().next()
    }

    /// Whether a DELETE matches the set: every field is equal, and values can have any order.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        let sorted = |values: &[String]| {
            let mut values = values.to_vec();
            values.sort_unstable();
            values
        };
        if self.values.len() != other.values.len() {
            return false;
        }
        let rest = |set: &Self| Self { values: Vec::new(), ..set.clone() };
        sorted(&self.values) == sorted(&other.values) && rest(self) == rest(other)
    }
}

// === impl Action ===

impl Action {
    /// The text in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Upsert => "UPSERT",
            Self::Delete => "DELETE",
        }
    }

    /// The factor of its values in the limits of a request, and its cost in the change throughput.
    pub fn cost(self) -> usize {
        if self == Self::Upsert { 2 } else { 1 }
    }
}

// === impl Change ===

impl Change {
    /// A CREATE.
    pub fn create(set: RecordSet) -> Self {
        Self { action: Action::Create, set }
    }

    /// An UPSERT.
    pub fn upsert(set: RecordSet) -> Self {
        Self { action: Action::Upsert, set }
    }

    /// A DELETE.
    pub fn delete(set: RecordSet) -> Self {
        Self { action: Action::Delete, set }
    }
}

/// `[{"Value": "192.0.2.1"}]`, the JSON form of values.
mod resource_records {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct ResourceRecord {
        value: String,
    }

    pub(super) fn serialize<S: Serializer>(values: &[String], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| ResourceRecord { value: value.clone() }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
        Ok(Vec::<ResourceRecord>::deserialize(deserializer)?.into_iter().map(|record| record.value).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_form_is_that_of_the_aws_cli() {
        let json = r#"{"Name":"\\052.example.test.","Type":"A","SetIdentifier":"eu","Weight":10,"TTL":60,"ResourceRecords":[{"Value":"192.0.2.1"}]}"#;
        let set = RecordSet::simple(r"\052.example.test.", "A", 60, ["192.0.2.1"]).weighted("eu", 10);
        assert_eq!(serde_json::from_str::<RecordSet>(json).unwrap(), set);
        assert_eq!(serde_json::to_string(&set).unwrap(), json);

        let json = r#"{"Name":"a.test.","Type":"A","AliasTarget":{"HostedZoneId":"Z1","DNSName":"b.test.","EvaluateTargetHealth":true}}"#;
        let target = AliasTarget {
            hosted_zone_id: "Z1".into(),
            dns_name: "b.test.".into(),
            evaluate_target_health: true,
        };
        assert_eq!(serde_json::to_string(&RecordSet::alias("a.test.", "A", target)).unwrap(), json);
        assert!(serde_json::from_str::<RecordSet>(r#"{"Name":"a.","Type":"A","Ttl":1}"#).is_err());
    }
}
