//! The book: its table of contents, the links in its HTML, and the examples on its pages.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
    process::Command,
};

use crate::{monitoring, pages, scratch::Scratch};

/// The repository in the links of the book that a test builds.
const REPOSITORY: &str = "https://github.com/example/zonekeeper/blob/HEAD/";
/// The page to which the alerts link, unless a value of the chart or a release names another one.
const RUNBOOKS: &str = "https://github.com/OWNER/zonekeeper/blob/HEAD/docs/operate/runbooks.md";

/// A page of the built book.
struct Html {
    path: PathBuf,
    text: String,
}

/// Builds the book in a folder, as `make book` does, and returns its pages by their path.
fn build(folder: &Path) -> BTreeMap<PathBuf, Html> {
    let built = Command::new(pages::place("release/book.sh"))
        .arg(folder)
        .env("REPOSITORY", "example/zonekeeper")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "is mdBook in .tools? `make tools` installs it\n{said}");
    // mdBook warns about a link or a tag that it does not understand.
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
    let sources = pages::of_the_book().into_iter();
    let page = |source: PathBuf| {
        let path = source.strip_prefix(pages::place("docs")).unwrap().with_extension("html");
        // mdBook calls a README the index of its folder.
        let path = if path.ends_with("README.html") { path.with_file_name("index.html") } else { path };
        let text = pages::read_at(&folder.join(&path));
        (path.clone(), Html { path, text })
    };
    sources.map(page).collect()
}

/// A path without `..`. None if it leaves the book.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => normal.pop().then_some(())?,
            other => normal.push(other),
        }
    }
    Some(normal)
}

#[test]
fn the_table_of_contents_has_each_page_once_with_its_title() {
    let contents = pages::read("docs/SUMMARY.md");
    let entries = contents.lines().filter_map(|line| line.split_once("](")).map(|(before, rest)| {
        let title = before.split_once('[').unwrap().1;
        (pages::place("docs").join(rest.trim_end_matches(')')), title)
    });
    let entries: Vec<(PathBuf, &str)> = entries.collect();
    let mut listed: Vec<PathBuf> = entries.iter().map(|(path, _)| path.clone()).collect();
    listed.sort();
    assert_eq!(listed, pages::of_the_book());
    for (path, title) in entries.iter().filter(|(path, _)| !path.ends_with("docs/README.md")) {
        let page = pages::read_at(path);
        let heading = page.lines().next().unwrap();
        assert_eq!(heading, format!("# {title}"), "{}", path.display());
    }
}

#[test]
fn each_link_of_the_book_leads_somewhere() {
    let folder = Scratch::new("book");
    let book = build(&folder);
    let mut outside = 0;
    for page in book.values() {
        for link in page.links() {
            let at = format!("{}: {link}", page.path.display());
            if let Some(path) = link.strip_prefix(REPOSITORY) {
                let (path, anchor) = path.split_once('#').unwrap_or((path, ""));
                let file = pages::place(path);
                assert!(file.exists(), "{at}: the repository has no such file");
                let has_anchor = || pages::headings(&pages::read_at(&file)).contains(anchor);
                assert!(anchor.is_empty() || has_anchor(), "{at}: no such heading");
                outside += 1;
                continue;
            }
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.path.clone() } else { page.path.with_file_name(path) };
            let target = normal(&target).unwrap_or_else(|| panic!("{at}: it leaves the book"));
            let target = if target == Path::new("") { PathBuf::from("index.html") } else { target };
            assert!(folder.join(&target).exists(), "{at}: the book has no such file");
            let has_anchor = || book.get(&target).is_some_and(|page| page.has(anchor));
            assert!(anchor.is_empty() || has_anchor(), "{at}: no such heading");
        }
    }
    assert!(outside > 20, "the links to the repository are missing: {outside}");
    assert!(!folder.join("book.toml").exists());

    for alert in monitoring::ALERTS {
        let line = format!("{RUNBOOKS}#{}", alert.to_lowercase());
        assert!(monitoring::RULES.contains(&format!("runbook_url: {line}\n")), "{alert}");
        assert!(book[Path::new("operate/runbooks.html")].has(&alert.to_lowercase()), "{alert}");
    }
    assert_eq!(monitoring::RULES.matches("runbook_url").count(), monitoring::ALERTS.len());
}

/// A block after a link to a file is a part of this file.
#[test]
fn the_examples_on_the_pages_are_those_in_their_files() {
    let mut count = 0;
    for path in pages::of_the_book() {
        let (page, folder) = (pages::read_at(&path), path.parent().unwrap());
        for language in ["yaml", "terraform"] {
            for (before, rest) in fences(&page, language) {
                let block = rest.split("\n```").next().unwrap();
                let paragraph = before.trim_end().rsplit("\n\n").next().unwrap();
                let Some(link) = pages::links(paragraph).last() else { continue };
                let file = folder.join(link);
                if !file.is_file() || file.extension().is_some_and(|extension| extension == "md") {
                    continue;
                }
                let text = pages::read_at(&file);
                assert!(text.contains(block), "{}: {link} does not contain\n{block}", path.display());
                count += 1;
            }
        }
    }
    assert!(count >= 7, "{count}");
}

/// The text before and after the beginning of each block in a language.
fn fences<'p>(page: &'p str, language: &str) -> Vec<(&'p str, &'p str)> {
    let fence = format!("```{language}\n");
    page.match_indices(&fence).map(|(at, _)| (&page[..at], &page[at + fence.len()..])).collect()
}

// === impl Html ===

impl Html {
    /// The targets of links and of images, styles and scripts.
    fn links(&self) -> impl Iterator<Item = &str> {
        let of = |attribute: &'static str| {
            self.text.split(attribute).skip(1).filter_map(|rest| rest.split('"').next())
        };
        of(" href=\"").chain(of(" src=\"")).filter(|link| !link.is_empty())
    }

    fn has(&self, anchor: &str) -> bool {
        self.text.contains(&format!("id=\"{anchor}\""))
    }
}
