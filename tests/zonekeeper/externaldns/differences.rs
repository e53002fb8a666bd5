//! The table of deliberate differences in `docs/reference/externaldns.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::situation::Situation;

/// The reasons for which zonekeeper may differ.
const CAUSES: [&str; 5] = ["deletes", "fights", "guesses", "crashes", "lets in"];
/// The columns: id, cause, source, what ExternalDNS does, what zonekeeper does, situations.
const COLUMNS: usize = 6;

/// A row of the table.
struct Row {
    id: String,
    cause: String,
    /// The defect or the rule behind it.
    source: String,
    situations: String,
}

#[test]
fn every_difference_is_a_row_with_its_situations() {
    let page = fs::read_to_string(page()).unwrap();
    let mut of_rows: BTreeMap<String, Vec<String>> =
        rows(&page).into_iter().map(|row| (row.id, Vec::new())).collect();
    let mut failures = Vec::new();
    for Situation { name, differs, .. } in Situation::all() {
        let Some(id) = differs else { continue };
        match of_rows.get_mut(&id) {
            Some(names) => names.push(format!("`{name}`")),
            None => failures.push(format!("{name} differs for `{id}`, which is no row")),
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(self::page(), with_situations(&page, &of_rows)).unwrap();
        return;
    }
    for row in rows(&page) {
        let names = of_rows.remove(&row.id).unwrap_or_default();
        if names.is_empty() {
            failures.push(format!("no situation differs for `{}`", row.id));
        } else if row.situations != names.join(", ") {
            failures.push(format!("the situations of `{}` are not current: make documents", row.id));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_row_has_a_cause_and_a_source() {
    let page = fs::read_to_string(page()).unwrap();
    let mut ids = BTreeSet::new();
    for Row { id, cause, source, .. } in rows(&page) {
        assert!(CAUSES.contains(&&*cause), "`{id}`: `{cause}` is none of {CAUSES:?}");
        assert!(source.contains("](#") || source.contains(".md#"), "`{id}`: no link to a defect or a rule");
        assert!(ids.insert(id.clone()), "two rows `{id}`");
    }
    assert!(ids.len() > 20, "{ids:?}");
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/externaldns.md")
}

/// The rows of the table, which begin with an id.
fn rows(page: &str) -> Vec<Row> {
    page.lines().filter_map(cells).map(|cells| row(&cells)).collect()
}

fn row(cells: &[&str]) -> Row {
    let [id, cause, source, _, _, situations] = cells else { panic!("not {COLUMNS} columns: {cells:?}") };
    let [id, cause, source, situations] =
        [id.trim_matches('`'), cause, source, situations].map(str::to_owned);
    Row { id, cause, source, situations }
}

fn cells(line: &str) -> Option<Vec<&str>> {
    line.strip_prefix("| `")?;
    let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
    Some(inner.split(" | ").collect())
}

/// The page with current situations in each row.
fn with_situations(page: &str, of_rows: &BTreeMap<String, Vec<String>>) -> String {
    let line = |line: &str| {
        let Some(mut cells) = cells(line) else { return format!("{line}\n") };
        let names = of_rows.get(cells[0].trim_matches('`')).map(|names| names.join(", ")).unwrap_or_default();
        cells.truncate(COLUMNS - 1);
        cells.push(&names);
        format!("| {} |\n", cells.join(" | "))
    };
    page.lines().map(line).collect()
}
