//! `/livez`, `/readyz` and `/metrics`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use zonekeeper_emulator::faults::Effect;

use crate::{
    http,
    namespace::{BALANCER, Namespace},
    process::CommandLine,
    zone::{LIST, Zone},
};

#[tokio::test]
async fn it_is_alive_at_once_and_ready_after_the_first_lists() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("probes").await);
    shop.create_balanced_ingress("web", "www.example.test", BALANCER).await;
    zone.disturb(LIST, Effect::service_unavailable(), u32::MAX);
    let mut zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    zonekeeper.says(&["a request failed", "ServiceUnavailable"]).await;

    let live = zonekeeper.get("/livez").await;
    assert_eq!((live.status, &*live.body), (200, "ok\n"));
    let address = zonekeeper.address().await;
    let ready = zonekeeper.until("only the zone is missing", async || {
        http::get(address, "/readyz").await.ok().filter(|ready| ready.body == "waiting for: zone-list\n")
    });
    assert_eq!(ready.await.status, 503);
    zonekeeper.measures("zonekeeper_ready", "0").await;
    zonekeeper.measures("zonekeeper_gate_closed{gate=\"zone-list\"}", "1").await;
    assert_eq!(zone.requests(), Vec::<Vec<String>>::new());

    zone.calm();
    zonekeeper.is_ready().await;
    zonekeeper.measures("zonekeeper_ready", "1").await;
    zonekeeper.measures("zonekeeper_changes_total{action=\"create\"}", "4").await;
    zonekeeper
        .measures("zonekeeper_requests_total{operation=\"ChangeResourceRecordSets\",code=\"OK\"}", "1")
        .await;
    zonekeeper.measures("zonekeeper_objects", "1").await;
    zonekeeper.measures("zonekeeper_zone_record_sets", "6").await;
    zonekeeper.measures("zonekeeper_hostnames{state=\"in-sync\"}", "1").await;
    let metrics = zonekeeper.get("/metrics").await;
    assert!(metrics.body.ends_with("# EOF\n"), "{}", metrics.body);
    let is_closed = |line: &str| line.starts_with("zonekeeper_gate_closed{") && line.ends_with(" 1");
    assert!(!metrics.body.lines().any(is_closed), "{}", metrics.body);
    assert_eq!(zonekeeper.get("/elsewhere").await.status, 404);
    zonekeeper.stop().await;
}

#[tokio::test]
async fn a_zone_that_cannot_be_listed_for_two_resyncs_ends_readiness_until_it_can() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("probes-stale").await);
    let command = CommandLine::of(&zone, &shop, &["run", "--resync", "1s"]).await;
    let mut zonekeeper = command.start();
    zonekeeper.is_ready().await;
    zone.disturb(LIST, Effect::access_denied(), u32::MAX);
    let address = zonekeeper.address().await;
    let refused = zonekeeper.until("the listing and the account are named", async || {
        let ready = http::get(address, "/readyz").await.ok();
        ready.filter(|ready| ready.body == "waiting for: zone-list-too-old, account\n")
    });
    assert_eq!(refused.await.status, 503);
    zonekeeper.measures("zonekeeper_ready", "0").await;
    assert_eq!(zonekeeper.get("/livez").await.status, 200);
    zone.calm();
    zonekeeper.is_ready().await;
    zonekeeper.measures("zonekeeper_ready", "1").await;
    zonekeeper.stop().await;
}

#[tokio::test]
async fn a_port_alone_is_that_of_every_interface() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("probes-port").await);
    let zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.env("ZONEKEEPER_METRICS_ADDRESS", ":0");
    let zonekeeper = zonekeeper.start();
    let port = zonekeeper.address().await.port();
    for address in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        let live = http::get((address, port).into(), "/livez").await;
        // A machine may have no IPv6.
        match live {
            Ok(live) => assert_eq!(live.status, 200),
            Err(error) => assert!(address.is_ipv6() && !has_ipv6(), "{address}: {error}"),
        }
    }
    zonekeeper.stop().await;
}

fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

#[tokio::test]
async fn clients_that_send_nothing_or_too_much_keep_nobody_from_an_answer() {
    let (zone, shop) = (Zone::empty().await, Namespace::new("probes-limits").await);
    let zonekeeper = CommandLine::of(&zone, &shop, &["run"]).await.start();
    let address = zonekeeper.address().await;
    // One address has a few connections, and the server closes all others at once. So the next client need not wait.
    let mut silent = Vec::new();
    for _ in 0..200 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        silent.push(socket.connect(address).await.unwrap());
    }
    let mut byte = [0];
    for stream in &mut silent[8..] {
        assert_eq!(stream.read(&mut byte).await.unwrap_or(0), 0, "there are too many");
    }
    assert_eq!(zonekeeper.get("/livez").await.status, 200);
    // Those that were admitted are closed when they have not sent their head in time.
    for stream in &mut silent[..8] {
        assert_eq!(stream.read(&mut byte).await.unwrap_or(0), 0, "it is silent");
    }
    let head = format!("GET /livez HTTP/1.1\r\nHost: x\r\nPadding: {}\r\n\r\n", "x".repeat(1 << 20));
    let mut large = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    // The server may close the connection while the rest is on its way.
    drop(large.write_all(head.as_bytes()).await);
    drop(large.read_to_end(&mut answer).await);
    assert!(!String::from_utf8_lossy(&answer).contains("200"), "{answer:?}");
    zonekeeper.stop().await;
}
