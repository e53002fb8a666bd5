//! How a command begins: at once, or, where it is to run for ever, as soon as it can.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{causes, cluster::Unreachable, driver::Until, route53::Open};

/// How long to wait for a service that is down before it is asked again.
const PAUSE: Duration = Duration::from_secs(2);
/// The same where somebody has to grant or correct something: it doubles each time, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long to wait at most.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// What to do while something that is needed is not there.
pub(super) struct Patience {
    /// What ends it.
    pub stop: CancellationToken,
    /// Who needs it: a controller, or a command that somebody waits for.
    pub until: Until,
}

// === impl Patience ===

impl Patience {
    /// What `open` gives. A command says what is wrong and ends. A controller outlives what its start falls into: ended
    /// and started again by its cluster, it would come back minutes after the service did.
    ///
    /// Only a driver has something to finish when it is stopped; here, nothing has begun.
    pub async fn open<T>(&self, open: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let (mut said, mut pause) = (None, FIRST_PAUSE);
        loop {
            let stopped = || anyhow::anyhow!("stopped before anything was done");
            let error = match self.stop.run_until_cancelled(open()).await.ok_or_else(stopped)? {
                Err(error) if !self.until.ends() && (is_down(&error) || is_barred(&error)) => error,
                ended => return ended,
            };
            let text = causes::text(error.as_ref());
            if said.replace(text.clone()).as_ref() == Some(&text) {
                debug!(error = text, "it cannot start yet");
            } else {
                warn!(error = text, "it cannot start yet; it is tried again until it can");
            }
            let wait = if is_down(&error) { PAUSE } else { pause };
            pause = (pause * 2).min(LONGEST_PAUSE);
            self.stop.run_until_cancelled(sleep(wait)).await.ok_or_else(stopped)?;
        }
    }
}

/// Whether a service does not answer, which passes.
fn is_down(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Open::Service(_)))
        || matches!(error.downcast_ref(), Some(Unreachable::Silent { .. }))
}

/// Whether something is to be granted, which need not be a matter of this process' configuration.
fn is_barred(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Open::Credentials(..) | Open::Denied(..)))
}
