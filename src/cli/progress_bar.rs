//! A progress bar on the terminal.

use indicatif::ProgressStyle;
use zonekeeper_core::{keeper::Report, plan::Plan};

use crate::driver::Listener;

/// A bar that fills as changes are accepted. It is invisible where standard error is not a terminal.
pub(super) struct ProgressBar(indicatif::ProgressBar);

// === impl ProgressBar ===

impl ProgressBar {
    /// Creates a bar for the changes of a plan.
    pub fn of(plan: &Plan) -> Self {
        let (creates, replaces) = plan.count();
        let changes = u64::try_from(creates.saturating_add(replaces)).unwrap_or(u64::MAX);
        let bar = indicatif::ProgressBar::new(changes);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} record sets, {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Listener for ProgressBar {
    fn hear(&mut self, report: &Report) {
        match report {
            Report::Accepted { batch, .. } => {
                self.0.inc(u64::try_from(batch.changes().count()).unwrap_or_default());
                if self.0.length().is_some_and(|all| self.0.position() >= all) {
                    self.0.set_message("accepted; waiting for the name servers");
                }
            }
            Report::Refused { .. } => self.0.set_message("Route 53 rejects some: see the log"),
            _ => {}
        }
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
