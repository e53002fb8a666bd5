//! The three forms of adoption: by an annotation, for a migration from another owner, and by a command.

use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use serde_json::json;
use zonekeeper_emulator::zone::RecordSet;

use crate::{
    namespace::Namespace,
    process::{CommandLine, OWNER},
    zone::{CHANGE, Zone},
};

fn address(name: &str, value: &str) -> RecordSet {
    RecordSet::simple(name, "A", 60, [value])
}

fn owned(name: &str, owner: &str) -> RecordSet {
    let text =
        format!("\"heritage=external-dns,external-dns/owner={owner},external-dns/resource=ingress/x/y\"");
    RecordSet::simple(format!("a-{name}"), "TXT", 300, [text])
}

/// The owner in the ownership record of a hostname.
fn owner(zone: &Zone, name: &str) -> String {
    let values = zone.values(&format!("a-{name}"), "TXT").concat();
    let said = values.split(',').find_map(|token| token.strip_prefix("external-dns/owner="));
    said.unwrap_or("nobody").to_owned()
}

async fn service(shop: &Namespace, name: &str) {
    shop.create_service(name, &format!("{name}.example.test")).await;
    shop.set_address::<Service>(name, json!({"ip": "192.0.2.1"})).await;
}

#[tokio::test]
async fn an_annotated_object_adopts_what_is_as_it_wants_it() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("adopt-annotation").await);
    for (name, value) in [("same", "192.0.2.1"), ("other", "192.0.2.9"), ("plain", "192.0.2.1")] {
        let host = format!("{name}.example.test");
        zone.foreigner_creates(address(&host, value));
        let note = if name == "plain" { json!({}) } else { json!({"zonekeeper.dev/adopt": "true"}) };
        shop.create_ingress(name, &host, note).await;
        shop.set_address::<Ingress>(name, json!({"ip": "192.0.2.1"})).await;
    }
    // Whoever may annotate an object could take records over, so an operator must allow it.
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.succeed().await;
    assert_eq!(zone.requests(), [[""; 0]; 0]);
    let run = ["run", "--once", "--adopt-by-annotation"];
    let reads = zone.count("ListResourceRecordSets");
    CommandLine::of(&zone, &shop, &run).await.succeed().await;
    assert_eq!(zone.requests(), [["CREATE a-same.example.test TXT"]]);
    assert!(
        zone.count("ListResourceRecordSets") > reads + 1,
        "zonekeeper did not read the records again before the change"
    );
    assert_eq!(zone.set("same.example.test", "A").unwrap().ttl, Some(60));

    // The adopted record now follows its object.
    shop.set_address::<Ingress>("same", json!({"ip": "192.0.2.2"})).await;
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.succeed().await;
    assert_eq!(zone.values("same.example.test", "A"), ["192.0.2.2"]);
    assert_eq!(zone.values("other.example.test", "A"), ["192.0.2.9"]);
}

#[tokio::test]
async fn a_migration_takes_over_what_another_owner_had() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("adopt-migration").await);
    for (name, value, of) in [
        ("same", "192.0.2.1", "old"),
        ("moved", "192.0.2.9", "old"),
        ("third", "192.0.2.9", "third"),
        ("unclaimed", "192.0.2.9", "old"),
    ] {
        let host = format!("{name}.example.test");
        zone.foreigner_creates(address(&host, value));
        zone.foreigner_creates(owned(&host, of));
        if name != "unclaimed" {
            service(&shop, name).await;
        }
    }
    let from = ["--adopt-from-owner", "older,old"];
    let plan = CommandLine::of(&zone, &shop, &["plan"]).await.args(&from).succeed().await;
    let shown = "  then replace moved.example.test A 192.0.2.9 ttl=60 -> 192.0.2.1 ttl=300 (the object asks for another target)";
    assert!(plan.stdout.contains(shown), "{plan}");
    assert!(plan.stdout.contains("adopt same.example.test for Service/adopt-migration/same ("), "{plan}");
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.args(&from).succeed().await;
    let [adopted, moved] = &zone.requests()[..] else { panic!("{:?}", zone.requests()) };
    assert_eq!(adopted, &["UPSERT a-moved.example.test TXT", "UPSERT a-same.example.test TXT"]);
    assert_eq!(moved, &["UPSERT moved.example.test A"]);
    let owners =
        ["same", "moved", "third", "unclaimed"].map(|name| owner(&zone, &format!("{name}.example.test")));
    assert_eq!(owners, [OWNER, OWNER, "third", "old"]);
    assert_eq!(zone.values("third.example.test", "A"), ["192.0.2.9"]);
}

#[tokio::test]
async fn an_operator_sees_before_anything_is_adopted_and_writes_txts_only() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("adopt-operator").await);
    for name in ["www", "www-2", "api", "new", "theirs", "odd"] {
        service(&shop, name).await;
    }
    for name in ["www", "www-2", "api", "theirs", "odd", "unclaimed"] {
        zone.foreigner_creates(address(&format!("{name}.example.test"), "192.0.2.9"));
    }
    zone.foreigner_creates(owned("theirs.example.test", "old"));
    zone.foreigner_creates(RecordSet::simple("a-odd.example.test", "TXT", 300, ["\"secret\""]));
    let adopt = async |arguments: &[&str]| {
        CommandLine::of(&zone, &shop, &["adopt"]).await.args(arguments).end().await
    };

    let shown = adopt(&["--match", "WWW*"]).await;
    assert_eq!(shown.code(), Some(0), "{shown}");
    for expected in [
        "adopt www.example.test for Service/adopt-operator/www (",
        "  create a-www.example.test TXT ",
        "  then replace www.example.test A 192.0.2.9 ttl=60 -> 192.0.2.1 ttl=300 (the object asks for another target)",
        "2 to adopt\nnothing is written: there is no terminal to ask on; --yes writes without a question",
    ] {
        assert!(shown.stdout.contains(expected), "{expected}\n{shown}");
    }
    assert_eq!(zone.count(CHANGE), 0);

    let adopted = adopt(&["--match", "www*", "--yes"]).await;
    assert_eq!(adopted.code(), Some(0), "{adopted}");
    assert_eq!(zone.requests(), [["CREATE a-www-2.example.test TXT", "CREATE a-www.example.test TXT"]]);
    let again = adopt(&["www.example.test", "--yes"]).await;
    assert_eq!(again.code(), Some(1), "{again}");
    assert!(again.stdout.contains("nothing to adopt: no object asks for www.example.test, or"), "{again}");
    let unclaimed = adopt(&["unclaimed.example.test", "--yes"]).await;
    assert_eq!(unclaimed.code(), Some(1), "{unclaimed}");

    let all = adopt(&["--all", "-y"]).await;
    assert!(
        all.stdout.contains("not adopted: odd.example.test for Service/adopt-operator/odd: Ownership"),
        "{all}"
    );
    assert!(
        all.stdout.contains("not adopted: theirs.example.test for Service/adopt-operator/theirs: OwnedBy"),
        "{all}"
    );
    let theirs = adopt(&["theirs.example.test", "--from-owner", "old", "-y"]).await;
    assert_eq!(theirs.code(), Some(0), "{theirs}");
    let written = zone.requests().split_off(1);
    assert_eq!(written, [["CREATE a-api.example.test TXT"], ["UPSERT a-theirs.example.test TXT"]]);
    assert!(
        zone.set("new.example.test", "A").is_none(),
        "the command wrote a record set that it did not adopt"
    );
    for name in ["www", "www-2", "api", "theirs", "odd", "unclaimed"] {
        let host = format!("{name}.example.test");
        assert_eq!(zone.set(&host, "A"), Some(address(&format!("{host}."), "192.0.2.9")), "{name}");
    }
    assert_eq!(zone.values("a-odd.example.test", "TXT"), ["\"secret\""]);
    assert_eq!(owner(&zone, "unclaimed.example.test"), "nobody");
}

#[tokio::test]
async fn what_to_adopt_must_be_said() {
    for (arguments, expected) in [
        (["adopt"].as_slice(), "<NAME|--match <PATTERN>|--all>"),
        (&["adopt", "www.example.test", "--all"], "cannot be used with"),
        (&["adopt", "--match", "a b"], "--match `a b`"),
        (&["adopt", "two..dots"], "`two..dots` is not a hostname"),
        (&["adopt", "--all", "--from-owner", OWNER], "is the --owner-id of this cluster"),
    ] {
        let ended = CommandLine::new(arguments).zone(crate::zone::ID).end().await;
        assert_eq!(ended.code(), Some(2), "{arguments:?} {ended}");
        assert!(ended.stderr.contains(expected), "{arguments:?} {ended}");
    }
}
