//! The connection to the API server.

use std::{path::Path, time::Duration};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
    core::Status,
};
use tokio::time::timeout;

use crate::causes;

/// How long a connection to the API server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long its first answer may take: a watch may be silent for longer, see [`LONGEST_SILENCE`].
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a watch may be silent: API servers send a bookmark at least every minute, and end a watch after at
/// most ten minutes, so a connection without a byte for longer than a watch's own time-out is dead.
pub const LONGEST_SILENCE: Duration = Duration::from_mins(5);

/// Why there is no cluster to talk to.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used: {0}\ncheck --kubeconfig, or KUBECONFIG")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    /// There is no configuration at all.
    #[error(
        "no Kubernetes cluster is configured: {0}\nset --kubeconfig or KUBECONFIG, or run in a pod with a service account"
    )]
    NotConfigured(#[source] kube::config::InferConfigError),
    /// The configuration makes no client.
    #[error("the configuration of the cluster cannot be used: {0}")]
    Client(#[source] kube::Error),
    /// The API server does not know who asks.
    #[error(
        "the Kubernetes API server {server} refuses the credentials: {message}\ncheck the user in the kubeconfig, or log in again"
    )]
    Refused {
        /// Its address.
        server: String,
        /// What it said.
        message: String,
    },
    /// The API server does not answer.
    #[error(
        "the Kubernetes API server {server} does not answer: {cause}\ncheck that it runs and that the address in the kubeconfig is right"
    )]
    Silent {
        /// Its address.
        server: String,
        /// What happened.
        cause: String,
    },
}

/// Connects to the cluster of a kubeconfig, else of the environment (`KUBECONFIG`, a pod's service account). A
/// connection that has been silent for longer than `silence` while something is awaited is given up.
pub async fn connect(kubeconfig: Option<&Path>, silence: Duration) -> Result<Client, Unreachable> {
    let mut config = match kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(Unreachable::Kubeconfig)?;
            let options = KubeConfigOptions::default();
            Config::from_custom_kubeconfig(file, &options).await.map_err(Unreachable::Kubeconfig)?
        }
        None => Config::infer().await.map_err(Unreachable::NotConfigured)?,
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(silence);
    let server = config.cluster_url.to_string();
    let client = Client::try_from(config).map_err(Unreachable::Client)?;
    match timeout(ANSWER_TIMEOUT, client.apiserver_version()).await {
        Ok(Ok(_)) => Ok(client),
        Ok(Err(kube::Error::Api(status))) if status.code == 401 || status.code == 403 => {
            Err(Unreachable::Refused { server, message: status.message })
        }
        Ok(Err(error)) => Err(Unreachable::Silent { server, cause: cause(&error) }),
        Err(elapsed) => Err(Unreachable::Silent { server, cause: elapsed.to_string() }),
    }
}

/// Why a request failed, without the layers of the client that it went through.
pub(super) fn cause(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => said(status),
        kube::Error::Service(layer) => layer.source().map_or_else(|| layer.to_string(), causes::text),
        _ => causes::text(error),
    }
}

/// What the API server says in an answer. kube would add all of the answer again, as a value.
pub(super) fn said(status: &Status) -> String {
    format!("{} ({})", status.message, status.code)
}
