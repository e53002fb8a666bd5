//! Who gives out credentials for a token, on this machine: as STS does for IRSA, and as the agent of EKS Pod Identity.

use std::{net::Ipv4Addr, time::Duration};

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    routing::{get, post},
};
use jiff::Timestamp;
use tokio::{net::TcpListener, task::JoinHandle};

/// The tokens that are accepted.
pub const TOKENS: [&str; 2] = ["FIRST", "SECOND"];
/// How long credentials live: less than the time before their end at which the SDK asks for new ones (5 to 10 s), so
/// that it asks again for each request.
const LIFETIME: Duration = Duration::from_secs(4);

/// An HTTP server that ends when it is dropped.
pub struct Issuer {
    url: String,
    server: JoinHandle<()>,
}

// === impl Issuer ===

impl Issuer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router =
            Router::new().route("/", post(assume_role)).route("/v1/credentials", get(pod_credentials));
        let server = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { url, server }
    }

    /// Where it is reached: as STS at the root, as the agent at `/v1/credentials`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The access key and the session token that a token is exchanged for.
pub fn issued(token: &str) -> (String, Option<String>) {
    (format!("ASIA{token}"), Some(format!("session-of-{token}")))
}

/// `AssumeRoleWithWebIdentity` of STS.
async fn assume_role(form: String) -> (StatusCode, String) {
    let field = |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    assert_eq!(field("Action"), Some("AssumeRoleWithWebIdentity"), "{form}");
    let namespace = "https://sts.amazonaws.com/doc/2011-06-15/";
    let Some(token) = field("WebIdentityToken").filter(|token| TOKENS.contains(token)) else {
        let error = "<Type>Sender</Type><Code>AccessDenied</Code>\
                     <Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message>";
        let refusal = format!("<ErrorResponse xmlns=\"{namespace}\"><Error>{error}</Error></ErrorResponse>");
        return (StatusCode::FORBIDDEN, refusal);
    };
    let ((key, session), end) = (issued(token), Timestamp::now() + LIFETIME);
    let answer = format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"{namespace}\"><AssumeRoleWithWebIdentityResult><Credentials>\
         <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{end}</Expiration>\
         </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
        session.unwrap()
    );
    (StatusCode::OK, answer)
}

/// What the agent answers to a pod that shows its token.
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
