//! Templates: cases recorded with ExternalDNS, the examples of the documentation, and properties of any template.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestCaseError};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use zonekeeper_core::source::template::{
    Function, Root, Template,
    limit::{MAX_DEPTH, MAX_STEPS, MAX_TEMPLATE_BYTES, MAX_TEXT_BYTES, MAX_VARIABLES},
};

/// Templates with what ExternalDNS 0.22 gives for them.
const RECORDED: &str = include_str!("../../../../tests/templates.yaml");
const PAGE: &str = include_str!("../../../../docs/reference/templates.md");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    objects: BTreeMap<String, Json>,
    templates: Vec<Case>,
}

/// A template, an object, and one result.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    template: String,
    on: String,
    hosts: Option<Vec<String>>,
    /// The error for the object.
    error: Option<String>,
    /// The error at the start.
    refused: Option<String>,
    /// What ExternalDNS gives, if it is not the same: hostnames, or an error.
    externaldns: Option<ExternalDns>,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum ExternalDns {
    Hosts(Vec<String>),
    Fails(Fails),
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(rename_all = "lowercase")]
enum Fails {
    Fails,
}

/// The hostnames of a template for an object, or the error of the evaluation, or that of the start.
fn outcome(template: &str, object: &Json) -> (Option<Vec<String>>, Option<String>, Option<String>) {
    let source = object["kind"].as_str().unwrap_or_default().to_lowercase();
    match Template::parse(template) {
        Err(bad) => (None, None, Some(bad.to_string())),
        Ok(template) => match template.hostnames(&Root::new(object.clone(), &source)) {
            Ok(hosts) => (Some(hosts), None, None),
            Err(error) => (None, Some(error.to_string()), None),
        },
    }
}

#[test]
fn templates_give_the_hostnames_of_externaldns() {
    let recorded: Recorded = serde_saphyr::from_str(RECORDED).unwrap();
    let mut wrong = Vec::new();
    for case in &recorded.templates {
        let outcome = outcome(&case.template, &recorded.objects[&case.on]);
        if outcome != (case.hosts.clone(), case.error.clone(), case.refused.clone()) {
            wrong.push(format!("{} on {}: {outcome:?}", case.template, case.on));
        }
        // Without hostnames of ours, the case says what ExternalDNS does.
        assert!(case.hosts.is_some() || case.externaldns.is_some(), "{}", case.template);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let same = recorded.templates.iter().filter(|case| case.externaldns.is_none()).count();
    assert!(same > 100 && recorded.templates.len() > 200, "{same} of {}", recorded.templates.len());
}

/// The cells of the tables of the page, row by row.
fn rows() -> impl Iterator<Item = Vec<String>> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.replace("\\|", "\u{0}").split(" | ").map(|cell| cell.replace('\u{0}', "|")).collect())
}

/// The text of a cell that is one code span.
fn code(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`').filter(|code| !code.contains('`'))
}

#[test]
fn the_examples_of_the_page_give_what_it_says() {
    let (_, object) = PAGE.split_once("```yaml\n").unwrap();
    let (object, _) = object.split_once("```").unwrap();
    let object: Json = serde_saphyr::from_str(object).unwrap();
    let mut count = 0;
    for row in rows() {
        let [.., template, result] = &row[..] else { continue };
        let Some(template) = code(template).filter(|text| text.contains("{{")) else { continue };
        count += 1;
        let (hosts, error, refused) = outcome(template, &object);
        let expected = result.replace('`', "");
        match hosts {
            Some(hosts) if hosts.is_empty() => assert_eq!(expected, "none", "{template}"),
            Some(hosts) => assert_eq!(expected, hosts.join(", "), "{template}"),
            None => assert_eq!(expected, error.or(refused).unwrap().replace('`', ""), "{template}"),
        }
    }
    assert_eq!(count, 48);
}

#[test]
fn the_page_lists_all_functions() {
    let functions = rows().skip_while(|row| row[0] != "function").skip(1).take(Function::ALL.len());
    let name = |row: Vec<String>| code(&row[0])?.split(' ').next().map(str::to_owned);
    let listed: Vec<String> = functions.filter_map(name).collect();
    assert_eq!(listed, Function::ALL.map(Function::name));
}

/// A Service with a list of 100 addresses and an annotation of 100,000 bytes.
fn large() -> Json {
    let addresses: Vec<String> = (0..100).map(|n| format!("192.0.2.{n}")).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "large", "namespace": "shop", "annotations": {"text": "a,".repeat(50_000)}},
        "spec": {"externalIPs": addresses},
    })
}

/// A template in which a part is repeated.
fn repeated(before: &str, part: &str, count: usize, after: &str) -> String {
    format!("{before}{}{after}", part.repeat(count))
}

#[test]
fn a_template_has_limits() {
    let (open, close) = ("(", ")");
    let nested = |depth: usize| format!("{{{{{}.Name{}}}}}", open.repeat(depth), close.repeat(depth));
    let blocks = |depth: usize| format!("{}a{}", "{{if .Name}}".repeat(depth), "{{end}}".repeat(depth));
    let variables = |count: usize| {
        let declarations: Vec<String> = (0..count).map(|n| format!("{{{{$x{n} := 1}}}}")).collect();
        declarations.concat()
    };
    for (allowed, above, expected) in [
        (nested(MAX_DEPTH), nested(MAX_DEPTH + 1), "within each other"),
        (blocks(MAX_DEPTH), blocks(MAX_DEPTH + 1), "within each other"),
        (nested(1), nested(30_000), "within each other"),
        (nested(1), "{{if 1}}".repeat(8_000), "within each other"),
        (variables(MAX_VARIABLES - 1), variables(MAX_VARIABLES), "variables"),
        (nested(1), format!("{{{{${}}}}}", "x".repeat(60_000)), "is not declared"),
        ("a".repeat(MAX_TEMPLATE_BYTES), "a".repeat(MAX_TEMPLATE_BYTES + 1), "are allowed"),
    ] {
        Template::parse(&allowed).unwrap();
        let bad = Template::parse(&above).unwrap_err().to_string();
        assert!(bad.contains(expected) && bad.len() < 400, "{bad}");
    }
}

#[test]
fn an_evaluation_has_limits() {
    let steps = format!("more than {MAX_STEPS} steps");
    let text = format!("longer than {MAX_TEXT_BYTES} bytes");
    let doubled = "{{$x = print $x $x}}";
    let range = "{{range $.Spec.ExternalIPs}}";
    for (template, expected) in [
        (repeated(range, range, 5, "") + &"{{end}}".repeat(6), &*steps),
        ("{{range 9223372036854775807}}{{end}}".to_owned(), &steps),
        ("{{range 9223372036854775807}}{{continue}}a{{end}}".to_owned(), &steps),
        ("{{range 100000}}{{if contains $.Annotations.text \"b\"}}{{end}}{{end}}".to_owned(), &steps),
        ("{{range 100000}}{{$x := fromJson $.Annotations.text}}{{end}}".to_owned(), &steps),
        ("{{range 7000}}{{$x := print $.Spec.ExternalIPs}}{{end}}".to_owned(), &steps),
        ("{{range 2000}}{{$x := fromJson \"1\"}}{{end}}".to_owned(), "at most 1000 texts"),
        ("{{range 10000}}{{.}} hostnames {{end}}".to_owned(), &text),
        (repeated("{{$x := \"a\"}}", doubled, 18, ""), &text),
        ("{{replace \"a\" .Annotations.text .Annotations.text}}".to_owned(), &text),
        ("{{replace \"\" .Annotations.text .Annotations.text}}".to_owned(), &text),
        ("{{print .Annotations.text .Annotations.text}}".to_owned(), &text),
        ("{{printf \"%q%q\" .Annotations.text .Annotations.text}}".to_owned(), &text),
    ] {
        let (_, error, _) = outcome(&template, &large());
        let error = error.unwrap_or_else(|| panic!("{template}"));
        assert!(error.contains(expected), "{template}: {error}");
    }
    // A large object alone is within the limits.
    let (hosts, ..) =
        outcome("{{range .Spec.ExternalIPs}}{{.}}.example.com,{{end}}{{len .Annotations.text}}", &large());
    assert_eq!(hosts.unwrap().len(), 101);
}

#[test]
fn the_values_of_a_repeated_flag_are_one_template() {
    let object = json!({"kind": "Ingress", "metadata": {"name": "web"}});
    let joined = |values: &[&str]| {
        let template = Template::joined(values).unwrap();
        template.map(|template| template.hostnames(&Root::new(object.clone(), "ingress")).unwrap())
    };
    for (values, expected) in [
        (&["{{.Name}}.a.com", "{{.Name}}.b.com"][..], Some(vec!["web.a.com", "web.b.com"])),
        (&["{{.Name}}.a.com", "", "{{.Name}}.a.com"], Some(vec!["web.a.com"])),
        (&["{{$x := .Name}}", "{{$x}}.a.com"], Some(vec!["web.a.com"])),
        (&["", ""], Some(Vec::new())),
        (&["  "], None),
        (&[], None),
    ] {
        let expected = expected.map(|hosts| hosts.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(joined(values), expected, "{values:?}");
    }
    let bad = Template::joined(&["{{.Name}}", "ü{{.Name"]).unwrap_err().to_string();
    assert_eq!(bad, "{{.Name at character 12: the action does not end: it has no `}}`");
}

/// What templates are made of, and what they are not.
const FRAGMENTS: [&str; 72] = [
    "{{",
    "}}",
    "{{- ",
    " -}}",
    "{{/*",
    "*/}}",
    "(",
    ")",
    "|",
    " | ",
    " ",
    ",",
    ".",
    "$",
    "$x",
    "$y",
    ":=",
    "=",
    " := ",
    "\"",
    "`",
    "'",
    "\\",
    "\"a\"",
    "\"%s\"",
    "`b`",
    "0",
    "-1",
    "1.5",
    "1e9",
    "9223372036854775807",
    "true",
    "nil",
    "if ",
    "with ",
    "range ",
    "{{range ",
    "{{if ",
    "{{with ",
    "{{else}}",
    "{{else if ",
    "{{end}}",
    "{{break}}",
    "{{continue}}",
    "define ",
    "index ",
    "len ",
    "print ",
    "printf ",
    "and ",
    "or ",
    "not ",
    "eq ",
    "lt ",
    "contains ",
    "trimPrefix ",
    "replace ",
    "toLower ",
    "hasKey ",
    "fromJson ",
    "isIPv6 ",
    "isSource ",
    ".Name",
    ".Labels",
    ".Spec",
    ".Spec.Ports",
    ".Status",
    ".Object",
    ".spec",
    "ü",
    "\u{0}",
    "\u{202e}",
];

/// Keys of objects.
const KEYS: [&str; 11] =
    ["kind", "metadata", "name", "labels", "annotations", "spec", "status", "ports", "type", "rules", "a"];

/// Values of JSON.
fn json_value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[a-z.,\\[{\"]{0,9}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Json::from),
            vec((select(&KEYS), inner), 0..6).prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

/// An object of a kind with or without a table.
fn object() -> impl Strategy<Value = Json> {
    (select(&["Ingress", "Service", "Other"]), json_value(), json_value(), json_value()).prop_map(
        |(kind, metadata, spec, status)| json!({"kind": kind, "metadata": metadata, "spec": spec, "status": status}),
    )
}

/// Fields of objects.
const FIELDS: [&str; 12] = [
    ".",
    ".Name",
    ".Labels",
    ".Labels.a",
    ".Spec",
    ".Spec.Ports",
    ".Spec.Rules",
    ".Spec.type",
    ".Status",
    ".Object",
    "$.Spec",
    "nil",
];

/// Operands and calls, within each other.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(&FIELDS).prop_map(str::to_owned),
        select(&["0", "1.5", "\"a\"", "`[1]`", "true"]).prop_map(str::to_owned)
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        (select(&Function::ALL), vec(inner, 0..4))
            .prop_map(|(function, arguments)| format!("({} {})", function.name(), arguments.join(" ")))
    })
}

/// Actions and blocks, within each other.
fn blocks() -> impl Strategy<Value = String> {
    let leaf =
        prop_oneof![expression().prop_map(|it| format!("{{{{{it}}}}},")), Just("a.example.com".to_owned())];
    leaf.prop_recursive(4, 24, 4, |inner| {
        (select(&["if", "with", "range", "range $i, $x :="]), expression(), vec(inner, 0..4), any::<bool>())
            .prop_map(|(head, it, body, is_else)| {
                let middle = if is_else { "{{else}}b" } else { "" };
                format!("{{{{{head} {it}}}}}{}{middle}{{{{end}}}}", body.concat())
            })
    })
}

/// A template of any form ends on any object, within the limits, and twice with the same result.
fn ends(template: &str, object: &Json) -> Result<(), TestCaseError> {
    let first = outcome(template, object);
    prop_assert_eq!(&first, &outcome(template, object));
    if let (None, error, refused) = &first {
        let text = error.as_ref().or(refused.as_ref()).map_or("", String::as_str);
        prop_assert!(text.contains(" at character ") && text.len() < 1_500, "{template}: {text}");
        prop_assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{template}: {text:?}");
    }
    let length: usize = first.0.iter().flatten().map(String::len).sum();
    prop_assert!(length <= MAX_TEXT_BYTES, "{template}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_template_or_refused(parts in vec(select(&FRAGMENTS), 0..40), object in object()) {
        ends(&parts.concat(), &object)?;
    }

    #[test]
    fn any_template_ends_on_any_object(template in blocks(), object in object()) {
        ends(&template, &object)?;
    }
}
