//! The server for probes and metrics of a session.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use futures::FutureExt as _;
use tokio::{sync::watch, task::JoinSet};
use zonekeeper_core::keeper::Mode;

use crate::{driver::Handle, serve, telemetry::Metrics};

/// The settings of the server, and of the metrics that are known from the start.
pub(super) struct Probes {
    /// Where the server listens.
    pub address: SocketAddr,
    /// The mode, for the metrics.
    pub mode: Mode,
    /// The quota for record sets in the zone, for the metrics.
    pub zone_quota: u32,
}

/// The server for probes and metrics, if there is one.
#[derive(Default)]
pub(super) struct ProbeServer {
    /// The address that it listens on, if there is a server.
    address: Option<SocketAddr>,
    /// Gives the running driver to the server.
    driver: watch::Sender<Option<Handle>>,
}

// === impl ProbeServer ===

impl ProbeServer {
    /// Listens at an address and serves in a task.
    pub async fn start(
        &mut self,
        address: SocketAddr,
        metrics: &Metrics,
        tasks: &mut JoinSet<anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        let listener = serve::listen(address).await;
        let listener = listener.with_context(|| format!("cannot listen on --metrics-address {address}"))?;
        self.address = listener.local_addr().ok();
        let metrics = metrics.clone();
        let render: serve::Render = Arc::new(move |status| metrics.render(status));
        let served = serve::serve(listener, serve::router(self.driver.subscribe(), render));
        tasks.spawn(served.map(|ended| ended.context("cannot serve probes and metrics any more")));
        Ok(())
    }

    /// The address that it listens on, if there is a server.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Answers with the status of this driver from now on.
    pub fn show(&self, driver: Handle) {
        self.driver.send_replace(Some(driver));
    }
}
