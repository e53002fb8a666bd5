//! Talking to a running driver.

use tokio::sync::{mpsc, watch};
use zonekeeper_core::keeper::{Input, Publication};

use super::{INPUTS, Status};

/// A connection to a running driver.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) inputs: mpsc::Sender<Vec<Input>>,
    pub(super) memory: watch::Receiver<Option<String>>,
    pub(super) published: watch::Receiver<Option<Publication>>,
    pub(super) status: watch::Receiver<Status>,
}

// === impl Handle ===

impl Handle {
    /// Sends an input. Returns whether the driver still runs.
    pub async fn send(&self, input: Input) -> bool {
        self.send_all(vec![input]).await
    }

    /// Sends inputs that came together: the driver is woken once. Returns whether the driver still runs.
    pub async fn send_all(&self, inputs: Vec<Input>) -> bool {
        self.inputs.send(inputs).await.is_ok()
    }

    /// A handle whose inputs arrive at a receiver in place of the driver.
    pub fn through(&self) -> (Self, mpsc::Receiver<Vec<Input>>) {
        let (inputs, receiver) = mpsc::channel(INPUTS);
        (Self { inputs, ..self.clone() }, receiver)
    }

    /// A handle without a driver: its inputs arrive at the receiver.
    #[cfg(test)]
    pub fn alone() -> (Self, mpsc::Receiver<Vec<Input>>) {
        let (inputs, receiver) = mpsc::channel(INPUTS);
        let (memory, published) = (watch::channel(None).1, watch::channel(None).1);
        (Self { inputs, memory, published, status: watch::channel(Status::default()).1 }, receiver)
    }

    /// The text that the next leader must be given, each time that the core updates it. It closes with the driver.
    pub fn memory(&self) -> watch::Receiver<Option<String>> {
        self.memory.clone()
    }

    /// The plan to approve, each time that the core publishes it. It closes with the driver.
    pub fn published(&self) -> watch::Receiver<Option<Publication>> {
        self.published.clone()
    }

    /// The driver's status, at most a moment old; `None` once the driver has ended. It does not disturb the driver, however
    /// often it is asked for.
    pub fn status(&self) -> Option<Status> {
        self.status.has_changed().ok().map(|_| self.status.borrow().clone())
    }
}
