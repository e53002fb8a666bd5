//! Startup retry: a controller tries again where a command gives up.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{cluster::ConnectError, driver::Until, error_chain, route53::OpenError};

/// How long to wait before a service that is down is tried again.
const PAUSE: Duration = Duration::from_secs(2);
/// How long to wait the first time where somebody must grant or correct something. It doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest time to wait.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Opens what a session needs, and tries again if the session is a controller.
pub(super) struct StartupRetry {
    /// Ends the attempts.
    pub stop: CancellationToken,
    /// When the session ends. A session that does not end by itself is a controller.
    pub until: Until,
}

// === impl StartupRetry ===

impl StartupRetry {
    /// Calls `open` until it succeeds.
    ///
    /// A command fails at the first error. A controller tries again while a service is down or access is denied: if it
    /// ended instead, Kubernetes would restart it with growing delays, long after the service is back.
    pub async fn open<T>(&self, open: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let (mut logged, mut pause) = (None, FIRST_PAUSE);
        loop {
            // Nothing has been started yet, so a stop has nothing to finish.
            let stopped = || anyhow::anyhow!("stopped before anything was done");
            let error = match self.stop.run_until_cancelled(open()).await.ok_or_else(stopped)? {
                Err(error) if !self.until.ends() && (is_down(&error) || is_denied(&error)) => error,
                ended => return ended,
            };
            let text = error_chain::text(error.as_ref());
            if logged.replace(text.clone()).as_ref() == Some(&text) {
                debug!(error = text, "zonekeeper still cannot start");
            } else {
                warn!(error = text, "zonekeeper cannot start yet; it tries again until it can");
            }
            let wait = if is_down(&error) { PAUSE } else { pause };
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.stop.run_until_cancelled(sleep(wait)).await.ok_or_else(stopped)?;
        }
    }
}

/// Whether a service does not answer, which is temporary.
fn is_down(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OpenError::Service(_)))
        || matches!(error.downcast_ref(), Some(ConnectError::NoAnswer { .. }))
}

/// Whether access is denied. Somebody can grant it while the process runs.
fn is_denied(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OpenError::Credentials(..) | OpenError::Denied(..)))
}
