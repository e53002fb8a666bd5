//! A model of Route 53 and of ownership, written without the code under test, so that it can judge that code.

use std::collections::BTreeSet;

use zonekeeper_core::{
    dns::{Data, Name, RecordSet, RecordType, Rule, Zone},
    plan::{Change, HandChange},
};

/// One change of a batch, by zonekeeper or by a person.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    Create(&'a RecordSet),
    Replace { before: &'a RecordSet, after: &'a RecordSet },
    Delete(&'a RecordSet),
}

impl<'a> From<&'a Change> for Step<'a> {
    fn from(change: &'a Change) -> Self {
        match change {
            Change::Create { set, .. } => Self::Create(set),
            Change::Replace { before, after, .. } => Self::Replace { before, after },
        }
    }
}

impl<'a> From<&'a HandChange> for Step<'a> {
    fn from(change: &'a HandChange) -> Self {
        match change {
            HandChange::Create(set) => Self::Create(set),
            HandChange::Delete(set) => Self::Delete(set),
        }
    }
}

/// Applies a batch as a whole, or returns the error of Route 53.
///
/// It is stricter than Route 53 in one point: a replacement must find exactly the set that the plan expects.
pub fn apply<'a>(zone: &Zone, batch: impl IntoIterator<Item = impl Into<Step<'a>>>) -> Result<Zone, String> {
    let mut zone = zone.clone();
    let mut touched = BTreeSet::new();
    for step in batch {
        let step = step.into();
        let (Step::Create(set) | Step::Replace { before: set, .. } | Step::Delete(set)) = step;
        let there = zone.get(set.name(), set.rtype(), set.key.set_id.as_ref()).cloned();
        touched.insert(set.name().clone());
        if there.as_ref().is_some_and(|there| matches!(there.data, Data::TrafficPolicy(_))) {
            return Err(format!("{set}\n  belongs to a traffic policy"));
        }
        match (step, there) {
            (Step::Create(set), None) => zone.put(set.clone()),
            (Step::Create(set), Some(there)) => {
                return Err(format!("CREATE {set}\n  but this is there: {there}"));
            }
            (Step::Replace { before, after }, Some(there)) if there == *before && before.key == after.key => {
                zone.put(after.clone());
            }
            (Step::Delete(set), Some(there)) if there == *set => zone.remove(&set.key),
            (Step::Replace { .. } | Step::Delete(_), there) => {
                let there = there.map_or_else(|| "nothing".to_owned(), |there| there.to_string());
                return Err(format!("{set}\n  is to be replaced or deleted, but this is there: {there}"));
            }
        }
    }
    touched.iter().try_for_each(|name| valid(&zone, name)).map(|()| zone)
}

/// Checks Route 53's rules for the sets of a name.
fn valid(zone: &Zone, name: &Name) -> Result<(), String> {
    let sets = zone.at(name);
    let cname = |set: &RecordSet| *set.rtype() == RecordType::Cname;
    if sets.iter().any(cname) && (!sets.iter().all(cname) || name == zone.apex()) {
        return Err(format!(
            "{name}: a CNAME can be neither beside other records nor at the zone's own name"
        ));
    }
    if name.labels().any(|label| label.len() > 63) || name.as_str().len() > 253 {
        return Err(format!("{name} is too long"));
    }
    for set in sets {
        let mixed = |other: &&RecordSet| other.rtype() == set.rtype() && policy(other) != policy(set);
        if let Some(other) = sets.iter().find(mixed) {
            return Err(format!("two routing policies:\n  {set}\n  {other}"));
        }
        let rule = |set: &RecordSet| set.routing.rule().cloned();
        let others = sets.iter().filter(|other| other.rtype() == set.rtype() && other.key != set.key);
        let of_rule = |other: &&RecordSet| match (rule(set), rule(other)) {
            (Some(Rule::Weight(_)), Some(Rule::Weight(_))) => {
                matches!((set.ttl(), other.ttl()), (Some(one), Some(other)) if one != other)
            }
            (Some(Rule::MultiValue(_) | Rule::GeoProximity { .. }), _) => false,
            (one, other) => one == other,
        };
        if let Some(other) = others.clone().find(of_rule) {
            return Err(format!(
                "two sets with one place, or weighted sets with two TTLs:\n  {set}\n  {other}"
            ));
        }
        if matches!(rule(set), Some(Rule::MultiValue(_)))
            && (set.is_alias() || *set.rtype() == RecordType::Cname)
        {
            return Err(format!("{set}: multivalue answer routing has addresses only"));
        }
        if let Data::Alias(alias) = &set.data
            && alias.zone == *zone.id()
            && !zone.at(&alias.target).iter().any(|target| target.rtype() == set.rtype())
        {
            return Err(format!("{set}: the target of the alias was not found"));
        }
        if rule(set).is_none() != set.key.set_id.is_none() {
            return Err(format!("{set}: a set identifier belongs to a routing policy and to nothing else"));
        }
        if let Data::Values { values, .. } = &set.data {
            let distinct: BTreeSet<_> = values.iter().collect();
            if values.is_empty() || values.len() > 400 || distinct.len() < values.len() {
                return Err(format!("{set}: 1 to 400 different values are allowed"));
            }
            if *set.rtype() == RecordType::Txt && !values.iter().all(|value| txt_is_valid(value)) {
                return Err(format!("{set}: a TXT has quoted strings of at most 255 characters"));
            }
        }
    }
    Ok(())
}

/// The policy of a set without its parameters. The sets of one name and type must share it.
fn policy(set: &RecordSet) -> Option<String> {
    set.routing.rule().and_then(|rule| rule.to_string().split('=').next().map(str::to_owned))
}

/// Whether a value consists of quoted strings with spaces between them. These tests need no escapes.
fn txt_is_valid(value: &str) -> bool {
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    inner.is_some_and(|inner| inner.replace("\" \"", "\"").split('"').all(|string| string.len() <= 255))
}

/// ExternalDNS' `--txt-prefix`, `--txt-suffix` and `--txt-wildcard-replacement`.
#[derive(Debug, Clone, Default)]
pub struct Affixes {
    pub prefix: String,
    pub suffix: String,
    pub wildcard: Option<String>,
}

impl Affixes {
    /// The name of the TXT of a record of a type (`ToTXTName`, ExternalDNS). An empty type gives the legacy name.
    pub fn txt_name(&self, host: &Name, rtype: &str) -> String {
        let rtype = rtype.to_ascii_lowercase();
        let (first, rest) = host.split_first();
        let first = match &self.wildcard {
            Some(wildcard) if first == "*" => wildcard,
            _ => first,
        };
        let first = if self.has_template() || rtype.is_empty() {
            first.to_owned()
        } else {
            format!("{rtype}-{first}")
        };
        let [prefix, suffix] =
            [&self.prefix, &self.suffix].map(|affix| affix.replace("%{record_type}", &rtype));
        match rest {
            Some(rest) => format!("{prefix}{first}{suffix}.{rest}"),
            None => format!("{prefix}{first}{suffix}"),
        }
    }

    fn has_template(&self) -> bool {
        [&self.prefix, &self.suffix].iter().any(|affix| affix.contains("%{record_type}"))
    }

    /// Whether an address set belongs to `owner`. The typed TXT decides if there is one, otherwise a TXT at a legacy
    /// name. A typed name of another hostname is no legacy name.
    pub fn owns(&self, zone: &Zone, owner: &str, set: &RecordSet) -> bool {
        let rtype = set.rtype().as_str();
        let txt = |rtype: &str| {
            let name = Name::from_route53(&self.txt_name(set.name(), rtype)).ok()?;
            zone.get(&name, &RecordType::Txt, set.key.set_id.as_ref())
        };
        if let Some(typed) = txt(rtype).or_else(|| fallback(zone, set)) {
            return says(typed, owner).is_some_and(|ours| ours);
        }
        let first = set.name().split_first().0.split('-').next().unwrap_or_default();
        let types = ["a", "aaaa", "cname", "ns", "mx", "ptr", "srv", "naptr", "txt", "dname"];
        let reads_as_typed =
            !self.has_template() && set.name().split_first().0 != first && types.contains(&first);
        let legacy = [
            (rtype == "A" && set.is_alias()).then(|| txt("CNAME")).flatten(),
            (rtype != "AAAA" && !reads_as_typed).then(|| txt("")).flatten(),
        ];
        legacy.into_iter().flatten().find_map(|set| says(set, owner)).unwrap_or(false)
    }
}

/// The ownership record at the fallback name of a set.
fn fallback<'z>(zone: &'z Zone, set: &RecordSet) -> Option<&'z RecordSet> {
    let label = format!("_zk-{}-", set.rtype().as_str().to_ascii_lowercase());
    let stated = format!("zonekeeper/name={}", set.name());
    zone.sets().find(|txt| {
        let text = txt.values().concat().replace("\" \"", "");
        txt.key.set_id == set.key.set_id
            && txt.name().as_str().starts_with(&label)
            && text.trim_matches('"').split(',').any(|token| token == stated)
    })
}

/// Whether a TXT is an ownership record of `owner`. `None` if it is not exactly one ownership value.
pub fn says(txt: &RecordSet, owner: &str) -> Option<bool> {
    let [value] = txt.values() else { return None };
    let heritage = value.strip_prefix('"')?.strip_suffix('"')?.replace("\" \"", "");
    let tokens: Vec<&str> = heritage.split(',').collect();
    let said = tokens.iter().find_map(|token| token.strip_prefix("external-dns/owner="))?;
    tokens.contains(&"heritage=external-dns").then_some(said == owner)
}
