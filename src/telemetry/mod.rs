//! Logs and metrics: what a person and a machine see of a running process.
//!
//! A message is a constant sentence; what varies is in fields. `info` says that DNS changed or that something needs
//! to be known once, `debug` what was decided, `warn` that somebody should look.

mod logs;
mod metrics;
mod reporter;

pub use logs::init;
pub use metrics::{Metrics, class};
pub use reporter::Reporter;
