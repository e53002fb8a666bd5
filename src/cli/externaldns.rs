//! A command line of `ExternalDNS` in place of a command.

use std::{ffi::OsString, fmt::Write as _};

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};
use tracing::{info, warn};

use super::Cli;
use crate::{
    config::Config,
    error_chain,
    externaldns::{
        Arguments, CommandLine, MANDATORY, Mistake, OwnFlag, OwnFlags, Translation, Variables, flags,
    },
};

/// Arguments that ask for a text of zonekeeper.
const QUESTIONS: [&str; 4] = ["--help", "-h", "--version", "-V"];

// === impl Cli ===

impl Cli {
    /// Parses the arguments of a process, without the name of the program. The arguments and variables of `ExternalDNS`,
    /// which have no command, run the controller.
    ///
    /// # Errors
    ///
    /// The arguments have no meaning, or zonekeeper refuses what they mean to `ExternalDNS`.
    pub fn read(arguments: Vec<OsString>, variables: Variables) -> Result<Self, clap::Error> {
        let own = own_flags();
        let texts: Vec<String> = arguments.iter().map(|it| it.to_string_lossy().into_owned()).collect();
        if !is_externaldns(&texts, &variables, &own) {
            return Self::try_parse_from(["zonekeeper".into()].into_iter().chain(arguments));
        }
        if let Some(question) = texts.iter().find(|argument| QUESTIONS.contains(&argument.as_str())) {
            return Self::try_parse_from(["zonekeeper", question]);
        }
        let line = CommandLine { arguments: texts, variables, ..CommandLine::default() };
        let (translation, run) = translate(line);
        if let Some(run) = run {
            return Ok(Self { translation: Some(translation), ..run });
        }
        let mut text = "this command line of ExternalDNS cannot be used".to_owned();
        for refused in &translation.report.refused {
            let _ = write!(text, "\n  {refused}");
        }
        text.push_str("\n\n`zonekeeper migrate-check -- ARGUMENTS` shows what every flag means");
        Err(Self::command().error(ErrorKind::InvalidValue, text))
    }
}

/// Logs what zonekeeper makes of a command line of `ExternalDNS`: the flags of zonekeeper, and one warning for each flag
/// without an effect.
pub(super) fn announce(translation: &Translation) {
    info!("the command line is that of ExternalDNS; the same for zonekeeper is: run {}", translation.text());
    for differs in translation.report.differs.iter().filter(|differs| differs.is_given) {
        warn!("a flag of ExternalDNS has no effect: {differs}");
    }
}

/// Translates a command line, and parses the command `run` with the flags of zonekeeper. A flag that `run` rejects is refused
/// too. There is no command if something is refused.
pub(super) fn translate(line: CommandLine) -> (Translation, Option<Cli>) {
    let mut translation = line.translate(&own_flags());
    if !translation.report.refused.is_empty() {
        return (translation, None);
    }
    match run(translation.arguments(|_| true)) {
        Ok(run) => (translation, Some(run)),
        Err(why) => {
            translation.report.reject(why);
            (translation, None)
        }
    }
}

/// Parses the command `run`, and checks the values of its flags.
fn run(arguments: Vec<String>) -> Result<Cli, String> {
    let command = ["zonekeeper", "run"].map(str::to_owned);
    let cli = Cli::try_parse_from(command.into_iter().chain(arguments)).map_err(|why| {
        // The first paragraph says what is wrong. The others show the usage.
        let text = why.to_string();
        let (text, _) = text.split_once("\n\n").unwrap_or((&text, ""));
        let text = text.strip_prefix("error: ").unwrap_or(text);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    })?;
    if let Some(flags) = cli.flags() {
        Config::try_from(flags.clone()).map_err(|why| error_chain::text(&why))?;
    }
    Ok(cli)
}

/// The flags of `zonekeeper run`.
fn own_flags() -> OwnFlags {
    let cli = Cli::command();
    let run = cli.find_subcommand("run").into_iter().flat_map(clap::Command::get_arguments);
    let global = cli.get_arguments().filter(|flag| flag.is_global_set());
    let own = |flag: &clap::Arg| OwnFlag {
        names: flag
            .get_long()
            .into_iter()
            .chain(flag.get_all_aliases().unwrap_or_default())
            .map(str::to_owned)
            .collect(),
        variable: flag.get_env().map(|name| name.to_string_lossy().into_owned()),
        takes_value: flag.get_action().takes_values(),
        splits: flag.get_value_delimiter().is_some(),
    };
    run.chain(global).map(own).collect()
}

/// Whether arguments are those of `ExternalDNS`: they begin with a flag, have no command, and have a mandatory flag of
/// `ExternalDNS`, on the command line or as a variable.
fn is_externaldns(arguments: &[String], variables: &Variables, own: &OwnFlags) -> bool {
    if arguments.first().is_some_and(|first| !first.starts_with("--")) {
        return false;
    }
    let given = Arguments::parse(arguments, own);
    let cli = Cli::command();
    let is_command = |mistake: &Mistake| matches!(mistake, Mistake::Loose(word) if word == "help" || cli.find_subcommand(word).is_some());
    if given.mistakes.iter().any(is_command) {
        return false;
    }
    let is_mandatory = |name: &str| MANDATORY.iter().any(|(mandatory, _)| *mandatory == name);
    let is_set = |name: String| variables.get(&name).is_some_and(|value| !value.is_empty());
    given.theirs.iter().any(|given| is_mandatory(given.flag.name))
        || flags().filter(|flag| is_mandatory(flag.name)).any(|flag| is_set(flag.variable()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(arguments: &str, variables: &[(&str, &str)]) -> Translation {
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let arguments = arguments.split_whitespace().map(str::to_owned).collect();
        CommandLine { arguments, variables, ..CommandLine::default() }.translate(&own_flags())
    }

    /// The flags of zonekeeper for arguments beside those that every command line has.
    fn flags_of(arguments: &str) -> String {
        let base =
            "--provider=aws --source=ingress --policy=upsert-only --txt-owner-id=prod --publish=annotated";
        let translation = translated(&format!("{base} --annotation-prefix=a/ --zone-id=Z1 {arguments}"), &[]);
        let refused: Vec<String> = translation.report.refused.iter().map(ToString::to_string).collect();
        assert_eq!(refused, [""; 0], "{arguments}");
        let fixed = [
            "--source=ingress",
            "--owner-id=prod",
            "--annotation-prefix=a/",
            "--publish=annotated",
            "--zone-id=Z1",
        ];
        let own = translation.arguments(|_| true);
        own.into_iter().filter(|own| !fixed.contains(&own.as_str())).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_flag_with_the_same_meaning_is_passed_on() {
        for (arguments, own) in [
            ("--namespace=shop --once --dry-run", "--namespace=shop --once --dry-run"),
            ("--no-once --events --interval 30s", ""),
            ("--no-exclude-unschedulable", "--exclude-unschedulable=false"),
            ("--exclude-unschedulable", "--exclude-unschedulable=true"),
            ("--migrate-from-txt-owner=old", "--adopt-from-owner=old"),
            ("--log-level=warning --log-format=json", "--log-level=warn --log-format=json"),
            ("--log-level=panic", "--log-level=error"),
            (
                "--managed-record-types=A --managed-record-types=CNAME",
                "--managed-record-types=A --managed-record-types=CNAME",
            ),
            ("--exclude-record-types=AAAA", "--exclude-record-types=AAAA"),
            ("--txt-prefix=x- --txt-suffix=", "--txt-prefix=x-"),
            ("--zone-id-filter=Z1 --aws-zone-match-parent", ""),
            ("--mode=approve --resync 5m", "--mode=approve --resync=5m"),
            ("--no-txt-encrypt-enabled --no-create-ptr --compatibility= --azure-config-file=x", ""),
        ] {
            assert_eq!(flags_of(arguments), own, "{arguments}");
        }
    }

    #[test]
    fn defaults_of_externaldns_become_flags() {
        let all =
            "--provider=aws --source=service --policy=upsert-only --zone-id-filter=Z1 --allow-default-owner";
        let own = translated(all, &[]).arguments(|_| true).join(" ");
        assert_eq!(
            own,
            "--source=service --allow-default-owner --zone-id=Z1 --owner-id=default --publish=all \
             --service-type-filter=ClusterIP,NodePort,LoadBalancer,ExternalName"
        );
        // Variables of zonekeeper are a choice too.
        let variables = [
            ("ZONEKEEPER_PUBLISH", "annotated"),
            ("ZONEKEEPER_SERVICE_TYPE_FILTER", "LoadBalancer"),
            ("ZONEKEEPER_OWNER_ID", "prod"),
            ("ZONEKEEPER_ZONE_ID", "Z2"),
        ];
        let own = "--provider=aws --source=service --policy=upsert-only";
        assert_eq!(translated(own, &variables).arguments(|_| true), ["--source=service"]);
    }

    #[test]
    fn a_difference_is_named() {
        let base = "--provider=aws --source=ingress --policy=upsert-only --txt-owner-id=prod";
        let differs = |arguments: &str, variables: &[(&str, &str)]| -> Vec<String> {
            let report = translated(&format!("{base} {arguments}"), variables).report;
            assert!(report.refused.is_empty(), "{report}");
            report.differs.iter().filter(|differs| differs.is_given).map(|it| it.given.clone()).collect()
        };
        assert_eq!(
            differs("--zone-id=Z1 --interval=1m --gloo-namespace=a --gloo-namespace=b", &[]),
            ["--interval=1m", "--gloo-namespace=a --gloo-namespace=b"]
        );
        let zones = "--zone-id=Z1 --zone-id-filter=Z1 --zone-id-filter=Z2";
        assert_eq!(differs(zones, &[]), ["--zone-id-filter=Z1 --zone-id-filter=Z2"]);
        let both = [("EXTERNAL_DNS_NAMESPACE", "shop"), ("ZONEKEEPER_NAMESPACE", "blog")];
        assert_eq!(differs("--zone-id=Z1", &both), ["EXTERNAL_DNS_NAMESPACE"]);
    }

    #[test]
    fn a_value_that_a_file_leaves_open_counts_as_given() {
        let file = "
kind: Deployment
spec:
  template:
    spec:
      containers:
        - name: external-dns
          args: [--provider=aws, --source=$(SOURCE), --policy=upsert-only, --zone-id-filter=$(ZONE)]
          env: [{name: EXTERNAL_DNS_TXT_OWNER_ID, valueFrom: {configMapKeyRef: {name: a, key: b}}}]
";
        let refused = |others: &str| -> Vec<String> {
            let others = others.split_whitespace().map(str::to_owned).collect();
            let line = CommandLine::of_deployment(file, &Variables::new()).unwrap();
            let report = CommandLine { others, ..line }.translate(&own_flags()).report;
            report.refused.into_iter().map(|refused| refused.given).collect()
        };
        assert_eq!(
            refused(""),
            ["EXTERNAL_DNS_TXT_OWNER_ID", "--source=$(SOURCE)", "--zone-id-filter=$(ZONE)"]
        );
        assert_eq!(refused("--source=ingress --zone-id-filter=Z1"), ["EXTERNAL_DNS_TXT_OWNER_ID"]);
        assert_eq!(refused("--source=ingress --zone-id-filter=Z1 --txt-owner-id=prod"), [""; 0]);
    }

    #[test]
    fn a_value_is_open_if_a_part_of_it_is() {
        let report = |arguments: &str, variables: &[(&str, &str)]| {
            let file = format!(
                "{{kind: Deployment, spec: {{template: {{spec: {{containers: [{{name: external-dns, args: [--provider=aws, \
                 --policy=upsert-only, --source=service, --zone-id=Z1, {arguments}], env: [{{name: C, value: prod}}, {{name: S, \
                 valueFrom: {{}}}}, {{name: EXTERNAL_DNS_NAMESPACE, value: $(S)}}]}}]}}}}}}}}"
            );
            let process =
                variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            CommandLine::of_deployment(&file, &process).unwrap().translate(&own_flags()).report
        };
        let refused = |arguments: &str, variables: &[(&str, &str)]| -> Vec<String> {
            report(arguments, variables).refused.into_iter().map(|refused| refused.given).collect()
        };
        let namespace = "EXTERNAL_DNS_NAMESPACE";
        assert_eq!(refused("--txt-owner-id=$(C)-$(S)", &[]), [namespace, "--txt-owner-id=$(C)-$(S)"]);
        assert_eq!(refused("--txt-owner-id=$(C)-$$(S)", &[]), [namespace]);
        assert_eq!(refused("--txt-owner-id, $(S)", &[]), [namespace, "--txt-owner-id $(S)"]);
        assert_eq!(refused("--txt-owner-id=a", &[("ZONEKEEPER_NAMESPACE", "shop")]), [""; 0]);
        assert_eq!(refused("--txt-owner-id=a", &[("S", "shop")]), [""; 0]);
        // A default of ExternalDNS is not said of a flag that is given.
        let open = "--txt-owner-id=a, --annotation-prefix=$(S), --service-type-filter=$(S), --publish=$(S)";
        let text = report(open, &[]).to_string();
        assert!(!text.contains("default:") && !text.contains("no --annotation-prefix"), "{text}");
    }

    #[test]
    fn a_command_line_of_externaldns_has_no_command_and_a_mandatory_flag() {
        let is_theirs = |arguments: &str, variables: &[(&str, &str)]| {
            let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
            let variables =
                variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            is_externaldns(&arguments, &variables, &own_flags())
        };
        let set = [("EXTERNAL_DNS_SOURCE", "ingress")];
        assert!(is_theirs("--source ingress", &[]));
        assert!(is_theirs("--interval=1m --provider=aws", &[]));
        assert!(is_theirs("", &set));
        assert!(is_theirs("--zone-id=Z1", &set));
        assert!(!is_theirs("", &[]));
        assert!(!is_theirs("", &[("EXTERNAL_DNS_SOURCE", ""), ("EXTERNAL_DNS_PORT", "tcp://10.0.0.1:80")]));
        assert!(!is_theirs("--zone-id=Z1 --owner-id=prod", &[]));
        assert!(!is_theirs("plan --source=ingress", &set));
        assert!(!is_theirs("--log-level=debug run --source=ingress", &set));
        assert!(!is_theirs("--version", &[]));
        assert!(!is_theirs("run", &set));
    }

    #[test]
    fn a_secret_reaches_neither_the_log_nor_the_report() {
        let translation =
            translated("--txt-encrypt-aes-key=hunter2 --aws-assume-role-external-id=hunter2", &[]);
        let shown = format!("{}{}", translation.report, translation.text());
        assert!(!shown.contains("hunter2") && shown.contains('…'), "{shown}");
    }
}
