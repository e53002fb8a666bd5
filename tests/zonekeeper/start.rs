//! Errors at the start: the exit code, and a message that says what to do.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

use zonekeeper_emulator::{
    faults::Effect,
    quota::Quota,
    zone::{Change, RecordSet},
};

use crate::{
    control_plane::ControlPlane,
    http,
    namespace::{BALANCER, Namespace},
    process::{CommandLine, Ended},
    scratch::Scratch,
    zone::{CHANGE, LIST, Zone},
};

/// The flags that every planning command needs.
const MANDATORY: [&str; 4] = ["--zone-id", "Z1", "--owner-id", "tests"];

/// Checks the exit code, and that standard error contains each text. Only clap, with exit code 2, may repeat
/// a text.
fn fails(ended: &Ended, code: i32, texts: &[&str]) {
    assert_eq!(ended.code(), Some(code), "{texts:?}\n{ended}");
    for text in texts {
        let times = ended.stderr.matches(text).count();
        assert!(times == 1 || (times > 1 && code == 2), "{text}\n{ended}");
    }
    // A heading may come before the failure, and no plan.
    assert!(!ended.stdout.contains("digest"), "{ended}");
}

#[tokio::test]
async fn without_route_53_nothing_starts() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("start-route53").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    for arguments in [["run"].as_slice(), &["run", "--once"], &["plan"]] {
        let command = async || CommandLine::of(&zone, &shop, arguments).await;

        let ended = command().await.env("ZONEKEEPER_ZONE_ID", "Z9999999999").end().await;
        fails(&ended, 1, &["there is no hosted zone Z9999999999", "check --zone-id"]);
        let ended = command().await.without_env("AWS_REGION").end().await;
        fails(&ended, 1, &["no AWS region is configured: set --aws-region or AWS_REGION"]);
        if arguments == ["run"] {
            continue;
        }
        let keyless = command().await.without_env("AWS_ACCESS_KEY_ID");
        let ended = keyless.without_env("AWS_SECRET_ACCESS_KEY").end().await;
        fails(&ended, 1, &["AWS credentials: ", "IRSA", "AWS_ACCESS_KEY_ID"]);
        let nowhere = format!("http://127.0.0.1:{}", closed_port());
        let ended = command().await.env("AWS_ENDPOINT_URL_ROUTE_53", nowhere).end().await;
        fails(&ended, 1, &["Route 53 does not answer", "AWS_ENDPOINT_URL_ROUTE_53"]);

        zone.disturb("GetHostedZone", Effect::access_denied(), 1);
        let ended = command().await.end().await;
        fails(&ended, 1, &["is not allowed", "grant route53:GetHostedZone"]);
        zone.disturb("GetHostedZone", Effect::expired_token(), 1);
        fails(&command().await.end().await, 1, &["AWS credentials: ExpiredToken"]);
        zone.disturb("GetHostedZone", Effect::service_unavailable(), 1);
        fails(&command().await.end().await, 1, &["Route 53 does not answer: ServiceUnavailable"]);
    }
    assert_eq!((zone.count(LIST), zone.count(CHANGE)), (0, 0));
}

#[tokio::test]
async fn a_start_with_a_full_quota_is_not_throttled_and_one_with_a_used_quota_once_at_most() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("start-quota").await);
    // 60 pages: more than the burst of the account.
    for first in (0..18_000).step_by(1_000) {
        let set =
            |n| Change::create(RecordSet::simple(format!("n{n}.example.test"), "TXT", 60, ["\"foreign\""]));
        zone.alter(|zone| zone.record_limit = 20_000);
        zone.foreigner_sends(&(first..first + 1_000).map(set).collect::<Vec<_>>());
    }
    zone.set_quota(Quota::account());
    let throttled = async || {
        let before = zone.journal().requests.len();
        CommandLine::of(&zone, &shop, &["plan"]).await.succeed().await;
        let requests = zone.requests_after(before);
        requests.iter().filter(|request| request.error.as_deref() == Some("Throttling")).count()
    };
    assert_eq!(throttled().await, 0);
    // The second start finds what the first one has left.
    assert!(throttled().await <= 1);
}

#[tokio::test]
async fn every_process_has_a_seed_of_its_own() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("start-seed").await);
    let mut seeds = BTreeSet::new();
    for _ in 0..3 {
        let ended = CommandLine::of(&zone, &shop, &["run", "--once"]).await.succeed().await;
        let seed = ended.logged("zonekeeper starts")[0]["seed"].as_str().unwrap().to_owned();
        // A process id is smaller. It is 1 in every container.
        assert!(u64::from_str_radix(&seed, 16).unwrap() > u64::from(u32::MAX), "{seed}");
        seeds.insert(seed);
    }
    assert_eq!(seeds.len(), 3, "{seeds:?}");
}

#[tokio::test]
async fn a_controller_outlives_what_its_start_falls_into() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("start-outage").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    zone.disturb("GetHostedZone", Effect::service_unavailable(), u32::MAX);
    let address = format!("127.0.0.1:{}", closed_port());
    let command = CommandLine::of(&zone, &shop, &["run"]).await.env("ZONEKEEPER_METRICS_ADDRESS", &address);
    let mut zonekeeper = command.start();
    let cannot = "zonekeeper cannot start yet; it tries again until it can";
    zonekeeper.says(&[cannot, "Route 53 does not answer: ServiceUnavailable"]).await;
    let address = address.parse().unwrap();
    assert_eq!(http::get(address, "/livez").await.unwrap().status, 200);
    let ready = http::get(address, "/readyz").await.unwrap();
    assert_eq!((ready.status, &*ready.body), (503, "starting\n"));
    assert!(http::get(address, "/metrics").await.unwrap().body.contains("zonekeeper_ready 0\n"));

    zone.disturb_once_each("GetHostedZone", [Effect::access_denied(), Effect::expired_token()]);
    for text in ["grant route53:GetHostedZone", "AWS credentials: ExpiredToken"] {
        zonekeeper.says(&[cannot, text]).await;
    }
    zonekeeper.until_zone(&zone, "the records", |zone| zone.sets().len() == 4).await;
    zonekeeper.stop().await;
}

#[tokio::test]
async fn without_a_cluster_nothing_starts() {
    let zone = Zone::empty().await;
    let folder = Scratch::new("start-cluster");
    let (missing, broken, closed) = (folder.join("missing"), folder.join("broken"), folder.join("closed"));
    std::fs::write(&broken, "clusters: [").unwrap();
    let server = format!("https://127.0.0.1:{}", closed_port());
    let kubeconfig = serde_json::json!({
        "clusters": [{"name": "gone", "cluster": {"server": server}}],
        "contexts": [{"name": "gone", "context": {"cluster": "gone", "user": "me"}}],
        "users": [{"name": "me", "user": {}}],
        "current-context": "gone",
    });
    std::fs::write(&closed, kubeconfig.to_string()).unwrap();
    for name in ["run", "plan"] {
        let command = || {
            let command = CommandLine::new(&[[name].as_slice(), &MANDATORY].concat()).aws(&zone);
            command.env("ZONEKEEPER_METRICS_ADDRESS", "127.0.0.1:0")
        };
        fails(
            &command().end().await,
            1,
            &["no Kubernetes cluster is configured", "set --kubeconfig or KUBECONFIG"],
        );
        let with = |path: &Path| command().env("ZONEKEEPER_KUBECONFIG", path);
        let missing = missing.as_path();
        fails(&with(missing).end().await, 1, &["the kubeconfig cannot be used", &missing.to_string_lossy()]);
        fails(&with(&broken).end().await, 1, &["the kubeconfig cannot be used", "check --kubeconfig"]);
        let texts = [&format!("{server}/ does not answer: tcp connect error: "), "check that it runs"];
        if name == "run" {
            // The controller does not end, because the API server can come back.
            with(&closed).start().says(&texts).await;
        } else {
            fails(&with(&closed).end().await, 1, &texts);
        }
    }
    assert_eq!(zone.count(LIST), 0);
}

#[tokio::test]
async fn an_api_server_that_refuses_the_credentials_says_so() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("start-credentials").await);
    let plane = ControlPlane::shared().await;
    let folder = Scratch::new("start-credentials");
    let kubeconfig = folder.join("kubeconfig");
    let valid = std::fs::read_to_string(plane.zonekeeper()).unwrap();
    std::fs::write(&kubeconfig, valid.replace("\"token\":\"", "\"token\":\"x")).unwrap();
    let ended = CommandLine::of_cluster(&zone, &shop, &kubeconfig, &["plan"]).end().await;
    fails(&ended, 1, &["refuses the credentials", "Unauthorized", "check the user in the kubeconfig"]);
}

#[tokio::test]
async fn without_the_right_to_read_a_kind_nothing_is_written_and_the_log_says_why() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("start-rbac").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    let nobody = ControlPlane::shared().await.nobody();
    let mut zonekeeper =
        CommandLine::of_cluster(&zone, &shop, &nobody, &["run", "--log-level", "debug"]).start();
    let denied = "cannot list resource";
    let line = zonekeeper.says(&["the watch failed and begins again", "ingresses", denied]).await;
    assert!(line.contains("start-rbac") && line.contains("WARN") && !line.contains("Status {"), "{line}");
    zonekeeper.says(&["the watch failed and begins again", "services", denied]).await;
    zonekeeper.says(&["the zone has been listed"]).await;
    let address = zonekeeper.address().await;
    let gates = "waiting for: ingress-list/start-rbac, service-list/start-rbac\n";
    let ready = zonekeeper.until("only the objects are missing", async || {
        http::get(address, "/readyz").await.ok().filter(|ready| ready.body == gates)
    });
    assert_eq!(ready.await.status, 503);
    // zonekeeper tries again, and warns once for each kind.
    zonekeeper.says(&["the watch still fails", "ingresses", denied]).await;
    // zonekeeper gives the kind up, so that other kinds do not wait forever.
    let given_up = ["a kind cannot be read", "ingress", "manifests/base/rbac.yaml"];
    zonekeeper.says(&given_up).await;
    zonekeeper.is_ready().await;
    let ended = zonekeeper.stop().await;
    assert_eq!(ended.logged("the watch failed and begins again").len(), 2, "{ended}");
    // The log must not contain kube's debug form of the same error.
    assert!(!ended.stderr.contains("error with 403"), "{ended}");
    assert_eq!(zone.count(CHANGE), 0);
}

#[tokio::test]
async fn a_command_that_ends_when_it_is_done_gives_up_what_it_may_not_read() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("start-rbac-once").await);
    let nobody = ControlPlane::shared().await.nobody();
    for arguments in [["plan"].as_slice(), &["run", "--once"]] {
        let ended = CommandLine::of_cluster(&zone, &shop, &nobody, arguments).end().await;
        let texts =
            ["does not let this user list", "in namespace start-rbac-once", "manifests/base/rbac.yaml"];
        fails(&ended, 1, &texts);
    }
    assert_eq!(zone.count(CHANGE), 0);
}

#[tokio::test]
async fn a_command_line_without_meaning_ends_with_2() {
    for (arguments, text) in [
        (["run"].as_slice(), "--zone-id <ID>"),
        (&["run", "--zone-id", "Z1"], "--owner-id <ID>"),
        (&["plan", "--owner-id", "tests"], "--zone-id <ID>"),
        (&["run", "--delete-everything"], "unexpected argument '--delete-everything'"),
        (&["keep"], "unrecognized subcommand 'keep'"),
        (&[], "Usage: zonekeeper"),
    ] {
        fails(&CommandLine::new(arguments).end().await, 2, &[text]);
    }
    for (arguments, text) in [
        (["--owner-id", "a b"], "--owner-id `a b`"),
        (["--owner-id", "default"], "--allow-default-owner"),
        (["--zone-id", "example.test"], "aws route53 list-hosted-zones"),
        (["--annotation-prefix", "zonekeeper.dev"], "must end in `/`"),
        (["--default-ttl", "soon"], "--default-ttl `soon`"),
        (["--alias-zone", "eu-west-9"], "--alias-zone `eu-west-9`"),
        (["--resync", "half an hour"], "expected a duration"),
        (["--account-requests", "fast"], "--account-requests `fast`: expected refill"),
        (["--account-changes", "0/0"], "--account-changes `0/0`: expected refill"),
        (["--quota-share", "1.5"], "--quota-share `1.5`: expected a number from 0.01 to 1"),
        (["--quota-share", "half"], "'--quota-share <PART>': expected a number from 0.01 to 1"),
        (["--txt-wildcard-replacement", "a b"], "or --txt-wildcard-replacement: `a b`"),
        (["--source", "gateway"], "[possible values: ingress, service, crd]"),
        (["--lease-namespace", "Zone Keeper"], "expected the name of a namespace"),
        (["--log-level", "loud"], "[possible values:"),
        (["--metrics-address", "7979"], "expected an address and port"),
    ] {
        // The mandatory flags come from the environment, because a flag cannot occur twice.
        let command = CommandLine::new(&["run"]).env("ZONEKEEPER_ZONE_ID", "Z1");
        let ended = command.env("ZONEKEEPER_OWNER_ID", "tests").args(&arguments).end().await;
        fails(&ended, 2, &[text, "try '--help'"]);
    }
    let both = [["run"].as_slice(), &MANDATORY, &["--txt-prefix=a-", "--txt-suffix=-b"]].concat();
    fails(&CommandLine::new(&both).end().await, 2, &["--txt-prefix", "--txt-suffix"]);
}

/// A port of this machine without a listener.
pub fn closed_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
