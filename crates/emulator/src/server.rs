//! The wire protocol of Route 53 (REST-XML, version 2013-04-01) on a loopback address.
//!
//! Signatures are **not** verified. The access key comes from the credential scope of the `Authorization` header. A
//! request without that header is rejected, as by the service.

mod control;
mod error;
mod listener;
mod request;
#[cfg(test)]
mod tests;
mod wire;
mod world;
mod xml;

use std::{
    future::pending,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use futures_util::{StreamExt, stream};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle, time::Instant};

use self::{
    error::ApiError,
    listener::CloseConnection,
    request::{Call, Operation},
    world::{Context, World},
};
use crate::{
    faults::{Effect, Fault, Faults},
    journal::{Journal, Violation},
    quota::Quota,
    zone::HostedZone,
};

/// Maximum size of a request body, in bytes. A valid batch is far smaller.
const MAX_BODY: usize = 8 << 20;

/// Settings of an emulator.
#[derive(Debug, Default)]
#[must_use]
pub struct Builder {
    listen: Option<SocketAddr>,
    world: World,
}

/// A running emulator. Dropping it closes all connections.
///
/// # Panics
/// A drop panics after a DELETE with the keeper's access key, so that no test can ignore it. A test that expects the
/// violation takes it with [`Emulator::take_violations`].
#[derive(Debug)]
pub struct Emulator {
    state: State,
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// The state of an emulator. All connections and clones share it.
#[derive(Debug, Clone)]
pub struct State(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    started: Instant,
    /// Notifies when the faults may have changed.
    faults: Notify,
}

/// Releases a zone after a change request, also after a drop of the request.
struct Occupied {
    state: State,
    zone: String,
}

// === impl Builder ===

impl Builder {
    /// Adds a hosted zone. It replaces a zone with the same id.
    pub fn zone(mut self, zone: HostedZone) -> Self {
        self.world.zones.insert(zone.id().to_owned(), zone);
        self
    }

    /// Sets the address to listen on, in place of a free port of 127.0.0.1. It must be a loopback address.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// Sets the keeper's access key. The emulator rejects a DELETE with this key (`AccessDenied`), and
    /// records a violation.
    pub fn keeper_access_key(mut self, access_key: &str) -> Self {
        self.world.keeper_access_key = Some(access_key.to_owned());
        self
    }

    /// Limits requests and changes. The default has no limits.
    pub fn quota(mut self, quota: Quota) -> Self {
        self.world.quota = quota;
        self
    }

    /// Sets faults from the start. Their times count from the start.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.world.faults = faults;
        self
    }

    /// Delays every request.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.world.faults.add(Fault::new(Effect::latency(latency)));
        self
    }

    /// Sets the time during which `GetChange` answers `PENDING`. The default is zero.
    pub fn insync_after(mut self, delay: Duration) -> Self {
        self.world.insync_after = delay;
        self
    }

    /// Writes one line for each answer to standard error.
    pub fn access_log(mut self, on: bool) -> Self {
        self.world.access_log = on;
        self
    }

    /// Returns the state alone, for another server around [`router`].
    pub fn state(self) -> State {
        State(Arc::new(Shared {
            world: Mutex::new(self.world),
            started: Instant::now(),
            faults: Notify::new(),
        }))
    }

    /// Starts the emulator on the current tokio runtime.
    ///
    /// # Errors
    /// If the address is not a loopback address or cannot be bound.
    pub async fn start(self) -> io::Result<Emulator> {
        let address = self.listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into());
        if !address.ip().is_loopback() {
            let message = format!("{address} is not a loopback address");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = self.state();
        let task = tokio::spawn(listener::accept(listener, router(state.clone())));
        Ok(Emulator { state, address, task })
    }
}

// === impl Emulator ===

impl Emulator {
    /// An emulator without zones, limits and faults.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The endpoint, such as `http://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The state, for other tasks.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// See [`State::with_zone`].
    pub fn with_zone<T>(&self, id: &str, f: impl FnOnce(&mut HostedZone) -> T) -> Option<T> {
        self.state.with_zone(id, f)
    }

    /// See [`State::journal`].
    pub fn journal(&self) -> Journal {
        self.state.journal()
    }

    /// See [`State::with_journal`].
    pub fn with_journal<T>(&self, f: impl FnOnce(&Journal) -> T) -> T {
        self.state.with_journal(f)
    }

    /// See [`State::with_faults`].
    pub fn with_faults<T>(&self, f: impl FnOnce(&mut Faults) -> T) -> T {
        self.state.with_faults(f)
    }

    /// See [`State::with_quota`].
    pub fn with_quota<T>(&self, f: impl FnOnce(&mut Quota) -> T) -> T {
        self.state.with_quota(f)
    }

    /// See [`State::set_insync_after`].
    pub fn set_insync_after(&self, delay: Duration) {
        self.state.set_insync_after(delay);
    }

    /// See [`State::violations`].
    pub fn violations(&self) -> Vec<Violation> {
        self.state.violations()
    }

    /// See [`State::take_violations`].
    pub fn take_violations(&self) -> Vec<Violation> {
        self.state.take_violations()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.task.abort();
        let violations = self.state.violations();
        assert!(
            violations.is_empty() || std::thread::panicking(),
            "the keeper sent {} batches with a DELETE: {violations:#?}",
            violations.len()
        );
    }
}

// === impl State ===

impl State {
    /// Reads or changes a zone, without rules and quotas. `None` if there is no zone with this id.
    pub fn with_zone<T>(&self, id: &str, f: impl FnOnce(&mut HostedZone) -> T) -> Option<T> {
        self.world().zones.get_mut(id).map(f)
    }

    /// A copy of the journal.
    pub fn journal(&self) -> Journal {
        self.world().journal.clone()
    }

    /// Reads the journal without a copy, because it can be long.
    pub fn with_journal<T>(&self, f: impl FnOnce(&Journal) -> T) -> T {
        f(&self.world().journal)
    }

    /// Reads or changes the faults.
    pub fn with_faults<T>(&self, f: impl FnOnce(&mut Faults) -> T) -> T {
        let done = f(&mut self.world().faults);
        self.0.faults.notify_waiters();
        done
    }

    /// Reads or changes the quota.
    pub fn with_quota<T>(&self, f: impl FnOnce(&mut Quota) -> T) -> T {
        f(&mut self.world().quota)
    }

    /// Sets the time during which `GetChange` answers `PENDING`, for earlier changes too.
    pub fn set_insync_after(&self, delay: Duration) {
        self.world().insync_after = delay;
    }

    /// The violations since the last call of [`State::take_violations`].
    pub fn violations(&self) -> Vec<Violation> {
        self.world().violations.clone()
    }

    /// Takes the violations. A test that expects violations calls this.
    pub fn take_violations(&self) -> Vec<Violation> {
        std::mem::take(&mut self.world().violations)
    }

    fn zone_ids(&self) -> Vec<String> {
        self.world().zones.keys().cloned().collect()
    }

    /// The locked world. No task holds the lock for long, and a panic cannot leave the world inconsistent.
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// Waits until no request is held.
    async fn held(&self) {
        loop {
            let changed = self.0.faults.notified();
            if !self.world().faults.is_holding() {
                return;
            }
            changed.await;
        }
    }

    fn occupy(&self, call: &Call) -> Result<Option<Occupied>, ApiError> {
        let Operation::ChangeResourceRecordSets { zone } = &call.operation else { return Ok(None) };
        if self.world().occupy(zone) {
            return Ok(Some(Occupied { state: self.clone(), zone: zone.clone() }));
        }
        match Effect::prior_request_not_complete() {
            Effect::Refuse { status, code, message } => Err(ApiError { status, code, message }),
            _ => Ok(None),
        }
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.state.world().vacate(&self.zone);
    }
}

/// Serves the API, and the control endpoints under `/_emulator/`, without a listener. A caller can put TLS in front.
///
/// Faults that close the connection need the listener of [`Builder::start`]. With another listener they become an
/// answer with status 500.
pub fn router(state: State) -> Router {
    control::router(state.clone()).fallback(move |request: Request| serve(state.clone(), request))
}

async fn serve(state: State, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let call = Call::new(parts.method, &parts.uri, &parts.headers);
    let sequence = state.world().arrive(&call, rfc3339());
    let body = match to_bytes(body, MAX_BODY).await {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            let error = ApiError::invalid_input(format!("Invalid XML ; {error}"));
            return answer(&state, &call, sequence, Err(error), None);
        }
    };
    let now = state.now();
    let admitted = state.world().admit(&call, &body, sequence, now);
    let (access_key, decision) = match admitted {
        Ok(admitted) => admitted,
        Err(error) => return answer(&state, &call, sequence, Err(error), None),
    };
    if let Some(
        effect @ (Effect::Hang | Effect::CloseBefore | Effect::Refuse { .. } | Effect::Answer { .. }),
    ) = &decision.effect
    {
        tokio::time::sleep(decision.latency).await;
        return match effect {
            Effect::Refuse { status, code, message } => {
                let error = ApiError::new(*status, code, message);
                answer(&state, &call, sequence, Err(error), None)
            }
            Effect::Answer { status, body } => {
                state.world().answered(sequence, *status, None);
                let mut response = Response::new(Body::from(body.clone()));
                *response.status_mut() = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
                response
            }
            Effect::Hang => pending().await,
            _ => CloseConnection::response(),
        };
    }
    if decision.effect == Some(Effect::Hold) {
        state.held().await;
    }
    let occupied = match state.occupy(&call) {
        Ok(occupied) => occupied,
        Err(error) => return answer(&state, &call, sequence, Err(error), None),
    };
    // A separate task continues even if the client disconnects.
    let work = {
        let (state, call) = (state.clone(), call.clone());
        tokio::spawn(async move {
            if !decision.latency.is_zero() {
                tokio::time::sleep(decision.latency).await;
            }
            let context = Context { sequence, access_key, now: state.now(), time: rfc3339() };
            let result = state.world().execute(&call, &body, &context);
            drop(occupied);
            result.map(|document| document.document())
        })
    };
    let result =
        work.await.unwrap_or_else(|error| Err(ApiError::new(500, "InternalFailure", &error.to_string())));
    match decision.effect {
        Some(Effect::HangAfter) => pending().await,
        Some(Effect::CloseAfter) => CloseConnection::response(),
        effect => answer(&state, &call, sequence, result, effect.as_ref()),
    }
}

fn answer(
    state: &State,
    call: &Call,
    sequence: u64,
    result: Result<String, ApiError>,
    effect: Option<&Effect>,
) -> Response {
    let request_id = format!("00000000-0000-4000-8000-{sequence:012x}");
    let (status, error, document) = match result {
        Ok(document) => (200, None, document),
        Err(error) => {
            let document = error.document(&request_id);
            (error.status, Some(error.code), document)
        }
    };
    {
        let mut world = state.world();
        world.answered(sequence, status, error.clone());
        if world.access_log {
            let (caller, operation) = (call.access_key.as_deref().unwrap_or("-"), call.operation.name());
            let error = error.as_deref().unwrap_or("-");
            eprintln!("{sequence} {caller} {operation} {} {status} {error}", call.target);
        }
    }
    let half = document.char_indices().nth(document.chars().count() / 2).map_or(0, |(index, _)| index);
    let (first, second) = document.split_at_checked(half).unwrap_or((&document, ""));
    let body = match effect {
        Some(Effect::Malformed) => Body::from(first.to_owned()),
        Some(Effect::SlowBody { millis }) => {
            let delay = Duration::from_millis(*millis);
            let halves = [(Duration::ZERO, first.to_owned()), (delay, second.to_owned())];
            Body::from_stream(stream::iter(halves).then(|(delay, half)| async move {
                tokio::time::sleep(delay).await;
                Ok::<_, io::Error>(Bytes::from(half))
            }))
        }
        _ => Body::from(document),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// The wall clock in milliseconds, as in answers of the service.
fn rfc3339() -> String {
    let now = OffsetDateTime::from(SystemTime::now());
    let now = now.replace_millisecond(now.millisecond()).unwrap_or(now);
    now.format(&Rfc3339).unwrap_or_default()
}
