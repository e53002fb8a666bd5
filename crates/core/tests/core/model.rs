//! What Route 53 would make of a change batch, and whose a record is, both written without the code under test:
//! what is checked must not be the judge.

use std::collections::BTreeSet;

use zonekeeper_core::{
    dns::{Data, Name, RecordSet, RecordType, Routing, Zone},
    plan::{Change, HandChange},
};

/// One change of a batch, whoever sends it.
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

/// Applies a batch as a whole, or says why Route 53 would refuse it.
///
/// Stricter than Route 53 in one point: a replacement must find what it was planned for, as if it were read
/// again before sending.
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

/// The rules of Route 53 that a name with its sets must follow.
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
        if (set.routing == Routing::Simple) != set.key.set_id.is_none() {
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

/// Which policy it is: sets of one name and type must share it, not its parameters.
fn policy(set: &RecordSet) -> Option<String> {
    match &set.routing {
        Routing::Simple => None,
        Routing::Policy(policy) => policy.to_string().split('=').next().map(str::to_owned),
    }
}

/// Quoted strings divided by spaces; without escapes, which nothing in these tests needs.
fn txt_is_valid(value: &str) -> bool {
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    inner.is_some_and(|inner| inner.replace("\" \"", "\"").split('"').all(|string| string.len() <= 255))
}

/// `--txt-prefix`, `--txt-suffix` and `--txt-wildcard-replacement` as ExternalDNS means them.
#[derive(Debug, Clone, Default)]
pub struct Affixes {
    pub prefix: String,
    pub suffix: String,
    pub wildcard: Option<String>,
}

impl Affixes {
    /// The name of the TXT of a record of this type (`ToTXTName`, ExternalDNS); an empty type gives the name of
    /// the time before types.
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

    /// Whether the zone says that an address set belongs to `owner`: by the typed TXT where there is one, else
    /// by one of the older names. A name that carries a type is nobody's older name.
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

/// The TXT that states in its text whose ownership it is.
fn fallback<'z>(zone: &'z Zone, set: &RecordSet) -> Option<&'z RecordSet> {
    let label = format!("_zk-{}-", set.rtype().as_str().to_ascii_lowercase());
    let stated = format!("zonekeeper/name={}", set.name());
    zone.sets().find(|txt| {
        let text = txt.values().concat().replace("\" \"", "");
        txt.name().as_str().starts_with(&label)
            && text.trim_matches('"').split(',').any(|token| token == stated)
    })
}

/// Whether a TXT is an ownership text of `owner`; `None` where it is not exactly one ownership text.
pub fn says(txt: &RecordSet, owner: &str) -> Option<bool> {
    let [value] = txt.values() else { return None };
    let heritage = value.strip_prefix('"')?.strip_suffix('"')?.replace("\" \"", "");
    let tokens: Vec<&str> = heritage.split(',').collect();
    let said = tokens.iter().find_map(|token| token.strip_prefix("external-dns/owner="))?;
    tokens.contains(&"heritage=external-dns").then_some(said == owner)
}
