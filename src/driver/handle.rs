//! Talking to a running driver.

use tokio::sync::{mpsc, watch};
use zonekeeper_core::keeper::{Input, Publication};

use super::Status;

/// A connection to a running driver.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) inputs: mpsc::Sender<Box<Input>>,
    pub(super) memory: watch::Receiver<Option<String>>,
    pub(super) published: watch::Receiver<Option<Publication>>,
    pub(super) status: watch::Receiver<Status>,
}

// === impl Handle ===

impl Handle {
    /// Sends an input. Returns whether the driver still runs.
    pub async fn send(&self, input: Input) -> bool {
        self.inputs.send(Box::new(input)).await.is_ok()
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
