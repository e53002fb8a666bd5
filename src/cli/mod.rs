//! The commands, one file each: they put the edges together.

mod adopt;
mod apply;
mod approve;
mod confirm;
mod crds;
mod iam_policy;
mod orphans;
mod patience;
mod plan;
mod progress;
mod run;
mod sandbox;
mod session;
mod tenure;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    causes,
    config::{BadFlag, LogFlags, LogLevel},
    telemetry,
};

/// Keeps the records of one Route 53 hosted zone for the Ingresses and Services of a Kubernetes cluster.
///
/// Objects ask for hostnames; zonekeeper creates and updates the records in exactly one zone, and never deletes.
/// What it does not own, it does not touch.
#[derive(Debug, Parser)]
#[command(name = "zonekeeper", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogFlags,
}

const EXAMPLES: &str = "Examples:
  See what would be written, for the cluster of the current kubeconfig:
    zonekeeper plan --zone-id Z0123456789ABC --owner-id prod-eu

  Run in a cluster, without writing anything yet:
    zonekeeper run --zone-id Z0123456789ABC --owner-id prod-eu --dry-run

AWS credentials and region come from the environment, as for every AWS tool; AWS_ENDPOINT_URL_ROUTE_53 is honoured.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Keep the zone up to date until stopped
    Run(run::Run),
    /// Show what would be written, what is blocked and why, and what nothing asks for any more
    Plan(plan::Show),
    /// Write what a plan shows, once, and wait until all name servers have it
    ///
    /// It shows the plan and asks. Exactly that plan is written: where objects or the zone change meanwhile, nothing is.
    /// While a zonekeeper in the cluster writes to the zone, this command does not.
    Apply(apply::Apply),
    /// Make this cluster the owner of records that are there, without changing what they answer
    ///
    /// Records without an owner, or those of another owner with --from-owner, become this cluster's where an object asks
    /// for their hostname: the ownership TXTs are written, and nothing else. It shows what it would do, and asks.
    Adopt(adopt::Adopt),
    /// List the records of this owner that nothing asks for any more, and write what would delete them
    ///
    /// Orphans are records of hostnames that no object asks for any more, leftovers those beside wanted records of the
    /// same hostname. Both still answer. Nothing is written to Route 53.
    Orphans(orphans::Orphans),
    /// Approve a plan that zonekeeper shows and waits with
    ///
    /// With --mode approve, zonekeeper writes nothing until a person has approved it. What it would write is in a
    /// `ZonePlan` (`kubectl get zoneplans`); approving its digest releases exactly that. What is new or changed since waits
    /// for the next approval. An approval is used once, and lasts for 7 days.
    Approve(approve::Approve),
    /// Print the definitions of zonekeeper's own kinds, for `kubectl apply -f -`
    Crds(crds::Crds),
    /// Print the IAM policy with exactly the permissions that zonekeeper needs
    ///
    /// The policy lets a role read one hosted zone, and create and replace records of the zone's own names and of the
    /// managed types. Deletions, NS and SOA, other names and other zones are refused by AWS, whatever is sent. It does
    /// not depend on the owner id: several clusters can share a zone and a policy.
    ///
    /// Nothing is asked of AWS or of a cluster, and no credentials are needed.
    IamPolicy(iam_policy::IamPolicy),
    /// Try zonekeeper on this machine: an emulated Route 53, and a folder of manifests as cluster
    Sandbox(sandbox::Sandbox),
}

// === impl Command ===

impl Command {
    /// How much is logged unless the user says so: a command that prints what it found does not say it twice.
    fn log_level(&self) -> LogLevel {
        match self {
            Self::Run(_) => LogLevel::Info,
            Self::Plan(_)
            | Self::Apply(_)
            | Self::Adopt(_)
            | Self::Approve(_)
            | Self::Crds(_)
            | Self::IamPolicy(_)
            | Self::Orphans(_) => LogLevel::Warn,
            Self::Sandbox(sandbox) => sandbox.log_level(),
        }
    }
}

// === impl Cli ===

impl Cli {
    /// Runs the command that was typed. The exit code is 0 when it did what was asked, 1 when it failed, 2 when
    /// what was asked makes no sense.
    pub async fn run(self) -> ExitCode {
        telemetry::init(&self.log, self.command.log_level());
        let ended = match self.command {
            Command::Run(run) => run.run().await,
            Command::Plan(plan) => plan.run().await,
            Command::Apply(apply) => Box::pin(apply.run()).await,
            Command::Adopt(adopt) => Box::pin(adopt.run()).await,
            Command::Orphans(orphans) => orphans.run().await,
            Command::Approve(approve) => approve.run().await,
            Command::Crds(crds) => crds.run(),
            Command::IamPolicy(policy) => policy.run(),
            Command::Sandbox(sandbox) => sandbox.run().await,
        };
        match ended {
            Ok(code) => code,
            Err(error) => {
                eprintln!("error: {}", causes::text(error.as_ref()));
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
