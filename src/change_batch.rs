//! Change batches for people: the JSON that `aws route53 change-resource-record-sets --change-batch file://…` reads.
//!
//! Every field of a record set is written as Route 53 lists it. Route 53 rejects a deletion unless all fields match the
//! record set in the zone (`Change`, Route 53 API reference). That makes it safe to send the file later.

use serde::Serialize;
use zonekeeper_core::{
    dns::{Alias, Data, RecordSet, Routing, Rule, SetId},
    plan::HandChange,
};

/// The most characters that a comment may have (`ResourceDescription`, Route 53 API reference).
const MAX_COMMENT_CHARS: usize = 256;

/// A `ChangeBatch` of the Route 53 API. This program never sends one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChangeBatch<'a> {
    comment: String,
    changes: Vec<Change<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Change<'a> {
    action: &'static str,
    resource_record_set: ResourceRecordSet<'a>,
}

/// A `ResourceRecordSet` of the Route 53 API. Fields without a value are left out, as in a listing.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceRecordSet<'a> {
    name: String,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo_location: Option<GeoLocation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failover: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_answer: Option<bool>,
    #[serde(rename = "TTL", skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_records: Vec<ResourceRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias_target: Option<AliasTarget<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traffic_policy_instance_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidr_routing_config: Option<CidrRoutingConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo_proximity_location: Option<GeoProximityLocation<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceRecord<'a> {
    value: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AliasTarget<'a> {
    hosted_zone_id: &'a str,
    #[serde(rename = "DNSName")]
    dns_name: String,
    evaluate_target_health: bool,
}

#[derive(Debug, Serialize)]
struct GeoLocation<'a> {
    #[serde(rename = "ContinentCode", skip_serializing_if = "Option::is_none")]
    continent: Option<&'a str>,
    #[serde(rename = "CountryCode", skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(rename = "SubdivisionCode", skip_serializing_if = "Option::is_none")]
    subdivision: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct CidrRoutingConfig<'a> {
    collection_id: &'a str,
    location_name: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct GeoProximityLocation<'a> {
    #[serde(rename = "AWSRegion", skip_serializing_if = "Option::is_none")]
    aws_region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_zone_group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coordinates: Option<Coordinates<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bias: Option<i32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Coordinates<'a> {
    latitude: &'a str,
    longitude: &'a str,
}

// === impl ChangeBatch ===

impl<'a> ChangeBatch<'a> {
    /// Creates the batch of these changes. CloudTrail records the comment, which is cut to the length that Route 53 allows.
    pub fn new(comment: &str, changes: &'a [HandChange]) -> Self {
        let changes = changes.iter().map(|change| Change {
            action: match change {
                HandChange::Delete(_) => "DELETE",
                HandChange::Create(_) => "CREATE",
            },
            resource_record_set: ResourceRecordSet::new(change.set()),
        });
        Self { comment: comment.chars().take(MAX_COMMENT_CHARS).collect(), changes: changes.collect() }
    }
}

// === impl ResourceRecordSet ===

impl<'a> ResourceRecordSet<'a> {
    fn new(set: &'a RecordSet) -> Self {
        let mut out = Self {
            name: set.name().to_route53(),
            r#type: set.rtype().as_str(),
            set_identifier: set.key.set_id.as_ref().map(SetId::as_str),
            ..Self::default()
        };
        match &set.data {
            Data::Values { ttl, values } => {
                out.ttl = Some(ttl.seconds());
                out.resource_records = values.iter().map(|value| ResourceRecord { value }).collect();
            }
            Data::Alias(Alias { zone, target, evaluate_target_health }) => {
                out.alias_target = Some(AliasTarget {
                    hosted_zone_id: zone.as_str(),
                    dns_name: target.to_route53(),
                    evaluate_target_health: *evaluate_target_health,
                });
            }
            Data::TrafficPolicy(id) => out.traffic_policy_instance_id = Some(id),
        }
        if let Routing::Policy(policy) = &set.routing {
            out.health_check_id = policy.health_check.as_deref();
            if let Some(rule) = &policy.rule {
                out.rule(rule);
            }
        }
        out
    }

    fn rule(&mut self, rule: &'a Rule) {
        match rule {
            Rule::Weight(weight) => self.weight = Some(*weight),
            Rule::Region(region) => self.region = Some(region),
            Rule::Failover(which) => self.failover = Some(which),
            Rule::MultiValue(on) => self.multi_value_answer = Some(*on),
            Rule::Geolocation { continent, country, subdivision } => {
                self.geo_location = Some(GeoLocation {
                    continent: continent.as_deref(),
                    country: country.as_deref(),
                    subdivision: subdivision.as_deref(),
                });
            }
            Rule::GeoProximity { region, local_zone_group, coordinates, bias } => {
                let at = coordinates.as_ref();
                self.geo_proximity_location = Some(GeoProximityLocation {
                    aws_region: region.as_deref(),
                    local_zone_group: local_zone_group.as_deref(),
                    coordinates: at.map(|(latitude, longitude)| Coordinates { latitude, longitude }),
                    bias: *bias,
                });
            }
            Rule::Cidr { collection, location } => {
                self.cidr_routing_config =
                    Some(CidrRoutingConfig { collection_id: collection, location_name: location });
            }
        }
    }
}
