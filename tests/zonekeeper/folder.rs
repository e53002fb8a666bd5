//! A folder of manifests in place of a cluster.

use std::{fs, os::unix::fs::symlink, process::Command};

use zonekeeper::folder::{BadManifest, Folder};
use zonekeeper_core::{
    keeper::Input,
    source::{Object, Publish, Resource, Rules, Scope},
};

use crate::scratch::Scratch;

fn ingress(name: &str, hostname: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{rules: [{{host: {hostname}}}]}}\n"
    )
}

fn names(folder: &Folder) -> Vec<String> {
    folder.objects().filter_map(Object::id).map(|id| id.to_string()).collect()
}

#[test]
fn a_file_holds_several_documents_and_other_kinds_are_passed_over() {
    let scratch = Scratch::new("folder-documents");
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: c, namespace: shop}\n";
    let other =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\ndata:\n  e: |\n    ---\n    kind: Ingress\n";
    let documents = [&ingress("a", "a.test"), "# nothing\n", other, service].join("---\n");
    fs::write(scratch.join("one.yaml"), documents).unwrap();
    let list = format!(
        "{{\"kind\": \"List\", \"items\": [{}]}}",
        "{\"kind\": \"Ingress\", \"metadata\": {\"name\": \"f\", \"namespace\": \"shop\"}}"
    );
    fs::write(scratch.join("two.yml"), format!("--- # a list\n{list}\n...\n")).unwrap();
    fs::write(scratch.join("three.txt"), ingress("g", "g.test")).unwrap();

    let (folder, bad) = Folder::open(&scratch).unwrap();
    assert!(bad.is_empty(), "{bad:?}");
    assert_eq!(names(&folder), ["Ingress/shop/a", "Service/shop/c", "Ingress/shop/f"]);
}

#[test]
fn only_regular_files_within_the_folder_are_read() {
    let scratch = Scratch::new("folder-links");
    let folder = scratch.join("manifests");
    fs::create_dir_all(folder.join("..data")).unwrap();
    fs::create_dir(folder.join("folder.yaml")).unwrap();
    fs::write(scratch.join("secret.yaml"), ingress("secret", "secret.test")).unwrap();
    fs::write(folder.join("..data/web.yaml"), ingress("web", "web.test")).unwrap();
    let fifo = Command::new("mkfifo").arg(folder.join("fifo.yaml")).status().unwrap();
    assert!(fifo.success());
    // A volume of a ConfigMap has links like the first one.
    for (link, to) in [
        ("web.yaml", "..data/web.yaml"),
        ("outside.yaml", "../secret.yaml"),
        ("zero.yaml", "/dev/zero"),
        ("dangling.yaml", "nothing.yaml"),
        ("loop.yaml", "loop.yaml"),
    ] {
        symlink(to, folder.join(link)).unwrap();
    }

    let (folder, bad) = Folder::open(&folder).unwrap();
    assert_eq!(names(&folder), ["Ingress/shop/web"]);
    let of = |is_it: fn(&BadManifest) -> bool| bad.iter().filter(|bad| is_it(bad)).count();
    let outside = of(|bad| matches!(bad, BadManifest::Outside { .. }));
    let not_regular = of(|bad| matches!(bad, BadManifest::NotRegular { .. }));
    let unreadable = of(|bad| matches!(bad, BadManifest::File { .. }));
    assert_eq!((outside, not_regular, unreadable), (2, 2, 2), "{bad:#?}");
}

#[test]
fn a_broken_document_costs_only_itself_and_says_where() {
    let scratch = Scratch::new("folder-broken");
    let broken = "kind: Ingress\nmetadata: {name: b\n";
    let wrong = "kind: Ingress\nmetadata: {name: c, namespace: shop}\nspec: {rules: none}\n";
    let nameless = "kind: Service\nmetadata: {namespace: shop}\n";
    let documents = [&ingress("a", "a.test"), broken, wrong, nameless, &ingress("d", "d.test")].join("---\n");
    fs::write(scratch.join("objects.yaml"), documents).unwrap();
    fs::write(scratch.join("binary.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    fs::write(scratch.join("large.yaml"), vec![b'#'; 3 << 20]).unwrap();

    let (folder, bad) = Folder::open(&scratch).unwrap();
    assert_eq!(names(&folder), ["Ingress/shop/a", "Ingress/shop/d"]);
    let texts: Vec<String> = bad.iter().map(ToString::to_string).collect();
    for (is_it, text) in [
        (
            bad.iter().any(|bad| matches!(bad, BadManifest::File { .. })),
            "binary.yaml: invalid utf-8 sequence",
        ),
        (
            bad.iter().any(|bad| matches!(bad, BadManifest::TooLarge { .. })),
            "large.yaml has more than 2097152 bytes",
        ),
        (
            bad.iter().any(|bad| matches!(bad, BadManifest::Yaml { .. })),
            "objects.yaml: unclosed bracket '{' at line 7, column 11",
        ),
        (
            bad.iter().any(|bad| matches!(bad, BadManifest::Object { .. })),
            "objects.yaml: Ingress c: invalid type",
        ),
        (
            bad.iter().any(|bad| matches!(bad, BadManifest::Nameless { .. })),
            "objects.yaml: Service without a name: set metadata.name",
        ),
    ] {
        assert!(is_it && texts.iter().any(|found| found.contains(text)), "{text}: {texts:#?}");
    }
    assert_eq!(bad.len(), 5, "{texts:#?}");
    assert!(Folder::open(&scratch.join("missing")).is_err());
}

#[test]
fn what_cannot_be_read_keeps_what_it_said_and_what_is_gone_is_gone() {
    let scratch = Scratch::new("folder-again");
    let write =
        |file: &str, documents: &[&str]| fs::write(scratch.join(file), documents.join("---\n")).unwrap();
    let (a, b, c) = (ingress("a", "a.test"), ingress("b", "b.test"), ingress("c", "c.test"));
    write("one.yaml", &[&a, &b]);
    write("two.yaml", &[&c]);
    let (mut folder, _) = Folder::open(&scratch).unwrap();

    // The broken document can be either of the two, so both objects stay.
    write("one.yaml", &["kind: [\n", &ingress("a", "new.test")]);
    fs::remove_file(scratch.join("two.yaml")).unwrap();
    assert_eq!(folder.read().unwrap().len(), 1);
    assert_eq!(names(&folder), ["Ingress/shop/a", "Ingress/shop/b"]);
    let hosts = |folder: &Folder| -> Vec<String> {
        let facts = folder
            .objects()
            .filter_map(|object| object.facts(&Rules { publish: Publish::All, ..Rules::default() }));
        facts.flat_map(|facts| facts.hosts().map(ToString::to_string).collect::<Vec<_>>()).collect()
    };
    assert_eq!(hosts(&folder), ["new.test", "b.test"]);

    write("one.yaml", &[&b]);
    assert!(folder.read().unwrap().is_empty());
    assert_eq!(names(&folder), ["Ingress/shop/b"]);
    fs::write(scratch.join("one.yaml"), [0xff]).unwrap();
    assert_eq!(folder.read().unwrap().len(), 1);
    assert_eq!(names(&folder), ["Ingress/shop/b"]);
}

#[test]
fn a_scope_lists_its_kind_and_namespace() {
    let scratch = Scratch::new("folder-scope");
    let elsewhere = ingress("b", "b.test").replace("namespace: shop", "namespace: office");
    fs::write(scratch.join("objects.yaml"), format!("{}---\n{elsewhere}", ingress("a", "a.test"))).unwrap();
    let (mut folder, _) = Folder::open(&scratch).unwrap();
    let shop = Scope { resource: Resource::INGRESS, namespace: Some("shop".to_owned()) };
    let everywhere = Scope { resource: Resource::INGRESS, namespace: None };
    let services = Scope { resource: Resource::SERVICE, namespace: None };
    let listed = |folder: &Folder, scope: &Scope| -> Vec<String> {
        let inputs =
            folder.list(std::slice::from_ref(scope), &Rules { publish: Publish::All, ..Rules::default() });
        assert!(matches!(&inputs[0], Input::Listing(first) if first == scope));
        assert!(matches!(inputs.last(), Some(Input::Listed(last)) if last == scope));
        let objects = inputs.iter().filter_map(|input| match input {
            Input::Resource { resource, reduced: Some(_) } => Some(resource.to_string()),
            _ => None,
        });
        objects.collect()
    };
    assert_eq!(listed(&folder, &shop), ["Ingress/shop/a"]);
    assert_eq!(listed(&folder, &everywhere), ["Ingress/shop/a", "Ingress/office/b"]);
    assert!(listed(&folder, &services).is_empty());

    let first = folder.objects().find_map(Object::id).unwrap();
    assert!(folder.remove(&first) && !folder.remove(&first));
    assert_eq!(listed(&folder, &everywhere), ["Ingress/office/b"]);
}

#[test]
fn no_manifest_brings_the_others_down() {
    let of_object = |text: &str| format!("kind: Ingress\nmetadata: {{name: bad, namespace: shop}}\n{text}\n");
    let bomb = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |bomb, n| {
        format!("{bomb}a{n}: &a{n} [*a{}, *a{}, *a{}]\n", n - 1, n - 1, n - 1)
    });
    for (text, is_bad) in [
        (String::new(), false),
        ("---\n---\n...\n---\n".to_owned(), false),
        ("\u{feff}# nothing\n".to_owned(), false),
        ("just a text\n".to_owned(), false),
        ("[1, 2]\n".to_owned(), false),
        ("kind: [Ingress]\n".to_owned(), false),
        ("kind: Ingress\n".to_owned(), true),
        ("kind: Ingress\nmetadata: {name: \"\"}\n".to_owned(), true),
        (of_object(&bomb), true),
        (format!("kind: Ingress\nspec: {}", "[".repeat(100_000)), true),
        (format!("kind: Ingress\nspec: {}", "{a: ".repeat(100_000)), true),
        ("kind: Ingress\nmetadata:\n\tname: bad\n".to_owned(), true),
        ("kind: Ingress\nmetadata: *nobody\n".to_owned(), true),
        ("kind: Ingress\nmetadata: &self {name: bad, namespace: shop, labels: *self}\n".to_owned(), true),
        (of_object("spec: {rules: [{host: [a]}]}"), true),
        (of_object("spec: {rules: {host: a}}"), true),
        (of_object("status: {loadBalancer: {ingress: [{ip: 7}]}}"), true),
        ("kind: Ingress\nmetadata: {name: 7, namespace: shop}\n".to_owned(), true),
        (
            "kind: Ingress\nmetadata: {name: bad, namespace: shop, creationTimestamp: yesterday}\n"
                .to_owned(),
            true,
        ),
        ("kind: Ingress\nmetadata: {name: bad, namespace: shop, annotations: {a: 1}}\n".to_owned(), true),
        ("kind: Ingress\nkind: Service\nmetadata: {name: bad, namespace: shop}\n".to_owned(), true),
        ("kind: \"Ingress\0\"\n".to_owned(), true),
    ] {
        let scratch = Scratch::new("folder-bad");
        fs::write(scratch.join("a.yaml"), &text).unwrap();
        fs::write(scratch.join("b.yaml"), ingress("good", "good.test")).unwrap();
        let (folder, bad) = Folder::open(&scratch).unwrap();
        let shown: String = text.chars().take(120).collect();
        assert!(names(&folder).contains(&"Ingress/shop/good".to_owned()), "{shown}");
        assert_eq!(!bad.is_empty(), is_bad, "{shown}: {bad:?}");
        for bad in bad {
            assert!(bad.to_string().starts_with(&*scratch.join("a.yaml").to_string_lossy()), "{bad}");
            assert!(bad.to_string().len() < 2_000, "{shown}: {} bytes", bad.to_string().len());
        }
    }
}

#[test]
fn what_a_document_may_cost_is_bounded() {
    let scratch = Scratch::new("folder-budget");
    let of_kind =
        |kind: &str, rest: &str| format!("kind: {kind}\nmetadata: {{name: x, namespace: shop}}\n{rest}\n");
    let flow = |depth: usize| format!("x: {}{}", "[".repeat(depth), "]".repeat(depth));
    let lines =
        |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<Vec<_>>().concat();
    let block = |depth: usize| lines(depth, &|n| format!("{}x:\n", " ".repeat(n)));
    let repeated =
        |text: usize, times: usize| format!("x: [&x {}{}]", "y".repeat(text), ", *x".repeat(times));
    let anchors = |count: usize| lines(count, &|n| format!("x{n}: &x{n} y\n"));
    for (document, is_bad) in [
        (flow(90), false),
        (flow(110), true),
        (block(90), false),
        (block(110), true),
        (anchors(900), false),
        (anchors(1_100), true),
        (repeated(1_000, 900), false),
        (repeated(1_000, 1_100), true),
        (repeated(20_000, 900), true),
        (format!("x: [{}]", "0,".repeat(200_000)), false),
        (format!("x: [{}]", "0,".repeat(300_000)), true),
    ] {
        let documents =
            of_kind("CustomResourceDefinition", &document) + "---\n" + &ingress("good", "good.test");
        fs::write(scratch.join("a.yaml"), documents).unwrap();
        let (folder, bad) = Folder::open(&scratch).unwrap();
        assert_eq!(names(&folder), ["Ingress/shop/good"]);
        let text: String = document.chars().take(60).collect();
        assert_eq!(!bad.is_empty(), is_bad, "{text}: {bad:?}");
    }
}
