//! The hosted zones of AWS services. An alias names the hosted zone of its target.

use std::{collections::BTreeMap, sync::LazyLock};

use super::{Name, ZoneId};

/// One row per suffix: `suffix <TAB> hosted zone id <TAB> service`. A `#` begins a comment.
const TABLE: &str = include_str!("../../data/alias-zones.tsv");

static BUILT_IN: LazyLock<BTreeMap<String, AliasZone>> =
    LazyLock::new(|| TABLE.lines().filter_map(row).collect());

/// The hosted zones of alias targets: the built-in table and the operator's rows.
#[derive(Debug, Clone, Default)]
pub struct AliasZones {
    own: BTreeMap<String, AliasZone>,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasZone {
    /// The hosted zone.
    pub zone: ZoneId,
    /// The service with this hosted zone.
    pub service: AliasService,
}

/// The AWS services that an alias can lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AliasService {
    /// Application and Classic Load Balancers.
    AlbClb,
    /// Network Load Balancers.
    Nlb,
    /// CloudFront distributions, which forbid `EvaluateTargetHealth`.
    CloudFront,
    /// Global Accelerator.
    GlobalAccelerator,
    /// Interface VPC endpoints.
    VpcEndpoint,
    /// Regional API Gateway domains.
    ApiGatewayRegional,
    /// S3 website endpoints.
    S3Website,
    /// App Runner.
    AppRunner,
    /// Elastic Beanstalk environments.
    ElasticBeanstalk,
    /// A hosted zone that the operator or an object states.
    Stated,
}

/// An invalid row of an operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected SUFFIX=ZONEID, as in `elb.xx-new-1.amazonaws.com=Z0123456789ABC`")]
pub struct BadAliasZone;

// === impl AliasZones ===

impl AliasZones {
    /// Adds a row `SUFFIX=ZONEID`. It replaces the built-in row with the same suffix.
    pub fn add(&mut self, row: &str) -> Result<(), BadAliasZone> {
        let (suffix, zone) = row.split_once('=').ok_or(BadAliasZone)?;
        let suffix = Name::from_hostname(suffix).map_err(|_| BadAliasZone)?;
        let zone = ZoneId::new(zone).ok_or(BadAliasZone)?;
        self.own.insert(suffix.to_string(), AliasZone { zone, service: AliasService::Stated });
        Ok(())
    }

    /// The row with the longest suffix of `target`. The suffix consists of whole labels, with another label before it.
    pub fn find(&self, target: &Name) -> Option<&AliasZone> {
        let mut rest = target.as_str();
        while let Some((_, suffix)) = rest.split_once('.') {
            if let Some(row) = self.own.get(suffix).or_else(|| BUILT_IN.get(suffix)) {
                return Some(row);
            }
            rest = suffix;
        }
        None
    }

    /// The row of a hosted zone that an object states for its target.
    pub fn stated(&self, zone: &ZoneId) -> AliasZone {
        let mut rows = self.own.values().chain(BUILT_IN.values());
        let known = rows.find(|row| row.zone == *zone);
        known.cloned().unwrap_or_else(|| AliasZone { zone: zone.clone(), service: AliasService::Stated })
    }

    /// Whether `target` has the form of an AWS load balancer's name. If [`AliasZones::find`] does not know it, its region
    /// is newer than the table.
    pub fn is_load_balancer(target: &Name) -> bool {
        let name = target.as_str();
        let rest = name.strip_suffix(".amazonaws.com").or_else(|| name.strip_suffix(".amazonaws.com.cn"));
        rest.is_some_and(|rest| rest.split('.').rev().take(2).any(|label| label == "elb"))
    }
}

impl AliasService {
    /// Whether an alias in a private hosted zone can lead to the service (`AliasTarget`, Route 53 API reference).
    pub fn allows_private_zones(self) -> bool {
        self != Self::CloudFront
    }

    /// Whether a target becomes an alias without the annotation `alias: "true"`, as in ExternalDNS.
    pub fn is_default(self) -> bool {
        !matches!(self, Self::S3Website | Self::AppRunner | Self::ElasticBeanstalk)
    }

    /// Whether Route 53 accepts `EvaluateTargetHealth` for the service (`AliasTarget`, API reference).
    pub fn allows_health(self) -> bool {
        self != Self::CloudFront
    }

    fn new(text: &str) -> Option<Self> {
        Some(match text {
            "alb-clb" => Self::AlbClb,
            "nlb" => Self::Nlb,
            "cloudfront" => Self::CloudFront,
            "global-accelerator" => Self::GlobalAccelerator,
            "vpc-endpoint" => Self::VpcEndpoint,
            "api-gateway-regional" => Self::ApiGatewayRegional,
            "s3-website" => Self::S3Website,
            "app-runner" => Self::AppRunner,
            "elastic-beanstalk" => Self::ElasticBeanstalk,
            _ => return None,
        })
    }
}

fn row(line: &str) -> Option<(String, AliasZone)> {
    let mut columns = line.split('\t');
    let (suffix, zone, service) = (columns.next()?, columns.next()?, columns.next()?);
    Some((suffix.to_owned(), AliasZone { zone: ZoneId::new(zone)?, service: AliasService::new(service)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone_of(zones: &AliasZones, target: &str) -> Option<String> {
        zones.find(&Name::from_hostname(target).unwrap()).map(|row| row.zone.to_string())
    }

    #[test]
    fn every_row_of_the_data_file_is_read() {
        let rows: Vec<&str> =
            TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        for line in &rows {
            assert!(row(line).is_some(), "{line}");
        }
        assert_eq!(BUILT_IN.len(), rows.len());
        assert_eq!(rows.len(), 237);
    }

    #[test]
    fn the_longest_suffix_wins_and_needs_a_label_before_it() {
        let mut zones = AliasZones::default();
        for (target, expected) in [
            ("web-1.eu-west-1.elb.amazonaws.com", Some("Z32O12XQLNTSW2")),
            ("dualstack.web-1.eu-west-1.elb.amazonaws.com", Some("Z32O12XQLNTSW2")),
            ("net-1.elb.eu-west-1.amazonaws.com", Some("Z2IFOLAFXWLO4F")),
            ("d111.cloudfront.net", Some("Z2FDTNDATAQYW2")),
            ("cloudfront.net", None),
            ("eu-west-1.elb.amazonaws.com", None),
            ("www.example.com", None),
            ("evilcloudfront.net", None),
        ] {
            assert_eq!(zone_of(&zones, target).as_deref(), expected, "{target}");
        }
        zones.add("special.eu-west-1.elb.amazonaws.com=ZOWN").unwrap();
        assert_eq!(zone_of(&zones, "a.special.eu-west-1.elb.amazonaws.com").as_deref(), Some("ZOWN"));
        assert_eq!(zone_of(&zones, "a.eu-west-1.elb.amazonaws.com").as_deref(), Some("Z32O12XQLNTSW2"));
        let stated = |zone: &str| zones.stated(&ZoneId::new(zone).unwrap()).service;
        assert_eq!(stated("Z2FDTNDATAQYW2"), AliasService::CloudFront);
        assert_eq!([stated("ZOWN"), stated("ZOTHER")], [AliasService::Stated; 2]);
        assert_eq!(zones.add("nonsense"), Err(BadAliasZone));
        assert_eq!(zones.add("a b=Z1"), Err(BadAliasZone));
    }

    #[test]
    fn a_load_balancer_of_an_unknown_region_is_recognized() {
        for (target, expected) in [
            ("web-1.xx-new-1.elb.amazonaws.com", true),
            ("net-1.elb.xx-new-1.amazonaws.com", true),
            ("net-1.elb.xx-new-1.amazonaws.com.cn", true),
            ("abc.execute-api.xx-new-1.amazonaws.com", false),
            ("elb.example.com", false),
        ] {
            assert_eq!(
                AliasZones::is_load_balancer(&Name::from_hostname(target).unwrap()),
                expected,
                "{target}"
            );
        }
    }
}
