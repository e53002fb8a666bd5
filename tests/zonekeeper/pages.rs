//! The pages for readers: the README, the book, and the pages of the manifests.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{namespace::Namespace, process::CommandLine, zone::Zone};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The folders with pages outside of the book.
const OTHERS: [&str; 4] = ["", "manifests", "manifests/aws", "manifests/aws/modules/pod-role"];

/// All pages, also those outside of the book.
pub fn all() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = OTHERS.into_iter().flat_map(|folder| entries(&place(folder))).collect();
    pages.retain(|path| is_page(path));
    pages.extend(of_the_book());
    pages
}

/// The pages in `docs`, without its table of contents.
pub fn of_the_book() -> Vec<PathBuf> {
    let mut folders = vec![place("docs")];
    let mut pages = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            let found = if path.is_dir() { &mut folders } else { &mut pages };
            found.push(path);
        }
    }
    pages.retain(|path| is_page(path) && !path.ends_with("SUMMARY.md"));
    pages.sort();
    pages
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}

/// The place of a file of the repository.
pub fn place(path: &str) -> PathBuf {
    Path::new(ROOT).join(path)
}

/// The text of a file of the repository.
pub fn read(path: &str) -> String {
    read_at(&place(path))
}

pub fn read_at(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The blocks in a language, without the indentation of their list.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.trim_start() != fence {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let inside = lines.by_ref().take_while(|line| line.trim() != "```");
        let text = |line: &str| line.get(indent..).unwrap_or_default().to_owned() + "\n";
        blocks.push(inside.map(text).collect());
    }
    blocks
}

/// The lines of the shell blocks.
pub fn commands(page: &str) -> Vec<String> {
    blocks(page, "sh").iter().flat_map(|block| block.lines()).map(str::to_owned).collect()
}

/// The links to places on the same site, with their headings: `page.md#heading`.
pub fn links(page: &str) -> impl Iterator<Item = &str> {
    let links = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    links.filter(|link| !link.is_empty() && !link.contains("://"))
}

/// The anchors of a page's headings, as GitHub makes them.
pub fn headings(page: &str) -> BTreeSet<String> {
    let mut is_code = false;
    let headings = page.lines().filter(|line| {
        is_code ^= line.trim_start().starts_with("```");
        !is_code && line.starts_with('#')
    });
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let slug = |text: &str| text.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-");
    headings.map(|line| slug(line.trim_start_matches('#').trim())).collect()
}

/// A command of zonekeeper on a page, for a zone and a namespace of a test. The page names the zone and the owner id.
pub async fn command(line: &str, zone: &Zone, shop: &Namespace) -> CommandLine {
    let arguments: Vec<&str> = line.split(' ').skip(1).collect();
    let command = CommandLine::of(zone, shop, &arguments).await;
    command.without_env("ZONEKEEPER_ZONE_ID").without_env("ZONEKEEPER_OWNER_ID")
}
