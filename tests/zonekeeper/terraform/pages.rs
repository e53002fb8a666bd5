//! The pages of the Terraform module: the tables of variables and outputs, and the commands.
//!
//! `UPDATE=1` writes the tables.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use hcl::{Expression, ObjectKey, expr::FuncCall};

use super::{Checkout, MODULE, ROOT, blocks};

const GENERATED: &str =
    "<!-- Generated from the module: `make documents` writes it, `make test` compares it. -->";
/// The commands of Terraform on the pages.
const COMMANDS: [&str; 4] = ["init", "apply", "output", "test"];

fn page(folder: &str) -> PathBuf {
    Path::new(ROOT).join(folder).join("README.md")
}

/// The attributes of each block of a kind, by the label of the block.
fn labelled(folder: &str, identifier: &str) -> BTreeMap<String, BTreeMap<String, Expression>> {
    let blocks = blocks(folder).into_iter().filter(|block| block.identifier() == identifier);
    let attributes = |block: &hcl::Block| {
        let attributes = block.body().attributes();
        attributes.map(|attribute| (attribute.key().to_owned(), attribute.expr().clone())).collect()
    };
    blocks.map(|block| (block.labels()[0].as_str().to_owned(), attributes(&block))).collect()
}

fn text(expression: &Expression) -> &str {
    let Expression::String(text) = expression else { panic!("{expression}: no text") };
    text
}

/// An expression on one line, for a cell of a table.
fn cell(expression: &Expression) -> String {
    let lines = expression.to_string();
    let line = lines.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("`{}`", line.replace("[ ", "[").replace(" ]", "]"))
}

/// The table of a module's variables.
fn variables(folder: &str) -> String {
    let mut table = "| variable | type | default | means |\n|---|---|---|---|\n".to_owned();
    for (name, attributes) in labelled(folder, "variable") {
        let of = cell(&attributes["type"]);
        let of = if of.contains("object(") { "`map(object)`" } else { &of };
        let default = attributes.get("default").map_or("required".to_owned(), cell);
        writeln!(table, "| `{name}` | {of} | {default} | {} |", text(&attributes["description"])).unwrap();
    }
    table
}

/// The table of a module's outputs.
fn outputs(folder: &str) -> String {
    let mut table = "| output | contains |\n|---|---|\n".to_owned();
    for (name, attributes) in labelled(folder, "output") {
        writeln!(table, "| `{name}` | {} |", text(&attributes["description"])).unwrap();
    }
    table
}

/// The page with another text in a section.
fn with_section(page: &str, title: &str, table: &str) -> String {
    let heading = format!("\n## {title}\n");
    let (before, rest) = page.split_once(&heading).unwrap_or_else(|| panic!("no section {title}"));
    let after = rest.find("\n## ").map_or("", |at| &rest[at..]);
    format!("{before}{heading}\n{GENERATED}\n\n{table}{after}")
}

#[test]
fn the_tables_of_the_modules_are_current() {
    for folder in [MODULE, "manifests/aws/modules/pod-role"] {
        let path = page(folder);
        let found = fs::read_to_string(&path).unwrap();
        let expected = with_section(&found, "Variables", &variables(folder));
        let expected = with_section(&expected, "Outputs", &outputs(folder));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &expected).unwrap();
        } else {
            assert!(found == expected, "{folder}/README.md is out of date: run `make documents`");
        }
    }
}

/// The attributes of a cluster, with their defaults.
fn attributes_of_a_cluster() -> BTreeMap<String, String> {
    let variables = labelled(MODULE, "variable");
    let argument = |expression: &Expression, name: &str| {
        let Expression::FuncCall(call) = expression else { panic!("{expression}: no {name}") };
        let FuncCall { name: found, args, .. } = &**call;
        assert_eq!(found.name.as_str(), name);
        args.clone()
    };
    let object = argument(&variables["clusters"]["type"], "map").remove(0);
    let Expression::Object(attributes) = argument(&object, "object").remove(0) else { panic!("{object}") };
    let attribute = |(key, of): (ObjectKey, Expression)| {
        let default = argument(&of, "optional").get(1).map(cell);
        (key.to_string(), default.unwrap_or_default())
    };
    attributes.into_iter().map(attribute).collect()
}

#[test]
fn the_page_has_each_attribute_of_a_cluster() {
    let page = fs::read_to_string(page(MODULE)).unwrap();
    let section = page.split_once("\n## Attributes of a cluster\n").unwrap().1.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let shown =
        |(name, rest): (&str, &str)| (name.to_owned(), rest.split('|').next().unwrap().trim().to_owned());
    let shown: BTreeMap<String, String> = rows.map(shown).collect();
    assert_eq!(shown, attributes_of_a_cluster());
}

/// Checks a command of Terraform: the module has its variables and outputs.
pub fn accepts(arguments: &str) -> Result<(), String> {
    let words: Vec<&str> = arguments.split(' ').collect();
    let check = |is_right: bool, why: &str| is_right.then_some(()).ok_or_else(|| why.to_owned());
    check(COMMANDS.contains(&words[0]), "no such command of Terraform")?;
    let variables = labelled(MODULE, "variable");
    for pair in words.windows(2).filter(|pair| pair[0] == "-var") {
        let name = pair[1].trim_start_matches('\'').split('=').next().unwrap();
        check(variables.contains_key(name), "no such variable")?;
    }
    let outputs = labelled(MODULE, "output");
    let mut named = words[1..].iter().filter(|word| !word.starts_with('-'));
    check(words[0] != "output" || named.all(|word| outputs.contains_key(*word)), "no such output")
}

/// The blocks of a page in a language.
fn examples(language: &str) -> Vec<String> {
    let page = fs::read_to_string(page(MODULE)).unwrap();
    let fence = format!("```{language}\n");
    let blocks = page.split(fence.as_str()).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_module_of_the_page_has_its_arguments() {
    let [example] = &examples("terraform")[..] else { panic!("the page has other examples") };
    let variables = labelled(MODULE, "variable");
    let body = hcl::parse(example).unwrap();
    let arguments: Vec<&str> =
        body.blocks().flat_map(|block| block.body().attributes()).map(hcl::Attribute::key).collect();
    assert_eq!(arguments[0], "source");
    assert!(arguments[1..].iter().all(|name| variables.contains_key(*name)), "{arguments:?}");
}

#[tokio::test]
async fn each_command_of_the_page_has_a_plan() {
    let checkout = Checkout::new("terraform-page");
    let mocks = fs::read_to_string(Path::new(ROOT).join("manifests/aws/tests/zones.tftest.hcl")).unwrap();
    let mocks = mocks.split("\nrun ").next().unwrap();
    let run = format!("{mocks}\nrun \"page\" {{\n  command = plan\n}}\n");
    checkout.write("page/page.tftest.hcl", &run);
    checkout.succeed(".", &["init", "-test-directory=page", "-no-color"]).await;
    let lines = examples("sh").concat();
    let lines: Vec<&str> = lines.lines().filter(|line| line.starts_with("terraform apply ")).collect();
    assert!(lines.len() >= 4, "{lines:?}");
    for line in lines {
        // A shell splits the line into its arguments.
        let test = line.replace("terraform apply", "\"$TOFU\" test -test-directory=page -no-color");
        checkout.shell(&test).await;
    }
}
