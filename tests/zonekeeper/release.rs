//! The inputs of a release: its version, its notes, and the workflows of GitHub Actions.
//!
//! `make release-test` builds a release and checks it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::scratch::{Scratch, copy};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Files of GitHub Actions.
const WORKFLOWS: [&str; 2] = ["ci", "release"];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn all_parts_have_one_version() {
    let chart = yaml("charts/zonekeeper/Chart.yaml");
    assert_eq!((&chart["version"], &chart["appVersion"]), (&json!(VERSION), &json!(VERSION)));
    let base = yaml("manifests/base/kustomization.yaml");
    assert_eq!(base["images"][0]["newTag"], VERSION);

    // A commit belongs to the next version, or it is the release of this version.
    let changelog = read("CHANGELOG.md");
    let newest = changelog.lines().find_map(|line| line.strip_prefix("## ")).unwrap();
    let is_release = newest.strip_prefix(VERSION).is_some_and(|date| date.starts_with(" ("));
    assert!(newest == "Unreleased" || is_release, "the newest notes are of {newest}, not of {VERSION}");
}

#[test]
fn a_release_has_the_notes_of_its_version() {
    let scratch = Scratch::new("release-notes");
    copy(&Path::new(ROOT).join("release"), &scratch.join("release"));
    fs::write(scratch.join("Cargo.toml"), "[workspace.package]\nversion = \"1.2.3\"\n").unwrap();
    let notes = |changelog: &str, tag: &str| {
        fs::write(scratch.join("CHANGELOG.md"), changelog).unwrap();
        Command::new(scratch.join("release/notes.sh")).arg(tag).output().unwrap()
    };
    let fails = |output: &Output, text: &str| {
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty() && error.contains(text), "{output:?}");
    };

    let changelog = "# Changelog\n\n## Unreleased\n\nNext.\n\n## 1.2.3 (2026-12-01)\n\n- A change.\n\n### Fixes\n\n- A fix.\n\n\
                     ## 1.2.2 (2026-11-01)\n\nThe last one.\n";
    let output = notes(changelog, "v1.2.3");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "- A change.\n\n### Fixes\n\n- A fix.",
        "{output:?}"
    );
    fails(&notes(changelog, "v1.2.4"), "the tag is v1.2.4, but Cargo.toml has the version 1.2.3");
    fails(&notes("# Changelog\n\n## Unreleased\n\nNext.\n", "v1.2.3"), "no notes");
    fails(&notes("# Changelog\n\n## 1.2.3 (2026-12-01)\n\n## 1.2.2\n\nOld.\n", "v1.2.3"), "no notes");
}

#[test]
fn the_workflows_run_only_fixed_code_with_few_rights() {
    for name in WORKFLOWS {
        let path = format!(".github/workflows/{name}.yaml");
        let text = read(&path);
        for line in text.lines().map(|line| line.trim_start().trim_start_matches("- ")) {
            let Some(action) = line.strip_prefix("uses: ") else { continue };
            if action.starts_with("./") {
                continue;
            }
            // A tag can move, a commit cannot. The comment is for people.
            let (_, reference) = action.split_once('@').unwrap();
            let (commit, version) = reference.split_once(" # v").unwrap_or((reference, ""));
            let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(is_commit && !version.is_empty(), "{path}: {line}");
        }

        let workflow = yaml(&path);
        assert_eq!(workflow["permissions"], json!({}), "{path}");
        for (job, content) in workflow["jobs"].as_object().unwrap() {
            let rights = content["permissions"].as_object().unwrap();
            let writes: Vec<&str> =
                rights.iter().filter(|(_, right)| *right != "read").map(|(name, _)| name.as_str()).collect();
            let expected: &[&str] =
                if job == "publish" { &["contents", "id-token", "packages"] } else { &[] };
            assert_eq!(writes, expected, "{path}: {job}");
            for step in content["steps"].as_array().into_iter().flatten() {
                // A value of an event becomes a part of a script, so it comes as a variable.
                let run = step["run"].as_str().unwrap_or_default();
                assert!(!run.contains("${{"), "{path}: {run}");
                if step["uses"].as_str().is_some_and(|action| action.starts_with("actions/checkout@")) {
                    assert_eq!(step["with"]["persist-credentials"], false, "{path}: {step}");
                }
            }
        }
    }
}
