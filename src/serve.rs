//! The HTTP server for `/livez`, `/readyz` and `/metrics`.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{sleep, timeout},
};
use tracing::debug;

use crate::driver::{Handle, Status};

/// How many connections there are at once. Prometheus and the kubelet need a few.
const CONNECTIONS: usize = 64;
/// How many of them one address may have, so that one pod cannot keep the kubelet from its probes.
const OF_ONE_ADDRESS: usize = 8;
/// How long a client has to send the head of its request.
const HEADERS_WITHIN: Duration = Duration::from_secs(2);
/// The longest head of a request, in bytes.
const MAX_HEADERS: usize = 16 * 1_024;
/// How long a connection lasts.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// Renders the metrics as text, for the status at the time of the scrape.
pub type Render = Arc<dyn Fn(&Status) -> Result<String, fmt::Error> + Send + Sync>;

/// The state that the routes share.
#[derive(Clone)]
struct Shared {
    /// The driver, once it runs.
    driver: watch::Receiver<Option<Handle>>,
    render: Render,
}

/// The number of open connections of each address.
#[derive(Clone, Default)]
struct Open(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// An open connection, which counts until this is dropped.
struct Permit {
    open: Open,
    address: IpAddr,
}

/// Creates the routes.
///
/// `/livez` answers as long as the process runs, and so does `/healthz`, the probe in a Deployment of `ExternalDNS`. It does
/// not depend on AWS or leadership, because a restart repairs
/// neither. `/readyz` names the closed gates until all objects and the zone have been listed. While `driver` is `None`,
/// the process is starting.
pub fn router(driver: watch::Receiver<Option<Handle>>, render: Render) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Shared { driver, render })
}

/// Listens on an address. On a machine without IPv6, `[::]` falls back to `0.0.0.0`.
pub async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(_) if address.ip() == Ipv6Addr::UNSPECIFIED => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
}

/// Serves until the future is dropped. A process that waits for its last answer is alive and must say so.
///
/// Each connection has one request, so that nobody keeps one of the few connections that there are. A connection above the limits is
/// closed at once.
pub async fn serve(listener: TcpListener, router: Router) -> std::io::Result<()> {
    let open = Open::default();
    loop {
        let (stream, permit) = match listener.accept().await {
            Ok((stream, peer)) => match open.admit(peer.ip().to_canonical()) {
                Some(permit) => (stream, permit),
                None => continue,
            },
            Err(error) => {
                // The caller has gone, or this process has no file descriptor left for a moment.
                debug!(error = %error, "a connection cannot be accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_buf_size(MAX_HEADERS);
            let answered = http.keep_alive(false).serve_connection(TokioIo::new(stream), service);
            match timeout(ANSWERED_WITHIN, answered).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => debug!(error = %error, "a request cannot be answered"),
                Err(_) => debug!("a connection took too long"),
            }
            drop(permit);
        });
    }
}

// === impl Open ===

impl Open {
    /// Admits a connection of an address, if there is room for it.
    fn admit(&self, address: IpAddr) -> Option<Permit> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = open.get(&address).copied().unwrap_or_default();
        if of_address == OF_ONE_ADDRESS || open.values().sum::<usize>() == CONNECTIONS {
            return None;
        }
        open.insert(address, of_address + 1);
        Some(Permit { open: self.clone(), address })
    }
}

// === impl Permit ===

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_address) = open.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                open.remove(&self.address);
            }
        }
    }
}

// === impl Shared ===

impl Shared {
    fn driver(&self) -> Option<Handle> {
        self.driver.borrow().clone()
    }
}

async fn ready(State(shared): State<Shared>) -> impl IntoResponse {
    let Some(driver) = shared.driver() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "starting\n".to_owned());
    };
    match driver.status() {
        Some(status) if status.is_ready => (StatusCode::OK, "ok\n".to_owned()),
        Some(status) => {
            let gates: Vec<String> = status.not_ready.iter().map(ToString::to_string).collect();
            (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for: {}\n", gates.join(", ")))
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned()),
    }
}

async fn metrics(State(shared): State<Shared>) -> impl IntoResponse {
    let status = match shared.driver() {
        Some(driver) => driver.status().unwrap_or_else(Status::stopping),
        None => Status::starting(),
    };
    match (shared.render)(&status) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text)
        }
        Err(error) => {
            let kind = "text/plain; charset=utf-8";
            (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, kind)], error.to_string())
        }
    }
}
