//! botocore: an AWS client that shares no code with zonekeeper.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::zone::{self, Zone};

/// The Python program that sends one operation.
const OPERATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/zonekeeper/operation.py");

/// The credentials of a request.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub access_key: String,
    pub secret: String,
    pub session_token: Option<String>,
}

/// Sends an operation that must succeed, and returns the answer:
/// `botocore("http://…", &keys, "route53", "get_change", &json!({…}))`.
pub async fn botocore(
    url: &str,
    who: &Credentials,
    service: &str,
    operation: &str,
    parameters: &Value,
) -> Value {
    let mut command = Command::new(program("python"));
    command
        .args([OPERATION, url, "us-east-1", service, operation, &parameters.to_string()])
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", &who.access_key)
        .env("AWS_SECRET_ACCESS_KEY", &who.secret)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(who.session_token.as_ref().map(|token| ("AWS_SESSION_TOKEN", token)))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{service} {operation} {parameters}:\n{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Sends a change batch as a person. Route 53 must accept it.
pub async fn person_sends(zone: &Zone, batch: &Value) {
    let (person, parameters) =
        (Credentials::keys("AKIAPERSON"), json!({"HostedZoneId": zone::ID, "ChangeBatch": batch}));
    botocore(&zone.url(), &person, "route53", "change_resource_record_sets", &parameters).await;
}

/// The path of a program in the virtual environment.
pub fn program(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/venv/bin").join(name);
    assert!(program.is_file(), "{} is missing: run `make tools` (tests/tools.sh)", program.display());
    program
}

// === impl Credentials ===

impl Credentials {
    /// An access key without a session token.
    pub fn keys(access_key: &str) -> Self {
        Self { access_key: access_key.to_owned(), secret: "secret".to_owned(), session_token: None }
    }
}
