//! `zonekeeper orphans`: its list, and the zone after a person sends its change batch.

use std::{fs, path::Path};

use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use serde_json::{Value, json};
use zonekeeper_emulator::zone::{
    AliasTarget, Change, CidrRoutingConfig, Coordinates, GeoLocation, GeoProximityLocation, HostedZone,
    RecordSet,
};

use crate::{
    botocore::person_sends,
    namespace::{BALANCER, Namespace},
    process::{CommandLine, OWNER},
    scratch::Scratch,
    script::{Script, ingress},
    zone::{self, CHANGE, Zone},
};

/// A foreign change of a record set.
type Alteration = fn(&mut RecordSet);

/// The value of one of our ownership records.
fn text(resource: &str) -> String {
    format!("\"heritage=external-dns,external-dns/owner={OWNER},external-dns/resource={resource}\"")
}

fn txt(at: &str, text: &str) -> RecordSet {
    RecordSet::simple(at, "TXT", 300, [text])
}

/// A zone with orphans and leftovers of every kind, and with similar record sets that must stay. Returns the
/// record sets that may be deleted.
async fn abandoned(shop: &Namespace) -> (Zone, Vec<&'static str>) {
    let zone = Zone::empty().await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.create_balanced_ingress("gone", "gone.example.test", BALANCER).await;
    shop.create_service("wild", "*.wild.example.test").await;
    shop.set_addresses::<Service>("wild", json!([{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}])).await;
    shop.create_service("api", "api.example.test").await;
    shop.set_addresses::<Service>("api", json!([{"ip": "192.0.2.3"}, {"ip": "2001:db8::3"}])).await;
    shop.create_service("mixed", "mixed.example.test").await;
    shop.set_address::<Service>("mixed", json!({"ip": "192.0.2.4"})).await;
    CommandLine::of(&zone, shop, &["run", "--once"]).await.succeed().await;
    shop.delete::<Ingress>("gone").await;
    shop.delete::<Service>("wild").await;
    shop.set_address::<Service>("api", json!({"ip": "192.0.2.3"})).await;

    let ours = text(&format!("ingress/{}/old", shop.name()));
    let weighted = |set: RecordSet| RecordSet {
        set_identifier: Some("Blue one".to_owned()),
        weight: Some(10),
        health_check_id: Some("0b9bb1f0-1111-2222-3333-444455556666".to_owned()),
        ..set
    };
    let alias = RecordSet {
        ttl: None,
        alias_target: Some(AliasTarget {
            hosted_zone_id: "Z32O12XQLNTSW2".to_owned(),
            dns_name: format!("dualstack.{BALANCER}."),
            evaluate_target_health: true,
        }),
        ..RecordSet::simple("alias.example.test", "A", 0, Vec::<String>::new())
    };
    for set in [
        weighted(RecordSet::simple("weighted.example.test", "CNAME", 17, ["LB.example.net"])),
        weighted(txt("cname-weighted.example.test", &ours)),
        // The ownership record of the first record has the old form, without a type in its name. The alias
        // has this form, and also the form for a CNAME.
        RecordSet::simple("legacy.example.test", "A", 60, ["192.0.2.9", "192.0.2.8"]),
        txt("legacy.example.test", &ours),
        alias,
        txt("cname-alias.example.test", &ours),
        txt("alias.example.test", &ours),
        // These records have no owner, another owner, or an object that zonekeeper does not read.
        RecordSet::simple("mail.example.test", "A", 60, ["192.0.2.10"]),
        RecordSet::simple("other.example.test", "A", 60, ["192.0.2.11"]),
        txt("a-other.example.test", "\"heritage=external-dns,external-dns/owner=other\""),
        RecordSet::simple("route.example.test", "A", 60, ["192.0.2.12"]),
        txt("a-route.example.test", &text("httproute/shop/route")),
        RecordSet::simple("far.example.test", "A", 60, ["192.0.2.13"]),
        txt("a-far.example.test", &text("ingress/elsewhere/far")),
        RecordSet::simple("mixed.example.test", "AAAA", 60, ["2001:db8::4"]),
        txt("aaaa-mixed.example.test", &text("httproute/shop/route")),
    ] {
        zone.foreigner_creates(set);
    }
    let may_go = vec![
        "*.wild.example.test A",
        "a-*.wild.example.test TXT",
        "a-gone.example.test TXT",
        "aaaa-api.example.test TXT",
        "aaaa-gone.example.test TXT",
        "alias.example.test A",
        "alias.example.test TXT",
        "api.example.test AAAA",
        "cname-alias.example.test TXT",
        "cname-weighted.example.test TXT",
        "gone.example.test A",
        "gone.example.test AAAA",
        "legacy.example.test A",
        "legacy.example.test TXT",
        "weighted.example.test CNAME",
    ];
    (zone, may_go)
}

fn batch(file: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// The names of the zone without escapes, in alphabetical order.
fn sets(zone: &Zone) -> Vec<String> {
    let mut sets: Vec<String> = zone.sets().iter().map(|set| set.replace("\\052", "*")).collect();
    sets.sort();
    sets
}

#[tokio::test]
async fn what_it_writes_removes_exactly_what_nothing_asks_for() {
    let (folder, shop) = (Scratch::new("orphans"), Namespace::new("orphans").await);
    let (zone, may_go) = abandoned(&shop).await;
    let (before, requests) = (sets(&zone), zone.count(CHANGE));
    let file = folder.join("orphans.json");
    let command = ["orphans", "--max-percent", "100", "--change-batch", file.to_str().unwrap()];
    let shown = CommandLine::of(&zone, &shop, &command).await.succeed().await;
    for expected in [
        "orphan *.wild.example.test A 192.0.2.1 192.0.2.2 ttl=300 (was for Service/orphans/wild)",
        "orphan legacy.example.test A 192.0.2.9 192.0.2.8 ttl=60 (was for Ingress/orphans/old)",
        "orphan far.example.test A 192.0.2.13 ttl=60 (was for Ingress/elsewhere/far)\n  not in a change batch: ",
        "orphan route.example.test A 192.0.2.12 ttl=60 (was for httproute/shop/route)\n  not in a change batch: ",
        "leftover api.example.test AAAA 2001:db8::3 ttl=300 (was for Service/orphans/api)",
        "leftover mixed.example.test AAAA 2001:db8::4 ttl=60 (was for httproute/shop/route; Service/orphans/mixed asks for \
         other records there)\n  not in a change batch: ",
        "8 orphaned, 2 left over\n0 to delete: zonekeeper never deletes\n",
        &format!("--hosted-zone-id Z0123456789EXAMPLE --change-batch file://{}", file.display()),
    ] {
        assert!(shown.stdout.contains(expected), "{expected}\n{shown}");
    }
    assert_eq!(
        (sets(&zone), zone.count(CHANGE)),
        (before.clone(), requests),
        "the command wrote to the zone"
    );

    person_sends(&zone, &batch(&file)).await;
    let left = sets(&zone);
    let gone: Vec<&String> = before.iter().filter(|set| !left.contains(set)).collect();
    assert_eq!(gone, may_go);
    let again = CommandLine::of(&zone, &shop, &command).await.succeed().await;
    assert!(again.stdout.contains("2 orphaned, 1 left over"), "{again}");
    assert!(again.stdout.contains("no file is written: there is nothing to delete"), "{again}");
}

#[tokio::test]
async fn what_has_changed_meanwhile_is_not_removed_by_it() {
    let (folder, shop) = (Scratch::new("orphans-changed"), Namespace::new("orphans-changed").await);
    let (zone, may_go) = abandoned(&shop).await;
    let file = folder.join("orphans.json");
    let command = ["orphans", "--max-percent", "100", "--change-batch", file.to_str().unwrap()];
    CommandLine::of(&zone, &shop, &command).await.succeed().await;
    let batch: Value = batch(&file);
    let changes: Vec<Change> = serde_json::from_value(batch["Changes"].clone()).unwrap();
    assert_eq!(changes.len(), may_go.len());
    // Each alteration changes one field.
    let alterations: [(&str, Alteration); 6] = [
        ("legacy.example.test", |set| set.values = vec!["192.0.2.9".to_owned()]),
        ("legacy.example.test", |set| set.ttl = Some(61)),
        ("weighted.example.test", |set| set.weight = Some(11)),
        ("weighted.example.test", |set| set.health_check_id = None),
        ("weighted.example.test", |set| set.set_identifier = Some("blue one".to_owned())),
        ("alias.example.test", |set| {
            set.alias_target.as_mut().unwrap().evaluate_target_health = false;
        }),
    ];
    for (name, alter) in alterations {
        let is_it = |set: &&RecordSet| set.name == format!("{name}.") && set.rtype != "TXT";
        zone.alter(|zone| {
            let found = zone.iter().find(is_it).unwrap().clone();
            let mut other = found.clone();
            alter(&mut other);
            let mut copy: HostedZone = zone.clone();
            copy.change(&[Change::delete(found), Change::create(other)]).unwrap();
            let refused = copy.change(&changes).unwrap_err();
            assert!(refused.to_string().contains(name), "{refused}");
        });
    }
    zone.alter(|zone| zone.change(&changes).unwrap());
}

#[tokio::test]
async fn what_is_under_any_policy_and_at_any_name_is_removed_by_it() {
    let (folder, shop) = (Scratch::new("orphans-policies"), Namespace::new("orphans-policies").await);
    let zone = Zone::empty().await;
    let text = |text: &str| Some(text.to_owned());
    let place = |location| RecordSet { geo_location: Some(location), ..RecordSet::default() };
    let near = |location| RecordSet { geo_proximity_location: Some(location), ..RecordSet::default() };
    let coordinates = Coordinates { latitude: "49.22".to_owned(), longitude: "-74.01".to_owned() };
    let blocks = CidrRoutingConfig { collection_id: "c0ffee".to_owned(), location_name: "office".to_owned() };
    let policies = [
        RecordSet { weight: Some(0), ..RecordSet::default() },
        RecordSet { region: text("eu-west-1"), ..RecordSet::default() },
        RecordSet { failover: text("PRIMARY"), health_check_id: text("1-2-3"), ..RecordSet::default() },
        RecordSet { failover: text("SECONDARY"), ..RecordSet::default() },
        RecordSet { multi_value_answer: Some(true), ..RecordSet::default() },
        place(GeoLocation { continent_code: text("EU"), ..GeoLocation::default() }),
        place(GeoLocation { country_code: text("*"), ..GeoLocation::default() }),
        place(GeoLocation {
            country_code: text("US"),
            subdivision_code: text("CA"),
            ..GeoLocation::default()
        }),
        near(GeoProximityLocation { aws_region: text("eu-west-1"), ..GeoProximityLocation::default() }),
        near(GeoProximityLocation {
            local_zone_group: text("us-east-1-bue-1"),
            bias: Some(-7),
            ..GeoProximityLocation::default()
        }),
        near(GeoProximityLocation { coordinates: Some(coordinates), ..GeoProximityLocation::default() }),
        RecordSet { cidr_routing_config: Some(blocks), ..RecordSet::default() },
    ];
    let hosts = (0..policies.len()).map(|number| format!("p{number}.example.test"));
    let policies =
        policies.into_iter().map(|policy| RecordSet { set_identifier: text("Blue & <one>"), ..policy });
    // An object that still asks for a hostname: without any, nothing is to be deleted.
    shop.create_service("kept", "kept.example.test").await;
    let plain =
        ["\\100at.example.test", "a\\040space.example.test", "under_score.example.test", "*.example.test"];
    let plain = plain.into_iter().map(|host| (host.to_owned(), RecordSet::default()));
    let said = self::text("ingress/orphans-policies/old");
    for (host, policy) in hosts.zip(policies).chain(plain) {
        for (name, rtype, value) in
            [(host.clone(), "A", "192.0.2.1"), (format!("a-{host}"), "TXT", said.as_str())]
        {
            let (rtype, values) = (rtype.to_owned(), vec![value.to_owned()]);
            zone.foreigner_creates(RecordSet { name, rtype, ttl: Some(60), values, ..policy.clone() });
        }
    }
    let file = folder.join("orphans.json");
    let command = ["orphans", "--max-percent", "100", "--change-batch", file.to_str().unwrap()];
    let shown = CommandLine::of(&zone, &shop, &command).await.succeed().await;
    assert!(shown.stdout.contains("16 orphaned, 0 left over"), "{shown}");
    person_sends(&zone, &batch(&file)).await;
    assert_eq!(zone.sets(), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_live_object_names_is_in_no_file_and_an_earlier_file_goes() {
    let (folder, shop) = (Scratch::new("orphans live"), Namespace::new("orphans-live").await);
    let zone = Zone::empty().await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    shop.create_balanced_ingress("gone", "gone.example.test", BALANCER).await;
    shop.create_service("kept", "kept.example.test").await;
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.succeed().await;
    shop.delete::<Ingress>("gone").await;
    let file = folder.join("orphans.json");
    let command = [
        "orphans",
        "--publish",
        "annotated",
        "--max-percent",
        "100",
        "--change-batch",
        file.to_str().unwrap(),
    ];
    let shown = CommandLine::of(&zone, &shop, &command).await.succeed().await;
    for expected in [
        "(was for Ingress/orphans-live/web; Ingress/orphans-live/web has the hostname, but zonekeeper does not publish it)
  not in a",
        "(was for Ingress/orphans-live/gone)
orphan",
        &format!("--change-batch 'file://{}'", file.display()),
    ] {
        assert!(shown.stdout.contains(expected), "{expected}\n{shown}");
    }
    person_sends(&zone, &batch(&file)).await;
    assert_eq!(
        sets(&zone),
        [
            "a-www.example.test TXT",
            "aaaa-www.example.test TXT",
            "www.example.test A",
            "www.example.test AAAA"
        ]
    );

    let numbered = [1, 2].map(|number| folder.join(format!("orphans-{number}.json")));
    for other in &numbered {
        fs::copy(&file, other).unwrap();
    }
    let foreign = folder.join("orphans-3.json");
    fs::write(&foreign, "{}").unwrap();
    let again = CommandLine::of(&zone, &shop, &command).await.succeed().await;
    assert!(again.stdout.contains("no file is written: there is nothing to delete"), "{again}");
    assert!(!file.exists() && !numbered.iter().any(|other| other.exists()) && foreign.exists());
}

#[tokio::test]
async fn nothing_is_to_be_deleted_while_an_object_cannot_be_read() {
    let (zone, folder) = (Zone::empty().await, Scratch::new("orphans-unreadable"));
    let script = Script::start(&folder).await;
    zone.foreigner_creates(RecordSet::simple("www.example.test", "A", 60, ["192.0.2.1"]));
    zone.foreigner_creates(txt("a-www.example.test", &text("ingress/shop/gone")));
    let mut broken = ingress("www");
    broken["spec"]["rules"] = json!("none");
    script.objects([broken]);
    let file = folder.join("orphans.json");
    let command = || {
        let file = file.to_str().unwrap();
        let arguments = ["orphans", "--source", "ingress", "--max-percent", "100", "--change-batch", file];
        let command = CommandLine::new(&arguments).aws(&zone).zone(zone::ID);
        command.env("ZONEKEEPER_NAMESPACE", "shop").env("ZONEKEEPER_KUBECONFIG", script.kubeconfig())
    };
    let refused = command().end().await;
    assert_eq!(refused.code(), Some(1), "{refused}");
    assert!(refused.stdout.contains("(was for Ingress/shop/gone)\n  not in a change batch: "), "{refused}");
    assert!(refused.stdout.contains("unreadable Ingress/shop/www"), "{refused}");
    assert!(
        refused.stderr.contains("no --change-batch is written: Ingress/shop/www cannot be read"),
        "{refused}"
    );
    assert!(!file.exists());

    script.objects([ingress("kept")]);
    command().succeed().await;
    assert_eq!(batch(&file)["Changes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn more_than_a_request_holds_is_in_several_files() {
    let (folder, shop) = (Scratch::new("orphans-many"), Namespace::new("orphans-many").await);
    let zone = Zone::empty().await;
    let said = text("ingress/orphans-many/crowd");
    shop.create_service("kept", "kept.example.test").await;
    for number in 0..9 {
        let name = format!("crowd-{number}.example.test");
        let values = (0..150).map(|value| format!("10.0.{number}.{value}"));
        zone.foreigner_creates(RecordSet::simple(&name, "A", 300, values));
        zone.foreigner_creates(txt(&format!("a-{name}"), &said));
    }
    let file = folder.join("crowd.json");
    let command = ["orphans", "-o", "json", "--max-percent", "100", "--change-batch", file.to_str().unwrap()];
    let shown = CommandLine::of(&zone, &shop, &command).await.succeed().await;
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert!(!file.exists());
    let files = [1, 2].map(|number| batch(&folder.join(format!("crowd-{number}.json"))));
    assert_eq!(shown["change_batches"], json!(files));
    assert_eq!(shown["orphans"].as_array().unwrap().len(), 9);
    assert_eq!(files.each_ref().map(|file| file["Changes"].as_array().unwrap().len()), [12, 6]);
    for file in &files {
        person_sends(&zone, file).await;
    }
    assert_eq!(zone.sets(), Vec::<String>::new());
}

#[tokio::test]
async fn too_much_is_not_to_be_deleted() {
    let (folder, shop) = (Scratch::new("orphans-guard"), Namespace::new("orphans-guard").await);
    let zone = Zone::empty().await;
    for number in 0..10 {
        let name = format!("host-{number}");
        shop.create_balanced_ingress(&name, &format!("{name}.example.test"), BALANCER).await;
    }
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.succeed().await;
    let file = folder.join("orphans.json");
    let arguments = ["orphans", "-o", "json", "--change-batch", file.to_str().unwrap()];
    let command = async |more: &[&str]| CommandLine::of(&zone, &shop, &[&arguments, more].concat()).await;
    for number in 0..2 {
        shop.delete::<Ingress>(&format!("host-{number}")).await;
    }
    // 2 of 10 hostnames are 20 percent.
    command(&[]).await.succeed().await;
    assert_eq!(batch(&file)["Changes"].as_array().unwrap().len(), 8);

    shop.delete::<Ingress>("host-2").await;
    let refused = command(&[]).await.end().await;
    assert_eq!(refused.code(), Some(1), "{refused}");
    let said = "no --change-batch is written: it would hold 6 of the 20 records of this owner, more than --max-percent 20";
    assert!(refused.stderr.contains(said), "{refused}");
    assert!(refused.stderr.contains("--max-percent 30"), "{refused}");
    let shown: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!((&shown["change_batches"], file.exists()), (&json!([]), false));
    assert!(shown["refused"].as_str().unwrap().starts_with("it would hold 6"), "{refused}");
    command(&["--max-percent", "30"]).await.succeed().await;
    assert_eq!(batch(&file)["Changes"].as_array().unwrap().len(), 12);

    // A namespace without objects, or another cluster: everything looks abandoned.
    for number in 3..10 {
        shop.delete::<Ingress>(&format!("host-{number}")).await;
    }
    let refused = command(&["--max-percent", "100"]).await.end().await;
    assert_eq!((refused.code(), file.exists()), (Some(1), false), "{refused}");
    assert!(refused.stderr.contains("no object asks for a hostname in this zone"), "{refused}");
}
