//! Two processes for one zone: only the process that holds the Lease writes.

use std::collections::BTreeMap;

use k8s_openapi::api::{coordination::v1::Lease, networking::v1::Ingress};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use rustix::process::Signal;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use zonekeeper::{
    cluster::{Candidate, Cluster, LONGEST_SILENCE, LeaseError, LeaseMemory, LeaseUpdate},
    driver::Clock,
    leadership::Leadership,
};
use zonekeeper_core::{keeper::Time, lease::RENEWAL};
use zonekeeper_emulator::{
    faults::Effect,
    zone::{Change, RecordSet},
};

use crate::{
    control_plane::ControlPlane,
    namespace::{BALANCER, Namespace, OTHER_BALANCER},
    process::{ACCESS_KEY, CommandLine, Process},
    zone::{CHANGE, Zone},
};

/// The access key of the second process. The first process has the usual access key.
const SECOND: &str = "AKIASECOND";

/// A process that leads, and a process that stands by.
async fn pair(zone: &Zone, shop: &Namespace) -> (Process, Process) {
    let first = CommandLine::of(zone, shop, &["run"]).await.env("HOSTNAME", "first").start();
    first.says(&["leadership won", "there was none"]).await;
    let mut second =
        CommandLine::of(zone, shop, &["run"]).await.env("HOSTNAME", "second").keys(SECOND).start();
    second.says(&["another process leads", "\"lease_holder\":\"first_"]).await;
    // The second process has listed all objects and the zone, and only the Lease keeps it from writing.
    second.is_ready().await;
    (first, second)
}

/// Waits until a hostname has its records, and checks which access key wrote them.
async fn is_written_by(process: &mut Process, zone: &Zone, host: &str, access_key: &str) {
    process.until_zone(zone, host, |zone| zone.set(host, "A").is_some()).await;
    let journal = zone.journal();
    let of_host = |change: &&zonekeeper_emulator::journal::AcceptedChange| {
        change.after.as_ref().is_some_and(|set| set.name.trim_end_matches('.').ends_with(host))
    };
    let writers: Vec<&str> =
        journal.changes.iter().filter(of_host).map(|change| &*change.access_key).collect();
    assert_eq!(writers, [access_key; 4], "{host}");
}

/// The Lease of a namespace, which must have exactly one.
async fn lease(shop: &Namespace) -> Lease {
    let mut leases = shop.lease().list(&ListParams::default()).await.unwrap().items;
    assert_eq!(leases.len(), 1, "{leases:?}");
    leases.remove(0)
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref()
}

fn annotations(lease: &Lease) -> BTreeMap<String, String> {
    lease.metadata.annotations.clone().unwrap_or_default()
}

fn memory(pairs: &[(&str, &str)]) -> LeaseMemory {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

async fn annotate(shop: &Namespace, name: &str, text: &str) {
    let (lease, annotations) = (lease(shop).await, json!({"metadata": {"annotations": {name: text}}}));
    let name = lease.metadata.name.unwrap();
    shop.lease().patch(&name, &PatchParams::default(), &Patch::Merge(annotations)).await.unwrap();
}

#[tokio::test]
async fn one_of_two_writes_and_when_it_stops_the_other_goes_on_at_once() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("leadership-stop").await);
    let (mut first, mut second) = pair(&zone, &shop).await;
    first.measures("zonekeeper_leader", "1").await;
    second.measures("zonekeeper_leader", "0").await;
    second.measures("zonekeeper_gate_closed{gate=\"leadership\"}", "1").await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    is_written_by(&mut first, &zone, "www.example.test", ACCESS_KEY).await;
    let held = lease(&shop).await;
    // sha256 of the owner id `tests`
    assert_eq!(held.metadata.name.as_deref(), Some("z0123456789example-59830ebc3a"));
    assert!(holder(&held).unwrap().starts_with("first_"), "{held:?}");

    let ended = first.stop().await;
    assert_eq!(ended.logged("leadership released").len(), 1, "{ended}");
    assert_eq!(ended.logged("leadership lost").len(), 0, "{ended}");
    second.says(&["leadership won", "it was released"]).await;
    second.measures("zonekeeper_leader", "1").await;
    shop.create_balanced_ingress("api", "api.example.test", BALANCER).await;
    is_written_by(&mut second, &zone, "api.example.test", SECOND).await;
    // The second process had seen the records of the first process, so it did not write them again.
    assert_eq!(zone.requests().len(), 2);
    second.stop().await;
    assert_eq!(holder(&lease(&shop).await), None);
}

#[tokio::test]
async fn when_the_leader_is_killed_the_other_goes_on_and_what_the_lease_remembers_stays() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("leadership-kill").await);
    let (first, mut second) = pair(&zone, &shop).await;
    annotate(&shop, "example.test/note", "of somebody").await;
    annotate(&shop, "zonekeeper.dev/remember", "this").await;
    first.signal(Signal::KILL);
    assert!(!first.end().await.status.success());
    second.says(&["leadership won", "its holder did not renew it", "\"lease_before\":\"first_"]).await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    is_written_by(&mut second, &zone, "www.example.test", SECOND).await;
    let expected = memory(&[("example.test/note", "of somebody"), ("zonekeeper.dev/remember", "this")]);
    assert_eq!(annotations(&lease(&shop).await), expected);

    // A command also waits until the Lease expires, because no process renews it.
    second.signal(Signal::KILL);
    drop(second.end().await);
    let ended = CommandLine::of(&zone, &shop, &["run", "--once"]).await.succeed().await;
    assert_eq!(ended.logged("leadership won").len(), 1, "{ended}");
    assert_eq!(annotations(&lease(&shop).await), expected);
    assert_eq!(zone.requests().len(), 1);
}

#[tokio::test]
async fn a_frozen_leader_writes_nothing_when_it_wakes_until_it_leads_again() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("leadership-freeze").await);
    let (mut first, mut second) = pair(&zone, &shop).await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    is_written_by(&mut first, &zone, "www.example.test", ACCESS_KEY).await;
    first.signal(Signal::STOP);
    second.says(&["leadership won", "its holder did not renew it"]).await;
    // Route 53 answers 503 to the second process. So units are left to write when the first process wakes.
    zone.disturb(CHANGE, Effect::service_unavailable(), u32::MAX);
    shop.set_address::<Ingress>("web", json!({"hostname": OTHER_BALANCER})).await;
    shop.create_balanced_ingress("api", "api.example.test", BALANCER).await;
    second.until_zone(&zone, "a try", |zone| zone.tries_of(SECOND) > 0).await;
    let before = zone.tries_of(ACCESS_KEY);

    first.signal(Signal::CONT);
    first.says(&["leadership lost"]).await;
    first.says(&["another process leads", "\"lease_holder\":\"second_"]).await;
    // What the leader writes is no work of this process.
    first.measures("zonekeeper_objects", "2").await;
    first.measures("zonekeeper_oldest_pending_seconds", "0.0").await;
    let seen = zone.tries_of(SECOND);
    second.until_zone(&zone, "more tries", |zone| zone.tries_of(SECOND) > seen + 2).await;
    assert_eq!(zone.tries_of(ACCESS_KEY), before);
    first.measures("zonekeeper_leader", "0").await;

    second.stop().await;
    first.until_zone(&zone, "a try of the first", |zone| zone.tries_of(ACCESS_KEY) > before).await;
    zone.calm();
    is_written_by(&mut first, &zone, "api.example.test", ACCESS_KEY).await;
    first.stop().await;
}

#[tokio::test]
async fn while_the_api_server_hangs_nothing_is_written_and_then_it_goes_on() {
    let plane = ControlPlane::start().await;
    let (zone, shop) = (Zone::empty().await, Namespace::of(&plane, "hang").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    // zonekeeper lists often, so that it sees foreign changes soon.
    let arguments = ["run", "--resync", "1s", "--account-requests", "unlimited"];
    let command = CommandLine::of_cluster(&zone, &shop, &plane.zonekeeper(), &arguments);
    let mut zonekeeper = command.start();
    zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await;

    plane.freeze_apiserver();
    zonekeeper.says(&["the lease cannot be used", "no answer within 2s"]).await;
    zonekeeper.says(&["leadership lost"]).await;
    let (tries, listings) = (zone.count(CHANGE), zone.listings());
    let foreign = RecordSet::simple("www.example.test", "A", 60, ["192.0.2.99"]);
    zone.alter(|zone| zone.change(&[Change::upsert(foreign.clone())]).unwrap());
    zonekeeper.until_zone(&zone, "two listings", |zone| zone.listings() > listings + 2).await;
    assert_eq!(zone.count(CHANGE), tries);
    zonekeeper.measures("zonekeeper_leader", "0").await;
    assert_eq!(zonekeeper.get("/livez").await.status, 200);
    assert_eq!(zone.values("www.example.test", "A"), foreign.values);

    plane.thaw_apiserver();
    zonekeeper.until_zone(&zone, "the repair", |zone| zone.alias("www.example.test", "A").is_some()).await;
    let ended = zonekeeper.stop().await;
    let won = ended.logged("leadership won");
    assert_eq!((won.len(), &won[1]["why"]), (2, &json!("nobody else took it")), "{ended}");
}

#[tokio::test]
async fn a_command_refuses_to_write_beside_a_leader() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("leadership-refusal").await);
    let leader = CommandLine::of(&zone, &shop, &["run"]).await.env("HOSTNAME", "zonekeeper-7d9f").start();
    leader.says(&["leadership won"]).await;
    // The leader tries to write the new hostname, and Route 53 answers 503.
    zone.disturb(CHANGE, Effect::service_unavailable(), u32::MAX);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;

    zone.foreigner_creates(RecordSet::simple("old.example.test.", "CNAME", 300, ["lb.example.org"]));
    let target = json!({"external-dns.kubernetes.io/target": "lb.example.org"});
    shop.create_ingress("old", "old.example.test", target).await;
    for arguments in [["run", "--once"].as_slice(), &["apply", "--yes"], &["adopt", "--all", "--yes"]] {
        let ended = CommandLine::of(&zone, &shop, arguments).await.keys(SECOND).end().await;
        assert_eq!(ended.code(), Some(1), "{ended}");
        for text in [
            "zonekeeper-7d9f_",
            "leadership-refusal/z0123456789example-",
            "kubectl --namespace leadership-refusal exec deployment/zonekeeper -- /zonekeeper plan",
            "kubectl --namespace leadership-refusal scale deployment/zonekeeper --replicas 0",
        ] {
            let said = ended.stderr.split("error: ").nth(1).unwrap_or_default();
            assert!(said.contains(text), "{text}\n{ended}");
        }
        assert_eq!(zone.tries_of(SECOND), 0);
    }
    for arguments in [["plan"].as_slice(), &["run", "--once", "--dry-run"]] {
        let looked = CommandLine::of(&zone, &shop, arguments).await.succeed().await;
        assert!(looked.stdout.contains("4 to create"), "{looked}");
        assert_eq!(looked.logged("leadership won").len(), 0, "{looked}");
    }
    leader.stop().await;
    zone.calm();
    CommandLine::of(&zone, &shop, &["run", "--once"]).await.keys(SECOND).succeed().await;
    assert_eq!(zone.sets().len(), 1 + 4);
    assert_eq!(holder(&lease(&shop).await), None);
}

#[tokio::test]
async fn without_a_place_for_the_lease_nothing_is_written() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("leadership-nowhere").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    for arguments in [["run"].as_slice(), &["run", "--once"]] {
        let command = CommandLine::of(&zone, &shop, arguments).await;
        let ended = command.args(&["--lease-namespace", "nowhere"]).end().await;
        assert_eq!(ended.code(), Some(1), "{ended}");
        for text in ["there is no namespace nowhere", "kubectl create namespace nowhere", "--lease-namespace"]
        {
            assert!(ended.stderr.contains(text), "{text}\n{ended}");
        }
        assert!(!ended.stderr.contains("tried again"), "{ended}");
    }
    assert_eq!(zone.count(CHANGE), 0);
    let command = CommandLine::of(&zone, &shop, &["plan"]).await;
    command.env("ZONEKEEPER_LEASE_NAMESPACE", "nowhere").succeed().await;
}

#[tokio::test]
async fn a_lease_that_is_deleted_is_made_again() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("leadership-deleted").await);
    let (mut first, second) = pair(&zone, &shop).await;
    let name = lease(&shop).await.metadata.name.unwrap();
    shop.lease().delete(&name, &DeleteParams::default()).await.unwrap();
    first.says(&["leadership lost"]).await;
    first.until("the lease", async || shop.lease().get_opt(&name).await.unwrap()).await;
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    is_written_by(&mut first, &zone, "www.example.test", ACCESS_KEY).await;
    let ended = second.stop().await;
    assert_eq!(ended.logged("leadership won").len(), 0, "{ended}");
    first.stop().await;
}

#[tokio::test]
async fn a_command_that_loses_the_lease_says_to_whom_and_ends() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("leadership-lost").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    zone.disturb(CHANGE, Effect::service_unavailable(), u32::MAX);
    let mut once = CommandLine::of(&zone, &shop, &["run", "--once"]).await.start();
    once.until_zone(&zone, "a try", |zone| zone.count(CHANGE) > 0).await;
    let name = lease(&shop).await.metadata.name.unwrap();
    let taken = Patch::Merge(json!({"spec": {"holderIdentity": "somebody"}}));
    shop.lease().patch(&name, &PatchParams::default(), &taken).await.unwrap();
    let ended = once.end().await;
    assert_eq!(ended.code(), Some(1), "{ended}");
    assert!(ended.stderr.contains("error: somebody writes to this zone"), "{ended}");
    assert_eq!(holder(&lease(&shop).await), Some("somebody"));
}

/// A candidate without a driver, and the updates that a driver would get.
struct Kept {
    memory: watch::Sender<LeaseMemory>,
    news: mpsc::Receiver<LeaseUpdate>,
    end: CancellationToken,
    keeping: tokio::task::JoinHandle<Result<(), LeaseError>>,
}

impl Kept {
    async fn begin(shop: &Namespace, before: LeaseMemory) -> Self {
        let kubeconfig = ControlPlane::shared().await.zonekeeper();
        let cluster = Cluster::connect(Some(&kubeconfig), None, LONGEST_SILENCE).await.unwrap();
        let (memory, remembered) = watch::channel(LeaseMemory::new());
        memory.send_replace(before);
        let (sender, news) = mpsc::channel(1);
        let end = CancellationToken::new();
        let place = (shop.leases().to_owned(), "lease".to_owned());
        let leadership = Leadership::default();
        let candidate = Candidate::new(&cluster, place.0, place.1, Clock::start(), leadership, remembered);
        let keeping = tokio::spawn(candidate.keep(false, sender, end.clone()));
        Self { memory, news, end, keeping }
    }

    async fn next(&mut self) -> LeaseUpdate {
        self.news.recv().await.unwrap()
    }

    async fn next_until(&mut self) -> Time {
        match self.next().await {
            LeaseUpdate::LeadsUntil(until) => until,
            LeaseUpdate::Found(found) => panic!("{found:?}"),
        }
    }

    async fn end(self) {
        self.end.cancel();
        drop(self.news);
        self.keeping.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_lease_remembers_for_the_next_leader_and_leaves_others_annotations() {
    let shop = Namespace::new("leadership-memory").await;
    let mut first = Kept::begin(&shop, LeaseMemory::new()).await;
    assert_eq!(first.next().await, LeaseUpdate::Found(LeaseMemory::new()));
    let until = first.next_until().await;
    // The candidate writes the memory soon, and does not wait for the next renewal.
    first.memory.send_replace(memory(&[("zonekeeper.dev/brake", "a"), ("example.test/not-ours", "x")]));
    let renewed = first.next_until().await;
    assert!(until < renewed && renewed - until < RENEWAL, "{until:?} {renewed:?}");
    assert_eq!(annotations(&lease(&shop).await), memory(&[("zonekeeper.dev/brake", "a")]));
    // A foreign write that leaves the holder does not end the term.
    annotate(&shop, "example.test/note", "of somebody").await;
    let mut last = renewed;
    while last < renewed + RENEWAL * 2 {
        let next = first.next_until().await;
        assert!(next >= last, "{next:?} after {last:?}");
        last = next;
    }
    first.end().await;

    // A new process does not overwrite the memory in the Lease before it has read it.
    let mut second = Kept::begin(&shop, memory(&[("zonekeeper.dev/brake", "of nobody")])).await;
    assert_eq!(second.next().await, LeaseUpdate::Found(memory(&[("zonekeeper.dev/brake", "a")])));
    let (first_until, renewed) = (second.next_until().await, second.next_until().await);
    assert!(first_until < renewed);
    let both = memory(&[("example.test/note", "of somebody"), ("zonekeeper.dev/brake", "a")]);
    assert_eq!(annotations(&lease(&shop).await), both);
    // The release of the Lease also writes the last memory.
    second.memory.send_replace(memory(&[("zonekeeper.dev/brake", "b")]));
    second.end().await;
    let left = lease(&shop).await;
    let both = memory(&[("example.test/note", "of somebody"), ("zonekeeper.dev/brake", "b")]);
    assert_eq!((annotations(&left), holder(&left)), (both, None));
}
