//! Endpoints in the making: all entries of a `DNSEndpoint` with one name and set identifier.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arcstr::ArcStr;

use super::part::{Part, Values};
use crate::{
    dns::{RecordType, Routing, Ttl},
    source::{AliasChoice, AliasOptions, ClaimKey, Content, Endpoint, Problem, Record, Targets},
};

/// The entries of one key.
pub(super) struct Draft {
    /// The first entry: `spec.endpoints[0]`.
    first: String,
    routing: Routing,
    targets: Targets,
    /// Whether an entry asks for addresses and states none.
    lacks_targets: bool,
    /// The first entry with host names, and their aliases.
    alias: Option<(String, AliasOptions)>,
    records: BTreeMap<RecordType, BTreeSet<ArcStr>>,
    ttls: BTreeMap<RecordType, Ttl>,
    problem: Option<Problem>,
}

// === impl Draft ===

impl Draft {
    /// Begins an endpoint with its first entry.
    pub fn new(field: &str, routing: Routing) -> Self {
        Self {
            first: field.to_owned(),
            routing,
            targets: Targets::default(),
            lacks_targets: false,
            alias: None,
            records: BTreeMap::new(),
            ttls: BTreeMap::new(),
            problem: None,
        }
    }

    /// Blocks the endpoint. The first problem counts.
    pub fn block(&mut self, problem: Problem) {
        self.problem.get_or_insert(problem);
    }

    /// Adds an entry without a problem.
    pub fn add(&mut self, field: &str, part: Part, warnings: &mut Vec<Problem>) {
        if part.routing != self.routing {
            let text = format!(
                "it has the name and the set identifier of {}, but another routing policy or health check; give both the same",
                self.first
            );
            return self.block(Problem::blocking(field, text));
        }
        self.add_ttl(field, &part.rtype, part.ttl, warnings);
        match part.values {
            Values::Literal(values) => self.records.entry(part.rtype).or_default().extend(values),
            Values::Targets(targets, alias) => {
                if !targets.hosts.is_empty() {
                    self.add_alias(field, alias);
                }
                self.lacks_targets |= targets.is_empty();
                self.targets.add_all(&targets);
            }
        }
    }

    /// The smaller TTL counts, so that no resolver keeps a record longer than one entry allows.
    fn add_ttl(&mut self, field: &str, rtype: &RecordType, ttl: Option<Ttl>, warnings: &mut Vec<Problem>) {
        let Some(ttl) = ttl else { return };
        let known = self.ttls.entry(rtype.clone()).or_insert(ttl);
        if *known != ttl {
            *known = ttl.min(*known);
            let text = format!(
                "another entry has the same name and type, and another TTL; the smaller one counts: {known}"
            );
            warnings.push(Problem::warning(format!("{field}.recordTTL"), text));
        }
    }

    /// An A and an AAAA record can be aliases together.
    fn add_alias(&mut self, field: &str, alias: AliasOptions) {
        let Some((first, known)) = &mut self.alias else {
            self.alias = Some((field.to_owned(), alias));
            return;
        };
        let choices = [known.choice, alias.choice];
        let are_both = choices.contains(&AliasChoice::OnlyA) && choices.contains(&AliasChoice::OnlyAaaa);
        let of_both = |one: &AliasOptions| AliasOptions { choice: AliasChoice::Always, ..one.clone() };
        if are_both && of_both(known) == of_both(&alias) {
            known.choice = AliasChoice::Always;
        } else if *known != alias {
            let text = format!(
                "it has the name and the set identifier of {first}, but other properties of aliases; give both the same"
            );
            self.block(Problem::blocking(field, text));
        }
    }

    /// The endpoint of all entries.
    pub fn endpoint(self, key: ClaimKey, default_targets: &Arc<Targets>) -> Endpoint {
        let Self { routing, targets, lacks_targets, alias, records, ttls, problem, .. } = self;
        let is_default = lacks_targets && targets.is_empty();
        let targets = if is_default { Arc::clone(default_targets) } else { Arc::new(targets) };
        let ttl = |rtype: &RecordType| ttls.get(rtype).copied();
        let has_addresses = targets.addresses().next().is_some();
        let records = records.into_iter().map(|(rtype, values)| Record {
            ttl: ttl(&rtype),
            rtype,
            values: values.into_iter().collect(),
        });
        Endpoint {
            key,
            routing,
            content: Content { records: records.collect(), targets },
            ttl: ttl(if has_addresses || is_default { &RecordType::A } else { &RecordType::Cname }),
            aaaa_ttl: ttl(&RecordType::Aaaa),
            alias: alias.map(|(_, alias)| alias).unwrap_or_default(),
            problem: problem.map(Arc::new),
        }
    }
}
