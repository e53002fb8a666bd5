//! The Terraform example of `manifests/aws`, as far as a test without the AWS provider can check it.

use std::{collections::BTreeSet, fs, path::Path};

use hcl::{
    Block, Body, Identifier, Value,
    eval::{Context, Evaluate, FuncArgs, FuncDef, ParamType},
};
use serde::Deserialize;
use serde_json::json;

use crate::process::CommandLine;

/// The texts of a folder's files with this extension.
fn texts(folder: &str, extension: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let wanted = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    wanted.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// The blocks of all Terraform files.
fn example() -> Vec<Block> {
    let bodies = texts("manifests/aws", "tf").into_iter().map(|text| hcl::parse(&text).unwrap());
    let blocks: Vec<Block> = bodies.flat_map(Body::into_blocks).collect();
    assert!(blocks.len() > 10, "{} blocks", blocks.len());
    blocks
}

/// The value of `local.policy` for a zone.
fn policy_of_the_example(zone: &str, name: &str, types: &[&str], partition: &str) -> serde_json::Value {
    let concat = |arguments: FuncArgs| {
        let lists = arguments.into_values().into_iter().filter_map(|list| list.as_array().cloned());
        Ok(Value::from(lists.flatten().collect::<Vec<_>>()))
    };
    let sort = |arguments: FuncArgs| {
        let mut texts = arguments[0].as_array().cloned().ok_or("sort takes a list")?;
        texts.sort_by_key(ToString::to_string);
        Ok(Value::from(texts))
    };
    let split = |arguments: FuncArgs| {
        let (separator, text) =
            (arguments[0].as_str().ok_or("a text")?, arguments[1].as_str().ok_or("a text")?);
        assert_eq!(separator, "", "the example splits into characters only");
        Ok(text.chars().map(|letter| Value::from(letter.to_string())).collect())
    };
    let mut context = Context::new();
    let list = ParamType::array_of(ParamType::String);
    context.declare_func(
        "split",
        FuncDef::builder().params([ParamType::String, ParamType::String]).build(split),
    );
    context.declare_func("concat", FuncDef::builder().variadic_param(list.clone()).build(concat));
    context.declare_func("sort", FuncDef::builder().param(list).build(sort));
    let mut declare = |name: &str, value| {
        context.declare_var(Identifier::unchecked(name), hcl::to_value(value).unwrap());
    };
    declare("var", json!({"zone_name": name, "managed_record_types": types}));
    declare("data", json!({"aws_partition": {"current": {"partition": partition}}}));
    declare("aws_route53_zone", json!({"this": {"zone_id": zone}}));

    let example = example();
    let locals = example.iter().filter(|block| block.identifier() == "locals");
    let local = |name: &str| {
        let mut attributes = locals.clone().flat_map(|block| block.body().attributes());
        attributes.find(|attribute| attribute.key() == name).unwrap().expr()
    };
    let prefix = local("route53").evaluate(&context).unwrap();
    context.declare_var("local", Value::from_iter([("route53".to_owned(), prefix)]));
    serde_json::to_value(local("policy").evaluate(&context).unwrap()).unwrap()
}

#[tokio::test]
async fn the_policy_of_the_example_is_the_one_that_is_printed() {
    for (zone, name, types, partition) in [
        ("Z0123456789EXAMPLE", "apps.example.com", ["A", "AAAA", "CNAME"].as_slice(), "aws"),
        ("Z1", "xn--bcher-kva.example", &["CNAME", "A"], "aws-cn"),
        ("Z2", "example.net", &["AAAA"], "aws-us-gov"),
    ] {
        let types_as_typed = types.join(",");
        let printed = CommandLine::new(&["iam-policy", "--zone-id", zone, "--zone-name", name])
            .args(&["--partition", partition, "--managed-record-types", &types_as_typed])
            .succeed()
            .await;
        let printed: serde_json::Value = serde_json::from_str(&printed.stdout).unwrap();
        assert_eq!(policy_of_the_example(zone, name, types, partition), printed, "{name}");
    }
}

/// The words after each occurrence of `prefix` that begins a word: `zone_name` of `var.zone_name`.
fn named<'t>(text: &'t str, prefix: &str) -> BTreeSet<&'t str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let words = text.split(|c| !is_part(c)).filter_map(|word| word.strip_prefix(prefix));
    words.map(|rest| rest.split('.').next().unwrap()).collect()
}

#[test]
fn what_the_example_names_is_declared_and_what_it_declares_is_used() {
    let (text, example) = (texts("manifests/aws", "tf").concat(), example());
    let labels = |identifier: &str, at: usize| -> BTreeSet<&str> {
        let blocks = example.iter().filter(|block| block.identifier() == identifier);
        blocks.map(|block| block.labels()[at].as_str()).collect()
    };
    assert_eq!(named(&text, "var."), labels("variable", 0));
    let locals = example.iter().filter(|block| block.identifier() == "locals");
    let locals: BTreeSet<&str> =
        locals.flat_map(|block| block.body().attributes()).map(hcl::Attribute::key).collect();
    assert_eq!(named(&text, "local."), locals);
    assert_eq!(named(&text, "data."), labels("data", 0));
    for kind in labels("resource", 0) {
        let used = named(&text, &format!("{kind}."));
        let resources = example.iter().filter(|block| block.identifier() == "resource");
        let of_kind = resources.filter(|block| block.labels()[0].as_str() == kind);
        let declared: BTreeSet<&str> = of_kind.map(|block| block.labels()[1].as_str()).collect();
        assert!(used.is_subset(&declared), "{kind}: {used:?}");
    }
}

#[test]
fn the_role_is_that_of_the_service_account_in_the_manifests() {
    #[derive(Deserialize)]
    struct Object {
        kind: String,
        #[serde(default)]
        metadata: Metadata,
    }
    #[derive(Default, Deserialize)]
    struct Metadata {
        #[serde(default)]
        name: String,
    }
    let manifests = texts("manifests/base", "yaml");
    let documents = manifests.iter().flat_map(|text| text.split("\n---\n"));
    let objects: Vec<Object> =
        documents.filter_map(|document| serde_saphyr::from_str::<Object>(document).ok()).collect();
    let name_of =
        |kind: &str| objects.iter().find(|object| object.kind == kind).unwrap().metadata.name.clone();

    let example = example();
    let default = |name: &str| {
        let mut variables = example.iter().filter(|block| block.identifier() == "variable");
        let variable = variables.find(|block| block.labels()[0].as_str() == name).unwrap();
        let mut attributes = variable.body().attributes();
        let default = attributes.find(|attribute| attribute.key() == "default").unwrap();
        default.expr().evaluate(&Context::new()).unwrap()
    };
    assert_eq!(default("service_account"), Value::from(name_of("ServiceAccount")));
    assert_eq!(default("namespace"), Value::from(name_of("Namespace")));
}
