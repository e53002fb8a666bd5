//! Record sets in their printed form, as text files of tests have them.

use std::sync::Arc;

use arcstr::ArcStr;
use zonekeeper_core::dns::{
    Alias, Data, Name, Policy, RecordSet, RecordType, Routing, Rule, SetId, Ttl, Values, ZoneId,
};

/// Reads a record set in its printed form: `NAME TYPE [set=ID] [POLICY] DATA`.
///
/// There is one difference: two strings with a space between them are two values. Without a space they are one value.
pub fn record_set(line: &str) -> Result<RecordSet, String> {
    let bad = |what: &str| format!("{what}: {line}");
    let (name, rest) = line.split_once(' ').ok_or_else(|| bad("no type"))?;
    let (rtype, mut rest) = rest.split_once(' ').ok_or_else(|| bad("no data"))?;
    let name = Name::from_route53(name).map_err(|why| bad(&why.to_string()))?;
    let mut set = RecordSet::simple(name, RecordType::new(rtype), Data::TrafficPolicy("".into()));
    let mut policy = Vec::new();
    while let Some((token, after)) = rest.split_once(' ')
        && token.contains('=')
        && !token.starts_with('"')
    {
        match token.strip_prefix("set=") {
            Some(id) => set.key.set_id = Some(SetId::new(id)),
            None => policy.push(token),
        }
        rest = after;
    }
    if !policy.is_empty() {
        set.routing = Routing::Policy(Arc::new(read_policy(&policy).ok_or_else(|| bad("policy"))?));
    }
    set.data = if let Some(id) = rest.strip_prefix("traffic policy instance ") {
        Data::TrafficPolicy(id.into())
    } else if let Some(alias) = rest.strip_prefix("alias ") {
        Data::Alias(read_alias(alias).ok_or_else(|| bad("not `alias TARGET (ZONE) health=BOOL`"))?)
    } else {
        let (values, ttl) = rest.rsplit_once(" ttl=").ok_or_else(|| bad("no ttl"))?;
        let values = read_values(set.rtype().as_str(), values);
        Data::Values { ttl: Ttl::from_seconds(ttl.parse().map_err(|_| bad("ttl"))?), values }
    };
    if set.to_string() == line { Ok(set) } else { Err(format!("`{line}` prints itself as `{set}`")) }
}

/// Splits values. A value of these types has a fixed number of words.
fn read_values(rtype: &str, values: &str) -> Values {
    let words = match rtype {
        "TXT" => return values.replace("\" \"", "\"\0\"").split('\0').map(Into::into).collect(),
        "A" | "AAAA" | "CNAME" | "NS" => 1,
        "MX" => 2,
        "CAA" => 3,
        "SRV" => 4,
        _ => return Values::from_iter([values.into()]),
    };
    let all: Vec<&str> = values.split(' ').collect();
    all.chunks(words).map(|value| value.join(" ").into()).collect()
}

/// Reads a policy and a health check: `weight=10`, `geolocation=EU//`, `health-check=0123…`.
fn read_policy(words: &[&str]) -> Option<Policy> {
    let mut policy = Policy { rule: None, health_check: None };
    for word in words {
        let (key, value) = word.split_once('=')?;
        let parts: Vec<&str> = value.split('/').collect();
        let part = |at: usize| parts.get(at).filter(|part| !part.is_empty()).map(|&part| ArcStr::from(part));
        policy.rule = Some(match key {
            "health-check" => {
                policy.health_check = Some(value.into());
                continue;
            }
            "weight" => Rule::Weight(value.parse().ok()?),
            "region" => Rule::Region(value.into()),
            "failover" => Rule::Failover(value.into()),
            "multivalue" => Rule::MultiValue(value.parse().ok()?),
            "geolocation" => Rule::Geolocation { continent: part(0), country: part(1), subdivision: part(2) },
            "geoproximity" => Rule::GeoProximity {
                region: part(0),
                local_zone_group: part(1),
                coordinates: part(2)
                    .and_then(|place| place.split_once(',').map(|(one, two)| (one.into(), two.into()))),
                bias: part(3).and_then(|bias| bias.parse().ok()),
            },
            "cidr" => Rule::Cidr { collection: part(0)?, location: part(1)? },
            _ => return None,
        });
    }
    Some(policy)
}

fn read_alias(text: &str) -> Option<Alias> {
    let (target, rest) = text.split_once(" (")?;
    let (zone, health) = rest.split_once(") health=")?;
    let evaluate_target_health = health.parse().ok()?;
    Some(Alias { zone: ZoneId::new(zone)?, target: Name::from_route53(target).ok()?, evaluate_target_health })
}
