//! The environment variables of zonekeeper.

use std::collections::BTreeSet;

use clap::CommandFactory;

use super::Cli;

/// The beginning of the names of all variables of zonekeeper.
const PREFIX: &str = "ZONEKEEPER_";
/// Parts of the names of variables that Kubernetes sets for each Service: here for a Service `zonekeeper`, or whose name
/// begins so (Kubernetes, "Accessing the Service").
const OF_SERVICES: [&str; 3] = ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT_"];

/// The variables of zonekeeper that are set.
pub(super) fn set() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(PREFIX)).collect();
    names.sort();
    names
}

/// The names without a meaning, each with the name that was probably meant.
pub(super) fn unknown(names: &[String]) -> Vec<(&str, Option<String>)> {
    let known = known();
    let is_of_service =
        |name: &str| name.ends_with("_PORT") || OF_SERVICES.iter().any(|part| name.contains(part));
    let letters = |name: &str| name.replace('_', "");
    let unknown = names.iter().filter(|name| !known.contains(*name) && !is_of_service(name));
    let meant = |name: &str| known.iter().find(|known| letters(known) == letters(name)).cloned();
    unknown.map(|name| (name.as_str(), meant(name))).collect()
}

/// The variables of all commands.
fn known() -> BTreeSet<String> {
    let cli = Cli::command();
    let commands = [&cli].into_iter().chain(cli.get_subcommands());
    let variables = commands.flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_env);
    variables.filter_map(|name| name.to_str()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_meaning_are_found() {
        let names = [
            "ZONEKEEPER_ZONE_ID",
            "ZONEKEEPER_DRYRUN",
            "ZONEKEEPER_NONSENSE",
            "ZONEKEEPER_SERVICE_HOST",
            "ZONEKEEPER_METRICS_SERVICE_PORT_HTTP",
            "ZONEKEEPER_PORT",
            "ZONEKEEPER_PORT_8080_TCP_ADDR",
        ]
        .map(str::to_owned);
        let meant = Some("ZONEKEEPER_DRY_RUN".to_owned());
        assert_eq!(unknown(&names), [("ZONEKEEPER_DRYRUN", meant), ("ZONEKEEPER_NONSENSE", None)]);
    }
}
