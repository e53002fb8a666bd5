//! The generated pages of `docs/reference`, and the names of flags, metrics and files on all pages.
//!
//! `UPDATE=1` writes the generated pages.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

use clap::{Arg, Command, CommandFactory};
use serde_json::Value;
use zonekeeper::{
    cli::Cli,
    driver::Status,
    externaldns::{self, Kind, Meaning, Outcome, Refusal},
    route53::{self, KnownCode, SERVICE_CODES, TRANSPORT_CODES},
    telemetry::{Metrics, ZoneInfo},
};
use zonekeeper_core::{
    keeper::{FailureClass, Gate},
    source::{Resource, Scope},
};

use crate::{pages, terraform};

const GENERATED: &str =
    "<!-- Generated from the code: `make documents` writes it, `make test` compares it. -->";
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Other programs with commands on the pages.
const OTHERS: [&str; 12] = [
    "aws ",
    "cargo ",
    "cd ",
    "cosign ",
    "curl ",
    "docker ",
    "git ",
    "helm ",
    "kubectl ",
    "sha256sum ",
    "terraform ",
    "tofu ",
];
/// Flags of other programs in the text of the pages.
const OTHER_FLAGS: [&str; 5] = ["help", "version", "event-ttl", "platform", "set"];
const MAKEFILE: &str = include_str!("../../Makefile");

#[test]
fn the_page_of_flags_is_current() {
    let mut page = format!(
        "# Flags\n\n{GENERATED}\n\nEach flag can be given by environment instead. `zonekeeper COMMAND --help` says the \
         same of one command.\n\n| command | does |\n|---|---|\n"
    );
    let cli = Cli::command();
    for command in cli.get_subcommands() {
        writeln!(page, "| `{}` | {} |", command.get_name(), command.get_about().unwrap()).unwrap();
    }
    for (heading, flags) in by_heading(&cli) {
        writeln!(page, "\n## {heading}\n\n| flag | default | means | of |\n|---|---|---|---|").unwrap();
        for (flag, commands) in flags {
            writeln!(page, "| {} | {} | {} | {commands} |", names(&flag), default(&flag), meaning(&flag))
                .unwrap();
        }
    }
    add_flags_of_externaldns(&mut page);
    is_current("flags.md", &page);
}

/// Adds a table of the flags of ExternalDNS. Flags with the same text share a row.
fn add_flags_of_externaldns(page: &mut String) {
    page.push_str(
        "\n## Flags of ExternalDNS\n\nzonekeeper accepts a command line of ExternalDNS 0.22 in place of a command: see \
         [migrate](../tasks/migrate.md). Its environment counts too: `EXTERNAL_DNS_` and the name of the flag. A flag *stays* if zonekeeper \
         does the same. It *differs* if zonekeeper starts, and does something else. It is *refused* if zonekeeper does not start with \
         it.\n\n| flag of ExternalDNS | class | zonekeeper |\n|---|---|---|\n",
    );
    let mut rows: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
    for flag in externaldns::flags() {
        let name = if flag.kind == Kind::Switch { "[no-]" } else { "" };
        rows.entry(class(flag)).or_default().push(format!("`--{name}{}`", flag.name));
    }
    // The classes of one flag come before those of many.
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|((class, text), flags)| (flags.len() > 30, *class != "stays", *class, text.clone()));
    for ((class, text), flags) in rows {
        writeln!(page, "| {} | {class} | {text} |", flags.join(", ")).unwrap();
    }
}

/// The class of a flag of ExternalDNS, with a text.
fn class(flag: &externaldns::Flag) -> (&'static str, String) {
    let refused = |Refusal { why, instead }: &Refusal| format!("{why}. Instead: {instead}");
    match &flag.meaning {
        Meaning::Same(name) if *name == flag.name => ("stays", "the same flag".to_owned()),
        Meaning::Same(name) => ("stays", format!("`--{name}`")),
        Meaning::Zone => {
            ("stays", "`--zone-id`, if it names one zone. Refused if it names several".to_owned())
        }
        Meaning::Pointless(why) => ("differs", (*why).to_owned()),
        Meaning::Refused(refusal) => ("refused", refused(refusal)),
        Meaning::Values { flag: own, known, others } => {
            let value = |(value, outcome): &(&str, Outcome)| match (outcome, own) {
                (Outcome::Refused(refusal), _) => format!("`{value}` is refused: {}", refused(refusal)),
                (Outcome::Is(ours), Some(flag)) if ours != value => format!("`{value}` is `--{flag}={ours}`"),
                (Outcome::Is(_), _) => format!("`{value}` stays"),
            };
            let values: Vec<String> = known.iter().map(value).collect();
            ("by value", format!("{}. Others are refused: {}", values.join(". "), refused(others)))
        }
    }
}

#[test]
fn the_page_of_metrics_is_current() {
    let mut page = format!(
        "# Metrics\n\n{GENERATED}\n\nOn `/metrics` of `--metrics-address`, in the text format of OpenMetrics.\n\n\
         | metric | kind | labels | means |\n|---|---|---|---|\n"
    );
    let text = everything_measured();
    let of = |line: &str, word: &str| {
        let (name, rest) = line.strip_prefix(word)?.split_once(' ')?;
        Some((name.to_owned(), rest.to_owned()))
    };
    let kinds: BTreeMap<_, _> = text.lines().filter_map(|line| of(line, "# TYPE ")).collect();
    let helps: BTreeMap<_, _> = text.lines().filter_map(|line| of(line, "# HELP ")).collect();
    for (name, help) in helps {
        let kind = &kinds[&name];
        let full = match kind.as_str() {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            "histogram" => format!("{name}_bucket"),
            _ => name,
        };
        let is_sample = |line: &&str| line.split(['{', ' ']).next() == Some(&full);
        let sample = text.lines().find(is_sample).unwrap_or_else(|| panic!("no {full} in\n{text}"));
        let labels = sample
            .split_once('{')
            .and_then(|(_, rest)| rest.split_once('}'))
            .map_or("", |(labels, _)| labels);
        let labels: Vec<String> = labels
            .split(',')
            .filter_map(|label| label.split_once('='))
            .map(|(key, _)| format!("`{key}`"))
            .collect();
        writeln!(page, "| `{full}` | {kind} | {} | {help} |", labels.join(", ")).unwrap();
    }
    is_current("metrics.md", &page);
}

#[test]
fn the_page_of_failures_is_current() {
    let mut page = format!(
        "# Failures\n\n{GENERATED}\n\nThis page lists the ways in which a request to Route 53 can fail, and the reaction of \
         zonekeeper. The log has the code (`error_code`). The metric `zonekeeper_requests_total` has it too (`code`), or \
         `other` for a code that is not on this page. zonekeeper never sends a request again \
         blindly: it decides anew before each request.\n\n| class | reaction |\n|---|---|\n"
    );
    for class in CLASSES {
        writeln!(page, "| `{}` | {} |", class.label(), reaction(class)).unwrap();
    }
    for (title, table) in
        [("Codes of Route 53", &SERVICE_CODES[..]), ("Codes of zonekeeper", &TRANSPORT_CODES)]
    {
        writeln!(
            page,
            "\n## {title}\n\n| code | meaning | class for a read | class for a change |\n|---|---|---|---|"
        )
        .unwrap();
        for KnownCode { codes, means, read, change } in table {
            let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
            let [read, change] = [*read, *change].map(FailureClass::label);
            writeln!(page, "| {} | {means} | `{read}` | `{change}` |", codes.join(", ")).unwrap();
        }
    }
    page.push_str(
        "\nThe message of a `refused` request can change its class. It is \
         `zone-full` if the message names the limit of record sets, and `busy` if the message says that the zone is disabled \
         for mutation. Any other code is `refused` with a status below 500, and `unknown` with a status of \
         500 or above. An answer of status 413 without a code is `refused`, so that zonekeeper splits the batch.\n\n\
         ## Which hostname is refused\n\n\
         Route 53 refuses a batch as a whole. zonekeeper finds the units that the message means, and sends the others again at \
         once. It understands these messages, also several in one answer, and also the list `Messages` of the older format:\n\n\
         | the message has | example | then |\n|---|---|---|\n\
         | the name of a record set or of its ownership record | `[Tried to create resource record set \
         [name='www.example.com.', type='A'] but it already exists]`, `RRSet with DNS name www.example.com. is not permitted …`, \
         `… invalid set of changes for a resource record set 'TXT a-www.example.com.'` | the unit is sent once more, alone, \
         after a second. If Route 53 refuses it again, it waits for ten minutes, or for a change of its object or of the zone. For a protected record, the wait doubles instead |\n\
         | the position of a change | `… at 'changeBatch.changes.3.member.resourceRecordSet.ttl' failed to satisfy constraint` | \
         the same |\n\
         | the target of an alias | `Tried to create an alias that targets lb.example.com., type A in zone Z…, but that target was \
         not found` | all units of the batch with this target are sent again, each alone, after a wait that doubles from one \
         second to ten minutes: Route 53 may know a new load balancer soon |\n\
         | a value in quotes | `FATAL problem: … encountered with '192.0.2.256'` | the same |\n\
         | nothing of this | | the batch is halved until the unit is found |\n",
    );
    is_current("failures.md", &page);
}

#[test]
fn what_the_pages_speak_of_is_there() {
    let cli = Cli::command();
    let own = by_heading(&cli).into_values().flatten().flat_map(|(flag, _)| longs(&flag));
    let flags: BTreeSet<String> = own.chain(externaldns::flags().map(|flag| flag.name.to_owned())).collect();
    let measured = everything_measured();
    let gates = gates();
    for path in pages::all() {
        let page = pages::read_at(&path);
        let (folder, path) = (path.parent().unwrap(), path.display());
        let is_ours = |line: &&str| !OTHERS.iter().any(|other| line.trim_start().starts_with(other));
        let words = page
            .lines()
            .filter(is_ours)
            .flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c))));
        for word in words {
            if let Some(flag) =
                word.strip_prefix("--").filter(|flag| !flag.starts_with('-') && !flag.is_empty())
            {
                assert!(flags.contains(flag) || OTHER_FLAGS.contains(&flag), "{path}: there is no --{flag}");
            }
            if word.starts_with("zonekeeper_") {
                assert!(measured.contains(&format!("\n{word}")), "{path}: there is no metric {word}");
            }
        }
        for link in pages::links(&page) {
            let (linked, anchor) = link.split_once('#').unwrap_or((link, ""));
            assert!(folder.join(linked).exists(), "{path}: there is no {linked}");
            if !anchor.is_empty() {
                let linked =
                    if linked.is_empty() { page.clone() } else { pages::read_at(&folder.join(linked)) };
                assert!(pages::headings(&linked).contains(anchor), "{path}: there is no heading #{anchor}");
            }
        }
        for command in pages::commands(&page) {
            is_a_command(&command).unwrap_or_else(|why| panic!("{path}: {command}: {why}"));
        }
        for gate in page.split("gate=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(gates.iter().any(|known| known == gate), "{path}: there is no gate {gate}");
        }
    }
    let page = pages::read("docs/reference/gates.md");
    for gate in gates {
        assert!(
            page.contains(&format!("`{gate}`")),
            "docs/reference/gates.md does not describe the gate {gate}"
        );
    }
}

/// Checks a command: the program accepts its arguments, and this checkout has its files and make targets.
fn is_a_command(command: &str) -> Result<(), String> {
    let (command, next) = command.split_once(" | ").unwrap_or((command, ""));
    if next.starts_with("zonekeeper ") {
        is_a_command(next)?;
    }
    let (program, arguments) = command.split_once(' ').unwrap_or((command, ""));
    let check = |is_right: bool, why: &str| is_right.then_some(()).ok_or_else(|| why.to_owned());
    match program {
        "zonekeeper" => parses(arguments),
        "make" => {
            let target = format!("{}:", arguments.split(' ').next().unwrap_or_default());
            check(MAKEFILE.lines().any(|line| line.starts_with(&target)), "no such target")
        }
        "kubectl" => {
            // A pod gets the zone id and the owner id from its environment.
            if let Some((_, arguments)) = arguments.split_once(" -- /zonekeeper ") {
                return parses(&format!("{arguments} --zone-id Z0123456789EXAMPLE --owner-id prod-eu"));
            }
            let named = |option: &str| {
                let (_, rest) = arguments.split_once(option)?;
                rest.split(' ').next().filter(|file| *file != "-").map(pages::place)
            };
            let files = [" -f ", " --filename "].into_iter().filter_map(named);
            check(files.into_iter().all(|file| file.exists()), "no such file")?;
            let is_folder = named(" -k ").is_none_or(|folder| folder.join("kustomization.yaml").exists());
            check(is_folder, "no such folder")
        }
        "helm" => has_values(arguments),
        "terraform" | "tofu" => terraform::pages::accepts(arguments),
        "cd" => check(Path::new(ROOT).join(arguments).is_dir(), "no such folder"),
        other => check(OTHERS.iter().any(|known| known.trim_end() == other), "no such program"),
    }
}

/// Checks a command of Helm: our chart has the values that it sets, and the controller its flags.
fn has_values(arguments: &str) -> Result<(), String> {
    const CHART: &str = "charts/zonekeeper";
    if !arguments.contains(CHART) {
        return Ok(());
    }
    let defaults: Value = serde_saphyr::from_str(&pages::read(&format!("{CHART}/values.yaml"))).unwrap();
    let words: Vec<&str> = arguments.split(' ').collect();
    for pair in words.windows(2).filter(|pair| pair[0] == "--set") {
        let (name, value) = pair[1].split_once('=').ok_or("a value is missing")?;
        let mut found = &defaults;
        // An empty map has the fields that a user chooses.
        for field in name.split('.') {
            if found.as_object().is_some_and(serde_json::Map::is_empty) {
                break;
            }
            found = found.get(field).ok_or(format!("the chart has no value {name}"))?;
        }
        if let Some(flag) = name.strip_prefix("flags.") {
            parses(&format!("run --zone-id Z0123456789EXAMPLE --owner-id prod-eu --{flag}={value}"))?;
        }
    }
    Ok(())
}

/// Checks that the program accepts these arguments.
fn parses(arguments: &str) -> Result<(), String> {
    match Cli::read(arguments.split(' ').map(Into::into).collect(), BTreeMap::new()) {
        Err(error) if error.use_stderr() => Err(error.to_string()),
        _ => Ok(()),
    }
}

const CLASSES: [FailureClass; 9] = [
    FailureClass::Throttled,
    FailureClass::Busy,
    FailureClass::NotExecuted,
    FailureClass::Unknown,
    FailureClass::Refused,
    FailureClass::Denied,
    FailureClass::ZoneFull,
    FailureClass::Account,
    FailureClass::Withheld,
];

/// The reaction of the keeper to a class of failures. A new class needs a text here, and an entry in
/// [`CLASSES`].
fn reaction(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Throttled => {
            "It waits one to three seconds. It also halves its share of the account's quota, which then recovers slowly. The \
             first throttle after a start only shows that the process before has used the quota."
        }
        FailureClass::Busy => "It waits one to three seconds.",
        FailureClass::NotExecuted => {
            "It tries again after one to three seconds, because Route 53 did not execute the request."
        }
        FailureClass::Unknown => {
            "It waits one to three seconds. After a change, it reads the zone before it decides again, because Route 53 \
             may have executed the change."
        }
        FailureClass::Refused => {
            "It splits the batch by what the message means, or into halves. The other units continue at once. It blocks \
             a unit that is rejected alone, and tries it again after at most ten minutes, or when its object or its part of \
             the zone changes: see the last section. After a read, it waits one to three seconds."
        }
        FailureClass::Denied => {
            "It does the same, with the reason `DeniedByIAM`. If IAM denies every change, it sends one change at a time as \
             a probe."
        }
        FailureClass::ZoneFull => {
            "It blocks units that create record sets (`ZoneFull`). Units that only replace record sets continue."
        }
        FailureClass::Account => {
            "It closes the gate `account` and sends one probe, after a wait that doubles from one second to one minute. \
             The first success opens the gate."
        }
        FailureClass::Withheld => "It decides again, because it sent no request.",
    }
}

/// The names of the gates in the metrics and in `/readyz`. A new gate needs an entry here.
fn gates() -> Vec<String> {
    let name = |gate: &Gate| match gate {
        Gate::Objects(_)
        | Gate::Zone
        | Gate::StaleZone
        | Gate::Leadership
        | Gate::DryRun
        | Gate::Approval
        | Gate::Account
        | Gate::Changes => gate.to_string(),
    };
    let objects = Resource::ALL.map(|resource| Gate::Objects(Scope { resource, namespace: None }));
    let others = [
        Gate::Zone,
        Gate::StaleZone,
        Gate::Leadership,
        Gate::DryRun,
        Gate::Approval,
        Gate::Account,
        Gate::Changes,
    ];
    let labels: BTreeSet<&str> = objects.iter().chain(&others).map(Gate::label).collect();
    assert_eq!(labels, Gate::LABELS.into());
    objects
        .iter()
        .chain(&others)
        .map(name)
        .chain(["starting".to_owned(), Gate::LABELS[0].to_owned()])
        .collect()
}

fn longs(flag: &Arg) -> Vec<String> {
    let aliases = flag.get_visible_aliases().unwrap_or_default().into_iter();
    flag.get_long().into_iter().chain(aliases).map(str::to_owned).collect()
}

/// The flags of all commands by heading, each with the commands that have it.
fn by_heading(cli: &Command) -> BTreeMap<String, Vec<(Arg, String)>> {
    let mut headings: BTreeMap<String, Vec<(Arg, Vec<&str>)>> = BTreeMap::new();
    for command in cli.get_subcommands() {
        let flags = command.get_arguments().chain(cli.get_arguments().filter(|flag| flag.is_global_set()));
        for flag in flags.filter(|flag| flag.get_long().is_some_and(|long| long != "help")) {
            let heading =
                flag.get_help_heading().map_or_else(|| command.get_name().to_owned(), str::to_owned);
            let flags = headings.entry(heading).or_default();
            match flags.iter_mut().find(|(known, _)| known.get_long() == flag.get_long()) {
                Some((_, commands)) => commands.push(command.get_name()),
                None => flags.push((flag.clone(), vec![command.get_name()])),
            }
        }
    }
    let joined = |(flag, commands): (Arg, Vec<&str>)| (flag, commands.join(", "));
    headings.into_iter().map(|(heading, flags)| (heading, flags.into_iter().map(joined).collect())).collect()
}

fn names(flag: &Arg) -> String {
    let mut names = vec![format!("`--{}`", flag.get_long().unwrap())];
    names.extend(flag.get_short().map(|short| format!("`-{short}`")));
    names.extend(flag.get_visible_aliases().unwrap_or_default().iter().map(|alias| format!("`--{alias}`")));
    names.extend(flag.get_env().map(|name| format!("`{}`", name.to_string_lossy())));
    names.join("<br>")
}

fn default(flag: &Arg) -> String {
    let values = flag.get_default_values().iter().map(|value| value.to_string_lossy());
    let values: Vec<_> =
        values.filter(|value| !matches!(&**value, "" | "false")).map(|value| format!("`{value}`")).collect();
    if flag.is_required_set() { "required".to_owned() } else { values.join(", ") }
}

fn meaning(flag: &Arg) -> String {
    let help = flag.get_long_help().or(flag.get_help()).unwrap().to_string().replace('\n', " ");
    let help = format!("{}.", help.trim_end_matches('.'));
    let values = flag.get_possible_values();
    // A switch is given without a value.
    let is_switch = values.iter().all(|value| matches!(value.get_name(), "true" | "false"));
    let values: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
    if is_switch { help } else { format!("{help} One of {}.", values.join(", ")) }
}

/// A scrape in which every metric has a value.
fn everything_measured() -> String {
    let metrics = Metrics::new(route53::codes());
    metrics.set_zone(ZoneInfo {
        zone_id: "Z0123456789EXAMPLE".to_owned(),
        zone_name: "example.com".to_owned(),
        owner: "prod".to_owned(),
        mode: "apply",
    });
    metrics.render(&Status::default()).unwrap()
}

/// Compares a generated page of `docs/reference`, or writes it.
pub fn is_current(name: &str, page: &str) {
    is_current_at(&format!("docs/reference/{name}"), page);
}

/// Compares a generated file of the repository, or writes it.
pub fn is_current_at(path: &str, text: &str) {
    let file = Path::new(ROOT).join(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == text, "{path} is out of date: run `make documents`");
}
