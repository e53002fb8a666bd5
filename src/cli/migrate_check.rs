//! `zonekeeper migrate-check`: shows what zonekeeper makes of a command line of `ExternalDNS`, and plans.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::{
    Cli, Command,
    externaldns::translate,
    output::{Format, say, sayln},
    plan::{PlanJson, plan},
    variables,
};
use crate::{
    config::ClusterFlags,
    externaldns::{CommandLine, Report},
};

/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 2 << 20;
/// The exit code if zonekeeper does not start with the command line.
const REFUSED: u8 = 2;

/// Show what zonekeeper makes of the command line of an ExternalDNS, and the plan
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct MigrateCheck {
    /// File with the Deployment of ExternalDNS, to read the arguments and the environment of its container; `-` for standard
    /// input.
    #[arg(
        long,
        env = "ZONEKEEPER_DEPLOYMENT",
        conflicts_with = "values",
        value_name = "FILE",
        help_heading = "ExternalDNS"
    )]
    deployment: Option<PathBuf>,

    /// Values file of the Helm chart of ExternalDNS; `-` for standard input.
    #[arg(long, env = "ZONEKEEPER_VALUES", value_name = "FILE", help_heading = "ExternalDNS")]
    values: Option<PathBuf>,

    /// Arguments of ExternalDNS, and flags of zonekeeper among them. Together with a file, they replace the same flags in the
    /// file.
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,

    /// Format of the result.
    #[arg(short, long, env = "ZONEKEEPER_OUTPUT", value_enum, default_value_t = Format::Text, value_name = "FORMAT", help_heading = "Plan")]
    output: Format,

    #[command(flatten)]
    cluster: ClusterFlags,
}

const EXAMPLES: &str = "The command writes nothing: neither records nor a Lease. It reads the variables EXTERNAL_DNS_* too.

The exit code is 0 if zonekeeper starts with this command line and the plan is complete, 2 if zonekeeper refuses a flag,
and 1 if the plan fails.

Examples:
  Check the arguments of a running ExternalDNS:
    kubectl get deployment external-dns --namespace external-dns -o yaml |
      zonekeeper migrate-check --deployment - -- --zone-id=Z0123456789ABC

  Check a values file, with another policy than that of the file:
    zonekeeper migrate-check --values values.yaml -- --zone-id=Z0123456789ABC --policy=upsert-only

  Check a list of arguments:
    zonekeeper migrate-check -- --provider=aws --source=ingress --policy=upsert-only --txt-owner-id=prod-eu --zone-id=Z0123456789ABC";

/// The result as JSON. Fields may be added. Renaming or removing one needs a new major version.
#[derive(Debug, Serialize)]
struct CheckJson<'c> {
    #[serde(flatten)]
    report: &'c Report,
    /// The same as flags of zonekeeper.
    flags: String,
    /// None if something is refused.
    plan: Option<PlanJson<'c>>,
}

// === impl MigrateCheck ===

impl MigrateCheck {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let (translation, run) = translate(self.command_line()?);
        let (report, flags) = (&translation.report, translation.text());
        if self.output == Format::Text {
            say!("{report}");
        }
        let Some(Cli { command: Command::Run(run), .. }) = run else {
            self.show_json(report, flags, None)?;
            return Ok(ExitCode::from(REFUSED));
        };
        if self.output == Format::Text {
            sayln!("the same for zonekeeper:\n  zonekeeper run {flags}");
            let variables = variables::set();
            if !variables.is_empty() {
                sayln!("  with these variables: {}", variables.join(" "));
            }
            say!("\n");
        }
        let cluster = self.cluster.clone().or(run.cluster);
        let (heading, plan) = plan(run.flags, cluster, run.lease, self.output).await?;
        if self.output == Format::Text {
            say!("{plan}");
        }
        self.show_json(report, flags, Some(PlanJson::new(&heading, &plan)))?;
        Ok(ExitCode::SUCCESS)
    }

    fn show_json(&self, report: &Report, flags: String, plan: Option<PlanJson<'_>>) -> anyhow::Result<()> {
        if self.output == Format::Json {
            sayln!("{}", serde_json::to_string_pretty(&CheckJson { report, flags, plan })?);
        }
        Ok(())
    }

    fn command_line(&self) -> anyhow::Result<CommandLine> {
        let variables = CommandLine::environment();
        let others = self.arguments.clone();
        let read = |path: &Path| text(path).with_context(|| format!("cannot read {}", path.display()));
        let bad = |path: &Path| format!("{} cannot be used", path.display());
        let line = if let Some(path) = &self.deployment {
            CommandLine::of_deployment(&read(path)?, &variables).with_context(|| bad(path))?
        } else if let Some(path) = &self.values {
            CommandLine::of_values(&read(path)?, &variables).with_context(|| bad(path))?
        } else {
            CommandLine { variables, ..CommandLine::default() }
        };
        Ok(CommandLine { others, ..line })
    }
}

/// Reads a file; `-` is standard input.
fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().take(MAX_FILE_BYTES).read_to_string(&mut text)
    } else {
        fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)
    };
    read.map(|_| text)
}
