//! Routing: the choice between the record sets of one name and type.

use std::{fmt, sync::Arc};

use arcstr::ArcStr;

/// The routing of a record set, with all its attributes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Routing {
    /// No policy and no health check.
    Simple,
    /// A policy, a health check, or both. All attributes are kept, because a deletion by hand must state the set exactly.
    Policy(Arc<Policy>),
}

/// A routing policy, a health check, or both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Policy {
    /// The rule of the policy.
    pub rule: Option<Rule>,
    /// The id of the health check. An unhealthy set does not answer.
    pub health_check: Option<ArcStr>,
}

/// The rule that chooses a set (`ResourceRecordSet`, Route 53 API reference).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// By weight: 0 to 255.
    Weight(i64),
    /// By latency to an AWS region.
    Region(ArcStr),
    /// `PRIMARY` or `SECONDARY`.
    Failover(ArcStr),
    /// Up to eight sets together.
    MultiValue(bool),
    /// By the location of the client.
    Geolocation {
        /// Two letters, as `EU`.
        continent: Option<ArcStr>,
        /// Two letters, as `DE`. `*` is every other country.
        country: Option<ArcStr>,
        /// A part of a country, as `CA` of the US.
        subdivision: Option<ArcStr>,
    },
    /// By distance from a place.
    GeoProximity {
        /// The place, as an AWS region.
        region: Option<ArcStr>,
        /// The place, as a local zone group.
        local_zone_group: Option<ArcStr>,
        /// The place, as latitude and longitude in degrees.
        coordinates: Option<(ArcStr, ArcStr)>,
        /// The change of its reach, from -99 to 99.
        bias: Option<i32>,
    },
    /// By the address block of the client.
    Cidr {
        /// The id of the collection of blocks.
        collection: ArcStr,
        /// The location in the collection. `*` is every other location.
        location: ArcStr,
    },
}

// === impl Routing ===

impl Routing {
    /// The rule; none for simple routing, with or without a health check.
    pub fn rule(&self) -> Option<&Rule> {
        match self {
            Self::Simple => None,
            Self::Policy(policy) => policy.rule.as_ref(),
        }
    }

    /// The health check.
    pub fn health_check(&self) -> Option<&str> {
        match self {
            Self::Simple => None,
            Self::Policy(policy) => policy.health_check.as_deref(),
        }
    }

    /// Whether two sets of one name and type may have these routings: the same policy, with any parameters.
    ///
    /// A change to another policy needs a deletion.
    pub fn is_of_same_policy(&self, other: &Self) -> bool {
        let policy = |routing: &Self| routing.rule().map(std::mem::discriminant);
        policy(self) == policy(other)
    }

    /// Whether both mean the same. The spelling of coordinates, and a bias of 0 that is not stated, do not matter.
    pub fn is_same(&self, other: &Self) -> bool {
        let is_same_rule = match (self.rule(), other.rule()) {
            (Some(one), Some(other)) => one.is_same(other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        is_same_rule && self.health_check() == other.health_check()
    }
}

/// `simple`, or the policy.
impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple => f.write_str("simple"),
            Self::Policy(policy) => policy.fmt(f),
        }
    }
}

// === impl Policy ===

/// Words with `=` and no spaces inside: `weight=10 health-check=0123…`.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule.as_ref().map(ToString::to_string);
        let health = self.health_check.as_ref().map(|id| format!("health-check={id}"));
        let words: Vec<String> = [rule, health].into_iter().flatten().collect();
        f.write_str(&words.join(" "))
    }
}

// === impl Rule ===

impl Rule {
    /// Whether Route 53 allows only one set of a name and type with this rule (`ResourceRecordSet`, API reference).
    pub fn is_unique(&self) -> bool {
        match self {
            Self::Region(_) | Self::Failover(_) | Self::Geolocation { .. } | Self::Cidr { .. } => true,
            Self::Weight(_) | Self::MultiValue(_) | Self::GeoProximity { .. } => false,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        type Place = (ArcStr, ArcStr);
        let degrees = |place: &Option<Place>| -> Option<(Option<f64>, Option<f64>)> {
            let (latitude, longitude) = place.as_ref()?;
            Some((latitude.parse().ok(), longitude.parse().ok()))
        };
        match (self, other) {
            (
                Self::GeoProximity { region, local_zone_group, coordinates, bias },
                Self::GeoProximity {
                    region: other_region,
                    local_zone_group: other_group,
                    coordinates: other_coordinates,
                    bias: other_bias,
                },
            ) => {
                (region, local_zone_group) == (other_region, other_group)
                    && bias.unwrap_or_default() == other_bias.unwrap_or_default()
                    && (coordinates == other_coordinates
                        || degrees(coordinates) == degrees(other_coordinates))
            }
            (one, other) => one == other,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_nothing = |text: &Option<ArcStr>| text.as_deref().unwrap_or_default().to_owned();
        match self {
            Self::Weight(weight) => write!(f, "weight={weight}"),
            Self::Region(region) => write!(f, "region={region}"),
            Self::Failover(role) => write!(f, "failover={role}"),
            Self::MultiValue(on) => write!(f, "multivalue={on}"),
            Self::Geolocation { continent, country, subdivision } => {
                let [continent, country, subdivision] = [continent, country, subdivision].map(or_nothing);
                write!(f, "geolocation={continent}/{country}/{subdivision}")
            }
            Self::GeoProximity { region, local_zone_group, coordinates, bias } => {
                let place = match coordinates {
                    Some((latitude, longitude)) => format!("{latitude},{longitude}"),
                    None => String::new(),
                };
                let [region, group] = [region, local_zone_group].map(or_nothing);
                write!(f, "geoproximity={region}/{group}/{place}/{}", bias.unwrap_or_default())
            }
            Self::Cidr { collection, location } => write!(f, "cidr={collection}/{location}"),
        }
    }
}
