//! The commands, one file each. They connect the edges.

mod adopt;
mod apply;
mod approve;
mod confirm;
mod crds;
mod externaldns;
mod heading;
mod iam_policy;
mod lease_tenure;
mod migrate_check;
mod orphans;
mod output;
mod plan;
mod probe_server;
mod progress_bar;
mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
mod session;
mod startup_retry;
mod variables;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing::warn;

use crate::{
    config::{BadFlag, Flags, LogFlags, LogLevel},
    error_chain,
    externaldns::Translation,
    telemetry,
};

/// Keeps the records of one Route 53 hosted zone for the Ingresses and Services of a Kubernetes cluster.
///
/// Objects ask for hostnames. zonekeeper creates and updates their records in exactly one zone. It never deletes a record,
/// and it never changes a record that it does not own.
#[derive(Debug, Parser)]
#[command(name = "zonekeeper", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogFlags,
    /// The command line of `ExternalDNS` that this follows from, if it does.
    #[arg(skip)]
    translation: Option<Translation>,
}

const EXAMPLES: &str = "Examples:
  Show the plan for the cluster of the current kubeconfig:
    zonekeeper plan --zone-id Z0123456789ABC --owner-id prod-eu

  Run in a cluster, and write nothing yet:
    zonekeeper run --zone-id Z0123456789ABC --owner-id prod-eu --dry-run

  Run with the command line of ExternalDNS, which has no command:
    zonekeeper --provider=aws --source=ingress --policy=upsert-only --txt-owner-id=prod-eu --zone-id=Z0123456789ABC

AWS credentials and region come from the environment, as for every AWS tool. AWS_ENDPOINT_URL_ROUTE_53 sets another
endpoint.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Keep the zone up to date until stopped
    Run(run::Run),
    /// Show the plan: units to write, blocked units with reasons, leftovers and orphans
    Plan(plan::Show),
    /// Write a plan once, and wait until all name servers have it
    ///
    /// The command shows the plan, asks, and writes exactly this plan. If objects or the zone change meanwhile, it writes
    /// nothing. It also writes nothing while a zonekeeper in the cluster writes to the zone.
    Apply(apply::Apply),
    /// Make this cluster the owner of existing records, without changing their values
    ///
    /// This adopts records without an owner, or with --from-owner those of another owner. An object must ask for their
    /// hostname. The command shows the ownership TXT records that it would write, asks, and writes nothing else.
    Adopt(adopt::Adopt),
    /// List the records of this owner that no object wants any more, and write the batch that deletes them
    ///
    /// An orphan is a record of a hostname that no object asks for. A leftover is an unwanted record at a hostname with
    /// wanted records. Both still answer queries. The command writes nothing to Route 53.
    Orphans(orphans::Orphans),
    /// Approve a plan that waits for approval
    ///
    /// With --mode approve, zonekeeper writes a plan only after a person has approved it. The plan is in a `ZonePlan`
    /// (`kubectl get zoneplans`). An approval of its digest releases exactly the units of this plan. New and changed units
    /// wait for the next approval. An approval is used once and expires after 7 days.
    Approve(approve::Approve),
    /// Print the definition of a custom resource, for `kubectl apply -f -`
    Crds(crds::Crds),
    /// Print the IAM policy with exactly the permissions that zonekeeper needs
    ///
    /// The policy lets a role read one hosted zone, and create and replace records of the managed types within the zone.
    /// AWS then denies deletions, NS and SOA records, other names and other zones. The policy does not depend on the owner
    /// id, so clusters that share a zone can share it.
    ///
    /// The command contacts neither AWS nor a cluster, and needs no credentials.
    IamPolicy(iam_policy::IamPolicy),
    /// Show what zonekeeper makes of the command line of an ExternalDNS, and the plan
    ///
    /// Each flag has one of three classes. It stays: zonekeeper does the same. It differs: zonekeeper starts, and the text says
    /// why. It is refused: the text says what to do instead. If nothing is refused, the plan follows.
    MigrateCheck(migrate_check::MigrateCheck),
    /// Try zonekeeper on this machine, with an emulated Route 53 and a folder of manifests
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Sandbox),
}

// === impl Command ===

impl Command {
    /// The log level, unless a flag sets it. A command that prints its result logs only problems.
    fn log_level(&self) -> LogLevel {
        match self {
            Self::Run(_) => LogLevel::Info,
            Self::Plan(_)
            | Self::Apply(_)
            | Self::Adopt(_)
            | Self::Approve(_)
            | Self::Crds(_)
            | Self::IamPolicy(_)
            | Self::MigrateCheck(_)
            | Self::Orphans(_) => LogLevel::Warn,
            #[cfg(feature = "sandbox")]
            Self::Sandbox(sandbox) => sandbox.log_level(),
        }
    }
}

impl Command {
    /// The flags of a command that plans.
    fn flags(&self) -> Option<&Flags> {
        match self {
            Self::Run(run) => Some(&run.flags),
            Self::Plan(plan) => Some(&plan.flags),
            Self::Apply(apply) => Some(&apply.flags),
            Self::Adopt(adopt) => Some(&adopt.flags),
            Self::Orphans(orphans) => Some(&orphans.flags),
            Self::Approve(_) | Self::Crds(_) | Self::IamPolicy(_) | Self::MigrateCheck(_) => None,
            #[cfg(feature = "sandbox")]
            Self::Sandbox(_) => None,
        }
    }
}

// === impl Cli ===

impl Cli {
    /// The flags of a command that plans.
    pub fn flags(&self) -> Option<&Flags> {
        self.command.flags()
    }

    /// Whether the command is a dry run of the controller.
    pub fn is_dry_run(&self) -> bool {
        matches!(&self.command, Command::Run(run) if run.is_dry())
    }

    /// Runs the command. The exit code is 0 for success, 1 for a failure and 2 for invalid flags.
    pub async fn run(self) -> ExitCode {
        let flags = self.command.flags();
        let zone = flags.map(|flags| flags.zone.zone_id.as_str());
        let owner = flags.map(|flags| flags.owner.owner_id.as_str());
        telemetry::init(&self.log, self.command.log_level(), zone, owner);
        if let Some(translation) = &self.translation {
            externaldns::announce(translation);
        }
        for (name, meant) in variables::unknown(&variables::set()) {
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            warn!("the variable {name} has no effect, because no flag has this name{meant}");
        }
        let ended = match self.command {
            Command::Run(run) => Box::pin(run.run()).await,
            Command::Plan(plan) => Box::pin(plan.run()).await,
            Command::Apply(apply) => Box::pin(apply.run()).await,
            Command::Adopt(adopt) => Box::pin(adopt.run()).await,
            Command::Orphans(orphans) => Box::pin(orphans.run()).await,
            Command::Approve(approve) => approve.run().await,
            Command::Crds(crds) => crds.run(),
            Command::IamPolicy(policy) => policy.run(),
            Command::MigrateCheck(check) => Box::pin(check.run()).await,
            #[cfg(feature = "sandbox")]
            Command::Sandbox(sandbox) => Box::pin(sandbox.run()).await,
        };
        match ended {
            Ok(code) => code,
            Err(error) if output::has_no_reader(&error) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("error: {}", error_chain::text(error.as_ref()));
                if error.is::<BadFlag>() {
                    eprintln!("\nFor more information, try '--help'.");
                    return ExitCode::from(2);
                }
                ExitCode::FAILURE
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
