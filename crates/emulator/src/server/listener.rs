//! A listener that can close a connection without an answer.

use axum::{Router, body::Body, http::StatusCode, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tower::ServiceExt;

/// The mark of a response that must not be sent.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub(super) struct CloseConnection;

// === impl CloseConnection ===

impl CloseConnection {
    pub(super) fn response() -> Response {
        let mut response = Response::new(Body::from(Self.to_string()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response.extensions_mut().insert(Self);
        response
    }
}

/// Serves connections until a drop of the future, which closes all connections.
pub(super) async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, router.clone()));
                }
                // The likely cause is a lack of file descriptors, which ends when connections end.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, router: Router) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let response =
                router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {});
            // An error makes hyper close the connection.
            match response.extensions().get::<CloseConnection>() {
                Some(close) => Err(*close),
                None => Ok(response),
            }
        }
    });
    // A broken connection affects only its client.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
