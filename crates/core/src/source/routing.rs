//! The options of routing policies and health checks.
//!
//! Route 53 wants a set identifier with exactly one policy, or neither. What it would reject is a problem of the object:
//! a record without its policy would get all traffic of the hostname.

use std::sync::Arc;

use arcstr::ArcStr;

use super::{
    AnnotationKey as Key, Problem,
    options::{Options, Stated},
};
use crate::{
    dns::{Policy, Routing, Rule, SetId},
    sanitize::{escaped, quoted},
};

/// Maximum length of a set identifier (`ResourceRecordSet`, Route 53 API reference).
const MAX_SET_ID_CHARACTERS: usize = 128;

/// Maximum length of the id of a health check (`ResourceRecordSet`, Route 53 API reference).
const MAX_HEALTH_CHECK_CHARACTERS: usize = 64;

/// The codes of continents (`GeoLocation`, Route 53 API reference).
const CONTINENTS: [&str; 7] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"];

/// A policy that an object asks for: its first option, and its rule if the options are valid.
struct Asked {
    field: String,
    rule: Option<Rule>,
}

/// A reader of options.
struct Reader<'r> {
    options: &'r dyn Options,
    problems: &'r mut Vec<Problem>,
}

/// Reads the set identifier and the routing.
pub(super) fn read(options: &dyn Options, problems: &mut Vec<Problem>) -> (Option<SetId>, Routing) {
    let mut reader = Reader { options, problems };
    let set_id = reader.set_id();
    let mut policies: Vec<Asked> = [
        reader.weight(),
        reader.region(),
        reader.failover(),
        reader.multi_value(),
        reader.geolocation(),
        reader.proximity(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let health_check = reader.health_check();
    if let [first, second, ..] = policies.as_slice() {
        let text = format!("a record set has one routing policy, and {} asks for another one", first.field);
        problems.push(Problem::blocking(second.field.clone(), text));
    }
    let asked = policies.pop();
    match (&set_id, &asked) {
        (None, Some(asked)) => {
            let set_identifier = options.named(Key::SetIdentifier);
            let text = format!("a routing policy needs a set identifier: add {set_identifier}");
            problems.push(Problem::blocking(asked.field.clone(), text));
        }
        (Some((field, _)), None) => {
            let weight = options.named(Key::Weight);
            let text = format!("a set identifier needs a routing policy: add one, as {weight}");
            problems.push(Problem::blocking(field.clone(), text));
        }
        (None, None) | (Some(_), Some(_)) => {}
    }
    let rule = asked.and_then(|asked| asked.rule);
    let routing = match (&rule, &health_check) {
        (None, None) => Routing::Simple,
        _ => Routing::Policy(Arc::new(Policy { rule, health_check })),
    };
    (set_id.map(|(_, set_id)| set_id), routing)
}

// === impl Reader ===

impl<'r> Reader<'r> {
    fn get(&mut self, key: Key) -> Option<Stated<'r>> {
        self.options.get(key, self.problems)
    }

    /// The value of a key, if `read` understands it. Otherwise, `expected` says what it must be.
    fn value<T>(
        &mut self,
        found: &Stated<'_>,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = read(found.value.trim());
        if value.is_none() {
            self.problems.push(found.problem(&format!("expected {expected}")));
        }
        value
    }

    /// An optional part of a policy, with its field.
    fn part<T>(
        &mut self,
        key: Key,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<(String, Option<T>)> {
        let found = self.get(key)?;
        let value = self.value(&found, expected, read);
        Some((found.field, value))
    }

    fn set_id(&mut self) -> Option<(String, SetId)> {
        let found = self.get(Key::SetIdentifier)?;
        let shown = quoted(found.value.trim());
        let is_valid = |text: &&str| {
            (1..=MAX_SET_ID_CHARACTERS).contains(&text.chars().count()) && escaped(text) == **text
        };
        let set_id = |text: &str| Some(text).filter(is_valid).map(SetId::new);
        let set_id = self.value(&found, "1 to 128 visible characters", set_id);
        // The object's hostnames stay blocked, but apart from those without a set identifier.
        Some((found.field, set_id.unwrap_or_else(|| SetId::new(&shown))))
    }

    fn weight(&mut self) -> Option<Asked> {
        let weight = |text: &str| text.parse::<u8>().ok().map(|weight| Rule::Weight(weight.into()));
        let (field, rule) = self.part(Key::Weight, "a number from 0 to 255", weight)?;
        Some(Asked { field, rule })
    }

    fn region(&mut self) -> Option<Asked> {
        let region = |text: &str| region(text).map(Rule::Region);
        let (field, rule) = self.part(Key::Region, "an AWS region, as `eu-west-1`", region)?;
        Some(Asked { field, rule })
    }

    fn failover(&mut self) -> Option<Asked> {
        let failover = |text: &str| one_of(text, &["PRIMARY", "SECONDARY"]).map(Rule::Failover);
        let (field, rule) = self.part(Key::Failover, "PRIMARY or SECONDARY", failover)?;
        Some(Asked { field, rule })
    }

    /// ExternalDNS switches the policy on for every value, and reads it back as an empty text.
    fn multi_value(&mut self) -> Option<Asked> {
        let on = |text: &str| matches!(text, "true" | "").then_some(Rule::MultiValue(true));
        let expected = "`true`; remove it for another policy";
        let (field, rule) = self.part(Key::MultiValueAnswer, expected, on)?;
        Some(Asked { field, rule })
    }

    fn geolocation(&mut self) -> Option<Asked> {
        let expected = "a continent: AF, AN, AS, EU, NA, OC or SA";
        let continent = self.part(Key::ContinentCode, expected, |text| one_of(text, &CONTINENTS));
        let country = |text: &str| if text == "*" { Some(text.into()) } else { code(text, 2..=2) };
        let country = self.part(Key::CountryCode, "a country of two letters, or `*`", country);
        let subdivision =
            self.part(Key::SubdivisionCode, "1 to 3 letters or digits", |text| code(text, 1..=3));
        if let Some((field, continent)) = continent {
            for (ignored, _) in country.into_iter().chain(subdivision) {
                let text = format!("{field} wins, so this has no effect; remove one of them");
                self.problems.push(Problem::warning(ignored, text));
            }
            let rule = continent.map(|continent| Rule::Geolocation {
                continent: Some(continent),
                country: None,
                subdivision: None,
            });
            return Some(Asked { field, rule });
        }
        if let (None, Some((field, _))) = (&country, &subdivision) {
            let country = self.options.named(Key::CountryCode);
            let text = format!("a subdivision needs its country: add {country}");
            self.problems.push(Problem::blocking(field.clone(), text));
        }
        let subdivision_code = subdivision.as_ref().and_then(|(_, code)| code.clone());
        let country_code = country.as_ref().and_then(|(_, code)| code.clone());
        let (field, _) = country.or(subdivision)?;
        let rule =
            Rule::Geolocation { continent: None, country: country_code, subdivision: subdivision_code };
        Some(Asked { field, rule: Some(rule) })
    }

    fn proximity(&mut self) -> Option<Asked> {
        let at_region = self.part(Key::ProximityRegion, "an AWS region, as `us-east-1`", region);
        let group = |text: &str| region_like(text).then(|| text.into());
        let group = self.part(Key::ProximityGroup, "a local zone group, as `us-east-1-bue-1`", group);
        let expected = "latitude and longitude in degrees with at most two decimals, as `49.22,-74.01`";
        let place = self.part(Key::ProximityCoordinates, expected, coordinates);
        let bias = |text: &str| text.parse::<i32>().ok().filter(|bias| (-99..=99).contains(bias));
        let bias = self.part(Key::ProximityBias, "a number from -99 to 99", bias);
        let fields = [
            at_region.as_ref().map(|(field, _)| field),
            group.as_ref().map(|(field, _)| field),
            place.as_ref().map(|(field, _)| field),
        ];
        let fields: Vec<&String> = fields.into_iter().flatten().collect();
        match (fields.as_slice(), &bias) {
            ([], Some((field, _))) => {
                let text = "a bias needs a place: add a region, a local zone group or coordinates";
                self.problems.push(Problem::blocking(field.clone(), text));
            }
            ([first, second, ..], _) => {
                let text = format!("a record set has one place, and {first} names another one");
                self.problems.push(Problem::blocking((*second).clone(), text));
            }
            _ => {}
        }
        let field = fields.first().copied().or(bias.as_ref().map(|(field, _)| field))?.clone();
        let rule = Rule::GeoProximity {
            region: at_region.and_then(|(_, region)| region),
            local_zone_group: group.and_then(|(_, group)| group),
            coordinates: place.and_then(|(_, place)| place),
            // ExternalDNS states the default as well.
            bias: Some(bias.and_then(|(_, bias)| bias).unwrap_or_default()),
        };
        Some(Asked { field, rule: Some(rule) })
    }

    fn health_check(&mut self) -> Option<ArcStr> {
        let is_id = |text: &&str| {
            (1..=MAX_HEALTH_CHECK_CHARACTERS).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let id = |text: &str| Some(text).filter(is_id).map(ArcStr::from);
        self.part(Key::HealthCheckId, "the id of a health check: letters, digits and dashes", id)?.1
    }
}

/// One of the words, in upper or lower case.
fn one_of(text: &str, words: &[&'static str]) -> Option<ArcStr> {
    words.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| (*word).into())
}

/// A code of letters and digits in upper case.
fn code(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<ArcStr> {
    let is_code = length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| text.to_ascii_uppercase().into())
}

/// An AWS region: `eu-west-1`, `us-gov-west-1`. New regions appear, so only the form is checked.
fn region(text: &str) -> Option<ArcStr> {
    let ends_in_number = text.rsplit('-').next().is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()));
    (region_like(text) && ends_in_number && text.split('-').count() >= 3).then(|| text.into())
}

/// Lower case words and numbers, with dashes between them.
fn region_like(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.len() <= 64 && text.split('-').all(is_part)
}

/// Latitude and longitude (`Coordinates`, Route 53 API reference).
fn coordinates(text: &str) -> Option<(ArcStr, ArcStr)> {
    let (latitude, longitude) = text.split_once(',')?;
    Some((degrees(latitude.trim(), 90)?, degrees(longitude.trim(), 180)?))
}

/// Degrees with at most two decimals.
fn degrees(text: &str, most: u32) -> Option<ArcStr> {
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let hundredths = format!("{decimals:0<2}").parse::<u32>().ok()?;
    let is_valid = (1..=3).contains(&whole.len())
        && is_number(whole)
        && decimals.len() <= 2
        && is_number(decimals)
        && whole.parse::<u32>().ok()? * 100 + hundredths <= most * 100;
    is_valid.then(|| text.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::source::{Rules, annotation::Annotations};

    /// The set identifier and the routing, or the first problem.
    fn read_all(annotations: &[(&str, &str)]) -> Result<String, String> {
        let prefix = "external-dns.kubernetes.io/";
        let all = annotations.iter().map(|(key, value)| (format!("{prefix}{key}"), (*value).to_owned()));
        let (all, rules) = (all.collect::<BTreeMap<_, _>>(), Rules::default());
        let mut problems = Vec::new();
        let (set_id, routing) = read(&Annotations::new(Some(&all), &rules), &mut problems);
        let shown = |problem: Problem| format!("{}: {}", problem.field, problem.text).replace(prefix, "");
        match problems.into_iter().next() {
            Some(problem) => Err(shown(problem)),
            None => Ok(format!("{} {routing}", set_id.as_ref().map_or("-", SetId::as_str))),
        }
    }

    #[test]
    fn every_policy_is_read() {
        for (annotations, expected) in [
            ([].as_slice(), "- simple"),
            (&[("set-identifier", "blue"), ("aws-weight", " 010 ")], "blue weight=10"),
            (&[("set-identifier", "a b"), ("aws-region", "us-gov-west-1")], "a b region=us-gov-west-1"),
            (&[("set-identifier", "1"), ("aws-failover", "primary")], "1 failover=PRIMARY"),
            (&[("set-identifier", "1"), ("aws-multi-value-answer", "")], "1 multivalue=true"),
            (&[("set-identifier", "1"), ("aws-geolocation-continent-code", "EU")], "1 geolocation=EU//"),
            (&[("set-identifier", "1"), ("aws-geolocation-country-code", "*")], "1 geolocation=/*/"),
            (
                &[
                    ("set-identifier", "1"),
                    ("aws-geolocation-country-code", "us"),
                    ("aws-geolocation-subdivision-code", "CA"),
                ],
                "1 geolocation=/US/CA",
            ),
            (
                &[("set-identifier", "1"), ("aws-geoproximity-coordinates", "-90.00, 180")],
                "1 geoproximity=//-90.00,180/0",
            ),
            (
                &[
                    ("set-identifier", "1"),
                    ("aws-geoproximity-region", "us-east-1"),
                    ("aws-geoproximity-bias", "-7"),
                ],
                "1 geoproximity=us-east-1///-7",
            ),
            (
                &[("set-identifier", "1"), ("aws-geoproximity-local-zone-group", "us-east-1-bue-1")],
                "1 geoproximity=/us-east-1-bue-1//0",
            ),
            (
                &[("set-identifier", "1"), ("aws-weight", "0"), ("aws-health-check-id", "abc-1")],
                "1 weight=0 health-check=abc-1",
            ),
            (&[("aws-health-check-id", "abc-1")], "- health-check=abc-1"),
        ] {
            assert_eq!(read_all(annotations).as_deref(), Ok(expected), "{annotations:?}");
        }
    }

    #[test]
    fn what_route_53_would_reject_is_a_problem() {
        let long = "x".repeat(129);
        for (key, values) in [
            ("aws-weight", ["256", "-1", "1.5", "", "ten"].as_slice()),
            ("aws-region", &["europe", "EU-west-1", "eu-west", "", "eu--1"]),
            ("aws-failover", &["TERTIARY", ""]),
            ("aws-multi-value-answer", &["false", "yes"]),
            ("aws-geolocation-continent-code", &["XX", ""]),
            ("aws-geolocation-country-code", &["DEU", "D", "", "ü"]),
            ("aws-geoproximity-region", &["x"]),
            ("aws-geoproximity-local-zone-group", &["", "A"]),
            (
                "aws-geoproximity-coordinates",
                &["90.01,0", "0,180.01", "0", "1.234,0", "a,b", "1e1,0", ",", "٤,0"],
            ),
            ("aws-geoproximity-bias", &["100", "-100", "x"]),
            ("aws-health-check-id", &["", "a b", &long]),
        ] {
            for value in values {
                let error = read_all(&[("set-identifier", "1"), (key, value)]).unwrap_err();
                assert!(error.starts_with(&format!("annotation {key}: ")), "{key} {value}: {error}");
            }
        }
        for set_id in ["", " ", "a\nb", "\0", &long] {
            let error = read_all(&[("set-identifier", set_id), ("aws-weight", "1")]).unwrap_err();
            assert!(error.contains("expected 1 to 128 visible characters"), "{error}");
        }
    }

    #[test]
    fn a_set_identifier_and_one_policy_come_together() {
        for (annotations, expected) in [
            ([("aws-weight", "1")].as_slice(), "aws-weight: a routing policy needs a set identifier"),
            (&[("set-identifier", "1")], "set-identifier: a set identifier needs a routing policy"),
            (
                &[("set-identifier", "1"), ("aws-health-check-id", "abc")],
                "set-identifier: a set identifier needs a routing policy",
            ),
            (
                &[("set-identifier", "1"), ("aws-weight", "1"), ("aws-region", "eu-west-1")],
                "aws-region: a record set has one routing policy, and annotation aws-weight asks for another",
            ),
            (
                &[("set-identifier", "1"), ("aws-geolocation-subdivision-code", "CA")],
                "aws-geolocation-subdivision-code: a subdivision needs its country",
            ),
            (
                &[
                    ("set-identifier", "1"),
                    ("aws-geolocation-continent-code", "EU"),
                    ("aws-geolocation-country-code", "DE"),
                ],
                "aws-geolocation-country-code: annotation aws-geolocation-continent-code wins",
            ),
            (
                &[("set-identifier", "1"), ("aws-geoproximity-bias", "1")],
                "aws-geoproximity-bias: a bias needs a place",
            ),
            (
                &[
                    ("set-identifier", "1"),
                    ("aws-geoproximity-region", "us-east-1"),
                    ("aws-geoproximity-coordinates", "1,1"),
                ],
                "aws-geoproximity-coordinates: a record set has one place",
            ),
        ] {
            let error = read_all(annotations).unwrap_err();
            assert!(error.starts_with(&format!("annotation {expected}")), "{annotations:?}: {error}");
        }
    }
}
