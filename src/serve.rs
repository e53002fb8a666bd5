//! The HTTP server for `/livez`, `/readyz` and `/metrics`.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::{net::TcpListener, sync::watch};

use crate::driver::{Handle, Status};

/// Renders the metrics as text, for the status at the time of the scrape.
pub type Render = Arc<dyn Fn(&Status) -> Result<String, fmt::Error> + Send + Sync>;

/// The state that the routes share.
#[derive(Clone)]
struct Shared {
    /// The driver, once it runs.
    driver: watch::Receiver<Option<Handle>>,
    render: Render,
}

/// Creates the routes.
///
/// `/livez` answers as long as the process runs. It does not depend on AWS or leadership, because a restart repairs
/// neither. `/readyz` names the closed gates until all objects and the zone have been listed. While `driver` is `None`,
/// the process is starting.
pub fn router(driver: watch::Receiver<Option<Handle>>, render: Render) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
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
pub async fn serve(listener: TcpListener, router: Router) -> std::io::Result<()> {
    axum::serve(listener, router).await
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
    match driver.status().await {
        Some(status) if status.is_ready => (StatusCode::OK, "ok\n".to_owned()),
        Some(status) => {
            let gates: Vec<String> = status.closed_gates.iter().map(ToString::to_string).collect();
            (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for: {}\n", gates.join(", ")))
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned()),
    }
}

async fn metrics(State(shared): State<Shared>) -> impl IntoResponse {
    let status = match shared.driver() {
        Some(driver) => driver.status().await.unwrap_or_default(),
        None => Status::default(),
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
