//! How Route 53 chooses between the record sets of one name and type.

use std::{fmt, sync::Arc};

/// The routing of a record set, with every attribute that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Routing {
    /// No policy, no health check: the set answers alone.
    Simple,
    /// Any policy or health check. zonekeeper plans none; what is there is kept whole, because a deletion by hand must
    /// name it exactly.
    Policy(Arc<Policy>),
}

/// A routing policy and a health check; at least one of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Policy {
    /// How the set is chosen.
    pub rule: Option<Rule>,
    /// The id of the health check without which the set does not answer.
    pub health_check: Option<Arc<str>>,
}

/// How a set is chosen (`ResourceRecordSet`, Route 53 API reference).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// By its share of the weights: 0 to 255.
    Weight(i64),
    /// By latency to an AWS region.
    Region(Arc<str>),
    /// `PRIMARY` or `SECONDARY`.
    Failover(Arc<str>),
    /// With up to seven others.
    MultiValue(bool),
    /// By where the question comes from.
    Geolocation {
        /// Two letters, as `EU`.
        continent: Option<Arc<str>>,
        /// Two letters, as `DE`; `*` is everywhere else.
        country: Option<Arc<str>>,
        /// As `CA` of the US.
        subdivision: Option<Arc<str>>,
    },
    /// By distance from a place.
    GeoProximity {
        /// The place, as an AWS region.
        region: Option<Arc<str>>,
        /// The place, as a local zone group.
        local_zone_group: Option<Arc<str>>,
        /// The place, as latitude and longitude in degrees.
        coordinates: Option<(Arc<str>, Arc<str>)>,
        /// By how much its reach grows: -99 to 99.
        bias: Option<i32>,
    },
    /// By the address block that the question comes from.
    Cidr {
        /// The collection of blocks, by its id.
        collection: Arc<str>,
        /// The location within it; `*` is every other.
        location: Arc<str>,
    },
}

// === impl Routing ===

impl Routing {
    /// Whether two sets of one name and type may have these: the same policy, with whatever parameters. Another policy
    /// takes a deletion.
    pub fn is_of_same_policy(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Simple, Self::Simple) => true,
            (Self::Policy(one), Self::Policy(other)) => {
                let rule = |policy: &Policy| policy.rule.as_ref().map(std::mem::discriminant);
                rule(one) == rule(other)
            }
            (Self::Simple, Self::Policy(_)) | (Self::Policy(_), Self::Simple) => false,
        }
    }
}

/// `simple`, or the policy in words without spaces.
impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple => f.write_str("simple"),
            Self::Policy(policy) => policy.fmt(f),
        }
    }
}

// === impl Policy ===

/// In words without spaces: `weight=10 health-check=0123…`.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule.as_ref().map(ToString::to_string);
        let health = self.health_check.as_ref().map(|id| format!("health-check={id}"));
        let words: Vec<String> = [rule, health].into_iter().flatten().collect();
        f.write_str(&words.join(" "))
    }
}

// === impl Rule ===

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_nothing = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
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
