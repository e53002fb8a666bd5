//! Record sets and change batches as XML.
//!
//! Source: the API model of Route 53, version 2013-04-01. Elements can have any order, because SDKs differ.

use super::{error::ApiError, xml::Element};
use crate::zone::{
    Action, AliasTarget, Change, CidrRoutingConfig, Coordinates, GeoLocation, GeoProximityLocation, RecordSet,
};

/// The body of a `ChangeResourceRecordSets` request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChangeBatch {
    pub comment: Option<String>,
    pub changes: Vec<Change>,
}

// === impl ChangeBatch ===

impl ChangeBatch {
    pub(super) fn parse(body: &str) -> Result<Self, ApiError> {
        let root = document(body)?;
        if root.name != "ChangeResourceRecordSetsRequest" {
            let message = "ChangeBatch is not valid, expected ChangeResourceRecordSetsRequest";
            return Err(ApiError::new(400, "MalformedInput", message));
        }
        let [batch] = fields(&root, ["ChangeBatch"])?;
        let [comment, changes] = fields(required(&root, batch, "ChangeBatch")?, ["Comment", "Changes"])?;
        let changes = required(&root, changes, "Changes")?;
        let changes = list(changes, "Change")?
            .enumerate()
            .map(|(index, change)| parse_change(change, index + 1))
            .collect::<Result<_, _>>()?;
        Ok(Self { comment: text(comment), changes })
    }
}

/// The ids of a `ListTagsForResources` request.
pub(super) fn parse_resource_ids(body: &str) -> Result<Vec<String>, ApiError> {
    let root = document(body)?;
    let [ids] = fields(&root, ["ResourceIds"])?;
    let ids = required(&root, ids, "ResourceIds")?;
    Ok(list(ids, "ResourceId")?.map(|id| id.text.clone()).collect())
}

/// A record set in the form of a listing.
pub(super) fn record_set(set: &RecordSet) -> Element {
    let records = (!set.values.is_empty()).then(|| {
        let values = set.values.iter().map(|value| Element::new("ResourceRecord").with_text("Value", value));
        Element::new("ResourceRecords").with(values)
    });
    Element::new("ResourceRecordSet")
        .with_text("Name", &set.name)
        .with_text("Type", &set.rtype)
        .with_some("SetIdentifier", set.set_identifier.as_ref())
        .with_some("Weight", set.weight)
        .with_some("Region", set.region.as_ref())
        .with(set.geo_location.as_ref().map(|place| {
            Element::new("GeoLocation")
                .with_some("ContinentCode", place.continent_code.as_ref())
                .with_some("CountryCode", place.country_code.as_ref())
                .with_some("SubdivisionCode", place.subdivision_code.as_ref())
        }))
        .with_some("Failover", set.failover.as_ref())
        .with_some("MultiValueAnswer", set.multi_value_answer)
        .with_some("TTL", set.ttl)
        .with(records)
        .with(set.alias_target.as_ref().map(|target| {
            Element::new("AliasTarget")
                .with_text("HostedZoneId", &target.hosted_zone_id)
                .with_text("DNSName", &target.dns_name)
                .with_text("EvaluateTargetHealth", target.evaluate_target_health)
        }))
        .with_some("HealthCheckId", set.health_check_id.as_ref())
        .with_some("TrafficPolicyInstanceId", set.traffic_policy_instance_id.as_ref())
        .with(set.cidr_routing_config.as_ref().map(|cidr| {
            Element::new("CidrRoutingConfig")
                .with_text("CollectionId", &cidr.collection_id)
                .with_text("LocationName", &cidr.location_name)
        }))
        .with(set.geo_proximity_location.as_ref().map(|place| {
            Element::new("GeoProximityLocation")
                .with_some("AWSRegion", place.aws_region.as_ref())
                .with_some("LocalZoneGroup", place.local_zone_group.as_ref())
                .with(place.coordinates.as_ref().map(|at| {
                    Element::new("Coordinates")
                        .with_text("Latitude", &at.latitude)
                        .with_text("Longitude", &at.longitude)
                }))
                .with_some("Bias", place.bias)
        }))
}

fn document(body: &str) -> Result<Element, ApiError> {
    Element::parse(body).map_err(|problem| invalid(&problem))
}

fn parse_change(change: &Element, number: usize) -> Result<Change, ApiError> {
    let [action, set] = fields(change, ["Action", "ResourceRecordSet"])?;
    let action = required(change, action, "Action")?;
    let action = match action.text.as_str() {
        "CREATE" => Action::Create,
        "UPSERT" => Action::Upsert,
        "DELETE" => Action::Delete,
        other => {
            return Err(ApiError::invalid_input(format!(
                "1 validation error detected: Value '{other}' at 'changeBatch.changes.{number}.member.action' failed \
                 to satisfy constraint: Member must satisfy enum value set: [CREATE, DELETE, UPSERT]"
            )));
        }
    };
    Ok(Change { action, set: parse_record_set(required(change, set, "ResourceRecordSet")?)? })
}

fn parse_record_set(set: &Element) -> Result<RecordSet, ApiError> {
    let [
        name,
        rtype,
        set_identifier,
        weight,
        region,
        geo_location,
        failover,
        multi_value_answer,
        ttl,
        records,
        alias_target,
        health_check_id,
        traffic_policy_instance_id,
        cidr_routing_config,
        geo_proximity_location,
    ] = fields(
        set,
        [
            "Name",
            "Type",
            "SetIdentifier",
            "Weight",
            "Region",
            "GeoLocation",
            "Failover",
            "MultiValueAnswer",
            "TTL",
            "ResourceRecords",
            "AliasTarget",
            "HealthCheckId",
            "TrafficPolicyInstanceId",
            "CidrRoutingConfig",
            "GeoProximityLocation",
        ],
    )?;
    let values = match records {
        None => Vec::new(),
        Some(records) => list(records, "ResourceRecord")?
            .map(|record| {
                let [value] = fields(record, ["Value"])?;
                Ok(required(record, value, "Value")?.text.clone())
            })
            .collect::<Result<_, ApiError>>()?,
    };
    Ok(RecordSet {
        name: required(set, name, "Name")?.text.clone(),
        rtype: required(set, rtype, "Type")?.text.clone(),
        set_identifier: text(set_identifier),
        weight: number(weight)?,
        region: text(region),
        geo_location: geo_location
            .map(|place| {
                let [continent, country, subdivision] =
                    fields(place, ["ContinentCode", "CountryCode", "SubdivisionCode"])?;
                Ok::<_, ApiError>(GeoLocation {
                    continent_code: text(continent),
                    country_code: text(country),
                    subdivision_code: text(subdivision),
                })
            })
            .transpose()?,
        failover: text(failover),
        multi_value_answer: multi_value_answer.map(boolean).transpose()?,
        ttl: number(ttl)?,
        values,
        alias_target: alias_target.map(parse_alias_target).transpose()?,
        health_check_id: text(health_check_id),
        traffic_policy_instance_id: text(traffic_policy_instance_id),
        cidr_routing_config: cidr_routing_config
            .map(|cidr| {
                let [collection, location] = fields(cidr, ["CollectionId", "LocationName"])?;
                Ok::<_, ApiError>(CidrRoutingConfig {
                    collection_id: required(cidr, collection, "CollectionId")?.text.clone(),
                    location_name: required(cidr, location, "LocationName")?.text.clone(),
                })
            })
            .transpose()?,
        geo_proximity_location: geo_proximity_location.map(parse_geo_proximity).transpose()?,
    })
}

fn parse_alias_target(target: &Element) -> Result<AliasTarget, ApiError> {
    let [zone, name, health] = fields(target, ["HostedZoneId", "DNSName", "EvaluateTargetHealth"])?;
    let zone = &required(target, zone, "HostedZoneId")?.text;
    Ok(AliasTarget {
        hosted_zone_id: zone.strip_prefix("/hostedzone/").unwrap_or(zone).to_owned(),
        dns_name: required(target, name, "DNSName")?.text.clone(),
        evaluate_target_health: boolean(required(target, health, "EvaluateTargetHealth")?)?,
    })
}

fn parse_geo_proximity(place: &Element) -> Result<GeoProximityLocation, ApiError> {
    let [region, group, coordinates, bias] =
        fields(place, ["AWSRegion", "LocalZoneGroup", "Coordinates", "Bias"])?;
    let coordinates = coordinates
        .map(|at| {
            let [latitude, longitude] = fields(at, ["Latitude", "Longitude"])?;
            Ok::<_, ApiError>(Coordinates {
                latitude: required(at, latitude, "Latitude")?.text.clone(),
                longitude: required(at, longitude, "Longitude")?.text.clone(),
            })
        })
        .transpose()?;
    Ok(GeoProximityLocation {
        aws_region: text(region),
        local_zone_group: text(group),
        coordinates,
        bias: number(bias)?,
    })
}

/// The children of an element by name. Each occurs at most once, and others are not allowed.
fn fields<'a, const N: usize>(
    element: &'a Element,
    names: [&str; N],
) -> Result<[Option<&'a Element>; N], ApiError> {
    let mut found = [None; N];
    for child in &element.children {
        let place = names.iter().position(|name| *name == child.name).and_then(|index| found.get_mut(index));
        match place {
            Some(place @ None) => *place = Some(child),
            _ => return Err(unexpected(child)),
        }
    }
    Ok(found)
}

/// The children of an element that allows only children of one name.
fn list<'a>(
    element: &'a Element,
    name: &str,
) -> Result<impl Iterator<Item = &'a Element> + use<'a>, ApiError> {
    match element.children.iter().find(|child| child.name != name) {
        Some(child) => Err(unexpected(child)),
        None => Ok(element.children.iter()),
    }
}

fn required<'a>(parent: &Element, child: Option<&'a Element>, name: &str) -> Result<&'a Element, ApiError> {
    child.ok_or_else(|| {
        invalid(&format!(
            "cvc-complex-type.2.4.b: The content of element '{}' is not complete. One of \
             '{{\"https://route53.amazonaws.com/doc/2013-04-01/\":{name}}}' is expected.",
            parent.name
        ))
    })
}

fn text(element: Option<&Element>) -> Option<String> {
    element.map(|element| element.text.clone())
}

fn number(element: Option<&Element>) -> Result<Option<i64>, ApiError> {
    element.map(|element| element.text.parse().map_err(|_| not_a("integer", element))).transpose()
}

fn boolean(element: &Element) -> Result<bool, ApiError> {
    match element.text.as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(not_a("boolean", element)),
    }
}

fn not_a(kind: &str, element: &Element) -> ApiError {
    invalid(&format!("cvc-datatype-valid.1.2.1: '{}' is not a valid value for '{kind}'.", element.text))
}

fn unexpected(element: &Element) -> ApiError {
    invalid(&format!(
        "cvc-complex-type.2.4.a: Invalid content was found starting with element '{}'.",
        element.name
    ))
}

fn invalid(problem: &str) -> ApiError {
    ApiError::invalid_input(format!("Invalid XML ; {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(change: &str) -> String {
        format!(
            "<ChangeResourceRecordSetsRequest><ChangeBatch><Comment>c</Comment><Changes>{change}</Changes>\
             </ChangeBatch></ChangeResourceRecordSetsRequest>"
        )
    }

    #[test]
    fn every_field_survives_a_round_trip() {
        let set = RecordSet {
            name: r"\052.c.test.".into(),
            rtype: "A".into(),
            set_identifier: Some("a \"<&".into()),
            weight: Some(1),
            region: Some("eu-west-1".into()),
            geo_location: Some(GeoLocation { country_code: Some("*".into()), ..GeoLocation::default() }),
            failover: Some("PRIMARY".into()),
            multi_value_answer: Some(true),
            ttl: Some(60),
            values: vec!["192.0.2.1".into(), "\"x  y\" ".into()],
            alias_target: Some(AliasTarget {
                hosted_zone_id: "Z1".into(),
                dns_name: "x.test.".into(),
                evaluate_target_health: false,
            }),
            health_check_id: Some("h".into()),
            traffic_policy_instance_id: Some("t".into()),
            cidr_routing_config: Some(CidrRoutingConfig {
                collection_id: "c".into(),
                location_name: "l".into(),
            }),
            geo_proximity_location: Some(GeoProximityLocation {
                coordinates: Some(Coordinates { latitude: "1.5".into(), longitude: "2".into() }),
                bias: Some(-1),
                ..GeoProximityLocation::default()
            }),
        };
        let document = record_set(&set).document();
        let xml = document.split_once('\n').unwrap().1;
        let batch =
            ChangeBatch::parse(&request(&format!("<Change><Action>UPSERT</Action>{xml}</Change>"))).unwrap();
        assert_eq!(batch, ChangeBatch { comment: Some("c".into()), changes: vec![Change::upsert(set)] });
    }

    #[test]
    fn wrong_documents_are_told_apart() {
        let set = |inner: &str| {
            request(&format!(
                "<Change><Action>CREATE</Action><ResourceRecordSet>{inner}</ResourceRecordSet></Change>"
            ))
        };
        for (body, code, message) in [
            (
                "<ChangeBatch/>".to_owned(),
                "MalformedInput",
                "ChangeBatch is not valid, expected ChangeResourceRecordSetsRequest",
            ),
            (
                request("<Extra/>"),
                "InvalidInput",
                "Invalid XML ; cvc-complex-type.2.4.a: Invalid content was found starting with element 'Extra'.",
            ),
            (
                set("<Name>a</Name><Name>b</Name>"),
                "InvalidInput",
                "Invalid XML ; cvc-complex-type.2.4.a: Invalid content was found starting with element 'Name'.",
            ),
            (
                set("<Name>a</Name>"),
                "InvalidInput",
                "Invalid XML ; cvc-complex-type.2.4.b: The content of element 'ResourceRecordSet' is not complete. One of '{\"https://route53.amazonaws.com/doc/2013-04-01/\":Type}' is expected.",
            ),
            (
                set("<TTL>soon</TTL>"),
                "InvalidInput",
                "Invalid XML ; cvc-complex-type.2.4.b: The content of element 'ResourceRecordSet' is not complete. One of '{\"https://route53.amazonaws.com/doc/2013-04-01/\":Name}' is expected.",
            ),
            (
                set("<Name>a</Name><Type>A</Type><TTL>soon</TTL>"),
                "InvalidInput",
                "Invalid XML ; cvc-datatype-valid.1.2.1: 'soon' is not a valid value for 'integer'.",
            ),
            (
                request("<Change><Action>PATCH</Action><ResourceRecordSet/></Change>"),
                "InvalidInput",
                "1 validation error detected: Value 'PATCH' at 'changeBatch.changes.1.member.action' failed to satisfy constraint: Member must satisfy enum value set: [CREATE, DELETE, UPSERT]",
            ),
        ] {
            assert_eq!(ChangeBatch::parse(&body), Err(ApiError::new(400, code, message)), "{body}");
        }
    }
}
