//! `zonekeeper orphans`: what nothing asks for any more, and what a person could run to remove it.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;
use zonekeeper_core::{
    keeper::Scope,
    plan::{HandChange, Plan, Stale},
    source::Kind,
};

use super::{plan::StaleJson, session::Session};
use crate::{
    change_batch::ChangeBatch,
    config::{ClusterFlags, Config, Flags},
    driver::Until,
};

/// List the records of this owner that nothing asks for any more
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Orphans {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    cluster: ClusterFlags,

    /// Format of the list.
    #[arg(short, long, env = "ZONEKEEPER_OUTPUT", value_enum, default_value_t = Output::Text, value_name = "FORMAT", help_heading = "Orphans")]
    output: Output,

    /// File to write the deletions to, for `aws route53 change-resource-record-sets`. Where Route 53 would not take them
    /// in one request, there are several files, with a number before the ending.
    #[arg(long, env = "ZONEKEEPER_CHANGE_BATCH", value_name = "FILE", help_heading = "Orphans")]
    change_batch: Option<PathBuf>,
}

/// A format of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For programs, with the deletions
    Json,
}

const EXAMPLES: &str = "Examples:
  List orphans and leftovers:
    zonekeeper orphans --zone-id Z0123456789ABC --owner-id prod-eu

  Write what deletes them, read it, and send it with credentials that may delete:
    zonekeeper orphans --zone-id Z0123456789ABC --owner-id prod-eu --change-batch orphans.json
    aws route53 change-resource-record-sets --hosted-zone-id Z0123456789ABC --change-batch file://orphans.json

Give the same flags here as to `zonekeeper run`: what is not read looks as if it were gone. Records whose object is of a
kind or namespace that is not read are listed, and not in the file.

zonekeeper never sends a deletion. Route 53 carries a batch out whole or not at all, and refuses it if any of its records
has changed since.";

/// What was found.
struct Found<'p> {
    orphans: &'p [Stale],
    leftovers: &'p [Stale],
    scopes: &'p [Scope],
}

/// The list for programs. Fields may be added; none is renamed or removed without a new major version.
#[derive(Debug, Serialize)]
struct FoundJson<'b> {
    hosted_zone_id: String,
    orphans: Vec<StaleJson>,
    leftovers: Vec<StaleJson>,
    /// Orphans whose object may be there unread; no batch has them.
    unread: Vec<StaleJson>,
    change_batches: Vec<ChangeBatch<'b>>,
}

// === impl Orphans ===

impl Orphans {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = Config::try_from(self.flags.clone())?;
        let session = Session::open(self.flags, self.cluster, Until::Done, None).await?;
        let outcome = session.plan().await?;
        anyhow::ensure!(outcome.is_done, "stopped before the list was complete");
        let found = Found::new(&outcome.plan, &config.scopes);
        let batches = HandChange::removal(found.removable());
        let comment = format!("zonekeeper: records of {} that nothing asks for", config.settings.owner);
        let change_batches: Vec<ChangeBatch<'_>> =
            batches.iter().map(|changes| ChangeBatch::new(&comment, changes)).collect();
        let mut commands = Vec::new();
        if let Some(path) = &self.change_batch {
            for (number, batch) in change_batches.iter().enumerate() {
                let file = numbered(path, number + 1, batches.len());
                let text = serde_json::to_string_pretty(batch)?;
                fs::write(&file, text + "\n")
                    .with_context(|| format!("cannot write --change-batch {}", file.display()))?;
                commands.push(format!(
                    "aws route53 change-resource-record-sets --hosted-zone-id {} --change-batch file://{}",
                    config.zone,
                    file.display()
                ));
            }
        }
        match self.output {
            Output::Text => {
                found.print();
                if !commands.is_empty() {
                    println!("what deletes them, if it is meant:");
                } else if self.change_batch.is_some() {
                    println!("no file is written: there is nothing to delete");
                }
                for command in &commands {
                    println!("  {command}");
                }
            }
            Output::Json => {
                let list = |sets: &[Stale]| sets.iter().map(StaleJson::new).collect();
                let (unread, orphans): (Vec<_>, Vec<_>) =
                    found.orphans.iter().cloned().partition(|stale| !found.is_read(stale));
                let json = FoundJson {
                    hosted_zone_id: config.zone.to_string(),
                    orphans: list(&orphans),
                    leftovers: list(found.leftovers),
                    unread: list(&unread),
                    change_batches,
                };
                println!("{}", serde_json::to_string_pretty(&json)?);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

// === impl Found ===

impl<'p> Found<'p> {
    fn new(plan: &'p Plan, scopes: &'p [Scope]) -> Self {
        Self { orphans: &plan.orphans, leftovers: &plan.leftovers, scopes }
    }

    /// Whether the object that a set was for would have been seen. One that ExternalDNS reads and we do not, a route of
    /// a gateway for example, may well be there.
    fn is_read(&self, stale: &Stale) -> bool {
        let reads = |kind: &str, namespace: &str| {
            let of_kind = self.scopes.iter().filter(|scope| scope.kind.label() == kind);
            let mut namespaces = of_kind.map(|scope| scope.namespace.as_deref());
            namespaces.any(|read| read.is_none_or(|read| read == namespace))
        };
        match stale.resource.as_ref().map(|label| label.splitn(3, '/').collect::<Vec<_>>()).as_deref() {
            Some([kind, namespace, _]) => reads(kind, namespace),
            Some(_) => false,
            // It may have been for any object, and no namespace has this name.
            None => Kind::ALL.iter().all(|kind| reads(kind.label(), "/")),
        }
    }

    /// What a person may delete without asking further. What is beside wanted sets is claimed, so that all who could ask
    /// for it are known.
    fn removable(&self) -> impl Iterator<Item = &'p Stale> {
        self.orphans.iter().filter(|stale| self.is_read(stale)).chain(self.leftovers)
    }

    fn print(&self) {
        for stale in self.orphans {
            println!("orphan {stale}");
            if !self.is_read(stale) {
                println!("  not in a change batch: objects of this kind or namespace are not read here");
            }
        }
        for stale in self.leftovers {
            println!("leftover {stale}");
        }
        println!("{} orphaned, {} left over", self.orphans.len(), self.leftovers.len());
        println!("0 to delete: zonekeeper never deletes");
    }
}

/// The path itself for the only file, else with a number before its ending.
fn numbered(path: &Path, number: usize, of: usize) -> PathBuf {
    if of == 1 {
        return path.to_owned();
    }
    let mut name = OsString::from(path.file_stem().unwrap_or_default());
    name.push(format!("-{number}"));
    if let Some(ending) = path.extension() {
        name.push(".");
        name.push(ending);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_files_are_numbered_before_the_ending() {
        for (path, of, expected) in
            [("a/o.json", 1, "a/o.json"), ("a/o.json", 2, "a/o-2.json"), ("orphans", 3, "orphans-2")]
        {
            assert_eq!(numbered(Path::new(path), 2, of), Path::new(expected));
        }
    }
}
