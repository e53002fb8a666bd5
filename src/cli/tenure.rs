//! The lease, while a command writes.

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use zonekeeper_core::keeper::Input;

use crate::{
    cluster::{BRAKE_RELEASED, Candidate, Memory, News, NotLed},
    driver::{Handle, Until},
    leadership::Leadership,
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
    /// What tells the lease what to remember.
    memory: JoinHandle<()>,
}

// === impl Candidacy ===

impl Candidacy {
    /// From now on the driver is told until when it may write.
    pub fn begin(self, until: Until, driver: Handle) -> Tenure {
        let ((news, mut told), end) = (mpsc::channel(NEWS), CancellationToken::new());
        let (mut changes, (released, release)) = (driver.shelf(), watch::channel(None::<String>));
        let keeping = tokio::spawn(self.candidate.keep(until.ends(), news, end.clone()));
        tokio::spawn(async move {
            while let Some(news) = told.recv().await {
                match news {
                    News::Until(until) => drop(driver.send(Input::Leadership { until }).await),
                    News::Found(memory) => {
                        if let Some(until) = memory.get(BRAKE_RELEASED).cloned() {
                            if let Ok(until) = until.parse() {
                                driver.send(Input::Release { until }).await;
                            }
                            released.send_replace(Some(until));
                        }
                        if let Some(memory) = memory.get(BRAKE).cloned() {
                            driver.send(Input::Recall { memory }).await;
                        }
                    }
                }
            }
        });
        let memory = tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                let text = changes.borrow_and_update().memory.clone();
                let released = release.borrow().clone();
                let annotations = [(BRAKE, text), (BRAKE_RELEASED, released)];
                let annotations =
                    annotations.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?))).collect();
                self.memory.send_if_modified(|known| std::mem::replace(known, annotations) != *known);
            }
        });
        Tenure { keeping, end, memory }
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
        self.memory.abort();
    }
}
