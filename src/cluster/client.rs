//! The connection to the API server.

use std::{fmt, path::Path, time::Duration};

use arcstr::ArcStr;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
    core::Status,
};
use tokio::time::timeout;

use crate::error_chain;

/// How long it may take to open a connection to the API server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the API server has to answer a call. A watch may be silent for longer, see [`LONGEST_SILENCE`].
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a watch may be silent. API servers send a bookmark at least every minute and end a watch after at most ten
/// minutes. So a connection without a byte for this long is dead.
pub const LONGEST_SILENCE: Duration = Duration::from_mins(5);
/// How long a permission may be denied before the denial counts. An API server that has just started denies everything
/// until it has read its roles.
pub(super) const AUTHORIZATION_GRACE: Duration = Duration::from_secs(5);

/// A connection to the API server of a cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    /// The context and the address of the API server.
    description: ArcStr,
}

/// Why there is no connection to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used: {0}\ncheck --kubeconfig, or KUBECONFIG")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    /// The kubeconfig has no such context.
    #[error("--context {context}: the kubeconfig has no such context; it has: {}", .known.join(", "))]
    Context {
        /// The context that the operator named.
        context: String,
        /// The contexts of the kubeconfig.
        known: Vec<String>,
    },
    /// There is no configuration at all.
    #[error(
        "no Kubernetes cluster is configured: {0}\nset --kubeconfig or KUBECONFIG, or run in a pod with a service account"
    )]
    NotConfigured(#[source] kube::config::InferConfigError),
    /// No client can be created from the configuration.
    #[error("the configuration of the cluster cannot be used: {0}\ncheck the kubeconfig")]
    Client(#[source] kube::Error),
    /// The API server rejects the credentials.
    #[error(
        "the Kubernetes API server {server} refuses the credentials: {message}\ncheck the user in the kubeconfig, or log in again"
    )]
    Credentials {
        /// The address of the API server.
        server: String,
        /// The message of the API server.
        message: String,
    },
    /// The API server does not answer.
    #[error(
        "the Kubernetes API server {server} does not answer: {cause}\ncheck that it runs and that the address in the kubeconfig is right"
    )]
    NoAnswer {
        /// The address of the API server.
        server: String,
        /// The cause.
        cause: String,
    },
}

// === impl Cluster ===

impl Cluster {
    /// Connects to the cluster of a kubeconfig and a context, or else to that of the environment (`KUBECONFIG`, the
    /// service account of the pod). A connection is closed when an awaited answer stays silent for longer than `silence`.
    pub async fn connect(
        kubeconfig: Option<&Path>,
        context: Option<&str>,
        silence: Duration,
    ) -> Result<Self, ConnectError> {
        let (mut config, context) = match from_kubeconfig(kubeconfig, context).await {
            Ok(found) => found,
            Err(error) if kubeconfig.is_some() || context.is_some() => return Err(error),
            Err(_) => {
                let config = Config::infer().await.map_err(ConnectError::NotConfigured)?;
                (config, "service account of the pod".to_owned())
            }
        };
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(silence);
        let server = config.cluster_url.to_string();
        let client = Client::try_from(config).map_err(ConnectError::Client)?;
        match answer(ANSWER_WITHIN, client.apiserver_version()).await {
            Ok(_) => Ok(Self { client, description: format!("{context} at {server}").into() }),
            Err(kube::Error::Api(status)) if status.code == 401 || status.code == 403 => {
                Err(ConnectError::Credentials { server, message: status.message })
            }
            Err(error) => Err(ConnectError::NoAnswer { server, cause: describe(&error) }),
        }
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }
}

/// The context and the address of the API server.
impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

#[cfg(test)]
impl From<Client> for Cluster {
    fn from(client: Client) -> Self {
        Self { client, description: "test".into() }
    }
}

/// The configuration in a kubeconfig, and a text that names its context.
async fn from_kubeconfig(
    path: Option<&Path>,
    context: Option<&str>,
) -> Result<(Config, String), ConnectError> {
    let file = path.map_or_else(Kubeconfig::read, Kubeconfig::read_from).map_err(ConnectError::Kubeconfig)?;
    if let Some(context) = context
        && !file.contexts.iter().any(|known| known.name == context)
    {
        let known = file.contexts.into_iter().map(|known| known.name).collect();
        return Err(ConnectError::Context { context: context.to_owned(), known });
    }
    let name = context.or(file.current_context.as_deref()).unwrap_or_default();
    let description = format!("context {name}");
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(file, &options).await.map_err(ConnectError::Kubeconfig)?;
    Ok((config, description))
}

/// A call took too long.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct NoAnswer(Duration);

/// Waits for the answer to a call, but not for ever: the client itself waits as long as a watch may be silent.
pub(super) async fn answer<T>(
    within: Duration,
    call: impl Future<Output = kube::Result<T>>,
) -> kube::Result<T> {
    let late = |_| Err(kube::Error::Service(Box::new(NoAnswer(within))));
    timeout(within, call).await.unwrap_or_else(late)
}

/// Describes why a request failed, without the layers of the HTTP client.
pub(super) fn describe(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => describe_status(status),
        kube::Error::Service(layer) => layer.source().map_or_else(|| layer.to_string(), error_chain::text),
        _ => error_chain::text(error),
    }
}

/// Describes an error status of the API server. kube's own text would repeat the whole status as a value.
pub(super) fn describe_status(status: &Status) -> String {
    format!("{} ({})", status.message, status.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_without_an_answer_ends() {
        let within = Duration::from_millis(1);
        let call = answer::<()>(within, std::future::pending());
        let error = timeout(ANSWER_WITHIN, call).await.expect("it waits for ever").unwrap_err();
        assert_eq!(describe(&error), "no answer within 1ms");
    }
}
