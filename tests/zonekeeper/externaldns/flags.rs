//! The class of each flag of ExternalDNS.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use clap::CommandFactory;
use zonekeeper::{
    cli::Cli,
    externaldns::{Flag, Kind, Meaning, Outcome, Refusal, flags},
};

use super::binary::Binary;

/// The flags of ExternalDNS 0.22, as its help shows them. `…` means that a flag may be repeated.
const LIST: &str = include_str!("flags.txt");
/// The flags of earlier versions in the table.
const EARLIER: [&str; 1] = ["--[no-]txt-new-format-only"];

/// A flag as the list shows it.
fn shown(flag: &Flag) -> String {
    match flag.kind {
        Kind::Switch => format!("--[no-]{}", flag.name),
        Kind::Single => format!("--{}", flag.name),
        Kind::Repeated => format!("--{} …", flag.name),
    }
}

/// The flags of `zonekeeper run`.
fn own() -> BTreeSet<String> {
    let cli = Cli::command();
    let run = cli.find_subcommand("run").unwrap().get_arguments();
    let global = cli.get_arguments().filter(|flag| flag.is_global_set());
    run.chain(global).filter_map(|flag| flag.get_long().map(str::to_owned)).collect()
}

#[test]
fn each_flag_of_externaldns_has_exactly_one_class() {
    let table: Vec<String> = flags().map(shown).collect();
    let unique: BTreeSet<&str> = table.iter().map(String::as_str).collect();
    assert_eq!(unique.len(), table.len(), "a flag has two rows");
    let expected: BTreeSet<&str> = LIST.lines().chain(EARLIER).collect();
    assert_eq!(unique, expected);
}

#[test]
fn a_flag_that_means_the_same_is_a_flag_of_zonekeeper() {
    let own = own();
    let named = flags().filter_map(|flag| flag.meaning.own_name());
    let missing: Vec<&str> = named.filter(|name| !own.contains(*name)).collect();
    assert!(missing.is_empty(), "zonekeeper has no {missing:?}");
    // A flag with the name of ExternalDNS means the same.
    for flag in flags().filter(|flag| own.contains(flag.name)) {
        let name = flag.meaning.own_name();
        assert_eq!(name, Some(flag.name), "zonekeeper has this flag, and the table does not use it");
    }
}

#[test]
fn each_kind_of_objects_that_zonekeeper_reads_is_a_known_source() {
    let source = flags().find(|flag| flag.name == "source").unwrap();
    let Meaning::Values { known, .. } = &source.meaning else { panic!("{source:?}") };
    let known: BTreeSet<&str> = known.iter().map(|(name, _)| *name).collect();
    let cli = Cli::command();
    let run = cli.find_subcommand("run").unwrap();
    let own = run.get_arguments().find(|flag| flag.get_long() == Some("source")).unwrap();
    let own = own.get_possible_values();
    assert_eq!(known, own.iter().map(clap::builder::PossibleValue::get_name).collect());
}

#[test]
fn each_class_has_a_text() {
    let is_text = |text: &str| !text.ends_with('.') && text.contains(' ') && text.len() < 120;
    let is_refusal = |Refusal { why, instead }: &Refusal| is_text(why) && is_text(instead);
    for flag in flags() {
        let has_text = match &flag.meaning {
            Meaning::Same(_) | Meaning::Zone => true,
            Meaning::Values { known, others, .. } => {
                let refused = known.iter().filter_map(|(_, outcome)| match outcome {
                    Outcome::Is(_) => None,
                    Outcome::Refused(refusal) => Some(refusal),
                });
                refused.chain([others]).all(is_refusal)
            }
            Meaning::Pointless(why) => is_text(why),
            Meaning::Refused(refusal) => is_refusal(refusal),
        };
        assert!(has_text, "{flag:?}");
    }
}

#[test]
fn each_flag_has_its_variable() {
    let variables: BTreeMap<String, &str> = flags().map(|flag| (flag.variable(), flag.name)).collect();
    assert_eq!(variables.len(), flags().count());
    assert_eq!(variables["EXTERNAL_DNS_AWS_ZONE_TYPE"], "aws-zone-type");
}

#[test]
#[ignore = "needs ExternalDNS: make record EXTERNAL_DNS=path"]
fn recorder_the_list_is_the_help_of_externaldns() {
    let help = Command::new(Binary::of_environment().path()).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stderr).unwrap();
    let flags = help.lines().filter(|line| line.starts_with("  --"));
    let shown = flags.map(|line| {
        let (flag, rest) = line.trim_start().split_once(['=', ' ']).unwrap();
        let is_repeated = rest.contains("...");
        format!("{flag}{}", if is_repeated { " …" } else { "" })
    });
    let of_kingpin = ["--[no-]help", "--[no-]version"].map(str::to_owned);
    let shown: BTreeSet<String> = shown.filter(|flag| !of_kingpin.contains(flag)).collect();
    assert_eq!(shown, LIST.lines().map(str::to_owned).collect());
}
