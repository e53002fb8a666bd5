//! The flags that select objects, hostnames, targets and records, as the shipped program reads them.

use k8s_openapi::api::networking::v1::Ingress;
use serde_json::{Value, json};

use crate::{
    namespace::{BALANCER, Namespace},
    process::CommandLine,
    zone::Zone,
};

/// Arguments, and the records that a plan creates with them.
type Row<'r> = (&'r [&'r str], &'r [&'r str]);

/// Creates an Ingress with targets.
async fn create(shop: &Namespace, ingress: Value, targets: Value) {
    let name = ingress["metadata"]["name"].as_str().unwrap().to_owned();
    shop.create::<Ingress>(ingress).await;
    shop.set_addresses::<Ingress>(&name, targets).await;
}

/// The records that a plan creates, without the zone's name, their TTL if it is the default, and ownership records.
fn created(plan: &str) -> Vec<String> {
    let lines = plan.lines().filter_map(|line| line.trim_start().strip_prefix("create "));
    let records = lines.filter(|line| !line.contains("heritage="));
    let record = |line: &str| line.replace(" (not in the zone)", "").replace(" ttl=300", "");
    records.map(|line| record(line).replace(".example.test", "")).collect()
}

/// Plans with each row of a table.
async fn check(shop: &Namespace, table: &[Row<'_>]) {
    let zone = Zone::empty().await;
    for (arguments, records) in table {
        let planned = CommandLine::of(&zone, shop, &["plan"]).await.args(arguments).succeed().await;
        assert_eq!(created(&planned.stdout), *records, "{arguments:?}: {planned}");
    }
}

#[tokio::test]
async fn filters_select_objects_by_their_annotations_and_labels() {
    let shop = Namespace::new("selection-objects").await;
    for (name, team, tier) in [("one", "shop", "web"), ("two", "blog", "web"), ("three", "shop", "api")] {
        let metadata = json!({"name": name, "annotations": {"team": team}, "labels": {"tier": tier}});
        let spec = json!({"rules": [{"host": format!("{name}.example.test")}]});
        create(&shop, json!({"metadata": metadata, "spec": spec}), json!([{"ip": "192.0.2.1"}])).await;
    }
    let table: [Row<'_>; 4] = [
        (&["--annotation-filter", "team=shop"], &["one A 192.0.2.1", "three A 192.0.2.1"]),
        (&["--annotation-filter=team!=shop"], &["two A 192.0.2.1"]),
        (&["--label-filter", "tier notin (web, db)"], &["three A 192.0.2.1"]),
        (
            &["--annotation-filter=team=shop", "--label-filter=tier"],
            &["one A 192.0.2.1", "three A 192.0.2.1"],
        ),
    ];
    check(&shop, &table).await;
    let zone = Zone::empty().await;
    let command = CommandLine::of(&zone, &shop, &["plan"]).await;
    let planned = command.env("ZONEKEEPER_LABEL_FILTER", "tier=api").succeed().await;
    assert_eq!(created(&planned.stdout), ["three A 192.0.2.1"], "{planned}");
}

#[tokio::test]
async fn hostnames_come_from_the_fields_and_domains_that_the_flags_leave() {
    let shop = Namespace::new("selection-hostnames").await;
    let annotations = json!({"external-dns.kubernetes.io/hostname": "a.dev.example.test"});
    let spec = json!({
        "rules": [{"host": "www.example.test"}],
        "tls": [{"hosts": ["tls.dev.example.test"], "secretName": "tls"}],
    });
    let web = json!({"metadata": {"name": "web", "annotations": annotations}, "spec": spec});
    create(&shop, web, json!([{"ip": "192.0.2.1"}])).await;
    let bare = json!({"metadata": {"name": "bare"}, "spec": {"defaultBackend": {"resource": {"kind": "A", "name": "b"}}}});
    create(&shop, bare, json!([{"ip": "192.0.2.2"}])).await;

    let (a, tls, www) = ("a.dev A 192.0.2.1", "tls.dev A 192.0.2.1", "www A 192.0.2.1");
    let template = "--fqdn-template={{.Name}}.tpl.example.test";
    let table: [Row<'_>; 11] = [
        (&["--domain-filter=dev.example.test,x.example.test"], &[a, tls]),
        (&["--exclude-domains=dev.example.test"], &[www]),
        (&["--domain-filter=dev.example.test", "--exclude-domains", "a.dev.example.test"], &[tls]),
        (&["--regex-domain-filter=^(a|www)[.]"], &[a, www]),
        (&["--regex-domain-exclusion=^a[.]"], &[tls, www]),
        (&["--ignore-hostname-annotation"], &[tls, www]),
        (&["--ignore-ingress-rules-spec"], &[a, tls]),
        (&["--ignore-ingress-tls-spec"], &[a, www]),
        (&[template], &[a, tls, "bare.tpl A 192.0.2.2", www]),
        (
            &[template, "--combine-fqdn-annotation"],
            &[a, tls, "bare.tpl A 192.0.2.2", "web.tpl A 192.0.2.1", www],
        ),
        // The template fails for the one object, and costs no hostname of the other one.
        (&["--fqdn-template={{(index .Spec.Rules 0).Host}}"], &[a, tls, www]),
    ];
    check(&shop, &table).await;
}

#[tokio::test]
async fn targets_are_filtered_and_replaced() {
    let shop = Namespace::new("selection-targets").await;
    let object = |name: &str| json!({"metadata": {"name": name}, "spec": {"rules": [{"host": format!("{name}.example.test")}]}});
    create(&shop, object("both"), json!([{"ip": "203.0.113.1"}, {"ip": "192.0.2.1"}])).await;
    create(&shop, object("inner"), json!([{"ip": "192.0.2.2"}])).await;
    create(&shop, object("name"), json!([{"hostname": "lb.example.net"}])).await;
    let forced = ["--force-default-targets", "--default-targets=198.51.100.1,198.51.100.2"];
    let table: [Row<'_>; 4] = [
        (
            &["--target-net-filter=203.0.113.0/24,2001:db8::/32"],
            &["both A 203.0.113.1", "name CNAME lb.example.net"],
        ),
        (
            &["--exclude-target-net", "203.0.113.0/24"],
            &["both A 192.0.2.1", "inner A 192.0.2.2", "name CNAME lb.example.net"],
        ),
        (
            &forced,
            &[
                "both A 198.51.100.1 198.51.100.2",
                "inner A 198.51.100.1 198.51.100.2",
                "name A 198.51.100.1 198.51.100.2",
            ],
        ),
        (
            &["--default-targets=198.51.100.1"],
            &["both A 192.0.2.1 203.0.113.1", "inner A 192.0.2.2", "name CNAME lb.example.net"],
        ),
    ];
    check(&shop, &table).await;
}

#[tokio::test]
async fn records_have_the_types_and_options_of_the_flags() {
    let shop = Namespace::new("selection-records").await;
    let object = |name: &str| json!({"metadata": {"name": name}, "spec": {"rules": [{"host": format!("{name}.example.test")}]}});
    create(&shop, object("both"), json!([{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}])).await;
    create(&shop, object("elb"), json!([{"hostname": BALANCER}])).await;
    create(&shop, object("name"), json!([{"hostname": "lb.example.net"}])).await;
    let (a, aaaa, name) = ("both A 192.0.2.1", "both AAAA 2001:db8::1", "name CNAME lb.example.net");
    let alias = |rtype: &str, zone: &str, health: bool| {
        format!("elb {rtype} alias {BALANCER} ({zone}) health={health}")
    };
    let alias_a = alias("A", "Z32O12XQLNTSW2", true);
    let (deaf_a, deaf_aaaa) = (alias("A", "Z32O12XQLNTSW2", false), alias("AAAA", "Z32O12XQLNTSW2", false));
    let elb = format!("elb CNAME {BALANCER}");
    let table: [Row<'_>; 5] = [
        (&["--exclude-record-types=AAAA"], &[a, &alias_a, name]),
        (&["--managed-record-types=CNAME"], &[name]),
        (&["--aws-prefer-cname"], &[a, aaaa, &elb, name]),
        (&["--aws-evaluate-target-health=false"], &[a, aaaa, &deaf_a, &deaf_aaaa, name]),
        (
            &["--prefer-alias", "--alias-zone=example.net=Z9", "--min-ttl=2m", "--exclude-record-types=AAAA"],
            &["both A 192.0.2.1 ttl=120", &alias_a, "name A alias lb.example.net (Z9) health=true"],
        ),
    ];
    check(&shop, &table).await;
}

#[tokio::test]
async fn a_flag_that_cannot_be_read_ends_the_start() {
    for (flag, pieces) in [
        ("--annotation-filter=a>1", ["--annotation-filter `a>1`", "expected a label selector"]),
        ("--regex-domain-filter=(", ["--regex-domain-filter `(`", "not a regular expression"]),
        ("--fqdn-template={{.Name", ["--fqdn-template: {{.Name at character 1", "it has no `}}`"]),
        ("--target-net-filter=10.0.0.1", ["--target-net-filter `10.0.0.1`", "as in 10.0.0.0/8"]),
        ("--force-default-targets", ["--force-default-targets", "--default-targets: name the targets"]),
        ("--exclude-record-types=AAA", ["--exclude-record-types `AAA`", "there is no such type"]),
    ] {
        let ended = CommandLine::new(&["plan", flag]).zone("Z1").end().await;
        assert!(!ended.status.success(), "{ended}");
        assert!(pieces.iter().all(|piece| ended.stderr.contains(piece)), "{ended}");
    }
}
