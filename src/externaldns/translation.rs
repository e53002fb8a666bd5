//! The translation of a command line of `ExternalDNS` into flags of zonekeeper.

use super::{
    arguments::{Arguments, Given, Variables},
    flag::{Kind, Meaning, Outcome, Refusal},
    own_flags::OwnFlags,
    report::{Differs, Refused, Report, Stays},
};
use crate::shell;

/// The owner id of an `ExternalDNS` without `--txt-owner-id`.
const DEFAULT_OWNER: &str = "default";
/// The types of Services that `ExternalDNS` reads without `--service-type-filter`.
const SERVICE_TYPES: [&str; 4] = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];
/// What a command line of `ExternalDNS` must have, and what to do without it.
pub const MANDATORY: [(&str, Refusal); 3] = [
    (
        "source",
        Refusal {
            why: "ExternalDNS does not start without it",
            instead: "give --source=ingress, and --source=service or --source=crd if you need them",
        },
    ),
    ("provider", Refusal { why: "ExternalDNS does not start without it", instead: "give --provider=aws" }),
    (
        "policy",
        Refusal {
            why: "ExternalDNS 0.22 does not start without it, and earlier versions delete records",
            instead: "give --policy=upsert-only. zonekeeper never deletes a record",
        },
    ),
];

/// The flags of zonekeeper for a command line of `ExternalDNS`, and the result for each flag.
#[derive(Debug, Default)]
pub struct Translation {
    /// What stays, what differs and what is refused.
    pub report: Report,
    flags: Vec<OwnArgument>,
}

/// A flag of zonekeeper with its value.
#[derive(Debug)]
struct OwnArgument {
    name: String,
    value: Option<String>,
    is_secret: bool,
}

/// A translation in progress.
struct Translator<'t> {
    given: &'t Arguments,
    variables: &'t Variables,
    own: &'t OwnFlags,
    done: Translation,
}

// === impl Translation ===

impl Translation {
    /// Translates arguments.
    pub fn new(given: &Arguments, variables: &Variables, own: &OwnFlags) -> Self {
        let mut translator = Translator { given, variables, own, done: Self::default() };
        given.mistakes.iter().for_each(|mistake| translator.done.report.reject(mistake.to_string()));
        given.theirs.iter().for_each(|given| translator.translate(given));
        for (variable, ours) in &given.replaced {
            translator.differs(variable.clone(), &format!("{ours} takes its place"));
        }
        for (name, value) in &given.ours {
            translator.stays(shown(name, value.as_deref()), name, value.clone());
        }
        translator.add_mandatory();
        translator.choose_zone();
        translator.choose_owner();
        translator.add_defaults();
        translator.done
    }

    /// The flags whose names fulfil a condition, as arguments of zonekeeper.
    pub fn arguments(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let wanted = self.flags.iter().filter(|flag| is_wanted(&flag.name));
        wanted.map(|flag| shown(&flag.name, flag.value.as_deref())).collect()
    }

    /// All flags as text for a shell. A secret value is left out.
    pub fn text(&self) -> String {
        let text = |flag: &OwnArgument| {
            let value = flag.value.as_deref().map(|value| if flag.is_secret { "…" } else { value });
            shell::word(&shown(&flag.name, value)).into_owned()
        };
        self.flags.iter().map(text).collect::<Vec<_>>().join(" ")
    }
}

// === impl Translator ===

impl Translator<'_> {
    fn translate(&mut self, given: &Given) {
        match &given.flag.meaning {
            Meaning::Same(name) => self.same(given, name),
            Meaning::Values { flag, known, others } => {
                for value in given.values.iter().filter(|value| !value.is_empty()) {
                    match known.iter().find(|(name, _)| name == value) {
                        Some((_, Outcome::Is(own))) => match flag {
                            Some(flag) => self.stays(given.with_value(value), flag, Some((*own).to_owned())),
                            None => self.stays_as_it_is(given.with_value(value)),
                        },
                        Some((_, Outcome::Refused(refusal))) => self.refuse(given.with_value(value), refusal),
                        None => self.refuse(given.with_value(value), others),
                    }
                }
            }
            // It depends on other flags.
            Meaning::Zone => {}
            Meaning::Pointless(why) => self.differs(given.to_string(), why),
            Meaning::Refused(refusal) => {
                let is_set = match given.flag.kind {
                    Kind::Switch => given.is_on(),
                    Kind::Single | Kind::Repeated => given.values.iter().any(|value| !value.is_empty()),
                };
                if is_set {
                    self.refuse(given.to_string(), refusal);
                } else {
                    self.stays_as_it_is(given.to_string());
                }
            }
        }
    }

    /// Passes the values of a flag on to the flag of zonekeeper that means the same.
    fn same(&mut self, given: &Given, name: &str) {
        let own = self.own.find(name);
        let (takes_value, splits) = own.map_or((true, false), |flag| (flag.takes_value, flag.splits));
        for value in &given.values {
            let shown = given.with_value(value);
            match given.flag.kind {
                Kind::Switch if takes_value => self.stays(shown, name, Some(value.clone())),
                Kind::Switch if given.is_on() => self.stays(shown, name, None),
                _ if value.is_empty() || given.flag.kind == Kind::Switch => self.stays_as_it_is(shown),
                _ if splits && value.contains(',') => {
                    let refusal = Refusal {
                        why: "ExternalDNS reads this as one value, and zonekeeper reads several",
                        instead: "repeat the flag for each value",
                    };
                    self.refuse(shown, &refusal);
                }
                _ if given.flag.is_secret() => {
                    self.stays_as_it_is(shown);
                    self.pass(name, Some(value.clone()), true);
                }
                _ => self.stays(shown, name, Some(value.clone())),
            }
        }
    }

    fn add_mandatory(&mut self) {
        for (name, refusal) in &MANDATORY {
            if self.given.values(name).next().is_none() && !self.given.open.contains(*name) {
                self.refuse(format!("no --{name}"), refusal);
            }
        }
    }

    /// Names the zone: by `--zone-id`, otherwise by the only `--zone-id-filter`.
    fn choose_zone(&mut self) {
        let filters: Vec<&str> = self.given.values("zone-id-filter").collect();
        let shown =
            || filters.iter().map(|id| format!("--zone-id-filter={id}")).collect::<Vec<_>>().join(" ");
        let zone = self.own_value("zone-id");
        match (zone, &filters[..]) {
            (None, _) if self.is_open(&["zone-id", "zone-id-filter"]) => {}
            (None, []) => {
                let refusal = Refusal {
                    why: "ExternalDNS writes to every zone that it finds, and zonekeeper to exactly one",
                    instead: "give --zone-id. Run one zonekeeper for each zone",
                };
                self.refuse("no --zone-id".to_owned(), &refusal);
            }
            (None, [id]) => self.stays(shown(), "zone-id", Some((*id).to_owned())),
            (None, _) => {
                let refusal = Refusal {
                    why: "zonekeeper keeps exactly one zone",
                    instead: "add --zone-id with one of them. Run one zonekeeper for each zone",
                };
                self.refuse(shown(), &refusal);
            }
            (Some(_), []) => {}
            // ExternalDNS compares the end of the id.
            (Some(zone), ids) if !ids.iter().any(|id| zone.ends_with(id)) => {
                let refusal = Refusal {
                    why: "it does not name the zone of --zone-id",
                    instead: "name the same zone, or remove --zone-id-filter",
                };
                self.refuse(shown(), &refusal);
            }
            (Some(_), [_]) => self.stays_as_it_is(shown()),
            (Some(zone), _) => {
                let why = format!("zonekeeper keeps {zone} only. Run one zonekeeper for each of the others");
                self.differs(shown(), &why);
            }
        }
    }

    /// Names the owner as `ExternalDNS` does without a flag.
    fn choose_owner(&mut self) {
        if self.is_open(&["txt-owner-id", "owner-id"]) {
            return;
        }
        let owner = self.given.values("txt-owner-id").next().or(self.own_value("owner-id"));
        let (is_given, is_default) = (owner.is_some(), owner.is_none_or(|owner| owner == DEFAULT_OWNER));
        if !is_given {
            let given = format!("default: the owner id `{DEFAULT_OWNER}`");
            self.stays(given, "owner-id", Some(DEFAULT_OWNER.to_owned()));
        }
        if is_default && !self.is_given("allow-default-owner") {
            let refusal = Refusal {
                why: "two clusters with this id overwrite each other's records",
                instead: "add --allow-default-owner if no other ExternalDNS writes to the zone with this id. Otherwise give a \
                          --txt-owner-id of your own, with --migrate-from-txt-owner=default",
            };
            self.refuse(format!("--txt-owner-id={DEFAULT_OWNER}"), &refusal);
        }
    }

    /// Adds what `ExternalDNS` does without a flag, where zonekeeper does something else.
    fn add_defaults(&mut self) {
        if !self.is_given("publish") && !self.is_open(&["publish"]) {
            let given = "default: all objects with a hostname".to_owned();
            self.stays(given, "publish", Some("all".to_owned()));
        }
        let reads_services = self.given.values("source").any(|source| source == "service");
        let has_types = self.given.values("service-type-filter").next().is_some()
            || self.is_open(&["service-type-filter"]);
        if reads_services && !has_types && !self.is_given("service-type-filter") {
            let given = "default: Services of all types".to_owned();
            self.stays(given, "service-type-filter", Some(SERVICE_TYPES.join(",")));
        }
        let has_prefix =
            self.given.values("annotation-prefix").next().is_some() || self.is_open(&["annotation-prefix"]);
        if !has_prefix && !self.is_given("annotation-prefix") {
            let why = "zonekeeper also reads the prefix of earlier versions, external-dns.alpha.kubernetes.io/; \
                       --annotation-prefix=external-dns.kubernetes.io/ reads one prefix only";
            let given = "no --annotation-prefix".to_owned();
            self.done.report.differs.push(Differs { given, why: why.to_owned(), is_given: false });
        }
    }

    /// Whether one of these flags is given with a value that is not known. `CommandLine::translate` refuses it.
    fn is_open(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.given.open.contains(*name))
    }

    /// The value that a flag of zonekeeper or its variable gives.
    fn own_value(&self, name: &str) -> Option<&str> {
        let given = self.given.ours.iter().find(|(given, _)| given == name);
        let variable = self.variable_of(name).and_then(|variable| self.variables.get(variable));
        given.and_then(|(_, value)| value.as_deref()).or(variable.map(String::as_str))
    }

    /// Whether a flag of zonekeeper or its variable is given.
    fn is_given(&self, name: &str) -> bool {
        self.given.ours.iter().any(|(given, _)| given == name) || self.variable_of(name).is_some()
    }

    /// The variable that gives a flag of zonekeeper.
    fn variable_of(&self, name: &str) -> Option<&str> {
        let variable = self.own.find(name)?.variable.as_deref()?;
        self.variables.get(variable).filter(|value| !value.is_empty()).map(|_| variable)
    }

    fn pass(&mut self, name: &str, value: Option<String>, is_secret: bool) {
        self.done.flags.push(OwnArgument { name: name.to_owned(), value, is_secret });
    }

    fn stays(&mut self, given: String, name: &str, value: Option<String>) {
        let flags = vec![shown(name, value.as_deref())];
        self.done.report.stays.push(Stays { given, flags });
        self.pass(name, value, false);
    }

    fn stays_as_it_is(&mut self, given: String) {
        self.done.report.stays.push(Stays { given, flags: Vec::new() });
    }

    fn differs(&mut self, given: String, why: &str) {
        self.done.report.differs.push(Differs { given, why: why.to_owned(), is_given: true });
    }

    fn refuse(&mut self, given: String, refusal: &Refusal) {
        let Refusal { why, instead } = refusal;
        let (why, instead) = ((*why).to_owned(), (*instead).to_owned());
        self.done.report.refused.push(Refused { given, why, instead });
    }
}

/// A flag as an argument.
fn shown(name: &str, value: Option<&str>) -> String {
    value.map_or_else(|| format!("--{name}"), |value| format!("--{name}={value}"))
}
