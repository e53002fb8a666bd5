//! Waits for a condition by polling.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The time limit of every wait. It bounds a failing test, and it is not a measure of speed.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The time between two polls of a condition.
const AGAIN: Duration = Duration::from_millis(10);

/// The first value that the condition returns. `None` after [`PATIENCE`].
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
