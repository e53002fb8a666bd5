//! `zonekeeper orphans`: what nothing asks for any more, and what a person could run to remove it.

use std::{
    borrow::Cow,
    ffi::OsString,
    fs, io, iter,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;
use zonekeeper_core::{
    keeper::Scope,
    plan::{HandChange, Plan, Stale},
    source::{Kind, ObjectId},
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
    /// in one request, there are several files, with a number before the ending. Those of an earlier run are removed.
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
kind or namespace that is not read, and those whose hostname is named by an object that is not selected, are listed, and
not in the file. While an object cannot be read, there is no file.

zonekeeper never sends a deletion. Route 53 carries a batch out whole or not at all, and refuses it if any of its records
has changed since.";

/// What was found.
struct Found<'p> {
    orphans: &'p [Stale],
    leftovers: &'p [Stale],
    /// What may ask for any of it, unread.
    unreadable: &'p [ObjectId],
    scopes: &'p [Scope],
}

/// What the comment of every batch begins with.
const COMMENT: &str = "zonekeeper: records of";

/// The list for programs. Fields may be added; none is renamed or removed without a new major version.
#[derive(Debug, Serialize)]
struct FoundJson<'b> {
    hosted_zone_id: String,
    orphans: Vec<StaleJson>,
    leftovers: Vec<StaleJson>,
    /// Orphans and leftovers whose object may be there; no batch has them.
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
        let comment = format!("{COMMENT} {} that nothing asks for", config.settings.owner);
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
                    quoted(&format!("file://{}", file.display()))
                ));
            }
        }
        match self.output {
            Output::Text => {
                found.print();
                if !commands.is_empty() {
                    println!("what deletes them, if it is meant:");
                } else if self.change_batch.is_some() && found.unreadable.is_empty() {
                    println!("no file is written: there is nothing to delete");
                }
                for command in &commands {
                    println!("  {command}");
                }
            }
            Output::Json => {
                let list = |sets: &[Stale], is_unread: bool| {
                    let sets = sets.iter().filter(|stale| found.doubt(stale).is_some() == is_unread);
                    sets.map(StaleJson::new).collect::<Vec<_>>()
                };
                let mut unread = list(found.orphans, true);
                unread.extend(list(found.leftovers, true));
                let json = FoundJson {
                    hosted_zone_id: config.zone.to_string(),
                    orphans: list(found.orphans, false),
                    leftovers: list(found.leftovers, false),
                    unread,
                    change_batches,
                };
                println!("{}", serde_json::to_string_pretty(&json)?);
            }
        }
        if let Some(object) = found.unreadable.first()
            && self.change_batch.is_some()
        {
            anyhow::bail!(
                "no --change-batch is written: {object} cannot be read, and may ask for any of these records; correct it first"
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

// === impl Found ===

impl<'p> Found<'p> {
    fn new(plan: &'p Plan, scopes: &'p [Scope]) -> Self {
        Self { orphans: &plan.orphans, leftovers: &plan.leftovers, unreadable: &plan.unreadable, scopes }
    }

    /// Why a set may be asked for all the same.
    fn doubt(&self, stale: &Stale) -> Option<&'static str> {
        if !self.unreadable.is_empty() {
            Some("an object cannot be read, and may ask for it")
        } else if stale.named_by.is_some() {
            Some("an object that is there names it")
        } else {
            let is_read = self.is_read(stale);
            (!is_read).then_some("objects of this kind or namespace are not read here")
        }
    }

    /// Whether the object that a set was for would have been seen. One that ExternalDNS reads and we do not, a route of
    /// a gateway for example, may well be there.
    fn is_read(&self, stale: &Stale) -> bool {
        let reads = |kind: &str, namespace: &str| {
            let of_kind = self.scopes.iter().filter(|scope| scope.resource.label() == kind);
            let mut namespaces = of_kind.map(|scope| scope.namespace.as_deref());
            namespaces.any(|read| read.is_none_or(|read| read == namespace))
        };
        match &stale.was_for {
            Some(object) if object.namespace().is_empty() => false,
            Some(object) => reads(object.kind().label(), object.namespace()),
            // It may have been for any object, and no namespace has this name.
            None => Kind::ALL.iter().all(|kind| reads(kind.label(), "/")),
        }
    }

    /// What a person may delete without asking further.
    fn removable(&self) -> impl Iterator<Item = &'p Stale> {
        self.orphans.iter().chain(self.leftovers).filter(|stale| self.doubt(stale).is_none())
    }

    fn print(&self) {
        let orphans = self.orphans.iter().map(|stale| ("orphan", stale));
        for (what, stale) in orphans.chain(self.leftovers.iter().map(|stale| ("leftover", stale))) {
            println!("{what} {stale}");
            if let Some(doubt) = self.doubt(stale) {
                println!("  not in a change batch: {doubt}");
            }
        }
        for object in self.unreadable {
            println!("unreadable {object}");
        }
        println!("{} orphaned, {} left over", self.orphans.len(), self.leftovers.len());
        println!("0 to delete: zonekeeper never deletes");
    }
}

/// Removes what an earlier run has written to the same place: what it would delete may be asked for again. What is no
/// batch of ours stays.
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

/// A word as a shell takes it.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=@%+,".contains(&byte);
    if word.bytes().all(is_plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")).into() }
}

/// The path with a number before its ending.
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
    fn several_files_are_numbered_before_the_ending() {
        for (path, expected) in [("a/o.json", "a/o-2.json"), ("orphans", "orphans-2")] {
            assert_eq!(numbered(Path::new(path), 2), Path::new(expected));
        }
    }

    #[test]
    fn a_word_is_quoted_where_a_shell_would_take_it_apart() {
        for (word, expected) in [
            ("file://a/o-1.json", "file://a/o-1.json"),
            ("file://my files/o.json", "'file://my files/o.json'"),
            ("file://it's/$HOME", r"'file://it'\''s/$HOME'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
