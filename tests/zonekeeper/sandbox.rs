//! `zonekeeper sandbox`: zonekeeper with a folder and an emulator on one machine.

use std::{fs, net::SocketAddr, path::Path};

use serde_json::Value;

use crate::{
    http,
    process::{CommandLine, Process},
    scratch::Scratch,
};

/// A manifest of an Ingress with an address.
fn ingress(name: &str, address: &str) -> String {
    format!(
        "kind: Ingress\nmetadata:\n  name: {name}\n  namespace: shop\n  annotations: {{zonekeeper.dev/publish: 'true'}}\nspec: {{rules: [{{host: {name}.example.test}}]}}\n\
         status: {{loadBalancer: {{ingress: [{{ip: {address}}}]}}}}\n"
    )
}

/// Waits until a hostname has this address, and the zone has this number of record sets.
async fn holds(sandbox: &mut Process, emulator: SocketAddr, name: &str, address: &str, sets: usize) {
    let what = format!("{name} is {address}, of {sets} sets");
    sandbox
        .until(&what, async || {
            let listing = http::get(emulator, "/_emulator/zone/Z0SANDBOX").await.ok()?;
            let listing: Value = serde_json::from_str(&listing.body).ok()?;
            let all = listing["ResourceRecordSets"].as_array()?;
            let is_it = |set: &&Value| set["Name"] == format!("{name}.example.test.") && set["Type"] == "A";
            let found = &all.iter().find(is_it)?["ResourceRecords"][0]["Value"];
            (*found == address && all.len() == sets).then_some(())
        })
        .await;
}

#[tokio::test]
async fn it_follows_the_files_and_never_deletes() {
    let scratch = Scratch::new("sandbox");
    let write = |file: &str, text: &str| fs::write(scratch.join(file), text).unwrap();
    write("a.yaml", &ingress("a", "192.0.2.1"));
    let folder = scratch.to_str().unwrap();
    let mut sandbox = CommandLine::new(&["sandbox", "--manifests", folder, "--zone", "example.test"]).start();
    let line = sandbox.says(&["The emulated Route 53 answers at http://"]).await;
    let emulator = line.rsplit('/').next().unwrap().parse().unwrap();
    let sandbox = &mut sandbox;

    // The zone's own NS and SOA, an address and its ownership record.
    holds(sandbox, emulator, "a", "192.0.2.1", 4).await;
    write("b.yaml", &ingress("b", "192.0.2.2"));
    holds(sandbox, emulator, "b", "192.0.2.2", 6).await;
    write("a.yaml", &ingress("a", "192.0.2.3"));
    holds(sandbox, emulator, "a", "192.0.2.3", 6).await;

    // An undecodable document keeps its last content. zonekeeper still reads the document beside it.
    write("b.yaml", &format!("kind: [\n---\n{}", ingress("c", "192.0.2.4")));
    holds(sandbox, emulator, "c", "192.0.2.4", 8).await;
    let line = sandbox.says(&["a manifest cannot be read; its last content still applies"]).await;
    assert!(line.contains("b.yaml") && line.contains("line 1"), "{line}");

    fs::remove_file(scratch.join("a.yaml")).unwrap();
    write("d.yaml", &ingress("d", "192.0.2.5"));
    holds(sandbox, emulator, "d", "192.0.2.5", 10).await;
    holds(sandbox, emulator, "a", "192.0.2.3", 10).await;
    holds(sandbox, emulator, "b", "192.0.2.2", 10).await;
}

#[tokio::test]
async fn a_demonstration_plans_writes_shows_and_leaves_an_orphan() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop");
    let arguments = ["sandbox", "--once", "--manifests", folder.to_str().unwrap()];
    let shown = CommandLine::new(&arguments).succeed().await;
    let parts: Vec<&str> = shown.stdout.split("\n== ").collect();
    let [plan, written, zone, after] = &parts[..] else { panic!("{shown}") };

    let planned = plan.lines().filter(|line| line.starts_with("  create ")).count();
    assert!(
        planned > 0 && plan.contains(&format!("{planned} to create, 0 to replace, 0 in sync")),
        "{shown}"
    );
    assert!(written.contains(&format!("Route 53 accepted {planned} changes")), "{shown}");
    // Without the title and the zone's own NS and SOA.
    let sets = zone.lines().filter(|line| !line.is_empty()).count() - 3;
    assert_eq!(sets, planned, "{shown}");
    assert!(after.contains("\norphan ") && !after.contains("  create "), "{shown}");
    for part in [plan, after] {
        assert!(part.contains("0 to delete: zonekeeper never deletes"), "{shown}");
    }
    assert_eq!(shown.stderr, "", "{shown}");
}

#[tokio::test]
async fn it_says_what_is_wrong_with_its_flags() {
    let scratch = Scratch::new("sandbox-flags");
    let folder = scratch.to_str().unwrap();
    for (arguments, texts) in [
        (["--manifests", "/nowhere/at/all"], ["cannot read the folder /nowhere/at/all", "--manifests"]),
        (["--zone", "not a zone"], ["not a zone", "--zone"]),
    ] {
        let command = CommandLine::new(&["sandbox", "--once"]).env("ZONEKEEPER_MANIFESTS", folder);
        let ended = command.args(&arguments).end().await;
        assert_eq!(ended.code(), Some(1), "{ended}");
        assert!(texts.iter().all(|text| ended.stderr.contains(text)), "{ended}");
    }
}
