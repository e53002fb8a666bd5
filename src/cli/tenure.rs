//! The lease, while a command writes.

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use zonekeeper_core::keeper::Input;

use crate::{
    cluster::{Candidate, Memory, News, NotLed},
    driver::{Handle, Until},
    leadership::Leadership,
};

/// How many pieces of news may wait.
const NEWS: usize = 16;

/// Whoever stands for the lease, before there is a driver to be told.
pub(super) struct Candidacy {
    pub candidate: Candidate,
    pub leadership: Leadership,
    /// What the lease shall remember.
    pub memory: watch::Sender<Memory>,
}

/// A lease that is kept, or waited for, while a driver works.
pub(super) struct Tenure {
    keeping: JoinHandle<Result<(), NotLed>>,
    end: CancellationToken,
    /// What the lease shall remember.
    _memory: watch::Sender<Memory>,
}

// === impl Candidacy ===

impl Candidacy {
    /// From now on the driver is told until when it may write.
    pub fn begin(self, until: Until, driver: Handle) -> Tenure {
        let ((news, mut told), end) = (mpsc::channel(NEWS), CancellationToken::new());
        let keeping = tokio::spawn(self.candidate.keep(until == Until::Done, news, end.clone()));
        tokio::spawn(async move {
            while let Some(news) = told.recv().await {
                match news {
                    News::Until(until) => drop(driver.send(Input::Leadership { until }).await),
                    News::Found(_) => {}
                }
            }
        });
        Tenure { keeping, end, _memory: self.memory }
    }
}

// === impl Tenure ===

impl Tenure {
    /// Why nobody keeps the lease any more, which ends the process. While somebody does, this waits.
    pub async fn failed(&mut self) -> anyhow::Error {
        match (&mut self.keeping).await {
            Ok(Err(error)) => error.into(),
            Ok(Ok(())) => anyhow::anyhow!("nobody keeps the lease any more"),
            Err(error) => anyhow::anyhow!("keeping the lease has failed: {error}"),
        }
    }

    /// Gives the lease back.
    pub async fn release(mut self) {
        self.end.cancel();
        // It may have failed before, which was said.
        if !self.keeping.is_finished() {
            drop((&mut self.keeping).await);
        }
    }
}

impl Drop for Tenure {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}
