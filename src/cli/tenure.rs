//! The lease, while a command writes.

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use zonekeeper_core::keeper::Input;

use crate::{
    cluster::{BRAKE_RELEASED, Candidate, Memory, News, NotLed},
    driver::{Clock, Handle, Until},
    leadership::{Leadership, Terms},
};

/// The annotation of the lease that holds what was moved lately.
const BRAKE: &str = "zonekeeper.dev/brake";
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
    /// What tells the lease what to remember, until the driver has ended.
    memory: JoinHandle<()>,
    terms: Terms,
}

// === impl Candidacy ===

impl Candidacy {
    /// From now on the driver is told until when it may write.
    pub fn begin(self, until: Until, driver: Handle, clock: Clock) -> Tenure {
        let ((news, mut told), end) = (mpsc::channel(NEWS), CancellationToken::new());
        let (mut changes, (begun, terms)) = (driver.memory(), watch::channel(0));
        let terms = Terms::new(self.leadership, clock, terms);
        let keeping = tokio::spawn(self.candidate.keep(until.ends(), news, end.clone()));
        tokio::spawn(async move {
            let mut is_new = false;
            while let Some(news) = told.recv().await {
                match news {
                    News::Until(until) => {
                        driver.send(Input::Leadership { until }).await;
                        if std::mem::take(&mut is_new) {
                            begun.send_modify(|terms| *terms += 1);
                        }
                    }
                    News::Found(memory) => {
                        is_new = true;
                        for input in recalled(&memory) {
                            driver.send(input).await;
                        }
                    }
                }
            }
        });
        let memory = tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                let text = changes.borrow_and_update().clone();
                self.memory.send_replace(text.map(|text| (BRAKE.to_owned(), text)).into_iter().collect());
            }
        });
        Tenure { keeping, end, memory, terms }
    }
}

/// What a driver is told of what a lease remembers, before it plans with it.
pub(super) fn recalled(memory: &Memory) -> impl Iterator<Item = Input> {
    let release = memory.get(BRAKE_RELEASED).and_then(|until| until.parse().ok());
    let release = release.map(|until| Input::Release { until });
    // Where there is nothing, what this process has moved before is still to be written.
    let recall = Input::Recall { memory: memory.get(BRAKE).cloned().unwrap_or_default() };
    release.into_iter().chain([recall])
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

    /// The terms in which the driver leads.
    pub fn terms(&self) -> Terms {
        self.terms.clone()
    }

    /// Gives the lease back, once the driver has ended.
    pub async fn release(mut self) {
        drop((&mut self.memory).await);
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
        self.memory.abort();
    }
}
