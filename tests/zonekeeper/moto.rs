//! zonekeeper with moto, an independent emulation of Route 53.
//!
//! The tests show that moto reads zonekeeper's requests, and that zonekeeper reads moto's answers. They do
//! not check Route 53's rules. moto's batches are not atomic, its CREATE does not always refuse, and a change
//! is in sync at once. The emulator of this project checks these rules.

use std::{
    fs,
    path::{Path, PathBuf},
};

use k8s_openapi::api::{core::v1::Service, networking::v1::Ingress};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    botocore::{Credentials, botocore, program},
    control_plane::ControlPlane,
    deadline::eventually,
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::{ACCESS_KEY, CommandLine},
    server::Server,
};

/// moto as a process: Route 53, STS and IAM on one port.
pub struct Moto {
    server: Server,
    url: String,
}

/// A hosted zone in moto.
struct MotoZone {
    moto: &'static Moto,
    id: String,
}

// === impl Moto ===

impl Moto {
    /// The moto that the tests share.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Moto> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let folder: PathBuf =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("moto-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let moto = program("moto_server");
        let arguments = ["--host", "127.0.0.1", "--port", "0"].map(str::to_owned).to_vec();
        let mut server = Server::start("moto_server", moto.parent().unwrap(), &folder, arguments);
        let url = eventually(async || {
            server.must_run();
            let log = server.log();
            Some(log.split_once("Running on ")?.1.split_once('\n')?.0.trim().to_owned())
        });
        let url = url.await.unwrap_or_else(|| panic!("moto does not start:\n{}", server.end_of_log()));
        Self { server, url }
    }

    /// The endpoint of moto.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Creates a hosted zone in the account of these credentials, and returns its id.
    pub async fn create_zone(&self, who: &Credentials, name: &str) -> String {
        let request = json!({"Name": name, "CallerReference": name});
        let created = botocore(&self.url, who, "route53", "create_hosted_zone", &request).await;
        created["HostedZone"]["Id"].as_str().unwrap().trim_start_matches("/hostedzone/").to_owned()
    }

    /// The record sets of a zone.
    pub async fn sets(&self, who: &Credentials, zone: &str) -> Vec<Value> {
        let request = json!({"HostedZoneId": zone});
        let listed = botocore(&self.url, who, "route53", "list_resource_record_sets", &request).await;
        listed["ResourceRecordSets"].as_array().unwrap().clone()
    }

    /// The number of requests with a method and a path, with any query.
    fn count(&self, method: &str, path: &str) -> usize {
        let (exactly, with_query) = (format!("{method} {path} HTTP"), format!("{method} {path}?"));
        let log = self.server.log();
        log.lines().filter(|line| line.contains(&exactly) || line.contains(&with_query)).count()
    }
}

// === impl MotoZone ===

impl MotoZone {
    async fn new(name: &str) -> Self {
        let moto = Moto::shared().await;
        Self { moto, id: moto.create_zone(&Credentials::keys(ACCESS_KEY), name).await }
    }

    async fn zonekeeper(&self, namespace: &Namespace, arguments: &[&str]) -> CommandLine {
        let kubeconfig = ControlPlane::shared().await.zonekeeper();
        let command = CommandLine::new(arguments).route53(self.moto.url()).keys(ACCESS_KEY);
        command.zone(&self.id).cluster(namespace, &kubeconfig)
    }

    async fn botocore(&self, operation: &str, mut request: Value) -> Value {
        request["HostedZoneId"] = json!(self.id);
        let who = Credentials::keys(ACCESS_KEY);
        botocore(self.moto.url(), &who, "route53", operation, &request).await
    }

    /// The record sets except NS and SOA, read with botocore.
    async fn sets(&self) -> Vec<Value> {
        let listed = self.botocore("list_resource_record_sets", json!({})).await;
        let sets = listed["ResourceRecordSets"].as_array().unwrap().iter();
        sets.filter(|set| set["Type"] != "NS" && set["Type"] != "SOA").cloned().collect()
    }

    fn changes(&self) -> usize {
        self.moto.count("POST", &format!("/2013-04-01/hostedzone/{}/rrset", self.id))
    }

    fn listings(&self) -> usize {
        self.moto.count("GET", &format!("/2013-04-01/hostedzone/{}/rrset", self.id))
    }
}

fn alias(name: &str, rtype: &str, target: &str) -> Value {
    let target = json!({"HostedZoneId": "Z32O12XQLNTSW2", "DNSName": target, "EvaluateTargetHealth": true});
    json!({"Name": name, "Type": rtype, "AliasTarget": target})
}

fn values(name: &str, rtype: &str, value: &str) -> Value {
    json!({"Name": name, "Type": rtype, "TTL": 300, "ResourceRecords": [{"Value": value}]})
}

fn heritage(resource: &str) -> String {
    format!("\"heritage=external-dns,external-dns/owner=tests,external-dns/resource={resource}\"")
}

#[tokio::test]
async fn what_is_written_reads_right_for_another_client_and_is_not_written_again() {
    let (zone, shop) = (MotoZone::new("wire.test").await, Namespace::new("moto-wire").await);
    shop.create_balanced_ingress("web", "www.wire.test", BALANCER).await;
    shop.create_service("api", "api.wire.test").await;
    shop.set_addresses::<Service>("api", json!([{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}])).await;
    zone.zonekeeper(&shop, &["run", "--once"]).await.succeed().await;
    let (web, api) = (heritage("ingress/moto-wire/web"), heritage("service/moto-wire/api"));
    let expected = |balancer: &str, address: &str| {
        [
            values("a-api.wire.test.", "TXT", &api),
            values("a-www.wire.test.", "TXT", &web),
            values("aaaa-api.wire.test.", "TXT", &api),
            values("aaaa-www.wire.test.", "TXT", &web),
            values("api.wire.test.", "A", address),
            values("api.wire.test.", "AAAA", "2001:db8::1"),
            alias("www.wire.test.", "A", balancer),
            alias("www.wire.test.", "AAAA", balancer),
        ]
    };
    assert_eq!(zone.sets().await, expected(&format!("{BALANCER}."), "192.0.2.1"));
    assert_eq!(zone.changes(), 1);

    let again = zone.zonekeeper(&shop, &["run", "--once"]).await.succeed().await;
    assert!(again.logged("Route 53 accepted a change").is_empty(), "{again}");
    let plan = zone.zonekeeper(&shop, &["plan"]).await.succeed().await;
    assert!(plan.stdout.contains("0 to create, 0 to replace, 2 in sync, 0 noted, 0 blocked"), "{plan}");
    assert_eq!(zone.changes(), 1);

    shop.set_address::<Ingress>("web", json!({"hostname": OTHER_BALANCER})).await;
    shop.set_addresses::<Service>("api", json!([{"ip": "192.0.2.2"}, {"ip": "2001:db8::1"}])).await;
    zone.zonekeeper(&shop, &["run", "--once"]).await.succeed().await;
    assert_eq!(zone.sets().await, expected(&format!("{OTHER_BALANCER}."), "192.0.2.2"));
    assert_eq!(zone.changes(), 2);
}

#[tokio::test]
async fn a_change_is_asked_about_until_it_is_everywhere() {
    let (zone, shop) = (MotoZone::new("insync.test").await, Namespace::new("moto-insync").await);
    shop.create_balanced_ingress("web", "www.insync.test", BALANCER).await;
    let zonekeeper = zone.zonekeeper(&shop, &["run"]).await.start();
    let accepted: Value =
        serde_json::from_str(&zonekeeper.says(&["Route 53 accepted a change"]).await).unwrap();
    let id = accepted["change_id"].as_str().unwrap();
    zonekeeper.says(&["all name servers have a change", id]).await;
    assert!(zone.moto.count("GET", &format!("/2013-04-01/change/{id}")) >= 1);
    zonekeeper.stop().await;
}

#[tokio::test]
async fn a_zone_of_several_pages_is_read_whole() {
    let (zone, shop) = (MotoZone::new("pages.test").await, Namespace::new("moto-pages").await);
    // The zone sorts all ownership records before all addresses. The second page begins among the addresses.
    let text = heritage("service/moto-pages/asks");
    for names in (0..200).collect::<Vec<u32>>().chunks(100) {
        let sets = names.iter().flat_map(|n| {
            let address = values(&format!("n{n:03}.pages.test"), "A", "192.0.2.1");
            [address, values(&format!("a-n{n:03}.pages.test"), "TXT", &text)]
        });
        let changes: Vec<Value> =
            sets.map(|set| json!({"Action": "CREATE", "ResourceRecordSet": set})).collect();
        zone.botocore("change_resource_record_sets", json!({"ChangeBatch": {"Changes": changes}})).await;
    }
    // One hostname is on the first page, and one on the second page.
    shop.create_service("asks", "n000.pages.test, n199.pages.test").await;
    shop.set_address::<Service>("asks", json!({"ip": "192.0.2.1"})).await;

    let before = zone.listings();
    let plan = zone.zonekeeper(&shop, &["plan", "--output", "json"]).await.succeed().await;
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let counts = ["creates", "replaces", "in_sync"].map(|count| plan[count].as_u64().unwrap());
    assert_eq!(counts, [0, 0, 2], "{plan:#}");
    let mut orphans: Vec<&str> =
        plan["orphans"].as_array().unwrap().iter().map(|orphan| orphan["name"].as_str().unwrap()).collect();
    orphans.sort_unstable();
    let expected: Vec<String> = (1..199).map(|n| format!("n{n:03}.pages.test")).collect();
    assert_eq!(orphans, expected);
    assert_eq!(zone.listings() - before, 2, "402 record sets are two pages of 300");
}

#[tokio::test]
async fn a_zone_that_moto_does_not_know_is_named() {
    let (mut zone, shop) = (MotoZone::new("known.test").await, Namespace::new("moto-unknown").await);
    "Z0NOSUCHZONE".clone_into(&mut zone.id);
    let ended = zone.zonekeeper(&shop, &["plan"]).await.end().await;
    assert_eq!(ended.code(), Some(1), "{ended}");
    assert!(ended.stderr.contains("there is no hosted zone Z0NOSUCHZONE"), "{ended}");
}
