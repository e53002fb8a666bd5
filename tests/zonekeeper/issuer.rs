//! A server on this machine that gives out credentials: for tokens, like STS for IRSA and the agent of EKS Pod Identity,
//! and for other credentials, like STS for a role of another account.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    routing::{get, post},
};
use jiff::Timestamp;
use tokio::{net::TcpListener, task::JoinHandle};

/// The accepted tokens.
pub const TOKENS: [&str; 2] = ["FIRST", "SECOND"];
/// The lifetime of credentials. The SDK refreshes credentials 5 to 10 s before their end, so it asks again
/// for each request.
const LIFETIME: Duration = Duration::from_secs(4);

/// An HTTP server. A drop ends it.
pub struct Issuer {
    url: String,
    granted: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

// === impl Issuer ===

impl Issuer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let granted = Arc::new(AtomicUsize::new(0));
        let router = Router::new().route("/", post(assume_role)).with_state(Arc::clone(&granted));
        let router = router.route("/v1/credentials", get(pod_credentials));
        let server = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { url, granted, server }
    }

    /// The URL of the server. STS is at the root, and the agent is at `/v1/credentials`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How often STS has granted a role.
    pub fn granted(&self) -> usize {
        self.granted.load(Ordering::Relaxed)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The access key and the session token for an accepted token.
pub fn issued(token: &str) -> (String, Option<String>) {
    (format!("ASIA{token}"), Some(format!("session-of-{token}")))
}

/// `AssumeRoleWithWebIdentity` and `AssumeRole` of STS. The second one accepts an external id as its token.
async fn assume_role(State(granted): State<Arc<AtomicUsize>>, form: String) -> (StatusCode, String) {
    let field = |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let action = field("Action").unwrap_or_default();
    let token = match action {
        "AssumeRoleWithWebIdentity" => "WebIdentityToken",
        "AssumeRole" => "ExternalId",
        _ => panic!("{form}"),
    };
    let namespace = "https://sts.amazonaws.com/doc/2011-06-15/";
    let Some(token) = field(token).filter(|token| TOKENS.contains(token)) else {
        let error = format!(
            "<Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized to perform sts:{action}</Message>"
        );
        let refusal = format!("<ErrorResponse xmlns=\"{namespace}\"><Error>{error}</Error></ErrorResponse>");
        return (StatusCode::FORBIDDEN, refusal);
    };
    granted.fetch_add(1, Ordering::Relaxed);
    let ((key, session), end) = (issued(token), Timestamp::now() + LIFETIME);
    let answer = format!(
        "<{action}Response xmlns=\"{namespace}\"><{action}Result><Credentials>\
         <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{end}</Expiration>\
         </Credentials></{action}Result></{action}Response>",
        session.unwrap()
    );
    (StatusCode::OK, answer)
}

/// The agent's answer to a pod with a token.
async fn pod_credentials(headers: HeaderMap) -> (StatusCode, String) {
    let shown = headers.get(AUTHORIZATION).and_then(|token| token.to_str().ok());
    let Some(token) = shown.filter(|token| TOKENS.contains(token)) else {
        let refusal = "{\"code\": \"AccessDeniedException\", \"message\": \"this pod has no association\"}";
        return (StatusCode::FORBIDDEN, refusal.to_owned());
    };
    let ((key, session), end) = (issued(token), Timestamp::now() + LIFETIME);
    let answer = serde_json::json!({
        "AccessKeyId": key,
        "SecretAccessKey": "secret",
        "Token": session,
        "Expiration": end.to_string(),
        "AccountId": "111111111111",
    });
    (StatusCode::OK, answer.to_string())
}
