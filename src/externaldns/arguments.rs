//! Arguments and variables of the environment, parsed as `ExternalDNS` parses them.
//!
//! `ExternalDNS` uses the parser kingpin. A value follows its flag after `=` or as the next argument. A switch has no value,
//! and its name can begin with `no-`. Only some flags may be repeated. A variable counts if no argument gives its flag, and
//! separates several values by lines.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    flag::{Flag, Kind},
    mistake::Mistake,
    own_flags::{OwnFlag, OwnFlags},
    table::flags,
};

/// How similar a name must be to be proposed instead of an unknown one.
const SIMILAR: f64 = 0.8;

/// Variables of the environment.
pub type Variables = BTreeMap<String, String>;

/// Flags with their values, and what could not be parsed.
#[derive(Debug, Default)]
pub struct Arguments {
    /// The flags of `ExternalDNS`.
    pub theirs: Vec<Given>,
    /// The flags of zonekeeper among them.
    pub ours: Vec<(String, Option<String>)>,
    /// The variables of `ExternalDNS` that a variable of zonekeeper replaces, each with that variable.
    pub replaced: Vec<(String, String)>,
    /// The flags that are given with a value that is not known.
    pub open: BTreeSet<String>,
    /// The arguments that could not be parsed.
    pub mistakes: Vec<Mistake>,
}

/// A flag of `ExternalDNS` with its values.
#[derive(Debug)]
pub struct Given {
    /// The flag.
    pub flag: &'static Flag,
    /// Its values. A switch has the value `true` or `false`.
    pub values: Vec<String>,
    /// Whether a variable gives it.
    pub is_variable: bool,
}

// === impl Arguments ===

impl Arguments {
    /// Parses arguments.
    pub fn parse(arguments: &[String], own: &OwnFlags) -> Self {
        let mut parsed = Self::default();
        let mut rest = arguments.iter().map(String::as_str).peekable();
        while let Some(argument) = rest.next() {
            let added = match argument.strip_prefix("--").filter(|text| !text.is_empty()) {
                Some(text) => parsed.add_text(text, || rest.next_if(|next| !next.starts_with('-')), own),
                None if argument.starts_with('@') => Err(Mistake::File(argument.to_owned())),
                None => Err(Mistake::Loose(argument.to_owned())),
            };
            parsed.mistakes.extend(added.err());
        }
        parsed
    }

    /// Adds the flags that only variables give.
    pub fn add_variables(&mut self, variables: &Variables, own: &OwnFlags) {
        let value = |name: &str| variables.get(name).filter(|text| !text.is_empty());
        for flag in flags() {
            let variable = flag.variable();
            let Some(text) = value(&variable) else { continue };
            if self.theirs.iter().any(|given| given.flag.name == flag.name) {
                continue;
            }
            if self.note_replaced(flag, variables, own) {
                continue;
            }
            let values = match flag.kind {
                Kind::Single => vec![text.clone()],
                Kind::Repeated => text.lines().map(str::to_owned).collect(),
                Kind::Switch => {
                    let Some(is_on) = boolean(text) else {
                        self.mistakes.push(Mistake::NotBoolean { variable, value: text.clone() });
                        continue;
                    };
                    vec![is_on.to_string()]
                }
            };
            self.theirs.push(Given { flag, values, is_variable: true });
        }
    }

    /// Notes that a variable of zonekeeper replaces the variable of a flag of `ExternalDNS`. Returns whether it does.
    pub fn note_replaced(&mut self, flag: &Flag, variables: &Variables, own: &OwnFlags) -> bool {
        let ours = flag.meaning.own_name().and_then(|name| own.find(name)?.variable.as_deref());
        let is_set = |name: &&str| variables.get(*name).is_some_and(|value| !value.is_empty());
        let Some(ours) = ours.filter(is_set) else { return false };
        self.replaced.push((flag.variable(), ours.to_owned()));
        true
    }

    /// Replaces the flags that `others` gives too, and adds the rest of `others`.
    pub fn replace_with(&mut self, others: Self) {
        let Self { theirs, ours, replaced, open, mistakes } = others;
        self.theirs.retain(|given| theirs.iter().all(|other| other.flag.name != given.flag.name));
        self.ours.retain(|(name, _)| ours.iter().all(|(other, _)| other != name));
        self.theirs.extend(theirs);
        self.ours.extend(ours);
        self.replaced.extend(replaced);
        self.open.extend(open);
        self.mistakes.extend(mistakes);
    }

    /// Whether a flag of `ExternalDNS` or of zonekeeper is given.
    pub fn has(&self, name: &str) -> bool {
        self.theirs.iter().any(|given| given.flag.name == name)
            || self.ours.iter().any(|(own, _)| own == name)
    }

    /// The values of a flag of `ExternalDNS`, without empty ones.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let given = self.theirs.iter().find(|given| given.flag.name == name);
        given
            .into_iter()
            .flat_map(|given| &given.values)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Adds a flag, without its `--`. `next` takes the next argument if it can be a value.
    fn add_text<'t>(
        &mut self,
        text: &'t str,
        next: impl FnOnce() -> Option<&'t str>,
        own: &OwnFlags,
    ) -> Result<(), Mistake> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let Some(named) = Named::find(name, own) else {
            return Err(Mistake::Unknown { name: name.to_owned(), nearest: nearest(name, own) });
        };
        let valued = || value.or_else(next).map(str::to_owned).ok_or(Mistake::NoValue(name.to_owned()));
        match named {
            Named::Switch(flag, _) if value.is_some() => Err(Mistake::Value(flag.name.to_owned())),
            Named::Switch(flag, is_on) => self.add(flag, is_on.to_string()),
            Named::Valued(flag) => self.add(flag, valued()?),
            Named::Ours(flag) => {
                let value = if flag.takes_value { Some(valued()?) } else { value.map(str::to_owned) };
                self.ours.push((name.to_owned(), value));
                Ok(())
            }
        }
    }

    fn add(&mut self, flag: &'static Flag, value: String) -> Result<(), Mistake> {
        match self.theirs.iter_mut().find(|given| given.flag.name == flag.name) {
            None => self.theirs.push(Given { flag, values: vec![value], is_variable: false }),
            Some(given) if flag.kind == Kind::Repeated => given.values.push(value),
            Some(_) => return Err(Mistake::Repeated(flag.name.to_owned())),
        }
        Ok(())
    }
}

// === impl Given ===

impl Given {
    /// Whether a switch is on.
    pub fn is_on(&self) -> bool {
        self.values.iter().any(|value| value == "true")
    }

    /// The flag with one of its values, as it was typed. A secret value is left out.
    pub fn with_value(&self, value: &str) -> String {
        let shown = if self.flag.is_secret() { "…" } else { value };
        match (self.is_variable, self.flag.kind) {
            (true, _) => format!("{}={shown}", self.flag.variable()),
            (false, Kind::Switch) if value == "false" => format!("--no-{}", self.flag.name),
            (false, Kind::Switch) => format!("--{}", self.flag.name),
            (false, _) => format!("--{}={shown}", self.flag.name),
        }
    }
}

/// Shows the flag with all its values.
impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.values.iter().map(|value| self.with_value(value)).collect();
        f.write_str(&all.join(" "))
    }
}

/// A flag by its name on the command line.
enum Named<'o> {
    /// A switch of `ExternalDNS`, and whether the name sets it.
    Switch(&'static Flag, bool),
    /// A flag of `ExternalDNS` with a value.
    Valued(&'static Flag),
    /// A flag of zonekeeper.
    Ours(&'o OwnFlag),
}

// === impl Named ===

impl<'o> Named<'o> {
    /// A flag of `ExternalDNS` comes first: zonekeeper gives the same flag the same name.
    fn find(name: &str, own: &'o OwnFlags) -> Option<Self> {
        let theirs = |name: &str| flags().find(|flag| flag.name == name);
        if let Some(flag) = theirs(name) {
            let is_switch = flag.kind == Kind::Switch;
            return Some(if is_switch { Self::Switch(flag, true) } else { Self::Valued(flag) });
        }
        if let Some(flag) = own.find(name) {
            return Some(Self::Ours(flag));
        }
        let flag = theirs(name.strip_prefix("no-")?).filter(|flag| flag.kind == Kind::Switch)?;
        Some(Self::Switch(flag, false))
    }
}

/// Parses a text as Go's `strconv.ParseBool` does.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The most similar name of a flag.
fn nearest(name: &str, own: &OwnFlags) -> Option<String> {
    let names = flags().map(|flag| flag.name).chain(own.names());
    let rated = names.map(|known| (strsim::jaro_winkler(name, known), known));
    let similar = rated.filter(|(similarity, _)| *similarity >= SIMILAR);
    similar.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> OwnFlags {
        let own = |name: &str, takes_value| OwnFlag {
            names: vec![name.to_owned()],
            variable: Some(format!("ZONEKEEPER_{}", name.to_uppercase().replace('-', "_"))),
            takes_value,
            splits: false,
        };
        [own("zone-id", true), own("namespace", true), own("allow-default-owner", false)]
            .into_iter()
            .collect()
    }

    fn parse(arguments: &[&str]) -> Arguments {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Arguments::parse(&arguments, &own())
    }

    fn with_variables(arguments: &[&str], variables: &[(&str, &str)]) -> Arguments {
        let mut parsed = parse(arguments);
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        parsed.add_variables(&variables, &own());
        parsed
    }

    fn given(arguments: &Arguments) -> Vec<String> {
        assert_eq!(arguments.mistakes, []);
        arguments.theirs.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_value_follows_an_equals_sign_or_is_the_next_argument() {
        let one = parse(&["--source=ingress", "--label-filter=a=b,c", "--txt-prefix="]);
        assert_eq!(given(&one), ["--source=ingress", "--label-filter=a=b,c", "--txt-prefix="]);
        let other = parse(&["--source", "ingress", "--events", "--policy", "sync"]);
        assert_eq!(given(&other), ["--source=ingress", "--events", "--policy=sync"]);
    }

    #[test]
    fn a_switch_has_two_names_and_no_value() {
        assert_eq!(given(&parse(&["--events", "--no-once"])), ["--events", "--no-once"]);
        assert_eq!(parse(&["--events=true"]).mistakes, [Mistake::Value("events".to_owned())]);
        assert_eq!(parse(&["--events", "true"]).mistakes, [Mistake::Loose("true".to_owned())]);
        let unknown = parse(&["--no-policy"]).mistakes;
        assert!(
            matches!(&unknown[..], [Mistake::Unknown { name, .. }] if name == "no-policy"),
            "{unknown:?}"
        );
    }

    #[test]
    fn only_some_flags_may_be_repeated() {
        let both = parse(&["--source=ingress", "--source=service"]);
        assert_eq!(given(&both), ["--source=ingress --source=service"]);
        for arguments in [["--policy=sync", "--policy=sync"], ["--events", "--no-events"]] {
            assert!(matches!(parse(&arguments).mistakes[..], [Mistake::Repeated(_)]), "{arguments:?}");
        }
    }

    #[test]
    fn a_mistake_costs_only_itself() {
        let parsed = parse(&[
            "--policy",
            "--source=ingress",
            "ingress",
            "@file",
            "-v",
            "--zone-id",
            "--",
            "--interval",
        ]);
        let texts: Vec<String> = parsed.mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "--policy needs a value",
                "`ingress` belongs to no flag",
                "zonekeeper reads no arguments from a file: put the lines of `@file` in its place",
                "`-v` belongs to no flag",
                "--zone-id needs a value",
                "`--` belongs to no flag",
                "--interval needs a value",
            ]
        );
        assert_eq!(parsed.values("source").collect::<Vec<_>>(), ["ingress"]);
    }

    #[test]
    fn an_unknown_flag_names_the_nearest_one() {
        for (name, nearest) in [
            ("polciy", Some("policy")),
            ("domain-filters", Some("domain-filter")),
            ("zone-ids", Some("zone-id")),
            ("qqq", None),
        ] {
            let expected = Mistake::Unknown { name: name.to_owned(), nearest: nearest.map(str::to_owned) };
            assert_eq!(parse(&[&format!("--{name}=x")]).mistakes, [expected]);
        }
    }

    #[test]
    fn flags_of_zonekeeper_may_stand_among_those_of_externaldns() {
        let parsed =
            parse(&["--zone-id", "Z1", "--policy=sync", "--allow-default-owner", "--namespace=shop"]);
        assert_eq!(given(&parsed), ["--policy=sync", "--namespace=shop"]);
        let ours = [("zone-id".to_owned(), Some("Z1".to_owned())), ("allow-default-owner".to_owned(), None)];
        assert_eq!(parsed.ours, ours);
    }

    #[test]
    fn a_variable_counts_if_no_argument_gives_its_flag() {
        let variables = [
            ("EXTERNAL_DNS_SOURCE", "service\r\nnode\n"),
            ("EXTERNAL_DNS_POLICY", "upsert-only"),
            ("EXTERNAL_DNS_EVENTS", "1"),
            ("EXTERNAL_DNS_ONCE", "F"),
            ("EXTERNAL_DNS_INTERVAL", ""),
            // Kubernetes sets these for a Service of this name.
            ("EXTERNAL_DNS_SERVICE_HOST", "10.0.0.1"),
            ("EXTERNAL_DNS_PORT", "tcp://10.0.0.1:7979"),
        ];
        let parsed = with_variables(&["--policy=sync"], &variables);
        let mut found = given(&parsed);
        found.sort();
        assert_eq!(
            found,
            [
                "--policy=sync",
                "EXTERNAL_DNS_EVENTS=true",
                "EXTERNAL_DNS_ONCE=false",
                "EXTERNAL_DNS_SOURCE=service EXTERNAL_DNS_SOURCE=node",
            ]
        );
        let bad = with_variables(&[], &[("EXTERNAL_DNS_EVENTS", "yes")]);
        assert!(matches!(bad.mistakes[..], [Mistake::NotBoolean { .. }]));
    }

    #[test]
    fn a_variable_of_zonekeeper_replaces_that_of_externaldns() {
        let variables = [("EXTERNAL_DNS_NAMESPACE", "shop"), ("ZONEKEEPER_NAMESPACE", "blog")];
        let parsed = with_variables(&[], &variables);
        assert_eq!(given(&parsed), [""; 0]);
        assert_eq!(
            parsed.replaced,
            [("EXTERNAL_DNS_NAMESPACE".to_owned(), "ZONEKEEPER_NAMESPACE".to_owned())]
        );
        let parsed = with_variables(&["--namespace=news"], &variables);
        assert_eq!((given(&parsed), parsed.replaced), (vec!["--namespace=news".to_owned()], Vec::new()));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let shown = given(&parse(&["--txt-encrypt-aes-key=abc", "--aws-assume-role-external-id=abc"]));
        assert_eq!(shown, ["--txt-encrypt-aes-key=…", "--aws-assume-role-external-id=…"]);
    }
}
