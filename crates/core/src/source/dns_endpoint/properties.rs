//! The properties of an entry of a `DNSEndpoint`.

use super::DnsEndpointEntry;
use crate::{
    sanitize::quoted,
    source::{
        AliasChoice, AliasOptions, AnnotationKey as Key, Problem,
        options::{Options, Stated},
    },
};

/// The beginning of the properties of Route 53.
const OF_ROUTE_53: &str = "aws/";

/// The beginning of the annotations that mean the same.
const OF_ANNOTATIONS: &str = "aws-";

/// The properties of one entry, and its set identifier.
pub(super) struct Properties<'e> {
    entry: &'e DnsEndpointEntry,
    /// `spec.endpoints[2]`.
    field: &'e str,
}

// === impl Properties ===

impl<'e> Properties<'e> {
    pub fn new(entry: &'e DnsEndpointEntry, field: &'e str) -> Self {
        Self { entry, field }
    }

    /// How host names become aliases.
    pub fn alias(&self, problems: &mut Vec<Problem>) -> AliasOptions {
        let choice = self.get(Key::Alias, problems).and_then(|found| match found.value {
            "true" => Some(AliasChoice::Always),
            "A" => Some(AliasChoice::OnlyA),
            "AAAA" => Some(AliasChoice::OnlyAaaa),
            "false" => Some(AliasChoice::Never),
            _ => {
                problems.push(found.problem(&"expected \"true\", \"false\", \"A\" or \"AAAA\""));
                None
            }
        });
        let health = self.get(Key::EvaluateTargetHealth, problems);
        AliasOptions {
            choice: choice.unwrap_or_default(),
            evaluate_target_health: health.and_then(|found| found.flag(problems)),
            zone: self.target_zone(problems),
        }
    }

    /// Whether the entry has a property.
    pub fn has(&self, key: Key) -> bool {
        self.values(key).next().is_some()
    }

    /// The field of a property.
    pub fn field(&self, name: &str) -> String {
        format!("{}.providerSpecific[{}]", self.field, quoted(name))
    }

    /// A property of Route 53 that nothing reads is probably a slip of the pen.
    pub fn warn_of_unknown(&self, problems: &mut Vec<Problem>) {
        let is_ours = |name: &&str| name.starts_with(OF_ROUTE_53) || name.starts_with(OF_ANNOTATIONS);
        let is_known = |name: &str| Key::ALL.into_iter().any(|key| property(key).as_deref() == Some(name));
        let names = self.all().map(|(name, _)| name);
        for name in names.filter(is_ours).filter(|name| !is_known(name)) {
            let text = "zonekeeper does not know this property, so it has no effect; docs/tasks/dnsendpoint.md lists those it knows";
            problems.push(Problem::warning(self.field(name), text));
        }
    }

    fn all(&self) -> impl Iterator<Item = (&'e str, &'e str)> {
        let properties = self.entry.provider_specific.iter().flatten();
        properties.map(|it| (it.name.as_deref().unwrap_or_default(), it.value.as_deref().unwrap_or_default()))
    }

    /// The values of a property, in the order of the entry.
    fn values(&self, key: Key) -> impl Iterator<Item = &'e str> {
        let name = property(key);
        self.all().filter(move |(known, _)| Some(*known) == name.as_deref()).map(|(_, value)| value)
    }
}

impl Options for Properties<'_> {
    /// The first value counts, as in ExternalDNS.
    fn get(&self, key: Key, problems: &mut Vec<Problem>) -> Option<Stated<'_>> {
        if key == Key::SetIdentifier {
            let value = self.entry.set_identifier.as_deref().filter(|value| !value.is_empty())?;
            return Some(Stated { field: format!("{}.setIdentifier", self.field), value });
        }
        let mut values = self.values(key);
        let value = values.next()?;
        let field = self.field(&property(key)?);
        if values.any(|other| other != value) {
            let text =
                "it stands there with several values, of which the first one counts; remove the others";
            problems.push(Problem::warning(field.clone(), text));
        }
        Some(Stated { field, value })
    }

    fn named(&self, key: Key) -> String {
        match property(key) {
            Some(name) => format!("the property `{name}`"),
            None => "the field `setIdentifier`".to_owned(),
        }
    }
}

/// The property that means the same as an annotation.
fn property(key: Key) -> Option<String> {
    match key.as_str().strip_prefix(OF_ANNOTATIONS) {
        Some(rest) => Some(format!("{OF_ROUTE_53}{rest}")),
        None => (key == Key::Alias).then(|| key.as_str().to_owned()),
    }
}
