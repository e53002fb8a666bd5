//! Situations as files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// The keys of a file, in their order. The recorder writes the last ones.
const KEYS: [&str; 10] =
    ["about", "args", "objects", "zone", "differs", "fails", "ambiguous", "restless", "after", "zonekeeper"];
/// The first key that the recorder writes.
const RECORDED: usize = 5;

/// Arguments, objects and a zone, and the zone after one run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Situation {
    /// The name of the file, without its extension.
    #[serde(skip)]
    pub name: String,
    pub about: String,
    /// Arguments of ExternalDNS, after those that all situations share.
    #[serde(default)]
    pub args: Vec<String>,
    /// YAML documents.
    #[serde(default)]
    pub objects: String,
    /// The record sets before, in their printed form.
    #[serde(default)]
    pub zone: String,
    /// The row of `docs/reference/externaldns.md` that explains why zonekeeper differs.
    pub differs: Option<String>,
    /// Whether ExternalDNS reports an error.
    #[serde(default)]
    pub fails: bool,
    /// Whether two runs of ExternalDNS have different results.
    #[serde(default)]
    pub ambiguous: bool,
    /// Whether ExternalDNS sends the same changes again and again.
    #[serde(default)]
    pub restless: bool,
    /// The record sets after ExternalDNS.
    pub after: Option<String>,
    /// The record sets after zonekeeper, if it differs.
    pub zonekeeper: Option<String>,
}

// === impl Situation ===

impl Situation {
    /// All situations, by name.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect();
        paths.sort();
        let read =
            |path: &PathBuf| Self::read(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        paths.iter().map(read).collect()
    }

    fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|why| why.to_string())?;
        let keys: Vec<&str> = keys(&text).map(|(_, key)| key).collect();
        let mut expected = KEYS.into_iter().filter(|key| keys.contains(key));
        if !keys.iter().all(|key| expected.next() == Some(key)) {
            return Err(format!("the keys are {keys:?}, their order is {KEYS:?}"));
        }
        let situation: Self = serde_saphyr::from_str(&text).map_err(|why| why.to_string())?;
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        Ok(Self { name: name.to_owned(), ..situation })
    }

    /// Replaces the recorded part of the file.
    pub fn save_record(&self) {
        let path = folder().join(format!("{}.yaml", self.name));
        let text = fs::read_to_string(&path).unwrap();
        let recorded = keys(&text).find(|(_, key)| KEYS[RECORDED..].contains(key));
        let stated = &text[..recorded.map_or(text.len(), |(at, _)| at)];
        fs::write(path, format!("{stated}{}", self.record())).unwrap();
    }

    /// The text of a file.
    pub fn text(&self) -> String {
        let args: Vec<String> = self.args.iter().map(|arg| format!("- {arg:?}\n")).collect();
        let blocks = [block("objects", &self.objects), block("zone", &self.zone)].concat();
        format!("about: {}\nargs:\n{}{blocks}{}", self.about, args.concat(), self.record())
    }

    /// The recorded part of a file.
    fn record(&self) -> String {
        let marks = [("fails", self.fails), ("ambiguous", self.ambiguous), ("restless", self.restless)];
        let marks = marks.into_iter().filter(|(_, holds)| *holds).map(|(key, _)| format!("{key}: true\n"));
        let zones = [("after", &self.after), ("zonekeeper", &self.zonekeeper)];
        let zones = zones.into_iter().filter_map(|(key, zone)| Some(block(key, zone.as_ref()?)));
        marks.chain(zones).collect()
    }

    /// The arguments with the defaults of all situations.
    pub fn arguments(&self) -> Vec<String> {
        let defaults = ["--source=ingress", "--source=service", "--txt-owner-id=me", "--policy=upsert-only"];
        let is_given = |default: &&str| {
            let (flag, _) = default.split_once('=').unwrap();
            self.args.iter().any(|arg| arg.split('=').next() == Some(flag))
        };
        let defaults =
            defaults.iter().filter(|default| !is_given(default)).map(|&default| default.to_owned());
        defaults.chain(self.args.iter().cloned()).collect()
    }
}

/// The folder of the situations.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/externaldns")
}

/// The keys of a file with their positions.
fn keys(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    let lines = text.split_inclusive('\n').map(move |line| {
        at += line.len();
        (at - line.len(), line)
    });
    lines
        .filter(|(_, line)| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|(at, line)| line.split_once(':').map(|(key, _)| (at, key)))
}

/// A key with lines of text.
fn block(key: &str, text: &str) -> String {
    if text.is_empty() {
        return format!("{key}: ''\n");
    }
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}\n")).collect();
    format!("{key}: |\n{}", lines.concat())
}
