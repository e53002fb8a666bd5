//! The layers: what each part of the program may import.
//!
//! The scan is simple. It removes comments and texts, expands `use` trees and collects every path. It does
//! not resolve names. So an import of a module counts as an import of everything in it.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
};

/// A rule: files under `within`, except files under `except`, do not use `forbidden`.
struct Rule {
    name: &'static str,
    within: &'static [&'static str],
    except: &'static [&'static str],
    /// Paths, or parts of paths that begin with `..`. A trailing `*` stands for the rest of a name.
    forbidden: &'static [&'static str],
    /// The place for code that needs a forbidden path.
    belongs: &'static str,
    /// Whether unit tests may use the forbidden paths.
    is_for_tests: bool,
}

/// The edges of the program. They do not import each other.
const EDGES: [&str; 7] = ["cluster", "externaldns", "folder", "resolver", "route53", "serve", "telemetry"];
/// The dependencies of the core. None of them does I/O, reads a clock or is random.
const CORE_DEPENDENCIES: [&str; 10] = [
    "arcstr",
    "idna",
    "k8s-openapi",
    "regex",
    "schemars",
    "serde",
    "serde_json",
    "sha2",
    "smallvec",
    "thiserror",
];

const RULES: [Rule; 9] = [
    Rule {
        name: "the core reads no clock",
        within: &["crates/core/src"],
        except: &[],
        forbidden: &[
            "std::time::Instant",
            "std::time::SystemTime",
            "..Instant::now",
            "..SystemTime::now",
            "..Timestamp::now",
            "..Zoned::now",
            "..Utc::now",
        ],
        belongs: "in src/driver, which passes the time to the core as an input",
        is_for_tests: true,
    },
    Rule {
        name: "the core is not random",
        within: &["crates/core/src"],
        except: &[],
        // The order of a HashMap is random too.
        forbidden: &[
            "rand",
            "getrandom",
            "..RandomState",
            "std::collections::HashMap",
            "std::collections::HashSet",
        ],
        belongs: "in src: the core gets a seed, and iterates over BTreeMap",
        is_for_tests: true,
    },
    Rule {
        name: "the core does no I/O",
        within: &["crates/core/src"],
        except: &[],
        forbidden: &[
            "std::fs",
            "std::io",
            "std::env",
            "std::process",
            "std::thread",
            "std::os",
            "std::net::TcpListener",
            "std::net::TcpStream",
            "std::net::ToSocketAddrs",
            "std::net::UdpSocket",
            "print!",
            "println!",
            "eprint!",
            "eprintln!",
            "dbg!",
        ],
        belongs: "in an edge (src/route53, src/cluster, …); the core returns an effect",
        is_for_tests: true,
    },
    Rule {
        name: "the core knows no runtime, log, cluster client or SDK",
        within: &["crates/core/src"],
        except: &[],
        forbidden: &[
            "tokio*",
            "futures*",
            "tracing",
            "log",
            "kube",
            "kube_runtime",
            "aws_sdk*",
            "aws_config",
        ],
        belongs: "in src; the core takes inputs and returns effects",
        is_for_tests: true,
    },
    Rule {
        name: "only the sources of the core read types of Kubernetes",
        within: &["crates/core/src"],
        except: &["crates/core/src/source"],
        forbidden: &["k8s_openapi"],
        belongs: "in crates/core/src/source, which reduces objects to facts",
        is_for_tests: true,
    },
    Rule {
        name: "only src/route53 names the AWS SDK",
        within: &["src"],
        except: &["src/route53"],
        forbidden: &[
            "aws_sdk*",
            "aws_smithy*",
            "aws_config",
            "aws_credential_types",
            "aws_runtime",
            "aws_types",
        ],
        belongs: "in src/route53",
        is_for_tests: false,
    },
    Rule {
        name: "only src/cluster talks to Kubernetes",
        within: &["src"],
        except: &["src/cluster"],
        forbidden: &["kube", "kube_runtime", "kube_client"],
        belongs: "in src/cluster, as a method of Cluster for example",
        is_for_tests: false,
    },
    Rule {
        name: "only src/cluster and src/folder read types of Kubernetes",
        within: &["src"],
        except: &["src/cluster", "src/folder"],
        forbidden: &["k8s_openapi"],
        belongs: "in src/cluster or src/folder; others use the types of the core",
        is_for_tests: false,
    },
    Rule {
        name: "a stored value does not depend on the hasher of the standard library",
        within: &["src", "crates/core/src"],
        except: &[],
        forbidden: &["..DefaultHasher"],
        belongs: "nowhere: a stored hash must be the same in every version, so use sha2 with a domain of its own",
        is_for_tests: true,
    },
];

/// A path in the code, and its line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    path: String,
    line: usize,
}

/// A violation of a rule.
struct Violation {
    file: String,
    named: Named,
    rule: String,
    belongs: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, named: Named { path, line }, rule, belongs } = self;
        write!(f, "{file}:{line} uses `{path}`, but {rule}. It belongs {belongs}.")
    }
}

#[test]
fn every_layer_imports_only_what_it_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [sources(&root.join("src")), sources(&root.join("crates/core/src"))].concat();
    assert!(files.len() > 100, "only {} files", files.len());
    let violations: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            let file = file.strip_prefix(root).unwrap().to_str().unwrap();
            violations(file, &text)
        })
        .map(|violation| violation.to_string())
        .collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn the_core_depends_on_nothing_that_acts() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/core/Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    for name in dependencies(&manifest) {
        assert!(
            CORE_DEPENDENCIES.contains(&name),
            "crates/core/Cargo.toml depends on `{name}`. The core decides and does nothing else: code that needs `{name}` \
             belongs in the crate zonekeeper. If `{name}` is pure (no I/O, clock or randomness), add it to this test."
        );
    }
}

#[test]
fn each_rule_finds_its_violation() {
    let core = "crates/core/src/keeper/mod.rs";
    for (file, text, line, rule) in [
        (core, "use std::{\n    fmt,\n    time::{Duration, Instant},\n};", 3, "reads no clock"),
        (core, "use std::time;\n", 1, "reads no clock"),
        (core, "fn a() {\n    k8s::Timestamp::now();\n}", 2, "reads no clock"),
        (core, "use std::collections::{BTreeMap, HashMap};", 1, "is not random"),
        (core, "use std::hash::{Hash as _, RandomState as State};", 1, "is not random"),
        (core, "use std::hash::{DefaultHasher as Hasher};", 1, "hasher of the standard library"),
        (core, "fn a() -> u8 {\n\n    rand::random()\n}", 3, "is not random"),
        (
            "crates/core/src/plan/unit.rs",
            "use std::hash::DefaultHasher;",
            1,
            "hasher of the standard library",
        ),
        (core, "use std::{env as e, fmt};", 1, "does no I/O"),
        (core, "use std::net::*;", 1, "does no I/O"),
        (core, "fn a() { println!(\"a\"); }", 1, "does no I/O"),
        (core, "use tokio_util::sync::CancellationToken;", 1, "knows no runtime"),
        (core, "#[tracing::instrument]\nfn a() {}", 1, "knows no runtime"),
        (core, "use aws_sdk_route53 as sdk;", 1, "knows no runtime"),
        (core, "use k8s_openapi::api::core::v1::Service;", 1, "only the sources of the core"),
        ("src/cli/plan.rs", "fn a(client: &aws_sdk_route53::Client) {}", 1, "names the AWS SDK"),
        ("src/cli/plan.rs", "// a\nuse kube::Client;", 2, "talks to Kubernetes"),
        ("src/cli/plan.rs", "use k8s_openapi::jiff;", 1, "src/folder read types"),
        ("src/cluster/events.rs", "use std::hash::DefaultHasher;", 1, "hasher of the standard library"),
        ("src/serve.rs", "use crate::{\n    driver,\n    telemetry::Metrics,\n};", 3, "edges do not import"),
        ("src/cluster/watch.rs", "fn a() { super::super::route53::b() }", 1, "edges do not import"),
        ("src/folder.rs", "use super::cluster;", 1, "edges do not import"),
        ("src/telemetry/mod.rs", "use crate::*;", 1, "edges do not import"),
    ] {
        let found = violations(file, text);
        let [found] = &found[..] else {
            panic!("{file}: {text}: {:?}", found.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert!(found.named.line == line && found.rule.contains(rule), "{text}: {found}");
    }
}

#[test]
fn what_a_layer_may_import_is_no_violation() {
    for (file, text) in [
        (
            "crates/core/src/dns/name.rs",
            "use std::{fmt, net::Ipv4Addr, time::Duration};\nuse crate::keeper::Time;",
        ),
        ("crates/core/src/source/mod.rs", "use k8s_openapi::api::core::v1::Service;"),
        ("crates/core/src/lease.rs", "/// Unlike `std::time::Instant`.\nconst A: &str = \"kube::Client\";"),
        ("crates/core/src/lease.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}"),
        ("src/route53/client.rs", "use aws_sdk_route53::Client;\nuse super::record;\nuse crate::driver;"),
        ("src/cluster/watch.rs", "use kube::Client;\nuse super::client;\nuse crate::error_chain;"),
        ("src/telemetry/logs.rs", "const A: &str = \"kube_client::client=error\"; // aws_config::a"),
        ("src/cli/session.rs", "use crate::{cluster, folder, route53, serve, telemetry};"),
    ] {
        let found: Vec<String> = violations(file, text).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

/// The violations in one file. `file` is its path from the root of the repository.
fn violations(file: &str, text: &str) -> Vec<Violation> {
    let is_in = |folder: &&str| file.strip_prefix(*folder).is_some_and(|rest| rest.starts_with(['/', '.']));
    let code = code(text);
    let tests_from = code.find("#[cfg(test)]\nmod tests").map_or(usize::MAX, |at| line_at(&code, at));
    let mut found = Vec::new();
    let all = named(&code);
    for rule in RULES.iter().filter(|rule| rule.within.iter().any(is_in) && !rule.except.iter().any(is_in)) {
        for named in all.iter().filter(|named| !rule.is_for_tests || named.line < tests_from) {
            if rule.forbidden.iter().any(|forbidden| is_forbidden(&named.path, forbidden)) {
                let (rule, belongs) = (rule.name.to_owned(), rule.belongs.to_owned());
                found.push(Violation { file: file.to_owned(), named: named.clone(), rule, belongs });
            }
        }
    }
    if let Some(edge) = EDGES.iter().find(|edge| is_in(&&*format!("src/{edge}"))) {
        let modules = file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        let depth = modules.split('/').count();
        for named in &all {
            // A path of several `super` that leaves the edge is the same as a path that begins with `crate`.
            let supers = format!("{}::", vec!["super"; depth].join("::"));
            let path = named.path.replacen(&supers, "crate::", 1);
            let others = EDGES.iter().filter(|other| *other != edge);
            if others.into_iter().any(|other| is_forbidden(&path, &format!("crate::{other}"))) {
                found.push(Violation {
                    file: file.to_owned(),
                    named: named.clone(),
                    rule: "edges do not import each other".to_owned(),
                    belongs: "in src/cli, which connects the edges, or behind a trait in src/driver"
                        .to_owned(),
                });
            }
        }
    }
    found
}

/// Whether a path is forbidden, is below a forbidden path, or imports a module that contains a forbidden
/// path.
fn is_forbidden(path: &str, forbidden: &str) -> bool {
    if let Some(part) = forbidden.strip_prefix("..") {
        return path == part || path.ends_with(&format!("::{part}")) || path.contains(&format!("::{part}::"));
    }
    if let Some(start) = forbidden.strip_suffix('*') {
        return path.starts_with(start);
    }
    let is_below = |path: &str, above: &str| {
        path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    is_below(path, forbidden) || (path.contains("::") || path == "crate") && is_below(forbidden, path)
}

/// All paths in the code: the expanded paths of `use` trees, and the paths in expressions and types. A macro
/// ends with `!`.
fn named(code: &str) -> BTreeSet<Named> {
    let mut found = BTreeSet::new();
    let mut rest = 0;
    while let Some((start, path, end)) = next_path(code, rest) {
        rest = end;
        let line = line_at(code, start);
        if path != "use" {
            found.insert(Named { path, line });
            continue;
        }
        let length = code[end..].find(';').unwrap_or(code.len() - end);
        expand(code, end, end + length, "", &mut found);
        rest = end + length;
    }
    found
}

/// The next path after an offset: its start, its text and its end.
fn next_path(code: &str, from: usize) -> Option<(usize, String, usize)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let start = from + code[from..].find(|c: char| is_word(c) && !c.is_ascii_digit())?;
    let mut end = start;
    loop {
        end += code[end..].find(|c| !is_word(c)).unwrap_or(code.len() - end);
        match code[end..].strip_prefix("::") {
            Some(rest) if rest.starts_with(is_word) => end += 2,
            _ => break,
        }
    }
    let is_macro = code[end..].starts_with('!') && !code[end..].starts_with("!=");
    let path = &code[start..end];
    Some((start, if is_macro { format!("{path}!") } else { path.to_owned() }, end))
}

/// Expands the use tree between two offsets.
fn expand(code: &str, start: usize, end: usize, prefix: &str, found: &mut BTreeSet<Named>) {
    let mut at = start;
    while at < end {
        // One tree ends at the next comma outside of braces.
        let (mut depth, mut stop) = (0, end);
        for (offset, c) in code[at..end].char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    stop = at + offset;
                    break;
                }
                _ => {}
            }
        }
        let tree = &code[at..stop];
        let begins = at + tree.len() - tree.trim_start().len();
        let path = |part: &str| {
            let part = part.split(" as ").next().unwrap_or_default().trim();
            let part = part.trim_start_matches("::").trim_end_matches('*').trim_end_matches("self");
            format!("{prefix}{part}").trim_end_matches("::").to_owned()
        };
        if let Some(brace) = tree.find('{') {
            let above = path(&tree[..brace]);
            let above = if above.is_empty() { above } else { format!("{above}::") };
            let close = at + tree.rfind('}').unwrap_or(tree.len());
            expand(code, at + brace + 1, close, &above, found);
        } else if !tree.trim().is_empty() {
            found.insert(Named { path: path(tree), line: line_at(code, begins) });
        }
        at = stop + 1;
    }
}

/// The code without comments and without the content of texts. Line numbers stay the same.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let raw = rest.strip_prefix("br").or(rest.strip_prefix('r')).map(|raw| {
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            (raw.get(hashes..).is_some_and(|raw| raw.starts_with('"')), hashes)
        });
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some((true, hashes)) = raw
            && !code.ends_with(|c: char| c.is_alphanumeric() || c == '_')
        {
            let (open, close) = (rest.find('"').unwrap() + 1, format!("\"{}", "#".repeat(hashes)));
            rest[open..].find(&close).map_or(rest.len(), |end| open + end + close.len())
        } else if c == '"' {
            let mut is_escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                ends
            });
            end.map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("'\"'") || rest.starts_with("'{'") || rest.starts_with("'}'") {
            3
        } else if rest.starts_with("'\\") {
            rest[3..].find('\'').map_or(rest.len(), |end| end + 4)
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        code.extend(rest[..skipped].matches('\n'));
        rest = &rest[skipped..];
    }
    code
}

fn line_at(code: &str, offset: usize) -> usize {
    code[..offset].matches('\n').count() + 1
}

/// The names of the dependencies in a manifest, without dev-dependencies.
fn dependencies(manifest: &str) -> Vec<&str> {
    let (_, rest) = manifest.split_once("[dependencies]\n").unwrap();
    let section = rest.split("\n[").next().unwrap_or_default();
    let lines = section.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.filter_map(|line| line.split(['.', ' ', '=']).next()).collect()
}

/// The Rust files under a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
