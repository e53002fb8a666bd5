//! Waiting for a condition that nobody announces.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long anything may take. It bounds a failing test and says nothing about how fast things are.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How soon a condition is looked at again.
const AGAIN: Duration = Duration::from_millis(10);

/// What the condition gives once it gives something; `None` when [`PATIENCE`] is at its end.
pub async fn eventually<T>(mut condition: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition().await {
            return Some(found);
        }
        if Instant::now() > deadline {
            return None;
        }
        sleep(AGAIN).await;
    }
}
