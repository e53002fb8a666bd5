//! The tenure of the lease, from the candidacy to the release.

use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinHandle},
};
use tokio_util::sync::CancellationToken;
use zonekeeper_core::keeper::Input;

use crate::{
    cluster::{Candidate, Cluster, LeaseError, LeaseMemory, LeaseUpdate},
    driver::{Clock, Handle, Until},
    leadership::{Leadership, Terms},
};

/// The annotation of the lease that holds the recent moves.
const BRAKE: &str = "zonekeeper.dev/brake";
/// How many updates of the lease may wait for the driver.
const UPDATES: usize = 16;

/// A candidate for the lease, before there is a driver.
pub(super) struct Candidacy {
    pub cluster: Cluster,
    pub candidate: Candidate,
    pub leadership: Leadership,
    /// The memory to store in the lease.
    pub memory: watch::Sender<LeaseMemory>,
}

/// A lease that is held, or competed for, while a driver runs.
pub(super) struct LeaseTenure {
    keeping: JoinHandle<Result<(), LeaseError>>,
    end: CancellationToken,
    /// Passes what happens to the lease to the driver, as long as the lease is kept.
    forwarding: JoinHandle<()>,
    /// Copies the driver's memory to the lease, until the driver has ended.
    memory: JoinHandle<()>,
    terms: Terms,
}

// === impl Candidacy ===

impl Candidacy {
    /// Begins the tenure: from now on, the driver learns until when it may write. Before that, it learns what `first` reads.
    pub fn begin(
        self,
        until: Until,
        driver: Handle,
        clock: Clock,
        first: impl Future<Output = Option<Input>> + Send + 'static,
    ) -> LeaseTenure {
        let ((updates, mut received), end) = (mpsc::channel(UPDATES), CancellationToken::new());
        let (mut changes, (begun, terms)) = (driver.memory(), watch::channel(0));
        let terms = Terms::new(self.leadership, clock, terms);
        let keeping = tokio::spawn(self.candidate.keep(until.ends(), updates, end.clone()));
        let forwarding = tokio::spawn(async move {
            if let Some(input) = first.await {
                driver.send(input).await;
            }
            let mut is_new = false;
            while let Some(update) = received.recv().await {
                match update {
                    LeaseUpdate::LeadsUntil(until) => {
                        driver.send(Input::Leadership { until }).await;
                        if std::mem::take(&mut is_new) {
                            begun.send_modify(|terms| *terms += 1);
                        }
                    }
                    LeaseUpdate::Found(memory) => {
                        is_new = true;
                        driver.send(recall(&memory)).await;
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
        LeaseTenure { keeping, end, forwarding, memory, terms }
    }
}

/// The input that gives the memory of a lease to a driver, before it plans.
pub(super) fn recall(memory: &LeaseMemory) -> Input {
    // An empty memory counts too: this process then still has to store its own moves.
    Input::Recall { memory: memory.get(BRAKE).cloned().unwrap_or_default() }
}

/// The error for a task that ended while it was needed. Without it, the process would look healthy and do only a part of its
/// work.
pub(super) fn defect(task: &str, error: Option<&JoinError>) -> anyhow::Error {
    let why = error.map_or_else(|| "it has ended".to_owned(), ToString::to_string);
    anyhow::anyhow!("{task} has stopped: {why}; this is a defect of zonekeeper")
}

// === impl LeaseTenure ===

impl LeaseTenure {
    /// Waits until the lease is not kept any more, or the driver does not learn of it, and returns why. The process must end
    /// then.
    pub async fn failed(&mut self) -> anyhow::Error {
        tokio::select! {
            // The end of the lease ends the task that follows it.
            biased;
            kept = &mut self.keeping => match kept {
                Ok(Err(error)) => error.into(),
                Ok(Ok(())) => defect("renewing the lease", None),
                Err(error) => defect("renewing the lease", Some(&error)),
            },
            ended = &mut self.forwarding => defect("following the lease", ended.err().as_ref()),
            ended = &mut self.memory => defect("storing moves in the lease", ended.err().as_ref()),
        }
    }

    /// The terms in which this process leads.
    pub fn terms(&self) -> Terms {
        self.terms.clone()
    }

    /// Releases the lease, after the driver has ended.
    pub async fn release(mut self) {
        if !self.memory.is_finished() {
            drop((&mut self.memory).await);
        }
        self.end.cancel();
        // It may have failed already. Then the error is known.
        if !self.keeping.is_finished() {
            drop((&mut self.keeping).await);
        }
    }
}

impl Drop for LeaseTenure {
    fn drop(&mut self) {
        self.keeping.abort();
        self.forwarding.abort();
        self.memory.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// A tenure in which all tasks go on but the given one.
    fn tenure(which: usize, ended: impl Future<Output = ()> + Send + 'static) -> LeaseTenure {
        let mut ended = Some(ended);
        let mut task = |number: usize| match ended.take_if(|_| number == which) {
            Some(ended) => tokio::spawn(ended),
            None => tokio::spawn(std::future::pending()),
        };
        let (forwarding, memory) = (task(0), task(1));
        let (_, begun) = watch::channel(0);
        LeaseTenure {
            keeping: tokio::spawn(std::future::pending()),
            end: CancellationToken::new(),
            forwarding,
            memory,
            terms: Terms::new(Leadership::default(), Clock::start(), begun),
        }
    }

    #[tokio::test]
    async fn a_task_that_ends_ends_the_process() {
        let said = async |mut tenure: LeaseTenure| {
            timeout(Duration::from_secs(30), tenure.failed()).await.expect("nobody notices it").to_string()
        };
        for (which, task) in [(0, "following the lease"), (1, "storing moves in the lease")] {
            let error = said(tenure(which, async {})).await;
            assert!(error.starts_with(&format!("{task} has stopped: it has ended")), "{error}");
            let error = said(tenure(which, async { panic!("on purpose") })).await;
            assert!(error.contains(task) && error.contains("panicked"), "{error}");
        }
    }
}
