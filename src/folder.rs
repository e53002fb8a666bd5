//! A folder of manifests in place of a cluster.
//!
//! The folder's objects are listed as an API server's would be; a file that changes has them listed again, and
//! what the facts say is the same wakes nobody. What cannot be read, a file or one document of it, keeps what it last
//! said: a slip of the pen is not a deletion.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use notify::{RecursiveMode, Watcher};
use serde_json::Value;
use tokio::sync::mpsc;
use tracing::{info, warn};
use zonekeeper_core::{
    keeper::{Input, Scope},
    source::{Object, ObjectId, Rules},
};

use crate::driver::Handle;

/// Largest manifest that is read, in bytes: the largest object that etcd stores is 1.5 MiB.
const MAX_FILE_BYTES: u64 = 2 << 20;
/// How deep a document may be nested: definitions of resources, which may lie beside the objects, are 50 levels deep.
const MAX_DEPTH: usize = 100;
/// Most values in a document, and most events of the parser.
const MAX_VALUES: usize = 250_000;
/// Most bytes of text in a document, repeated ones counted each time.
const MAX_TEXT_BYTES: usize = 8 << 20;
/// Most anchors in a document, and most references to them: what people write by hand has a few.
const MAX_ANCHORS: usize = 1_000;

/// The manifests of a folder, and the objects in them.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    files: BTreeMap<PathBuf, Vec<Object>>,
}

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadManifest {
    /// The folder cannot be read.
    #[error("cannot read the folder {path}: {source}")]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// A file is larger than any object.
    #[error("{path} has more than {MAX_FILE_BYTES} bytes")]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// A document is not YAML.
    #[error("{path}: {why}")]
    Yaml {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        why: String,
    },
    /// A document is not the object that it says it is.
    #[error("{path}: {kind} {name}: {why}")]
    Object {
        /// Which file.
        path: PathBuf,
        /// Which kind.
        kind: String,
        /// Which name.
        name: String,
        /// What is wrong.
        why: serde_json::Error,
    },
    /// An object cannot be told from others of its kind: an API server refuses it, or gives it a name of its own.
    #[error("{path}: {kind} without a name: set metadata.name")]
    Nameless {
        /// Which file.
        path: PathBuf,
        /// Which kind.
        kind: String,
    },
}

// === impl Folder ===

impl Folder {
    /// Reads a folder. Files that cannot be used are returned beside it.
    pub fn open(path: &Path) -> Result<(Self, Vec<BadManifest>), BadManifest> {
        let mut folder = Self { path: path.to_owned(), files: BTreeMap::new() };
        let bad = folder.read()?;
        Ok((folder, bad))
    }

    /// Takes an object out, as deleting it would. Whether it was there.
    pub fn remove(&mut self, id: &ObjectId) -> bool {
        let mut found = false;
        for objects in self.files.values_mut() {
            objects.retain(|object| {
                let is_it = object.id().as_ref() == Some(id);
                found |= is_it;
                !is_it
            });
        }
        found
    }

    /// Its objects.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.files.values().flatten()
    }

    /// What a list of each scope would say.
    pub fn list(&self, scopes: &[Scope], rules: &Rules) -> Vec<Input> {
        let mut inputs = Vec::new();
        for scope in scopes {
            inputs.push(Input::Listing(scope.clone()));
            for object in self.objects().filter(|object| object.resource() == scope.resource) {
                if let Some(id) = object.id()
                    && scope.namespace.as_deref().is_none_or(|namespace| namespace == id.namespace())
                {
                    inputs.push(Input::Facts { object: id, facts: object.facts(rules).map(Box::new) });
                }
            }
            inputs.push(Input::Listed(scope.clone()));
        }
        inputs
    }

    /// Lists the objects, and again whenever a file changes, until nobody listens any more.
    pub async fn follow(mut self, scopes: Vec<Scope>, rules: Rules, driver: Handle) -> notify::Result<()> {
        let (notice, mut notices) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // One notice is enough, however many files change before it is read.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = notice.try_send(());
            }
        })?;
        watcher.watch(&self.path, RecursiveMode::NonRecursive)?;
        loop {
            for input in self.list(&scopes, &rules) {
                if !driver.send(input).await {
                    return Ok(());
                }
            }
            if notices.recv().await.is_none() {
                return Ok(());
            }
            match self.read() {
                Ok(bad) => {
                    info!(folder = %self.path.display(), "the manifests have been read again");
                    for error in bad {
                        warn!(%error, "a manifest is passed over; what it last said still counts");
                    }
                }
                Err(error) => warn!(%error, "the manifests cannot be read; what they last said still counts"),
            }
        }
    }

    /// Reads it again. What cannot be used is returned, and keeps what it last said.
    pub fn read(&mut self) -> Result<Vec<BadManifest>, BadManifest> {
        let unreadable = |source| BadManifest::Folder { path: self.path.clone(), source };
        let mut files = BTreeMap::new();
        let mut bad = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if !path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                continue;
            }
            let known = self.files.remove(&path).unwrap_or_default();
            let (mut objects, mistakes) =
                objects(&path).unwrap_or_else(|mistake| (Vec::new(), vec![mistake]));
            if !mistakes.is_empty() {
                // Which object a broken document is about is not known: what no other document shows stays.
                let seen: BTreeSet<ObjectId> = objects.iter().filter_map(Object::id).collect();
                let is_hidden = |object: &Object| object.id().is_some_and(|id| !seen.contains(&id));
                objects.extend(known.into_iter().filter(is_hidden));
            }
            bad.extend(mistakes);
            files.insert(path, objects);
        }
        self.files = files;
        Ok(bad)
    }
}

/// The objects of a file, and what is wrong with its documents: a mistake costs its own document only.
fn objects(path: &Path) -> Result<(Vec<Object>, Vec<BadManifest>), BadManifest> {
    let unreadable = |source| BadManifest::File { path: path.to_owned(), source };
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE_BYTES {
        return Err(BadManifest::TooLarge { path: path.to_owned() });
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let (mut objects, mut mistakes) = (Vec::new(), Vec::new());
    for (line_offset, document) in documents(&text) {
        let lines = serde_saphyr::render_options! { line_offset: line_offset };
        // The parser stops at the first mistake, so it is given one document at a time.
        for value in serde_saphyr::read_with_options::<_, Value>(&mut document.as_bytes(), budget()) {
            let value = value.map_err(|why| {
                let why = why.without_snippet().render_with_options(lines);
                BadManifest::Yaml { path: path.to_owned(), why }
            });
            if let Err(mistake) = value.and_then(|value| collect(value, path, &mut objects)) {
                mistakes.push(mistake);
            }
        }
    }
    Ok((objects, mistakes))
}

/// What a document may cost.
fn budget() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: usize::try_from(MAX_FILE_BYTES).ok(),
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_VALUES,
            max_events: 2 * MAX_VALUES,
            max_total_scalar_bytes: MAX_TEXT_BYTES,
            max_anchors: MAX_ANCHORS,
            max_aliases: MAX_ANCHORS,
            max_recorded_anchor_events: MAX_VALUES,
            max_recorded_anchor_bytes: MAX_TEXT_BYTES,
            max_merge_keys: MAX_ANCHORS,
            // What references repeat is bounded by what it amounts to.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_VALUES },
    }
}

/// The documents of a file, each with the number of lines before it. Nothing but a marker begins with `---` (YAML
/// 1.2.2, 9.1.2), so no parser is needed to find them.
fn documents(text: &str) -> Vec<(u64, &str)> {
    let is_marker = |line: &str| {
        line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    };
    let (mut documents, mut begin, mut lines_before, mut at) = (Vec::new(), 0, 0, 0);
    for (lines, line) in (0..).zip(text.split_inclusive('\n')) {
        if is_marker(line) {
            documents.extend(text.get(begin..at).map(|document| (lines_before, document)));
            (begin, lines_before) = (at, lines);
        }
        at += line.len();
    }
    documents.extend(text.get(begin..).map(|document| (lines_before, document)));
    documents
}

/// Takes the objects of a document; those of kinds that ask for no records are passed over.
fn collect(document: Value, path: &Path, objects: &mut Vec<Object>) -> Result<(), BadManifest> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text(document.get("kind"));
    let name = text(document.pointer("/metadata/name"));
    let bad = |why| BadManifest::Object { path: path.to_owned(), kind: kind.clone(), name, why };
    let object = match kind.as_str() {
        "Ingress" => Object::Ingress(Box::new(serde_json::from_value::<Ingress>(document).map_err(bad)?)),
        "Service" => Object::Service(Box::new(serde_json::from_value::<Service>(document).map_err(bad)?)),
        "List" => {
            let items = document.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
            for item in items {
                collect(item, path, objects)?;
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    if object.id().is_none_or(|id| id.name().is_empty()) {
        return Err(BadManifest::Nameless { path: path.to_owned(), kind });
    }
    objects.push(object);
    Ok(())
}
