//! A real control plane: etcd and kube-apiserver as processes on loopback ports.
//!
//! `tests/control-plane/build.sh` builds it from Go modules. It has no controller manager, so it has no
//! garbage collection, and a deleted namespace never disappears.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{
    Api, Client,
    api::PostParams,
    config::{Config, KubeConfigOptions, Kubeconfig},
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{process::Command, sync::OnceCell};

use crate::{deadline::eventually, http, server::Server};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The token of a member of `system:masters`. It is valid only for this control plane.
const ADMIN_TOKEN: &str = "admin";

/// Lets every service account of zonekeeper's namespace use Leases in all namespaces.
const LEASES_ANYWHERE: &str = "
    kubectl create clusterrole leases --verb=get,create,update --resource=leases.coordination.k8s.io
    kubectl create clusterrolebinding leases --clusterrole=leases --group=system:serviceaccounts:zonekeeper
";

/// A running control plane.
pub struct ControlPlane {
    folder: PathBuf,
    assets: PathBuf,
    ports: Ports,
    apiserver: Option<Server>,
    etcd: Server,
}

#[derive(Clone, Copy)]
struct Ports {
    apiserver: u16,
    etcd: u16,
    etcd_peers: u16,
}

// === impl ControlPlane ===

impl ControlPlane {
    /// The control plane that the tests share. zonekeeper may use a Lease in any namespace of it.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        let start = async || {
            let plane = Self::start().await;
            plane.sh(Path::new(ROOT), LEASES_ANYWHERE).await;
            plane
        };
        SHARED.get_or_init(start).await
    }

    /// A control plane with zonekeeper's manifests, for a test that stops it or changes its RBAC.
    pub async fn start() -> Self {
        let plane = Self::bare().await;
        plane.admit_zonekeeper().await;
        plane
    }

    /// A control plane without zonekeeper's manifests.
    pub async fn bare() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("control-plane-{process}-{count}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("tokens.csv"), format!("{ADMIN_TOKEN},admin,admin,\"system:masters\"\n"))
            .unwrap();
        let (assets, ports) = (assets(), Ports::free());
        let etcd = Server::start("etcd", &assets, &folder, etcd_arguments(ports, &folder));
        let mut plane = Self { folder, assets, ports, apiserver: None, etcd };
        fs::write(plane.administrator(), plane.kubeconfig(ADMIN_TOKEN)).unwrap();
        plane.start_apiserver().await;
        plane
    }

    /// Ends the API server. etcd keeps the objects.
    pub fn stop_apiserver(&mut self) {
        self.apiserver = None;
    }

    /// Stops the API server with SIGSTOP. It still accepts connections, and does not answer.
    pub fn freeze_apiserver(&self) {
        self.apiserver.as_ref().unwrap().signal(Signal::STOP);
    }

    /// Lets a frozen API server continue.
    pub fn thaw_apiserver(&self) {
        self.apiserver.as_ref().unwrap().signal(Signal::CONT);
    }

    /// Starts the API server and waits until it is ready.
    pub async fn start_apiserver(&mut self) {
        let arguments = apiserver_arguments(self.ports, &self.folder);
        let mut server = Server::start("kube-apiserver", &self.assets, &self.folder, arguments);
        let ready = eventually(async || {
            server.must_run();
            if !self.certificate().exists() {
                return None;
            }
            // Each try has its own client, because an older client can hold connections to the old API
            // server.
            let request = ::http::Request::get("/readyz").body(Vec::new()).unwrap();
            self.admin().await.request_text(request).await.ok()
        });
        assert!(ready.await.is_some(), "kube-apiserver is not ready:\n{}", server.end_of_log());
        self.apiserver = Some(server);
    }

    /// A client with all rights. Each test needs its own client, because a client belongs to the runtime of
    /// its test.
    pub async fn admin(&self) -> Client {
        let config = serde_json::from_str::<Kubeconfig>(&self.kubeconfig(ADMIN_TOKEN)).unwrap();
        let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
        Client::try_from(config).unwrap()
    }

    /// The kubeconfig of an administrator with all rights.
    pub fn administrator(&self) -> PathBuf {
        self.folder.join("administrator.kubeconfig")
    }

    /// The address of the API server.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.apiserver).into()
    }

    /// The kubeconfig of zonekeeper's service account.
    pub fn zonekeeper(&self) -> PathBuf {
        self.folder.join("zonekeeper-zonekeeper.kubeconfig")
    }

    /// The kubeconfig of a service account without rights.
    pub fn nobody(&self) -> PathBuf {
        self.folder.join("zonekeeper-nobody.kubeconfig")
    }

    /// Deletes a key in etcd, without a request to the API server.
    pub async fn forget(&self, key: &str) {
        let answer = self.etcd("deleterange", &json!({"key": base64(key)})).await;
        assert_eq!(answer.pointer("/deleted"), Some(&json!("1")), "{key}: {answer}");
    }

    /// Compacts etcd, so that it forgets all earlier revisions.
    pub async fn compact(&self) {
        let answer = self.etcd("range", &json!({"key": base64("/"), "count_only": true})).await;
        let revision = answer.pointer("/header/revision").unwrap().clone();
        self.etcd("compaction", &json!({"revision": revision, "physical": true})).await;
    }

    async fn etcd(&self, what: &str, request: &Value) -> Value {
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.etcd));
        let answer = http::post(server, &format!("/v3/kv/{what}"), &request.to_string()).await.unwrap();
        assert_eq!(answer.status, 200, "{what}: {}\n{}", answer.body, self.etcd.end_of_log());
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Applies zonekeeper's manifests, and writes the kubeconfigs with bound tokens.
    async fn admit_zonekeeper(&self) {
        self.sh(Path::new(ROOT), "kubectl apply -k manifests/overlays/apply").await;
        // The first request for a new definition gets 429, and is to be repeated after a second. kubectl repeats it.
        self.sh(Path::new(ROOT), "kubectl get zoneplans --all-namespaces").await;
        self.sh(Path::new(ROOT), "kubectl --namespace zonekeeper create serviceaccount nobody").await;
        for account in ["zonekeeper", "nobody"] {
            self.admit_account("zonekeeper", account).await;
        }
    }

    /// Runs a shell command with this control plane's kubectl, helm, and the administrator's kubeconfig. The command
    /// must succeed without a warning of the API server. Returns its standard output.
    pub async fn sh(&self, folder: &Path, command: &str) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        let ended = Command::new("sh")
            .args(["-ec", command])
            .current_dir(folder)
            .env("PATH", format!("{}:{ROOT}/.tools/helm:{path}", self.assets.display()))
            .env("KUBECONFIG", self.administrator())
            .env("HOME", &self.folder)
            .output()
            .await
            .unwrap();
        let (said, complained) =
            (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.success() && !complained.contains("Warning"), "{command}: {said}{complained}");
        said.into_owned()
    }

    /// Writes the kubeconfig of a service account, with a new token, and returns its path.
    pub async fn admit_account(&self, namespace: &str, account: &str) -> PathBuf {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin().await, namespace);
        let request = TokenRequest { spec: TokenRequestSpec::default(), ..TokenRequest::default() };
        let token = accounts.create_token_request(account, &PostParams::default(), &request).await.unwrap();
        let path = self.folder.join(format!("{namespace}-{account}.kubeconfig"));
        fs::write(&path, self.kubeconfig(&token.status.unwrap().token)).unwrap();
        path
    }

    fn kubeconfig(&self, token: &str) -> String {
        let server = format!("https://127.0.0.1:{}", self.ports.apiserver);
        let cluster = json!({"server": server, "certificate-authority": self.certificate()});
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        });
        config.to_string()
    }

    fn certificate(&self) -> PathBuf {
        self.folder.join("certificates/apiserver.crt")
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.apiserver = None;
        self.etcd.stop();
        drop(fs::remove_dir_all(&self.folder));
    }
}

// === impl Ports ===

impl Ports {
    fn free() -> Self {
        let [apiserver, etcd, etcd_peers] =
            [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let port = |listener: TcpListener| listener.local_addr().unwrap().port();
        Self { apiserver: port(apiserver), etcd: port(etcd), etcd_peers: port(etcd_peers) }
    }
}

fn assets() -> PathBuf {
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/control-plane");
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map_or_else(built, PathBuf::from);
    for name in ["etcd", "kube-apiserver", "kubectl"] {
        assert!(
            assets.join(name).is_file(),
            "{name} is not in {}: run `make tools` (tests/control-plane/build.sh), or let KUBEBUILDER_ASSETS \
             name a folder that holds it",
            assets.display()
        );
    }
    assets
}

fn etcd_arguments(ports: Ports, folder: &Path) -> Vec<String> {
    let clients = format!("http://127.0.0.1:{}", ports.etcd);
    let peers = format!("http://127.0.0.1:{}", ports.etcd_peers);
    vec![
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=default={peers}"),
        "--unsafe-no-fsync".to_owned(),
    ]
}

fn apiserver_arguments(ports: Ports, folder: &Path) -> Vec<String> {
    let certificates = folder.join("certificates");
    // The API server creates its own certificate. The key of the certificate also signs tokens.
    let key = certificates.join("apiserver.key");
    vec![
        format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd),
        format!("--secure-port={}", ports.apiserver),
        format!("--cert-dir={}", certificates.display()),
        format!("--service-account-signing-key-file={}", key.display()),
        format!("--service-account-key-file={}", key.display()),
        format!("--token-auth-file={}", folder.join("tokens.csv").display()),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
    ]
}

/// Base64, the form of keys in requests to etcd's gateway.
fn base64(text: &str) -> String {
    let bytes = k8s_openapi::ByteString(text.as_bytes().to_vec());
    serde_json::to_value(bytes).unwrap().as_str().unwrap().to_owned()
}
