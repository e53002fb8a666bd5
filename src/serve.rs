//! `/livez`, `/readyz` and `/metrics`.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    driver::{Handle, Status},
    telemetry::Metrics,
};

/// Who is asked.
type Asked = (watch::Receiver<Option<Handle>>, Metrics);

/// The routes.
///
/// `/livez` answers while the process turns, and deliberately says nothing of AWS or of leadership: a restart would
/// mend neither. `/readyz` names the closed gates while objects or the zone have not been seen. Until there is a driver,
/// the process is starting.
pub fn router(driver: watch::Receiver<Option<Handle>>, metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(render))
        .with_state((driver, metrics))
}

/// Listens on an address. On every interface of a machine without IPv6, those of IPv4 are meant.
pub async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(_) if address.ip() == Ipv6Addr::UNSPECIFIED => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
}

/// Serves until it is dropped: also who is stopping, and waits for an answer, is alive.
pub async fn serve(listener: TcpListener, router: Router) -> std::io::Result<()> {
    axum::serve(listener, router).await
}

fn current(driver: &watch::Receiver<Option<Handle>>) -> Option<Handle> {
    driver.borrow().clone()
}

async fn ready(State((driver, _)): State<Asked>) -> impl IntoResponse {
    let Some(driver) = current(&driver) else {
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

async fn render(State((driver, metrics)): State<Asked>) -> impl IntoResponse {
    let status = match current(&driver) {
        Some(driver) => driver.status().await.unwrap_or_default(),
        None => Status::default(),
    };
    match metrics.render(&status) {
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
