//! How far a command has come, on a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use zonekeeper_core::{keeper::Report, plan::Plan};

use crate::driver::Listener;

/// A bar that fills as changes are accepted. Nothing is shown where standard error is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
}

// === impl Progress ===

impl Progress {
    /// A bar for what a plan writes.
    pub fn of(plan: &Plan) -> Self {
        let (creates, replaces) = plan.count();
        let bar = ProgressBar::new(u64::try_from(creates.saturating_add(replaces)).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} record sets, {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }
}

impl Listener for Progress {
    fn hear(&mut self, report: &Report) {
        match report {
            Report::Accepted { batch, .. } => {
                self.bar.inc(u64::try_from(batch.changes().count()).unwrap_or_default());
                if self.bar.length().is_some_and(|all| self.bar.position() >= all) {
                    self.bar.set_message("accepted; waiting for the name servers");
                }
            }
            Report::Refused { .. } => self.bar.set_message("some are refused: see the log"),
            _ => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
