//! A fake API server. A test sets its answers, also wrong ones.

use std::{
    convert::Infallible,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::stream;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// An HTTP server with Ingresses and one Lease. It does not check versions of the Lease, so only one process
/// may use it. A drop ends the server.
pub struct Script {
    story: Arc<Story>,
    kubeconfig: PathBuf,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Story {
    told: Mutex<Told>,
    more: Notify,
}

#[derive(Default)]
struct Told {
    /// The objects in a list.
    objects: Vec<Value>,
    /// The watch events since the start. A resource version is one more than the number of events before it.
    events: Vec<Value>,
    /// The HTTP status of all lists and watches, in place of an answer.
    refusal: Option<u16>,
    lease: Option<Value>,
}

/// An Ingress `shop/NAME` for the hostname `NAME.example.test`, with an address.
pub fn ingress(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "1"},
        "spec": {"rules": [{"host": format!("{name}.example.test")}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
    })
}

// === impl Script ===

impl Script {
    /// Starts a server, and writes its kubeconfig into this folder.
    pub async fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let config = json!({
            "clusters": [{"name": "script", "cluster": {"server": server}}],
            "users": [{"name": "script", "user": {}}],
            "contexts": [{"name": "script", "context": {"cluster": "script", "user": "script"}}],
            "current-context": "script",
        });
        let kubeconfig = folder.join("script.kubeconfig");
        fs::write(&kubeconfig, config.to_string()).unwrap();
        let story = Arc::new(Story::default());
        let version = || async {
            axum::Json(json!({"major": "1", "minor": "33", "gitVersion": "v1.33.0", "gitCommit": "",
            "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""}))
            .into_response()
        };
        let router = Router::new()
            .route("/version", get(version))
            .route("/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses", get(ingresses))
            .route("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases", post(write_lease))
            .route(
                "/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}",
                get(lease).put(write_lease),
            )
            .with_state(Arc::clone(&story));
        let server = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { story, kubeconfig, server }
    }

    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Sets the objects in a list.
    pub fn objects(&self, objects: impl IntoIterator<Item = Value>) {
        self.story.told.lock().unwrap().objects = objects.into_iter().collect();
    }

    /// Adds a watch event: `ADDED`, `MODIFIED` or `DELETED`.
    pub fn event(&self, what: &str, mut object: Value) {
        let mut told = self.story.told.lock().unwrap();
        object["metadata"]["resourceVersion"] = json!((told.events.len() + 2).to_string());
        told.events.push(json!({"type": what, "object": object}));
        self.story.more.notify_waiters();
    }

    /// Refuses all lists and watches with this status, or allows them again with `None`. An open watch ends
    /// after it has sent all events.
    pub fn refuse(&self, status: impl Into<Option<u16>>) {
        self.story.told.lock().unwrap().refusal = status.into();
        self.story.more.notify_waiters();
    }

    /// Sends the error 410 to the watches, so that clients must list again.
    pub fn forget(&self) {
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "too old resource version", "reason": "Expired", "code": 410});
        self.story.told.lock().unwrap().events.push(json!({"type": "ERROR", "object": status}));
        self.story.more.notify_waiters();
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn lease(State(story): State<Arc<Story>>) -> Response {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "leases not found", "reason": "NotFound", "code": 404});
    match &story.told.lock().unwrap().lease {
        Some(lease) => axum::Json(lease).into_response(),
        None => (StatusCode::NOT_FOUND, axum::Json(status)).into_response(),
    }
}

async fn write_lease(State(story): State<Arc<Story>>, axum::Json(mut lease): axum::Json<Value>) -> Response {
    let version = lease["metadata"]["resourceVersion"].as_str().map_or(0, |text| text.parse().unwrap());
    lease["metadata"]["resourceVersion"] = json!((version + 1_u64).to_string());
    axum::Json(story.told.lock().unwrap().lease.insert(lease)).into_response()
}

async fn ingresses(State(story): State<Arc<Story>>, uri: Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let refusal = story.told.lock().unwrap().refusal;
    if let Some(code) = refusal {
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "ingresses are not for you", "code": code});
        return (StatusCode::from_u16(code).unwrap(), axum::Json(status)).into_response();
    }
    if parameter("watch").is_none() {
        let told = story.told.lock().unwrap();
        let metadata = json!({"resourceVersion": (told.events.len() + 1).to_string()});
        let list = json!({"kind": "IngressList", "apiVersion": "networking.k8s.io/v1", "metadata": metadata,
            "items": told.objects});
        return axum::Json(list).into_response();
    }
    let seen = parameter("resourceVersion").unwrap().parse::<usize>().unwrap() - 1;
    let events = stream::unfold((story, seen), async |(story, seen)| {
        loop {
            let more = story.more.notified();
            let (event, is_refused) = {
                let told = story.told.lock().unwrap();
                (told.events.get(seen).map(|event| format!("{event}\n")), told.refusal.is_some())
            };
            match event {
                Some(event) => return Some((Ok::<_, Infallible>(event), (Arc::clone(&story), seen + 1))),
                None if is_refused => return None,
                None => {}
            }
            more.await;
        }
    });
    Body::from_stream(events).into_response()
}
