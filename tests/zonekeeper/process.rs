//! zonekeeper as a process: its command line, and its log, probes and exit status.

use std::{
    ffi::OsStr,
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    time::timeout,
};

use crate::{
    control_plane::ControlPlane,
    deadline::{PATIENCE, eventually},
    http::{self, Answer},
    log_lines,
    namespace::Namespace,
    zone::{self, Zone},
};

/// The access key with which zonekeeper signs. The emulator refuses every DELETE with this key.
pub const ACCESS_KEY: &str = "AKIAZONEKEEPER";
/// The owner id in all tests.
pub const OWNER: &str = "tests";

/// A command line. It does not inherit the environment of the test.
pub struct CommandLine(Command);

/// A running process. A drop kills it.
pub struct Process {
    child: Child,
    stdout: watch::Receiver<Vec<String>>,
    stderr: watch::Receiver<Vec<String>>,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

// === impl CommandLine ===

impl CommandLine {
    /// `zonekeeper` with these arguments, and an environment without credentials and without a cluster.
    pub fn new(arguments: &[&str]) -> Self {
        Self::of_program(Path::new(env!("CARGO_BIN_EXE_zonekeeper"))).args(arguments)
    }

    /// Another program, in the same environment.
    pub fn of_program(program: &Path) -> Self {
        let mut command = Command::new(program);
        command.env_clear();
        // Without this variable, the SDK asks EC2's metadata service for credentials.
        Self(command).env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", env!("CARGO_TARGET_TMPDIR"))
    }

    /// `zonekeeper` for a zone and a namespace, with its service account and a JSON log.
    pub async fn of(zone: &Zone, namespace: &Namespace, arguments: &[&str]) -> Self {
        let kubeconfig = ControlPlane::shared().await.zonekeeper();
        Self::of_cluster(zone, namespace, &kubeconfig, arguments)
    }

    /// Like [`CommandLine::of`], with another kubeconfig.
    pub fn of_cluster(zone: &Zone, namespace: &Namespace, kubeconfig: &Path, arguments: &[&str]) -> Self {
        Self::new(arguments).aws(zone).zone(zone::ID).cluster(namespace, kubeconfig)
    }

    /// Sets credentials, a region, and the emulator as Route 53.
    pub fn aws(self, zone: &Zone) -> Self {
        self.route53(&zone.url()).keys(ACCESS_KEY)
    }

    /// Sets a region, and the endpoint of Route 53.
    pub fn route53(self, url: &str) -> Self {
        self.env("AWS_ENDPOINT_URL_ROUTE_53", url).env("AWS_REGION", "eu-west-1")
    }

    /// Sets credentials in the environment.
    pub fn keys(self, access_key: &str) -> Self {
        self.env("AWS_ACCESS_KEY_ID", access_key).env("AWS_SECRET_ACCESS_KEY", "secret")
    }

    /// Sets the hosted zone and the owner id. Objects need no annotation, because most tests are about other things.
    ///
    /// Settings that all tests share are environment variables, so that an argument of a test overrides them.
    pub fn zone(self, id: &str) -> Self {
        self.env("ZONEKEEPER_ZONE_ID", id).env("ZONEKEEPER_OWNER_ID", OWNER).env("ZONEKEEPER_PUBLISH", "all")
    }

    /// Sets the cluster: the namespace of the objects, the namespace of the Lease, and the kubeconfig. It
    /// also sets a JSON log and a free port for metrics.
    pub fn cluster(self, namespace: &Namespace, kubeconfig: &Path) -> Self {
        self.env("ZONEKEEPER_NAMESPACE", namespace.name())
            .env("ZONEKEEPER_LEASE_NAMESPACE", namespace.leases())
            .env("ZONEKEEPER_KUBECONFIG", kubeconfig)
            .env("ZONEKEEPER_LOG_FORMAT", "json")
            .env("ZONEKEEPER_METRICS_ADDRESS", "127.0.0.1:0")
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.0.args(arguments);
        self
    }

    pub fn without_env(mut self, name: &str) -> Self {
        self.0.env_remove(name);
        self
    }

    /// The same command line, run by `runner`. The runner gets each variable as `--env NAME=VALUE`, then
    /// `program` in place of the binary of this build, then the arguments.
    pub fn run_by(self, mut runner: Command, program: &[&str]) -> Self {
        for (name, value) in self.0.as_std().get_envs() {
            let mut variable = name.to_owned();
            variable.push("=");
            variable.push(value.unwrap_or_default());
            runner.arg("--env").arg(variable);
        }
        runner.args(program).args(self.0.as_std().get_args());
        Self(runner)
    }

    /// Starts the process.
    pub fn start(mut self) -> Process {
        self.0.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = self.0.spawn().unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Process { child, stdout, stderr }
    }

    /// Starts the process and waits for its end.
    pub async fn end(self) -> Ended {
        self.start().end().await
    }

    /// Starts the process with this as its standard output, and waits for its end.
    pub async fn end_into(mut self, stdout: impl Into<Stdio>) -> Ended {
        self.0.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).kill_on_drop(true);
        let ended = self.0.spawn().unwrap().wait_with_output();
        let output = timeout(PATIENCE, ended).await.unwrap().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Ended { status: output.status, stdout: String::new(), stderr }
    }

    /// Starts the process, waits for its end, and checks that it succeeds.
    pub async fn succeed(self) -> Ended {
        let ended = self.end().await;
        assert!(ended.status.success(), "{ended}");
        ended
    }
}

// === impl Process ===

impl Process {
    /// Waits for a line on standard error that contains all these pieces, and returns the line.
    pub async fn says(&self, pieces: &[&str]) -> String {
        let is_it = |line: &&String| pieces.iter().all(|piece| line.contains(piece));
        let mut lines = self.stderr.clone();
        match timeout(PATIENCE, lines.wait_for(|lines| lines.iter().any(|line| is_it(&line)))).await {
            Ok(Ok(lines)) => lines.iter().find(is_it).unwrap().clone(),
            Ok(Err(_)) => panic!("zonekeeper ended without the log line {pieces:?}:\n{}", self.log()),
            Err(elapsed) => panic!("no log line contains {pieces:?}: {elapsed}\n{}", self.log()),
        }
    }

    /// Waits until a condition returns a value. The test fails if the process ends before that.
    pub async fn until<T>(&mut self, what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
        match self.wait(condition).await {
            Ok(found) => found,
            Err(log) => panic!("waiting for: {what}\n{log}"),
        }
    }

    /// Waits until the zone fulfils a condition. The test fails if the process ends before that.
    pub async fn until_zone(&mut self, zone: &Zone, what: &str, condition: impl Fn(&Zone) -> bool) {
        if let Err(log) = self.wait(async || condition(zone).then_some(())).await {
            panic!("waiting for: {what}\nwritten so far: {:#?}\n{log}", zone.requests());
        }
    }

    async fn wait<T>(&mut self, mut condition: impl AsyncFnMut() -> Option<T>) -> Result<T, String> {
        let child = &mut self.child;
        let found = eventually(async || match child.try_wait().unwrap() {
            Some(status) => Some(Err(format!("zonekeeper ended: {status}"))),
            None => condition().await.map(Ok),
        });
        let found = found.await.unwrap_or_else(|| Err("the time limit is over".to_owned()));
        found.map_err(|why| format!("{why}\n{}", self.log()))
    }

    /// The address at which the process answers probes.
    pub async fn address(&self) -> SocketAddr {
        let line = self.says(&["zonekeeper starts"]).await;
        let line: Value = serde_json::from_str(&line).unwrap();
        line["metrics_address"].as_str().unwrap().parse().unwrap()
    }

    /// Sends a GET request for a path to the probe address.
    pub async fn get(&self, path: &str) -> Answer {
        let address = self.address().await;
        http::get(address, path).await.unwrap_or_else(|error| panic!("{path}: {error}\n{}", self.log()))
    }

    /// Waits until `/readyz` answers 200.
    pub async fn is_ready(&mut self) {
        let address = self.address().await;
        self.until("/readyz answers 200", async || {
            http::get(address, "/readyz").await.ok().filter(|answer| answer.status == 200)
        })
        .await;
    }

    /// Waits until a metric has a value. The name includes the labels.
    pub async fn measures(&mut self, metric: &str, value: &str) {
        let address = self.address().await;
        let line = format!("{metric} {value}");
        self.until(&line, async || {
            let metrics = http::get(address, "/metrics").await.ok()?;
            metrics.body.lines().any(|found| found == line).then_some(())
        })
        .await;
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.id().try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Sends SIGKILL, which the process cannot handle, and waits for its end. The test fails if the process
    /// had already ended.
    pub async fn kill(mut self) -> Ended {
        assert!(
            self.child.try_wait().unwrap().is_none(),
            "zonekeeper ended before the kill:\n{}",
            self.log()
        );
        self.child.start_kill().unwrap();
        self.end().await
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Sends SIGTERM, waits for the end of the process, and checks that it succeeds.
    pub async fn stop(self) -> Ended {
        self.terminate();
        let ended = self.end().await;
        assert!(ended.status.success(), "{ended}");
        ended
    }

    /// Waits for the end of the process.
    pub async fn end(self) -> Ended {
        self.end_within(PATIENCE).await
    }

    /// Waits for the end of the process, at most this long.
    pub async fn end_within(mut self, patience: Duration) -> Ended {
        let Ok(status) = timeout(patience, self.child.wait()).await else {
            panic!("zonekeeper does not end:\n{}", self.log())
        };
        let (stdout, stderr) = (rest(self.stdout).await, rest(self.stderr).await);
        log_lines::check(&stderr);
        Ended { status: status.unwrap(), stdout, stderr }
    }

    fn log(&self) -> String {
        self.stderr.borrow().join("\n")
    }
}

// === impl Ended ===

impl Ended {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The lines of a JSON log whose message begins like this.
    pub fn logged(&self, message: &str) -> Vec<Value> {
        let lines = self.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with(message))).collect()
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n--- stdout\n{}\n--- stderr\n{}", self.status, self.stdout, self.stderr)
    }
}

/// The lines of a stream so far. The channel closes at the end of the stream.
fn lines(stream: impl AsyncRead + Unpin + Send + 'static) -> watch::Receiver<Vec<String>> {
    let (sender, receiver) = watch::channel(Vec::new());
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            sender.send_modify(|seen| seen.push(line));
        }
    });
    receiver
}

/// Waits for the end of the stream and returns all its lines.
async fn rest(mut lines: watch::Receiver<Vec<String>>) -> String {
    while lines.changed().await.is_ok() {}
    lines.borrow().join("\n")
}
