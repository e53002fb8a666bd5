//! One entry of a `DNSEndpoint`, checked.

use std::{collections::BTreeSet, net::IpAddr};

use arcstr::ArcStr;

use super::{DnsEndpointEntry, properties::Properties};
use crate::{
    dns::{RecordType, Routing, SetId, Ttl},
    sanitize::quoted,
    source::{
        AliasChoice, AliasOptions, AnnotationKey, Problem, Rules, Targets, options::within_max_ttl, routing,
    },
};

/// The part of an endpoint that one entry asks for.
pub(super) struct Part {
    pub set_id: Option<SetId>,
    pub routing: Routing,
    pub ttl: Option<Ttl>,
    pub rtype: RecordType,
    pub values: Values,
}

/// The values of an entry.
pub(super) enum Values {
    /// Addresses, or host names with the choice of their aliases.
    Targets(Targets, AliasOptions),
    /// Values of another type.
    Literal(BTreeSet<ArcStr>),
}

/// Reads one entry.
struct Reader<'r> {
    entry: &'r DnsEndpointEntry,
    /// `spec.endpoints[2]`.
    field: &'r str,
    rules: &'r Rules,
    problems: &'r mut Vec<Problem>,
}

// === impl Part ===

impl Part {
    /// Reads an entry; `field` is `spec.endpoints[2]`. If a problem blocks the entry, its values say nothing.
    pub fn read(entry: &DnsEndpointEntry, field: &str, rules: &Rules, problems: &mut Vec<Problem>) -> Self {
        let properties = Properties::new(entry, field);
        let (set_id, routing) = routing::read(&properties, problems);
        properties.warn_of_unknown(problems);
        let mut reader = Reader { entry, field, rules, problems };
        let (rtype, ttl) = (reader.rtype(), reader.ttl());
        let values = match &rtype {
            RecordType::A | RecordType::Aaaa | RecordType::Cname => reader.targets(&rtype, &properties),
            _ => reader.literal(&rtype, &properties),
        };
        Self { set_id, routing, ttl, rtype, values }
    }
}

// === impl Reader ===

impl Reader<'_> {
    fn block(&mut self, field: &str, text: impl Into<String>) {
        self.problems.push(Problem::blocking(format!("{}.{field}", self.field), text));
    }

    fn rtype(&mut self) -> RecordType {
        let text = self.entry.record_type.as_deref().unwrap_or_default();
        let rtype = RecordType::new(text);
        if !RecordType::WRITABLE.contains(&rtype) {
            let writable = "write A, AAAA, CAA, CNAME, MX, SRV or TXT";
            let text = match text {
                "" => format!("the record has no type; {writable}"),
                _ => format!("zonekeeper never writes records of the type `{}`; {writable}", quoted(text)),
            };
            self.block("recordType", text);
        }
        rtype
    }

    fn ttl(&mut self) -> Option<Ttl> {
        // ExternalDNS reads 0 as unset.
        let seconds = self.entry.record_ttl.filter(|seconds| *seconds != 0)?;
        let field = format!("{}.recordTTL", self.field);
        let Ok(positive) = u64::try_from(seconds) else {
            let text = format!("`{seconds}` is not a TTL; the default TTL is used");
            self.problems.push(Problem::warning(field, text));
            return None;
        };
        let ttl = Ttl::from_seconds(positive);
        Some(within_max_ttl(ttl, self.rules, &field, &seconds.to_string(), self.problems))
    }

    /// The values without empty ones.
    fn texts(&self) -> impl Iterator<Item = &str> + use<'_> {
        self.entry.targets.iter().flatten().map(String::as_str)
    }

    /// Addresses and host names.
    fn targets(&mut self, rtype: &RecordType, properties: &Properties<'_>) -> Values {
        let mut alias = properties.alias(self.problems);
        // An A record with `true` is an alias of its own type.
        alias.choice = match (rtype, alias.choice) {
            (RecordType::A, AliasChoice::Always | AliasChoice::OnlyA) => AliasChoice::OnlyA,
            (RecordType::Aaaa, AliasChoice::Always | AliasChoice::OnlyAaaa) => AliasChoice::OnlyAaaa,
            (RecordType::Cname, choice) => choice,
            (_, AliasChoice::OnlyA | AliasChoice::OnlyAaaa) => {
                self.problems.push(Problem::blocking(
                    properties.field("alias"),
                    "it names another type than `recordType`; correct one of them",
                ));
                alias.choice
            }
            (_, AliasChoice::Usual | AliasChoice::Always | AliasChoice::Never) => AliasChoice::Usual,
        };
        let mut targets = Targets::default();
        let mut mistakes = Vec::new();
        for text in self.texts() {
            if let Err(why) = add_target(&mut targets, rtype, alias.choice, text) {
                mistakes.push(format!("`{}` {why}", quoted(text)));
            }
        }
        // One problem per field is enough to say that it must be corrected.
        if let Some(mistake) = mistakes.into_iter().next() {
            self.block("targets", mistake);
        } else if *rtype == RecordType::Cname && self.texts().next().is_none() {
            self.block("targets", "a CNAME has one target, and there is none");
        }
        Values::Targets(targets, alias)
    }

    /// Values of a type that leads to no address.
    fn literal(&mut self, rtype: &RecordType, properties: &Properties<'_>) -> Values {
        if !RecordType::WRITABLE.contains(rtype) {
            return Values::Literal(BTreeSet::new());
        }
        if properties.has(AnnotationKey::Alias) {
            let text = "only A, AAAA and CNAME records can be aliases; remove the property";
            self.problems.push(Problem::blocking(properties.field("alias"), text));
        }
        let mut values = BTreeSet::new();
        let mut mistake = None;
        for text in self.texts() {
            match rtype.read_value(text) {
                Ok(value) => drop(values.insert(value)),
                Err(why) => {
                    let text = quoted(text);
                    mistake.get_or_insert(format!("`{text}` is not a value of {rtype} records: {why}"));
                }
            }
        }
        if let Some(mistake) = mistake {
            self.block("targets", mistake);
        } else if values.is_empty() {
            self.block("targets", "a record has at least one value, and there is none");
        }
        Values::Literal(values)
    }
}

/// Adds a target of an A, AAAA or CNAME record, or says why it cannot be one.
fn add_target(
    targets: &mut Targets,
    rtype: &RecordType,
    choice: AliasChoice,
    text: &str,
) -> Result<(), String> {
    match (rtype, text.trim().parse()) {
        (RecordType::Cname, Ok(IpAddr::V4(_))) => {
            return Err("is an address; write it in an A record".to_owned());
        }
        (RecordType::Cname | RecordType::A, Ok(IpAddr::V6(_))) => {
            return Err("is an IPv6 address; write it in an AAAA record".to_owned());
        }
        (RecordType::Aaaa, Ok(IpAddr::V4(_))) => {
            return Err("is an IPv4 address; write it in an A record".to_owned());
        }
        (RecordType::A | RecordType::Aaaa, Err(_)) if !choice.asks() => {
            return Err(
                "is no address; write a host name in a CNAME record, or add the property `alias`".to_owned()
            );
        }
        _ => {}
    }
    targets.add(text).map_err(|why| match rtype {
        RecordType::Cname => format!("is not a host name: {why}"),
        _ => format!("is neither an address nor a host name: {why}"),
    })
}
