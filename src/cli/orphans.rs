//! `zonekeeper orphans`: lists orphans and leftovers, and writes the change batch with which a person can delete them.

use std::{
    ffi::OsString,
    fs, io, iter,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use zonekeeper_core::{
    plan::{HandChange, Plan, Stale},
    source::{Kind, ResourceRef, Scope},
};

use super::{
    heading::Heading,
    output::{Format, sayln},
    plan::StaleJson,
    session::Session,
};
use crate::{
    change_batch::ChangeBatch,
    config::{ClusterFlags, Config, Flags},
    driver::Until,
    shell,
};

/// List the records of this owner that no object wants any more
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Orphans {
    #[command(flatten)]
    pub(super) flags: Flags,
    #[command(flatten)]
    cluster: ClusterFlags,

    /// Format of the list.
    #[arg(short, long, env = "ZONEKEEPER_OUTPUT", value_enum, default_value_t = Format::Text, value_name = "FORMAT", help_heading = "Orphans")]
    output: Format,

    /// File to write the deletions to, for `aws route53 change-resource-record-sets`. If they do not fit into one request,
    /// there are several files, with a number before the extension. The files of an earlier run are removed.
    #[arg(long, env = "ZONEKEEPER_CHANGE_BATCH", value_name = "FILE", help_heading = "Orphans")]
    change_batch: Option<PathBuf>,

    /// Largest share of this owner's records that the deletions may hold, from 1 to 100. More is refused: a kubeconfig of
    /// another cluster, or a flag that differs, makes objects look deleted.
    #[arg(long, env = "ZONEKEEPER_MAX_PERCENT", default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100), value_name = "PERCENT", help_heading = "Orphans")]
    max_percent: u8,
}

const EXAMPLES: &str = "Examples:
  List orphans and leftovers:
    zonekeeper orphans --zone-id Z0123456789ABC --owner-id prod-eu

  Write the deletions to a file, review it, and send it with credentials that may delete:
    zonekeeper orphans --zone-id Z0123456789ABC --owner-id prod-eu --change-batch orphans.json
    aws route53 change-resource-record-sets --hosted-zone-id Z0123456789ABC --change-batch file://orphans.json

Give the same flags here as to `zonekeeper run`: with other flags, an object that is not read looks deleted. Some records
are listed, but not in the file: their object has a kind or namespace that is not read, an object that is not selected
names their hostname, or another record leads to them.

There is no file if an object cannot be read, if no object asks for a hostname in the zone, or if the deletions are more
than --max-percent of the owner's records.

zonekeeper never sends a deletion. Route 53 applies a batch as a whole or not at all, and rejects it if one of its records
has changed since.";

/// The orphans and leftovers of a plan.
struct OrphanList<'p> {
    orphans: &'p [Stale],
    leftovers: &'p [Stale],
    /// Resources that cannot be read. Objects may ask for any of the hostnames because of them.
    unreadable: &'p [ResourceRef],
    scopes: &'p [Scope],
}

/// Why no deletions are written.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0} cannot be read, so an object may ask for any of these records; correct it first")]
    Unreadable(ResourceRef),
    #[error(
        "no object asks for a hostname in this zone, so every record of this owner looks abandoned; check that this is the \
         right cluster (--kubeconfig) and that --source, --namespace and --ingress-class are those of `zonekeeper run`"
    )]
    NothingClaimed,
    #[error(
        "it would hold {count} of the {owned} records of this owner, more than --max-percent {max}; check that this is the \
         right cluster, then allow it with --max-percent {needed}"
    )]
    TooMany { count: usize, owned: usize, max: u8, needed: usize },
}

/// The beginning of the comment of every batch.
const COMMENT: &str = "zonekeeper: records of";

/// The list as JSON. Fields may be added. Renaming or removing one needs a new major version.
#[derive(Debug, Serialize)]
struct OrphanListJson<'b> {
    heading: &'b Heading,
    hosted_zone_id: String,
    orphans: Vec<StaleJson>,
    leftovers: Vec<StaleJson>,
    /// Orphans and leftovers that may still be needed. No batch contains them.
    unread: Vec<StaleJson>,
    change_batches: Vec<ChangeBatch<'b>>,
    /// Why there is no change batch, although there are records to delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

// === impl Orphans ===

impl Orphans {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = Config::try_from(self.flags.clone())?;
        let session = Session::open(self.flags, self.cluster, Until::Done, None).await?;
        let (zone, heading) = session.open_zone("dry-run").await?;
        self.output.introduce(&heading)?;
        let outcome = session.plan(zone).await?;
        anyhow::ensure!(outcome.is_done, "stopped before the list was complete");
        let found = OrphanList::new(&outcome.plan, &config.scopes);
        let refusal = found.refusal(outcome.claimed_keys, outcome.owned_sets, self.max_percent);
        let batches = HandChange::removal(found.removable().filter(|_| refusal.is_none()));
        let comment = format!("{COMMENT} {} that no object wants", config.settings.owner);
        let change_batches: Vec<ChangeBatch<'_>> =
            batches.iter().map(|changes| ChangeBatch::new(&comment, changes)).collect();
        let mut commands = Vec::new();
        if let Some(path) = &self.change_batch {
            let cleared = clear(path);
            cleared
                .with_context(|| format!("cannot remove the earlier --change-batch {}", path.display()))?;
            for (number, batch) in (1..).zip(&change_batches) {
                let file = if batches.len() == 1 { path.clone() } else { numbered(path, number) };
                let text = serde_json::to_string_pretty(batch)?;
                fs::write(&file, text + "\n")
                    .with_context(|| format!("cannot write --change-batch {}", file.display()))?;
                commands.push(format!(
                    "aws route53 change-resource-record-sets --hosted-zone-id {} --change-batch {}",
                    config.zone,
                    shell::word(&format!("file://{}", file.display()))
                ));
            }
        }
        match self.output {
            Format::Text => {
                found.print()?;
                if !commands.is_empty() {
                    sayln!("to delete them, review the file and run:");
                } else if self.change_batch.is_some() && refusal.is_none() {
                    sayln!("no file is written: there is nothing to delete");
                }
                for command in &commands {
                    sayln!("  {command}");
                }
            }
            Format::Json => {
                let list = |sets: &[Stale], is_unread: bool| {
                    let sets = sets.iter().filter(|stale| found.doubt(stale).is_some() == is_unread);
                    sets.map(StaleJson::new).collect::<Vec<_>>()
                };
                let mut unread = list(found.orphans, true);
                unread.extend(list(found.leftovers, true));
                let json = OrphanListJson {
                    heading: &heading,
                    hosted_zone_id: config.zone.to_string(),
                    orphans: list(found.orphans, false),
                    leftovers: list(found.leftovers, false),
                    unread,
                    change_batches,
                    refused: refusal.as_ref().map(Refusal::to_string),
                };
                sayln!("{}", serde_json::to_string_pretty(&json)?);
            }
        }
        match refusal.filter(|_| self.change_batch.is_some()) {
            Some(refusal) => Err(anyhow::Error::new(refusal).context("no --change-batch is written")),
            None => Ok(ExitCode::SUCCESS),
        }
    }
}

// === impl OrphanList ===

impl<'p> OrphanList<'p> {
    fn new(plan: &'p Plan, scopes: &'p [Scope]) -> Self {
        Self { orphans: &plan.orphans, leftovers: &plan.leftovers, unreadable: &plan.unreadable, scopes }
    }

    /// Returns why an object may still want a record set; `None` if it can be deleted.
    fn doubt(&self, stale: &Stale) -> Option<&'static str> {
        if !self.unreadable.is_empty() {
            Some("a resource cannot be read, and an object may ask for it")
        } else if stale.named_by.is_some() {
            Some("an existing object names its hostname")
        } else if stale.is_filtered {
            Some("the domain filter leaves out its hostname")
        } else if stale.target_of.is_some() {
            Some("a record that stays leads to it")
        } else {
            let is_read = self.is_read(stale);
            (!is_read).then_some("objects of this kind or namespace are not read here")
        }
    }

    /// Whether the object of a record set would be found if it existed. It may exist if ExternalDNS reads its kind and this
    /// session does not, as for a route of a gateway.
    fn is_read(&self, stale: &Stale) -> bool {
        let reads = |kind: &str, namespace: &str| {
            let of_kind = self.scopes.iter().filter(|scope| scope.resource.label() == kind);
            let mut namespaces = of_kind.map(|scope| scope.namespace.as_deref());
            namespaces.any(|read| read.is_none_or(|read| read == namespace))
        };
        match &stale.was_for {
            Some(object) if object.namespace().is_empty() => false,
            Some(object) => reads(object.kind().label(), object.namespace()),
            // Without a label, the object may be anywhere. No namespace has the name `/`, so this asks for all namespaces.
            None => Kind::ALL.iter().all(|kind| reads(kind.label(), "/")),
        }
    }

    /// The record sets that a person can delete.
    fn removable(&self) -> impl Iterator<Item = &'p Stale> {
        self.orphans.iter().chain(self.leftovers).filter(|stale| self.doubt(stale).is_none())
    }

    /// Why the deletions are not written. `owned` is the number of records of this owner, without ownership records.
    fn refusal(&self, claimed_keys: usize, owned: usize, max: u8) -> Option<Refusal> {
        if let Some(resource) = self.unreadable.first() {
            return Some(Refusal::Unreadable(resource.clone()));
        }
        let count = self.removable().count();
        let needed = (count * 100).div_ceil(owned.max(1));
        if count == 0 || (claimed_keys > 0 && needed <= usize::from(max)) {
            return None;
        }
        let too_many = Refusal::TooMany { count, owned, max, needed };
        Some(if claimed_keys == 0 { Refusal::NothingClaimed } else { too_many })
    }

    fn print(&self) -> io::Result<()> {
        let orphans = self.orphans.iter().map(|stale| ("orphan", stale));
        for (word, stale) in orphans.chain(self.leftovers.iter().map(|stale| ("leftover", stale))) {
            sayln!("{word} {stale}");
            if let Some(doubt) = self.doubt(stale) {
                sayln!("  not in a change batch: {doubt}");
            }
        }
        for resource in self.unreadable {
            sayln!("unreadable {resource}");
        }
        sayln!("{} orphaned, {} left over", self.orphans.len(), self.leftovers.len());
        sayln!("0 to delete: zonekeeper never deletes");
        Ok(())
    }
}

/// Removes the files of an earlier run, because objects may want those records again. Files that are not our batches stay.
fn clear(path: &Path) -> io::Result<()> {
    let is_ours = |file: &PathBuf| {
        let batch = fs::read_to_string(file).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let comment = batch.as_ref().and_then(|batch| batch.get("Comment")?.as_str());
        comment.is_some_and(|comment| comment.starts_with(COMMENT))
    };
    let numbered = (1..).map(|number| numbered(path, number)).take_while(|file| file.exists());
    let files: Vec<PathBuf> = iter::once(path.to_owned()).chain(numbered).filter(is_ours).collect();
    files.iter().try_for_each(fs::remove_file)
}

/// Inserts a number before the extension of a path.
fn numbered(path: &Path, number: usize) -> PathBuf {
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
    fn a_number_goes_before_the_extension() {
        for (path, expected) in [("a/o.json", "a/o-2.json"), ("orphans", "orphans-2")] {
            assert_eq!(numbered(Path::new(path), 2), Path::new(expected));
        }
    }
}
