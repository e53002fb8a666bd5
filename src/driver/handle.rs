//! Talking to a running driver.

use tokio::sync::{mpsc, oneshot, watch};
use zonekeeper_core::{
    keeper::{Input, Publication},
    plan::Plan,
};

use super::Status;

/// A connection to a running driver.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) inputs: mpsc::Sender<Message>,
    pub(super) memory: watch::Receiver<Option<String>>,
    pub(super) published: watch::Receiver<Option<Publication>>,
}

/// A message to a driver.
#[derive(Debug)]
pub(super) enum Message {
    Input(Box<Input>),
    Status(oneshot::Sender<Status>),
    Plan(oneshot::Sender<Plan>),
}

// === impl Handle ===

impl Handle {
    /// Sends an input. Returns whether the driver still runs.
    pub async fn send(&self, input: Input) -> bool {
        self.inputs.send(Message::Input(Box::new(input))).await.is_ok()
    }

    /// The text that the next leader must be given, each time that the core updates it. It closes with the driver.
    pub fn memory(&self) -> watch::Receiver<Option<String>> {
        self.memory.clone()
    }

    /// The plan to approve, each time that the core publishes it. It closes with the driver.
    pub fn published(&self) -> watch::Receiver<Option<Publication>> {
        self.published.clone()
    }

    /// Asks for the driver's status; `None` once the driver has ended.
    pub async fn status(&self) -> Option<Status> {
        let (answer, status) = oneshot::channel();
        self.inputs.send(Message::Status(answer)).await.ok()?;
        status.await.ok()
    }

    /// Asks for the current plan; `None` once the driver has ended.
    pub async fn plan(&self) -> Option<Plan> {
        let (answer, plan) = oneshot::channel();
        self.inputs.send(Message::Plan(answer)).await.ok()?;
        plan.await.ok()
    }
}
