//! A folder of manifests in place of a cluster.
//!
//! The objects of the folder are listed as an API server lists them. When a file changes, all of them are listed again; the
//! keeper ignores facts that have not changed. A file or document that cannot be read keeps its last content, because a
//! typing error must not look like a deletion.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use notify::{RecursiveMode, Watcher};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc;
use tracing::{info, warn};
use zonekeeper_core::{
    keeper::Input,
    source::{Object, ObjectRef, Received, ResourceRef, Rules, Scope},
};

use crate::driver::{Handle, Objects, Until};

/// The largest manifest that is read, in bytes. The largest object that etcd stores has 1.5 MiB.
const MAX_FILE_BYTES: u64 = 2 << 20;
/// The deepest nesting of a document. A `CustomResourceDefinition` in the same folder has about 50 levels.
const MAX_DEPTH: usize = 100;
/// The most values in a document. The parser may see twice as many events.
const MAX_VALUES: usize = 250_000;
/// The most bytes of text in a document. Text behind an anchor counts each time that it is used.
const MAX_TEXT_BYTES: usize = 8 << 20;
/// The most anchors in a document, and the most references to them. Hand-written documents have a few.
const MAX_ANCHORS: usize = 1_000;

/// The objects in the manifests of a folder, and the resources that they look up.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    files: BTreeMap<PathBuf, Vec<Received>>,
}

/// Why a manifest, or the folder, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadManifest {
    /// The folder cannot be read.
    #[error("cannot read the folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A link leads out of the folder. zonekeeper does not follow it, because its errors could show the content of any file.
    #[error("{path} is a link that leads out of the folder. Copy the file into the folder")]
    Outside {
        /// The link.
        path: PathBuf,
    },
    /// A directory, a device, a socket or a FIFO, whose reading may never end.
    #[error("{path} is not a regular file")]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// A file is larger than any object can be.
    #[error("{path} has more than {MAX_FILE_BYTES} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A document is not YAML.
    #[error("{path}: {why}")]
    Yaml {
        /// The file.
        path: PathBuf,
        /// The error, with its line.
        why: String,
    },
    /// A document does not have the fields of its kind.
    #[error("{path}: {kind} {name}: {why}")]
    Object {
        /// The file.
        path: PathBuf,
        /// The kind of the object.
        kind: String,
        /// The name of the object.
        name: String,
        /// The error.
        why: serde_json::Error,
    },
    /// An object has no name. An API server would reject it or generate a name.
    #[error("{path}: {kind} without a name: set metadata.name")]
    Nameless {
        /// The file.
        path: PathBuf,
        /// The kind of the object.
        kind: String,
    },
}

/// Why a folder cannot be followed any more.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch the folder {path} for changes: {cause}")]
pub struct FollowError {
    path: PathBuf,
    cause: String,
}

// === impl Folder ===

impl Folder {
    /// Reads a folder. Also returns the files that cannot be used.
    pub fn open(path: &Path) -> Result<(Self, Vec<BadManifest>), BadManifest> {
        let mut folder = Self { path: path.to_owned(), files: BTreeMap::new() };
        let bad = folder.read()?;
        Ok((folder, bad))
    }

    /// Removes an object, as its deletion would. Returns whether it was there.
    pub fn remove(&mut self, id: &ObjectRef) -> bool {
        let mut found = false;
        for resources in self.files.values_mut() {
            resources.retain(|resource| {
                let is_it = resource.object().and_then(Object::id).as_ref() == Some(id);
                found |= is_it;
                !is_it
            });
        }
        found
    }

    /// The objects of all files.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.files.values().flatten().filter_map(Received::object)
    }

    /// Lists each scope, as an API server would.
    pub fn list(&self, scopes: &[Scope], rules: &Rules) -> Vec<Input> {
        let mut inputs = Vec::new();
        for scope in scopes {
            inputs.push(Input::Listing(scope.clone()));
            let all = self.files.values().flatten();
            for received in all.filter(|received| received.resource() == scope.resource) {
                if let Some(resource) = received.resource_ref()
                    && scope.covers(&resource)
                {
                    inputs.push(Input::Resource { resource, reduced: received.reduce(rules) });
                }
            }
            inputs.push(Input::Listed(scope.clone()));
        }
        inputs
    }

    /// Sends the list of each scope to the driver. Returns whether the driver still runs.
    async fn send(&self, scopes: &[Scope], rules: &Rules, driver: &Handle) -> bool {
        driver.send_all(self.list(scopes, rules)).await
    }

    /// Starts to watch the folder; each change puts a notice into the channel.
    fn watch(&self) -> Result<(impl Watcher + Send + use<>, mpsc::Receiver<()>), FollowError> {
        let failed = |error: notify::Error| FollowError { path: self.path.clone(), cause: error.to_string() };
        let (notice, notices) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // One notice is enough, however many files change before it is received.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                let _ = notice.try_send(());
            }
        })
        .map_err(failed)?;
        watcher.watch(&self.path, RecursiveMode::NonRecursive).map_err(failed)?;
        Ok((watcher, notices))
    }

    /// Reads the folder again. Returns the files and documents that cannot be used; they keep their last content.
    pub fn read(&mut self) -> Result<Vec<BadManifest>, BadManifest> {
        let unreadable = |source| BadManifest::Folder { path: self.path.clone(), source };
        let root = fs::canonicalize(&self.path).map_err(unreadable)?;
        let mut files = BTreeMap::new();
        let mut bad = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if !path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                continue;
            }
            // The files stay until all are read: an error in between must not look like a deletion.
            let known = self.files.get(&path).cloned().unwrap_or_default();
            let (mut resources, mistakes) =
                resources(&path, &root).unwrap_or_else(|mistake| (Vec::new(), vec![mistake]));
            if !mistakes.is_empty() {
                // Nobody knows which resource a broken document describes. So every resource of the file stays that no other
                // document of it describes.
                let seen: BTreeSet<ResourceRef> =
                    resources.iter().filter_map(Received::resource_ref).collect();
                let is_missing = |it: &Received| it.resource_ref().is_some_and(|it| !seen.contains(&it));
                resources.extend(known.into_iter().filter(is_missing));
            }
            bad.extend(mistakes);
            files.insert(path, resources);
        }
        self.files = files;
        Ok(bad)
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the manifests in {}", self.path.display())
    }
}

impl Objects for Folder {
    type Error = FollowError;

    /// Lists the objects once, and, unless `until` ends by itself, again after each change of a file.
    async fn follow(
        mut self,
        scopes: Vec<Scope>,
        rules: Arc<Rules>,
        driver: Handle,
        until: Until,
    ) -> Result<(), FollowError> {
        if until.ends() {
            self.send(&scopes, &rules, &driver).await;
            return Ok(());
        }
        let (_watcher, mut notices) = self.watch()?;
        while self.send(&scopes, &rules, &driver).await {
            if notices.recv().await.is_none() {
                let cause = "the watch has ended".to_owned();
                return Err(FollowError { path: self.path, cause });
            }
            match self.read() {
                Ok(bad) => {
                    info!(folder = %self.path.display(), "the manifests have been read again");
                    for error in bad {
                        warn!(%error, "a manifest cannot be read; its last content still applies");
                    }
                }
                Err(error) => warn!(%error, "the folder cannot be read; its last content still applies"),
            }
        }
        Ok(())
    }
}

/// Reads a regular file within the folder `root`. Links within the folder are allowed: a volume of a `ConfigMap` consists
/// of such links.
fn text_of(path: &Path, root: &Path) -> Result<String, BadManifest> {
    let unreadable = |source| BadManifest::File { path: path.to_owned(), source };
    let file = fs::canonicalize(path).map_err(unreadable)?;
    if !file.starts_with(root) {
        return Err(BadManifest::Outside { path: path.to_owned() });
    }
    // To open a FIFO would wait for a writer.
    if !fs::metadata(&file).map_err(unreadable)?.is_file() {
        return Err(BadManifest::NotRegular { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(file).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(BadManifest::TooLarge { path: path.to_owned() });
    }
    String::from_utf8(bytes).map_err(|why| unreadable(io::Error::new(io::ErrorKind::InvalidData, why)))
}

/// Reads the resources of a file. An error in one document does not affect the others.
fn resources(path: &Path, root: &Path) -> Result<(Vec<Received>, Vec<BadManifest>), BadManifest> {
    let text = text_of(path, root)?;
    let (mut resources, mut mistakes) = (Vec::new(), Vec::new());
    for (line_offset, document) in documents(&text) {
        let lines = serde_saphyr::render_options! { line_offset: line_offset };
        // The parser stops at the first error, so it gets one document at a time.
        for value in serde_saphyr::read_with_options::<_, Value>(&mut document.as_bytes(), budget()) {
            let value = value.map_err(|why| {
                let why = why.without_snippet().render_with_options(lines);
                BadManifest::Yaml { path: path.to_owned(), why }
            });
            if let Err(mistake) = value.and_then(|value| collect(value, path, &mut resources)) {
                mistakes.push(mistake);
            }
        }
    }
    Ok((resources, mistakes))
}

/// The limits of a document, so that no document can use up memory or time.
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
            // The limits above already bound the repeated content.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_VALUES },
    }
}

/// Splits a file into documents, each with the number of lines before it. Only a marker begins with `---` at the start
/// of a line (YAML 1.2.2, 9.1.2), so this needs no parser.
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

/// Collects the resources of a document. Kinds that zonekeeper never reads are skipped.
fn collect(document: Value, path: &Path, resources: &mut Vec<Received>) -> Result<(), BadManifest> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text(document.get("kind"));
    let name = text(document.pointer("/metadata/name"));
    let bad = |why| BadManifest::Object { path: path.to_owned(), kind: kind.clone(), name, why };
    let resource: Received = match kind.as_str() {
        "Ingress" => Object::Ingress(read(document).map_err(bad)?).into(),
        "Service" => Object::Service(read(document).map_err(bad)?).into(),
        "DNSEndpoint" => Object::DnsEndpoint(read(document).map_err(bad)?).into(),
        "EndpointSlice" => Received::EndpointSlice(read(document).map_err(bad)?),
        "Pod" => Received::Pod(read(document).map_err(bad)?),
        "Node" => Received::Node(read(document).map_err(bad)?),
        "List" => {
            let items = document.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
            for item in items {
                collect(item, path, resources)?;
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    if resource.resource_ref().is_none_or(|it| it.name().is_empty()) {
        return Err(BadManifest::Nameless { path: path.to_owned(), kind });
    }
    resources.push(resource);
    Ok(())
}

fn read<K: DeserializeOwned>(document: Value) -> serde_json::Result<Box<K>> {
    serde_json::from_value(document).map(Box::new)
}
